"""After a fork: what the child of a process with connections does."""
from __future__ import absolute_import, division, print_function

import os
import ssl

import pytest

from tests.support.twisteds import Abortable, Echo, Memory, connected, until


class TestFork(object):
    """Two processes never use one connection's keys."""

    @pytest.mark.parametrize('call', ['write', 'loseConnection', 'abortConnection'])
    def test_child_sends_nothing(self, pki, call):
        """A forked child that uses, or ends, the parent's connection does nothing to the peer."""
        with connected(pki, server=Echo) as (client, server):
            client.transport.write(b'before')
            until(lambda: len(client.data) == 6)
            client.transport.write(b' fork')  # the parent uses it
            ready, go = os.pipe()
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    os.read(ready, 1)  # the parent has used it
                    tls = client.transport
                    tls._socket = None
                    tls.transport = Abortable()
                    if call == 'write':
                        tls.write(b'from the child')
                    else:
                        getattr(tls, call)()
                    assert tls.transport.closed
                    status = len(tls.transport.data)
                finally:
                    os._exit(status)
            client.transport.write(b' and after')
            os.write(go, b'.')
            os.close(go)
            os.close(ready)
            assert 0 == os.waitpid(pid, 0)[1]
            until(lambda: len(client.data) == 21)
        assert b'before fork and after' == client.data

    def test_child_first(self, pki):
        """Once a child has used the connection, the parent's use of it ends it, and raises nothing.
        """
        with connected(pki, server=Echo) as (client, server):
            client.transport.write(b'before')
            until(lambda: len(client.data) == 6)
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    tls = client.transport
                    tls._socket = None
                    tls.transport = Memory()
                    tls.write(b'from the child')
                    status = not tls.transport.data
                finally:
                    os._exit(status)
            assert 0 == os.waitpid(pid, 0)[1]
            client.transport.write(b'from the parent')
            until(lambda: client.reason is not None)
        assert client.reason.check(ssl.SSLError)
        assert 'fork' in str(client.reason.value)

    @pytest.mark.parametrize('call', ['loseConnection', 'abortConnection'])
    def test_what_waits_is_the_parents(self, pki, call):
        """What the parent has still to send is not sent by a child that ends its copy, too."""
        with connected(pki, server=Echo) as (client, server):
            below = client.transport.transport
            below.dataBuffer, below.offset = b'records', 2
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    getattr(client.transport, call)()
                    status = len(below.dataBuffer) + below.offset
                finally:
                    os._exit(status)
            assert 0 == os.waitpid(pid, 0)[1]
            assert (b'records', 2) == (below.dataBuffer, below.offset)
            below.dataBuffer, below.offset = b'', 0
