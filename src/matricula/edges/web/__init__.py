"""The learner's pages. Each works as plain forms and links; scripts only add to them.

Views translate between requests and the rooms; `offers`, `progress` and `words` turn values into
what templates print.
"""
