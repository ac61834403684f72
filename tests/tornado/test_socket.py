"""The socket of a TLS stream, and sockets that ssl has wrapped."""
from __future__ import absolute_import, division, print_function

import socket
import ssl

import pytest

from sslproto27 import SSLSession
from tests.support.tornados import connected_sockets, finish, gen, on_loop, pair_of_streams

from sslproto27.tornado import SSLIOStream


class TestTLSSocket(object):
    """What the socket of a stream tells, and what it refuses."""

    @on_loop
    def test_socket_tells(self, pki, tls_version):
        """Its socket tells what TLS settled on, and the addresses."""
        client, server = yield pair_of_streams(pki, tls_version)
        assert [tls_version] * 2 == [stream.socket.version() for stream in (client, server)]
        assert client.socket.cipher() == server.socket.cipher()
        assert pki.chain('localhost')[0] == client.socket.getpeercert(binary_form=True)
        assert client.socket.getpeername() == server.socket.getsockname()
        assert socket.AF_INET == client.socket.family
        finish(client, server)
        assert client.socket is None

    @on_loop
    def test_facts_of_tls(self, pki):
        """Its socket says what TLS is like, also after close; before there is TLS, ValueError."""
        early = SSLIOStream(socket.socket())
        client, server = yield pair_of_streams(pki)
        facts = client.socket
        for name in ('cipher', 'version', 'session', 'getpeercert', 'selected_npn_protocol'):
            with pytest.raises(ValueError):
                getattr(early.socket, name)
        finish(client, server)
        early.close()
        assert (True, True) == (facts.version().startswith('TLS'), bool(facts.getpeercert()))
        assert isinstance(facts.session, SSLSession)

    @on_loop
    def test_socket_transfers_nothing(self, pki):
        """Nothing can be sent or received past TLS by its socket."""
        client, server = yield pair_of_streams(pki)
        for name in ('send', 'sendall', 'recv', 'recv_into', 'makefile', 'read', 'write', 'unwrap'):
            with pytest.raises(AttributeError) as info:
                getattr(client.socket, name)
            assert 'read and write the stream' in str(info.value)
        finish(client, server)

    @on_loop
    def test_wrapped_socket(self, pki):
        """A socket that ssl has wrapped, and not used, gives its connection and its settings."""
        ours, theirs = connected_sockets()
        wrapped = pki.server_context().wrap_socket(theirs, server_side=True,
                                                   do_handshake_on_connect=False)
        server = SSLIOStream(wrapped)
        client = SSLIOStream(ours, ssl_options=pki.client_context(), server_hostname='localhost')
        yield [client.wait_for_handshake(), server.wait_for_handshake()]
        assert type(server.fileno()) is socket.socket
        yield client.write(b'data')
        assert b'data' == (yield server.read_bytes(4))
        finish(client, server)


class TestUsedSocket(object):
    """A socket over which ssl has spoken TLS already."""

    @on_loop
    def test_refused(self, pki):
        """It is refused: its keys are not ours to have."""
        ours, theirs = connected_sockets()
        peer = SSLIOStream(theirs, ssl_options=pki.server_context(), server_side=True)
        wrapped = pki.client_context().wrap_socket(ours, server_hostname='localhost',
                                                   do_handshake_on_connect=False)
        wrapped.setblocking(False)
        while not peer.closed():
            try:
                wrapped.do_handshake()
                break
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                yield gen.moment
        with pytest.raises(ValueError) as info:
            SSLIOStream(wrapped)
        assert 'do_handshake_on_connect=False' in str(info.value)
        wrapped.close()
        peer.close()
