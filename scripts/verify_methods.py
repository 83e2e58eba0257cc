"""`gillespie-nn verify-methods` as a script: see `python scripts/verify_methods.py --help`."""

from gillespie_nn.__main__ import run_script

if __name__ == "__main__":
    run_script("verify-methods")
