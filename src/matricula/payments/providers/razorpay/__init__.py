"""Razorpay over HTTP. Its SDK is not used: it drops status codes and error fields, has no default
time-out, and its retry repeats POSTs.
"""
