"""
One contestant of threads_bench.py: commands and samples are lines of JSON.

    threads_worker.py stock|ours|ROOT FOLDER

ROOT is a folder with another sslproto27 than the checkout's. A sample is the work of all threads in
a second of the wall clock, because we want to know how much of two processors they use.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import platform
import socket
import ssl
import sys
import threading
import time

WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
OP_NO_TICKET = 0x4000

#: The size of reads in bulk.
READ = 65536


class Contestant(object):
    """The way in which a contestant does TLS over a socket that does not block."""

    def __init__(self, kind, folder):
        self.label = 'ssl' if kind == 'stock' else 'sslproto27'
        if kind != 'stock':
            if kind != 'ours':
                sys.path.insert(0, kind)
            from sslproto27._core.socket import SSLSocket
            self._socket = SSLSocket
        self._is_stock = kind == 'stock'
        self._client = ssl.create_default_context(cafile=os.path.join(folder, 'ca.pem'))
        self._servers = {}
        for name in ('server', 'rsa'):
            context = self._servers[name] = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
            context.options |= OP_NO_TICKET
            context.load_cert_chain(os.path.join(folder, name + '.pem'))

    def connect(self, server):
        """Return both ends of a connection after the handshake, and the sockets below."""
        below = [socket.socket(_sock=end) for end in socket.socketpair()]
        for end in below:
            end.setblocking(False)
        ends = [self._wrap(below[0], self._client, False),
                self._wrap(below[1], self._servers[server], True)]
        todo = list(ends)
        while todo:
            for end in list(todo):
                try:
                    end.do_handshake()
                except WANTS:
                    continue
                todo.remove(end)
        return ends, below

    def _wrap(self, sock, context, server_side):
        name = None if server_side else 'localhost'
        if self._is_stock:
            return context.wrap_socket(sock, server_side=server_side, server_hostname=name,
                                       do_handshake_on_connect=False)
        return self._socket(sock, context, server_side=server_side, server_hostname=name,
                            do_handshake_on_connect=False)


def close(*everything):
    """Close everything in the lists of *everything*."""
    for some in everything:
        for one in some:
            one.close()


def handshakes(server):
    """Return a line: connections made and closed."""
    def run(contestant, end):
        count = 0
        while time.time() < end:
            close(*contestant.connect(server))
            count += 1
        return count
    return run


def bulk(size):
    """Return a line: MB through one connection, in writes of *size* bytes."""
    data = b'x' * size

    def run(contestant, end):
        (writer, reader), below = contestant.connect('server')
        done = 0
        while time.time() < end:
            sent = received = 0
            while received < size:
                try:
                    if sent < size:
                        sent += writer.send(data[sent:] if sent else data)
                except WANTS:
                    pass
                try:
                    while received < size:
                        received += len(reader.recv(READ))
                except WANTS:
                    pass
            done += size
        close((writer, reader), below)
        return done / 1e6
    return run


LINES = {'p256': handshakes('server'), 'rsa': handshakes('rsa'), 'bulk64': bulk(65536),
         'bulk256': bulk(262144)}


def sample(contestant, line, threads, seconds):
    """Return how much of *line* so many *threads* do in a second."""
    results, go = [], threading.Event()
    start = []

    def work():
        go.wait()
        results.append(LINES[line](contestant, start[0] + seconds))
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.daemon = True
        worker.start()
    start.append(time.time())
    go.set()
    for worker in workers:
        worker.join()
    if len(results) < threads:
        raise SystemExit('a thread has failed')
    return sum(results) / (time.time() - start[0])


def main(kind, folder):
    contestant = Contestant(kind, folder)
    python = '%s %s' % (platform.python_implementation(), platform.python_version())
    print(json.dumps({'label': contestant.label, 'openssl': ssl.OPENSSL_VERSION, 'python': python}))
    sys.stdout.flush()
    for command in iter(sys.stdin.readline, ''):
        command = json.loads(command)
        print(json.dumps(sample(contestant, **command)))
        sys.stdout.flush()


if __name__ == '__main__':
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main(*sys.argv[1:])
