"""
Lifetimes: objects die in any order, at any time, in forks and threads, and take nothing with
them.
"""
from __future__ import absolute_import, division, print_function

import gc
import os
import platform
import subprocess
import sys

import pytest

from sslproto27 import MemoryBIO, wrap_bio
from tests.support.engines import ENGINE, only_graft
from tests.support.memory import PY2, Endpoint, Pair, connect, raised

PYPY = platform.python_implementation() == 'PyPy'

# What each child starts with. On Python 3 a crash leaves a traceback.
BEGIN = '''
from __future__ import print_function
import gc, os, random, ssl, sys, weakref
try:
    import faulthandler
except ImportError:
    pass
else:
    faulthandler.enable()
from sslproto27 import MemoryBIO, wrap_bio
from tests.support.memory import Pair, connect
from tests.support.pki import PKI
pki = PKI(sys.argv[1])
def on_server_name(context, callback):
    if sys.version_info[0] == 2:
        context.set_servername_callback(callback)
    else:
        context.sni_callback = callback
def contexts(version=None):
    return pki.client_context(version), pki.server_context('ecdsa', version)
'''


@pytest.fixture
def child(run_python):
    """
    A function that runs a script and returns the words that it prints; it must end well, and
    quietly.
    """
    def run(script):
        finished = run_python(BEGIN + script)
        assert (0, '') == (finished.returncode, finished.stderr), finished.stdout
        return finished.stdout.split()
    return run


@pytest.fixture
def openssl_program():
    """Skips where there is no openssl program to start."""
    try:
        subprocess.Popen(['openssl', 'version'], stdout=subprocess.PIPE).communicate()
    except OSError as error:
        pytest.skip('no openssl program: %s' % error)


def descriptors():
    """Return how many descriptors this process has open."""
    return len(os.listdir('/proc/self/fd'))


class TestOrder(object):
    def test_bios_outlive_objects(self, client_context, server_context):
        """A BIO still holds what a TLS object wrote into it before it died."""
        pair = connect(client_context, server_context)
        pair.client.write(b'abc')
        outgoing, incoming, server = pair.client_end.outgoing, pair.server_end.incoming, pair.server
        del pair
        incoming.write(outgoing.read())
        assert b'abc' == server.read()

    def test_objects_outlive_bios(self, client_context, server_context):
        """A TLS object keeps its BIOs, though nobody else does."""
        there, back = MemoryBIO(), MemoryBIO()
        client = wrap_bio(client_context, back, there, server_hostname='localhost')
        server = wrap_bio(server_context, there, back, server_side=True)
        client, server = [Endpoint(sslobj, None, None) for sslobj in (client, server)]
        del there, back
        for _ in range(3):
            client.handshake_is_done()
            server.handshake_is_done()
        client.sslobj.write(b'abc')
        assert b'abc' == server.read_available()

    def test_objects_outlive_contexts(self, pki, tls_version):
        """A TLS object keeps its context, though nobody else does."""
        pair = Pair(pki.client_context(tls_version), pki.server_context(version=tls_version))
        pair.handshake()
        assert tls_version == pair.client.version()
        assert b'abc' == pair.transfer(pair.client_end, b'abc')

    def test_replaced_context(self, pki, tls_version):
        """A connection goes on when the context that it began with is replaced and gone."""
        pair = connect(pki.client_context(tls_version), pki.server_context(version=tls_version))
        pair.client.context = pki.client_context()
        pair.server.context = pki.server_context()
        assert (b'abc', b'def') == (pair.transfer(pair.client_end, b'abc'),
                                    pair.transfer(pair.server_end, b'def'))

    def test_shared_bio(self, client_context):
        """One BIO serves several objects; those that die leave it to the others."""
        shared = MemoryBIO()
        ends = [wrap_bio(client_context, MemoryBIO(), shared, server_hostname='localhost')
                for _ in range(5)]
        lengths = []
        while ends:
            raised(ends.pop(0).do_handshake)
            lengths.append(shared.pending)
            assert b'\x16\x03\x01' == shared.read()[:3]
        assert (5, True, 0) == (len(lengths), all(lengths), shared.pending)

    def test_one_bio_for_both_directions(self, client_context):
        """An object over one BIO for both directions dies without it."""
        bio = MemoryBIO()
        sslobj = wrap_bio(client_context, bio, bio, server_hostname='localhost')
        raised(sslobj.do_handshake)
        bio.read()
        del sslobj
        assert (3, b'abc') == (bio.write(b'abc'), bio.read())

    def test_any_order(self, child):
        """
        In hundreds of random orders, at every stage of a connection, everything dies without a
        crash.
        """
        assert ['600'] == child('''
chance, count = random.Random(5), 0
versions = [contexts(version) for version in ('TLSv1.2', 'TLSv1.3')]
for number in range(600):
    own = number % 50 == 0
    client_context, server_context = contexts() if own else chance.choice(versions)
    pair = Pair(client_context, server_context)
    stage = chance.randrange(5)
    if stage == 1:
        pair.client_end.handshake_is_done()
        pair.pump()
        pair.server_end.handshake_is_done()
    if stage >= 2:
        pair.handshake()
    if stage >= 3:
        pair.client.write(b'in flight' * 3000)
        pair.server.write(b'in flight')
    if stage == 4:
        pair.pump()
        pair.server.read(10)
    held = [pair.client, pair.server, client_context, server_context]
    held += [pair.client_end.incoming, pair.client_end.outgoing]
    held += [pair.server_end.incoming, pair.server_end.outgoing]
    if stage >= 2:
        held += [pair.client.session, pair.server.session, pair.client.getpeercert()]
    del pair, client_context, server_context
    if own:
        gc.collect()
    while held:
        dead = held.pop(chance.randrange(len(held)))
        for survivor in held:
            try:
                if isinstance(survivor, MemoryBIO):
                    survivor.read(7)
                    survivor.write(b'') if not survivor.eof else None
                elif hasattr(survivor, 'cipher') and chance.random() < 0.3:
                    survivor.read(1)
            except ssl.SSLError:
                pass
        del dead
    count += 1
print(count)
''')


class TestInterpreterExit(object):
    @pytest.mark.parametrize('stage', ['new', 'begun', 'done', 'data', 'closed'])
    def test_alive_at_exit(self, child, stage):
        """
        Objects of every stage may be alive, in modules and in cycles, when the interpreter
        ends.
        """
        assert ['end'] == child('''
stage = %r
pair = Pair(*contexts())
if stage == 'begun':
    pair.client_end.handshake_is_done()
    pair.pump()
    pair.server_end.handshake_is_done()
if stage in ('done', 'data', 'closed'):
    pair.handshake().exchange()
    session = pair.client.session
if stage == 'data':
    pair.client.write(b'in flight' * 10000)
    pair.pump()
if stage == 'closed':
    pair.shut_down()
class Cycle(object):
    pass
cycle = Cycle()
cycle.cycle, cycle.pair, cycle.bio = cycle, connect(*contexts()), MemoryBIO()
ssl.kept_here = pair.client, MemoryBIO()
sys.kept_here = connect(*contexts())
print('end')
''' % stage)

    def test_in_an_exit_handler(self, child):
        """TLS still works in an exit handler."""
        assert ['abc'] == child('''
import atexit
pair = Pair(*contexts())
def at_exit():
    pair.handshake()
    print(pair.transfer(pair.client_end, b'abc').decode('ascii'))
atexit.register(at_exit)
''')

    def test_in_a_callback_at_exit(self, child):
        """A context whose callback holds the connection may be alive at the end."""
        assert ['end'] == child('''
client_context, server_context = contexts()
seen = []
on_server_name(server_context, lambda *args: seen.append((args, pair)))
pair = Pair(client_context, server_context)
pair.handshake()
print('end')
''')


class TestWeakReferences(object):
    SCRIPT = '''
gc.collect()
gc.disable()
def life():
    client_context, server_context = contexts(%r)
    pair = Pair(client_context, server_context)
%s
    things = pair.client, pair.server, client_context, server_context
    return [weakref.ref(thing) for thing in things]
references = life()
if '__pypy__' in sys.builtin_module_names:
    gc.collect()
print([reference() for reference in references])
'''
    STAGES = {
        'new': 'pass',
        'begun': 'pair.client_end.handshake_is_done()',
        'done': 'pair.handshake().exchange()',
        'refused': '''pair = Pair(client_context, pki.server_context('stranger'))
    errors = [type(error) for error in pair.try_handshake()]
    assert type(None) not in errors''',
        'session': '''pair.handshake().exchange()
    pair = connect(client_context, server_context, session=pair.client.session)
    assert pair.client.session_reused''',
        'data': '''pair.handshake()
    pair.client.write(b'in flight' * 3000)
    pair.pump()
    pair.server.read()''',
        'closed': 'pair.handshake().exchange().shut_down()',
        'truncated': '''pair.handshake().exchange()
    pair.client_end.incoming.write_eof()
    try:
        pair.client.read()
    except ssl.SSLError:
        pass''',
        'certificate': '''pair.handshake()
    pair.client.getpeercert()
    pair.client.getpeercert(True)
    pair.server.shared_ciphers()
    pair.client.get_channel_binding()''',
        'new context': '''pair.handshake()
    pair.client.context, pair.server.context = contexts()''',
        'name callback': '''on_server_name(server_context, lambda *args: None)
    pair.handshake()''',
    }

    @pytest.mark.parametrize('version', ['TLSv1.2', 'TLSv1.3'])
    @pytest.mark.parametrize('stage', sorted(STAGES))
    def test_die_at_once(self, child, stage, version):
        """
        Without the cycle collector, objects and contexts die with their last reference, at any
        stage.
        """
        script = self.SCRIPT % (version, '    ' + self.STAGES[stage])
        assert ['[None,', 'None,', 'None,', 'None]'] == child(script)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
class TestFork(object):
    END = '''
def finish(work):
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    work()
    print(status)
'''

    def test_new_connections(self, child):
        """After a fork, both processes make connections of their own."""
        assert ['0'] == child(self.END + '''
client_context, server_context = contexts()
connect(client_context, server_context)
finish(lambda: connect(client_context, server_context).transfer)
''')

    def test_old_connections(self, child):
        """After a fork, both processes go on with a copy of the connection."""
        assert ['0'] == child(self.END + '''
pair = connect(*contexts())
def work():
    data = b'abc' * 10000
    assert data == pair.transfer(pair.client_end, data)
    pair.shut_down()
finish(work)
''')

    def test_first_use_is_in_the_child(self, child):
        """A parent that never used TLS forks a child that does."""
        assert ['0'] == child(self.END + '''
finish(lambda: connect(*contexts()))
''')

    def test_in_mid_handshake(self, child):
        """A handshake begun before a fork is finished by both."""
        assert ['0'] == child(self.END + '''
pair = Pair(*contexts())
pair.client_end.handshake_is_done()
pair.pump()
finish(pair.handshake)
''')


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='no /proc/self/fd here')
class TestDescriptors(object):
    def test_objects_have_none(self, client_context, server_context):
        """
        However many objects live, and whatever they do, the process has as many descriptors as
        before.
        """
        connect(client_context, server_context)
        gc.collect()  # what other tests have left
        before = descriptors()
        pairs = [Pair(client_context, server_context) for _ in range(100)]
        counts = [descriptors()]
        for pair in pairs[::3]:
            pair.handshake()
        counts.append(descriptors())
        del pair, pairs
        counts.append(descriptors())
        assert [before] * 3 == counts

    def test_one_at_most_for_the_process(self, child):
        """The first use opens one descriptor at most, the pair two, for the process's life."""
        assert ['True'] == child('''
contexts()
before = len(os.listdir('/proc/self/fd'))
pairs = [connect(*contexts()) for _ in range(3)]
print(len(os.listdir('/proc/self/fd')) - before <= %d)
''' % (2 if ENGINE == 'pair' else 1))

    @pytest.mark.parametrize('used_before', [False, True], ids=['unused', 'used'])
    def test_daemon_closes_everything(self, child, used_before):
        """
        A daemon that has closed all of its descriptors makes connections, and goes on with old
        ones.
        """
        assert ['abc', 'def'] == child('''
out = os.dup(1)
client_context, server_context = contexts()
old = connect(client_context, server_context) if %r else None
os.closerange(3, out)
os.closerange(out + 1, 1000)
pair = connect(client_context, server_context)
print(pair.transfer(pair.client_end, b'abc').decode('ascii'))
pair = old or pair
print(pair.transfer(pair.server_end, b'def').decode('ascii'))
''' % used_before)

    @only_graft  # the pair's own is in core/engine/test_pair.py
    def test_reused_numbers(self, child):
        """
        Descriptors opened under the numbers of those that a daemon closed are neither used nor
        closed.
        """
        assert ['True', 'True', 'True'] == child('''
client_context, server_context = contexts()
old = connect(client_context, server_context)
os.closerange(3, 1000)
pipes = [os.pipe() for _ in range(10)]
opened = sorted(os.listdir('/proc/self/fd'))
for number in range(20):
    pair = connect(client_context, server_context)
    pair.transfer(pair.client_end, b'abc')
    pair.shut_down()
old.transfer(old.client_end, b'abc')
del pair, old, client_context, server_context
gc.collect()
still = [all(os.fstat(end) for end in pipe) for pipe in pipes]
print(all(still))
for reader, writer in pipes:
    os.write(writer, b'x')
print(set(os.read(reader, 100) for reader, writer in pipes) == {b'x'})
print(set(opened) <= set(os.listdir('/proc/self/fd')) | {max(opened, key=int)})
''')

    def test_failed_handshakes(self, pki, client_context, tls_version):
        """Failed handshakes leave no descriptor behind."""
        server_context = pki.server_context('stranger', tls_version)
        Pair(client_context, server_context).try_handshake()
        before = descriptors()
        for _ in range(50):
            assert None is not Pair(client_context, server_context).try_handshake()[0]
        assert before == descriptors()


class TestReentry(object):
    def test_last_reference_dropped_in_the_callback(self, child):
        """A callback may drop what seems the last reference to the object that it is called for."""
        assert ['dropped', 'end'] == child('''
client_context, server_context = contexts()
held = [Pair(client_context, server_context)]
def callback(sslobj, name, context):
    held.pop()
    del sslobj
    gc.collect()
    print('dropped')
on_server_name(server_context, callback)
held[0].client_end.handshake_is_done()
held[0].pump()
held[0].server_end.handshake_is_done()
print('end')
''')

    def test_connection_in_the_callback(self, child):
        """Another connection may run in the callback."""
        assert ['inner', 'outer'] == child('''
client_context, server_context = contexts()
def callback(sslobj, name, context):
    if name == 'localhost':
        connect(client_context, contexts()[1])
        print('inner')
on_server_name(server_context, callback)
connect(client_context, server_context)
print('outer')
''')

    @pytest.mark.skipif(not PY2, reason='Python 3.13 itself frees memory twice here')
    def test_the_same_object_in_the_callback(self, child):
        """The object may be misused in its own callback; that raises or not, but does not crash."""
        assert ['end'] == child('''
client_context, server_context = contexts()
def callback(sslobj, name, context):
    for call in (sslobj.do_handshake, sslobj.read, lambda: sslobj.write(b'x'), sslobj.unwrap,
                 sslobj.version, sslobj.cipher, sslobj.pending, sslobj.getpeercert):
        try:
            call()
        except Exception:
            pass
on_server_name(server_context, callback)
Pair(client_context, server_context).try_handshake()
print('end')
''')

    @pytest.mark.skipif(not PY2, reason='Python 3.13 itself frees memory twice here')
    def test_misuse_in_a_callback_of_renegotiation(self, child, openssl_program):
        """The same holds when the callback runs inside of a read, since the peer renegotiates."""
        assert ['2', 'end'] == child('''
import socket, subprocess
from tests.support.socket_ends import ALLOW_RENEGOTIATION, SocketEnd
from tests.support.sockets import PATIENCE
context = contexts('TLSv1.2')[1]
context.options |= ALLOW_RENEGOTIATION
calls = []
def callback(sslobj, name, given):
    calls.append(name)
    if len(calls) < 2:
        return
    for call in 3 * [sslobj.do_handshake, sslobj.read, lambda: sslobj.write(b'x'), sslobj.unwrap,
                     lambda: sslobj.read(9, bytearray(9)), sslobj.getpeercert, sslobj.version]:
        try:
            call()
        except Exception:
            pass
on_server_name(context, callback)
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(1)
client = subprocess.Popen(
    ['openssl', 's_client', '-connect', '127.0.0.1:%d' % listener.getsockname()[1], '-tls1_2',
     '-servername', 'localhost'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    stderr=subprocess.PIPE)
try:
    sock = listener.accept()[0]
    sock.settimeout(PATIENCE)
    server = SocketEnd(sock, context, server_side=True)
    server.call('do_handshake')
    client.stdin.write(b'R')
    client.stdin.write(chr(10))
    client.stdin.flush()
    while len(calls) < 2:
        server.receive()
        try:
            server.sslobj.read()
        except (ssl.SSLError, RuntimeError):
            pass
finally:
    client.kill()
    client.wait()
print(len(calls))
print('end')
''')


class TestThreads(object):
    @pytest.mark.skipif(not PY2, reason="the safety of Python 3's own ssl is not ours to test")
    def test_misuse(self, child):
        """Threads that hammer the same objects may get exceptions; memory stays whole."""
        assert ['True', 'abc'] == child('''
import threading, time
client_context, server_context = contexts()
counts = [0, 0]
pair = Pair(client_context, server_context)
deadline = time.time() + 1
def hammer(index):
    global pair
    chance = random.Random(index)
    while time.time() < deadline:
        mine = pair
        end = chance.choice([mine.client_end, mine.server_end])
        other = mine.server_end if end is mine.client_end else mine.client_end
        call = chance.choice([
            end.sslobj.do_handshake, end.sslobj.read, end.sslobj.version, end.sslobj.pending,
            end.sslobj.cipher, lambda: end.sslobj.write(b'abc' * 5000),
            lambda: other.incoming.write(end.outgoing.read()), lambda: end.incoming.read(10),
            lambda: end.sslobj.read(10000, bytearray(5000)), lambda: end.sslobj.getpeercert(True),
            lambda: other.incoming.write(end.outgoing.read()), lambda: end.sslobj.session])
        try:
            call()
        except Exception:
            pass
        counts[index] += 1
        if chance.random() < 0.01:
            pair = Pair(client_context, server_context)
        if chance.random() < 0.001:
            try:
                end.sslobj.unwrap()
            except Exception:
                pass
threads = [threading.Thread(target=hammer, args=(index,)) for index in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(min(counts) > 100)
pair = connect(client_context, server_context)
print(pair.transfer(pair.client_end, b'abc').decode('ascii'))
''')

    def test_a_connection_for_each(self, child):
        """
        Threads with connections of their own, over the same contexts, do not disturb each
        other.
        """
        assert ['[200,', '200,', '200,', '200]'] == child('''
import threading
client_context, server_context = contexts()
counts = [0] * 4
def work(index):
    pair = connect(client_context, server_context)
    for number in range(200):
        data = bytes(bytearray([index])) * (number * 50 + 1)
        counts[index] += data == pair.transfer(pair.client_end, data)
threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(counts)
''')

    def test_from_thread_to_thread(self, child):
        """A connection may be made by one thread, used by another, and freed by a third."""
        assert ['abc', 'end'] == child('''
import threading
held = []
def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
def use():
    print(held[0].transfer(held[0].client_end, b'abc').decode('ascii'))
in_thread(lambda: held.append(connect(*contexts())))
in_thread(use)
in_thread(held.pop)
print('end')
''')


def test_child_reports_its_failures(run_python):
    """
    The children of this file are no tests that cannot fail: a crash and a complaint are both
    seen.
    """
    crashed = run_python(BEGIN + 'import ctypes; ctypes.string_at(1)')
    warned = run_python(BEGIN + 'import warnings; warnings.warn("seen")')
    assert (True, 1) == (crashed.returncode < 0, warned.returncode)
    assert ('UserWarning' in warned.stderr, sys.executable != '') == (True, True)


@only_graft
@pytest.mark.skipif(not PY2, reason="Python 3's own ssl has no buffers of ours")
class TestBuffers(object):
    """Memory that OpenSSL fills may be used again, by one at a time."""

    def test_two_at_once(self):
        """What is in one buffer stays there, whatever is read into another meanwhile."""
        from sslproto27._core.engine import binding
        bio, buffers = MemoryBIO(), []
        for word in (b'first', b'second'):
            bio.write(word)
            buffers.append(binding.BLANK * 10)
            assert len(word) == binding.lib.BIO_read(bio._bio, buffers[-1], 10)
        assert [b'first', b'second'] == [buffers[0][:5], buffers[1][:6]]

    def test_failed_reads(self):
        """A buffer into which nothing was read is nobody's any more, and is taken once."""
        from sslproto27._core.engine import binding
        bio = MemoryBIO()
        first = binding.BLANK * 10
        assert binding.lib.BIO_read(bio._bio, first, 10) <= 0
        assert b'' == first[:0]
        buffers = [binding.BLANK * 10 for _ in range(3)]
        for number, data in enumerate(buffers):
            bio.write(b'%d' % number)
            binding.lib.BIO_read(bio._bio, data, 10)
        assert [b'0', b'1', b'2'] == [data[:1] for data in buffers]
