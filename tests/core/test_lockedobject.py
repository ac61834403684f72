"""
The TLS object under a lock: it gives the interpreter's lock away, and is never used twice at once.

What blocking sockets do with it is in test_socket and its kin; here, what other threads, callbacks
and forks can do meanwhile.
"""
from __future__ import absolute_import, division, print_function

import os
import platform
import random
import threading

import pytest

from sslproto27 import SSLContext, context
from sslproto27._core.pipe import PipeUnderLock
from sslproto27._core.socket import SSLSocket
from tests.support.engines import only_graft
from tests.support.memory import PY2, only_python2
from tests.support.pipe_pairs import PipePair, carry, pattern
from tests.support.sockets import Background, connection

PYPY = platform.python_implementation() == 'PyPy'
RECORD = 16384

if PY2:
    from sslproto27._core.engine import NAME, binding
    IS_LOCKED = NAME == 'graft' and not PYPY
    only_locked = pytest.mark.skipif(not IS_LOCKED, reason='only CPython with the graft has it')
else:
    only_locked = pytest.mark.skipif(True, reason="Python 3's own ssl has locks of its own")


@pytest.fixture
def pair(pki, client_context, tls_version):
    """Two pipes that are used under a lock, after the handshake."""
    server_context = pki.server_context('ecdsa', version=tls_version)
    return PipePair(client_context, server_context, cls=PipeUnderLock).handshake()


@pytest.fixture
def ends():
    """Both ends of a connection."""
    with connection() as both:
        yield both


class TestLongCalls(object):
    """Many records at once are what they would be one by one."""

    @pytest.mark.parametrize('size', [
        4097, RECORD, 2 * RECORD - 1, 2 * RECORD, 3 * RECORD + 1, 4 * RECORD, 16 * RECORD, 400000])
    def test_sizes(self, pair, size):
        """What is written arrives, both ways, whatever the size."""
        data = pattern(size)
        for one, other in ((pair.client, pair.server), (pair.server, pair.client)):
            one.feed_appdata(data)
            carry(one, other)
            assert data == other.appdata_received()

    @pytest.mark.parametrize('cut', [1, 5, 6, 1000, RECORD, RECORD + 30, 70000])
    def test_feeds(self, pair, cut):
        """Records that are cut anywhere, fed in large pieces, arrive whole and in order."""
        data = pattern(300000)
        pair.client.feed_appdata(data)
        wire = pair.client.data_to_send()
        received = b''
        pieces = [wire[:cut]] + [wire[start:start + 98304]
                                 for start in range(cut, len(wire), 98304)]
        for piece in pieces:
            pair.server.feed_ssldata(piece)
            received += pair.server.appdata_received()
        assert data == received
        assert pair.server.failure is None

    @pytest.mark.parametrize('seed', range(6))
    def test_random_feeds(self, pair, seed):
        """The same, however large the pieces are, with small messages in between."""
        chance, wire, data = random.Random(seed), b'', b''
        for number in range(40):
            message = pattern(chance.choice([1, 100, RECORD, 3 * RECORD, 9 * RECORD + 5, 200000]))
            pair.client.feed_appdata(message)
            wire += pair.client.data_to_send()
            data += message
        received = b''
        while wire:
            size = chance.choice([3, 50, 20000, RECORD + 22, 4 * RECORD + 88, 98304, 300000])
            pair.server.feed_ssldata(wire[:size])
            wire = wire[size:]
            received += pair.server.appdata_received()
        assert data == received
        assert pair.server.failure is None

    def test_messages_stay_apart(self, pair):
        """A record that is not full is an item of its own, or ends one, whatever is around it."""
        sizes = [5 * RECORD, 10, 20, 2 * RECORD, 1, 4 * RECORD + 7, RECORD]
        wire = b''
        for size in sizes:
            pair.client.feed_appdata(b'x' * size)
            wire += pair.client.data_to_send()
        pair.server.feed_ssldata(wire)
        ends, position = [], 0
        for record in pair.server.records_received():
            position += len(record)
            ends.append(position)
        messages = {sum(sizes[:count + 1]) for count, size in enumerate(sizes) if size % RECORD}
        assert set() == messages - set(ends)

    @pytest.mark.parametrize('damaged', range(5))
    def test_damage(self, pair, damaged):
        """What comes before a damaged record is kept, what follows is not decrypted."""
        data = pattern(5 * RECORD)
        pair.client.feed_appdata(data)
        wire = bytearray(pair.client.data_to_send())
        size = len(wire) // 5
        wire[damaged * size + size // 2] ^= 1
        pair.server.feed_ssldata(bytes(wire))
        assert 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC' == pair.server.failure.reason
        assert data[:damaged * RECORD] == pair.server.appdata_received()

    def test_close_behind_data(self, pair):
        """close_notify right behind many records ends TLS after them."""
        data = pattern(6 * RECORD)
        pair.client.feed_appdata(data)
        pair.client.shutdown()
        carry(pair.client, pair.server)
        assert data == pair.server.appdata_received()
        assert 'PEER_CLOSED' == pair.server.state

    @only_locked
    def test_gives_way(self):
        """What is long is called through ctypes' CDLL, which gives the interpreter's lock away."""
        keeps = 4  # FUNCFLAG_PYTHONAPI
        for name in ('SSL_do_handshake', 'SSL_write', 'BIO_read'):
            assert 0 == binding.without_gil(name)._flags_ & keeps
            assert keeps == getattr(binding.lib, name)._flags_ & keeps


@only_locked
class TestOthers(object):
    """Who else uses the object waits, or is refused."""

    @pytest.fixture
    def shake(self, pki, ends):
        """A function that shakes hands, calls what it is given in the middle, and returns both."""
        made = []

        def run(on_name, peer=None):
            server_context = pki.server_context(cls=SSLContext)
            context.set_sni_callback(server_context, on_name)
            ours = SSLSocket(ends[0], server_context, server_side=True,
                             do_handshake_on_connect=False)
            made.append(ours)
            theirs = Background(SSLSocket, ends[1], pki.client_context(),
                                server_hostname='localhost')
            ours_done = Background(ours.do_handshake)
            return ours, ours_done, theirs
        yield run
        for one in made:
            one.close()

    def test_another_thread_waits(self, shake):
        """A method called by another thread in the middle of a handshake returns after that."""
        inside, go_on, answers = threading.Event(), threading.Event(), []

        def on_name(ssl_object, name, default):
            inside.set()
            go_on.wait(20)
            answers.append('callback')
        ours, ours_done, theirs = shake(on_name)
        assert inside.wait(20)

        def ask():
            ours.version()
            answers.append('other')
        asking = Background(ask)
        while not asking.is_alive():
            pass
        go_on.set()
        ours_done.result()
        theirs.result().close()
        asking.result()
        assert ['callback', 'other'] == answers

    def test_a_thread_that_a_callback_waits_for(self, shake, monkeypatch):
        """A callback that waits for another thread, which waits for the callback, goes on."""
        from sslproto27._core import lockedobject
        monkeypatch.setattr(lockedobject, '_TURNS', 2)
        errors = []

        def on_name(ssl_object, name, default):
            asking = Background(ssl_object.version)
            asking.join(20)
            errors.append(asking.error)
        ours, ours_done, theirs = shake(on_name)
        ours_done.result()
        theirs.result().close()
        assert ['another thread is in the middle of a call of this very object'] == [
            str(error) for error in errors]

    def test_callback(self, shake):
        """A callback may ask the object, and the socket; it may neither read nor write by them."""
        said = []

        def on_name(ssl_object, name, default):
            said.append(ssl_object.version())
            said.append(ssl_object.selected_alpn_protocol())
            ssl_object.context = default
            for call in (ssl_object.read, ssl_object.do_handshake,
                         lambda: ssl_object.write(b'x' * 100000),
                         lambda: ours.recv(1), lambda: ours.send(b'x'), ours.do_handshake):
                try:
                    call()
                except RuntimeError as error:
                    said.append(str(error))
        gate = threading.Event()

        def wait_for_ours(*args):
            gate.wait(20)
            on_name(*args)
        ours, ours_done, theirs = shake(wait_for_ours)
        gate.set()
        ours_done.result()
        theirs.result().close()
        assert [None, None] == said[:2]
        assert 3 * ['a callback of this very object is running'] == said[2:5]
        assert 3 * ['this very object is in the middle of a call'] == said[5:]

    def test_callback_of_a_shared_socket(self, shake):
        """The same where several threads have used the socket: no thread waits for itself."""
        said, gate = [], threading.Event()

        def on_name(ssl_object, name, default):
            gate.wait(20)
            for call in (lambda: ours.recv(1), lambda: ours.send(b'x'), ours.do_handshake):
                try:
                    call()
                except RuntimeError as error:
                    said.append(str(error))
        ours, ours_done, theirs = shake(on_name)
        ours._is_shared = True
        gate.set()
        ours_done.result()
        theirs.result().close()
        assert 3 * ['this very object is in the middle of a call'] == said

    @pytest.mark.skipif(not hasattr(os, 'fork'), reason='there is no fork')
    def test_fork(self, shake):
        """A child that was forked in the middle of a call is refused the object, and ends well."""
        inside, go_on = threading.Event(), threading.Event()

        def on_name(ssl_object, name, default):
            inside.set()
            go_on.wait(20)
        ours, ours_done, theirs = shake(on_name)
        assert inside.wait(20)
        child = os.fork()
        if not child:
            status = 1
            try:
                try:
                    ours.send(b'x')
                except Exception as error:
                    status = 7 if 'another process' in str(error) else 2
            finally:
                os._exit(status)
        assert 7 == os.waitpid(child, 0)[1] >> 8
        go_on.set()
        ours_done.result()
        theirs.result().close()


HAMMER = '''
from __future__ import print_function
import random, socket, sys, threading, time
from tests.support.pki import PKI
from sslproto27._core.socket import SSLSocket
from tests.core.test_lockedobject import public_calls
pki = PKI(sys.argv[1])
client_context, server_context = pki.client_context(), pki.server_context('ecdsa')
deadline, counts = time.time() + 3, [0, 0, 0]
current = []

def connect():
    below = [socket.socket(_sock=end) for end in socket.socketpair()]
    for end in below:
        end.setblocking(False)
    ends = [SSLSocket(below[0], client_context, server_hostname='localhost',
                      do_handshake_on_connect=False),
            SSLSocket(below[1], server_context, server_side=True, do_handshake_on_connect=False)]
    current[:] = ends
    return ends

def work():
    data = b'x' * 200000
    while time.time() < deadline:
        ends = connect()
        for turn in range(40):
            for one, other in (ends, ends[::-1]):
                for call in (lambda: one.send(data), lambda: other.recv(300000)):
                    try:
                        call()
                    except Exception:
                        pass
        counts[0] += 1

def hammer(index):
    chance = random.Random(index)
    while time.time() < deadline:
        try:
            end = chance.choice(current)
            chance.choice(public_calls(end.ssl_object))()
        except Exception:
            pass
        counts[index] += 1

threads = [threading.Thread(target=work)] + [
    threading.Thread(target=hammer, args=(index,)) for index in (1, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(min(counts[1:]) > 100 and counts[0] > 1)
'''


def public_calls(ssl_object):
    """Return calls of all that *ssl_object* has, to be made by who should not."""
    calls = [ssl_object.do_handshake, ssl_object.read, ssl_object.unwrap,
             lambda: ssl_object.read(70000, bytearray(70000)),
             lambda: ssl_object.write(b'abc' * 30000),
             lambda: setattr(ssl_object, 'context', ssl_object.context)]
    for name in ('version', 'cipher', 'shared_ciphers', 'compression', 'pending', 'getpeercert',
                 'selected_alpn_protocol', 'get_verified_chain', 'get_unverified_chain'):
        calls += 3 * [getattr(ssl_object, name)]
    for name in ('session', 'session_reused', 'context', 'server_hostname'):
        calls += 3 * [lambda name=name: getattr(ssl_object, name)]
    for kind in ('tls-unique', 'tls-exporter', 'tls-server-end-point'):
        calls.append(lambda kind=kind: ssl_object.get_channel_binding(kind))
    return calls


@only_python2
@only_graft
def test_hammered(run_python):
    """While a thread shakes hands and moves data others may call anything: memory stays whole."""
    finished = run_python(HAMMER)
    assert (0, 'True\n', '') == (finished.returncode, finished.stdout, finished.stderr)
