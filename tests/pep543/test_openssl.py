"""The backend on the interpreter's own ssl."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import pep543
from sslproto27.pep543 import BACKEND, Backend, NextProtocol, TLSConfiguration, TLSError
from tests.support.memory import raised


def test_no_alpn(monkeypatch):
    """Where ssl has no ALPN, as with OpenSSL 1.0.1, no context is made that would need it."""
    def missing(context, protocols):
        raise NotImplementedError('ALPN support requires OpenSSL 1.0.2 or later')
    monkeypatch.setattr(ssl.SSLContext, 'set_alpn_protocols', missing)
    configuration = TLSConfiguration(inner_protocols=[NextProtocol.H2])
    assert 'ALPN' in str(raised(BACKEND.client_context, configuration))
    pytest.raises(TLSError, BACKEND.client_context, configuration)


def test_backend():
    """A backend has the PEP's five, and each is one of its interface."""
    assert ('client_context', 'server_context', 'certificate', 'private_key',
            'trust_store') == Backend._fields
    assert isinstance(BACKEND, Backend)
    interfaces = (pep543.ClientContext, pep543.ServerContext, pep543.Certificate,
                  pep543.PrivateKey, pep543.TrustStore)
    assert [True] * 5 == [issubclass(*both) for both in zip(BACKEND, interfaces)]
