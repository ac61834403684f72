"""
Measure sslproto27 and its alternatives in one run: see docs/performance.md.

    python benchmarks/bench.py [--quick] [--only PART] [--json FILE] [--python27 PATH] ...

Every contestant is its own process. They take turns, sample by sample, so that other load on the
machine slows all of them equally. The tables show medians, each with half its interquartile range
as a percentage. A ratio is the median of the rounds' ratios. The bars come last, with those missed.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import multiprocessing
import os
import platform
import time

import engine_bench
import loop_bench
import requests_bench
import threads_bench
import tornado_bench
from certificates import certificates
from revisions import ROOT, unpacked
from samples import bars_table, judged

PARTS = {'engine': engine_bench, 'loops': loop_bench, 'requests': requests_bench,
         'threads': threads_bench, 'tornado': tornado_bench}


def path(*names):
    """Return the path of a file that make builds."""
    return os.path.join(ROOT, *names)


def add_pythons(parser):
    """Add options to *parser* for interpreters other than make's."""
    parser.add_argument('--python27', default=path('.venv27', 'bin', 'python'), metavar='PATH',
                        help='a Python 2.7 that has the bench extra (default: .venv27)')
    parser.add_argument('--python3', default=path('.venv3', 'bin', 'python'), metavar='PATH',
                        help='a Python 3 (default: .venv3)')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    add_pythons(parser)
    interpreters = os.environ.get('SSLPROTO27_CACHE') or path('.cache')
    parser.add_argument('--pypy', metavar='PATH',
                        default=os.path.join(interpreters, 'interpreters', 'bin', 'pypy'),
                        help='a PyPy 2.7 that has Trollius; left out if there is none')
    parser.add_argument('--also', default=[], action='append', metavar='PATH',
                        help='another Python for the engine, without bars; may be repeated')
    parser.add_argument('--only', choices=sorted(PARTS), help='only this part')
    parser.add_argument('--line', action='append', metavar='NAME',
                        help='only this line of the loops or of Tornado; may be repeated')
    parser.add_argument('--contestant', action='append', metavar='NAME',
                        help='only this contestant of the loops; may be repeated')
    parser.add_argument('--against', metavar='REVISION',
                        help='also measure this revision of sslproto27 in the loops')
    parser.add_argument('--rounds', type=int, help='samples a line (default: 7)')
    parser.add_argument('--seconds', type=float, help='seconds of a sample (default: 0.4)')
    parser.add_argument('--quick', action='store_true', help='3 rounds of 0.1 s: a smoke test')
    parser.add_argument('--json', metavar='FILE', help='also write all samples to this file')
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.1 if options.quick else 0.4)
    options.pump, options.load = path('.cache', 'bench', 'pump'), path('.cache', 'bench', 'load')
    for needed in (options.python27, options.python3, options.pump, options.load):
        if not os.path.exists(needed):
            parser.error('there is no %s: `make bench` makes it' % needed)
    return options


def machine():
    """Describe this machine in a few words."""
    model = platform.machine()
    with open('/proc/cpuinfo') as cpuinfo:
        for line in cpuinfo:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return '%d cores, %s, Linux %s' % (
        multiprocessing.cpu_count(), model, platform.release().split('-')[0])


def main():
    options = arguments()
    result = {'machine': machine(), 'date': time.strftime('%Y-%m-%d'), 'rounds': options.rounds,
              'seconds': options.seconds, 'parts': {}, 'bars': []}
    print('%s: %d rounds of %g s a line; MB are 10^6 bytes\n%s' % (
        result['date'], options.rounds, options.seconds, result['machine']))
    with certificates() as folder, unpacked(options.against) as options.before:
        for name, part in sorted(PARTS.items()):
            if options.only in (None, name):
                contestants, samples = part.run(options, folder)
                result['parts'][name] = {
                    'contestants': contestants,
                    'samples': [list(key) + [values] for key, values in sorted(samples.items())]}
                result['bars'] += judged(part.BARS, samples)
    print()
    print('\n'.join(bars_table(result['bars'])))
    if options.json:
        with open(options.json, 'w') as output:
            json.dump(result, output, indent=1, sort_keys=True)


if __name__ == '__main__':
    main()
