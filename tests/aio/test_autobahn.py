"""
A real application that nobody here wrote: autobahn's WebSocket over wss, both sides on our loops.
"""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import SSLCertVerificationError, aio
from sslproto27.aio import From, Return
from tests.support.memory import raised
from tests.support.pipe_pairs import pattern

websocket = pytest.importorskip(
    'autobahn.asyncio.websocket', reason='autobahn is installed for CPython 2.7 alone')

import txaio  # noqa: E402: autobahn brings it


#: A second is not enough on a busy machine.
NO_HURRY = dict(openHandshakeTimeout=0, closeHandshakeTimeout=0)


class EchoServer(websocket.WebSocketServerProtocol):
    """Sends every message back."""

    def onMessage(self, payload, isBinary):  # noqa: N802: autobahn's name
        """Send it back."""
        self.sendMessage(payload, isBinary)


class Client(websocket.WebSocketClientProtocol):
    """Sends messages one by one, notes what comes back, and closes."""

    def onOpen(self):  # noqa: N802
        """Send the first."""
        self.send()

    def send(self):
        """Send the next, in fragments if it is long; close after the last."""
        if self.factory.messages:
            payload = self.factory.messages.pop(0)
            self.sendMessage(payload, isBinary=True, fragmentSize=100000)
        else:
            self.sendClose(1000)

    def onMessage(self, payload, isBinary):  # noqa: N802
        """Note it."""
        self.factory.answers.append(payload)
        self.send()

    def onClose(self, wasClean, code, reason):  # noqa: N802
        """Note it."""
        if not self.factory.closed.done():
            self.factory.closed.set_result((wasClean, code))


@pytest.fixture
def echo_port(aio_loop, run, serve, server_context, monkeypatch):
    """The port of an echo server over wss."""
    # autobahn's own futures are of the loop that was the current one when it was imported.
    monkeypatch.setattr(txaio.config, 'loop', aio_loop)
    factory = websocket.WebSocketServerFactory(u'wss://localhost', loop=aio_loop)
    factory.protocol = EchoServer
    factory.setProtocolOptions(**NO_HURRY)
    port = serve(factory, ssl=server_context)
    factory.setSessionParameters(url=u'wss://localhost:%d' % port)
    return port


def client_factory(loop, port, messages):
    """Return the factory of a client."""
    factory = websocket.WebSocketClientFactory(u'wss://localhost:%d' % port, loop=loop)
    factory.protocol = Client
    factory.setProtocolOptions(serverConnectionDropTimeout=0, **NO_HURRY)
    factory.messages, factory.answers = list(messages), []
    factory.closed = aio.Future(loop=loop)
    return factory


def test_messages(aio_loop, run, echo_port, client_context):
    """Messages from one byte to a mebibyte come back whole and in order, and the end is clean."""
    messages = [b'x', b'', pattern(125), pattern(70000), pattern(1024 * 1024), b'last']
    factory = client_factory(aio_loop, echo_port, messages)

    @aio.coroutine
    def talk():
        transport, _ = yield From(aio_loop.create_connection(
            factory, '127.0.0.1', echo_port, ssl=client_context, server_hostname='localhost'))
        raise Return((transport.get_extra_info('tls_version') is not None,
                      (yield From(factory.closed))))
    assert (True, (True, 1000)) == run(talk())
    assert messages == factory.answers


def test_many(aio_loop, run, echo_port, client_context):
    """Twenty clients at once each get their own answers."""
    factories = [client_factory(aio_loop, echo_port, [b'%04d' % number * 1000] * 5)
                 for number in range(20)]

    @aio.coroutine
    def talk(factory):
        yield From(aio_loop.create_connection(
            factory, '127.0.0.1', echo_port, ssl=client_context, server_hostname='localhost'))
        raise Return((yield From(factory.closed)))
    assert [(True, 1000)] * 20 == run(aio.gather(*map(talk, factories)))
    assert [[b'%04d' % number * 1000] * 5 for number in range(20)] == [
        factory.answers for factory in factories]


def test_wrong_name(aio_loop, run, echo_port, client_context):
    """A server that is not who it should be is no connection for the application."""
    factory = client_factory(aio_loop, echo_port, [])
    error = raised(run, aio_loop.create_connection(
        factory, '127.0.0.1', echo_port, ssl=client_context, server_hostname='other.example.org'))
    assert SSLCertVerificationError is type(error)
    assert not factory.closed.done()
