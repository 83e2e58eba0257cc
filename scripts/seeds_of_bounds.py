"""Table of seeds of the propositions: see `python scripts/seeds_of_bounds.py --help`."""

import sys

from gillespie_nn.propositions.proposition_report import main

if __name__ == "__main__":
    sys.exit(main())
