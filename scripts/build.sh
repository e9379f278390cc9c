#!/usr/bin/env bash
# Takes a bare Debian-like machine to built libraries, tests, samples and the Python module.
# Every step is skipped when its result is there already, so a killed run goes on where it stopped.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/build.sh [options] [ninja target ...]

  --opencv=4.14|5.0   the OpenCV release to build with       (default 4.14)
  --cuda              build OpenCV with CUDA (the module has no kernels yet); needs nvcc
  --jobs=N            compile jobs at a time                  (default: number of cores)
  --build-dir=DIR     where to build                          (default build, or build-5.0, build-cuda)
  --where             only print the build folder and the folder of OpenCV's sources, a line each
  --help              this text

Without targets: libraries, tests, perf tests, samples and cv2. The OpenCV sources are fetched once, checked by
SHA-256 and kept in \$SEMCORR_CACHE (default: \${XDG_CACHE_HOME:-~/.cache}/semcorr).
EOF
}

die() { echo "build.sh: $*" >&2; exit 1; }
say() { printf '\033[1m[build %s]\033[0m %s\n' "$(date +%T)" "$*"; }

opencv=4.14 cuda=OFF jobs=$(nproc) build= where= targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --help|-h) usage; exit 0 ;;
        --opencv=*|--jobs=*|--build-dir=*) key=${1%%=*} value=${1#*=} ;;
        --opencv|--jobs|--build-dir) [ $# -ge 2 ] || die "$1 needs a value"; key=$1 value=$2; shift ;;
        --cuda) cuda=ON; shift; continue ;;
        --where) where=1; shift; continue ;;
        -*) usage >&2; die "unknown option $1" ;;
        *) targets+=("$1"); shift; continue ;;
    esac
    [ -n "$value" ] || die "$key needs a value"
    case $key in --opencv) opencv=$value ;; --jobs) jobs=$value ;; --build-dir) build=$value ;; esac
    shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die "--jobs=$jobs: expected a positive number"
case $opencv in
    4.14) package=opencv-contrib-python==4.14.0.94
          sha256=f2e58020b9f54d68b49553a161327ae1bbc47da68e147231d444c915ee4cab4c ;;
    5.0)  package=opencv-contrib-python-headless==5.0.0.93
          sha256=6a8c34de905f59b038f6ab0475e73fb0a0f345c3582ec3aeaeb1c0912e80cddb ;;
    *)    die "--opencv=$opencv: expected 4.14 or 5.0" ;;
esac
[ $cuda = OFF ] || command -v nvcc >/dev/null || die "--cuda: no nvcc on PATH; install the CUDA toolkit first"
if [ -z "$build" ]; then
    build=$repo/build
    [ "$opencv" = 4.14 ] || build+=-$opencv
    [ $cuda = OFF ] || build+=-cuda
fi
build=$(realpath -ms "$build")
cache=${SEMCORR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/semcorr}
sources=$cache/opencv-$opencv
if [ -n "$where" ]; then
    [ ${#targets[@]} = 0 ] || die "${targets[0]}: expected no targets here"
    printf '%s\n' "$build" "$sources"
    exit 0
fi
mkdir -p "$build"
venv=$build/venv

install_packages() {  # Debian packages for whatever is missing
    local missing=() sudo=
    command -v g++ >/dev/null || missing+=(g++)
    command -v cmake >/dev/null || missing+=(cmake)
    command -v ninja >/dev/null || missing+=(ninja-build)
    command -v ccache >/dev/null || missing+=(ccache)
    command -v python3 >/dev/null || missing+=(python3)
    find_python >/dev/null || missing+=(python3-dev python3-venv)
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "please install: ${missing[*]} (no apt-get here)"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "please install as root: apt-get install ${missing[*]}"
        sudo=sudo
    fi
    say "installing ${missing[*]}"
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates "${missing[@]}" >/dev/null
}

find_python() {  # a Python 3 with its C headers and the venv module
    local p
    for p in python3 /usr/bin/python3; do
        if "$p" -c 'import os, sys, sysconfig, ensurepip, venv
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null; then
            command -v "$p"
            return 0
        fi
    done
    return 1
}

make_venv() {
    [ -e "$venv/ready" ] && return 0
    say "making the Python environment (numpy)"
    "$(find_python)" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check 'numpy>=2,<3'
    touch "$venv/ready"
}

fetch_opencv() {
    mkdir -p "$cache"
    find "$cache" -maxdepth 1 -name 'fetch.*' -mmin +1440 -exec rm -rf {} + || true  # of runs that were killed
    [ -d "$sources" ] && return 0
    local tmp
    tmp=$(mktemp -d "$cache/fetch.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$tmp'" EXIT  # also when killed or failing half-way
    say "fetching the OpenCV $opencv sources (150 MB)"
    "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary "${package%%==*}" -d "$tmp" "$package"
    local archive
    archive=$(echo "$tmp"/*.tar.gz)
    echo "$sha256  $archive" | sha256sum --check --quiet || die "$(basename "$archive") has another checksum than expected ($sha256)"
    mkdir "$tmp/tree"
    tar xzf "$archive" -C "$tmp/tree" --strip-components=1
    mv -T "$tmp/tree" "$sources" 2>/dev/null || [ -d "$sources" ] || die "cannot write $sources"
    rm -rf "$tmp"
    trap - EXIT
}

configure() {
    local python=$venv/bin/python options modules=$repo
    options=(-G Ninja -DCMAKE_BUILD_TYPE=Release
        -DBUILD_LIST=core,imgproc,imgcodecs,highgui,videoio,dnn,python3,ts,semcorr$([ $cuda = OFF ] || echo ,cudev)
        -DBUILD_EXAMPLES=ON -DBUILD_TESTS=ON -DBUILD_PERF_TESTS=ON -DBUILD_JAVA=OFF -DBUILD_opencv_apps=OFF
        -DBUILD_ZLIB=ON -DBUILD_PNG=ON -DBUILD_JPEG=ON -DBUILD_PROTOBUF=ON -DOPENCV_PYTHON_SKIP_DETECTION=OFF
        "-DPYTHON3_EXECUTABLE=$python"
        "-DPYTHON3_INCLUDE_DIR=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')"
        "-DPYTHON3_LIBRARY=$("$python" -c 'import os, sysconfig as s; print(os.path.join(s.get_config_var("LIBDIR"), s.get_config_var("LDLIBRARY")))')"
        "-DPYTHON3_NUMPY_INCLUDE_DIRS=$("$python" -c 'import numpy; print(numpy.get_include())')"
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    if [ "$(uname -m)" = x86_64 ]; then  # OpenCV's default and AVX512_ICL, which multiplies bytes
        options+=("-DCPU_DISPATCH=SSE4_1;SSE4_2;AVX;FP16;AVX2;AVX512_SKX;AVX512_ICL")
    fi
    # What the module does not use, and what would make the result depend on the machine's other libraries.
    local off
    for off in IPP ADE ITT FFMPEG GSTREAMER V4L 1394 GTK QT VTK OPENEXR TIFF WEBP JASPER OPENJPEG AVIF EIGEN LAPACK OPENCL \
               FLATBUFFERS QUIRC VA VA_INTEL OBSENSOR; do
        options+=("-DWITH_$off=OFF")
    done
    if [ $cuda = ON ]; then
        modules+=";$sources/opencv_contrib/modules/cudev"
        options+=(-DWITH_CUDA=ON -DENABLE_CUDA_FIRST_CLASS_LANGUAGE=ON "-DCUDA_ARCH_BIN=${CUDA_ARCH_BIN:-9.0}" -DCUDA_ARCH_PTX=
            -DWITH_CUFFT=OFF -DWITH_CUBLAS=OFF -DWITH_CUDNN=OFF -DOPENCV_DNN_CUDA=OFF -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
        find_npp
    fi
    options+=("-DOPENCV_EXTRA_MODULES_PATH=$modules")
    local stamp=$build/configured
    if [ -e "$build/build.ninja" ] && printf '%s\n' "${options[@]}" | cmp -s - "$stamp"; then return 0; fi
    say "configuring OpenCV $opencv with semcorr (log: $build/configure.log)"
    # Python's detection caches a failure, so every new set of options starts from nothing.
    rm -f "$build/CMakeCache.txt" "$stamp"
    cmake -S "$sources/opencv" -B "$build" "${options[@]}" >"$build/configure.log" 2>&1 ||
        { tail -n 40 "$build/configure.log"; die "configuring failed"; }
    printf '%s\n' "${options[@]}" >"$stamp"
}

find_npp() {  # core includes NPP's header; where the toolkit lacks it, the wheel's include folder is enough (nothing links it)
    echo '#include <npp.h>' | nvcc -E -x cu - >/dev/null 2>&1 && return 0
    local npp=$build/npp
    if [ ! -d "$npp" ]; then
        "$venv/bin/pip" install --quiet --no-deps --target "$npp.tmp" nvidia-npp==13.0.1.2
        mv "$npp.tmp" "$npp"
    fi
    local include
    include=$(dirname "$(find "$npp" -name npp.h | head -n 1)")
    options+=("-DCMAKE_CXX_FLAGS=-isystem $include" "-DCMAKE_CUDA_FLAGS=-isystem $include")
}

install_packages
make_venv
fetch_opencv
configure
[ ${#targets[@]} -gt 0 ] || targets=(opencv_test_semcorr opencv_perf_semcorr opencv_samples_semcorr opencv_python3)
export CCACHE_BASEDIR=$repo CCACHE_NOHASHDIR=1
say "building ${targets[*]} in $build"
ninja -C "$build" -j "$jobs" "${targets[@]}"
say "done"
