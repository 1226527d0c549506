"""The learner's pages in a real browser, against a really running site."""
