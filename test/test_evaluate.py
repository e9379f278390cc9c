#!/usr/bin/env python3
"""Runs the evaluation programs as a user would, on small data sets that are written here, and kills them on the way.

Needs the environment of scripts/test.sh: SEMCORR_BUILD (build folder) and a PYTHONPATH with its cv2."""
import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import cv2
import numpy as np

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get('SEMCORR_BUILD', os.path.join(REPO, 'build'))
PICTURE = os.path.join(os.environ.get('SEMCORR_TESTDATA', os.path.join(REPO, 'testdata')), 'features', 'picture.png')
SHARED = os.environ.get('SEMCORR_SHARED')
CPP = [os.path.join(BUILD, 'bin', 'example_semcorr_evaluate')]
PYTHON = [sys.executable, os.path.join(REPO, 'samples', 'evaluate.py')]
POINTS = np.float32([[30, 40], [100, 60], [200, 150], [60, 180]])


def write_pictures(folder, names, extension='png', first=0):
    """Pictures that show the same at different sizes. Returns the keypoints in each of them."""
    os.makedirs(folder, exist_ok=True)
    picture, keypoints = cv2.imread(PICTURE), {}
    for i, name in enumerate(names, first):
        fx, fy = 0.6 + 0.08 * i, 0.9 - 0.07 * i
        image = cv2.resize(picture, None, fx=fx, fy=fy, interpolation=cv2.INTER_AREA)
        cv2.imwrite(os.path.join(folder, f'{name}.{extension}'), image)
        keypoints[name] = np.round((POINTS + 0.5) * [fx, fy] - 0.5, 2)
    return keypoints


def write_csv(folder):
    """8 pairs of 2 categories"""
    keypoints = {'cat': write_pictures(os.path.join(folder, 'cat'), 'abc'),
                 'dog': write_pictures(os.path.join(folder, 'dog'), 'defg', first=3)}
    rows = []
    for category, pairs in (('cat', ('ab', 'bc', 'ca')), ('dog', ('de', 'ef', 'fg', 'gd', 'df'))):
        for one, two in pairs:
            a, b = keypoints[category][one], keypoints[category][two]
            rows.append([f'{category}/{one}.png', f'{category}/{two}.png', *a[:, 0], *a[:, 1], *b[:, 0], *b[:, 1]])
    with open(os.path.join(folder, 'pairs.csv'), 'w', newline='') as f:
        names = [f'{axis}{image}{n}' for image in 'AB' for axis in 'XY' for n in range(1, 5)]
        csv.writer(f).writerows([['imageA', 'imageB', *names], *rows])
    return [f'--root={folder}', f'--pairs={folder}/pairs.csv']


def write_spair(folder):
    """3 pairs with nuisances"""
    keypoints = write_pictures(os.path.join(folder, 'JPEGImages', 'cat'), 'abc', 'jpg')
    os.makedirs(os.path.join(folder, 'Layout', 'large'))
    os.makedirs(os.path.join(folder, 'PairAnnotation', 'test'))
    lines = []
    for n, (one, two) in enumerate(('ab', 'bc', 'ca')):
        lines.append(f'{n:06}-{one}-{two}:cat')
        a, b = (np.round(keypoints[name]).astype(int).tolist() for name in (one, two))
        sizes = [cv2.imread(os.path.join(folder, 'JPEGImages', 'cat', f'{name}.jpg')).shape for name in (one, two)]
        annotation = {'filename': lines[-1], 'src_imname': f'{one}.jpg', 'trg_imname': f'{two}.jpg', 'category': 'cat',
                      'src_imsize': [sizes[0][1], sizes[0][0], 3], 'trg_imsize': [sizes[1][1], sizes[1][0], 3],
                      'src_bndbox': [5, 5, 100, 100], 'trg_bndbox': [5, 5, 120, 110], 'src_kps': a, 'trg_kps': b,
                      'viewpoint_variation': n, 'scale_variation': 0, 'truncation': 0, 'occlusion': n, 'mirror': 0}
        with open(os.path.join(folder, 'PairAnnotation', 'test', lines[-1] + '.json'), 'w') as f:
            json.dump(annotation, f)
    with open(os.path.join(folder, 'Layout', 'large', 'test.txt'), 'w') as f:
        f.write('\n'.join(lines) + '\n')
    return ['--dataset=spair', f'--root={folder}']


def write_pascal(folder):
    """3 test pairs, one of which is a training pair"""
    keypoints = write_pictures(os.path.join(folder, 'JPEGImages'), 'abc', 'jpg')

    def row(one, two):
        columns = [';'.join(f'{v:g}' for v in keypoints[name][:, axis] + 1) for name in (one, two) for axis in (0, 1)]
        return [f'JPEGImages/{one}.jpg', f'JPEGImages/{two}.jpg', 8, *columns]
    with open(os.path.join(folder, 'test_pairs.csv'), 'w', newline='') as f:
        csv.writer(f).writerows([['source_image', 'target_image', 'class', 'XA', 'YA', 'XB', 'YB'],
                                 row('a', 'b'), row('b', 'c'), row('c', 'a')])
    with open(os.path.join(folder, 'train_pairs.csv'), 'w', newline='') as f:
        csv.writer(f).writerows([['source_image', 'target_image', 'class', 'flip'],
                                 ['JPEGImages/c.jpg', 'JPEGImages/b.jpg', 8, 0]])
    return ['--dataset=pfpascal', f'--root={folder}']


def write_tss(folder):
    """One pair in both directions: image 2 is image 1 at the half of its width"""
    pair = os.path.join(folder, 'JODS', 'pair')
    os.makedirs(pair)
    one = cv2.imread(PICTURE)
    two = cv2.resize(one, (one.shape[1] // 2, one.shape[0]), interpolation=cv2.INTER_AREA)
    for n, image, other in ((1, one, two), (2, two, one)):
        height, width = image.shape[:2]
        flow = np.zeros((height, width, 2), np.float32)
        flow[..., 0] = (np.arange(width) + 0.5) * other.shape[1] / width - 0.5 - np.arange(width)
        flow[:5] = 1e10  # not known
        with open(os.path.join(pair, f'flow{n}.flo'), 'wb') as f:
            f.write(b'PIEH' + np.int32([width, height]).tobytes() + flow.tobytes())
        mask = np.zeros((height, width), np.uint8)
        mask[:, width // 4:width // 2] = 255
        cv2.imwrite(os.path.join(pair, f'mask{n}.png'), mask)
        cv2.imwrite(os.path.join(pair, f'image{n}.png'), image)
    with open(os.path.join(pair, 'flip_gt.txt'), 'w') as f:
        f.write('0\n')
    return ['--dataset=tss', '--split=JODS', f'--root={folder}']


def reference_pck(result, root):
    """Means over the categories of a plain CSV, from the predicted points and the list alone."""
    with open(os.path.join(root, 'pairs.csv')) as f:
        rows = list(csv.reader(f))[1:]
    categories = {}
    for row, pair in zip(rows, result['pairs'], strict=True):
        n = (len(row) - 2) // 4
        truth = np.float32(row[2 + 2 * n:]).reshape(2, n).T.astype(float)
        distance = np.sqrt(((np.float32(pair['predicted']).astype(float) - truth) ** 2).sum(1))
        side = (truth.max(0) - truth.min(0)).max()
        shares = [np.mean(distance <= alpha * side) for alpha in result['alphas']]
        categories.setdefault(row[0].split('/')[0], []).append(shares)
    return np.mean([np.mean(shares, 0) for _, shares in sorted(categories.items())], 0)


class Base(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def call(self, command, *arguments):
        return subprocess.run([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)

    def result(self, command, *arguments, name='result.json'):
        """Runs with --json and returns what was written."""
        done = self.call(command, f'--json={self.path(name)}', *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.path(name + '.part')))
        return json.loads(self.read(name))

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def assertFails(self, done, *words):
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, text)
        self.assertNotIn('Traceback', text)
        for word in words:
            self.assertIn(word, text)


class Programs:
    """The same expectations of the C++ program and of its Python twin"""
    command = None

    def test_plain_csv(self):
        data = write_csv(self.path('data'))
        result = self.result(self.command, *data)
        self.assertEqual([c['name'] for c in result['categories']], ['cat', 'dog'])
        self.assertEqual([c['pairs'] for c in result['categories']], [3, 5])
        self.assertEqual(result['alphas'], [0.05, 0.1, 0.15])
        self.assertEqual(len(result['pairs']), 8)
        np.testing.assert_array_equal(result['mean'], reference_pck(result, self.path('data')))
        self.assertGreater(result['mean'][2], 0.5)  # the pictures show the same
        for (low, high), value in zip(result['mean_interval'], result['mean']):
            self.assertLessEqual(low, value)
            self.assertGreaterEqual(high, value)
        for key in 'version', 'command', 'model', 'conventions', 'bootstrap':
            self.assertTrue(result[key])
        self.assertEqual(len(result['model']['sha256']), 64)

    def test_predictions_are_those_of_transferKeypoints(self):
        data = write_csv(self.path('data'))
        for mode, number in (('dense', cv2.semcorr.SEARCH_DENSE_4D), ('patchmatch', cv2.semcorr.SEARCH_PATCHMATCH)):
            result = self.result(self.command, *data, '--mode=' + mode, '--limit=2')
            matcher = cv2.semcorr.Matcher.create(cv2.semcorr.Matcher.Params(mode=number))
            pairs = cv2.semcorr.readPairs('csv', self.path('data'), self.path('data/pairs.csv'))
            for pair, found in zip((pairs[0], pairs[4]), result['pairs'], strict=True):
                expected, _ = matcher.transferKeypoints(cv2.imread(pair.image1), cv2.imread(pair.image2), pair.points1)
                np.testing.assert_array_equal(np.float32(found['predicted']), expected.reshape(-1, 2))

    def test_model_file(self):
        data = write_csv(self.path('data'))
        model = self.path('model.yml')
        cv2.semcorr.Matcher.create().save(model)
        one, two = self.result(self.command, *data), self.result(self.command, *data, '--model=' + model)
        self.assertEqual(one['model']['sha256'], two['model']['sha256'])
        self.assertEqual(one['pairs'], two['pairs'])

    def test_backbone(self):
        data = write_csv(self.path('data'))
        net = os.path.join(REPO, 'data', 'efficientnet_lite0_block10.onnx')
        result = self.result(self.command, *data, '--mode=nn', '--backbone=' + net, '--longest-side=128', '--limit=3')
        self.assertEqual(len(result['model']['backbone_sha256']), 64)
        self.assertEqual(len(result['pairs']), 3)
        self.assertFails(self.call(self.command, *data, '--backbone=' + net, '--outputs=nosuch'), 'nosuch')

    def test_nuisances(self):
        data = write_spair(self.path('spair'))
        result = self.result(self.command, *data)
        self.assertEqual([(n['name'], n['level'], n['pairs']) for n in result['nuisances']],
                         [('viewpoint', 0, 1), ('viewpoint', 1, 1), ('viewpoint', 2, 1), ('scale', 0, 3), ('truncation', 0, 3),
                          ('occlusion', 0, 1), ('occlusion', 1, 1), ('occlusion', 2, 1)])
        self.assertEqual(result['nuisances'][0]['pck'], result['pairs'][0]['pck'])
        self.assertEqual(result['conventions']['reference'], 'object')
        table = self.call(self.command, *data, '--nuisance').stdout
        self.assertIn('occlusion 2', table)
        self.assertNotIn('occlusion 2', self.call(self.command, *data).stdout)

    def test_training_pairs_in_the_test_list(self):
        data = write_pascal(self.path('pascal'))
        result = self.result(self.command, *data)
        self.assertEqual([p['leaked'] for p in result['pairs']], [0, 1, 0])
        self.assertEqual(result['leak_free']['pairs'], 2)
        unseen = [result['pairs'][i]['pck'] for i in (0, 2)]
        np.testing.assert_allclose(result['leak_free']['overall'], np.mean(unseen, 0), rtol=1e-15)
        self.assertIn('leak-free', self.call(self.command, *data).stdout)

    def test_flows(self):
        data = write_tss(self.path('tss'))
        result = self.result(self.command, *data, f'--visualize={self.path("sheets")}')
        picture = cv2.imread(PICTURE)
        matcher = cv2.semcorr.Matcher.create()
        two = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0]), interpolation=cv2.INTER_AREA)
        for images, found in zip(((picture, two), (two, picture)), result['pairs'], strict=True):
            height, width = images[0].shape[:2]
            flow = matcher.match(*images)[0].astype(float)[5:, width // 4:width // 2]
            truth = (np.arange(width) + 0.5) * images[1].shape[1] / width - 0.5 - np.arange(width)
            distance = np.hypot(flow[..., 0] - np.float32(truth[width // 4:width // 2]), flow[..., 1])
            self.assertEqual(found['points'], distance.size)
            counts = [int((distance <= alpha * max(images[1].shape[:2])).sum()) for alpha in result['alphas']]
            self.assertEqual(found['correct'], counts)
        self.assertFails(self.call(self.command, *data, '--convention=ncnet'))

    def test_conventions(self):
        data = write_csv(self.path('data'))
        names = {name: self.result(self.command, *data, '--convention=' + name)['conventions']
                 for name in ('hpf', 'cats', 'ncnet')}
        self.assertEqual(names['hpf'], {'name': 'hpf', 'reference': 'keypoints', 'per': 'image', 'coordinates': 'original',
                                        'direction': '1to2', 'cells': 'centre'})
        self.assertEqual(names['cats'], {'name': 'cats', 'reference': 'padded', 'per': 'image', 'coordinates': 'square',
                                         'direction': '2to1', 'cells': 'centre'})
        self.assertEqual(names['ncnet'], {'name': 'ncnet', 'reference': 'image', 'per': 'image', 'coordinates': 'square',
                                          'direction': '2to1', 'cells': 'corner'})
        changed = self.result(self.command, *data, '--convention=ncnet', '--reference=keypoints', '--per=point',
                              '--direction=1to2')
        self.assertEqual(changed['conventions'], {'name': 'ncnet', 'reference': 'keypoints', 'per': 'point',
                                                  'coordinates': 'square', 'direction': '1to2', 'cells': 'corner'})

    def test_nearest_neighbours(self):
        """Alone they are those of the backbone, with a model those of its adapted features."""
        data = write_csv(self.path('data'))
        model = self.path('model.yml')
        default = cv2.semcorr.Matcher.create()
        default.save(model)
        identity = cv2.semcorr.ConsensusNet.create(cv2.semcorr.SYMMETRY_NONE, cv2.semcorr.PADDING_INPUT)
        identity.addBlock(np.ones((1,) * 6, np.float32))
        pairs = cv2.semcorr.readPairs('csv', self.path('data'), self.path('data/pairs.csv'))
        predicted = []
        for net, options in (cv2.semcorr.FeatureNet.create(), []), (default.getFeatureNet(), ['--model=' + model]):
            matcher = cv2.semcorr.Matcher.create(net, identity, cv2.semcorr.Matcher.Params(refine=cv2.semcorr.REFINE_NONE))
            expected = [matcher.transferKeypoints(cv2.imread(p.image1), cv2.imread(p.image2), p.points1)[0] for p in pairs]
            found = [p['predicted'] for p in self.result(self.command, *data, '--mode=nn', *options)['pairs']]
            np.testing.assert_array_equal(np.float32(found), np.squeeze(expected, 2))
            predicted.append(found)
        self.assertNotEqual(*predicted)

    def test_cells(self):
        """Nearest neighbours lie on cells, where the convention has them."""
        data = write_csv(self.path('data'))
        net = cv2.semcorr.FeatureNet.create()
        for convention in 'cats', 'ncnet':
            for pair in self.result(self.command, *data, '--mode=nn', '--limit=2', '--convention=' + convention)['pairs']:
                image = cv2.imread(os.path.join(self.path('data'), pair['id'].split(':')[0]))
                size, grid = np.array(image.shape[1::-1]), np.array(net.compute(image).shape[1::-1])
                found = np.array(pair['predicted'])
                if convention == 'ncnet':  # pixel 1 of 224 is the first cell, pixel 224 the last
                    cells = ((found + 1) * 224 / size - 1) / 223 * (grid - 1)
                else:
                    cells = (found + 0.5) * grid / size - 0.5
                np.testing.assert_allclose(cells, np.round(cells), atol=1e-4)

    def test_contact_sheets(self):
        data = write_csv(self.path('data'))
        done = self.call(self.command, *data, f'--visualize={self.path("sheets")}')
        self.assertEqual(done.returncode, 0, done.stderr)
        sheets = sorted(os.listdir(self.path('sheets')))
        self.assertEqual(len(sheets), 2)
        for name in sheets:
            self.assertGreater(cv2.imread(os.path.join(self.path('sheets'), name)).std(), 1)

    def test_check(self):
        data = write_csv(self.path('data'))
        done = self.call(self.command, *data, '--check')
        self.assertEqual((done.returncode, done.stdout.strip()), (0, 'no problems'))
        os.remove(self.path('data/cat/a.png'))
        os.remove(self.path('data/dog/g.png'))
        self.assertFails(self.call(self.command, *data, '--check'), 'a.png', 'g.png', 'pairs.csv')
        self.assertFails(self.call(self.command, *data), 'a.png')

    def test_help(self):
        done = self.call(self.command, '--help')
        self.assertEqual(done.returncode, 0)
        for word in '--dataset', '--root', '--pairs', '--convention', '--resume', '--nuisance', '--visualize', '--limit', '0.05':
            self.assertIn(word, done.stdout)

    def test_malformed_options(self):
        data = write_csv(self.path('data'))
        for option, words in (('--nosuch=1', ['--nosuch']), ('--dataset=coco', ['coco', 'spair']),
                              ('--mode=fast', ['fast', 'patchmatch']), ('--convention=mine', ['mine', 'ncnet']),
                              ('--limit=many', ['many']), ('--alpha=0.1,x', ['alpha']), ('--seed=1.5', ['1.5']),
                              ('--limit=-1', ['-1']), ('--alpha=0', ['alpha']), ('--alpha=nan', ['alpha']),
                              ('--resamples=9', ['9', '10']), ('--input-size=4x', ['input-size']), ('--split=val', ['--pairs']),
                              ('--outputs=conv', ['--backbone']), ('--input-size=400x400', ['--backbone']),
                              ('--json=', ['--json']), ('--resume', ['--json']), ('--model=/no/such.yml', ['such.yml']),
                              ('picture.png', ['picture.png'])):
            with self.subTest(option):
                self.assertFails(self.call(self.command, *data, option), *words)
        self.assertFails(self.call(self.command, '--root=/no/such', '--pairs=pairs.csv'), '/no/such')
        self.assertFails(self.call(self.command, data[0]), '--pairs')
        self.assertFails(self.call(self.command, data[1]), '--root')
        self.assertFails(self.call(self.command, *data, f'--json={self.path("no/such/folder/result.json")}'), 'result.json')

    def test_errors_come_before_the_long_work(self):
        data = write_csv(self.path('data'))
        with open(self.path('file'), 'w'):
            pass
        for option, word in (('--reference=object', 'box2'), (f'--visualize={self.path("file")}', 'file')):
            with self.subTest(option):
                done = self.call(self.command, *data, option)
                self.assertFails(done, word)
                self.assertNotIn('/8 pairs', done.stderr)

    def killed(self, arguments, lines):
        """Starts a run and kills it, without warning, when its journal has so many lines."""
        part = self.path('result.json.part')
        with subprocess.Popen([*self.command, f'--json={self.path("result.json")}', *arguments], stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL) as process:
            end = time.monotonic() + 100
            while not os.path.exists(part) or self.read('result.json.part').count('\n') < lines:
                self.assertIsNone(process.poll(), 'it ended too soon')
                self.assertLess(time.monotonic(), end)
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        self.assertFalse(os.path.exists(self.path('result.json')))
        return self.read('result.json.part')

    def test_killed_and_resumed(self):
        data = write_csv(self.path('data'))
        self.result(self.command, *data)
        whole = self.read('result.json')
        os.remove(self.path('result.json'))
        for lines in 1, 4:
            part = self.killed(data, lines)
            for torn in 0, 1, 9:
                with open(self.path('result.json.part'), 'w') as f:
                    f.write(part[:len(part) - torn])
                self.result(self.command, *data, '--resume')
                self.assertEqual(self.read('result.json'), whole)
                os.remove(self.path('result.json'))
        # a line that is not whole, with others after it, as a power cut may leave it
        lines = self.killed(data, 4).splitlines(True)
        with open(self.path('result.json.part'), 'w') as f:
            f.writelines([*lines[:2], lines[2][:-4] + '\n', *lines[3:]])
        self.result(self.command, *data, '--resume')
        self.assertEqual(self.read('result.json'), whole)

    def test_resume_takes_what_is_done(self):
        data = write_csv(self.path('data'))
        part = self.killed(data, 3)
        first, second, *rest = part.splitlines(True)
        numbers = json.loads(second)
        numbers[-1] = 12.5
        with open(self.path('result.json.part'), 'w') as f:
            f.write(first + json.dumps(numbers) + '\n' + ''.join(rest))
        self.assertFails(self.call(self.command, f'--json={self.path("result.json")}', *data), '--resume')
        result = self.result(self.command, *data, '--resume')
        self.assertEqual(result['pairs'][0]['predicted'][-1][-1], 12.5)

    def test_resume_of_another_run(self):
        data = write_csv(self.path('data'))
        self.killed(data, 2)
        for other in ['--mode=nn'], ['--alpha=0.2'], ['--limit=2']:
            done = self.call(self.command, f'--json={self.path("result.json")}', *data, '--resume', *other)
            self.assertFails(done, 'another run', other[0])
        lines = self.read('data/pairs.csv').splitlines(True)
        with open(self.path('data/pairs.csv'), 'w') as f:
            f.writelines([*lines[:-1], lines[-1].replace('dog/d', 'dog/e')])
        self.assertFails(self.call(self.command, f'--json={self.path("result.json")}', *data, '--resume'), 'another run')

    def test_resume_from_nothing(self):
        data = write_csv(self.path('data'))
        self.result(self.command, *data, '--resume')
        open(self.path('result.json.part'), 'w').close()
        self.result(self.command, *data, '--resume')

    @unittest.skipUnless(SHARED, 'needs ../shared')
    def test_willow(self):
        root = os.path.join(SHARED, 'data', 'willow')
        result = self.result(self.command, f'--root={root}', f'--pairs={root}/val_pairs.csv', '--limit=60')
        self.assertEqual([c['name'] for c in result['categories']], ['Car', 'Duck', 'Motorbike', 'Winebottle'])
        self.assertGreater(result['mean'][1], 0.3)

    @unittest.skipUnless(SHARED, 'needs ../shared')
    def test_default_model_finds_what_it_was_shipped_for(self):
        root = os.path.join(SHARED, 'data', 'willow')
        for mode in 'dense', 'patchmatch':
            result = self.result(self.command, f'--root={root}', f'--pairs={root}/val_pairs.csv', f'--mode={mode}')
            for found, required in zip(result['mean'], (0.39, 0.63, 0.74)):
                self.assertGreater(found, required)


class EvaluateProgram(Programs, Base):
    command = CPP

    def test_methods(self):
        data = write_csv(self.path('data'))
        model = self.path('model.yml')
        cv2.semcorr.Matcher.create().save(model)
        done = self.call(CPP, *data, f'--methods=nn,{model}:patchmatch,dense,dense', f'--json={self.path("r.json")}',
                         f'--csv={self.path("r.csv")}')
        self.assertEqual(done.returncode, 0, done.stderr)
        names = ['builtin-nn', 'model-patchmatch', 'builtin-dense', 'builtin-dense-2']
        means = {}
        for name in names:
            self.assertIn(name, done.stdout)
            means[name] = json.loads(self.read(f'r.{name}.json'))['mean']
        files = ['data', 'model.yml', 'r.csv', *(f'r.{name}.json' for name in names)]
        self.assertEqual(sorted(os.listdir(self.dir.name)), sorted(files))
        rows = list(csv.DictReader(self.read('r.csv').splitlines()))
        for name in names:
            row, = [r for r in rows if r['method'] == name and r['group'] == 'mean']
            self.assertEqual([float(row[f'pck@{a}']) for a in ('0.05', '0.1', '0.15')], means[name])
        self.assertEqual(means['builtin-dense'], self.result(CPP, *data, '--mode=dense')['mean'])
        self.assertFails(self.call(CPP, *data, '--methods=nn,,dense'), '--methods')

    def test_python_table_and_cache(self):
        data = write_csv(self.path('data'))
        cache = f'--cache={self.path("cache")}'
        whole = self.result(PYTHON, *data, f'--csv={self.path("python.csv")}')
        self.assertEqual(self.call(CPP, *data, f'--csv={self.path("cpp.csv")}').returncode, 0)
        tables = [list(csv.DictReader(self.read(f'{name}.csv').splitlines())) for name in ('python', 'cpp')]
        self.assertEqual([list(row) for row in tables[0]], [list(row) for row in tables[1]])
        for one, two in zip(*tables, strict=True):
            for key in one:
                same = one[key] == two[key] if key in ('method', 'group', 'name') else float(one[key]) == float(two[key])
                self.assertTrue(same, f'{key}: {one}, {two}')
        self.assertEqual(self.result(PYTHON, *data, cache), whole)
        files = sorted(pathlib.Path(self.path('cache')).iterdir())
        self.assertEqual(len(files), 7)
        for i, file in enumerate(files):  # damaged files are made anew
            content = bytearray(file.read_bytes())
            content[len(content) * i // len(files)] ^= 1
            file.write_bytes(content[:-1] if i == 3 else content)
        self.assertEqual(self.result(PYTHON, *data, cache), whole)
        times = [file.stat().st_mtime_ns for file in files]
        self.assertEqual(self.result(PYTHON, *data, cache), whole)
        self.assertEqual([file.stat().st_mtime_ns for file in files], times)

    def test_methods_resumed(self):
        data = [*write_csv(self.path('data')), '--methods=nn,dense']
        self.assertEqual(self.call(CPP, *data, f'--json={self.path("r.json")}').returncode, 0)
        whole = [self.read(f'r.builtin-{mode}.json') for mode in ('nn', 'dense')]
        part = self.path('r.builtin-dense.json.part')
        with subprocess.Popen([*CPP, *data, f'--json={self.path("r.json")}'], stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL) as process:
            while not os.path.exists(part):
                self.assertIsNone(process.poll())
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path('r.builtin-nn.json.part')))  # what is done is not repeated
        self.assertEqual(self.call(CPP, *data, f'--json={self.path("r.json")}', '--resume').returncode, 0)
        self.assertEqual([self.read(f'r.builtin-{mode}.json') for mode in ('nn', 'dense')], whole)
        self.assertFalse([name for name in os.listdir(self.dir.name) if '.part' in name])

    def test_cache(self):
        data = write_csv(self.path('data'))
        cache = f'--cache={self.path("cache")}'
        whole = self.result(CPP, *data)
        self.assertEqual(self.result(CPP, *data, cache), whole)
        files = [os.path.join(self.path('cache'), name) for name in sorted(os.listdir(self.path('cache')))]
        self.assertEqual(len(files), 7)
        contents = [pathlib.Path(name).read_bytes() for name in files]
        self.assertEqual(self.result(CPP, *data, cache, '--cache-memory=0'), whole)
        # damaged files are made anew
        for name, content in zip(files, (b'', contents[1][:100], contents[2][:-1], contents[3][:50] + b'!' + contents[3][51:],
                                         b'x' * 1000)):
            with open(name, 'wb') as f:
                f.write(content)
        self.assertEqual(self.result(CPP, *data, cache), whole)
        self.assertEqual([pathlib.Path(name).read_bytes() for name in files], contents)
        # whole ones are used: with each in the place of another, the result changes
        for name, content in zip(files, contents[1:] + contents[:1]):
            with open(name, 'wb') as f:
                f.write(content)
        self.assertNotEqual(self.result(CPP, *data, cache)['pairs'], whole['pairs'])
        # another net has its own files
        self.result(CPP, *data, cache, '--backbone=' + os.path.join(REPO, 'data', 'efficientnet_lite0_block10.onnx'))
        self.assertEqual(len(os.listdir(self.path('cache'))), 14)

    def test_compare(self):
        data = write_csv(self.path('data'))
        self.result(CPP, *data, '--mode=nn', name='nn.json')
        done = self.call(CPP, *data, f'--compare={self.path("nn.json")}', f'--json={self.path("own.json")}')
        self.assertEqual(done.returncode, 0, done.stderr)
        own, nn = json.loads(self.read('own.json')), json.loads(self.read('nn.json'))
        line = next(line for line in done.stdout.split('against', 1)[1].splitlines() if line.startswith('mean over categories'))
        self.assertIn(f'{100 * (own["mean"][0] - nn["mean"][0]):+.1f}', line)
        alone = self.call(CPP, f'--compare={self.path("own.json")},{self.path("nn.json")}')
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertIn(line, alone.stdout)
        same = self.call(CPP, f'--compare={self.path("nn.json")},{self.path("nn.json")}').stdout
        self.assertIn('+0.0 [ +0.0,  +0.0] p = 1.000', same)
        self.assertFails(self.call(CPP, f'--compare={self.path("own.json")},{self.path("none.json")}'), 'none.json', 'read')
        for text in '{}', 'nonsense', '{"schema": 1, "pairs": [1]}', self.read('nn.json')[:-100]:
            with open(self.path('bad.json'), 'w') as f:
                f.write(text)
            self.assertFails(self.call(CPP, f'--compare={self.path("own.json")},{self.path("bad.json")}'), 'bad.json')
            self.assertNotIn('persistence', self.call(CPP, f'--compare={self.path("own.json")},{self.path("bad.json")}').stderr)
        self.result(CPP, *data, '--alpha=0.2', name='other.json')
        self.assertFails(self.call(CPP, f'--compare={self.path("own.json")},{self.path("other.json")}'), 'alpha')
        for options in ([f'--compare={self.path("other.json")}'], [f'--compare={self.path("nn.json")}', '--direction=2to1'],
                        [f'--csv={self.path("no/such/table.csv")}']):
            done = self.call(CPP, *data, *options)
            self.assertFails(done)
            self.assertNotIn('/8 pairs', done.stderr)

    def test_progress(self):
        data = write_csv(self.path('data'))
        self.assertIn('8/8 pairs', self.call(CPP, *data).stderr)


class EvaluateScript(Programs, Base):
    command = PYTHON


class Twins(Base):
    def test_the_same_json(self):
        csv_data, spair = write_csv(self.path('data')), write_spair(self.path('spair'))
        pascal, tss = write_pascal(self.path('pascal')), write_tss(self.path('tss'))
        for arguments in (csv_data, [*csv_data, '--mode=nn', '--limit=5'], [*csv_data, '--convention=ncnet', '--mode=patchmatch'],
                          [*csv_data, '--convention=cats', '--per=point', '--seed=3'], spair, [*spair, '--convention=ncnet'],
                          [*pascal, '--convention=chm'], tss):
            with self.subTest(' '.join(arguments)):
                self.assertEqual(self.result(CPP, *arguments), self.result(PYTHON, *arguments, name='twin.json'))


if __name__ == '__main__':
    unittest.main()
