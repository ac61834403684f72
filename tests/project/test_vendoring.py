"""
The core, the pipe and the socket work as a copy inside of another package, with the standard
library alone.
"""
from __future__ import absolute_import, division, print_function

import os
import shutil

import pytest

from tests.support.imports import PACKAGE

# Runs in a child: only the copy, and what comes with the interpreter, can be imported.
SCRIPT = '''
from __future__ import print_function
import os, ssl, sys
place = %r
outside = ('site-packages', 'dist-packages')
sys.path[:] = [place] + [path for path in sys.path if path and os.path.abspath(path) not in %r
                         and not any(name in path for name in outside)]
own = ('_frozen_importlib', 'importlib')
sys.meta_path[:] = [finder for finder in sys.meta_path
                    if getattr(finder, '__module__', '').startswith(own)]
before = set(sys.modules)

from someapp._vendor.tls import MemoryBIO, SSLObject, SSLPipe, SSLSocket

def context(server_side):
    if hasattr(ssl, 'PROTOCOL_TLS_CLIENT'):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    made = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
    if not server_side:
        made.verify_mode, made.check_hostname = ssl.CERT_REQUIRED, True
    return made

ours, theirs = context(False), context(True)
ours.load_verify_locations(os.path.join(sys.argv[1], 'ca.pem'))
theirs.load_cert_chain(os.path.join(sys.argv[1], 'localhost.pem'))
client, server = SSLPipe(ours, server_hostname='localhost'), SSLPipe(theirs, server_side=True)
client.do_handshake()
server.do_handshake()
client.feed_appdata(b'hello')
moved = True
while moved:
    to_server = client.data_to_send()
    server.feed_ssldata(to_server)
    to_client = server.data_to_send()
    client.feed_ssldata(to_client)
    moved = to_server or to_client
print(client.state, client.ssl_object.version(), server.appdata_received().decode('ascii'))
print(isinstance(client.ssl_object, SSLObject))
files = [getattr(sys.modules[name], '__file__', None) or '' for name in set(sys.modules) - before]
print(sorted(path for path in files if any(name in path for name in outside)))
print(sorted(name for name in sys.modules if name.split('.')[0] == 'sslproto27'))
'''


@pytest.fixture
def someapp(tmpdir):
    """A folder with someapp/_vendor/tls, a copy of the core's folder."""
    os.makedirs(str(tmpdir.join('someapp', '_vendor')))
    shutil.copytree(os.path.join(PACKAGE, '_core'), str(tmpdir.join('someapp', '_vendor', 'tls')),
                    ignore=shutil.ignore_patterns('*.pyc', '__pycache__'))
    for parts in ((), ('_vendor',)):
        open(str(tmpdir.join('someapp', *parts).join('__init__.py')), 'w').close()
    return str(tmpdir)


def test_handshake(run_python, someapp):
    """
    A vendored copy shakes hands, and imports nothing outside of itself and the standard library.
    """
    checkout = os.path.dirname(PACKAGE)
    finished = run_python(SCRIPT % (someapp, [checkout]))
    assert (0, '') == (finished.returncode, finished.stderr)
    assert ['OPEN TLSv1.3 hello', 'True', '[]', '[]'] == finished.stdout.splitlines()
