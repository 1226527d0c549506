"""Payment gateways: a thin client each, and pure mapping to the values of `payments/port.py`."""
