"""The JSON API, version 1. Operations translate between JSON and the rooms; they decide nothing."""
