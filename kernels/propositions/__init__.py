"""Paths that the propositions compare."""
