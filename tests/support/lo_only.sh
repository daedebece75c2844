#!/bin/bash
# lo_only.sh COMMAND...: runs COMMAND in a network of its own that is the loopback interface alone (root).
#
# Open MPI's daemons listen on every interface there is, so whatever starts them is run here: nothing can be reached
# from outside. 127.0.0.2 is added because SLURM's name look-ups fail on an interface that has 127.0.0.1 only.
# Exit 77: network namespaces cannot be had; otherwise COMMAND's own.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,6s/^# \?//p' "$0" >&2; exit 2; }
unshare --net --mount true 2>/dev/null || { echo "lo_only.sh: no network namespaces here" >&2; exit 77; }
hosts=$(mktemp)
trap 'rm -f "$hosts"' EXIT
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(hostname)" >"$hosts"
code=0
unshare --net --mount --propagation private bash -ec '
    ip link set lo up
    ip address add 127.0.0.2/8 dev lo
    mount --bind "$1" /etc/hosts
    shift
    exec "$@"' lo_only "$hosts" "$@" || code=$?
exit "$code"
