"""`sslproto27.tornado.SSLIOStream` over sockets: data, ends, limits, hostile peers."""
from __future__ import absolute_import, division, print_function

import errno
import gc
import socket
import ssl
import struct
import weakref

import pytest

from sslproto27._core import pipe_states as _pipe
from tests.support.engines import not_in_pair
from tests.support.memory import PY2, SPLITS
from tests.support.pipe_pairs import ALERT, native_call, needs_refcounts, pattern, record_types
from tests.support.tornados import (
    Peer, both, connected_sockets, failure_of, finish, gen, iostream, logged, on_loop,
    pair_of_streams, settled, since_5)

from sslproto27.tornado import SSLIOStream, _stream


@gen.coroutine
def with_peer(pki, version=None, server_side=True, **kwargs):
    """Connect a stream of ours to a `Peer`, and shake hands; the stream is the server, or not."""
    ours, theirs = connected_sockets()
    contexts = [pki.client_context(version), pki.server_context(version=version)]
    if server_side:
        contexts.reverse()
    else:
        kwargs['server_hostname'] = 'localhost'
    stream = SSLIOStream(ours, ssl_options=contexts[0], server_side=server_side, **kwargs)
    peer = Peer(theirs, contexts[1], server_side=not server_side)
    yield [stream.wait_for_handshake(), peer.handshake()]
    raise gen.Return((stream, peer))


def reset(stream):
    """Close a plain stream so that the other end gets RST."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    stream.close()


class TestClass(object):
    """What the stream is."""

    @on_loop
    def test_is_tornados(self, pki):
        """It is an instance of Tornado's SSLIOStream, over a socket that stays a plain one."""
        client, server = yield pair_of_streams(pki)
        for stream in (client, server):
            assert isinstance(stream, iostream.SSLIOStream)
            assert type(stream.fileno()) is socket.socket
            assert stream.fileno().fileno() == stream.socket.fileno()
        finish(client, server)

    @pytest.mark.parametrize('kwargs, error, text', [
        (dict(ssl_options='context'), TypeError, 'ssl_options'),
        (dict(ssl_handshake_timeout=0), ValueError, 'ssl_handshake_timeout'),
        (dict(ssl_handshake_timeout=-1), ValueError, 'ssl_handshake_timeout'),
        (dict(ssl_handshake_timeout='1'), TypeError, 'ssl_handshake_timeout'),
        (dict(), ValueError, 'server_hostname'),
        (dict(no_such='argument'), TypeError, 'no_such'),
    ])
    @on_loop
    def test_bad_arguments(self, kwargs, error, text):
        """An argument that cannot be used is named; the socket is left as it was."""
        ours, theirs = connected_sockets()
        with pytest.raises(error) as info:
            SSLIOStream(ours, **kwargs)
        assert text in str(info.value)
        ours.sendall(b'still usable')
        assert b'still usable' == theirs.recv(100)
        ours.close()
        theirs.close()
        yield gen.moment

    @on_loop
    def test_no_socket(self):
        """What is neither a socket nor a stream is a TypeError."""
        with pytest.raises(TypeError):
            SSLIOStream((1, 2, 3), ssl_options={})
        with pytest.raises(TypeError):
            SSLIOStream(1, ssl_options={})
        yield gen.moment


class TestData(object):
    """What is written arrives."""

    @pytest.mark.parametrize('size', [1, 100, 16384, 16385, 65536, 3000000])
    @on_loop
    def test_echo(self, pki, tls_version, size):
        """Any amount of data arrives as it was written, both ways at once."""
        client, server = yield pair_of_streams(pki, tls_version)
        data = pattern(size)
        received = yield [client.read_bytes(size), server.read_bytes(size),
                          client.write(data), server.write(data)]
        assert [data, data, None, None] == received
        finish(client, server)

    @pytest.mark.parametrize('split', sorted(SPLITS))
    @on_loop
    def test_chunking(self, pki, tls_version, split):
        """However the network splits records, the data is the same."""
        stream, peer = yield with_peer(pki, tls_version)
        data = pattern(2000 if split == 'byte_by_byte' else 70000)
        peer.pipe.feed_appdata(data)
        reading = stream.read_bytes(len(data))
        for piece in SPLITS[split]()(peer.pipe.data_to_send()):
            yield peer.stream.write(piece)
            yield gen.moment
        assert data == (yield reading)
        finish(stream, peer.stream)

    @since_5
    @on_loop
    def test_read_into(self, pki):
        """A buffer of the application's is filled, across records."""
        client, server = yield pair_of_streams(pki)
        client.write(b'x' * 10 + b'y' * 100000)
        assert b'x' * 3 == (yield server.read_bytes(3, partial=True))
        buffer = bytearray(100007)
        assert len(buffer) == (yield server.read_into(buffer))
        assert b'x' * 7 + b'y' * 100000 == bytes(buffer)
        finish(client, server)

    @on_loop
    def test_all_ways_to_read(self, pki):
        """Each of Tornado's ways to read finds its data in one run of bytes."""
        client, server = yield pair_of_streams(pki)
        client.write(b'line\nmatch42 part' + b'x' * 10 + b'y' * 100000 + b'rest')
        assert b'line\n' == (yield server.read_until(b'\n'))
        assert b'match42' == (yield server.read_until_regex(br'\d+'))
        assert b' part' == (yield server.read_bytes(5))
        assert b'x' * 3 == (yield server.read_bytes(3, partial=True))
        assert b'x' * 7 + b'y' * 100000 == (yield server.read_bytes(100007))
        client.close()
        assert b'rest' == (yield server.read_until_close())
        finish(server)

    @on_loop
    def test_small_chunks(self, pki):
        """A read_chunk_size smaller than a record loses nothing."""
        client, server = yield pair_of_streams(pki, server_read_chunk_size=1000)
        data = pattern(200000)
        client.write(data)
        assert data == (yield server.read_bytes(len(data)))
        finish(client, server)

    @on_loop
    def test_written_before_the_handshake(self, pki, tls_version):
        """What is written before the handshake, nothing included, is sent once it is done."""
        ours, theirs = connected_sockets()
        client = SSLIOStream(ours, ssl_options=pki.client_context(tls_version),
                             server_hostname='localhost')
        server = SSLIOStream(theirs, ssl_options=pki.server_context(version=tls_version),
                             server_side=True)
        writes = [client.write(b''), client.write(b'first '), client.write(b'second')]
        assert b'first second' == (yield server.read_bytes(12))
        assert [None] * 3 == (yield writes)
        finish(client, server)

    @pytest.mark.parametrize('size', [6, 200000])
    @on_loop
    def test_data_with_the_handshake(self, pki, size):
        """Data that comes with the handshake's last flight is read at once, however much."""
        ours, theirs = connected_sockets()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)  # all there at once
        stream = SSLIOStream(ours, ssl_options=pki.server_context(version='TLSv1.3'),
                             server_side=True)
        peer = Peer(theirs, pki.client_context('TLSv1.3'))
        peer.pipe.do_handshake()
        peer.pipe.feed_appdata(pattern(size))
        peer.stream.write(peer.pipe.data_to_send())
        reading = stream.read_bytes(size)
        data = yield peer.stream.read_bytes(65536, partial=True)
        peer.pipe.feed_ssldata(data)
        peer.stream.write(peer.pipe.data_to_send())
        assert pattern(size) == (yield reading)
        finish(stream, peer.stream)

    @on_loop
    def test_closed_as_soon_as_it_can_be(self, pki):
        """Who closes the stream once the handshake is done does not hear of data that was there."""
        ours, theirs = connected_sockets()
        stream = SSLIOStream(ours, ssl_options=pki.server_context(), server_side=True)
        peer = Peer(theirs, pki.client_context())
        peer.pipe.do_handshake()
        peer.pipe.feed_appdata(b'early')
        peer.stream.write(peer.pipe.data_to_send())
        stream.wait_for_handshake().add_done_callback(lambda done: stream.close())
        peer.pipe.feed_ssldata((yield peer.stream.read_bytes(65536, partial=True)))
        peer.stream.write(peer.pipe.data_to_send())
        assert (yield peer.receive_end())
        finish(peer.stream)

    @on_loop
    def test_write_is_done_when_it_is_true(self, pki):
        """A write is done once all its ciphertext is with the kernel, not before."""
        stream, peer = yield with_peer(pki)
        stream.fileno().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        peer.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        size = 1000000
        written = stream.write(b'x' * size)
        for _ in range(20):
            yield gen.moment
        assert not written.done()
        assert stream.writing()
        received = 0
        while received < size:
            received += len((yield peer.receive()))
        yield written
        assert not stream.writing()
        finish(stream, peer.stream)

    @on_loop
    def test_many_small_writes(self, pki):
        """Thousands of small writes to a slow reader arrive in order."""
        client, server = yield pair_of_streams(pki)
        client.fileno().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        lines = [b'line %d\n' % number if str is not bytes else str('line %d\n' % number)
                 for number in range(5000)]
        writes = [client.write(line) for line in lines]
        for line in lines:
            assert line == (yield server.read_until(b'\n'))
        yield writes
        finish(client, server)

    @on_loop
    def test_fair(self, pki, monkeypatch):
        """A coroutine whose reads could all be answered at once gives way to others."""
        monkeypatch.setattr(_stream, 'FAIR_SHARE', 1)
        client, server = yield pair_of_streams(pki)
        for stream, option in ((server, socket.SO_SNDBUF), (client, socket.SO_RCVBUF)):
            stream.fileno().setsockopt(socket.SOL_SOCKET, option, 1000000)
        written, seen = server.write(b'x' * 1000000), []
        yield gen.moment
        client.io_loop.add_callback(seen.append, 'others')
        for _ in range(2):
            yield client.read_bytes(65536)
        assert ['others'] == seen
        yield [client.read_bytes(1000000 - 2 * 65536), written]
        finish(client, server)

    @on_loop
    def test_key_update(self, pki):
        """A TLS 1.3 peer that asks for new keys gets them before the next data (RFC 8446 4.6.3)."""
        stream, peer = yield with_peer(pki, 'TLSv1.3')
        yield stream.write(b'after the session tickets')
        yield peer.receive_bytes(25)
        assert 1 == native_call(peer.pipe.ssl_object, 'SSL_key_update', 1)
        reading = stream.read_bytes(4)
        yield peer.send(b'data')
        assert b'data' == (yield reading)
        yield stream.write(b'more')
        records = yield peer.stream.read_bytes(65536, partial=True)
        assert 2 == len(record_types(records))
        peer.pipe.feed_ssldata(records)
        assert b'more' == peer.pipe.appdata_received()
        finish(stream, peer.stream)


class TestEnd(object):
    """How connections end."""

    @on_loop
    def test_close_notify(self, pki, tls_version):
        """close() sends what has been written, then close_notify."""
        stream, peer = yield with_peer(pki, tls_version)
        yield stream.write(b'the last')
        stream.close()
        assert b'the last' == (yield peer.receive_bytes(8))
        assert (yield peer.receive_end())
        finish(peer.stream)

    @on_loop
    def test_no_false_close_notify(self, pki):
        """A close() that throws away what was written does not say that all has been sent."""
        stream, peer = yield with_peer(pki)
        stream.write(b'x' * 20000000)
        assert stream.writing()
        data = peer.stream._consume(peer.stream._read_buffer_size)
        with pytest.raises(socket.error) as info:  # once there is room for a close_notify again
            while True:
                peer.pipe.feed_ssldata(data)
                data = peer.stream.socket.recv(65536)
        assert errno.EAGAIN == info.value.errno
        stream.close()
        assert not (yield peer.receive_end())
        finish(peer.stream)

    @on_loop
    def test_close_does_not_reset(self, pki):
        """What was sent before close() arrives, though the peer's last bytes were not read."""
        client, server = yield pair_of_streams(pki)
        server.write(b'nobody reads this')
        reading = server.read_until_close()
        yield client.write(b'x' * 1000000)
        client.close()
        assert b'x' * 1000000 == (yield reading)
        finish(server)

    @pytest.mark.parametrize('how', ['read_bytes', 'read_until_close', 'inline'])
    @on_loop
    def test_truncation(self, pki, tls_version, how):
        """An end without close_notify fails reads: StreamClosedError, for an SSLEOFError."""
        stream, peer = yield with_peer(pki, tls_version)
        if how == 'inline':
            yield peer.send(b'some')
            peer.stream.close()
            yield stream.read_bytes(4)
            reading = failure_of(stream.read_until_close)
        else:
            args = (100,) if how == 'read_bytes' else ()
            reading = failure_of(getattr(stream, how)(*args))
            yield peer.send(b'some')
            peer.stream.close()
        error = yield reading
        assert type(error) is iostream.StreamClosedError
        assert type(error.real_error) is ssl.SSLEOFError
        assert stream.closed()
        assert stream.error is error.real_error

    @on_loop
    def test_truncation_accepted(self, pki):
        """Who opts out reads what there is."""
        stream, peer = yield with_peer(pki, suppress_ragged_eofs=True)
        reading = stream.read_until_close()
        yield peer.send(b'some')
        peer.stream.close()
        assert b'some' == (yield reading)
        assert stream.error is None

    @pytest.mark.parametrize('suppressed', [False, True])
    @pytest.mark.parametrize('end, data', [
        pytest.param(iostream.IOStream.close, b'', id='eof'), pytest.param(reset, b'', id='reset'),
        pytest.param(reset, b'some', id='data', marks=pytest.mark.skipif(
            not PY2, reason="asyncio's loop tells no stream with unread data of a reset"))])
    @on_loop
    def test_cut_before_the_read(self, pki, end, data, suppressed):
        """A cut that was noticed before read_until_close() is called fails it, too."""
        stream, peer = yield with_peer(pki, suppress_ragged_eofs=suppressed)
        yield peer.send(b'x')
        yield stream.read_bytes(1)
        stream.set_close_callback(list)  # so that it looks
        if data:
            yield peer.send(data)
            yield settled(lambda: stream._read_buffer_size)  # a reset would take it away
        end(peer.stream)
        yield settled(stream.closed)
        if suppressed:
            assert data == (yield stream.read_until_close())
            return
        error = yield failure_of(stream.read_until_close)
        assert iostream.StreamClosedError is type(error)
        assert isinstance(error.real_error, (ssl.SSLEOFError, socket.error))
        if data:
            assert data == (yield stream.read_bytes(100, partial=True))

    @on_loop
    def test_reset_is_truncation(self, pki):
        """A reset does not pass for the end of what read_until_close reads."""
        stream, peer = yield with_peer(pki)
        reading = failure_of(stream.read_until_close())
        yield peer.send(b'some')
        reset(peer.stream)
        error = yield reading
        assert type(error) is iostream.StreamClosedError
        assert errno.ECONNRESET == error.real_error.args[0]

    @on_loop
    def test_data_and_end_at_once(self, pki, tls_version):
        """Data, close_notify and FIN that come together lose nothing."""
        stream, peer = yield with_peer(pki, tls_version)
        data = pattern(100000)
        peer.pipe.feed_appdata(data)
        peer.pipe.shutdown()
        yield peer.stream.write(peer.pipe.data_to_send())
        peer.stream.close()
        assert data[:10] == (yield stream.read_bytes(10))
        assert data[10:] == (yield stream.read_until_close())
        assert stream.error is None

    @pytest.mark.parametrize('chunk', [1000, 65536])
    @on_loop
    def test_end_behind_a_limit(self, pki, tls_version, chunk):
        """Tornado keeps a read's limit for the next one, which stops there: the rest comes, too."""
        stream, peer = yield with_peer(pki, tls_version)
        stream.read_chunk_size = chunk
        data = pattern(70000)
        peer.pipe.feed_appdata(b'head\n' + data)
        peer.pipe.shutdown()
        yield peer.stream.write(peer.pipe.data_to_send())
        assert b'head\n' == (yield stream.read_until(b'\n', max_bytes=100))
        assert data == (yield stream.read_until_close())
        finish(peer.stream)

    @on_loop
    def test_failure_behind_a_limit(self, pki, tls_version):
        """So does an error."""
        stream, peer = yield with_peer(pki, tls_version)
        peer.pipe.feed_appdata(b'head\n' + pattern(70000))
        yield peer.stream.write(peer.pipe.data_to_send() + b'no record at all')
        assert b'head\n' == (yield stream.read_until(b'\n', max_bytes=100))
        with logged():
            error = yield failure_of(stream.read_until_close())
        assert isinstance(getattr(error, 'real_error', error), ssl.SSLError)
        finish(peer.stream)

    @pytest.mark.parametrize('read', [
        lambda stream: stream.read_until(b'\n'), lambda stream: stream.read_bytes(8),
        lambda stream: stream.read_bytes(100, partial=True)], ids=['until', 'bytes', 'partial'])
    @on_loop
    def test_close_callback_behind_data(self, pki, tls_version, read):
        """The close callback is called, too, if the end has come with the last data."""
        stream, peer = yield with_peer(pki, tls_version)
        calls = []
        stream.set_close_callback(lambda: calls.append(stream.closed()))
        peer.pipe.feed_appdata(b'request\n')
        peer.pipe.shutdown()
        yield peer.stream.write(peer.pipe.data_to_send())
        assert b'request\n' == (yield read(stream))
        yield settled(lambda: calls)
        assert [True] == calls
        finish(peer.stream)

    @on_loop
    def test_close_callback(self, pki):
        """An idle stream's close callback is called when the peer ends."""
        stream, peer = yield with_peer(pki)
        calls = []
        stream.set_close_callback(lambda: calls.append(stream.closed()))
        peer.pipe.shutdown()
        yield peer.send()
        yield settled(lambda: calls)
        assert [True] == calls
        finish(peer.stream)

    @on_loop
    def test_after_close(self, pki):
        """After close() nothing raises but StreamClosedError."""
        client, server = yield pair_of_streams(pki)
        finish(client, client, server)
        assert [False, False, True] == [client.reading(), client.writing(), client.closed()]
        client.set_nodelay(True)
        assert client is (yield client.wait_for_handshake())
        assert b'' == (yield client.read_until_close())
        for call in (lambda: client.write(b'x'), lambda: client.read_bytes(1)):
            with pytest.raises(iostream.StreamClosedError):
                call()


class TestLimits(object):
    """Buffers have limits."""

    @on_loop
    def test_max_buffer_size(self, pki):
        """A peer that sends more than max_buffer_size is cut off."""
        client, server = yield pair_of_streams(pki, server_max_buffer_size=100000)
        with logged() as texts:
            reading = failure_of(server.read_until(b'never'))
            client.write(b'x' * 300000)
            error = yield reading
        assert type(error) is iostream.StreamClosedError
        assert 'ERROR: Reached maximum read buffer size' in texts
        finish(client)

    @on_loop
    def test_max_write_buffer_size(self, pki):
        """A write beyond max_write_buffer_size is refused; what was written before arrives."""
        client, server = yield pair_of_streams(pki, max_write_buffer_size=1000)
        with pytest.raises(iostream.StreamBufferFullError):
            client.write(b'x' * 1001)
        client.write(b'y' * 1000)
        assert b'y' * 1000 == (yield server.read_bytes(1000))
        finish(client, server)

    @since_5
    @on_loop
    def test_what_is_held(self, pki):
        """Of what was written and not sent no more is held than the limit, and one piece of it."""
        limit = 1000000
        client, server = yield pair_of_streams(pki, max_write_buffer_size=limit)
        with pytest.raises(iostream.StreamBufferFullError):
            while True:
                client.write(b'x' * 50000)
        ciphertext = len(client._unsent) + client._pipe._outgoing.pending
        assert (True, 0) == (len(client._write_buffer) <= limit, client._pipe.backlog_size)
        assert 0 < ciphertext < _stream.WRITE_SIZE * 1.1
        finish(client, server)


class TestHostilePeers(object):
    """Peers that do not play by the rules."""

    @pytest.mark.parametrize('data', [
        b'GET / HTTP/1.0\r\n\r\n', b'\x16\x03\x01\xff\xff' + b'x' * 100, b'\x00' * 100,
    ], ids=['http', 'too-long', 'zeros'])
    @on_loop
    def test_garbage(self, pki, data):
        """Garbage fails the handshake, which is logged once, and gets an alert at most."""
        ours, theirs = connected_sockets()
        stream = SSLIOStream(ours, ssl_options=pki.server_context(), server_side=True)
        peer = iostream.IOStream(theirs)
        with logged() as texts:
            peer.write(data)
            error = yield failure_of(stream.wait_for_handshake())
        assert isinstance(error.real_error, ssl.SSLError)
        assert 1 == len(texts)
        assert texts[0].startswith('WARNING: SSL Error on ')
        answer = yield peer.read_until_close()
        assert set(record_types(answer)) <= {ALERT}

    @on_loop
    def test_corrupt_record(self, pki, tls_version):
        """What came before a corrupt record is delivered, then the stream fails, with an alert."""
        stream, peer = yield with_peer(pki, tls_version)
        peer.pipe.feed_appdata(b'good')
        good = peer.pipe.data_to_send()
        peer.pipe.feed_appdata(b'bad')
        bad = bytearray(peer.pipe.data_to_send())
        bad[-1] ^= 1
        with logged() as texts:
            reading = stream.read_bytes(4)
            yield peer.stream.write(good + bytes(bad))
            assert b'good' == (yield reading)
            error = yield failure_of(lambda: stream.read_bytes(1))
        assert isinstance(error, ssl.SSLError)
        assert stream.closed()
        alert = yield failure_of(peer.receive_end())
        assert isinstance(alert, ssl.SSLError)
        assert 'ALERT' in str(alert).upper()
        assert len(texts) <= 1
        finish(peer.stream)

    @on_loop
    def test_write_after_a_corrupt_record(self, pki):
        """A write that follows a corrupt record fails as TLS has."""
        stream, peer = yield with_peer(pki)
        peer.pipe.feed_appdata(b'good')
        yield peer.stream.write(peer.pipe.data_to_send() + b'\x17\x03\x03\x00\x20' + b'x' * 32)
        assert b'good' == (yield stream.read_bytes(4))
        with logged():
            error = yield failure_of(lambda: stream.write(b'x'))
        assert isinstance(error.real_error, ssl.SSLError)
        finish(peer.stream)

    @pytest.mark.parametrize('server_side', [True, False])
    @on_loop
    def test_silence(self, pki, server_side):
        """A peer that never answers is cut off when the handshake's time is up."""
        ours, theirs = connected_sockets()
        context = pki.server_context() if server_side else pki.client_context()
        with logged() as texts:
            stream = SSLIOStream(ours, ssl_options=context, server_side=server_side,
                                 server_hostname='localhost', ssl_handshake_timeout=0.05)
            error = yield failure_of(stream.wait_for_handshake())
        assert errno.ECONNABORTED == error.real_error.args[0]
        assert 'longer than 0.05 seconds' in str(error.real_error)
        text, = texts
        assert text.startswith('WARNING: SSL Error on ') and 'longer than 0.05 seconds' in text
        theirs.close()

    @on_loop
    def test_slow_handshake(self, pki):
        """A peer that sends its hello byte by byte does not get more time."""
        ours, theirs = connected_sockets()
        stream = SSLIOStream(ours, ssl_options=pki.server_context(), server_side=True,
                             ssl_handshake_timeout=0.1)
        peer = Peer(theirs, pki.client_context())
        peer.pipe.do_handshake()
        done = failure_of(stream.wait_for_handshake())
        for byte in peer.pipe.data_to_send()[:-1]:
            if done.done():
                break
            peer.stream.write(byte if isinstance(byte, bytes) else bytes(bytearray([byte])))
            yield gen.moment
        error = yield done
        assert errno.ECONNABORTED == error.real_error.args[0]
        finish(peer.stream)

    @pytest.mark.parametrize('after', [0, 50])
    @on_loop
    def test_gone_in_the_handshake(self, pki, after):
        """A peer that goes in the handshake is not worth a warning."""
        ours, theirs = connected_sockets()
        stream = SSLIOStream(ours, ssl_options=pki.server_context(), server_side=True)
        peer = Peer(theirs, pki.client_context())
        peer.pipe.do_handshake()
        with logged() as texts:
            if after:
                yield peer.stream.write(peer.pipe.data_to_send()[:after])
            peer.stream.close()
            error = yield failure_of(stream.wait_for_handshake())
        assert type(error.real_error) is ssl.SSLEOFError
        assert [] == texts

    @on_loop
    def test_port_scan(self, pki):
        """A connection that is reset before anything happened is closed without a word."""
        ours, theirs = connected_sockets()
        reset(iostream.IOStream(theirs))
        with logged() as texts:
            stream = SSLIOStream(ours, ssl_options=pki.server_context(), server_side=True)
            error = yield failure_of(stream.wait_for_handshake())
        assert isinstance(error.real_error, socket.error)
        assert [] == texts


class TestVerification(object):
    """Certificates and names."""

    @gen.coroutine
    def handshake(self, pki, options, hostname, leaf='localhost'):
        """Return what a client's and a server's handshakes end in."""
        ours, theirs = connected_sockets()
        server = SSLIOStream(theirs, ssl_options=pki.server_context(leaf), server_side=True)
        client = SSLIOStream(ours, ssl_options=options, server_hostname=hostname)
        with logged() as texts:
            ends = yield both(client.wait_for_handshake(), server.wait_for_handshake())
        finish(client, server)
        raise gen.Return((ends, texts))

    @pytest.mark.parametrize('leaf, trust, reason', [
        ('stranger', 'ca', 'CERTIFICATE_VERIFY_FAILED'), ('other', 'ca', 'mismatch'),
        pytest.param('expired', 'ca', 'expired', marks=not_in_pair('verify_message'))])
    @on_loop
    def test_refused(self, pki, leaf, trust, reason):
        """A certificate that is not good fails both sides; the client's reason is logged."""
        ends, texts = yield self.handshake(pki, pki.client_context(trust=trust), 'localhost', leaf)
        error = ends[0].real_error
        assert isinstance(error, ssl.SSLError)
        assert reason in str(error)
        assert any(reason in text and text.startswith('WARNING: SSL Error on') for text in texts)

    @on_loop
    def test_dict_checks_the_name(self, pki):
        """A dict that asks for verification has the name checked, too."""
        options = dict(cert_reqs=ssl.CERT_REQUIRED, ca_certs=pki.path('ca'))
        ends, _ = yield self.handshake(pki, options, 'localhost')
        assert all(isinstance(end, SSLIOStream) for end in ends)
        ends, _ = yield self.handshake(pki, options, 'localhost', 'other')
        assert 'mismatch' in str(ends[0].real_error)

    @pytest.mark.parametrize('hostname, is_fine', [('localhost', True), ('127.0.0.1', True),
                                                   ('other.example.org', False)])
    @on_loop
    def test_connect_checks_the_name(self, pki, hostname, is_fine):
        """connect() checks the name even if the context does not, which stays as it is."""
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        context = pki.client_context()
        context.check_hostname = False
        client = SSLIOStream(socket.socket(), ssl_options=context)
        connecting = client.connect(listener.getsockname(), server_hostname=hostname)
        assert not context.check_hostname
        accepted = listener.accept()[0]
        listener.close()
        server = SSLIOStream(accepted, ssl_options=pki.server_context(), server_side=True)
        with logged():
            ends = yield both(connecting, server.wait_for_handshake())
        assert is_fine == (ends[0] is client)
        finish(client, server)

    @on_loop
    def test_connect_needs_the_name(self, pki):
        """connect() without a name to check is refused before anything is sent."""
        client = SSLIOStream(socket.socket(), ssl_options=pki.client_context())
        with pytest.raises(ValueError) as info:
            client.connect(('127.0.0.1', 1))
        assert 'server_hostname' in str(info.value)
        finish(client)
        yield gen.moment

    @on_loop
    def test_connect_refused(self, pki):
        """A connection that cannot be made fails connect(), with its reason."""
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        client = SSLIOStream(socket.socket(), ssl_options=pki.client_context())
        error = yield failure_of(
            client.connect(listener.getsockname(), server_hostname='localhost'))
        assert errno.ECONNREFUSED == error.real_error.args[0]
        listener.close()

    @on_loop
    def test_client_certificate(self, pki, tls_version):
        """A server that asks for it gets the client's certificate."""
        client, server = yield pair_of_streams(
            pki, ssl_options=pki.client_context(tls_version, leaf='client'),
            server_ssl_options=pki.server_context(version=tls_version, trust='ca'))
        assert pki.chain('client')[0] == server.socket.getpeercert(True)
        assert (('DNS', 'client.example.org'),) == server.socket.getpeercert()['subjectAltName']
        finish(client, server)

    @on_loop
    def test_no_client_certificate(self, pki):
        """A client without the certificate that a TLS 1.3 server requires is told by an alert."""
        client, server = yield pair_of_streams_failing(
            pki, pki.client_context('TLSv1.3'), pki.server_context(version='TLSv1.3', trust='ca'))
        assert 'PEER_DID_NOT_RETURN_A_CERTIFICATE' in str(server.real_error)
        assert 'CERTIFICATE_REQUIRED' in str(client.real_error).upper().replace(' ', '_')

    @on_loop
    def test_alpn_and_sni(self, pki):
        """ALPN is negotiated; the server can choose by the client's SNI."""
        server_context, names = pki.server_context('other'), []
        ours = pki.server_context()
        for context in (server_context, ours):
            context.set_alpn_protocols(['h2', 'http/1.1'])

        def choose(sslobj, name, context):
            names.append(name)
            sslobj.context = ours
        setter = getattr(server_context, 'set_servername_callback', None)
        setter(choose)
        client_context = pki.client_context()
        client_context.set_alpn_protocols(['http/1.1'])
        client, server = yield pair_of_streams(pki, ssl_options=client_context,
                                               server_ssl_options=server_context)
        assert ['localhost'] == names
        assert ['http/1.1'] * 2 == [client.socket.selected_alpn_protocol(),
                                    server.socket.selected_alpn_protocol()]
        finish(client, server)

    @on_loop
    def test_session(self, pki, tls_version):
        """A session of an earlier stream is resumed."""
        contexts = pki.client_context(tls_version), pki.server_context(version=tls_version)
        session = None
        for resumed in (False, True):
            client, server = yield pair_of_streams(
                pki, ssl_options=contexts[0], server_ssl_options=contexts[1], session=session)
            assert [resumed] * 2 == [client.socket.session_reused, server.socket.session_reused]
            yield server.write(b'x')  # TLS 1.3: the ticket comes before it
            yield client.read_bytes(1)
            session = client.socket.session
            finish(client, server)


@gen.coroutine
def pair_of_streams_failing(pki, client_context, server_context):
    """Return the errors of a client that reads and of a server, where the server refuses."""
    ours, theirs = connected_sockets()
    server = SSLIOStream(theirs, ssl_options=server_context, server_side=True)
    client = SSLIOStream(ours, ssl_options=client_context, server_hostname='localhost')
    with logged():
        ends = yield both(server.wait_for_handshake(), client.wait_for_handshake())
        client_error = ends[1]
        if not isinstance(client_error, Exception):
            client_error = yield failure_of(lambda: client.read_bytes(1))
    finish(client, server)
    raise gen.Return((client_error, ends[0]))


class TestMemory(object):
    """What streams leave behind."""

    @needs_refcounts
    @pytest.mark.parametrize('end', ['closed', 'failed', 'timed out'])
    @on_loop
    def test_no_cycle(self, pki, end):
        """A stream and its pipe are freed with the last reference: they are in no cycle."""
        if end == 'failed' and not PY2:
            pytest.skip("Python 3's exceptions hold their frames, and Tornado's streams hold them")
        ours, theirs = connected_sockets()
        peer = Peer(theirs, pki.client_context())
        gc.disable()
        try:
            with logged():
                stream = SSLIOStream(ours, ssl_options=pki.server_context(), server_side=True,
                                     ssl_handshake_timeout=0.05 if end == 'timed out' else 60)
                if end == 'failed':
                    peer.stream.write(b'garbage' * 10)
                elif end == 'closed':
                    yield [stream.wait_for_handshake(), peer.handshake()]
                    stream.close()
                yield settled(stream.closed)
            yield gen.moment
            references = weakref.ref(stream), weakref.ref(stream._pipe)
            del stream
            assert [None, None] == [reference() for reference in references]
        finally:
            gc.enable()
            peer.stream.close()

    def test_states(self):
        """Every state of the pipe is before, in, or at the end of what reads give; or of close."""
        states = {state for (state, _) in _pipe.TRANSITIONS} | set(_pipe.TRANSITIONS.values())
        assert {_pipe.OPEN, _pipe.CLOSING, _pipe.BROKEN} == (
            states - _stream.BEFORE - _pipe.PEER_ENDED)
