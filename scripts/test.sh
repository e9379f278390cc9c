#!/usr/bin/env bash
# Builds everything and runs every suite. The last line adds them up: N passed, N failed, N skipped.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/test.sh [options of scripts/build.sh]

Builds the module with its tests and runs, with one log per suite in <build dir>/test-logs:
  accuracy         opencv_test_semcorr with every instruction set of this CPU, and again without AVX-512 and without AVX2,
                   its searches also without AVX512_ICL
  perf             opencv_perf_semcorr, every case once (does it run; for timings call it directly)
  python           misc/python/test
  programs         the samples, run as a user would
  evaluate         the evaluation programs, the same way
  train            the trainer (scripts/train.sh, which fetches LibTorch; without network its tests are skipped)
  models           the program of scripts/models.sh on a small data set, and its tables
Fails if anything failed. Tests that need ../shared (data that is not part of the project) are skipped without it.
EOF
}

case " $* " in *" --help "*|*" -h "*) usage; exit 0 ;; esac
where=$("$repo/scripts/build.sh" --where "$@")
build=${where%%$'\n'*}
"$repo/scripts/build.sh" "$@"
logs=$build/test-logs
mkdir -p "$logs"
shared=${SEMCORR_SHARED:-$repo/../shared}
[ ! -d "$shared" ] || export SEMCORR_SHARED=$shared
export SEMCORR_TESTDATA=$repo/testdata PYTHONPATH=$build/lib/python3${PYTHONPATH:+:$PYTHONPATH}

passed=0 failed=0 skipped=0

# suite NAME KIND COMMAND…: runs it, adds its counts; a suite that dies or prints no summary is one failure
suite() {
    local name=$1 kind=$2 log=$logs/$1.log start=$SECONDS status=0 p f s
    shift 2
    "$@" >"$log" 2>&1 || status=$?
    read -r p f s < <("count_$kind" "$log")
    if { [ $status -ne 0 ] && [ "$f" = 0 ]; } || [ $((p + f + s)) = 0 ]; then f=$((f + 1)); fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%-24s %5d passed %5d failed %5d skipped  %4d s\n' "$name" "$p" "$f" "$s" $((SECONDS - start))
    if [ "$f" -gt 0 ]; then
        grep -E '^\[  FAILED  \]|^(FAIL|ERROR):|: Failure$|Segmentation|terminate called' "$log" | sort -u | head -n 40 || true
        echo "    exit status $status; log: $log"
        tail -n 15 "$log" | sed 's/^/    /'
    elif [ "$s" -gt 0 ]; then
        grep -E '^\[     SKIP \]|\.\.\. skipped' "$log" | sort | uniq -c | sort -rn | head -n 10 | sed 's/^/   /' || true
    fi
}

count_gtest() {  # OpenCV's ts counts a skipped test as passed and says so in a line of its own
    awk '/^\[  PASSED  \] [0-9]+ test/ { p = $4 } /^\[  FAILED  \] [0-9]+ test/ { f = $4 } /^\[ SKIPSTAT \] [0-9]+ test/ { s = $4 }
         END { print p - s, f + 0, s + 0 }' "$1"
}

count_unittest() {
    awk '/^Ran [0-9]+ test/ { n = $2 }
         /^(OK|FAILED)/ { if (match($0, /failures=[0-9]+/)) f += substr($0, RSTART + 9, RLENGTH - 9)
                          if (match($0, /errors=[0-9]+/)) f += substr($0, RSTART + 7, RLENGTH - 7)
                          if (match($0, /skipped=[0-9]+/)) s += substr($0, RSTART + 8, RLENGTH - 8) }
         END { print n - f - s, f + 0, s + 0 }' "$1"
}

test=$build/bin/opencv_test_semcorr
suite accuracy gtest "$test"
suite accuracy-no-icl gtest env OPENCV_CPU_DISABLE=AVX512-ICL "$test" --gtest_filter='*PatchMatch*:*Default*'
suite accuracy-no-avx512 gtest env OPENCV_CPU_DISABLE=AVX512-ICL,AVX512-SKX "$test"
suite accuracy-no-avx2 gtest env OPENCV_CPU_DISABLE=AVX512-ICL,AVX512-SKX,AVX2 "$test"
suite perf gtest "$build/bin/opencv_perf_semcorr" --perf_min_samples=1 --perf_force_samples=1
suite python unittest "$build/venv/bin/python" "$repo/misc/python/test/test_semcorr.py" -v
suite programs unittest env SEMCORR_BUILD="$build" "$build/venv/bin/python" "$repo/test/test_programs.py" -v
suite evaluate unittest env SEMCORR_BUILD="$build" "$build/venv/bin/python" "$repo/test/test_evaluate.py" -v
train_options=()  # it takes --option=value only
while [ $# -gt 0 ]; do
    case $1 in
        --opencv|--jobs|--build-dir) train_options+=("$1=$2"); shift ;;
        *) train_options+=("$1") ;;
    esac
    shift
done
status=0
"$repo/scripts/train.sh" --build-only "${train_options[@]}" || status=$?
if [ $status -ne 0 ] && [ $status -ne 3 ]; then  # 3: no LibTorch
    failed=$((failed + 1))
    echo "the trainer does not build"
fi
suite train unittest env SEMCORR_BUILD="$build" "$build/venv/bin/python" "$repo/test/test_train.py" -v
suite models unittest env SEMCORR_BUILD="$build" "$build/venv/bin/python" "$repo/test/test_models.py" -v

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
