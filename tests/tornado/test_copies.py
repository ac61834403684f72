"""Copies of Tornado in other packages."""
from __future__ import absolute_import, division, print_function

import io
import os
import re
import sys
import warnings

import pytest

from tests.support import tornados  # noqa: F401: skips where there is no Tornado
from sslproto27.tornado import install, uninstall
import tornado


@pytest.fixture
def vendored(tmpdir, monkeypatch):
    """Give the name of a package with a copy of Tornado in it, whose imports were rewritten."""
    here = os.path.dirname(tornado.__file__)
    copy = tmpdir.mkdir('vendor27').join('__init__.py').ensure().dirpath().mkdir('tornado')
    for folder in ('', 'platform'):
        for name in os.listdir(os.path.join(here, folder)):
            if name.endswith('.py'):
                with io.open(os.path.join(here, folder, name), encoding='utf-8') as source:
                    text = source.read()
                text = re.sub(r'^(\s*)from tornado\b', r'\1from vendor27.tornado', text, flags=re.M)
                text = re.sub(r'^(\s*)import tornado\.(\w+)$',
                              r'\1import vendor27.tornado.\2; from vendor27 import tornado', text,
                              flags=re.M)
                copy.join(folder, name).write_text(text, encoding='utf-8', ensure=True)
    monkeypatch.syspath_prepend(str(tmpdir))
    yield 'vendor27.tornado'
    for name in [one for one in sys.modules if 'vendor27' in one]:
        del sys.modules[name]


PROGRAM = '''
import sys, warnings
sys.path.insert(0, %r)
warnings.simplefilter('ignore')
import sslproto27.tornado
from vendor27.tornado import gen, iostream, ioloop, tcpclient, tcpserver
import tornado.iostream
from tests.support.pki import PKI
pki = PKI(sys.argv[1])
before = dict(vars(tornado.iostream.SSLIOStream))
sslproto27.tornado.install(ssl_handshake_timeout=7, module=%s)
seen = []

class Server(tcpserver.TCPServer):
    def handle_stream(self, stream, address):
        seen.append(stream)
        stream.write(b'hello')

@gen.coroutine
def main():
    server = Server(ssl_options=pki.server_context())
    from vendor27.tornado.netutil import bind_sockets
    sock, = bind_sockets(0, '127.0.0.1')
    server.add_socket(sock)
    stream = yield tcpclient.TCPClient().connect(
        'localhost', sock.getsockname()[1], ssl_options=pki.client_context())
    data = yield stream.read_bytes(5)
    seen.append(stream)
    print(data.decode('ascii'))

ioloop.IOLoop.current().run_sync(main)
for stream in seen:
    assert isinstance(stream, iostream.SSLIOStream)
    assert not isinstance(stream, tornado.iostream.SSLIOStream)
    print('%%s %%d' %% (type(stream).__name__, stream._handshake_timeout))
assert before == dict(vars(tornado.iostream.SSLIOStream))
sslproto27.tornado.uninstall(module=%s)
print(iostream.SSLIOStream.__init__.__module__)
'''


@pytest.mark.parametrize('module', ["'vendor27.tornado'", "sys.modules['vendor27.tornado']"])
def test_copy(vendored, tmpdir, run_python, module):
    """install(module=...) is for that copy alone, given by its name or itself."""
    finished = run_python(PROGRAM % (str(tmpdir), module, module), warnings='ignore')
    assert ('hello\nSSLIOStream 7\nSSLIOStream 7\nvendor27.tornado.iostream\n'
            == finished.stdout), finished.stderr


def test_settings_apart(vendored):
    """What is installed in one copy is not in another, and what is taken out of one stays there."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of an escape in Tornado's text
        from vendor27.tornado import iostream as theirs
    from tornado import iostream as usual
    before = theirs.SSLIOStream.__init__, usual.SSLIOStream.__init__
    try:
        install(module=vendored)
        assert [False, True] == [theirs.SSLIOStream.__init__ == before[0],
                                 usual.SSLIOStream.__init__ == before[1]]
        install()
        uninstall(module=vendored)
        assert [True, False] == [theirs.SSLIOStream.__init__ == before[0],
                                 usual.SSLIOStream.__init__ == before[1]]
    finally:
        uninstall(module=vendored)
        uninstall()
    assert before[1] == usual.SSLIOStream.__init__


def test_unknown_copy():
    """A copy that is not there is an ImportError, and changes nothing."""
    with pytest.raises(ImportError):
        install(module='vendor27.nowhere')


@pytest.mark.parametrize('version', ['4.4.3', '6.1'])
def test_copy_of_another_version(vendored, version):
    """A copy of a version that is not supported is refused, by its version and those that are."""
    import vendor27.tornado
    vendor27.tornado.version = version
    for _ in range(2):
        with pytest.raises(ValueError) as info:
            install(module=vendored)
        assert ('Tornado %s is not supported, but 4.5 and 5.0 to 5.1' % version
                == str(info.value))
