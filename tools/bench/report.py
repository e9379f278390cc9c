"""Bench results as text: what is required, what was measured, and the tables of the tutorial."""
import pathlib
import re

import numpy as np

TUTORIAL = pathlib.Path(__file__).parents[2] / 'tutorials/semcorr_patchmatch.markdown'
BEGIN, END = '<!-- measured: written by scripts/bench.sh --docs -->', '<!-- measured: end -->'


def mean_of(results, grid, key):
    values = [row[key] for row in results['searches'] if row['grid'] == grid and key in row]
    return float(np.mean(values)) if values else None


def grids_of(results, key='ms'):
    return sorted({row['grid'] for row in results['searches'] if key in row})


def exponent(results, key, first, last):
    """Slope of log(key) over log(grid), least squares; None unless both ends were measured."""
    grids = [g for g in grids_of(results, key) if first <= g <= last]
    if len(grids) < 2 or grids[0] != first or grids[-1] != last:
        return None
    return float(np.polyfit(np.log(grids), np.log([mean_of(results, g, key) for g in grids]), 1)[0])


def speedup(results, grid, over='denseMs'):
    slow, fast = mean_of(results, grid, over), mean_of(results, grid, 'ms')
    return slow / fast if slow and fast else None


def dense_over_sgemm(results, grid):
    """Time of the dense search / time of its multiply-adds at the rate of the matrix product."""
    ms = mean_of(results, grid, 'denseMs')
    return ms and ms / 1e3 / (grid ** 4 * results['macsPerPair'] / 4096 ** 3 * results['sgemmSeconds'])


def table(results):
    """Rows: what, required, measured (text), holds (None where it was not measured)."""
    rows = []

    def line(what, value, bound, text='{:.2f}', most=False):
        holds = None if value is None else bool(value <= bound if most else value >= bound)
        rows.append({'what': what, 'required': ('<= ' if most else '>= ') + text.format(bound), 'value': value,
                     'measured': 'not measured' if value is None else text.format(value), 'holds': holds})

    required = {25: (0.97, 0.9995, 1.4), 50: (0.96, 0.999, 4), 100: (0.93, 0.999, 12)}
    for grid, (within, score, ratio) in required.items():
        line(f'{grid}²: within one cell of the dense maximum', mean_of(results, grid, 'withinOne'), within, '{:.1%}')
        line(f'{grid}²: mean score / dense', mean_of(results, grid, 'score'), score, '{:.3%}')
        line(f'{grid}²: times as fast as dense', speedup(results, grid), ratio, '{:.1f} x')
    time = mean_of(results, 200, 'ms')
    line('200²: time / sgemm of 4096³', time and time / 1e3 / results['sgemmSeconds'], 4, '{:.1f} x', most=True)
    for grid, megabytes in (50, 50), (200, 200):
        workspace = mean_of(results, grid, 'workspace')
        line(f'{grid}²: workspace', workspace and workspace / 1e6, megabytes, '{:.0f} MB', most=True)
    for (first, last), bound in ((25, 200), 2.7), ((100, 200), 2.4):
        line(f'exponent of the time, {first}² to {last}²', exponent(results, 'ms', first, last), bound, most=True)
    for grid in (g for g in (25, 50, 100, 200) if results['threads'] == 2):
        line(f'{grid}²: two threads / one', speedup(results, grid, 'oneThreadMs'), 1.7, '{:.2f} x')
    measured = results.get('pck')
    for i, alpha in enumerate((0.05, 0.1, 0.15)):
        apart = measured and 100 * abs(measured['patchmatch'][i] - measured['dense'][i])
        line(f'PCK at {alpha}: difference to dense, points', apart, 0.5, most=True)
    for net in 'trained', 'untrained':
        for key, title in ('mean', 'all pixels'), ('confident', 'confident pixels'):
            errors = [row[key] for row in sorted(results['flow'], key=lambda row: row['grid']) if row['net'] == net]
            growth = max((b / a for a, b in zip(errors, errors[1:])), default=None)
            line(f'flow error, {net} net, {title}: each grid / before', growth, 1, most=True)
    return rows


def verdict(row):
    return {True: 'holds', False: 'DOES NOT HOLD', None: '-'}[row['holds']]


def markdown(header, rows):
    return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in [header, ['---'] * len(header), *rows])


def text(value, form):
    return '-' if value is None else form.format(value)


def grid_table(results):
    columns = [('dense, ms', 'denseMs', '{:.1f}', 1), ('PatchMatch, ms', 'ms', '{:.1f}', 1),
               ('one thread, ms', 'oneThreadMs', '{:.1f}', 1),
               ('within one cell', 'withinOne', '{:.1%}', 1), ('score / dense', 'score', '{:.3%}', 1),
               ('dense, MB', 'denseWorkspace', '{:.0f}', 1e-6), ('PatchMatch, MB', 'workspace', '{:.0f}', 1e-6),
               ('pairs scored per cell', 'pairsPerCell', '{:.0f}', 1), ('hidden sites per cell', 'hiddenPerCell', '{:.0f}', 1)]
    rows = []
    for grid in grids_of(results):
        values = [(mean_of(results, grid, key), form, scale) for _, key, form, scale in columns]
        cells = [text(value and value * scale, form) for value, form, scale in values]
        rows.append([f'{grid}²', text(speedup(results, grid), '{:.1f}'), text(dense_over_sgemm(results, grid), '{:.2f}'), *cells])
    return markdown(['cells', 'times as fast', 'dense / sgemm'] + [title for title, *_ in columns], rows)


def ablation_table(results):
    grids = sorted({row['grid'] for row in results['ablation']})
    by_label = {}
    for row in results['ablation']:
        by_label.setdefault(row['label'], {})[row['grid']] = row
    columns = [(grid, *column) for grid in grids for column in
               [('within one cell', 'withinOne', '{:.1%}'), ('score / dense', 'score', '{:.3%}'),
                ('hidden sites per cell', 'hiddenPerCell', '{:.0f}'), ('ms', 'ms', '{:.1f}')]]
    rows = [[label] + [form.format(of[grid][key]) for grid, _, key, form in columns] for label, of in by_label.items()]
    return markdown(['setting'] + [f'{grid}²: {title}' for grid, title, *_ in columns], rows)


def flow_table(results):
    header = ['net', 'longer side', 'all pixels', 'confident pixels', 'share confident', 'median', 'search, ms']
    rows = [[row['net'], f'{row["grid"]} cells', f'{row["mean"]:.2f} %', f'{row["confident"]:.2f} %',
             f'{row["confidentShare"]:.0%}', f'{row["median"]:.2f} %', f'{row["searchMs"]:.0f}'] for row in results['flow']]
    return markdown(header, rows)


def memory_table(results):
    rows = [[f'{row["grid"]}²', row['mode'], f'{row["workspace"] / 1e6:.0f}', f'{row["resident"] / 1e6:.0f}']
            for row in results['memory']]
    return markdown(['cells', 'mode', 'workspace by getStats, MB', 'growth of the process, MB'], rows)


def document(results):
    """Everything as Markdown."""
    machine, pck = results['machine'], results.get('pck')
    commit = f', commit {machine["revision"]}' * bool(machine['revision'])
    parts = [f'Command: `{results["command"]}`{commit}. Machine: {machine["cpu"]}, {machine["cores"]} cores, '
             f'{machine["threads"]} threads, OpenCV {machine["opencv"]}; a 4096³ product of single-precision matrices takes numpy '
             f'{results["sgemmSeconds"]:.2f} s here. {results["pairs"]}.',
             'What is required, and what came out:',
             markdown(['', 'required', 'measured', ''],
                      [[row['what'], row['required'], row['measured'], verdict(row)] for row in results['table']]),
             'Over the grids; "dense / sgemm" is the time of the dense search over what its multiply-adds (without Winograd\'s saving) '
             'take at the rate of that matrix product:', grid_table(results)]
    if pck:
        rows = [[name, *(f'{value:.4f}' for value in pck[name])] for name in ('dense', 'patchmatch')]
        parts += [f'Keypoints of {pck["pairs"]} pairs, PCK by the keypoints\' box:', markdown(['', *map(str, pck['alphas'])], rows)]
    parts += ['Memory:', memory_table(results), 'Ablation:', ablation_table(results),
              'End-point errors on warped pictures, in % of the longer side:', flow_table(results)]
    return '\n\n'.join(parts) + '\n'


def print_table(results):
    width = max(len(row['what']) for row in results['table'])
    print(f'\n{"":{width}}  {"required":>12}  {"measured":>12}')
    for row in results['table']:
        print(f'{row["what"]:{width}}  {row["required"]:>12}  {row["measured"]:>12}  {verdict(row)}')
    failed = sum(row['holds'] is False for row in results['table'])
    print(f'{sum(bool(row["holds"]) for row in results["table"])} lines hold, {failed} do not\n')


def replace_between(file, begin, end, text):
    """Puts a text between two marks of a page."""
    page = file.read_text(encoding='utf-8')
    if page.count(begin) != 1 or page.count(end) != 1:
        raise OSError(f'{file}: expected one line "{begin}" and one "{end}"')
    pattern = re.escape(begin) + '.*' + re.escape(end)
    file.write_text(re.sub(pattern, lambda _: f'{begin}\n\n{text}\n{end}', page, flags=re.S), encoding='utf-8')


def update_tutorial(results):
    replace_between(TUTORIAL, BEGIN, END, document(results))
