#!/usr/bin/env python3
"""Measures a matcher on a data set of semantic correspondence (PCK), as example_semcorr_evaluate does, with the same JSON."""
import argparse
import csv
import functools
import hashlib
import io
import json
import os
import pathlib
import sys
import tempfile
import time

import cv2 as cv
import numpy as np

semcorr = cv.semcorr
MODES = ['auto', 'dense', 'patchmatch', 'nn']
BACKBONE = 'backbone', 'outputs', 'input_size', 'longest_side', 'prefix_tokens'  # options
REFERENCES = ['image', 'object', 'keypoints', 'padded']  # as PCKReference
# how published programs measure: reference for pfpascal, spair, others; coordinates, direction, cells
CONVENTIONS = {
    'hpf': ('image', 'object', 'keypoints', 'original', '1to2', 'centre'),
    'spair': ('object', 'object', 'object', 'original', '1to2', 'centre'),
    'chm': ('image', 'object', 'padded', 'square', '1to2', 'centre'),
    'cats': ('image', 'object', 'padded', 'square', '2to1', 'centre'),
    'ncnet': ('image', 'image', 'image', 'square', '2to1', 'corner'),
    'ancnet': ('image', 'image', 'image', 'square', '2to1', 'corner')}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def checked(content):
    """Content that its SHA-256 stands before"""
    if content[:32].hex() != sha256(content[32:]):
        raise ValueError('damaged')
    return content[32:]


def file_sum(path):
    return sha256(pathlib.Path(path).read_bytes())


def read_picture(path, mirrored):
    image = cv.imread(path, cv.IMREAD_COLOR | cv.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise OSError(f'cannot read the picture {path}')
    return cv.flip(image, 1) if mirrored else image


def nearest_neighbours(features):
    """A matcher whose net leaves the correlation as it is."""
    net = semcorr.ConsensusNet.create(semcorr.SYMMETRY_NONE, semcorr.PADDING_INPUT)
    net.addBlock(np.ones((1,) * 6, np.float32))
    net.setLastActivation(False)
    return semcorr.Matcher.create(features, net, semcorr.Matcher.Params(
        mode=semcorr.SEARCH_DENSE_4D, mutual=False, bidirectional=False, refine=semcorr.REFINE_NONE))


class Predictor:
    def __init__(self, args):
        self.args = args
        if args.mode == 'nn' and not args.model:
            self.matcher = nearest_neighbours(semcorr.FeatureNet.create())  # of the backbone, without the default model's adapter
        else:
            self.matcher = semcorr.Matcher.create(*[args.model] if args.model else [])
        self.model = {'file': args.model or '', 'sha256': file_sum(args.model) if args.model else self.saved_sum()}
        net = self.matcher.getFeatureNet()
        if args.backbone:
            net = semcorr.FeatureNet.create(args.backbone, semcorr.FeatureNet.Params(
                outputs=args.outputs.split(',') if args.outputs else [], inputSize=args.input_size, longestSide=args.longest_side,
                prefixTokens=args.prefix_tokens))
            self.model.update(backbone=args.backbone, backbone_sha256=file_sum(args.backbone))
        if args.mode == 'nn':
            self.matcher = nearest_neighbours(net)
        else:
            params = self.matcher.getParams()
            params.mode = MODES.index(args.mode)
            self.matcher.setParams(params)

        def compute(path, mirrored):
            image = read_picture(path, mirrored)
            return net.compute(image), image.shape[1::-1]

        @functools.lru_cache(maxsize=256)  # pictures; the C++ program counts bytes instead
        def features(path, mirrored):
            return self.cached(compute, path, mirrored) if args.cache else compute(path, mirrored)
        self.features = features

    def cached(self, compute, path, mirrored):
        """A file is named after all that its content depends on: the bytes of the picture, and the net. Damaged ones are made anew."""
        settings = self.model['sha256'], *(str(vars(self.args)[name]) for name in BACKBONE), self.model.get('backbone_sha256', '')
        key = sha256('\n'.join([file_sum(path), str(mirrored), *settings]).encode())
        file = pathlib.Path(self.args.cache, key + '.npz')
        try:
            with np.load(io.BytesIO(checked(file.read_bytes()))) as stored:
                return stored['features'], tuple(stored['size'].tolist())
        except (OSError, ValueError):
            features, size = compute(path, mirrored)
        content = io.BytesIO()
        np.savez(content, features=features, size=size)
        write(str(file), bytes.fromhex(sha256(content.getvalue())) + content.getvalue())
        return features, size

    def saved_sum(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'model.yml')
            self.matcher.save(path)
            return file_sum(path)

    def predict(self, pair):
        """x, y of each keypoint's match; TSS: pixels that count and, for each alpha, those whose flow is right."""
        one, two = self.features(pair.image1, pair.flip1), self.features(pair.image2, pair.flip2)
        if self.args.dataset == 'tss':
            mask = cv.imread(pair.mask1, cv.IMREAD_GRAYSCALE)
            if mask is None:
                raise OSError(f'cannot read the mask {pair.mask1}')
            truth = semcorr.readFlow(pair.flow)
            count, correct = semcorr.countCorrectFlow(self.flow(pair), truth, two[1], self.args.alpha, mask=mask)
            return [count, *correct]
        found = self.transfer(two, one, pair.points2) if self.args.direction == '2to1' else self.transfer(one, two, pair.points1)
        return found.reshape(-1)

    def flow(self, pair):
        (f1, size1), (f2, size2) = self.features(pair.image1, pair.flip1), self.features(pair.image2, pair.flip2)
        return semcorr.fieldToFlow(self.matcher.matchFeatures(f1, f2)[0], size1, f2.shape[1::-1], size2)

    def transfer(self, source, target, points):
        (f1, size1), (f2, size2) = source, target
        if self.args.cells == 'centre':
            return self.matcher.transferKeypointsFeatures(f1, size1, f2, size2, points)[0]

        def resized(p, old, new):  # as NC-Net's program does it, in 1-based pixels
            return ((p.astype(np.float64) + 1) * new / old - 1).astype(np.float32)
        square = self.args.coordinates == 'square'
        side1, side2 = ((224, 224), (224, 224)) if square else (size1, size2)
        moved = resized(points, size1, side1) if square else points
        moved = semcorr.fromCornerAligned(moved, side1, f1.shape[1::-1])
        found = self.matcher.transferKeypointsFeatures(f1, side1, f2, side2, moved)[0]
        found = semcorr.toCornerAligned(found, side2, f2.shape[1::-1])
        return resized(found, side2, size2) if square else found


class Journal:
    """What is done of a run: a line that says which run, then a line for each pair. Only whole lines count."""
    def __init__(self, path, run, resume):
        self.file, self.values = None, []
        if not path:
            return
        run = json.dumps(run) + '\n'
        content = pathlib.Path(path).read_text() if os.path.exists(path) else ''
        first, *rest = content.splitlines(True) or ['']
        if rest and not resume:
            raise OSError(f'{path} holds what an interrupted run has done: go on with --resume, or delete it')
        if first.endswith('\n') and first != run:
            raise OSError(f'{path} is of another run, expected one with the same options, model and data.\n'
                          f'  there: {first}  here:  {run}')
        for line in rest:
            try:
                self.values.append(np.float32(json.loads(line)))
            except ValueError:  # torn
                break
        write(path, run + ''.join(map(self.line, self.values)))
        self.file = open(path, 'a')

    @staticmethod
    def line(values):
        return json.dumps(numbers(values)) + '\n'

    def add(self, values):
        if self.file:
            self.file.write(self.line(values))
            self.file.flush()


def numbers(values):
    """float32 as the shortest numbers that are read back as the same."""
    return [float(str(np.float32(v))) for v in values]


def measure(args, pairs, values):
    flags = (semcorr.PCK_PER_POINT * (args.per == 'point') + semcorr.PCK_LEGACY_SQUARE * (args.coordinates == 'square') +
             semcorr.PCK_2_TO_1 * (args.direction == '2to1'))
    reference = REFERENCES.index(args.reference)
    if args.dataset == 'tss':
        counts = np.int32(values)
        return semcorr.summarizePCK(pairs, counts[:, :1].copy(), counts[:, 1:].copy(), args.alpha, reference, flags)
    return semcorr.computePCK(pairs, [np.float32(v).reshape(-1, 2) for v in values], args.alpha, reference, flags)


def describe(args, pairs, values, result):
    """The figures as they stand in the JSON file."""
    def summary(r, i):
        return {'mean': list(r.mean), 'mean_interval': i.mean.reshape(-1, 2).tolist(),
                'overall': list(r.overall), 'overall_interval': i.overall.reshape(-1, 2).tolist()}

    def table(heads, counts, shares, intervals):
        return [{**head, 'pairs': int(n), 'pck': s.tolist(), 'interval': i.reshape(-1, 2).tolist()}
                for head, n, s, i in zip(heads, counts, np.reshape(shares, (-1, len(args.alpha))), intervals)]

    intervals = semcorr.bootstrapPCK(result, args.resamples, 0.95, args.seed)
    figures = {**summary(result, intervals), 'bootstrap': {'resamples': args.resamples, 'confidence': 0.95, 'seed': args.seed},
               'categories': table([{'name': name} for name in result.categories], result.categoryPairs, result.perCategory,
                                   intervals.perCategory),
               'nuisances': []}
    if len(result.nuisances):
        heads = [{'name': n, 'level': int(level)} for n, level in zip(result.nuisances, result.nuisanceLevels)]
        figures['nuisances'] = table(heads, result.nuisancePairs, result.perNuisance, intervals.perNuisance)
    unseen = [i for i, p in enumerate(pairs) if p.leaked == 0]
    if unseen:
        part = measure(args, [pairs[i] for i in unseen], [values[i] for i in unseen])
        intervals = semcorr.bootstrapPCK(part, args.resamples, 0.95, args.seed)
        figures['leak_free'] = {'pairs': len(unseen), **summary(part, intervals)}
    figures['pairs'] = []
    for i, p in enumerate(pairs):
        levels = {name: getattr(p, name) for name in ('viewpoint', 'scale', 'truncation', 'occlusion', 'leaked')}
        figures['pairs'].append({'id': p.id, 'category': p.category, **{name: n for name, n in levels.items() if n >= 0},
                                 'points': int(result.points[i, 0]), 'correct': result.correct[i].tolist(),
                                 'pck': result.perPair[i].tolist()})
        if args.dataset != 'tss':
            figures['pairs'][-1]['predicted'] = np.reshape(numbers(values[i]), (-1, 2)).tolist()
    return figures


def rows_of(args, figures):
    """Group, name, pairs, shares and intervals of each line of a table"""
    total = len(figures['pairs'])
    all_of_them = 'all points' if args.per == 'point' else 'all pairs'
    rows = [('category', c['name'], c['pairs'], c['pck'], c['interval']) for c in figures['categories']]
    rows += [('mean', 'mean over categories', total, figures['mean'], figures['mean_interval']),
             ('overall', all_of_them, total, figures['overall'], figures['overall_interval'])]
    rows += [('nuisance', f"{n['name']} {n['level']}", n['pairs'], n['pck'], n['interval']) for n in figures['nuisances']]
    leak = figures.get('leak_free')
    if leak:
        rows += [(f'leak-free {name}', f'leak-free {name}', leak['pairs'], leak[name], leak[name + '_interval'])
                 for name in ('mean', 'overall')]
    return rows


def print_table(args, figures):
    rows = [row[1:] for row in rows_of(args, figures) if row[0] != 'nuisance' or args.nuisance]
    width = max(len(row[0]) for row in rows)
    print(' ' * width, ' pairs', *(f'  {f"@{a:g}":20}' for a in args.alpha), sep='')
    for name, count, shares, intervals in rows:
        cells = (f'  {100 * s:5.1f} [{100 * low:5.1f}, {100 * high:5.1f}]' for s, (low, high) in zip(shares, intervals))
        print(f'{name:{width}} {count:5}', *cells, sep='')


def csv_table(args, method, rows):
    table = io.StringIO()
    writer = csv.writer(table, lineterminator='\n')
    writer.writerow(['method', 'group', 'name', 'pairs', *(f'{what}@{a:g}' for a in args.alpha for what in ('pck', 'low', 'high'))])
    for group, name, count, shares, intervals in rows:
        writer.writerow([method, group, name, count, *(x for s, i in zip(shares, intervals) for x in (s, *i))])
    return table.getvalue()


def draw_sheets(args, pairs, values, result, predictor):
    """The best and the worst pairs: keypoints, and lines from where they were found to where they are."""
    order = np.argsort(-result.perPair.mean(1), kind='stable')
    for name, chosen in ('best', order[:8]), ('worst', order[::-1][:8]):
        rows = []
        for i in chosen:
            pair, found = pairs[i], np.reshape(values[i], (-1, 2))
            images = [read_picture(pair.image1, pair.flip1), read_picture(pair.image2, pair.flip2)]
            if args.dataset == 'tss':
                images[1] = cv.remap(images[1], predictor.flow(pair), None, cv.INTER_LINEAR | cv.WARP_RELATIVE_MAP)
                truths = [[], []]
            else:
                truths = [pair.points1.reshape(-1, 2), pair.points2.reshape(-1, 2)]
            into = 0 if args.direction == '2to1' else 1
            for k, (source, truth) in enumerate(zip(truths[1 - into], truths[into])):
                hue = np.uint8([[[k * 67 % 180, 215, 255]]])
                color = cv.cvtColor(hue, cv.COLOR_HSV2BGR)[0, 0].tolist()
                p, q, r = (np.round(point).astype(int).tolist() for point in (source, truth, found[k]))
                cv.circle(images[1 - into], p, 5, color, cv.FILLED, cv.LINE_AA)
                cv.line(images[into], q, r, color, 2, cv.LINE_AA)
                cv.circle(images[into], q, 7, color, 2, cv.LINE_AA)
            rows.append(np.hstack([cv.resize(image, (360, 270), interpolation=cv.INTER_AREA) for image in images]))
        path = f'{args.visualize}/{name}.jpg'
        if not cv.imwrite(path, np.vstack(rows)):
            raise OSError(f'cannot write {path}')


def data_sum(pairs):
    text, seen = b'', set()
    for p in pairs:
        text += p.id.encode() + b'\n'
        text += b''.join(points.tobytes() for points in (p.points1, p.points2) if points is not None)
        for picture in p.image1, p.image2:
            if picture not in seen:
                seen.add(picture)
                text += b'%d\n' % os.path.getsize(picture)
    return sha256(text)


def write(path, content):
    """Whoever reads the file finds the old content or the new one."""
    with open(path + '.tmp', 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode())
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + '.tmp', path)


def run(args):
    if args.check:
        problems = semcorr.checkDataset(args.dataset, args.root, args.split)
        print(*problems or ['no problems'], sep='\n')
        sys.exit(bool(problems))
    pairs = semcorr.readPairs(args.dataset, args.root, args.split)
    count = min(args.limit or len(pairs), len(pairs))
    pairs = [pairs[i * len(pairs) // count] for i in range(count)]
    if args.dataset != 'tss':  # so that what the convention lacks (say, boxes of objects) is said before the long work
        measure(args, pairs, [p.points1 if args.direction == '2to1' else p.points2 for p in pairs])
    for folder in filter(None, (args.visualize, args.cache)):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    name = (pathlib.Path(args.model).name.split('.')[0] if args.model else 'builtin') + '-' + args.mode
    if args.csv:
        write(args.csv, csv_table(args, name, []))
    predictor = Predictor(args)
    head = {'schema': 1, 'version': cv.__version__, 'command': args.command, 'method': name, 'mode': args.mode,
            'model': predictor.model,
            'data': {'dataset': args.dataset, 'root': args.root, 'split': args.split, 'pairs': len(pairs),
                     'sha256': data_sum(pairs)},
            'conventions': {'name': args.convention, 'reference': args.reference, 'per': args.per,
                            'coordinates': args.coordinates, 'direction': args.direction, 'cells': args.cells},
            'alphas': args.alpha}
    journal = Journal(args.json and args.json + '.part', head, args.resume)
    values, start, first, shown = journal.values, time.monotonic(), len(journal.values), -10
    for pair in pairs[first:]:
        values.append(predictor.predict(pair))
        journal.add(values[-1])
        passed, n = time.monotonic() - start, len(values)
        if passed - shown > (0.1 if sys.stderr.isatty() else 10) or n == len(pairs):
            shown, left = passed, passed / (n - first) * (len(pairs) - n)
            print(f'{n}/{len(pairs)} pairs, {left:.0f} s left', end='\r' if sys.stderr.isatty() else '\n', file=sys.stderr)
    result = measure(args, pairs, values)
    figures = describe(args, pairs, values, result)
    if args.json:
        write(args.json, json.dumps({**head, **figures}, indent=1) + '\n')
        os.remove(args.json + '.part')
    if args.csv:
        write(args.csv, csv_table(args, name, rows_of(args, figures)))
    if args.visualize:
        draw_sheets(args, pairs, values, result, predictor)
    print_table(args, figures)


def text(value):
    if not value:
        raise argparse.ArgumentTypeError('needs a value')
    return value


def alphas(value):
    values = [float(a) for a in value.split(',')]
    if not all(1e-6 <= a <= 100 for a in values):
        raise argparse.ArgumentTypeError(f'{value}: expected numbers in [1e-06, 100]')
    return values


def whole(low, high=2**31 - 1):
    def parsed(value):
        if not low <= int(value) <= high:
            raise argparse.ArgumentTypeError(f'{value}: expected a whole number in [{low}, {high}]')
        return int(value)
    parsed.__name__ = 'whole number'  # in the text of argparse for what is no number
    return parsed


def size(value):
    try:
        width, height = map(whole(1, 16384), value.split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(f'{value}: expected WIDTHxHEIGHT') from None
    return width, height


def parse():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.error = lambda message: sys.exit(f'evaluate.py: {message}')
    add = functools.partial(parser.add_argument, type=text)
    add('--dataset', choices=['csv', 'pfpascal', 'pfwillow', 'spair', 'tss'], default='csv',
        help='what lies in --root (default: csv)')
    add('--root', help='folder of the data set')
    add('--split', help='trn, val, test (default), small/test, ...; for tss a group (default: all)')
    add('--pairs', help='csv: the list of pairs')
    add('--model', help='a model of Matcher.save (default: the built-in one)')
    add('--backbone', help="ONNX net to take features from instead of the model's own")
    add('--outputs', help='of --backbone: names of its outputs (default: all)')
    add('--longest-side', type=whole(0, 16384), default=400,
        help='of --backbone: pixels of the longer image side, 0: as it is (default: 400)')
    add('--input-size', type=size, default=(0, 0), help='of --backbone: fixed input WIDTHxHEIGHT, for vision transformers')
    add('--prefix-tokens', type=whole(0, 1024), default=0, help='of --backbone: class and register tokens')
    add('--mode', choices=MODES, default='auto', help='how to search; nn: nearest neighbours, no net (default: auto)')
    add('--convention', choices=CONVENTIONS, help='how published programs measure (default: hpf)')
    add('--alpha', type=alphas, default='0.05,0.1,0.15', help='thresholds (default: 0.05,0.1,0.15)')
    add('--reference', choices=REFERENCES, help="length that thresholds refer to (default: the convention's)")
    add('--per', choices=['image', 'point'], default='image', help='mean over image or point (default: image)')
    add('--coordinates', choices=['original', 'square'], help="pixels (default: the convention's)")
    add('--direction', choices=['1to2', '2to1'], help="(default: the convention's)")
    add('--cells', choices=['centre', 'corner'], help="pixels that the outermost cells lie on (default: the convention's)")
    add('--limit', type=whole(0), default=0, help='so many pairs only, evenly spread over the list; 0: all')
    add('--resamples', type=whole(10, 1000000), default=1000, help='draws of pairs for the confidence intervals (default: 1000)')
    add('--seed', type=whole(0), default=0, help='of these draws (default: 0)')
    add('--json', help='write the result to this file; on the way, FILE.part keeps what is done')
    add('--csv', help='write the table to this file')
    add('--cache', help='keep the features of pictures in this folder')
    add('--visualize', help='write contact sheets of the best and the worst pairs to this folder')
    for name, help_text in (('--resume', 'go on where a run with the same options was stopped'),
                            ('--nuisance', 'table by viewpoint, scale, truncation and occlusion, too'),
                            ('--check', 'only list all problems of the data set')):
        parser.add_argument(name, action='store_true', help=help_text)
    args = parser.parse_args()
    free = ('json', 'csv', 'cache', 'resume', 'nuisance', 'visualize', 'model', 'mode', 'help', 'check')
    given = {a.split('=')[0]: a for a in sys.argv[1:]}  # in the order above, as the C++ program writes it
    args.command = ' '.join(['evaluate', *(given[o] for act in parser._actions for o in act.option_strings
                                           if o in given and o[2:] not in free), *[f'--model={args.model}'] * bool(args.model),
                             f'--mode={args.mode}'])
    names = 'reference', 'coordinates', 'direction', 'cells'
    if args.dataset == 'tss' and (args.convention or any(getattr(args, name) for name in names)):
        parser.error('--convention, --reference, --coordinates, --direction and --cells are for keypoints, not for --dataset=tss')
    args.convention = args.convention or ('tss' if args.dataset == 'tss' else 'hpf')
    pascal, spair, others, *rest = CONVENTIONS.get(args.convention, ('image',) * 3 + CONVENTIONS['hpf'][3:])
    for name, value in zip(names, ({'pfpascal': pascal, 'spair': spair}.get(args.dataset, others), *rest)):
        setattr(args, name, getattr(args, name) or value)
    if not args.root or (args.dataset == 'csv') != bool(args.pairs):
        parser.error('--root is missing' if not args.root else '--pairs goes with --dataset=csv, and only with it')
    if args.split and args.pairs:
        parser.error('--split is for other data sets than csv, expected only --pairs')
    if not args.backbone and (args.outputs or args.input_size[0]):
        parser.error('--outputs and --input-size need --backbone')
    if args.resume and not args.json:
        parser.error('--resume needs --json')
    args.split = args.pairs or args.split or ('' if args.dataset == 'tss' else 'test')
    return args


if __name__ == '__main__':
    try:
        run(parse())
    except (cv.error, OSError) as e:
        sys.exit(f'evaluate.py: {getattr(e, "err", e)}')
