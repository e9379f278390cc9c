#!/usr/bin/env python3
"""Runs the samples as a user would: the pictures are there and sane, mistakes give a clear message and exit code 1.

Needs the environment of scripts/test.sh: SEMCORR_BUILD (build folder) and a PYTHONPATH with its cv2."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import cv2
import numpy as np

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get('SEMCORR_BUILD', os.path.join(REPO, 'build'))
PICTURE = os.path.join(os.environ.get('SEMCORR_TESTDATA', os.path.join(REPO, 'testdata')), 'features', 'picture.png')


class Programs:
    """The same expectations of the C++ program and of its Python twin."""
    command = None

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        picture = cv2.imread(PICTURE)
        self.one, self.two = self.path('one.png'), self.path('two.png')
        cv2.imwrite(self.one, picture)
        cv2.imwrite(self.two, cv2.resize(picture, None, fx=0.8, fy=0.9))

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def call(self, *arguments):
        return subprocess.run([*self.command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)

    def assertFails(self, result, *words):
        text = result.stdout + result.stderr
        self.assertEqual(result.returncode, 1, text)
        self.assertNotIn('Traceback', text)
        for word in words:
            self.assertIn(word, text)

    def test_writes_pictures(self):
        out = self.path('out')
        result = self.call(self.one, self.two, '--mode=dense', '--out=' + out)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(out, result.stdout)
        for word in ('dense 4D', 'pairs of cells scored', 'features ', 'search ', 'refinement ', ' ms, in all '):
            self.assertIn(word, result.stdout)
        pictures = {name: cv2.imread(os.path.join(folder, name)) for folder, _, names in os.walk(out) for name in names}
        for kind in ('matches', 'warp', 'overlay', 'flow', 'confidence'):
            found = [p for name, p in pictures.items() if kind in name]
            self.assertTrue(found, (kind, sorted(pictures)))
            self.assertGreater(found[0].std(), 1, kind)
        # image 2 is image 1 resized, so warping brings image 1 back, up to what half a cell blurs
        warp = next(p for name, p in pictures.items() if 'warp' in name)
        one = cv2.imread(self.one)
        self.assertEqual(warp.shape, one.shape)
        self.assertLess(np.median(np.abs(warp.astype(int) - one)), 25)

    def test_help(self):
        result = self.call('--help')
        self.assertEqual(result.returncode, 0)
        for word in ('--model', '--mode', '--out', 'how to search', '(default: match_out)'):
            self.assertIn(word, result.stdout)

    def test_missing_picture(self):
        self.assertFails(self.call(self.one, self.path('none.png'), '--out=' + self.path('out')), 'none.png')

    def test_not_a_picture(self):
        with open(self.path('text.png'), 'w') as f:
            f.write('not a picture')
        self.assertFails(self.call(self.one, self.path('text.png'), '--out=' + self.path('out')), 'text.png')

    def test_one_picture(self):
        self.assertFails(self.call(self.one, '--out=' + self.path('out')))

    def test_unknown_option(self):
        self.assertFails(self.call(self.one, self.two, '--nosuch=1', '--out=' + self.path('out')), '--nosuch')

    def test_unknown_mode(self):
        self.assertFails(self.call(self.one, self.two, '--mode=fast', '--out=' + self.path('out')), 'fast')

    def test_empty_values(self):
        for option in ('--out', '--mode', '--model'):
            self.assertFails(self.call(self.one, self.two, option + '='), option)

    def test_picture_that_cannot_be_written(self):
        path = self.path('out/01_one_two_overlay.png')
        os.makedirs(path)
        result = self.call(self.one, self.two, '--out=' + self.path('out'))
        self.assertFails(result, 'cannot write', path)
        self.assertEqual(result.stdout, '')

    def test_missing_model(self):
        self.assertFails(self.call(self.one, self.two, '--model=' + self.path('none.yml'), '--out=' + self.path('out')), 'none.yml')

    def test_model_file(self):
        model = self.path('model.yml')
        cv2.semcorr.Matcher.create().save(model)
        result = self.call(self.one, self.two, '--model=' + model, '--out=' + self.path('out'))
        self.assertEqual(result.returncode, 0, result.stderr)


class MatchProgram(Programs, unittest.TestCase):
    command = [os.path.join(BUILD, 'bin', 'example_semcorr_match')]

    def test_progress(self):
        out = self.path('out')
        result = self.call(self.one, self.two, '--mode=patchmatch', '--progress', '--out=' + out)
        self.assertEqual(result.returncode, 0, result.stderr)
        sheet = cv2.imread(next(os.path.join(out, name) for name in os.listdir(out) if 'progress' in name))
        height, width = (sheet.shape[0] - 28) // 2, (sheet.shape[1] - 8) // 8
        usual, random = (sheet[28 + y:28 + y + height, 8:].astype(int) for y in (0, height))
        def apart(row, a, b):
            return np.abs(row[:, a * width:(a + 1) * width] - row[:, b * width:(b + 1) * width]).mean()
        self.assertLess(apart(usual, 6, 7), 0.1)  # converged
        self.assertGreater(apart(random, 0, 7), 10 * apart(random, 6, 7))
        self.assertGreater(np.abs(usual[:, :width] - random[:, :width]).mean(), 10 * np.abs(usual - random)[:, -width:].mean())
        self.assertFails(self.call(self.one, self.two, '--progress', '--out=' + out), '--mode=patchmatch')

    def test_compare(self):
        out = self.path('out')
        result = self.call(self.one, self.two, '--compare', '--out=' + out)
        self.assertEqual(result.returncode, 0, result.stderr)
        both = cv2.imread(os.path.join(out, 'comparison.png'))[28:].astype(int)
        shift = (both.shape[1] - 8) // 2
        self.assertGreater(np.abs(both[:, 8:shift] - both[:, 8 + shift:2 * shift]).mean(), 0.5)

    def test_points(self):
        """Of the project's pictures the matcher carries more to their places than nearest neighbours do."""
        out = self.path('out')
        result = self.call('--points=' + os.path.join(REPO, 'samples', 'data', 'points.csv'), '--out=' + out)
        self.assertEqual(result.returncode, 0, result.stderr)
        counts = re.findall(r'(\d+) of (\d+) points within .* by nearest neighbours, (\d+) by this matcher', result.stdout)
        self.assertEqual([int(of) for _, of, _ in counts], [8, 5])
        for nearest, _, found in counts:
            self.assertGreater(int(found), int(nearest))
        sheet = cv2.imread(os.path.join(out, 'points.png'))
        self.assertEqual(sheet.shape, (28 + 2 * 408, 8 + 3 * 408, 3))
        self.assertEqual(os.listdir(out), ['points.png'])

    def test_points_that_cannot_be_read(self):
        head, row = 'imageA,imageB,XA1,YA1,XB1,YB1', 'one.png,two.png,'
        for lines, *words in (([head, row + '5,5,,'], 'points.csv'), ([head, row + ',,,'], 'no keypoint'),
                              ([head, 'none.png,two.png,5,5,5,5'], 'none.png'), ([head, row + '5,5,5000,9'], 'two.png', '(5000, 9)'),
                              ([head, row + '-2,5,5,5'], 'one.png', '(-2, 5)'), (['nothing'], 'points.csv')):
            with open(self.path('points.csv'), 'w') as f:
                f.write('\n'.join(lines) + '\n')
            self.assertFails(self.call('--points=' + self.path('points.csv'), '--out=' + self.path('out')), *words)
        self.assertFails(self.call('--points=' + self.path('nothing.csv'), '--out=' + self.path('out')), 'nothing.csv')
        self.assertFails(self.call('--points='), '--points')
        points = '--points=' + os.path.join(REPO, 'samples', 'data', 'points.csv')
        self.assertFails(self.call(points, '--compare', '--out=' + self.path('out')), '--compare')
        self.assertFails(self.call(), 'expected one or more pairs, or --points')

    def test_one_point(self):
        with open(self.path('points.csv'), 'w') as f:
            f.write('imageA,imageB,XA1,YA1,XB1,YB1\none.png,two.png,50,40,40,36\n')
        result = self.call('--points=' + self.path('points.csv'), '--out=' + self.path('out'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn('of their box', result.stdout)
        self.assertIsNotNone(cv2.imread(os.path.join(self.path('out'), 'points.png')))

    def test_contact_sheet_of_several_pairs(self):
        out = self.path('out')
        result = self.call(self.one, self.two, self.two, self.one, '--out=' + out)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIsNotNone(cv2.imread(os.path.join(out, 'contact_sheet.png')))


class MatchScript(Programs, unittest.TestCase):
    command = [sys.executable, os.path.join(REPO, 'samples', 'match.py')]


class Scripts(unittest.TestCase):
    def call(self, name, *arguments, **environment):
        return subprocess.run([os.path.join(REPO, 'scripts', name), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, env={**os.environ, **environment})

    def test_help(self):
        for name in ('build.sh', 'test.sh', 'demo.sh'):
            for option in ('--help', '-h'):
                result = self.call(name, option)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn('usage: scripts/' + name, result.stdout)

    def test_wrong_options(self):
        for arguments, word in ((['--nosuch'], '--nosuch'), (['--opencv=3'], '--opencv=3'), (['--jobs', '0'], '--jobs=0'),
                                (['--jobs'], '--jobs needs a value'), (['--build-dir='], '--build-dir')):
            for name in ('build.sh', 'test.sh', 'demo.sh'):
                result = self.call(name, *arguments)
                self.assertEqual(result.returncode, 1, (name, arguments))
                self.assertIn(word, result.stderr, name)

    def test_where(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.call('build.sh', '--where', '--opencv', '5.0', '--jobs', '3', '--build-dir', folder + '/b',
                               SEMCORR_CACHE=folder)
            self.assertEqual(result.stdout, f'{folder}/b\n{folder}/opencv-5.0\n', result.stderr)


if __name__ == '__main__':
    unittest.main()
