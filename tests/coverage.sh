#!/bin/bash
# coverage.sh SOURCE BUILD [CTEST ARGUMENT...] - which lines the tests reach: builds into BUILD with counters, runs
# ctest (by default the labels unit and contract), leaves pages in BUILD/html, and prints a table by file. Needs lcov.
set -euo pipefail
source=$1 build=$2
shift 2
command -v lcov >/dev/null || { echo "coverage.sh: lcov is missing (Debian: apt-get install lcov)" >&2; exit 2; }
[ $# -gt 0 ] || set -- -L 'unit|contract'

cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=--coverage -DCREDENCE_TESTS=ON >/dev/null
cmake --build "$build" --parallel "$(nproc)" >/dev/null
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" --parallel "$(nproc)" "$@" || echo "coverage.sh: some tests failed; their lines count" >&2
lcov --quiet --capture --directory "$build" --output-file "$build/all.info"
lcov --quiet --extract "$build/all.info" "$source/src/*" "$source/include/*" --output-file "$build/src.info"
genhtml --quiet --prefix "$source" --output-directory "$build/html" "$build/src.info"
lcov --list "$build/src.info"
echo "coverage.sh: pages in $build/html/index.html"
