"""What people look at: figures, tables, and HTML for pages and notebooks. Knows nothing of runs and networks."""
