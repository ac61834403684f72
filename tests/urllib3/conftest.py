"""
Fixtures for the tests of requests and urllib3: sessions whose TLS is ours, and a server.

What makes the sessions is imported when it is needed: requests need not be installed.
"""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.https import serving


@pytest.fixture(params=['injected', 'adapter'])
def way(request):
    """Each way to give requests our TLS."""
    return request.param


@pytest.fixture
def session(way, pki):
    """A session that trusts the test authority, and whose TLS is ours."""
    from tests.support.sessions import new_session
    with new_session(way, pki) as made:
        yield made


@pytest.fixture
def server(pki):
    """A web server for localhost and 127.0.0.1."""
    with serving(context=pki.server_context()) as made:
        yield made
