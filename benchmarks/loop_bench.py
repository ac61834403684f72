"""
The event loops' part of the benchmark: servers (`loop_worker.py`), with `load.c` as the client.

We count the processor time of the server's process, user and system. The table also shows the wall
clock, which depends on other load. The line of idle connections is memory.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import subprocess
import sys
from collections import namedtuple

from engine_bench import QUIET
from loop_worker import ACCELERATOR
from revisions import ROOT
from samples import Bar, cell, interleaved

__all__ = ['BARS', 'run']

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1024 * 1024

#: The arguments of load.c. *scale* is the size of one exchange.
Line = namedtuple('Line', 'name text scale service connections up down window mode')


def _round_trips(count):
    return Line('round-trips-%d' % count, '100-byte round trips, %d conn.' % count, 1,
                'echo', count, 100, 100, 1, 'keep')


LINES = (
    _round_trips(1),
    _round_trips(10),
    _round_trips(50),
    _round_trips(500),
    _round_trips(5000),
    Line('echo-64', '64 KiB echo, MB, 8 conn.', 65536 / 1e6, 'echo', 8, 65536, 65536, 1, 'keep'),
    Line('upload', 'upload, MB, 4 conn.', MIB / 1e6, 'upload', 4, MIB, 1, 2, 'keep'),
    Line('download', 'download, MB, 4 conn.', MIB / 1e6, 'download', 4, 1, MIB, 2, 'keep'),
    # As users write: all data on one connection, until asked to pause; or in one write.
    Line('upload-1', 'upload, MB, 1 conn.', MIB / 1e6, 'upload', 1, MIB, 1, 8, 'keep'),
    Line('download-1', 'until paused, MB, 1 conn.', 8 * MIB / 1e6, 'download', 1, 8, 8 * MIB, 1,
         'keep'),
    Line('whole-1', 'in one write, MB, 1 conn.', 8 * MIB / 1e6, 'whole', 1, 1, 8 * MIB, 1, 'keep'),
    Line('connect', 'new connections', 1, 'echo', 16, 100, 100, 1, 'renew'),
)
#: For these lines we also show the peak memory.
BULK = frozenset(['echo-64', 'upload', 'download', 'upload-1', 'download-1', 'whole-1'])
IDLE = Line('idle', 'idle connection, KiB of RSS', 1, 'echo', 2000, 100, 100, 1, 'keep')

#: Name, option for the interpreter, contestant in loop_worker.py.
CONTESTANTS = (
    ('ours', 'python27', 'sslproto27'),
    ('stock', 'python27', 'stock'),
    ('plain', 'python27', 'plain'),
    ('asyncio', 'python3', 'asyncio'),
    ('twisted', 'python27', 'twisted'),
    ('twisted-ours', 'python27', 'twisted-ours'),
    ('pypy', 'pypy', 'sslproto27'),
    ('before', 'python27', 'sslproto27'),
    ('accelerated', 'python27', 'accelerated'),
    ('pair', 'python27', 'pair'),
)

#: In samples: a JIT compiler is busy at first.
WARM_UP = {'pypy': 10}


def _bars():
    small = [line for line in LINES if line.name in ('round-trips-1', 'round-trips-50',
                                                     'round-trips-500')]
    bulk = [line for line in LINES if line.name in BULK]

    def bar(line, other, against, side, limit, goal=None):
        return Bar('loops: %s, to %s' % (line.text, against), (line.name, 'ours'),
                   (line.name, other), side, limit, goal)

    for line in LINES:
        yield bar(line, 'stock', 'stock', 'least', 1.0, 1.3 if line in small else None)
    for line in small:
        yield bar(line, 'twisted', 'Twisted', 'least', 2.0)
        yield bar(line, 'asyncio', 'asyncio', 'least', 0.7, 1.0)
        yield Bar('loops: %s, PyPy to asyncio' % line.text, (line.name, 'pypy'),
                  (line.name, 'asyncio'), 'least', 1.5, None)
        yield Bar('loops: %s, cost of TLS' % line.text, (line.name, 'plain'),
                  (line.name, 'ours'), 'most', 1.5, 1.35)
    for line in LINES + (IDLE,):
        if line in small or line in bulk or line.name in ('connect', 'idle'):
            side = 'most' if line is IDLE else 'least'
            limit = {'connect': 0.95, 'idle': 1.0}.get(line.name, 1.15 if line in small else 1.2)
            yield Bar('loops: %s, Twisted: ours to pyOpenSSL' % line.text,
                      (line.name, 'twisted-ours'), (line.name, 'twisted'), side, limit, None)
    for line in bulk:
        yield bar(line, 'asyncio', 'asyncio', 'least', 1.0)
    yield bar(IDLE, 'asyncio', 'asyncio', 'most', 1.0, 0.5)
    for line in LINES + (IDLE,):
        yield bar(line, 'before', 'the other revision', 'least', None)
    for line in LINES:
        yield Bar('loops: %s, what C would give' % line.text, (line.name, 'accelerated'),
                  (line.name, 'ours'), 'least', None, None)
        yield Bar('loops: %s, the pair engine to stock' % line.text, (line.name, 'pair'),
                  (line.name, 'stock'), 'least', None, None)
    yield Bar('loops: CPU a round trip, 5,000 conn. to 10', ('round-trips-10', 'ours'),
              ('round-trips-5000', 'ours'), 'most', 1.25, 1.15)


BARS = tuple(_bars())


class Process(object):
    """A program that prints lines of JSON, and ends when its standard input does."""

    def __init__(self, *command):
        self._command = command
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         universal_newlines=True)
        self.pid = self._process.pid
        self.first = self._receive()

    def _receive(self):
        answer = self._process.stdout.readline()
        if not answer:
            self.stop()
            raise SystemExit('%s failed; what it said is above' % ' '.join(self._command))
        return json.loads(answer)

    def ask(self, text):
        """Return the answer to a line."""
        self._process.stdin.write('%s\n' % text)
        self._process.stdin.flush()
        return self._receive()

    def stop(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Contestant(object):
    """A server, and its load."""

    def __init__(self, python, kind, folder, package, load):
        self._server_command = (python,) + QUIET + (
            os.path.join(HERE, 'loop_worker.py'), kind, folder, package)
        self._load_command = load
        self._ca = os.path.join(folder, 'ca.pem') if kind != 'plain' else '-'
        self._server = Process(*self._server_command)
        self.description = self._server.first

    def load(self, line):
        """Return a `Process` that has connected."""
        server = self._server.first
        return Process(self._load_command, *map(str, (
            server['ports'][line.service], server['pid'], self._ca, line.connections, line.up,
            line.down, line.window, line.mode)))

    def idle_memory(self):
        """Return the KiB of an idle connection after a round trip, in a fresh server."""
        self.stop()
        self._server = Process(*self._server_command)
        before = self._resident()
        load = self.load(IDLE)
        size = (self._resident() - before) / IDLE.connections
        load.stop()
        return size

    def forget_peak(self):
        """Start to watch the peak memory anew."""
        with open('/proc/%d/clear_refs' % self._server.first['pid'], 'w') as clear:
            clear.write('5')  # proc(5): the peak of the RSS

    def peak(self):
        """Return the peak resident memory in MiB since `forget_peak`."""
        with open('/proc/%d/status' % self._server.first['pid']) as status:
            return int(status.read().split('VmHWM:', 1)[1].split()[0]) / 1024

    def _resident(self):
        with open('/proc/%d/statm' % self._server.first['pid']) as statm:
            return int(statm.read().split()[1]) * os.sysconf('SC_PAGESIZE') / 1024

    def stop(self):
        """End the server."""
        self._server.stop()


def header(descriptions):
    """Yield the lines above the table."""
    yield ''
    yield 'Event loops: a CPU second of the server, then a second of wall clock. TLS 1.3,'
    yield 'AES-256-GCM, ECDSA P-256, TCP_NODELAY, epoll; one client thread in C'
    for letter, one in zip('ABCDEFGHI', descriptions):
        yield '%s  %-36s %s, %s' % (letter, one['label'], one['python'], one['openssl'])
    yield '%-31s' % '' + ''.join('%15s' % letter for letter in 'ABCDEFGHI'[:len(descriptions)])


def _print_row(text, columns):
    print('%-31s' % text + ''.join(cell(values) for values in columns))
    sys.stdout.flush()


def run(options, folder):
    """
    Measure, and print the table.

    Returns:
        (contestants, samples): by name, each one's description; by (line, name), its samples, in a
        CPU second, or KiB. (line + ' wall', name) has those by the wall clock.
    """
    names, contestants = [], []
    for name, python, kind in CONTESTANTS:
        python = getattr(options, python)
        if options.contestant and name not in options.contestant:
            continue
        if not os.path.exists(python):
            print('no %s: %s is left out' % (python, name))
            continue
        package = options.before if name == 'before' else ROOT
        if package and (kind != 'accelerated' or os.path.exists(ACCELERATOR)):
            names.append(name)
            contestants.append(Contestant(python, kind, folder, package, options.load))
    print('\n'.join(header([one.description for one in contestants])))
    samples, peaks = {}, {}
    for line in LINES:
        if options.line and line.name not in options.line:
            continue
        loads = [contestant.load(line) for contestant in contestants]
        for name, load in zip(names, loads):
            load.ask(options.seconds * WARM_UP.get(name, 1))
        for contestant in contestants:
            contestant.forget_peak()
        taken = interleaved(len(loads), options.rounds,
                            lambda index: loads[index].ask(options.seconds))
        for load in loads:
            load.stop()
        if line.name in BULK:
            peaks[line.name] = [[contestant.peak()] for contestant in contestants]
        for suffix, clock in (('', 'server_cpu'), (' wall', 'wall')):
            columns = [[one['exchanges'] * line.scale / one[clock] for one in column]
                       for column in taken]
            _print_row(line.text if not suffix else '    wall clock', columns)
            samples.update(((line.name + suffix, name), values)
                           for name, values in zip(names, columns))
        if line.name in peaks:
            _print_row('    most RSS, MiB', peaks[line.name])
            samples.update(((line.name + ' RSS', name), values)
                           for name, values in zip(names, peaks[line.name]))
    if not options.line or IDLE.name in options.line:
        columns = interleaved(len(contestants), min(options.rounds, 3),
                              lambda index: contestants[index].idle_memory())
        _print_row(IDLE.text, columns)
        samples.update(((IDLE.name, name), values) for name, values in zip(names, columns))
    for contestant in contestants:
        contestant.stop()
    return dict(zip(names, [one.description for one in contestants])), samples
