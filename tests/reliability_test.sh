#!/usr/bin/env bash
# Checks that docs/reliability.md names tests that exist: reliability_test.sh BUILD_DIRECTORY
# Exit status: 0 all exist, 1 not.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$1"
known=$(mktemp)
trap 'rm -f "$known"' EXIT
# A test of ctest is "Prefix/Suite.Name/parameter # comment"; what counts is Suite.Name.
ctest -N | sed -nE 's/^ *Test +#[0-9]+: //p' | sed -E 's/ .*//; s#^[^./]*/##; s#/.*##' | sort -u >"$known"
sed 's/^/fuzz /' <(ls "$root/tests/fuzz/corpus") >>"$known"
echo gridrun_thread_tests >>"$known"

missing=0 checked=0
while read -r name; do
    checked=$((checked + 1))
    pattern=$(printf '%s' "$name" | sed -E 's/\./\\./g; s/\\\.\*$/\\..+/')
    if ! grep -qE "^$pattern$" "$known"; then
        echo "docs/reliability.md names a test that does not exist: $name"
        missing=1
    fi
done < <(sed -n '/^## /,$p' "$root/docs/reliability.md" | grep '^|' |
    grep -oE '(fuzz )?`[A-Za-z_]+(\.[A-Za-z0-9_]+)*(\.\*)?`' | grep -vE '`(cpu|reference|tools)' | tr -d '`')
[ "$checked" -ge 40 ] || { echo "only $checked names found in docs/reliability.md"; missing=1; }
exit "$missing"
