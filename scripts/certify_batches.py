"""Compare a batch method with exact simulation: `python scripts/certify_batches.py METHOD FOLDER`.

FOLDER keeps the exact runs, which take an hour or two on one core.
"""

import sys
from pathlib import Path

from gillespie_nn.verification.batches import certify

if __name__ == "__main__":
    sys.exit(not certify(sys.argv[1], Path(sys.argv[2])))
