"""Accuracy of models and of nearest neighbours, by example_semcorr_evaluate. What this revision measured is not measured again."""
import hashlib
import json
import sys

import cv2 as cv

import machine
import recipes
from training import pairs_contents, run_logged, sha256

sys.path.append(str(recipes.ROOT / 'samples'))
from evaluate import nearest_neighbours  # noqa: E402  (needs the path)

S = cv.semcorr
QUICK = ['--limit=8']


def evaluate(model, mode, args, progress):
    """The JSON of the program, without its list of pairs."""
    options = [f'--root={args.root}', f'--pairs={args.val_pairs}', *QUICK * args.quick]
    known = ' '.join([machine.revision(), sha256(model), pairs_contents(args.root, args.val_pairs), mode, *options])
    folder = args.out / 'evaluations'
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f'{model.parent.name}-{mode}-{hashlib.sha256(known.encode()).hexdigest()[:12]}.json'
    if not file.is_file():
        run_logged([str(args.evaluator), *options, f'--model={model}', f'--mode={mode}', f'--json={file}', '--resume'],
                   file.with_suffix('.log'), progress)
    result = json.loads(file.read_text(encoding='utf-8'))
    result['pairs'] = len(result['pairs'])
    return result


def nearest_model(recipe, trained, args):
    """A model file of nearest neighbours of the features that a trained model adapts: same backbone, same size of pictures."""
    adapted = S.Matcher.create(str(trained)).getFeatureNet().getParams()
    size = 'x'.join(map(str, adapted.inputSize)) if all(adapted.inputSize) else adapted.longestSide
    backbone = recipes.RECIPES[recipe].backbone
    folder = args.out / 'nearest' / f'{backbone.split("_")[0] or "lite0"}-{size}'
    folder.mkdir(parents=True, exist_ok=True)
    net = external_net(args.backbones / backbone, folder, recipe, adapted) if backbone else S.FeatureNet.create()
    params = net.getParams()
    params.longestSide, params.inputSize = adapted.longestSide, adapted.inputSize
    net.setParams(params)
    nearest_neighbours(net).save(str(folder / 'model.yml'))
    return folder / 'model.yml'


def external_net(backbone, folder, recipe, adapted):
    """The ONNX file, linked into the folder: a model file names one beside it."""
    link = folder / backbone.name
    link.unlink(missing_ok=True)
    link.symlink_to(backbone)
    outputs = recipes.options(recipe).get('outputs', '')
    return S.FeatureNet.create(str(link), S.FeatureNet.Params(outputs=outputs.split(',') if outputs else [], mean=adapted.mean,
                                                              scale=adapted.scale))
