"""
Print where the engine's time goes: microseconds a step, beside CPython 3's ssl and pyOpenSSL.

    python benchmarks/profile_engine.py [--python27 PATH] [--python3 PATH]

For data, the column 'ctypes inline' makes the same calls of OpenSSL as sslproto27, without its
methods around them: the difference to CPython 3 is then due to ctypes and Python 2.7 itself. For a
handshake, 'in OpenSSL' is the time inside of SSL_do_handshake.
We do each step on many connections in turn and time it as one. The result is the mean of many such
turns, in CPU time.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import subprocess
import sys

from bench import add_pythons
from certificates import certificates
from engine_bench import QUIET
from engine_worker import CONTESTANTS, RECORD, connected, cpu_time

PAIRS = 16
TURNS = 1000
SIZES = (100, RECORD)

#: The room that sslproto27 makes after a small read, for ciphertext and for plaintext.
FEW, SMALL_ROOM = 512, 1024

MESSAGE = ('write', 'outgoing.read', 'incoming.write', 'read')
HANDSHAKE = ('make both sides', "client's hello", "server's answer", "client's end",
             "server's end", 'forget both sides')


class Stopwatch(object):
    """The microseconds of each step: a list for each turn."""

    def __init__(self):
        self._marks = [cpu_time()]

    def mark(self):
        """Note the end of a step."""
        self._marks.append(cpu_time())

    def steps(self):
        """Return the time of each step, for one connection."""
        return [(end - start) * 1e6 / PAIRS for start, end in zip(self._marks, self._marks[1:])]


def means(turn, turns=TURNS):
    """Return the mean time of each step of *turn*, a function that returns `Stopwatch.steps`."""
    for _ in range(turns // 10):
        turn()
    return [sum(times) / turns for times in zip(*[turn() for _ in range(turns)])]


def message(contestant, size):
    """One message of *size* bytes, client to server."""
    pairs = [connected(contestant) for _ in range(PAIRS)]
    writes, takes = [c.write for c, _ in pairs], [c.take for c, _ in pairs]
    feeds, reads = [s.feed for _, s in pairs], [s.read for _, s in pairs]
    data = b'x' * size

    def turn(_pairs=pairs):
        watch = Stopwatch()
        for write in writes:
            write(data)
        watch.mark()
        wires = [take() for take in takes]
        watch.mark()
        for feed, wire in zip(feeds, wires):
            feed(wire)
        watch.mark()
        for read in reads:
            read(RECORD)
        watch.mark()
        return watch.steps()
    return turn


def message_inline(contestant, size):
    """The same with ctypes alone: sslproto27 on CPython 2.7."""
    from sslproto27._core.engine import binding
    lib = binding.lib
    new_buffer = binding.BLANK.__mul__ if size < RECORD else binding.new_large_buffer
    SSL_write, SSL_read = lib.SSL_write, lib.SSL_read
    BIO_ctrl_pending, BIO_read, BIO_write = lib.BIO_ctrl_pending, lib.BIO_read, lib.BIO_write
    pairs = [connected(contestant) for _ in range(PAIRS)]
    writers, outgoing = [[getattr(c.native[index], name) for c, _ in pairs]
                         for index, name in ((0, '_ssl'), (2, '_bio'))]
    readers, incoming = [[getattr(s.native[index], name) for _, s in pairs]
                         for index, name in ((0, '_ssl'), (1, '_bio'))]
    data = b'x' * size

    def turn(_pairs=pairs):
        watch = Stopwatch()
        for handle in writers:
            SSL_write(handle, data, size)
        watch.mark()
        wires = []
        for handle in outgoing:
            room = FEW if size < FEW else BIO_ctrl_pending(handle)
            wire = new_buffer(room)
            wires.append(wire[:BIO_read(handle, wire, room)])
        watch.mark()
        for handle, wire in zip(incoming, wires):
            BIO_write(handle, wire, len(wire))
        watch.mark()
        for handle in readers:
            room = SMALL_ROOM if size < SMALL_ROOM else RECORD
            plain = new_buffer(room)
            plain[:SSL_read(handle, plain, room)]
        watch.mark()
        return watch.steps()
    return turn


def handshake(contestant):
    """A full handshake, step by step."""
    def turn():
        watch = Stopwatch()
        pairs = [contestant.pair() for _ in range(PAIRS)]
        watch.mark()
        for client, server in pairs:
            client.handshake()
            server.feed(client.take())
        watch.mark()
        for client, server in pairs:
            server.handshake()
            client.feed(server.take())
        watch.mark()
        for client, server in pairs:
            client.handshake()
            server.feed(client.take())
        watch.mark()
        for client, server in pairs:
            server.handshake()
        watch.mark()
        client = server = None
        del pairs[:]
        watch.mark()
        return watch.steps()
    return turn


def handshake_inside(contestant):
    """The part of the handshake's steps inside SSL_do_handshake; on 2.7."""
    if contestant.label.startswith('pyOpenSSL'):
        lib = contestant._lib
    else:
        from sslproto27._core.engine.cpython27 import lib

    def inside(endpoint):
        start = cpu_time()
        lib.SSL_do_handshake(endpoint.native[0]._ssl)
        spent = cpu_time() - start
        lib.ERR_clear_error()
        return spent * 1e6

    def turn():
        client, server = contestant.pair()
        steps = [inside(client)]
        server.feed(client.take())
        steps.append(inside(server))
        client.feed(server.take())
        steps.append(inside(client))
        server.feed(client.take())
        steps.append(inside(server))
        return steps
    return turn


def empty_read(contestant):
    """A read that finds nothing, like the last one in every loop."""
    pairs = [connected(contestant) for _ in range(PAIRS)]

    def turn(_pairs=pairs):
        watch = Stopwatch()
        for client, _ in pairs:
            try:
                client.read(RECORD)
            except contestant.want_read:
                pass
        watch.mark()
        return watch.steps()
    return turn


def worker(kind, folder):
    """Print this interpreter's columns as JSON."""
    contestant = CONTESTANTS[kind](folder)
    inline = contestant.label == 'sslproto27'
    columns = {'label': contestant.label, 'openssl': contestant.openssl}
    for size in SIZES:
        columns['%d' % size] = means(message(contestant, size))
        if inline:
            columns['%d inline' % size] = means(message_inline(contestant, size))
    columns['nothing'] = means(empty_read(contestant))
    columns['handshake'] = means(handshake(contestant), TURNS // 20)
    if sys.version_info[0] == 2:
        columns['inside'] = means(handshake_inside(contestant))
    print(json.dumps(columns))


def table(title, steps, heads, columns):
    """Print one table; leave out columns that are None."""
    print('\n%-28s' % title + ''.join('%16s' % head for head in heads))
    rows = [(step, [column and column[index] for column in columns])
            for index, step in enumerate(steps)]
    if len(steps) > 1:
        rows.append(('sum', [column and sum(value or 0 for value in column)
                             for column in columns]))
    for step, values in rows:
        print('  %-26s' % step + ''.join(
            '%16s' % ('' if value is None else '%.2f' % value) for value in values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    add_pythons(parser)
    options = parser.parse_args()
    with certificates() as folder:
        ours, theirs, pyopenssl = [
            json.loads(subprocess.check_output((python,) + QUIET + (
                __file__, '--worker', kind, folder)).decode('ascii'))
            for python, kind in ((options.python27, 'pep546'), (options.python3, 'pep546'),
                                 (options.python27, 'pyopenssl'))]
    print('A  %(label)s, %(openssl)s' % ours)
    print('B  %(label)s, %(openssl)s' % theirs)
    print('C  %(label)s, %(openssl)s' % pyopenssl)
    for size in SIZES:
        key = '%d' % size
        table('%d bytes one way, us' % size, MESSAGE, ('A', 'ctypes inline', 'B', 'C'),
              (ours[key], ours.get(key + ' inline'), theirs[key], pyopenssl[key]))
    every = ours, theirs, pyopenssl
    table('one call, us', ['read that finds nothing'], 'ABC', [one['nothing'] for one in every])
    table('full handshake, us', HANDSHAKE, ('A', 'in OpenSSL', 'B', 'C', 'in OpenSSL'),
          (ours['handshake'], [None] + ours['inside'] + [None], theirs['handshake'],
           pyopenssl['handshake'], [None] + pyopenssl['inside'] + [None]))


if __name__ == '__main__':
    if sys.argv[1:2] == ['--worker']:
        worker(*sys.argv[2:])
    else:
        main()
