"""Settings of contexts on the pair engine."""
from __future__ import absolute_import, division, print_function

import os
import ssl

import pytest

from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import PYPY

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.pair import settings  # noqa: E402
from sslproto27._core.pair.limits import LIMITS  # noqa: E402
from tests.support.pair_engine import refused  # noqa: E402


@pytest.mark.parametrize('name, use', [
    ('session_ticket_keys', lambda made: settings.set_session_ticket_keys(made, [b'k' * 80])),
    ('num_tickets', settings.get_num_tickets),
    ('num_tickets', lambda made: settings.set_num_tickets(made, 1)),
    ('set_psk_client_callback',
     lambda made: settings.set_psk_client_callback(made, lambda hint: (u'me', b'k'))),
    ('set_psk_server_callback',
     lambda made: settings.set_psk_server_callback(made, lambda identity: b'k')),
    ('keylog_filename', lambda made: settings.set_keylog_filename(made, os.devnull)),
    pytest.param('post_handshake_auth',
                 lambda made: settings.set_post_handshake_auth(made, True),
                 marks=pytest.mark.skipif(PYPY, reason="PyPy's own ssl can offer it")),
    ('set_ciphersuites',
     lambda made: settings.set_ciphersuites(made, 'TLS_AES_128_GCM_SHA256')),
    ('get_ciphers', settings.get_ciphers),
    ('security_level', settings.get_security_level),
    ('load_cert_chain_pem', lambda made: settings.load_cert_chain_pem(made, b'')),
])
def test_contexts(name, use):
    """What a context cannot be told is refused, with its name and the reason."""
    error = refused(use, ssl.SSLContext(ssl.PROTOCOL_SSLv23))
    assert isinstance(error, NotImplementedError)
    assert (name, True, True) == (
        error.name, 'pair engine' in str(error), LIMITS[name] in str(error))


@pytest.mark.parametrize('name, value', [
    ('session_ticket_keys', None), ('session_ticket_keys', b'k' * 80),
    ('session_ticket_keys', [5]), ('keylog_filename', 5)])
def test_types(name, value):
    """What is no value of a setting at all is a TypeError, as elsewhere."""
    context = settings.NativeContext(ssl.PROTOCOL_SSLv23)
    assert TypeError is type(raised(getattr(settings, 'set_' + name), context, value))
