"""`gillespie-nn reproduce` as a script: see `python scripts/reproduce.py --help`."""

from gillespie_nn.__main__ import run_script

if __name__ == "__main__":
    run_script("reproduce")
