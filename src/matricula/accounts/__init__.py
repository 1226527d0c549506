"""People: who they are, how they sign in, which tokens their programs hold.

Public verbs: `actions.sign_up`, `actions.create_staff`, `tokens.issue`, `tokens.rotate`,
`tokens.revoke`, `tokens.read_access`.
"""
