"""Fixtures for tests of `SSLProtocol` in memory."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.loops import Connection


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


@pytest.fixture(params=['client', 'server'])
def server_side(request):
    """Which side the protocol is."""
    return request.param == 'server'


@pytest.fixture
def new(client_context, server_context, server_side):
    """A function that makes a `Connection` of one TLS version, the protocol being one side."""
    def make(**kwargs):
        contexts = (server_context, client_context) if server_side else (
            client_context, server_context)
        return Connection(*contexts, server_side=server_side, **kwargs)
    return make


@pytest.fixture
def new_client(client_context, server_context):
    """A function that makes a `Connection` of one TLS version, the protocol being the client."""
    def make(**kwargs):
        return Connection(client_context, server_context, **kwargs)
    return make
