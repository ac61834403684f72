"""Which engine the tests run on, and which of them may need what the pair engine cannot do."""
from __future__ import absolute_import, division, print_function

import re

import pytest

from sslproto27._core.engine import NAME
from sslproto27._core.pair.limits import LIMITS, Limit, cannot

__all__ = ['ENGINE', 'is_allowed', 'only_graft', 'pass_on']

ENGINE = NAME

#: For tests of the graft's own way of doing things.
only_graft = pytest.mark.skipif(
    ENGINE == 'pair', reason="this is about the graft, which calls OpenSSL's functions itself")

#: By what the pair engine cannot do, the test files some of whose tests are about just that. Any
#: other test that meets it has failed.
_ALLOWED = {
    'verify_client_post_handshake': 'post_handshake',
    "channel binding 'tls-exporter'": 'channel_binding leaks real_peers',
    "channel binding 'tls-server-end-point' of a server": 'channel_binding',
    'get_ciphers': 'context pep543_configuration',
    'get_unverified_chain': 'sslobject',
    'get_verified_chain': 'sslobject',
    'keylog_filename': 'context context_callbacks',
    'load_cert_chain_pem': 'context_callbacks credentials documentation errors leaks',
    'num_tickets': 'context hostile_loops',
    'post_handshake_auth': 'context post_handshake',
    'security_level': 'context',
    'by_server_name with contexts that verify clients': 'by_name',
    'by_server_name with contexts of other verify modes, flags or versions': 'by_name',
    'session':
        'aio channel_binding cli_addresses cli_connect cli_proxy cli_sessions leaks lifetime '
        'protocol real_peers servername session session_pem socket sslobject tornado_servers '
        'tornado_stream unique wrap_bio',
    'session_reused of a server': 'pipe session sslobject tornado_stream',
    'session_ticket_keys': 'context_callbacks documentation',
    'set_ciphersuites': 'context documentation pep543_buffer',
    'set_psk_client_callback': 'channel_binding context_callbacks documentation',
    'set_psk_server_callback': 'context_callbacks',
    'shared_ciphers': 'lifetime sslobject',
    'verify_code': 'certificates credentials errors hostname pep543_buffer protocol',
    'verify_message': 'errors',
}


def is_allowed(excinfo, item):
    """Return whether a test has failed because of a limit that it is about (bool)."""
    if not isinstance(excinfo.value, Limit):
        return False
    return item.module.__name__[len('test_'):] in _ALLOWED.get(excinfo.value.name, '').split()


def pass_on(text):
    """Raise the `Limit` that a child process, which printed *text*, has met; return *text*."""
    found = re.search('the pair engine of sslproto27 has no (.*?): ', text)
    if found and found.group(1) in LIMITS:
        raise cannot(found.group(1))
    return text
