"""
Two `SSLProtocol`s that do whatever chance says, over transports that do so too, in memory.

The same seed is the same run. What must hold, whatever happens:

- what arrives is a prefix of what was sent, in order;
- after a clean end it is all of it;
- connection_lost comes exactly once, and last;
- nothing that TLS has not authenticated is delivered;
- no waiter waits for ever, and no timer is left.
"""
from __future__ import absolute_import, division, print_function

import errno
import random
import socket

import pytest

from sslproto27 import SSLProtocol
from tests.support.loops import App, Loop, ModernTransport, Transport, Waiter, join
from tests.support.memory import SeededChunks
from tests.support.pipe_pairs import pattern

SEEDS = range(12)
RUNS = 5  # of each seed

#: All that a side writes is a part of this: where in the stream a byte is can be seen from it. Less
#: than DRAIN_LIMIT, so that no side is cut off for what it goes on sending.
STREAM = pattern(900000)


class Side(object):
    """One side: its application, its protocol, and what it has written."""

    def __init__(self, chance, loop, context, **kwargs):
        self.chance, self.loop = chance, loop
        self.written = b''
        self.app = App(keep_open=chance.random() < 0.3, data_received=self.react)
        self.waiter = Waiter()
        self.protocol = SSLProtocol(
            loop, self.app, context, self.waiter,
            **kwargs)
        self.transport = self.protocol.transport

    def react(self, app):
        """Do something inside of data_received, sometimes."""
        draw = self.chance.random()
        if draw < 0.1:
            self.write()
        elif draw < 0.15:
            self.transport.pause_reading()
            self.loop.call_later(self.chance.random(), self.transport.resume_reading)

    def write(self):
        """Write a random amount, as one buffer of any kind, or as several."""
        if self.transport.is_closing():
            return
        size = self.chance.choice([0, 1, 100, 5000, 40000])
        start = len(self.written)
        data = STREAM[start:start + size]
        if self.chance.random() < 0.5:
            self.transport.write(self.chance.choice([bytes, bytearray, memoryview])(data))
        else:
            middle = self.chance.randint(0, len(data))
            self.transport.writelines([data[:middle], data[middle:]])
        self.written += data


class Run(object):
    """
    One run.

    Args:
        end (str): how it may end: 'close' by one side alone, or 'anything'.
    """

    def __init__(self, seed, contexts, end):
        self.chance = random.Random(seed)
        self.end = end
        self.loop = Loop()
        cls = self.chance.choice([Transport, ModernTransport])
        # The one side that closes has time enough; who is asked to close, and pauses, may not.
        timeouts = [0, 1, 30] if end == 'anything' else [0, 60]
        kwargs = [dict(ssl_shutdown_timeout=self.chance.choice(timeouts)) for _ in range(2)]
        self.sides = (
            Side(self.chance, self.loop, contexts[0], server_hostname='localhost', **kwargs[0]),
            Side(self.chance, self.loop, contexts[1], server_side=True, **kwargs[1]))
        self.lowers = join(self.loop, *[side.protocol for side in self.sides], cls=cls)
        for lower in self.lowers:
            if self.chance.random() < 0.7:
                lower.split = SeededChunks(self.chance.random(), self.chance.choice([500, 40000]))
        self.closer = None
        self.has_interfered = False

    def step(self):
        """Do one thing."""
        index = self.chance.randrange(2)
        side, lower = self.sides[index], self.lowers[index]
        draw = self.chance.random()
        if draw < 0.35:
            self.loop.turn()
        elif draw < 0.6:
            side.write()
        elif draw < 0.7:
            side.transport.pause_reading()
        elif draw < 0.8:
            side.transport.resume_reading()
        elif draw < 0.86:
            lower.block()
        elif draw < 0.92:
            if lower.protocol is not None:
                lower.unblock()
        elif draw < 0.95:
            side.transport.set_write_buffer_limits(self.chance.choice([0, 1000, 200000]))
        elif draw < 0.97:
            self.loop.advance(self.chance.random())
        elif self.end == 'anything':
            self.interfere(side, lower)
        elif self.closer in (None, side) and side.waiter.outcomes:
            self.closer = side
            side.transport.close()

    def interfere(self, side, lower):
        """Do what ends a connection, well or badly."""
        self.has_interfered = True
        what = self.chance.choice(['close', 'abort', 'reset', 'cut', 'eof', 'garbage'])
        if what == 'close':
            side.transport.close()
        elif what == 'abort':
            side.transport.abort()
        elif lower.protocol is None or lower.closed:
            return
        elif what == 'reset':
            lower.break_down(socket.error(errno.ECONNRESET, 'reset'))
        elif what == 'cut':
            lower.close()
        elif what == 'eof':
            lower._arrive(None)
        else:
            lower._arrive(self.chance.choice([
                b'plaintext that somebody injected\r\n', b'\x17\x03\x03\x00\x20' + b'x' * 32,
                b'\x15\x03\x03\x00\x02\x01\x00']))

    def settle(self):
        """Let everything that is still possible happen, and time pass."""
        for lower in self.lowers:
            if lower.other is not None:
                lower.unblock()
        for _ in range(50):
            for side in self.sides:
                side.transport.resume_reading()
            self.loop.advance(1)
        if self.closer is None:
            self.closer = self.sides[0]
            self.closer.transport.close()
        for _ in range(5):
            for side in self.sides:
                side.transport.resume_reading()
            self.loop.advance(50)
        for side in self.sides:  # who was asked to close and did not
            side.transport.close()
        self.loop.advance(200)

    def check(self):
        """Hold the invariants."""
        for side, other in (self.sides, self.sides[::-1]):
            data, names = side.app.data, side.app.names
            assert other.written.startswith(data), (len(data), len(other.written))
            assert 1 == len(side.waiter.outcomes)
            if names:
                assert ('connection_made', 'connection_lost') == (names[0], names[-1])
                assert 1 == names.count('connection_made') == names.count('connection_lost')
                assert names.count('eof_received') <= 1
                assert 0 <= names.count('pause_writing') - names.count('resume_writing') <= 1
            else:
                assert isinstance(side.waiter.outcomes[0], Exception)
            if side.app.lost == [None] and 'eof_received' in names:
                assert data == other.written
        assert 0 == self.loop.timers
        assert [True, True] == [lower.closed for lower in self.lowers]
        if not self.has_interfered:
            other = self.sides[1] if self.closer is self.sides[0] else self.sides[0]
            assert [[None], [None]] == [side.app.lost for side in self.sides]
            assert self.closer.written == other.app.data
            assert [] == self.loop.errors


def start(run):
    """Connect both sides."""
    for side, lower in zip(run.sides[::-1], run.lowers[::-1]):
        side.protocol.connection_made(lower)


@pytest.mark.parametrize('seed', SEEDS)
def test_close(pki, tls_version, seed):
    """Whatever happens before, when one side closes all that it wrote arrives."""
    contexts = (pki.client_context(version=tls_version),
                pki.server_context('ecdsa', version=tls_version))
    for number in range(RUNS):
        run = Run(seed * RUNS + number, contexts, 'close')
        start(run)
        for _ in range(run.chance.choice([20, 100])):
            run.step()
        run.settle()
        run.check()


@pytest.mark.parametrize('seed', SEEDS)
def test_anything(pki, tls_version, seed):
    """Whatever ends a connection, at whatever time, nothing false is delivered and nobody waits."""
    contexts = (pki.client_context(version=tls_version),
                pki.server_context('ecdsa', version=tls_version))
    for number in range(RUNS):
        run = Run(1000000 + seed * RUNS + number, contexts, 'anything')
        start(run)
        for _ in range(run.chance.choice([20, 100])):
            run.step()
        run.settle()
        run.check()
