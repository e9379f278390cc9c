#!/usr/bin/env bash
# Builds the sample program and matches a few pairs of pictures that come with the project and with OpenCV's sources.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/demo.sh [options of scripts/build.sh]

Builds what the demo needs, matches some pairs of pictures and writes what came out to <build dir>/demo. Open
contact_sheet.png there first, then points.png and comparison.png: nearest neighbours of the backbone's features beside the
built-in matcher.
EOF
}

case " $* " in *" --help "*|*" -h "*) usage; exit 0 ;; esac
where=$("$repo/scripts/build.sh" --where "$@")
build=${where%%$'\n'*} sources=${where#*$'\n'}
"$repo/scripts/build.sh" "$@" example_semcorr_match

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
"$build/bin/example_semcorr_match" --compare "--points=$data/points.csv" --out="$build/demo" "${images[@]}"
