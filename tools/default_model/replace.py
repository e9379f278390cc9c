#!/usr/bin/env python3
"""Makes a model of semcorr_train the default one: puts it into data/, measures it, and rewrites what the documents say of it.

usage: PYTHONPATH=build/lib/python3 tools/default_model/replace.py MODEL.yml --measure 'TITLE' ROOT PAIRS [--measure ...]

Each --measure is a list of pairs (as of example_semcorr_evaluate --dataset=csv) whose figures go into the provenance and the
documents, beside those of nearest neighbours of the backbone. Paths in the provenance lose their folders. MODEL may be the one that
is there already: its figures are replaced. Then build and test again: the file is compiled in.

Writes  data/pmnc_lite0.yml.gz          the model
        data/README.md, README.md, tutorials/semcorr_evaluate.markdown
                                        what stands between <!-- default model --> and <!-- end of default model -->
        doc/pics/match.jpg, compare.jpg, points.jpg
                                        pictures of the match sample
"""
import argparse
import gzip
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import cv2

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tools/bench'))

from common import write  # noqa: E402  (needs the path)

DATA = ROOT / 'data' / 'pmnc_lite0.yml.gz'
MOST_BYTES = 1 << 20
PAIRS = ('chelsea', 'raccoon'), ('hopper', 'collins')
MEASURED = 'PCK at 0.05 / 0.1 / 0.15 of the keypoints\' box, mean of the categories'
SHEET_WIDTH = 1492  # of contact_sheet.png up to the column `overlay`


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='a model file, may be compressed by gzip')
    parser.add_argument('--measure', nargs=3, action='append', required=True, metavar=('TITLE', 'ROOT', 'PAIRS'))
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='where the samples are built')
    return parser.parse_args()


def without_folders(provenance):
    """--root=/a/b/c as --root=c"""
    return re.sub(r'=/(?:[^\s/]*/)*([^\s/]+)/?(?=\s|$)', r'=\1', provenance)


def prepare(path, plain):
    """Writes the model as it will be shipped, but without figures, to the file `plain` and returns it."""
    matcher = cv2.semcorr.Matcher.create(path)
    found, expected = matcher.getParams(), cv2.semcorr.Matcher.Params()
    for name in (n for n in dir(expected) if not n.startswith('_')):
        if getattr(found, name) != getattr(expected, name):
            sys.exit(f'{path}: {name} is {getattr(found, name)}, expected {getattr(expected, name)}, the default of Matcher::Params')
    lines = without_folders(matcher.getProvenance()).strip().splitlines()
    matcher.setProvenance('\n'.join(line for line in lines if not line.startswith(MEASURED)))
    if re.search(r'(^|[\s=])/\S', matcher.getProvenance()):
        sys.exit(f'{path}: its provenance names folders of a machine, expected none:\n{matcher.getProvenance()}')
    matcher.save(plain)
    return matcher


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout


def shares(values):
    return ' / '.join(f'{v:.3f}'.lstrip('0') for v in values)


def evaluate(args, folder, plain):
    """For each --measure what it is and figures of nearest neighbours and the model; and what the program printed of the first"""
    rows, printed = [], []
    for title, root, pairs in args.measure:
        figures = []
        for option in '--mode=nn', f'--model={plain}':
            file = pathlib.Path(folder, 'result.json')
            text = run(args.build / 'bin/example_semcorr_evaluate', f'--root={root}', f'--pairs={pairs}', option, f'--json={file}')
            result = json.loads(file.read_text())
            figures.append(shares(result['mean']))
        categories = ', '.join(c['name'] for c in result['categories'])
        rows.append((f'{title}: {len(result["pairs"])} pairs, {categories}', *figures))
        lines = [line.rstrip() for line in text.splitlines()]
        last = next(i for i, line in enumerate(lines) if line.startswith('all pairs'))
        printed.append('\n'.join(lines[:last + 1]))
    return rows, printed[0].replace('pmnc_lite0-auto', 'builtin-auto')


def markdown(rows):
    head = [f'| {MEASURED} | nearest neighbours | default model |', '|---|---|---|']
    return '\n'.join(head + [f'| {" | ".join(row)} |' for row in rows])


def with_figures(provenance, rows):
    lines = [f'{MEASURED}: {model} (nearest neighbours {nearest}; {what})' for what, nearest, model in rows]
    return '\n'.join([provenance, *lines])


def description(provenance, table):
    content = DATA.read_bytes()
    return f'''| | |
|---|---|
| what | model file of `Matcher`, compressed by gzip: the embedded backbone (named, not contained), the adapter that follows it in the same ONNX net, its large weights in half precision, and the consensus net |
| size, SHA-256 | {len(content):,} bytes, `{hashlib.sha256(content).hexdigest()}` |
| made by | `semcorr_train`, as the provenance below says; `tools/default_model/replace.py` put it here |
| licence | Apache-2.0, as the project; pictures and annotations that it was trained on are not contained |

{table}

`Matcher::getProvenance()`:

```
{provenance.strip()}
```'''


def rewrite(path, text):
    begin, end = '<!-- default model -->\n', '\n<!-- end of default model -->'
    old = path.read_text(encoding='utf-8')
    if old.count(begin) != 1 or old.count(end) != 1:
        sys.exit(f'{path}: expected {begin.strip()} and {end.strip()} once each')
    write(path, old[:old.index(begin) + len(begin)] + text + old[old.index(end):])


def draw(args, folder, plain):
    pictures = [ROOT / 'samples' / 'data' / f'{name}.jpg' for pair in PAIRS for name in pair]
    run(args.build / 'bin/example_semcorr_match', '--compare', f'--points={ROOT / "samples/data/points.csv"}', f'--model={plain}',
        f'--out={folder}', *pictures)
    sheet, comparison, points = (cv2.imread(str(pathlib.Path(folder, name + '.png'))) for name in ('contact_sheet', 'comparison', 'points'))
    for name, picture in ('match', sheet[:, :SHEET_WIDTH]), ('compare', comparison), ('points', points):
        write(ROOT / 'doc' / 'pics' / f'{name}.jpg', cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())


def main():
    args = parse()
    with tempfile.TemporaryDirectory() as folder:
        plain = str(pathlib.Path(folder, 'pmnc_lite0.yml'))
        matcher = prepare(args.model, plain)
        rows, printed = evaluate(args, folder, plain)
        matcher.setProvenance(with_figures(matcher.getProvenance(), rows))
        matcher.save(plain)
        content = gzip.compress(pathlib.Path(plain).read_bytes(), 9, mtime=0)
        if len(content) > MOST_BYTES:
            sys.exit(f'{args.model}: {len(content)} bytes, expected at most {MOST_BYTES}: is its backbone the embedded one?')
        draw(args, folder, plain)
        table = markdown(rows)
        write(DATA, content)
        rewrite(ROOT / 'data' / 'README.md', description(matcher.getProvenance(), table))
        rewrite(ROOT / 'README.md', table)
        rewrite(ROOT / 'tutorials' / 'semcorr_evaluate.markdown', f'@code{{.unparsed}}\n{printed}\n@endcode')
    print(f'written: {DATA}; build and test again')


if __name__ == '__main__':
    main()
