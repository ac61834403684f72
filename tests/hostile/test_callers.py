"""
Callers that do what nobody should, above the engine: each public name, in each state, from each
callback, once and twice, with anything before it. Nothing is listed by hand but the lives of a
connection: the moments are those that a life turns out to have, the calls are what `dir` shows.

What must hold, whatever is called when:

- nothing raises but what is documented, and the loop is told of the application's own errors alone;
- connection_lost comes exactly once, and last; whoever waits is told exactly once;
- what arrives, on either side, is a prefix of what was sent, in order;
- nothing arrives after pause_reading, nor after close or abort;
- pause_writing and resume_writing take turns;
- no timer is left, and the transport below is closed.
"""
from __future__ import absolute_import, division, print_function

import collections
import errno
import gc
import itertools
import logging
import os
import random
import socket
import ssl
import weakref

import pytest

from sslproto27 import SSLProtocol, context
from sslproto27._core.pair.limits import MissingAttribute
from sslproto27._stream import app_protocol as _above
from sslproto27._stream.flow import HandshakeLimit
from sslproto27._stream.transport import SSLTransport
from tests.support.engines import ENGINE
from tests.support.hostile import JUNK, Planned, arguments, enough_of, public, random_plan
from tests.support.loops import App, Loop, ModernTransport, Remote, Transport, Waiter, join
from tests.support.pipe_pairs import PYPY


class Own(Exception):
    """The application's own error."""


# The application

class Hostile(App):
    """An application that lets its life do things in each callback."""

    def __init__(self, life):
        super(Hostile, self).__init__()
        self.life = life
        life.apps.append(self)

    def _note(self, name):
        self.life.told(self, name)

    def data_received(self, data):
        """Keep the data."""
        assert type(data) is bytes and data
        self.life.data += data
        self._note('data_received')

    def eof_received(self):
        """Say whether to stay open."""
        self._note('eof_received')
        return self.life.keep_open


class HostileBuffered(Hostile):
    """The same, with buffers of its own."""

    def __init__(self, life):
        super(HostileBuffered, self).__init__(life)
        self.buffer = bytearray(10)

    def __getattribute__(self, name):
        if name == 'data_received':
            raise AttributeError(name)
        return super(HostileBuffered, self).__getattribute__(name)

    def get_buffer(self, sizehint):
        """Return the one there is."""
        self.life.moment('get_buffer')
        return self.buffer

    def buffer_updated(self, size):
        """Keep what has come."""
        self.life.data += bytes(self.buffer[:size])
        self._note('buffer_updated')


class WatchedLoop(Loop):
    """A loop whose exception handler is one more place to call from."""

    life = None

    def call_exception_handler(self, context):
        """Note it."""
        super(WatchedLoop, self).call_exception_handler(context)
        self.life.moment('exception handler')


# What is called


#: By the parameter's name, what to give, made of the life; a parameter that is not here fails.
ARGUMENTS = {
    'data': lambda life: life.next_piece(),
    'list_of_data': lambda life: [life.next_piece(), life.next_piece()],
    'protocol': lambda life: life.new_app(),
    'high': lambda life: 0,
    'low': lambda life: 0,
    'transport': lambda life: life.lower,
    'exc': lambda life: socket.error(errno.ECONNRESET, 'reset'),
}

#: The same for what comes from below, where *data* is the peer's.
BELOW = dict(ARGUMENTS, data=lambda life: JUNK)

#: What may be raised, by what is called.
DOCUMENTED = {'write_eof': NotImplementedError, 'protocol.connection_made': RuntimeError}
if ENGINE == 'pair':
    DOCUMENTED['get_extra_info'] = MissingAttribute  # 'session'


def call_transport(name, life):
    """Call a method of the transport above, and keep track of what it means."""
    transport = life.transport
    if name == 'get_extra_info':
        for fact in sorted(_above._EXTRA) + ['peername', 'unknown']:
            transport.get_extra_info(fact)
        return
    result = getattr(transport, name)(*arguments(getattr(SSLTransport, name), ARGUMENTS, life))
    if name == 'unwrap':
        life.futures.append(result)
    elif name == 'pause_reading':
        life.paused = True
    elif name == 'resume_reading':
        life.paused = False
    elif name in ('close', 'abort'):
        life.paused = False
        life.closed = True


def call_protocol(name, life):
    """Do what only the transport below should, when it should not; or read a property."""
    if isinstance(getattr(SSLProtocol, name), property):
        getattr(life.protocol, name)
        return
    if name == 'connection_lost':
        life.below_is_lost = True
    elif name == 'data_received':
        life.raw += JUNK
    elif name in ('pause_writing', 'resume_writing') and life.lower.protocol is life.protocol:
        life.lower._writing_paused = name == 'pause_writing'  # it believes it, too
    getattr(life.protocol, name)(*arguments(getattr(SSLProtocol, name), BELOW, life))


def cancel(life):
    """Cancel whoever waits."""
    for waiter in [life.waiter] + life.futures:
        if waiter is not None and not waiter.done():
            waiter.cancelled = True


#: All that a caller can do: by name, a function of a life.
CALLS = collections.OrderedDict(
    [(name, lambda life, name=name: call_transport(name, life)) for name in public(SSLTransport)]
    + [('protocol.' + name, lambda life, name=name: call_protocol(name, life))
       for name in public(SSLProtocol)]
    + [('cancel', cancel), ('collect', lambda life: gc.collect(0)),
       ('break down', lambda life: life.lower.break_down(socket.error(errno.EPIPE, 'pipe')))])


# A life

class Life(Planned):
    """
    A connection from its beginning to its end.

    Args:
        contexts: ours and the peer's.
        script (function): what happens: a generator function of a life, which yields between steps.
        server_side (bool): which side we are.
        plan (dict): names from `CALLS`, to be called, by the moment, which is one of `moments` of
            a life of the same script.
        cls (type): the class of the transports below.

    Attributes:
        moments (list): each place from which something can be called: (where, number).
    """

    def __init__(self, contexts, script, server_side, plan=None, cls=Transport):
        self.plan = plan or {}
        self.moments, self.faults, self.events, self.futures = [], [], [], []
        self.data, self.sent, self.raw = b'', b'', b''
        self.written = self.accepted = b''
        self.paused = self.closed = self.keep_open = self.below_is_lost = False
        self.raising = ()
        self.counts = collections.Counter()
        self.loop = WatchedLoop()
        self.loop.life = self
        options = getattr(script, 'options', {})
        self.apps = []
        self.app = options.get('app', Hostile)(self)
        self.waiter = options.get('waiter', Waiter)()
        self.is_told = options.get('call_connection_made', True)
        self.protocol = SSLProtocol(
            self.loop, self.app, contexts[0], self.waiter, server_side,
            None if server_side else 'localhost', self.is_told,
            handshake_limit=options.get('handshake_limit', lambda: None)())
        self.transport = self.protocol.transport
        self.remote = Remote.over(self.loop, contexts[1], **(
            dict(server_hostname='localhost') if server_side else dict(server_side=True)))
        self.lower, self.remote.transport = join(
            self.loop, self.protocol, self.remote, cls, {'peername': ('192.0.2.1', 443)})
        if not self.is_told:
            self.app.transport = self.transport
            self.events.append('connection_made')
        self.script = script

    def live(self):
        """Go through all of it."""
        self.moment('outside')
        for _ in self.script(self):
            self.moment('outside')
        self.settle()
        return self

    def new_app(self):
        """Return another application with the same life."""
        return Hostile(self)

    def next_piece(self):
        """Return what is written next: the place of each byte can be seen."""
        piece = b'<%06d>' % len(self.written)
        self.written += piece
        if not self.transport.is_closing():
            self.accepted += piece
        return piece

    # Called in callbacks

    def told(self, app, name):
        """Check that a callback may come, and let it do what it should."""
        if name in ('data_received', 'buffer_updated', 'eof_received'):
            # What comes after unwrap() does not come from the TLS transport.
            if (self.paused or self.closed) and self.protocol._state != 'CLOSED':
                self.faults.append('%s though %s' % (name, 'closed' if self.closed else 'paused'))
        self.events.append(name)
        self.moment(name)
        if name in self.raising and self.protocol._state != 'CLOSED':
            raise Own(name)

    def call(self, name):
        """Call something; what is not documented is a fault."""
        try:
            CALLS[name](self)
        except Exception as error:
            if type(error) is not DOCUMENTED.get(name):
                self.faults.append('%s(): %r' % (name, error))

    # Steps of the peer's, which does what it still can

    def shake_hands(self):
        """Begin, and shake hands."""
        self.begin()
        self.peer(self.remote.try_handshake)

    def begin(self):
        """Let the transport below say that it is there, unless it is gone."""
        if self.protocol._state in ('NEW', 'ENDING') and not self.below_is_lost:
            self.protocol.connection_made(self.lower)

    def peer(self, action, *args):
        """Let the peer do something, if it can."""
        try:
            action(*args)
        except ssl.SSLError as error:
            self.remote.error = self.remote.error or type(error)
        self.loop.run()

    def send(self, data=b'0123456789abcdef'):
        """Let the peer send data, in two records of one segment."""
        def write():
            for piece in (data[:3], data[3:]):
                self.remote.sslobj.write(piece)
                self.sent += piece
        self.peer(write)
        self.peer(self.remote.flush)

    def send_raw(self, data=JUNK):
        """Let the peer send what is no TLS."""
        self.raw += data
        self.peer(self.remote.transport.write, data)

    def end(self):
        """Let the peer send close_notify."""
        self.peer(self.remote.close_notify)

    def send_eof(self):
        """Let the peer send EOF."""
        if self.remote.transport.other is not None:
            self.peer(self.remote.transport.send_eof)

    def unblock(self):
        """Let the transport below send again."""
        if self.lower.protocol is not None:
            self.lower.unblock()
        self.loop.run()

    # The end

    def settle(self):
        """Let all that can still happen happen."""
        self.loop.run()
        self.begin()
        self.unblock()
        self.protocol.resume_writing()
        self.call('resume_reading')
        self.loop.run()
        self.peer(self.remote.read)
        self.end()
        self.peer(self.remote.read)
        self.call('close')
        self.loop.advance(200)
        self.go_on_below()
        self.loop.advance(200)
        self.peer(self.remote.read)

    def go_on_below(self):
        """Do with the transport below what who has it back does; not in a frame of a failure."""
        for future in self.futures:
            for outcome in future.outcomes:
                if isinstance(outcome, tuple):
                    self.data += outcome[1]
                    if not self.lower.closed:
                        outcome[0].resume_reading()
                        self.loop.run()
                        outcome[0].close()

    def problems(self):
        """Return what should not have been."""
        found = list(self.faults)
        events = self.events
        unwrapped = any(isinstance(outcome, tuple)
                        for future in self.futures for outcome in future.outcomes)

        def hold(condition, what):
            if not condition:
                found.append(what)

        if events:
            hold(['connection_made'] == events[:1] and events.count('connection_made') == 1,
                 'connection_made is not first, or comes again')
            hold(['connection_lost'] == events[-1:] and events.count('connection_lost') == 1,
                 'connection_lost is not last, or comes again')
        # TLS has an end of its own, and what is below has one.
        hold(events.count('eof_received') <= 1 + unwrapped, 'eof_received comes again')
        turns = [name for name in events if name in ('pause_writing', 'resume_writing')]
        hold(turns == (['pause_writing', 'resume_writing'] * len(turns))[:len(turns)],
             'pause_writing and resume_writing do not take turns')
        if self.waiter is not None:
            hold(self.waiter.cancelled + len(self.waiter.outcomes) == 1, 'waiter')
            hold(events or self.waiter.cancelled or isinstance(self.waiter.outcomes[0], Exception),
                 'the handshake is done, and nobody is told')
        hold(all(future.cancelled + len(future.outcomes) == 1 for future in self.futures), 'future')
        hold((self.sent + unwrapped * self.raw).startswith(self.data), 'false data')
        hold(self.written.startswith(self.remote.received), 'false data at the peer')
        if self.remote.closed and self.remote.error is None:
            hold(self.remote.received == self.accepted, 'the peer has our end, but not all data')
        if 'eof_received' in events and not unwrapped:
            hold(self.data == self.sent, 'we have the end of the peer, but not all data')
        hold(self.loop.timers == 0, 'a timer is left')
        hold(self.lower.closed or self.below_is_lost, 'the transport below is open')
        found += self.strange_errors()
        if not PYPY and self.is_kept_alive():
            found.append('something refers to the protocol')
        return found

    def strange_errors(self):
        """Return what the loop was told of, and should not have been."""
        return ['the loop is told of %r' % told['exception'] for told in self.loop.errors
                if not isinstance(told['exception'], Own)
                and (self.waiter is not None or told['message'] != 'TLS handshake failed')]

    def is_kept_alive(self):
        """Return whether there is more than the test's own references to the protocol."""
        reference = weakref.ref(self.protocol)
        self.protocol = self.transport = self.lower.protocol = None
        for app in self.apps:
            app.transport = None
            del app.lost[:]  # on Python 3 an exception holds frames
        self.waiter = None
        del self.loop.errors[:], self.futures[:]
        return reference() is not None


def clean(life):
    """The peer sends data and ends."""
    yield life.shake_hands()
    yield life.send()
    yield life.call('write')
    yield life.send()
    yield life.end()


def half_closed(life):
    """The peer ends, and the application goes on."""
    life.keep_open = True
    yield life.shake_hands()
    yield life.send(), life.end()
    yield life.call('write')
    yield life.peer(life.remote.read)


def we_close(life):
    """The application closes; the peer has more to say first."""
    yield life.shake_hands()
    yield life.call('write')
    yield life.call('close')
    yield life.send()
    yield life.end()


def silent_peer(life):
    """The application closes; the peer does not answer."""
    yield life.shake_hands()
    yield life.call('close')
    yield life.loop.advance(29)
    yield life.loop.advance(2)


def blocked(life):
    """The transport below takes nothing for a while."""
    yield life.shake_hands()
    yield life.lower.block()
    yield [life.call(name) for name in ('set_write_buffer_limits', 'write', 'write', 'write')]
    yield life.send()
    yield life.unblock()
    yield life.call('write')


def blocked_end(life):
    """The transport below takes nothing while the connection ends."""
    yield life.shake_hands()
    yield life.lower.block()
    yield [life.call(name) for name in ('set_write_buffer_limits', 'write', 'write', 'write')]
    yield life.end()
    yield life.call('close')
    yield life.unblock()


def unwrapped(life):
    """The application ends TLS; both go on in plaintext."""
    yield life.shake_hands()
    yield life.send()
    yield life.call('unwrap')
    yield life.send()
    yield life.end()
    yield life.send_raw()


def unwrapped_first(life):
    """The peer ends TLS first, while the application has paused."""
    life.keep_open = True
    yield life.shake_hands()
    yield life.call('pause_reading')
    yield life.send(), life.end()
    yield life.call('unwrap')
    yield life.call('resume_reading')
    yield life.loop.run()


def cancelled_unwrap(life):
    """Who waits for the end of TLS gives up."""
    yield life.shake_hands()
    yield life.call('unwrap')
    yield cancel(life)
    yield life.send()
    yield life.end()


def cancelled_handshake(life):
    """Who waits for the handshake gives up."""
    yield life.begin()
    yield cancel(life)
    yield life.shake_hands()
    yield life.send()


def failure_behind_pause(life):
    """What the peer does wrong waits behind data that the application does not want yet."""
    yield life.shake_hands()
    yield life.call('pause_reading')
    yield life.send()
    yield life.send_raw()
    yield life.call('resume_reading')
    yield life.loop.run()


def failure_in_pause(life):
    """The application pauses inside of a callback, and data and a failure are in one segment."""
    yield life.shake_hands()
    life.loop.call_soon(life.call, 'pause_reading')
    yield life.send(), life.send_raw()
    yield life.call('resume_reading')
    yield life.loop.run()


def end_behind_pause(life):
    """The end waits behind data that the application does not want yet."""
    yield life.shake_hands()
    yield life.call('pause_reading')
    yield life.send()
    yield life.end(), life.send_eof()
    yield life.call('resume_reading')
    yield life.loop.run()


def cut(life):
    """EOF comes without close_notify."""
    yield life.shake_hands()
    yield life.send()
    yield life.call('write')
    yield life.send_eof()


def reset(life):
    """The connection breaks down."""
    yield life.shake_hands()
    yield life.send()
    yield life.call('break down')
    yield life.loop.run()


def junk(life):
    """The peer speaks no TLS."""
    yield life.begin()
    yield life.send_raw()


def junk_unawaited(life):
    """The peer speaks no TLS, and nobody waits for the handshake."""
    yield life.begin()
    yield life.send_raw()


def refused(life):
    """There are too many handshakes."""
    yield life.begin()
    yield life.loop.run()


def eof_in_handshake(life):
    """The peer leaves in the handshake."""
    yield life.begin()
    yield life.send_eof()


def slow_handshake(life):
    """The handshake takes too long."""
    yield life.begin()
    yield life.loop.advance(59)
    yield life.loop.advance(2)


def buffered(life):
    """The application brings its own buffers."""
    yield life.shake_hands()
    yield life.send()
    yield life.send()
    yield life.end()


def upgraded(life):
    """The application had connection_made before TLS began."""
    yield life.begin()
    yield life.shake_hands()
    yield life.send()
    yield life.end()


def raises_in(name):
    """Return a life of an application that fails in one callback."""
    def script(life):
        life.raising = [name]
        yield life.shake_hands()
        yield life.lower.block()
        yield [life.call(one) for one in ('set_write_buffer_limits', 'write', 'write')]
        yield life.unblock()
        yield life.send()
        yield life.end()
    script.__name__ = 'raises_in_' + name
    return script


buffered.options = {'app': HostileBuffered}
upgraded.options = {'call_connection_made': False}
junk_unawaited.options = {'waiter': lambda: None}


def full():
    """Return a limit that is reached."""
    limit = HandshakeLimit(1)
    limit.running = 1
    return limit


refused.options = {'handshake_limit': full}

LIVES = [
    clean, half_closed, we_close, silent_peer, blocked, blocked_end, unwrapped, unwrapped_first,
    cancelled_unwrap, cancelled_handshake, failure_behind_pause, failure_in_pause,
    end_behind_pause, cut, reset, junk, junk_unawaited, refused, eof_in_handshake, slow_handshake,
    buffered, upgraded,
] + [raises_in(name) for name in ('connection_made', 'data_received', 'eof_received',
                                  'pause_writing', 'resume_writing')]


#: (side, TLS version, class of the transports below): Trollius's kind of transports and asyncio's.
KINDS = list(itertools.product(
    ['client', 'server'], ['TLSv1.2', 'TLSv1.3'], [Transport, ModernTransport]))


class Lives(object):
    """Makes lives of one kind; the server name callback is one of their moments."""

    def __init__(self, pki, kind):
        self.side, version, self.cls = kind
        self.version = version
        self.contexts = (pki.client_context(version=version),
                         pki.server_context('ecdsa', version=version))
        self.newest = None
        if self.side == 'server':
            self.contexts = self.contexts[::-1]
            context.set_sni_callback(self.contexts[0], self._name_is_known)

    def _name_is_known(self, *_):
        self.newest.moment('server name')

    def new(self, script, plan=None):
        """Return one that has been lived."""
        self.newest = Life(self.contexts, script, self.side == 'server', plan, self.cls)
        return self.newest.live()

    def wrong(self, script, plans):
        """Return (plan, problems) of each life with any; *plans* is a function of the moments."""
        baseline = self.new(script)
        moments = baseline.moments
        assert [] == baseline.problems()
        found = []
        for plan in plans(moments):
            try:
                problems = self.new(script, plan).problems()
            except Exception as error:
                problems = [repr(error)]
            if problems:
                found.append((plan, problems))
        return found


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """What is logged is of no interest, and must not keep objects alive."""
    monkeypatch.setattr(logging.getLogger('sslproto27'), 'disabled', True)


@pytest.fixture(params=KINDS, ids=lambda kind: '%s-%s-%s' % (kind[0], kind[1], kind[2].__name__))
def lives(request, pki):
    """`Lives` of each kind."""
    return Lives(pki, request.param)


#: Each call is made at each moment on some kinds, and twice in a row on the others.
ONCE, TWICE = KINDS[1:2] if PYPY else KINDS[1::4], KINDS[2:3]


@pytest.mark.parametrize('lives', ONCE, indirect=True)
@pytest.mark.parametrize('script', LIVES, ids=lambda script: script.__name__)
def test_once(lives, script):
    """Anything may be called at any moment."""
    assert [] == lives.wrong(script, lambda moments: [
        {moment: [name]} for moment, name in enough_of(itertools.product(moments, CALLS))])


@pytest.mark.parametrize('lives', TWICE, indirect=True)
@pytest.mark.parametrize('script', LIVES, ids=lambda script: script.__name__)
def test_twice(lives, script):
    """The same twice."""
    assert [] == lives.wrong(script, lambda moments: [
        {moment: [name, name]} for moment, name in enough_of(itertools.product(moments, CALLS))])


@pytest.mark.parametrize('script', LIVES, ids=lambda script: script.__name__)
def test_chance(lives, script):
    """Anything may be called after anything else, at one moment or several."""
    chance = random.Random(KINDS.index((lives.side, lives.version, lives.cls)))
    assert [] == lives.wrong(script, lambda moments: [
        random_plan(chance, moments, CALLS) for _ in enough_of(range(PLANS))])


PLANS = 15 if PYPY else 30  # which is slow at what it does but once


# The collector, and the end of the interpreter

CHILD = '''
from __future__ import print_function
import gc, logging, os, sys
from tests.support.pki import PKI
from tests.hostile.test_callers import CALLS, KINDS, LIVES, Lives, enough_of

logging.getLogger('sslproto27').disabled = True
lives = Lives(PKI(sys.argv[1]), KINDS[%d])
'''


@pytest.mark.skipif(PYPY, reason="PyPy's collector has no thresholds")
@pytest.mark.parametrize('kind', [1])
def test_collector(run_python, kind):
    """The collector may run wherever something is made."""
    done = run_python(CHILD % kind + '''
gc.set_threshold(1, 10, 10)
for script in LIVES:
    problems = lives.new(script).problems()
    if problems:
        print(script.__name__, problems)
''')
    assert (0, '', '') == done


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='a process for each moment is made by fork')
@pytest.mark.parametrize('kind', [7])
def test_exit(run_python, kind):
    """The interpreter may be told to end at any moment: it does, and says nothing."""
    done = run_python(CHILD % kind + '''
CALLS['exit'] = lambda life: sys.exit(0)
for script in LIVES:
    for moment in enough_of(lives.new(script).moments):
        if moment[0] == 'server name':  # there it is a refusal: see the engine's hostile callers
            continue
        child = os.fork()
        if not child:
            lives.new(script, {moment: ['exit']})
            os._exit(3)  # not reached
        status = os.waitpid(child, 0)[1]
        if status:
            print(script.__name__, moment, status)
''')
    assert (0, '', '') == done
