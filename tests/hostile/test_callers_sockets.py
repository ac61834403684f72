"""
Blocking sockets whose caller is hostile: signals at each moment, every method in every state,
other threads, a lower socket that fails at each call, garbage collection in the middle.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import gc
import signal
import socket
import ssl
import threading
import time
import weakref

import pytest

from sslproto27 import SSLObject, SSLSocket, sockets
from sslproto27._core.blocking import CHUNK
from tests.support.buffers import Material
from tests.support.hostile import enough_of
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import PYPY, pattern
from tests.support.signals import Alarm, Interruption, needs_signals
from tests.support.sockets import PATIENCE, Background, connection, read_exactly

KINDS = ['SSLSocket', 'HTTPSSocket', 'TLSWrappedSocket']
INSTALLED = ['installed'] if PY2 else []  # the sockets that ssl makes after install(sockets=True)


class Kind(object):
    """A class of ours: how to make a client of it, and the interpreter's own server."""

    def __init__(self, name, pki):
        self.name = name
        self.pki = pki
        self.made = []  # to be closed

    def client(self, sock, handshake=True):
        """Return a client over *sock*."""
        if self.name == 'TLSWrappedSocket':
            made = Material(self.pki).client().wrap_socket(sock, u'localhost')
        elif self.name == 'installed':
            made = sockets.SSLSocket(sock, _context=self.pki.client_context(),
                                     server_hostname='localhost', do_handshake_on_connect=False)
            if not PYPY:  # there *sock* no longer counts
                sock.close()
        else:
            cls = SSLSocket
            if self.name == 'HTTPSSocket':
                from sslproto27._urllib3.sockets import HTTPSSocket as cls
            made = cls(sock, self.pki.client_context(), server_hostname='localhost',
                       do_handshake_on_connect=False)
        self.made.append(made)
        if handshake:
            made.do_handshake()
        return made

    def server(self, sock):
        """Return the interpreter's own server over *sock*, once it has shaken hands."""
        made = self.pki.server_context().wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False)
        self.made.append(made)
        made.do_handshake()
        return made

    def close(self):
        """Close all that was made."""
        while self.made:
            self.made.pop().close()


@pytest.fixture(params=KINDS)
def kind(request, pki):
    """Each kind of socket."""
    with contextlib.closing(Kind(request.param, pki)) as made:
        yield made


@pytest.fixture
def ends():
    """Both ends of a connection."""
    with connection() as both:
        yield both


@needs_signals
class TestSignals(object):
    """A signal with a handler of Python is no business of a call that waits (PEP 475)."""

    @pytest.mark.parametrize('timeout', [None, PATIENCE])
    def test_calls_go_on(self, kind, ends, timeout):
        """Handshake, recv, sendall and unwrap go on after signals, with a timeout and without."""
        ends[0].settimeout(timeout)
        written = pattern(10000000)
        with Alarm(0.002) as alarm:
            def serve():
                alarm.wait(3)
                theirs = kind.server(ends[1])
                alarm.wait(3)
                theirs.sendall(b'hello')
                alarm.wait(3)  # while we send more than fits
                data = read_exactly(theirs, len(written))
                theirs.sendall(b'.')
                alarm.wait(3)
                theirs.unwrap()
                return data
            peer = Background(serve)
            ours = kind.client(ends[0])
            assert b'hello' == read_exactly(ours, 5)
            ours.sendall(written)
            assert b'.' == ours.recv(1)
            ours.unwrap()
            assert written == peer.result()
        assert alarm.count > 10

    @pytest.mark.parametrize('call', ['handshake', 'recv', 'send', 'unwrap'])
    def test_timeout_is_kept(self, kind, ends, call):
        """A signal each 10 ms neither puts off a timeout of 0.3 s nor makes it come early."""
        if call == 'handshake':
            ours = kind.client(ends[0], False)
            work = ours.do_handshake
        else:
            peer = Background(kind.server, ends[1])
            ours = kind.client(ends[0])
            peer.result()
            work = {'recv': lambda: ours.recv(1), 'unwrap': ours.unwrap,
                    'send': lambda: ours.sendall(b'x' * 20000000)}[call]
        ours.settimeout(0.3)
        with Alarm(0.01):
            start = time.time()
            with pytest.raises(socket.timeout):
                work()
            took = time.time() - start
        assert 0.25 < took < 5

    @pytest.mark.parametrize('timeout', [None, PATIENCE])
    @pytest.mark.parametrize('call', ['handshake', 'recv', 'sendall', 'unwrap'])
    def test_handler_closes(self, kind, ends, timeout, call):
        """A call whose socket a handler closes fails with EBADF, never as one that cannot wait."""
        ends[0].settimeout(timeout)
        done = threading.Event()

        def serve():
            if call != 'handshake':
                kind.server(ends[1])
            done.wait(PATIENCE)
        peer = Background(serve)
        ours = kind.client(ends[0], call != 'handshake')
        work = {'handshake': ours.do_handshake, 'recv': lambda: ours.recv(1),
                'sendall': lambda: ours.sendall(b'x' * 20000000), 'unwrap': ours.unwrap}[call]
        before = signal.signal(signal.SIGALRM, lambda *args: ours.close())
        # Late enough that the call waits in the kernel; PyPy takes long to fill that.
        signal.setitimer(signal.ITIMER_REAL, 1 if PYPY and call == 'sendall' else 0.05)
        try:
            error = raised(work)
        finally:
            signal.signal(signal.SIGALRM, before)
            done.set()
        assert (errno.EBADF, False) == (error.errno, isinstance(error, ssl.SSLError))
        peer.result()

    @pytest.mark.parametrize('timeout', [None, PATIENCE])
    @pytest.mark.parametrize('call', ['handshake', 'recv', 'send', 'unwrap'])
    def test_handler_raises(self, kind, ends, timeout, call):
        """What a handler raises ends the call; the next one goes on where that was."""
        ends[0].settimeout(timeout)
        go = threading.Event()

        def serve():
            if call == 'handshake':
                assert go.wait(PATIENCE)
            theirs = kind.server(ends[1])
            theirs.sendall(b'begin')
            if call != 'handshake':
                assert go.wait(PATIENCE)
            data = read_exactly(theirs, CHUNK * 40 + 3) if call == 'send' else b''
            theirs.sendall(b'end')
            theirs.unwrap()
            return data
        peer = Background(serve)
        ours = kind.client(ends[0], False)
        data = pattern(CHUNK * 40 + 3)
        sent = [0]

        def send():
            while sent[0] < len(data):
                sent[0] += ours.send(data[sent[0]:sent[0] + CHUNK])
        steps = [('handshake', ours.do_handshake), ('', lambda: read_exactly(ours, 5)),
                 ('send', send if call == 'send' else int),
                 ('recv', lambda: read_exactly(ours, 3) if call != 'unwrap' else b'end'),
                 ('unwrap', ours.unwrap)]
        for name, work in steps:
            if name == call:
                # Late enough that the call waits in the kernel; PyPy takes long to fill that.
                wait = 1 if PYPY and name == 'send' else 0.05
                with Alarm(wait, raises=True), pytest.raises(Interruption):
                    work()
                go.set()
            result = work()
            if name == 'recv':
                assert b'end' == result
        assert peer.result() == (data if call == 'send' else b'')

    def test_any_moment(self, kind, ends):
        """Wherever a handler raises, no lock is left taken, and no byte comes twice or changed."""
        peer = Background(kind.server, ends[1])
        ours, theirs = kind.client(ends[0]), peer.result()
        data = pattern(300000)
        echo = Background(_echo, theirs)
        for number in range(30):
            received = 0
            try:
                with Alarm(0.0002 * (number % 10 + 1), raises=True):
                    ours.sendall(b'x')
                    received = len(ours.recv(1))
                    ours.sendall(data)
            except Interruption:
                break
            assert 1 == received
            assert data == read_exactly(ours, len(data))
        closing = Background(ours.close)  # would hang if a lock were left
        closing.result()
        theirs.close()
        echo.join(PATIENCE)
        assert not echo.is_alive()


class Nesting(object):
    """A socket whose recv does something else first."""

    def __init__(self, sock, recv):
        self._sock, self.recv = sock, recv

    def __getattr__(self, name):
        return getattr(self._sock, name)


class TestLeftovers(object):
    """What a handler that raised between two steps has left behind."""

    @pytest.mark.parametrize('lock', ['_lock', '_receiving', '_sending', '_writing'])
    def test_lock(self, kind, ends, lock):
        """Where one thread uses a socket, a lock that it has left taken stops none of its calls."""
        peer = Background(kind.server, ends[1])

        def all_calls():
            ours = kind.client(ends[0])
            for call in (lambda: ours.sendall(b'x'), lambda: ours.recv(1), ours.close):
                getattr(ours, lock).acquire()
                call()
        work = Background(all_calls)
        theirs = peer.result()
        theirs.sendall(b'y')
        assert b'x' == theirs.recv(1)
        work.result()
        theirs.close()

    def test_call_of_a_handler(self, kind, ends):
        """A call in the middle of another one of the same kind is refused, and harms it not."""
        peer = Background(kind.server, ends[1])
        ours, theirs = kind.client(ends[0]), peer.result()
        refused, recv = [], ours._lower.recv

        def nested(size):
            with pytest.raises(RuntimeError) as info:
                ours.recv(1)
            refused.append(str(info.value))
            return recv(size)
        theirs.sendall(b'data')
        ours._lower = Nesting(ours._lower, nested)
        assert b'data' == read_exactly(ours, 4)
        assert 'this very object is in the middle of a call' == refused[0]
        ours.close()
        theirs.close()

    def test_work_that_was_cut_short(self, kind, ends):
        """Where nobody knows what is lost, every later call says so, and close() ends it."""
        peer = Background(kind.server, ends[1])
        ours, theirs = kind.client(ends[0]), peer.result()
        ours._is_torn = True
        for call in (lambda: ours.sendall(b'x'), lambda: ours.recv(1), lambda: ours.send(b'x')):
            with pytest.raises(socket.error) as info:
                call()
            assert errno.ECONNABORTED == info.value.errno
        ours.close()
        theirs.close()

    def test_somebody_at_work(self, kind, ends):
        """A lock that another thread has is left to it."""
        peer = Background(kind.server, ends[1])
        ours, theirs = kind.client(ends[0]), peer.result()
        reader = Background(ours.recv, 4)
        while not ours._receiving.locked():
            pass
        ours.sendall(b'go')
        assert b'go' == read_exactly(theirs, 2)
        assert ours._receiving.locked()
        theirs.sendall(b'data')
        assert b'data' == reader.result()
        ours.close()
        theirs.close()


def _echo(sock):
    try:
        while True:
            data = sock.recv(65536)
            if not data:
                return
            sock.sendall(data)
    except (ssl.SSLError, socket.error):
        pass


#: What may come of a call in a state that is not made for it: never AttributeError and the like.
ERRORS = (ssl.SSLError, socket.error, ValueError, RuntimeError, NotImplementedError)

ARGUMENTS = {
    'recv': (1,), 'read': (1,), 'recv_into': (bytearray(1),), 'send': (b'x',), 'write': (b'x',),
    'sendall': (b'x',), 'shutdown': (socket.SHUT_RDWR,), 'setblocking': (True,),
    'settimeout': (0.05,), 'getsockopt': (socket.SOL_SOCKET, socket.SO_TYPE),
    'setsockopt': (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), 'bind': (('127.0.0.1', 0),),
    'connect': (('127.0.0.1', 9),), 'connect_ex': (('127.0.0.1', 9),), 'listen': (1,),
    'sendfile': (), 'ioctl': (), 'set_inheritable': (False,),
}

#: TypeError is right for these: they lack arguments, or what Python 3 has is missing below.
INCOMPLETE = {'sendfile', 'ioctl', 'detach', 'dup'}

#: Where 2.7's socket has no such method below.
MISSING_BELOW = {'get_inheritable', 'set_inheritable', 'getblocking', 'ioctl'}
MISSING_BELOW |= {'get_unverified_chain', 'get_verified_chain'} - set(dir(SSLObject))  # 3.10's


def public_names(cls):
    """Return all that *cls* has and does not start with an underscore."""
    return sorted(name for name in dir(cls) if not name.startswith('_'))


class TestStates(object):
    """Every public method and property in every state."""

    STATES = ['before', 'open', 'peer_closed', 'broken', 'unwrapped', 'closed', 'detached']

    def in_state(self, kind, ends, state):
        """Return a socket of ours that is in *state*."""
        ends[0].settimeout(0.05)
        if state == 'before':
            return kind.client(ends[0], False)
        ends[0].settimeout(PATIENCE)
        peer = Background(kind.server, ends[1])
        ours = kind.client(ends[0])
        theirs = peer.result()
        if state == 'peer_closed':
            theirs.settimeout(0)
            with pytest.raises(ssl.SSLWantReadError):
                theirs.unwrap()
            assert b'' == ours.recv(1)
        elif state == 'broken':
            (theirs._sock if PY2 else super(ssl.SSLSocket, theirs)).send(
                b'\x17\x03\x03\x00\x20' + b'broken' * 6)
            with pytest.raises(ssl.SSLError):
                ours.recv(1)
        elif state == 'unwrapped':
            goodbye = Background(theirs.unwrap)
            ours.unwrap()
            goodbye.result()
        elif state == 'closed':
            ours.close()
        elif state == 'detached':
            ends[0].close()
        if state not in ('closed', 'detached'):
            ends[0].settimeout(0.05)
        return ours

    @pytest.mark.parametrize('state', STATES)
    def test_every_name(self, kind, state):
        """Each answers, or raises an error of sockets or a ValueError, never what Python makes."""
        with connection() as ends:
            names = public_names(type(self.in_state(kind, ends, state)))
            kind.close()
        wrong = []
        for name in enough_of(names, kind.name + state):
            with connection() as ends:
                ours = self.in_state(kind, ends, state)
                try:
                    found = getattr(ours, name)
                    if callable(found):
                        found(*ARGUMENTS.get(name, ()))
                except ERRORS:
                    pass
                except TypeError as error:
                    if name not in INCOMPLETE:
                        wrong.append((name, repr(error)))
                except AttributeError as error:
                    if name not in MISSING_BELOW:
                        wrong.append((name, repr(error)))
                kind.close()
        assert [] == wrong

    #: Of ssl.SSLSocket.
    FACTS = ['version', 'cipher', 'compression', 'selected_alpn_protocol', 'selected_npn_protocol',
             'shared_ciphers', 'get_channel_binding', 'session', 'session_reused']

    @pytest.mark.parametrize('state', ['unwrapped', 'closed'])
    def test_facts_without_tls(self, pki, ends, state):
        """Without TLS facts are what Python 3.13's ssl.SSLSocket says: None, 0, or an error."""
        kind = Kind('SSLSocket', pki)
        ours = self.in_state(kind, ends, state)
        context = ours.context
        for name in self.FACTS:
            found = getattr(ours, name)
            assert (name, None) == (name, found() if callable(found) else found)
        pytest.raises(ValueError, ours.get_channel_binding, 'bogus')
        assert (0, False, 'localhost') == (
            ours.pending(), ours.server_side, ours.server_hostname)
        assert isinstance(context, ssl.SSLContext)
        for name in ('getpeercert', 'get_verified_chain', 'get_unverified_chain'):
            pytest.raises(ValueError, getattr(ours, name))
        kind.close()


class Failing(object):
    """
    A lower socket of which one call fails, and each returns or takes little.

    Args:
        sock: the connection.
        at (int): which call, counted over all.
        error (Exception): what it raises.
    """

    def __init__(self, sock, at, error, short=None):
        self.sock, self.at, self.error, self.short, self.calls = sock, at, error, short, 0

    def _count(self):
        self.calls += 1
        if self.calls == self.at:
            raise self.error

    def recv(self, size):
        """Do so."""
        self._count()
        return self.sock.recv(min(size, self.short or size))

    def send(self, data):
        """Do so."""
        self._count()
        return self.sock.send(data[:self.short or len(data)])

    def __getattr__(self, name):
        return getattr(self.sock, name)


class TestLowerSocket(object):
    """What is below does all that a socket may do."""

    @pytest.mark.parametrize('short', [1, 7, 1000])
    def test_short(self, kind, ends, short):
        """It may take and return as little as it likes."""
        peer = Background(kind.server, ends[1])
        ours = kind.client(Failing(ends[0], 0, None, short))
        theirs = peer.result()
        echo = Background(lambda: theirs.sendall(read_exactly(theirs, 3000)))
        ours.sendall(pattern(3000))
        assert pattern(3000) == read_exactly(ours, 3000)
        echo.result()

    @pytest.mark.parametrize('number', [errno.EINTR, errno.EAGAIN, errno.ECONNRESET])
    def test_fails_at_each_call(self, kind, number):
        """Whichever call fails, the error comes out once, and the call made again goes on."""
        at = failures = 0
        while True:
            at += 1
            with connection() as ends:
                lower = Failing(ends[0], at, socket.error(number, 'on purpose'), 5000)
                peer = Background(kind.server, ends[1])
                ours = kind.client(lower, False)
                failures += self.again(ours.do_handshake)[0]
                theirs = peer.result()
                echo = Background(lambda: theirs.sendall(read_exactly(theirs, 20000)))
                data, received = pattern(20000), []
                while data:
                    failed, sent = self.again(ours.send, data)
                    failures += failed
                    data = data[sent:]
                while sum(map(len, received)) < 20000:
                    failed, chunk = self.again(ours.recv, 20000)
                    failures += failed
                    received.append(chunk)
                echo.result()
                assert pattern(20000) == b''.join(received)
                was_reached = lower.calls >= at
                kind.close()
                if not was_reached:
                    break
        assert (0 if number == errno.EINTR else at - 1) == failures
        assert at > 10

    def again(self, call, *args):
        """Call until it works; return (how often it failed, the result)."""
        failures = 0
        while True:
            try:
                return failures, call(*args)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                failures += 1
            except socket.error as error:
                assert 'on purpose' in str(error)
                failures += 1


class TestNonBlocking(object):
    """Over a socket that does not block calls raise what ssl.SSLSocket's do, and go on."""

    def test_handshake_on_connect(self, pki, ends):
        """A handshake at once is a ValueError, as it would have to wait."""
        ends[0].setblocking(False)
        with pytest.raises(ValueError):
            SSLSocket(ends[0], pki.client_context(), server_hostname='localhost')

    def test_conversation(self, kind, ends):
        """Handshake, data both ways and unwrap, each called again until it is done."""
        ends[0].setblocking(False)
        ours = kind.client(ends[0], False)
        size = 10000000
        wanted = set()

        def again(call, *args):
            while True:
                try:
                    return call(*args)
                except ssl.SSLError as error:
                    wanted.add(type(error))
                    assert isinstance(error, (ssl.SSLWantReadError, ssl.SSLWantWriteError))
                    if started:
                        started.pop().set()
                    time.sleep(0)
        started = []

        def serve():
            theirs = kind.server(ends[1])
            assert full.wait(PATIENCE)
            data = read_exactly(theirs, size)
            theirs.sendall(data)
            theirs.unwrap()
            return data
        full = threading.Event()
        peer = Background(serve)
        again(ours.do_handshake)
        data, sent = pattern(size), 0
        started.append(full)  # once nothing more fits
        while sent < size:
            sent += again(ours.send, data[sent:sent + 65536])
        received, count = [], 0
        while count < size:
            received.append(again(ours.recv, 65536))
            count += len(received[-1])
        assert data == b''.join(received)
        again(ours.unwrap)
        assert data == peer.result()
        assert {ssl.SSLWantReadError, ssl.SSLWantWriteError} == wanted


class Counting(object):
    """A lower socket that knows the most bytes that it was given at once."""

    def __init__(self, sock):
        self.sock, self.most = sock, 0

    def send(self, data):
        """Do so."""
        self.most = max(self.most, len(data))
        return self.sock.send(data)

    def __getattr__(self, name):
        return getattr(self.sock, name)


class TestMemory(object):
    """What is written is encrypted as it can be sent, and objects go when nobody has them."""

    @pytest.mark.parametrize('layers', [1, 2])
    def test_write_is_bounded(self, pki, ends, layers):
        """Of a large write no more than 256 KiB are encrypted at a time, in TLS in TLS too."""
        below = [Counting(ends[0])]

        def serve():
            sock = ends[1]
            for _ in range(layers):
                sock = SSLSocket(sock, pki.server_context(), server_side=True)
            return len(read_exactly(sock, 20000000))
        peer = Background(serve)
        for _ in range(layers):
            below.append(Counting(SSLSocket(
                below[-1], pki.client_context(), server_hostname='localhost')))
        below[-1].sock.sendall(b'x' * 20000000)
        assert 20000000 == peer.result()
        for counting in below[:-1]:
            assert CHUNK <= counting.most < CHUNK + 20000

    def test_garbage(self, kind, ends):
        """A socket that nobody has any more is gone, in the middle of a connection too."""
        peer = Background(kind.server, ends[1])
        ours = kind.client(ends[0])
        peer.result().sendall(b'unread')
        ours.sendall(b'x')
        reference = weakref.ref(ours)
        kind.made.remove(ours)
        del ours
        gc.collect()
        assert reference() is None


class TestThreads(object):
    """Other threads read, write and close."""

    def test_close_while_others_work(self, kind, ends):
        """Threads that read and write while another one closes end with an error or the end."""
        peer = Background(kind.server, ends[1])
        ours, theirs = kind.client(ends[0]), peer.result()
        ours.settimeout(1)
        echo = Background(_echo, theirs)
        busy = threading.Event()

        def write():
            try:
                while True:
                    ours.sendall(pattern(100000))
            except (ssl.SSLError, socket.error):
                pass

        def read():
            try:
                while ours.recv(50000):
                    busy.set()
            except (ssl.SSLError, socket.error):
                pass
        workers = [Background(write), Background(read)]
        assert busy.wait(PATIENCE)
        ours.close()
        for worker in workers:
            worker.result()
        theirs.close()
        echo.join(PATIENCE)


class Wait(object):
    """
    A thread of our socket that waits in a call, until its peer goes on.

    Args:
        kind (Kind): of which socket.
        ends: of the connection.
        call (str): 'handshake', 'recv' or 'sendall'.
    """

    SIZE = 600000

    def __init__(self, kind, ends, call):
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20000)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
            end.settimeout(5)
        self.call, self.wrong = call, None
        self.go = threading.Event()
        self.theirs = kind.pki.server_context().wrap_socket(
            ends[1], server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        self.peer = Background(self.serve)
        self.ours = kind.client(ends[0], call != 'handshake')
        self.waiting = Background({
            'handshake': self.ours.do_handshake, 'recv': lambda: self.ours.recv(4),
            'sendall': lambda: self.ours.sendall(b'x' * self.SIZE)}[call])
        tls = getattr(self.ours, '_sslobj', self.ours)
        lock = tls._sending if call == 'sendall' else tls._receiving
        patience = time.time() + PATIENCE
        while not lock.locked() and time.time() < patience:
            time.sleep(0.001)
        time.sleep(0.02 if call == 'sendall' else 0.002)

    def serve(self):
        """Shake hands, send two records and receive until the end; return what that was."""
        try:
            if self.call == 'handshake':
                self.go.wait(PATIENCE)
            self.theirs.do_handshake()
            self.go.wait(PATIENCE)
            for _ in range(2):
                self.theirs.sendall(b'data')
            while True:
                data = self.theirs.recv(65536)
                if not data:
                    break
                if data.strip(b'x'):
                    self.wrong = 'other data'
            self.theirs.settimeout(1)
            try:
                self.theirs.unwrap()
            except (ssl.SSLError, socket.error):
                pass  # they do not wait for it
            return 'end'
        except (ssl.SSLError, socket.error) as error:
            text = str(error)
            if 'MAC' in text or 'DECRYPT' in text.upper() or 'VERSION' in text:
                self.wrong = text
            return text
        finally:
            self.theirs.close()

    def meanwhile(self, work):
        """Do *work* in another thread; return (that one's outcome, ours, the peer's)."""
        other = Background(work)
        other.join(0.02)
        self.go.set()
        outcomes = []
        for thread in self.waiting, other:
            try:
                result = thread.result()
                outcomes.append(result)
            except Exception as error:
                outcomes.append(error)
        close = getattr(outcomes[1], 'close', None)
        if callable(close):
            close()  # a file
        self.ours.close()
        return outcomes[1], outcomes[0], self.peer.result()


#: Calls that end the connection, or change how it waits: the call that waits may fail then.
ENDING = {'close', 'shutdown', 'unwrap', '__exit__', 'last file', 'second close'}
CHANGING = ENDING | {'settimeout', 'setblocking'}


def other_work(ours, name):
    """Return a function that calls *name* of *ours*."""
    def last_file():
        file = ours.makefile('rb')
        ours.close()
        file.close()

    def twice():
        ours.close()
        ours.close()

    def call():
        found = getattr(ours, name)
        return found(*ARGUMENTS.get(name, ())) if callable(found) else None
    return {'last file': last_file, 'second close': twice,
            '__exit__': lambda: ours.__exit__(None, None, None)}.get(name, call)


@pytest.mark.parametrize('waits', ['handshake', 'recv', 'sendall'])
@pytest.mark.parametrize('kind', KINDS + INSTALLED, indirect=True)
def test_first_call_of_a_thread(kind, waits):
    """Whatever a new thread calls, a call that waits goes on or EBADF; no record is broken."""
    with connection() as ends:
        names = public_names(type(kind.client(ends[0], False)))
        kind.close()
    wrong = []
    names += ['last file', 'second close'] + ['__exit__'] * (kind.name != 'installed')
    for name in enough_of(names, kind.name + waits):
        with connection() as ends:
            wait = Wait(kind, ends, waits)
            other, ours, peer = wait.meanwhile(other_work(wait.ours, name))
            kind.close()
        if not (isinstance(other, ERRORS + (TypeError, AttributeError))
                or not isinstance(other, Exception)) or 'unlocked' in str(other):
            wrong.append((name, 'it', repr(other)))
        if isinstance(ours, Exception):
            if (name not in CHANGING or not isinstance(ours, (ssl.SSLError, socket.error))
                    or isinstance(ours, (ssl.SSLWantReadError, ssl.SSLWantWriteError))):
                wrong.append((name, 'the other call', repr(ours)))
        elif waits == 'recv' and ours != b'data' and not (name in ENDING and ours == b''):
            wrong.append((name, 'the other call', ours))
        # After a handshake we close before the peer's data is read.
        if wait.wrong or name not in CHANGING and peer != 'end' and waits != 'handshake':
            wrong.append((name, 'the peer', wait.wrong or peer))
    assert [] == wrong


def test_read_while_another_thread_closes(kind, ends):
    """While another thread closes, the socket below no longer blocks; a read then gets EBADF."""
    peer = Background(kind.server, ends[1])
    ours, _ = kind.client(ends[0]), peer.result()
    lower = ours._lower

    def no_longer_blocking(size):
        ours._closed = True  # what close() does first
        raise socket.error(errno.EAGAIN, 'Resource temporarily unavailable')
    ours._lower = Nesting(lower, no_longer_blocking)
    assert errno.EBADF == raised(ours.recv, 4).errno
    ours._lower = lower


def test_greenlets_of_a_thread(kind, ends):
    """A greenlet that waits in recv keeps its locks, whatever another one of its thread does."""
    greenlet = pytest.importorskip('greenlet', reason='greenlet is not installed')
    peer = Background(kind.server, ends[1])
    ours, theirs = kind.client(ends[0]), peer.result()
    lower = ours._lower

    def wait(size):
        greenlet.getcurrent().parent.switch()
        return lower.recv(size)
    ours._lower = Nesting(lower, wait)
    reader = greenlet.greenlet(lambda: read_exactly(ours, 4))
    reader.switch()
    ours.sendall(b'go')
    assert b'go' == read_exactly(theirs, 2)
    assert ours._receiving.locked()
    ours._lower = lower
    theirs.sendall(b'data')
    assert b'data' == reader.switch()
    reader = greenlet.greenlet(lambda: raised(ours.recv, 4))
    ours._lower = Nesting(lower, wait)
    reader.switch()
    ours.close()
    assert errno.EBADF == reader.switch().errno
    theirs.close()
