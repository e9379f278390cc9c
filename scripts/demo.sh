#!/usr/bin/env bash
# Builds the sample program and matches a few pairs of pictures that come with the project and with OpenCV's sources.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/demo.sh [--opencv=4.14|5.0] [--jobs=N] [--build-dir=DIR]

Builds what the demo needs (see scripts/build.sh --help for the options), matches some pairs of pictures and writes
what came out to <build dir>/demo. Open contact_sheet.png there first.
EOF
}

build=$repo/build opencv=4.14 named=
for arg in "$@"; do
    case $arg in
        --help|-h) usage; exit 0 ;;
        --build-dir=*) build=${arg#*=} named=1 ;;
        --opencv=*) opencv=${arg#*=} ;;
        --jobs=*) ;;
        *) usage >&2; echo "demo.sh: unknown option $arg" >&2; exit 1 ;;
    esac
done
[ -n "$named" ] || [ "$opencv" = 4.14 ] || build+=-$opencv
"$repo/scripts/build.sh" "$@" example_semcorr_match

sources=${SEMCORR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/semcorr}/opencv-$opencv
data=$repo/samples/data
cv=$sources/opencv/samples/data
contrib=$sources/opencv_contrib/modules
faces=$contrib/face/tutorials/face_landmark/images
candidates=(
    "$faces/230501201_1.jpg"                             "$faces/227943776_1.jpg"
    "$contrib/dnn_objdetect/tutorials/images/cat.jpg"    "$contrib/cannops/tutorials/puppy.jpg"
    "$data/hopper.jpg"                                   "$data/collins.jpg"
    "$data/chelsea.jpg"                                  "$data/raccoon.jpg"
    "$cv/chicky_512.png"                                 "$contrib/cannops/tutorials/puppy.jpg"
    "$cv/apple.jpg"                                      "$cv/orange.jpg"
    "$contrib/hfs/samples/data/000.jpg"                  "$contrib/dnns_easily_fooled/model/hen_256.png"
)
images=()
for ((i = 0; i < ${#candidates[@]}; i += 2)); do  # not every release of OpenCV has all of them
    pair=("${candidates[@]:i:2}")
    if [ -e "${pair[0]}" ] && [ -e "${pair[1]}" ]; then images+=("${pair[@]}"); fi
done
"$build/bin/example_semcorr_match" --out="$build/demo" "${images[@]}"
