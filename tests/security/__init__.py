"""What strangers try, and must not succeed in."""
