#!/usr/bin/env python3
"""Tests of cv2.semcorr: names, array shapes, named arguments, round trips and errors. The numbers are tested in C++, too.

Test data: $SEMCORR_TESTDATA, or testdata/ of the module that this file lies in.
"""
import ast
import builtins
import functools
import gzip
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import typing
import unittest
import zlib

import cv2
import numpy as np
from cv2 import semcorr

TESTDATA = os.environ.get('SEMCORR_TESTDATA', os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'testdata'))
RNG = np.random.default_rng(20)


def floats(*shape):
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def features(h, w, channels):
    f = floats(h, w, channels)
    return f / np.linalg.norm(f, axis=2, keepdims=True)


def image(h, w):
    return RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)


def golden(name):
    path = os.path.join(TESTDATA, 'golden', name + '.yml.gz')
    storage = cv2.FileStorage(path, cv2.FILE_STORAGE_READ)
    assert storage.isOpened(), 'no test data file ' + path
    return {key: storage.getNode(key).mat() for key in storage.root().keys()}


def golden_net(arrays, symmetry, joined=-1):
    net = semcorr.ConsensusNet.create(symmetry)
    block = 0
    while 'weight_%d_0' % block in arrays:
        convs = [c for c in range(2) if 'weight_%d_%d' % (block, c) in arrays]
        net.addBlock([arrays['weight_%d_%d' % (block, c)] for c in convs],
                     [arrays['bias_%d_%d' % (block, c)] for c in convs], joined=block == joined)
        block += 1
    return net


def identity_net():
    net = semcorr.ConsensusNet.create(semcorr.SYMMETRY_NONE)
    net.addBlock(np.ones((1, 1, 1, 1, 1, 1), np.float32))
    return net


class SemcorrTest(unittest.TestCase):
    def assert_close(self, actual, expected, relative=1e-5):
        self.assertEqual(actual.shape, expected.shape)
        self.assertEqual(actual.dtype, expected.dtype)
        self.assertLessEqual(np.abs(actual - expected).max(), relative * np.abs(expected).max())

    def assert_error(self, part, function, *args, **kwargs):
        with self.assertRaises(cv2.error) as context:
            function(*args, **kwargs)
        self.assertIn(part, str(context.exception))


class Names(SemcorrTest):
    FUNCTIONS = '''normalizeFeatures correlate mutualFilter conv4d maxPool4d relocalize selfSimilarity bestMatches fieldToFlow
        transferPoints readPairs checkDataset computePCK summarizePCK bootstrapPCK comparePCK countCorrectFlow readFlow
        fromCornerAligned toCornerAligned'''.split()
    METHODS = {
        'ConsensusNet': '''create createPreset addBlock getBlockCount getBlock setBlock isJoined getSymmetry getPadding
            setLastActivation getLastActivation setResidual getResidual forward scorePairs save load''',
        'FeatureNet': 'create createFromMemory compute getParams setParams Params',
        'Matcher': '''create setSelfSimilarity match setReference matchReference matchFeatures transferKeypoints matchSparse
            getParams setParams getStats getFeatureNet getConsensusNet setProvenance getProvenance save Params Stats''',
        'ImagePair': '', 'PCKResult': '', 'PCKIntervals': '', 'PCKComparison': '',
    }
    CONSTANTS = {
        'CONV_SAME': 0, 'CONV_VALID': 1, 'FROM_1_TO_2': 0, 'FROM_2_TO_1': 1,
        'SYMMETRY_NONE': 0, 'SYMMETRY_NET': 1, 'SYMMETRY_BLOCK': 2, 'PADDING_LAYER': 0, 'PADDING_INPUT': 1,
        'PRESET_NCNET_555': 0, 'PRESET_NCNET_33': 1, 'PRESET_ANCNET_A': 2, 'PRESET_ANCNET_B': 3, 'PRESET_ANCNET_C': 4,
        'PRESET_PMNC': 5, 'SEARCH_AUTO': 0, 'SEARCH_DENSE_4D': 1, 'SEARCH_PATCHMATCH': 2,
        'REF_IMAGE': 0, 'REF_OBJECT_BOX': 1, 'REF_KEYPOINT_BOX': 2, 'REF_PADDED_BOX': 3,
        'PCK_PER_POINT': 1, 'PCK_LEGACY_SQUARE': 2, 'PCK_2_TO_1': 4,
        'REFINE_NONE': 0, 'REFINE_PARABOLA': 1, 'REFINE_SOFT_ARGMAX': 2, 'TARGET_CPU': 0, 'TARGET_CUDA': 1,
    }

    def test_every_symbol_has_help(self):
        symbols = [(name, getattr(semcorr, name)) for name in self.FUNCTIONS]
        for cls, names in self.METHODS.items():
            symbols += [(cls + '.' + name, getattr(getattr(semcorr, cls), name)) for name in names.split()]
        for name, symbol in symbols:
            if not name.endswith(('.Params', '.Stats')):
                self.assertIn('->', symbol.__doc__, name)
                self.assertNotIn('&#', symbol.__doc__, name)  # what the generator makes of a letter that is not ASCII
                self.assertNotIn('@copybrief', symbol.__doc__, name)
                self.assertIn('@brief', symbol.__doc__.replace('@overload', '@brief'), name)

    def test_constants(self):
        for name, value in self.CONSTANTS.items():
            self.assertEqual(getattr(semcorr, name), value, name)

    def test_properties(self):
        stats = semcorr.Matcher.Stats()
        for name in '''mode pairsScored hiddenSites iterations peakWorkspace featuresMs searchMs refineMs totalMs'''.split():
            self.assertEqual(getattr(stats, name), 0, name)
        p = semcorr.Matcher.Params()
        self.assertEqual((p.mode, p.mutual, p.bidirectional, p.refine, p.memoryLimit, p.target),
                         (semcorr.SEARCH_AUTO, False, True, semcorr.REFINE_SOFT_ARGMAX, 1 << 30, semcorr.TARGET_CPU))
        p = semcorr.FeatureNet.Params()
        self.assertEqual((list(p.outputs), p.inputSize, p.longestSide, p.stride, p.swapRB, p.prefixTokens),
                         ([], (0, 0), 400, 0, True, 0))
        self.assertFalse(np.any(p.adapter))
        self.assertEqual(len(p.mean), 4)
        self.assertEqual(len(p.scale), 4)

    def test_params_take_names_only_of_parameters(self):
        p = semcorr.Matcher.Params(mode=semcorr.SEARCH_DENSE_4D, mutual=False, bidirectional=False, refine=semcorr.REFINE_NONE,
                                   memoryLimit=1 << 33, target=semcorr.TARGET_CPU)
        self.assertEqual((p.mode, p.mutual, p.bidirectional, p.refine, p.memoryLimit), (1, False, False, 0, 1 << 33))
        p.memoryLimit = 5000000
        self.assertEqual(p.memoryLimit, 5000000)
        self.assertEqual(semcorr.FeatureNet.Params(longestSide=320, prefixTokens=5).prefixTokens, 5)
        for cls in (semcorr.Matcher, semcorr.FeatureNet):
            with self.assertRaises(TypeError):
                cls.Params(longestSize=320)


class TypeStubs(SemcorrTest):
    """The stubs that OpenCV's generator makes for editors and type checkers. It makes none in a build of few modules, since
    tables of its own name classes of others; so it runs here with the headers of all modules."""

    # no interface for Python, or types that only OpenCV's own build resolves
    LEFT_OUT = re.compile(r'/modules/(cuda\w*|cudev|gapi|stitching|ts|world)/|/(cuda|detail|hal|legacy|opencl|utils)/|'
                          r'inl\.|private')

    def generate(self):
        build = pathlib.Path(cv2.__file__).resolve().parents[2]
        config_file = build / 'modules' / 'python_bindings_generator' / 'gen_python_config.json'
        if not config_file.is_file():
            self.skipTest('cv2 is not in its build folder')
        config = json.loads(config_file.read_text())
        modules = next(pathlib.Path(h).parents[3] for h in config['headers'] if h.endswith('/core/include/opencv2/core.hpp'))
        if not (modules / 'python' / 'src2' / 'gen2.py').is_file():
            self.skipTest('the sources of OpenCV are not there any more')
        missing = [m for m in sorted(modules.iterdir()) if not any(h.startswith(str(m) + os.sep) for h in config['headers'])]
        config['headers'] += [str(h) for m in missing for h in sorted(m.glob('include/opencv2/**/*.hpp'))
                              if not self.LEFT_OUT.search(str(h))]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stubs = pathlib.Path(folder.name)
        (self.stubs / 'config.json').write_text(json.dumps(config))
        result = subprocess.run([sys.executable, '-B', modules / 'python' / 'src2' / 'gen2.py', '-c', self.stubs / 'config.json',
                                 '-o', self.stubs], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertTrue((self.stubs / 'cv2' / 'semcorr' / '__init__.pyi').is_file(), result.stdout)

    @functools.lru_cache(None)
    def names(self, *module):
        """What a module's stub defines, e.g. names('cv2', 'typing')"""
        file = next(self.stubs.joinpath(*module).glob('__init__.py*'))  # cv2.typing is no stub
        return self.defined(ast.parse(file.read_text()))

    @staticmethod
    def defined(scope):
        found = {}
        for node in scope.body:
            for target in [node, *getattr(node, 'targets', [getattr(node, 'target', node)])]:
                found[getattr(target, 'name', getattr(target, 'id', None))] = node
        return found

    def resolves(self, name):
        """Whether a dotted name in the stub of cv2.semcorr stands for something"""
        parts = name.split('.')
        if parts[0] in ('_typing', 'numpy', 'os'):
            return hasattr({'_typing': typing, 'numpy': np, 'os': os}[parts[0]], parts[1])
        module = ['cv2'] if parts[0] == 'cv2' else ['cv2', 'semcorr']
        parts = parts[parts[0] == 'cv2':]
        while self.stubs.joinpath(*module, parts[0]).is_dir():
            module.append(parts.pop(0))
        scope = self.names(*module)
        for part in parts:
            if part not in scope:
                return hasattr(builtins, name)
            scope = self.defined(scope[part]) if isinstance(scope[part], ast.ClassDef) else {}
        return True

    def used(self, node):
        """The dotted names in an expression"""
        if isinstance(node, (ast.Attribute, ast.Name)):
            return [ast.unparse(node)]
        return [name for child in ast.iter_child_nodes(node) for name in self.used(child)]

    def test_every_symbol_is_there_and_every_type_resolves(self):
        self.generate()
        for name in [*Names.FUNCTIONS, *Names.CONSTANTS, *Names.METHODS,
                     *(cls + '.' + method for cls, methods in Names.METHODS.items() for method in methods.split())]:
            self.assertTrue(self.resolves(name), name)
        self.assertFalse(self.resolves('cv2.typing.Nonsense') or self.resolves('Matcher.nonsense') or self.resolves('Nonsense'))
        count = 0
        for definition in self.names('cv2', 'semcorr').values():
            for node in ast.walk(definition):
                for part in [getattr(node, 'annotation', None), getattr(node, 'returns', None), *getattr(node, 'bases', [])]:
                    for name in self.used(part) if part else []:
                        self.assertTrue(self.resolves(name), (name, ast.unparse(node)))
                        count += 1
        self.assertGreater(count, 100)


class Functions(SemcorrTest):
    def test_normalize(self):
        for channels in (1, 3, 112, 512, 1024):
            f = floats(3, 4, channels)
            expected = f / np.sqrt((f * f).sum(axis=2, keepdims=True) + np.float32(1e-6))
            self.assert_close(semcorr.normalizeFeatures(f), expected)
            self.assert_close(semcorr.normalizeFeatures(src=f, eps=1e-6), expected)
        out = np.zeros_like(f)
        semcorr.normalizeFeatures(f, out)  # an array that fits is written to
        self.assert_close(out, expected)
        semcorr.normalizeFeatures(f, f)
        self.assert_close(f, expected)

    def test_correlate(self):
        for channels in (1, 3, 112, 512, 1024):
            f1, f2 = features(4, 5, channels), features(2, 3, channels)
            expected = np.einsum('abi,cdi->abcd', f1, f2)
            self.assert_close(semcorr.correlate(f1, f2), expected)
            self.assert_close(semcorr.correlate(features1=f1, features2=f2), expected)

    def test_slices_and_views(self):
        f1, f2 = features(8, 9, 20), features(5, 6, 20)
        expected = semcorr.correlate(np.ascontiguousarray(f1[1:7:2, ::-1]), f2)
        np.testing.assert_array_equal(semcorr.correlate(f1[1:7:2, ::-1], f2), expected)
        part = semcorr.correlate(f1[2:5, 3:8], f2)
        np.testing.assert_array_equal(part, semcorr.correlate(f1[2:5, 3:8].copy(), f2))
        self.assertEqual(semcorr.correlate(f1[..., 3:7], f2[..., 3:7]).shape, (8, 9, 5, 6))
        volume = floats(4, 5, 6, 7)
        np.testing.assert_array_equal(semcorr.mutualFilter(volume[1:3, :, 2:5]), semcorr.mutualFilter(volume[1:3, :, 2:5].copy()))
        same = part.copy()
        np.testing.assert_array_equal(semcorr.mutualFilter(same, same), semcorr.mutualFilter(part))

    def test_published_stages(self):
        g = golden('correlation')
        na, nb = semcorr.normalizeFeatures(g['fa']), semcorr.normalizeFeatures(g['fb'])
        self.assert_close(na, g['na'])
        corr = semcorr.correlate(na, nb)
        self.assert_close(corr, g['corr'])
        self.assert_close(semcorr.mutualFilter(corr, eps=1e-5), g['mutual'])

    def test_conv4d(self):
        for i in range(4):
            g = golden('conv4d_%d' % i)
            self.assert_close(semcorr.conv4d(g['x'], g['weight'], g['bias']), g['y'])
            self.assert_close(semcorr.conv4d(g['x'], g['weight'], None), g['y'] - g['bias'].reshape(-1, 1, 1, 1, 1), 3e-5)
        x, w = floats(2, 5, 6, 5, 7), floats(3, 2, 3, 1, 5, 3)
        inner = semcorr.conv4d(x, w, floats(3), padding=semcorr.CONV_VALID)
        self.assertEqual(inner.shape, (3, 3, 6, 1, 5))
        self.assertEqual(semcorr.conv4d(x[0], w[:, :1], None).shape, (3, 5, 6, 5, 7))

    def test_max_pool_and_relocalize(self):
        corr = floats(4, 6, 2, 8)
        pooled, offsets = semcorr.maxPool4d(corr, 2)
        np.testing.assert_array_equal(pooled, corr.reshape(2, 2, 3, 2, 1, 2, 4, 2).max(axis=(1, 3, 5, 7)))
        self.assertEqual((offsets.shape, offsets.dtype), ((4, 2, 3, 1, 4), np.int32))
        field, best = semcorr.bestMatches(pooled)
        matches = semcorr.relocalize(field, offsets, 2)
        self.assertEqual((matches.shape, matches.dtype), ((6, 1, 4), np.float32))
        for (x1, y1, x2, y2), score in zip(matches.reshape(-1, 4).astype(int), best.ravel()):
            self.assertEqual(corr[y1, x1, y2, x2], score)
        field, best = semcorr.bestMatches(pooled, direction=semcorr.FROM_2_TO_1)
        self.assertEqual(semcorr.relocalize(field, offsets, k=2, direction=semcorr.FROM_2_TO_1).shape, (4, 1, 4))

    def test_self_similarity(self):
        g = golden('anc_selfsim')
        f = semcorr.normalizeFeatures(g['feature'])
        out = semcorr.selfSimilarity(f, [g['w0'], g['w1']], [g['b0'], g['b1']], window=5)
        self.assert_close(out, g['out'])
        self.assert_close(semcorr.selfSimilarity(f, [], []), g['selfsim'])
        self.assertEqual(semcorr.selfSimilarity(f, g['w0'], g['b0']).shape, f.shape[:2] + (89,))

    def test_best_matches(self):
        scores = floats(3, 4, 5, 2)
        field, best = semcorr.bestMatches(scores)
        self.assertEqual((field.shape, best.shape, best.dtype), ((3, 4, 2), (3, 4), np.float32))
        flat = scores.reshape(12, 10)
        np.testing.assert_array_equal(field.reshape(12, 2) @ [1, 2], flat.argmax(axis=1))
        np.testing.assert_array_equal(best.ravel(), flat.max(axis=1))
        field, best = semcorr.bestMatches(scores, direction=semcorr.FROM_2_TO_1, softmax=True)
        self.assertEqual((field.shape, best.shape), ((5, 2, 2), (5, 2)))
        np.testing.assert_allclose(best.ravel(), (np.exp(flat.max(axis=0)) / np.exp(flat).sum(axis=0)), rtol=1e-5)

    def test_field_to_flow_and_points(self):
        y, x = np.mgrid[0:4, 0:6].astype(np.float32)
        field = np.dstack([5 - x, y])  # mirrored
        flow = semcorr.fieldToFlow(field, (60, 40), (6, 4), (60, 40))
        self.assertEqual((flow.shape, flow.dtype), ((40, 60, 2), np.float32))
        np.testing.assert_allclose(flow[..., 0], np.tile(59 - 2 * np.arange(60), (40, 1)), atol=1e-4)
        np.testing.assert_allclose(flow[..., 1], 0, atol=1e-4)
        points = np.array([[3, 4], [20.5, 30.25], [59, 0]])
        expected = (points * [-1, 1] + [59, 0]).reshape(-1, 1, 2)
        table = np.column_stack([np.zeros(3), points])
        for layout in (points, points.astype(np.float32), points.reshape(-1, 1, 2), points.reshape(1, -1, 2), table[:, 1:]):
            got = semcorr.transferPoints(field, size1=(60, 40), grid2=(6, 4), size2=(60, 40), points1=layout)
            self.assertEqual((got.shape, got.dtype), ((3, 1, 2), np.float32))
            np.testing.assert_allclose(got, expected, atol=1e-4)

    def test_errors(self):
        f, c = features(3, 4, 8), floats(3, 4, 2, 5)
        nan = f.copy()
        nan[1, 2, 3] = np.nan
        self.assert_error('features1 has type CV_64F', semcorr.correlate, f.astype(np.float64), f)
        self.assert_error('CV_16F', semcorr.correlate, f.astype(np.float16), f)
        self.assert_error('features1 has 8 channels and features2 has 9', semcorr.correlate, f, features(3, 4, 9))
        self.assert_error('features2 holds values that are not finite', semcorr.correlate, f, nan)
        self.assert_error('features1 is all zero', semcorr.correlate, f * 0, f)
        self.assert_error('features1 is empty', semcorr.correlate, np.zeros((0, 4, 8), np.float32), f)
        self.assert_error('src is 3x4x2x5', semcorr.normalizeFeatures, c)
        for eps in (0, -0.5, 1e-39, 1e39, np.nan, np.inf):
            self.assert_error('eps is ', semcorr.normalizeFeatures, f, eps=eps)
            self.assert_error('eps is ', semcorr.mutualFilter, c, eps=eps)
        self.assert_error('corr is 3x4x8', semcorr.mutualFilter, f)
        self.assert_error('expected odd kernel sizes', semcorr.conv4d, c, floats(1, 1, 3, 2, 3, 3), None)
        self.assert_error('src has 1 channels and weights takes 2', semcorr.conv4d, c, floats(1, 2, 3, 3, 3, 3), None)
        kernel = floats(1, 1, 3, 3, 3, 3)
        for value in (np.nan, np.inf):
            kernel[0, 0, 1, 2, 0, 1] = value
            self.assert_error('weights[0] holds values that are not finite', semcorr.conv4d, c, kernel, None)
            self.assert_error('weights[0] holds values that are not finite', identity_net().addBlock, kernel)
            self.assert_error('bias[0] holds values that are not finite', semcorr.conv4d, c, floats(1, 1, 3, 3, 3, 3),
                              np.float32([value]))
        self.assert_error('padding is 7', semcorr.conv4d, c, floats(1, 1, 1, 1, 1, 1), None, padding=7)
        self.assert_error('k is 0', semcorr.maxPool4d, c, 0)
        self.assert_error('k = 2', semcorr.maxPool4d, c, 2)
        self.assert_error('window is 4', semcorr.selfSimilarity, f, [], [], window=4)
        self.assert_error('direction is 9', semcorr.bestMatches, c, direction=9)
        field = floats(3, 4, 2)
        self.assert_error('field is', semcorr.fieldToFlow, floats(3, 4), (9, 9), (4, 3), (9, 9))
        self.assert_error('size2 is 0 x 9', semcorr.fieldToFlow, field, (9, 9), (4, 3), (0, 9))
        for points in (np.zeros((0, 2)), np.zeros((4, 3)), np.zeros((2, 2, 2, 2))):
            self.assert_error('points1', semcorr.transferPoints, field, (9, 9), (4, 3), (9, 9), points)
        self.assert_error('not finite', semcorr.transferPoints, field, (9, 9), (4, 3), (9, 9), np.array([[np.nan, 0]]))


class ConsensusNet(SemcorrTest):
    def test_published_nets(self):
        for name, symmetry, joined in (('nc_33', semcorr.SYMMETRY_NET, -1), ('anc_A', semcorr.SYMMETRY_BLOCK, 2)):
            g = golden(name)
            net = golden_net(g, symmetry, joined)
            self.assert_close(net.forward(g['mutual1']), g['net'])
            self.assert_close(net.forward(corr=g['mutual1']), g['net'])

    def test_blocks_round_trip(self):
        net = semcorr.ConsensusNet.create(symmetry=semcorr.SYMMETRY_BLOCK, padding=semcorr.PADDING_INPUT)
        weights, biases = [floats(2, 1, 3, 3, 5, 5), floats(3, 1, 1, 3, 1, 3)], [floats(2), floats(3)]
        net.addBlock(weights, biases)
        net.addBlock(floats(1, 5, 3, 3, 3, 3), floats(1), joined=True)
        self.assertEqual((net.getBlockCount(), net.getSymmetry(), net.getPadding(), net.isJoined(0), net.isJoined(1)),
                         (2, semcorr.SYMMETRY_BLOCK, semcorr.PADDING_INPUT, False, True))
        got_weights, got_biases = net.getBlock(0)
        for got, w in zip(got_weights, weights):
            np.testing.assert_array_equal(got, w)
        for got, b in zip(got_biases, biases):
            np.testing.assert_array_equal(got.ravel(), b)
        weights[0][:] = 0  # the net has its own copy
        self.assertTrue(net.getBlock(0)[0][0].any())
        net.setBlock(0, weights)
        self.assertFalse(net.getBlock(0)[0][0].any())
        self.assertFalse(net.getBlock(0)[1][1].any())
        net.setLastActivation(False)
        net.setResidual(0.5)
        self.assertEqual((net.getLastActivation(), net.getResidual()), (False, 0.5))

    def test_score_pairs(self):
        g = golden('nc_33')
        net = golden_net(g, semcorr.SYMMETRY_NET)
        f1, f2 = features(5, 4, 24), features(3, 6, 24)
        dense = net.forward(semcorr.correlate(f1, f2))
        cells1 = np.array([[0, 0], [3, 4], [2, 1], [1, 3]], np.int32)
        cells2 = np.array([[5, 2], [0, 0], [3, 1], [5, 0]], np.int32)
        expected = dense[cells1[:, 1], cells1[:, 0], cells2[:, 1], cells2[:, 0]].reshape(-1, 1)
        for one, two in ((cells1, cells2), (cells1.reshape(-1, 1, 2), cells2.reshape(1, -1, 2))):
            np.testing.assert_allclose(net.scorePairs(f1, f2, one, two), expected, atol=1e-5 * dense.max())
        table = np.column_stack([cells1, cells2])
        scores = net.scorePairs(features1=f1, features2=f2, cells1=table[:, :2], cells2=table[:, 2:])
        np.testing.assert_allclose(scores, expected, atol=1e-5 * dense.max())

    def test_presets(self):
        net = semcorr.ConsensusNet.createPreset(semcorr.PRESET_NCNET_555)
        self.assertEqual([net.getBlock(i)[0][0].shape for i in range(net.getBlockCount())],
                         [(16, 1, 5, 5, 5, 5), (16, 16, 5, 5, 5, 5), (1, 16, 5, 5, 5, 5)])
        self.assertEqual(semcorr.ConsensusNet.createPreset(preset=semcorr.PRESET_PMNC).getPadding(), semcorr.PADDING_INPUT)

    def test_save_and_load(self):
        g = golden('nc_33')
        net = golden_net(g, semcorr.SYMMETRY_NET)
        net.setResidual(0.25)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'net.yml')
            net.save(path)
            again = semcorr.ConsensusNet.load(path)
        np.testing.assert_array_equal(again.forward(g['mutual1']), net.forward(g['mutual1']))

    def test_errors(self):
        create = semcorr.ConsensusNet.create
        self.assert_error('symmetry is 3', create, 3)
        self.assert_error('padding is -1', create, padding=-1)
        self.assert_error('preset is 6', semcorr.ConsensusNet.createPreset, 6)
        self.assert_error('missing.yml', semcorr.ConsensusNet.load, 'missing.yml')
        net = create()
        c, f1, f2 = floats(3, 4, 2, 5), features(3, 4, 6), features(2, 5, 6)
        self.assert_error('no blocks', net.forward, c)
        self.assert_error('weights is empty', net.addBlock, [])
        self.assert_error('CV_64F', net.addBlock, np.ones((1, 1, 3, 3, 3, 3)))
        self.assert_error('1x1x3x3x3', net.addBlock, floats(1, 1, 3, 3, 3))
        self.assert_error('1x1x2x3x3x3', net.addBlock, floats(1, 1, 2, 3, 3, 3))
        self.assert_error('block 0 takes 2 channels, expected 1', net.addBlock, floats(1, 2, 3, 3, 3, 3))
        self.assert_error('expected 4 values', net.addBlock, floats(4, 1, 3, 3, 3, 3), floats(3))
        net.addBlock(floats(4, 1, 3, 3, 3, 3))
        self.assert_error('ends in 4 channels', net.forward, c)
        self.assert_error('ends in 4 channels', semcorr.Matcher.create, semcorr.FeatureNet.create(), net)
        self.assert_error('block index is 1', net.getBlock, 1)
        self.assert_error('block index is -1', net.setBlock, -1, floats(4, 1, 3, 3, 3, 3))
        self.assert_error('residual is', net.setResidual, np.nan)
        net = identity_net()
        inside, outside = np.array([[3, 2]], np.int32), np.array([[4, 0]], np.int32)
        self.assert_error('cells1[0] is (4, 0)', net.scorePairs, f1, f2, outside, inside * 0)
        self.assert_error('cells2[0] is (3, 2)', net.scorePairs, f1, f2, inside, inside)
        self.assert_error('cells1 has 1 cells and cells2 has 2', net.scorePairs, f1, f2, inside, np.zeros((2, 2), np.int32))
        self.assert_error('cells1 is', net.scorePairs, f1, f2, inside.astype(np.float32), inside)


class FeatureNet(SemcorrTest):
    FILE = os.path.join(TESTDATA, 'nets', 'cnn.onnx')
    BAD_PARAMS = (
        ({'outputs': ['']}, 'outputs is [""]'), ({'outputs': ['fine', 'fine']}, 'outputs is ["fine", "fine"]'),
        ({'outputs': ['layer3']}, 'outputs has "layer3", expected outputs of the net: "coarse", "fine"'),
        ({'inputSize': (0, 64)}, 'inputSize.width is 0'), ({'inputSize': (64, -1)}, 'inputSize.height is -1'),
        ({'inputSize': (16385, 1)}, 'inputSize.width is 16385'), ({'inputSize': (16384, 1025)}, 'inputSize is 16384 x 1025'),
        ({'longestSide': -1}, 'longestSide is -1'), ({'longestSide': 16385}, 'longestSide is 16385'),
        ({'stride': -1}, 'stride is -1'), ({'stride': 257}, 'stride is 257'),
        ({'mean': (0, np.nan, 0)}, 'mean[1] is nan'), ({'mean': (0, 0, -np.inf)}, 'mean[2] is -inf'),
        ({'scale': (0, 1, 1)}, 'scale[0] is 0'), ({'scale': (1, 1, np.nan)}, 'scale[2] is nan'),
        ({'prefixTokens': -1}, 'prefixTokens is -1'), ({'prefixTokens': 1025}, 'prefixTokens is 1025'),
        ({'adapter': np.ones((4, 25), np.float32)}, 'adapter is 4x25, expected 24 columns'),
        ({'adapter': np.ones((4, 24))}, 'adapter is 4x24 of type CV_64FC1'),
        ({'adapter': np.full((4, 24), np.nan, np.float32)}, 'adapter holds values that are not finite'),
        ({'backend': -1}, 'backend is -1'), ({'backend': 12345}, 'backend is 12345'), ({'target': 12345}, 'target 12345'),
    )

    def test_params_out_of_range(self):
        net = semcorr.FeatureNet.create(self.FILE, semcorr.FeatureNet.Params(longestSide=200))
        content = np.fromfile(self.FILE, np.uint8)
        for values, message in self.BAD_PARAMS:
            params = semcorr.FeatureNet.Params(**values)
            self.assert_error(message, semcorr.FeatureNet.create, self.FILE, params)
            self.assert_error(message, semcorr.FeatureNet.createFromMemory, content, params)
            self.assert_error(message, net.setParams, params)
            self.assertEqual(net.getParams().longestSide, 200)

    def test_input_that_would_take_too_much_memory(self):
        net = semcorr.FeatureNet.create(self.FILE, semcorr.FeatureNet.Params(longestSide=16384))
        self.assert_error('would become 16384 x 16384', net.compute, image(60, 60))

    def test_bad_content(self):
        create = semcorr.FeatureNet.createFromMemory
        self.assert_error('the ONNX net of 100 bytes is not an ONNX net', create, np.zeros(100, np.uint8))
        self.assert_error('onnx is empty, expected the content', create, np.zeros(0, np.uint8))


class ModelFiles(SemcorrTest):
    """Files whose checksum is right and whose values are not"""
    NET = (('symmetry', 3, 'symmetry is 3'), ('symmetry', -1, 'symmetry is -1'), ('padding', 2, 'padding is 2'),
           ('last_activation', 2, 'last_activation is 2'), ('residual', '1e30', 'residual is 1e+30'),
           ('residual', '.Nan', 'expected a finite number'), ('version', 2, 'version is 2'))
    SEARCH = (('mode', 3, 'mode is 3'), ('mode', -1, 'mode is -1'), ('iterations', -1, 'iterations is -1'),
              ('hypotheses', 0, 'hypotheses is 0'), ('offsets', 9, 'offsets is 9'), ('local_radius', 40, 'localRadius is 40'),
              ('random_search', 2, 'random_search is 2'), ('init', 5, 'init is 5'), ('mutual', 2, 'mutual is 2'),
              ('bidirectional', -1, 'bidirectional is -1'), ('refine', 3, 'refine is 3'), ('target', 2, 'target is 2'),
              ('memory_limit', 1000, 'memoryLimit is 1000'), ('memory_limit', -1, 'memory_limit is -1'))
    FEATURES = (('input_width', -1, 'inputSize.width is -1'), ('input_height', 16385, 'inputSize.'),
                ('longest_side', 16385, 'longestSide is 16385'), ('stride', 257, 'stride is 257'), ('swap_rb', 2, 'swap_rb is 2'),
                ('prefix_tokens', 1025, 'prefixTokens is 1025'), ('backend', 12345, 'backend is 12345'),
                ('window', 3, 'window is 3 with 0 layers'))

    def check(self, make, load, changes):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'model.yml')
            make().save(path)
            text = pathlib.Path(path).read_text()
            for key, value, message in changes:
                body, count = re.subn(r'(\n *%s:) \S+' % key, r'\1 %s' % value, text[:text.rindex('# sha256: ')], count=1)
                self.assertEqual(count, 1, key)
                checksum = hashlib.sha256(body.encode()).hexdigest()
                pathlib.Path(path).write_text('%s# sha256: %s\n' % (body, checksum))
                self.assert_error(message, load, path)

    def test_net(self):
        self.check(identity_net, semcorr.ConsensusNet.load, self.NET)

    def test_compressed(self):
        with tempfile.TemporaryDirectory() as folder:
            path, zipped = os.path.join(folder, 'net.yml'), os.path.join(folder, 'net.yml.gz')
            identity_net().save(path)
            content = gzip.compress(pathlib.Path(path).read_bytes())
            pathlib.Path(zipped).write_bytes(content)
            self.assertEqual(semcorr.ConsensusNet.load(zipped).getBlockCount(), 1)
            cut = 'does not go on as one'
            for bad, text in ((content[:-9], cut), (content[:2], cut), (content[:10] + b'\xff' * 40, cut),
                              (gzip.compress(bytes(65 << 20)), 'more than 67108864 bytes'), (gzip.compress(b''), 'no content')):
                pathlib.Path(zipped).write_bytes(bad)
                self.assert_error(text, semcorr.ConsensusNet.load, zipped)

    def test_matcher(self):
        self.check(semcorr.Matcher.create, semcorr.Matcher.create, self.SEARCH + self.FEATURES)


class Matcher(SemcorrTest):
    @classmethod
    def setUpClass(cls):
        cls.matcher = semcorr.Matcher.create()
        cls.net = cls.matcher.getFeatureNet()

    def plain(self, **params):
        return semcorr.Matcher.create(self.net, identity_net(), semcorr.Matcher.Params(mutual=False, **params))

    def test_features(self):
        f = self.net.compute(image(200, 160))
        self.assertEqual((f.ndim, f.dtype), (3, np.float32))
        np.testing.assert_allclose(np.linalg.norm(f, axis=2), 1, atol=1e-4)
        backbone = semcorr.FeatureNet.create()
        self.assertEqual((self.net.getParams().outputs, backbone.getParams().outputs), (('adapted',), ()))
        self.assertEqual(backbone.compute(image(200, 160)).shape, (*f.shape[:2], 112))

    def test_match(self):
        picture = image(120, 200)
        flow, confidence = self.matcher.match(picture, picture)
        self.assertEqual((flow.shape, flow.dtype), ((120, 200, 2), np.float32))
        self.assertEqual((confidence.shape, confidence.dtype), ((120, 200), np.float32))
        self.assertTrue((confidence >= 0).all() and (confidence <= 1).all())
        warped = cv2.remap(picture, flow, None, cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP)
        self.assertEqual(warped.shape, picture.shape)
        mask = np.zeros((120, 200), np.uint8)
        mask[20:60, 30:90] = 1
        masked, _ = self.matcher.match(image1=picture, image2=picture, mask1=mask)
        np.testing.assert_array_equal(masked, flow * mask[..., None])
        self.matcher.setReference(picture)
        for result, expected in zip(self.matcher.matchReference(image2=picture), (flow, confidence)):
            np.testing.assert_array_equal(result, expected)
        crop, _ = self.matcher.match(picture[10:90, 20:], picture[:, ::-1])
        self.assertEqual(crop.shape, (80, 180, 2))

    def test_match_features(self):
        matcher = self.plain(refine=semcorr.REFINE_NONE)
        for channels in (112, 512, 1024):
            f1 = features(4, 5, channels)
            f2 = f1[::-1, ::-1]
            field, scores = matcher.matchFeatures(f1, f2)
            self.assertEqual((field.shape, field.dtype, scores.shape), ((4, 5, 2), np.float32, (4, 5)))
            y, x = np.mgrid[0:4, 0:5]
            np.testing.assert_array_equal(field, np.dstack([4 - x, 3 - y]))
            np.testing.assert_allclose(scores, 1, atol=1e-5)

    def test_points_and_sparse(self):
        picture = image(120, 200)
        points = np.array([[20.5, 30], [100, 60], [5, 5]])
        for layout in (points, points.reshape(-1, 1, 2), points.astype(np.int32)):
            points2, confidence = self.matcher.transferKeypoints(picture, picture, points1=layout)
            self.assertEqual((points2.shape, points2.dtype, confidence.shape), ((3, 1, 2), np.float32, (3, 1)))
        keypoints1, keypoints2, matches = self.matcher.matchSparse(picture, picture, maxMatches=10)
        self.assertEqual((len(keypoints1), len(keypoints2), len(matches)), (10, 10, 10))
        self.assertIsInstance(keypoints1[0], cv2.KeyPoint)
        self.assertIsInstance(matches[0], cv2.DMatch)
        distances = [m.distance for m in matches]
        self.assertEqual(distances, sorted(distances))

    def test_params_and_stats(self):
        matcher = semcorr.Matcher.create(params=semcorr.Matcher.Params(refine=semcorr.REFINE_SOFT_ARGMAX))
        self.assertEqual(matcher.getParams().refine, semcorr.REFINE_SOFT_ARGMAX)
        params = matcher.getParams()
        params.bidirectional = False
        matcher.setParams(params)
        self.assertFalse(matcher.getParams().bidirectional)
        matcher.matchFeatures(features(4, 5, 6), features(3, 2, 6))
        stats = matcher.getStats()
        self.assertEqual((stats.mode, stats.pairsScored, stats.iterations), (semcorr.SEARCH_DENSE_4D, 120, 0))
        self.assertTrue(0 < stats.peakWorkspace <= params.memoryLimit)
        self.assertGreaterEqual(stats.totalMs, 0)
        with self.assertRaises(AttributeError):
            stats.pairsScored = 3
        matcher.setProvenance('trained on äpples')
        self.assertEqual(matcher.getProvenance(), 'trained on äpples')
        self.assertEqual(matcher.getConsensusNet().getBlockCount(), 2)

    def test_patchmatch(self):
        params = semcorr.Matcher.Params(mode=semcorr.SEARCH_PATCHMATCH, bidirectional=False, refine=semcorr.REFINE_NONE)
        params.init, params.iterations, params.hypotheses = semcorr.INIT_RANDOM, 4, 3
        params.offsets, params.localRadius, params.randomSearch = semcorr.OFFSETS_GIPUMA, 2, True
        params.seed, params.memoryLimit = 7, 1 << 28
        matcher = semcorr.Matcher.create(params=params)
        self.assertEqual((matcher.getParams().offsets, matcher.getParams().seed), (semcorr.OFFSETS_GIPUMA, 7))
        f1, f2 = features(12, 10, 6), features(9, 11, 6)
        scores = matcher.matchFeatures(f1, f2)[1]
        stats = matcher.getStats()
        self.assertEqual(stats.mode, semcorr.SEARCH_PATCHMATCH)
        self.assertTrue(0 < stats.iterations <= 4 and 0 < stats.pairsScored <= 120 * 99 and stats.hiddenSites > 0)
        self.assertTrue(0 < stats.peakWorkspace <= 1 << 28)
        params.mode = semcorr.SEARCH_DENSE_4D
        matcher.setParams(params)
        dense = matcher.matchFeatures(f1, f2)[1]
        tolerance = 1e-5 * np.abs(dense).max()
        self.assertTrue((scores <= dense + tolerance).all())
        self.assertGreater((scores >= dense - tolerance).mean(), 0.5)

    def test_self_similarity(self):
        g = golden('anc_selfsim')
        matcher = self.plain()
        f = features(6, 5, 20)
        _, one = matcher.matchFeatures(f, f)
        matcher.setSelfSimilarity([g['w0'], g['w1']], [g['b0'], g['b1']], window=5)
        _, two = matcher.matchFeatures(f, f)
        self.assertFalse(np.allclose(one, two))
        matcher.setSelfSimilarity([], [])
        np.testing.assert_array_equal(matcher.matchFeatures(f, f)[1], one)

    def test_save_and_create(self):
        picture = image(120, 160)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'matcher.yml')
            self.matcher.save(path)
            again = semcorr.Matcher.create(path)
            other = semcorr.Matcher.create(path, semcorr.Matcher.Params(refine=semcorr.REFINE_NONE))
        self.assertEqual(other.getParams().refine, semcorr.REFINE_NONE)
        for got, expected in zip(again.match(picture, picture), self.matcher.match(picture, picture)):
            np.testing.assert_array_equal(got, expected)

    def test_bad_images(self):
        good = image(60, 70)
        for bad, text in ((np.zeros((0, 5, 3), np.uint8), 'empty'), (good[:1, :1], '1 x 1 pixels'), (good[..., 0], 'CV_8UC1'),
                          (np.dstack([good, good[..., :1]]), 'CV_8UC4'), (good.astype(np.uint16), 'CV_16UC3'),
                          (good.astype(np.float32), 'CV_32FC3')):
            self.assert_error(text, self.matcher.match, bad, good)
            self.assert_error(text, self.matcher.match, good, bad)
            self.assert_error(text, self.matcher.setReference, bad)
            self.assert_error(text, self.matcher.transferKeypoints, bad, good, np.ones((1, 2)))
            self.assert_error(text, self.matcher.matchSparse, good, bad)
            self.assert_error(text, self.net.compute, bad)
        self.assert_error('image1', self.matcher.match, None, good)

    def test_errors(self):
        good, f = image(60, 70), features(3, 4, 8)
        self.assert_error('mask1 is 10x20', self.matcher.match, good, good, mask1=np.ones((10, 20), np.uint8))
        for points in (np.zeros((0, 2)), np.zeros((4, 3))):
            self.assert_error('points1', self.matcher.transferKeypoints, good, good, points)
        self.assert_error('not finite', self.matcher.transferKeypoints, good, good, np.array([[np.nan, 0]]))
        self.assert_error('maxMatches is 0', self.matcher.matchSparse, good, good, maxMatches=0)
        self.assert_error('CV_64F', self.matcher.matchFeatures, f.astype(np.float64), f)
        self.assert_error('features1 has 8 channels and features2 has 7', self.matcher.matchFeatures, f, features(3, 4, 7))
        self.assert_error('setReference', semcorr.Matcher.create().matchReference, good)
        self.assert_error('window is 4', self.matcher.setSelfSimilarity, floats(2, 16, 3, 3), floats(2), window=4)
        for name, value in (('mode', 3), ('iterations', -1), ('hypotheses', 0), ('offsets', 9),
                            ('localRadius', 40), ('init', 5), ('refine', -1), ('target', 2),
                            ('target', semcorr.TARGET_CUDA), ('memoryLimit', 1000)):
            params = semcorr.Matcher.Params(**{name: value})
            self.assert_error(name + ' is', semcorr.Matcher.create, params)
            self.assert_error(name + ' is', self.matcher.setParams, params)
        self.assert_error('featureNet is null', semcorr.Matcher.create, None, identity_net())
        self.assert_error('net is null', semcorr.Matcher.create, self.net, None)
        small = self.plain(mode=semcorr.SEARCH_DENSE_4D, memoryLimit=1 << 20)
        self.assert_error('memoryLimit', small.matchFeatures, features(30, 30, 4), features(30, 30, 4))

    def test_bad_files(self):
        self.assert_error('missing.yml', semcorr.Matcher.create, 'missing.yml')
        self.assert_error('missing.onnx', semcorr.FeatureNet.create, 'missing.onnx')
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'broken')
            for content in (b'', b'\xff\xfe\x80 not a model', b'%YAML:1.0\n---\n'):
                with open(path, 'wb') as file:
                    file.write(content)
                self.assert_error('broken', semcorr.FeatureNet.create, path)
                self.assert_error('broken', semcorr.Matcher.create, path)
                self.assert_error('broken', semcorr.ConsensusNet.load, path)


def mat_file(compressed=True, **variables):
    """A MAT file of level 5 as MATLAB's -v7 writes it: each matrix of doubles compressed by zlib"""
    def element(kind, data):
        return struct.pack('<II', kind, len(data)) + data + bytes(-len(data) % 8)
    content = b'MATLAB 5.0 MAT-file'.ljust(124) + b'\0\1IM'
    for name, values in variables.items():
        matrix = element(14, element(6, struct.pack('<II', 6, 0)) + element(5, struct.pack('<ii', *values.shape)) +
                         element(1, name.encode()) + element(9, np.asfortranarray(values, np.float64).tobytes(order='F')))
        if compressed:
            matrix = zlib.compress(matrix)
            matrix = struct.pack('<II', 15, len(matrix)) + matrix
        content += matrix
    return content


def png_head(width, height):
    return b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + struct.pack('>II', width, height)


class Evaluation(SemcorrTest):
    ALPHAS = [0.05, 0.1, 0.2]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def pairs(self, count=40):
        pairs = []
        for i in range(count):
            pair = semcorr.ImagePair()
            n = RNG.integers(1, 12)
            pair.id, pair.category, pair.viewpoint = 'pair %d' % i, 'abc'[i % 3], i % 4 - 1
            pair.points1, pair.points2 = [RNG.uniform(0, 300, (n, 1, 2)).astype(np.float32) for _ in range(2)]
            pair.size1, pair.size2 = [tuple(int(x) for x in RNG.integers(100, 400, 2)) for _ in range(2)]
            pair.box1, pair.box2 = [(3.5, 5, *RNG.uniform(50, 200, 2)) for _ in range(2)]
            pairs.append(pair)
        return pairs, [p.points2 + RNG.uniform(-60, 60, p.points2.shape) for p in pairs]

    @staticmethod
    def numpy_pck(pair, predicted, alphas, reference, square, back):
        """The whole definition, for one pair: which points are correct (alphas x points)"""
        truth = (pair.points1 if back else pair.points2).reshape(-1, 2).astype(float)
        size, box = [np.array(x, float) for x in ((pair.size1, pair.box1[2:]) if back else (pair.size2, pair.box2[2:]))]
        if square:
            scale = 256 / size
            truth, predicted, size, box = (truth + 1) * scale, (predicted.reshape(-1, 2) + 1) * scale, size * scale, box * scale
        around = np.vstack([truth, [[-1, -1] if square else [-2, -2]]]) if reference == semcorr.REF_PADDED_BOX else truth
        length = max({semcorr.REF_IMAGE: size, semcorr.REF_OBJECT_BOX: box}.get(reference, np.ptp(around, axis=0)))
        difference = predicted.reshape(-1, 2) - truth
        return np.sqrt((difference ** 2).sum(axis=1)) <= np.array(alphas)[:, None] * length

    def test_pck_is_that_of_numpy(self):
        pairs, predicted = self.pairs()
        back = [p.points1 + RNG.uniform(-60, 60, p.points1.shape) for p in pairs]
        for reference in (semcorr.REF_IMAGE, semcorr.REF_OBJECT_BOX, semcorr.REF_KEYPOINT_BOX, semcorr.REF_PADDED_BOX):
            for flags in range(8):
                points = back if flags & semcorr.PCK_2_TO_1 else predicted
                expected = [self.numpy_pck(p, q, self.ALPHAS, reference, flags & semcorr.PCK_LEGACY_SQUARE,
                                           flags & semcorr.PCK_2_TO_1) for p, q in zip(pairs, points)]
                result = semcorr.computePCK(pairs, points, self.ALPHAS, reference, flags)
                np.testing.assert_array_equal(result.correct, [e.sum(axis=1) for e in expected])
                np.testing.assert_array_equal(result.points[:, 0], [e.shape[1] for e in expected])
                np.testing.assert_array_equal(result.perPair, [e.mean(axis=1) for e in expected])
                def figure(members):
                    if flags & semcorr.PCK_PER_POINT:
                        return np.hstack(members).mean(axis=1)
                    return np.mean([m.mean(axis=1) for m in members], axis=0)
                by_category = [figure([e for e, p in zip(expected, pairs) if p.category == c]) for c in 'abc']
                by_level = [figure([e for e, p in zip(expected, pairs) if p.viewpoint == v]) for v in range(3)]
                np.testing.assert_allclose(result.overall, figure(expected), rtol=1e-14)
                np.testing.assert_allclose(result.perCategory, by_category, rtol=1e-14)
                np.testing.assert_allclose(result.perNuisance, by_level, rtol=1e-14)
                np.testing.assert_allclose(result.mean, np.mean(by_category, axis=0), rtol=1e-14)
        self.assertEqual((list(result.categories), list(result.categoryPairs)), (['a', 'b', 'c'], [14, 13, 13]))
        self.assertEqual((list(result.nuisances), list(result.nuisanceLevels)), (['viewpoint'] * 3, [0, 1, 2]))
        self.assertEqual((result.reference, result.flags), (semcorr.REF_PADDED_BOX, 7))

    def test_layouts_of_predictions(self):
        pairs, predicted = self.pairs(10)
        expected = semcorr.computePCK(pairs, predicted, self.ALPHAS).correct
        for other in ([p.reshape(-1, 2) for p in predicted], tuple(predicted), [np.repeat(p, 2, axis=0)[::2] for p in predicted]):
            np.testing.assert_array_equal(semcorr.computePCK(pairs=pairs, predicted=other, alphas=self.ALPHAS).correct, expected)
        pairs = pairs[:1] * 2
        self.assert_error('two pairs have the id "pair 0"', semcorr.computePCK, pairs, predicted[:1] * 2, self.ALPHAS)
        pairs[0].id = ''
        result = semcorr.computePCK(pairs, np.stack(predicted[:1] * 2), self.ALPHAS)
        np.testing.assert_array_equal(result.correct, expected[[0, 0]])
        self.assertEqual(list(result.ids), ['0', '1'])
        self.assert_error('predicted has 1 arrays, expected 2', semcorr.computePCK, pairs, predicted[:1], self.ALPHAS)
        self.assert_error('reference is 9', semcorr.computePCK, pairs, predicted[:2], self.ALPHAS, 9)

    def test_results_from_and_to_text(self):
        pairs, predicted = self.pairs()
        result = semcorr.computePCK(pairs, predicted, self.ALPHAS)
        text = json.dumps({'points': result.points.ravel().tolist(), 'correct': result.correct.tolist()})
        again = semcorr.summarizePCK(pairs, **{k: np.array(v) for k, v in json.loads(text).items()}, alphas=self.ALPHAS)
        self.assertEqual((list(again.mean), list(again.overall)), (list(result.mean), list(result.overall)))
        np.testing.assert_array_equal(again.perNuisance, result.perNuisance)
        some = [i for i, p in enumerate(pairs) if p.category != 'b']
        part = semcorr.summarizePCK([pairs[i] for i in some], result.points[some], result.correct[some], self.ALPHAS)
        self.assertEqual(list(part.categories), ['a', 'c'])
        np.testing.assert_allclose(part.mean, result.perCategory[[0, 2]].mean(axis=0), rtol=1e-14)

    def test_intervals_and_comparison(self):
        pairs, predicted = self.pairs()
        result = semcorr.computePCK(pairs, predicted, self.ALPHAS)
        intervals = semcorr.bootstrapPCK(result, resamples=200, confidence=0.9, seed=3)
        self.assertEqual([getattr(intervals, n).shape for n in 'mean overall perCategory perNuisance'.split()],
                         [(3, 1, 2), (3, 1, 2), (3, 3, 2), (3, 3, 2)])
        self.assertTrue((intervals.mean[:, 0, 0] <= result.mean).all() and (intervals.mean[:, 0, 1] >= result.mean).all())
        better = semcorr.computePCK(pairs, [0.5 * (q + p.points2) for p, q in zip(pairs, predicted)], self.ALPHAS)
        comparison = semcorr.comparePCK(result, better, 500)
        self.assertEqual(comparison.pairs, 40)
        np.testing.assert_allclose(comparison.mean, np.subtract(better.mean, result.mean), atol=1e-15)
        np.testing.assert_array_equal(comparison.better, (better.correct > result.correct).sum(axis=0))
        self.assertEqual(list(comparison.worse), [0, 0, 0])
        self.assertTrue((comparison.meanInterval[:, 0, 0] > 0).all())
        self.assertEqual(list(comparison.overallP), [2 / 500] * 3)

    def test_plain_csv(self):
        self.write('Katze/b\u00e4r.png', png_head(30, 20))
        self.write('val_pairs.csv', 'imageA,imageB,XA1,YA1,XB1,YB1\nKatze/b\u00e4r.png,Katze/b\u00e4r.png,1.5,2,3,4\n')
        pair, = semcorr.readPairs('csv', self.root, 'val')
        self.assertEqual((pair.id, pair.category, pair.size1, pair.flip1, pair.leaked),
                         ('Katze/b\u00e4r.png:Katze/b\u00e4r.png', 'Katze', (30, 20), False, -1))
        np.testing.assert_array_equal(pair.points1, np.float32([[[1.5, 2]]]))
        self.assertEqual(len(semcorr.checkDataset('csv', self.root, 'val')), 0)
        self.write('val_pairs.csv', b'imageA,imageB,XA1,YA1,XB1,YB1\n\xff.png,\xc3\x28.png,1.5,2,3,4\n\x80,b\n')
        problems = semcorr.checkDataset('csv', str(self.root), 'val')
        self.assertEqual([p.split('pairs.csv:')[1].split()[0] for p in problems], ['2:', '2:', '3:'])
        self.assert_error('pairs.csv:2: picture', semcorr.readPairs, 'csv', str(self.root), 'val')
        self.assert_error('expected "csv", "images", "pfpascal"', semcorr.readPairs, 'pascal', str(self.root), 'val')

    def test_pf_pascal_with_compressed_annotations(self):
        for name, size in (('a', (50, 40)), ('b', (60, 30))):
            self.write('JPEGImages/%s.jpg' % name, png_head(*size))
            self.write('Annotations/dog/%s.mat' % name, mat_file(
                kps=np.array([[1, 2], [np.nan, np.nan], [3, 4 + size[0]]]), bbox=np.array([[1, 2, 11, 22]])))
        self.write('val_pairs.csv', 'source_image,target_image,class,flip\nx/a.jpg,x/b.jpg,12,0\n')
        pair, = semcorr.readPairs('pfpascal', self.root, 'val')
        np.testing.assert_array_equal(pair.points1[:, 0], [[0, 1], [2, 53]])
        np.testing.assert_array_equal(pair.points2[:, 0], [[0, 1], [2, 63]])
        self.assertEqual(pair.box2, (0, 1, 10, 20))
        # a variable that is larger than any annotation is not looked at, however little of the file it takes
        self.write('Annotations/dog/a.mat', mat_file(picture=np.zeros((1000, 1000)), kps=np.array([[5., 6], [7, 8], [9, 10]])))
        pair, = semcorr.readPairs('pfpascal', self.root, 'val')
        np.testing.assert_array_equal(pair.points1[:, 0], [[4, 5], [8, 9]])

    def test_flow(self):
        truth = RNG.uniform(-5, 5, (4, 6, 2)).astype(np.float32)
        truth[0, 0] = 1e10
        self.write('x.flo', b'PIEH' + struct.pack('<ii', 6, 4) + truth.tobytes())
        np.testing.assert_array_equal(semcorr.readFlow(self.root / 'x.flo'), truth)
        flow = truth + RNG.uniform(-3, 3, truth.shape).astype(np.float32)
        flow[0, 0] = 0
        mask = RNG.integers(0, 2, (4, 6), dtype=np.uint8)
        error = np.linalg.norm(flow.astype(float) - truth, axis=2)[(mask > 0) & (truth[:, :, 0] < 1e9)]
        count, correct = semcorr.countCorrectFlow(flow, truth, (40, 20), [0.05, 0.02], mask=mask)
        self.assertEqual((count, list(correct)), (error.size, [(error <= 2).sum(), (error <= 0.8).sum()]))

    def test_corner_aligned_cells(self):
        points = RNG.uniform(0, 99, (5, 2))
        there = semcorr.fromCornerAligned(points, (100, 80), (25, 20))
        np.testing.assert_allclose(there[:, 0], (points * [24 / 99, 19 / 79] + 0.5) * 4 - 0.5, rtol=1e-5)
        np.testing.assert_allclose(semcorr.toCornerAligned(there, (100, 80), (25, 20))[:, 0], points, rtol=1e-4)

    def test_real_pairs_against_a_reader_of_three_lines(self):
        shared = os.environ.get('SEMCORR_SHARED')
        if not shared:
            self.skipTest('SEMCORR_SHARED is not set')
        file = os.path.join(shared, 'data', 'willow', 'val_pairs.csv')
        numbers = np.genfromtxt(file, delimiter=',', skip_header=1)[:, 2:].reshape(-1, 4, 10)
        categories = np.array([line.split('/')[0] for line in pathlib.Path(file).read_text().split()[1:]])
        pairs = semcorr.readPairs('csv', os.path.dirname(file), 'val')
        predicted = numbers[:, 2:] + RNG.normal(0, 15, numbers[:, 2:].shape)
        result = semcorr.computePCK(pairs, list(predicted.transpose(0, 2, 1)), self.ALPHAS)
        length = np.ptp(numbers[:, 2:], axis=2).max(axis=1)
        distance = np.hypot(*(predicted - numbers[:, 2:]).transpose(1, 0, 2))
        share = (distance[:, :, None] <= length[:, None, None] * self.ALPHAS).mean(axis=1)
        np.testing.assert_array_equal(result.perPair, share)
        np.testing.assert_allclose(result.mean, np.mean([share[categories == c].mean(axis=0) for c in set(categories)], axis=0),
                                   rtol=1e-14)


if __name__ == '__main__':
    unittest.main()
