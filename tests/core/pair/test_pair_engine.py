"""
The pair engine itself, whichever is in use: TLS objects on one socket pair that is always empty.

What MemoryBIO, SSLObject, contexts and all above do on it is shown by their own tests, which run
with SSLPROTO27_ENGINE=pair as well.
"""
from __future__ import absolute_import, division, print_function

import _socket
import errno
import os
import random
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import weakref

import pytest

from tests.support.engines import ENGINE
from tests.support.memory import PY2, Endpoint, Pair, byte_by_byte, error_facts, raised
from tests.support.pipe_pairs import PYPY, native_call, pattern, record_types

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.pair import settings, sslobject as engine  # noqa: E402
from sslproto27._core.engine import current, loopback, pair as sockets  # noqa: E402
from sslproto27._core.engine.loopback import LoopbackPair  # noqa: E402
from sslproto27._core.constants import (  # noqa: E402
    OP_ALLOW_CLIENT_RENEGOTIATION, OP_NO_RENEGOTIATION)
from sslproto27._core.context.sslcontext import MEMBERS, SSLContext  # noqa: E402
from sslproto27._core.errors import SSLCertVerificationError  # noqa: E402
from sslproto27._core.pair.limits import LIMITS, Limit  # noqa: E402
from sslproto27._core.pair.bio import MemoryBIO  # noqa: E402
from sslproto27._core.records import (  # noqa: E402
    CertificateReader, ServerNameReader, frame_size, kind_and_size)

needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system has no fork')
CLOSE_NOTIFY_SIZE = 31  # of TLS 1.2 with AES-GCM; TLS 1.3's is shorter


class SmallPair(sockets.Pair):
    """A pair whose kernel buffers hold less than a record."""

    def _connected(self):
        ends = sockets.Pair._connected()
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return ends


class SmallLoopbackPair(LoopbackPair):
    """The same over TCP."""

    def _connected(self):
        ends = super(SmallLoopbackPair, self)._connected()
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return ends


KINDS = {'socketpair': sockets.Pair, 'small': SmallPair, 'loopback': LoopbackPair}


def is_empty(pair):
    """Return whether nothing is in either direction."""
    if isinstance(pair, LoopbackPair):
        found = []
        try:
            pair.drain(found)  # up to a mark: nothing can be on its way
        except Interrupted:
            pair._under_way.clear()
            raise
        assert [] == found
    for end in (pair.inner, pair.outer):
        try:
            end.recv(1, socket.MSG_PEEK)
        except socket.error as error:
            if sys.exc_info()[2].tb_next is not None:  # a signal handler has raised it
                raise
            assert errno.EAGAIN == error.errno
        else:
            return False
    return True


@pytest.fixture(autouse=True)
def watched(monkeypatch):
    """See after each operation that whoever leaves the pair in order leaves it empty."""
    leave, seen = sockets.Pair.leave, []

    def leave_and_look(self, token, intact):
        if intact and self._holder.get(0) is token:
            seen.append(is_empty(self))
        leave(self, token, intact)

    monkeypatch.setattr(sockets.Pair, 'leave', leave_and_look)
    yield seen
    assert False not in seen


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Let each test have a pair of its own."""
    monkeypatch.setattr(current, '_current', [])
    monkeypatch.setattr(sockets, '_lost', [])


@pytest.fixture
def alarm():
    """Let SIGALRM's handler be set; put it back afterwards."""
    before = signal.getsignal(signal.SIGALRM)
    yield lambda handler: signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=sorted(KINDS))
def kind(request, fresh):
    """Each kind of sockets in turn."""
    current._current.append(KINDS[request.param]())
    return request.param


def wrap(context, cls=engine.SSLObject, **kwargs):
    """Return an `Endpoint` of the pair engine over two new BIOs."""
    incoming, outgoing = MemoryBIO(), MemoryBIO()
    return Endpoint(engine.wrap_bio(context, incoming, outgoing, **kwargs), incoming, outgoing)


class Ends(Pair):
    """A client and a server of the pair engine, and the wire between them; see `memory.Pair`."""

    def __init__(self, client_context, server_context, split=lambda data: [data] if data else [],
                 **kwargs):
        kwargs.setdefault('server_hostname', 'localhost')
        self.client_end = wrap(client_context, **kwargs)
        self.server_end = wrap(server_context, server_side=True)
        self.client, self.server = self.client_end.sslobj, self.server_end.sslobj
        self.split = split


@pytest.fixture
def ends(client_context, server_context):
    """A connection whose handshake is done."""
    return Ends(client_context, server_context).handshake().settle()


class TestSockets(object):
    """What goes through is right on every kind of sockets."""

    def test_small_loopback(self, fresh, client_context, server_context):
        """A TCP pair may hold less than a record: it goes in pieces."""
        pair = SmallLoopbackPair()
        assert 0 < pair.push(pattern(16384)) <= 2048
        pair.discard()
        current._current.append(pair)
        ends = Ends(client_context, server_context)
        results = []
        thread = threading.Thread(target=lambda: results.append(
            ends.handshake().settle().transfer(ends.client_end, pattern(50000))))
        thread.daemon = True
        thread.start()
        thread.join(30)
        assert [pattern(50000)] == results

    @pytest.mark.parametrize('size', [1, 100, 16384, 16385, 65536, 1000000])
    def test_data(self, kind, client_context, server_context, size):
        """Data of any size arrives as it was sent, both ways, and the pair is empty in between."""
        ends = Ends(client_context, server_context).handshake().settle()
        data = pattern(size)
        assert data == ends.transfer(ends.client_end, data)
        assert data == ends.transfer(ends.server_end, data)

    def test_byte_by_byte(self, kind, client_context, server_context):
        """A connection whose bytes come one by one works as any other."""
        ends = Ends(client_context, server_context, split=byte_by_byte).handshake().settle()
        assert pattern(1000) == ends.transfer(ends.client_end, pattern(1000))

    def test_trailing_plaintext(self, kind, ends):
        """What follows close_notify stays in the incoming BIO."""
        raised(ends.client.unwrap)
        ends.server_end.incoming.write(ends.client_end.outgoing.read() + b'plain')
        assert b'' == ends.server.read()
        ends.server.unwrap()
        assert b'plain' == ends.server_end.incoming.read()

    def test_trailing_plaintext_after_ours(self, kind, ends):
        """So it does where we have sent ours before."""
        for end in (ends.client, ends.server):
            raised(end.unwrap)
        ends.server_end.incoming.write(ends.client_end.outgoing.read() + b'plain')
        assert ssl.SSLZeroReturnError is type(raised(ends.server.read))
        ends.server.unwrap()
        assert b'plain' == ends.server_end.incoming.read()

    def test_many_objects(self, kind, client_context, server_context):
        """Objects that take turns at every step do not see each other's bytes."""
        all_ends = [Ends(client_context, server_context).handshake().settle() for _ in range(5)]
        for number, ends in enumerate(all_ends):
            ends.client.write(b'%d' % number * 20000)
        for ends in all_ends:
            ends.pump()
        assert [b'%d' % number * 20000 for number in range(5)] == [
            ends.server_end.read_available() for ends in all_ends]

    def test_without_socketpair(self, monkeypatch):
        """Where there is no socketpair the loopback interface serves."""
        monkeypatch.delattr(_socket, 'socketpair')
        assert LoopbackPair is type(current.current_pair())

    def test_stranger_at_the_port(self, monkeypatch):
        """Whoever else connects to the port of the loopback pair is not taken for our own end."""
        real, strangers = _socket.socket, []

        class Listener(real):
            def listen(self, backlog):
                real.listen(self, 5)
                stranger = socket.create_connection(self.getsockname())
                stranger.sendall(b'stranger')
                strangers.append(stranger)

        monkeypatch.setattr(loopback, '_new', Listener)
        pair = LoopbackPair()
        monkeypatch.undo()
        assert [1, 5] == [len(strangers), pair.push(b'hello')]
        assert b'hello' == pair.inner.recv(100)
        strangers[0].close()

    @pytest.mark.parametrize('cls', [LoopbackPair, sockets.Pair])
    def test_changed_sockets(self, monkeypatch, cls):
        """What a program puts in place of Python's sockets, for a proxy, does not come in here."""
        def refuse(*_):
            raise AssertionError('the program took the place of sockets')

        monkeypatch.setattr(socket, 'socket', refuse)
        monkeypatch.setattr(socket, 'socketpair', refuse)
        socket.setdefaulttimeout(0)
        try:
            pair = cls()
        finally:
            socket.setdefaulttimeout(None)
        assert 5 == pair.push(b'hello')
        assert b'hello' == pair.inner.recv(100)


class TestRecords(object):
    """One record at a time is given to OpenSSL."""

    def test_only_what_is_needed(self, ends):
        """A read takes one record out of the incoming BIO, however many are there."""
        for data in (b'one', b'two', b'three'):
            ends.client.write(data)
        records = ends.client_end.outgoing.read()
        ends.server_end.incoming.write(records)
        assert b'one' == ends.server.read(100)
        assert 2 == len(record_types(records[-ends.server_end.incoming.pending:]))

    def test_pending_comes_first(self, ends):
        """While a record is read in parts nothing more is taken out of the incoming BIO."""
        ends.client.write(b'abcdef')
        ends.client.write(b'g')
        ends.server_end.incoming.write(ends.client_end.outgoing.read())
        assert b'ab' == ends.server.read(2)
        before = ends.server_end.incoming.pending
        assert (b'cdef', before) == (ends.server.read(100), ends.server_end.incoming.pending)

    def test_part_of_a_record(self, ends):
        """As with OpenSSL's own BIOs, the incoming one is empty after a read that wants more."""
        ends.client.write(b'abc')
        data = ends.client_end.outgoing.read()
        ends.server_end.incoming.write(data[:-1])
        assert ssl.SSLWantReadError is type(raised(ends.server.read))
        assert 0 == ends.server_end.incoming.pending
        ends.server_end.incoming.write(data[-1:])
        assert b'abc' == ends.server.read()

    def test_linear(self, ends):
        """Records that come byte by byte are put together, and each of their bytes moved once."""
        ends.client.write(pattern(60000))
        received = []
        for byte in byte_by_byte(ends.client_end.outgoing.read()):
            ends.server_end.incoming.write(byte)
            received.append(ends.server_end.read_available())
            assert len(ends.server._partial) <= 16384 + 300  # one record at most
        assert pattern(60000) == b''.join(received)

    @pytest.mark.parametrize('junk', [b'GET / HTTP/1.1\r\nHost: a\r\n\r\n', b'\0' * 50,
                                      b'\xff' * 5000, b'\x16\x03\x01\xff\xff' + b'x' * 3000])
    def test_no_tls(self, junk, server_context):
        """What is no TLS record fails at once with OpenSSL's own error; the rest stays."""
        end = wrap(server_context, server_side=True)
        end.incoming.write(junk)
        error = raised(end.sslobj.do_handshake)
        assert ssl.SSLError is type(error) and error.reason
        assert junk.endswith(end.incoming.read())

    def test_sslv2_hello(self, server_context):
        """A SSLv2 ClientHello has a framing of its own, and is refused by OpenSSL."""
        hello = b'\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10' + b'\x07\x00\xc0' * 7 + b'r' * 16
        end = wrap(server_context, server_side=True)
        for byte in byte_by_byte(hello)[:-1]:
            end.incoming.write(byte)
            assert ssl.SSLWantReadError is type(raised(end.sslobj.do_handshake))
        end.incoming.write(hello[-1:] + b'what follows')
        assert ssl.SSLError is type(raised(end.sslobj.do_handshake))
        assert b'what follows' == end.incoming.read()

    @pytest.mark.parametrize('data, first, size', [
        (b'\x16\x03\x01\x00\x05', True, 10), (b'\x17\x03\x03\x00\x00', False, 5),
        (b'\x17\x03\x03\x48\x00', False, 18437), (b'\x17\x03\x03\x48\x01', False, 0),
        (b'\x13\x03\x03\x00\x05', False, 0), (b'\x19\x03\x03\x00\x05', False, 0),
        (b'\x16\x02\x01\x00\x05', False, 0), (b'\x80\x2e\x01\x03\x01', True, 48),
        (b'\x80\x2e\x01\x03\x01', False, 0), (b'\x80\x2e\x02\x03\x01', True, 0)])
    def test_frames(self, data, first, size):
        """A record's size is in its header; what has no header of TLS has none."""
        assert size == frame_size(data, first)
        assert kind_and_size(data) in ((ord(data[:1]), size), (0, 0))


class TestEnds(object):
    """EOF is never told to OpenSSL: SSLEOFError is ours, in every phase."""

    def test_handshake(self, client_context, server_context):
        """In every flight of the handshake."""
        for flights in range(4):
            ends = Ends(client_context, server_context)
            for flight in range(flights):
                end, other = [ends.client_end, ends.server_end][::1 if flight % 2 == 0 else -1]
                end.handshake_is_done()
                other.incoming.write(end.outgoing.read())
            end = [ends.client_end, ends.server_end][flights % 2]
            done = end.handshake_is_done()
            end.incoming.write_eof()
            error = raised(end.sslobj.read if done else end.sslobj.do_handshake)
            assert ssl.SSLEOFError is type(error), flights

    def test_read_and_unwrap(self, ends):
        """In a read, and where close_notify is waited for; data from before comes first."""
        ends.client.write(b'abc')
        ends.pump()
        for end in (ends.client_end, ends.server_end):
            end.incoming.write_eof()
        assert b'abc' == ends.server.read()
        assert ssl.SSLEOFError is type(raised(ends.server.read))
        assert ssl.SSLEOFError is type(raised(ends.client.unwrap))

    def test_in_a_record(self, ends):
        """Within a record."""
        ends.client.write(b'abc')
        ends.server_end.incoming.write(ends.client_end.outgoing.read()[:-3])
        ends.server_end.incoming.write_eof()
        assert ssl.SSLEOFError is type(raised(ends.server.read))

    def test_what_was_written_before_is_there(self, ends):
        """What was encrypted before the peer's EOF can still be sent."""
        ends.server.write(b'late')
        ends.server_end.incoming.write_eof()
        raised(ends.server.read)
        ends.client_end.incoming.write(ends.server_end.outgoing.read())
        assert b'late' == ends.client.read()


class TestNested(object):
    """One operation in the middle of another."""

    def test_in_a_server_name_callback(self, kind, pki, tls_version, ends):
        """A whole connection in a callback of another's handshake: both work."""
        results = []

        def on_name(sslobj, name, context):
            results.append(ends.transfer(ends.client_end, pattern(40000)) == pattern(40000))
            inner = Ends(pki.client_context(version=tls_version),
                         pki.server_context(version=tls_version)).handshake().settle()
            results.append(inner.transfer(inner.server_end, b'inner'))

        context = pki.server_context(version=tls_version)
        context.set_servername_callback(on_name)
        outer = Ends(pki.client_context(version=tls_version), context).handshake().settle()
        assert [True, b'inner'] == results
        assert b'outer' == outer.transfer(outer.client_end, b'outer')

    @pytest.mark.parametrize('use', [
        lambda sslobj: sslobj.do_handshake(), lambda sslobj: sslobj.read(1),
        lambda sslobj: sslobj.write(b'x'), lambda sslobj: sslobj.unwrap()])
    def test_same_object(self, pki, use):
        """Entering the object whose callback runs is a RuntimeError, and it goes on unharmed."""
        errors = []
        context = pki.server_context()
        context.set_servername_callback(lambda sslobj, *_: errors.append(raised(use, sslobj)))
        ends = Ends(pki.client_context(), context).handshake().settle()
        assert [RuntimeError] == [type(error) for error in errors]
        assert b'x' == ends.transfer(ends.client_end, b'x')

    @pytest.mark.parametrize('kept', [True, False])
    def test_same_object_two_deep(self, pki, kept):
        """So is entering it from the callback of an object that is used in its own callback."""
        errors, outer = [], []

        def on_inner(*_):
            errors.append(raised(outer[0].read, 1))

        def on_outer(sslobj, *_):
            outer.append(sslobj)
            context = pki.server_context()
            context.set_servername_callback(on_inner)
            Ends(pki.client_context(), context).handshake()

        context = pki.server_context()
        context.set_servername_callback(on_outer)
        Ends(pki.client_context(), context).handshake()
        assert [RuntimeError] == [type(error) for error in errors]

    @pytest.mark.skipif(PYPY, reason='PyPy calls __del__ when its collector runs')
    def test_in_del(self, ends, pki, monkeypatch):
        """An object's __del__ that uses TLS runs between any two steps of another operation."""
        results = []
        other = Ends(pki.client_context(), pki.server_context()).handshake().settle()

        class Leaf(object):
            def __del__(self):
                results.append(other.transfer(other.client_end, b'from __del__'))

        push = sockets.Pair.push

        def push_and_forget(self, data):
            sent = push(self, data)
            if not results:
                monkeypatch.undo()
                Leaf()  # gone at once, while a record is in the pair
            return sent

        ends.client.write(b'abc')
        ends.pump()
        monkeypatch.setattr(sockets.Pair, 'push', push_and_forget)
        assert (b'abc', [b'from __del__']) == (ends.server.read(), results)

    def test_between_steps(self, kind, client_context, server_context, monkeypatch):
        """Wherever between two steps another object is used, nothing of either is lost."""
        other = Ends(client_context, server_context).handshake().settle()
        chance, busy, nested = random.Random(1), [], []

        def followed(method):
            def call(self, *args):
                done = method(self, *args)
                # Not each time: what is pushed, and taken out by others at once, is never read.
                if not busy and chance.random() < 0.5:
                    busy.append(True)
                    nested.append(other.transfer(other.client_end, b'other'))
                    busy.pop()
                return done
            return call

        for name in ('push', 'drain', 'take_back'):
            monkeypatch.setattr(KINDS[kind], name, followed(getattr(KINDS[kind], name)))
        for _ in range(5):
            ends = Ends(client_context, server_context).handshake().settle()
            assert pattern(50000) == ends.transfer(ends.client_end, pattern(50000))
            ends.shut_down()
        assert {b'other'} == set(nested) and len(nested) > 50


class Interrupted(Exception):
    """What the signal handlers of these tests raise."""


@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='this system has no setitimer')
class TestSignals(object):
    def test_handler_that_uses_tls(self, kind, alarm, ends, client_context, server_context):
        """A handler that talks through another object harms nobody, wherever it comes."""
        other, results = Ends(client_context, server_context).handshake().settle(), []

        def handler(*_):
            results.append(other.transfer(other.client_end, b'in the handler'))

        alarm(handler)
        chance, data = random.Random(1), pattern(30000)
        while len(results) < 100:
            before = len(results)
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.001))
            while len(results) == before:
                assert data == ends.transfer(ends.client_end, data)
        assert {b'in the handler'} == set(results)

    def test_handler_that_raises(self, kind, alarm, pki):
        """
        A handler that raises breaks at most the object that it comes to: that says so from then on,
        no other notices, and no thread waits for it.
        """
        def handler(*_):
            raise Interrupted

        contexts = pki.client_context(), pki.server_context()
        other = Ends(*contexts).handshake().settle()
        alarm(handler)
        chance, hits, broken = random.Random(1), 0, 0
        while hits < 300:
            ends = Ends(*contexts).handshake().settle()
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.001))
                for _ in range(300):  # it may come in a __del__, which swallows it
                    ends.transfer(ends.client_end, b'x' * 20000)
            except Interrupted:
                hits += 1
            except ssl.SSLError:
                raise AssertionError('broken without an interruption')
            assert b'fine' == other.transfer(other.client_end, b'fine')
            try:
                ends.client.write(b'more')
            except ssl.SSLError as error:
                broken += 1
                assert 'cut short' in str(error)
            if hits % 50 == 0:
                in_thread(lambda: other.transfer(other.server_end, b'x'))
        assert broken

    @pytest.mark.parametrize('cls', [ssl.SSLError, ssl.SSLWantReadError, ssl.SSLEOFError,
                                     ssl.SSLZeroReturnError, socket.error, RuntimeError])
    def test_handler_that_raises_as_tls_does(self, kind, alarm, pki, cls):
        """Whatever a handler raises comes out: it is never taken for the native object's."""
        mine, came = cls(errno.EAGAIN, 'of the handler'), []

        def handler(*_):
            came.append(True)
            raise mine

        contexts = pki.client_context(), pki.server_context()
        ends = Ends(*contexts).handshake().settle()
        alarm(handler)
        chance, data, hits, lost = random.Random(1), b'x' * 60000, 0, 0
        while hits < 25:
            del came[:]
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00003, 0.0005))
                ends.client.write(data)
                ends.pump()
                while not came:
                    received = 0
                    while received < len(data):
                        received += len(ends.server.read(len(data)))
                    ends.client.write(data)
                    ends.pump()
            except cls as error:
                assert error is mine
                hits += 1
                ends = Ends(*contexts).handshake().settle()
            else:
                lost += 1
        assert lost < 3  # it may come in a __del__, which swallows it

    @pytest.mark.parametrize('one_step', ['receive_records', 'send_small'])
    def test_in_one_step(self, ends, monkeypatch, one_step):
        """The shortcuts of pipes let it out, too."""
        mine = ssl.SSLError('of a handler')

        def cut(*_):
            raise mine

        client = ends.client_end
        monkeypatch.setattr(sockets.Pair, 'drain', cut)
        monkeypatch.setattr(sockets.Pair, 'push', cut)
        steps = {'receive_records': lambda: client.sslobj.receive_records(
                     client.incoming, b'\x17\3\3\0\1x', []),
                 'send_small': lambda: client.sslobj.send_small(client.outgoing, b'x')}
        assert mine is raised(steps[one_step])

    def test_interrupted_object_stays_so(self, ends, monkeypatch):
        """What was cut short raises the same error from then on, and leaves nothing behind."""
        def cut(self, *args):
            self.outer.send(b'junk')
            raise Interrupted

        ends.client.write(b'abc')
        ends.pump()
        monkeypatch.setattr(sockets.Pair, 'push', cut)
        assert Interrupted is type(raised(ends.server.read))
        monkeypatch.undo()
        errors = [raised(call) for call in (
            ends.server.read, ends.server.unwrap, lambda: ends.server.write(b'x'))]
        assert [ssl.SSLError] * 3 == [type(error) for error in errors]
        assert is_empty(current.current_pair())


def in_thread(call):
    """Run *call* in a thread of its own; return what it returns, raise if it hangs."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.daemon = True
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), 'the other thread hangs'
    return results[0]


class TestThreads(object):
    def test_two_threads(self, kind, client_context, server_context):
        """Threads with objects of their own do not see each other's bytes."""
        failures = []

        def talk(seed):
            chance = random.Random(seed)
            try:
                for _ in range(5):
                    ends = Ends(client_context, server_context).handshake().settle()
                    for _ in range(20):
                        data = pattern(chance.randrange(1, 40000))
                        assert data == ends.transfer(ends.client_end, data)
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=talk, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert ([], [False] * 4) == (failures, [thread.is_alive() for thread in threads])

    def test_one_object(self, ends):
        """Two threads may use one object, one after the other at any step."""
        total = 2000
        thread = threading.Thread(target=lambda: [ends.client.write(b'a') for _ in range(total)])
        thread.start()
        for _ in range(total):
            ends.client.write(b'b')
        thread.join(60)
        ends.pump()
        received = ends.server_end.read_available()
        assert (total, total) == (received.count(b'a'), received.count(b'b'))


class User(object):
    """Who uses a pair of sockets without TLS."""

    def __init__(self):
        self.busy = None

    def settle(self):
        """Nothing is in the sockets."""

    def interruption(self, by_fork):
        """Return the error that is due."""
        self.busy = None
        return Interrupted()


def use(pair, user, seconds=0):
    """Do one operation, as `SSLObject` does."""
    token = pair.token(user)
    intact = False
    try:
        try:
            pair.enter(token)
            time.sleep(seconds)
            intact = True
        finally:
            pair.leave(token, intact)
    finally:
        if pair.is_held(token):
            pair.leave(token, intact)


class TestQueue(object):
    """No thread waits for long while another one enters again and again."""

    @pytest.fixture
    def pair(self):
        """A pair that another thread uses all the time, 3 ms for each operation."""
        self.pair, self.count, stop = sockets.Pair(), 0, []

        def use_all_the_time():
            while not stop:
                use(self.pair, User(), 0.003)
                self.count += 1

        thread = threading.Thread(target=use_all_the_time)
        thread.start()
        while not self.count:
            time.sleep(0.001)
        yield self.pair
        stop.append(True)
        thread.join(30)
        assert (False, [], {}) == (thread.is_alive(), self.pair._queue, self.pair._holder)

    def test_fair(self, pair):
        """Each of several threads gets in after a few operations of the others."""
        waited = []

        def enter():
            for _ in range(20):
                before = self.count
                use(pair, User())
                waited.append(self.count - before)

        threads = [threading.Thread(target=enter) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (60, True) == (len(waited), max(waited) <= 10), waited

    def test_handler_that_raises(self, pair, alarm):
        """One that comes to a thread that waits takes it out of the queue."""
        def handler(*_):
            raise Interrupted

        alarm(handler)
        chance, hits = random.Random(1), 0
        while hits < 100:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.005))
            try:
                while True:
                    use(pair, User())
            except Interrupted:
                hits += 1
        assert len(pair._queue) <= 1  # the other thread may be in it

    @pytest.mark.parametrize('waits', [False, True], ids=['uses', 'waits'])
    def test_handler(self, pair, alarm, waits):
        """One that comes to a thread that waits uses the pair itself, or waits for another."""
        called, entered, main = [], [], sockets._get_ident()

        def handler(*_):
            holder = pair._holder.get(0)
            is_inside = holder is not None and holder[1] == main
            called.append(not is_inside and bool(pair._queue))
            if waits and not is_inside:
                in_thread(lambda: use(pair, User()))
            else:
                use(pair, User())
            entered.append(True)

        alarm(handler)
        while called.count(True) < 20:
            signal.setitimer(signal.ITIMER_REAL, 0.003)
            use(pair, User())
        assert len(called) == len(entered)


def in_child(call):
    """Run *call* in a forked child; return the text that it returns, or its error's."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            signal.alarm(60)
            try:
                text = call()
            except BaseException as error:
                text = '%s: %s' % (type(error).__name__, error)
            os.write(writer, text.encode('ascii', 'replace'))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text


@needs_fork
class TestFork(object):
    def test_child_and_parent(self, kind, client_context, server_context):
        """Objects from before a fork work on in both processes, whose bytes do not meet."""
        ends = Ends(client_context, server_context).handshake().settle()
        theirs = []

        def child():
            for _ in range(200):
                theirs.append(ends.transfer(ends.client_end, b'child' * 100) == b'child' * 100)
            new = Ends(client_context, server_context).handshake().settle()
            theirs.append(new.transfer(new.client_end, b'x') == b'x')
            return '%d %s' % (len(theirs), all(theirs))

        results = []
        thread = threading.Thread(target=lambda: results.append(in_child(child)))
        other = Ends(client_context, server_context).handshake().settle()
        thread.start()
        while thread.is_alive():
            assert b'parent' == other.transfer(other.client_end, b'parent')
        assert ['201 True'] == results

    def test_beside_threads(self, client_context, server_context):
        """A fork while another thread is inside leaves the child nothing that it waits for."""
        stop = []

        def talk():
            ends = Ends(client_context, server_context).handshake().settle()
            while not stop:
                ends.transfer(ends.client_end, pattern(30000))

        ends = Ends(client_context, server_context).handshake().settle()
        thread = threading.Thread(target=talk)
        thread.start()
        try:
            for _ in range(20):
                assert 'abc' == in_child(
                    lambda: ends.transfer(ends.client_end, b'abc').decode('ascii'))
        finally:
            stop.append(True)
            thread.join(60)

    MID_OPERATION = 'this process was forked in the middle of an operation'

    @staticmethod
    def told(work, other, forked):
        """
        Do *work*, in which *forked* gets what os.fork returned.

        Returns:
            (its result or the text of its SSLError, what the child said: whether *other* still
            works there, and its text)
        """
        reader, writer = os.pipe()
        try:
            try:
                result = work()
            except ssl.SSLError as error:
                result = str(error)
            if not forked[0]:
                signal.alarm(20)
                fine = other.transfer(other.client_end, b'abc') == b'abc'
                os.write(writer, '%s %s' % (fine, result))
        finally:
            if forked == [0]:
                os._exit(0)
        os.close(writer)
        os.waitpid(forked[0], 0)
        with os.fdopen(reader) as file:
            said = file.read()
        assert b'abc' == other.transfer(other.client_end, b'abc')
        return result, said

    def test_in_a_callback(self, kind, pki, client_context):
        """A callback that forks leaves the connection to the parent; the child has all others."""
        forked, forking = [], pki.server_context()
        other = Ends(client_context, pki.server_context()).handshake().settle()
        forking.set_servername_callback(lambda *_: forked.append(os.fork()))
        ends = Ends(client_context, forking)
        errors, said = self.told(ends.try_handshake, other, forked)
        assert said.startswith('True') and self.MID_OPERATION in said
        assert (None, None) == errors
        assert pattern(20000) == ends.settle().transfer(ends.client_end, pattern(20000))

    @pytest.mark.parametrize('name, before, is_told', [
        ('push', True, True), ('push', False, True), ('drain', True, True), ('drain', False, True),
        ('take_back', True, True),
        # A fork of C code that no step follows is noticed only after the next native call.
        ('push', True, False), ('drain', True, False), ('take_back', True, False)])
    def test_between_steps(self, kind, ends, monkeypatch, name, before, is_told):
        """So does a fork between two steps of an operation, by a signal handler."""
        other = Ends(ends.client.context, ends.server.context).handshake().settle()
        cls, forked = KINDS[kind], []
        step = getattr(cls, name)
        if not is_told:
            monkeypatch.setattr(sockets.Pair, 'notice_fork', lambda self: None)

        def with_fork(self, *args):
            if forked:
                return step(self, *args)
            if before:
                forked.append(os.fork())
                return step(self, *args)
            done = step(self, *args)
            forked.append(os.fork())
            return done

        def work():
            data = b''
            while len(data) < 30000:
                data += ends.server.read(30000)
            return data

        ends.client.write(pattern(30000))
        ends.pump()
        if name == 'take_back':  # only what fails takes back
            ends.server_end.incoming._put_back(b'\x17\3\3\0\x20' + b'x' * 32)
        monkeypatch.setattr(cls, name, with_fork)
        result, said = self.told(work, other, forked)
        assert said.startswith('True') and self.MID_OPERATION in said
        assert '[SSL: ' in result if name == 'take_back' else result == pattern(30000)

    def test_without_descriptors(self, ends, monkeypatch):
        """A child that cannot make sockets never uses its parent's; it tries again."""
        def child():
            def fail(*_):
                raise socket.error(errno.EMFILE, 'too many')

            with monkeypatch.context() as patch:
                patch.setattr(sockets.Pair, '_connected', staticmethod(fail))
                errors = [raised(ends.client.write, b'x') for _ in range(2)]
            return str([error.errno for error in errors] +
                       [ends.transfer(ends.client_end, b'abc')])

        monkeypatch.setattr(sockets.Pair, 'notice_fork', lambda self: None)
        assert str([errno.EMFILE, errno.EMFILE, b'abc']) == in_child(child)

    def test_old_numbers(self, ends):
        """The child's sockets have the old numbers, are others, and close with a new program."""
        pair = current.current_pair()
        numbers, identities = pair._numbers, pair._identities

        def child():
            import fcntl
            ends.transfer(ends.client_end, b'x')
            return '%s %s %s' % (pair._numbers == numbers,
                                 set(pair._identities) & set(identities) == set(),
                                 [fcntl.fcntl(number, fcntl.F_GETFD) for number in pair._numbers])

        assert 'True True [1, 1]' == in_child(child)

    def test_child_that_has_closed_all(self, ends):
        """So has a child that closed all descriptors first, and gets the same ones anew."""
        def child():
            low, high = min(pair._numbers), max(pair._numbers)
            os.closerange(low, high + 1)
            return ends.transfer(ends.client_end, b'daemon').decode('ascii')

        pair = current.current_pair()
        assert 'daemon' == in_child(child)

    def test_child_whose_numbers_are_in_use(self, ends):
        """A child never touches what somebody has opened under the old numbers."""
        pair = current.current_pair()

        def child():
            reader, writer = os.pipe()
            for number in pair._numbers:
                os.dup2(writer, number)
            error = raised(ends.client.write, b'secret')
            for number in pair._numbers + (writer,):
                os.close(number)
            return '%s %r' % (type(error).__name__, os.read(reader, 100))

        assert "PairLost ''" == in_child(child)


def is_open(number):
    """Return whether a descriptor is open (bool)."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def take_all_numbers():
    """Open files until there is no number left; return them."""
    files = []
    while True:
        try:
            files.append(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            assert errno.EMFILE == error.errno
            return files


@needs_fork
class TestDescriptors(object):
    """Whatever happens to the descriptors happens in a child, which ends with it."""

    def test_closed(self, ends):
        """Where the descriptors are closed, new ones get their numbers, and all goes on."""
        def child():
            for number in current.current_pair()._numbers:
                os.close(number)
            return ends.transfer(ends.client_end, b'abc').decode('ascii')

        assert 'abc' == in_child(child)

    def test_one_closed(self, ends):
        """So they do where only one is."""
        def child():
            os.close(current.current_pair()._numbers[0])
            return ends.transfer(ends.client_end, b'abc').decode('ascii')

        assert 'abc' == in_child(child)

    @pytest.mark.parametrize('closed', [(), (0,), (1,), (0, 1)], ids=str)
    @pytest.mark.parametrize('cls', [sockets.Pair, LoopbackPair])
    def test_highest_numbers(self, cls, closed, pki):
        """New sockets need no numbers above the old ones, which may be the highest allowed."""
        contexts = pki.client_context(), pki.server_context()
        Ends(*contexts).handshake()  # imports encodings

        def talk(ends):
            return ends.transfer(ends.client_end, b'abc').decode('ascii')

        def child():
            ends, files = self.at_the_limit(cls, contexts)
            for file in files:
                os.close(file)
            pair = current.current_pair()
            for which in closed:
                os.close(pair._numbers[which])
            if closed:
                return talk(ends)
            return in_child(lambda: talk(ends))

        assert 'abc' == in_child(child)

    @pytest.mark.parametrize('closed', [(), (0,), (1,)], ids=str)
    def test_too_many_files(self, closed, pki):
        """Where no new sockets can be had, the call fails, and all goes on as soon as they can."""
        contexts = pki.client_context(), pki.server_context()
        Ends(*contexts).handshake()

        def in_full_table(ends, files):
            for which in closed:
                os.close(ends.client._pair._numbers[which])
            errors = [raised(ends.client.write, b'x'), raised(wrap, contexts[0])]
            for file in files:
                os.close(file)
            works = [one.transfer(one.client_end, b'abc') == b'abc' for one in (
                ends, Ends(*contexts).handshake().settle())]
            return '%s %s' % ({error.errno for error in errors} == {errno.EMFILE}, works)

        def child():
            ends, files = self.at_the_limit(sockets.Pair, contexts)
            if closed:
                return in_full_table(ends, files)
            for _ in range(2):
                os.close(files.pop())
            return in_child(lambda: in_full_table(ends, files))

        assert 'True [True, True]' == in_child(child)

    def test_limit_below(self, pki):
        """Where the limit has come below the numbers, new objects get other sockets."""
        contexts = pki.client_context(), pki.server_context()
        Ends(*contexts).handshake()

        def child():
            import resource
            ends, files = self.at_the_limit(sockets.Pair, contexts)
            for file in files:
                os.close(file)
            os.close(current.current_pair()._numbers[0])
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] - 10, before[1]))
            error = raised(ends.client.write, b'x')
            new = Ends(*contexts).handshake().settle()
            works = [new.transfer(new.client_end, b'abc') == b'abc']
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            works.append(ends.transfer(ends.client_end, b'abc') == b'abc')
            return '%s %s' % (isinstance(error, EnvironmentError), works)

        assert 'True [True, True]' == in_child(child)

    @staticmethod
    def at_the_limit(cls, contexts):
        """Return a connection whose pair has the highest numbers, and all others (list)."""
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(number for number in range(min(soft, 10000)) if is_open(number))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 30, hard))
        files = take_all_numbers()
        for _ in range(2 + (cls is LoopbackPair)):  # that one needs a listener
            os.close(files.pop())
        current._current[:] = [cls()]
        ends = Ends(*contexts).handshake().settle()
        return ends, files + take_all_numbers()

    @pytest.mark.parametrize('which', [0, 1])
    def test_in_use_by_a_stranger(self, ends, client_context, server_context, which):
        """
        A stranger's descriptor is neither written to, nor read, nor closed: objects from before
        fail, new ones get new sockets.
        """
        def child():
            pair = current.current_pair()
            ours, theirs = socket.socketpair()
            theirs.send(b'private')
            os.dup2(ours.fileno(), pair._numbers[which])
            errors = [raised(call) for call in (
                lambda: ends.client.write(b'secret'), lambda: ends.client.write(b'secret'),
                ends.server.read)]
            new = Ends(client_context, server_context).handshake().settle()
            works = new.transfer(new.client_end, b'new') == b'new'
            still = raised(ends.client.read)
            del new
            names = {type(error).__name__ for error in errors + [still]}
            theirs.setblocking(False)
            leaked = type(raised(theirs.recv, 10)).__name__
            seen = socket.fromfd(pair._numbers[which], socket.AF_UNIX, socket.SOCK_STREAM).recv(99)
            return '%s %s %s %s' % (sorted(names), works, leaked, seen.decode('ascii'))

        assert "['PairLost'] True error private" == in_child(child)

    @pytest.mark.parametrize('which', [0, 1])
    def test_opened_meanwhile(self, ends, monkeypatch, which):
        """Nor is one that another thread opens just before the new sockets get their numbers."""
        def child():
            pair = current.current_pair()
            reader, writer = os.pipe()
            usable = sockets.Pair.usable

            def late(self):
                assert usable(self)
                os.dup2(reader, self._numbers[which])
                return True
            for number in pair._numbers:
                os.close(number)
            monkeypatch.setattr(sockets.Pair, 'usable', late)
            error = raised(ends.client.write, b'secret')
            return '%s %s' % (type(error).__name__, os.fstat(pair._numbers[which])[1]
                              == os.fstat(reader)[1])

        assert 'PairLost True' == in_child(child)

    def test_after_an_interruption(self, ends, pki):
        """Nor is what an interrupted operation has left looked for in a stranger's descriptor."""
        other = Ends(pki.client_context(), pki.server_context()).handshake().settle()

        def child():
            pair = current.current_pair()
            token = pair.token(ends.client)
            pair.enter(token)
            pair.leave(token, intact=False)
            ours, theirs = socket.socketpair()
            theirs.send(b'private')
            os.dup2(ours.fileno(), pair._numbers[1])
            error = raised(other.client.write, b'secret')
            return '%s %s' % (type(error).__name__, ours.recv(100))

        assert 'PairLost private' == in_child(child)

    def test_collected(self, ends):
        """Nor is it closed when the last object of the lost pair is gone."""
        def child():
            import gc
            pair = current.current_pair()
            number = pair._numbers[0]
            ours, theirs = socket.socketpair()
            os.dup2(ours.fileno(), number)
            raised(ends.client.write, b'x')
            current.current_pair()
            gone = weakref.ref(ends.client)
            ends.client = ends.server = ends.client_end = ends.server_end = None
            del current._current[:], pair
            gc.collect()
            return '%s %s' % (gone() is None or PYPY,
                              os.fstat(number)[1] == os.fstat(ours.fileno())[1])

        assert 'True True' == in_child(child)


class TestRenegotiation(object):
    def test_refused_by_a_server(self, pki, monkeypatch):
        """
        A TLS 1.2 server that OpenSSL does not keep from it refuses a new handshake, with
        close_notify.
        """
        monkeypatch.setattr(ssl, 'OPENSSL_VERSION_INFO', (1, 0, 2, 0, 0))
        ends = Ends(pki.client_context(version='TLSv1.2'),
                    pki.server_context(version='TLSv1.2')).handshake().settle()
        engine.refuse_renegotiation(ends.server)
        native_call(ends.client, 'SSL_renegotiate')
        ends.client.write(b'')
        raised(ends.client.do_handshake)
        ends.pump()
        error = raised(ends.server.read)
        assert (ssl.SSLError, 1, 'SSL', 'NO_RENEGOTIATION') == error_facts(error)
        sent = ends.server_end.outgoing.read()
        assert [21] == record_types(sent)
        assert CLOSE_NOTIFY_SIZE == len(sent)
        assert error is raised(ends.server.read)

    @pytest.fixture
    def asked(self, pki):
        """A client that has checked its server's name; the server wants a new handshake."""
        server = pki.server_context('localhost', version='TLSv1.2')
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(pki.path('ca'))
        ends = Ends(pki.client_context(version='TLSv1.2', leaf='client'), server)
        ends.handshake().settle()
        ends.server.context = pki.server_context('other', version='TLSv1.2')
        native_call(ends.server, 'SSL_renegotiate')
        native_call(ends.server, 'SSL_do_handshake')
        ends.server.write(b'')
        ends.pump()
        return ends

    @pytest.mark.parametrize('use', [lambda client: client.read(1), lambda client: client.unwrap(),
                                     lambda client: client.write(b'secret') and client.read(1)],
                             ids=['read', 'unwrap', 'write'])
    def test_refused_by_a_client(self, asked, use):
        """A client that checks names sends no second ClientHello, and says why it ends."""
        error = raised(use, asked.client)
        assert (ssl.SSLError, 1, 'SSL', 'NO_RENEGOTIATION') == error_facts(error)
        assert 'cannot check its name in time' in str(error)
        assert set(record_types(asked.client_end.outgoing.read())) <= set([21, 23])
        assert error is raised(asked.client.write, b'secret')
        assert b'' == asked.client_end.outgoing.read()

    def test_that_came_with_the_first_handshake(self, pki):
        """If OpenSSL has begun it by itself, the server's answer is refused."""
        server = pki.server_context(version='TLSv1.2')
        server.options |= OP_ALLOW_CLIENT_RENEGOTIATION
        ends = Ends(pki.client_context(version='TLSv1.2'), server).handshake().settle()
        native_call(ends.client, 'SSL_renegotiate')
        ends.client._refuses_renegotiation = True
        raised(ends.client.write, b'secret')
        ends.pump()
        raised(ends.server.read)
        ends.pump()
        error = raised(ends.client.write, b'secret')
        assert 'NO_RENEGOTIATION' == error.reason
        assert b'' == ends.client_end.outgoing.read()

    def test_openssl_declines(self, pki):
        """With OP_NO_RENEGOTIATION OpenSSL itself declines it, and the connection goes on."""
        context = pki.client_context(version='TLSv1.2')
        context.options |= OP_NO_RENEGOTIATION
        ends = Ends(context, pki.server_context(version='TLSv1.2')).handshake().settle()
        assert not ends.client._refuses_renegotiation


def refused(call, *args):
    """Return the `Limit` that a call ends in."""
    with pytest.raises(Limit) as info:
        call(*args)
    return info.value


class TestLimits(object):
    """What the engine cannot do raises NotImplementedError that names it and the reason."""

    def test_probed(self, ends):
        """getattr with a default works, as for what stock's objects do not have."""
        probed = [(ends.client, 'session'), (ends.server, 'session'),
                  (ends.server, 'session_reused'), (ends.client, 'get_verified_chain')]
        assert [None] * 4 == [getattr(end, name, None) for end, name in probed]

    @pytest.mark.skipif(ENGINE != 'pair', reason="SSLContext is the other engine's")
    @pytest.mark.parametrize('plain', [False, True], ids=['ours', 'plain'])
    def test_all_probed(self, ends, monkeypatch, plain):
        """Nothing that dir() names raises anything but AttributeError, of contexts and objects."""
        if plain:
            for name, value in MEMBERS.items():
                monkeypatch.setattr(ssl.SSLContext, name, value, raising=False)
        new = (ssl.SSLContext if plain else SSLContext)(ssl.PROTOCOL_SSLv23)
        for one in (new, ends.client, ends.server, wrap(new).sslobj,
                    wrap(new, server_side=True).sslobj):
            for name in dir(one):
                getattr(one, name, None)
        assert [None] * 2 == [getattr(new, name, None) for name in (
            'num_tickets', 'security_level')]

    @pytest.mark.parametrize('name, use', [
        ('session', lambda ends: ends.client.session),
        ('session_reused of a server', lambda ends: ends.server.session_reused),
        ('shared_ciphers', lambda ends: ends.server.shared_ciphers()),
        ('get_verified_chain', lambda ends: ends.client.get_verified_chain()),
        ('get_unverified_chain', lambda ends: ends.client.get_unverified_chain()),
        ('verify_client_post_handshake',
         lambda ends: ends.server.verify_client_post_handshake()),
        ("channel binding 'tls-exporter'",
         lambda ends: ends.client.get_channel_binding('tls-exporter')),
        ("channel binding 'tls-server-end-point' of a server",
         lambda ends: ends.server.get_channel_binding('tls-server-end-point')),
    ])
    def test_objects(self, ends, name, use):
        """Of a TLS object."""
        error = refused(use, ends)
        assert isinstance(error, NotImplementedError)
        assert (name, True, True) == (
            error.name, 'pair engine' in str(error), LIMITS[name] in str(error))

    @pytest.mark.parametrize('name, use', [
        ('session_ticket_keys', lambda made: settings.set_session_ticket_keys(made, [b'k' * 80])),
        ('num_tickets', settings.get_num_tickets),
        ('num_tickets', lambda made: settings.set_num_tickets(made, 1)),
        ('set_psk_client_callback',
         lambda made: settings.set_psk_client_callback(made, lambda hint: (u'me', b'k'))),
        ('set_psk_server_callback',
         lambda made: settings.set_psk_server_callback(made, lambda identity: b'k')),
        ('keylog_filename', lambda made: settings.set_keylog_filename(made, os.devnull)),
        pytest.param('post_handshake_auth',
                     lambda made: settings.set_post_handshake_auth(made, True),
                     marks=pytest.mark.skipif(PYPY, reason="PyPy's own ssl can offer it")),
        ('set_ciphersuites',
         lambda made: settings.set_ciphersuites(made, 'TLS_AES_128_GCM_SHA256')),
        ('get_ciphers', settings.get_ciphers),
        ('security_level', settings.get_security_level),
        ('load_cert_chain_pem', lambda made: settings.load_cert_chain_pem(made, b'')),
    ])
    def test_contexts(self, name, use):
        """Of a context."""
        error = refused(use, ssl.SSLContext(ssl.PROTOCOL_SSLv23))
        assert isinstance(error, NotImplementedError)
        assert (name, True, True) == (
            error.name, 'pair engine' in str(error), LIMITS[name] in str(error))

    def test_verification(self, pki, client_context):
        """Of why a chain was refused."""
        ends = Ends(client_context, pki.server_context('stranger'))
        error = ends.try_handshake()[0]
        assert SSLCertVerificationError is type(error)
        assert ['verify_code', 'verify_message'] == [
            refused(getattr, error, name).name for name in ('verify_code', 'verify_message')]

    @pytest.mark.parametrize('name, value', [
        ('session_ticket_keys', None), ('session_ticket_keys', b'k' * 80),
        ('session_ticket_keys', [5]), ('keylog_filename', 5)])
    def test_types(self, name, value):
        """What is no value of a setting at all is a TypeError, as elsewhere."""
        context = engine.NativeContext(ssl.PROTOCOL_SSLv23)
        assert TypeError is type(raised(getattr(settings, 'set_' + name), context, value))

    def test_native_text(self, ends):
        """The version is native text on PyPy as well."""
        assert str is type(ends.client.version())

    def test_what_is_known(self, ends):
        """What is known all the same is told: a client resumes nothing, nor has shared ciphers."""
        assert (False, None) == (ends.client.session_reused, ends.client.shared_ciphers())


class TestNames(object):
    """The server's name is checked before anything that counts is sent."""

    def handshake_with(self, pki, tls_version, name):
        """Shake hands; return what it ends in."""
        return Ends(pki.client_context(version=tls_version),
                    pki.server_context(version=tls_version), server_hostname=name).try_handshake()

    def test_wrong_name(self, pki, tls_version):
        """A certificate for another name is refused with the words of OpenSSL."""
        errors = self.handshake_with(pki, tls_version, 'other.example')
        assert SSLCertVerificationError is type(errors[0])
        assert (62, "Hostname mismatch, certificate is not valid for 'other.example'.") == (
            errors[0].verify_code, errors[0].verify_message)
        assert 'SSLV3_ALERT_BAD_CERTIFICATE' == errors[1].reason

    def test_wrong_address(self, pki, tls_version):
        """So is one for another address."""
        errors = self.handshake_with(pki, tls_version, '127.0.0.9')
        assert (64, "IP address mismatch, certificate is not valid for '127.0.0.9'.") == (
            errors[0].verify_code, errors[0].verify_message)

    @pytest.mark.parametrize('asked', [False, True], ids=['anonymous', 'asked for a certificate'])
    def test_nothing_leaves(self, pki, tls_version, asked):
        """After a wrong name the client sends one alert, in clear: no certificate, no Finished."""
        client = pki.client_context(version=tls_version, leaf='client')
        server = pki.server_context(version=tls_version)
        if asked:
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(pki.path('ca'))
        ends = Ends(client, server, server_hostname='other.example')
        raised(ends.client.do_handshake)
        ends.pump()
        raised(ends.server.do_handshake)
        ends.server_end.incoming.write(b'')
        ends.client_end.incoming.write(ends.server_end.outgoing.read())
        raised(ends.client.do_handshake)
        assert b'\x15\x03\x03\x00\x02\x02\x2a' == ends.client_end.outgoing.read()
        assert SSLCertVerificationError is type(raised(ends.client.write, b'secret'))
        assert b'' == ends.client_end.outgoing.read()

    def test_chain_comes_first(self, pki, client_context, tls_version):
        """Where neither the chain nor the name is right, it is the chain that is complained of."""
        ends = Ends(client_context, pki.server_context('stranger', version=tls_version),
                    server_hostname='other.example')
        client, server = ends.try_handshake()
        assert 'mismatch' not in str(client)
        assert 'TLSV1_ALERT_UNKNOWN_CA' == server.reason

    def test_certificate_in_pieces(self, pki, tls_version):
        """However the server's flight is split, the certificate is found in it."""
        ends = Ends(pki.client_context(version=tls_version),
                    pki.server_context(version=tls_version), split=byte_by_byte,
                    server_hostname='other.example')
        assert SSLCertVerificationError is type(ends.try_handshake()[0])

    def test_reader(self):
        """The certificate is found across records, and behind other messages in one."""
        certificate = pattern(700)
        message = (b'\x0b\x00\x02\xc2\x00\x02\xbf\x00\x02\xbc' + certificate)
        flight = b'\x02\x00\x00\x03abc' + message + b'\x0e\x00\x00\x00'
        for size in (1, 7, 100, 16384):
            reader = CertificateReader()
            for start in range(0, len(flight), size):
                piece = flight[start:start + size]
                reader.feed(b'\x16\x03\x02' + bytes(bytearray(divmod(len(piece), 256))) + piece)
            assert (certificate, b'\3\2') == (reader.certificate, reader.version)


class TestServerNameReader(object):
    HELLO = b'\3\3' + b'r' * 32 + b'\1s' + b'\0\2cc' + b'\1\0'
    OTHER = b'\0\x2b\0\1v'
    NAME = b'\0\0\0\x0e\0\x0c\0\0\x09localhost'

    def read(self, hello, size=1 << 14):
        """Return what is found in a ClientHello, in records of *size* bytes."""
        message = b'\1\0' + struct.pack('>H', len(hello)) + hello
        reader = ServerNameReader()
        for start in range(0, len(message), size):
            piece = message[start:start + size]
            reader.feed(b'\x16\3\1' + struct.pack('>H', len(piece)) + piece)
        return reader.name

    @pytest.mark.parametrize('extensions', [NAME, OTHER + NAME, NAME + OTHER, OTHER * 9 + NAME])
    @pytest.mark.parametrize('size', [1, 50, 1 << 14])
    def test_found(self, extensions, size):
        """The name is found among whatever other extensions, in however many records."""
        hello = self.HELLO + struct.pack('>H', len(extensions)) + extensions
        assert b'localhost' == self.read(hello, size)

    def test_none(self):
        """Without extensions, or without that one, there is none."""
        assert [None, None, None] == [self.read(hello) for hello in (
            self.HELLO, self.HELLO + b'\0\0', self.HELLO + b'\0\5' + self.OTHER)]

    def test_malformed(self):
        """What is cut short anywhere, or says too much of its size, is none, and raises nothing."""
        hello = self.HELLO + struct.pack('>H', len(self.NAME)) + self.NAME
        for size in range(len(hello) - len(self.NAME)):
            assert None is self.read(hello[:size])
        for place in range(len(hello)):
            self.read(hello[:place])
            self.read(hello[:place] + b'\xff' + hello[place + 1:])
