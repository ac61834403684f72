"""
The pair of sockets that all TLS objects of the pair engine share: it is always empty, and nobody
waits for it for long.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import random
import signal
import socket
import ssl
import threading
import time
import weakref

import pytest

from tests.support.forks import is_open
from tests.support.memory import PY2, byte_by_byte, raised
from tests.support.pipe_pairs import PYPY, pattern

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.engine import current, pair as sockets  # noqa: E402
from sslproto27._core.engine.loopback import LoopbackPair  # noqa: E402
from tests.support.pair_engine import (  # noqa: E402
    KINDS, Ends, Interrupted, in_child, in_thread, needs_fork, wrap)

pytestmark = pytest.mark.usefixtures('watched', 'fresh')


class TestSockets(object):
    """What goes through is right on every kind of sockets."""

    @pytest.mark.parametrize('size', [1, 100, 16384, 16385, 65536, 1000000])
    def test_data(self, kind, client_context, server_context, size):
        """Data of any size arrives as it was sent, both ways, and the pair is empty in between."""
        ends = Ends(client_context, server_context).handshake().exchange()
        data = pattern(size)
        assert data == ends.transfer(ends.client_end, data)
        assert data == ends.transfer(ends.server_end, data)

    def test_byte_by_byte(self, kind, client_context, server_context):
        """A connection whose bytes come one by one works as any other."""
        ends = Ends(client_context, server_context, split=byte_by_byte).handshake().exchange()
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
        all_ends = [Ends(client_context, server_context).handshake().exchange() for _ in range(5)]
        for number, ends in enumerate(all_ends):
            ends.client.write(b'%d' % number * 20000)
        for ends in all_ends:
            ends.pump()
        assert [b'%d' % number * 20000 for number in range(5)] == [
            ends.server_end.read_available() for ends in all_ends]

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


class TestThreads(object):
    def test_two_threads(self, kind, client_context, server_context):
        """Threads with objects of their own do not see each other's bytes."""
        failures = []

        def talk(seed):
            chance = random.Random(seed)
            try:
                for _ in range(5):
                    ends = Ends(client_context, server_context).handshake().exchange()
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

    def save_data(self):
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
            pair.acquire(token)
            time.sleep(seconds)
            intact = True
        finally:
            pair.release(token, intact)
    finally:
        token[1] = None


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
        use(self.pair, User())  # a handler may have come into the last release
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
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.005))
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


class TestUnreleased(object):
    """An operation whose release failed, as it does at the recursion limit, but that is over."""

    @pytest.fixture
    def pair(self):
        """A pair, and what is over in it."""
        return sockets.Pair()

    def leave(self, pair):
        """Do an operation that leaves something in the sockets, and is not released."""
        token = pair.token(User())
        pair.acquire(token)
        pair.push(b'of the inner one')
        token[1] = None
        return token[0]

    def test_others_go_on(self, pair):
        """Other threads use the pair, and do not find what it left."""
        for _ in range(3):
            user = self.leave(pair)
            in_thread(lambda: use(pair, User()))
            assert {} == pair._holder
            with pytest.raises(Interrupted):
                use(pair, user)
            use(pair, user)

    def test_many_come_at_once(self, pair):
        """One thread at a time goes on."""
        inside, most = [], []

        def enter():
            for _ in range(100):
                token = pair.token(User())
                pair.acquire(token)
                inside.append(token)
                most.append(len(inside))
                time.sleep(0)
                inside.remove(token)
                token[1] = None

        threads = [threading.Thread(target=enter) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (400, 1) == (len(most), max(most))

    def test_inside_another(self, pair):
        """The one around it cannot tell its own data any more, and says so."""
        outer = pair.token(User())
        pair.acquire(outer)
        self.leave(pair)
        use(pair, User())
        with pytest.raises(Interrupted):
            pair.drain([])
        pair.release(outer, False)
        outer[1] = None
        in_thread(lambda: use(pair, User()))

    def test_inside_another_that_is_done(self, pair):
        """The one around it is not broken if it has all its data."""
        outer = pair.token(User())
        pair.acquire(outer)
        self.leave(pair)
        pair.release(outer, True)
        outer[1] = None
        assert outer[0].busy is None
        in_thread(lambda: use(pair, outer[0]))


@needs_fork
class TestFork(object):
    def test_child_and_parent(self, kind, client_context, server_context):
        """Objects from before a fork work on in both processes, whose bytes do not meet."""
        ends = Ends(client_context, server_context).handshake().exchange()
        theirs = []

        def child():
            for _ in range(200):
                theirs.append(ends.transfer(ends.client_end, b'child' * 100) == b'child' * 100)
            new = Ends(client_context, server_context).handshake().exchange()
            theirs.append(new.transfer(new.client_end, b'x') == b'x')
            return '%d %s' % (len(theirs), all(theirs))

        results = []
        thread = threading.Thread(target=lambda: results.append(in_child(child)))
        other = Ends(client_context, server_context).handshake().exchange()
        thread.start()
        while thread.is_alive():
            assert b'parent' == other.transfer(other.client_end, b'parent')
        assert ['201 True'] == results

    def test_beside_threads(self, client_context, server_context):
        """A fork while another thread is inside leaves the child nothing that it waits for."""
        stop = []

        def talk():
            ends = Ends(client_context, server_context).handshake().exchange()
            while not stop:
                ends.transfer(ends.client_end, pattern(30000))

        ends = Ends(client_context, server_context).handshake().exchange()
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
        other = Ends(client_context, pki.server_context()).handshake().exchange()
        forking.set_servername_callback(lambda *_: forked.append(os.fork()))
        ends = Ends(client_context, forking)
        errors, said = self.told(ends.try_handshake, other, forked)
        assert said.startswith('True') and self.MID_OPERATION in said
        assert (None, None) == errors
        assert pattern(20000) == ends.exchange().transfer(ends.client_end, pattern(20000))

    @pytest.mark.parametrize('name, before, is_told', [
        ('push', True, True), ('push', False, True), ('drain', True, True), ('drain', False, True),
        ('read_back', True, True),
        # A fork of C code that no step follows is noticed only after the next native call.
        ('push', True, False), ('drain', True, False), ('read_back', True, False)])
    def test_between_steps(self, kind, ends, monkeypatch, name, before, is_told):
        """So does a fork between two steps of an operation, by a signal handler."""
        other = Ends(ends.client.context, ends.server.context).handshake().exchange()
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
        if name == 'read_back':  # only what fails takes back
            ends.server_end.incoming._put_back(b'\x17\3\3\0\x20' + b'x' * 32)
        monkeypatch.setattr(cls, name, with_fork)
        result, said = self.told(work, other, forked)
        assert said.startswith('True') and self.MID_OPERATION in said
        assert '[SSL: ' in result if name == 'read_back' else result == pattern(30000)

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

    @pytest.mark.parametrize('cls', [sockets.Pair, LoopbackPair])
    def test_closed_standard_streams(self, cls, pki):
        """They take no number of a standard stream that the program has closed, at no time."""
        contexts = pki.client_context(), pki.server_context()
        Ends(*contexts).handshake()  # imports encodings

        def talk():
            ends = Ends(*contexts).handshake().exchange()
            assert b'abc' == ends.transfer(ends.client_end, b'abc')
            return '%s' % [number for number in range(3) if is_open(number)]

        def child():
            for number in range(3):
                os.close(number)
            current._current[:] = [cls()]
            found = [talk()]
            for number in current.current_pair()._numbers:
                os.close(number)
            found.append(talk())
            pid = os.fork()
            if not pid:
                os._exit(0 if talk() == '[]' else 1)
            return '%s %d' % (found, os.waitpid(pid, 0)[1])

        assert "['[]', '[]'] 0" == in_child(child)

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
                ends, Ends(*contexts).handshake().exchange())]
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
            new = Ends(*contexts).handshake().exchange()
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
        ends = Ends(*contexts).handshake().exchange()
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
            new = Ends(client_context, server_context).handshake().exchange()
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
        other = Ends(pki.client_context(), pki.server_context()).handshake().exchange()

        def child():
            pair = current.current_pair()
            token = pair.token(ends.client)
            pair.acquire(token)
            pair.release(token, intact=False)
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
