"""What the README says of Trollius 2.2's own TLS: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import inspect
import ssl

import pytest
import trollius
from trollius import From, Return, sslproto

from tests.comparison.contract import (
    SHORT, asked, cell, classifiers, greeter, is_pure, requirements, silent)


@pytest.fixture
def loop():
    """A stock event loop."""
    with contextlib.closing(trollius.SelectorEventLoop()) as made:
        yield made


@pytest.fixture
def connect(loop, pki):
    """A function that verifies the server at a port, and leaves; returns its socket's class."""
    def start(port, name=u'localhost'):
        return loop.create_connection(trollius.Protocol, '127.0.0.1', port,
                                      ssl=pki.client_context(), server_hostname=name)

    def run(port, name=u'localhost', limit=20):
        @trollius.coroutine
        def main():
            transport, _ = yield From(trollius.wait_for(start(port, name), limit, loop=loop))
            sock = transport.get_extra_info('socket')
            assert 'TLSv1.3' == sock.version()
            transport.abort()
            yield  # so that it does
            raise Return(type(sock))
        return loop.run_until_complete(main())
    return run


@cell('TLS in memory', 'no')
def test_memory(connect, pki):
    """Its protocol for memory BIOs finds none on 2.7; a connection is the standard library's."""
    assert not sslproto._is_sslproto_available()
    with greeter(pki) as port:
        assert ssl.SSLSocket is connect(port)


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'yes')
def test_contexts(connect, pki):
    """It takes them."""
    with greeter(pki) as port:
        connect(port)


@cell('a connection can be upgraded (STARTTLS)', 'no')
def test_upgrade():
    """There is no start_tls, neither of a loop nor of a stream."""
    for owner in (trollius.SelectorEventLoop, trollius.StreamWriter, trollius.Transport):
        assert [] == [name for name in dir(owner) if 'tls' in name.lower()]


@cell('TLS in TLS', 'no')
@cell('TLS over pipes, on a loop', 'no')
def test_over_others():
    """TLS is for sockets alone: what makes connections of pipes has no argument for it."""
    for name in ('connect_read_pipe', 'connect_write_pipe'):
        arguments = inspect.getargspec(getattr(trollius.BaseEventLoop, name)).args
        assert ['self', 'protocol_factory', 'pipe'] == arguments


@cell('a time limit for a client\'s handshake', 'by `wait_for`')
def test_client_limit(connect, loop):
    """There is no option for it; trollius.wait_for gives the connection up, and closes it."""
    assert 'ssl_handshake_timeout' not in inspect.getargspec(
        trollius.BaseEventLoop.create_connection).args
    with silent() as port, pytest.raises(trollius.TimeoutError):
        connect(port, limit=SHORT)


@cell('a time limit for a server\'s handshake', 'no')
def test_server_limit():
    """There is no option for it, and no application before the handshake's end that could care."""
    assert [] == [name for name in inspect.getargspec(trollius.BaseEventLoop.create_server).args
                  if 'timeout' in name]
    for name in ('_accept_connection2', '_make_ssl_transport'):
        method = getattr(trollius.selector_events.BaseSelectorEventLoop, name)
        source = inspect.getsource(method)
        assert 'timeout' not in source and 'call_later' not in source
    transport = inspect.getsource(trollius.selector_events._SelectorSslTransport)
    assert 'timeout' not in transport and 'call_later' not in transport


@cell('certificates for IP addresses', 'no')
def test_addresses(connect, pki):
    """It refuses one."""
    with pytest.raises(ssl.CertificateError):
        asked(connect, pki, 'address')


@cell('names by RFC 9525: no `w*.example.org`', 'no')
def test_partial_wildcards(connect, pki):
    """It takes one, which RFC 9525 6.3 forbids."""
    asked(connect, pki, 'partial')


@cell('the same package on Python 3', 'no, but asyncio')
def test_python3():
    """It is for 2.7 alone."""
    assert ['Python', 'Python :: 2.7'] == classifiers('trollius')


@cell('pure Python, no binaries', 'yes')
def test_pure():
    """All that it needs is Python."""
    assert [] == [name for name in requirements('trollius') if not is_pure(name)]
