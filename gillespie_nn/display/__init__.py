"""Figures, tables, and HTML for pages and notebooks. This layer imports neither runs nor networks."""
