# shellcheck shell=bash
# lib.sh - what the batch scripts of this folder share. Sourced, not run.
#
# A job runs under these rules: SLURM warns it before its time limit (USR1 to the batch script); the
# ranks are told, start no further call, let what is in flight land, and end with 75; the job then puts
# itself back in the queue, where it goes on without asking anything twice. After a crashed node SLURM
# puts it back itself. It ends for good when the run is complete (0, or 3 when some episodes failed), when
# the job is at fault (2: bad job, or a directory of another job) and after RESTARTS_MAX restarts.
#
# Every knob is an environment variable:
#   JOB            the job file
#   DIR            its run directory, on a file system that all nodes see
#   RUN_ARGS       more arguments of credence run, such as --set cell.stop.threshold=0.1
#   CREDENCE       the program (default: credence on PATH)
#   LAUNCHER       srun (needs PMIx: srun --mpi=list), or mpirun
#   LAUNCHER_ARGS  more arguments of the launcher
#   MODULES        modules to load first: "openmpi/4.1 hdf5"
#   RESTARTS_MAX   how often the job may be put back (default 20)
#   SERVER         command of a model server to start on each server node; {host} and {port} are filled in:
#                  "vllm serve Qwen/Qwen3-8B --host {host} --port {port}". Empty: none is started
#                  but what the job file's "serve" says
#   SERVER_MODEL   the model of the job file that these servers answer for (needed with SERVER)
#   SERVER_PATH    what follows host and port in its base URL (default /v1)
#   SERVER_HEALTH  path that answers 200 when it is ready (default /health)
#   SERVER_STARTUP_S  seconds until it must be (default 1800: weights are large)
#   SERVERS_PER_NODE  servers on a node (default 1); each gets its share of the node's GPUs
#   SERVER_ARGS    more arguments of the srun that starts them, such as --gpus-per-node=4

: "${CREDENCE:=credence}" "${LAUNCHER:=srun}" "${LAUNCHER_ARGS:=}" "${RUN_ARGS:=}" "${MODULES:=}"
: "${RESTARTS_MAX:=20}" "${SERVER:=}" "${SERVER_MODEL:=}" "${SERVER_PATH:=/v1}" "${SERVER_HEALTH:=/health}"
: "${SERVER_STARTUP_S:=1800}" "${SERVERS_PER_NODE:=1}" "${SERVER_ARGS:=}"
export SERVER SERVER_PATH SERVER_HEALTH SERVER_STARTUP_S SERVERS_PER_NODE

launcher_pid='' servers_pid='' servers_dir='' warned='' server_sets=()

say() { echo "$(date +%FT%T) ${SLURM_JOB_ID:-} $*"; }
restarts() { echo "${SLURM_RESTART_COUNT:-0}"; }

# The ranks hear of the warning through their launcher, which passes USR1 on.
on_warning() {
    warned=yes
    say "warned: draining"
    [ -z "$launcher_pid" ] || kill -USR1 "$launcher_pid" 2>/dev/null || true
}

on_end() {
    servers_stop
}

# begin: modules, traps, and a look at the job: when credence plan refuses it, nothing else is tried.
begin() {
    local module
    trap on_warning USR1
    trap on_end EXIT
    trap 'say "told to end"; on_warning' TERM
    for module in $MODULES; do module load "$module"; done
    say "start, restarts so far: $(restarts), nodes: ${SLURM_JOB_NODELIST:-?}"
    # shellcheck disable=SC2086 # RUN_ARGS is a list of words
    "$CREDENCE" plan "$JOB" $RUN_ARGS >/dev/null || { say "the job is at fault: not put back"; exit 2; }
}

# wait_for PID: its exit code, however often a trap interrupts the waiting.
wait_for() {
    local code again=0
    while :; do
        code=0
        wait "$1" || code=$?
        kill -0 "$1" 2>/dev/null || break
    done
    # A trap may have ended the last wait just when the process ended: then its code is still to be had.
    wait "$1" 2>/dev/null || again=$?
    [ "$again" = 127 ] || code=$again
    return "$code"
}

# shellcheck disable=SC2120 # most have no arguments to give
# servers_start [SRUN ARGUMENT...]: one step that holds a server on each node, and waits until all are ready.
servers_start() {
    local nodes=${SERVER_NODES:-$SLURM_JOB_NUM_NODES} expected end
    [ -n "$SERVER" ] || return 0
    [ -n "$SERVER_MODEL" ] || { say "SERVER is set but SERVER_MODEL is not"; exit 2; }
    servers_dir=$DIR.servers/$SLURM_JOB_ID
    expected=$((nodes * SERVERS_PER_NODE))
    rm -rf "$servers_dir"
    mkdir -p "$servers_dir"
    export SERVERS_DIR=$servers_dir
    # shellcheck disable=SC2086
    srun --overlap --kill-on-bad-exit=0 "$@" --nodes="$nodes" --ntasks="$expected" \
        --ntasks-per-node="$SERVERS_PER_NODE" $SERVER_ARGS "$CREDENCE_SLURM/serve.sh" &
    servers_pid=$!
    end=$((SECONDS + SERVER_STARTUP_S))
    until [ "$(find "$servers_dir" -name '*.url' | wc -l)" -ge "$expected" ]; do
        kill -0 "$servers_pid" 2>/dev/null || { say "the servers ended before they were ready"; finish 1; }
        [ $SECONDS -lt $end ] || { say "the servers were not ready in $SERVER_STARTUP_S s"; finish 1; }
        [ -z "$warned" ] || finish 75
        sleep 1
    done
    server_sets=(--set "models.$SERVER_MODEL.endpoints=[$(sed 's/.*/"&"/' "$servers_dir"/*.url | paste -sd,)]")
    say "servers: ${server_sets[1]}"
}

servers_stop() {
    local pid=$servers_pid
    servers_pid=''
    [ -n "$pid" ] || return 0
    touch "$servers_dir/stop" # each ends its server in its own time; who has not by then is told by a signal
    for _ in {1..40}; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.5
    done
    kill -TERM "$pid" 2>/dev/null || true
    wait_for "$pid" || true
    rm -rf "$servers_dir"
}

# What keeps the other ranks alive when one dies.
recovery_flags() {
    case $(mpirun --version | head -n 1) in
    *' 4.'*) echo --enable-recovery ;;
    *) echo --with-ft ulfm ;;
    esac
}

# launch ARGUMENT...: credence run with these arguments on all ranks; its exit code, or the launcher's.
launch() {
    # shellcheck disable=SC2046,SC2086 # lists of words
    case $LAUNCHER in
    srun) srun --mpi=pmix --overlap --kill-on-bad-exit=0 $LAUNCHER_ARGS "$CREDENCE" run "$@" & ;;
    mpirun) mpirun $(recovery_flags) $LAUNCHER_ARGS "$CREDENCE" run "$@" & ;;
    *) say "LAUNCHER is srun or mpirun, not $LAUNCHER"; exit 2 ;;
    esac
    launcher_pid=$!
    [ -z "$warned" ] || kill -USR1 "$launcher_pid" # a warning that came before there was anyone to tell
    local code=0
    wait_for "$launcher_pid" || code=$?
    launcher_pid=''
    return "$code"
}

# outcome CODE: what became of the run. Launchers hide exit codes when ranks or nodes are lost, so the run
# directory has the last word, except that a refusal (2) was of something that is not in it.
outcome() {
    local told
    [ "$1" != 2 ] || { echo 2; return; }
    told=$("$CREDENCE" status "$DIR" --json 2>/dev/null) || true
    if grep -q '"state": "complete"' <<<"$told"; then
        sed -n 's/.*"exit_code": \([0-9]*\).*/\1/p' <<<"$told" | head -n 1
    else
        echo 75
    fi
}

# finish CODE: ends the job, or puts it back in the queue.
finish() {
    local code
    servers_stop
    code=$(outcome "$1")
    case $code in
    0) say "complete"; exit 0 ;;
    2) say "the job is at fault: not put back"; exit 2 ;;
    3) say "complete, but some episodes failed: run the same again to try those"; exit 3 ;;
    esac
    if [ "$(restarts)" -ge "$RESTARTS_MAX" ]; then
        say "not complete after $(restarts) restarts: given up; the same command goes on with it"
        exit 75
    fi
    say "not complete: back to the queue"
    trap - USR1 TERM
    scontrol requeue "$SLURM_JOB_ID" || exit 75
    sleep 60 # until SLURM ends this script; ending by itself would look like the job's end
    exit 75
}

# shellcheck disable=SC2120
# run ARGUMENT...: the launch, and what follows from it.
run() {
    local code=0
    # shellcheck disable=SC2086
    launch "$JOB" -o "$DIR" "${server_sets[@]}" $RUN_ARGS "$@" || code=$?
    finish "$code"
}
