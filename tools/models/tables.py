"""Results of models.py as text: tables of methods and of models, which required figures and which claims of PMNC's paper hold."""
import re
import sys

import numpy as np

import recipes
from replace import without_folders
from report import markdown, replace_between, verdict

TUTORIAL = recipes.ROOT / 'tutorials/semcorr_train.markdown'
BEGIN, END = '<!-- {} measured: written by scripts/models.sh --docs -->', '<!-- {} measured: end -->'  # of a part of the tutorial
ALPHAS = 0.05, 0.1, 0.15
REQUIRED = {'default': (0.39, 0.63, 0.74), 'specialised': (0.42, 0.65, 0.76), 'resnet50': (0.45, 0.67, 0.76)}
GAIN_LEFT_OUT = 0.05, 0.10, 0.12  # over nearest neighbours
GAIN_PHOTOS = 0.05                # at 0.1
BETWEEN_SEARCHES = 0.5            # points
TRAINING = 15, 4                  # minutes of one core; GB; of all but CONSENSUS, which is there to compare with
CONSENSUS = 'ncnet_33', 'ncnet_555', 'ancnet'  # learn from the same pairs and features as `pmnc`, as does `adapter`
SEEDS = 3  # at least, for the tutorial
METHODS = 'pmnc', 'adapter', *CONSENSUS
PARTS = {'methods': METHODS, 'models': tuple(name for name in [*recipes.RECIPES, recipes.LEAVE_ONE_OUT] if name not in METHODS)}


def find(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def rows_of(results, recipe):
    """Rows of the table of methods, one for each way to search."""
    return find(results['methods'], recipe=recipe)


def busy_seconds(run):
    """Processor time of a training run's steps, at most: the run may have computed features besides."""
    steps = re.search(r'steps, (\d+) s, (\d+) threads', run['provenance'])
    return min(run['cpuSeconds'], int(steps[1]) * int(steps[2])) if steps else run['cpuSeconds']


def summary(results):
    """The table of methods: means and deviations over seeds of each recipe and way to search."""
    rows = []
    for recipe, mode in dict.fromkeys((e['recipe'], e['mode']) for e in results['evaluations'] if not e['without']):
        of = find(results['evaluations'], recipe=recipe, mode=mode, without='')
        runs = find(results['runs'], recipe=recipe, without='')
        pck = np.array([e['mean'] for e in of])
        timing = find(results['timings'], recipe=recipe, mode=mode)
        rows.append({'recipe': recipe, 'title': title(recipe), 'mode': mode, 'seeds': [e['seed'] for e in of],
                     'nearest': of[0]['nearest'], 'pck': pck.mean(0).tolist(),
                     'deviation': pck.std(0, ddof=1).tolist() if len(pck) > 1 else None,
                     'trainSeconds': min(map(busy_seconds, runs), default=None),
                     'startSeconds': min((r['startSeconds'] for r in runs), default=None),
                     'trainBytes': max((r['peakBytes'] for r in runs), default=None),
                     'steps': runs[0]['steps'] if runs else None, **(timing[0] if timing else {})})
    return rows


def title(recipe):
    if recipe in recipes.RECIPES:
        return recipes.RECIPES[recipe].title
    backbone, side = recipe.removeprefix('nearest/').rsplit('-', 1)
    return f'nearest neighbours, {({"lite0": "Lite0", "resnet50": "ResNet-50"}).get(backbone, backbone)}, {side} pixels'


def line(rows, what, value, bound, text='{:.3f}', most=False):
    value = None if value is None else round(value, 9) + 0.0  # 0.05 instead of 0.04999...; 0 instead of -0
    holds = None if value is None else value <= bound if most else value >= bound
    rows.append({'what': what, 'required': ('<= ' if most else '>= ') + text.format(bound), 'value': value,
                 'measured': 'not measured' if value is None else text.format(value), 'holds': holds})


def worse(results, recipe):
    """PCK of the worse of both ways to search."""
    pck = [row['pck'] for row in rows_of(results, recipe)]
    return np.min(pck, 0).tolist() if pck else [None] * len(ALPHAS)


def category_gains(results, recipe, category, without=''):
    """PCK on one category minus that of nearest neighbours of the same features: mean over seeds, the worse way to search."""
    of = find(results['evaluations'], recipe=recipe, without=without)
    if not of:
        return [None] * len(ALPHAS)
    nearest = np.array(find(results['evaluations'], recipe=of[0]['nearest'])[0]['categories'][category])
    means = [np.mean([e['categories'][category] for e in find(of, mode=mode)], 0) for mode in {e['mode'] for e in of}]
    return (np.min(means, 0) - nearest).tolist()


def figures(results, names=tuple(recipes.RECIPES)):
    """What is required of these recipes. Rows: what, required, measured, holds (None where it was not measured)."""
    rows = []
    for recipe in (name for name in names if name in REQUIRED):
        for alpha, value, bound in zip(ALPHAS, worse(results, recipe), REQUIRED[recipe]):
            line(rows, f'{title(recipe)}: PCK at {alpha}', value, bound)
    for category in results['categories'] * ('default' in names):
        gains = category_gains(results, 'default', category, category)
        for alpha, gain, bound in zip(ALPHAS, gains, GAIN_LEFT_OUT):
            line(rows, f'default without {category}, on {category}: PCK at {alpha} over nearest neighbours', gain, bound, '{:+.3f}')
    for category in results['categories'] * ('photos' in names):
        gain = category_gains(results, 'photos', category)[1]
        line(rows, f'photos only, {category}: PCK at 0.1 over nearest neighbours', gain, GAIN_PHOTOS, '{:+.3f}')
    for recipe in (name for name in names if name not in CONSENSUS):
        row = (rows_of(results, recipe) or [{}])[0]
        for what, key, unit, bound in ('minutes', 'trainSeconds', 60, TRAINING[0]), ('GB', 'trainBytes', 1e9, TRAINING[1]):
            value = row.get(key) and row[key] / unit
            line(rows, f'{title(recipe)}: training, {what}', value, bound, '{:.1f}', most=True)
    for recipe in (name for name in names if len(recipes.RECIPES[name].modes) == 2):
        pck = [row['pck'] for row in rows_of(results, recipe)]
        apart = 100 * float(np.abs(np.subtract(*pck)).max()) if len(pck) == 2 else None
        line(rows, f'{title(recipe)}: PatchMatch and dense apart, points', apart, BETWEEN_SEARCHES, '{:.2f}', most=True)
    return rows


def claim(rows, what, ours, others, text, most):
    """ours, and others by title; a row as those of figures()."""
    if ours is None or not others:
        rows.append({'what': what, 'required': '-', 'value': None, 'measured': 'not measured', 'holds': None})
        return
    name, bound = (min if most else max)(others.items(), key=lambda item: item[1])
    rows.append({'what': f'{what} (next: {name})', 'required': ('< ' if most else '> ') + text.format(bound), 'value': ours,
                 'measured': text.format(ours), 'holds': bool(ours < bound if most else ours > bound)})


def claims(results):
    """What PMNC's paper says of itself, measured on `pmnc` and those trained from the same pairs and features."""
    ours = (find(results['methods'], recipe='pmnc', mode='patchmatch') or [{}])[0]
    nearest = [row for row in results['methods'] if row['recipe'] == ours.get('nearest')]
    dense = find(results['methods'], recipe='pmnc', mode='dense')
    consensus = [row for name in CONSENSUS for row in rows_of(results, name)]
    simple = rows_of(results, 'adapter') + nearest
    rows = []
    for i, alpha in enumerate(ALPHAS):
        claim(rows, f'PMNC, PatchMatch: PCK at {alpha} above all others', ours.get('pck', [None] * 3)[i],
              {row['title']: row['pck'][i] for row in consensus + simple}, '{:.3f}', False)
    for group, others in ('NC-Net and ANC-Net', consensus), ('its own dense search', dense), ('those without a consensus net', simple):
        for key, scale, text in ('searchMs', 1, '{:.1f} ms'), ('workspace', 1e-6, '{:.1f} MB'):
            value = ours.get(key)
            what = 'search faster' if key == 'searchMs' else 'workspace smaller'
            claim(rows, f'PMNC, PatchMatch: {what} than {group}', value and scale * value,
                  {row['title']: scale * row[key] for row in others if key in row}, text, True)
    return rows


def share(value, deviation):
    text = f'{value:.3f}'.lstrip('0')
    return text if deviation is None else f'{text} ± {deviation:.3f}'.replace('± 0.', '± .')


def methods_table(results):
    rows = []
    for row in results['methods']:
        deviations = row['deviation'] or [None] * len(ALPHAS)
        trained = row['trainSeconds'] is not None
        seconds = f'{row["trainSeconds"]:.0f}' + (f' + {row["startSeconds"]:.0f}' if row['startSeconds'] else '') if trained else '-'
        training = [f'{row["steps"]}', seconds, f'{1e3 * row["trainSeconds"] / row["steps"]:.0f}',
                    f'{row["trainBytes"] / 1e9:.1f}'] if trained else ['-'] * 4
        matching = [f'{row["searchMs"]:.1f}', f'{row["totalMs"]:.0f}', f'{row["workspace"] / 1e6:.1f}',
                    f'{row["processBytes"] / 1e6:.0f}'] if 'searchMs' in row else ['-'] * 4
        rows.append([row['title'], row['mode'], *map(share, row['pck'], deviations), *training, *matching])
    return markdown(['', 'search', *(f'PCK {alpha}' for alpha in ALPHAS), 'steps', 'training, s', 'ms a step', 'training, GB',
                     'search, ms', 'with features, ms', 'workspace, MB', 'process, MB'], rows)


def left_out_table(results):
    rows = []
    for category in results['categories']:
        of = find(results['evaluations'], recipe='default', without=category)
        if not of:
            continue
        nearest = find(results['evaluations'], recipe=of[0]['nearest'])
        seen = find(results['evaluations'], recipe='default', without='')
        named = [('nearest neighbours', nearest)]
        named += [(f'{what}, {mode}', find(those, mode=mode)) for what, those in
                  (('not trained on it', of), ('trained on all categories', seen)) for mode in recipes.RECIPES['default'].modes]
        for name, evaluations in named:
            if not evaluations:  # without the default itself
                continue
            pck = np.array([e['categories'][category] for e in evaluations])
            deviations = pck.std(0, ddof=1) if len(pck) > 1 else [None] * len(ALPHAS)
            rows.append([category, name, *map(share, pck.mean(0), deviations)])
    return markdown(['category', '', *(f'PCK {alpha}' for alpha in ALPHAS)], rows) if rows else ''


def judged(rows):
    return markdown(['', 'required', 'measured', ''],
                    [[row['what'], row['required'], row['measured'], verdict(row)] for row in rows])


def part(results, names):
    """What there is of these recipes, and of nearest neighbours of the same features."""
    def of(rows):
        return [row for row in rows if row['recipe'] in names or row['recipe'] in nearest]
    nearest = {e['nearest'] for e in results['evaluations'] if e['recipe'] in names}
    return {**results, **{key: of(results[key]) for key in ('runs', 'evaluations', 'timings', 'methods')}}


def document(results, names):
    """What was measured of these recipes, as Markdown."""
    results = part(results, names)
    machine, timing = results['machine'], (results['timings'] or [{}])[0]
    commit = f', commit {machine["revision"]}' * bool(machine['revision'])
    trained = sorted({found[1] for found in (re.search(r', revision (\S+)', run['provenance']) for run in results['runs']) if found})
    commit += f', trained at {", ".join(trained)}' * bool(set(trained) - {machine['revision']})
    seeds = ', '.join(map(str, results['seeds']))
    parts = [f'Command: `{without_folders(results["command"]).strip()}`{commit}. Machine: {machine["cpu"]}, {machine["cores"]} cores, '
             f'{machine["threads"]} threads, OpenCV {machine["opencv"]}. Data: {results["name"]}, {results["pairs"]} pairs to measure on '
             f'of pictures that were not trained on; none of them chose a step, as the last one\'s weights count; the options of the '
             f'recipes were chosen with them. PCK by the keypoints\' box, mean of the categories, mean ± standard deviation over the '
             f'seeds {seeds}.',
             f'Training: the time that a run kept processors busy, or that its steps took on all threads where that is less, as some '
             f'also computed features; the least of the seeds. What is added is the time of the run that it begins with. Times of matching are the best of '
             f'{timing.get("repetitions", "-")}, mean of {timing.get("pairs", "-")} pairs, one method after the other: search is all '
             'from features to flow, in one direction. Workspace is what the search held, process all that a Python program needed.',
             methods_table(results)]
    left_out = left_out_table(results)
    if left_out:
        parts += ['Categories that were left out of the default\'s training (the photos stay):', left_out]
    parts += ['What is required of them, where the worse of dense search and PatchMatch counts:',
              judged(figures(results, [name for name in names if name in recipes.RECIPES]))]
    if 'pmnc' in names:
        parts += ['What PMNC\'s paper claims, measured here:', judged(claims(results))]
    if results['quick']:
        parts.insert(0, '**A trial of the program with `--quick`: none of these figures means anything.**')
    return '\n\n'.join(parts) + '\n'


def complete(results, names):
    """Whether all of these recipes were measured, with SEEDS where every seed counts"""
    runs = {(e['recipe'], e['seed'], e['without']) for e in results['evaluations']}
    wanted = recipes.runs(names, results['seeds'], results['categories'])
    return len(results['seeds']) >= SEEDS and {(run.recipe, run.seed, run.without) for run in wanted} <= runs


def whole_document(results):
    """All that was measured, part by part"""
    measured = {e['recipe'] for e in results['evaluations']}
    return '\n'.join(f'# {name.capitalize()}\n\n{document(results, names)}' for name, names in PARTS.items() if measured & set(names))


def update_tutorial(results):
    """Writes the parts of which everything was measured."""
    for name, names in PARTS.items():
        if complete(results, names):
            replace_between(TUTORIAL, BEGIN.format(name), END.format(name), document(results, names))
        else:
            print(f'{TUTORIAL.name}: the part "{name}" stays as it is, as not all of {", ".join(names)} was measured with {SEEDS} seeds',
                  file=sys.stderr)
