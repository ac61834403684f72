"""TLS objects of the pair engine, whichever is in use, and pairs of each kind of sockets."""
from __future__ import absolute_import, division, print_function

import errno
import os
import signal
import socket
import sys
import threading

import pytest

from sslproto27._core.engine import pair as sockets
from sslproto27._core.engine.loopback import LoopbackPair
from sslproto27._core.pair import sslobject as engine
from sslproto27._core.pair.bio import MemoryBIO
from sslproto27._core.pair.limits import Limit
from sslproto27._core.wrap_bio import wrap_bio_and_check
from tests.support.memory import Endpoint, Pair

__all__ = ['Ends', 'Interrupted', 'KINDS', 'SmallLoopbackPair', 'in_child', 'in_thread', 'is_empty',
           'needs_fork', 'refused', 'wrap']

needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system has no fork')


class SmallPair(sockets.Pair):
    """A pair whose kernel buffers hold less than a record."""

    def _connected(self):
        ends = sockets.Pair._connected()
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return ends


class SmallLoopbackPair(LoopbackPair):
    """The same over TCP."""

    def _connected(self):
        ends = super(SmallLoopbackPair, self)._connected()
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return ends


KINDS = {'socketpair': sockets.Pair, 'small': SmallPair, 'loopback': LoopbackPair}


def is_empty(pair):
    """Return whether nothing is in either direction."""
    if isinstance(pair, LoopbackPair):
        found = []
        try:
            pair.drain(found)  # up to a mark: nothing can be on its way
        except Interrupted:
            pair._under_way.clear()
            raise
        assert [] == found
    for end in (pair.inner, pair.outer):
        try:
            end.recv(1, socket.MSG_PEEK)
        except socket.error as error:
            if sys.exc_info()[2].tb_next is not None:  # a signal handler has raised it
                raise
            assert errno.EAGAIN == error.errno
        else:
            return False
    return True


def wrap(context, server_side=False, server_hostname=None, session=None):
    """Return an `Endpoint` of the pair engine over two new BIOs."""
    incoming, outgoing = MemoryBIO(), MemoryBIO()
    return Endpoint(
        wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                           False, default=engine.SSLObject), incoming, outgoing)


class Ends(Pair):
    """A client and a server of the pair engine, and the wire between them; see `memory.Pair`."""

    def __init__(self, client_context, server_context, split=lambda data: [data] if data else [],
                 **kwargs):
        kwargs.setdefault('server_hostname', 'localhost')
        self.client_end = wrap(client_context, **kwargs)
        self.server_end = wrap(server_context, server_side=True)
        self.client, self.server = self.client_end.sslobj, self.server_end.sslobj
        self.split = split


class Interrupted(Exception):
    """What the signal handlers of these tests raise."""


def in_thread(call):
    """Run *call* in a thread of its own; return what it returns, raise if it hangs."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.daemon = True
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), 'the other thread hangs'
    return results[0]


def in_child(call):
    """Run *call* in a forked child; return the text that it returns, or its error's."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            signal.alarm(60)
            try:
                text = call()
            except BaseException as error:
                text = '%s: %s' % (type(error).__name__, error)
            os.write(writer, text.encode('ascii', 'replace'))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text


def refused(call, *args):
    """Return the `Limit` that a call ends in."""
    with pytest.raises(Limit) as info:
        call(*args)
    return info.value
