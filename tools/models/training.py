"""Trains the models by semcorr_train, each in a folder of its own: finished ones are kept, interrupted ones go on."""
import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

import cv2 as cv

import machine
import recipes
from common import write

QUICK = ['--steps=3', '--batch=2', '--photo-count=20', '--versions=2', '--photo-versions=1']
INTERRUPTED = 130


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.lru_cache(maxsize=None)
def contents(path):
    """SHA-256 of a file, or of all in a folder and their names"""
    files = [path] if path.is_file() else sorted(p for p in path.rglob('*') if p.is_file())
    return hashlib.sha256(''.join(f'{p.relative_to(path)} {sha256(p)}\n' for p in files).encode()).hexdigest()


@functools.lru_cache(maxsize=None)
def pairs_contents(root, pairs):
    """SHA-256 of a list of pairs and of the pictures that it names"""
    listed = cv.semcorr.readPairs('csv', str(root), str(pairs))
    pictures = sorted({path for pair in listed for path in (pair.image1, pair.image2)})
    return hashlib.sha256('\n'.join([contents(pairs), *(contents(pathlib.Path(p)) for p in pictures)]).encode()).hexdigest()


def data_of(run, args):
    """What a run learns from, as its files may change while their names stay"""
    recipe = recipes.RECIPES[run.recipe]
    found = {'pairs': pairs_contents(args.root, args.pairs)} if recipe.labels else {}
    if recipe.photos:
        found['photos'] = contents(args.photos)
    if recipe.backbone:
        found['backbone'] = contents(args.backbones / recipe.backbone)
    return found


def start_of(run):
    """The run whose adapter it begins with"""
    return recipes.Run(recipes.RECIPES[run.recipe].start, run.seed)


def learning_options(run, args):
    """What decides the weights besides the recipe's file. Without --val-pairs the last weights count, not those that are best on the
    pairs that figures are measured on."""
    recipe = recipes.RECIPES[run.recipe]
    found = [f'--seed={run.seed}']
    if recipe.labels:
        found += [f'--root={args.root}', f'--pairs={args.pairs}']
    if recipe.photos:
        found.append(f'--photos={args.photos}')
    if recipe.backbone:
        found.append(f'--backbone={args.backbones / recipe.backbone}')
    if recipe.start:
        found.append(f'--start-from={args.out / "runs" / start_of(run).name / "checkpoint.pt"}')
    if run.without:
        found.append(f'--without={run.without}')
    return found + QUICK * args.quick + args.extra


def command(run, args, folder):
    return [str(args.trainer), f'--config={recipes.FOLDER / run.recipe}.yml', *learning_options(run, args),
            f'--cache={args.cache}', f'--cache-limit={args.cache_limit}', f'--threads={args.threads}', f'--out={folder}']


def show_steps(log, progress):
    """Tells the last "training 49/60" of the log, if there is one."""
    with open(log, 'rb') as file:
        file.seek(max(0, os.path.getsize(log) - 400))
        steps = re.findall(r'\b(\d+)/(\d+)  ', file.read().decode('utf-8', 'replace'))
    if steps:
        progress.step(*map(int, steps[-1]))


def wait(process, log, progress):
    """Exit status and resource usage. An interruption is passed on, so that the program can write a checkpoint."""
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status), usage
            show_steps(log, progress)
            time.sleep(0.5)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.returncode = os.waitstatus_to_exitcode(os.wait4(process.pid, 0)[1])
        raise


def run_logged(words, log, progress):
    """Runs a program with its output added to a log. Returns bytes: the most memory that it had."""
    with open(log, 'ab') as output:
        output.write((' '.join(words) + '\n').encode())
        output.flush()
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        process.returncode, usage = wait(process, log, progress)
    if process.returncode:
        lines = log.read_text(encoding='utf-8', errors='replace').splitlines()[-5:]
        raise OSError('\n'.join([f'{words[0]} ended with status {process.returncode}; log: {log}', *lines]))
    return usage.ru_maxrss * 1024


def processor_seconds():
    """Of all programs that were run so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def train(run, args, progress, is_start=False):
    """Trains unless that was done. is_start: others begin with its checkpoint, which has to be there, too. Returns what is kept of a
    run in run.json: options, command, steps, processor seconds (its own, and of the run that it begins with), peak memory, the
    model's SHA-256."""
    folder = args.out / 'runs' / run.name
    file, model, log = folder / 'run.json', folder / 'model.yml', folder / 'train.log'
    start = train(start_of(run), args, progress, True) if recipes.RECIPES[run.recipe].start else {'sha256': '', 'cpuSeconds': 0}
    wanted = {'recipeOptions': recipes.options(run.recipe), 'options': learning_options(run, args), 'data': data_of(run, args),
              'start': start['sha256']}
    found = json.loads(file.read_text(encoding='utf-8')) if file.is_file() else {}
    if any(found.get(key) != value for key, value in wanted.items()):  # of another recipe or other data
        shutil.rmtree(folder, ignore_errors=True)
        found = {}
    if model.is_file() and found.get('sha256') == sha256(model) and ((folder / 'checkpoint.pt').is_file() or not is_start):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    resuming = (folder / 'checkpoint.pt').is_file()
    if not resuming:
        model.unlink(missing_ok=True)  # of a run that was killed between its model and its first checkpoint
    words = command(run, args, folder)
    found = dict(wanted, name=run.name, revision=machine.revision(), command=' '.join(words), peakBytes=found.get('peakBytes', 0),
                 cpuSeconds=found.get('cpuSeconds', 0), startSeconds=start['cpuSeconds'],
                 started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'))
    write(file, json.dumps(found, indent=1) + '\n')
    before = processor_seconds()
    try:
        memory = run_logged(words + ['--resume'] * resuming, log, progress)
        found.update(peakBytes=max(memory, found['peakBytes']), sha256=sha256(model), **of_provenance(model))
    finally:
        found['cpuSeconds'] += processor_seconds() - before
        write(file, json.dumps(found, indent=1) + '\n')
    return found


def of_provenance(model):
    text = cv.semcorr.Matcher.create(str(model)).getProvenance()
    numbers = re.search(r'of (\d+) steps', text)
    if not numbers:
        raise OSError(f'{model}: its provenance has no "N of N steps":\n{text}')
    return {'steps': int(numbers[1]), 'provenance': text}
