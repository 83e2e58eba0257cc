"""`gillespie-nn fetch-data` as a script: see `python scripts/fetch_data.py --help`."""

from gillespie_nn.__main__ import run_script

if __name__ == "__main__":
    run_script("fetch-data")
