"""The examples run as they are written; project/test_documentation.py has the code of the pages."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import shutil
import socket
import ssl

import pytest

from tests.support.memory import only_python2
from tests.support.pki import new_context
from tests.support.programs import ROOT, finish, running


def example(name):
    """Return the path of an example."""
    return os.path.join(ROOT, 'examples', name)


@contextlib.contextmanager
def listening(name, certificate):
    """Run the example of a server; give its port and its process."""
    with running([example(name), certificate, '0']) as server:
        line = server.stdout.readline()
        if not line:
            raise AssertionError(server.stderr.read())
        yield line.split()[-1], server


@contextlib.contextmanager
def echo_server(pki):
    """Run the echo server's example; give its port."""
    with listening('echo_server.py', pki.path('localhost')) as (port, _):
        yield port


@pytest.mark.parametrize('name', [
    pytest.param('echo_server.py', marks=only_python2),
    pytest.param('echo_client.py', marks=only_python2), 'smtp_server.py', 'smtp_client.py',
    'https_proxy.py', 'tls_in_tls.py', 'subprocess_tls.py', 'mutual_tls.py',
    'certificate_reload.py', 'alpn_switch.py'])
def test_usage(name):
    """Without arguments an example prints how it is used."""
    status, stdout, stderr = finish([example(name)])
    assert (1, '') == (status, stdout)
    assert 'Usage: %s ' % name in stderr


class TestSMTP(object):
    """examples/smtp_server.py and examples/smtp_client.py."""

    def test_message(self, pki):
        """The message arrives, over TLS."""
        with listening('smtp_server.py', pki.path('localhost')) as (port, server):
            status, stdout, stderr = finish(
                [example('smtp_client.py'), pki.path('ca'), port, 'a message'])
            lines = [server.stdout.readline(), server.stdout.readline()]
        assert (0, 'sent over TLSv1.3\n', '') == (status, stdout, stderr)
        assert ['a message\n', '.\n'] == lines

    def test_nothing_in_plaintext(self, pki):
        """The server takes no mail without TLS."""
        with listening('smtp_server.py', pki.path('localhost')) as (port, _):
            sock = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
            sock.sendall(b'MAIL FROM:<a@localhost>\r\nQUIT\r\n')
            answer = b''
            while not answer.endswith(b'221 bye\r\n'):
                answer += sock.recv(1000)
            sock.close()
        assert b'530 STARTTLS first' in answer

    def test_unknown_authority(self, pki):
        """The client refuses a server whose authority it does not trust."""
        with listening('smtp_server.py', pki.path('localhost')) as (port, _):
            status, stdout, stderr = finish(
                [example('smtp_client.py'), pki.path('stranger-ca'), port, 'a message'])
        assert (1, '') == (status, stdout)
        assert 'CERTIFICATE_VERIFY_FAILED' in stderr


class TestTLSInTLS(object):
    """examples/https_proxy.py and examples/tls_in_tls.py."""

    ECHO = '''
import ssl, sys
import sslproto27
from sslproto27 import aio
context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
class Echo(aio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data)
loop = aio.SelectorEventLoop()
aio.set_event_loop(loop)
server = loop.run_until_complete(loop.create_server(Echo, '127.0.0.1', 0, ssl=context))
print(server.sockets[0].getsockname()[1])
sys.stdout.flush()
loop.run_forever()
'''

    def test_echo(self, pki):
        """What is said to the server behind the proxy comes back."""
        with running(['-c', self.ECHO, pki.path('localhost')]) as server:
            port = server.stdout.readline().strip()
            with listening('https_proxy.py', pki.path('localhost')) as (proxy_port, _):
                finished = finish([example('tls_in_tls.py'), pki.path('ca'), proxy_port, port])
        assert (0, 'Hello, TLS in TLS\n', '') == finished


class TestSingle(object):
    """Examples that are both sides."""

    def test_subprocess(self, pki):
        """TLS over a child's pipes."""
        assert (0, 'the child got a secret over TLSv1.3\n', '') == finish(
            [example('subprocess_tls.py'), pki.path('ca'), pki.path('localhost')])

    def test_mutual(self, pki):
        """A client is greeted by the name in its certificate."""
        assert (0, 'Hello, client.example.org\n', '') == finish(
            [example('mutual_tls.py'), pki.path('ca'), pki.path('localhost'), pki.path('client')])

    @pytest.mark.parametrize('leaf', [None, 'stranger'])
    def test_mutual_refused(self, pki, leaf):
        """A client without a certificate, or with one of another authority, is refused."""
        status, stdout, _ = finish(
            [example('mutual_tls.py'), pki.path('ca'), pki.path('localhost')]
            + ([pki.path(leaf)] if leaf else []))
        assert 0 == status
        assert stdout.startswith('refused: ')

    def test_alpn(self, pki):
        """Each connection speaks what ALPN settled on."""
        assert (0, 'shout -> shout HELLO, ALPN\nwhisper -> whisper hello, alpn\n', '') == finish(
            [example('alpn_switch.py'), pki.path('ca'), pki.path('localhost')])


class TestReload(object):
    """examples/certificate_reload.py."""

    @pytest.mark.parametrize('spoil', [
        lambda text: text[:len(text) // 2], lambda text: text[:-60], lambda text: '', None])
    def test_half_written(self, pki, tmpdir, spoil):
        """A file that cannot be loaded, or is not there, leaves the old one in use until it can."""
        path = tmpdir.join('current.pem')
        path.write(pki.text('localhost'))
        with listening('certificate_reload.py', str(path)) as (port, _):
            if spoil is None:
                path.remove()
            else:
                path.write(spoil(pki.text('ecdsa')))
            kept = self.served(port), self.served(port)
            path.write(pki.text('ecdsa'))
            new = self.served(port)
        assert [pki.chain('localhost')[0]] * 2 == list(kept)
        assert pki.chain('ecdsa')[0] == new

    def served(self, port):
        """Return the certificate, DER, that a new connection gets; it need not be trusted."""
        sock = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
        context = new_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(sock, server_hostname='localhost')
        try:
            return connection.getpeercert(True)
        finally:
            connection.close()

    def test_reload(self, pki, tmpdir):
        """A certificate that replaces the file is the next connection's."""
        path, new = str(tmpdir.join('current.pem')), str(tmpdir.join('new.pem'))
        shutil.copy(pki.path('localhost'), path)
        with listening('certificate_reload.py', path) as (port, _):
            first = self.served(port), self.served(port)
            shutil.copy(pki.path('ecdsa'), new)
            os.rename(new, path)
            second = self.served(port), self.served(port)
        assert [pki.chain('localhost')[0]] * 2 + [pki.chain('ecdsa')[0]] * 2 == list(first + second)


@only_python2
class TestEcho(object):
    """examples/echo_server.py and examples/echo_client.py."""

    def test_echo(self, pki):
        """The client prints the version, the cipher and the echo of its message."""
        with echo_server(pki) as port:
            status, stdout, stderr = finish(
                [example('echo_client.py'), pki.path('ca'), port, 'a message'])
        assert (0, '') == (status, stderr)
        negotiated, echo = stdout.splitlines()
        assert negotiated.startswith('TLSv1.3 TLS_')
        assert echo == 'a message'

    def test_unknown_authority(self, pki):
        """The client refuses a server whose authority it does not trust."""
        with echo_server(pki) as port:
            status, _, stderr = finish([example('echo_client.py'), pki.path('stranger-ca'), port])
        assert status == 1
        assert 'CERTIFICATE_VERIFY_FAILED' in stderr
