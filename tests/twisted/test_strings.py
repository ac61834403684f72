"""Endpoint strings that begin with ``tls27:``, by Twisted's plugin system."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import ssl
import warnings

import pytest
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from tests.support.programs import ROOT
from tests.support.twisteds import (
    Memory, Recorder, endpoints, error, global_reactor, interfaces, listening, quiet, task,
    times_out, until)

from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import TLSClientEndpoint, TLSServerEndpoint
from sslproto27.twisted._strings import ClientParser, ServerParser

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.test.proto_helpers import MemoryReactor, MemoryReactorClock


def escape(text):
    """Return *text* as it goes into an endpoint's string."""
    return endpoints.quoteStringArgument(text)


@pytest.fixture(autouse=True)
def plugins(monkeypatch, tmpdir_factory):
    """Let Twisted find the plugins of this checkout, and write its list of them elsewhere."""
    import twisted.plugins
    folder = str(tmpdir_factory.mktemp('plugins'))
    shutil.copy(os.path.join(ROOT, 'contrib', 'twisted', 'plugins', 'sslproto27_endpoints.py'),
                folder)
    monkeypatch.setattr(twisted.plugins, '__path__', [folder] + list(twisted.plugins.__path__))


def server(pki, **options):
    """Return what serverFromString makes of port 0 and *options*."""
    options.setdefault('certificate', pki.path('localhost'))
    options.setdefault('interface', '127.0.0.1')
    return endpoints.serverFromString(global_reactor, 'tls27:0:' + ':'.join(
        '%s=%s' % (name, escape(value)) for name, value in options.items()))


def client(pki, port, **options):
    """Return what clientFromString makes of *port* and *options*."""
    options.setdefault('trust', pki.path('ca'))
    return endpoints.clientFromString(global_reactor, 'tls27:localhost:%d:' % port + ':'.join(
        '%s=%s' % (name, escape(value)) for name, value in options.items()))


class TestReactor(object):
    """The reactor for which the string is parsed."""

    @pytest.mark.filterwarnings('ignore:Passing HostnameEndpoint')  # MemoryReactorClock on 2.7
    @pytest.mark.parametrize('server_side', [True, False])
    def test_clock(self, pki, server_side):
        """Timeouts use its clock."""
        clock = MemoryReactorClock()
        if server_side:
            endpoints.serverFromString(clock, 'tls27:1:handshakeTimeout=5:certificate=%s' % escape(
                pki.path('localhost'))).listen(quiet(Recorder))
            factory = clock.tcpServers[0][1]
        else:
            endpoints.clientFromString(clock, 'tls27:127.0.0.1:1:handshakeTimeout=5').connect(
                quiet(Recorder))
            until(lambda: clock.tcpClients)  # 2.7 looks the address up in a thread
            factory = clock.tcpClients[0][2]
        assert times_out(clock, factory, 5)

    def test_no_clock(self, pki):
        """If it has no clock, as a test's, timeouts use the transport's."""
        reactor, clock = MemoryReactor(), task.Clock()
        endpoints.serverFromString(reactor, 'tls27:1:certificate=%s' % escape(
            pki.path('localhost'))).listen(quiet(Recorder))
        reactor.tcpServers[0][1].buildProtocol(None).makeConnection(Memory(clock))
        assert 1 == len(clock.getDelayedCalls())


class Asker(Recorder):
    """Says hello; its factory keeps what TLS has settled on."""

    def connectionMade(self):
        Recorder.connectionMade(self)
        self.transport.write(b'hello')


def talk(one, other):
    """Connect two endpoints; return both protocols and, of the client, certificate and ALPN."""
    theirs = quiet(Recorder)
    with listening(one, theirs) as port:
        ours = until(other(port).connect(quiet(Asker)))
        until(lambda: theirs.made and (theirs.made[0].data or theirs.made[0].reason)
              or ours.reason)
        facts = (ours.transport.getPeerCertificate(True), ours.transport.negotiatedProtocol)
        for protocol in [ours] + theirs.made:
            if protocol.reason is None:
                protocol.transport.loseConnection()
        until(lambda: ours.reason and theirs.made and theirs.made[0].reason)
    return ours, theirs.made[0], facts


class TestStrings(object):
    """What the options do."""

    def test_talk(self, pki):
        """A client and a server from strings talk; certificate and name are verified."""
        assert isinstance(server(pki), TLSServerEndpoint)
        assert isinstance(client(pki, 1), TLSClientEndpoint)
        ours, theirs, facts = talk(server(pki, alpn='h2,http/1.1'),
                                   lambda port: client(pki, port, alpn='http/1.1'))
        assert b'hello' == theirs.data
        assert (pki.chain('localhost')[0], b'http/1.1') == facts
        assert [error.ConnectionDone] * 2 == [ours.reason.type, theirs.reason.type]

    def test_untrusted(self, pki):
        """Without trust= the system's authorities count, which do not know the tests'."""
        ours, theirs, _ = talk(server(pki), lambda port: endpoints.clientFromString(
            global_reactor, 'tls27:localhost:%d' % port))
        assert ours.reason.check(SSLCertVerificationError)
        assert b'' == theirs.data

    def test_other_name(self, pki):
        """hostname= is the name that is verified."""
        ours, _, _ = talk(server(pki), lambda port: client(pki, port, hostname='example.org'))
        assert ours.reason.check(SSLCertVerificationError)
        ours, theirs, _ = talk(server(pki, certificate=pki.path('other')), lambda port: client(
            pki, port, hostname='other.example.org'))
        assert b'hello' == theirs.data

    def test_key_in_a_file_of_its_own(self, pki, tmpdir):
        """key= is the key's file."""
        text = pki.text('localhost')
        at = text.index('-----BEGIN CERTIFICATE-----')
        tmpdir.join('key.pem').write(text[:at])
        tmpdir.join('chain.pem').write(text[at:])
        _, theirs, _ = talk(
            server(pki, certificate=str(tmpdir.join('chain.pem')), key=str(tmpdir.join('key.pem'))),
            lambda port: client(pki, port))
        assert b'hello' == theirs.data

    @pytest.mark.parametrize('leaf, gets_in', [('client', True), ('stranger', False)])
    def test_client_certificates(self, pki, leaf, gets_in):
        """With trust= a server wants certificates of clients."""
        _, theirs, _ = talk(server(pki, trust=pki.path('ca')),
                            lambda port: client(pki, port, certificate=pki.path(leaf)))
        assert gets_in is (theirs.data == b'hello')
        assert gets_in or theirs.reason.check(ssl.SSLError)

    def test_sni(self, pki, tmpdir):
        """sni= has a certificate for each name, and wildcards."""
        shutil.copy(pki.path('other'), str(tmpdir.join('other.example.org.pem')))
        shutil.copy(pki.path('wildcard'), str(tmpdir.join('*.example.org.pem')))
        tmpdir.join('README').write('no certificate')
        for name, leaf in (('other.example.org', 'other'), ('a.example.org', 'wildcard'),
                           ('localhost', 'localhost')):
            _, _, facts = talk(server(pki, sni=str(tmpdir)),
                               lambda port: client(pki, port, hostname=name))
            assert pki.chain(leaf)[0] == facts[0]

    def test_sni_of_a_factory_with_protocols(self, pki, tmpdir):
        """The protocols of an IProtocolNegotiationFactory are offered under every name."""
        shutil.copy(pki.path('other'), str(tmpdir.join('other.example.org.pem')))
        theirs = quiet(Recorder)
        theirs.acceptableProtocols = lambda: [b'http/1.1']
        directlyProvides(theirs, interfaces.IProtocolNegotiationFactory)
        with listening(server(pki, sni=str(tmpdir)), theirs) as port:
            for name in 'localhost', 'other.example.org':
                ours = until(client(pki, port, hostname=name, alpn='h2,http/1.1').connect(
                    quiet(Asker)))
                until(lambda: ours.transport.sslObject.version() or ours.reason)
                assert b'http/1.1' == ours.transport.negotiatedProtocol
                ours.transport.loseConnection()
                until(lambda: ours.reason and theirs.made[-1].reason)

    def test_endpoint(self, pki, tmpdir):
        """endpoint= is what TLS goes over, in the place of TCP."""
        path = 'unix:' + escape(str(tmpdir.join('socket')))
        one = endpoints.serverFromString(
            global_reactor, 'tls27:endpoint=%s:certificate=%s' % (
                escape(path), escape(pki.path('localhost'))))
        other = endpoints.clientFromString(
            global_reactor, 'tls27:endpoint=%s:hostname=localhost:trust=%s' % (
                escape(path), escape(pki.path('ca'))))
        _, theirs, _ = talk(one, lambda _: other)
        assert b'hello' == theirs.data

    def test_parsers(self):
        """The parsers provide what Twisted's plugin system asks for."""
        assert verifyObject(interfaces.IStreamClientEndpointStringParserWithReactor, ClientParser())
        assert verifyObject(interfaces.IStreamServerEndpointStringParser, ServerParser())

    @pytest.mark.parametrize('text, name', [
        ('tls27:0', 'certificate='), ('tls27:certificate={0}', 'port'),
        ('tls27:x:certificate={0}', 'port'), ('tls27:0:certificate={1}', 'certificate='),
        ('tls27:0:certificate={0}:backlog=many', 'backlog'),
        ('tls27:0:certificate={0}:alpn=', 'alpn='),
        ('tls27:0:certificate={0}:alpn=h2,', 'alpn='),
        ('tls27:0:certificate={0}:sni=nowhere', 'sni='),
        ('tls27:0:certificate={0}:trust=nowhere.pem', 'trust='),
        ('tls27:0:certificate={0}:trust=', 'trust='),
        ('tls27:0:certificate={0}:colour=blue', "tls27: has no option 'colour'"),
        ('tls27:0:certificate={0}:reactor=x', "tls27: has no option 'reactor'"),
        ('tls27:0:certificate={0}:self=x', "tls27: has no option 'self'"),
        ('tls27::certificate={0}', 'port='), ('tls27:0:certificate=', 'certificate='),
        ('tls27:0:certificate={0}:key=', 'key='), ('tls27:0:certificate={0}:sni=', 'sni='),
        ('tls27:certificate={0}:endpoint=', 'endpoint='),
        ('tls27:0:certificate={0}:interface=', 'interface='),
        ('tls27:0:{0}', 'tls27: '), ('tls27:0:port=1:certificate={0}', "two of 'port'"),
        ('tls27:0:certificate={0}:handshakeTimeout=0', 'handshakeTimeout'),
        ('tls27:0:certificate={0}:handshakeLimit=0', 'handshakeLimit')])
    def test_bad_server(self, pki, text, name):
        """What cannot be used is a ValueError that names it."""
        with pytest.raises(ValueError) as info:
            endpoints.serverFromString(global_reactor, text.format(
                escape(pki.path('localhost')), escape(pki.path('ca'))))
        assert name in str(info.value)

    @pytest.mark.parametrize('text, name', [
        ('tls27:localhost:1:hostname=', 'hostname='), ('tls27::443', 'host='),
        ('tls27:localhost:', 'port='), ('tls27:localhost:1:trust=', 'trust='),
        ('tls27:localhost:1:certificate=', 'certificate='), ('tls27:localhost:1:key=', 'key='),
        ('tls27:hostname=localhost:endpoint=', 'endpoint='),
        ('tls27:hostname=:endpoint=tcp\\:localhost\\:1', 'hostname='),
        ('tls27:localhost:1:reactor=x', "tls27: has no option 'reactor'"),
        ('tls27:localhost:1:self=x', "tls27: has no option 'self'"),
        ('tls27:localhost', 'port'), ('tls27:localhost:x', 'port'),
        ('tls27:localhost:1:key=nothing.pem', 'key='),
        ('tls27:endpoint=tcp\\:localhost\\:1', 'hostname'),
        ('tls27:localhost:1:timeout=x', 'timeout'), ('tls27:localhost:1:alpn=', 'alpn='),
        ('tls27:localhost:1:trust=nowhere.pem', 'trust='),
        ('tls27:localhost:1:certificate=nowhere.pem', 'certificate='),
        ('tls27:localhost:1:colour=blue', "tls27: has no option 'colour'"),
        ('tls27:localhost:1:localhost', "tls27: 'localhost'"),
        ('tls27:localhost:1:host=x', "two of 'host'")])
    def test_bad_client(self, text, name):
        """What cannot be used is a ValueError that names it."""
        with pytest.raises(ValueError) as info:
            endpoints.clientFromString(global_reactor, text)
        assert name in str(info.value)
