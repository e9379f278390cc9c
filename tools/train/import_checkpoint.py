#!/usr/bin/env python3
"""Turns a published checkpoint of NC-Net or ANC-Net (.pth.tar) into a model file for cv::semcorr::Matcher.

usage: import_checkpoint.py CHECKPOINT MODEL.yml [--size=400] [--trust]

Needs torch, numpy and a cv2 with semcorr. The ResNet of the checkpoint (50, 101 or 152 layers, up to its third group, batch
norm folded into the convolutions) goes to an ONNX file beside the model file, which refers to it.
--size: pictures are resized to a square of so many pixels, as the published programs do. --trust: load a file with other
Python objects than tensors and options in it, which can run any code; only for files from a source that you trust.
"""
import argparse
import math
import os
import re
import sys

import cv2
import numpy as np
import torch

EPS = 1e-5  # of batch norm in ResNet
# ANC-Net's nets: parallel layers of each block; a block that is one symmetric unit with the one before is marked by +
ANCNETS = [[['conv0.0', 'conv1.0'], ['conv2.0'], ['+conv2.2']],
           [['conv0.0'], ['conv10.0', 'conv11.0'], ['conv2.0']],
           [['conv00.0', 'conv01.0'], ['conv10.0', 'conv11.0'], ['conv2.0']]]


def load(path, trust):
    """The checkpoint's tensors by name, without the prefix of parallel training"""
    safe = [argparse.Namespace, np.dtype, np._core.multiarray.scalar, type(np.dtype('f4')), type(np.dtype('f8'))]
    try:
        with torch.serialization.safe_globals(safe):
            content = torch.load(path, map_location='cpu', weights_only=not trust)
    except Exception as error:
        sys.exit('import_checkpoint.py: %s cannot be read: %s' % (path, str(error).split('\n')[0]))
    if not isinstance(content, dict) or not isinstance(content.get('state_dict'), dict):
        sys.exit('import_checkpoint.py: %s holds no state_dict, expected a checkpoint of NC-Net or ANC-Net' % path)
    names = {re.sub(r'^module\.', '', name): name for name in content['state_dict']}
    return {re.sub(r'^FeatureExtraction\.vgg\.', 'FeatureExtraction.model.', short):  # the older name, of a ResNet, too
            content['state_dict'][name].detach().float().numpy() for short, name in names.items()}


def take(tensors, name):
    if name not in tensors:
        sys.exit('import_checkpoint.py: the checkpoint has no %s, expected one of NC-Net or ANC-Net with a ResNet' % name)
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
        sys.exit('import_checkpoint.py: the checkpoint has no NeighConsensus, expected one of NC-Net or ANC-Net')
    net = cv2.semcorr.ConsensusNet.create(symmetry, cv2.semcorr.PADDING_LAYER)
    for block in blocks:
        names = [prefix + layer.lstrip('+') for layer in block]
        weights = [np.ascontiguousarray(take(tensors, n + '.weight').transpose(1, 2, 0, 3, 4, 5)) for n in names]
        net.addBlock(weights, [take(tensors, n + '.bias') for n in names], block[0].startswith('+'))
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
        weight = take(self.tensors, self.PREFIX + conv + '.weight').astype(np.float64)
        gain, shift, mean, variance = [take(self.tensors, self.PREFIX + norm + '.' + name).astype(np.float64)
                                       for name in ('weight', 'bias', 'running_mean', 'running_var')]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('checkpoint')
    parser.add_argument('model')
    parser.add_argument('--size', type=int, default=400)
    parser.add_argument('--trust', action='store_true')
    args = parser.parse_args()
    tensors = load(args.checkpoint, args.trust)
    net = consensus_net(tensors)
    backbone = os.path.splitext(args.model)[0] + '.onnx'
    with open(backbone, 'wb') as file:
        file.write(ResNet(tensors).onnx())
    features = cv2.semcorr.FeatureNet.create(backbone, cv2.semcorr.FeatureNet.Params(inputSize=(args.size, args.size)))
    matcher = cv2.semcorr.Matcher.create(features, net, cv2.semcorr.Matcher.Params(
        mode=cv2.semcorr.SEARCH_DENSE_4D, mutual=True, refine=cv2.semcorr.REFINE_PARABOLA))
    self_similarity(tensors, matcher)
    matcher.setProvenance('Imported from the checkpoint %s' % os.path.basename(args.checkpoint))
    matcher.save(args.model)
    print('written: %s and %s' % (args.model, backbone))


if __name__ == '__main__':
    main()
