"""Tests of properties: random histories, promises kept after each step."""
