#!/usr/bin/env python3
"""usage: resident.py MODEL FEATURES1.npy FEATURES2.npy MODE THREADS: how much this process grows in one search, as JSON."""
import json
import pathlib
import sys

import cv2 as cv
import numpy as np

from search import matcher_of


def status(key):
    for line in pathlib.Path('/proc/self/status').read_text().splitlines():
        if line.startswith(key + ':'):
            return int(line.split()[1]) * 1024
    raise OSError(f'no {key} in /proc/self/status')


def main():
    model, file1, file2, mode, threads = sys.argv[1:]
    cv.setNumThreads(int(threads))
    features = [np.load(name) for name in (file1, file2)]
    matcher = matcher_of(model, int(mode))
    matcher.matchFeatures(*(f[:8, :8] for f in features))  # threads and the first small buffers
    pathlib.Path('/proc/self/clear_refs').write_text('5')  # VmHWM starts anew
    before = status('VmRSS')
    matcher.matchFeatures(*features)
    print(json.dumps({'resident': status('VmHWM') - before, 'workspace': matcher.getStats().peakWorkspace}))


if __name__ == '__main__':
    main()
