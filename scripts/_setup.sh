# Sourced by quickstart.sh, test.sh and docs.sh, from the project's folder: makes .venv and installs the project into it.
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

# Install once for each state of setup.cfg and set of extras; an editable install follows the sources by itself. The file
# has a line for each set that was installed since setup.cfg changed, so that scripts with other extras take turns.
state=$(cksum setup.cfg pyproject.toml | tr '\n' ' ')
wanted="$extras $state"
if ! grep -qxF "$wanted" .venv/installed 2>/dev/null; then
    echo "installing gillespie-nn and what it needs (a few minutes the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" || exit 3
    others=$(grep -F " $state" .venv/installed 2>/dev/null || true)
    printf '%s\n' "$wanted" "$others" | grep . >.venv/installed
fi
