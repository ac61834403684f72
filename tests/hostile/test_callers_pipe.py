"""Callers of a pipe who do what they please, at any moment."""
from __future__ import absolute_import, division, print_function

import collections
import inspect
import itertools
import random
import weakref

import pytest

from sslproto27 import SSLPipe, context
from tests.support.hostile import JUNK, arguments, enough_of, public, random_plan
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY, PipePair

#: What of it may be called in every state, and what only in some.
PIPE_GIVEN = {
    'data': lambda life: life.next_piece(),
    'amount': lambda life: 1,
    'is_wanted': lambda life: False,
}


def call_pipe(name, life):
    """Call a method of our pipe, or read an attribute."""
    method = getattr(SSLPipe, name)
    if not inspect.isroutine(method):
        getattr(life.us, name)
        return
    if name == 'feed_ssldata':
        # After close_notify all is plaintext.
        life.junk_is_plain |= life.us.state in ('PLAINTEXT', 'PEER_CLOSED', 'FINISHING', 'CLOSED')
        life.us.feed_ssldata(JUNK)
    elif name in ('appdata_received', 'unwrap'):
        life.data += getattr(life.us, name)()
    elif name == 'data_to_send':
        life.wire.append(life.us.data_to_send(*arguments(method, PIPE_GIVEN, life)))
    else:
        life.is_cut |= name == 'feed_eof'
        getattr(life.us, name)(*arguments(method, PIPE_GIVEN, life))


#: All that a caller can do with a pipe: by name, a function of a life.
PIPE_CALLS = collections.OrderedDict(
    (name, lambda life, name=name: call_pipe(name, life)) for name in public(SSLPipe)
    if name != 'replace_locks')  # what has the locks calls it: see test_fork


class PipeLife(object):
    """
    A pipe from plaintext to TLS, to plaintext and to TLS again.

    Args:
        contexts: the client's and the server's.
        side (str): which of the two we are.
        plan (dict): by moment, the names of calls.
    """

    def __init__(self, contexts, side, plan=None):
        self.plan = plan or {}
        self.moments, self.faults, self.wire = [], [], []
        self.data, self.sent, self.written, self.accepted = b'', b'', b'', b''
        self.junk_is_plain = self.is_cut = False
        self.us, self.peer = PipePair(*contexts).sides(side)

    def live(self, script):
        """Go through all of it."""
        self.moment('outside')
        for _ in script(self):
            self.check()
            self.moment('outside')
        self.check()
        return self

    def next_piece(self):
        """Return what is written next."""
        piece = b'<%06d>' % len(self.written)
        self.written += piece
        return piece

    def moment(self, where):
        """Let the caller do its worst, if it is now."""
        key = where, sum(1 for known, _ in self.moments if known == where)
        self.moments.append(key)
        for name in self.plan.get(key, ()):
            state, failure = self.us.state, self.us.failure
            try:
                PIPE_CALLS[name](self)
            except RuntimeError:  # what is not possible now; then it is as if it had not been tried
                if where == 'outside' and (state, failure) != (self.us.state, self.us.failure):
                    self.faults.append('%s() is not possible, and does something' % name)
            except Exception as error:
                self.faults.append('%s(): %r' % (name, error))
            if where == 'outside':
                self.check()

    def check(self):
        """Hold what always holds."""
        us = self.us
        if us.backlog_size != sum(map(len, us.backlog)):
            self.faults.append('backlog_size')
        if us.state == 'BROKEN' and (us.failure is None or us.backlog):
            self.faults.append('broken, and does not say so')
        if us.established and us.state in ('PLAINTEXT', 'HANDSHAKE'):
            self.faults.append('established in state ' + us.state)

    def attempt(self, call, *args):
        """Do what is part of the script, if the pipe is in a state for it."""
        try:
            return call(*args)
        except RuntimeError:
            return None

    def carry(self):
        """Bring all bytes to the other side, until there are no more."""
        for _ in range(20):
            data = b''.join(self.wire) + self.us.data_to_send()
            del self.wire[:]
            self.peer.feed_ssldata(data)
            answer = self.peer.data_to_send()
            if not self.is_cut:
                self.us.feed_ssldata(answer)
            if not data and not answer:
                return
        self.faults.append('they never come to rest')

    def start(self):
        """Start TLS on both sides."""
        self.attempt(self.peer.do_handshake)
        self.attempt(self.us.do_handshake)
        self.carry()

    def send(self, data=b'0123456789abcdef'):
        """Let the peer send."""
        if self.attempt(lambda: self.peer.feed_appdata(data) or True):
            self.sent += data
        self.carry()

    def write(self):
        """Write."""
        self.attempt(self.us.feed_appdata, self.next_piece())

    def take(self):
        """Take what has come."""
        self.data += self.us.appdata_received()

    def problems(self):
        """Return what should not have been."""
        found = list(self.faults)
        plain = self.data.replace(JUNK, b'') if self.junk_is_plain else self.data
        if not self.sent.startswith(plain):
            found.append('false data')
        reference = weakref.ref(self.us)
        self.us = None
        if not PYPY and reference() is not None:
            found.append('something refers to the pipe')
        return found


def whole_life(life):
    """Plaintext, TLS, and both again."""
    for _ in range(2):
        yield life.send()
        yield life.take()
        yield life.start()
        yield life.send()
        yield life.write()
        yield life.carry()
        yield life.take()
        yield life.attempt(life.us.shutdown)
        yield life.carry()
        yield life.attempt(life.peer.shutdown)
        yield life.carry()
        if 'CLOSED' == life.us.state == life.peer.state:
            life.data += life.us.unwrap()
            life.peer.unwrap()
    yield life.send()
    yield life.take()


def peer_ends(life):
    """The peer ends first, by EOF too."""
    yield life.start()
    yield life.send()
    yield life.attempt(life.peer.shutdown)
    yield life.carry()
    yield life.write()
    yield life.carry()
    yield life.us.feed_eof()
    yield life.attempt(life.us.shutdown)
    yield life.carry()


def broken(life):
    """The peer breaks TLS."""
    yield life.start()
    yield life.send()
    yield life.write()
    yield call_pipe('feed_ssldata', life)
    yield life.carry()
    yield life.take()


def broken_handshake(life):
    """The peer breaks the handshake."""
    yield life.attempt(life.us.do_handshake)
    yield call_pipe('feed_ssldata', life)
    yield life.take()


PIPE_LIVES = [whole_life, peer_ends, broken, broken_handshake]


@pytest.fixture(params=['client', 'server'])
def pipe_lives(request, client_context, pki, tls_version):
    """A function that makes a `PipeLife`, lives it, and returns its moments and problems."""
    server_context = pki.server_context('ecdsa', version=tls_version)
    current = []
    if PY2 and request.param == 'server':
        context.set_sni_callback(server_context, lambda *_: current[-1].moment('server name'))

    def live(script, plan=None):
        current[:] = [PipeLife((client_context, server_context), request.param, plan)]
        current[0].live(script)
        return current[0].moments, current[0].problems()
    return live


@pytest.mark.parametrize('script', PIPE_LIVES, ids=lambda script: script.__name__)
@pytest.mark.parametrize('times', [1, 2])
def test_pipe(pipe_lives, script, times):
    """
    Anything may be called on a pipe at any moment, also twice: what is not possible raises
    RuntimeError, and changes nothing.
    """
    moments, problems = pipe_lives(script)
    assert [] == problems
    plans = [{moment: [name] * times}
             for moment, name in enough_of(itertools.product(moments, PIPE_CALLS))]
    assert [] == [(plan, problems) for plan, problems in (
        (plan, pipe_lives(script, plan)[1]) for plan in plans) if problems]


@pytest.mark.parametrize('script', PIPE_LIVES, ids=lambda script: script.__name__)
def test_pipe_chance(pipe_lives, script, tls_version):
    """Anything may be called on a pipe after anything else."""
    chance = random.Random(len(PIPE_LIVES))
    moments, _ = pipe_lives(script)
    plans = [random_plan(chance, moments, PIPE_CALLS)
             for _ in enough_of(range(120 if PYPY else 200))]
    assert [] == [(plan, problems) for plan, problems in (
        (plan, pipe_lives(script, plan)[1]) for plan in plans) if problems]
