"""The states of `SSLPipe`: each transition is possible, and no other."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import SSLPipe
from sslproto27._core.pipe_states import (
    BROKEN, CLOSE, CLOSE_DONE, CLOSED, CLOSING, ESTABLISHED, FAIL, FINISHING, HANDSHAKE, OPEN,
    PEER_CLOSE, PEER_CLOSED, PLAINTEXT, START, TRANSITIONS, UNWRAP)
from tests.support.memory import raised
from tests.support.pipe_pairs import GARBAGE, PipePair, attempt, carry, forged_record

STATES = (PLAINTEXT, HANDSHAKE, OPEN, PEER_CLOSED, CLOSING, FINISHING, CLOSED, BROKEN)
EVENTS = (START, ESTABLISHED, PEER_CLOSE, CLOSE, CLOSE_DONE, UNWRAP, FAIL)

# What each public call leads to where it is possible; in any other state it is a mistake.
POSSIBLE = {
    'do_handshake': {PLAINTEXT: HANDSHAKE},
    'shutdown': {OPEN: CLOSING, PEER_CLOSED: FINISHING},
    'unwrap': {CLOSED: PLAINTEXT},
}


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


class TestStates(object):
    def test_every_transition_is_taken(self, client_context, server_context, tls_version):
        """Each transition of the table is one that a real connection takes."""
        taken = set()

        class Recorder(SSLPipe):
            def _enter(self, event):
                before = self.state
                super(Recorder, self)._enter(event)
                taken.add((before, event))
                assert TRANSITIONS[before, event] is self.state

        def new():
            return PipePair(client_context, server_context, cls=Recorder)

        raised(attempt, new().start().server.feed_ssldata, GARBAGE)
        pair = new().handshake()
        raised(attempt, pair.client.feed_ssldata, forged_record())
        pair = new().handshake()
        pair.client.shutdown()
        raised(attempt, pair.client.feed_ssldata, forged_record())
        pair = new().handshake().shut_down()
        pair.client.unwrap()
        pair = new().handshake()
        pair.client.shutdown()
        pair.pump()
        pair.server.shutdown()
        out_of_reach = {(PEER_CLOSED, FAIL), (FINISHING, FAIL)}  # see the next test
        assert set(TRANSITIONS) - out_of_reach == taken

    @pytest.mark.parametrize('state', [PEER_CLOSED, FINISHING])
    def test_failure_after_peer_closed(self, pipes, state):
        """A failure to encrypt, once the peer has closed, breaks the pipe for good."""
        pipes.server.shutdown()
        carry(pipes.server, pipes.client)
        pipes.client.feed_appdata(b'x')
        if state is FINISHING:
            pipes.client.shutdown()
        assert state is pipes.client.state
        pipes.client.ssl_object = None  # no peer that speaks TLS can make encrypting fail here
        raised(attempt, pipes.client.data_to_send)
        assert (BROKEN, b'') == (pipes.client.state, pipes.client.data_to_send())

    def test_no_other_transition(self, client_context, tls_version):
        """
        An event that the table lacks raises RuntimeError that names both, and leaves the state.
        """
        pipe = SSLPipe(client_context, server_hostname='localhost')
        for state in STATES:
            for event in EVENTS:
                pipe.state = state
                if (state, event) in TRANSITIONS:
                    pipe._enter(event)
                    assert TRANSITIONS[state, event] is pipe.state
                else:
                    error = raised(pipe._enter, event)
                    assert (RuntimeError, state) == (type(error), pipe.state)
                    assert event in str(error) and state in str(error)

    @pytest.mark.parametrize('state', STATES)
    @pytest.mark.parametrize('call', sorted(POSSIBLE))
    def test_public_calls(self, reach, state, call):
        """
        do_handshake, shutdown and unwrap are possible in their own states; elsewhere they raise an
        error that names the call and the state, and change nothing.
        """
        pipe, _ = reach(state)
        if state in POSSIBLE[call]:
            getattr(pipe, call)()
            assert POSSIBLE[call][state] is pipe.state
        else:
            error = raised(getattr(pipe, call))
            assert (RuntimeError, state) == (type(error), pipe.state)
            assert '%s() is not possible in state %s' % (call, state) == str(error)

    @pytest.mark.parametrize('state', STATES)
    def test_feed_appdata(self, reach, state):
        """Data is taken until our side has ended, or has failed; after that feed_appdata raises."""
        pipe, _ = reach(state)
        if state in (CLOSING, FINISHING, CLOSED, BROKEN):
            assert RuntimeError is type(raised(pipe.feed_appdata, b'x'))
            assert 0 == pipe.backlog_size
        else:
            pipe.feed_appdata(b'x')
        assert state is pipe.state

    @pytest.mark.parametrize('state', STATES)
    def test_nothing_fed(self, reach, state):
        """b'' from the peer changes nothing in any state."""
        pipe, _ = reach(state)
        pipe.feed_ssldata(b'')
        assert (state, b'') == (pipe.state, pipe.appdata_received())
