"""
Count the processor's instructions of requests over HTTPS, under callgrind, by library.

    python3 benchmarks/application_instructions.py [--line NAME] [--python27 PATH]

The servers are those of `tornado_bench.py`, the clients those of `requests_bench.py`. One process
and one connection run at a time. Other load on the machine does not change the result. The numbers
leave out the kernel's work and the cost of cold caches. A ``rep`` instruction, which copies or
clears a large block, counts once for each byte.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple

import requests_bench
import tornado_bench
from bench import path
from certificates import certificates
from loop_bench import Process

#: We make *few* requests before we start to count.
Line = namedtuple('Line', 'name text few many')

SERVED = (
    Line('tornado-keep', 'Tornado, a request on a connection that is kept', 20, 100),
    Line('tornado-renew', 'Tornado, a connection with a request', 10, 50),
    Line('tornado-download', 'Tornado, a download of 4 MiB', 3, 10),
)
ASKED = (
    Line('small', 'requests, a request on a connection that is kept', 10, 60),
    Line('connect', 'requests, a connection with a request', 10, 60),
    Line('large', 'requests, a download of 8 MiB', 2, 6),
)
PARTS = ('OpenSSL', 'C library', 'Python', 'all')


def callgrind(folder):
    """Return the beginning of a command whose instructions are counted once `count` says so."""
    return ['valgrind', '-q', '--tool=callgrind', '--instr-atstart=no',
            '--callgrind-out-file=' + os.path.join(folder, 'counted')]


def counted(folder):
    """Return the instructions by part, from callgrind's output."""
    costs, names, part = dict.fromkeys(PARTS, 0), {}, None
    with open(os.path.join(folder, 'counted')) as lines:
        for line in lines:
            found = re.match(r'ob=(\(\d+\))(?: (.*))?', line)
            if found:
                names.setdefault(found.group(1), found.group(2) or '')
                part = part_of(os.path.basename(names[found.group(1)]))
            elif line.startswith('cob='):
                found = re.match(r'cob=(\(\d+\)) (.*)', line)
                if found:
                    names[found.group(1)] = found.group(2)
            elif line.startswith('calls='):
                next(lines)  # the function that it calls is counted in its own entry
            elif re.match(r'[+*\d-]', line) and part:
                cost = int(line.split()[1])
                costs[part] += cost
                costs['all'] += cost
    return costs


def part_of(library):
    """Return the one of `PARTS` to which a library's file belongs."""
    if re.match(r'libssl|libcrypto|_openssl', library):
        return 'OpenSSL'
    return 'C library' if re.match(r'libc\b|libpthread', library) else 'Python'


class Served(tornado_bench.Server):
    """A server of tornado_bench.py, run by another command."""

    def __init__(self, python, kind, pki, prefix):
        self._prefix = tuple(prefix)
        super(Served, self).__init__(python, kind, pki)

    def restart(self):
        """Start it."""
        self._command = self._prefix + self._command
        super(Served, self).restart()
        self.pid = self._process.pid


def serve(line, python, kind, pki, prefix):
    """Send requests to a Tornado server; return its name."""
    server = Served(python, kind, pki, prefix)

    def load(count):
        left = iter(range(count - 1))
        tornado_bench.LOADS[line.name](server, lambda: next(left, None) is not None)

    count(server.pid, line, load)
    server.stop()
    return server.description['label']


def ask(line, python, kind, pki, prefix, port):
    """Let a client that uses requests send some; return its name."""
    client = Process(*prefix + [python, '-W', 'ignore', requests_bench.WORKER, kind, port, pki])

    def load(count):
        client.ask(json.dumps({'line': line.name, 'count': count}))

    count(client.pid, line, load)
    client.stop()
    return client.first['label']


def count(pid, line, load):
    """Count a process's instructions during a load, after a few requests of the same kind."""
    load(line.few)
    switch(pid, 'on')
    load(line.many)
    switch(pid, 'off')


def switch(pid, state):
    """Switch the counting in a process on or off."""
    subprocess.check_output(['callgrind_control', '-i', state, str(pid)], stderr=subprocess.STDOUT)


def show(line, label, folder):
    """Print a row of the table."""
    costs = counted(folder)
    print('  %-18s' % label + ''.join('%12d' % (costs[part] // line.many) for part in PARTS))
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split('\n')[0])
    for name, place in (('27', '.venv27'), ('3', '.venv3')):
        parser.add_argument('--python' + name, metavar='PATH', default=path(place, 'bin', 'python'))
    parser.add_argument('--line', action='append', help='only this line; may be repeated',
                        choices=[line.name for line in SERVED + ASKED])
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix='sslproto27-bench-')
    prefix = callgrind(folder)
    print('%-20s' % 'instructions' + ''.join('%12s' % part for part in PARTS))
    try:
        with certificates() as pki:
            source = Process(options.python3, requests_bench.WORKER, 'server', pki)
            for line in SERVED + ASKED:
                if options.line and line.name not in options.line:
                    continue
                print(line.text)
                if line in SERVED:
                    for kind in tornado_bench.CONTESTANTS:
                        label = serve(line, options.python27, kind, pki, prefix)
                        show(line, label, folder)
                else:
                    for kind in ('stock', 'injected', 'pyopenssl'):
                        label = ask(line, options.python27, kind, pki, prefix, str(source.first))
                        show(line, label, folder)
            source.stop()
    finally:
        shutil.rmtree(folder)


if __name__ == '__main__':
    main()
