#!/bin/bash
# smoke.sh - does this cluster fit? A minute in the queue, then a line for each thing credence needs, "ok" or "FAIL".
#
#   sbatch --nodes=2 slurm/smoke.sh          on two nodes, in the partition you mean to use
#   sbatch --nodes=2 --gpus-per-node=1 slurm/smoke.sh
#
# DIR (default $SLURM_SUBMIT_DIR/credence-smoke-JOBID) is a directory on the file system that runs will be on; it is
# removed when all is well. SERVER (as in lib.sh) is started and asked for its health, when it is set. Knobs: lib.sh.
# Exit 0: all is well. 1: something is not; the lines say what, and what to do.
#SBATCH --job-name=credence-smoke
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=1
#SBATCH --time=00:05:00
#SBATCH --output=%x-%j.log
set -u
: "${CREDENCE:=credence}" "${MODULES:=}" "${LAUNCHER_ARGS:=}" "${SERVER:=}" "${SERVER_HEALTH:=/health}"
: "${DIR:=${SLURM_SUBMIT_DIR:-$PWD}/credence-smoke-${SLURM_JOB_ID:-0}}"
for module in $MODULES; do module load "$module"; done
failed=0
ok() { echo "ok    $*"; }
bad() { echo "FAIL  $*"; failed=1; }
tasks=${SLURM_NTASKS:-1}
nodes=${SLURM_JOB_NUM_NODES:-1}

if "$CREDENCE" version >/dev/null 2>&1; then
    ok "program: $("$CREDENCE" version | head -n 1)"
else
    bad "program: $CREDENCE does not run here (set CREDENCE and MODULES)"
    exit 1
fi
if srun --mpi=list 2>&1 | grep -q pmix; then
    ok "PMIx: srun --mpi=pmix"
else
    bad "PMIx: this SLURM has no --mpi=pmix (srun --mpi=list); use LAUNCHER=mpirun"
fi

mkdir -p "$DIR" || { bad "directory: $DIR cannot be made"; exit 1; }
echo "$SLURM_JOB_ID" >"$DIR/token"
# shellcheck disable=SC2016 # for the shells on the nodes
seen=$(srun --overlap --ntasks="$nodes" --ntasks-per-node=1 sh -c \
    'for i in 1 2 3 4 5; do [ "$(cat "$0/token" 2>/dev/null)" = "$1" ] && { echo yes; exit; }; sleep 1; done; hostname >&2' \
    "$DIR" "$SLURM_JOB_ID" 2>"$DIR/blind" | grep -c yes)
if [ "$seen" = "$nodes" ]; then
    ok "shared directory: all $nodes nodes see $DIR"
else
    bad "shared directory: $(paste -sd' ' "$DIR/blind") cannot see $DIR; put run directories on a file system that all nodes share"
fi

# A job on simulated agents, over all tasks: MPI between nodes, the tape, run.h5 and the lock.
cat >"$DIR/job.json" <<END
{"name": "smoke", "models": {"m": {"api": "sim", "latency_ms": 50}},
 "benchmarks": {"c": {"format": "jsonl", "path": "$DIR/claims.jsonl"}},
 "cell": {"benchmark": "c", "maker": "m", "trader": "m", "max_iterations": 3}}
END
for i in {1..200}; do
    echo "{\"id\": \"c$i\", \"label\": $([ $((i % 2)) = 0 ] && echo true || echo false), \"proposition\": \"Claim $i holds.\"}"
done >"$DIR/claims.jsonl"
# shellcheck disable=SC2086 # a list of words
srun --mpi=pmix --overlap $LAUNCHER_ARGS "$CREDENCE" run "$DIR/job.json" -o "$DIR/run" --quiet >"$DIR/run.log" 2>&1
code=$?
ranks=$("$CREDENCE" status "$DIR/run" --json 2>/dev/null | sed -n 's/.*"ranks": *\([0-9]*\).*/\1/p' | head -n 1)
if [ $code = 0 ] && [ "${ranks:-0}" = "$tasks" ]; then
    ok "run: $tasks ranks on $nodes nodes, exit 0"
else
    bad "run: exit $code, ${ranks:-no} ranks of $tasks; $DIR/run.log ends with: $(tail -n 2 "$DIR/run.log" | paste -sd' ')"
fi

# The lock: while one run holds the directory, another on the other node is refused.
"$CREDENCE" run "$DIR/job.json" -o "$DIR/lock" --quiet --set models.m.latency_ms=2000 >/dev/null 2>&1 &
holder=$!
for _ in {1..50}; do [ -e "$DIR/lock/lock" ] && break; sleep 0.1; done
other=$(scontrol show hostnames "${SLURM_JOB_NODELIST:-}" 2>/dev/null | tail -n 1)
# shellcheck disable=SC2086
srun --overlap --ntasks=1 --nodes=1 ${other:+--nodelist=$other} "$CREDENCE" run "$DIR/job.json" -o "$DIR/lock" --quiet \
    >"$DIR/lock.log" 2>&1
if grep -q 'in use\|is running\|another run' "$DIR/lock.log"; then
    ok "lock: a second run in the same directory is refused"
else
    bad "lock: a second run was not refused: $(tail -n 1 "$DIR/lock.log")"
fi
kill -TERM $holder 2>/dev/null
wait $holder 2>/dev/null

# shellcheck disable=SC2016 # for the shells on the nodes
gpus=$(srun --overlap --ntasks="$nodes" --ntasks-per-node=1 sh -c 'echo "$(hostname): ${CUDA_VISIBLE_DEVICES:-none}"' 2>/dev/null |
    sort -u | paste -sd' ')
echo "      GPUs: $gpus"

if [ -n "$SERVER" ]; then
    export SERVER SERVER_HEALTH SERVER_PATH=${SERVER_PATH:-/v1} SERVERS_DIR=$DIR/servers SERVER_STARTUP_S=${SERVER_STARTUP_S:-180}
    mkdir -p "$SERVERS_DIR"
    # shellcheck disable=SC2086 # a list of words
    srun --overlap --ntasks=1 --nodes=1 ${other:+--nodelist=$other} ${SERVER_ARGS:-} \
        "${CREDENCE_SLURM:-$SLURM_SUBMIT_DIR/slurm}/serve.sh" &
    step=$!
    for ((i = 0; i < SERVER_STARTUP_S; i++)); do
        compgen -G "$SERVERS_DIR/*.url" >/dev/null && break
        kill -0 $step 2>/dev/null || break
        sleep 1
    done
    url=$(cat "$SERVERS_DIR"/*.url 2>/dev/null)
    address=${url#http://}
    if [ -z "$url" ]; then
        bad "server: it did not start; its log ends with: $(tail -n 3 "$SERVERS_DIR"/*.log | paste -sd' ')"
    elif (exec 3<>"/dev/tcp/${address%%:*}/$(sed 's|.*:||; s|/.*||' <<<"$address")") 2>/dev/null; then
        ok "server: healthy at $url, and reached from $(hostname)"
    else
        bad "server: healthy at $url, but $(hostname) cannot reach that port (a firewall between nodes?)"
    fi
    touch "$SERVERS_DIR/stop"
    wait $step 2>/dev/null
fi

[ $failed != 0 ] || { rm -rf "$DIR"; echo "all is well"; }
exit $failed
