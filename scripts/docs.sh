#!/bin/sh
# Sets up and makes the site of the documentation in the folder `site`; --quick executes no notebooks, --help shows more.
set -eu
cd "$(dirname "$0")/.."
extras=all,docs
. scripts/_setup.sh

.venv/bin/python docs/make_site.py "$@"
