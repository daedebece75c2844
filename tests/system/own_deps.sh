#!/bin/bash
# own_deps.sh SOURCE GENERATOR - a user without root builds cJSON, libcsv and xxHash from their sources:
# -DCREDENCE_DEPS=DIR. The sources are the distribution's own; 77 (skipped) where they cannot be had.
set -euo pipefail
source=$1 generator=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "own_deps.sh: $*" >&2; exit 1; }
skip() { echo "own_deps.sh: skipped: $*"; exit 77; }

# The package index of sources, in folders of our own: the machine's lists stay as they are.
command -v apt-get >/dev/null || skip "no apt-get here"
mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial" "$work/deps"
sed 's/^Types: *deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/parts/src.sources" 2>/dev/null ||
    grep -h '^deb ' /etc/apt/sources.list 2>/dev/null | sed 's/^deb /deb-src /' >"$work/parts/src.list"
apt=(-q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=)
timeout 120 apt-get "${apt[@]}" update >"$work/log" 2>&1 || skip "the package index cannot be reached"
(cd "$work/deps" && timeout 120 apt-get "${apt[@]}" source --download-only cjson libcsv xxhash) >"$work/log" 2>&1 ||
    skip "the sources cannot be had"
for archive in "$work"/deps/*.orig.tar.*; do tar -xf "$archive" -C "$work/deps"; done

cmake -S "$source" -B "$work/build" -G "$generator" -DCREDENCE_TESTS=OFF "-DCREDENCE_DEPS=$work/deps" >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "it does not configure"; }
cmake --build "$work/build" --parallel 2 >"$work/log" 2>&1 || { tail -50 "$work/log"; fail "it does not build"; }
linked=$(ldd "$work/build/credence")
[[ ! $linked =~ (cjson|libcsv|xxhash) ]] || fail "the system's library is linked: $linked"
(cd "$work" && build/credence run "$source/jobs/quickstart.json" -o run --limit 2 --quiet) || fail "it does not run"

# A folder without them says what is missing.
if cmake -S "$source" -B "$work/none" -G "$generator" -DCREDENCE_TESTS=OFF "-DCREDENCE_DEPS=$work/lists" >"$work/log" 2>&1; then
    fail "an empty CREDENCE_DEPS was accepted"
fi
grep -q '0 files called cJSON.c' "$work/log" || fail "no word about cJSON.c"
