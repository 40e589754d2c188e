#!/usr/bin/env bash
# Compares gridrun with the independent NumPy implementation on arbitrary cells of many configurations:
#   oracle_test.sh GRIDRUN
# Accuracy within 1e-12, means within a relative 1e-12. Exit status: 0 all agree, 1 not, 77 skipped.
set -euo pipefail

gridrun=$1
here=$(cd "$(dirname "$0")" && pwd)
python=""
for candidate in python3 /usr/bin/python3; do  # the second has what the package manager installed
    "$candidate" -c 'import numpy, scipy, tomllib' 2>/dev/null && python=$candidate && break
done
if [ -z "$python" ]; then
    echo "SKIPPED: needs Python 3.11 with NumPy and SciPy (python3-numpy, python3-scipy)"
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

compare() {  # settings, each a KEY=VALUE
    local set=()
    for setting in "$@"; do set+=(--set "$setting"); done
    "$gridrun" --quiet --force --output here "${set[@]}"
    "$python" "$here/oracle/numpy_sweep.py" --config "$here/../data/digits.toml" "${set[@]}" --output there.csv
    "$python" - "$*" <<'END'
import csv, sys
here, there = (list(csv.DictReader(open(name))) for name in ("here/grid.csv", "there.csv"))
assert len(here) == len(there) > 0, (len(here), len(there))
for a, b in zip(here, there):
    assert (a["lr"], a["fraction"]) == (b["lr"], b["fraction"])
    assert abs(float(a["accuracy"]) - float(b["accuracy"])) <= 1e-12, (sys.argv[1], a, b)
    for mean in ("mean_update", "mean_error"):
        assert abs(float(a[mean]) - float(b[mean])) <= 1e-12 * abs(float(b[mean])), (sys.argv[1], a, b)
print(f"ok: {len(here)} cells: {sys.argv[1]}")
END
}

short="train.iterations=700 report.smooth_window=501"
compare $short grid.lr.from=0
compare $short grid.lr='[0, 1, 3, 62]' grid.fraction='[0, 1, 30, 52]'
compare $short network.activation=linear grid.lr='[0, 1, 2, 3, 8]' grid.fraction='[4, 20, 40]'
compare $short train.draw_order=shuffle_then_weights dataset.order=by_label train.seed=7 grid.lr='[9]'
compare $short train.draw_order=weights init.mean=-3 init.std=1e6 grid.lr='[4, 9]'
compare $short init.std=1e17 dataset.scale=3 grid.lr='[1, 9]' grid.fraction='[8, 33]'
compare train.iterations=4000 report.smooth_window=101 report.polyorder=3 grid.lr='[7, 9]' network.layers='[64, 12]'
awk 'BEGIN { srand(1); for (i = 0; i < 40; ++i) { for (k = 0; k < 9; ++k) printf "%.6f,", 4 * rand() - 2; print i % 3 } }' >own.csv
compare $short dataset.name=csv dataset.path="$scratch/own.csv" dataset.scale=1 network.layers='[9, 3]' grid.lr.from=2
