"""ssl_options: contexts, dicts, and Tornado's own defaults."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from tests.support.tornados import netutil

from sslproto27.tornado._settings import context_of


@pytest.mark.parametrize('server_side', [True, False])
def test_context(pki, server_side):
    """A context is used as it is."""
    context = pki.client_context()
    context.check_hostname = False
    assert context is context_of(context, server_side, 'localhost')
    assert not context.check_hostname


def test_none():
    """None means Tornado's own contexts, for either side."""
    assert netutil._client_ssl_defaults is context_of(None, False, 'localhost')
    assert netutil._server_ssl_defaults is context_of(None, True)


@pytest.mark.parametrize('server_side, name, reqs, checked', [
    (False, 'localhost', ssl.CERT_REQUIRED, True), (False, None, ssl.CERT_REQUIRED, False),
    (False, 'localhost', ssl.CERT_NONE, False), (True, 'localhost', ssl.CERT_REQUIRED, False)])
def test_dict(pki, server_side, name, reqs, checked):
    """A dict becomes a context; a client's that verifies checks the name, too."""
    context = context_of(dict(cert_reqs=reqs, ca_certs=pki.path('ca')), server_side, name)
    assert (reqs, checked) == (context.verify_mode, context.check_hostname)
    assert 1 == len(context.get_ca_certs())


@pytest.mark.parametrize('wrong', ['context', 5, [], ssl.SSLContext], ids=repr)
def test_wrong(wrong):
    """What is neither is a TypeError that names the argument and the kind."""
    with pytest.raises(TypeError) as info:
        context_of(wrong, False)
    assert 'ssl_options must be' in str(info.value) and type(wrong).__name__ in str(info.value)
