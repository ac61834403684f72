"""What gevent and eventlet change in ssl and socket, before or after the package is imported."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.engines import ENGINE
from tests.support.memory import PY2

pytestmark = pytest.mark.skipif(
    not PY2, reason="Python 3's ssl does not survive a class in the place of its SSLContext")

SCRIPT = '''
from __future__ import print_function
import socket, ssl, sys

with open(sys.argv[1] + '/crl.pem', 'rb') as file:
    crl = file.read()

def patch():
    class PatchedSocket(socket.socket):
        pass
    class PatchedContext(ssl.SSLContext):
        pass
    class PatchedEnd(object):  # eventlet's sockets are not of the interpreter's class
        pass
    socket.socket = socket.SocketType = PatchedSocket
    socket.socketpair = lambda: (PatchedEnd(), PatchedEnd())
    ssl.SSLContext = PatchedContext

if %(early)r:
    patch()
import sslproto27
from sslproto27.context import load_crl, set_sni_callback
before = sslproto27.create_default_context()
stock = ssl.create_default_context()
if not %(early)r:
    patch()
class Loop(object):
    def get_debug(self):
        return False
for context in (before, stock, sslproto27.create_default_context(), ssl.create_default_context()):
    incoming, outgoing = sslproto27.MemoryBIO(), sslproto27.MemoryBIO()
    made = sslproto27.wrap_bio(context, incoming, outgoing, server_hostname='localhost')
    made.context = stock
    set_sni_callback(context, lambda *args: None)
    load_crl(context, crl)
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


GREENLETS = '''
from __future__ import print_function
import socket, sys, thread, threading

# Threads take the part of greenlets, which the interpreter's own function cannot tell apart. What
# gevent and eventlet put in its place can.
apart = thread.get_ident, threading._get_ident
thread.get_ident = threading._get_ident = lambda: 1
import sslproto27
thread.get_ident, threading._get_ident = apart

from tests.support.pki import PKI
pki = PKI(sys.argv[1])
ours, theirs = socket.socketpair()

def serve():
    server = sslproto27.SSLSocket(theirs, pki.server_context(), server_side=True)
    server.sendall(server.recv(4) * 2)

class Below(object):
    def __getattr__(self, name):
        return getattr(ours, name)

    def recv(self, size):
        reading.set()
        return ours.recv(size)

reading = threading.Event()
threading.Thread(target=serve).start()
client = sslproto27.SSLSocket(Below(), pki.client_context(), server_hostname='localhost')
reading.clear()

def write():
    reading.wait()
    client.sendall(b'data')

threading.Thread(target=write).start()
print(client.recv(100))
'''


@pytest.mark.skipif(ENGINE == 'pair', reason='greenlets take turns, as nested operations do on the'
                                             ' pair engine; threads cannot take their part')
def test_greenlets_after_the_import(run_python):
    """Greenlets of a thread that was patched later are callers of their own, as threads are."""
    assert (0, 'datadata\n', '') == run_python(GREENLETS)
