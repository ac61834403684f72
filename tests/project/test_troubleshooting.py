"""docs/troubleshooting.md quotes errors: each is what Python 2.7 really prints."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import re
import socket
import ssl
import threading
import traceback

import pytest

import sslproto27
from sslproto27 import SSLPipe, SSLSocket, create_default_context
from tests.support import pipe_pairs
from tests.support.documents import blocks
from tests.support.engines import not_in_pair
from tests.support.memory import only_python2
from tests.support.pipe_pairs import PYPY

pytestmark = only_python2

#: By heading, the error that the page quotes there.
QUOTED = {key.partition(': ')[2]: block.code.strip() for key, block in blocks().items()
          if key.startswith('troubleshooting.md: ') and block.language == 'text'}


def client_context(pki, trust='ca'):
    """Return a default client's context that trusts an authority of the tests."""
    return create_default_context(cafile=pki.path(trust))


def server_context(pki, leaf='localhost', clients=None):
    """Return a default server's context, for clients of the authority *clients* alone if given."""
    context = create_default_context(ssl.Purpose.CLIENT_AUTH)
    if leaf:
        context.load_cert_chain(pki.path(leaf))
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki.path(clients))
    return context


def failures(client, server, name='localhost'):
    """Shake hands in memory; return what ended the client's TLS and the server's."""
    return pipe_pairs.failures(SSLPipe(client, server_hostname=name),
                               SSLPipe(server, server_side=True))


def refused(pki, leaf, **kwargs):
    """Return what ends a default client's handshake with a server that has *leaf*."""
    return failures(client_context(pki), server_context(pki, leaf), **kwargs)[0]


def raised(call, *args, **kwargs):
    """Return what a call raises."""
    with pytest.raises(Exception) as info:
        call(*args, **kwargs)
    return info.value


def fed(data=b'', **kwargs):
    """Return what ends a new pipe's TLS that gets *data*, then EOF."""
    pipe = SSLPipe(create_default_context(ssl.Purpose.CLIENT_AUTH) if kwargs
                   else create_default_context(),
                   server_hostname=None if kwargs else 'localhost', **kwargs)
    pipe.do_handshake()
    if data:
        pipe.feed_ssldata(data)
    else:
        pipe.feed_eof()
    return pipe.failure


def loaded(pki, certificate, key=None, **kwargs):
    """Return what load_cert_chain raises; *certificate* and *key* are leaves of the tests."""
    context = create_default_context(ssl.Purpose.CLIENT_AUTH)
    return raised(context.load_cert_chain, pki.path(certificate), key and pki.path(key), **kwargs)


def no_version(pki):
    server = server_context(pki)
    server.minimum_version = sslproto27.TLSVersion.TLSv1_3
    client = client_context(pki)
    client.maximum_version = sslproto27.TLSVersion.TLSv1_2
    return failures(client, server)[0]


def closing(pki):
    pipe = SSLPipe(client_context(pki), server_hostname='localhost')
    server = SSLPipe(server_context(pki), server_side=True)
    pipe.do_handshake()
    server.do_handshake()
    for _ in range(3):
        server.feed_ssldata(pipe.data_to_send())
        pipe.feed_ssldata(server.data_to_send())
    pipe.shutdown()
    return raised(pipe.feed_appdata, b'too late')


def not_blocking(pki):
    near, far = socket.socketpair()
    with contextlib.closing(near), contextlib.closing(far):
        near.setblocking(False)
        return raised(SSLSocket, near, client_context(pki), server_hostname='localhost')


def forked(pki):
    near, far = socket.socketpair()

    def serve():
        server = SSLSocket(far, server_context(pki), server_side=True)
        server.recv(1)
        far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = SSLSocket(near, client_context(pki), server_hostname='localhost')
    child = os.fork()
    if not child:
        try:
            client.sendall(b'x')
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    thread.join()
    error = raised(client.sendall, b'y')
    client.close()
    return error


@contextlib.contextmanager
def accepting(answer):
    """Listen; call *answer* with the first connection, which is then closed. Give the port."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)
    listener.settimeout(20)

    def serve():
        connection = listener.accept()[0]
        answer(connection)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    thread.join()
    listener.close()


def opened(pki, answer, **options):
    """Return what open_connection raises on a loop of ours, with a server that does *answer*."""
    trollius = pytest.importorskip('trollius')
    import sslproto27.trollius
    loop = sslproto27.trollius.SelectorEventLoop()
    try:
        with accepting(answer) as port:
            error = raised(loop.run_until_complete, sslproto27.trollius.open_connection(
                '127.0.0.1', port, ssl=client_context(pki), loop=loop, **options))
        assert isinstance(error, (trollius.ConnectionAbortedError, trollius.ConnectionResetError))
        return error
    finally:
        loop.close()


def until_end(connection):
    """Read until the peer has gone."""
    while connection.recv(4096):
        pass


def foreign_loop(pki):
    trollius = pytest.importorskip('trollius')
    import sslproto27.trollius
    loop = trollius.SelectorEventLoop()
    try:
        return raised(loop.run_until_complete, sslproto27.trollius.open_connection(
            'localhost', 1, ssl=client_context(pki), loop=loop))
    finally:
        loop.close()


def cutting(pki, data):
    """Return what answers a connection's first bytes in TLS with *data*, and ends without TLS."""
    def answer(connection):
        server = SSLSocket(connection, server_context(pki), server_side=True)
        server.recv(4096)
        server.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        until_end(connection)
    return answer


def broken_body(pki):
    requests = pytest.importorskip('requests')
    import sslproto27.requests
    session = requests.Session()
    session.mount('https://', sslproto27.requests.SSLAdapter())
    with accepting(cutting(pki, b'HTTP/1.0 200 OK\r\n\r\nhalf of')) as port:
        return raised(session.get, 'https://localhost:%d/' % port, verify=pki.path('ca'))


def closed_stream(pki):
    pytest.importorskip('tornado')
    import sslproto27.tornado
    from tornado import gen, ioloop

    @gen.coroutine
    def ask():
        stream = yield sslproto27.tornado.TCPClient().connect(
            '127.0.0.1', port, ssl_options=client_context(pki))
        yield stream.write(b'?')
        yield stream.read_until_close()

    loop = ioloop.IOLoop()
    loop.make_current()
    try:
        with accepting(cutting(pki, b'half of')) as port:
            error = raised(loop.run_sync, ask)
        assert isinstance(error.real_error, ssl.SSLEOFError)
        return error
    finally:
        loop.clear_current()
        loop.close()


#: By heading, what raises, or fails, as the block below it says.
ERRORS = {
    'The root is not trusted, or an intermediate is missing': lambda pki: failures(
        client_context(pki, 'stranger-ca'), server_context(pki))[0],
    'The certificate is self-signed': lambda pki: refused(pki, 'self_signed'),
    'The certificate is for another name': lambda pki: refused(pki, 'other'),
    'The certificate is not for this IP address': lambda pki: refused(
        pki, 'other', name='127.0.0.1'),
    'The certificate has expired': lambda pki: refused(pki, 'expired'),
    'The certificate does not follow RFC 5280':
        lambda pki: refused(pki, 'no_identifier'),
    'The peer does not trust us': lambda pki: failures(
        client_context(pki, 'stranger-ca'), server_context(pki))[1],
    'The server wants a client certificate': lambda pki: failures(
        client_context(pki), server_context(pki, clients='ca'))[0],
    'The client sent no certificate': lambda pki: failures(
        client_context(pki), server_context(pki, clients='ca'))[1],
    'The file has no private key, or the password is wrong':
        lambda pki: loaded(pki, 'encrypted', password='wrong'),
    'The key is for another certificate':
        lambda pki: loaded(pki, 'localhost', 'other'),
    'The file of authorities is empty, or has something else': lambda pki: raised(
        create_default_context, cafile=os.devnull),
    'The key is too small': lambda pki: loaded(pki, 'weak_key'),
    'No version in common': lambda pki: no_version(pki),
    'The server found nothing to agree on': lambda pki: failures(
        client_context(pki), server_context(pki, None))[1],
    'The peer found nothing to agree on': lambda pki: failures(
        client_context(pki), server_context(pki, None))[0],
    'The server answers in plaintext': lambda pki: fed(b'220 mail.example.org ESMTP\r\n'),
    'A client speaks HTTP to an HTTPS port': lambda pki: fed(
        b'GET / HTTP/1.1\r\n\r\n', server_side=True),
    'The connection ended in the handshake': lambda pki: opened(
        pki, lambda connection: connection.recv(4096)),
    'The handshake takes too long': lambda pki: opened(
        pki, until_end, ssl_handshake_timeout=0.3),
    'The connection ended without close_notify': lambda pki: fed(),
    'requests says the connection is broken': lambda pki: broken_body(pki),
    'Tornado says the stream is closed': lambda pki: closed_stream(pki),
    'A name is needed': lambda pki: raised(SSLPipe, client_context(pki)),
    'Text instead of bytes': lambda pki: raised(SSLPipe(
        client_context(pki), server_hostname='localhost').feed_appdata, u'text'),
    'A call comes too early, or too late': lambda pki: closing(pki),
    'The loop is not ours': lambda pki: foreign_loop(pki),
    'The socket is non-blocking': lambda pki: not_blocking(pki),
    'Two processes use one connection': lambda pki: forked(pki),
}


#: What OpenSSL 3 alone words, or finds, in this way.
NEW = {'The certificate is self-signed',
       'The certificate does not follow RFC 5280'}


#: Why OpenSSL has refused a chain.
WHY = NEW | {'The certificate has expired',
             'The root is not trusted, or an intermediate is missing'}


@pytest.mark.parametrize('heading', [
    pytest.param(one, marks=[pytest.mark.skipif(
        one in NEW and ssl.OPENSSL_VERSION_INFO < (3,), reason="the text is OpenSSL 3's")]
        + [not_in_pair('verify_message')] * (one in WHY))
    for one in sorted(ERRORS)])
def test_quoted(pki, heading):
    """The error is the one that is shown, to the letter."""
    error = ERRORS[heading](pki)
    quoted = QUOTED[heading]
    if PYPY:  # its ssl is no C file
        quoted = re.sub(r' \(_ssl\.c:[0-9]+\)$', '', quoted)
    printed = traceback.format_exception_only(type(error), error)[-1].strip()
    assert quoted == re.sub('Testing CA #\\S+', 'Example Root', printed)


def test_every_error():
    """No error is shown that nobody provokes here."""
    assert sorted(ERRORS) == sorted(QUOTED)
