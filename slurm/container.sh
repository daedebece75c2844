#!/bin/bash
# container.sh DIR [BUILD] - a container image as a plain folder, made without root, for `ch-run DIR -- credence ...`
# (Charliecloud) or `apptainer exec DIR credence ...`: Debian with the package of BUILD (build) installed in it.
# Needs mmdebstrap and cpack. For a SIF file by Apptainer alone see credence.def beside this.
#
#     cmake -B build -DCMAKE_BUILD_TYPE=Release -DCREDENCE_TESTS=OFF && cmake --build build
#     slurm/container.sh credence.img
#     srun --mpi=pmix ch-run credence.img -- credence run JOB -o DIR          # DIR below $HOME: ch-run binds it
set -euo pipefail
image=${1:?usage: container.sh DIR [BUILD]}
build=${2:-$(dirname "$(realpath "$0")")/../build}
say() { echo "container.sh: $*" >&2; }

for tool in mmdebstrap cpack; do
    command -v "$tool" >/dev/null || { say "$tool is missing (Debian: apt-get install mmdebstrap cmake)"; exit 2; }
done
[ ! -e "$image" ] || { say "$image exists: remove it or name another folder"; exit 2; }
[ -x "$build/credence" ] || { say "$build/credence does not exist: build first"; exit 2; }
(cd "$build" && cpack -G DEB >/dev/null) || { say "cpack failed in $build"; exit 1; }
package=$(find "$build" -maxdepth 1 -name 'credence_*.deb' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
# The package was built against this machine's libraries, so the image has this machine's release.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mmdebstrap --variant=minbase --include="$package,ca-certificates" --customize-hook='rm -rf "$1"/var/lib/apt/lists/*' \
    "$release" "$image"
mkdir -p "$image/mnt" "$image/home" # where jobs and data can be bound
say "$image is ready: ch-run $image -- credence version"
