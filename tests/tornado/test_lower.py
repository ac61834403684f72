"""TLS over streams that are no sockets."""
from __future__ import absolute_import, division, print_function

import errno
import socket
import ssl

from tests.support.tornados import (
    connected_sockets, exchange, failure_of, gen, iostream, logged, on_loop, pair_of_streams,
    two_pipes, upgraded)

from sslproto27.tornado import SSLIOStream, start_tls


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
