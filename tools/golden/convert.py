#!/usr/bin/env python3
"""Converts reference outputs (.npz) of the published NC-Net and ANC-Net code to the test data in testdata/golden.

usage: convert.py NPZ_FOLDER OUTPUT_FOLDER          needs numpy and cv2

The values were computed once with that code's PyTorch modules, from random weights and inputs in float32. What changes here:
- features and 2D maps (C, h, w) become h x w x C;
- 4D weights get the names weight_B_C and bias_B_C, convolution C of block B, in the order in which data flow through them;
- the offsets di, dj, dk, dl of relocalisation become one CV_32S array {4, h1, w1, h2, w2}.
"""
import os
import re
import sys

import cv2
import numpy as np

CHANNELS_FIRST = {'fa', 'fb', 'na', 'nb', 'feature', 'selfsim', 'out'}
# modules of ANC-Net's three nets, block by block
ANC_BLOCKS = {
    'anc_A': [['conv0.0', 'conv1.0'], ['conv2.0'], ['conv2.2']],
    'anc_B': [['conv0.0'], ['conv10.0', 'conv11.0'], ['conv2.0']],
    'anc_C': [['conv00.0', 'conv01.0'], ['conv10.0', 'conv11.0'], ['conv2.0']],
}


def block_names(name, arrays):
    """Name in the .npz file -> name in the test data, for the arrays of consensus nets."""
    names = {}
    if name in ANC_BLOCKS:
        for b, block in enumerate(ANC_BLOCKS[name]):
            for c, module in enumerate(block):
                names[module + '.weight'] = 'weight_%d_%d' % (b, c)
                names[module + '.bias'] = 'bias_%d_%d' % (b, c)
    for key in arrays:
        layer = re.fullmatch(r'([wb])(\d)', key)
        if layer and arrays['w' + layer.group(2)].ndim == 6:
            names[key] = '%s_%s_0' % ({'w': 'weight', 'b': 'bias'}[layer.group(1)], layer.group(2))
    return names


def convert(name, arrays):
    """Name -> array as the module lays it out."""
    names = block_names(name, arrays)
    result = {names.get(key, key): value for key, value in arrays.items()}
    for key, value in result.items():
        if key in CHANNELS_FIRST and value.ndim == 3:
            result[key] = value.transpose(1, 2, 0)
    offsets = [result.pop(key) for key in ('di', 'dj', 'dk', 'dl') if key in result]
    if offsets:
        result['offsets'] = np.stack(offsets).astype(np.int32)
    return result


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = sys.argv[1:]
    os.makedirs(target, exist_ok=True)
    for file in sorted(f for f in os.listdir(source) if f.endswith('.npz')):
        name = file[:-len('.npz')]
        storage = cv2.FileStorage(os.path.join(target, name + '.yml.gz'), cv2.FILE_STORAGE_WRITE_BASE64)
        with np.load(os.path.join(source, file)) as arrays:
            for key, value in convert(name, dict(arrays)).items():
                assert value.dtype in (np.float32, np.int32), (file, key, value.dtype)
                storage.write(key, np.ascontiguousarray(value))
        storage.release()


if __name__ == '__main__':
    main()
