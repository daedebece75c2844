#!/bin/bash
# serve.sh - holds one model server on this node: started by servers_start of lib.sh, as a step of the job.
#
# Starts SERVER on a free port, writes its base URL to SERVERS_DIR when it is healthy, starts it again when it
# dies (up to 10 times; one that never was healthy is not), and ends it when asked to (TERM, or SERVERS_DIR/stop), by force after 10 s: a server
# that waits for a client to go away would outlive its job otherwise.
set -u
host=$(hostname)
local_id=${SLURM_LOCALID:-0}
base=$SERVERS_DIR/${SERVER_NAME:-server}@$host-$local_id
url_file=$base.url
server=''

say() { echo "serve.sh: $host: $*" >&2; }
is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + (RANDOM + local_id * 97) % 12000))
        if is_free $port; then echo $port; return; fi
    done
    say "no free port"; exit 1
}

# get PORT PATH: the status of an HTTP GET, without a need for curl.
get() {
    local status
    exec 3<>"/dev/tcp/$host/$1" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$2" "$host" >&3
    read -r -t 5 _ status _ <&3
    exec 3>&-
    echo "${status:-}"
}

# Of the node's GPUs, those of this server, when several share the node: SERVER_FIRST are of other models.
take_gpus() {
    local all each
    [ "${SERVERS_ON_NODE:-1}" -gt 1 ] && [ -n "${CUDA_VISIBLE_DEVICES:-}" ] || return 0
    IFS=, read -ra all <<<"$CUDA_VISIBLE_DEVICES"
    each=$((${#all[@]} / SERVERS_ON_NODE))
    [ $each -gt 0 ] || { say "$SERVERS_ON_NODE servers, but ${#all[@]} GPUs"; give_up; }
    CUDA_VISIBLE_DEVICES=$(IFS=,; echo "${all[*]:(SERVER_FIRST + local_id) * each:each}")
    export CUDA_VISIBLE_DEVICES
}

# shellcheck disable=SC2317 # called by the trap
end_server() {
    rm -f "$url_file"
    [ -n "$server" ] || return 0
    kill -TERM -- "-$server" 2>/dev/null
    for _ in {1..100}; do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
    kill -KILL -- "-$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=''
}

is_told_to_end() { [ -e "$SERVERS_DIR/stop" ] || [ ! -d "$SERVERS_DIR" ]; }

# shellcheck disable=SC2153 # SERVER is the knob
start_server() {
    local command=${SERVER//\{port\}/$port}
    command=${command//\{host\}/$host}
    say "$command"
    set -m # a process group of its own, so that its children end with it
    bash -c "exec $command" >>"$base.log" 2>&1 &
    server=$!
    set +m
}

# The batch script sees the mark, shows the end of the log and ends the job.
give_up() {
    trap - EXIT
    end_server
    touch "$base.failed"
    exit 1
}

trap 'end_server; exit 0' TERM INT USR1 EXIT
was_ready=''
take_gpus
port=$(free_port) || exit 1
for start in {0..10}; do
    is_told_to_end && exit 0
    start_server
    end=$((SECONDS + SERVER_STARTUP_S))
    until [ "$(get "$port" "$SERVER_HEALTH" 2>/dev/null)" = 200 ]; do
        kill -0 "$server" 2>/dev/null || break
        if is_told_to_end || [ $SECONDS -ge $end ]; then exit 0; fi
        sleep 0.5
    done
    if kill -0 "$server" 2>/dev/null; then
        echo "http://$host:$port$SERVER_PATH" >"$url_file.new"
        mv "$url_file.new" "$url_file"
        was_ready=yes
    fi
    # Its URL stays while it is started again on the same port: calls to it are tried again meanwhile.
    while kill -0 "$server" 2>/dev/null; do
        is_told_to_end && exit 0
        sleep 0.5
    done
    wait "$server"
    code=$?
    say "the server ended with $code, start $start"
    [ -n "$was_ready" ] || { say "it was never ready: $SERVER"; give_up; }
    sleep 1
done
say "given up"
give_up
