#!/usr/bin/env bash
# Builds the module and the trainer, fetching LibTorch if need be, and runs the trainer with the arguments given.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/train.sh [--build-only] [options of scripts/build.sh] [options of semcorr_train]

Builds OpenCV with the module (scripts/build.sh) and tools/train in <build dir>/train, then runs <build dir>/bin/semcorr_train
with all options that are not among these:

  --build-only                                    build, do not run
  --jobs=N --build-dir=DIR --opencv=X --cuda      as of scripts/build.sh; a job takes up to 2 GB here
  --help                                          this text and, once it is built, that of semcorr_train

LibTorch comes with pip's torch $torch (3 GB to fetch and 5 GB on disk, as it brings its CUDA libraries). It is fetched once and
kept in \$SEMCORR_CACHE (default: \${XDG_CACHE_HOME:-~/.cache}/semcorr); SEMCORR_TORCH=DIR names one that is there already. Where
there is none and none can be fetched the exit status is 3.
EOF
}

die() { echo "train.sh: $*" >&2; exit 1; }
say() { printf '\033[1m[train %s]\033[0m %s\n' "$(date +%T)" "$*" >&2; }

torch=2.11.0 no_torch=3
cache=${SEMCORR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/semcorr}
venv=$cache/torch-$torch
build_options=() options=() jobs=$(nproc) build_only= help=
for argument in "$@"; do
    case $argument in
        --jobs=*|--build-dir=*|--opencv=*|--cuda) build_options+=("$argument") ;;&
        --jobs=*) jobs=${argument#*=} ;;
        --build-dir=*|--opencv=*|--cuda) ;;
        --build-only) build_only=1 ;;
        --help|-h) help=1 ;;
        *) options+=("$argument") ;;
    esac
done
where=$("$repo/scripts/build.sh" --where "${build_options[@]}")
build=${where%%$'\n'*}
trainer=$build/bin/semcorr_train

find_torch() {  # sets torch_dir
    torch_dir=${SEMCORR_TORCH:-}
    if [ -z "$torch_dir" ]; then
        if ! [ -e "$venv/ready" ]; then
            say "fetching LibTorch $torch (3 GB)"
            mkdir -p "$cache"
            "$build/venv/bin/python" -m venv --clear "$venv"
            "$venv/bin/pip" install --quiet --disable-pip-version-check "torch==$torch" numpy ||
                { say "cannot fetch LibTorch $torch"; exit $no_torch; }
            touch "$venv/ready"
        fi
        torch_dir=$(echo "$venv"/lib/python3*/site-packages/torch)
    fi
    [ -e "$torch_dir/lib/libtorch_cpu.so" ] || { say "no LibTorch in $torch_dir"; exit $no_torch; }
}

build_trainer() {
    local log=$build/train.log
    cmake -S "$repo/tools/train" -B "$build/train" -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "-DOpenCV_DIR=$build" \
        "-DTORCH_DIR=$torch_dir" "-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=$build/bin" >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; die "configuring failed"; }
    ninja -C "$build/train" -j "$jobs" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "building failed"; }
}

if [ -n "$help" ]; then
    usage
    if [ -x "$trainer" ]; then echo; exec "$trainer" --help; fi
    exit 0
fi
"$repo/scripts/build.sh" "${build_options[@]}" opencv_semcorr opencv_imgcodecs >&2
find_torch
say "building the trainer"
build_trainer
[ -n "$build_only" ] || exec "$trainer" "${options[@]}"
