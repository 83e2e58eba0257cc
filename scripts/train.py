"""`gillespie-nn train` as a script: see `python scripts/train.py --help`."""

from gillespie_nn.__main__ import run_script

if __name__ == "__main__":
    run_script("train")
