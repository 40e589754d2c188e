#!/usr/bin/env bash
# Installs gridrun into a new place and runs it from elsewhere: install_test.sh BUILD_DIRECTORY
set -euo pipefail

build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --prefix "$scratch/prefix" >/dev/null
mkdir "$scratch/elsewhere"
cd "$scratch/elsewhere"
"$scratch/prefix/bin/gridrun" --set train.iterations=50 --set report.smooth_window=49 --set grid.lr=9 >out
grep -q "wrote grid.csv" out
# Its own copies of configuration and data are used: damage them, and it must notice.
echo "[dataset" >"$scratch/prefix/share/gridrun/data/digits.toml"
status=0
"$scratch/prefix/bin/gridrun" 2>err || status=$?
[ "$status" -eq 2 ]
grep -q "$scratch/prefix/share/gridrun/data/digits.toml:1: " err
echo "ok: installed, found its own files"
