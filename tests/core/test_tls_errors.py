"""Errors that OpenSSL has not raised have what ssl's own have."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLCertVerificationError
from sslproto27._core import tls_errors
from tests.support.memory import Endpoint, Pair, error_facts, knows_openssl_3, raised


def facts(error):
    """Return what a program looks at, but the text."""
    return type(error), error.errno, error.args[0], error.library, error.reason


def test_want_read(client_context):
    """An error of a call that waits has the facts of ssl's."""
    assert facts(raised(Endpoint.wrap(client_context).sslobj.do_handshake)) == facts(
        tls_errors.want_read())


def test_want_write():
    """One that waits until data has been sent says so by its class and number."""
    error = tls_errors.want_write()
    assert (ssl.SSLWantWriteError, ssl.SSL_ERROR_WANT_WRITE, None, None) == error_facts(error)


@knows_openssl_3
def test_ragged_eof(pair):
    """An EOF has the facts that it has where OpenSSL itself has met it."""
    pair.server_end.incoming.write_eof()
    assert facts(raised(pair.server.read)) == facts(tls_errors.ragged_eof())


@pytest.mark.parametrize('name, is_address', [('other.example', False), ('127.0.0.9', True)])
def test_name_error(pki, name, is_address, tls_version):
    """A wrong name has the facts and the texts of OpenSSL's own check."""
    theirs = Pair(pki.client_context(tls_version), pki.server_context(version=tls_version),
                  server_hostname=name).try_handshake()[0]
    ours = tls_errors.name_error(SSLCertVerificationError, name, is_address)
    assert facts(theirs) == facts(ours)
    assert (theirs.verify_code, theirs.verify_message) == (ours.verify_code, ours.verify_message)
    assert str(theirs).split(' (_ssl')[0] == str(ours).split(' (_ssl')[0]


def test_tls_error():
    """Unless they are given, an error has neither a library nor a reason, and is a plain one."""
    error = tls_errors.tls_error('broken')
    assert (ssl.SSLError, ssl.SSL_ERROR_SSL, None, None) == error_facts(error)
    assert 'broken' in str(error)
    error = tls_errors.tls_error('gone', ssl.SSLEOFError, ssl.SSL_ERROR_EOF, 'SSL', 'GONE')
    assert (ssl.SSLEOFError, ssl.SSL_ERROR_EOF, 'SSL', 'GONE') == error_facts(error)
