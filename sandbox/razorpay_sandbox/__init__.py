"""A stand-in for Razorpay: its REST API, its checkout, its webhooks, and every fault of a network.

It imports nothing of the program it is used with. Start it with `python -m razorpay_sandbox`.
"""
