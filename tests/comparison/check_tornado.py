"""What the README says of Tornado 5.1's own TLS: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import inspect
import os
import socket
import ssl

import pytest
from tornado import gen, httpserver, iostream, netutil, tcpclient, tcpserver, web
from tornado.ioloop import IOLoop

import sslproto27
from tests.comparison.contract import (
    SHORT, asked, cell, classifiers, connected, greeter, nested_server, silent,
    starttls_server)


@pytest.fixture
def silent_port():
    """The port of a server that answers nothing; it outlives the loop, and so what that leaves."""
    with silent() as port:
        yield port


@pytest.fixture
def loop():
    """A stock event loop, the current one."""
    made = IOLoop()
    made.make_current()
    try:
        yield made
    finally:
        IOLoop.clear_current()
        made.close(all_fds=True)


@pytest.fixture
def connect(loop, pki):
    """A function that verifies the server at a port, and leaves; returns its socket's class."""
    def run(port, name=u'localhost'):
        @gen.coroutine
        def main():
            stream = iostream.IOStream(socket.socket())
            yield stream.connect(('127.0.0.1', port))
            secure = yield stream.start_tls(False, pki.client_context(), server_hostname=name)
            sock = secure.socket
            assert 'TLSv1.3' == sock.version()
            secure.close()
            raise gen.Return(type(sock))
        return loop.run_sync(main, timeout=20)
    return run


@cell('TLS in memory', 'no')
def test_memory(connect, pki):
    """What is below a stream's TLS is the standard library's socket."""
    with greeter(pki) as port:
        assert ssl.SSLSocket is connect(port)


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'yes')
def test_contexts(connect, pki):
    """It takes them."""
    with greeter(pki) as port:
        connect(port)


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(loop, pki):
    """A stream that has read and written starts TLS."""
    @gen.coroutine
    def main(port):
        stream = yield tcpclient.TCPClient().connect('127.0.0.1', port)
        assert b'hello\n' == (yield stream.read_until(b'\n'))
        yield stream.write(b'STARTTLS\n')
        secure = yield stream.start_tls(False, pki.client_context(), server_hostname=u'localhost')
        yield secure.write(b'secret')
        answer = yield secure.read_bytes(6)
        secure.close()
        raise gen.Return(answer)
    with starttls_server(pki) as port:
        assert b'secret' == loop.run_sync(lambda: main(port), timeout=20)


@cell('TLS in TLS', 'no')
def test_tls_in_tls(loop, pki):
    """start_tls of a TLS stream speaks past the outer TLS, with the server's socket."""
    @gen.coroutine
    def main(port):
        stream = yield tcpclient.TCPClient().connect('127.0.0.1', port)
        outer = yield stream.start_tls(False, pki.client_context(), server_hostname=u'localhost')
        yield outer.start_tls(False, pki.client_context(), server_hostname=u'localhost')
    with nested_server(pki, lambda sock, context: sslproto27.SSLSocket(
            sock, context, server_side=True)) as port:
        with pytest.raises((ssl.SSLError, socket.error, iostream.StreamClosedError)):
            loop.run_sync(lambda: main(port), timeout=20)


@cell('TLS over pipes, on a loop', 'no')
def test_pipes(loop):
    """A stream of a pipe has no start_tls, and the TLS streams make one of a socket."""
    assert not hasattr(iostream.PipeIOStream, 'start_tls')
    reading, writing = os.pipe()
    with contextlib.closing(iostream.PipeIOStream(reading)) as stream:
        os.close(writing)
        with pytest.raises(AttributeError):
            iostream.SSLIOStream(stream)


@cell('a time limit for a client\'s handshake', 'yes')
def test_client_limit(silent_port, loop, pki):
    """TCPClient.connect has one."""
    def main():
        return tcpclient.TCPClient().connect(
            'localhost', silent_port, socket.AF_INET, pki.client_context(), timeout=SHORT)
    with pytest.raises(gen.TimeoutError):
        loop.run_sync(main, timeout=20)


@cell('a time limit for a server\'s handshake', 'HTTP alone')
def test_server_limit(loop, pki):
    """An HTTP server drops who has not asked in time, TLS or not; another server has no limit."""
    assert 'timeout' not in inspect.getsource(tcpserver)
    assert 'timeout' not in inspect.getsource(iostream.SSLIOStream._do_ssl_handshake)
    server = httpserver.HTTPServer(web.Application(), ssl_options=pki.server_context(),
                                   idle_connection_timeout=SHORT)
    listener, = netutil.bind_sockets(0, '127.0.0.1')
    server.add_socket(listener)
    sock = connected(listener.getsockname()[1])
    sock.setblocking(False)

    @gen.coroutine
    def main():
        stream = iostream.IOStream(sock)
        with pytest.raises(iostream.StreamClosedError):
            yield stream.read_bytes(1)
    loop.run_sync(main, timeout=20)
    server.stop()


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
    assert 'Python :: 3.7' in classifiers('tornado')


@cell('pure Python, no binaries', 'yes')
def test_pure(run_python):
    """What of it is in C only speeds it up."""
    assert (0, '', '') == run_python('''
import sys
sys.modules['tornado.speedups'] = None
from tornado import httpserver, iostream, tcpclient, websocket
''', warnings='ignore')
