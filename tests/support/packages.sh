# shellcheck shell=bash disable=SC2034,SC2046,SC2086 # lists of words are meant to split
# packages.sh - sourced by jobs/quickstart.sh and tests/run.sh: what the project needs from the
# system, in one place, and how to get it.

# NAME | how to see without a package manager that it is there | why it is needed
build_packages='
cmake                | command -v cmake                          | configures the build (3.25 or later)
gcc                  | command -v cc                             | C11 compiler
libc6-dev            | try_header stdio.h                        | C headers
make                 | command -v make || command -v ninja       | runs the build
pkg-config           | command -v pkg-config                     | finds libraries
libopenmpi-dev       | command -v mpicc                          | MPI, to build (HPC module: openmpi)
openmpi-bin          | command -v mpirun                         | MPI, to run (HPC module: openmpi)
libhdf5-dev          | command -v h5cc || try_header hdf5.h      | run.h5 (HPC module: hdf5)
libcurl4-openssl-dev | pkg-config --exists libcurl               | HTTP (HPC module: curl)
libcjson-dev         | pkg-config --exists libcjson              | JSON (cJSON)
libcsv-dev           | try_header csv.h                          | CSV benchmarks (libcsv)
libxxhash-dev        | pkg-config --exists libxxhash             | hashes and seeds (xxHash)
zlib1g-dev           | pkg-config --exists zlib                  | gzipped benchmarks (zlib)
'
test_packages='
chromium             | command -v chromium                       | explorer and report as a reader meets them
chromium-driver      | command -v chromedriver                   | drives it
charliecloud         | command -v ch-run                         | a container without root, under srun
clang                | command -v clang                          | the second compiler that must be silent
clang-format         | command -v clang-format                   | lint: formatting
clang-tidy           | command -v clang-tidy                     | lint: mistakes that a compiler does not look for
codespell            | command -v codespell                      | lint: spelling
cppcheck             | command -v cppcheck                       | lint: a second opinion on mistakes
git                  | command -v git                            | revision in the files; whitespace checks
libclang-rt-dev      | try_fuzzer                                | fuzzing, and the sanitizers under clang
hdf5-tools           | command -v h5dump                         | an independent reader of run.h5
libcmocka-dev        | pkg-config --exists cmocka                | unit tests
libmicrohttpd-dev    | pkg-config --exists libmicrohttpd         | the fault server
environment-modules  | command -v modulecmd || [ -r /usr/share/modules/init/bash ] | the module file
man-db               | command -v man                            | checks the man page
munge                | command -v munged                         | SLURM tests: authentication
netcdf-bin           | command -v ncdump                         | run.h5 is a valid netCDF-4 file
nghttp2-proxy        | command -v nghttpx                        | TLS and HTTP/2 in front of a test server
openssl              | command -v openssl                        | a certificate for it
python3              | command -v python3                        | system tests, lint, analysis
python3-clang        | try_python clang.cindex                   | lint: what is a pointer, what a status
python3-aiohttp      | try_python aiohttp                        | benchmark: what a Python user would pick
python3-h5netcdf     | try_python h5netcdf                       | run.h5 through xarray
python3-h5py         | try_python h5py                           | run.h5 from Python
python3-httpx        | try_python httpx                          | benchmark: what a Python user would pick
python3-matplotlib   | try_python matplotlib                     | figures of the report
python3-ipykernel    | try_python ipykernel                      | runs the notebook
python3-nbclient     | try_python nbclient                       | runs the notebook
python3-netcdf4      | try_python netCDF4                        | run.h5 through the netCDF library
python3-numpy        | try_python numpy                          | reference numbers
python3-pandas       | try_python pandas                         | reads the exported tables
python3-scipy        | try_python scipy                          | reference statistics
python3-sklearn      | try_python sklearn                        | reference calibration and scores
python3-statsmodels  | try_python statsmodels                    | reference clustered inference
python3-xarray       | try_python xarray                         | labelled arrays of run.h5
r-base-core          | command -v Rscript                        | run.h5 from R
r-cran-ncdf4         | try_r ncdf4                               | run.h5 from R through the netCDF library
shellcheck           | command -v shellcheck                     | lint: shell scripts
slurm-wlm            | command -v slurmctld                      | a real SLURM to run under
universal-ctags      | command -v ctags                          | lint: function lengths
wrk                  | command -v wrk                            | benchmark: the HTTP ceiling
'

try_header() { echo "#include <$1>" | cc -E -o /dev/null - 2>/dev/null; }
try_python() { /usr/bin/python3 -c "import $1" 2>/dev/null || python3 -c "import $1" 2>/dev/null; }
try_r() { Rscript --vanilla -e "library($1)" >/dev/null 2>&1; }

try_fuzzer() {
    echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return n && !d; }' |
        clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null
}

say() { echo "${0##*/}: $*"; }

# rows LIST...: "NAME|PROBE|WHY" with the spaces at the bars removed.
rows() { printf '%s\n' "$@" | sed -E '/\|/!d; s/ *\| */|/g'; }

has_dpkg() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# missing LIST...: the rows that are not there. A tool counts wherever it comes from; a library counts
# when its package is installed, or, where there is no dpkg, when it can be used.
missing() {
    local name probe why
    rows "$@" | while IFS= read -r row; do
        # The probe may hold bars itself, so the ends are cut off.
        name=${row%%|*} why=${row##*|} probe=${row#*|} probe=${probe%|*}
        if has_dpkg && [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ]; then
            continue
        fi
        if [[ $probe == 'command -v'* ]] || [ "${probe_only:-}" ] || ! has_dpkg; then
            if eval "$probe" >/dev/null 2>&1; then continue; fi
        fi
        printf '%-22s %s\n' "$name" "$why"
    done
}

# as_root COMMAND...: runs it with the rights to install; 1 when there are none.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        return 1
    fi
}

apt() { as_root apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"; }

install_packages() {
    # Lists older than a day may name versions that the mirror has dropped.
    if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -1 -print -quit 2>/dev/null)" ]; then
        apt update || return 1
    fi
    apt install --no-install-recommends "$@" || { apt update && apt install --no-install-recommends "$@"; }
}

# need_packages LIST...: installs what is missing, or says what it is and ends with 2.
need_packages() {
    local lacking names
    lacking=$(missing "$@")
    [ -n "$lacking" ] || return 0
    names=$(echo "$lacking" | cut -d' ' -f1)
    if has_dpkg && as_root true; then
        say "installing:" $names
        if install_packages $names; then return 0; fi
        say "apt-get could not install them" >&2
    fi
    # Without rights, or with the libraries from environment modules, what counts is what works.
    lacking=$(probe_only=1 missing "$@")
    [ -n "$lacking" ] || return 0
    {
        say "these are missing (names of Debian packages; elsewhere, load or install the same):"
        printf '    %s\n' "${lacking//$'\n'/$'\n    '}"
        if has_dpkg; then
            say "as root: apt-get install --no-install-recommends" $(echo "$lacking" | cut -d' ' -f1)
        else
            say "on a cluster: module load cmake openmpi hdf5 curl; cJSON, libcsv and xxHash from your" \
                "package manager, Spack or source"
        fi
    } >&2
    exit 2
}

# mpi_on_one_machine: makes mpirun work as root, with more ranks than cores, over shared memory,
# and quietly; mpi_flags is what the command line needs besides.
mpi_on_one_machine() {
    mpi_flags=
    case $(mpirun --version 2>/dev/null | head -n 1) in
    *'Open MPI'*) ;;
    *) return 0 ;;
    esac
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_pml=ob1 OMPI_MCA_btl_base_warn_component_unused=0
    case $(mpirun --version | head -n 1) in
    *' 4.'*)
        export OMPI_MCA_btl=vader,self OMPI_MCA_oob_tcp_if_include=lo
        export OMPI_MCA_btl_vader_single_copy_mechanism=none # containers forbid the other one
        mpi_flags='--oversubscribe --bind-to none'
        ;;
    *)
        export OMPI_MCA_btl=self,sm # its launcher refuses to be told to use lo alone
        mpi_flags='--map-by :OVERSUBSCRIBE --bind-to none'
        ;;
    esac
}
