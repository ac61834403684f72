"""What the README says of urllib3 1.26 by itself: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib

import pytest
import urllib3
from urllib3.util import ssltransport

from tests.comparison.contract import (
    NAMES, SHORT, asked, cell, classifiers, greeter, is_pure, requirements, silent)


@pytest.fixture
def get(pki):
    """A function that asks the server at a port for its page."""
    def run(port, name=u'localhost', host='127.0.0.1', **kwargs):
        options = dict(assert_hostname=name, server_hostname=name, ca_certs=pki.path('ca'),
                       retries=False, timeout=20)
        options.update(kwargs)
        with contextlib.closing(urllib3.HTTPSConnectionPool(host, port, **options)) as pool:
            return pool.request('GET', '/').data
    return run


@cell('TLS in memory', 'no')
def test_memory(pki):
    """What it has for that needs memory BIOs, which 2.7 lacks."""
    with pytest.raises(AttributeError) as info:
        ssltransport.SSLTransport(None, pki.client_context())
    assert 'MemoryBIO' in str(info.value)


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'yes')
def test_contexts(get, pki):
    """It takes them."""
    with greeter(pki) as port:
        assert b'hello' == get(port, ssl_context=pki.client_context())


@cell('TLS in TLS', 'no')
def test_tls_in_tls():
    """It refuses to go to an HTTPS server through an HTTPS proxy."""
    with pytest.raises(urllib3.exceptions.ProxySchemeUnsupported):
        urllib3.ProxyManager('https://localhost:1').request(
            'GET', 'https://localhost:2/', retries=False)


@cell('a time limit for a client\'s handshake', 'yes')
def test_client_limit(get):
    """Its timeouts hold for handshakes."""
    with silent() as port, pytest.raises(urllib3.exceptions.HTTPError) as info:
        get(port, timeout=SHORT)
    assert 'timed out' in str(info.value)


@cell('certificates for IP addresses', 'by ipaddress')
def test_addresses(run_python, pki):
    """It takes one where the package ipaddress is installed, and none without."""
    leaf, name = NAMES['address']
    script = '''
import sys
if %r:
    sys.modules['ipaddress'] = None
import urllib3
urllib3.HTTPSConnectionPool(%r, %r, ca_certs=%r, retries=False).request('GET', '/')
'''
    with greeter(pki, leaf) as port:
        with_it, without = [run_python(script % (missing, str(name), port, pki.path('ca')),
                                       warnings='ignore') for missing in (False, True)]
    assert (0, '', '') == with_it
    assert 1 == without.returncode
    assert "doesn't match '127.0.0.1'" in without.stderr.splitlines()[-1]


@cell('names by RFC 9525: no `w*.example.org`', 'no')
def test_partial_wildcards(get, pki):
    """It takes one, which RFC 9525 6.3 forbids."""
    assert b'hello' == asked(get, pki, 'partial')
    with pytest.raises(urllib3.exceptions.SSLError):
        asked(get, pki, 'wrong')


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.13' in classifiers('urllib3')


@cell('pure Python, no binaries', 'yes')
def test_pure():
    """All that it needs is Python."""
    assert [] == [name for name in requirements('urllib3') if not is_pure(name)]


@cell('python.org\'s builds for Windows and macOS', 'yes')
def test_windows():
    """It says that it is for any system, and brings nothing that would not be."""
    assert ['OS Independent'] == classifiers('urllib3', 'Operating System')
