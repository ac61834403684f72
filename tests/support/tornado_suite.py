"""
Tornado's own tests of what can carry TLS, as they are, on our streams: a program.

    OPENSSL_CONF=... python -m tests.support.tornado_suite

It ends with what it has left out and why, what Tornado has skipped, and how many handshakes there
were. It fails if a test does, and if a socket of ssl's own has done any TLS.
"""
from __future__ import absolute_import, division, print_function

import importlib
import logging
import os
import ssl
import sys
import unittest

import tornado
from tornado import iostream

import sslproto27.tornado
from sslproto27 import SSLPipe

__all__ = ['CONFIGURATION', 'MODULES', 'NOT_AS_ROOT', 'left_out']

MODULES = ['iostream_test', 'tcpserver_test', 'tcpclient_test', 'httpserver_test',
           'simple_httpclient_test', 'websocket_test']

#: How often a test that failed is tried again. Some give a request a tenth of a second, and a busy
#: machine may need more.
ATTEMPTS = 5

#: OpenSSL 3 and Debian refuse Tornado's certificate, RSA of 1024 bits signed with SHA-1, and the
#: TLS 1.0 of one of its tests.
CONFIGURATION = """
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
"""
if tornado.version_info < (5,):
    # Its tests are older than TLS 1.3: they take the server's handshake to be done when the
    # client's is.
    CONFIGURATION += 'MaxProtocol = TLSv1.2\n'


#: By test, why it cannot pass where root runs it, whoever carries the TLS.
NOT_AS_ROOT = {
    'tcpclient_test.TCPClientTest.test_source_port_fail':
        'it wants a bind to port 1 to be refused, which root is not; plain TCP',
}


def left_out():
    """Return what cannot pass here: a dict from test to reason."""
    return NOT_AS_ROOT if hasattr(os, 'geteuid') and os.geteuid() == 0 else {}


def tests_in(suite):
    """Yield each test of a suite of suites."""
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            for test in tests_in(one):
                yield test
        else:
            yield one


def chosen():
    """Return a suite of all tests but those that are left out."""
    suite = unittest.TestSuite()
    for name in MODULES:
        module = importlib.import_module('tornado.test.' + name)
        for test in tests_in(unittest.defaultTestLoader.loadTestsFromModule(module)):
            if test.id().replace('tornado.test.', '') not in left_out():
                suite.addTest(test)
    return suite


def count_calls(cls, name):
    """Return a list that grows with each call of a method."""
    original, calls = getattr(cls, name), []

    def method(self, *args, **kwargs):
        calls.append(name)
        return original(self, *args, **kwargs)
    setattr(cls, name, method)
    return calls


def again(result):
    """Return a suite of the tests that failed."""
    names = [test.id() for test, _ in result.failures + result.errors]
    print('once more: %s' % ', '.join(names))
    return unittest.defaultTestLoader.loadTestsFromNames(names)


def main():
    """Run all; return the exit status."""
    theirs = [count_calls(ssl.SSLSocket, name) for name in (
        'do_handshake', 'read', 'write', 'send', 'recv', 'recv_into')]
    theirs.append(count_calls(iostream.SSLIOStream, '_do_ssl_handshake'))
    ours = count_calls(SSLPipe, 'do_handshake')
    sslproto27.tornado.install()
    # Tornado's tests look for what is logged.
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().addHandler(logging.NullHandler())
    runner = unittest.TextTestRunner(stream=sys.stdout)
    result = last = runner.run(chosen())
    for _ in range(ATTEMPTS):
        if last.wasSuccessful():
            break
        last = runner.run(again(last))
    for test, reason in sorted(left_out().items()):
        print('left out: %s: %s' % (test, reason))
    for test, reason in result.skipped:
        print('skipped by Tornado: %s: %s' % (test.id(), reason))
    stolen = sum(map(len, theirs))
    print('%d handshakes of our streams, %d uses of TLS that is not ours' % (len(ours), stolen))
    return 0 if last.wasSuccessful() and ours and not stolen else 1


if __name__ == '__main__':
    sys.exit(main())
