"""Webhooks in: what gateways tell us."""
