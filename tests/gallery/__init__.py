"""Every page in every state, for those who look at all of them: the pictures, and the tests."""
