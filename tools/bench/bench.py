#!/usr/bin/env python3
"""Measures the dense 4D search against PatchMatch; scripts/bench.sh builds what this needs and starts it."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

import cv2 as cv

import figures
import machine
import perf_tests
import pictures
import quality
import report
import search
from common import Progress, positive, write

ROOT = pathlib.Path(__file__).parents[2]
MODEL = ROOT / 'data/pmnc_lite0.yml.gz'
# side of the grid: pairs, repetitions each of the two times
FULL = {25: (8, 24), 35: (8, 12), 50: (8, 6), 70: (8, 2), 100: (8, 1), 140: (4, 1), 200: (4, 1)}
QUICK = {25: (8, 4), 50: (8, 2), 100: (2, 1), 200: (1, 1)}


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.error = lambda message: sys.exit(f'bench.py: {message}')
    parser.add_argument('--out', type=pathlib.Path, default='bench', help='folder of the results (default: bench)')
    parser.add_argument('--data', type=pathlib.Path, help='folder with val_pairs.csv and its pictures (default: those of the demo)')
    parser.add_argument('--model', type=pathlib.Path, default=MODEL, help='a model file, may be compressed by gzip')
    parser.add_argument('--perf', type=pathlib.Path, help='opencv_perf_semcorr, to be run as well')
    parser.add_argument('--threads', type=positive, default=2, help='threads (default: 2)')
    parser.add_argument('--quick', action='store_true', help='fewer pairs, repetitions and grids')
    parser.add_argument('--docs', action='store_true', help='put pictures and tables into doc/pics and the tutorial')
    return parser.parse_args()


def measure_grid(grid, repetitions, threads, largest, results, progress):
    """sgemm is measured right before and right after the largest grid, since the clock of a processor changes."""
    def time_sgemm():
        results['sgemmSeconds'] = min(results.get('sgemmSeconds', float('inf')), machine.sgemm_seconds(threads))

    if largest:
        time_sgemm()
    grid.measure(threads, repetitions, progress)
    if largest:
        time_sgemm()


def measure_searches(model, plan, pairs, args, results, progress):
    """Time, workspace and agreement over grids; iterations and ablation where there is a dense result to compare with. Then times once
    more: a machine that others use as well is slow for a minute."""
    varied = (25, 50) if args.quick else (25, 50, 100)
    ablated = (50,) if args.quick else (50, 100)
    grids = {}
    for side, (count, repetitions) in plan.items():
        progress.stage(f'{side} x {side} cells')
        grid = grids[side] = search.Grid(model, side, pairs[:count])
        measure_grid(grid, repetitions, args.threads, side == max(plan), results, progress)
        features, references = grid.features, grid.dense_results(args.threads)
        results['macsPerPair'] = search.macs_per_pair(model, features[0][0].shape[2])
        for mode, name in (search.PATCHMATCH, 'patchmatch'), (search.DENSE, 'dense'):
            if mode == search.PATCHMATCH or references:
                results['memory'].append({'grid': side, 'mode': name,
                                          **search.resident_growth(model, features[0], mode, args.threads)})
        if side in varied and references:
            progress.stage(f'{side} x {side} cells, iterations')
            results['iterations'] += search.convergence(model, side, features, references, 8, progress)
        if side in ablated and references:
            progress.stage(f'{side} x {side} cells, ablation')
            results['ablation'] += search.ablation(model, side, features, references, progress)
    for side, grid in grids.items():
        progress.stage(f'{side} x {side} cells, again')
        measure_grid(grid, plan[side][1], args.threads, side == max(plan), results, progress)
        results['searches'] += grid.rows(args.threads)


def measure(model, args, results):
    plan = QUICK if args.quick else FULL
    progress = Progress('bench', 2 * len(plan) + (3 if args.quick else 5) + 1 + bool(args.data) + bool(args.perf))
    cv.setNumThreads(args.threads)
    annotated = pictures.annotated_pairs(args.data) if args.data else []
    pairs = pictures.eight_of(annotated) if annotated else pictures.demo_pairs()
    source = 'val_pairs.csv' if annotated else 'the pictures of the demo'
    results['pairs'] = f'Pairs {", ".join(pair.name for pair in pairs)} of {source}'
    measure_searches(model, plan, pairs, args, results, progress)
    if annotated:
        progress.stage('keypoints')
        results['pck'] = quality.pck(model, annotated[::10] if args.quick else annotated, progress)
    progress.stage('flow of warped pictures')
    grids = (25, 50, 100) if args.quick else (25, 50, 100, 200)
    results['flow'] = quality.flow_errors(model, pictures.warps(2 if args.quick else 4), grids, progress)
    if args.perf:
        progress.stage('opencv_perf_semcorr')
        results['perf'] = perf_tests.run(args.perf.resolve(), args.quick, args.threads, progress)
    results['table'] = report.table(results)
    progress.finish()


def main():
    args = parse()
    for file in filter(None, (args.model, args.perf)):  # rather now than when everything else is done
        if not file.is_file():
            raise OSError(f'there is no file {file}')
    args.out.mkdir(parents=True, exist_ok=True)
    command = os.environ.get('BENCH_COMMAND', ' '.join(['tools/bench/bench.py', *sys.argv[1:]]))
    results = {'version': 1, 'command': command, 'quick': args.quick, 'threads': args.threads, 'model': args.model.name,
               'machine': machine.describe(args.threads), 'searches': [], 'memory': [], 'iterations': [], 'ablation': []}
    measure(str(args.model), args, results)
    write(args.out / 'bench.json', json.dumps(results, indent=1, ensure_ascii=False) + '\n')
    write(args.out / 'bench.md', report.document(results))
    figures.draw(results, args.out)
    if args.docs:
        for picture in args.out.glob('bench_*.png'):
            shutil.copy(picture, ROOT / 'doc/pics')
        report.update_tutorial(results)
    report.print_table(results)
    print(f'written: {args.out}/bench.json, bench.md and bench_*.png')


if __name__ == '__main__':
    try:
        main()
    except (cv.error, OSError, subprocess.CalledProcessError) as e:
        sys.exit(f'bench.py: {getattr(e, "err", e)}')
    except KeyboardInterrupt:
        sys.exit('\nbench.py: interrupted, nothing was written')
