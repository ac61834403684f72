"""A plugin of pytest: all of httpbin is over HTTPS."""
import pytest
from httpbin import app
from pytest_httpbin import plugin, serve


@pytest.fixture(scope='session')
def httpbin(request):
    """Be what httpbin_secure is."""
    server = serve.SecureServer(application=app)
    server.start()
    request.addfinalizer(server.stop)
    return server


plugin.httpbin = httpbin
