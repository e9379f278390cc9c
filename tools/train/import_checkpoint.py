#!/usr/bin/env python3
"""Turns a published checkpoint of NC-Net or ANC-Net (.pth.tar) into a model file for cv::semcorr::Matcher.

usage: import_checkpoint.py CHECKPOINT MODEL.yml [--size=400] [--trust]

Needs torch, numpy and a cv2 with semcorr. The ResNet of the checkpoint (50, 101 or 152 layers, up to its third group, batch
norm folded into the convolutions) is stored in the model file up to 8 MB; a larger one, as all published ones are, goes to
MODEL-<hash>.onnx beside it, which replaces the one that an earlier MODEL.yml refers to.
--size: pictures are resized to a square of so many pixels, as the published programs do. --trust: load a file with other
Python objects than tensors and options in it, which can run any code; only for files from a source that you trust.
"""
import argparse
import hashlib
import math
import os
import re
import sys

import cv2
import numpy as np
import torch

EPS = 1e-5  # of batch norm in ResNet
MAX_STORED = 8 << 20  # bytes of an ONNX net in a model file
# ANC-Net's nets: parallel layers of each block; a block that is one symmetric unit with the one before is marked by +
ANCNETS = [[['conv0.0', 'conv1.0'], ['conv2.0'], ['+conv2.2']],
           [['conv0.0'], ['conv10.0', 'conv11.0'], ['conv2.0']],
           [['conv00.0', 'conv01.0'], ['conv10.0', 'conv11.0'], ['conv2.0']]]


def fail(*text):
    sys.exit('import_checkpoint.py: ' + ' '.join(text))


def safe_globals():
    """What published checkpoints hold beside tensors: options, and losses as numpy's numbers and arrays, by the names of both numpys"""
    scalar, array = np._core.multiarray.scalar, np._core.multiarray._reconstruct
    return [argparse.Namespace, np.ndarray, np.dtype, scalar, array, (scalar, 'numpy.core.multiarray.scalar'),
            (array, 'numpy.core.multiarray._reconstruct'), *{type(np.dtype(code)) for code in ('f4', 'f8', 'i4', 'i8', 'bool')}]


def load(path, trust):
    """The checkpoint's tensors by name, without the prefix of parallel training"""
    try:
        with torch.serialization.safe_globals(safe_globals()):
            content = torch.load(path, map_location='cpu', weights_only=not trust)
    except Exception as error:
        refused = re.search(r'(?:Unsupported|GLOBAL|global)[^\n]*?([\w.]+\.[\w.]+)', str(error)) if not trust else None
        if refused and not isinstance(error, OSError):
            fail('%s holds an object of %s, which may run any code: expected tensors and options only.' % (path, refused.group(1)),
                 'If you trust its source, --trust loads it')
        fail('%s cannot be read: %s' % (path, re.sub(r'\x1b\[[\d;]*m', '', str(error)).split('\n')[0]))
    state = content.get('state_dict') if isinstance(content, dict) else None
    if not isinstance(state, dict):
        fail('%s holds no state_dict, expected a checkpoint of NC-Net or ANC-Net' % path)
    tensors = {}
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            fail('%s of the state_dict is of type %s, expected a tensor' % (name, type(value).__name__))
        short = re.sub(r'^module\.', '', name)
        short = re.sub(r'^FeatureExtraction\.vgg\.', 'FeatureExtraction.model.', short)  # the older name, of a ResNet, too
        tensors[short] = value.detach().float().numpy()
    return tensors


def take(tensors, name, dims=None):
    if name not in tensors:
        fail('the checkpoint has no %s, expected one of NC-Net or ANC-Net with a ResNet' % name)
    if dims and tensors[name].ndim != dims:
        fail('%s is of shape %s, expected %d dimensions' % (name, tensors[name].shape, dims))
    if not np.isfinite(tensors[name]).all():
        fail('%s holds values that are not finite' % name)
    return tensors[name]


def consensus_net(tensors):
    """4D kernels are stored with their first kernel dimension in front: (k1, out, in, k2, k3, k4)."""
    prefix = 'NeighConsensus.'
    published = [blocks for blocks in ANCNETS
                 if all(prefix + layer.lstrip('+') + '.weight' in tensors for block in blocks for layer in block)]
    if published:
        blocks, symmetry = published[0], cv2.semcorr.SYMMETRY_BLOCK
    else:
        layers = sorted(int(m.group(1)) for m in (re.fullmatch(r'NeighConsensus\.conv\.(\d+)\.weight', n) for n in tensors) if m)
        blocks, symmetry = [['conv.%d' % i] for i in layers], cv2.semcorr.SYMMETRY_NET
    if not blocks:
        fail('the checkpoint has no NeighConsensus, expected one of NC-Net or ANC-Net')
    net = cv2.semcorr.ConsensusNet.create(symmetry, cv2.semcorr.PADDING_LAYER)
    for block in blocks:
        names = [prefix + layer.lstrip('+') for layer in block]
        weights = [np.ascontiguousarray(take(tensors, n + '.weight', 6).transpose(1, 2, 0, 3, 4, 5)) for n in names]
        net.addBlock(weights, [take(tensors, n + '.bias', 1) for n in names], block[0].startswith('+'))
    return net


class Message:
    """Protobuf's wire format, as much as ONNX needs"""

    def __init__(self):
        self.content = b''

    @staticmethod
    def varint(value):
        digits = b''
        while value > 127:
            digits += bytes([value % 128 + 128])
            value //= 128
        return digits + bytes([value])

    def number(self, field, *values):
        for value in values:
            self.content += self.varint(field * 8) + self.varint(value)
        return self

    def bytes(self, field, *values):
        for value in values:
            data = value.content if isinstance(value, Message) else value.encode() if isinstance(value, str) else value
            self.content += self.varint(field * 8 + 2) + self.varint(len(data)) + data
        return self


class ResNet:
    """An ONNX graph of a ResNet up to its third group"""

    def __init__(self, tensors):
        self.tensors, self.graph, self.count = tensors, Message(), 0
        x = self.relu(self.convolution('data', '0', '1', 2))
        x = self.node('MaxPool', [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        for group in (4, 5, 6):
            block = 0
            while '%s%d.%d.conv1.weight' % (self.PREFIX, group, block) in tensors:
                x = self.bottleneck(x, '%d.%d.' % (group, block), 2 if group > 4 and block == 0 else 1)
                block += 1
            if block == 0:
                take(tensors, '%s%d.0.conv1.weight' % (self.PREFIX, group))
        self.output = x

    PREFIX = 'FeatureExtraction.model.'

    def node(self, kind, inputs, **attributes):
        self.count += 1
        name = 'x%d' % self.count
        node = Message().bytes(1, *inputs).bytes(2, name).bytes(4, kind)
        for key, values in attributes.items():
            node.bytes(5, Message().bytes(1, key).number(8, *values).number(20, 7))
        self.graph.bytes(1, node)
        return name

    def constant(self, name, array):
        self.graph.bytes(5, Message().number(1, *array.shape).number(2, 1).bytes(8, name)
                         .bytes(9, np.ascontiguousarray(array, '<f4').tobytes()))
        return name

    def relu(self, x):
        return self.node('Relu', [x])

    def convolution(self, x, conv, norm, stride=1):
        weight = take(self.tensors, self.PREFIX + conv + '.weight', 4).astype(np.float64)
        numbers = [take(self.tensors, self.PREFIX + norm + '.' + name, 1).astype(np.float64)
                   for name in ('weight', 'bias', 'running_mean', 'running_var')]
        if any(len(values) != len(weight) for values in numbers):
            fail('%s%s has %s values, expected %d as %s has output channels'
                 % (self.PREFIX, norm, '/'.join(str(len(values)) for values in numbers), len(weight), conv))
        gain, shift, mean, variance = numbers
        factor = gain / np.sqrt(variance + EPS)
        pad = weight.shape[2] // 2
        return self.node('Conv', [x, self.constant(conv + '.weight', weight * factor[:, None, None, None]),
                                  self.constant(conv + '.bias', shift - mean * factor)],
                         kernel_shape=weight.shape[2:], strides=[stride, stride], pads=[pad] * 4)

    def bottleneck(self, x, name, stride):
        y = self.relu(self.convolution(x, name + 'conv1', name + 'bn1'))
        y = self.relu(self.convolution(y, name + 'conv2', name + 'bn2', stride))
        y = self.convolution(y, name + 'conv3', name + 'bn3')
        if self.PREFIX + name + 'downsample.0.weight' in self.tensors:
            x = self.convolution(x, name + 'downsample.0', name + 'downsample.1', stride)
        return self.relu(self.node('Add', [y, x]))

    def onnx(self):
        def value(name, *sizes):
            shape = Message()
            for size in sizes:
                shape.bytes(1, Message().bytes(2, size) if isinstance(size, str) else Message().number(1, size))
            return Message().bytes(1, name).bytes(2, Message().bytes(1, Message().number(1, 1).bytes(2, shape)))
        self.graph.bytes(2, 'resnet').bytes(11, value('data', 1, 3, 'height', 'width'))
        self.graph.bytes(12, value(self.output, 1, 'channels', 'rows', 'columns'))
        return Message().number(1, 8).bytes(7, self.graph).bytes(8, Message().bytes(1, '').number(2, 13)).content


def self_similarity(tensors, matcher):
    if 'SS.conv.weight' not in tensors:
        return
    names = ['SS.conv', 'SS.conv1']
    window = math.isqrt(tensors['SS.conv.weight'].shape[1])
    matcher.setSelfSimilarity([take(tensors, n + '.weight') for n in names], [take(tensors, n + '.bias') for n in names], window)


def make_matcher(tensors, net, features, args):
    matcher = cv2.semcorr.Matcher.create(features, net, cv2.semcorr.Matcher.Params(
        mode=cv2.semcorr.SEARCH_DENSE_4D, mutual=True, refine=cv2.semcorr.REFINE_PARABOLA))
    self_similarity(tensors, matcher)
    matcher.setProvenance('Imported from the checkpoint %s' % os.path.basename(args.checkpoint))
    return matcher


def write_whole(path, content):
    """Completely or not at all"""
    partial = path + '.part'
    try:
        with open(partial, 'wb') as file:
            file.write(content)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def nets_beside(model):
    """Those that this program wrote for a model file of this name"""
    folder, name = os.path.split(os.path.splitext(model)[0])
    pattern = re.compile(re.escape(name) + r'-[0-9a-f]{16}\.onnx')
    return {os.path.join(folder, other) for other in os.listdir(folder or '.') if pattern.fullmatch(other)}


def save(matcher, model):
    try:
        matcher.save(model)
    except cv2.error as error:
        fail(error.err)


def convert(args):
    if args.model.endswith('.onnx'):
        fail('%s: the model is no ONNX file, expected another name for it, such as .yml' % args.model)
    if args.size < 16:
        fail('--size=%d: expected at least 16' % args.size)
    tensors = load(args.checkpoint, args.trust)
    net, onnx = consensus_net(tensors), ResNet(tensors).onnx()
    params = cv2.semcorr.FeatureNet.Params(inputSize=(args.size, args.size))
    features = cv2.semcorr.FeatureNet.createFromMemory(np.frombuffer(onnx, np.uint8), params)
    matcher = make_matcher(tensors, net, features, args)  # throws before anything is written
    earlier, beside = nets_beside(args.model), None
    try:
        if len(onnx) > MAX_STORED:
            # its name is its content's, so that a model file that is there already keeps its own until it is replaced
            beside = '%s-%s.onnx' % (os.path.splitext(args.model)[0], hashlib.sha256(onnx).hexdigest()[:16])
            write_whole(beside, onnx)
            matcher = make_matcher(tensors, net, cv2.semcorr.FeatureNet.create(beside, params), args)
        save(matcher, args.model)
    except BaseException:
        if beside and beside not in earlier and os.path.exists(beside):
            os.remove(beside)
        raise
    for old in earlier - {beside}:
        os.remove(old)
    print('written: ' + ' and '.join([args.model, *[beside] * bool(beside)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('model')
    parser.add_argument('--size', type=int, default=400)
    parser.add_argument('--trust', action='store_true')
    try:
        convert(parser.parse_args())
    except cv2.error as error:
        fail('the checkpoint does not fit together:', error.err or str(error))
    except OSError as error:
        fail(str(error))


if __name__ == '__main__':
    main()
