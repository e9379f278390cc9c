#!/usr/bin/env python3
"""Runs the trainer's own tests and the trainer as a user would, on a small data set that is made here.

Needs the environment of scripts/test.sh: SEMCORR_BUILD (build folder) and a PYTHONPATH with its cv2; and the trainer, built by
scripts/train.sh --build-only. SEMCORR_TRAIN_DEVICE=cuda trains on a CUDA device instead of the CPU."""
import csv
import ctypes
import glob
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

import cv2
import numpy as np

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get('SEMCORR_BUILD', os.path.join(REPO, 'build'))
TRAINER = os.path.join(BUILD, 'bin', 'semcorr_train')
OWN_TESTS = os.path.join(BUILD, 'bin', 'semcorr_train_test')
CACHE = os.environ.get('SEMCORR_CACHE') or os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'semcorr')
TORCH_PYTHON = os.path.join(CACHE, 'torch-2.11.0', 'bin', 'python')
DEVICE = os.environ.get('SEMCORR_TRAIN_DEVICE', 'cpu')
POINTS = 4


def has_cuda():
    try:
        ctypes.CDLL('libcuda.so.1')
    except OSError:
        return False
    return True


def draw(kind, seed):
    """A picture of 128x96 with an object of four coloured corners somewhere, and the corners."""
    rng = np.random.RandomState(seed)
    picture = np.full((96, 128, 3), rng.randint(60, 200, 3), np.uint8)
    x, y, side = rng.randint(20, 60), rng.randint(20, 40), rng.randint(24, 36)
    corners = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], np.float32)
    cv2.fillPoly(picture, [corners.astype(np.int32)], (90, 90, 90))
    for corner, colour in zip(corners.astype(int), [(0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255)]):
        if kind == 'round':
            cv2.circle(picture, tuple(int(v) for v in corner), 8, colour, -1)
        else:
            cv2.rectangle(picture, tuple(int(v) for v in corner - 7), tuple(int(v) for v in corner + 7), colour, -1)
    return picture, corners


@unittest.skipUnless(os.path.exists(OWN_TESTS), 'the trainer is not built (scripts/train.sh --build-only)')
class OwnTests(unittest.TestCase):
    """Those of tools/train/test, each as one of its own"""


def add_own_tests():
    for name in subprocess.run([OWN_TESTS, '--list'], stdout=subprocess.PIPE, text=True, check=True).stdout.split():
        def run(self, name=name):
            result = subprocess.run([OWN_TESTS, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
            self.assertEqual(result.returncode, 0, result.stdout)
        setattr(OwnTests, 'test_' + name, run)


if os.path.exists(OWN_TESTS):
    add_own_tests()


@unittest.skipUnless(os.path.exists(TORCH_PYTHON), 'scripts/train.sh has fetched no torch')
class Import(unittest.TestCase):
    def test_published_checkpoints(self):
        script = os.path.join(REPO, 'tools', 'train', 'test', 'import_test.py')
        result = subprocess.run([TORCH_PYTHON, script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stdout)


class Data(unittest.TestCase):
    """Two categories of five pictures: pairs to train on, pairs to validate on, and a folder for each test"""
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = os.path.join(cls.folder.name, 'data')
        pictures = {}
        for kind in ('round', 'square'):
            os.makedirs(os.path.join(cls.root, kind))
            for i in range(5):
                name = '%s/%d.png' % (kind, i)
                picture, pictures[name] = draw(kind, len(pictures))
                cv2.imwrite(os.path.join(cls.root, name), picture)
        cls.pairs = os.path.join(cls.root, 'train_pairs.csv')
        cls.val = os.path.join(cls.root, 'val_pairs.csv')
        names = sorted(pictures)
        every = [(a, b) for a in names for b in names if a != b and a[0] == b[0]]
        cls.write_pairs(cls.pairs, [(a, pictures[a], b, pictures[b]) for a, b in every if '4' not in a + b])
        cls.write_pairs(cls.val, [(a, pictures[a], b, pictures[b]) for a, b in every if '4' in a + b])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(dir=self.folder.name)
        self.addCleanup(self.dir.cleanup)
        self.out = os.path.join(self.dir.name, 'out')

    @staticmethod
    def write_pairs(path, rows):
        with open(path, 'w', newline='') as f:
            writer = csv.writer(f)
            writer.writerow(['imageA', 'imageB'] + [c + s + str(i + 1) for s in 'AB' for c in 'XY' for i in range(POINTS)])
            for a, pa, b, pb in rows:
                writer.writerow([a, b, *pa[:, 0], *pa[:, 1], *pb[:, 0], *pb[:, 1]])


@unittest.skipUnless(os.path.exists(TRAINER), 'the trainer is not built (scripts/train.sh --build-only)')
class Train(Data):
    def command(self, *options, pairs=True, processes=1):
        """Small and quick, but with everything that training has; options given replace these."""
        labelled = ['--root=' + self.root, '--pairs=' + self.pairs] if pairs else []
        small = ['--longest-side=128', '--versions=4', '--batch=4', '--adapter-hidden=32', '--steps=12', '--checkpoint-every=4',
                 '--threads=2', '--device=' + DEVICE, '--cache=' + os.path.join(self.folder.name, 'cache'), '--out=' + self.out]
        names = [o.split('=')[0] for o in options]
        small += ['--overwrite'] * ('--resume' not in names)
        if processes > 1 and not os.path.exists(TORCH_PYTHON):
            self.skipTest('scripts/train.sh has fetched no torch, and so no torchrun')
        torchrun = [TORCH_PYTHON, '-m', 'torch.distributed.run', '--standalone', '--no-python', '--nproc-per-node=%d' % processes]
        return [*(torchrun if processes > 1 else []), TRAINER,
                *[o for o in labelled + small if o.split('=')[0] not in names], *options]

    def call(self, *options, pairs=True, processes=1, **more):
        return subprocess.run(self.command(*options, pairs=pairs, processes=processes), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=300, **more)

    def train(self, *options, **more):
        result = self.call(*options, **more)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def killed_when(self, happened, *options):
        """Kills a run once happened() is true; returns its status"""
        process = subprocess.Popen(self.command(*options), stdout=subprocess.DEVNULL)
        while not happened() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        return process.wait()

    def killed_after_checkpoint(self, *options):
        """Kills a run once it has written its first checkpoint; returns its status"""
        return self.killed_when(lambda: os.path.exists(self.file('checkpoint.pt')), *options)

    def assertFails(self, result, *words):
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def file(self, name, out=None):
        return os.path.join(out or self.out, name)

    def weights(self, out=None):
        """Everything in the model but its provenance and the checksum"""
        with open(self.file('model.yml', out)) as f:
            text = f.read()
        return re.sub(r'# sha256.*', '', re.sub(r'(?s)   provenance:.*?\n   search:', '', text))

    def losses(self, out=None):
        with open(self.file('log.csv', out)) as f:
            return [float(row['loss']) for row in csv.DictReader(f)]

    def test_learns_and_tells_what_it_did(self):
        text = self.train('--steps=40', '--validate-every=20', '--val-pairs=' + self.val, '--seed=3', '--note=a note')
        self.assertIn('24 pairs of 8 pictures in 2 categories (round, square)', text)
        losses = self.losses()
        self.assertEqual(len(losses), 40)
        self.assertLess(np.mean(losses[-5:]), np.mean(losses[:5]) - 0.3)
        self.assertEqual(cv2.imread(self.file('curves.png')).shape, (700, 800, 3))
        matcher = cv2.semcorr.Matcher.create(self.file('model.yml'))
        provenance = matcher.getProvenance()
        for words in ('--steps=40', 'Seed 3', '24 pairs of 8 pictures', 'a note'):
            self.assertIn(words, provenance)
        if subprocess.run(['git', '-C', REPO, 'rev-parse', 'HEAD'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            self.assertRegex(provenance, r'Seed 3, \d+ of 40 steps, \d+ s, 2 threads, revision [0-9a-f]{7,}\+?\n')
        self.check_validation(matcher)
        self.assertGreater(self.told(matcher)[2], 0.5)

    def told(self, matcher):
        """PCK of validation that a model file tells"""
        return [float(v) for v in re.search(r'box: (\S+) (\S+) (\S+) ', matcher.getProvenance()).groups()]

    def check_validation(self, matcher):
        """It is what the file's matcher gets."""
        pairs = cv2.semcorr.readPairs('csv', self.root, self.val)
        found = [matcher.transferKeypoints(cv2.imread(p.image1), cv2.imread(p.image2), p.points1)[0] for p in pairs]
        pck = cv2.semcorr.computePCK(pairs, found, [0.05, 0.1, 0.15]).mean
        np.testing.assert_allclose(self.told(matcher), pck, atol=0.011)

    def test_same_seed_same_weights(self):
        first, second, third = (os.path.join(self.dir.name, name) for name in 'abc')
        self.train('--out=' + first)
        self.train('--out=' + second)
        self.train('--out=' + third, '--seed=2')
        self.assertEqual(self.weights(first), self.weights(second))
        self.assertNotEqual(self.weights(first), self.weights(third))

    @unittest.skipUnless(has_cuda(), 'no CUDA driver')
    def test_cuda_trains_as_the_cpu_does(self):
        """The first losses are those of the CPU, and a run that began on one device goes on on the other."""
        methods = (('bf16', 0.02, []), ('float', 1e-3, ['--fine-tune=1']), ('float', 1e-3, ['--method=ncnet', '--net=3-3']),
                   ('float', 1e-3, ['--method=ancnet', '--net=A']))
        for precision, rtol, options in methods:
            with self.subTest(options=options):
                options = ['--rate=0.0003', '--checkpoint-every=2', '--precision=' + precision, *options]
                cpu = os.path.join(self.dir.name, 'cpu')
                self.train('--device=cpu', '--out=' + cpu, *options)
                self.train('--device=cuda', *options)
                np.testing.assert_allclose(self.losses(), self.losses(cpu), rtol=rtol)
                os.remove(self.file('checkpoint.pt'))
                self.assertEqual(self.killed_after_checkpoint('--device=cpu', *options), -signal.SIGKILL)
                self.train('--device=cuda', '--resume', *options)
                np.testing.assert_allclose(self.losses(), self.losses(cpu), rtol=rtol)

    def test_resumed_is_the_same_as_uninterrupted(self):
        whole = os.path.join(self.dir.name, 'whole')
        options = ['--val-pairs=' + self.val, '--validate-every=6', '--steps=20']
        self.train(*options, '--out=' + whole)
        self.assertEqual(self.killed_after_checkpoint(*options), -signal.SIGKILL)
        self.train(*options, '--resume')
        self.assertEqual(self.weights(), self.weights(whole))
        with open(self.file('log.csv')) as ours, open(self.file('log.csv', whole)) as theirs:
            self.assertEqual(ours.read(), theirs.read())

    def test_stops_when_asked(self):
        process = subprocess.Popen(self.command('--steps=10000', '--checkpoint-every=10000'), stdout=subprocess.PIPE, text=True)
        while 'training 1/' not in process.stdout.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 130)
        self.assertIn('--resume', rest)
        self.assertGreater(os.path.getsize(self.file('checkpoint.pt')), 1000)

    def test_killed_at_any_moment(self):
        options = ['--steps=100000', '--checkpoint-every=1']
        chance = random.Random(1)
        resume = []
        for _ in range(6):
            process = subprocess.Popen(self.command(*options, *resume), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while 'training ' not in process.stdout.readline() or not os.path.exists(self.file('checkpoint.pt')):
                self.assertIsNone(process.poll(), process.stderr.read() if process.poll() else '')
            time.sleep(0.3 + chance.random())
            process.kill()
            text = process.communicate()[1]
            self.assertEqual(process.returncode, -signal.SIGKILL, text)
            resume = ['--resume']  # which fails where the last checkpoint is damaged
        self.assertFails(self.call('--steps=5', '--resume'), 'steps: 100000')

    def test_killed_at_any_moment_from_the_start(self):
        """Before and while features are computed, too: what was done is used, and nothing has to be cleared away."""
        whole = os.path.join(self.dir.name, 'whole')
        options = ['--steps=30', '--checkpoint-every=1', '--cache=' + os.path.join(self.dir.name, 'cache')]
        self.train('--steps=30', '--checkpoint-every=1', '--out=' + whole)
        for delay in np.arange(0.1, 3, 0.3):
            resume = ['--resume'] * os.path.exists(self.file('checkpoint.pt'))
            command = [o for o in self.command(*options, *resume) if o != '--overwrite']
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(delay)
            process.kill()
            errors = process.communicate()[1]
            self.assertIn(process.returncode, (-signal.SIGKILL, 0), errors)
            if process.returncode == 0:
                break
        self.train(*options, '--resume')
        self.assertEqual(self.weights(), self.weights(whole))

    def test_full_disk(self):
        """A limit on the size of files stands for it."""
        self.train('--steps=5', '--checkpoint-every=1', '--adapter=linear')
        def kept():
            return [Path(self.file(name)).read_bytes() for name in ('checkpoint.pt', 'model.yml')]
        before = kept()
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        result = self.call('--steps=5', '--checkpoint-every=1', '--adapter=linear', preexec_fn=limit)
        self.assertFails(result, 'cannot be written', 'File too large')
        self.assertEqual(kept(), before)
        self.assertEqual([n for n in os.listdir(self.out) if n.endswith('.tmp')], [])

    def test_photos_without_labels(self):
        text = self.train('--photos=' + os.path.join(self.root, 'round'), '--steps=60', '--photo-versions=3', '--dropout=0',
                          pairs=False)
        self.assertIn('5 photos with 3 warped versions each, 100 % of each batch', text)
        self.assertLess(np.mean(self.losses()[-10:]), np.mean(self.losses()[:10]) - 0.1)

    def test_photos_with_long_names_in_a_tar_file(self):
        """As GNU's programs and Python write them"""
        name = 'x' * 99 + '/' + '\u00fc' * 60 + '/%d.png'
        tar = self.file('photos.tar', self.dir.name)
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
            with tarfile.open(tar, 'w', format=form) as archive:
                for i in range(5):
                    picture = os.path.join(self.root, 'round', '%d.png' % i)
                    archive.add(picture, name % i if i % 2 and form != tarfile.USTAR_FORMAT else '%d.png' % i)
            with self.subTest(form=form):
                self.assertIn('5 photos with', self.train('--photos=' + tar, '--steps=1', pairs=False))
        with open(tar, 'rb') as f:
            content = f.read()
        with open(tar, 'wb') as f:
            f.write(content[:2 * 512 + 100])
        self.assertFails(self.call('--photos=' + tar, pairs=False), 'photos.tar" has 1124 bytes, expected at least', 'cut short')

    def test_labels_and_photos(self):
        self.assertIn('5 photos', self.train('--photos=' + os.path.join(self.root, 'round'), '--photo-share=0.4'))

    def test_begins_with_earlier_weights(self):
        """The net and the features are those of the other run until something is learned, whatever the data's mean feature is."""
        photos = os.path.join(self.dir.name, 'photos')
        self.train('--photos=' + os.path.join(self.root, 'round'), '--out=' + photos, pairs=False)
        start = '--start-from=' + self.file('checkpoint.pt', photos)
        still = ['--steps=1', '--rate=0']
        self.train(start, *still)
        np.testing.assert_allclose(self.learned(self.out), self.learned(photos), rtol=0, atol=2e-3)  # half precision
        provenance = cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance()
        words = r'(?s)24 pairs.*Began with the weights of:\n  Trained by .*\n  Data: 5 photos .*\n  Seed 1, 12 of 12 steps'
        self.assertRegex(provenance, words)
        self.train(*still)
        self.assertGreater(np.abs(self.learned(self.out) - self.learned(photos)).max(), 0.01)
        self.train(start, '--fine-tune=1', *still)  # blocks that the other run had frozen
        np.testing.assert_allclose(self.learned(self.out), self.learned(photos), rtol=0, atol=2e-3)
        self.train(start, '--longest-side=96', *still)  # nor need pictures be of the same size
        widen = '"adapter.block0_widen_weight: '
        for option, *words in (('--adapter-hidden=16', 'another net', widen + '32', widen + '16'),
                               ('--net=3', 'another net', 'layer1_weight: 1 16 3 3 3 3" there, nothing now'),
                               ('--adapter=none', 'another net', '"adapter.block0_narrow_weight: 112 32 1 1" there, nothing now'),
                               ('--deviation=9,9,9', 'another backbone')):
            self.assertFails(self.call(start, option), *words)
        self.assertFails(self.call('--net=3-3-3', '--adapter=none', start), '\n  and ', ' more')

    def test_begins_with_an_earlier_adapter(self):
        """Whatever scoring net it was trained with"""
        first = os.path.join(self.dir.name, 'first')
        self.train('--net=none', '--out=' + first)
        start = ['--start-from=' + self.file('checkpoint.pt', first), '--start-with=adapter', '--method=ncnet', '--net=3-3']
        self.train(*start, '--steps=1', '--rate=0')
        nets = [cv2.semcorr.Matcher.create(self.file('model.yml', out)).getFeatureNet() for out in (first, self.out)]
        features = [net.compute(draw('round', 1)[0]) for net in nets]
        np.testing.assert_allclose(*features, rtol=0, atol=2e-3)  # half precision
        self.assertIn('Began but for the scoring net with the weights of:',
                      cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())
        self.assertFails(self.call(*start, '--adapter-hidden=16'), 'another net', '"adapter.block0_widen_weight: 32')
        self.assertFails(self.call(*start[:1], *start[2:]), 'another net', 'nothing there, "method.')
        self.assertFails(self.call(*start[1:]), '--start-with=adapter', '--start-from')

    def test_begins_with_earlier_weights_and_resumes(self):
        first, whole = (os.path.join(self.dir.name, name) for name in ('first', 'whole'))
        self.train('--steps=4', '--out=' + first)
        options = ['--start-from=' + self.file('checkpoint.pt', first), '--checkpoint-every=1']
        self.train(*options, '--out=' + whole)
        self.killed_after_checkpoint(*options)
        other = '--start-from=' + self.file('checkpoint.pt', whole)
        self.assertFails(self.call(*options, '--resume', other), 'another training', 'start: ')
        self.train(*options, '--resume')
        self.assertEqual(self.weights(), self.weights(whole))

    def test_keeps_what_an_earlier_run_wrote(self):
        self.train('--steps=2')
        before = self.weights()
        command = [o for o in self.command('--steps=3') if o != '--overwrite']
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        self.assertFails(result, 'checkpoint.pt" is there already', '--resume', '--overwrite', '--out')
        self.assertEqual(self.weights(), before)
        os.remove(self.file('checkpoint.pt'))
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        self.assertFails(result, 'model.yml" is there already')
        self.train('--steps=3')
        self.assertNotEqual(self.weights(), before)
        with open(self.file('config.yml')) as f:
            self.assertIn('overwrite: "0"', f.read())  # a repetition is to ask again

    def test_config_repeats_the_run(self):
        """Whatever characters its texts have"""
        note = 'a "quoted" note, a \\ and\n\ta second line: #1'
        self.train('--steps=3', '--note=' + note)
        before = self.weights()
        self.assertIn(note, cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())
        result = subprocess.run([TRAINER, '--config=' + self.file('config.yml'), '--overwrite'], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.weights(), before)
        self.assertIn(note, cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())

    def test_provenance_tells_options_and_data(self):
        self.train('--steps=3', '--sigma=0.75')
        provenance = cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance()
        self.assertRegex(provenance, r'Data fingerprint [0-9a-f]{16}, options: .*\bsigma 0.75\b')
        self.assertRegex(provenance, r'3 of 3 steps, \d+ s, 2 threads')

    def test_resumes_with_data_in_another_place(self):
        whole = os.path.join(self.dir.name, 'whole')
        self.train('--out=' + whole)
        self.killed_after_checkpoint()
        moved = os.path.join(self.dir.name, 'moved')
        shutil.copytree(self.root, moved)
        pairs = ['--root=' + moved, '--pairs=' + shutil.copy(os.path.join(self.root, self.pairs), self.dir.name)]
        self.train('--resume', *pairs)
        self.assertEqual(self.weights(), self.weights(whole))
        with open(pairs[1][len('--pairs='):]) as f:
            rows = list(csv.reader(f))
        rows[1][2] = str(float(rows[1][2]) + 1)
        with open(pairs[1][len('--pairs='):], 'w', newline='') as f:
            csv.writer(f).writerows(rows)
        self.assertFails(self.call('--resume', *pairs), 'another training', 'data: ')

    def test_another_runs_model_is_not_taken_for_the_result(self):
        """Where a run that replaces another was killed before it had taken away the other one's model"""
        other = os.path.join(self.dir.name, 'other')
        self.train('--steps=2', '--out=' + other)
        self.killed_after_checkpoint()
        shutil.copy(self.file('model.yml', other), self.file('model.yml'))
        self.train('--resume')
        self.assertNotEqual(self.weights(), self.weights(other))
        self.assertIn('12 of 12 steps', cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())

    def test_wrong_files_are_found_before_features_are_computed(self):
        self.train('--steps=2')
        with open(self.file('checkpoint.pt'), 'rb') as f:
            content = f.read()
        damaged = self.file('damaged.pt', self.dir.name)
        with open(damaged, 'wb') as f:
            f.write(content[:5000] + content[6000:])
        cache = os.path.join(self.dir.name, 'cache')
        for options, *words in ((['--start-from=none.pt'], 'none.pt'), (['--start-from=' + damaged], 'damaged', 'checksum'),
                                (['--start-from=' + self.file('model.yml')], 'checksum'),
                                (['--resume', '--steps=2', '--rate=0.001'], 'another training', 'rate: '),
                                (['--resume', '--steps=2', '--out=' + self.dir.name], 'checkpoint.pt'),
                                (['--start-from=' + self.file('checkpoint.pt'), '--adapter-hidden=16', '--out=' + self.dir.name],
                                 'another net'),
                                (['--val-pairs=none.csv'], 'none.csv'), (['--photos=none'], 'none'), (['--out='], '--out is empty'),
                                (['--net=4-4'], '--net=4-4'), (['--method=ancnet', '--net=D'], '--net=D'),
                                (['--adapter-start=identity', '--adapter-channels=64'], '--adapter-channels=64')):
            self.assertFails(self.call(*options, '--cache=' + cache), *words)
            self.assertFalse(os.path.exists(cache), options)

    def test_results_that_cannot_be_written_are_found_before_features_are_computed(self):
        cache = os.path.join(self.dir.name, 'cache')
        for name in ('checkpoint.pt', 'model.yml', 'curves.png'):
            os.makedirs(self.file(name, os.path.join(self.dir.name, name)))
        for options, *words in ((['--out=/proc/self'], '--out=/proc/self', 'cannot be written'),
                                *([['--out=' + os.path.join(self.dir.name, name)], name + '" is a folder', 'expected a file']
                                  for name in ('checkpoint.pt', 'model.yml', 'curves.png'))):
            with self.subTest(options=options):
                self.assertFails(self.call(*options, '--cache=' + cache), *words)
                self.assertFalse(glob.glob(os.path.join(cache, '*')))
        self.train('--steps=1')
        self.assertFalse(glob.glob(self.file('.*')), 'what was written to try it is left')

    def test_resume_before_the_first_checkpoint(self):
        self.assertFails(self.call('--resume'), 'there is no "' + self.file('checkpoint.pt') + '" yet', 'without --resume')

    def test_errors_of_several_lines(self):
        self.train('--steps=1')
        result = self.call('--resume', '--steps=2', '--rate=0.001')
        self.assertFails(result, '\n  "rate: 0.003" there, "rate: 0.001" now\n  "steps: 1" there, "steps: 2" now\n')
        self.assertRegex(result.stderr, r'^semcorr_train: checkpoint "[^\n]*checkpoint.pt" is of another training')
        self.assertNotIn('\n\n', result.stderr)

    def test_a_model_belongs_to_the_checkpoint_beside_it(self):
        """Also where a run that replaces another has not come to a model yet."""
        self.train('--steps=2')
        status = self.killed_when(lambda: not os.path.exists(self.file('model.yml')), '--steps=100000', '--checkpoint-every=1')
        self.assertEqual(status, -signal.SIGKILL)
        self.assertFalse(os.path.exists(self.file('model.yml')))
        self.assertFails(self.call('--steps=2', '--resume'), 'another training', 'steps: 100000')

    def test_a_kept_model_belongs_to_the_checkpoint_beside_it(self):
        """A run that replaces another was killed after its first good model, and the other one goes on."""
        options = ['--steps=4', '--validate-every=2', '--val-pairs=' + self.val]
        self.train(*options)
        checkpoint = self.file('checkpoint.pt')
        with open(checkpoint, 'rb') as f:
            content = f.read()
        self.train(*options, '--rate=0.001', '--overwrite')
        with open(checkpoint, 'wb') as f:
            f.write(content)
        self.assertIn('rate=0.001', cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())
        self.train(*options, '--resume')
        self.assertNotIn('rate=0.001', cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())

    def test_points_outside(self):
        picture, corners = draw('round', 0)  # 128 x 96
        cv2.imwrite(os.path.join(self.dir.name, 'a.png'), picture)
        pairs = self.file('pairs.csv', self.dir.name)
        def write(x, y):
            moved = corners.copy()
            moved[2] = x, y
            self.write_pairs(pairs, [('a.png', corners, 'a.png', corners), ('a.png', corners, 'a.png', moved)])
        options = ['--root=' + self.dir.name, '--pairs=' + pairs, '--steps=1']
        for x, y in ((129, 50), (50, 97), (-1.5, 50), (50, -30)):
            write(x, y)
            words = 'a point in picture 2 of the pair "a.png:a.png#2"', 'is at (%g, %g)' % (x, y), '128 x 96 pixels', '1 of the 16 points'
            self.assertFails(self.call(*options), *words)
            validating = '--root=' + self.dir.name, '--val-pairs=' + pairs, '--photos=' + self.dir.name
            self.assertFails(self.call(*validating, pairs=False), *words)
        for x, y, words in ((127.5, 95.5, ''), (128, 50, 'WARNING: a point in'), (50, -1, 'WARNING: a point in')):
            write(x, y)
            text = self.train(*options)
            self.assertEqual((words in text, 'WARNING' in text), (True, words != ''))

    def test_points_outside_in_published_data(self):
        """They are told of and left out: PF-WILLOW's list, which counts pixels from 1"""
        picture, corners = draw('round', 0)
        os.makedirs(os.path.join(self.dir.name, 'duck'))
        for name in 'ab':
            cv2.imwrite(os.path.join(self.dir.name, 'duck', name + '.png'), picture)
        points = np.concatenate([corners, corners, corners[:2]]) + 1
        moved = points.copy()
        moved[9] = 140, 60
        with open(self.file('test_pairs.csv', self.dir.name), 'w', newline='') as f:
            csv.writer(f).writerows([['column %d' % i for i in range(42)],
                                     ['duck/a.png', 'duck/b.png', *points[:, 0], *points[:, 1], *moved[:, 0], *moved[:, 1]]])
        text = self.train('--dataset=pfwillow', '--root=' + self.dir.name, '--pairs=test', '--steps=2')
        self.assertEqual(text.count('WARNING'), 1)
        self.assertIn('a point in picture 2 of the pair', text)
        self.assertIn('is at (139, 59), expected it in the picture\'s 128 x 96 pixels; 1 of the 20 points of all pairs lie outside', text)

    def test_shared_pictures(self):
        """PCK on pictures that were trained on is warned of."""
        first = os.path.realpath(os.path.join(self.root, 'round/0.png'))
        shared = 'WARNING: 8 of the 10 pictures to validate on are trained on, too, such as "%s"' % first
        self.assertIn(shared, self.train('--steps=1', '--val-pairs=' + self.val))
        apart = self.file('apart.csv', self.dir.name)
        points = draw('round', 0)[1]
        self.write_pairs(apart, [('round/4.png', points, 'square/4.png', points)])
        self.assertNotIn('WARNING', self.train('--steps=1', '--val-pairs=' + apart))
        self.write_pairs(apart, [('round/../round/0.png', points, 'square/4.png', points)])
        self.assertIn('WARNING: 1 of the 2 pictures', self.train('--steps=1', '--val-pairs=' + apart))

    def test_points_outside_teach_nothing(self):
        """Not even in versions that show more than the picture, which they reflect"""
        for name in 'ab':
            os.makedirs(os.path.join(self.dir.name, 'duck'), exist_ok=True)
            cv2.imwrite(os.path.join(self.dir.name, 'duck', name + '.png'), draw('round', 0)[0])
        x, y = np.full(10, 139), np.linspace(20, 70, 10)
        with open(self.file('test_pairs.csv', self.dir.name), 'w', newline='') as f:
            csv.writer(f).writerows([['column %d' % i for i in range(42)], ['duck/a.png', 'duck/b.png', *x, *y, *x, *y]])
        self.train('--dataset=pfwillow', '--root=' + self.dir.name, '--pairs=test', '--steps=3', '--versions=6')
        self.assertEqual(self.losses(), [0, 0, 0])

    def test_what_a_refused_run_leaves(self):
        """Everything as it was"""
        self.train('--steps=2')
        with open(self.file('config.yml')) as f:
            config = f.read()
        self.assertFails(self.call('--resume', '--steps=3', '--rate=0.001'), 'another training')
        self.assertFails(self.call('--start-from=' + self.file('checkpoint.pt'), '--steps=2'), 'is the checkpoint of --out')
        with open(self.file('config.yml')) as f:
            self.assertEqual(f.read(), config)
        os.remove(self.file('model.yml'))
        self.train('--resume', '--steps=2')
        self.assertTrue(os.path.exists(self.file('model.yml')), 'a finished run writes its model again')

    def test_cached_features_are_of_the_size_asked_for(self):
        """Also where two sizes give the same for some pictures"""
        folder = self.file('photos', self.dir.name)
        os.makedirs(folder)
        cv2.imwrite(os.path.join(folder, 'large.png'), cv2.resize(draw('round', 1)[0], (150, 100)))
        photos = ['--photos=' + folder, '--steps=2']
        own = os.path.join(self.dir.name, 'own')
        for size in ('128', '0', '134'):
            with self.subTest(size=size):
                options = photos + ['--longest-side=' + size]
                self.train(*options, '--cache=' + os.path.join(self.dir.name, 'cache' + size), '--out=' + own, pairs=False)
                self.train(*options, '--cache=' + os.path.join(self.dir.name, 'shared'), pairs=False)
                self.assertEqual(self.losses(), self.losses(own))
                self.assertEqual(self.weights(), self.weights(own))
        self.assertFails(self.call(*photos, '--longest-side=128', '--resume', pairs=False), '"longest-side: 134" there, "longest-side: 128"')

    def test_missing_pictures(self):
        """They are told of before anything is computed."""
        pairs = self.file('pairs.csv', self.dir.name)
        with open(self.pairs) as full, open(pairs, 'w') as f:
            f.write(full.read().replace('square/3.png', 'square/33.png'))
        self.assertFails(self.call('--pairs=' + pairs), 'pairs.csv:', '33.png" is missing')
        self.assertFails(self.call('--val-pairs=' + pairs, '--cache=' + os.path.join(self.dir.name, 'cache')), '33.png" is missing')
        self.assertFalse(os.path.exists(self.file('config.yml')))
        with open(os.path.join(self.dir.name, 'cut.jpg'), 'wb') as f:
            f.write(b'no picture')
        self.assertFails(self.call('--photos=' + self.dir.name, pairs=False), 'cut.jpg" cannot be decoded')

    def write_pair(self, name1, name2, category):
        """A list of one pair with two points; names and category are bytes"""
        pairs = self.file('pairs.csv', self.dir.name)
        with open(pairs, 'wb') as f:
            f.write(b'imageA,imageB,category,XA1,XA2,YA1,YA2,XB1,XB2,YB1,YB2\n%s,%s,%s,0,1,0,1,0,1,0,1\n' % (name1, name2, category))
        return pairs

    def test_names_that_are_no_utf8(self):
        """Latin-1, as spreadsheets write it: the model's provenance shows a question mark for what cannot be read."""
        name = b'M\xfcller'
        folder = self.file(os.fsdecode(name), self.dir.name)
        os.makedirs(folder)
        for i in range(2):
            shutil.copy(os.path.join(self.root, 'round', '%d.png' % i), folder)
        pairs = self.write_pair(name + b'/0.png', name + b'/1.png', name)
        only = '--only=' + os.fsdecode(name)
        text = self.train('--root=' + self.dir.name, '--pairs=' + pairs, '--steps=1', '--out=' + folder, only)
        self.assertIn('(M?ller)', text)
        provenance = cv2.semcorr.Matcher.create(shutil.copy(self.file('model.yml', folder), self.dir.name)).getProvenance()
        self.assertRegex(provenance, r'Data: 1 pairs of 2 pictures in 1 categories \(M\?ller\)')
        self.assertRegex(provenance, r'options: .*only M\?ller')
        self.train('--root=' + self.dir.name, '--pairs=' + pairs, '--steps=1', '--resume', '--out=' + folder, only)
        self.assertFails(self.call('--note=' + os.fsdecode(name), '--cache=' + self.file('cache', self.dir.name)), '--note=M?ller: expected',
                         'UTF-8')
        self.assertFalse(os.path.exists(self.file('cache', self.dir.name)))

    def test_thin_pictures(self):
        """They are used where a net can see them, and named where not."""
        pictures = self.file('pictures', self.dir.name)
        os.makedirs(pictures)
        def write(name, width, height):
            cv2.imwrite(os.path.join(pictures, name), np.random.RandomState(1).randint(0, 256, (height, width, 3), np.uint8))
        for name, width, height in (('wide.png', 5000, 2), ('high.png', 2, 1500), ('small.png', 2, 2)):
            write(name, width, height)
        pairs = self.write_pair(b'wide.png', b'high.png', b'thin')
        options = ['--root=' + pictures, '--pairs=' + pairs, '--photos=' + pictures, '--steps=3']
        self.train(*options, '--val-pairs=' + pairs)
        self.assertTrue(np.isfinite(self.losses()).all())
        write('line.png', 2000, 1)
        self.assertFails(self.call('--photos=' + pictures, pairs=False), 'line.png" of 2000 x 1 pixels', 'expected both sides of at least 2')
        pairs = self.write_pair(b'wide.png', b'line.png', b'thin')
        for option in ('--pairs=', '--val-pairs='):
            result = self.call('--root=' + pictures, option + pairs, '--photos=' + self.root, pairs=False)
            self.assertFails(result, 'line.png" of 2000 x 1 pixels')
        write('line.png', 2000, 1000)
        with open(os.path.join(pictures, 'line.png'), 'r+b') as f:
            f.seek(16)
            f.write(b'\0\x20\0\0')  # 2 097 152 pixels wide
        self.assertFails(self.call('--photos=' + pictures, pairs=False), 'line.png" cannot be decoded')
        write('line.png', 5000, 5000)
        self.assertFails(self.call('--photos=' + pictures, '--longest-side=0', pairs=False), 'line.png" of 5000 x 5000 pixels', 'longestSide')

    def test_categories(self):
        self.assertIn('12 pairs of 4 pictures in 1 categories (square)', self.train('--without=round', '--steps=1'))
        self.assertIn('12 pairs of 4 pictures in 1 categories (round)', self.train('--only=round', '--steps=1'))
        self.assertFails(self.call('--only=blue'), 'blue', 'round, square')
        self.assertFails(self.call('--without=round,square'), 'no pairs are left')

    def test_dense_methods(self):
        """NC-Net with and without points, ANC-Net: they learn, and their files hold what the methods need"""
        common = ['--val-pairs=' + self.val, '--adapter=linear', '--validate-every=10']
        for options, search in ((['--method=ncnet'], 'mutual: 1'), (['--method=ncnet', '--loss=weak'], 'mutual: 1'),
                                (['--method=ancnet', '--net=C', '--steps=8', '--batch=2'], 'mutual: 1'),
                                (['--method=pmnc'], 'mutual: 0')):
            with self.subTest(options=options):
                self.train(*common, *options)
                losses = self.losses()
                self.assertLess(np.mean(losses[-3:]), np.mean(losses[:3]))
                with open(self.file('model.yml')) as f:
                    text = f.read()
                self.assertIn(search, text)
                matcher = cv2.semcorr.Matcher.create(self.file('model.yml'))
                net, dense = matcher.getConsensusNet(), options[0] != '--method=pmnc'
                self.assertEqual(net.getPadding(), cv2.semcorr.PADDING_LAYER if dense else cv2.semcorr.PADDING_INPUT)
                symmetry = {'ncnet': cv2.semcorr.SYMMETRY_NET, 'ancnet': cv2.semcorr.SYMMETRY_BLOCK,
                            'pmnc': cv2.semcorr.SYMMETRY_NONE}[options[0].split('=')[1]]
                self.assertEqual(net.getSymmetry(), symmetry)
                picture = draw('round', 1)[0]
                self.assertTrue(np.isfinite(matcher.match(picture, picture)[0]).all())

    def test_pairs_without_points(self):
        pairs = self.file('pairs.csv', self.dir.name)
        with open(self.pairs) as full, open(pairs, 'w') as f:
            f.writelines(','.join(line.split(',')[:2]) + '\n' for line in full)
        options = ['--dataset=images', '--pairs=' + pairs, '--val-pairs=' + self.val, '--adapter=linear']
        self.train(*options, '--method=ncnet', '--loss=weak')
        losses = self.losses()
        self.assertLess(np.mean(losses[-3:]), np.mean(losses[:3]))
        self.assertTrue(os.path.exists(self.file('model.yml')))
        self.assertFails(self.call(*options), '--dataset=images has no points', '--loss=weak')
        self.assertFails(self.call('--pairs=' + pairs), 'no column is named "XA1"')
        self.train('--dataset=images', '--photos=' + os.path.join(self.root, 'round'), '--steps=1', pairs=False)  # there are no pairs

    def test_dense_methods_resume(self):
        whole = os.path.join(self.dir.name, 'whole')
        options = ['--method=ncnet', '--loss=weak', '--adapter=linear', '--steps=6', '--checkpoint-every=3', '--batch=2']
        self.train(*options, '--out=' + whole)
        self.killed_after_checkpoint(*options)
        self.train(*options, '--resume')
        self.assertEqual(self.weights(), self.weights(whole))

    def learned(self, out):
        """Weights of the net but the last bias, and features of a picture as the adapter gives them. The loss does not depend on
        that bias: the sign of rounding moves it."""
        matcher = cv2.semcorr.Matcher.create(self.file('model.yml', out))
        net = matcher.getConsensusNet()
        values = [matcher.getFeatureNet().compute(draw('round', 1)[0])]
        for i in range(net.getBlockCount()):
            values += net.getBlock(i)
        return np.concatenate([np.ravel(v) for v in values[:-1]])

    def test_processes_equal_one(self):
        """Also where pictures differ in size, so that each process pads its part in its own way, and where parts do"""
        photos = self.file('photos', self.dir.name)
        os.makedirs(photos)
        for i in range(6):
            picture = draw('square', i)[0]
            cv2.imwrite(os.path.join(photos, '%d.png' % i), picture if i % 2 else np.rot90(picture)[16:])
        alone, together = (os.path.join(self.dir.name, name) for name in ('alone', 'together'))
        for options in (['--val-pairs=' + self.val, '--validate-every=6'], ['--batch=3']):
            with self.subTest(options=options):
                options = options + ['--photos=' + photos, '--precision=float', '--adapter=linear', '--threads=1']
                self.train(*options, '--out=' + alone)
                cache = '--cache=' + os.path.join(self.dir.name, 'cache')
                text = self.train(*options, cache, '--out=' + together, processes=2)
                self.assertEqual((text.count('training on '), text.count('written: ')), (1, 1))
                a, b = self.learned(alone), self.learned(together)
                np.testing.assert_allclose(b, a, rtol=0, atol=1e-5)
                np.testing.assert_allclose(self.losses(together), self.losses(alone), rtol=0, atol=1e-5)
                self.assertEqual(sorted(set(os.listdir(together)) - {'features'}),
                                 ['checkpoint.pt', 'config.yml', 'curves.png', 'log.csv', 'model.yml'])

    def test_processes_stop_when_asked_and_one_goes_on(self):
        whole = os.path.join(self.dir.name, 'whole')
        options = ['--steps=150', '--precision=float', '--adapter=linear', '--checkpoint-every=1000', '--threads=1']
        self.train(*options, '--out=' + whole)
        process = subprocess.Popen(self.command(*options, processes=2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while 'training 1/' not in process.stdout.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        text, errors = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('stopped; go on with --resume', text, errors)
        self.train(*options, '--resume')
        np.testing.assert_allclose(self.losses(), self.losses(whole), rtol=0, atol=1e-3)

    def test_processes_end_with_one_that_is_killed(self):
        """Also started by hand, without torchrun, which would end the others"""
        with socket.socket() as s:
            s.bind(('localhost', 0))
            port = s.getsockname()[1]
        processes = []
        for rank in range(2):
            environment = dict(os.environ, RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='localhost', MASTER_PORT=str(port))
            processes.append(subprocess.Popen(self.command('--steps=100000'), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                              text=True, env=environment))
        while 'training 1/' not in processes[0].stdout.readline():
            self.assertIsNone(processes[0].poll())
        processes[1].kill()
        errors = processes[0].communicate(timeout=60)[1]
        processes[1].communicate()
        self.assertEqual(processes[0].returncode, 1)
        self.assertIn('semcorr_train, process 0 of 2: another process has ended or does not answer', errors)

    def test_processes_fail_together(self):
        for options, *words in ((['--batch=1'], '--batch=1 with 2 processes', 'expected at least one pair for each'),
                                (['--pairs=none.csv'], 'none.csv'), (['--resume'], 'checkpoint.pt'),
                                (['--rate=10', '--decay=10', '--clip=1e6', '--warm-up=0.001', '--steps=100', '--precision=float',
                                  '--residual=1000'], 'expected finite values')):
            with self.subTest(options=options):
                result = self.call(*options, processes=2)
                self.assertNotEqual(result.returncode, 0)
                for word in words:
                    self.assertIn(word, result.stderr)
        for name, value in (('RANK', '2'), ('WORLD_SIZE', '0'), ('MASTER_PORT', 'x'), ('MASTER_ADDR', '')):
            with self.subTest(name=name):
                environment = dict(os.environ, RANK='1', WORLD_SIZE='2', MASTER_ADDR='localhost', MASTER_PORT='29500')
                environment[name] = value
                self.assertFails(self.call(env=environment), 'semcorr_train: ', name, 'as torchrun sets it')

    def test_fine_tuning(self):
        """It learns, its file's matcher gets the figures of validation, and it resumes bit for bit."""
        whole = os.path.join(self.dir.name, 'whole')
        options = ['--fine-tune=2', '--backbone-rate=0.3', '--adapter=linear', '--steps=20', '--val-pairs=' + self.val,
                   '--validate-every=10', '--checkpoint-every=2']
        text = self.train(*options, '--out=' + whole)
        self.assertIn('fine-tuning 337568 values between "block8" and "block10"', text)
        self.out, out = whole, self.out
        losses = self.losses()
        self.assertLess(np.mean(losses[-3:]), np.mean(losses[:3]))
        matcher = cv2.semcorr.Matcher.create(self.file('model.yml'))
        self.check_validation(matcher)
        self.out = out
        self.assertEqual(self.killed_after_checkpoint(*options), -signal.SIGKILL)
        self.train(*options, '--resume')
        self.assertEqual(self.weights(), self.weights(whole))

    def test_fine_tuning_alone(self):
        picture = draw('round', 1)[0]
        plain = cv2.semcorr.FeatureNet.create()
        params = plain.getParams()
        params.longestSide = 128
        plain.setParams(params)
        for rate, moves in ((0, False), (1, True)):
            self.train('--adapter=none', '--net=none', '--fine-tune=1', '--backbone-rate=%d' % rate, '--steps=30', '--averaging=0')
            features = cv2.semcorr.Matcher.create(self.file('model.yml')).getFeatureNet().compute(picture)
            self.assertEqual(np.abs(features - plain.compute(picture)).max() > 1e-3, moves)
        self.assertLess(np.mean(self.losses()[-5:]), np.mean(self.losses()[:5]) - 0.2)
        self.assertFails(self.call('--adapter=none', '--net=none'), 'nothing to train', '--fine-tune')

    def test_backbones_that_are_not_part_of_the_project(self):
        """The trainer stops where LibTorch does not compute what cv::dnn does."""
        folder = os.path.join(os.environ.get('SEMCORR_SHARED', ''), 'data', 'backbones')
        if not os.path.isdir(folder):
            self.skipTest('needs ../shared')
        for name, blocks in (('resnet18_conv4', 7), ('resnet50_conv4', 14)):
            common = ['--backbone=' + os.path.join(folder, name + '.onnx'), '--outputs=layer3', '--adapter=none', '--steps=1',
                      '--batch=1', '--versions=1']
            for count in (1, blocks):
                with self.subTest(name=name, count=count):
                    self.assertIn('and "layer3" of the backbone', self.train(*common, '--fine-tune=%d' % count))
                    # only the one of this run is left
                    self.assertEqual(len(glob.glob(self.file('backbone-*.onnx'))), 1)
            self.assertFails(self.call(*common, '--fine-tune=%d' % (blocks + 1)), 'expected at most %d' % blocks)

    def test_config_file(self):
        config = self.file('some.yml', self.dir.name)
        with open(config, 'w') as f:
            f.write('steps: 2\nadapter: linear\nnote: "from the file"\n')
        command = [o for o in self.command('--config=' + config, '--adapter=none') if not o.startswith('--steps')]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=300)
        self.assertEqual(len(self.losses()), 2)
        with open(self.file('config.yml')) as f:
            text = f.read()
        self.assertIn('adapter: "none"', text)  # the command line goes before the file
        self.assertIn('note: "from the file"', text)
        with open(config, 'w') as f:
            f.write('stepz: 2\n')
        self.assertFails(self.call('--config=' + config), 'some.yml', 'stepz')

    def test_config_of_a_long_note(self):
        note = 'a note of many words, ' * 250
        self.train('--steps=1', '--note=' + note)
        result = subprocess.run([TRAINER, '--config=' + self.file('config.yml'), '--overwrite'], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(note, cv2.semcorr.Matcher.create(self.file('model.yml')).getProvenance())
        self.assertFails(self.call('--note=' + 'n' * 40000), '--note=nnn', 'expected at most 30000 bytes')

    def test_mistakes(self):
        for option, *words in (
                ('--stepz=3', 'unknown option --stepz'), ('--steps=0', '--steps=0', '[1, '), ('--steps=1.5', 'whole number'),
                ('--rate=nan', '--rate=nan'), ('--adapter=round', 'none|linear|context'), ('--adapter-rate=-1', '--adapter-rate'),
                ('--loss=weak', 'expected --loss=entropy'), ('--method=rnn', 'pmnc|ncnet|ancnet'),
                ('--net=4-3', '--net=4-3', 'such as 3-3'), ('--steps', 'expected --steps=N'), ('steps=3', 'expected --name=value'),
                ('--pairs=none.csv', 'none.csv'), ('--backbone=none.onnx', 'none.onnx'), ('--outputs=nothing', 'nothing', 'block10'),
                ('--fine-tune=13', '--fine-tune=13', 'at most 12', 'block10'), ('--fine-tune=-1', '[0, '),
                ('--backbone-rate=x', '--backbone-rate=x'), ('--mean=1,2', '--mean=1,2'), ('--photos=nowhere', 'nowhere'),
                ('--resume', 'checkpoint.pt'), ('--deviation=1,0,1', '--deviation=1,0,1'), ('--net-start=identity', '--net-start', 'pmnc'),
                ('--out=/dev/null/x', '--out=/dev/null/x', 'cannot be made'),
                ('--cache=/dev/null/x', '--cache=/dev/null/x', 'cannot be made')):
            self.assertFails(self.call(option), 'semcorr_train: ', *words)
        photos = '--photos=' + os.path.join(self.root, 'round')
        self.assertFails(self.call(photos, '--val-pairs=' + self.val, pairs=False), '--val-pairs without --root')
        self.assertFails(self.call(photos, '--only=round', pairs=False), '--only', 'without --pairs')
        config = self.file('wrong.yml', self.dir.name)
        with open(config, 'w') as f:
            f.write('steps: 3\nno colon\n')
        self.assertFails(self.call('--config=' + config), 'wrong.yml:2: ', 'name: value')
        start = '--start-from=' + config, '--start-with=adapter', '--adapter=none'
        self.assertFails(self.call(*start), '--start-with=adapter --adapter=none')
        result = subprocess.run([TRAINER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertFails(result, 'nothing to train on')
        result = subprocess.run([TRAINER, '--help'], stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn('--adapter-hidden=N', result.stdout)

    def test_damaged_pictures(self):
        root = self.file('data', self.dir.name)
        os.makedirs(os.path.join(root, 'round'))
        for i, content in ((0, b'no picture'), (1, b'')):
            with open(os.path.join(root, 'round', '%d.png' % i), 'wb') as f:
                f.write(content)
        pairs = os.path.join(root, 'train_pairs.csv')
        corners = draw('round', 0)[1]
        self.write_pairs(pairs, [('round/0.png', corners, 'round/1.png', corners)])
        self.assertFails(self.call('--root=' + root, '--pairs=' + pairs), '0.png')

    def test_diverging_losses(self):
        """The checkpoint before is whole: from there the same happens again."""
        options = ['--rate=10', '--decay=10', '--clip=1e6', '--warm-up=0.001', '--steps=100', '--precision=float', '--residual=1000',
                   '--checkpoint-every=1']
        result = self.call(*options)
        self.assertFails(result, 'expected finite values', 'the last checkpoint is kept')
        step = int(re.search(r'in step (\d+)', result.stderr)[1])
        self.assertGreater(step, 1)
        self.assertEqual(len(self.losses()), step - 1)
        self.assertTrue(np.isfinite(self.losses()).all())
        self.assertFails(self.call(*options, '--resume'), 'expected finite values', 'in step %d' % step)


if __name__ == '__main__':
    unittest.main()
