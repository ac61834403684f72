"""What the README says of sslproto27 itself, tried as the alternatives are: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import ssl

import pytest
import trollius
from trollius import From, Return

import sslproto27
import sslproto27.trollius
from tests.comparison.contract import (
    NAMES, SHORT, cell, classifiers, connected, greeter, is_pure, nested_server, requirements,
    silent, starttls_server)
from tests.support.memory import connect


@pytest.fixture
def loop():
    """An event loop of ours."""
    with contextlib.closing(sslproto27.trollius.SelectorEventLoop()) as made:
        yield made


def open_connection(loop, port, pki, **kwargs):
    """Return a coroutine of (reader, writer), to a port."""
    return sslproto27.trollius.open_connection('127.0.0.1', port, loop=loop, **kwargs)


def shake_hands(pki, port, name=u'localhost'):
    """Verify the server at a port, and leave."""
    with contextlib.closing(sslproto27.SSLSocket(
            connected(port), pki.client_context(), server_hostname=name)) as sock:
        assert 'TLSv1.3' == sock.version()


@trollius.coroutine
def echo_once(reader, writer):
    """Send a message, and return what comes back."""
    writer.write(b'secret')
    answer = yield From(reader.readexactly(6))
    writer.close()
    raise Return(answer)


@cell('TLS in memory', 'yes')
def test_memory(pki):
    """Two TLS objects shake hands with no socket."""
    client = connect(pki.client_context(), pki.server_context()).client
    assert 'TLSv1.3' == client.version()


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'yes')
def test_contexts(pki):
    """It takes them."""
    context = pki.client_context()
    assert ssl.SSLContext is type(context)
    with greeter(pki) as port:
        sslproto27.SSLSocket(connected(port), context, server_hostname=u'localhost').close()


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(loop, pki):
    """A stream that has read and written starts TLS."""
    @trollius.coroutine
    def main(port):
        reader, writer = yield From(open_connection(loop, port, pki))
        assert b'hello\n' == (yield From(reader.readline()))
        writer.write(b'STARTTLS\n')
        yield From(writer.start_tls(pki.client_context(), server_hostname=u'localhost'))
        raise Return((yield From(echo_once(reader, writer))))
    with starttls_server(pki) as port:
        assert b'secret' == loop.run_until_complete(main(port))


@cell('TLS in TLS', 'yes')
def test_tls_in_tls(loop, pki):
    """TLS starts over TLS."""
    @trollius.coroutine
    def main(port):
        reader, writer = yield From(open_connection(
            loop, port, pki, ssl=pki.client_context(), server_hostname=u'localhost'))
        yield From(writer.start_tls(pki.client_context(), server_hostname=u'localhost'))
        raise Return((yield From(echo_once(reader, writer))))
    with nested_server(pki, lambda sock, context: sslproto27.SSLSocket(
            sock, context, server_side=True)) as port:
        assert b'secret' == loop.run_until_complete(main(port))


@cell('TLS over pipes, on a loop', 'yes')
def test_pipes(loop, pki):
    """A pair of pipes carries it."""
    @trollius.coroutine
    def side(files, context, **kwargs):
        reader, writer = yield From(sslproto27.trollius.open_pipes(*files, loop=loop))
        yield From(writer.start_tls(context, **kwargs))
        writer.write(b'secret')
        raise Return(((yield From(reader.readexactly(6))), writer))

    @trollius.coroutine
    def main():
        (one, other), (back, forth) = os.pipe(), os.pipe()
        (seen, writer), (seen_there, writer_there) = yield From(trollius.gather(
            side((os.fdopen(one, 'rb', 0), os.fdopen(forth, 'wb', 0)), pki.server_context(),
                 server_side=True),
            side((os.fdopen(back, 'rb', 0), os.fdopen(other, 'wb', 0)), pki.client_context(),
                 server_hostname=u'localhost'), loop=loop))
        writer.close()
        writer_there.close()
        yield From(writer.wait_closed())
        yield From(writer_there.wait_closed())
        raise Return([seen, seen_there])
    assert [b'secret', b'secret'] == loop.run_until_complete(main())


@cell('a time limit for a client\'s handshake', 'yes')
def test_client_limit(loop, pki):
    """There is an option for it, of 60 seconds unless given."""
    with silent() as port, pytest.raises(Exception) as info:
        loop.run_until_complete(open_connection(
            loop, port, pki, ssl=pki.client_context(), server_hostname=u'localhost',
            ssl_handshake_timeout=SHORT))
    assert 'handshake' in str(info.value)


@cell('a time limit for a server\'s handshake', 'yes')
def test_server_limit(loop, pki):
    """A server drops who does not shake hands in time."""
    server = loop.run_until_complete(loop.create_server(
        trollius.Protocol, '127.0.0.1', 0, ssl=pki.server_context(), ssl_handshake_timeout=SHORT))
    port = server.sockets[0].getsockname()[1]

    @trollius.coroutine
    def main():
        reader, writer = yield From(open_connection(loop, port, pki))
        try:
            raise Return((yield From(reader.read())))
        except EnvironmentError:  # a reset
            raise Return(b'')
        finally:
            writer.close()
    assert b'' == loop.run_until_complete(trollius.wait_for(main(), 20, loop=loop))
    server.close()


@cell('certificates for IP addresses', 'yes')
def test_addresses(pki):
    """It takes one."""
    leaf, name = NAMES['address']
    with greeter(pki, leaf) as port:
        shake_hands(pki, port, name)


@cell('names by RFC 9525: no `w*.example.org`', 'yes')
def test_partial_wildcards(pki):
    """It refuses one."""
    leaf, name = NAMES['partial']
    with greeter(pki, leaf) as port, contextlib.closing(connected(port)) as sock:
        with pytest.raises(ssl.SSLError) as info:
            sslproto27.SSLSocket(sock, pki.client_context(), server_hostname=name)
    assert 'ostname mismatch' in str(info.value)


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.13' in classifiers('sslproto27')


@cell('pure Python, no binaries', 'yes')
def test_pure():
    """It needs six alone, which is pure: the frameworks are extras."""
    assert {'sslproto27', 'six'} == requirements('sslproto27')
    assert is_pure('six')
    folder = os.path.dirname(sslproto27.__file__)
    files = [name for _, _, names in os.walk(folder) for name in names]
    assert {'.py', '.pyc', '.pyi', '.typed'} >= {os.path.splitext('x' + name)[1] for name in files}


@cell('python.org\'s builds for Windows and macOS', 'by the pair engine')
def test_static_openssl(run_python):
    """It uses its other engine where ssl does not export OpenSSL, as there."""
    status, stdout, stderr = run_python('''
import _ctypes, _ssl
_ssl.__file__ = _ctypes.__file__
import sslproto27
from sslproto27._core.engine import NAME, REASON
sslproto27.MemoryBIO().write(b'works')
print(NAME, REASON)
''')
    assert (0, '') == (status, stderr)
    assert 'pair' in stdout and 'does not export it' in stdout
