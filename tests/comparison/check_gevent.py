"""What the README says of gevent's TLS on 2.7: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import inspect
import os
import ssl

import gevent.fileobject
import gevent.server
import gevent.socket
import gevent.ssl
import pytest

import sslproto27
from tests.comparison.contract import (
    SHORT, asked, cell, classifiers, greeter, is_pure, nested_server, receive, requirements, silent,
    starttls_server)


@pytest.fixture
def context(pki):
    """A client's context of gevent's own class."""
    return pki.client_context(cls=gevent.ssl.SSLContext)


@pytest.fixture
def connect(context):
    """A function that verifies the server at a port, and leaves."""
    def run(port, name=u'localhost'):
        with contextlib.closing(connected(port)) as sock:
            secure = context.wrap_socket(sock, server_hostname=name)
            assert 'TLSv1.3' == secure.version()
            secure.close()
    return run


def connected(port):
    """Return one of its sockets, connected."""
    return gevent.socket.create_connection(('127.0.0.1', port), 20)


@cell('TLS in memory', 'no')
def test_memory():
    """Its ssl has no memory BIOs on 2.7: it is the standard library's, over its own sockets."""
    assert not hasattr(gevent.ssl, 'MemoryBIO')
    assert issubclass(gevent.ssl.SSLSocket, gevent.socket.socket)


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'a subclass')
def test_contexts(connect, pki):
    """Its contexts are, but for the sockets that they make."""
    assert issubclass(gevent.ssl.SSLContext, ssl.SSLContext)
    with greeter(pki) as port:
        connect(port)


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(context, pki):
    """A socket that has been used in plaintext is wrapped."""
    with starttls_server(pki) as port, contextlib.closing(connected(port)) as sock:
        assert b'hello\n' == receive(sock, 6)
        sock.sendall(b'STARTTLS\n')
        secure = context.wrap_socket(sock, server_hostname=u'localhost')
        secure.sendall(b'secret')
        assert b'secret' == receive(secure, 6)
        secure.close()


@cell('TLS in TLS', 'no')
def test_tls_in_tls(context, pki):
    """A TLS socket that is wrapped speaks past the outer TLS, with the server's socket."""
    with nested_server(pki, lambda sock, context: sslproto27.SSLSocket(
            sock, context, server_side=True)) as port:
        with contextlib.closing(connected(port)) as sock:
            outer = context.wrap_socket(sock, server_hostname=u'localhost')
            with pytest.raises((ssl.SSLError, gevent.socket.error)):
                context.wrap_socket(outer, server_hostname=u'localhost')
            outer.close()


@cell('TLS over pipes, on a loop', 'no')
def test_pipes(context):
    """Its files of pipes cannot be wrapped."""
    reading, writing = os.pipe()
    os.close(writing)
    with contextlib.closing(gevent.fileobject.FileObjectPosix(reading, 'rb')) as file:
        with pytest.raises(AttributeError):
            context.wrap_socket(file)


@cell('a time limit for a client\'s handshake', 'yes')
def test_client_limit(context):
    """gevent.Timeout limits whatever is done within it."""
    with silent() as port, contextlib.closing(connected(port)) as sock:
        with pytest.raises(gevent.Timeout), gevent.Timeout(SHORT):
            context.wrap_socket(sock, server_hostname=u'localhost')


@cell('a time limit for a server\'s handshake', 'no')
def test_server_limit():
    """Its servers shake hands before any code of the program is called, and set no limit."""
    source = inspect.getsource(gevent.server.StreamServer.wrap_socket_and_handle)
    assert 'wrap_socket(' in source and 'imeout' not in source
    for method in (gevent.server.StreamServer.__init__, gevent.server.BaseServer.__init__):
        assert [] == [name for name in inspect.getargspec(method).args if 'timeout' in name]


@cell('certificates for IP addresses', 'no')
def test_addresses(connect, pki):
    """It refuses one."""
    with pytest.raises(ssl.CertificateError):
        asked(connect, pki, 'address')


@cell('names by RFC 9525: no `w*.example.org`', 'no')
def test_partial_wildcards(connect, pki):
    """It takes one, which RFC 9525 6.3 forbids."""
    asked(connect, pki, 'partial')


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.9' in classifiers('gevent')


@cell('pure Python, no binaries', 'no')
def test_binaries():
    """Its loops are in C, and greenlet is."""
    assert {'gevent', 'greenlet'} <= {name for name in requirements('gevent') if not is_pure(name)}
