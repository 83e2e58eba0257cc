#!/bin/sh
# Builds sdist and wheel of what is committed, compares their files with the checkout's, and installs, in a path with a
# space: the wheel, which runs commands, the sdist, and a checkout whose links are text files, as git makes them on
# Windows. Kernels are compiled once, for the wheel, in an empty cache; the others share it.
set -eu
cd "$(dirname "$0")/.."
git diff --quiet HEAD || echo "changes that are not committed are not in the package that is checked" >&2
folder="$(mktemp -d)/a place"
trap 'rm -rf "${folder%/*}"' EXIT
mkdir "$folder"
git clone --quiet . "$folder/checkout"
git clone --quiet --config core.symlinks=false . "$folder/without links"
cd "$folder"
export GILLESPIE_NN_CACHE="$folder/cache"

python3 -m venv build
build/bin/python -m pip install --quiet --disable-pip-version-check build
build/bin/python -m build --outdir dist checkout >log 2>&1 || { cat log; exit 3; }

# Every file of the packages is in both, once, and nothing else is: no link, and no kernels behind one.
same() {
    sort "$2" | diff - "$3" || { echo "$1 (>) has other files than the checkout (<)" >&2; exit 1; }
}
git -C checkout ls-files --stage gillespie_nn kernels data | grep -v '^120000' | cut -f 2 >files
sed -e 's|^kernels/|gillespie_nn/&|' -e 's|^data/|gillespie_nn/&|' files >installed_files
tar -tzf dist/*.tar.gz | sed 's|^[^/]*/||' | grep -E '^(gillespie_nn|kernels|data)/.*[^/]$' | sort >sdist
python3 -c "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist(), sep='\n')" dist/*.whl |
    grep -v '^gillespie_nn-[^/]*\.dist-info/' | sort >wheel
same "the sdist" files sdist
same "the wheel" installed_files wheel
if tar -tvzf dist/*.tar.gz | grep '^[lh]'; then
    echo "the sdist holds links" >&2
    exit 1
fi

# Imports what was installed and prints, as JSON, a run by the method that compiles in seconds.
printf 'A -> 0 @ 1\nA = 5\n' >model.txt
simulated() {
    run/bin/python -c "
import gillespie_nn.data, gillespie_nn.kernels
for module in (gillespie_nn, gillespie_nn.data, gillespie_nn.kernels):
    assert 'a place/run/' in module.__file__ and 'site-packages' in module.__file__, module.__file__
"
    run/bin/gillespie-nn simulate model.txt --t-end 1 --seed 0 --method direct --json | tail -n 1
}
python3 -m venv run
run/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
run/bin/gillespie-nn --version
run/bin/gillespie-nn simulate model.txt --t-end 1 --seed 0 --output run.h5
run/bin/python -m gillespie_nn train xor --presentations 5 --seed 0 --json
simulated >from_wheel
for source in dist/*.tar.gz "./without links"; do
    run/bin/python -m pip uninstall --quiet --yes gillespie-nn
    run/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "$source"
    simulated >from_source
    cmp from_wheel from_source
done
echo "wheel, sdist and a checkout without links install and run"
