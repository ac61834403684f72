"""`sslproto27.tornado.start_tls`: upgrades, what was read ahead, TLS over any stream."""
from __future__ import absolute_import, division, print_function

import errno
import socket
import ssl

import pytest

from tests.support.tornados import (
    Peer, both, connected_sockets, exchange, failure_of, gen, iostream, logged, on_loop, settled,
    upgraded)

from sslproto27.tornado import SSLIOStream, start_tls


def plain_streams(**kwargs):
    """Return two connected IOStreams."""
    return [iostream.IOStream(sock, **kwargs) for sock in connected_sockets()]


class TestUpgrade(object):
    """TLS after plaintext."""

    @on_loop
    def test_starttls(self, pki, tls_version):
        """After some plaintext both sides go on in TLS."""
        client, server = plain_streams()
        client.write(b'STARTTLS\r\n')
        assert b'STARTTLS\r\n' == (yield server.read_until(b'\n'))
        server.write(b'220 go ahead\r\n')
        assert b'220 go ahead\r\n' == (yield client.read_until(b'\n'))
        tls_client, tls_server = yield upgraded(pki, client, server, tls_version)
        assert [SSLIOStream] * 2 == [type(tls_client), type(tls_server)]
        yield exchange(tls_client, tls_server)
        assert tls_client is (yield tls_client.wait_for_handshake())
        tls_client.close()
        tls_server.close()

    @on_loop
    def test_old_stream(self, pki):
        """The stream before is left closed, and says so."""
        client, server = plain_streams()
        new = yield upgraded(pki, client, server)
        for stream in (client, server):
            assert stream.closed()
            stream.close()
            with pytest.raises(iostream.StreamClosedError):
                stream.write(b'in the clear')
        for stream in new:
            assert not stream.closed()
            stream.close()

    @on_loop
    def test_read_ahead_server(self, pki):
        """A ClientHello that came in one segment with a PROXY header is used."""
        ours, theirs = connected_sockets()
        server, peer = iostream.IOStream(ours), Peer(theirs, pki.client_context())
        peer.pipe.do_handshake()
        yield peer.stream.write(b'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'
                                + peer.pipe.data_to_send())
        yield server.read_until(b'\r\n')
        assert server._read_buffer_size > 100  # the hello has been read
        upgrade = start_tls(server, True, pki.server_context())
        yield peer.receive()
        yield peer.send(b'hello')
        stream = yield upgrade
        assert b'hello' == (yield stream.read_bytes(5))
        stream.close()
        peer.stream.close()

    @on_loop
    def test_read_ahead_client(self, pki):
        """A server's answer that a client's plain stream has read already is used."""
        client, server = plain_streams()
        client.write(b'x')
        yield server.read_bytes(1)
        yield server.write(b'go ahead\n' + b'\x15\x03\x03\x00\x02\x02\x28')  # a fatal alert
        yield client.read_until(b'\n')
        assert 7 == client._read_buffer_size
        with logged() as texts:
            error = yield failure_of(
                start_tls(client, False, pki.client_context(), server_hostname='localhost'))
        assert 'handshake failure' in str(error).lower().replace('_', ' ')
        assert 1 == len(texts)
        server.close()

    @pytest.mark.parametrize('server_side', [True, False])
    @on_loop
    def test_injection(self, pki, server_side):
        """Plaintext slipped in before the handshake fails it, and reaches nobody."""
        victim, attacker = plain_streams()
        yield attacker.write(b'STARTTLS\nMAIL FROM:<attacker@example.org>\n')
        yield victim.read_until(b'\n')
        context = pki.server_context() if server_side else pki.client_context()
        with logged():
            error = yield failure_of(
                start_tls(victim, server_side, context,
                          server_hostname=None if server_side else 'localhost'))
        assert isinstance(error, ssl.SSLError)
        attacker.close()

    @on_loop
    def test_failure_is_the_error_itself(self, pki):
        """The Future fails with the ssl.SSLError itself, as Tornado's does."""
        client, server = plain_streams()
        with logged():
            ends = yield both(
                start_tls(client, False, pki.client_context(trust='stranger-ca'),
                          server_hostname='localhost'),
                start_tls(server, True, pki.server_context()))
        assert [True, True] == [isinstance(end, ssl.SSLError) for end in ends]
        assert 'CERTIFICATE_VERIFY_FAILED' in str(ends[0])

    @on_loop
    def test_close_callback_moves(self, pki):
        """The close callback goes on with the connection; limits do, too."""
        client, server = plain_streams(max_buffer_size=500000, read_chunk_size=5000)
        calls = []
        server.set_close_callback(lambda: calls.append('closed'))
        tls_client, tls_server = yield upgraded(pki, client, server)
        assert [500000, 5000] == [tls_server.max_buffer_size, tls_server.read_chunk_size]
        assert [] == calls
        tls_client.close()
        yield settled(lambda: calls)
        assert ['closed'] == calls

    @pytest.mark.parametrize('use', ['reading', 'writing', 'connecting'])
    @on_loop
    def test_in_use(self, pki, use):
        """A stream that is in use is refused and left alone."""
        client, server = plain_streams()
        if use == 'reading':
            client.read_bytes(1)
        elif use == 'writing':
            client.write(b'x' * 30000000)
        else:
            client._connecting = True
        with pytest.raises(ValueError) as info:
            start_tls(client, True, pki.server_context())
        assert 'in use' in str(info.value)
        assert not client.closed()
        client.close()
        server.close()
        yield gen.moment

    @on_loop
    def test_closed(self, pki):
        """A stream that has been closed, as a peer may do at any time, fails as such."""
        client, server = plain_streams()
        server.close()
        yield client.read_until_close()
        client.error = socket.error(errno.ECONNRESET, 'the reason')
        with pytest.raises(iostream.StreamClosedError) as info:
            start_tls(client, True, pki.server_context())
        assert client.error is info.value.real_error
        yield gen.moment

    @on_loop
    def test_missing_name(self, pki):
        """A client's upgrade with no name to check is refused; the stream is still usable."""
        client, server = plain_streams()
        with pytest.raises(ValueError):
            start_tls(client, False, pki.client_context())
        client.write(b'still plain')
        assert b'still plain' == (yield server.read_bytes(11))
        client.close()
        server.close()
