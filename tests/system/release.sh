#!/bin/bash
# release.sh SOURCE GENERATOR - what users get: a Release build is hardened, what `install` puts down is whole,
# works from wherever its folder is moved to, and can be removed; the same as a .deb.
set -euo pipefail
source=$1 generator=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CREDENCE_DATA_DIR

fail() { echo "release.sh: $*" >&2; exit 1; }

cmake -S "$source" -B "$work/build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DCREDENCE_TESTS=OFF >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "it does not configure"; }
cmake --build "$work/build" --parallel 2 >"$work/log" 2>&1 || { tail -50 "$work/log"; fail "it does not build"; }
program=$work/build/credence

# Hardening, read off the program itself.
head=$(readelf -hW "$program") dynamic=$(readelf -dW "$program") segments=$(readelf -lW "$program")
[[ $head == *DYN* ]] || fail "not position-independent"
[[ $segments == *GNU_RELRO* && $dynamic == *BIND_NOW* ]] || fail "no full RELRO"
[[ $(grep GNU_STACK <<<"$segments") != *RWE* ]] || fail "an executable stack"
imports=$(readelf --dyn-syms -W "$program")
[[ $imports == *__stack_chk_fail* ]] || fail "no stack protector"
[[ $imports == *__memcpy_chk* || $imports == *__snprintf_chk* || $imports == *__fprintf_chk* ]] || fail "no FORTIFY"
if [ "$(uname -m)" = x86_64 ]; then
    # The note is dropped where the C library's start files lack it, so the landing pads are counted.
    [ "$(objdump -d "$program" | grep -c endbr64)" -gt 100 ] || fail "no control-flow protection"
fi

# Installed, moved, used, removed.
cmake --install "$work/build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
for file in bin/credence share/credence/jobs/quickstart.json share/credence/prompts/paper/maker_system.txt \
    share/credence/slurm/submit.sh share/credence/analysis/pyproject.toml share/man/man1/credence.1 \
    share/bash-completion/completions/credence "share/modulefiles/credence/$("$program" version | awk 'NR == 1 {print $2}')"; do
    [ -e "$work/moved/$file" ] || fail "$file is not installed"
done
[ -x "$work/moved/share/credence/slurm/submit.sh" ] || fail "submit.sh cannot be executed"
[ -z "$(find "$work/moved" -name '*.a' -o -name '*.h')" ] || fail "a library or header is installed, and there is no API"
(cd "$work" && moved/bin/credence run moved/share/credence/jobs/quickstart.json -o run --limit 2 --quiet) ||
    fail "the moved program does not run the quickstart"

# The module file, in each of the two systems that is here.
version=$("$program" version | awk 'NR == 1 {print $2}')
for modules in /usr/share/modules/init/bash /usr/lib/x86_64-linux-gnu/modules/init/bash \
    /usr/share/lmod/lmod/init/bash "${LMOD_INIT:-/none}"; do
    [ -r "$modules" ] || continue
    # shellcheck disable=SC1090 # one of the above
    found=$(set +eu; . "$modules"; module use "$work/moved/share/modulefiles"; module load "credence/$version"; command -v credence) || true
    [ "$found" = "$work/moved/bin/credence" ] || fail "$modules: 'module load credence' finds '$found'"
done

cmake --install "$work/build" --prefix "$work/again" >/dev/null
touch "$work/again/mine"
cmake --build "$work/build" --target uninstall >/dev/null || fail "uninstall failed"
left=$(find "$work/again" -type f -o -type l)
[ "$left" = "$work/again/mine" ] || fail "uninstall leaves $left"

# As a package: unpacked here, installed and removed by tests of fresh roots.
if command -v dpkg-deb >/dev/null; then
    (cd "$work/build" && cpack -G DEB >"$work/log" 2>&1) || { cat "$work/log"; fail "cpack failed"; }
    deb=$(find "$work/build" -maxdepth 1 -name '*.deb')
    dpkg-deb -x "$deb" "$work/deb"
    "$work/deb/usr/bin/credence" version >/dev/null || fail "the packaged program does not start"
    [[ $(dpkg-deb -f "$deb" Depends) == *libcurl* ]] || fail "the package names no dependencies"
fi
