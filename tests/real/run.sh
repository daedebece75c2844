#!/bin/bash
# run.sh [--only SERVER,...] [--cache DIR] [--markets N] - the program against real servers with trained weights, and one
# table of what each server does. Not a part of tests/run.sh: the first time it fetches 6 GB (--only llama: 220 MB) and it
# takes an hour of two cores. SERVERs: llama, vllm, nginx, gateway. What cannot be had is skipped, with its reason.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
only=llama,vllm,nginx,gateway cache=${XDG_CACHE_HOME:-$HOME/.cache}/credence-real arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --only) only=$2; shift 2 ;;
    --cache) cache=$2; shift 2 ;;
    *) arguments+=("$1"); shift ;;
    esac
done
root=$(realpath "$here/../..")
if [ ! -x "${CREDENCE_BIN:=$root/build/credence}" ]; then
    # shellcheck source=tests/support/packages.sh
    . "$root/tests/support/packages.sh"
    need_packages "$build_packages"
    cmake -S "$root" -B "$root/build" -DCREDENCE_TESTS=OFF >/dev/null
    cmake --build "$root/build" --parallel "$(nproc)" --target credence_exe >/dev/null
fi
export CREDENCE_BIN
parts='weights llama'
case $only in *vllm*) parts+=' vllm' ;; esac
case $only in *gateway*) parts+=' gateway' ;; esac
case $only in *qwen*) ;; *) export REAL_SMALL=1 ;; esac
# shellcheck disable=SC2086 # a list of words
"$here/setup.sh" "$cache" $parts
exec python3 "$here/real.py" --cache "$cache" --only "$only" "${arguments[@]}"
