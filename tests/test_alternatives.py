"""What the README says of the other ways to TLS on Python 2.7 that can be shown."""
from __future__ import absolute_import, division, print_function

import inspect
import ssl

import pytest

from memory import PY2

pytestmark = pytest.mark.skipif(not PY2, reason='of Python 2.7: on 3 the standard library has it')


@pytest.fixture
def refused(run_python):
    """A function that runs a script and returns the last line of its traceback."""
    def run(source):
        status, _, stderr = run_python(source, warnings='ignore')
        assert 1 == status
        return stderr.strip().splitlines()[-1]
    return run


class TestStandardLibrary(object):
    """What all have that rest on the ssl of 2.7."""

    def test_no_memory(self, run_python):
        """It has no memory BIOs."""
        assert (0, 'False False\n', '') == run_python('''
import ssl
print('%s %s' % (hasattr(ssl, 'MemoryBIO'), hasattr(ssl.SSLContext, 'wrap_bio')))
''')

    def test_addresses(self):
        """It takes no certificate for an IP address."""
        certificate = {'subjectAltName': (('IP Address', '127.0.0.1'),)}
        with pytest.raises(ssl.CertificateError):
            ssl.match_hostname(certificate, '127.0.0.1')

    def test_partial_wildcards(self):
        """It takes 'f*.example.org' for 'foo.example.org', which RFC 9525 6.3 forbids."""
        certificate = {'subjectAltName': (('DNS', 'f*.example.org'),)}
        assert None is ssl.match_hostname(certificate, 'foo.example.org')


class TestTrollius(object):
    """Trollius 2.2."""

    @pytest.fixture(autouse=True)
    def needed(self):
        """Skip without it."""
        pytest.importorskip('trollius', reason='Trollius is not installed')

    def test_no_memory(self):
        """It puts sockets into ssl: its own protocol for memory BIOs has none to use."""
        from trollius import sslproto
        assert not sslproto._is_sslproto_available()

    def test_no_upgrade(self):
        """There is no start_tls, and so neither STARTTLS nor TLS in TLS."""
        import trollius
        assert not hasattr(trollius.BaseEventLoop, 'start_tls')
        assert not hasattr(trollius.StreamWriter, 'start_tls')

    def test_no_limit(self):
        """A handshake has no time limit."""
        import trollius
        for name in ('create_connection', 'create_server'):
            method = getattr(trollius.BaseEventLoop, name)
            assert 'ssl' in inspect.getsource(method)
            assert 'timeout' not in inspect.getsource(method)


class TestTornado(object):
    """Tornado 5.1."""

    @pytest.fixture(autouse=True)
    def needed(self):
        """Skip without it."""
        pytest.importorskip('tornado', reason='Tornado is not installed')

    def test_upgrade(self):
        """A stream of a socket can start TLS; it takes no time limit for it."""
        from tornado import iostream
        arguments = inspect.getargspec(iostream.IOStream.start_tls).args
        assert ['self', 'server_side', 'ssl_options', 'server_hostname'] == arguments

    def test_sockets_alone(self):
        """A stream of pipes cannot start TLS."""
        from tornado import iostream
        assert not hasattr(iostream.PipeIOStream, 'start_tls')

    def test_names(self):
        """It checks names by the standard library's rules."""
        from tornado import iostream
        assert 'ssl.match_hostname(' in inspect.getsource(iostream.SSLIOStream._verify_cert)


class TestPyOpenSSL(object):
    """pyOpenSSL 21."""

    @pytest.fixture(autouse=True)
    def needed(self):
        """Skip without it."""
        pytest.importorskip('OpenSSL', reason='pyOpenSSL is not installed')

    def test_memory(self, run_python):
        """It works in memory."""
        assert (0, 'None\n', '') == run_python('''
from OpenSSL import SSL
print(SSL.Connection(SSL.Context(SSL.TLSv1_2_METHOD), None).set_connect_state())
''', warnings='ignore')

    def test_own_contexts(self, refused):
        """It does not take the standard library's contexts."""
        assert refused('''
import ssl
from OpenSSL import SSL
SSL.Connection(ssl.create_default_context(), None)
''').startswith('TypeError: ')


class TestUrllib3(object):
    """urllib3 1.26."""

    def test_no_tls_in_tls(self, refused):
        """It refuses to go to an HTTPS server through an HTTPS proxy."""
        pytest.importorskip('urllib3', reason='urllib3 is not installed')
        assert 'ProxySchemeUnsupported' in refused('''
import urllib3
urllib3.ProxyManager('https://localhost:1').request('GET', 'https://localhost:2/', retries=False)
''')


class TestGevent(object):
    """gevent, which `make test` does not install."""

    def test_no_memory(self):
        """Its ssl has no memory BIOs on 2.7: it is the standard library's, over its own sockets."""
        gevent_ssl = pytest.importorskip('gevent.ssl', reason='gevent is not installed')
        gevent_socket = pytest.importorskip('gevent.socket', reason='gevent is not installed')
        assert not hasattr(gevent_ssl, 'MemoryBIO')
        assert issubclass(gevent_ssl.SSLSocket, gevent_socket.socket)

    def test_names(self):
        """It checks names by the standard library's rules, and has its contexts."""
        gevent_ssl = pytest.importorskip('gevent.ssl', reason='gevent is not installed')
        assert gevent_ssl.match_hostname is ssl.match_hostname
        assert issubclass(gevent_ssl.SSLContext, ssl.SSLContext)


class TestTwisted(object):
    """Twisted 20.3, which `make test` does not install."""

    @pytest.fixture(autouse=True)
    def needed(self):
        """Skip without it."""
        pytest.importorskip('twisted', reason='Twisted is not installed')

    def test_memory(self):
        """Its TLS is a protocol over any transport, of pyOpenSSL's connections in memory."""
        from twisted.internet import interfaces
        from twisted.protocols import tls
        assert 'startTLS' in interfaces.ITLSTransport
        assert 'Connection(' in inspect.getsource(tls._ContextFactoryToConnectionFactory)

    def test_names(self):
        """By service-identity it takes addresses, and 'f*.example.org' for no name."""
        pytest.importorskip('service_identity', reason='service-identity is not installed')
        from service_identity import _common
        assert not _common.DNS_ID(u'foo.example.org').verify(_common.DNSPattern(b'f*.example.org'))
        assert _common.IPAddress_ID(u'127.0.0.1').verify(_common.IPAddressPattern.from_bytes(
            b'\x7f\x00\x00\x01'))

    def test_no_limit(self):
        """Nothing in it limits the time of a handshake."""
        from twisted.protocols import tls
        assert 'imeout' not in inspect.getsource(tls)
