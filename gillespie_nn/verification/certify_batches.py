"""Compare a batch method with exact simulation.

    python scripts/certify_batches.py batch_leap FOLDER            # 6-5-3, four samples, twelve points, planted errors
    python scripts/certify_batches.py batch_leap FOLDER --layers   # 784-32-10, four images of MNIST, by layer

FOLDER keeps the exact runs, which take an hour or two on one core each way.
"""

import argparse
import sys
from pathlib import Path

from .. import checks
from ..simulation.batches import BATCH_METHODS
from .batch_layers import certify_layers
from .batches import certify


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("method")
    parser.add_argument("folder", type=Path, help="where exact runs are kept")
    parser.add_argument("--layers", action="store_true", help="at the size of MNIST instead, layer by layer")
    asked = parser.parse_args()
    methods = {method.name: method for method in BATCH_METHODS}
    try:
        name = checks.choice("method", asked.method, methods)
        if asked.layers:
            return int(not certify_layers(methods[name], asked.folder))
        return int(not certify(name, asked.folder))
    except checks.InputError as error:
        print(f"certify_batches: {error}", file=sys.stderr)
        return 2
