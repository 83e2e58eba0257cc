#!/bin/sh
# Sets up and passes the tests; further arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
. scripts/_setup.sh all,test

.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
.venv/bin/python -m pytest -q "$@"
