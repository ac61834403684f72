"""
`SSLProtocol` on Python 3's asyncio, with asyncio's own TLS as its peer. No coroutine: the source is
2.7's too.
"""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from tests.support.memory import PY2, raised

if PY2:
    pytest.skip('asyncio is for Python 3', allow_module_level=True)

import asyncio

from sslproto27 import SSLCertVerificationError, SSLProtocol
from tests.support.loops import App
from tests.support.pipe_pairs import pattern

PATIENCE = 20  # seconds after which a test counts as hanging


@pytest.fixture
def loop():
    """A loop of asyncio's; whatever it reports as unhandled fails the test."""
    made = asyncio.new_event_loop()
    errors = []
    made.set_exception_handler(lambda loop, context: errors.append(context))
    yield made
    made.run_until_complete(made.shutdown_asyncgens())
    made.close()
    assert [] == errors


@pytest.fixture
def run(loop):
    """A function that runs a coroutine or future to its end, not for ever."""
    def run_until_complete(awaitable):
        return loop.run_until_complete(asyncio.wait_for(awaitable, PATIENCE))
    return run_until_complete


class Polite(App):
    """
    An application that closes what is closed: asyncio's transports of old count as unclosed
    otherwise.
    """

    def connection_lost(self, error):
        """Note it."""
        super(Polite, self).connection_lost(error)
        self.transport.close()


class Client(Polite):
    """
    An application that knows how much it expects, and tells when it has come and when it is over.
    """

    def __init__(self, loop, size=0):
        super(Client, self).__init__()
        self.size = size
        self.complete, self.over = loop.create_future(), loop.create_future()

    def data_received(self, data):
        """Keep it."""
        super(Client, self).data_received(data)
        if sum(map(len, self.chunks)) >= self.size and not self.complete.done():
            self.complete.set_result(None)

    def connection_lost(self, error):
        """Note it."""
        super(Client, self).connection_lost(error)
        self.over.set_result(error)


class Echo(Polite):
    """An application that sends back what it gets."""

    def data_received(self, data):
        """Send it back."""
        self.transport.write(data)


@pytest.fixture
def serve(loop, run):
    """
    A function that starts a server of the factory given, and returns its port; it is closed
    afterwards.
    """
    servers = []

    def start(factory, **kwargs):
        server = run(loop.create_server(factory, '127.0.0.1', 0, **kwargs))
        servers.append(server)
        return server.sockets[0].getsockname()[1]
    yield start
    for server in servers:
        server.close()
        run(server.wait_closed())


@pytest.fixture(params=['client', 'server', 'both'])
def connect(request, loop, run, serve, client_context, server_context):
    """
    A function from (client, server's application) to the client's transport and its port.

    Which side's TLS is ours varies, the other's is asyncio's.
    """
    def make(client, server):
        def our_server():
            return SSLProtocol(loop, server, server_context, server_side=True)

        if request.param == 'client':
            port = serve(lambda: server, ssl=server_context)
        else:
            port = serve(our_server)
        if request.param == 'server':
            transport, _ = run(loop.create_connection(
                lambda: client, '127.0.0.1', port, ssl=client_context, server_hostname='localhost'))
            return transport
        waiter = loop.create_future()
        _, protocol = run(loop.create_connection(
            lambda: SSLProtocol(loop, client, client_context, waiter, server_hostname='localhost'),
            '127.0.0.1', port))
        run(waiter)
        return protocol.transport
    return make


@pytest.mark.parametrize('size', [5, 64 * 1024, 4 * 1024 * 1024])
def test_echo(loop, run, connect, size):
    """Data of any size comes back whole, and close is a clean end for both sides."""
    client, server = Client(loop, size), Echo()
    transport = connect(client, server)
    transport.write(pattern(size))
    run(client.complete)
    assert client.data == pattern(size)
    transport.close()
    assert None is run(client.over)
    assert (['connection_made', 'connection_lost'], [None]) == (
        [client.names[0], client.names[-1]], client.lost)


def test_write_and_close(loop, run, connect):
    """What is written just before close arrives, and then the end."""
    client = Client(loop)

    class Server(Polite):
        def connection_made(self, transport):
            super(Server, self).connection_made(transport)
            transport.write(pattern(1024 * 1024))
            transport.close()
    connect(client, Server())
    assert None is run(client.over)
    assert client.data == pattern(1024 * 1024)


def test_server_sees_a_clean_end(loop, run, connect):
    """The client's close is eof_received and connection_lost(None) for the server."""
    server = Client(loop)
    connect(Client(loop), server).close()
    assert None is run(server.over)
    assert ['connection_made', 'connection_lost'] == (
        [name for name in server.names if name != 'eof_received'])


def test_facts(loop, run, connect, tls_version):
    """Both kinds of transport know the same of the connection."""
    client, server = Client(loop), Client(loop)
    transport = connect(client, server)
    assert tls_version == transport.get_extra_info('ssl_object').version()
    assert transport.get_extra_info('peercert')['subjectAltName'][0] == ('DNS', 'localhost')
    assert '127.0.0.1' == transport.get_extra_info('peername')[0]
    assert tls_version == transport.get_extra_info('cipher')[1]
    transport.close()
    run(client.over)
    run(server.over)


@pytest.fixture
def client_over(loop, run, client_context):
    """
    A function that connects an `SSLProtocol` for a client to a port; it returns the result of the
    handshake.
    """
    def make(client, port, **kwargs):
        waiter = loop.create_future()
        run(loop.create_connection(
            lambda: SSLProtocol(loop, client, client_context, waiter, **kwargs), '127.0.0.1', port))
        return run(waiter)
    return make


def test_wrong_name(loop, run, serve, server_context, client_over):
    """A certificate for another name reaches the waiter; the application is told of nothing."""
    client = Client(loop)
    port = serve(App, ssl=server_context)
    error = raised(client_over, client, port, server_hostname='other.example.org')
    assert SSLCertVerificationError is type(error)
    assert [] == client.names


def test_plain_server(loop, run, serve, client_over):
    """A server that does not speak TLS is an SSLError."""
    client = Client(loop)
    port = serve(lambda: App(connection_made=lambda app: app.transport.write(b'220 ESMTP\r\n')))
    error = raised(client_over, client, port, server_hostname='localhost')
    assert (ssl.SSLError, 'WRONG_VERSION_NUMBER') == (type(error), error.reason)
    assert [] == client.names


def test_many_clients(loop, run, serve, pki):
    """Twenty clients of asyncio's at once each get their own answer from our server."""
    context, server_context = pki.client_context(), pki.server_context('ecdsa')
    port = serve(lambda: SSLProtocol(loop, Echo(), server_context, server_side=True))
    clients = [Client(loop, 10000) for _ in range(20)]
    tasks = [asyncio.ensure_future(loop.create_connection(
        lambda client=client: client, '127.0.0.1', port, ssl=context,
        server_hostname='localhost'), loop=loop) for client in clients]
    run(asyncio.wait(tasks))
    assert [None] * 20 == [task.exception() for task in tasks]
    for number, client in enumerate(clients):
        client.transport.write(b'%04d' % number * 2500)
    for number, client in enumerate(clients):
        run(client.complete)
        assert b'%04d' % number * 2500 == client.data
        client.transport.close()
        run(client.over)
