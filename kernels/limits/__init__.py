"""Limits of large volumes: rate equations, and noise around them."""
