#!/usr/bin/env python3
"""Tests of import_checkpoint.py on checkpoints in the form of the published ones. Needs torch, and cv2 with semcorr."""
import argparse
import hashlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import unittest

import cv2
import numpy as np
import torch
import torch.nn.functional as F

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'import_checkpoint.py')
STRIDES = {4: 1, 5: 2, 6: 2}
BLOCKS = {4: 1, 5: 2, 6: 1}
WIDTHS = 8, 12, 16


def make_resnet(prefix, widths=WIDTHS):
    """A narrow ResNet of bottlenecks"""
    state = {}

    def add(conv, norm, out, channels, side):
        state[prefix + conv + '.weight'] = torch.randn(out, channels, side, side) / (side * channels ** .5)
        for name, value in (('weight', torch.rand(out) + .5), ('bias', torch.randn(out) * .1),
                            ('running_mean', torch.randn(out) * .1), ('running_var', torch.rand(out) + .5),
                            ('num_batches_tracked', torch.tensor(7))):
            state[prefix + norm + '.' + name] = value

    add('0', '1', 6, 3, 7)
    channels = 6
    for group, out in zip((4, 5, 6), widths):
        for block in range(BLOCKS[group]):
            name = '%d.%d.' % (group, block)
            add(name + 'conv1', name + 'bn1', out // 2, channels, 1)
            add(name + 'conv2', name + 'bn2', out // 2, out // 2, 3)
            add(name + 'conv3', name + 'bn3', out, out // 2, 1)
            if block == 0:
                add(name + 'downsample.0', name + 'downsample.1', out, channels, 1)
            channels = out
    return state


def run_resnet(state, prefix, x):
    def convolve(x, conv, norm, stride=1):
        weight = state[prefix + conv + '.weight']
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
        gain, shift, mean, variance = [state[prefix + norm + n] for n in ('.weight', '.bias', '.running_mean', '.running_var')]
        return F.batch_norm(x, mean, variance, gain, shift)
    x = F.max_pool2d(F.relu(convolve(x, '0', '1', 2)), 3, 2, 1)
    for group, stride in STRIDES.items():
        for block in range(BLOCKS[group]):
            name, step = '%d.%d.' % (group, block), stride if block == 0 else 1
            y = F.relu(convolve(x, name + 'conv1', name + 'bn1'))
            y = convolve(F.relu(convolve(y, name + 'conv2', name + 'bn2', step)), name + 'conv3', name + 'bn3')
            x = F.relu(y + (convolve(x, name + 'downsample.0', name + 'downsample.1', step) if block == 0 else x))
    return x


def kernel(out, channels, k1, k2):
    """As stored: the first dimension of the kernel in front"""
    return torch.randn(k1, out, channels, k1, k2, k2)


class Foreign:
    """Neither a tensor nor an option"""


class Import(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.checkpoint, self.model = [os.path.join(folder.name, n) for n in ('best.pth.tar', 'model.yml')]

    def call(self, *options, **more):
        return subprocess.run([sys.executable, SCRIPT, self.checkpoint, self.model, *options], capture_output=True, text=True, **more)

    def convert(self, state, *options):
        self.write(state)
        result = self.call('--size=64', *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return cv2.semcorr.Matcher.create(self.model)

    def write(self, state, numpy1=False):
        """As the published programs do; numpy1: by the torch and numpy of their time"""
        layer = torch.nn.Linear(2, 2)
        optimizer = torch.optim.Adam(layer.parameters())
        layer(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        content = io.BytesIO()
        torch.save({'epoch': 3, 'args': argparse.Namespace(lr=1e-3, ncons_kernel_sizes=[5, 5, 5]), 'state_dict': state,
                    'best_test_loss': np.float64(0.5), 'optimizer': optimizer.state_dict(), 'train_loss': np.zeros(5),
                    'test_loss': np.zeros(5)}, content, _use_new_zipfile_serialization=not numpy1)
        with open(self.checkpoint, 'wb') as f:
            f.write(content.getvalue().replace(b'numpy._core', b'numpy.core') if numpy1 else content.getvalue())

    def check_features(self, matcher, state, prefix):
        picture = np.random.RandomState(2).randint(0, 256, (64, 64, 3), np.uint8)
        rgb = (picture[:, :, ::-1] / 255. - [.485, .456, .406]) / [.229, .224, .225]
        expected = run_resnet(state, prefix, torch.from_numpy(rgb.transpose(2, 0, 1)[None]).float())
        expected = (expected / (expected.square().sum(1, True) + 1e-6).sqrt())[0].permute(1, 2, 0)
        np.testing.assert_allclose(matcher.getFeatureNet().compute(picture), expected.numpy(), atol=1e-3)
        self.assertTrue(np.isfinite(matcher.match(picture, picture)[0]).all())

    def test_ncnet(self):
        for prefix in ('FeatureExtraction.model.', 'FeatureExtraction.vgg.'):
            state = make_resnet(prefix)
            shapes = ((0, 4, 1, 5), (2, 3, 4, 3), (4, 1, 3, 5))
            for i, out, channels, k in shapes:
                state['NeighConsensus.conv.%d.weight' % i] = kernel(out, channels, k, k)
                state['NeighConsensus.conv.%d.bias' % i] = torch.randn(out)
            matcher = self.convert(state)
            net = matcher.getConsensusNet()
            self.assertEqual((net.getBlockCount(), net.getSymmetry(), net.getPadding(), net.getLastActivation()),
                             (3, cv2.semcorr.SYMMETRY_NET, cv2.semcorr.PADDING_LAYER, True))
            self.assertTrue(matcher.getParams().mutual)
            for block, (i, out, channels, k) in enumerate(shapes):
                weights, biases = net.getBlock(block)
                stored = state['NeighConsensus.conv.%d.weight' % i].numpy()
                for first in range(k):
                    np.testing.assert_array_equal(weights[0][:, :, first], stored[first])
                np.testing.assert_array_equal(biases[0].ravel(), state['NeighConsensus.conv.%d.bias' % i].numpy())
            self.check_features(matcher, state, prefix)

    def test_ancnet(self):
        nets = {'A': ((('conv0.0', 8, 1, 3), ('conv1.0', 8, 1, 5)), (('conv2.0', 16, 16, 5),), (('conv2.2', 1, 16, 5),)),
                'B': ((('conv0.0', 16, 1, 5),), (('conv10.0', 8, 16, 3), ('conv11.0', 8, 16, 5)), (('conv2.0', 1, 16, 5),)),
                'C': ((('conv00.0', 8, 1, 3), ('conv01.0', 8, 1, 5)), (('conv10.0', 8, 16, 3), ('conv11.0', 8, 16, 5)),
                      (('conv2.0', 1, 16, 5),))}
        for name, blocks in nets.items():
            prefix = 'FeatureExtraction.model.'
            state = make_resnet(prefix)
            for layer, out, channels, k in (layer for block in blocks for layer in block):
                state['NeighConsensus.%s.weight' % layer] = kernel(out, channels, k, 5)
                state['NeighConsensus.%s.bias' % layer] = torch.randn(out)
            for layer, out, channels in (('conv', 64, 25), ('conv1', 32, 64), ('conv2', 32, 32)):  # the last one is not used
                state['SS.%s.weight' % layer] = torch.randn(out, channels, 3, 3)
                state['SS.%s.bias' % layer] = torch.randn(out)
            matcher = self.convert({'module.' + n: v for n, v in state.items()})
            net = matcher.getConsensusNet()
            preset = cv2.semcorr.ConsensusNet.createPreset(getattr(cv2.semcorr, 'PRESET_ANCNET_' + name))
            self.assertEqual(net.getSymmetry(), cv2.semcorr.SYMMETRY_BLOCK)
            self.assertEqual(net.getBlockCount(), preset.getBlockCount())
            for i, block in enumerate(blocks):
                weights = net.getBlock(i)[0]
                self.assertEqual([w.shape for w in weights], [w.shape for w in preset.getBlock(i)[0]])
                self.assertEqual(net.isJoined(i), preset.isJoined(i))
                for found, layer in zip(weights, block):
                    np.testing.assert_array_equal(found[:, :, 1], state['NeighConsensus.%s.weight' % layer[0]][1].numpy())
            self.check_features(matcher, {n: v for n, v in state.items()}, prefix)
            with open(self.model) as f:
                self.assertIn('window: 5', f.read())

    def small_net(self, widths=WIDTHS):
        return {**make_resnet('FeatureExtraction.model.', widths),
                'NeighConsensus.conv.0.weight': kernel(4, 1, 3, 3), 'NeighConsensus.conv.0.bias': torch.randn(4),
                'NeighConsensus.conv.2.weight': kernel(1, 4, 3, 3), 'NeighConsensus.conv.2.bias': torch.randn(1)}

    def contents(self):
        """SHA-256 of all files but the checkpoint"""
        folder, contents = os.path.dirname(self.model), {}
        for name in sorted(os.listdir(folder)):
            if name != os.path.basename(self.checkpoint):
                with open(os.path.join(folder, name), 'rb') as f:
                    contents[name] = hashlib.sha256(f.read()).hexdigest()
        return contents

    def test_large_nets_lie_beside_the_model(self):
        """One is replaced when its model is: a full disk, for which a limit on the size of files stands, leaves the old model and its
        net. Nets of other models stay."""
        widths = (8, 12, 1024)
        other = os.path.join(os.path.dirname(self.model), 'model-old-0123456789abcdef.onnx')
        with open(other, 'wb') as f:
            f.write(b'of another model')
        state = self.small_net(widths)
        self.check_features(self.convert(state), state, 'FeatureExtraction.model.')
        before = self.contents()
        names = list(before)
        self.assertRegex(names[0], r'^model-[0-9a-f]{16}\.onnx$')
        self.assertEqual(names[1:], [os.path.basename(other), 'model.yml'])

        large = {'NeighConsensus.conv.0.weight': kernel(64, 1, 3, 5), 'NeighConsensus.conv.0.bias': torch.randn(64),
                 'NeighConsensus.conv.2.weight': kernel(64, 64, 5, 5), 'NeighConsensus.conv.2.bias': torch.randn(64),
                 'NeighConsensus.conv.4.weight': kernel(1, 64, 3, 3), 'NeighConsensus.conv.4.bias': torch.randn(1)}
        self.write({**self.small_net(widths), **large})  # so that the model file is larger than the net beside it
        limit = 25 << 19, 25 << 19
        result = self.call('--size=64', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('import_checkpoint.py: "%s" cannot be written: File too large' % self.model, result.stderr)
        self.assertEqual(self.contents(), before)

        self.convert(self.small_net(widths))
        after = list(self.contents())
        self.assertNotEqual(after[0], names[0])
        self.assertEqual(after[1:], names[1:])
        self.convert(self.small_net())
        self.assertEqual(list(self.contents()), names[1:])

    def test_files_of_older_programs(self):
        state = self.small_net()
        net = self.convert(state).getConsensusNet().getBlock(0)[0][0]
        self.write(state, numpy1=True)
        result = self.call('--size=64')
        self.assertEqual(result.returncode, 0, result.stderr)
        np.testing.assert_array_equal(cv2.semcorr.Matcher.create(self.model).getConsensusNet().getBlock(0)[0][0], net)

    def assertFails(self, result, *words):
        self.assertNotEqual(result.returncode, 0)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertNotIn('Traceback', result.stderr)
        self.assertEqual(os.listdir(os.path.dirname(self.model)), [os.path.basename(self.checkpoint)])

    def test_wrong_contents(self):
        """They are told of, and nothing is written."""
        norm = 'FeatureExtraction.model.5.0.bn2.'
        for name, value, *words in (
                ('NeighConsensus.conv.0.weight', torch.randn(3, 4, 1, 3, 3), 'conv.0.weight is of shape', '6 dimensions'),
                ('NeighConsensus.conv.0.weight', kernel(4, 1, 3, 3) * np.nan, 'not finite'),
                ('NeighConsensus.conv.0.bias', torch.randn(5), 'biases[0]'), ('more', 3, 'more', 'int', 'tensor'),
                (norm + 'running_var', torch.rand(3), norm[:-1], '6/6/6/3', '6'),
                ('FeatureExtraction.model.4.0.conv1.weight', torch.rand(4, 6), '4 dimensions'),
                ('SS.conv.weight', torch.randn(64, 25, 3, 3), 'SS.conv1.weight')):
            self.write({**self.small_net(), name: value})
            self.assertFails(self.call(), *words)
        self.write(self.small_net())
        self.assertFails(self.call('--size=0'), '--size=0', '16')
        self.model = os.path.join(os.path.dirname(self.model), 'model.onnx')
        self.assertFails(self.call(), 'model.onnx', '.yml')
        torch.save({'state_dict': self.small_net(), 'where': Foreign()}, self.checkpoint)
        self.model = self.model.replace('.onnx', '.yml')
        self.assertFails(self.call(), 'Foreign', '--trust')
        here, self.model = self.model, os.path.join(os.path.dirname(self.model), 'none', 'model.yml')
        self.write(self.small_net())
        result = self.call()
        self.model = here
        self.assertFails(result, 'No such file or directory')

    def test_mistakes(self):
        for content, words in ((b'', 'cannot be read'), (b'nothing', 'cannot be read')):
            with open(self.checkpoint, 'wb') as f:
                f.write(content)
            result = self.call()
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(words, result.stderr)
            self.assertNotIn('Traceback', result.stderr)
        for content, words in (([1], 'state_dict'), ({'state_dict': {}}, 'NeighConsensus')):
            torch.save(content, self.checkpoint)
            result = self.call()
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(words, result.stderr)
            self.assertNotIn('Traceback', result.stderr)
            self.assertFalse(os.path.exists(self.model))


if __name__ == '__main__':
    unittest.main()
