"""What gevent and eventlet change in ssl and socket, before or after the package is imported."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.memory import PY2

pytestmark = pytest.mark.skipif(
    not PY2, reason="Python 3's ssl does not survive a class in the place of its SSLContext")

SCRIPT = '''
from __future__ import print_function
import socket, ssl

def patch():
    class PatchedSocket(socket.socket):
        pass
    class PatchedContext(ssl.SSLContext):
        pass
    socket.socket = socket.SocketType = PatchedSocket
    ssl.SSLContext = PatchedContext

if %(early)r:
    patch()
import sslproto27
before = sslproto27.create_default_context()
stock = ssl.create_default_context()
if not %(early)r:
    patch()
class Loop(object):
    def get_debug(self):
        return False
for context in (before, stock, sslproto27.create_default_context(), ssl.create_default_context()):
    incoming, outgoing = sslproto27.MemoryBIO(), sslproto27.MemoryBIO()
    sslproto27.wrap_bio(context, incoming, outgoing, server_hostname='localhost')
    sslproto27.SSLPipe(context, server_hostname='localhost').do_handshake()
    sslproto27.SSLProtocol(Loop(), object(), context, server_hostname='localhost')
    print('works')
'''


def test_before_the_import(run_python):
    """Classes that were replaced before the package is imported change nothing."""
    assert (0, 'works\n' * 4, '') == run_python(SCRIPT % dict(early=True))


def test_after_the_import(run_python):
    """Nor do those that are replaced later: contexts of either class are taken."""
    assert (0, 'works\n' * 4, '') == run_python(SCRIPT % dict(early=False))
