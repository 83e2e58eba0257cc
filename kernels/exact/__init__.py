"""Exact methods: every reaction, one at a time."""
