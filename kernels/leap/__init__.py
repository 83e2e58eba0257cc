"""Leaps: many firings at a time."""
