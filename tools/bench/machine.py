"""What the numbers were measured on, and how fast that is."""
import os
import pathlib
import platform
import subprocess
import sys

import cv2 as cv

SGEMM = '''
import numpy, time
a, b = numpy.random.default_rng(0).random((2, 4096, 4096), dtype=numpy.float32)
best = 1e9
for i in range(4):
    start = time.perf_counter()
    c = a @ b
    best = min(best, time.perf_counter() - start)
print(best)
'''


def sgemm_seconds(threads):
    """Best time of a 4096^3 single-precision product in numpy; in its own process, as BLAS keeps its threads busy a while."""
    env = dict(os.environ, OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    return float(subprocess.run([sys.executable, '-c', SGEMM], env=env, check=True, capture_output=True, text=True).stdout)


def revision():
    """The commit that was measured, with + if the tree has changes; empty outside of a git checkout."""
    git = ['git', '-C', str(pathlib.Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, 'rev-parse', '--short', 'HEAD'], check=True, capture_output=True, text=True).stdout.strip()
        return commit + ('+' if subprocess.run([*git, 'diff', '--quiet', 'HEAD'], check=False).returncode else '')
    except (OSError, subprocess.CalledProcessError):
        return ''


def describe(threads):
    """The processor as lscpu names it, and the software."""
    try:
        environment = dict(os.environ, LC_ALL='C')
        lines = subprocess.run(['lscpu'], check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        lines = []
    cpu = {key.strip(): value.strip() for key, _, value in (line.partition(':') for line in lines)}
    cores = int(cpu.get('Core(s) per socket', 0)) * int(cpu.get('Socket(s)', 1))
    return {
        'cpu': cpu.get('Model name') or platform.processor() or platform.machine(),
        'cores': cores or os.cpu_count(),
        'logicalCpus': os.cpu_count(),
        'l2': cpu.get('L2 cache', ''),
        'l3': cpu.get('L3 cache', ''),
        'instructionSets': cv.getCPUFeaturesLine(),
        'threads': threads,
        'opencv': cv.__version__,
        'revision': revision(),
    }
