"""inject_into_urllib3 and extract_from_urllib3."""
from __future__ import absolute_import, division, print_function

import ssl
import threading

import pytest

from sslproto27 import SSLSocket
from tests.support.https import serving
from tests.support.memory import PY2, raised
from tests.support.sessions import injection, new_session
from tests.support.sockets import Background

import urllib3
import urllib3.util.ssltransport

import sslproto27.requests
import sslproto27.urllib3

pytestmark = pytest.mark.filterwarnings('ignore:Unverified HTTPS request')


class TestInjection(object):
    """inject_into_urllib3 and extract_from_urllib3."""

    def contents(self):
        """Return all that the modules have, and PoolManager."""
        modules = [urllib3.util, urllib3.util.ssl_, urllib3.util.ssltransport, urllib3.connection,
                   urllib3.poolmanager, urllib3.poolmanager.PoolManager]
        return [dict(vars(module)) for module in modules]

    def test_extract(self):
        """extract puts everything back, once, however often it was injected."""
        before = self.contents()
        sslproto27.urllib3.extract_from_urllib3()
        assert before == self.contents()
        sslproto27.urllib3.inject_into_urllib3()
        injected = self.contents()
        assert before != injected
        sslproto27.urllib3.inject_into_urllib3()
        assert injected == self.contents()
        sslproto27.urllib3.extract_from_urllib3()
        assert before == self.contents()

    def test_other_name(self):
        """requests' other name for urllib3 is not another copy."""
        before = self.contents()
        sslproto27.urllib3.inject_into_urllib3('urllib3')
        injected = self.contents()
        sslproto27.urllib3.inject_into_urllib3('requests.packages.urllib3')
        assert injected == self.contents()
        sslproto27.urllib3.extract_from_urllib3('requests.packages.urllib3')
        assert before == self.contents()

    PLACES = [(urllib3.util.ssl_, '_ssl_wrap_socket_impl'), (urllib3.connection, 'match_hostname'),
              (urllib3.util.ssl_, 'SSLTransport'), (urllib3.util.ssltransport, 'SSLTransport'),
              (urllib3.util, 'SSLContext'), (urllib3.util.ssl_, 'SSLContext')] + PY2 * [
        (urllib3.poolmanager.PoolManager, '_validate_proxy_scheme_url_selection')]

    @pytest.mark.parametrize('target, name', PLACES, ids=[name for _, name in PLACES])
    def test_all_or_nothing(self, monkeypatch, target, name):
        """A copy that lacks any name that has to be replaced is refused, and left as it was."""
        with monkeypatch.context() as patch:
            patch.delattr(target, name)
            before = self.contents()
            for _ in range(2):
                error = raised(sslproto27.urllib3.inject_into_urllib3)
                assert type(error) is ValueError
                assert name in str(error)
            assert before == self.contents()
        with injection():
            assert before != self.contents()

    @pytest.mark.parametrize('way', ['inject', 'extract'])
    def test_failure_half_way(self, monkeypatch, way):
        """What fails in the middle puts all back, a KeyboardInterrupt too."""
        class Owner(type):
            def __setattr__(cls, name, value):
                if armed:
                    armed.pop()
                    raise KeyboardInterrupt
                type.__setattr__(cls, name, value)
        armed = []
        owner = Owner('PoolManager', (urllib3.poolmanager.PoolManager,), {
            '_validate_proxy_scheme_url_selection': None})
        monkeypatch.setattr(urllib3.poolmanager, 'PoolManager', owner)
        if not PY2:
            monkeypatch.setattr(sslproto27.urllib3, '_PLACES', sslproto27.urllib3._PLACES + [
                ('.poolmanager', 'PoolManager', '_validate_proxy_scheme_url_selection')])
            replacements = sslproto27.urllib3._replacements
            monkeypatch.setattr(sslproto27.urllib3, '_replacements',
                                lambda *args: replacements(*args)[:6] + [len])
        call = sslproto27.urllib3.inject_into_urllib3
        if way == 'extract':
            call()
            call = sslproto27.urllib3.extract_from_urllib3
        before, before_owner = self.contents(), dict(vars(owner))
        armed.append(True)
        with pytest.raises(KeyboardInterrupt):
            call()
        assert (before, before_owner) == (self.contents(), dict(vars(owner)))
        call()
        assert before != self.contents()
        sslproto27.urllib3.extract_from_urllib3()

    def test_adapter_patches_nothing(self, pki, server):
        """The adapter changes nothing in urllib3."""
        before = self.contents()
        with new_session('adapter', pki) as session:
            session.get(server.url())
            assert before == self.contents()

    @pytest.mark.parametrize('package', ['requests', 'json'])
    def test_other_packages(self, package):
        """What is no urllib3 1.26 is refused."""
        assert ValueError is type(raised(sslproto27.urllib3.inject_into_urllib3, package))
        assert isinstance(raised(sslproto27.urllib3.inject_into_urllib3, 'nowhere.urllib3'),
                          ImportError)

    @pytest.mark.parametrize('module, version, supported', [
        ('requests', '2.24.0', '2.25 to 2.99'), ('requests', '3.0', '2.25 to 2.99'),
        ('urllib3', '1.25.11', '1.26'), ('urllib3', '2.0.1', '1.26')])
    def test_other_versions(self, run_python, module, version, supported):
        """The adapter cannot be imported with versions that it is not written for."""
        finished = run_python('''
import requests, urllib3
%s.__version__ = %r
try:
    import sslproto27.requests
except ImportError as error:
    print(error)
''' % (module, version), warnings='ignore')
        assert '%s %s is not supported, but %s\n' % (module, version, supported) == finished.stdout

    @pytest.mark.parametrize('make', [
        ssl.create_default_context, sslproto27.create_default_context], ids=['stock', 'ours'])
    def test_custom_context(self, pki, server, make):
        """A context of the user's own, which checks names itself, is used in memory too."""
        with injection(), urllib3.PoolManager(
                ssl_context=make(cafile=pki.path('ca'))) as manager:
            response = manager.request('GET', server.url(), preload_content=False)
            assert isinstance(response._connection.sock, SSLSocket)
            assert b'hello' == response.read()

    def test_name_is_checked_in_the_handshake(self, pki):
        """Such a context refuses a server of another name before the handshake is done."""
        with serving(context=pki.server_context('other')) as server, injection(), \
                urllib3.PoolManager(ssl_context=ssl.create_default_context(
                    cafile=pki.path('ca')), retries=False) as manager:
            assert urllib3.exceptions.SSLError is type(
                raised(manager.request, 'GET', server.url()))
            assert [] == server.requests

    def test_address_is_asserted(self, pki, server):
        """An address that urllib3 is to assert has to be in the certificate."""
        with injection():
            with self.asserting(pki, '127.0.0.1') as manager:
                assert b'hello' == manager.request('GET', server.url()).data
            with self.asserting(pki, '127.0.0.2') as manager:
                error = raised(manager.request, 'GET', server.url())
        assert urllib3.exceptions.SSLError is type(error)
        assert '127.0.0.2' in str(error)

    def asserting(self, pki, name):
        """Return a manager of connections whose certificates have to be for *name*."""
        return urllib3.PoolManager(ca_certs=pki.path('ca'), assert_hostname=name, retries=False)

    def test_contexts_of_others(self):
        """A context that is none of ssl's, pyOpenSSL's say, wraps sockets itself, as before."""
        class Context(object):
            def set_alpn_protocols(self, protocols):
                pass

            def wrap_socket(self, sock, server_hostname=None):
                return 'wrapped', sock, server_hostname
        with injection():
            assert ('wrapped', 'a socket', 'localhost') == urllib3.util.ssl_.ssl_wrap_socket(
                'a socket', ssl_context=Context(), server_hostname='localhost')

    def test_tls_in_tls_of_others(self):
        """With such a context there is no TLS in TLS, and urllib3's own error says so."""
        with injection():
            transport = urllib3.util.ssl_.SSLTransport
            error = raised(transport._validate_ssl_context_for_tls_in_tls, object())
            transport._validate_ssl_context_for_tls_in_tls(ssl.create_default_context())
        assert urllib3.exceptions.ProxySchemeUnsupported is type(error)

    def test_thread_pool(self, pki, server):
        """A pool shared by threads hands each a connection of its own."""
        barrier = threading.Semaphore(0)
        with injection(), urllib3.PoolManager(ca_certs=pki.path('ca'), maxsize=4) as manager:
            def fetch():
                response = manager.request('GET', server.url('/halting'), preload_content=False)
                barrier.release()
                return response.read()
            threads = [Background(fetch) for _ in range(4)]
            for _ in threads:
                barrier.acquire()
            assert 4 == server.connections
            server.release.set()
            for thread in threads:
                assert b'x' * 1000 + b'y' * 1000 == thread.result()
