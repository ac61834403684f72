"""Handlers of streams: their connections, however they end."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import aio
from sslproto27._aio.compat import framework
from sslproto27.aio import From, Return
from tests.support.aio_helpers import App
from tests.support.memory import PY2


def test_stream_answers_after_the_end(aio_loop, run, client_context, server_context):
    """A stream's reader ends at the peer's close_notify; its writer can still answer."""
    @aio.coroutine
    def answer(reader, writer):
        data = yield From(reader.read())
        writer.write(data.upper())
        writer.close()

    @aio.coroutine
    def talk():
        server = yield From(aio.start_server(answer, '127.0.0.1', 0, ssl=server_context))
        client = App(aio_loop)
        yield From(aio_loop.create_connection(
            lambda: client, *server.sockets[0].getsockname(), ssl=client_context,
            server_hostname='localhost'))
        client.transport.write(b'question')
        transport_and_rest = client.transport.unwrap()
        yield From(client.has(8))
        yield From(transport_and_rest)
        client.transport.abort()
        transport_and_rest.result()[0].close()
        yield From(client.over)
        server.close()
        raise Return(client.data)
    assert b'QUESTION' == run(talk())


@pytest.mark.parametrize('reads_to_the_end', [True, False])
@pytest.mark.parametrize('start_server', [
    pytest.param(aio.start_server, id='ours'),
    pytest.param(framework.start_server, id='framework', marks=pytest.mark.skipif(
        not PY2, reason="asyncio's own streams end TLS at the peer's end, always"))])
def test_handler_that_closes_nothing(aio_loop, run, client_context, server_context,
                                     start_server, reads_to_the_end, request):
    """Once the peer has ended TLS and the handler is over, TLS ends; not before."""
    aio.install()
    request.addfinalizer(aio.uninstall)
    aio.set_event_loop(aio_loop)  # of the new policy, too

    @aio.coroutine
    def handle(reader, writer):
        yield From(reader.read() if reads_to_the_end else reader.readexactly(8))
        writer.write(b'answer')

    @aio.coroutine
    def talk():
        server = yield From(start_server(handle, '127.0.0.1', 0, ssl=server_context))
        client = App(aio_loop)
        yield From(aio_loop.create_connection(
            lambda: client, *server.sockets[0].getsockname(), ssl=client_context,
            server_hostname='localhost'))
        client.transport.write(b'question')
        if not reads_to_the_end:
            yield From(client.has(6))
        below, rest = yield From(client.transport.unwrap())
        below.abort()
        server.close()
        raise Return((client.data, rest))
    assert (b'answer', b'') == run(talk())


def test_plain_handler(aio_loop, run):
    """Without TLS a connection outlives its handler, and can be used after the peer's end."""
    writers = []

    @aio.coroutine
    def handle(reader, writer):
        writers.append(writer)
        yield From(reader.read())

    @aio.coroutine
    def talk():
        server = yield From(aio.start_server(handle, '127.0.0.1', 0))
        reader, writer = yield From(aio.open_connection(*server.sockets[0].getsockname()))
        writer.write_eof()
        yield From(aio.sleep(.05))
        writers[0].write(b'late')
        writers[0].close()
        data = yield From(reader.read())
        writer.close()
        server.close()
        raise Return(data)
    assert b'late' == run(talk())
