"""What the programs of measurement share."""
import argparse
import sys
import time


class Progress:
    """What is being done, since when, and how long it may still take: one line on a terminal, a line a stage elsewhere."""
    def __init__(self, name, stages):
        self.name, self.begin, self.stages, self.number = name, time.monotonic(), stages, 0
        self.terminal = sys.stderr.isatty()

    def stage(self, title):
        self.title, self.start, self.number = title, time.monotonic(), self.number + 1
        self.show('', '\n' if not self.terminal else '')

    def step(self, done, total):
        if self.terminal:
            left = (time.monotonic() - self.start) / done * (total - done) if done else 0
            self.show(f', {done} of {total}' + f', {left:.0f} s left' * (done > 0), '')

    def show(self, more, end):
        elapsed = int(time.monotonic() - self.begin)
        text = f'[{self.name} {elapsed // 60:02}:{elapsed % 60:02}] {self.number} of {self.stages}: {self.title}{more}'
        print(('\r\033[K' if self.terminal else '') + text, end=end, file=sys.stderr, flush=True)

    def finish(self):
        print('\r\033[K' if self.terminal else '', end='', file=sys.stderr, flush=True)


def positive(value):
    if not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f'{value}: expected a positive number')
    return int(value)


def write(path, content):
    """A text or bytes, completely or not at all."""
    partial = path.with_name(path.name + '.part')
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.replace(path)
