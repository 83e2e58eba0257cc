#!/bin/sh
# Sets up and passes the tests, on all cores up to eight; further arguments go to pytest, `-n 0` for one process.
set -eu
cd "$(dirname "$0")/.."
extras=all,test
. scripts/_setup.sh

.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
.venv/bin/python -m mypy
.venv/bin/python tests/compile_first.py
.venv/bin/python -m pytest -q --numprocesses auto --maxprocesses 8 --dist worksteal "$@"
