"""What is on offer: courses, their cohorts (intakes), prices, prerequisites, publishing, search.

Public verbs: `queries.browse`, `queries.find_course`; rules about windows and prices are pure.
"""
