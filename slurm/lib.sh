# shellcheck shell=bash
# lib.sh - what the batch scripts of this folder share. Sourced, not run.
#
# A job runs under these rules: SLURM warns it before its time limit (USR1 to the batch script); the
# ranks hear of it, start no further call, let what is in flight land, and end with 75; the job then puts
# itself back in the queue, where it goes on without asking anything twice. After a crashed node SLURM
# puts it back itself. It ends for good
#   when the run is complete (0, or 3 when some episodes failed),
#   when the job is at fault (2: bad job, or a directory of another job),
#   when only a person can mend it (4: wrong key, no credit left, unknown model, a server that cannot start,
#   a directory that nodes do not share, too many failed episodes),
#   on an error of the program (1), and after RESTARTS_MAX restarts (75).
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
#   SERVER_MODEL   the model of the job file that these servers answer for (needed with SERVER). Several,
#                  parted by blanks, each get servers of their own on every server node; whatever differs
#                  for one is set with its name behind: SERVER_judge='vllm serve ...' SERVERS_PER_NODE_judge=1
#                  (what is no letter or digit in a name is written as _)
#   SERVER_PATH    what follows host and port in its base URL (default /v1)
#   SERVER_HEALTH  path that answers 200 when it is ready (default /health)
#   SERVER_STARTUP_S  seconds until it must be (default 1800: weights are large)
#   SERVERS_PER_NODE  servers on a node (default 1); each gets its share of the node's GPUs
#   SERVER_ARGS    more arguments of the srun that starts them, such as --gpus-per-node=4

: "${CREDENCE:=credence}" "${LAUNCHER:=srun}" "${LAUNCHER_ARGS:=}" "${RUN_ARGS:=}" "${MODULES:=}"
: "${RESTARTS_MAX:=20}" "${SERVER:=}" "${SERVER_MODEL:=}" "${SERVER_PATH:=/v1}" "${SERVER_HEALTH:=/health}"
: "${SERVER_STARTUP_S:=1800}" "${SERVERS_PER_NODE:=1}" "${SERVER_ARGS:=}"
export SERVER_STARTUP_S

launcher_pid='' servers_pids=() servers_dir='' warned='' server_sets=()

say() { echo "$(date +%FT%T) ${SLURM_JOB_ID:-} $*"; }
restarts() { echo "${SLURM_RESTART_COUNT:-0}"; }

# The ranks get the warning through their launcher, which passes USR1 on.
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
    trap 'say "asked to end"; on_warning' TERM
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

# knob NAME MODEL: what NAME is for MODEL: NAME_MODEL when that is set, else NAME.
knob() {
    local own="$1_${2//[^A-Za-z0-9]/_}"
    printf '%s' "${!own-${!1}}"
}

# servers_failed WHAT: what the servers wrote is kept and its end shown; only a person can mend it.
servers_failed() {
    local log kept=$DIR.servers/failed-$SLURM_JOB_ID
    mkdir -p "$kept"
    for log in "$servers_dir"/*.log; do
        [ -e "$log" ] || continue
        cp "$log" "$kept/"
        say "$kept/${log##*/} ends with:"
        tail -n 15 "$log"
    done
    say "$1"
    finish 4
}

# start_model MODEL FIRST [SRUN ARGUMENT...]: the step that holds the servers of one model; FIRST counts those of
# other models on a node, so that each gets devices of its own.
start_model() {
    local model=$1 first=$2 nodes=${SERVER_NODES:-$SLURM_JOB_NUM_NODES} each
    shift 2
    each=$(knob SERVERS_PER_NODE "$model")
    # shellcheck disable=SC2046
    SERVER=$(knob SERVER "$model") SERVER_PATH=$(knob SERVER_PATH "$model") \
        SERVER_HEALTH=$(knob SERVER_HEALTH "$model") SERVERS_DIR=$servers_dir \
        SERVER_NAME=${model//[^A-Za-z0-9]/_} SERVER_FIRST=$first SERVERS_ON_NODE=$servers_on_node \
        srun --overlap --kill-on-bad-exit=0 "$@" --nodes="$nodes" --ntasks="$((nodes * each))" \
        --ntasks-per-node="$each" $(knob SERVER_ARGS "$model") "$CREDENCE_SLURM/serve.sh" &
    servers_pids+=($!)
}

# shellcheck disable=SC2120 # most have no arguments to give
# servers_start [SRUN ARGUMENT...]: a step for each model that holds a server on each node; waits until all are ready.
servers_start() {
    local nodes=${SERVER_NODES:-$SLURM_JOB_NUM_NODES} model pid first=0 end urls
    [ -n "$SERVER" ] || [ -n "$SERVER_MODEL" ] || return 0
    [ -n "$SERVER_MODEL" ] || { say "SERVER is set but SERVER_MODEL is not"; exit 2; }
    servers_dir=$DIR.servers/$SLURM_JOB_ID servers_on_node=0
    rm -rf "$servers_dir"
    mkdir -p "$servers_dir"
    for model in $SERVER_MODEL; do
        [ -n "$(knob SERVER "$model")" ] || { say "no SERVER and no SERVER_${model//[^A-Za-z0-9]/_} for $model"; exit 2; }
        servers_on_node=$((servers_on_node + $(knob SERVERS_PER_NODE "$model")))
    done
    for model in $SERVER_MODEL; do
        start_model "$model" "$first" "$@"
        first=$((first + $(knob SERVERS_PER_NODE "$model")))
    done
    end=$((SECONDS + SERVER_STARTUP_S))
    until [ "$(find "$servers_dir" -name '*.url' | wc -l)" -ge $((nodes * servers_on_node)) ]; do
        [ -z "$(find "$servers_dir" -name '*.failed')" ] || servers_failed "a server cannot start: not put back"
        for pid in "${servers_pids[@]}"; do
            kill -0 "$pid" 2>/dev/null || servers_failed "the servers ended before they were ready: not put back"
        done
        [ $SECONDS -lt $end ] || servers_failed "the servers were not ready in $SERVER_STARTUP_S s: not put back"
        [ -z "$warned" ] || finish 75
        sleep 1
    done
    for model in $SERVER_MODEL; do
        urls=$(cat "$servers_dir/${model//[^A-Za-z0-9]/_}"@*.url | sed 's/.*/"&"/' | paste -sd,)
        server_sets+=(--set "models.$model.endpoints=[$urls]")
    done
    say "servers: ${server_sets[*]}"
}

servers_stop() {
    local pid pids=("${servers_pids[@]}")
    servers_pids=()
    [ "${#pids[@]}" -gt 0 ] || return 0
    touch "$servers_dir/stop" # each ends its server in its own time; one that has not by then gets a signal
    for pid in "${pids[@]}"; do
        for _ in {1..40}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
        kill -TERM "$pid" 2>/dev/null || true
        wait_for "$pid" || true
    done
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
# directory has the last word, except on a refusal (2) or a server that cannot start (4), which it does not know.
outcome() {
    local found code
    case $1 in 2 | 4) echo "$1"; return ;; esac
    found=$("$CREDENCE" status "$DIR" --json 2>/dev/null) || true
    code=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$found" | head -n 1)
    case $(sed -n 's/.*"state": *"\([a-z]*\)".*/\1/p' <<<"$found" | head -n 1):$code in
    complete:*) echo "$code" ;;
    blocked:*) echo 4 ;;
    failed:1) echo 1 ;;
    *) echo 75 ;;
    esac
}

# finish CODE: ends the job, or puts it back in the queue.
finish() {
    local code
    servers_stop
    code=$(outcome "$1")
    case $code in
    0) say "complete"; exit 0 ;;
    1) say "an error of the program: not put back"; exit 1 ;;
    2) say "the job is at fault: not put back"; exit 2 ;;
    3) say "complete, but some episodes failed: submit.sh --retry-failed tries those again"; exit 3 ;;
    4) say "not put back: a person must mend what is said above; submitted again, the run goes on from here"; exit 4 ;;
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
