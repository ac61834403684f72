"""``connect``, against stock ssl's servers, openssl's, and proxies."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys

import pytest

from sslproto27.__main__ import main
from sslproto27._cli.channel import Channel
from tests.support.commands import command, fails, fails_here, on_terminal, started, starts_programs
from tests.support.engines import not_in_pair
from tests.support.memory import PY2, knows_openssl_3, only_python2
from tests.support.peers import echo_tls, hang_up, receive, serving, talk
from tests.support.programs import running
from tests.support.starttls import AGREED

pytestmark = starts_programs

#: Python 3's ssl shows the chain of a connection, or of one that failed, from 3.13 on.
shows_chains = PY2 or sys.version_info >= (3, 13)

#: Certificates that stray from RFC 5280 in form are refused from there on, by OpenSSL 3.
is_strict = shows_chains and ssl.OPENSSL_VERSION_INFO >= (3,)


@contextlib.contextmanager
def echo_server(context):
    """Serve echoes; give what `connect` is told: localhost and the port."""
    with serving(lambda sock: echo_tls(sock, context)) as port:
        yield 'localhost:%d' % port


@contextlib.contextmanager
def refusing_server(context):
    """Serve clients that must go away before they send anything; give what to connect to."""
    def handle(sock):
        try:
            secure = context.wrap_socket(sock, server_side=True)
        except (ssl.SSLError, socket.error):
            return
        try:
            data = secure.recv(1)
        except (ssl.SSLError, socket.error):
            data = b''
        finally:
            secure.close()
        assert data == b''

    with serving(handle) as port:
        yield 'localhost:%d' % port


def facts(stderr):
    """Return the facts that `connect` prints, a dict, and the tree of certificates, lines."""
    lines = stderr.split('\n\n')
    return dict(line.split(None, 1) for line in lines[0].splitlines()), lines[1].splitlines()


class TestWhatIsShown(object):
    """The report on standard error."""

    def test_facts(self, pki, tls_version):
        """Version, cipher and the verified name are shown; the data comes back, and only that."""
        with echo_server(pki.server_context()) as server:
            status, stdout, stderr = command(
                'connect', server, '--cafile', pki.path('ca'), '--tls', tls_version[-3:],
                input='a line\n')
        assert (0, 'a line\n') == (status, stdout)
        shown, _ = facts(stderr)
        assert server == shown['connected']
        assert tls_version == shown['version']
        assert re.match(r'[A-Z0-9_-]+, (128|256) bits$', shown['cipher'])
        assert 'new' == shown['session']
        assert 'yes, for localhost' == shown['verified']

    @not_in_pair('get_verified_chain')
    def test_tree(self, pki):
        """The chain is a tree from the authority to the server, with names, dates and days left."""
        with echo_server(pki.server_context()) as server:
            _, _, stderr = command('connect', server, '--cafile', pki.path('ca'))
        _, tree = facts(stderr)
        if shows_chains:
            assert re.match(r'trustme .*Testing CA #\S+  issued by itself$', tree[0])
            assert re.match(r'   valid    [0-9-]{10} to [0-9-]{10}, [0-9]+ days left$', tree[1])
            assert tree[2].startswith('`- trustme')
            del tree[:2]
        assert 'names    localhost, 127.0.0.1, 0:0:0:0:0:0:0:1' == tree[2].strip()
        assert re.match(r' +SHA-256  [0-9a-f]{64}$', tree[4])

    def test_quiet(self, pki):
        """--quiet shows data and errors alone."""
        with echo_server(pki.server_context()) as server:
            assert (0, 'x', '') == command(
                'connect', server, '--cafile', pki.path('ca'), '--quiet', input='x')

    @pytest.mark.parametrize('variables, coloured', [({}, True), ({'NO_COLOR': '1'}, False)])
    def test_colours(self, pki, variables, coloured):
        """A terminal gets colours, unless NO_COLOR forbids; progress leaves no trace."""
        with echo_server(pki.server_context()) as server:
            status, shown = on_terminal('connect', server, '--cafile', pki.path('ca'), **variables)
        assert status == 0
        assert coloured == bool(re.search(br'\x1b\[[0-9;]*m', shown))
        assert (b'\x1b[32myes\x1b[0m, for localhost' in shown) == coloured
        assert b'handshake' in shown
        assert b'handshake' not in re.sub(br'[^\n]*\r\x1b\[K', b'', shown)

    def test_progress_before_a_failure(self):
        """On a terminal the line that tells of a failure has nothing before it."""
        sock = socket.socket()
        sock.bind(('127.0.0.1', 0))
        where = 'localhost:%d' % sock.getsockname()[1]
        status, shown = on_terminal('connect', where, NO_COLOR='1')
        sock.close()
        assert status == 1
        assert ('connecting to %s\r\x1b[Ksslproto27: %s: Connection refused\r\n' % (where, where)
                == shown.decode('ascii'))


class TestVerification(object):
    """A server that is not whom it should be gets nothing."""

    @pytest.mark.parametrize('leaf, trust, reason', [
        ('localhost', 'stranger-ca', r'unable to get local issuer certificate \(X.509 error 20\)'),
        ('expired', 'ca', r'certificate has expired \(X.509 error 10\)'),
        ('other', 'ca', r"Hostname mismatch, .* 'localhost' \(X.509 error 62\)"),
    ])
    @not_in_pair('verify_code')
    def test_refused(self, pki, leaf, trust, reason):
        """The reason is the last line; the chain is shown all the same; nothing is sent."""
        with refusing_server(pki.server_context(leaf=leaf)) as server:
            status, stdout, stderr = command(
                'connect', server, '--cafile', pki.path(trust), input='secret')
        assert (1, '') == (status, stdout)
        lines = stderr.splitlines()
        assert re.match('sslproto27: %s is not verified: %s(: .*)?; nothing was sent$' % (
            server, reason), lines[-1]) is not None
        if not shows_chains:
            assert len(lines) == 1
            return
        assert 'What %s shows' % server in lines[0]
        assert [line for line in lines if '   names    ' in line]
        assert (leaf == 'expired') == bool(re.search(', expired [0-9]+ days? ago', stderr))

    def test_insecure(self, pki):
        """--insecure connects, and says what that means."""
        with echo_server(pki.server_context(leaf='expired')) as server:
            status, stdout, stderr = command('connect', server, '--insecure', input='x')
        assert (0, 'x') == (status, stdout), stderr
        assert facts(stderr)[0]['verified'].startswith('no: anybody can be at the other end')

    def test_servername(self, pki):
        """--servername is the name that is asked for and verified."""
        with echo_server(pki.server_context(leaf='other')) as server:
            status, _, stderr = command('connect', server, '--cafile', pki.path('ca'),
                                        '--servername', 'other.example.org')
        assert status == 0
        assert 'yes, for other.example.org' == facts(stderr)[0]['verified']

    @not_in_pair('verify_code')
    def test_lenient(self, pki):
        """--lenient accepts a certificate that is wrong in form alone, and says nothing of it."""
        common = ['--cafile', pki.path('ca'), '--quiet']
        if is_strict:
            with refusing_server(pki.server_context(leaf='no_identifier')) as server:
                assert 'Missing Authority Key Identifier' in command('connect', server, *common)[2]
        with echo_server(pki.server_context(leaf='no_identifier')) as server:
            assert (0, 'x', '') == command('connect', server, '--lenient', *common, input='x')

    def test_client_certificate(self, pki):
        """--cert shows our certificate to a server that asks for it."""
        with echo_server(pki.server_context(trust='ca')) as server:
            status, stdout, _ = command('connect', server, '--cafile', pki.path('ca'),
                                        '--cert', pki.path('client'), input='x')
        assert (0, 'x') == (status, stdout)


def s_server(pki, *arguments):
    """Run ``openssl s_server``, which sends each line back reversed; give what to connect to."""
    @contextlib.contextmanager
    def run():
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        port = listener.getsockname()[1]
        listener.close()
        try:
            process = subprocess.Popen(
                ('openssl', 's_server', '-accept', '127.0.0.1:%d' % port, '-cert',
                 pki.path('localhost'), '-key', pki.path('localhost'), '-rev') + arguments,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError as error:
            pytest.skip('openssl cannot be run here: %s' % error)
        try:
            for line in iter(process.stdout.readline, b''):
                if line.startswith(b'ACCEPT'):
                    break
            yield 'localhost:%d' % port
        finally:
            process.kill()
            process.stdout.read()
            process.stdout.close()
            process.wait()
    return run()


class TestOpenSSL(object):
    """Another program's server."""

    def test_alpn(self, pki):
        """openssl s_server agrees on the protocol, and answers."""
        with s_server(pki, '-alpn', 'h2,http/1.1') as server:
            status, stdout, stderr = command(
                'connect', server, '--cafile', pki.path('ca'), '--alpn', 'x', '--alpn', 'http/1.1',
                input='stressed\n')
        assert (0, 'desserts\n') == (status, stdout)
        assert 'http/1.1' == facts(stderr)[0]['ALPN']

    @only_python2
    def test_their_session(self, pki, tmpdir):
        """A session that openssl can read was written: it resumes it."""
        path = str(tmpdir.join('session'))
        with s_server(pki) as server:
            assert 0 == command('connect', server, '--cafile', pki.path('ca'),
                                '--session-out', path, input='x\n')[0]
            theirs = subprocess.Popen(
                ['openssl', 's_client', '-connect', server, '-sess_in', path, '-ign_eof'],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            theirs.stdin.write(b'CLOSE\n')  # s_server -rev ends there
            said = theirs.communicate()[0]
        assert b'Reused, TLSv1.3' in said


@only_python2
class TestSessions(object):
    """--session-out and --session-in."""

    def test_resumption(self, pki, tls_version, tmpdir):
        """What one command writes, for its owner's eyes alone, the next one resumes."""
        path = str(tmpdir.join('session'))
        common = ['--cafile', pki.path('ca')]
        with echo_server(pki.server_context(version=tls_version)) as server:
            first = command('connect', server, '--session-out', path, *common, input='x')
            second = command('connect', server, '--session-in', path, *common, input='y')
        assert [(0, 'x'), (0, 'y')] == [first[:2], second[:2]]
        assert 0o600 == stat.S_IMODE(os.stat(path).st_mode)
        assert 'new' == facts(first[2])[0]['session']
        shown = facts(second[2])[0]
        assert 'resumed' == shown['session']
        assert 'yes, when the session was new' == shown['verified']

    @pytest.fixture(scope='class')
    def written(self, pki, tmpdir_factory):
        """A file with a session of localhost that was verified."""
        path = str(tmpdir_factory.mktemp('session').join('session'))
        with echo_server(pki.server_context()) as server:
            assert 0 == command('connect', server, '--cafile', pki.path('ca'),
                                '--session-out', path)[0]
        return path

    @pytest.fixture
    def session(self, written, tmpdir):
        """A copy of it."""
        path = str(tmpdir.join('session'))
        shutil.copy(written, path)
        return path

    def test_of_another_server(self, session, pki, capsys):
        """A session of another name is refused before anything is sent."""
        assert 'not a session that was verified for 127.0.0.1' in fails_here(
            capsys, 'connect', '127.0.0.1:9', '--cafile', pki.path('ca'), '--session-in', session)

    def test_not_verified(self, session, capsys):
        """A session of a server that was not verified is refused, unless nothing is verified."""
        with open(session) as file:
            text = file.read()
        with open(session, 'w') as file:
            file.write(text.replace('Verified: yes', 'Verified: no'))
        assert 'not a session that was verified' in fails_here(
            capsys, 'connect', 'localhost:9', '--session-in', session)

    def test_writable_by_others(self, session, capsys):
        """A file that others can write is refused."""
        os.chmod(session, 0o620)
        assert 'others can write to it' in fails_here(
            capsys, 'connect', 'localhost:9', '--session-in', session)

    def test_no_session(self, tmpdir, capsys):
        """A file with something else is refused."""
        path = tmpdir.join('session')
        path.write('nothing')
        os.chmod(str(path), 0o600)
        assert 'no session' in fails_here(
            capsys, 'connect', 'localhost:9', '--insecure', '--session-in', str(path))


@pytest.mark.skipif(PY2, reason='sessions can be written on 2.7')
def test_no_sessions_on_python_3():
    """Where sessions cannot be written, a line says so before anything is done."""
    assert 'need Python 2.7' in fails('connect', 'localhost:9', '--session-out', 'x')


class TestProxy(object):
    """--proxy: the tests' proxy is the server, too, once it has been asked to connect."""

    def head(self, channel):
        """Take the request off *channel*, and answer it."""
        head = channel.until(b'\r\n\r\n').decode('ascii').splitlines()
        channel.send(b'HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n')
        return head[:-1]

    def echo(self, channel, context):
        """Serve TLS inside of what *channel* has already: TLS in TLS with an HTTPS proxy."""
        channel.start_tls(context, server_side=True)
        channel.send(channel.exactly(1))
        channel.shutdown()

    @pytest.mark.parametrize('scheme', ['http', 'https'])
    def test_connect(self, pki, scheme):
        """The proxy is asked for the host and port, with the credentials; TLS follows, or nests."""
        heads = []

        def handle(sock):
            channel = Channel(sock)
            if scheme == 'https':
                channel.start_tls(pki.server_context(), server_side=True)
            heads.append(self.head(channel))
            self.echo(channel, pki.server_context(leaf='other'))
            hang_up(sock)

        with serving(handle) as port:
            status, stdout, stderr = command(
                'connect', 'other.example.org:443', '--cafile', pki.path('ca'), '--proxy',
                '%s://user:p%%40ss@localhost:%d' % (scheme, port), '--proxy-cafile', pki.path('ca'),
                input='x')
        assert (0, 'x') == (status, stdout), stderr
        assert [['CONNECT other.example.org:443 HTTP/1.1', 'Host: other.example.org:443',
                 'Proxy-Authorization: Basic dXNlcjpwQHNz']] == heads
        assert 'other.example.org:443 through localhost' == facts(stderr)[0]['connected']

    def test_refused(self):
        """A proxy that refuses is quoted."""
        def handle(sock):
            Channel(sock).until(b'\r\n\r\n')
            sock.sendall(b'HTTP/1.1 407 Proxy Authentication \x1b[2J\r\n\r\n')

        with serving(handle) as port:
            line = fails('connect', 'other.example.org', '--proxy', 'http://localhost:%d' % port)
        assert (r'the proxy localhost:%d: CONNECT was refused: HTTP/1.1 407 Proxy Authentication'
                r' \x1b[2J' % port == line)

    @pytest.mark.parametrize('scheme', ['http', 'https'])
    def test_silence(self, scheme):
        """A proxy that says nothing is who is blamed."""
        with serving(lambda sock: sock.recv(4096) and sock.recv(4096)) as port:
            line = fails('connect', 'other.example.org', '--timeout', '0.2', '--proxy',
                         '%s://localhost:%d' % (scheme, port))
        assert 'the proxy localhost:%d: nothing came for 0.2 seconds' % port == line

    def test_not_verified(self, pki):
        """An HTTPS proxy has to prove its name as a server has."""
        with refusing_server(pki.server_context(leaf='other')) as server:
            status, _, stderr = command('connect', 'other.example.org', '--proxy',
                                        'https://' + server, '--proxy-cafile', pki.path('ca'))
        assert status == 1
        assert ' is not verified: Hostname mismatch' in stderr and 'the proxy localhost:' in stderr

    @not_in_pair('verify_code')
    @pytest.mark.skipif(not is_strict, reason='only OpenSSL 3 finds a wrong form')
    @pytest.mark.parametrize('leaf, hint', [
        ('self_signed', 'no authority vouches for it; if it is the right one, trust it with'
         ' --proxy-cafile'),
        ('no_identifier', 'its form is wrong, not its origin')])
    def test_hint(self, pki, leaf, hint):
        """What to do names options that the proxy is subject to."""
        with refusing_server(pki.server_context(leaf=leaf)) as server:
            line = command('connect', 'other.example.org', '--proxy', 'https://' + server,
                           '--proxy-cafile', pki.path('ca'))[2].splitlines()[-1]
        assert line.endswith('): %s; nothing was sent' % hint), line


def test_starttls(pki):
    """--starttls talks the protocol until TLS can start."""
    said = []

    def handle(sock):
        talk(sock, AGREED['smtp'])
        secure = pki.server_context().wrap_socket(sock, server_side=True)
        said.append(receive(secure, 6))
        secure.sendall(b'221 bye')
        hang_up(secure.unwrap())

    with serving(handle) as port:
        assert (0, '221 bye', '') == command(
            'connect', 'localhost:%d' % port, '--starttls', 'smtp', '--cafile', pki.path('ca'),
            '--quiet', '--crlf', '--keep-open', input='QUIT\n')
    assert [b'QUIT\r\n'] == said


@pytest.mark.parametrize('answer, said', [
    (b'220 x\r\n250 x\r\n', 'the server does not offer TLS: x'),
    (b'', 'the peer has closed the connection'),
    (b'220 x\r\n250 STARTTLS\r\n220 x\r\nINJECTED', 'the peer sent 8 bytes too many before TLS')])
def test_starttls_refused(answer, said):
    """What goes wrong before TLS comes with host and port, too."""
    def handle(sock):
        sock.sendall(answer)
        hang_up(sock)

    with serving(handle) as port:
        where = 'localhost:%d' % port
        assert '%s: %s' % (where, said) == fails('connect', where, '--starttls', 'smtp')


def goodbye(pki):
    """Return a handler that answers 'hello' with 'bye', and with an orderly end."""
    def handle(sock):
        secure = pki.server_context().wrap_socket(sock, server_side=True)
        assert receive(secure, 5) == b'hello'
        secure.sendall(b'bye')
        hang_up(secure.unwrap())
    return handle


class TestEnd(object):
    """How a connection ends."""

    @knows_openssl_3
    def test_cut_short(self, pki):
        """Without the peer's close_notify what came is written, and the status is 1."""
        def handle(sock):
            secure = pki.server_context().wrap_socket(sock, server_side=True)
            secure.sendall(b'half of it')
            receive(secure, 5)
            hang_up(secure)

        with serving(handle) as port:
            status, stdout, stderr = command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet',
                input='hello')
        assert (1, 'half of it') == (status, stdout), stderr
        assert ('sslproto27: localhost:%d: the server ended the connection in the middle of TLS;'
                ' the data may be cut short\n' % port == stderr)

    def test_keep_open(self, pki):
        """With --keep-open the end of the input is not the end of TLS."""
        with serving(goodbye(pki)) as port:
            assert (0, 'bye', '') == command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet',
                '--keep-open', input='hello')

    def test_server_first(self, pki):
        """The server's end is the end, though more input could come."""
        with serving(goodbye(pki)) as port:
            with started('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                         '--quiet') as process:
                process.stdin.write('hello')
                process.stdin.flush()
                assert ('bye', '') == (process.stdout.read(), process.stderr.read())
                assert 0 == process.wait()

    def test_reset(self, pki):
        """A connection that the server resets is one line."""
        def handle(sock):
            secure = pki.server_context().wrap_socket(sock, server_side=True)
            assert receive(secure, 5) == b'hello'
            secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            secure.close()

        with serving(handle) as port:
            with started('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                         '--quiet') as process:
                process.stdin.write('hello')
                process.stdin.flush()
                line = 'sslproto27: localhost:%d: Connection reset by peer\n' % port
                assert ('', line) == (process.stdout.read(), process.stderr.read())
                assert 1 == process.wait()

    def test_interrupt(self, pki):
        """Ctrl-C ends it with status 130, and without a word."""
        def handle(sock):
            secure = pki.server_context().wrap_socket(sock, server_side=True)
            secure.sendall(secure.recv(1))
            try:
                secure.recv(1)  # until the client is gone
            except (ssl.SSLError, socket.error):
                pass
            secure.close()

        with serving(handle) as port:
            with started('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                         '--quiet') as process:
                process.stdin.write('x')
                process.stdin.flush()
                assert 'x' == process.stdout.read(1)
                process.send_signal(signal.SIGINT)
                assert ('', '') == process.communicate()
                assert 130 == process.returncode


class TestMistakes(object):
    """A user's mistake is one line."""

    @pytest.mark.parametrize('arguments, status, said', [
        (['localhost:x'], 2, 'localhost:x is not HOST:PORT'),
        (['localhost:70000'], 2, 'localhost:70000 is not HOST:PORT'),
        (['::1'], 2, 'an IPv6 address is written [::1]:PORT'),
        (['local host'], 2, 'local host is not HOST:PORT'),
        (['a..b'], 2, 'a..b is not the name of a host'),
        (['localhost:9', '--servername', 'a..b'], 2, '--servername: a..b is not the name'),
        (['localhost:9', '--cafile', '/nowhere'], 1, '--cafile /nowhere: No such file'),
        (['localhost:9', '--cafile', os.devnull], 1, '--cafile /dev/null: '),
        (['localhost:9', '--cert', '/nowhere'], 1, '--cert /nowhere: No such file or directory'),
        (['localhost:9', '--key', 'x'], 2, '--key needs --cert'),
    ])
    def test_argument(self, arguments, status, said, capsys):
        """An argument that cannot be used is named."""
        assert said in fails_here(capsys, 'connect', *arguments, status=status)

    @pytest.mark.parametrize('arguments', [
        ['localhost', '--starttls', 'http'], ['localhost', '--proxy', 'ftp://x'],
        ['localhost', '--proxy', 'http://x:y'], ['localhost', '--alpn', ''],
        ['localhost', '--alpn', 'x' * 256],
        ['localhost', '--timeout', '0'], ['localhost', '--timeout', 'x'], []])
    def test_usage(self, arguments, capsys):
        """A wrong command line is one line, with status 2."""
        with pytest.raises(SystemExit) as info:
            main(['connect'] + arguments)
        assert 2 == info.value.code
        stdout, stderr = capsys.readouterr()
        assert '' == stdout
        assert stderr.startswith('sslproto27 connect: ')
        assert stderr.endswith(' (see sslproto27 connect --help)\n')
        assert 1 == stderr.count('\n')

    def test_closed_input(self):
        """A closed standard input, whose number the connection would get, is refused."""
        with running(['-m', 'sslproto27', 'connect', 'localhost:9'],
                     preexec_fn=lambda: os.close(0)) as process:
            assert ('', 'sslproto27: standard input is closed\n') == process.communicate()

    def test_nobody_there(self):
        """A port where nobody listens."""
        sock = socket.socket()
        sock.bind(('127.0.0.1', 0))
        where = 'localhost:%d' % sock.getsockname()[1]
        assert where + ': Connection refused' == fails('connect', where)
        sock.close()

    def test_unknown_host(self, monkeypatch, capsys):
        """A name that nobody knows."""
        def unknown(*args):
            raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
        monkeypatch.setattr(socket, 'getaddrinfo', unknown)
        assert 'nowhere.invalid:443: Name or service not known' == fails_here(
            capsys, 'connect', 'nowhere.invalid')

    def test_no_connection(self, capsys):
        """A host that does not take the connection is given up after --timeout."""
        listener, waiting = socket.socket(), [socket.socket() for _ in range(4)]
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        for sock in waiting:  # who nobody accepts, and in the end nobody answers
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        where = '127.0.0.1:%d' % listener.getsockname()[1]
        assert where + ': no connection in 0.2 seconds' == fails_here(
            capsys, 'connect', where, '--timeout', '0.2')
        for sock in waiting + [listener]:
            sock.close()

    def test_no_tls(self):
        """A server that speaks something else."""
        with serving(lambda sock: sock.sendall(b'220 I speak SMTP, and no TLS\r\n')) as port:
            assert 'the server does not speak TLS' in fails('connect', 'localhost:%d' % port)

    def test_silence(self):
        """A server that says nothing is given up after --timeout."""
        with serving(lambda sock: sock.recv(4096) and sock.recv(4096)) as port:
            line = fails('connect', 'localhost:%d' % port, '--timeout', '0.2')
        assert 'nothing came for 0.2 seconds' in line
