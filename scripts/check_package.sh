#!/bin/sh
# Builds sdist and wheel, looks whether all is in them, and runs the wheel installed alone, in a path with a space.
# The kernels are compiled anew, which takes some minutes.
set -eu
cd "$(dirname "$0")/.."
folder="$(mktemp -d)/a place"
trap 'rm -rf "${folder%/*}"' EXIT
mkdir "$folder"
python3 -m venv "$folder/build"
"$folder/build/bin/python" -m pip install --quiet --disable-pip-version-check build
"$folder/build/bin/python" -m build --outdir "$folder/dist" . >"$folder/log" 2>&1 || { cat "$folder/log"; exit 3; }
tar -tzf "$folder"/dist/*.tar.gz >"$folder/sdist"
python3 -m zipfile -l "$folder"/dist/*.whl >"$folder/wheel"
for file in $(git ls-files gillespie_nn kernels data); do
    grep -q "/$file\$" "$folder/sdist" || { echo "$file is not in the sdist" >&2; exit 1; }
    grep -q "^gillespie_nn/${file#gillespie_nn/} " "$folder/wheel" || { echo "$file is not in the wheel" >&2; exit 1; }
done
python3 -m venv "$folder/run"
"$folder/run/bin/python" -m pip install --quiet --disable-pip-version-check "$folder"/dist/*.whl
cd "$folder"
printf 'A -> 0 @ 1\nA = 5\n' >model.txt
run/bin/python -c "import gillespie_nn; assert 'a place' in gillespie_nn.__file__"
run/bin/gillespie-nn --version
run/bin/gillespie-nn simulate model.txt --t-end 1 --seed 0 --output run.h5
run/bin/gillespie-nn train xor --presentations 5 --seed 0 --json
