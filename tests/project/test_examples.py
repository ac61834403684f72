"""The examples run as they are written; project/test_documentation.py has the code of the pages."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import shutil
import signal
import socket
import ssl

import pytest

import sslproto27
from tests.support.engines import not_in_pair
from tests.support.https import serving
from tests.support.memory import only_python2
from tests.support.pki import new_context
from tests.support.programs import ROOT, finish, running


def example(name):
    """Return the path of an example."""
    return os.path.join(ROOT, 'examples', name)


@contextlib.contextmanager
def listening(name, *arguments, **kwargs):
    """Run the example of a server; give its port and its process."""
    with running([example(name)] + list(arguments) + ['0'], **kwargs) as server:
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
    'certificate_reload.py', 'alpn_switch.py', 'server_names.py', 'mutual_tls_reload.py',
    'prefork.py', 'multiprocessing_pipe.py'])
def test_usage(name):
    """Without arguments an example prints how it is used."""
    status, stdout, stderr = finish([example(name)])
    assert (1, '') == (status, stdout)
    assert 'Usage: %s ' % name in stderr


@pytest.mark.parametrize('name', sorted(
    name for name in os.listdir(example('')) if name.endswith('.py')))
def test_failures_are_logged(name):
    """A server tells of failures by logging, which never fails: standard error may be full."""
    with open(example(name)) as file:
        assert 'stderr' not in file.read().replace('stderr=', '')


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

    def test_server_names(self, pki):
        """A client gets the certificate of the name that it asks for."""
        assert (0, 'asked for localhost, got the certificate of localhost\n'
                'asked for other.example.org, got the certificate of other.example.org\n', ''
                ) == finish([example('server_names.py'), pki.path('ca'), pki.path('wildcard'),
                             'localhost=' + pki.path('localhost'),
                             'other.example.org=' + pki.path('other')])

    def test_multiprocessing(self, pki):
        """TLS over a pipe of multiprocessing."""
        assert (0, 'the secret of the child, over TLSv1.3\n', '') == finish(
            [example('multiprocessing_pipe.py'), pki.path('ca'), pki.path('localhost')])

    def test_alpn(self, pki):
        """Each connection speaks what ALPN settled on."""
        assert (0, 'shout -> shout HELLO, ALPN\nwhisper -> whisper hello, alpn\n', '') == finish(
            [example('alpn_switch.py'), pki.path('ca'), pki.path('localhost')])


class TestReload(object):
    """examples/certificate_reload.py."""

    @pytest.mark.parametrize('is_full', [
        False, pytest.param(True, marks=pytest.mark.skipif(
            not os.path.exists('/dev/full'), reason='there is no /dev/full'))])
    @pytest.mark.parametrize('spoil', [
        lambda text: text[:len(text) // 2], lambda text: text[:-60], lambda text: '', None])
    def test_half_written(self, pki, tmpdir, spoil, is_full):
        """A file that cannot be loaded, or is not there, leaves the old one in use until it can."""
        path = tmpdir.join('current.pem')
        path.write(pki.text('localhost'))
        with open('/dev/full' if is_full else os.devnull, 'w') as stderr, listening(
                'certificate_reload.py', str(path), stderr=stderr) as (port, _):
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


def ask(pki, port, leaf=None):
    """Return the line that an example says to the interpreter's own ssl; '' if it refuses us."""
    context = pki.client_context(leaf=leaf)
    sock = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
    try:
        connection = context.wrap_socket(sock, server_hostname='localhost')
        try:
            return connection.makefile('rb').readline().decode('ascii').strip()
        finally:
            connection.close()
    except (ssl.SSLError, EnvironmentError):
        return ''
    finally:
        sock.close()


class TestMutualReload(object):
    """examples/mutual_tls_reload.py."""

    def test_reload(self, pki, tmpdir):
        """After SIGHUP new clients get the new certificate, and need one of the new authorities."""
        authorities, certificate = tmpdir.join('clients.pem'), tmpdir.join('server.pem')
        authorities.write(pki.text('ca'))
        certificate.write(pki.text('localhost'))
        with running([example('mutual_tls_reload.py'), str(authorities), str(certificate), '0']
                     ) as server:
            line = server.stdout.readline()
            port = line.split()[-1]
            before = ask(pki, port, 'client'), ask(pki, port), ask(pki, port, 'stranger')
            certificate.write('half of')
            server.send_signal(signal.SIGHUP)
            # After lines about those who were refused.
            kept = next(line for line in iter(server.stderr.readline, '')
                        if ':root:' in line), ask(pki, port, 'client')
            authorities.write(pki.text('stranger-ca'))
            certificate.write(pki.text('ecdsa'))
            server.send_signal(signal.SIGHUP)
            again = server.stdout.readline()
            after = ask(pki, port, 'client'), ask(pki, port, 'stranger')
        assert line.startswith('serving port ')
        assert line == again
        assert ('Hello, client.example.org', '', '') == before
        assert kept[0].startswith('WARNING:root:the old files stay in use: ')
        assert before[0] == kept[1]
        assert ('', 'Hello, localhost') == after

    @only_python2
    @not_in_pair('session')
    def test_old_session(self, pki, tmpdir):
        """A session of before does not let a client in whose authority is no longer trusted."""
        authorities = tmpdir.join('clients.pem')
        authorities.write(pki.text('ca'))
        context = sslproto27.create_default_context(cafile=pki.path('ca'))
        context.load_cert_chain(pki.path('client'))
        with running([example('mutual_tls_reload.py'), str(authorities), pki.path('localhost'),
                      '0']) as server:
            port = server.stdout.readline().split()[-1]
            line, session = self.resumed(context, port, None)
            assert (b'Hello, client.example.org\n', True) == (line, session is not None)
            authorities.write(pki.text('stranger-ca'))
            server.send_signal(signal.SIGHUP)
            server.stdout.readline()
            with pytest.raises(ssl.SSLError) as info:
                self.resumed(context, port, session)
        assert 'TLSV1_ALERT_UNKNOWN_CA' == info.value.reason

    def resumed(self, context, port, session):
        """Return what the server says to a client with a session of before, and the new one."""
        sock = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
        try:
            tls = sslproto27.SSLSocket(sock, context, server_hostname='localhost', session=session)
            line = tls.makefile('rb').readline()
            session = tls.session
            tls.close()
            return line, session
        finally:
            sock.close()


class TestPrefork(object):
    """examples/prefork.py."""

    @contextlib.contextmanager
    def serving(self, pki):
        """Run it with two workers; give its port and its process. Workers end with it alone."""
        with listening('prefork.py', pki.path('localhost'), '2') as (port, server):
            try:
                yield port, server
            finally:
                if server.poll() is None:
                    server.terminate()
                server.wait()

    def test_workers(self, pki):
        """Each worker answers, the parent none; one that dies is replaced; SIGTERM ends all."""
        with self.serving(pki) as (port, server):
            first = self.worker(pki, port)
            assert first != server.pid
            os.kill(first, signal.SIGKILL)
            assert ('WARNING:root:worker %d has ended (9), and is replaced\n' % first
                    == server.stderr.readline())
            assert first != self.worker(pki, port)
            server.terminate()
            assert ('', '', 0) == server.communicate() + (server.returncode,)

    def worker(self, pki, port):
        """Return the number of the process that answers."""
        return int(ask(pki, port).split()[-1])

    @only_python2
    @not_in_pair('session')
    @pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
    def test_session(self, pki, version):
        """A session of one worker is resumed by another."""
        context = sslproto27.create_default_context(cafile=pki.path('ca'))
        context.maximum_version = getattr(sslproto27.TLSVersion, version)
        with self.serving(pki) as (port, _):
            session, seen = None, set()
            for _ in range(200):
                sock = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
                tls = sslproto27.SSLSocket(sock, context, server_hostname='localhost',
                                           session=session)
                seen.add((tls.makefile('rb').readline(), tls.session_reused))
                session = session or tls.session
                tls.close()
                resumed = {line for line, reused in seen if reused}
                if len(resumed) == 2:
                    break
        assert 2 == len(resumed)


class TestRequests(object):
    """examples/requests_encrypted_key.py and examples/gevent_https.py."""

    def test_encrypted_key(self, pki):
        """The client shows a certificate whose key needed a password."""
        pytest.importorskip('requests', reason='requests is not installed')
        context = pki.server_context(trust='ca')
        with serving(context=context) as server:
            url = 'https://localhost:%d/' % server.server_port
            arguments = [example('requests_encrypted_key.py'), pki.path('ca'),
                         pki.path('encrypted'), url]
            right = finish_with_password('secret', arguments)
            wrong = finish_with_password('wrong', arguments)
        assert (0, '200 hello\n') == right[:2]
        assert 1 == wrong[0]

    def test_gevent(self, pki):
        """Greenlets get their answers."""
        for name in ('requests', 'gevent'):
            pytest.importorskip(name, reason=name + ' is not installed')
        with serving(context=pki.server_context()) as server:
            assert (0, 'hello\n' * 3, '') == finish(
                ['-W', 'ignore', example('gevent_https.py'), pki.path('ca'),
                 'https://localhost:%d/' % server.server_port, '3'])


def finish_with_password(password, arguments):
    """Run an example as `finish` does, with getpass answering *password*: there is no terminal."""
    code = ('import getpass, runpy, sys; getpass.getpass = lambda prompt: %r; '
            'sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")' % password)
    return finish(['-W', 'ignore', '-c', code] + arguments)


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
