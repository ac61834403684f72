"""
The engine's part of the benchmark: in memory, beside CPython 3's ssl, pyOpenSSL, and C.

Every contestant is its own process, `engine_worker.py` or `pump.c`, and lives for the whole run.
They take turns, line by line and round by round.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import subprocess
import sys
from collections import namedtuple

from samples import Bar, cell, interleaved

__all__ = ['BARS', 'QUIET', 'run']

HERE = os.path.dirname(os.path.abspath(__file__))

#: Name in the worker, text, and the size of one unit.
Line = namedtuple('Line', 'name text scale')

LINES = (
    Line('full', 'full handshakes/s', 1),
    Line('resumed', 'resumed handshakes/s', 1),
    Line('bulk-16', 'MB/s, 16 KiB a write', 16 * 1024 / 1e6),
    Line('bulk-64', 'MB/s, 64 KiB a write', 64 * 1024 / 1e6),
    Line('bulk-256', 'MB/s, 256 KiB a write', 256 * 1024 / 1e6),
    Line('round-trips', '100-byte round trips/s', 1),
    Line('memory', 'idle pair, KiB of memory', 1),
)


def _bars():
    texts = {line.name: 'engine: ' + line.text for line in LINES}

    def bar(name, other, against, side, limit, goal=None):
        return Bar('%s, to %s' % (texts[name], against), (name, 'ours'), (name, other), side,
                   limit, goal)

    for name, limit in (('full', 0.95), ('resumed', 0.85), ('bulk-16', 0.80), ('bulk-64', 0.90),
                        ('bulk-256', 0.95)):
        yield bar(name, 'c', 'C', 'least', limit)
    yield bar('memory', 'c', 'C', 'most', 1.15)
    for name in ('full', 'resumed', 'bulk-16', 'bulk-64', 'bulk-256'):
        yield bar(name, 'ssl', 'CPython 3', 'least', 0.95)
    yield bar('round-trips', 'ssl', 'CPython 3', 'least', 0.8, 1.0)
    for name, limit in (('full', 0.65), ('bulk-64', 0.3), ('round-trips', 0.12)):
        yield Bar('%s, the pair to the graft' % texts[name], (name, 'pair'), (name, 'ours'),
                  'least', limit, None)
    for line in LINES:
        yield bar(line.name, 'pyopenssl', 'pyOpenSSL',
                  'most' if line.name == 'memory' else 'least', 1.0)


BARS = tuple(_bars())

#: A warning of cryptography's last versions for 2.7.
QUIET = ('-W', 'ignore:Python 2 is no longer supported')


class Worker(object):
    """A contestant's process, and its description of itself."""

    def __init__(self, command, engine=None):
        self._command = command
        self._environment = dict(os.environ, **({'SSLPROTO27_ENGINE': engine} if engine else {}))
        self._start()

    def _start(self):
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
            env=self._environment)
        self.description = self._receive()

    def _receive(self):
        answer = self._process.stdout.readline()
        if not answer:
            self.stop()
            raise SystemExit('%s failed; what it said is above' % ' '.join(self._command))
        return json.loads(answer)

    def measure(self, line, seconds):
        """Return one sample; for memory, from a process that has done nothing before."""
        if line.name == 'memory':
            self.stop()
            self._start()
        self._process.stdin.write(json.dumps({'line': line.name, 'seconds': seconds}) + '\n')
        self._process.stdin.flush()
        return self._receive() * line.scale

    def stop(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _commands(options, folder):
    """Yield (name, command) of each contestant."""
    def python(path, kind):
        return (path,) + QUIET + (os.path.join(HERE, 'engine_worker.py'), kind, folder)

    yield 'ours', python(options.python27, 'pep546')
    yield 'pair', python(options.python27, 'pep546')
    yield 'ssl', python(options.python3, 'pep546')
    yield 'pyopenssl', python(options.python27, 'pyopenssl')
    yield 'c', (options.pump, folder)
    for number, path in enumerate(options.also):
        yield 'also %d' % number, python(path, 'pep546')


def header(descriptions):
    """Yield the lines above the table."""
    yield ''
    yield 'Engine: in memory, a CPU second. ECDSA P-256, chain and name verified; 16 KiB a read'
    for letter, one in zip('ABCDEFGH', descriptions):
        yield '%s  %-18s %s, %s' % (letter, one['label'], one['python'], one['openssl'])
        yield '   %-18s %s %s, handshake %d bytes up, %d down' % (
            ('', one['version'], one['cipher']) + tuple(one['handshake_bytes']))
    yield '%-25s' % '' + ''.join('%15s' % letter for letter in 'ABCDEFGH'[:len(descriptions)])


def run(options, folder):
    """
    Measure, and print the table.

    Returns:
        (contestants, samples): by name, each one's description; by (line, name), its samples.
    """
    workers = [(name, Worker(command, {'ours': 'graft', 'pair': 'pair'}.get(name)))
               for name, command in _commands(options, folder)]
    print('\n'.join(header([worker.description for _, worker in workers])))
    samples = {}
    for line in LINES:
        able = [one for one in workers if (line.name, one[0]) != ('resumed', 'pair')]
        rounds = options.rounds if line.name != 'memory' else min(options.rounds, 3)
        for _, worker in able:
            worker.measure(line, options.seconds)  # warm-up
        taken = interleaved(len(able), rounds,
                            lambda index: able[index][1].measure(line, options.seconds))
        found = {name: values for (name, _), values in zip(able, taken)}
        print('%-25s' % line.text + ''.join(
            cell(found[name]) if name in found else '%15s' % '-' for name, _ in workers))
        sys.stdout.flush()
        samples.update(((line.name, name), values) for name, values in found.items())
    for _, worker in workers:
        worker.stop()
    return {name: worker.description for name, worker in workers}, samples
