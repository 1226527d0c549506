"""Tests of races, each with the guard taken out as well."""
