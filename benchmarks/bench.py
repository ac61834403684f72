"""
Measure the engine beside CPython 3's ssl and pyOpenSSL on 2.7, in one run: see docs/performance.md.

    python benchmarks/bench.py [--quick] [--json FILE] [--python27 PATH] [--python3 PATH]

Every contestant is a process of its own that lives for the whole run. They take turns, line by line
and round by round, so that whatever slows the machine down slows all of them; medians are shown,
each with half its interquartile range as a percentage; a ratio is the median of the rounds' own.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import os
import subprocess
import sys
import time
from collections import namedtuple

from certificates import certificates

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

#: Name in the worker, text, what one unit is, whether more is better, and the least ratio to
#: CPython 3's ssl (None: only to be ahead of pyOpenSSL).
Line = namedtuple('Line', 'name text scale more_is_better bar')

LINES = (
    Line('full', 'full handshakes/s', 1, True, 0.95),
    Line('resumed', 'resumed handshakes/s', 1, True, 0.95),
    Line('bulk-16', 'MB/s, 16 KiB a write', 16 * 1024 / 1e6, True, 0.95),
    Line('bulk-64', 'MB/s, 64 KiB a write', 64 * 1024 / 1e6, True, 0.95),
    Line('bulk-256', 'MB/s, 256 KiB a write', 256 * 1024 / 1e6, True, 0.95),
    Line('round-trips', '100-byte round trips/s', 1, True, 0.5),
    Line('memory', 'idle pair, KiB of memory', 1, False, None),
)

#: cryptography says this on its last versions for 2.7.
QUIET = ('-W', 'ignore:Python 2 is no longer supported')


class Worker(object):
    """An engine_worker.py process, and what it said of itself."""

    def __init__(self, python, kind, folder):
        if not os.path.exists(python):
            raise SystemExit('There is no %s: `make bench` makes it.' % python)
        self._command = (python,) + QUIET + (os.path.join(HERE, 'engine_worker.py'), kind, folder)
        self._start()

    def _start(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, universal_newlines=True)
        self.description = self._receive()

    def _receive(self):
        answer = self._process.stdout.readline()
        if not answer:
            self.stop()
            raise SystemExit('%s failed; what it said is above' % ' '.join(self._command[-3:-1]))
        return json.loads(answer)

    def measure(self, line, seconds):
        """Return one sample; of memory in a process where nothing was done before."""
        if line == 'memory':
            self.stop()
            self._start()
        self._process.stdin.write(json.dumps({'line': line, 'seconds': seconds}) + '\n')
        self._process.stdin.flush()
        return self._receive()

    def stop(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def measure(workers, line, rounds, seconds):
    """Return a list of samples for each worker; they take turns at who is first."""
    for worker in workers:
        worker.measure(line.name, seconds)  # warm-up
    samples = [[] for _ in workers]
    for number in range(rounds):
        for turn in range(len(workers)):
            index = (number + turn) % len(workers)
            samples[index].append(workers[index].measure(line.name, seconds) * line.scale)
    return samples


def quantile(values, part):
    """Return the value below which so large a *part* of *values* lies, interpolated."""
    values = sorted(values)
    place = (len(values) - 1) * part
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def median(values):
    """Return the median."""
    return quantile(values, 0.5)


def spread(values):
    """Return half the interquartile range as a percentage of the median."""
    return 50 * (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)


def judge(line, ours, theirs, pyopenssl):
    """Return the ratios to CPython 3's ssl and to pyOpenSSL, and whether each bar was cleared."""
    to_theirs, to_pyopenssl = [
        median([a / b for a, b in zip(ours, others)]) for others in (theirs, pyopenssl)]
    ahead = to_pyopenssl > 1 if line.more_is_better else to_pyopenssl < 1
    return {
        'to_ssl': to_theirs,
        'to_ssl_bar': line.bar,
        'to_ssl_ok': None if line.bar is None else to_theirs >= line.bar,
        'to_pyopenssl': to_pyopenssl,
        'to_pyopenssl_bar': 'ahead' if line.more_is_better else 'lower',
        'to_pyopenssl_ok': ahead,
    }


def header(descriptions):
    """Yield the lines above the table."""
    for letter, one in zip('ABC' + 'DEFGH', descriptions):
        yield '%s  %-18s %s, %s' % (letter, one['label'], one['python'], one['openssl'])
        yield '   %-18s %s %s, handshake %d bytes up, %d down' % (
            ('', one['version'], one['cipher']) + tuple(one['handshake_bytes']))
    yield 'ECDSA P-256 certificate, chain and host name verified; 16 KiB a read.'
    if len(set(one['openssl'] for one in descriptions[:2])) > 1:
        yield 'A and B have different versions of OpenSSL: A/B compares those, too.'
    if descriptions[2]['openssl'] != descriptions[0]['openssl']:
        yield "A and C have different versions of OpenSSL: pyOpenSSL's wheel brings its own."
    yield ''
    row = '%-25s' % '' + ''.join('%15s' % letter for letter in 'ABCDEFGH'[:len(descriptions)])
    yield row + '     A/B     bar          A/C     bar'


def table_row(line, samples, verdict):
    """Return the table's text for *line*."""
    def cell(values):
        digits = 1 if median(values) < 200 else 0
        return '%9.*f +-%2.0f%%' % (digits, median(values), spread(values))

    def mark(ok):
        return 'ok' if ok else 'MISSED'

    row = '%-25s' % line.text + ''.join('%15s' % cell(values) for values in samples)
    if line.bar is None:
        row += '  %6.3f  %-11s' % (verdict['to_ssl'], '')
    else:
        row += '  %6.3f  %4.2f %-6s' % (verdict['to_ssl'], line.bar, mark(verdict['to_ssl_ok']))
    return row + '  %6.3f  %s %s' % (
        verdict['to_pyopenssl'], verdict['to_pyopenssl_bar'], mark(verdict['to_pyopenssl_ok']))


def venv(name):
    """Return the interpreter of a virtual environment that make has made."""
    return os.path.join(ROOT, name, 'bin', 'python')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('--python27', default=venv('.venv27'), metavar='PATH',
                        help='a Python 2.7 that has pyOpenSSL (default: .venv27)')
    parser.add_argument('--python3', default=venv('.venv3'), metavar='PATH',
                        help='a Python 3 (default: .venv3)')
    parser.add_argument('--also', default=[], action='append', metavar='PATH',
                        help='another Python, shown but not judged; may be repeated')
    parser.add_argument('--rounds', type=int, default=7, help='samples a line (default: 7)')
    parser.add_argument('--seconds', type=float, default=0.4, help='of a sample (default: 0.4)')
    parser.add_argument('--quick', action='store_true', help='3 rounds of 0.1 s: a smoke test')
    parser.add_argument('--json', metavar='FILE', help='write all samples there, too')
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 0.1
    return options


def main():
    options = arguments()
    contestants = [(options.python27, 'pep546'), (options.python3, 'pep546'),
                   (options.python27, 'pyopenssl')]
    contestants += [(python, 'pep546') for python in options.also]
    result = {'date': time.strftime('%Y-%m-%d'), 'rounds': options.rounds,
              'seconds': options.seconds, 'lines': {}}
    with certificates() as folder:
        workers = [Worker(python, kind, folder) for python, kind in contestants]
        result['contestants'] = [worker.description for worker in workers]
        print('%s: %d rounds of %.1f s (of CPU) a line' % (
            result['date'], options.rounds, options.seconds))
        print('\n'.join(header(result['contestants'])))
        for line in LINES:
            rounds = options.rounds if line.name != 'memory' else min(options.rounds, 3)
            samples = measure(workers, line, rounds, options.seconds)
            verdict = judge(line, *samples[:3])
            print(table_row(line, samples, verdict))
            sys.stdout.flush()
            result['lines'][line.name] = dict(verdict, samples=samples)
        for worker in workers:
            worker.stop()
    if options.json:
        with open(options.json, 'w') as output:
            json.dump(result, output, indent=1, sort_keys=True)


if __name__ == '__main__':
    main()
