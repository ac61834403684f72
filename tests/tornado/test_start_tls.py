"""`sslproto27.tornado.start_tls`: upgrades, what was read ahead, TLS over any stream."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import socket
import ssl

import pytest

from tests.support.pipe_pairs import pattern
from tests.support.tornados import (
    Peer, both, connected_sockets, failure_of, gen, iostream, logged, on_loop, pair_of_streams,
    settled)

from sslproto27.tornado import SSLIOStream, start_tls


def plain_streams(**kwargs):
    """Return two connected IOStreams."""
    return [iostream.IOStream(sock, **kwargs) for sock in connected_sockets()]


@gen.coroutine
def upgraded(pki, client, server, version=None):
    """Start TLS on both ends; return the new streams."""
    streams = yield [
        start_tls(client, False, pki.client_context(version), server_hostname='localhost'),
        start_tls(server, True, pki.server_context(version=version))]
    raise gen.Return(streams)


@gen.coroutine
def exchange(client, server, size=200000):
    """Check that data goes both ways."""
    data = pattern(size)
    got = yield [client.read_bytes(size), server.read_bytes(size), client.write(data),
                 server.write(data)]
    assert [data, data, None, None] == got


@contextlib.contextmanager
def two_pipes():
    """Give two ends of a pair of pipes: each a (reader, writer) of PipeIOStreams."""
    (read1, write1), (read2, write2) = os.pipe(), os.pipe()
    streams = [iostream.PipeIOStream(fd) for fd in (read1, write2, read2, write1)]
    try:
        yield tuple(streams[:2]), tuple(streams[2:])
    finally:
        for stream in streams:
            stream.close()


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


class TestOverStreams(object):
    """TLS over streams that are no sockets."""

    @on_loop
    def test_tls_in_tls(self, pki, tls_version):
        """TLS runs within TLS, three deep, and the innermost data is right."""
        streams = yield pair_of_streams(pki, tls_version)
        for _ in range(2):
            streams = yield upgraded(pki, *streams, version=tls_version)
            yield exchange(*streams, size=300000)
        assert streams[0].socket.getpeername() == streams[1].socket.getsockname()
        assert pki.chain('localhost')[0] == streams[0].socket.getpeercert(True)
        reading = streams[1].read_until_close()
        yield streams[0].write(b'the end')
        streams[0].close()
        assert b'the end' == (yield reading)
        assert streams[1].error is None

    @on_loop
    def test_method(self, pki):
        """Our streams' own start_tls does the same."""
        client, server = yield pair_of_streams(pki)
        inner = yield [client.start_tls(False, pki.client_context(), 'localhost'),
                       server.start_tls(True, pki.server_context())]
        yield exchange(*inner)
        for stream in inner:
            stream.close()
        assert [True, True] == [client.closed(), server.closed()]

    @on_loop
    def test_over_tornados_own(self, pki):
        """TLS runs within a TLS stream of Tornado's own."""
        ours, theirs = connected_sockets()
        outer = iostream.SSLIOStream(pki.server_context().wrap_socket(
            theirs, server_side=True, do_handshake_on_connect=False))
        client = SSLIOStream(ours, ssl_options=pki.client_context(), server_hostname='localhost')
        yield [client.wait_for_handshake(), outer.wait_for_handshake()]
        inner = yield upgraded(pki, client, outer)
        yield exchange(*inner)
        for stream in inner:
            stream.close()

    @on_loop
    def test_over_pipes(self, pki, tls_version):
        """TLS runs over two pairs of pipes, which have no addresses."""
        with two_pipes() as (ours, theirs):
            client, server = yield upgraded(pki, ours, theirs, tls_version)
            yield exchange(client, server)
            assert socket.AF_UNSPEC == client.socket.family
            client.set_nodelay(True)
            reading = server.read_until_close()
            yield client.write(b'the end')
            client.close()
            assert b'the end' == (yield reading)
            server.close()

    @on_loop
    def test_error_passes_through(self, pki):
        """Whoever cuts off the outermost connection fails reads of the innermost one."""
        outer = yield pair_of_streams(pki)
        inner = yield upgraded(pki, *outer)
        raw = outer[0].fileno()
        reading = failure_of(inner[1].read_bytes(1))
        raw.shutdown(socket.SHUT_RDWR)
        error = yield reading
        assert type(error) is iostream.StreamClosedError
        assert type(error.real_error) is ssl.SSLEOFError
        for stream in inner:
            stream.close()

    @on_loop
    def test_truncated_between(self, pki):
        """An outer TLS that ends cleanly does not make the inner one's end a clean one."""
        outer = yield pair_of_streams(pki)
        inner = yield upgraded(pki, *outer)
        reading = failure_of(inner[1].read_until_close())
        yield inner[0].write(b'some')
        outer[0].close()  # with close_notify
        error = yield reading
        assert type(error.real_error) is ssl.SSLEOFError
        inner[0].close()

    @on_loop
    def test_slow_reader(self, pki):
        """A write over a stream is done once the stream below is done with it, not before."""
        outer = yield pair_of_streams(pki)
        client, server = yield upgraded(pki, *outer)
        outer[0].fileno().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        outer[1].fileno().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        size = 1000000
        written = client.write(b'x' * size)
        for _ in range(20):
            yield gen.moment
        assert [False, True] == [written.done(), client.writing()]
        assert size == len((yield server.read_bytes(size)))
        yield written
        client.close()
        server.close()

    @on_loop
    def test_failure_below(self, pki):
        """What ends the stream below ends the handshake as well, and is logged."""
        with two_pipes() as (ours, _):
            with logged() as texts:
                done = failure_of(start_tls(ours, True, pki.server_context()))
                yield gen.moment
                reason = socket.error(errno.EIO, 'worn out')
                ours[0].close(exc_info=(type(reason), reason, None))
                assert reason is (yield done)
            assert [True, True] == [stream.closed() for stream in ours]
            text, = texts
            assert text.startswith('WARNING: SSL Error on ') and 'worn out' in text
            assert '(not connected)' in text

    @on_loop
    def test_silence(self, pki):
        """A peer that never answers is cut off, over pipes as well."""
        with two_pipes() as (ours, _):
            with logged() as texts:
                error = yield failure_of(
                    start_tls(ours, True, pki.server_context(), ssl_handshake_timeout=0.05))
            assert 'longer than 0.05 seconds' in str(error)
            assert 1 == len(texts)
            assert [True, True] == [stream.closed() for stream in ours]
