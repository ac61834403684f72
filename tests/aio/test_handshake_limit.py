"""The limit of handshakes that a server has under way: who gets in, who is told, what is logged."""
from __future__ import absolute_import, division, print_function

import logging
import socket

import pytest

from sslproto27 import aio
from sslproto27._stream.flow import HandshakeLimit
from sslproto27.aio import From
from tests.support.aio_helpers import Echo
from tests.support.loops import Connection
from tests.support.memory import raised

PATIENCE = 20  # seconds


class TestCounting(object):
    def test_room(self):
        """As many get in as it says, and no more until one is done."""
        limit = HandshakeLimit(2)
        seen = []
        for change in (1, 1, 0, -1, 1):
            limit.running += change
            seen.append(limit.admits())
        assert [True, False, False, True, False] == seen

    def test_log(self, caplog):
        """That it is reached is logged once, and that there is room again, with a number."""
        limit = HandshakeLimit(1)
        with caplog.at_level(logging.WARNING, 'sslproto27'):
            limit.running = 1
            for _ in range(5):
                assert not limit.admits()
            limit.running = 0
            assert limit.admits() and limit.admits()
        messages = [record.getMessage() for record in caplog.records]
        assert [True, True, 2] == ['ssl_handshake_limit' in messages[0],
                                   '5 connections were refused' in messages[1], len(messages)]

    @pytest.mark.parametrize('wrong, error', [
        (0, ValueError), (-1, ValueError), (1.5, TypeError), ('9', TypeError), (True, TypeError)],
        ids=repr)
    def test_refused(self, wrong, error):
        """A limit is a positive integer."""
        with pytest.raises(error) as info:
            HandshakeLimit(wrong)
        assert 'ssl_handshake_limit' in str(info.value)


class TestProtocol(object):
    @pytest.fixture
    def new(self, client_context, server_context):
        """A function that makes a server's `Connection` under a limit."""
        def make(limit, **kwargs):
            return Connection(server_context, client_context, server_side=True,
                              handshake_limit=limit, **kwargs)
        return make

    def test_counted(self, new):
        """A connection counts from its beginning to the end of its handshake."""
        limit, seen = HandshakeLimit(), []
        connection = new(limit)
        seen.append(limit.running)
        connection.start()
        seen.append(limit.running)
        connection.remote.handshake()
        seen.append(limit.running)
        connection.transport.close()
        connection.loop.advance(100)
        assert [0, 1, 0, 0] == seen + [limit.running]

    @pytest.mark.parametrize('end', ['abort', 'lost', 'eof', 'garbage', 'timeout'])
    def test_failed(self, new, end):
        """However a handshake fails, it counts no more."""
        limit = HandshakeLimit()
        connection = new(limit).start()
        assert 1 == limit.running
        {'abort': connection.transport.abort,
         'lost': lambda: connection.lower.break_down(None),
         'eof': connection.protocol.eof_received,
         'garbage': lambda: connection.protocol.data_received(b'GET / HTTP/1.0\r\n\r\n'),
         'timeout': lambda: connection.loop.advance(61)}[end]()
        connection.loop.run()
        assert 0 == limit.running
        connection.loop.advance(100)
        assert 0 == limit.running

    def test_no_room(self, new):
        """One too many is cut off at once; its application is told of nothing."""
        limit = HandshakeLimit(1)
        first, second = new(limit).start(), new(limit, waiter=None).start()
        second.loop.advance(1)
        assert ([], [], True, 0) == (second.app.names, second.loop.errors,
                                     second.transport.is_closing(), second.loop.timers)
        assert (1, 1) == (limit.running, limit.refused)
        first.remote.handshake()
        third = new(limit).handshake()
        assert (['connection_made'], 0) == (third.app.names, limit.running)

    def test_waiter(self, new):
        """Who waits for it is told why."""
        limit = HandshakeLimit(1)
        new(limit).start()
        connection = new(limit).start()
        connection.loop.advance(1)
        assert 'too many TLS handshakes' in str(connection.outcomes[0])


class TestServer(object):
    def test_connections_are_refused(self, aio_loop, run, serve, client_context, server_context,
                                     caplog):
        """
        Silent connections take up no more than the limit; those beyond it are closed, and when they
        go others are served.
        """
        port = serve(lambda: Echo(aio_loop), ssl=server_context, ssl_handshake_limit=3)
        silent = []

        @aio.coroutine
        def fill():
            for _ in range(5):
                silent.append((yield From(aio.open_connection('127.0.0.1', port))))
            for reader, _ in silent[3:]:
                try:
                    assert b'' == (yield From(reader.read()))
                except socket.error:  # a reset says the same
                    pass

        @aio.coroutine
        def talk():
            reader, writer = yield From(aio.open_connection(
                '127.0.0.1', port, ssl=client_context, server_hostname='localhost'))
            writer.write(b'hello')
            assert b'hello' == (yield From(reader.readexactly(5)))
            writer.close()

        @aio.coroutine
        def talk_when_there_is_room():
            while True:
                try:
                    yield From(talk())
                    return
                except socket.error:
                    yield From(aio.sleep(0))

        with caplog.at_level(logging.WARNING, 'sslproto27'):
            run(fill())
            assert isinstance(raised(run, talk()), socket.error)
            for _, writer in silent:
                writer.close()
            run(talk_when_there_is_room())
        assert any('refusing new connections' in record.getMessage() for record in caplog.records)

    def test_without_tls(self, aio_loop, run):
        """It has no meaning without TLS."""
        with pytest.raises(ValueError):
            run(aio_loop.create_server(aio.Protocol, '127.0.0.1', 0, ssl_handshake_limit=3))
