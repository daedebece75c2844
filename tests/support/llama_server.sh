#!/bin/bash
# llama_server.sh [DIR]: a real llama-server and a tiny random model, for tests.
#
# Prints the path of the server, then that of the model. The server is $LLAMA_SERVER, or one on PATH, or Debian sid's
# packages unpacked with their own C library into DIR (nothing is installed on this machine; 19 MB to download, once).
# DIR: $CREDENCE_LLAMA_DIR, else $XDG_CACHE_HOME/credence-llama, else /var/tmp/credence-llama.
# Exit 77: it cannot be had here, the last line says why. Exit 1: it was had and does not work.
set -euo pipefail
export LC_ALL=C
here=$(dirname "$(realpath "$0")")
dir=${1:-${CREDENCE_LLAMA_DIR:-${XDG_CACHE_HOME:-/var/tmp}/credence-llama}}

cannot() { echo "llama_server.sh: $*" >&2; exit 77; }
broken() { echo "llama_server.sh: $*" >&2; exit 1; }

# The mirror that this machine's apt uses, in either of apt's formats.
mirror() {
    awk 'FNR == 1 { enabled = 1 }
         /^Enabled:[ \t]*no/ { enabled = 0 }
         /^URIs:/ && enabled && $2 !~ /security/ { print $2; exit }
         /^deb[ \t]/ { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:\/\// && $i !~ /security/) { print $i; exit } }' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null || true
}

# Makes an apt of our own: sid alone, nothing installed, so every library comes along. A mirror that
# lags behind is fine (sid's lists expire after a week); what it serves is signed all the same.
configure_apt() {
    local uri
    uri=$(mirror)
    [ -n "$uri" ] || cannot "no Debian mirror in /etc/apt"
    mkdir -p "$dir"/apt/{lists/partial,cache/archives/partial,none}
    : >"$dir/apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri sid main" >"$dir/apt/sources.list"
    cat >"$dir/apt/apt.conf" <<-CONF
	Dir::State "$dir/apt";
	Dir::State::lists "$dir/apt/lists";
	Dir::State::status "$dir/apt/status";
	Dir::Cache "$dir/apt/cache";
	Dir::Etc::sourcelist "$dir/apt/sources.list";
	Dir::Etc::sourceparts "$dir/apt/none";
	Dir::Etc::preferencesparts "$dir/apt/none";
	APT::Sandbox::User "$(id -un)";
	Acquire::Retries "2";
	Acquire::Check-Valid-Until "false";
	Acquire::http::Timeout "20";
	CONF
}

download() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no llama-server on PATH, and no apt"
    configure_apt
    APT_CONFIG=$dir/apt/apt.conf timeout 300 apt-get -qq update >&2 || cannot "Debian sid cannot be reached"
    APT_CONFIG=$dir/apt/apt.conf timeout 600 apt-get -qq -y --download-only --no-install-recommends \
        install llama.cpp-tools >&2 || cannot "Debian sid has no llama.cpp-tools for this machine"
}

unpack() { # through a folder that is renamed when it is whole
    local lib loader backend deb
    rm -rf "$dir/root" "$dir/root.part"
    mkdir "$dir/root.part"
    for deb in "$dir"/apt/cache/archives/*.deb; do dpkg -x "$deb" "$dir/root.part"; done
    rm -rf "$dir/apt"
    mv "$dir/root.part" "$dir/root"
    lib=$(echo "$dir"/root/usr/lib/*-linux-gnu*)
    loader=$(find "$lib" -maxdepth 1 -name 'ld-linux-*.so.*' | head -n 1)
    [ -d "$lib" ] && [ -n "$loader" ] && [ -x "$dir/root/usr/bin/llama-server" ] ||
        broken "llama.cpp-tools is not laid out as expected: see $dir/root"
    # ggml looks for its backends beside the library that loads them
    for backend in "$lib"/ggml/backends0/libggml-cpu*.so; do ln -sf "$backend" "$lib"; done
    cat >"$dir/llama-server" <<-RUN
	#!/bin/sh
	exec "$loader" --library-path "$lib:$lib/llama" --argv0 llama-server "$dir/root/usr/bin/llama-server" "\$@"
	RUN
    chmod 755 "$dir/llama-server"
}

find_server() {
    if [ -n "${LLAMA_SERVER:-}" ]; then
        server=$LLAMA_SERVER
    elif command -v llama-server >/dev/null; then
        server=$(command -v llama-server)
    else
        server=$dir/llama-server
        [ -x "$server" ] || { download; unpack; }
    fi
    "$server" --version >/dev/null 2>&1 || broken "$server does not run"
}

[[ $dir == /* && $dir != *[[:space:]\"]* ]] || broken "DIR must be an absolute path without blanks: $dir"
mkdir -p "$dir" || cannot "$dir cannot be made"
exec 9>"$dir/lock"
flock -w 900 9 || cannot "another process holds $dir/lock"
find_server
# Named after what makes it, for checkouts of several versions may share DIR.
model=$dir/tiny-$(cksum <"$here/tiny_gguf.py" | cut -d' ' -f1).gguf
[ -s "$model" ] || { python3 "$here/tiny_gguf.py" "$model.part" && mv "$model.part" "$model"; }
echo "$server"
echo "$model"
