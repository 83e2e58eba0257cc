"""Compare a batch method with exact simulation: see `python scripts/certify_batches.py --help`."""

import sys

from gillespie_nn.verification.batch_layers import main

if __name__ == "__main__":
    sys.exit(main())
