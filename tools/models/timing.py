#!/usr/bin/env python3
"""usage: timing.py MODEL MODE ROOT PAIRS COUNT REPETITIONS THREADS: prints time and memory of matching pairs of pictures, as JSON.

A process of its own for each matcher, so that its largest memory is known and no other one's threads are awake."""
import json
import pathlib
import re
import subprocess
import sys

import cv2 as cv
import numpy as np

S = cv.semcorr
MODES = {'dense': S.SEARCH_DENSE_4D, 'patchmatch': S.SEARCH_PATCHMATCH}


def peak_bytes():
    """Most memory of this process since it began; ru_maxrss would also count what its parent had."""
    return int(re.search(r'VmHWM:\s+(\d+) kB', pathlib.Path('/proc/self/status').read_text())[1]) * 1024


def measure(model, mode, root, list_of_pairs, count, repetitions, threads):
    """Means over the pairs of the best times, ms: of the search from features to flow, and of all of match()."""
    cv.setNumThreads(threads)
    matcher = S.Matcher.create(model)
    params = matcher.getParams()
    params.mode, params.bidirectional = MODES[mode], False  # the latter is for confidences
    matcher.setParams(params)
    pairs = S.readPairs('csv', root, list_of_pairs)
    before, times, workspace = peak_bytes(), [], 0
    for pair in pairs[::max(1, len(pairs) // count)][:count]:
        images = cv.imread(pair.image1), cv.imread(pair.image2)
        each = []
        for _ in range(repetitions + 1):  # the first one warms up
            matcher.match(*images)
            stats = matcher.getStats()
            each.append((stats.totalMs - stats.featuresMs, stats.totalMs))
            workspace = max(workspace, stats.peakWorkspace)
        times.append(np.min(each[1:], 0))
    search, total = np.mean(times, 0)
    return {'searchMs': float(search), 'totalMs': float(total), 'workspace': int(workspace), 'processBytes': peak_bytes(),
            'loadedBytes': before, 'pairs': len(times), 'repetitions': repetitions, 'threads': threads}


def run(model, mode, args):
    """Measures in a process of its own"""
    count, repetitions = (1, 2) if args.quick else (4, 5)
    words = [sys.executable, __file__, model, mode, args.root, args.val_pairs, count, repetitions, args.threads]
    return json.loads(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == '__main__':
    print(json.dumps(measure(*sys.argv[1:5], *map(int, sys.argv[5:8]))))
