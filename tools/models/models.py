#!/usr/bin/env python3
"""Trains all models, measures them, and writes the table of methods; scripts/models.sh builds what this needs and starts it."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys

import cv2 as cv

ROOT = pathlib.Path(__file__).parents[2]
sys.path += [str(ROOT / 'tools' / folder) for folder in ('bench', 'default_model')]

import evaluation  # noqa: E402  (all of these need the path)
import machine  # noqa: E402
import recipes  # noqa: E402
import replace  # noqa: E402
import tables  # noqa: E402
import timing  # noqa: E402
import training  # noqa: E402
from common import Progress, positive, write  # noqa: E402
from report import print_table  # noqa: E402


def path(text):
    found = pathlib.Path(text).resolve()
    if not found.exists():
        raise argparse.ArgumentTypeError(f'{text} does not exist')
    return found


def seeds(text):
    """Whole numbers from 0, all different, as semcorr_train takes them"""
    parts = text.split(',')
    if not all(p.isdigit() and int(p) < 1 << 31 for p in parts) or len(set(map(int, parts))) < len(parts):
        raise argparse.ArgumentTypeError(f'{text}: expected different whole numbers, such as 1,2,3')
    return [int(p) for p in parts]


def names(text):
    known = [*recipes.RECIPES, recipes.LEAVE_ONE_OUT]
    unknown = [name for name in text.split(',') if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f'{unknown[0]}: expected some of {", ".join(known)}')
    return [name for name in known if name in text.split(',')]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, epilog='What follows -- are options of semcorr_train for all recipes.')
    parser.error = lambda message: sys.exit(f'models.py: {message}')
    add = parser.add_argument
    add('--root', type=path, required=True, help='folder of the annotated pictures')
    add('--pairs', type=path, required=True, help='pairs to train on')
    add('--val-pairs', type=path, required=True, help='pairs to measure on')
    add('--photos', type=path, help='unlabelled pictures: a folder or a .tar file')
    add('--backbones', type=path, help='folder with resnet50_conv4.onnx')
    add('--name', help='what the data are called in the tables (default: the name of the folder --root)')
    add('--seeds', type=seeds, default=[1, 2, 3], help='a run for each (default: 1,2,3)')
    add('--only', type=names, help=f'some of {", ".join(recipes.RECIPES)}, {recipes.LEAVE_ONE_OUT} (default: all)')
    add('--out', type=pathlib.Path, default='models', help='folder of the results (default: models)')
    add('--cache', type=pathlib.Path, help='folder of the features that all runs share (default: features in --out)')
    add('--cache-limit', type=positive, default=40, help='GB that they may take (default: 40)')
    add('--threads', type=positive, default=os.cpu_count(), help='threads (default: all)')
    add('--quick', action='store_true', help='three steps, one seed, few pictures: does it run')
    add('--docs', action='store_true', help='put the tables into the tutorial')
    add('--ship', action='store_true', help='make the default of the best seed the built-in model')
    add('--trainer', type=path, default=ROOT / 'build/bin/semcorr_train')
    add('--evaluator', type=path, default=ROOT / 'build/bin/example_semcorr_evaluate')
    words = sys.argv[1:]
    own = words.index('--') if '--' in words else len(words)
    args = parser.parse_args(words[:own])
    args.extra = words[own + 1:]
    args.seeds = args.seeds[:1] if args.quick else args.seeds
    args.out = args.out.resolve()
    args.cache = (args.cache or args.out / 'features').resolve()
    for option in (name for name in ('ship', 'docs') if args.quick and getattr(args, name)):
        parser.error(f'--{option} with --quick: expected models that were trained in full')
    choose(args, parser)
    return args


def choose(args, parser):
    """Sets args.only to what can be done with what was given."""
    wanted = args.only or [*recipes.RECIPES, recipes.LEAVE_ONE_OUT]
    for name, option in ((name, recipes.missing(name, args)) for name in wanted):
        if option and args.only:
            parser.error(f'{name} needs {option}')
        if option:
            print(f'left out: {name}, which needs {option}', file=sys.stderr)
    args.only = [name for name in wanted if not recipes.missing(name, args)]
    if args.ship and 'default' not in args.only:
        parser.error('--ship: expected default among the recipes')
    for name in args.only:
        backbone = recipes.RECIPES[name].backbone if name in recipes.RECIPES else ''
        if backbone and not (args.backbones / backbone).is_file():
            parser.error(f'{name} needs {args.backbones / backbone}, which does not exist')


def model_of(run, args):
    return args.out / 'runs' / run.name / 'model.yml'


def evaluate(model, mode, args, progress, **described):
    result = evaluation.evaluate(model, mode, args, progress)
    return {**described, 'mode': mode, 'model': str(model), 'mean': result['mean'], 'command': result['command'],
            'categories': {row['name']: row['pck'] for row in result['categories']}, 'pairs': result['pairs']}


def evaluate_all(runs, args, progress):
    """Nearest neighbours of each kind of features first, then each run by each way to search."""
    nearest = {run: evaluation.nearest_model(run.recipe, model_of(run, args), args) for run in runs}
    named = {model: f'nearest/{model.parent.name}' for model in nearest.values()}
    jobs = [(model, 'dense', dict(recipe=name, seed=None, without='', nearest='')) for model, name in named.items()]
    jobs += [(model_of(run, args), mode, dict(recipe=run.recipe, seed=run.seed, without=run.without, nearest=named[nearest[run]]))
             for run in runs for mode in recipes.RECIPES[run.recipe].modes]
    progress.stages += len(jobs)
    rows = []
    for model, mode, described in jobs:
        progress.stage(f'accuracy of {model.parent.name}, {mode}')
        rows.append(evaluate(model, mode, args, progress, **described))
    return rows


def time_all(evaluations, args, progress):
    """The first seed of each recipe, with nothing beside it."""
    first = [row for row in evaluations if not row['without'] and row['seed'] in (None, args.seeds[0])]
    progress.stages += len(first)
    rows = []
    for row in first:
        progress.stage(f'time of {row["recipe"]}, {row["mode"]}')
        rows.append({'recipe': row['recipe'], 'mode': row['mode'], **timing.run(row['model'], row['mode'], args)})
    return rows


def publish(results, args):
    """Beside each trained model the same one, with what was measured in its provenance and without folders of this machine: a file of
    its own, as results belong to the bytes of the trained one."""
    for run in results['runs']:
        model = args.out / 'runs' / run['name'] / 'model.yml'
        rows = []
        for row in tables.find(results['evaluations'], model=str(model)):
            nearest, = tables.find(results['evaluations'], recipe=row['nearest'])
            what = f'{results["name"]}, {row["pairs"]} pairs that were not trained on, {", ".join(row["categories"])}'
            rows.append((f'{what}; {row["mode"]} search', replace.shares(nearest['mean']), replace.shares(row['mean'])))
        matcher = cv.semcorr.Matcher.create(str(model))
        matcher.setProvenance(replace.with_figures(replace.without_folders(matcher.getProvenance()).strip(), rows))
        matcher.save(str(model.with_name('measured.yml')))


def measure(args):
    categories = sorted({pair.category for pair in cv.semcorr.readPairs('csv', str(args.root), str(args.pairs))})
    runs = recipes.runs(args.only, args.seeds, categories)
    progress = Progress('models', len(runs))
    results = {'version': 1, 'command': os.environ.get('MODELS_COMMAND', ' '.join(['tools/models/models.py', *sys.argv[1:]])),
               'quick': args.quick, 'seeds': args.seeds, 'name': args.name or args.root.name, 'categories': categories,
               'machine': machine.describe(args.threads), 'runs': []}
    for run in runs:
        progress.stage(f'training {run.name}')
        results['runs'].append({'recipe': run.recipe, 'seed': run.seed, 'without': run.without,
                                **training.train(run, args, progress)})
    results['evaluations'] = evaluate_all(runs, args, progress)
    results['timings'] = time_all(results['evaluations'], args, progress)
    progress.finish()
    results['pairs'] = results['evaluations'][0]['pairs']
    results['methods'] = tables.summary(results)
    results['figures'], results['claims'] = tables.figures(results), tables.claims(results)
    return results


def ship(args, results):
    """The seed that finds most points at 0.1"""
    rows = tables.find(results['evaluations'], recipe='default', mode='patchmatch', without='')
    model = max(rows, key=lambda row: row['mean'][1])['model']
    title = f'{results["name"]}, pictures that were not trained on'
    subprocess.run([sys.executable, ROOT / 'tools/default_model/replace.py', model, '--measure', title, args.root, args.val_pairs,
                    '--build', args.evaluator.parents[1]], check=True)


def main():
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    results = measure(args)
    write(args.out / 'models.json', json.dumps(results, indent=1, ensure_ascii=False) + '\n')
    write(args.out / 'models.md', tables.whole_document(results))
    for table in results['figures'], results['claims']:
        print_table({'table': table})
    publish(results, args)
    print(f'written: {args.out}/models.json, models.md and runs/*/measured.yml')
    if args.docs:
        tables.update_tutorial(results)
    if args.ship:
        ship(args, results)


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, interrupt)
    try:
        main()
    except (cv.error, OSError, subprocess.CalledProcessError) as e:
        sys.exit(f'models.py: {getattr(e, "err", e)}')
    except KeyboardInterrupt:
        sys.exit('\nmodels.py: interrupted; the same command goes on from here')
