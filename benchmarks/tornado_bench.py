"""
The Tornado part of the benchmark: servers (`tornado_worker.py`), on our streams and on its own.

    python benchmarks/tornado_bench.py [--quick] [--line NAME] [--python27 PATH]   # this part alone

This process makes the load, over loopback, with ssl's own sockets; load.c makes that of messages
over the stream itself. We count the processor time of the server's process, user and system. The
table also shows the wall clock, which depends on other load. The line of idle connections is
memory.
"""
from __future__ import absolute_import, division, print_function

import argparse
import os
import socket
import ssl
import sys
import threading
import time
from collections import namedtuple

from certificates import HOSTNAME, certificates
from engine_bench import QUIET
from loop_bench import HERE, Process
from samples import Bar, bars_table, cell, interleaved, judged

__all__ = ['BARS', 'run']

#: *scale* is the size of one unit of work; *limit* the bar for the ratio to Tornado's own.
Line = namedtuple('Line', 'name text scale side limit')

LINES = (
    Line('tornado-keep', 'HTTPS requests, keep-alive', 1, 'least', 0.95),
    Line('tornado-renew', 'HTTPS requests, one a connection', 1, 'least', 0.95),
    Line('tornado-echo', '64 KiB echo, MB', 65536 / 1e6, 'least', 1.0),
    Line('tornado-download', '4 MiB download, MB', (4 << 20) / 1e6, 'least', 1.0),
    Line('tornado-raw-1', '100-byte messages, 1 conn.', 1, 'least', 1.0),
    Line('tornado-raw-50', '100-byte messages, 50 conn.', 1, 'least', 1.0),
    Line('tornado-raw-500', '100-byte messages, 500 conn.', 1, 'least', 1.0),
    Line('tornado-idle', 'idle connection, KiB of RSS', 1 / 1024, 'most', 1.0),
)

CONTESTANTS = ('ours', 'stock')

BARS = tuple(Bar('tornado: %s, to stock' % line.text, (line.name, 'ours'), (line.name, 'stock'),
                 line.side, line.limit, None) for line in LINES)

#: For each line, the connections of load.c to the stream itself, without HTTP.
RAW = {'tornado-raw-1': 1, 'tornado-raw-50': 50, 'tornado-raw-500': 500}

IDLE = 400     # connections
THREADS = 4    # of load
HELLO = b'GET / HTTP/1.1\r\nHost: localhost\r\n'
ANSWER = b'Hello, world\n'
LARGE = 4 << 20
ECHO = b'x' * 65536


class Server(object):
    """A tornado_worker.py process."""

    def __init__(self, python, kind, folder):
        self._ca = os.path.join(folder, 'ca.pem')
        self._command = (python,) + QUIET + (os.path.join(HERE, 'tornado_worker.py'), kind, folder)
        self._context = ssl.create_default_context(cafile=os.path.join(folder, 'ca.pem'))
        self.restart()

    def restart(self):
        """Start a process; end the previous one."""
        if hasattr(self, '_process'):
            self.stop()
        self._process = Process(*self._command)
        self.description = self._process.first

    def stop(self):
        """End the process."""
        self._process.stop()

    def usage(self):
        """Return the server's processor time in seconds and memory in bytes."""
        return self._process.ask('')

    def load(self, program, connections):
        """Return a `Process` of load.c that exchanges messages of 100 bytes."""
        return Process(program, *map(str, (
            self.description['messages'], self.description['pid'], self._ca, connections, 100, 100,
            1, 'keep')))

    def connect(self, name):
        """Return a TLS connection to the HTTPS or the echo server."""
        sock = socket.create_connection(('127.0.0.1', self.description[name]))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(sock, server_hostname=HOSTNAME)


# Loads: each repeats and counts one unit of work while running() is true.

def receive(sock, count):
    """Read *count* bytes; return the last ones."""
    buffer = bytearray(65536)
    while count:
        got = sock.recv_into(buffer, min(count, 65536))
        if not got:
            raise EOFError('the server has ended the connection')
        count -= got
    return bytes(buffer[:got])


def end(sock):
    """End TLS, then the connection, whatever the server does."""
    try:
        sock.unwrap()
    except (OSError, ValueError):
        pass
    sock.close()


def request(sock, path=HELLO, size=len(ANSWER)):
    """Request *size* bytes; return the last ones."""
    sock.sendall(path + b'\r\n')
    head = b''
    while b'\r\n\r\n' not in head:
        data = sock.recv(65536)
        if not data:
            raise EOFError('the server has ended the connection')
        head += data
    body = head.partition(b'\r\n\r\n')[2]
    return receive(sock, size - len(body)) if len(body) < size else body


def keep_alive(server, running):
    sock, count = server.connect('https'), 0
    while not count or running():
        assert request(sock) == ANSWER
        count += 1
    end(sock)
    return count


def close(server, running):
    count = 0
    while not count or running():
        sock = server.connect('https')
        assert request(sock, HELLO + b'Connection: close\r\n') == ANSWER
        end(sock)
        count += 1
    return count


def echo(server, running):
    sock, count = server.connect('echo'), 0
    while not count or running():
        sock.sendall(ECHO)
        assert receive(sock, len(ECHO))
        count += 1
    end(sock)
    return count


def download(server, running):
    sock, count = server.connect('https'), 0
    while not count or running():
        assert request(sock, b'GET /large HTTP/1.1\r\nHost: localhost\r\n', LARGE).endswith(b'x')
        count += 1
    end(sock)
    return count


LOADS = {'tornado-keep': keep_alive, 'tornado-renew': close, 'tornado-echo': echo,
         'tornado-download': download}


def rates(server, name, seconds):
    """Return the units per second of the server's processor time, and of the wall clock."""
    counts = []
    end = time.time() + seconds

    def work():
        counts.append(LOADS[name](server, lambda: time.time() < end))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    used, start = server.usage()[0], time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < THREADS:
        raise SystemExit('a load failed; what it said is above')
    used, elapsed = server.usage()[0] - used, time.time() - start
    return sum(counts) / used, sum(counts) / elapsed


def idle_memory(server):
    """Return the bytes of an idle connection after one request, in a fresh server."""
    server.restart()
    socks = [server.connect('https') for _ in range(20)]
    for sock in socks:
        assert request(sock) == ANSWER
    before = server.usage()[1]
    idle = [server.connect('https') for _ in range(IDLE)]
    for sock in idle:
        assert request(sock) == ANSWER
    after = server.usage()[1]
    for sock in socks + idle:
        sock.close()
    return (after - before) / IDLE,


def run(options, folder):
    """
    Measure, and print the table.

    Returns:
        (contestants, samples): by name, each one's description; by (line, name), its samples, in a
        CPU second, or KiB. (line + ' wall', name) has those by the wall clock.
    """
    servers = [Server(options.python27, kind, folder) for kind in CONTESTANTS]
    print('\nTornado: a CPU second of the server, then a second of wall clock. TLS 1.3,'
          '\nECDSA P-256, %d connections at a time; the client is Python' % THREADS)
    for letter, server in zip('AB', servers):
        print('%s  %-36s %s, %s' % ((letter,) + tuple(
            server.description[name] for name in ('label', 'python', 'openssl'))))
    print('%-35s%15s%15s' % ('', 'A', 'B'))
    samples = {}
    for line in LINES:
        if options.line and line.name not in options.line:
            continue
        if line.name in RAW:
            loads = [server.load(options.load, RAW[line.name]) for server in servers]

            def ask(index):
                one = loads[index].ask(options.seconds)
                return one['exchanges'] / one['server_cpu'], one['exchanges'] / one['wall']
            for index in range(len(servers)):
                ask(index)  # warm-up
            taken = interleaved(len(servers), options.rounds, ask)
            for load in loads:
                load.stop()
        elif line.name in LOADS:
            def take(index):
                return rates(servers[index], line.name, options.seconds)
            for index in range(len(servers)):
                take(index)  # warm-up
            taken = interleaved(len(servers), options.rounds, take)
        else:
            taken = interleaved(len(servers), min(options.rounds, 3),
                                lambda index: idle_memory(servers[index]))
        for kind, suffix in enumerate(('', ' wall')[:len(taken[0][0])]):
            columns = [[one[kind] * line.scale for one in column] for column in taken]
            print('%-35s' % (line.text if not suffix else '    wall clock')
                  + ''.join(cell(values) for values in columns))
            sys.stdout.flush()
            samples.update(((line.name + suffix, name), values)
                           for name, values in zip(CONTESTANTS, columns))
    for server in servers:
        server.stop()
    return dict(zip(CONTESTANTS, [server.description for server in servers])), samples


def main():
    from bench import path  # bench imports this module
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('--python27', default=path('.venv27', 'bin', 'python'), metavar='PATH',
                        help='a Python 2.7 that has Tornado (default: .venv27)')
    parser.add_argument('--load', default=path('.cache', 'bench', 'load'), metavar='PATH',
                        help='the program that `make bench` builds from load.c')
    parser.add_argument('--line', action='append', choices=[line.name for line in LINES],
                        help='only this line; may be repeated')
    parser.add_argument('--rounds', type=int, help='samples a line (default: 7)')
    parser.add_argument('--seconds', type=float, help='seconds of a sample (default: 1)')
    parser.add_argument('--quick', action='store_true', help='3 rounds of 0.2 s: a smoke test')
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.2 if options.quick else 1.0)
    with certificates() as folder:
        samples = run(options, folder)[1]
    print('\n' + '\n'.join(bars_table(judged(BARS, samples))))


if __name__ == '__main__':
    main()
