#!/bin/bash
# submit.sh JOB [--array N] [--nodes N] [--gpus N] [--time T] [--dir DIR] [--retry-failed] [--dry-run] [-- SBATCH ARGUMENT...]
#
# Puts a job into the queue with the batch script that fits:
#   --nodes N            N nodes, for models that are served elsewhere (default 1)      nodes.sbatch
#   --gpus N             N nodes with GPUs, each with its server and ranks beside it    gpu.sbatch
#   --nodes N --gpus M   workers on N nodes, servers on M others with GPUs              hetero.sbatch
#   --array N            N shards, each a job of its own, then a merge and the tables   array.sbatch, merge.sbatch
#                        (with --gpus M: each shard on M nodes with their servers)
#   --time T             time limit of a launch, as sbatch reads it; a job that needs longer goes on by itself
#   --dir DIR            run directory (default runs/NAME of the job file)
#   --retry-failed       queue only what is not complete, or has failed episodes: of an array, those shards
#   --dry-run            print the sbatch lines, queue nothing
# What follows -- goes to every sbatch: --partition, --account. The other knobs are environment variables:
# lib.sh lists them. Two are for this script: RANKS_PER_NODE (2), and GPU_ARGS, how sbatch is asked for GPUs
# (--gpus-per-node=1; empty: not at all).
#
# Prints the sbatch lines, then the job ids. What credence plan refuses is not queued (exit 2).
set -euo pipefail

usage() { sed -n '2,18s/^# \?//p' "$0" >&2; exit 2; }
die() { echo "submit.sh: $*" >&2; exit 2; }

job='' array='' nodes='' gpus='' time='' dir='' dry_run='' retry='' extra=()
positive() { [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "$1 wants a number from 1, not '${2:-}'"; }
while [ $# -gt 0 ]; do
    case $1 in
    --array) positive "$@"; array=$2; shift 2 ;;
    --nodes) positive "$@"; nodes=$2; shift 2 ;;
    --gpus) positive "$@"; gpus=$2; shift 2 ;;
    --time) [ -n "${2:-}" ] || die "--time wants a time"; time=$2; shift 2 ;;
    --dir) [ -n "${2:-}" ] || die "--dir wants a directory"; dir=$2; shift 2 ;;
    --dry-run) dry_run=yes; shift ;;
    --retry-failed) retry=yes; shift ;;
    -h | --help) usage ;;
    --) shift; extra=("$@"); break ;;
    -*) die "unknown option $1" ;;
    *) [ -z "$job" ] || die "more than one job: $job, $1"; job=$1; shift ;;
    esac
done
[ -n "$job" ] || usage
[ -z "$array" ] || [ -z "$gpus" ] || [ -z "$nodes" ] || die "--array takes --nodes or --gpus, not both"
[ -z "$gpus" ] || [ -z "$nodes" ] || [ -n "${SERVER:-}${SERVER_MODEL:-}" ] || die "--nodes with --gpus: set SERVER (see lib.sh)"
[ -z "${SERVER:-}" ] || [ -n "${SERVER_MODEL:-}" ] || die "set SERVER_MODEL to the model of the job that SERVER is"

CREDENCE_SLURM=$(dirname "$(realpath "$0")")
CREDENCE=$(command -v "${CREDENCE:-credence}") || die "no program ${CREDENCE:-credence}: set CREDENCE to it"
CREDENCE=$(realpath "$CREDENCE")

# The same words that the launch will carry, so that what is refused there is refused here.
sets=()
for model in ${SERVER_MODEL:-}; do sets+=(--set "models.$model.endpoints=[\"http://127.0.0.1:1/v1\"]"); done
# shellcheck disable=SC2086 # RUN_ARGS is a list of words
plan=$("$CREDENCE" plan "$job" "${sets[@]}" ${RUN_ARGS:-} --json) || exit 2
name=$(sed -n 's/^    "name": "\(.*\)",$/\1/p' <<<"$plan" | head -n 1)

JOB=$(realpath "$job")
mkdir -p "$(dirname "${dir:-runs/$name}")"
DIR=$(realpath -m "${dir:-runs/$name}")
export JOB DIR CREDENCE CREDENCE_SLURM

# is_done DIR: whether its run is complete, without a failed episode.
is_done() {
    local found
    found=$("$CREDENCE" status "$1" --json 2>/dev/null) || return 1
    grep -q '"state": *"complete"' <<<"$found" && grep -m1 '"failed":' <<<"$found" | grep -q '"failed": *0,'
}

# The number of shards belongs to the directory: one that was begun as 3 is not gone on with as 2.
tasks=1-$array
if [ -n "$array" ]; then
    if [ -e "$DIR/shards" ] && [ "$(cat "$DIR/shards")" != "$array" ]; then
        die "$DIR was begun with --array $(cat "$DIR/shards"), not $array"
    fi
    export SHARDS=$array
fi
if [ -n "$retry" ]; then
    if [ -n "$array" ]; then
        tasks=''
        for ((i = 1; i <= array; i++)); do is_done "$DIR/shard-$i" || tasks+=,$i; done
        tasks=${tasks#,}
        [ -n "$tasks" ] || { echo "nothing to try again: all $array shards in $DIR are complete"; exit 0; }
    elif is_done "$DIR"; then
        echo "nothing to try again: $DIR is complete"
        exit 0
    fi
fi

read -ra gpu_args <<<"${GPU_ARGS---gpus-per-node=1}"
common=(--export=ALL "${extra[@]}")
ranks=--ntasks-per-node=${RANKS_PER_NODE:-2}
[ -z "$time" ] || common+=(--time="$time")

# queue ARGUMENT...: prints the line, and unless it is a dry run submits it and sets queued to its id.
queue() {
    printf '%q ' sbatch --parsable "$@"
    echo
    queued=DRY-RUN
    [ -n "$dry_run" ] || queued=$(sbatch --parsable "$@") || exit 1
    queued=${queued%%;*}
}

scripts=$CREDENCE_SLURM
if [ -n "$array" ]; then
    resources=(--nodes="${gpus:-${nodes:-1}}")
    [ -z "$gpus" ] || resources+=("${gpu_args[@]}")
    [ -n "$dry_run" ] || { mkdir -p "$DIR" && echo "$array" >"$DIR/shards"; }
    queue "${common[@]}" --array="$tasks" "$ranks" "${resources[@]}" "$scripts/array.sbatch"
    shards=$queued
    # Whatever became of the shards: the merge names those that lack.
    queue --export=ALL "${extra[@]}" --dependency="afterany:$shards" "$scripts/merge.sbatch"
    ids="$shards $queued"
elif [ -n "$gpus" ] && [ -n "$nodes" ]; then
    queue "${common[@]}" --nodes="$nodes" "$ranks" : \
        "${common[@]}" --nodes="$gpus" --ntasks-per-node="${SERVERS_PER_NODE:-1}" "${gpu_args[@]}" "$scripts/hetero.sbatch"
    ids=$queued
elif [ -n "$gpus" ]; then
    queue "${common[@]}" --nodes="$gpus" "$ranks" "${gpu_args[@]}" "$scripts/gpu.sbatch"
    ids=$queued
else
    queue "${common[@]}" --nodes="${nodes:-1}" "$ranks" "$scripts/nodes.sbatch"
    ids=$queued
fi
[ -n "$dry_run" ] || echo "queued: $ids; results in $DIR"
