"""
The part of the benchmark in which 1, 2 and 4 threads of one process do TLS over pairs of sockets.

Alone: python benchmarks/threads_bench.py. Each thread has both ends of its own connections. A
second is one of the wall clock. On two idle processors two threads could do twice as much as one,
except while they wait for the interpreter's lock.
"""
from __future__ import absolute_import, division, print_function

import argparse
import os
import sys

from certificates import certificates
from requests_bench import Process
from revisions import unpacked
from samples import Bar, bars_table, cell, interleaved, judged

__all__ = ['BARS', 'run']

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, 'threads_worker.py')

LINES = (
    ('p256', 'handshakes/s, P-256'),
    ('rsa', 'handshakes/s, RSA-4096'),
    ('bulk64', 'MB/s, 64 KiB writes'),
    ('bulk256', 'MB/s, 256 KiB writes'),
)
THREADS = (1, 2, 4)

BARS = tuple(
    Bar('threads: %s, 2 threads, to ssl' % text, (line + ' 2', 'ours'), (line + ' 2', 'stock'),
        'least', 0.95 if 'handshakes' in text else 0.85, 1.05 if 'handshakes' in text else 1.0)
    for line, text in LINES)


def run(options, folder):
    """
    Measure, and print the table.

    Returns:
        (contestants, samples): by name, each one's description; by (line, name), its samples.
    """
    kinds = ['ours', 'stock']
    workers = [Process(options.python27, '-W', 'ignore', WORKER, kind, folder) for kind in kinds]
    if options.before:
        kinds.append('before')
        workers.append(Process(options.python27, '-W', 'ignore', WORKER, options.before, folder))
    print('\nThreads: both ends in each, TLS 1.3, certificate and name verified; a second of the'
          ' clock')
    letters = 'ABC'[:len(workers)]
    for letter, kind, worker in zip(letters, kinds, workers):
        print('%s  %-18s %s, %s' % (letter, options.against if kind == 'before'
                                    else worker.said['label'],
                                    worker.said['python'], worker.said['openssl']))
    print('%-36s' % '' + ''.join('%15s' % letter for letter in letters))
    samples = {}
    for line, text in LINES:
        for threads in THREADS:
            def take(index):
                return workers[index].ask({'line': line, 'threads': threads,
                                           'seconds': options.seconds})
            for index in range(len(workers)):
                take(index)  # warm-up
            taken = interleaved(len(workers), options.rounds, take)
            print('%-36s' % ('%s, threads: %d' % (text, threads)) + ''.join(map(cell, taken)))
            sys.stdout.flush()
            samples.update((('%s %d' % (line, threads), kind), values)
                           for kind, values in zip(kinds, taken))
    for worker in workers:
        worker.stop()
    return {kind: worker.said for kind, worker in zip(kinds, workers)}, samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    root = os.path.dirname(HERE)
    parser.add_argument('--python27', metavar='PATH',
                        default=os.path.join(root, '.venv27', 'bin', 'python'))
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=0.4)
    parser.add_argument('--against', metavar='REVISION')
    options = parser.parse_args()
    with certificates() as folder, unpacked(options.against) as options.before:
        _, samples = run(options, folder)
    print()
    print('\n'.join(bars_table(judged(BARS, samples))))


if __name__ == '__main__':
    main()
