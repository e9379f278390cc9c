#!/usr/bin/env bash
# Builds what is needed, trains all models by the recipes of tools/train/recipes, and writes the table of methods.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<EOF
usage: scripts/models.sh --root=DIR --pairs=CSV --val-pairs=CSV [options] [options of scripts/build.sh] [-- options of semcorr_train]

Trains every recipe with every seed, and the default recipe without each category in turn; measures accuracy, time and memory of
all of them and of nearest neighbours; says which required figures and which claims of PMNC's paper hold; writes each model with its
figures in its provenance, runs/*/measured.yml. What is finished is kept, what was interrupted goes on. All of it takes several hours
on 2 cores.

  --root=DIR --pairs=CSV  annotated pictures, and the pairs to train on
  --val-pairs=CSV         pairs of other pictures, to measure on
  --photos=PATH           unlabelled pictures, a folder or a .tar file; without, recipes that need them are left out
  --backbones=DIR         with resnet50_conv4.onnx; likewise
  --only=NAME,NAME        some of the recipes (see tools/train/recipes) and leave_one_out
  --seeds=1,2,3           a run for each
  --name=TEXT             what the data are called in the tables  (default: the name of the folder --root)
  --out=DIR               models, logs, models.json and models.md (default <build dir>/models)
  --cache=DIR             features that all runs share            (default: features in --out)
  --cache-limit=GB        the most that they may take             (default 40)
  --threads=N             threads                                 (default: all cores)
  --quick                 three steps, one seed, few pictures: does it run; 2 to 3 minutes
  --docs                  also puts the tables into tutorials/semcorr_train.markdown
  --ship                  also makes the default of the best seed the built-in model (tools/default_model/replace.py)
  -- OPTIONS              options of semcorr_train that go before those of the recipes, such as --device=cuda
  --help                  this text

For times that mean something nothing else should run on the machine.
EOF
}

args=() build_args=() out=() rest=()
while [ $# -gt 0 ]; do
    case $1 in
        --help|-h) usage; exit 0 ;;
        --opencv=*|--jobs=*|--build-dir=*|--cuda) build_args+=("$1") ;;
        --out=?*) out=("$1") ;;
        --) rest=("$@"); break ;;
        *) args+=("$1") ;;
    esac
    shift
done
where=$("$repo/scripts/build.sh" --where "${build_args[@]}")
build=${where%%$'\n'*}
[ ${#out[@]} -gt 0 ] || out=("--out=$build/models")
export PYTHONPATH=$build/lib/python3${PYTHONPATH:+:$PYTHONPATH}
export MODELS_COMMAND="scripts/models.sh ${args[*]} ${rest[*]}"
"$repo/scripts/train.sh" --build-only "${build_args[@]}"
"$repo/scripts/build.sh" "${build_args[@]}" opencv_python3 example_semcorr_evaluate example_semcorr_match
exec "$build/venv/bin/python" "$repo/tools/models/models.py" "--trainer=$build/bin/semcorr_train" \
    "--evaluator=$build/bin/example_semcorr_evaluate" "${out[@]}" "${args[@]}" "${rest[@]}"
