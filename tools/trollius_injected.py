"""
A pytest plugin for Trollius' own tests. Each loop that they make with a selector becomes one of
ours, and Trollius' streams are mended, as after `sslproto27.trollius.install()`. If tests examine
parts of a loop or of a socket's transport with mocks, they get our parts too.
"""
from __future__ import absolute_import, division, print_function

import importlib
import os

import pytest
import trollius
import trustme
from trollius import selector_events, sslproto

import sslproto27.trollius
from sslproto27._aio.sockets import SocketTransport

_TEXT = 'compares a text; the error is of that class'
_MOCK_CONTEXT = 'a mock of a context: OpenSSL needs one'
_DEFAULTS = 'replaces ssl.create_default_context; ssl=True has the defaults of Python 3.13 here'
_READS = 'wants the error before what had arrived; ours hands that out first'

#: From the end of a test's name to the reason why the test cannot apply.
NOT_APPLICABLE = {
    'test_create_server_ssl_match_failed': _TEXT,
    'test_create_ssl_connection': _DEFAULTS,
    'test_create_ssl_unix_connection': _DEFAULTS,
    'BaseSelectorEventLoopTests::test_make_ssl_transport': _MOCK_CONTEXT,
    'BaseSelectorEventLoopTests::test_make_ssl_transport_without_ssl_error': _MOCK_CONTEXT,
    'BaseSelectorEventLoopTests::test_socketpair': 'of a class that ours is not: it has sockets',
    'StreamReaderTests::test_read_exception': _READS,
    'StreamReaderTests::test_readexactly_exception': _READS,
}
for _name in ('test_create_server_ssl_match_failed', 'test_create_ssl_connection',
              'test_create_ssl_unix_connection'):
    NOT_APPLICABLE[_name.replace('test_', 'test_legacy_', 1)] = NOT_APPLICABLE[_name]


def _renew_certificates(folder):
    """Replace the tests' certificates, which have expired, by new ones."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(os.path.join(folder, 'pycacert.pem'))
    signed = authority.issue_cert(u'localhost')
    signed.private_key_and_cert_chain_pem.write_to_path(os.path.join(folder, 'keycert3.pem'))
    other = trustme.CA().issue_cert(u'localhost')
    other.private_key_pem.write_to_path(os.path.join(folder, 'ssl_key.pem'))
    other.cert_chain_pems[0].write_to_path(os.path.join(folder, 'ssl_cert.pem'))


def pytest_configure(config):
    """Import the tests of parts of the loop and the transport with ours in place."""
    _renew_certificates('tests')
    trollius.SelectorEventLoop = sslproto27.trollius.SelectorEventLoop
    theirs = selector_events.BaseSelectorEventLoop, selector_events._SelectorSocketTransport
    selector_events.BaseSelectorEventLoop = sslproto27.trollius.SelectorEventLoop
    selector_events._SelectorSocketTransport = SocketTransport
    sslproto._is_sslproto_available = lambda: True  # otherwise tests of TLS are skipped
    try:
        importlib.import_module('test_selector_events')
    finally:
        selector_events.BaseSelectorEventLoop, selector_events._SelectorSocketTransport = theirs


def pytest_collection_modifyitems(items):
    """Skip tests that cannot apply, and print the reason."""
    for item in items:
        for name, reason in NOT_APPLICABLE.items():
            if item.nodeid.endswith('::' + name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def installed():
    """Put ours in place for each test, whatever the previous test did."""
    # The peers in these tests end without close_notify.
    sslproto27.trollius.install(suppress_ragged_eofs=True)
    yield
    sslproto27.trollius.uninstall()
