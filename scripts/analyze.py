"""`gillespie-nn analyze` as a script: see `python scripts/analyze.py --help`."""

from gillespie_nn.__main__ import run_script

if __name__ == "__main__":
    run_script("analyze")
