"""Serve many connections, and check that memory and descriptors do not grow.

    soak.py [CONNECTIONS [AT_ONCE]]      by default 50000 short ones, then 2000 at once

A server on one of our loops runs in its own process. This process makes the load, with
the standard library's sockets and our pipes. After a warm-up of a tenth, the server's
resident memory may grow by at most 2 % and 1 MiB, and it must return to the same number
of descriptors. Otherwise the exit status is 1.
"""
from __future__ import print_function

import os
import ssl
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from sslproto27 import aio  # noqa: E402
from sslproto27.aio import From  # noqa: E402

PATIENCE = 120  # seconds for a connection


class Echo(aio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


def serve(directory):
    from tests.support.pki import PKI
    loop = aio.SelectorEventLoop()
    aio.set_event_loop(loop)
    server = loop.run_until_complete(loop.create_server(
        Echo, '127.0.0.1', 0, ssl=PKI(directory).server_context('ecdsa'), backlog=4096))
    print(server.sockets[0].getsockname()[1])
    sys.stdout.flush()
    loop.run_forever()


class Server(object):
    """The server's process, as Linux describes it."""

    def __init__(self, directory):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), '--serve', directory],
            stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def memory(self):
        """Return its resident memory in KiB."""
        with open('/proc/%d/status' % self.process.pid) as status:
            return int([line.split()[1] for line in status if line.startswith('VmRSS')][0])

    def descriptors(self):
        """Return how many descriptors it has."""
        return len(os.listdir('/proc/%d/fd' % self.process.pid))

    def at_rest(self, expected, patience=PATIENCE):
        """Return the number of its descriptors, once it is *expected* or *patience* is over."""
        end = time.time() + patience
        while self.descriptors() != expected and time.time() < end:
            time.sleep(0.1)
        return self.descriptors()


@aio.coroutine
def talk(port, context, until=None):
    """Connect, exchange a message, and wait for *until* before closing."""
    reader, writer = yield From(aio.open_connection(
        '127.0.0.1', port, ssl=context, server_hostname='localhost'))
    writer.write(b'x' * 1000)
    yield From(reader.readexactly(1000))
    if until is not None:
        yield From(until)
    writer.close()


@aio.coroutine
def short(port, context, count):
    for _ in range(count):
        yield From(aio.wait_for(talk(port, context), PATIENCE))


@aio.coroutine
def many(server, context, count, all_are_there):
    """Keep *count* connections open at once; return the server's memory meanwhile."""
    before = server.descriptors()
    tasks = [aio.ensure_future(talk(server.port, context, all_are_there)) for _ in range(count)]
    while server.descriptors() < before + count:
        yield From(aio.sleep(0.1))
        for task in tasks:
            if task.done():
                task.result()  # it should not have ended: raise its error
    memory = server.memory()
    all_are_there.set_result(None)
    yield From(aio.wait_for(aio.gather(*tasks), PATIENCE))
    raise aio.Return(memory)


def soak(server, context, connections, at_once):
    loop = aio.SelectorEventLoop()
    aio.set_event_loop(loop)
    tasks = 20

    def run_short(count):
        loop.run_until_complete(aio.gather(*[
            short(server.port, context, count // tasks) for _ in range(tasks)]))

    resting = server.descriptors()
    run_short(connections // 10)
    server.at_rest(resting)
    before, start = server.memory(), time.time()
    for tenth in range(9):
        run_short(connections // 10)
        print('%6d connections: %d KiB, %d descriptors, %.0f/s' % (
            (tenth + 2) * (connections // 10), server.memory(), server.at_rest(resting),
            (tenth + 1) * (connections // 10) / (time.time() - start)))
        sys.stdout.flush()
    after = server.memory()
    failures = []
    if after > before * 1.02 + 1024:
        failures.append('memory grew from %d to %d KiB' % (before, after))
    for turn in range(3):
        all_are_there = aio.Future(loop=loop)
        memory = loop.run_until_complete(many(server, context, at_once, all_are_there))
        left = server.at_rest(resting)
        print('%6d at once: %d KiB, %.1f KiB each; afterwards %d KiB, %d descriptors' % (
            at_once, memory, float(memory - after) / at_once, server.memory(), left))
        if turn == 0:
            first = server.memory()
    if left != resting:
        failures.append('%d descriptors are left, and %d were there before' % (left, resting))
    if server.memory() > first * 1.02 + 1024:
        failures.append('memory grew from %d to %d KiB after the first %d at once' % (
            first, server.memory(), at_once))
    return failures


def main(connections=50000, at_once=2000):
    import resource

    from tests.support.pki import temporary_pki
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * at_once + 1000), hard))
    print('%s, %s' % (sys.version.split()[0], ssl.OPENSSL_VERSION))
    with temporary_pki() as pki:
        server = Server(pki.directory)
        try:
            failures = soak(server, pki.client_context(), connections, at_once)
        finally:
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
    for failure in failures:
        print('FAILED: %s' % failure)
    return 1 if failures else 0


if __name__ == '__main__':
    if sys.argv[1:2] == ['--serve']:
        serve(sys.argv[2])
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
