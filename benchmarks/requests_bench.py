"""
The part of the benchmark in which requests talks to a server on loopback: with Python 2.7's own
ssl, with sslproto27, and with pyOpenSSL.

Alone: python benchmarks/requests_bench.py. Every contestant is its own process, and so is the
server, on Python 3. They take turns. A second is one of the client's processor time; if two threads
download, one of the wall clock.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import os
import subprocess
import sys

from certificates import certificates
from samples import Bar, bars_table, cell, interleaved, judged

__all__ = ['BARS', 'run']

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, 'requests_worker.py')

LINES = (
    ('small', 'requests/s, one connection'),
    ('connect', 'requests/s, a connection each'),
    ('large', 'MB/s, bodies of 8 MiB'),
    ('threads', 'MB/s of the clock, 2 threads'),
)
CONTESTANTS = ('stock', 'injected', 'adapter', 'pyopenssl')

BARS = tuple(
    Bar('requests: %s, %s to %s' % (text, ours, against), (name, ours), (name, other), 'least',
        limit, None)
    for name, text in LINES for ours in ('injected', 'adapter')
    for other, against, limit in (('stock', 'ssl', 0.9), ('pyopenssl', 'pyOpenSSL', 1.0)))


class Process(object):
    """A worker, and its first line."""

    def __init__(self, *command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         universal_newlines=True)
        self.said = self.receive()

    def receive(self):
        """Return the next line that it prints."""
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit('a worker of requests_bench.py failed; what it said is above')
        return json.loads(answer)

    def ask(self, command):
        """Return the answer to *command*."""
        self._process.stdin.write(json.dumps(command) + '\n')
        self._process.stdin.flush()
        return self.receive()

    def measure(self, line, seconds):
        """Return one sample."""
        return self.ask({'line': line, 'seconds': seconds})

    def stop(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def run(options, folder):
    """
    Measure, and print the table.

    Returns:
        (contestants, samples): by name, each one's description; by (line, name), its samples.
    """
    server = Process(options.python3, WORKER, 'server', folder)
    workers = [Process(options.python27, '-W', 'ignore', WORKER, kind, str(server.said), folder)
               for kind in CONTESTANTS]
    print('\nrequests: one client, one server of Python 3, TLS 1.3, certificate and name verified')
    for letter, worker in zip('ABCD', workers):
        print('%s  %-18s %s, %s' % (letter, worker.said['label'], worker.said['python'],
                                    worker.said['openssl']))
    print('%-30s' % '' + ''.join('%15s' % letter for letter in 'ABCD'))
    samples = {}
    for line, text in LINES:
        for worker in workers:
            worker.measure(line, options.seconds)  # warm-up
        taken = interleaved(len(workers), options.rounds,
                            lambda index: workers[index].measure(line, options.seconds))
        print('%-30s' % text + ''.join(cell(values) for values in taken))
        sys.stdout.flush()
        samples.update(((line, kind), values) for kind, values in zip(CONTESTANTS, taken))
    for worker in workers:
        worker.stop()
    server.stop()
    return {kind: worker.said for kind, worker in zip(CONTESTANTS, workers)}, samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    root = os.path.dirname(HERE)
    for name, folder in (('27', '.venv27'), ('3', '.venv3')):
        parser.add_argument('--python' + name, metavar='PATH',
                            default=os.path.join(root, folder, 'bin', 'python'))
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=0.4)
    options = parser.parse_args()
    with certificates() as folder:
        _, samples = run(options, folder)
    print()
    print('\n'.join(bars_table(judged(BARS, samples))))


if __name__ == '__main__':
    main()
