"""
Property-based tests of the pipe: whatever bytes come, in whatever pieces, and whatever is called.

The runs are bounded, and the same each time; `make fuzz` goes on from the saved corpus.
"""
from __future__ import absolute_import, division, print_function

import random
import ssl

import pytest

from sslproto27._core.pipe_states import BROKEN, OPEN, PLAINTEXT
from tests.support import fuzzing
from tests.support.memory import knows_openssl_3
from tests.support.pipe_pairs import PYPY, PipePair, attempt

hypothesis = pytest.importorskip('hypothesis')
st = pytest.importorskip('hypothesis.strategies')

pytestmark = knows_openssl_3

SETTINGS = hypothesis.settings(
    deadline=None, database=None, derandomize=True, max_examples=40 if PYPY else 100,
    suppress_health_check=[getattr(hypothesis.HealthCheck, name) for name in (
        'too_slow', 'function_scoped_fixture') if hasattr(hypothesis.HealthCheck, name)])


@pytest.fixture(scope='module')
def scenarios(pki):
    """The states in which strangers' bytes reach a pipe."""
    return fuzzing.Scenarios(pki)


def cut(data, places):
    """Return *data* in pieces, cut at *places* of any size."""
    places = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0] + places, places + [len(data)])]


class TestBytes(object):
    @pytest.mark.parametrize('name', fuzzing.Scenarios.names)
    def test_any(self, scenarios, name):
        """Any bytes in any pieces end in an SSLError or in waiting, and never in data."""
        @SETTINGS
        @hypothesis.given(st.lists(st.binary(max_size=300), max_size=6))
        def run(pieces):
            fuzzing.check(scenarios.pipe(name), pieces)
        run()

    @pytest.mark.parametrize('name', fuzzing.Scenarios.names)
    def test_changed(self, scenarios, name):
        """The same holds for good bytes that were changed a little."""
        seeds = scenarios.seeds(name)

        @SETTINGS
        @hypothesis.given(st.integers(0, 2 ** 32), st.lists(st.integers(0, 5000), max_size=4))
        def run(seed, places):
            data = fuzzing.mutate(random.Random(seed), seeds)
            fuzzing.check(scenarios.pipe(name), cut(data, places), b'data')
        run()

    @pytest.mark.parametrize('name', fuzzing.Scenarios.names)
    def test_corpus(self, scenarios, name):
        """And for all that the fuzzer has found worth keeping, whole and byte by byte."""
        saved = fuzzing.corpus(name)
        assert saved
        for _, data in saved:
            whole = fuzzing.check(scenarios.pipe(name), [data])
            places = range(len(data)) if not PYPY else range(0, len(data), 10)
            pieces = fuzzing.check(scenarios.pipe(name), cut(data, places))
            assert (whole[0] == BROKEN) == (pieces[0] == BROKEN)

    def test_fuzzer_would_see(self, scenarios):
        """A pipe that delivers what the peer never sent is found out."""
        pipe = scenarios.pipe('open-TLSv1.3')
        pipe._received.append(b'made up')
        with pytest.raises(AssertionError):
            fuzzing.check(pipe, [b''])


OPERATIONS = st.lists(st.tuples(
    st.sampled_from(['client', 'server']),
    st.sampled_from(['write', 'write', 'carry', 'carry', 'carry', 'shutdown', 'eof', 'handshake',
                     'unwrap', 'flip', 'drop', 'repeat']),
    st.integers(0, 20000)), max_size=40)


class Conversation(object):
    """
    Two pipes, on which any operation may be tried at any time, over a wire that may be tampered
    with.
    """

    def __init__(self, client_context, server_context):
        pair = PipePair(client_context, server_context)
        self.pipes = {'client': pair.client, 'server': pair.server}
        self.wires = {'client': b'', 'server': b''}   # on their way to that side
        self.sent = {'client': b'', 'server': b''}    # what that side's application wrote
        self.received = {'client': b'', 'server': b''}
        self.tampered = False
        self.begun = set()  # sides that have begun TLS
        for side in self.pipes:
            self.do(side, 'handshake', 0)

    def do(self, side, operation, number):
        """Try one operation; hold that it either works or fails as it may."""
        pipe = self.pipes[side]
        before = pipe.state
        try:
            getattr(self, '_' + operation)(side, pipe, number)
        except RuntimeError:
            assert pipe.state is before  # a call in the wrong state changes nothing
            assert operation in ('write', 'handshake', 'shutdown', 'unwrap')
        except ssl.SSLEOFError:
            assert operation == 'eof'
        except ssl.SSLError:
            assert BROKEN == pipe.state
            assert operation in ('carry', 'handshake')
        assert before != BROKEN or pipe.state == BROKEN

    @staticmethod
    def _other(side):
        return 'server' if side == 'client' else 'client'

    def _handshake(self, side, pipe, number):
        if not (pipe.state == PLAINTEXT and side in self.begun):  # in the clear anything may come
            pipe.do_handshake()
            self.begun.add(side)

    def _write(self, side, pipe, number):
        if pipe.state != PLAINTEXT:
            data = b'%05d' % number * (number // 100)
            pipe.feed_appdata(data)
            self.sent[side] += data

    def _carry(self, side, pipe, number):
        other = self._other(side)
        try:
            self.wires[other] += attempt(pipe.data_to_send)
        finally:
            data, self.wires[other] = self.wires[other], b''
            peer = self.pipes[other]
            if peer.state != PLAINTEXT:
                try:
                    for piece in cut(data, [number, number // 3]):
                        attempt(peer.feed_ssldata, piece)
                except ssl.SSLError:
                    assert BROKEN == peer.state
                self.received[other] += peer.appdata_received()

    def _shutdown(self, side, pipe, number):
        pipe.shutdown()

    def _eof(self, side, pipe, number):
        self.tampered = True
        pipe.feed_eof()

    def _unwrap(self, side, pipe, number):
        pipe.unwrap()

    def _tamper(self, side, pipe, change):
        wire = bytearray(self.wires[side])
        wire += bytearray(self.pipes[self._other(side)].data_to_send())
        if wire:
            self.tampered = True
            change(wire)
        self.wires[side] = bytes(wire)

    def _flip(self, side, pipe, number):
        def change(wire):
            wire[number % len(wire)] ^= 1 << number % 8
        self._safely(side, pipe, change)

    def _drop(self, side, pipe, number):
        def change(wire):
            del wire[number % len(wire):][:1 + number % 50]
            del wire[number % len(wire)]
        self._safely(side, pipe, change)

    def _repeat(self, side, pipe, number):
        def change(wire):
            wire += wire[number % len(wire):]
        self._safely(side, pipe, change)

    def _safely(self, side, pipe, change):
        try:
            self._tamper(side, pipe, change)
        except ssl.SSLError:
            assert BROKEN == self.pipes[self._other(side)].state


class TestCalls(object):
    def test_any(self, client_context, server_context):
        """
        Whatever is called in whatever order, over whatever wire: no other errors than those
        documented, data arrives in order, and nothing else arrives.
        """
        @SETTINGS
        @hypothesis.given(OPERATIONS)
        def run(operations):
            conversation = Conversation(client_context, server_context)
            for operation in operations:
                conversation.do(*operation)
                for side, other in (('client', 'server'), ('server', 'client')):
                    assert conversation.sent[other].startswith(conversation.received[side])
        run()

    def test_all_arrives(self, client_context, server_context):
        """Over a wire that nobody tampers with, all that was written arrives."""
        quiet = st.lists(st.tuples(
            st.sampled_from(['client', 'server']), st.sampled_from(['write', 'carry', 'carry']),
            st.integers(0, 20000)), max_size=20)

        @SETTINGS
        @hypothesis.given(quiet)
        def run(operations):
            conversation = Conversation(client_context, server_context)
            for operation in operations:
                conversation.do(*operation)
            for _ in range(4):
                for side in ('client', 'server'):
                    conversation.do(side, 'carry', 777)
            states = {pipe.state for pipe in conversation.pipes.values()}
            assert ({OPEN}, False) == (states, conversation.tampered)
            assert conversation.sent['client'] == conversation.received['server']
            assert conversation.sent['server'] == conversation.received['client']
        run()
