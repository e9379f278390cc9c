#!/usr/bin/env python3
"""usage: figures.py BENCH.json FOLDER: draws bench_*.png of the results of bench.py."""
import json
import pathlib
import sys

import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402  (needs the backend)

from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from report import exponent, grids_of, mean_of

DENSE, PATCHMATCH = '#b2182b', '#2166ac'
SIZE = 6.4, 4.2


def finish(axes, folder, name, legend=True):
    figure = axes.figure
    for each in figure.axes:
        each.grid(True, which='major', alpha=0.3)
        each.spines[['top', 'right']].set_visible(False)
    if legend:
        axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(pathlib.Path(folder, name), dpi=110)
    plt.close(figure)


def over_grids(results, keys, ylabel, scale):
    """keys: (key, label, colour, marker), a curve each, with its exponent in the legend."""
    _, axes = plt.subplots(figsize=SIZE)
    for key, label, colour, marker in keys:
        grids = grids_of(results, key)
        if not grids:
            continue
        slopes = [f'$N^{{{slope:.2f}}}$' + f' from {first}' * (first > 25) for first in (25, 100)
                  for slope in [exponent(results, key, first, grids[-1])] if slope is not None]
        values = [scale * mean_of(results, g, key) for g in grids]
        axes.loglog(grids, values, marker, color=colour, label=', '.join([label, *slopes]))
    ticks = grids_of(results)
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel('N, cells per side')
    axes.set_ylabel(ylabel)
    return axes


def time(results, folder):
    axes = over_grids(results, [('denseMs', 'dense 4D', DENSE, 's-'), ('ms', 'PatchMatch', PATCHMATCH, 'o-'),
                                ('oneThreadMs', 'PatchMatch, one thread', PATCHMATCH, 'o:')], 'time, ms', 1)
    axes.axhline(4e3 * results['sgemmSeconds'], color='grey', linestyle='--', linewidth=1)
    axes.annotate('4 sgemm of 4096³', (axes.get_xlim()[0] * 1.05, 4e3 * results['sgemmSeconds'] * .92), va='top', color='grey',
                  fontsize=8)
    finish(axes, folder, 'bench_time.png')


def workspace(results, folder):
    axes = over_grids(results, [('denseWorkspace', 'dense 4D', DENSE, 's-'), ('workspace', 'PatchMatch', PATCHMATCH, 'o-')],
                      'peak workspace, MB', 1e-6)
    for mode, colour in ('dense', DENSE), ('patchmatch', PATCHMATCH):
        rows = [row for row in results['memory'] if row['mode'] == mode]
        if rows:
            axes.plot([r['grid'] for r in rows], [r['resident'] / 1e6 for r in rows], 'x', color=colour,
                      label='growth of the process' if mode == 'patchmatch' else None)
    finish(axes, folder, 'bench_workspace.png')


def iterations(results, folder):
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.6))
    curves = ('withinOne', 'within one cell of the dense maximum, %'), ('score', 'mean score / dense, %')
    for panel, (key, label) in zip(panels, curves):
        for grid, colour in zip(sorted({r['grid'] for r in results['iterations']}), plt.cm.viridis((0, 0.4, 0.75))):
            rows = [r for r in results['iterations'] if r['grid'] == grid]
            panel.plot([r['iterations'] for r in rows], [100 * r[key] for r in rows], 'o-', color=colour, label=f'{grid}²')
        panel.set_xlabel('iterations')
        panel.set_ylabel(label)
    finish(panels[0], folder, 'bench_iterations.png')


def ablation(results, folder):
    grids = sorted({row['grid'] for row in results['ablation']})
    figure, panels = plt.subplots(1, len(grids), figsize=(5.6 * len(grids), 4.6), squeeze=False)
    markers = dict(zip(dict.fromkeys(row['group'] for row in results['ablation']), 'osD^vPX'))
    for panel, grid in zip(panels[0], grids):
        rows = [row for row in results['ablation'] if row['grid'] == grid]
        for colour, row in zip(plt.cm.tab20(range(20)), rows):
            panel.semilogx(row['ms'], 100 * row['withinOne'], markers[row['group']], color='black' if not row['group'] else colour,
                           markersize=9 if row['group'] else 11, label=row['label'], linestyle='none')
        panel.set_title(f'{grid}² cells', fontsize=10)
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(StrMethodFormatter('{x:.0f}'))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel('time, ms')
        panel.set_ylabel('within one cell of the dense maximum, %')
    panels[0][-1].legend(frameon=False, fontsize=8, loc='center left', bbox_to_anchor=(1, 0.5))
    finish(panels[0][-1], folder, 'bench_ablation.png', legend=False)


def flow(results, folder):
    _, axes = plt.subplots(figsize=(SIZE[0] + 2, SIZE[1]))
    styles = ('mean', 'all pixels', 's--'), ('confident', 'confident pixels', 'o-'), ('median', 'median', '^:')
    for net, colour in ('trained', PATCHMATCH), ('untrained', '#4d9221'):
        rows = sorted((row for row in results['flow'] if row['net'] == net), key=lambda row: row['grid'])
        for key, label, marker in styles:
            axes.loglog([r['grid'] for r in rows], [r[key] for r in rows], marker, color=colour, label=f'{net} net, {label}')
    ticks = sorted({row['grid'] for row in results['flow']})
    axes.set_xticks(ticks, [str(t) for t in ticks])
    percent = 0.1, 0.2, 0.5, 1, 2
    axes.set_yticks(percent, [f'{p} %' for p in percent])
    axes.minorticks_off()
    axes.set_xlabel('cells along the longer side')
    axes.set_ylabel('end-point error, share of the longer side')
    axes.legend(frameon=False, fontsize=8, loc='center left', bbox_to_anchor=(1, 0.5))
    finish(axes, folder, 'bench_flow.png', legend=False)


def draw(results, folder):
    for figure in time, workspace, iterations, ablation, flow:
        figure(results, folder)


if __name__ == '__main__':
    draw(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding='utf-8')), sys.argv[2])
