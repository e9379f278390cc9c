#!/usr/bin/env python3
"""Runs scripts/models.sh's program on a small data set that is made here, and checks its tables on made-up results.

Needs the environment of scripts/test.sh: SEMCORR_BUILD (build folder) and a PYTHONPATH with its cv2; and the trainer, built by
scripts/train.sh --build-only."""
import contextlib
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import cv2 as cv

import test_train

ROOT = pathlib.Path(test_train.REPO)
sys.path += [str(ROOT / 'tools' / folder) for folder in ('bench', 'default_model', 'models')]

import recipes  # noqa: E402  (these need the path)
import tables  # noqa: E402

EVALUATOR = os.path.join(test_train.BUILD, 'bin', 'example_semcorr_evaluate')
SMALL = ['--', '--longest-side=128', '--adapter-hidden=32', '--device=cpu']


def methods(**pck):
    """Rows of the table of methods: {recipe: (PCK by dense search, PCK by PatchMatch)}"""
    rows = []
    for recipe, both in pck.items():
        for mode, value in zip(('dense', 'patchmatch'), both):
            rows.append({'recipe': recipe, 'title': tables.title(recipe), 'mode': mode, 'pck': [value, value + 0.2, value + 0.3],
                         'nearest': '', 'searchMs': 5 + len(rows), 'workspace': 1e6 * (9 - len(rows))})
    return rows


class Tables(unittest.TestCase):
    @staticmethod
    def evaluation(recipe, mode, duck, car, without='', nearest='nearest/lite0-400'):
        return {'recipe': recipe, 'mode': mode, 'seed': 1, 'without': without, 'nearest': nearest, 'mean': [duck] * 3,
                'categories': {'Duck': [duck] * 3, 'Car': [car] * 3}}

    def figures(self, rows, evaluations):
        found = tables.figures({'methods': rows, 'evaluations': evaluations, 'categories': ['Car', 'Duck']})
        return {row['what']: row for row in found}

    def test_required(self):
        figures = self.figures(methods(default=(0.39, 0.4), specialised=(0.42, 0.419), photos=(0.1, 0.106)), [])
        for what, holds in (('PMNC, pairs and photos (default): PCK at 0.05', True), ('PMNC, ResNet-50: PCK at 0.05', None),
                            ('PMNC, pairs and photos (default): PCK at 0.1', False), (f'{tables.title("specialised")}: PCK at 0.05', False),
                            (f'{tables.title("specialised")}: PatchMatch and dense apart, points', True),
                            ('PMNC, photos only: PatchMatch and dense apart, points', False),
                            ('PMNC, ResNet-50: PatchMatch and dense apart, points', None)):
            self.assertIs(figures[what]['holds'], holds, what)

    def test_limits_of_training(self):
        """They are those of all recipes but the ones to compare with."""
        rows = [dict(row, trainSeconds=901, trainBytes=3.9e9) for row in methods(resnet50_mixed=(0.4,), photos=(0.3,), ancnet=(0.2,))]
        figures = self.figures(rows, [])
        for recipe in 'resnet50_mixed', 'photos':
            self.assertIs(figures[f'{tables.title(recipe)}: training, minutes']['holds'], False)
            self.assertIs(figures[f'{tables.title(recipe)}: training, GB']['holds'], True)
        self.assertIs(figures['adapter alone: training, minutes']['holds'], None)
        self.assertNotIn(tables.title('ancnet') + ': training, minutes', figures)

    def test_gains(self):
        """Over nearest neighbours of the same features, on the category itself, by the worse way to search"""
        nearest = self.evaluation('nearest/lite0-400', 'dense', 0.3, 0.5, nearest='')
        other = self.evaluation('nearest/lite0-480', 'dense', 0.9, 0.9, nearest='')
        figures = self.figures([], [other, nearest, self.evaluation('default', 'dense', 0.45, 0.1, 'Duck'),
                                    self.evaluation('default', 'patchmatch', 0.41, 0.1, 'Duck'),
                                    self.evaluation('photos', 'dense', 0.35, 0.54)])
        value = 'default without Duck, on Duck: PCK at %s over nearest neighbours'
        self.assertEqual([figures[value % a]['measured'] for a in (0.05, 0.1, 0.15)], ['+0.110'] * 3)
        self.assertEqual([figures[value % a]['holds'] for a in (0.05, 0.1, 0.15)], [True, True, False])
        self.assertIsNone(figures['default without Car, on Car: PCK at 0.05 over nearest neighbours']['holds'])
        self.assertIs(figures['photos only, Duck: PCK at 0.1 over nearest neighbours']['holds'], True)
        self.assertIs(figures['photos only, Car: PCK at 0.1 over nearest neighbours']['holds'], False)

    def test_seeds_of_categories_left_out(self):
        """Means over them, in the table and over nearest neighbours"""
        nearest = self.evaluation('nearest/lite0-400', 'dense', 0.3, 0.5, nearest='')
        left_out = [dict(self.evaluation('default', mode, 0.4 + 0.01 * seed, 0, 'Duck'), seed=seed)
                    for seed in (1, 2, 3) for mode in ('dense', 'patchmatch')]
        seen = [self.evaluation('default', mode, 0.5, 0.6) for mode in ('dense', 'patchmatch')]
        figures = self.figures([], [nearest, *left_out, *seen])
        self.assertEqual(figures['default without Duck, on Duck: PCK at 0.1 over nearest neighbours']['measured'], '+0.120')
        table = tables.left_out_table({'evaluations': [nearest, *left_out, *seen], 'categories': ['Car', 'Duck']}).splitlines()
        self.assertEqual([row for row in table if 'Car' in row], [])
        self.assertEqual(table[2:], ['| Duck | nearest neighbours | .300 | .300 | .300 |',
                                     *[f'| Duck | not trained on it, {mode} | .420 ± .010 | .420 ± .010 | .420 ± .010 |'
                                       for mode in ('dense', 'patchmatch')],
                                     *[f'| Duck | trained on all categories, {mode} | .500 | .500 | .500 |'
                                       for mode in ('dense', 'patchmatch')]])
        alone = tables.left_out_table({'evaluations': [nearest, *left_out], 'categories': ['Duck']}).splitlines()
        self.assertEqual(alone, table[:-2], '--only=leave_one_out')

    def test_claims(self):
        rows = methods(pmnc=(0.40, 0.41), ncnet_33=(0.405,), adapter=(0.42,))
        holds = [row['holds'] for row in tables.claims({'methods': rows})]
        self.assertEqual(holds, [False] * 3 + [True, False, False, True, True, False])  # time, workspace of each group
        rows = [row for row in rows if row['recipe'] != 'adapter']
        self.assertEqual([row['holds'] for row in tables.claims({'methods': rows})][:3], [True] * 3)
        self.assertEqual({row['holds'] for row in tables.claims({'methods': []})}, {None})

    def test_seeds(self):
        evaluations = [dict(self.evaluation('adapter', 'dense', pck, 0), seed=seed) for seed, pck in enumerate((0.2, 0.3, 0.4))]
        runs = [{'recipe': 'adapter', 'without': '', 'cpuSeconds': 10 * s, 'startSeconds': 100 / s, 'steps': 5,
                 'peakBytes': 7 * s, 'provenance': 'made-up'} for s in (1, 2, 3)]
        row, = tables.summary({'evaluations': evaluations, 'runs': runs, 'timings': []})
        self.assertAlmostEqual(row['pck'][0], 0.3)
        self.assertAlmostEqual(row['deviation'][0], 0.1)
        self.assertEqual([row['trainSeconds'], row['trainBytes']], [10, 21])
        self.assertIn('| 5 | 10 + 33 | 2000 | 0.0 |', tables.methods_table({'methods': [row]}))
        # the third computed features, besides
        runs[2]['provenance'] = 'Seed 3, 5 of 5 steps, 4 s, 2 threads'
        row, = tables.summary({'evaluations': evaluations, 'runs': runs, 'timings': []})
        self.assertEqual(row['trainSeconds'], 8)

    def test_the_tutorial_has_a_place_for_them(self):
        page = tables.TUTORIAL.read_text(encoding='utf-8')
        for name in tables.PARTS:
            self.assertEqual([page.count(mark.format(name)) for mark in (tables.BEGIN, tables.END)], [1, 1])

    def test_parts(self):
        """Only what was measured completely goes into the tutorial, each recipe into one part."""
        names = [name for part in tables.PARTS.values() for name in part]
        self.assertEqual(sorted(names), sorted([*recipes.RECIPES, recipes.LEAVE_ONE_OUT]))
        models = [name for name in tables.PARTS['models'] if name != recipes.LEAVE_ONE_OUT]
        evaluations = [self.evaluation(name, 'dense', 0.4, 0.5, *left_out) for name, *left_out in
                       [*((name,) for name in (*tables.METHODS, *models)), ('default', 'Car')]]  # Duck is not left out
        evaluations = [self.evaluation('nearest/lite0-400', 'dense', 0.3, 0.5, nearest=''),
                       *(dict(e, seed=seed) for e in evaluations for seed in (1, 2, 3))]
        results = {'evaluations': evaluations, 'runs': [], 'timings': [], 'categories': ['Car', 'Duck'], 'seeds': [1, 2, 3],
                   'name': 'made-up',
                   'pairs': 7, 'command': 'models.sh', 'quick': False,
                   'machine': {'cpu': 'x', 'cores': 1, 'threads': 1, 'opencv': '4', 'revision': ''}}
        results['methods'] = tables.summary(results)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as said:
            page = pathlib.Path(folder, 'page.markdown')
            page.write_text(''.join(f'{tables.BEGIN.format(name)}{name}{tables.END.format(name)}' for name in tables.PARTS))
            with mock.patch.object(tables, 'TUTORIAL', page):
                tables.update_tutorial(results)
            text = page.read_text()
        self.assertIn(f'{tables.BEGIN.format("models")}models{tables.END.format("models")}', text)
        self.assertIn('"models" stays as it is', said.getvalue())
        written = text.split(tables.END.format('methods'))[0]
        for words in 'adapter alone', 'ANC-Net A', 'nearest neighbours, Lite0', 'above all others':
            self.assertIn(words, written)
        self.assertNotIn('default', written)
        run = {'recipe': 'pmnc', 'seed': 1, 'without': '', 'provenance': 'Seed 1, 6 of 6 steps, 3 s, 1 threads, revision abc1+\nData'}
        self.assertIn('`models.sh`, trained at abc1+. Machine', tables.document({**results, 'runs': [run]}, tables.METHODS))
        self.assertFalse(tables.complete({**results, 'seeds': [1, 2]}, tables.METHODS))
        evaluations += [dict(self.evaluation('default', 'dense', 0.4, 0.5, 'Duck'), seed=seed) for seed in (1, 2, 3)]
        self.assertTrue(tables.complete(results, tables.PARTS['models']))


class ReplaceDefault(test_train.Data):
    """tools/default_model/replace.py in a copy of what it writes to"""
    def setUp(self):
        super().setUp()
        self.repo = pathlib.Path(self.dir.name, 'repo')
        for name in ('tools/default_model/replace.py', 'tools/bench/common.py', 'data/README.md', 'README.md',
                     'tutorials/semcorr_evaluate.markdown',
                     'data/pmnc_lite0.yml.gz', 'samples/data/points.csv',
                     *(f'samples/data/{name}.jpg' for name in ('chelsea', 'raccoon', 'hopper', 'collins'))):
            copy = self.repo / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
        (self.repo / 'doc/pics').mkdir(parents=True)
        self.data = self.repo / 'data/pmnc_lite0.yml.gz'

    def replace(self, model, title='made-up pairs'):
        words = [sys.executable, self.repo / 'tools/default_model/replace.py', model, '--measure', title, self.root, self.val, '--build',
                 test_train.BUILD]
        return subprocess.run(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)

    @staticmethod
    def weights(file):
        text = gzip.decompress(file.read_bytes()).decode()
        return re.sub(r'# sha256.*', '', re.sub(r'(?s)   provenance:.*?\n   search:', '', text))

    def test_figures_become_part_of_the_file(self):
        weights = self.weights(self.data)
        result = self.replace(self.data)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.weights(self.data), weights)
        provenance = cv.semcorr.Matcher.create(str(self.data)).getProvenance()
        figures = re.findall(r"PCK at 0\.05 / 0\.1 / 0\.15 of .*: (\S+) / (\S+) / (\S+) \(nearest neighbours .*; made-up pairs: "
                             r"16 pairs, round, square\)", provenance)
        self.assertEqual(len(figures), 1)
        page = (self.repo / 'data/README.md').read_text()
        for words in (hashlib.sha256(self.data.read_bytes()).hexdigest(), f'{len(self.data.read_bytes()):,} bytes', provenance.strip(),
                      f'| {" / ".join(figures[0])} |'):
            self.assertIn(words, page)
        self.assertIn('made-up pairs: 16 pairs, round, square | ', (self.repo / 'README.md').read_text())
        for name in 'match', 'compare', 'points':
            self.assertGreater((self.repo / f'doc/pics/{name}.jpg').stat().st_size, 10000)
        before = self.data.read_bytes()  # again: the same figures in the same place
        self.assertEqual(self.replace(self.data).returncode, 0)
        self.assertEqual(self.data.read_bytes(), before)

    def test_what_cannot_be_the_default(self):
        before = self.data.read_bytes()
        matcher = cv.semcorr.Matcher.create(str(self.data))
        file = os.path.join(self.dir.name, 'model.yml')
        provenance = matcher.getProvenance()
        matcher.setProvenance(provenance + '\nseen at /home/someone/data')
        matcher.save(file)
        self.assertIn('names folders of a machine', self.replace(file).stderr)
        matcher.setProvenance(provenance)
        params = matcher.getParams()
        params.iterations += 1
        matcher.setParams(params)
        matcher.save(file)
        self.assertIn('the default of Matcher::Params', self.replace(file).stderr)
        self.assertEqual(self.data.read_bytes(), before)


@unittest.skipUnless(os.path.exists(test_train.TRAINER), 'the trainer is not built (scripts/train.sh --build-only)')
class Models(test_train.Data):
    def command(self, *options):
        return [sys.executable, str(ROOT / 'tools/models/models.py'), '--root=' + self.root, '--pairs=' + self.pairs,
                '--val-pairs=' + self.val, '--trainer=' + test_train.TRAINER, '--evaluator=' + EVALUATOR, '--out=' + self.out,
                '--cache=' + os.path.join(self.folder.name, 'models_cache'), '--threads=1', *options]

    def call(self, *options):
        return subprocess.run(self.command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)

    def results(self, *options):
        result = self.call(*options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return json.loads(pathlib.Path(self.out, 'models.json').read_text())

    def test_everything_once(self):
        options = ['--quick', '--photos=' + os.path.join(self.root, 'round'), '--only=default,adapter,leave_one_out', *SMALL]
        first = self.results(*options)
        self.assertEqual([run['name'] for run in first['runs']],
                         ['default-1', 'adapter-1', 'default-1-without-round', 'default-1-without-square'])
        self.assertEqual([(m['recipe'], m['mode']) for m in first['methods']],
                         [('nearest/lite0-128', 'dense'), ('default', 'dense'), ('default', 'patchmatch'), ('adapter', 'dense')])
        for row in first['methods']:
            self.assertTrue(all(0 <= v <= 1 for v in row['pck']))
            self.assertGreater(row['totalMs'], row['searchMs'])
            self.assertGreater(row['processBytes'], row['workspace'])
        for run in first['runs']:
            self.assertEqual(run['steps'], 3)
            self.assertGreater(run['peakBytes'], 50e6)
        self.assertIn('12 pairs of 4 pictures in 1 categories (square)', first['runs'][2]['provenance'])
        measured = cv.semcorr.Matcher.create(os.path.join(self.out, 'runs/default-1/measured.yml')).getProvenance()
        for row in first['methods'][1:3]:
            shares = ' / '.join(f'{v:.3f}'.lstrip('0') for v in row['pck'])
            self.assertRegex(measured, rf'box, mean of the categories: {shares} \(nearest .*; data, 8 pairs .*; {row["mode"]} search\)')
        self.assertNotIn(self.root, measured)
        text = pathlib.Path(self.out, 'models.md').read_text()
        for words in ('adapter alone', 'DOES NOT HOLD', 'default without round, on round', '--quick'):
            self.assertIn(words, text)
        self.assertNotIn(self.root, text)
        logs = {log: log.read_bytes() for log in pathlib.Path(self.out).glob('**/*.log')}
        self.assertEqual(len(logs), 4 + 8)
        second = self.results(*options)
        self.assertEqual({log: log.read_bytes() for log in logs}, logs)  # nothing was done again
        self.assertEqual(second['runs'], first['runs'])
        self.assertEqual(second['evaluations'], first['evaluations'])

    def test_goes_on(self):
        options = ['--only=adapter', '--seeds=5', *SMALL, '--steps=60', '--checkpoint-every=2', '--versions=2']
        process = subprocess.Popen(self.command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        folder = pathlib.Path(self.out, 'runs', 'adapter-5')
        while not (folder / 'checkpoint.pt').exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        self.assertIn('goes on from here', process.communicate(timeout=60)[1])
        self.assertEqual(process.returncode, 1)
        self.assertFalse((folder / 'model.yml').exists())
        run, = self.results(*options)['runs']
        self.assertEqual(run['steps'], 60)
        self.assertRegex((folder / 'train.log').read_text(), r'semcorr_train --config=.* --resume\n')
        # another recipe is another model
        run, = self.results('--only=adapter', '--seeds=5', *SMALL, '--steps=2', '--versions=2')['runs']
        self.assertEqual(run['steps'], 2)

    def test_other_data_of_the_same_name(self):
        """They are trained on and measured on."""
        lists = [os.path.join(self.dir.name, name) for name in ('pairs.csv', 'val.csv')]
        shutil.copy(self.pairs, lists[0])
        shutil.copy(self.val, lists[1])
        options = ['--quick', '--only=adapter', '--pairs=' + lists[0], '--val-pairs=' + lists[1], *SMALL]
        first = self.results(*options)
        for path in lists:
            lines = pathlib.Path(path).read_text().splitlines()
            pathlib.Path(path).write_text('\n'.join(lines[:7]))
        second = self.results(*options)
        for results, pairs, val in (first, 24, 8), (second, 6, 6):  # 8: the most of --quick
            self.assertIn(f'{pairs} pairs of', results['runs'][0]['provenance'])
            self.assertEqual(results['pairs'], val)

    def test_begins_with_another_recipe(self):
        """With its adapter; and is trained again where that one is."""
        options = ['--only=ncnet_33', '--seeds=5', *SMALL, '--versions=2', '--batch=2']
        run, = self.results(*options, '--steps=2')['runs']
        adapter = json.loads(pathlib.Path(self.out, 'runs/adapter-5/run.json').read_text())
        self.assertEqual([run['name'], run['start'], run['startSeconds']], ['ncnet_33-5', adapter['sha256'], adapter['cpuSeconds']])
        self.assertRegex(run['provenance'],
                         r'(?s)Began but for the scoring net with the weights of:\n  Trained by .*\n  Seed 5, 2 of 2 steps')
        self.assertIn(f'| 2 | {tables.busy_seconds(run):.0f} + {adapter["cpuSeconds"]:.0f} |', pathlib.Path(self.out, 'models.md').read_text())
        again, = self.results(*options, '--steps=2')['runs']
        self.assertEqual(again, run)
        pathlib.Path(self.out, 'runs/adapter-5/checkpoint.pt').unlink()
        again, = self.results(*options, '--steps=3')['runs']
        self.assertEqual([again['steps'], again['start'] == run['start']], [3, False])

    def test_recipes(self):
        self.assertEqual({file.stem for file in recipes.FOLDER.glob('*.yml')}, set(recipes.RECIPES))
        for name, recipe in recipes.RECIPES.items():
            words = [test_train.TRAINER, f'--config={recipes.FOLDER / name}.yml', '--pairs=nothing.csv', '--root=' + self.root,
                     '--outputs=', '--out=' + self.out, *['--photos=' + os.path.join(self.root, 'round')] * recipe.photos]
            words += ['--start-from=nothing.pt'] * bool(recipe.start)
            result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertIn('nothing.csv', result.stderr)  # the options are right, the data are not there
            self.assertEqual(result.returncode, 1)

    def test_recipes_that_begin_with_another(self):
        names = [name for name, recipe in recipes.RECIPES.items() if recipe.start]
        runs = self.results('--quick', '--only=' + ','.join(names), *SMALL, '--steps=1')['runs']
        self.assertEqual([(run['name'], run['steps']) for run in runs], [(name + '-1', 1) for name in names])

    def test_mistakes(self):
        for option, *words in (('--only=nothing', 'nothing', 'specialised'), ('--only=default', 'default needs --photos'),
                               ('--only=leave_one_out', 'leave_one_out needs --photos'), ('--root=nowhere', 'nowhere does not exist'),
                               ('--only=resnet50', 'resnet50 needs --backbones'), ('--seeds=1,1', '1,1', 'different'),
                               ('--backbones=' + self.root, 'resnet50_conv4.onnx'), ('--ship', 'expected default'),
                               ('--quick --docs', '--docs with --quick'),
                               ('--stepz=3', '--stepz')):
            result = self.call(*option.split())
            self.assertEqual(result.returncode, 1, option)
            self.assertTrue(all(word in result.stderr for word in ('models.py: ', *words)), result.stderr)
        result = self.call('--quick', '--only=adapter', '--', '--stepz=3')
        self.assertIn('unknown option --stepz', result.stderr)


if __name__ == '__main__':
    unittest.main()
