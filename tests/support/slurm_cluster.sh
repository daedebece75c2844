#!/bin/bash
# slurm_cluster.sh DIR VERB: a throw-away SLURM cluster on one machine, for tests (root; slurm-wlm and munge installed).
#
#   up N          munged, slurmctld and N nodes n1 .. nN; prints the export lines that a user of it needs
#   env           those lines again
#   crash NODE    kills everything on a node at once, as a power cut would
#   start NODE    brings it back
#   down          ends all and removes DIR
#
# Each node has its own host name, process tree, mounts and /dev/shm. Everything listens on 127.0.0.1 only when this
# script runs under lo_only.sh. DIR must be absolute and enterable by others (a mktemp -d one is not).
# CLUSTER_CPUS (4) and CLUSTER_MEMORY_MB (4000): of a node. CLUSTER_WAIT (180): seconds until all nodes must be idle.
# Exit 77: SLURM is not installed, this user is not root, or there are no namespaces.
set -euo pipefail
export LC_ALL=C

usage() { sed -n '2,9s/^# \?//p' "$0" >&2; exit 2; }
die() { echo "slurm_cluster.sh: $*" >&2; exit 1; }
cannot() { echo "slurm_cluster.sh: $*" >&2; exit 77; }

[ $# -ge 2 ] || usage
dir=$1 verb=$2 argument=${3:-}
[[ $dir == /* && $dir != *[[:space:],%:]* ]] || die "DIR must be absolute and free of blanks , % : - $dir"
export SLURM_CONF=$dir/etc/slurm.conf

# A process is known by its pid and the moment it began, so that a pid used again is never killed.
began() { local stat; stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1; stat=${stat##*) }; set -- $stat; echo "${20}"; }
remember() { echo "$2 $(began "$2")" >"$dir/pid/$1"; } # NAME PID
pid_of() { # NAME: its pid when it is alive
    local pid moment
    read -r pid moment 2>/dev/null <"$dir/pid/$1" && [ "$(began "$pid")" = "$moment" ] &&
        ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null && echo "$pid"
}
stop() { # NAME SIGNAL: waits 5 s, then KILL
    local pid
    pid=$(pid_of "$1") || { rm -f "$dir/pid/$1"; return 0; }
    kill -"$2" "$pid" 2>/dev/null || true
    for _ in {1..100}; do pid_of "$1" >/dev/null || break; sleep 0.05; done
    ! pid=$(pid_of "$1") || kill -KILL "$pid"
    rm -f "$dir/pid/$1"
}

detached() { # NAME PROGRAM...: in a session of its own, output to DIR/log
    local name=$1; shift
    setsid "$@" </dev/null >>"$dir/log/$name.out" 2>&1 &
    remember "$name" $!
}

start_munge() {
    detached munged munged --foreground --socket="$dir/run/munge.socket" --key-file="$dir/etc/munge.key" \
        --log-file="$dir/log/munged.log" --pid-file="$dir/run/munged.pid" --seed-file="$dir/run/munged.seed"
    for _ in {1..600}; do [ ! -S "$dir/run/munge.socket" ] || return 0; sleep 0.05; done
    die "munged does not start: $(tail -n 3 "$dir/log/munged.out")"
}

start_controller() {
    detached slurmctld unshare --uts --mount --propagation private bash -ec '
        hostname controller; mount --bind "$1/etc/hosts" /etc/hosts; exec slurmctld -D' controller "$dir"
}

start_node() { # NODE
    ! pid_of "$1" >/dev/null || return 0
    rm -rf "$dir/spool/$1" "$dir/tmp/$1"
    mkdir -p "$dir/spool/$1" "$dir/tmp/$1"
    chmod 1777 "$dir/tmp/$1"
    detached "$1" unshare --uts --mount --ipc --pid --fork --mount-proc --kill-child --propagation private bash -ec '
        hostname "$1"
        mount --bind "$2/etc/hosts" /etc/hosts
        mount -t tmpfs -o mode=1777 tmpfs /dev/shm
        slurmd -D -N "$1" &
        while :; do sleep 3600 & wait $!; done' node "$1" "$dir"
}

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
choose_ports() { # COUNT: the first of so many in a row, below the ephemeral range
    local first offset
    for _ in {1..50}; do
        first=$((20000 + RANDOM % 12000))
        for ((offset = 0; offset < $1; offset++)); do is_free $((first + offset)) || continue 2; done
        echo "$first"
        return
    done
    die "no free ports"
}

write_conf() { # NODES FIRST_PORT
    local i
    {
        echo "127.0.0.1 localhost $(hostname) controller"
        for ((i = 1; i <= $1; i++)); do echo "127.0.0.1 n$i"; done
    } >"$dir/etc/hosts"
    (umask 077 && head -c 1024 /dev/urandom >"$dir/etc/munge.key")
    : >"$dir/etc/plugstack.conf"
    cat >"$SLURM_CONF" <<-CONF
	ClusterName=test
	SlurmctldHost=controller(127.0.0.1)
	SlurmctldPort=$2
	SlurmUser=root
	SlurmdUser=root
	AuthType=auth/munge
	AuthInfo=socket=$dir/run/munge.socket,cred_expire=5
	CredType=cred/munge
	CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
	SlurmctldPidFile=$dir/run/slurmctld.pid
	SlurmdPidFile=$dir/run/slurmd.%n.pid
	SlurmctldLogFile=$dir/log/slurmctld.log
	SlurmdLogFile=$dir/log/slurmd.%n.log
	StateSaveLocation=$dir/state
	SlurmdSpoolDir=$dir/spool/%n
	TmpFS=$dir/tmp/%n
	PlugStackConfig=$dir/etc/plugstack.conf
	MailProg=/bin/true
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	SwitchType=switch/none
	JobAcctGatherType=jobacct_gather/none
	AccountingStorageType=accounting_storage/none
	JobCompType=jobcomp/filetxt
	JobCompLoc=$dir/log/jobcomp.txt
	SelectType=select/cons_tres
	SelectTypeParameters=CR_Core
	SchedulerType=sched/backfill
	SchedulerParameters=bf_interval=2,sched_interval=5,batch_sched_delay=1
	MpiDefault=none
	ReturnToService=2
	SlurmdParameters=config_overrides
	SlurmctldTimeout=120
	SlurmdTimeout=120
	MessageTimeout=60
	InactiveLimit=0
	KillWait=5
	MinJobAge=3600
	PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
	CONF
    for ((i = 1; i <= $1; i++)); do
        echo "NodeName=n$i NodeHostname=n$i NodeAddr=127.0.0.1 Port=$(($2 + i)) CPUs=${CLUSTER_CPUS:-4}" \
            "RealMemory=${CLUSTER_MEMORY_MB:-4000} State=UNKNOWN" >>"$SLURM_CONF"
    done
}

print_environment() {
    [ -f "$SLURM_CONF" ] || die "no cluster in $dir"
    cat <<-ENV
	export SLURM_CONF=$SLURM_CONF
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_orte_tmpdir_base=$dir/tmp
	export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_pml=ob1
	export OMPI_MCA_btl=self,$(mpirun --version 2>/dev/null | grep -q ' 4\.' && echo vader || echo sm),tcp
	ENV
}

idle_nodes() { timeout 20 sinfo -h -N -t idle -o %T 2>/dev/null | grep -cx idle || true; }

check_machine() {
    local program
    [ "$(id -u)" = 0 ] || cannot "needs root"
    for program in munged slurmctld slurmd sinfo unshare; do
        command -v $program >/dev/null || cannot "$program is not installed (slurm-wlm, munge)"
    done
    unshare --uts --mount --ipc --pid --fork --mount-proc true 2>/dev/null || cannot "no namespaces here"
}

up() {
    local i end
    [[ $1 =~ ^[1-9][0-9]*$ ]] || usage
    check_machine
    [ ! -e "$dir" ] || [ -f "$dir/.slurm-cluster" ] || [ -z "$(ls -A "$dir")" ] || die "$dir is not ours"
    down
    mkdir -p "$dir"/{etc,run,state,log,spool,tmp,pid}
    touch "$dir/.slurm-cluster"
    chmod 755 "$dir" "$dir"/{etc,run,spool}
    chmod 700 "$dir/state"
    chmod 1777 "$dir/tmp"
    write_conf "$1" "$(choose_ports $(($1 + 1)))"
    start_munge
    start_controller
    for ((i = 1; i <= $1; i++)); do start_node "n$i"; done
    end=$((SECONDS + ${CLUSTER_WAIT:-180}))
    while ((SECONDS < end)) && pid_of slurmctld >/dev/null; do
        [ "$(idle_nodes)" != "$1" ] || { print_environment; return; }
        sleep 0.1
    done
    tail -n 4 "$dir"/log/*.out >&2
    down
    die "slurmctld ended, or the nodes were not idle in ${CLUSTER_WAIT:-180} s"
}

down() {
    local file
    [ -e "$dir/.slurm-cluster" ] || return 0
    for file in "$dir"/pid/n[0-9]*; do [ ! -f "$file" ] || stop "${file##*/}" KILL; done
    stop slurmctld KILL
    stop munged TERM
    rm -rf "$dir"
}

known_node() { [[ $argument =~ ^n[0-9]+$ ]] && grep -q "^NodeName=$argument " "$SLURM_CONF" || die "no node $argument"; }

case $verb in
up) up "$argument" ;;
env) print_environment ;;
crash) known_node; stop "$argument" KILL ;;
start) known_node; start_node "$argument" ;;
down) down ;;
*) usage ;;
esac
