"""Handlers of streams: their connections, however they end."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import aio
from sslproto27._aio.compat import framework
from sslproto27.aio import From, Return
from tests.support.aio_helpers import App
from tests.support.memory import PY2

if PY2:
    from trollius import ConnectionResetError

both_servers = pytest.mark.parametrize('start_server', [
    pytest.param(aio.start_server, id='ours'),
    pytest.param(framework.start_server, id='framework', marks=pytest.mark.skipif(
        not PY2, reason="asyncio's own streams end TLS at the peer's end, always"))])


@pytest.fixture
def installed(aio_loop):
    """install() is in effect."""
    aio.install()
    aio.set_event_loop(aio_loop)  # of the new policy, too
    yield
    aio.uninstall()


@aio.coroutine
def client_of(server, loop, context):
    """Return an application that is connected to *server*."""
    client = App(loop)
    yield From(loop.create_connection(
        lambda: client, *server.sockets[0].getsockname(), ssl=context,
        server_hostname='localhost'))
    raise Return(client)


@pytest.mark.parametrize('timeout', [None, 0, .02])
def test_stream_answers_after_the_end(aio_loop, run, client_context, server_context, timeout):
    """Our stream's reader ends at the peer's close_notify; its writer can answer when it likes."""
    @aio.coroutine
    def answer(reader, writer):
        data = yield From(reader.read())
        yield From(aio.sleep(.1))
        writer.write(data.upper())
        writer.close()

    @aio.coroutine
    def talk():
        server = yield From(aio.start_server(answer, '127.0.0.1', 0, ssl=server_context,
                                             ssl_shutdown_timeout=timeout))
        client = yield From(client_of(server, aio_loop, client_context))
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
@both_servers
def test_handler_that_closes_nothing(aio_loop, run, client_context, server_context, installed,
                                     start_server, reads_to_the_end):
    """Once the peer has ended TLS and the handler is over, TLS ends; not before."""
    @aio.coroutine
    def handle(reader, writer):
        yield From(reader.read() if reads_to_the_end else reader.readexactly(8))
        writer.write(b'answer')

    @aio.coroutine
    def talk():
        server = yield From(start_server(handle, '127.0.0.1', 0, ssl=server_context))
        client = yield From(client_of(server, aio_loop, client_context))
        client.transport.write(b'question')
        if not reads_to_the_end:
            yield From(client.has(6))
        below, rest = yield From(client.transport.unwrap())
        below.abort()
        server.close()
        raise Return((client.data, rest))
    assert (b'answer', b'') == run(talk())


@aio.coroutine
def wait(reader, writer):
    """Wait for an event that does not come."""
    yield From(aio.Future())


@aio.coroutine
def push(reader, writer):
    """Send messages, whether or not anybody answers."""
    while True:
        writer.write(b'tick')
        yield From(writer.drain())
        yield From(aio.sleep(.01))


@aio.coroutine
def answer_late(reader, writer):
    """Begin an answer, and take too long for the rest."""
    writer.write((yield From(reader.read())))
    yield From(wait(reader, writer))


@pytest.mark.skipif(not PY2, reason="asyncio's own streams end TLS at the peer's end, always")
@pytest.mark.parametrize('handle', [wait, push, answer_late])
def test_handler_that_lives_on(aio_loop, run, client_context, server_context, installed, handle):
    """After the peer's end a handler has the shutdown timeout; its peer then sees no proper end."""
    tasks, writers = [], []

    @aio.coroutine
    def start(reader, writer):
        writers.append(writer)
        tasks.append(aio_loop.create_task(handle(reader, writer)))
        yield From(framework.wait(tasks))

    @aio.coroutine
    def talk():
        server = yield From(framework.start_server(
            start, '127.0.0.1', 0, ssl=server_context, ssl_shutdown_timeout=.3))
        client = yield From(client_of(server, aio_loop, client_context))
        client.transport.write(b'tick')
        while not tasks:
            yield From(aio.sleep(0))
        began = aio_loop.time()
        unwrapped = client.transport.unwrap()  # sends close_notify, and still takes data
        error = yield From(client.over)
        duration = aio_loop.time() - began
        assert error is unwrapped.exception()
        server.close()
        if handle is not push:
            tasks[0].cancel()
        yield From(framework.wait(tasks))
        raise Return((type(error), duration, client.data))
    error, duration, data = run(talk())
    assert (ssl.SSLEOFError, True) == (error, writers[0].transport.is_closing())
    assert .25 < duration < 5
    if handle is push:
        assert b'tick' == data[:4]
        assert isinstance(tasks[0].exception(), ConnectionResetError)
    else:
        assert (b'' if handle is wait else b'tick') == data


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
