"""Loops and servers for the tests of `sslproto27.aio`: real sockets, on 2.7 and on 3."""
from __future__ import absolute_import, division, print_function

import gc
import shutil
import tempfile

import pytest

from sslproto27 import aio
from tests.support.aio_helpers import PATIENCE, App


@pytest.fixture(scope='module')
def reports():
    """
    By test, a list of what its loop has reported as unhandled; none may have anything.

    What garbage still reports comes before this is looked at: collecting is slow.
    """
    made = {}
    yield made
    gc.collect()
    late = {test: errors for test, errors in made.items() if errors}
    assert {} == late, late


@pytest.fixture
def aio_loop(request, reports):
    """One of our loops, the current one; whatever it reports as unhandled fails the test."""
    made = aio.SelectorEventLoop()
    errors = made.errors = reports[request.node.nodeid] = []
    made.set_exception_handler(lambda loop, context: errors.append(context))
    aio.set_event_loop(made)
    yield made
    for _ in range(3):  # let closed transports say so
        made.call_soon(made.stop)
        made.run_forever()
    aio.set_event_loop(None)
    made.close()
    del reports[request.node.nodeid]
    assert [] == errors, errors
    reports[request.node.nodeid] = errors


@pytest.fixture
def run(aio_loop):
    """A function that runs a coroutine or future to its end, not for ever."""
    def run_until_complete(awaitable):
        return aio_loop.run_until_complete(aio.wait_for(awaitable, PATIENCE))
    return run_until_complete


@pytest.fixture
def folder():
    """The path of a folder of this test alone, short enough for unix sockets."""
    path = tempfile.mkdtemp()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def serve(aio_loop, run):
    """
    A function that starts a server of the factory given, on TCP, and returns its port; it is closed
    afterwards.
    """
    servers = []

    def start(factory, **kwargs):
        server = run(aio_loop.create_server(factory, '127.0.0.1', 0, **kwargs))
        servers.append(server)
        return server.sockets[0].getsockname()[1]
    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


@pytest.fixture
def connect(aio_loop, run, client_context):
    """A function that connects an application, of `App` unless given, to a port of this host."""
    def make(port, app=None, **kwargs):
        app = app or App(aio_loop)
        kwargs.setdefault('ssl', client_context)
        if kwargs['ssl']:
            kwargs.setdefault('server_hostname', 'localhost')
        run(aio_loop.create_connection(lambda: app, '127.0.0.1', port, **kwargs))
        return app
    return make
