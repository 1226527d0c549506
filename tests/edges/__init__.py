"""Tests of the edges: what stands around every request."""
