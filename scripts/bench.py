"""`gillespie-nn bench` as a script: see `python scripts/bench.py --help`."""

from gillespie_nn.__main__ import run_script

if __name__ == "__main__":
    run_script("bench")
