"""After a fork one process alone uses a connection, whatever it is reached through."""
from __future__ import absolute_import, division, print_function

import fcntl
import functools
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from tests.support.forks import (
    MARKS, Child, Faces, Gate, LoopFace, collect_young, drop, ends_cleanly, hear, refused, say)
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY
from tests.support.sockets import PATIENCE, Background, connection, read_exactly

pytestmark = MARKS


@pytest.fixture(params=sorted(Faces.ALL))
def connected(request, pki, client_context):
    """(a face of ours, its peer), connected, for each face and each TLS version."""
    with connection() as ends:
        face, peer = Faces.connect(request.param, ends, client_context, pki)
        yield face, peer
        peer.close()


class TestFaces(object):
    """Each face that a connection can have."""

    def test_child_takes_over(self, connected):
        """The child goes on with a connection that its parent has just closed."""
        face, peer = connected
        closed = Gate()

        def work():
            closed.wait()
            # Tornado refuses to run an IOLoop in another process than its own; to write needs none.
            question = face.recv(8) if face.can_read_in_child else b'question'
            face.send(b'answer to ' + question)
            face.close()
        child = Child(work)
        face.close()
        closed.open()
        if face.can_read_in_child:
            peer.sendall(b'question')
        assert b'answer to question' == read_exactly(peer, 18)
        assert ends_cleanly(peer)
        assert 'None' == child.result()

    @pytest.mark.parametrize('how', ['close', 'drop', 'nothing'])
    def test_child_leaves_it_alone(self, connected, how):
        """Whatever way a child gets rid of its copy, the parent goes on, both ways."""
        face, peer = connected
        assert b'before' == say(face, peer, b'before')
        if how == 'close' and isinstance(face, LoopFace) and not PY2:
            pytest.skip("asyncio's own transport unregisters the socket in what its parent polls")
        work = {'close': face.close, 'drop': functools.partial(drop, face), 'nothing': int}[how]
        assert Child(work).result() in ('None', '0')
        assert b'after' == hear(face, peer, b'after')
        assert b'and on' == say(face, peer, b'and on')
        face.close()
        assert ends_cleanly(peer)

    def test_parent_is_first(self, connected):
        """Once the parent has used it, the child is refused, and sends nothing."""
        face, peer = connected
        used = Gate()

        def work():
            used.wait()
            outcome = refused(face.send, b'from the child')
            if PY2 or not isinstance(face, LoopFace):  # see above
                face.close()
            return outcome
        child = Child(work)
        assert b'parent' == say(face, peer, b'parent')
        used.open()
        assert 'True' == child.result()
        assert b'again' == say(face, peer, b'again')
        assert b'back' == hear(face, peer, b'back')
        face.close()
        assert ends_cleanly(peer)

    def test_child_is_first(self, connected):
        """Once the child has used it, the parent is refused, and its close sends nothing."""
        face, peer = connected
        used, tried = Gate(), Gate()

        def work():
            face.send(b'child')
            used.open()
            tried.wait()
            face.send(b'again')
            face.close()
        child = Child(work)
        used.wait()
        assert refused(face.send, b'from the parent')
        assert refused(face.send, b'from the parent')
        face.close()
        tried.open()
        assert b'childagain' == read_exactly(peer, 10)
        assert ends_cleanly(peer)
        assert 'None' == child.result()

    def test_parent_closes_beside_a_child(self, connected):
        """The parent's close sends nothing as long as there is a child that could go on."""
        face, peer = connected
        end = Gate()
        child = Child(end.wait)
        face.close()
        end.open()
        child.result()
        peer.settimeout(0.5)  # one of the faces does not close the socket below
        assert not ends_cleanly(peer)

    def test_after_a_child_with_another_program(self, connected):
        """A child that starts another program counts as gone: close sends close_notify."""
        face, peer = connected
        other = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE,
                                 stderr=subprocess.PIPE, close_fds=True)
        try:
            face.close()
            assert ends_cleanly(peer)
        finally:
            other.communicate(b'0\n')

    def test_grandchild_takes_over(self, connected):
        """A daemon, forked twice, goes on; parent and child are refused."""
        face, peer = connected
        used = Gate()

        def grandchild():
            face.send(b'grandchild')
            used.open()
            return not face.can_read_in_child or face.recv(3) == b'end'

        def work():
            inner = Child(grandchild)
            used.wait()
            outcome = refused(face.send, b'child')
            return outcome, inner.result()
        child = Child(work)
        assert b'grandchild' == read_exactly(peer, 10)
        assert refused(face.send, b'parent')
        if face.can_read_in_child:
            peer.sendall(b'end')
        assert str((True, 'True')) == child.result().replace("u'", "'")

    def test_siblings(self, connected):
        """Of two children the first to use it keeps it, and the other one is refused."""
        face, peer = connected
        used = Gate()

        def first():
            face.send(b'first')
            used.open()

        def second():
            used.wait()
            return refused(face.send, b'second')
        children = Child(first), Child(second)
        assert ['None', 'True'] == [child.result() for child in children]
        assert b'first' == read_exactly(peer, 5)
        assert refused(face.send, b'parent')


class TestTransports(object):
    """What transports have to themselves."""

    @pytest.fixture
    def transport(self, pki, client_context):
        """(a face of a transport, its peer)."""
        with connection() as ends:
            face, peer = Faces.connect('loop', ends, client_context, pki)
            yield face, peer
            peer.close()

    @pytest.mark.parametrize('name, args', [
        ('pause_reading', ()), ('resume_reading', ()), ('set_write_buffer_limits', (0,)),
        ('get_write_buffer_limits', ()), ('get_write_buffer_size', ()), ('is_closing', ()),
        ('get_extra_info', ('cipher',)), ('get_extra_info', ('peercert',))])
    def test_no_use(self, transport, name, args):
        """What neither reads nor writes takes nothing from the other process."""
        face, peer = transport
        if not face.can_read_in_child:
            pytest.skip("asyncio's own transport and its parent's poll the same object")
        assert b'first' == hear(face, peer, b'first')  # after TLS 1.3's tickets

        def work():
            face.transport.pause_reading()
            getattr(face.transport, name)(*args)
            face.loop.call_later(0.05, face.loop.stop)
            face.loop.run_forever()
            if name != 'pause_reading':
                face.transport.resume_reading()
            face.loop.call_later(0.05, face.loop.stop)
            face.loop.run_forever()
        assert 'None' == Child(work).result()
        assert b'parent' == say(face, peer, b'parent')
        assert b'answer' == hear(face, peer, b'answer')

    def test_unread_data_is_for_one(self, transport):
        """Data that was decrypted before the fork is delivered in one process alone."""
        face, peer = transport
        if not face.can_read_in_child:
            pytest.skip("asyncio's own transport and its parent's poll the same object")
        assert b'first' == hear(face, peer, b'first')
        face.transport._protocol._read_flow.paused = True  # what has come by now waits in the pipe
        peer.sendall(b'waiting')
        face.loop.call_later(0.1, face.loop.stop)
        face.loop.run_forever()

        def work():
            face.transport.resume_reading()
            return face.recv(7) == b'waiting'
        assert 'True' == Child(work).result()
        face.transport.resume_reading()
        assert refused(face.recv, 7)


class TestSockets(object):
    """What sockets have to themselves."""

    @pytest.fixture(params=['socket', 'pep543'] + ['installed'] * PY2)
    def sockets(self, request, pki, client_context):
        """(a face, its peer, the plain socket that the face is over)."""
        with connection() as ends:
            face, peer = Faces.connect(request.param, ends, client_context, pki)
            yield face, peer, ends[0]
            peer.close()

    def test_flags(self, sockets):
        """Closing a copy changes no flag of the descriptor that both have."""
        face, _, sock = sockets
        sock.settimeout(None)
        before = fcntl.fcntl(sock, fcntl.F_GETFL)
        assert not before & os.O_NONBLOCK
        seen = Gate()

        def work():
            face.close()
            seen.wait()
        child = Child(work)
        Child(face.close).result()
        assert before == fcntl.fcntl(sock, fcntl.F_GETFL)
        seen.open()
        child.result()

    def test_nothing_is_read(self, sockets):
        """Closing a copy takes nothing of what the peer has sent."""
        face, peer, _ = sockets
        peer.sendall(b'x' * 40000)
        Child(face.close).result()
        assert b'x' * 40000 == face.recv(40000)

    def test_unsent_file(self, sockets):
        """What a file holds when a child throws it away is not sent, and the parent goes on."""
        if not PY2:
            pytest.skip("Python 3's files send what they hold whenever they are thrown away")
        if PYPY:
            pytest.skip("PyPy's own files do")
        face, peer, _ = sockets
        files = [face.tls.makefile('wb')]
        files[0].write(b'unsent')
        Child(functools.partial(_forget, files)).result()
        assert b'parent' == say(face, peer, b'parent')
        files[0].flush()
        assert b'unsent' == read_exactly(peer, 6)

    def test_beside_a_thread_that_reads(self, sockets):
        """A child of a process in which a thread reads neither hangs nor disturbs it."""
        face, peer, _ = sockets
        reader = reading(face, 5)
        assert 'None' == Child(face.close).result()
        peer.sendall(b'hello')
        assert b'hello' == reader.result()

    def test_takes_over_from_a_thread_that_reads(self, sockets):
        """A child may use what a thread of its parent waits for; that thread is refused then."""
        face, peer, _ = sockets
        assert b'hello' == hear(face, peer, b'hello')  # after TLS 1.3's tickets, which are used
        reader = reading(face, 5)
        assert 'None' == Child(functools.partial(face.send, b'child')).result()
        assert b'child' == read_exactly(peer, 5)
        peer.sendall(b'hello')
        with pytest.raises(ssl.SSLError):
            reader.result()

    @pytest.mark.parametrize('name', ['_lock', '_sending'])
    def test_beside_a_thread_that_changes_something(self, sockets, name):
        """Where another thread was in the middle of something, the child is refused."""
        face, peer, _ = sockets
        with getattr(face.engine, name):
            outcome = Child(functools.partial(refused, face.send, b'child')).result()
        assert 'True' == outcome
        assert b'parent' == say(face, peer, b'parent')


#: Calls that change what processes share of a socket.
SHARED_CHANGES = [
    ('shutdown', (socket.SHUT_RDWR,)), ('shutdown', (socket.SHUT_WR,)),
    ('shutdown', (socket.SHUT_RD,)), ('setblocking', (True,)), ('settimeout', (None,)),
    ('settimeout', (5,)), ('setsockopt', (socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0' * 2))]


def shared(sock):
    """Return what processes share of a socket: its flags, and SO_LINGER."""
    return (fcntl.fcntl(sock, fcntl.F_GETFL),
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))


@pytest.mark.parametrize('name, args', SHARED_CHANGES)
class TestChanges(object):
    """Methods that change what processes share of a socket."""

    @pytest.fixture(params=['socket', 'pep543', 'tornado'] + ['installed'] * PY2)
    def changed(self, request, pki, client_context):
        """(a face, its peer, the plain socket that the face is over)."""
        with connection() as ends:
            face, peer = Faces.connect(request.param, ends, client_context, pki)
            yield face, peer, ends[0]
            peer.close()

    def test_changes_are_refused(self, changed, name, args):
        """Nothing of what processes share is changed by one that does not use the connection."""
        face, peer, sock = changed
        used = Gate()

        def work():
            used.wait()
            return refused(getattr(face.tls, name), *args)
        child = Child(work)
        assert b'parent' == say(face, peer, b'parent')
        before = shared(sock)
        used.open()
        assert 'True' == child.result()
        assert before == shared(sock)
        assert b'again' == say(face, peer, b'again')

    def test_changes_are_use(self, changed, name, args):
        """Who changes it first keeps the connection; where nobody else has it, it works."""
        face, peer, _ = changed
        assert 'None' == Child(functools.partial(getattr(face.tls, name), *args)).result()
        assert refused(face.send, b'parent')
        assert refused(getattr(face.tls, name), *args)


class Telling(object):
    """A socket that tells when it is about to wait."""

    def __init__(self, sock):
        self.sock = sock
        self.waits = threading.Event()

    def recv(self, size):
        self.waits.set()
        return self.sock.recv(size)

    def __getattr__(self, name):
        return getattr(self.sock, name)


def reading(face, size):
    """Return a thread that waits for *size* bytes of a face."""
    sock = face.engine._lower = Telling(face.engine._lower)
    thread = Background(face.recv, size)
    assert sock.waits.wait(PATIENCE)
    return thread


def _forget(files):
    del files[:]
    collect_young()
