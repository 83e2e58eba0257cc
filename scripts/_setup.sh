# Sourced by quickstart.sh and test.sh, from the project's folder: makes .venv and installs the project into it.
# EXTRAS is read from the variable `extras`, since a POSIX shell passes no arguments to a sourced file.

if [ ! -x .venv/bin/python ]; then
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
            found=$candidate
            break
        fi
    done
    if [ -z "${found:-}" ]; then
        echo "Python 3.10 or newer is needed, and none was found on the PATH" >&2
        exit 3
    fi
    echo "setting up .venv with $("$found" --version)"
    if ! "$found" -m venv .venv; then
        rm -rf .venv
        echo "the virtual environment could not be made; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 3
    fi
fi

# Install once for each state of setup.cfg and set of extras; an editable install follows the sources by itself.
wanted="$extras $(cksum setup.cfg pyproject.toml)"
if [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
    echo "installing gillespie-nn and what it needs (a few minutes the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" || exit 3
    echo "$wanted" >.venv/installed
fi
