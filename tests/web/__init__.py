"""The learner's pages, asked for by Django's test client: plain HTML, no JavaScript."""
