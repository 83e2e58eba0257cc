#!/bin/sh
# Sets up, trains XOR molecule by molecule, draws the run and prints the truth table.
# Further arguments go to the training, for example: sh scripts/quickstart.sh --volume 300
set -eu
cd "$(dirname "$0")/.."
extras=plot,sbml
. scripts/_setup.sh

.venv/bin/python scripts/train.py xor --seed 0 --output runs/xor.h5 --overwrite "$@"
.venv/bin/python scripts/analyze.py runs/xor.h5 --figure runs/xor.png --overwrite >/dev/null
echo "figure written to runs/xor.png"
