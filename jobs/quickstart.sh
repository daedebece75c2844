#!/bin/bash
# quickstart.sh - from a fresh checkout to a first analysed run: installs what is missing (Debian, with
# root or sudo), builds into build/, runs jobs/quickstart.json with simulated agents on four ranks, and
# prints the analysis. Run again, it does nothing twice. Exit 2: something is missing that it cannot install.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/packages.sh

need_packages "$build_packages"

# A build folder of your own keeps its settings.
settings=()
[ -f build/CMakeCache.txt ] || settings=(-DCREDENCE_TESTS=OFF)
cmake -S . -B build "${settings[@]}"
cmake --build build --parallel "$(nproc)" --target credence_exe

mpi_on_one_machine
# shellcheck disable=SC2086 # several flags
mpirun $mpi_flags -n 4 build/credence run jobs/quickstart.json -o runs/quickstart
build/credence analyze runs/quickstart
echo
echo "The run is in runs/quickstart: its prices, costs and labels in runs/quickstart/run.h5."
