"""``connect``, against stock ssl's servers, openssl's, and proxies."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import re
import shutil
import socket
import stat
import subprocess

import pytest

from sslproto27.__main__ import main
from tests.support.commands import (
    command, facts, fails, fails_here, is_strict, on_terminal, refusing_server, shows_chains,
    starts_programs)
from tests.support.engines import not_in_pair
from tests.support.memory import PY2, only_python2
from tests.support.peers import echo_tls, hang_up, receive, serving, talk
from tests.support.programs import running
from tests.support.starttls import AGREED

pytestmark = starts_programs


@contextlib.contextmanager
def echo_server(context):
    """Serve echoes; give what `connect` is told: localhost and the port."""
    with serving(lambda sock: echo_tls(sock, context)) as port:
        yield 'localhost:%d' % port


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
        assert re.match(r'sslproto27: %s is not verified: %s(: .*)?\. No data was sent(\. .*)?$' % (
            server, reason), lines[-1]) is not None
        if not shows_chains:
            assert len(lines) == 1
            return
        assert 'Certificate chain of %s, as far as known:' % server == lines[0]
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
