"""What the README says of Twisted 20.3 with pyOpenSSL: `make comparison`."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.comparison.contract import (
    NAMES, SHORT, cell, classifiers, greeter, is_pure, nested_server, requirements, silent,
    starttls_server)

#: What the programs below begin and end with: a reactor runs once in a process.
BEGIN = '''
import sys
from twisted.internet import defer, endpoints, interfaces, protocol, reactor, ssl, task
from twisted.protocols import policies, tls
from zope.interface import implementer
from tests.support.pki import PKI

PKI = PKI(sys.argv[1])
TRUST = ssl.Certificate.loadPEM(PKI.text('ca'))
SERVER = ssl.PrivateCertificate.loadPEM(PKI.text('localhost')).options()

def options(name=u'localhost'):
    return ssl.optionsForClientTLS(name, TRUST)

@implementer(interfaces.IHandshakeListener)
class Client(protocol.Protocol):
    """Says when it has shaken hands, and how it ended if names are why."""

    def __init__(self):
        self.ended = defer.Deferred()

    def handshakeCompleted(self):
        print('handshake')
        self.transport.loseConnection()

    def connectionLost(self, reason):
        # Any other end is one: a reset or not is chance.
        refused = reason.type.__name__ == 'VerificationError'
        self.ended.callback(reason.type.__name__ if refused else 'ended')

def connect(port, client):
    endpoint = endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', port)
    return endpoints.connectProtocol(endpoint, client).addCallback(lambda client: client.ended)
'''

END = '''
task.react(lambda reactor: main().addCallback(print_it))
'''


@pytest.fixture
def twisted(run_python):
    """A function that runs a program whose main() returns a Deferred; returns what it prints."""
    def run(source):
        status, stdout, stderr = run_python(
            'from __future__ import print_function\n' + BEGIN + source + '\nprint_it = print\n'
            + END, warnings='ignore')
        assert (0, '') == (status, stderr)
        return stdout
    return run


def handshake(name, port):
    """Return the program that verifies the server at a port."""
    return '''
def main():
    over = endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', %d)
    return endpoints.connectProtocol(
        endpoints.wrapClientTLS(options(%r), over), Client()).addCallback(lambda one: one.ended)
''' % (port, name)


@cell('TLS in memory', 'yes')
def test_memory(run_python):
    """Its TLS is a protocol over any transport."""
    assert (0, 'TLSv1.3\n', '') == run_python(BEGIN + '''
from twisted.test import iosim
client, server, pump = iosim.connectedServerAndClient(
    lambda: tls.TLSMemoryBIOFactory(
        SERVER, False, protocol.Factory.forProtocol(protocol.Protocol)).buildProtocol(None),
    lambda: tls.TLSMemoryBIOFactory(
        options(), True, protocol.Factory.forProtocol(protocol.Protocol)).buildProtocol(None),
    greet=False)
pump.flush()
print(client.getHandle().get_protocol_version_name())
''', warnings='ignore')


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'no')
def test_contexts(run_python):
    """It takes those of pyOpenSSL."""
    status, _, stderr = run_python(BEGIN + '''
import ssl
factory = tls.TLSMemoryBIOFactory(ssl.create_default_context(), True,
                                  protocol.Factory.forProtocol(protocol.Protocol))
factory.buildProtocol(None).makeConnection(None)
''', warnings='ignore')
    assert 1 == status
    assert stderr.splitlines()[-1].startswith('AttributeError: ')


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(twisted, pki):
    """A TCP transport starts TLS at any time."""
    with starttls_server(pki) as port:
        assert 'handshake\nsecret\nended\n' == twisted('''
class Upgrading(Client):
    def dataReceived(self, data):
        if data == b'hello\\n':
            self.transport.write(b'STARTTLS\\n')
            self.transport.startTLS(options())
            self.transport.write(b'secret')
        else:
            print(data)
            self.transport.loseConnection()

    def handshakeCompleted(self):
        print('handshake')

def main():
    return connect(%d, Upgrading())
''' % port)


@cell('TLS in TLS', 'yes')
def test_tls_in_tls(twisted, pki):
    """Its TLS goes over its TLS."""
    import sslproto27
    with nested_server(pki, lambda sock, context: sslproto27.SSLSocket(
            sock, context, server_side=True)) as port:
        assert 'handshake\nsecret\nended\n' == twisted('''
class Talking(Client):
    def handshakeCompleted(self):
        print('handshake')
        self.transport.write(b'secret')

    def dataReceived(self, data):
        print(data)
        self.transport.loseConnection()

def main():
    outer = endpoints.wrapClientTLS(
        options(), endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', %d))
    return endpoints.connectProtocol(
        endpoints.wrapClientTLS(options(), outer), Talking()).addCallback(lambda one: one.ended)
''' % port)


@cell('TLS over pipes, on a loop', 'yes')
def test_pipes(twisted):
    """A pair of pipes carries it."""
    assert 'handshake\n2\n' == twisted('''
import os
from twisted.internet import stdio

class Waiting(Client):
    def handshakeCompleted(self):
        pass

def side(context, is_client, own, reading, writing):
    factory = protocol.Factory.forProtocol(lambda: own)
    wrapped = tls.TLSMemoryBIOFactory(context, is_client, factory).buildProtocol(None)
    stdio.StandardIO(wrapped, stdin=reading, stdout=writing)
    return own.ended

def main():
    (one, other), (back, forth) = os.pipe(), os.pipe()
    return defer.gatherResults([side(SERVER, False, Waiting(), one, forth),
                                side(options(), True, Client(), back, other)]).addCallback(len)
''')


@cell('a time limit for a client\'s handshake', 'by TimeoutMixin')
def test_client_limit(twisted):
    """There is no option for it; protocols can be told to give up who is silent."""
    with silent() as port:
        assert 'ended\n' == twisted('''
class Impatient(Client, policies.TimeoutMixin):
    def connectionMade(self):
        self.setTimeout(%r)

    def timeoutConnection(self):
        self.transport.abortConnection()

def main():
    over = endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', %d)
    return endpoints.connectProtocol(
        endpoints.wrapClientTLS(options(), over), Impatient()).addCallback(lambda one: one.ended)
''' % (SHORT, port))


@cell('a time limit for a server\'s handshake', 'by TimeoutMixin')
def test_server_limit(twisted):
    """There is no option for it; its HTTP server gives silent clients up, as others can."""
    assert 'ended\n' == twisted('''
from twisted.web import resource, server

class Silent(Client):
    pass

def main():
    site = server.Site(resource.Resource(), timeout=%r)
    port = reactor.listenTCP(0, tls.TLSMemoryBIOFactory(SERVER, False, site),
                             interface='127.0.0.1')
    return connect(port.getHost().port, Silent())
''' % SHORT)


@cell('certificates for IP addresses', 'yes')
def test_addresses(twisted, pki):
    """It takes one."""
    leaf, name = NAMES['address']
    with greeter(pki, leaf) as port:
        assert 'handshake\nended\n' == twisted(handshake(name, port))


@cell('names by RFC 9525: no `w*.example.org`', 'yes')
def test_partial_wildcards(twisted, pki):
    """It refuses one."""
    leaf, name = NAMES['partial']
    with greeter(pki, leaf) as port:
        assert 'handshake\nVerificationError\n' == twisted(handshake(name, port))


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.7' in classifiers('Twisted')


@cell('pure Python, no binaries', 'no')
def test_binaries():
    """Its TLS needs cryptography's."""
    assert 'cryptography' in [name for name in requirements('pyOpenSSL') if not is_pure(name)]
    assert 'pyopenssl' not in requirements('Twisted')  # an extra, Twisted[tls]
