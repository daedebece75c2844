#!/bin/bash
# libfuzzer.sh BUILD [SECONDS [SEED]]: builds the fuzz targets with clang, ASan, UBSan and libFuzzer in BUILD, and runs each for SECONDS
# (5) from its corpus, with SEED (1: the same inputs in each run of the suite; 0: any). What it finds on the way stays in BUILD; a crash leaves BUILD/crash-* and ends with 1.
# A target that passes fewer edges of the program than CMakeLists.txt says does not reach what it is meant to try: that ends with 1 too.
# Exit 77: no clang with libFuzzer here.
set -euo pipefail
build=$(realpath -m "$1") seconds=${2:-5} seed=${3:-1} source=$(realpath "$(dirname "$0")/../..")
command -v clang >/dev/null || { echo "libfuzzer.sh: no clang here"; exit 77; }
mkdir -p "$build"
echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n); int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { return b && n > 1 ? 0 : 0; }' >"$build/probe.c"
clang -fsanitize=fuzzer,address "$build/probe.c" -o "$build/probe" 2>/dev/null ||
    { echo "libfuzzer.sh: clang has no libFuzzer (libclang-rt-dev)"; exit 77; }
launcher=$(command -v ccache || true)
cmake -S "$source" -B "$build" -G "$(command -v ninja >/dev/null && echo Ninja || echo 'Unix Makefiles')" \
    -DCMAKE_C_COMPILER=clang -DCREDENCE_FUZZ=ON -DCREDENCE_SANITIZE=ON ${launcher:+-DCMAKE_C_COMPILER_LAUNCHER=$launcher} >/dev/null
targets=()
for file in "$source"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$file" .c)
    ! grep -q "cr_fuzz_target(${name#fuzz_} [0-9]*)" "$source/tests/fuzz/CMakeLists.txt" || targets+=("$name")
done
cmake --build "$build" --target "${targets[@]}" --parallel "$(nproc)" >"$build/build.log" 2>&1 ||
    { tail -n 30 "$build/build.log"; exit 1; }
cd "$build"
for target in "${targets[@]}"; do
    mkdir -p "found/$target"
    program=$(find . -type f -name "$target" -perm -u+x | head -n 1)
    "$program" -max_total_time="$seconds" -seed="$seed" -max_len=16384 -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
        "$build/found/$target" "$source/tests/data/fuzz/${target#fuzz_}" >"$target.log" 2>&1 || {
        grep -m 1 Seed: "$target.log" || true
        tail -n 40 "$target.log"
        echo "rerun: $build/$program $build/crash-... (see $build/$target.log)"
        exit 1
    }
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$target.log" | sort -n | tail -n 1)
    least=$(sed -n "s/^cr_fuzz_target(${target#fuzz_} \([0-9]*\))/\1/p" "$source/tests/fuzz/CMakeLists.txt")
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$target.log") inputs, ${edges:-0} edges"
    [ "${edges:-0}" -ge "$least" ] || { echo "$target passed ${edges:-0} edges, at least $least are expected"; exit 1; }
done
