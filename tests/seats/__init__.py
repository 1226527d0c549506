"""Tests of the seats room."""
