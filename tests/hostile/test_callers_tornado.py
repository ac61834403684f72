"""
Callers of Tornado's streams that do what nobody should: each public name, in each state, from each
callback, once and twice, with anything before it. The moments are those that a life turns out to
have, the calls are what `dir` shows.

What must hold, whatever is called when:

- nothing raises but what Tornado documents, and nothing is logged as an error;
- each future is done by the end, and the close callback has come once;
- what arrives, on either side, is a prefix of what was sent, in order;
- no timer is left, the handshake is no longer counted, the descriptor is out of the loop.
"""
from __future__ import absolute_import, division, print_function

import collections
import itertools
import random
import socket

import pytest

from tests.support.tornados import IS_OLD, connected_sockets, iostream, logged
from tests.support.engines import ENGINE
from tests.support.hostile import Planned, enough_of
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY

from sslproto27 import SSLPipe, context
from sslproto27._core import pipe_states
from sslproto27._stream.flow import HandshakeLimit
from sslproto27.tornado import SSLIOStream, start_tls
from tornado.ioloop import IOLoop

JUNK = b'HTTP/1.1 400 Bad Request\r\n\r\n'

#: Not called: what Tornado itself does once, when a stream ends, and the step of a write that it
#: repeats with the same data, which in other hands is no write.
NOT_FOR_CALLERS = {'close_fd', 'write_to_fd'}

CLOSED = iostream.StreamClosedError
READING = AssertionError, CLOSED, socket.error

#: What may be raised, by what is called; wait_for_handshake's only once.
DOCUMENTED = {
    'read_bytes': READING, 'read_into': READING, 'read_until': READING,
    'read_until_close': READING, 'read_until_regex': READING, 'write': (CLOSED,),
    'wait_for_handshake': (CLOSED, RuntimeError), 'connect': (CLOSED, RuntimeError),
    'start_tls': (CLOSED, ValueError), 'start_tls()': (CLOSED, ValueError),
    'read_from_fd': (socket.error,), 'socket': (ValueError,),
}


def buffers():
    """Return what read_from_fd is given."""
    return [] if IS_OLD else [memoryview(bytearray(5))]


#: By the name of the method, what it is given, made of the life; other methods take nothing.
ARGUMENTS = {
    'close': lambda life: [],
    'connect': lambda life: [('127.0.0.1', 1), None, 'localhost'],
    'read_bytes': lambda life: [3],
    'read_from_fd': lambda life: buffers(),
    'read_into': lambda life: [bytearray(3)],
    'read_until': lambda life: [b'9'],
    'read_until_regex': lambda life: [b'[5-9]'],
    'set_close_callback': lambda life: [life.new_close_callback()],
    'set_nodelay': lambda life: [True],
    'start_tls': lambda life: [False, life.nested_context, 'localhost'],
    'write': lambda life: [life.next_piece()],
}


def public():
    """Return the public names of a stream of ours."""
    return [name for name in dir(SSLIOStream)
            if not name.startswith('_') and name not in NOT_FOR_CALLERS]


def if_it_goes(call, *args):
    """Return what a call of a socket returns; None if that fails."""
    try:
        return call(*args)
    except socket.error:
        return None


def call_stream(name, life):
    """Call a method of the stream, and keep track of what it gives."""
    method = getattr(life.stream, name)
    if callable(method):
        given = ARGUMENTS.get(name, lambda life: [])(life)
        result = method(*given)
        life.follow(name, result, given)


def start_another(life):
    """Start TLS on the stream by the function, with data that was read ahead."""
    life.follow('start_tls', start_tls(life.stream, False, life.nested_context, 'localhost'), [])


def ask_socket(life):
    """Ask for all that TLS has settled on."""
    sock = life.stream.socket
    if sock is not None:
        for name in ('cipher', 'version', 'getpeercert', 'selected_alpn_protocol', 'compression',
                     'getsockname', 'fileno'):
            try:
                getattr(sock, name)()
            except (ValueError, socket.error):
                pass
        if ENGINE != 'pair':
            str(sock.session), sock.session_reused


#: All that a caller can do: by name, a function of a life.
CALLS = collections.OrderedDict(
    [(name, lambda life, name=name: call_stream(name, life)) for name in public()]
    + [('start_tls()', start_another), ('socket', ask_socket),
       ('close below', lambda life: life.close_below())])


class Life(Planned):
    """
    A stream of ours from its beginning to its end; the peer is a pipe on a plain socket.

    Args:
        lives (Lives): the kind.
        script (function): what happens: a generator function of a life, which yields between steps.
        plan (dict): names from `CALLS`, to be called, by the moment.

    Attributes:
        moments (list): each place from which something can be called: (where, number).
    """

    def __init__(self, lives, script, plan=None):
        self.lives, self.script, self.plan = lives, script, plan or {}
        self.nested_context = lives.nested_context
        self.moments, self.faults, self.futures, self.nested = [], [], [], []
        self.counts = collections.Counter()
        self.data, self.sent, self.received, self.written = b'', b'', b'', b''
        self.stolen = False
        self.close_callbacks = []
        self.now = 1000.0
        self.loop = IOLoop(time_func=lambda: self.now)
        self.loop.make_current()
        self.handshakes = HandshakeLimit(5)
        is_server = lives.side == 'server'
        ours, self.sock = connected_sockets()
        self.sock.setblocking(False)
        self.peer = SSLPipe(lives.contexts[1], server_side=not is_server,
                            server_hostname='localhost' if is_server else None)
        options = dict(ssl_options=lives.contexts[0], server_side=is_server,
                       server_hostname=None if is_server else 'localhost')
        self.stream = getattr(script, 'make', make_directly)(self, ours, options)
        self.fd = self.stream.socket.fileno()
        self.stream.set_close_callback(self.new_close_callback())

    def live(self):
        """Go through all of it; nothing may be logged as an error."""
        with logged('tornado.application') as mistakes:
            with logged() as texts:
                try:
                    self.moment('outside')
                    for _ in self.script(self):
                        self.turn()
                        self.moment('outside')
                    self.settle()
                finally:
                    self.loop.clear_current()
                    self.is_left = self.fd in getattr(self.loop, '_handlers', ())
                    self.loop.close()
                    self.sock.close()
        self.faults += mistakes + [text for text in texts if text.startswith('ERROR')]
        return self

    def call(self, name):
        """Call something; what is not documented is a fault."""
        try:
            CALLS[name](self)
        except Exception as error:
            if not isinstance(error, DOCUMENTED.get(name, ())):
                self.faults.append('%s(): %r' % (name, error))

    # What a call gives

    def follow(self, name, result, given):
        """Keep what a call of the stream has returned, and see what becomes of it."""
        if name == 'read_from_fd':
            self.stolen = True
        if hasattr(result, 'add_done_callback'):
            self.futures.append((name, result))
            result.add_done_callback(lambda done: self.is_done(name, done, given))

    def is_done(self, name, future, given):
        """Note what a future ended in."""
        if future.exception() is None:
            result = future.result()
            if name == 'read_into':
                self.data += bytes(given[0][:result])
            elif isinstance(result, bytes):
                self.data += result
            elif name == 'start_tls':
                self.nested.append(result)
        elif not isinstance(future.exception(), (CLOSED, socket.error)):
            self.faults.append('%s ends in %r' % (name, future.exception()))
        self.moment(name + ' is done')

    def new_close_callback(self):
        """Return one that counts its calls; those before it are replaced."""
        calls = []
        self.close_callbacks.append(calls)

        def on_close():
            calls.append(True)
            self.moment('close callback')
        return on_close

    def next_piece(self):
        """Return what is written next: the place of each byte can be seen."""
        piece = b'<%06d>' % len(self.written)
        if not self.stream.closed():
            self.written += piece
        return piece

    # Steps

    def turn(self, count=4):
        """Let the loop have some turns, and the peer after each."""
        for _ in range(count):
            self.loop.add_callback(self.loop.add_callback, self.loop.stop)
            self.loop.start()
            self.take()

    def take(self):
        """Let the peer take what has come, and answer."""
        data = if_it_goes(self.sock.recv, 1 << 20)
        if data is not None and self.peer.state is not pipe_states.PLAINTEXT:
            if data:
                self.peer.feed_ssldata(data)
            else:
                self.peer.feed_eof()
            self.received += self.peer.appdata_received()
        self.push()

    def push(self):
        """Let the peer send what it has to say."""
        data = self.peer.data_to_send()
        if data:
            if_it_goes(self.sock.send, data)

    def shake_hands(self):
        """Shake hands."""
        if self.peer.state is pipe_states.PLAINTEXT:
            self.peer.do_handshake()
        self.push()
        self.turn(6)

    def send(self, data=b'0123456789abcdef'):
        """Let the peer send data, in two records of one segment."""
        for piece in (data[:3], data[3:]):
            if self.peer.state is pipe_states.OPEN:
                self.peer.feed_appdata(piece)
                self.sent += piece
        self.push()

    def send_raw(self, data=JUNK):
        """Let the peer send what is no TLS."""
        if_it_goes(self.sock.send, data)

    def end(self):
        """Let the peer send close_notify."""
        if self.peer.state in (pipe_states.OPEN, pipe_states.PEER_CLOSED):
            self.peer.shutdown()
        self.push()

    def leave(self):
        """Let the peer send EOF."""
        if_it_goes(self.sock.shutdown, socket.SHUT_WR)

    def close_below(self):
        """Close what the stream is over, where that is a stream."""
        below = getattr(self.stream._lower, 'reader', None)
        if below is not None:
            below.close()

    def settle(self):
        """Let all that can still happen happen."""
        self.turn()
        self.end()
        self.turn()
        self.now += 200
        self.turn()
        for stream in [self.stream] + self.nested:
            stream.close()
        self.turn(6)

    def problems(self):
        """Return what should not have been."""
        found = list(self.faults)

        def hold(condition, what):
            if not condition:
                found.append(what)

        hold(self.stream.closed(), 'the stream is open')
        hold([name for name, future in self.futures if not future.done()] == [], 'a future waits')
        called = [len(calls) for calls in self.close_callbacks]
        # Of those that were set afterwards each comes, too.
        hold(sum(called) >= 1 and max(called) == 1, 'close callbacks: %r' % called)
        if not self.stolen:
            hold(self.sent.startswith(self.data), 'false data: %r' % self.data)
        if not any(name == 'start_tls' for name, _ in self.futures):
            hold(self.written.startswith(self.received), 'false data at the peer')
        hold(not self.stream._clock.is_running, 'a timer is left')
        hold(self.handshakes.running == 0, 'a handshake is counted')
        hold(not self.is_left, 'the descriptor is in the loop')
        return found


def make_directly(life, sock, options):
    """Return a stream over a connected socket."""
    return SSLIOStream(sock, handshake_limit=life.handshakes, **options)


def make_by_start_tls(life, sock, options):
    """Return one over what a plain stream was."""
    return SSLIOStream(iostream.IOStream(sock), handshake_limit=life.handshakes, **options)


class Below(iostream.IOStream):
    """A stream that is not plain: it stays below."""

    def read_from_fd(self, *args):
        """Read."""
        return super(Below, self).read_from_fd(*args)


def make_over_a_stream(life, sock, options):
    """Return one over another stream."""
    return SSLIOStream(Below(sock), handshake_limit=life.handshakes, **options)


def make_unconnected(life, sock, options):
    """Return one that is to connect."""
    sock.close()
    life.sock.close()
    options.pop('server_hostname')
    return SSLIOStream(socket.socket(), handshake_limit=life.handshakes, **options)


def clean(life):
    """Both send data, and the peer ends."""
    life.call('wait_for_handshake')
    yield life.shake_hands()
    yield life.call('read_bytes'), life.send()
    yield life.call('write')
    yield life.call('read_until'), life.send()
    yield life.call('read_until_close'), life.end()
    yield life.leave()


def we_close(life):
    """We write and close; the peer has more to say."""
    yield life.call('write')
    yield life.shake_hands()
    yield life.send()
    yield life.call('write'), life.call('close')
    yield life.send()


def by_start_tls(life):
    """TLS starts on a plain stream."""
    yield life.shake_hands()
    yield life.call('read_bytes'), life.call('write'), life.send()
    yield life.end(), life.leave()


def over_a_stream(life):
    """TLS runs over another stream."""
    life.call('wait_for_handshake')
    yield life.shake_hands()
    yield life.call('read_bytes'), life.call('write'), life.send()
    yield life.call('read_until_close'), life.end()
    yield life.leave()


def connecting(life):
    """The stream connects, and finds nobody."""
    yield None
    yield life.call('connect')
    yield None


def blocked(life):
    """The kernel takes no more for a while."""
    yield life.shake_hands()
    if life.stream.socket is not None:
        life.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    life.take = lambda: None  # the peer reads nothing
    for _ in range(3):
        if not life.stream.closed():
            piece = b'x' * 200000
            life.written += piece
            life.follow('write', life.stream.write(piece), [])
    yield life.call('write')
    yield life.send()
    yield life.call('read_bytes')
    del life.take
    yield life.turn(20)


def cut(life):
    """EOF comes without close_notify."""
    yield life.shake_hands()
    yield life.call('read_until_close'), life.send()
    yield life.leave()


def reset(life):
    """The peer is gone, and has not read all."""
    yield life.shake_hands()
    yield life.call('write'), life.call('read_bytes')
    yield life.sock.close()
    yield life.call('write')


def junk(life):
    """The peer speaks no TLS."""
    life.call('wait_for_handshake')
    yield life.send_raw()
    yield life.leave()


def junk_later(life):
    """Data, and then what is no TLS, are in one segment."""
    yield life.shake_hands()
    yield life.call('read_until_regex'), life.send(), life.send_raw()
    yield life.call('read_bytes')


def eof_in_handshake(life):
    """The peer leaves in the handshake."""
    life.call('wait_for_handshake')
    yield life.leave()


def slow_handshake(life):
    """The handshake takes too long."""
    life.call('wait_for_handshake')
    life.now += 59
    yield None
    life.now += 2
    yield None


by_start_tls.make, over_a_stream.make = make_by_start_tls, make_over_a_stream
connecting.make = make_unconnected

LIVES = [clean, we_close, by_start_tls, over_a_stream, connecting, blocked, cut, reset, junk,
         junk_later, eof_in_handshake, slow_handshake]


class Lives(object):
    """Makes lives of one kind; the server name callback is one of their moments."""

    def __init__(self, pki, side, version):
        self.side = side
        self.contexts = (pki.client_context(version=version),
                         pki.server_context('ecdsa', version=version))
        self.nested_context = pki.client_context()
        self.newest = None
        if side == 'server':
            self.contexts = self.contexts[::-1]
            context.set_sni_callback(self.contexts[0], self._name_is_known)

    def _name_is_known(self, *_):
        self.newest.moment('server name')

    def new(self, script, plan=None):
        """Return one that has been lived."""
        self.newest = Life(self, script, plan)
        return self.newest.live()

    def wrong(self, script, plans):
        """Return (plan, problems) of each life with any; *plans* is a function of the moments."""
        baseline = self.new(script)
        assert [] == baseline.problems()
        found = []
        for plan in plans(baseline.moments):
            try:
                problems = self.new(script, plan).problems()
            except Exception as error:
                problems = [repr(error)]
            if problems:
                found.append((plan, problems))
        return found


@pytest.fixture
def lives(request, pki):
    """`Lives` of a kind."""
    return Lives(pki, *request.param)


pytestmark = pytest.mark.skipif(
    not PY2, reason="on Python 3 Tornado's loop is asyncio's, whose clock is the real one")

each_life = pytest.mark.parametrize('script', LIVES, ids=lambda script: script.__name__)


@pytest.mark.parametrize('lives', [('server', 'TLSv1.3')], indirect=True)
@each_life
def test_once(lives, script):
    """Anything may be called at any moment."""
    assert [] == lives.wrong(script, lambda moments: [
        {moment: [name]} for moment, name in enough_of(itertools.product(moments, CALLS))])


@pytest.mark.parametrize('lives', [('client', 'TLSv1.2')], indirect=True)
@each_life
def test_twice(lives, script):
    """The same twice."""
    assert [] == lives.wrong(script, lambda moments: [
        {moment: [name, name]} for moment, name in enough_of(itertools.product(moments, CALLS))])


@pytest.mark.parametrize('lives', [('client', 'TLSv1.3'), ('server', 'TLSv1.2')], indirect=True)
@each_life
def test_chance(lives, script):
    """Anything may be called after anything else, at one moment or several."""
    chance = random.Random(LIVES.index(script))
    assert [] == lives.wrong(script, lambda moments: [
        {moment: [chance.choice(list(CALLS)) for _ in range(chance.randint(1, 3))]
         for moment in chance.sample(moments, min(len(moments), chance.randint(1, 3)))}
        for _ in enough_of(range(15 if PYPY else 40))])
