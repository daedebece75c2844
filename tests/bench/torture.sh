#!/bin/bash
# torture.sh [BUILD [KILLS [DEATHS [POINTS]]]]: the long form of the tests that nothing is lost.
#
# KILLS (1000) SIGKILLs of the whole job at random instants, each followed by a resume; DEATHS (50) each of a worker that is killed,
# stopped, exits with 3 and exits with 0; POINTS (100) at which the disk is full; every byte of a tape flipped. BUILD is ./build.
# Goes on after a failure; exits with the number of programs that failed.
set -uo pipefail
top=$(realpath "$(dirname "$0")/../..")
build=$(realpath "${1:-$top/build}") kills=${2:-1000} deaths=${3:-50} points=${4:-100}
export CREDENCE_BIN=$build/credence FAULT_SERVER_BIN=$build/tests/support/fault_server LEAVER_SO=$build/tests/support/libleaver.so
export PYTHONPATH=$top/tests/support PYTHONDONTWRITEBYTECODE=1 CREDENCE_FULL=1
failed=0
try() { echo "== $*"; python3 "$top/tests/system/$1" "${@:2}" || failed=$((failed + 1)); }
try test_kill.py --kills "$kills"
try test_dead_rank.py --times "$deaths"
try test_full_disk.py --points "$points"
try test_directory.py DirectoryTest.test_no_flipped_byte_of_a_tape_is_believed
exit "$failed"
