"""Fixtures for the tests of pipes and of blocking sockets."""
from __future__ import absolute_import, division, print_function

import gc
import warnings

import pytest

from sslproto27 import SSLSocket
from sslproto27._core.pipe_states import (
    BROKEN, CLOSED, CLOSING, FINISHING, HANDSHAKE, PEER_CLOSED, PLAINTEXT)
from tests.support.forks import collect_young, forget_loop
from tests.support.memory import SPLITS
from tests.support.pipe_pairs import GARBAGE, PipePair, break_with, carry
from tests.support.remote_pipes import RemotePipe, in_parallel
from tests.support.sockets import connection


@pytest.fixture(params=['client', 'server'])
def ours(request):
    """The side whose pipe is looked at."""
    return request.param


@pytest.fixture(params=sorted(SPLITS))
def split(request):
    """Each way in which bytes may arrive."""
    return SPLITS[request.param]()


@pytest.fixture
def new_pair(client_context, server_context):
    """A function that makes a `PipePair` of one TLS version."""
    def make(**kwargs):
        return PipePair(client_context, server_context, **kwargs)
    return make


@pytest.fixture
def pipes(new_pair):
    """A connected `PipePair` of one TLS version."""
    return new_pair().handshake()


@pytest.fixture
def reach(new_pair, ours):
    """
    A function from a state to (a pipe of our side that is in it by way of real TLS, its peer).
    """
    def bring(state):
        pair = new_pair()
        us, peer = pair.sides(ours)
        if state is HANDSHAKE:
            us.do_handshake()
        elif state is BROKEN:
            us.do_handshake()
            break_with(us, GARBAGE)
        elif state is not PLAINTEXT:
            pair.handshake()
        if state is PEER_CLOSED:
            peer.shutdown()
            carry(peer, us)
        elif state is CLOSING:
            us.shutdown()
        elif state is FINISHING:
            peer.shutdown()
            carry(peer, us)
            us.shutdown()
        elif state is CLOSED:
            pair.shut_down()
        assert state is us.state
        return us, peer
    return bring


@pytest.fixture
def ends():
    """Both ends of a connection."""
    with connection() as both:
        yield both


@pytest.fixture
def tls(ends, client_context, server_context):
    """Our client and the interpreter's own server, connected."""
    ours, theirs = in_parallel(
        lambda: SSLSocket(ends[0], client_context, server_hostname='localhost'),
        lambda: server_context.wrap_socket(ends[1], server_side=True))
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def remote(ends, client_context, server_context):
    """Our client and a pipe, connected, that may start a new handshake."""
    server_context.options |= 0x100  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION
    ours, theirs = in_parallel(
        lambda: SSLSocket(ends[0], client_context, server_hostname='localhost'),
        RemotePipe(ends[1], server_context, server_side=True).handshake)
    yield ours, theirs
    ours.close()


@pytest.fixture
def nothing_is_left():
    """See to it that sockets which a test has left are not found in the midst of another one."""
    gc.disable()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        forget_loop()
        collect_young()
    gc.enable()
