"""Both searches on the same features: time, workspace, and how near PatchMatch comes to the dense maximum."""
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import cv2 as cv
import numpy as np

S = cv.semcorr
DENSE, PATCHMATCH = S.SEARCH_DENSE_4D, S.SEARCH_PATCHMATCH
STRIDE = 16  # pixels per cell of the embedded backbone
MEMORY_LIMIT = 8 << 30
DENSE_CELLS = 100  # a side; with more the dense search takes too long for a benchmark


def params_of(mode, **changed):
    """What is measured: one direction, whole cells. The rest as the module has it by default, whatever the model file says."""
    return S.Matcher.Params(**{**dict(mode=mode, mutual=False, bidirectional=False, refine=S.REFINE_NONE,
                                      memoryLimit=MEMORY_LIMIT), **changed})


def matcher_of(model, mode, **changed):
    return S.Matcher.create(model, params_of(mode, **changed))


def macs_per_pair(model, channels):
    """Multiply-adds of the dense search for each pair of cells, as the layers are written: correlation and convolutions."""
    net = matcher_of(model, DENSE).getConsensusNet()
    weights = [w for i in range(net.getBlockCount()) for w in net.getBlock(i)[0]]
    return channels + sum(w.size for w in weights) * (1 if net.getSymmetry() == S.SYMMETRY_NONE else 2)


def square_features(model, grid, pairs):
    """Adapted features of both pictures of each pair, resized to squares of grid x grid cells."""
    net = matcher_of(model, DENSE).getFeatureNet()
    params = net.getParams()
    params.inputSize = (grid * STRIDE, grid * STRIDE)
    net.setParams(params)
    return [tuple(net.compute(image) for image in pair.images) for pair in pairs]


@dataclasses.dataclass
class Result:
    """Best time in milliseconds, and what matchFeatures and getStats gave."""
    ms: float
    field: np.ndarray
    scores: np.ndarray
    stats: object


def run(matcher, features, before=None):
    start = time.perf_counter()
    field, scores = matcher.matchFeatures(*features)
    ms = 1e3 * (time.perf_counter() - start)
    return Result(min(ms, before.ms) if before else ms, field, scores, matcher.getStats())


def agreement(found, dense):
    """Share of cells whose target is within one cell of the dense maximum, and mean score relative to the dense one."""
    near = np.abs(found.field - dense.field).max(2) <= 1
    return float(near.mean()), float(found.scores.mean(dtype=np.float64) / dense.scores.mean(dtype=np.float64))


class Grid:
    """Both searches of some pairs on one grid. What is measured again counts if it took less time."""

    def __init__(self, model, grid, pairs):
        self.grid, self.pairs = grid, pairs
        self.features = square_features(model, grid, pairs)
        self.matchers = {mode: matcher_of(model, mode) for mode in [PATCHMATCH] + [DENSE] * (grid <= DENSE_CELLS)}
        self.results = [{} for _ in pairs]  # by mode and number of threads

    def measure(self, threads, repetitions, progress):
        for number, (features, results) in enumerate(zip(self.features, self.results)):
            progress.step(number, len(self.pairs))
            for count in threads, 1:
                cv.setNumThreads(count)
                self.matchers[PATCHMATCH].matchFeatures(*(f[:8, :8] for f in features))  # wakes the threads
                for mode, matcher in self.matchers.items():
                    # one after the other: all but the first find caches and memory as the call before left them
                    for _ in range(repetitions if mode == PATCHMATCH or count == threads else 0):
                        results[mode, count] = run(matcher, features, results.get((mode, count)))
        cv.setNumThreads(threads)

    def dense_results(self, threads):
        """Of each pair; none where the dense search was left out."""
        return [results[DENSE, threads] for results in self.results if (DENSE, threads) in results]

    def rows(self, threads):
        return [self.row(pair, results, threads) for pair, results in zip(self.pairs, self.results)]

    def row(self, pair, results, threads):
        found, alone = results[PATCHMATCH, threads], results[PATCHMATCH, 1]
        row = {'grid': self.grid, 'pair': pair.name, 'ms': found.ms, 'oneThreadMs': alone.ms, 'workspace': found.stats.peakWorkspace,
               'pairsPerCell': found.stats.pairsScored / self.grid ** 2, 'hiddenPerCell': found.stats.hiddenSites / self.grid ** 2,
               'iterations': found.stats.iterations}
        if (DENSE, threads) in results:
            dense = results[DENSE, threads]
            within, score = agreement(found, dense)
            row.update(denseMs=dense.ms, denseWorkspace=dense.stats.peakWorkspace, withinOne=within, score=score)
        return row


def vary(model, features, references, changed):
    """Means over the pairs for a PatchMatch with other parameters."""
    matcher, rows = matcher_of(model, PATCHMATCH, **changed), []
    for f, dense in zip(features, references):
        found = run(matcher, f, run(matcher, f))
        stats = found.stats
        cells = found.scores.size
        rows.append([*agreement(found, dense), found.ms, stats.pairsScored / cells, stats.hiddenSites / cells])
    return dict(zip(('withinOne', 'score', 'ms', 'pairsPerCell', 'hiddenPerCell'), np.mean(rows, 0).tolist()))


ABLATION = {  # group: {label: what differs from the defaults}
    '': {'default': {}},
    'offsets': {'20 offsets': {'offsets': S.OFFSETS_GIPUMA}},
    'hypotheses': {f'{k} hypothes{"i" if k == 1 else "e"}s': {'hypotheses': k} for k in (1, 3, 4)},
    'local refinement': {'no local refinement': {'localRadius': 0}, 'local radius 2': {'localRadius': 2}},
    'start': {'random': {'init': S.INIT_RANDOM},
              'random, random search': {'init': S.INIT_RANDOM, 'randomSearch': True},
              'random, random search, 20 iterations': {'init': S.INIT_RANDOM, 'randomSearch': True, 'iterations': 20}},
    'random search': {'random search': {'randomSearch': True}},
    'iterations': {'2 iterations': {'iterations': 2}, '10 iterations': {'iterations': 10}},
}


def ablation(model, grid, features, references, progress):
    settings = [(group, label, changed) for group, labels in ABLATION.items() for label, changed in labels.items()]
    rows = []
    for number, (group, label, changed) in enumerate(settings):
        progress.step(number, len(settings))
        rows.append({'grid': grid, 'group': group, 'label': label, **vary(model, features, references, changed)})
    return rows


def convergence(model, grid, features, references, last, progress):
    rows = []
    for iterations in range(last + 1):
        progress.step(iterations, last + 1)
        rows.append({'grid': grid, 'iterations': iterations, **vary(model, features, references, {'iterations': iterations})})
    return rows


def resident_growth(model, features, mode, threads):
    """Bytes by which a process grows in one search, and what getStats says of it: {'resident', 'workspace'}."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f'{folder}/{i}.npy' for i in (1, 2)]
        for name, f in zip(files, features):
            np.save(name, f)
        command = [sys.executable, pathlib.Path(__file__).with_name('resident.py'), model, *files, str(mode), str(threads)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
