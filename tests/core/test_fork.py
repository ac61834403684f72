"""
After a fork one process alone uses a connection's keys; the other one disturbs nothing.

Real forks; the peer is the interpreter's own ssl, which takes no record that was encrypted with
another number than the next, nor one twice.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import functools
import gc
import multiprocessing
import os
import socket
import ssl
import sys
import threading
import time

import pytest

from sslproto27 import SSLSocket
from sslproto27._core import fork as _fork, pipe_states as _pipe
from sslproto27._core.fork import OneProcess, call_after_forks
from tests.support.forks import MARKS, Child, Faces, Gate, ends_cleanly, refused, say
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY, PipePair, record_types, talk
from tests.support.recursion import near_limit, runs_finally
from tests.support.sockets import PATIENCE, Background, connection, read_exactly

if PY2:
    import SocketServer as socketserver
else:
    import socketserver

pytestmark = MARKS

REFUSED = 'SSLError'


class TestPipe(object):
    """What pipes show without a connection."""

    @pytest.fixture
    def pair(self, client_context, server_context):
        """Two pipes that have shaken hands."""
        return PipePair(client_context, server_context).handshake()

    def test_mid_handshake(self, client_context, server_context):
        """A handshake that has begun is finished by one process alone."""
        pair = PipePair(client_context, server_context).start()
        pair.server.feed_ssldata(pair.client.data_to_send())
        shaken = Gate()

        def work():
            pair.pump()
            shaken.open()
            return talk(pair.client, pair.server, b'abc') == b'abc'
        child = Child(work)
        shaken.wait()
        for pipe in pair.client, pair.server:
            assert refused(pipe.feed_ssldata, b'abc')
            assert refused(pipe.data_to_send)
        assert 'True' == child.result()

    def test_before_the_handshake(self, client_context, server_context):
        """A pipe that has not begun is begun by one process alone."""
        pair = PipePair(client_context, server_context)
        assert 'OPEN' == Child(lambda: pair.handshake().client.state).result()
        assert refused(pair.client.do_handshake)
        assert _pipe.PLAINTEXT == pair.client.state

    @pytest.mark.parametrize('call', [
        ('feed_ssldata', b'x'), ('feed_appdata', b'x'), ('data_to_send',), ('shutdown',),
        ('claim',)])
    def test_refused(self, pair, call):
        """Whatever would use the keys is refused, and changes nothing."""
        pair.client.feed_appdata(b'waiting')
        assert 'None' == Child(pair.client.claim).result()
        before = pair.client.state, list(pair.client.backlog)
        for _ in range(2):
            assert refused(getattr(pair.client, call[0]), *call[1:])
        assert before == (pair.client.state, pair.client.backlog)
        assert not pair.client.may_end()

    def test_nonces(self, pki):
        """Of both processes' records only one's are on the wire: no nonce is there twice."""
        version = 'TLSv1.2'
        pair = PipePair(pki.client_context(version=version),
                        pki.server_context(version=version)).handshake()
        ours, other = socket.socketpair()

        def work():
            for _ in range(100):
                pair.client.feed_appdata(b'x')
                ours.sendall(pair.client.data_to_send())
        child = Child(work)
        try:
            work()
            parent = 'None'
        except ssl.SSLError:
            parent = REFUSED
        outcomes = [parent, child.result().split(':')[0]]
        ours.close()
        wire = other.makefile('rb').read()
        other.close()
        assert outcomes.count('None') <= 1
        assert outcomes.count('None') + outcomes.count(REFUSED) == 2
        count = 100 * outcomes.count('None')
        assert [23] * count == record_types(wire)
        nonces = [wire[start + 5:start + 13] for start in range(0, len(wire), len(wire) // 100)] \
            if count else []
        assert count == len(set(nonces))

    def test_backlog_is_the_parents(self, pair):
        """A parent that has still something to send ends a pipe beside a child; a child never."""
        end = Gate()
        pair.client.feed_appdata(b'waiting')

        def work():
            outcome = pair.client.may_end()
            end.wait()
            return outcome
        child = Child(work)
        assert not pair.server.may_end()
        assert pair.client.may_end()
        end.open()
        assert 'False' == child.result()

    @pytest.mark.parametrize('first', ['child', 'parent'])
    @pytest.mark.parametrize('size', [1, 100000])
    def test_fork_while_encrypting(self, pair, monkeypatch, first, size):
        """Where another thread forks during data_to_send, only one process sends the records."""
        client, children, used = pair.client, [], Gate()

        def work():
            if first == 'parent':
                used.wait()
            return refused(client.data_to_send)

        def fork(*args):
            if not children:
                children.append(None)  # here a child does so, too
                children[0] = Child(work)
                if first == 'child':
                    children[0].result()
            return b''
        client.feed_appdata(b'x' * size)
        monkeypatch.setattr(client, '_send_small', fork)
        if first == 'child':
            assert refused(client.data_to_send)
        else:
            assert len(client.data_to_send()) > size
            used.open()
            assert 'True' == children[0].result()

    def test_new_pipes(self, pair, client_context, server_context):
        """After a fork both processes make pipes of their own."""
        def work():
            new = PipePair(client_context, server_context).handshake()
            return talk(new.client, new.server, b'abc') == b'abc'
        assert 'True' == Child(work).result()
        assert work()

    def test_fork_of_which_nobody_tells(self, pair):
        """In the child of a fork that Python does not see, older pipes are refused."""
        fork = getattr(ctypes, 'CDLL' if PYPY else 'PyDLL')(None).fork

        def work():
            return (refused(pair.client.data_to_send), pair.client.may_end(),
                    refused(pair.server.data_to_send))
        assert '(True, False, True)' == Child(work, fork).result()
        assert b'abc' == talk(pair.client, pair.server, b'abc')

    def test_closed_descriptors(self, pair):
        """A child that has closed all descriptors is refused, as nobody can tell any more."""
        result = os.dup(1)
        os.close(result)

        def work():
            with open(os.devnull) as null:
                for fork, _ in pair.client._claims:
                    os.dup2(null.fileno(), fork._ends[fork.side][0])
                return refused(pair.client.feed_appdata, b'x')
        assert 'True' == Child(work).result()


class Watched(object):
    """Descriptors and open claims, before and after."""

    def __init__(self, *owners):
        self.owners = owners

    def count(self):
        """Return (descriptors of this process, open claims)."""
        gc.collect()
        claims = sum(len(one._claims or ()) for one in self.owners)
        return len(os.listdir('/proc/self/fd')), claims


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='no /proc/self/fd here')
class TestNothingGrows(object):
    """What many forks leave behind."""

    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch):
        """No objects but the test's own: those of others share what a fork makes."""
        for _ in range(5):  # PyPy closes other tests' descriptors some rounds later
            gc.collect()
        monkeypatch.setattr(_fork, '_live', set())

    def test_children_that_end(self):
        """A parent that forks on and on keeps nothing of children that have ended."""
        one = OneProcess()
        watched = Watched(one)
        Child(int).result()
        before = watched.count()
        for _ in range(20):
            Child(int).result()
        assert before == watched.count()
        assert one.take()
        assert (before[0] - 1, 0) == watched.count()

    def test_use(self):
        """The first use gives up what a fork has made, with children that live on."""
        one = OneProcess()
        assert one.take()
        watched, end = Watched(one), Gate()
        before = watched.count()
        children = [Child(end.wait) for _ in range(3)]
        assert one.take()
        assert (before[0] + 3, 0) == watched.count()  # the pipes of these children themselves
        end.open()
        for child in children:
            child.result()
        assert before == watched.count()

    def test_no_object(self):
        """Where there is nothing to share, a fork takes no descriptor."""
        before = Watched().count()
        fork = _fork._Fork(0)
        fork.leave_open([])
        assert before == Watched().count()
        fork.happened(_fork._CHILD)

    def test_let_go(self):
        """Who lets go loses it, and the descriptors with it."""
        one = OneProcess()
        watched, end = Watched(one), Gate()
        before = watched.count()
        child = Child(end.wait)
        assert (before[0] + 2, 1) == watched.count()  # the child's own pipe, and the fork's
        one.disown()
        assert (before[0] + 1, 0) == watched.count()
        assert not one.take()
        end.open()
        child.result()


class TestRaces(object):
    """Both processes at once."""

    def test_never_both(self):
        """Of objects that both processes take at the same moment none is taken by both."""
        many = [OneProcess() for _ in range(2000)]
        start, started = Gate(), Gate()

        def work():
            started.open()
            start.wait()
            return ''.join('%d' % one.take() for one in many)
        child = Child(work)
        started.wait()
        start.open()
        ours = ''.join('%d' % one.take() for one in many)
        theirs = child.result()
        assert len(many) == len(ours) == len(theirs)
        assert ('1', '1') not in set(zip(ours, theirs))
        assert '1' in ours + theirs

    def test_threads_fork(self):
        """Threads that fork at once, while others take, leave no object to two processes."""
        many = [OneProcess() for _ in range(50)]
        taken, results = [], []

        def forking():
            for _ in range(5):
                child = Child(lambda: ''.join('%d' % one.take() for one in many))
                taken.append(''.join('%d' % one.take() for one in many))
                results.append(child.result())
        threads = [threading.Thread(target=forking) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert 15 == len(results) == len(taken)
        # In all, one process has each at the end, or none has.
        for place in range(50):
            assert 1 >= sum(result[place] == '1' for result in results)
            if any(result[place] == '1' for result in results):
                assert not many[place].take()

    def test_threads_take_during_forks(self):
        """Threads that take objects while another one forks: descriptors are closed once."""
        done, failures = threading.Event(), []

        def taking():
            one = OneProcess()
            while not done.is_set() and not failures:
                if not one.take():
                    failures.append('lost')
                time.sleep(0.0003)

        def opening():
            """Open and close what gets a number that has just become free."""
            while not done.is_set() and not failures:
                numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
                try:
                    for number in numbers:
                        os.close(number)
                except OSError as error:
                    failures.append(error)
        threads = [Background(work) for work in [taking] * 4 + [opening]]
        try:
            for _ in range(400):
                pid = os.fork()
                if not pid:
                    os._exit(0)
                os.waitpid(pid, 0)
        finally:
            done.set()
        for thread in threads:
            thread.result()
        assert not failures

    def test_closed_by_one(self, monkeypatch):
        """While a descriptor is being closed, nobody else closes its number."""
        fork, numbers = _fork._Fork(0), []
        fork.leave_open([OneProcess()])

        def close(number):
            fork.happened(_fork._PARENT)
            fork.close()
            os.close(number)  # fails if it is closed
            numbers.append(number)
        fork._close(_fork._CHILD, close=close)
        assert 1 == len(numbers)

    def test_used_descriptor_stays_open(self):
        """A descriptor that is in use is not closed, even if the last object is dropped then."""
        fork = _fork._Fork(0)
        fork.leave_open([OneProcess()])
        seen = []

        def function(number):
            fork.forget(0)
            seen.append(os.fstat(number))
        fork._use(_fork._PARENT, function)
        assert 1 == len(seen)
        assert not fork._ends


@runs_finally
@pytest.mark.skipif((3,) <= sys.version_info < (3, 9), reason=(
    'the handler of a RecursionError has 50 frames more here, and reaches no limit'))
class TestRecursionLimit(object):
    def test_other_threads_go_on(self):
        """One that comes to the recursion limit keeps no other thread from using its objects."""
        other, mine, taken = OneProcess(), [OneProcess() for _ in range(30)], []
        child = Child(lambda: True)
        assert 3 < near_limit([functools.partial(one.may_end, True) for one in mine]) < 30
        thread = threading.Thread(target=lambda: taken.append(other.take()))
        thread.daemon = True
        thread.start()
        thread.join(PATIENCE)
        assert [True] == taken
        assert 'True' == child.result()


class TestHooks(object):
    """How forks are noticed."""

    def test_importing_changes_nothing(self, run_python):
        """Importing leaves os.fork as it is; the first pipe, before Python 3.7, does not."""
        finished = run_python('''
import os
before = os.fork, os.forkpty
import sslproto27
same = before == (os.fork, os.forkpty)
sslproto27.SSLPipe(sslproto27.create_default_context(), server_hostname='localhost')
again = before == (os.fork, os.forkpty)
print(same, again == hasattr(os, 'register_at_fork'))
''')
        assert (0, '(True, True)\n' if PY2 else 'True True\n', '') == finished

    def test_another_ones_fork(self, run_python):
        """Where somebody has put another function into os.fork since, its forks are noticed."""
        if hasattr(os, 'register_at_fork'):
            pytest.skip('Python itself tells of forks here')
        finished = run_python('''
import os
from sslproto27._core.fork import OneProcess
plain = os.fork
first = OneProcess()
os.fork = lambda: plain()
second = OneProcess()
child = os.fork()
if not child:
    os._exit(first.take() and second.take())
print(os.waitpid(child, 0)[1] >> 8, first.take(), second.take())
''')
        assert (0, '(1, False, False)\n', '') == finished

    def test_failed_fork(self, monkeypatch):
        """A fork that fails leaves the process what it had."""
        if hasattr(os, 'register_at_fork'):
            pytest.skip('no way to make a fork fail here')

        def fork():
            raise OSError(11, 'Resource temporarily unavailable')
        monkeypatch.setattr(os, 'fork', fork)
        one = OneProcess()
        with pytest.raises(OSError):
            os.fork()
        assert one.may_end()
        assert one.take()

    def test_no_means(self, monkeypatch):
        """Where no pipe can be made for a fork, the child gets nothing."""
        one = OneProcess()
        with monkeypatch.context() as patch:
            real, calls = os.pipe, []

            def pipe():
                calls.append(1)
                if len(calls) == 2:  # the first one is the test's own
                    raise OSError(24, 'Too many open files')
                return real()
            patch.setattr(os, 'pipe', pipe)
            child = Child(one.take)
        assert 2 == len(calls)
        assert 'False' == child.result()
        assert one.take()

    @pytest.mark.filterwarnings('ignore:Exception ignored in')
    @pytest.mark.parametrize('name', ['_objects', '_next_pending', 'OneProcess._leave_open'])
    def test_failure_of_ours(self, monkeypatch, capfd, name):
        """Whatever fails in our part of a fork, the program gets its child, which gets nothing."""
        def fail(*args):
            raise RuntimeError('a fault of ours')
        one = OneProcess()
        ready = Gate()

        def work():
            ready.wait()
            return one.take()
        with monkeypatch.context() as patch:
            owner, name = ([_fork] + name.split('.'))[-2:]
            patch.setattr(getattr(_fork, owner) if owner is not _fork else owner, name, fail)
            child = Child(work)
        ready.open()
        # The child has the broken function.
        assert child.result() in ('False', 'RuntimeError: a fault of ours')
        assert one.take()
        if name == '_next_pending' and PY2:
            assert 'a fault of ours' in capfd.readouterr()[1]
        assert 'True' == Child(one.take).result()  # later forks are as ever

    def test_listener(self, monkeypatch):
        """A function is told in both processes before the fork returns, even if no object lives."""
        told = []

        def note():
            told.append(os.getpid())
        monkeypatch.setattr(_fork, '_listeners', [])
        monkeypatch.setattr(_fork, '_live', set())
        call_after_forks(note)
        call_after_forks(note)
        assert 'True' == Child(lambda: told == [os.getpid()]).result()
        assert [os.getpid()] == told

    def test_fork_within_a_fork(self, monkeypatch):
        """A signal handler forks in the midst of a fork: no two processes have an object."""
        if hasattr(os, 'register_at_fork'):
            pytest.skip('Python itself tells of forks here')
        one = OneProcess()  # which puts our function into os.fork
        plain, children = os.fork, []
        used = Gate()

        def work():
            used.wait()
            return one.take()

        def fork():  # what the original one is for a moment
            if not children:
                children.append(None)
                children[0] = Child(work)
            return plain()
        monkeypatch.setattr(os, 'fork', fork)
        OneProcess()
        children.append(Child(work))
        assert one.take()
        used.open()
        assert ['False', 'False'] == [child.result() for child in children]


class TestPrograms(object):
    """What programs do with forks."""

    def test_forking_server(self, pki, client_context):
        """SocketServer.ForkingMixIn serves one connection after another, each in a child."""
        context = pki.server_context()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b'answer to ' + self.rfile.readline())

        class Server(socketserver.ForkingMixIn, socketserver.TCPServer):
            def get_request(self):
                sock, address = socketserver.TCPServer.get_request(self)
                sock.settimeout(PATIENCE)
                return SSLSocket(sock, context, server_side=True), address

        server = Server(('127.0.0.1', 0), Handler)
        server.timeout = PATIENCE
        try:
            for name in b'one\n', b'two\n':
                serving = Background(server.handle_request)
                sock = socket.create_connection(server.server_address, PATIENCE)
                tls = client_context.wrap_socket(sock, server_hostname='localhost',
                                                 suppress_ragged_eofs=False)
                serving.result()
                tls.sendall(name)
                assert b'answer to ' + name == read_exactly(tls, 10 + len(name))
                assert ends_cleanly(tls)
                tls.close()
        finally:
            server.server_close()

    def test_multiprocessing(self, pki, client_context):
        """A process of multiprocessing that ends leaves its parent's connections alone."""
        with connection() as ends:
            face, peer = Faces.connect('socket', ends, client_context, pki)
            method = multiprocessing if PY2 else multiprocessing.get_context('fork')
            process = method.Process(target=face.close)
            process.start()
            process.join(PATIENCE)
            assert 0 == process.exitcode
            assert b'still here' == say(face, peer, b'still here')
            face.close()
            assert ends_cleanly(peer)

    @pytest.mark.parametrize('end', ['sys.exit(0)', 'raise KeyError', 'connection = None'])
    def test_interpreter_exit(self, run_python, end):
        """A child that ends as interpreters do leaves its parent's connection alone."""
        finished = run_python('''
import os, socket, sys, threading
import sslproto27
from tests.support import pki, sockets
made = pki.PKI(sys.argv[1])
ends = sockets.connection()
ours, theirs = ends.__enter__()
served, done = [], threading.Event()
def serve():
    tls = made.server_context().wrap_socket(theirs, server_side=True,
                                                suppress_ragged_eofs=False)
    served.append(tls.recv(100))
    done.set()
    served.append(tls.recv(100))
thread = threading.Thread(target=serve)
thread.daemon = True
thread.start()
connection = sslproto27.SSLSocket(ours, made.client_context(), server_hostname='localhost')
connection.sendall(b'before')
done.wait(20)
child = os.fork()
if not child:
    sys.stderr = open(os.devnull, 'w')
    %s
    sys.exit(0)
os.waitpid(child, 0)
connection.sendall(b'after')
connection.close()
thread.join(20)
print([str(one.decode('ascii')) for one in served])
''' % end, warnings='ignore')
        assert (0, "['before', 'after']\n", '') == finished
