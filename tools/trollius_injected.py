"""
A plugin of pytest for Trollius' own tests: every loop that they make with a selector is one of ours,
and Trollius' streams are mended, as after `sslproto27.trollius.install()`.
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

NOT_APPLICABLE = {}


def _renew_certificates(folder):
    """Write new certificates over those of the tests, which have expired."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(os.path.join(folder, 'pycacert.pem'))
    for certificate, key in (('keycert3.pem', 'keycert3.pem'), ('ssl_cert.pem', 'ssl_key.pem')):
        made = (authority if certificate == 'keycert3.pem' else trustme.CA()).issue_cert(u'localhost')
        made.private_key_pem.write_to_path(os.path.join(folder, key))
        for pem in made.cert_chain_pems:
            pem.write_to_path(os.path.join(folder, certificate), append=certificate == key)


def pytest_configure(config):
    """Install, and import the tests of the loop's and the transport's parts with ours in place."""
    _renew_certificates('tests')
    # Peers of these tests end without close_notify.
    sslproto27.trollius.install(suppress_ragged_eofs=True)
    trollius.SelectorEventLoop = sslproto27.trollius.SelectorEventLoop
    sslproto._is_sslproto_available = lambda: True  # so that no test of TLS is skipped
    theirs = selector_events.BaseSelectorEventLoop, selector_events._SelectorSocketTransport
    selector_events.BaseSelectorEventLoop = sslproto27.trollius.SelectorEventLoop
    selector_events._SelectorSocketTransport = SocketTransport
    try:
        importlib.import_module('test_selector_events')
    finally:
        selector_events.BaseSelectorEventLoop, selector_events._SelectorSocketTransport = theirs


def pytest_collection_modifyitems(items):
    """Skip what cannot apply, and say why."""
    for item in items:
        for name, reason in NOT_APPLICABLE.items():
            if item.nodeid.endswith(name):
                item.add_marker(pytest.mark.skip(reason=reason))
