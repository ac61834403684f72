"""Which engine the tests run on, and which of them may need what the pair engine cannot do."""
from __future__ import absolute_import, division, print_function

import re

import pytest

from sslproto27._core.compat import PY2, PYPY
from sslproto27._core.engine import NAME
from sslproto27._core.pair.limits import LIMITS, Limit, cannot

__all__ = ['ENGINE', 'OTHER_LIBRARY', 'is_allowed', 'not_in_pair', 'only_cpython2', 'only_graft',
           'pass_on']

ENGINE = NAME

#: For tests of the graft's own way of doing things.
only_graft = pytest.mark.skipif(
    ENGINE == 'pair', reason="this is about the graft, which calls OpenSSL's functions itself")

#: For tests of how CPython 2.7 reaches OpenSSL.
only_cpython2 = pytest.mark.skipif(not PY2 or PYPY, reason='only CPython 2.7 uses ctypes here')

#: A library that is there and has nothing of OpenSSL.
OTHER_LIBRARY = '''
from __future__ import print_function
try:
    import _pypy_openssl as extension
    other = 'libc.so.6'
except ImportError:
    import _ctypes, _ssl as extension
    other = _ctypes.__file__
'''


def not_in_pair(name):
    """Return a mark for tests of *name*, one of `LIMITS`: skip with the engine's own reason."""
    return pytest.mark.skipif(ENGINE == 'pair', reason=str(cannot(name)))


#: By what the pair engine cannot do, the test files some of whose tests are about just that. Any
#: other test that meets it has failed.
_ALLOWED = {
    'verify_client_post_handshake':
        'core/context/settings core/context/sslcontext core/post_handshake',
    "channel binding 'tls-exporter'": 'core/channel_binding core/leaks core/real_peers',
    "channel binding 'tls-server-end-point' of a server": 'core/channel_binding',
    'get_ciphers': 'core/context/settings core/context/sslcontext pep543/names',
    'get_unverified_chain': 'core/certificate core/sslobject',
    'get_verified_chain': 'core/certificate core/sslobject',
    'keylog_filename': 'cli/contexts core/context/callbacks core/context/sslcontext',
    'load_cert_chain_pem':
        'core/context/callbacks core/context/credentials core/errors core/leaks '
        'project/documentation',
    'num_tickets': 'core/context/settings core/context/sslcontext hostile/loops',
    'post_handshake_auth': 'core/context/settings core/post_handshake',
    'security_level': 'core/context/settings',
    'by_server_name with contexts that verify clients': 'core/context/by_server_name',
    'by_server_name with contexts of other verify modes, flags or versions':
        'core/context/by_server_name',
    'session':
        'aio/loop cli/addresses cli/connect cli/proxy cli/sessions core/channel_binding '
        'core/checking core/engine/lifetime core/leaks core/real_peers core/session '
        'core/session_pem core/socket core/sslobject core/unique core/wrap_bio sockets/sockets '
        'stream/protocol stream/transport tornado/servers tornado/socket tornado/stream '
        'twisted/protocol',
    'session_reused of a server': 'core/pipe core/session core/sslobject tornado/stream',
    'session_ticket_keys':
        'cli/proxy core/context/callbacks core/context/registry project/documentation',
    'set_ciphersuites': 'core/context/settings pep543/plan project/documentation',
    'set_psk_client_callback':
        'core/channel_binding core/context/callbacks core/context/registry project/documentation',
    'set_psk_server_callback': 'core/context/callbacks core/context/registry',
    'shared_ciphers': 'core/engine/lifetime core/sslobject',
    'verify_code':
        'core/context/certificates core/context/credentials core/errors core/hostname '
        'pep543/buffer stream/protocol stream/transport',
    'verify_message': 'core/errors',
}


def is_allowed(excinfo, item):
    """Return whether a test has failed because of a limit that it is about (bool)."""
    if not isinstance(excinfo.value, Limit):
        return False
    file = item.module.__name__[len('tests.'):].replace('.test_', '/').replace('.', '/')
    return file in _ALLOWED.get(excinfo.value.name, '').split()


def pass_on(text):
    """Raise the `Limit` that a child process, which printed *text*, has met; return *text*."""
    found = re.search('the pair engine of sslproto27 has no (.*?): ', text)
    if found and found.group(1) in LIMITS:
        raise cannot(found.group(1))
    return text
