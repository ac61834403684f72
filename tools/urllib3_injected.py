"""
A pytest plugin for urllib3's own tests on Python 2. It injects sslproto27, and also runs the tests
that need Python 3 in stock urllib3, because of TLS in TLS.
"""
from __future__ import absolute_import, division, print_function

import importlib
import ssl
import sys

import pytest

import sslproto27
import sslproto27.urllib3

MODULES = ['test.test_ssltransport'] + ['test.with_dummyserver.' + name for name in (
    'test_proxy_poolmanager', 'test_https', 'test_socketlevel')]

#: Modules that the tests import themselves, and that must not believe that this is Python 3.
_BEFORE = ['dummyserver.server', 'dummyserver.testcase', 'mock', 'trustme', 'tornado.testing',
           'test', 'test.with_dummyserver', 'urllib3.contrib', 'urllib3.util.ssltransport']

#: From the end of a test's name to the reason why the test cannot apply.
_FILES = "Python 2's files of sockets have neither text, nor readinto, nor a parameter buffering"
_MOCK = 'a mock of a context: OpenSSL needs one'
_LONG = 'takes 40 s for 2 GiB; another variant of it is run'
_BEYOND = 'connects to 240.0.0.0, which is beyond this machine'
NOT_APPLICABLE = {
    'test_start_closed_socket': 'a context that checks names is refused before there is a name',
    'test_close_after_handshake': 'on Python 2 a socket.error is no OSError',
    'test_unbuffered_text_makefile': _FILES,
    'test_tls_in_tls_makefile_raw_rw_binary[None]': _FILES,
    'test_tls_in_tls_makefile_raw_rw_binary[0]': _FILES,
    'test_tls_in_tls_makefile_rw_text': _FILES,
    'test_wrong_sni_hint': 'compares classes; ours derives from both that are allowed',
    'test_tls_in_tls_recv_into_unbuffered': 'recv_into without a buffer, which no socket takes',
    'TestSSLTransportWithMock::test_constructor_params': _MOCK,
    'test_ssl_custom_validation_failure_terminates':
        'wants a reset; ours, which has read all there was, ends the connection by EOF',
    'test_requesting_large_resources_via_ssl[False-None]': _LONG,
    'test_requesting_large_resources_via_ssl[True-None]': _LONG,
    'test_ssl_load_default_certs_when_empty': _MOCK,
    'test_ssl_dont_load_default_certs_when_given': _MOCK,
    'TestHTTPProxyManager::test_https_proxy_not_supported': 'wants it to be refused',
    'test_tunneling_proxy_request_timeout[http-https]': _BEYOND,
    'test_tunneling_proxy_request_timeout[https-https]': _BEYOND,
    'test_forwarding_proxy_connect_timeout[http-http-False]': _BEYOND,
    'test_forwarding_proxy_connect_timeout[https-http-False]': _BEYOND,
    'test_forwarding_proxy_connect_timeout[https-https-True]': _BEYOND,
    'test_tunneling_proxy_connect_timeout[http-https]': _BEYOND,
    'test_tunneling_proxy_connect_timeout[https-https]': _BEYOND,
}


class _SaysPython3(object):
    """The module sys, except for its version."""

    version_info = (3, 7, 0, 'final', 0)

    def __getattr__(self, name):
        return getattr(sys, name)


def _give_sockets_with():
    """Allow Python 2's sockets, which the tests' servers use, in with statements."""
    ssl.SSLSocket.__enter__ = lambda self: self
    ssl.SSLSocket.__exit__ = lambda self, *exc_info: self.close()


def pytest_configure(config):
    """Inject, and import the tests so that they do not see Python 2."""
    for name in _BEFORE:
        importlib.import_module(name)
    _give_sockets_with()
    sslproto27.install()
    sslproto27.urllib3.inject_into_urllib3()
    sys.modules['test'].onlyPy3 = lambda test: test
    true_sys, sys.modules['sys'] = sys.modules['sys'], _SaysPython3()
    try:
        for name in MODULES:
            importlib.import_module(name)
    finally:
        sys.modules['sys'] = true_sys


def pytest_collection_modifyitems(items):
    """Skip tests that cannot apply, and print the reason."""
    for item in items:
        for name, reason in NOT_APPLICABLE.items():
            if item.nodeid.endswith(name):
                item.add_marker(pytest.mark.skip(reason=reason))
