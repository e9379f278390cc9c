"""Runs opencv_perf_semcorr, where stages are measured by themselves."""
import pathlib
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree


def options(quick, threads):
    if quick:  # once each, and without whole searches, which are measured here anyway
        return ['--perf_min_samples=1', '--perf_force_samples=1', '--gtest_filter=-Search_*:PatchMatch*', f'--perf_threads={threads}']
    return ['--perf_min_samples=3', '--perf_force_samples=10', '--perf_time_limit=1', f'--perf_threads={threads}']


def run(program, quick, threads, progress):
    """One row for each case: name, parameters, samples, best and median milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        xml, log = pathlib.Path(folder, 'perf.xml'), []
        command = [program, f'--gtest_output=xml:{xml}', *options(quick, threads)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder) as process:
            done, total = 0, 0
            for line in process.stdout:
                log.append(line)
                if line.startswith('[==========] Running '):
                    total = int(line.split()[2])
                if line.startswith('[ RUN'):
                    progress.step(done, total)
                    done += 1
        if process.returncode or not xml.exists():
            raise OSError(f'{program} failed with status {process.returncode}:\n' + ''.join(log[-20:]))
        return list(rows_of(ElementTree.parse(xml).getroot()))


def rows_of(root):
    for case in root.iter('testcase'):
        values = dict(case.attrib, **{p.get('name'): p.get('value') for p in case.iter('property')})
        if 'median' not in values:  # skipped
            continue
        per_ms = float(values['frequency']) / 1e3
        yield {'name': values['classname'], 'parameters': values.get('value_param', ''), 'samples': int(values['samples']),
               'ms': float(values['min']) / per_ms, 'medianMs': float(values['median']) / per_ms}
