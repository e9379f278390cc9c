#!/usr/bin/env bash
# Builds what is needed, measures the dense 4D search against PatchMatch, and writes bench.json, tables and pictures.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/bench.sh [options] [options of scripts/build.sh]

Measures time, workspace and accuracy of the dense 4D search and of PatchMatch, runs opencv_perf_semcorr, and writes
bench.json, bench.md and bench_*.png. Prints what is required and what was measured. Takes about 12 minutes on 2 cores.

  --quick        fewer pairs, repetitions and grids: about 2 minutes
  --out=DIR      where the results go        (default <build dir>/bench)
  --data=DIR     photographs and val_pairs.csv of annotated pairs, as PF-WILLOW's (default: \$SEMCORR_SHARED/data/willow or
                 ../shared/data/willow; where there is none, the pictures of samples/data, without PCK)
  --model=FILE   model to measure with       (default: the one that is compiled in)
  --threads=N    threads                     (default 2)
  --docs         also puts pictures and tables into doc/pics and tutorials/semcorr_patchmatch.markdown
  --help         this text

Nothing else should run on the machine meanwhile.
EOF
}

args=() build_args=() data='' out=''
for arg in "$@"; do
    case $arg in
        --help|-h) usage; exit 0 ;;
        --out=?*) out=${arg#*=} ;;
        --data=?*) data=${arg#*=} ;;
        --quick|--docs|--model=?*|--threads=?*) args+=("$arg") ;;
        --out*|--data*|--model*|--threads*) echo "bench.sh: $arg: expected ${arg%%=*}=VALUE" >&2; exit 1 ;;
        --opencv=*|--jobs=*|--build-dir=*|--cuda) build_args+=("$arg") ;;
        *) usage >&2; echo "bench.sh: unknown option $arg" >&2; exit 1 ;;
    esac
done
where=$("$repo/scripts/build.sh" --where "${build_args[@]}")
build=${where%%$'\n'*}
"$repo/scripts/build.sh" "${build_args[@]}" opencv_perf_semcorr opencv_python3

python=$build/venv/bin/python
"$python" -c 'import matplotlib' 2>/dev/null ||
    "$build/venv/bin/pip" install --quiet --disable-pip-version-check 'matplotlib>=3.8,<4'
if [ -z "$data" ]; then
    willow=${SEMCORR_SHARED:-$repo/../shared}/data/willow
    [ ! -e "$willow/val_pairs.csv" ] || data=$willow
fi
[ -z "$data" ] || args+=("--data=$data")
export PYTHONPATH=$build/lib/python3${PYTHONPATH:+:$PYTHONPATH} BENCH_COMMAND="scripts/bench.sh${*:+ $*}"
exec "$python" "$repo/tools/bench/bench.py" "--perf=$build/bin/opencv_perf_semcorr" "--out=${out:-$build/bench}" "${args[@]}"
