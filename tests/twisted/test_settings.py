"""The TLS settings of one endpoint: what they may be."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27.twisted import TLSClientEndpoint, TLSServerEndpoint
from tests.support.twisteds import loopback


@pytest.mark.parametrize('options, kind', [
    (dict(handshakeTimeout=0), ValueError), (dict(handshakeTimeout='1'), TypeError),
    (dict(shutdownTimeout=-1), ValueError), (dict(unknown=1), TypeError),
    (dict(handshakeLimit=0), ValueError), (dict(handshakeLimit=1.5), TypeError)])
def test_bad_options(pki, options, kind):
    """An option that cannot be used is an error that names it."""
    with pytest.raises(kind) as info:
        TLSServerEndpoint(loopback(), pki.server_context(), **options)
    assert list(options)[0] in str(info.value)


@pytest.mark.parametrize('context', [None, 'context', object()])
def test_no_context(context):
    """What is no ssl.SSLContext is a TypeError."""
    with pytest.raises(TypeError) as info:
        TLSServerEndpoint(loopback(), context)
    assert 'context must be an ssl.SSLContext' in str(info.value)


def test_pyopenssl_context():
    """A context factory for pyOpenSSL is a TypeError that says what to pass."""
    class Factory(object):
        def getContext(self):
            raise AssertionError('not wanted')
    with pytest.raises(TypeError) as info:
        TLSClientEndpoint(loopback(port=1), Factory(), 'localhost')
    assert 'ssl.create_default_context()' in str(info.value)
    assert 'pyOpenSSL' in str(info.value)
