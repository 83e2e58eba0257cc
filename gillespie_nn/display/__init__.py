"""Figures, tables, and HTML for pages and notebooks. This layer knows nothing of runs and networks."""
