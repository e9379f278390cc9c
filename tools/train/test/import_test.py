#!/usr/bin/env python3
"""Tests of import_checkpoint.py on checkpoints in the form of the published ones. Needs torch, and cv2 with semcorr."""
import argparse
import os
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


def make_resnet(prefix):
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
    for group, out in ((4, 8), (5, 12), (6, 16)):
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


class Import(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.checkpoint, self.model = [os.path.join(folder.name, n) for n in ('best.pth.tar', 'model.yml')]

    def call(self, *options):
        return subprocess.run([sys.executable, SCRIPT, self.checkpoint, self.model, *options], capture_output=True, text=True)

    def convert(self, state, *options):
        torch.save({'epoch': 3, 'args': argparse.Namespace(lr=1e-3), 'state_dict': state, 'best_test_loss': np.float64(0.5)},
                   self.checkpoint)
        result = self.call('--size=64', *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return cv2.semcorr.Matcher.create(self.model)

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
