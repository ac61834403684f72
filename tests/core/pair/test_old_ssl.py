"""
Where the interpreter or the system has less: Python 2.7.5 with PEP 466's ssl, OpenSSL before 1.1.0,
and Windows, as far as what is missing can be taken away here.
"""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY

pytestmark = pytest.mark.skipif(not PY2, reason='Python 3 has it all')

# A conversation of two pipes, with what there is.
TALK = '''
from __future__ import print_function
import os, sys
os.environ['SSLPROTO27_ENGINE'] = 'pair'
from tests.support.pki import PKI
%s
import ssl
import sslproto27
from sslproto27 import SSLPipe, create_default_context

pki = PKI(sys.argv[1])

def talk(client, server):
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
    return client.state, server.appdata_received()

ours = create_default_context(cafile=pki.path('ca'))
ours.verify_flags &= ~0x20  # the authority of these tests is not as strict
theirs = create_default_context(ssl.Purpose.CLIENT_AUTH)
theirs.load_cert_chain(pki.path('localhost'))
print(talk(SSLPipe(ours, server_hostname='localhost'), SSLPipe(theirs, server_side=True)))
'''

# What Python 2.7.5 with PEP 466 has not, of 2.7.10, 2.7.13 and 2.7.15; read, not run.
OLD = '''
import ssl, _ssl
for name in ('PROTOCOL_TLS', 'OP_NO_TLSv1_3', 'HAS_TLSv1_3', 'HAS_ALPN', 'HAS_NPN',
             'OP_ENABLE_MIDDLEBOX_COMPAT', 'SSLSession'):
    for module in (ssl, _ssl):
        vars(module).pop(name, None)
for name in ('set_alpn_protocols', 'set_npn_protocols'):
    if name in vars(ssl.SSLContext):
        delattr(ssl.SSLContext, name)
'''

# OpenSSL 1.0.2, as far as its version number goes.
OLD_OPENSSL = OLD + '''
ssl.OPENSSL_VERSION_INFO = (1, 0, 2, 11, 15)
'''

WINDOWS = '''
import _socket, signal, socket
%s
for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios', 'pty', 'ctypes', '_ctypes'):
    sys.modules[name] = None
for name in ('fork', 'getuid', 'memfd_create', 'openpty', 'WNOHANG'):
    if hasattr(os, name):
        delattr(os, name)
for name in ('AF_UNIX', 'socketpair', 'inet_pton', 'inet_ntop'):
    for module in (socket, _socket):
        if hasattr(module, name):
            delattr(module, name)
for name in ('SIGHUP', 'SIGCHLD', 'SIGALRM', 'setitimer', 'SIGUSR1'):
    if hasattr(signal, name):
        delattr(signal, name)
'''


@pytest.mark.parametrize('arguments, lines', [
    (['serve', '--listen', '127.0.0.1:0', '--cert', '@localhost', '--alpn', 'h2'],
     'sslproto27: --alpn: this ssl module has no ALPN; Python 2.7.10 has'),
    (['connect', 'localhost:1', '--alpn', 'h2'],
     'sslproto27: --alpn: this ssl module has no ALPN; Python 2.7.10 has'),
    (['info'], 'no, not in this ssl module')], ids=['serve', 'connect', 'info'])
def test_commands_without_alpn(run_python, pki, arguments, lines):
    """The command line says in one line what the ssl of Python 2.7.5 has not."""
    # 2.7.18's own ssl needs PROTOCOL_TLS for contexts that requests makes.
    arguments = [pki.path(one[1:]) if one.startswith('@') else one for one in arguments]
    finished = run_python("""
import os, sys
os.environ['SSLPROTO27_ENGINE'] = 'pair'
%s
from sslproto27.__main__ import main
sys.exit(main(%r))
""" % (OLD.replace("'PROTOCOL_TLS', ", ''), arguments))
    assert 'Traceback' not in finished.stderr
    assert lines in finished.stdout + finished.stderr
    assert (arguments == ['info']) == (not finished.returncode)


@pytest.mark.parametrize('missing', [OLD, OLD_OPENSSL], ids=['2.7.5', '1.0.2'])
def test_old(run_python, missing):
    """The core works with an ssl that has only what PEP 466 brought to Python 2.7.5."""
    finished = run_python(TALK % missing + '''
print(sslproto27.context.OP_NO_TLSv1_3 if ssl.OPENSSL_VERSION_INFO < (1, 1) else 0)
'''.replace('sslproto27.context', '__import__("sslproto27.context").context'))
    assert (0, '') == (finished.returncode, finished.stderr)
    assert "('OPEN', 'hello')\n0\n" == finished.stdout


def test_as_on_windows(run_python):
    """Nothing on the way needs what Windows lacks: the core, the pipe and sockets."""
    finished = run_python(TALK % (WINDOWS % '') + '''
import socket, threading
from sslproto27 import SSLSocket
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(1)

def serve():
    accepted, _ = listener.accept()
    tls = SSLSocket(accepted, theirs, server_side=True)
    tls.sendall(tls.recv(100).upper())
    tls.close()

thread = threading.Thread(target=serve)
thread.start()
tls = SSLSocket(socket.create_connection(listener.getsockname()), ours,
                server_hostname='localhost')
tls.sendall(b'over sockets')
print(tls.recv(100))
tls.close()
thread.join()
from sslproto27._core.engine.current import current_pair
print(type(current_pair()).__name__)
''')
    assert (0, '') == (finished.returncode, finished.stderr)
    assert ["('OPEN', 'hello')", 'OVER SOCKETS', 'LoopbackPair'] == finished.stdout.splitlines()


def test_commands_as_on_windows(run_python):
    """Each module of the commands can be imported there, and they say what they do."""
    finished = run_python('''
from __future__ import print_function
import argparse, os, pkgutil, subprocess, sys, tempfile  # which look for what is taken away
os.environ['SSLPROTO27_ENGINE'] = 'pair'
%s
import importlib
import sslproto27._cli
from sslproto27.__main__ import main
for _, name, _ in pkgutil.iter_modules(sslproto27._cli.__path__):
    if name != 'demonstration':  # it needs trustme, which is not everywhere
        importlib.import_module('sslproto27._cli.' + name)
for arguments in ['--version'], ['proxy', '--help']:
    try:
        main(arguments)
    except SystemExit as end:
        print(end.code)
''' % (WINDOWS % 'import trollius, trollius.unix_events, trollius.selectors'))
    assert (0, '') == (finished.returncode, finished.stderr)
    assert ['0', '0'] == [line for line in finished.stdout.splitlines() if line.isdigit()]


@pytest.mark.skipif(PYPY, reason='PyPy starts Trollius too slowly for what it would show')
def test_loop_as_on_windows(run_python):
    """So does an echo over Trollius' loop, on select()."""
    script = TALK % (WINDOWS % 'import trollius, trollius.unix_events, trollius.selectors') + '''
import trollius
from trollius import From, selectors
from sslproto27.trollius import SelectorEventLoop, open_connection, start_server
loop = SelectorEventLoop(selectors.SelectSelector())
trollius.set_event_loop(loop)

@trollius.coroutine
def echo(reader, writer):
    data = yield From(reader.read(100))
    writer.write(data.upper())
    writer.close()

@trollius.coroutine
def main():
    server = yield From(start_server(echo, '127.0.0.1', 0, ssl=theirs, loop=loop))
    port = server.sockets[0].getsockname()[1]
    reader, writer = yield From(open_connection(
        '127.0.0.1', port, ssl=ours, server_hostname='localhost', loop=loop))
    writer.write(b'over a loop')
    data = yield From(reader.read(100))
    print(data)
    writer.close()
    server.close()
    yield From(server.wait_closed())

loop.run_until_complete(main())
loop.close()
'''
    # Its loop makes a pair for itself, which on Windows is windows_utils' own.
    script = script.replace("('AF_UNIX', 'socketpair',", "('AF_UNIX',")
    finished = run_python(script, warnings='ignore')
    assert (0, '') == (finished.returncode, finished.stderr)
    assert 'OVER A LOOP' == finished.stdout.splitlines()[-1]


def test_certificates_of_windows(run_python):
    """create_default_context trusts what ssl.enum_certificates has for servers, one by one."""
    finished = run_python(TALK % '''
import ssl
def read(name):
    with open(PKI(sys.argv[1]).path(name)) as file:
        return ssl.PEM_cert_to_DER_cert(file.read())

def enum_certificates(store):
    assert store in ('CA', 'ROOT')
    if store == 'ROOT':
        yield b'no certificate', 'x509_asn', True
        yield read('stranger-ca'), 'x509_asn', set([ssl.Purpose.CLIENT_AUTH.oid])
        yield read('stranger-ca'), 'pkcs_7_asn', True
        yield read('ca'), 'x509_asn', set([ssl.Purpose.SERVER_AUTH.oid])
        yield read('ca'), 'x509_asn', True
    else:
        yield read('ca'), 'x509_asn', set()
ssl.enum_certificates = enum_certificates
os.environ['SSL_CERT_FILE'] = os.environ['SSL_CERT_DIR'] = '/nonexistent'
''' + '''
made = create_default_context()
print(made.cert_store_stats()['x509_ca'])
''')
    assert (0, '') == (finished.returncode, finished.stderr)
    assert '1' == finished.stdout.splitlines()[-1]
