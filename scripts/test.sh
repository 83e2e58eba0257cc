#!/bin/sh
# Sets up and passes the tests; further arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
extras=all,test
. scripts/_setup.sh

.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
.venv/bin/python -m pytest -q "$@"
