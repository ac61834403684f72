"""sslyze finds no weakness in a server of a default context: part of `make interop`."""
from __future__ import absolute_import, division, print_function

import os
import re
import ssl
import subprocess

import pytest

from sslproto27 import aio, create_default_context
from sslproto27.aio import From
from tests.support.aio_helpers import Echo

PYTHON = os.environ.get('SSLPROTO27_INTEROP_PYTHON', 'python3')
OLD = ['SSL 2.0', 'SSL 3.0', 'TLS 1.0', 'TLS 1.1']
SCANS = ['--sslv2', '--sslv3', '--tlsv1', '--tlsv1_1', '--tlsv1_2', '--tlsv1_3', '--reneg',
         '--heartbleed', '--robot', '--compression', '--openssl_ccs', '--fallback', '--ems',
         '--early_data']


@pytest.fixture
def report(aio_loop, serve, pki):
    """What sslyze says of our server."""
    if subprocess.call([PYTHON, '-c', 'import sslyze'], stderr=subprocess.PIPE):
        pytest.skip('sslyze is not here (%s cannot import it)' % PYTHON)
    aio_loop.set_exception_handler(lambda loop, context: None)  # sslyze breaks handshakes
    context = create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki.path('localhost'))
    port = serve(lambda: Echo(aio_loop), ssl=context)
    scan = subprocess.Popen(
        [PYTHON, '-m', 'sslyze', '--mozilla_config=disable'] + SCANS + ['127.0.0.1:%d' % port],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)

    @aio.coroutine
    def wait():
        while scan.poll() is None:
            yield From(aio.sleep(0.05))
    try:
        aio_loop.run_until_complete(aio.wait_for(wait(), 120))
        return scan.stdout.read()
    finally:
        if scan.poll() is None:
            scan.kill()
        scan.wait()
        scan.stdout.close()


def test_default_server(report):
    """
    Old versions are refused, TLS 1.2 has forward secrecy alone, and each known attack fails.
    """
    sections = dict(re.findall(r'(?ms)^ \* ([^\n]*):\s*\n(.*?)(?=^ \* |\Z)', report))
    refused = [name for name in OLD
               if 'rejected all cipher suites' in sections[name + ' Cipher Suites']]
    assert OLD == refused
    suites = re.findall(r'TLS_\w+', sections['TLS 1.2 Cipher Suites'])
    assert suites and [] == [one for one in suites if not one.startswith('TLS_ECDHE_')]
    assert 'TLS_AES_256_GCM_SHA384' in sections['TLS 1.3 Cipher Suites']
    for name, verdicts in (('Deflate Compression', 1), ('OpenSSL CCS Injection', 1),
                           ('Downgrade Attacks', 1), ('OpenSSL Heartbleed', 1),
                           ('ROBOT Attack', 1), ('Session Renegotiation', 2),
                           ('TLS Extended Master Secret Extension', 1)):
        assert verdicts == sections[name].count('OK - '), sections[name]
    assert 'Not Supported' in sections['TLS 1.3 Early Data']
    assert 'VULNERABLE -' not in report and 'FAILED' not in report
