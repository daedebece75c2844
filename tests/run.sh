#!/bin/bash
# tests/run.sh [CTEST ARGUMENT...] - every test, on a fresh machine too: installs what is missing (Debian,
# with root or sudo), builds into build-tests/ with sanitizers and warnings as errors, and runs ctest over
# every label. The last lines are ctest's summary, the exit code is ctest's.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/packages.sh

need_packages "$build_packages" "$test_packages"

cmake -S . -B build-tests -DCREDENCE_TESTS=ON -DCREDENCE_SANITIZE=ON -DCREDENCE_WERROR=ON
cmake --build build-tests --parallel "$(nproc)"

export LSAN_OPTIONS="suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1
exec ctest --test-dir build-tests --output-on-failure --parallel 2 "$@"
