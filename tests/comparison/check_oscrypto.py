"""What the README says of oscrypto 1.3: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import io
import re
import ssl
import sys

import pytest
from oscrypto.errors import TLSDisconnectError, TLSVerificationError

from tests.comparison.contract import (
    SHORT, asked, cell, classifiers, connected, is_pure, receive, requirements, silent,
    starttls_server)


def load():
    """
    Import oscrypto.tls, also with OpenSSL 3.0.10 and later.

    It stops there because it looks for one digit after the last dot of the version; what it asks
    re for is put right while it is imported (github.com/wbond/oscrypto/issues/75).
    """
    search = re.search
    re.search = lambda pattern, *args: search(
        pattern.replace(r'\d\.\d\.\d[', r'\d\.\d\.\d+['), *args)
    try:
        import oscrypto.tls
        return oscrypto.tls
    finally:
        re.search = search


tls = load()


@pytest.fixture
def session(pki):
    """What its sockets have in place of a context."""
    with open(pki.path('ca'), 'rb') as file:
        return tls.TLSSession(extra_trust_roots=[file.read()])


@pytest.fixture
def connect(session):
    """A function that verifies the server at a port, and leaves."""
    def run(port, name=u'localhost'):
        with contextlib.closing(connected(port)) as sock:
            tls.TLSSocket.wrap(sock, name, session).close()
    return run


@pytest.mark.parametrize('what', [io.BytesIO(), tls.TLSSocket(None, None), sys.stdin])
@cell('TLS in memory', 'no')
@cell('TLS in TLS', 'no')
@cell('TLS over pipes, on a loop', 'no')
def test_sockets_alone(what):
    """It takes sockets and nothing else, and its calls block."""
    with pytest.raises(TypeError) as info:
        tls.TLSSocket.wrap(what, u'localhost')
    assert 'must be an instance of socket.socket' in str(info.value)


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'no')
def test_contexts(pki):
    """It does not take them."""
    with pytest.raises(TypeError):
        tls.TLSSocket(None, None, session=pki.client_context())


@pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO[0] < 3 or ssl.OPENSSL_VERSION_INFO[3] < 10,
                    reason='OpenSSL 3.0.10 is the first')
def test_import(run_python):
    """As it is published it cannot be imported with OpenSSL 3.0.10 or later."""
    result = run_python('import oscrypto.tls', warnings='ignore')
    assert 1 == result.returncode
    assert 'Error detecting the version of libcrypto' in result.stderr


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(pki, session):
    """A socket that has been used in plaintext is wrapped."""
    with starttls_server(pki) as port, contextlib.closing(connected(port)) as sock:
        assert b'hello\n' == receive(sock, 6)
        sock.sendall(b'STARTTLS\n')
        secure = tls.TLSSocket.wrap(sock, u'localhost', session)
        secure.write(b'secret')
        assert b'secret' == secure.read_exactly(6)


@cell('a time limit for a client\'s handshake', 'yes')
def test_client_limit():
    """Its timeout ends a handshake, with the error of a peer that hangs up."""
    with silent() as port, pytest.raises(TLSDisconnectError):
        tls.TLSSocket(u'127.0.0.1', port, timeout=SHORT)


@cell('a time limit for a server\'s handshake', 'no servers')
def test_server_limit():
    """It has no servers."""
    assert {'parse_certificate', 'TLSSession', 'TLSSocket'} >= set(tls.__all__)


@cell('certificates for IP addresses', 'yes')
def test_addresses(connect, pki):
    """It takes one, and no certificate of another name."""
    asked(connect, pki, 'address')
    with pytest.raises(TLSVerificationError):
        asked(connect, pki, 'wrong')


@cell('names by RFC 9525: no `w*.example.org`', 'no')
def test_partial_wildcards(connect, pki):
    """It takes one, which RFC 9525 6.3 forbids."""
    asked(connect, pki, 'partial')


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.10' in classifiers('oscrypto')


@cell('pure Python, no binaries', 'yes')
def test_pure():
    """All that it needs is Python."""
    assert [] == [name for name in requirements('oscrypto') if not is_pure(name)]
