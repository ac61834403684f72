"""Both kinds of sockets: each test here runs with ssl's own, the oracle, and with those of ours."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import sockets


@pytest.fixture(params=['ssl', 'sslproto27'])
def kind(request):
    """Whose sockets ssl makes in the test: 'ssl' or 'sslproto27'."""
    if request.param == 'sslproto27':
        sockets.install()
    yield request.param
    sockets.uninstall()


@pytest.fixture
def ours():
    """Let ssl make our sockets."""
    sockets.install()
    yield
    sockets.uninstall()
