#!/bin/bash
# packages.sh SOURCE - what a newcomer is told and what is installed when something is missing, with
# apt-get, dpkg-query and sudo replaced by functions.
set -euo pipefail
. "$1/tests/support/packages.sh"
said=$(mktemp)
trap 'rm -f "$said"' EXIT

fail() { echo "packages.sh: $*; said:" >&2; cat "$said" >&2; exit 1; }

# try EXIT LIST: need_packages must end with EXIT; what it says goes to $said.
try() {
    local code=0
    (need_packages "$2") >"$said" 2>&1 || code=$?
    [ "$code" = "$1" ] || fail "ended with $code instead of $1"
}

here='tool | command -v bash | is there'
lib='libnone-dev | false | reads the stars'
both="
$here
$lib
"

# A cluster: no dpkg, what counts is what works.
has_dpkg() { return 1; }
try 0 "$here"
[ ! -s "$said" ] || fail "nothing is missing, so nothing should be said"
try 2 "$both"
grep -q 'libnone-dev  *reads the stars' "$said" || fail "the missing library is not named"
grep -q 'module load' "$said" || fail "modules are not spoken of"
! grep -q '^ *tool' "$said" || fail "a tool that is there is called missing"

# Debian without rights.
has_dpkg() { return 0; }
dpkg-query() { return 1; }
as_root() { return 1; }
try 2 "$both"
grep -q 'apt-get install --no-install-recommends libnone-dev$' "$said" || fail "no command to copy"
try 0 'libsome-dev | true | built by hand'

# Debian with rights: installed once, then nothing to do.
as_root() { [ "$1" = true ] || echo "as root: $*"; }
find() { :; }
try 0 "$both"
grep -q 'as root: apt-get .* update' "$said" || fail "empty lists are not filled"
grep -q 'as root: apt-get .* install --no-install-recommends libnone-dev$' "$said" || fail "not installed"
dpkg-query() { echo installed; }
try 0 "$both"
[ ! -s "$said" ] || fail "the second run is not silent"

# Every row of the real lists has its three parts.
rows "$build_packages" "$test_packages" | while IFS= read -r row; do
    [[ $row =~ ^[a-z0-9.+-]+\|[^\|].*\|[^\|]+$ ]] || fail "a row without name, probe and reason: $row"
done
