"""Tests of the live edge, over running sites."""
