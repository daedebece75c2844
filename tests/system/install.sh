#!/bin/bash
# install.sh BUILD CC FLAG... - what `cmake --install BUILD` puts down is whole, can be linked against, and
# finds its data from wherever its folder was moved to. FLAGs are what the library was built with.
set -euo pipefail
build=$1 cc=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CREDENCE_DATA_DIR

fail() { echo "install.sh: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
cd "$work/moved"
for file in bin/credence include/credence/core/job.h share/credence/jobs/quickstart.json \
    share/credence/prompts/paper share/man/man1/credence.1; do
    [ -e "$file" ] || fail "$file is not installed"
done
bin/credence version >/dev/null || fail "the installed program does not start"

# A program of somebody else, beside ours.
cat >probe.c <<'END'
#include <credence/data_dir.h>
#include <stdio.h>

int main(void) {
    struct cr_buf dir;
    struct cr_err err = {0};
    cr_buf_init(&dir, 4096);
    enum cr_status status = cr_data_dir(&dir, &err);
    puts(status ? err.text : dir.data);
    cr_buf_fini(&dir);
    return status != CR_OK;
}
END
"$cc" "$@" -std=c11 -Iinclude -o bin/probe probe.c "$(find . -name libcredence.a)"
found=$(bin/probe) || fail "$found"
[ "$found" = "$PWD/share/credence" ] || fail "data is looked for in $found"

rm -r share/credence/prompts
[ "$(bin/probe)" != "$PWD/share/credence" ] || fail "a folder without prompts was taken"
