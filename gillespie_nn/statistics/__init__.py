"""Statistics of any numbers: intervals, tests, comparisons of samples, exponents, sketches, and verdicts."""
