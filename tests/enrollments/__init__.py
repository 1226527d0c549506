"""Tests of the enrollments room."""
