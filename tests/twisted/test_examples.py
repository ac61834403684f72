"""The examples for Twisted run as they are written; pyOpenSSL and ours are neighbours."""
from __future__ import absolute_import, division, print_function

import os
import socket

import pytest

from tests.support import twisteds  # noqa: F401: skips where there is no Twisted
from tests.support.programs import ROOT, finish, running

QUIET = ['-W', 'ignore']


def example(name):
    """Return the path of an example."""
    return os.path.join(ROOT, 'examples', name)


def test_echo(pki):
    """The echo server answers a client that is not of this library."""
    with running(QUIET + [example('twisted_echo_server.py'), pki.path('localhost'),
                          '0']) as process:
        port = int(process.stdout.readline().split()[-1])
        sock = pki.client_context().wrap_socket(
            socket.create_connection(('127.0.0.1', port), timeout=20), server_hostname='localhost')
        sock.sendall(b'a message')
        assert b'a message' == sock.recv(100)
        sock.close()


_SITE = """
import sys
from twisted.internet import endpoints, reactor
from twisted.web import server, static
from sslproto27.twisted import TLSServerEndpoint
from tests.support.pki import PKI
below = endpoints.TCP4ServerEndpoint(reactor, 0, interface='127.0.0.1')
page = static.Data(b'Hello\\n', 'text/plain')
page.isLeaf = True
site = server.Site(page)
def listening(port):
    print(port.getHost().port)
    sys.stdout.flush()
TLSServerEndpoint(below, PKI(sys.argv[1]).server_context()).listen(site).addCallback(listening)
reactor.run()
"""


def test_https_client(pki):
    """The HTTPS client prints what a server has, and fails where it does not trust it."""
    with running(QUIET + ['-c', _SITE, pki.directory]) as process:
        port = process.stdout.readline().strip()
        arguments = QUIET + [example('twisted_https_client.py'), pki.path('ca'),
                             'https://localhost:%s/' % port]
        assert (0, '200 OK\nHello\n', '') == finish(arguments)
        arguments[-2] = pki.path('stranger-ca')
        status, _, stderr = finish(arguments)
        assert status == 1
        assert 'CERTIFICATE_VERIFY_FAILED' in stderr


@pytest.mark.parametrize('name', ['twisted_echo_server.py', 'twisted_https_client.py'])
def test_usage(name):
    """Without arguments an example says how it is called."""
    status, _, stderr = finish(QUIET + [example(name)])
    assert 1 == status
    assert 'Usage: ' + name in stderr


_WITHOUT = """
import sys
sys.modules['OpenSSL'] = None
import twisted.internet.endpoints, twisted.web.client, sslproto27.twisted
sslproto27.twisted.install()
from twisted.internet import reactor
sslproto27.twisted.TLSClientEndpoint, reactor.connectSSL
try:
    import twisted.internet.ssl
except ImportError:
    print('without')
"""


def test_without_pyopenssl(run_python):
    """All of it is there in a process that cannot import pyOpenSSL."""
    assert (0, 'without\n', '') == run_python(_WITHOUT, warnings='ignore')


_BOTH = """
import sys
from twisted.internet import defer, endpoints, protocol, reactor, ssl, task
import sslproto27.twisted
from sslproto27.twisted import TLSClientEndpoint, TLSServerEndpoint
from tests.support.pki import PKI
sslproto27.twisted.install()
pki = PKI(sys.argv[1])
trust = ssl.Certificate.loadPEM(pki.text('ca'))
theirs = ssl.PrivateCertificate.loadPEM(pki.text('localhost')).options()

class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)
        if data == b'x' * 5:
            self.transport.loseConnection()

class Client(protocol.Protocol):
    def connectionMade(self):
        self.data = b''
        self.done = defer.Deferred()
        self.transport.write(b'y' * 300000)

    def dataReceived(self, data):
        self.data += data
        if len(self.data) == 300000:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.done.callback((reason.type.__name__, len(self.data)))

@defer.inlineCallbacks
def main(reactor):
    echo = protocol.Factory.forProtocol(Echo)
    below = endpoints.TCP4ServerEndpoint(reactor, 0, interface='127.0.0.1')
    ours = yield TLSServerEndpoint(below, pki.server_context()).listen(echo)
    other = reactor.listenSSL(0, echo, theirs, interface='127.0.0.1')
    for port in (ours, other):
        below = endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', port.getHost().port)
        for endpoint in (
                TLSClientEndpoint(below, pki.client_context(), 'localhost'),
                endpoints.wrapClientTLS(ssl.optionsForClientTLS(u'localhost', trust), below)):
            client = yield endpoint.connect(protocol.Factory.forProtocol(Client))
            result = yield client.done
            print(*result)

task.react(main)
"""


def test_beside_pyopenssl(run_python):
    """In one process both live side by side, with install() in force, and talk to each other."""
    pytest.importorskip('OpenSSL', reason='pyOpenSSL is not installed here')
    pytest.importorskip('service_identity', reason='Twisted needs it to verify names by pyOpenSSL')
    assert (0, 'ConnectionDone 300000\n' * 4, '') == run_python(
        'from __future__ import print_function\n' + _BOTH, warnings='ignore')
