"""
Callers that do what nobody should: the engine refuses; it neither crashes nor answers wrongly.

Callbacks that fail where it cannot be said, an error queue that somebody else has filled, callbacks
that use the object that they were called for, signals, garbage collection and the end of the
interpreter inside of them. What can be generated is: each public callable, in each state.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import functools
import gc
import operator
import os
import platform
import signal
import ssl
import sys
import threading

import pytest

from sslproto27 import SSLContext, TLSVersion, context
from tests.support.contexts import WAYS
from tests.support.engines import not_in_pair, only_graft
from tests.support.hostile import questions
from tests.support.memory import PY2, Pair, connect

pytestmark = pytest.mark.skipif(not PY2, reason="the safety of Python 3's own ssl is not ours")

if PY2:
    from sslproto27._core.context import by_server_name as _by_name, callbacks as _callbacks
    from sslproto27._core.engine import binding, libssl
    lib = binding.lib

PYPY = platform.python_implementation() == 'PyPy'
only_ctypes = pytest.mark.skipif(PYPY, reason='cffi has no callbacks that Python could call')

KEY = b'k' * 16
VERSIONS = {'TLSv1.2': TLSVersion.TLSv1_2, 'TLSv1.3': TLSVersion.TLSv1_3}


# What stderr may be

class Raises(object):
    """A stderr that raises."""

    def __init__(self, error):
        self.error = error

    def write(self, data):
        """Raise."""
        raise self.error


class Closed(object):
    """A stderr without a write."""


def closed_file(tmpdir):
    """Return a real file that has been closed."""
    made = open(str(tmpdir.join('stderr')), 'w')
    made.close()
    return made


STDERRS = {
    'None': lambda tmpdir: None,
    'closed': closed_file,
    'no file': lambda tmpdir: Closed(),
    'full': lambda tmpdir: open('/dev/full', 'w', 0),
    'EIO': lambda tmpdir: Raises(IOError(5, 'Input/output error')),
    'KeyboardInterrupt': lambda tmpdir: Raises(KeyboardInterrupt()),
    'SystemExit': lambda tmpdir: Raises(SystemExit(3)),
    'deleted': None,
}


class Unprintable(Exception):
    """An exception that cannot be shown."""

    def __str__(self):
        raise KeyboardInterrupt
    __repr__ = __unicode__ = __str__


def recurse():
    """Go deeper than is allowed."""
    return recurse()


def interrupted():
    """Let Ctrl-C come just now."""
    with interruptible():
        os_kill(signal.SIGINT)
        for _ in range(1000):
            pass


class interruptible(object):
    """Ctrl-C raises KeyboardInterrupt within, as it does by default."""

    def __enter__(self):
        self.before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *args):
        signal.signal(signal.SIGINT, self.before)


def os_kill(number):
    """Send this process a signal."""
    os.kill(os.getpid(), number)


def raiser(error):
    """Return a function that raises."""
    def fail():
        raise error
    return fail


FAILURES = {
    'KeyError': raiser(KeyError('unknown')), 'SystemExit': raiser(SystemExit(4)),
    'KeyboardInterrupt': raiser(KeyboardInterrupt()), 'GeneratorExit': raiser(GeneratorExit()),
    'unprintable': raiser(Unprintable()), 'signal': interrupted, 'recursion': recurse,
    'old class': raiser(type('Old', (Exception,), {})()),
}


class NoNumber(object):
    """A result whose number raises."""

    def __int__(self):
        raise KeyboardInterrupt
    __index__ = __repr__ = __int__


#: What a server name callback may return by mistake.
NO_ALERTS = {'text': 'text', 'huge': 2 ** 70, 'negative': -1, 'zero': 0, 'False': False,
             'float': 112.0, 'no number': NoNumber(), '256': 256}


@pytest.fixture(params=sorted(STDERRS))
def stderr(request, tmpdir, monkeypatch):
    """Each stderr that cannot be written to."""
    if STDERRS[request.param] is None:
        monkeypatch.delattr(sys, 'stderr')
    else:
        monkeypatch.setattr(sys, 'stderr', STDERRS[request.param](tmpdir))
    monkeypatch.setattr(sys, 'excepthook', raiser(KeyboardInterrupt()))
    return request.param


def psk_contexts(version, client_answer, server_answer):
    """Return two contexts that know no certificates."""
    made = [WAYS[0].new(), WAYS[0].new(server_side=True)]
    for one in made:
        one.minimum_version = one.maximum_version = VERSIONS[version]
        one.set_ciphers('PSK')
    made[0].set_psk_client_callback(client_answer)
    made[1].set_psk_server_callback(server_answer)
    return made


class TestFailingCallbacks(object):
    """C gets the answer that refuses, whatever else goes wrong."""

    @only_graft
    @only_ctypes
    @pytest.mark.parametrize('how', sorted(FAILURES))
    @pytest.mark.parametrize('name, failure', [
        ('keylog', None), ('psk_client', 0), ('psk_server', 0), ('ticket_key', -1)])
    def test_result(self, name, failure, how, stderr):
        """What C gets is the failure, each time."""
        made = binding.callback(name, lambda *args: FAILURES[how](), failure)
        arguments = [0] * len(libssl.callback_types(name)[1])
        assert [failure] * 3 == [made(*arguments) for _ in range(3)]

    @only_graft
    @only_ctypes
    def test_signal_before_the_first_step(self, capfd):
        """A signal that came while OpenSSL was computing is heeded where it can do no harm."""
        called = []
        made = binding.callback('psk_server', lambda *args: called.append(1) or 7, 0)
        steps = [ctypes.pythonapi.PyErr_SetInterrupt,
                 functools.partial(made, None, None, None, 0)]
        with interruptible():
            answers = map(operator.methodcaller('__call__'), steps)  # no Python in between
        assert (0, []) == (answers[1], called)
        assert 'KeyboardInterrupt' in capfd.readouterr()[1]

    @only_graft
    @only_ctypes
    @pytest.mark.parametrize('watch', [sys.settrace, sys.setprofile])
    @pytest.mark.parametrize('name, failure', [('psk_server', 0), ('ticket_key', -1),
                                               ('server_name', 2)])
    def test_tracer_raises(self, name, failure, watch, capfd):
        """Whenever a tracer raises, C gets the answer or the failure."""
        answer = 0x1234567
        made = binding.callback(name, lambda *args: answer, failure)
        arguments = [None] * (len(libssl.callback_types(name)[1]) - 1) + [0]
        if name == 'server_name':
            arguments[-1] = None
        found = []
        for last in range(1, 100):
            events = []

            def tracer(frame, event, argument):
                events.append(event)
                if len(events) == last:
                    raise KeyboardInterrupt
                return tracer
            call = functools.partial(made, *arguments)
            # No Python in between: the tracer is called for the callback alone.
            both = [functools.partial(watch, tracer), call, functools.partial(watch, None)]
            results = map(operator.methodcaller('__call__'), both)
            found.append(results[1])
            if len(events) < last:
                break
        assert failure == found[0] and answer == found[-1]
        assert {failure, answer} == set(found)
        assert answer == made(*arguments)

    @not_in_pair('set_psk_server_callback')
    @pytest.mark.parametrize('how', sorted(FAILURES))
    @pytest.mark.parametrize('side', ['client', 'server'])
    def test_psk(self, tls_version, side, how, stderr):
        """A PSK callback that fails makes no connection."""
        answers = {'client': lambda hint: (u'me', KEY), 'server': lambda identity: KEY}
        answers[side] = lambda given: FAILURES[how]()
        errors = Pair(*psk_contexts(tls_version, answers['client'],
                                    answers['server'])).try_handshake()
        assert all(isinstance(error, ssl.SSLError) for error in errors if error) and any(errors)
        answers[side] = lambda given: (None, b'') if side == 'client' else b''
        refused = Pair(*psk_contexts(tls_version, answers['client'],
                                     answers['server'])).try_handshake()
        # As where there is no key, and not because some other key was tried.
        assert [error and error.reason for error in refused] == [
            error and error.reason for error in errors]

    @not_in_pair('session_ticket_keys')
    @pytest.mark.parametrize('how', sorted(FAILURES))
    def test_ticket_key(self, pki, tls_version, how, stderr, monkeypatch):
        """A ticket that cannot be encrypted ends the handshake."""
        server = pki.server_context(version=tls_version, cls=SSLContext)
        server.session_ticket_keys = [context.new_session_ticket_key()]
        pair = Pair(pki.client_context(tls_version), server)
        monkeypatch.setattr(_callbacks, 'settings_of_connection', lambda handle: FAILURES[how]())
        assert isinstance(pair.try_handshake()[1], ssl.SSLError)

    @not_in_pair('keylog_filename')
    @pytest.mark.parametrize('how', sorted(FAILURES))
    def test_keylog(self, pki, tls_version, how, stderr, monkeypatch, tmpdir):
        """A log that cannot be written ends nothing, the process neither."""
        client = pki.client_context(tls_version, cls=SSLContext)
        client.keylog_filename = str(tmpdir.join('secrets'))
        monkeypatch.setattr(_callbacks, 'settings_of_connection', lambda handle: FAILURES[how]())
        pair = connect(client, pki.server_context(version=tls_version))
        assert b'abc' == pair.transfer(pair.client_end, b'abc')

    @pytest.mark.parametrize('how', sorted(FAILURES) + sorted(NO_ALERTS))
    @pytest.mark.parametrize('door', ['set_sni_callback', 'sni_callback',
                                      'set_servername_callback'])
    def test_server_name(self, pki, tls_version, door, how, stderr):
        """A server name callback that fails, or returns what is no alert, ends the handshake."""
        def fail(*args):
            return FAILURES[how]() if how in FAILURES else NO_ALERTS[how]
        cls = ssl.SSLContext if door == 'set_sni_callback' else SSLContext
        server = pki.server_context(version=tls_version, cls=cls)
        if door == 'set_sni_callback':
            context.set_sni_callback(server, fail)
        elif door == 'sni_callback':
            server.sni_callback = fail
        else:
            server.set_servername_callback(fail)
        pair = Pair(pki.client_context(tls_version), server)
        assert all(isinstance(error, ssl.SSLError) for error in pair.try_handshake())

    @pytest.mark.parametrize('how', sorted(FAILURES))
    def test_by_server_name(self, pki, tls_version, how, stderr, monkeypatch):
        """So does a failure in our own choice of a context by the server's name."""
        server = context.by_server_name(pki.server_context(version=tls_version), {
            'localhost': pki.server_context(version=tls_version)})
        monkeypatch.setattr(_by_name, '_use', lambda *args: FAILURES[how]())
        pair = Pair(pki.client_context(tls_version), server)
        assert all(isinstance(error, ssl.SSLError) for error in pair.try_handshake())

    @not_in_pair('set_psk_client_callback')
    @only_ctypes
    def test_near_the_recursion_limit(self, capsys):
        """How deep the caller is decides whether the handshake starts, not what C gets."""
        called = []

        def answer(hint):
            called.append(hint)
            return u'me', KEY
        client, server = psk_contexts('TLSv1.3', answer, lambda identity: KEY)
        outcomes = []

        def deep(levels, call):
            if levels:
                return deep(levels - 1, call)
            return call()
        for levels in range(1, sys.getrecursionlimit()):
            pair = Pair(client, server)
            del called[:]
            try:
                deep(levels, pair.client.do_handshake)
            except ssl.SSLWantReadError:
                outcomes.append('begun')
            except RuntimeError:
                outcomes.append('refused' if not pair.client_end.outgoing.pending else 'half')
                if 'refused' == outcomes[-1] and outcomes.count('refused') > 30:
                    break
        said = capsys.readouterr()[1]
        assert {'begun', 'refused'} == set(outcomes)
        assert said.count('Traceback') <= said.count('Exception ignored in a callback of OpenSSL')


# Re-entry

MUST_NOT_ENTER = ['do_handshake', 'read', 'write', 'unwrap', 'verify_client_post_handshake']


def c_function(name, *types):
    """Return a function of OpenSSL's that the package has no use for: int of a handle and ints."""
    if PYPY:
        import _pypy_openssl
        import cffi
        ffi = cffi.FFI()
        ffi.cdef('int %s(uintptr_t%s);' % (name, ', int' * len(types)))
        library = ffi.dlopen(_pypy_openssl.__file__)
        return getattr(library, name)
    import _ssl
    return getattr(ctypes.PyDLL(_ssl.__file__), name)


class Intruder(object):
    """Uses an object, in each way there is, while one of its callbacks runs."""

    def __init__(self, in_thread):
        self.in_thread = in_thread
        self.target = None
        self.answers = {}

    def intrude(self, handle=None):
        """Ask everything, in each callback of the target's."""
        if self.target is None or handle is not None and (
                binding.address(handle) != binding.address(self.target._ssl)):
            return
        target, self.target = self.target, None
        if self.in_thread:
            thread = threading.Thread(target=self._ask, args=(target,))
            thread.start()
            thread.join()
        else:
            self._ask(target)
        self.target = target

    def _ask(self, target):
        for label, ask in questions(target, 'SSLObject'):
            name = label.split('(')[0]
            if self.in_thread and PYPY and name not in MUST_NOT_ENTER:
                continue  # they wait for the callback's end, which waits for them
            try:
                ask(target)
            except Exception as error:
                self.answers.setdefault(label, set()).add(type(error))
            else:
                self.answers.setdefault(label, set()).add(None)
        try:
            target.session = None
        except Exception as error:
            self.answers.setdefault('session=', set()).add(type(error))

    def entered(self):
        """Return what got in, of what must not."""
        return {label: kinds for label, kinds in self.answers.items()
                if label.split('(')[0] in MUST_NOT_ENTER + ['session=']
                and kinds != {RuntimeError} and label != 'read(0,)'}


@pytest.fixture(params=[False, True], ids=['same thread', 'other thread'])
def intruder(request, monkeypatch):
    """An `Intruder` that is let loose in each of our callbacks."""
    made = Intruder(request.param)

    def settings_of_connection(handle, real=_callbacks.settings_of_connection if PY2 else None):
        made.intrude(handle)
        return real(handle)
    monkeypatch.setattr(_callbacks, 'settings_of_connection', settings_of_connection)
    return made


@not_in_pair('keylog_filename')
class TestReentry(object):
    """While a callback runs, its object is nobody's, in the first handshake and in any later."""

    def contexts(self, pki, version, tmpdir, **kwargs):
        """Return a client's and a server's context with all callbacks but PSK's."""
        client = pki.client_context(version, cls=SSLContext, **kwargs)
        server = pki.server_context(version=version, cls=SSLContext)
        for name, made in (('client', client), ('server', server)):
            made.keylog_filename = str(tmpdir.join(name))
        server.session_ticket_keys = [context.new_session_ticket_key()]
        server.options |= context.OP_ALLOW_CLIENT_RENEGOTIATION
        return client, server

    def check(self, pair, intruder):
        """Nothing got in, and what was asked is as it was."""
        assert ({}, True) == (intruder.entered(), len(intruder.answers) > 5)
        intruder.target = None
        for end in (pair.client_end, pair.server_end):
            assert b'abc' == pair.transfer(end, b'abc')

    @pytest.mark.parametrize('side', ['client', 'server'])
    def test_first_handshake(self, pki, tls_version, tmpdir, intruder, side):
        """In the handshake: keys logged, tickets made."""
        pair = Pair(*self.contexts(pki, tls_version, tmpdir))
        intruder.target = getattr(pair, side)
        pair.handshake().exchange()
        self.check(pair, intruder)

    @pytest.mark.parametrize('side', ['client', 'server'])
    def test_psk(self, tls_version, intruder, side):
        """In the handshake: pre-shared keys."""
        pair = Pair(*psk_contexts(tls_version, lambda hint: (u'me', KEY), lambda identity: KEY))
        intruder.target = getattr(pair, side)
        pair.handshake().exchange()
        self.check(pair, intruder)

    def test_server_name(self, pki, tls_version, tmpdir, intruder):
        """In the handshake: the server's name."""
        client, server = self.contexts(pki, tls_version, tmpdir)
        context.set_sni_callback(server, lambda *args: intruder.intrude())
        pair = Pair(client, server)
        intruder.target = pair.server
        pair.handshake().exchange()
        self.check(pair, intruder)

    @pytest.mark.parametrize('side', ['client', 'server'])
    def test_renegotiation(self, pki, tmpdir, intruder, side):
        """In a handshake that a TLS 1.2 server starts in mid-connection."""
        pair = connect(*self.contexts(pki, 'TLSv1.2', tmpdir))
        intruder.target = getattr(pair, side)
        c_function('SSL_renegotiate')(pair.server._ssl)
        lib.SSL_do_handshake(pair.server._ssl)
        pair.exchange()
        self.check(pair, intruder)

    @pytest.mark.parametrize('side', ['client', 'server'])
    def test_post_handshake_authentication(self, pki, tmpdir, intruder, side):
        """Where a TLS 1.3 server asks for a certificate, and gives new tickets."""
        client, server = self.contexts(pki, 'TLSv1.3', tmpdir, leaf='client')
        client.post_handshake_auth = server.post_handshake_auth = True
        server.load_verify_locations(pki.path('ca'))
        server.verify_mode = ssl.CERT_REQUIRED
        pair = Pair(client, server)
        server.verify_mode = ssl.CERT_REQUIRED
        pair.handshake().exchange()
        intruder.target = getattr(pair, side)
        pair.server.verify_client_post_handshake()
        pair.pump()
        pair.exchange()
        assert {} == intruder.entered()
        if side == 'server':
            self.check(pair, intruder)

    def test_collected_in_the_callback(self, pki, tls_version, tmpdir, monkeypatch):
        """Everything that can be collected is, in each callback, and the handshake goes on."""
        def settings_of_connection(handle, real=_callbacks.settings_of_connection):
            gc.collect()
            return real(handle)
        monkeypatch.setattr(_callbacks, 'settings_of_connection', settings_of_connection)
        pair = Pair(*self.contexts(pki, tls_version, tmpdir))
        assert (None, None) == pair.try_handshake()

    def test_objects_are_forgotten(self, pki, client_context, server_context):
        """An object that is gone leaves nothing by which a callback would find it."""
        from sslproto27._core import sslobject as _sslobject
        for _ in range(3):
            gc.collect()
        before = len(_sslobject._by_address)
        pairs = [connect(client_context, server_context) for _ in range(5)]
        during = len(_sslobject._by_address)
        del pairs
        for _ in range(3):
            gc.collect()
        assert (10, before) == (during - before, len(_sslobject._by_address))


@not_in_pair('set_psk_client_callback')
class TestExit(object):
    """The interpreter may end at any moment."""

    BEGIN = '''
from __future__ import print_function
import gc, os, signal, ssl, sys, threading
from sslproto27 import SSLContext, TLSVersion
from tests.support.memory import Pair, connect
def contexts(version, client_answer, server_answer):
    made = SSLContext(), SSLContext()
    for one in made:
        one.minimum_version = one.maximum_version = version
        one.set_ciphers('PSK')
    made[0].set_psk_client_callback(client_answer)
    made[1].set_psk_server_callback(server_answer)
    return made
def key(given):
    return b'k' * 16
def identity(given):
    return u'me', b'k' * 16
'''

    def run(self, run_python, script):
        """Return (code, stdout, stderr) of a script."""
        finished = run_python(self.BEGIN + script)
        return finished.returncode, finished.stdout, finished.stderr

    def test_system_exit(self, run_python):
        """sys.exit in a callback is a refusal, and ends nothing."""
        code, said, _ = self.run(run_python, '''
pair = Pair(*contexts(TLSVersion.TLSv1_2, identity, lambda given: sys.exit(3)),
            server_hostname=None)
print([type(error).__name__ for error in pair.try_handshake()])
''')
        assert (0, "['SSLError', 'SSLError']\n") == (code, said)

    @pytest.mark.parametrize('emptied', [
        'sslproto27._core.context.callbacks', 'sslproto27._core.engine.guard',
        'sslproto27._core.sslobject', 'sslproto27._core.context.registry'])
    def test_names_are_gone(self, run_python, emptied):
        """Where the interpreter has begun to empty the modules, a callback refuses."""
        code, said, _ = self.run(run_python, '''
pair = Pair(*contexts(TLSVersion.TLSv1_2, identity, key), server_hostname=None)
for _ in range(2):
    for end in (pair.client_end, pair.server_end):
        end.handshake_is_done()
    pair.pump()
client, server = pair.client_end, pair.server_end
calls = client.sslobj.do_handshake, server.sslobj.do_handshake
moves = ((server.incoming.write, client.outgoing.read),)
module = sys.modules[%r]
names = [name for name in vars(module) if name[:2] != '__']
keep = dict(vars(module))
def run(keep=keep, calls=calls, moves=moves, module=module, names=names, errors=(Exception,),
        setattr=setattr):
    seen = []
    for name in names:
        setattr(module, name, None)
    for call in calls:
        try:
            call()
        except errors:
            seen.append('refused')
        for put, take in moves:
            put(take())
    for name in names:
        setattr(module, name, keep[name])
    return seen
print(run())
''' % emptied)
        assert (0, True) == (code, said.startswith('['))

    @only_ctypes
    def test_last_of_all(self, run_python):
        """A callback that is asked when all modules are empty refuses, and is still there."""
        assert (0, 'refused SSLError\n', '') == self.run(run_python, '''
import __builtin__
pair = Pair(*contexts(TLSVersion.TLSv1_2, identity, key), server_hostname=None)
for end in (pair.client_end, pair.server_end):
    end.handshake_is_done()
    pair.pump()
class Late(object):
    def __init__(self, call, keep, write=os.write):
        self.call, self.keep, self.write = call, keep, write
    def __del__(self):
        try:
            self.call()
        except BaseException as error:
            self.write(1, 'refused %s\\n' % type(error).__name__)
# The module that goes last; and the native call, as there are no others any more.
__builtin__.late = Late(pair.client._native.do_handshake, pair)
''')

    def test_thread_in_a_callback(self, run_python):
        """A daemon thread may wait in a callback for ever while the interpreter ends."""
        assert (0, 'end\n') == self.run(run_python, '''
reached = threading.Event()
def wait(given):
    reached.set()
    threading.Event().wait(3600)
pair = Pair(*contexts(TLSVersion.TLSv1_2, identity, wait), server_hostname=None)
thread = threading.Thread(target=pair.try_handshake)
thread.daemon = True
thread.start()
reached.wait(30)
print('end')
sys.stdout.flush()
''')[:2]
