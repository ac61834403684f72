"""Our SSLObject over loopback sockets, against programs and sockets that know nothing of us."""
from __future__ import absolute_import, division, print_function

import re
import socket
import ssl
import subprocess
import threading

import pytest

from sslproto27 import SSLCertVerificationError
from tests.support.memory import (
    Pair, error_facts, knows_openssl_3, only_python2, raised, since_python3)
from tests.support.socket_ends import ALLOW_RENEGOTIATION, SocketEnd
from tests.support.sockets import PATIENCE, Background

FLAGS = {'TLSv1.2': '-tls1_2', 'TLSv1.3': '-tls1_3'}


@pytest.fixture
def listener():
    """A listening socket on loopback."""
    sock = socket.socket()
    sock.settimeout(PATIENCE)
    sock.bind(('127.0.0.1', 0))
    sock.listen(5)
    yield sock
    sock.close()


@pytest.fixture
def sockets(listener):
    """Both ends of one TCP connection; they time out rather than hang."""
    near = socket.create_connection(listener.getsockname(), PATIENCE)
    far = listener.accept()[0]
    for sock in (near, far):
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield near, far
    near.close()
    far.close()


def echo(sock, context, answers=None, **kwargs):
    """
    Speak TLS over *sock* by the interpreter's own SSLSocket: send back what comes, until the
    peer closes.
    """
    tls = context.wrap_socket(sock, **kwargs)
    try:
        if answers is not None:
            answers.update(version=tls.version(), cipher=tls.cipher(), peer=tls.getpeercert(True),
                           alpn=tls.selected_alpn_protocol(), binding=tls.get_channel_binding())
        while True:
            data = tls.recv(16384)
            if not data:
                break
            tls.sendall(data)
        tls.unwrap().close()
    finally:
        tls.close()


SIZES = [1, 100, 16384, 16385, 60000]  # not so much that both sides block in a write


def converse(ours):
    """Send messages of `SIZES`, read each back, close; return the sizes that came back right."""
    right = []
    for size in SIZES:
        data = (bytes(bytearray(i % 251 for i in range(1000))) * (size // 1000 + 1))[:size]
        ours.call('write', data)
        if data == ours.read_exactly(size):
            right.append(size)
    ours.call('unwrap')
    return right


class TestBlockingSockets(object):
    """The interpreter's own ssl sockets."""

    def test_our_client(self, sockets, client_context, server_context, tls_version, pki):
        """A client of ours talks to an SSLSocket's server, and both name the same parameters."""
        answers = {}
        peer = Background(lambda: echo(sockets[1], server_context, answers, server_side=True))
        ours = SocketEnd(sockets[0], client_context, server_hostname='localhost')
        ours.call('do_handshake')
        assert SIZES == converse(ours)
        peer.result()
        assert (tls_version, tls_version) == (ours.sslobj.version(), answers['version'])
        assert answers['cipher'] == ours.sslobj.cipher()
        assert pki.chain('localhost')[0] == ours.sslobj.getpeercert(True)

    def test_our_server(self, sockets, server_context, tls_version, pki):
        """A server of ours talks to an SSLSocket's client, which verifies our certificate."""
        answers, context = {}, pki.client_context(tls_version)
        peer = Background(lambda: echo(sockets[1], context, answers, server_hostname='localhost'))
        ours = SocketEnd(sockets[0], server_context, server_side=True)
        ours.call('do_handshake')
        assert SIZES == converse(ours)
        peer.result()
        assert (tls_version, tls_version) == (ours.sslobj.version(), answers['version'])
        assert answers['cipher'] == ours.sslobj.cipher()
        assert pki.chain('localhost')[0] == answers['peer']

    @pytest.mark.parametrize('ours_is_server', [False, True], ids=['our client', 'our server'])
    def test_alpn(self, sockets, client_context, server_context, ours_is_server):
        """Both sides agree on the application protocol."""
        answers = {}
        client_context.set_alpn_protocols(['h2', 'http/1.1'])
        server_context.set_alpn_protocols(['http/1.1'])
        if ours_is_server:
            peer = Background(lambda: echo(sockets[1], client_context, answers,
                                           server_hostname='localhost'))
            ours = SocketEnd(sockets[0], server_context, server_side=True)
        else:
            peer = Background(lambda: echo(sockets[1], server_context, answers, server_side=True))
            ours = SocketEnd(sockets[0], client_context, server_hostname='localhost')
        ours.call('do_handshake')
        ours.call('unwrap')
        peer.result()
        assert ('http/1.1', 'http/1.1') == (ours.sslobj.selected_alpn_protocol(), answers['alpn'])

    def test_client_certificate(self, sockets, pki, tls_version):
        """An SSLSocket's server gets our client's certificate."""
        answers = {}
        context = pki.server_context(version=tls_version, trust='ca')
        peer = Background(lambda: echo(sockets[1], context, answers, server_side=True))
        ours = SocketEnd(sockets[0], pki.client_context(tls_version, leaf='client'),
                         server_hostname='localhost')
        ours.call('do_handshake')
        ours.call('unwrap')
        peer.result()
        assert pki.chain('client')[0] == answers['peer']

    def test_resumption(self, listener, client_context, server_context):
        """A session with an SSLSocket's server is resumed on the next connection."""
        session, reused = None, []
        for _ in range(2):
            near = socket.create_connection(listener.getsockname(), PATIENCE)
            far = listener.accept()[0]
            far.settimeout(PATIENCE)
            peer = Background(lambda: echo(far, server_context, server_side=True))
            ours = SocketEnd(near, client_context, server_hostname='localhost', session=session)
            ours.call('do_handshake')
            ours.call('write', b'x')
            assert b'x' == ours.read_exactly(1)
            session = ours.sslobj.session
            reused.append(ours.sslobj.session_reused)
            ours.call('unwrap')
            peer.result()
            near.close()
        assert [False, True] == reused

    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    def test_channel_binding(self, listener, client_context, server_context):
        """tls-unique is what an SSLSocket has too, of a full handshake and of a resumed one."""
        session, seen = None, []
        for _ in range(2):
            answers = {}
            near = socket.create_connection(listener.getsockname(), PATIENCE)
            far = listener.accept()[0]
            far.settimeout(PATIENCE)
            peer = Background(lambda: echo(far, server_context, answers, server_side=True))
            ours = SocketEnd(near, client_context, server_hostname='localhost', session=session)
            ours.call('do_handshake')
            ours.call('write', b'x')
            assert b'x' == ours.read_exactly(1)
            session = ours.sslobj.session
            ours.call('unwrap')
            peer.result()
            near.close()
            seen.append((ours.sslobj.session_reused, ours.sslobj.get_channel_binding()))
            assert answers['binding'] == seen[-1][1]
        assert [False, True] == [reused for reused, _ in seen]

    def test_our_failure_is_not_theirs(self, sockets, pki, client_context, server_context,
                                       tls_version):
        """A failed handshake of ours leaves no error behind that a socket takes for its own."""
        peer = Background(lambda: echo(sockets[1], server_context, server_side=True))
        tls = client_context.wrap_socket(sockets[0], server_hostname='localhost')
        tls.setblocking(False)
        stranger = pki.server_context('stranger', tls_version)
        errors = Pair(client_context, stranger).try_handshake()
        assert [True, True] == [isinstance(error, ssl.SSLError) for error in errors]
        assert ssl.SSLWantReadError is type(raised(tls.recv, 1))
        tls.settimeout(PATIENCE)
        tls.unwrap().close()
        tls.close()
        peer.result()

    def test_refused_by_us(self, sockets, pki, client_context, tls_version):
        """A stranger's SSLSocket is refused, and gets our alert."""
        context = pki.server_context('stranger', tls_version)
        peer = Background(lambda: echo(sockets[1], context, server_side=True))
        ours = SocketEnd(sockets[0], client_context, server_hostname='localhost')
        assert SSLCertVerificationError is type(raised(ours.call, 'do_handshake'))
        assert 'UNKNOWN_CA' in raised(peer.result).reason

    def test_refused_by_them(self, sockets, pki, tls_version):
        """An SSLSocket's client that does not trust us sends its alert, which is our error."""
        context = pki.client_context(tls_version, trust='stranger-ca')
        peer = Background(lambda: echo(sockets[1], context, server_hostname='localhost'))
        ours = SocketEnd(sockets[0], pki.server_context(version=tls_version), server_side=True)
        error = raised(ours.call, 'do_handshake')
        assert (ssl.SSLError, 1, 'SSL', 'TLSV1_ALERT_UNKNOWN_CA') == error_facts(error)
        assert isinstance(raised(peer.result), ssl.SSLError)

    @knows_openssl_3
    def test_truncation(self, sockets, client_context, server_context):
        """A peer that drops the connection without close_notify is SSLEOFError, after its data."""
        def vanish():
            tls = server_context.wrap_socket(sockets[1], server_side=True)
            tls.sendall(b'last words')
            tls.shutdown(socket.SHUT_WR)
            tls.close()
        peer = Background(vanish)
        ours = SocketEnd(sockets[0], client_context, server_hostname='localhost')
        ours.call('do_handshake')
        assert b'last words' == ours.read_exactly(10)
        assert ssl.SSLEOFError is type(raised(ours.call, 'read'))
        peer.result()


@pytest.fixture
def openssl():
    """A function that starts the openssl program; all that it started is ended afterwards."""
    try:
        subprocess.Popen(['openssl', 'version'], stdout=subprocess.PIPE).communicate()
    except OSError as error:
        pytest.skip('no openssl program: %s' % error)
    running, timers = [], []

    def start(*args):
        process = subprocess.Popen(('openssl',) + args, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        running.append(process)
        timers.append(timer)
        return process
    yield start
    for timer in timers:
        timer.cancel()
        timer.join()
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def s_server(openssl, pki, tls_version):
    """A function that starts `openssl s_server`; it returns a socket that is connected to it."""
    sockets = []

    def start(*args):
        process = openssl('s_server', '-accept', '127.0.0.1:0', '-naccept', '1', FLAGS[tls_version],
                          '-cert', pki.path('localhost'), *args)
        line = b'none'
        while line and not line.startswith(b'ACCEPT'):
            line = process.stdout.readline()
        port = int(re.search(b':([0-9]+)\\s*$', line).group(1))
        sockets.append(socket.create_connection(('127.0.0.1', port), PATIENCE))
        return sockets[-1]
    yield start
    for sock in sockets:
        sock.close()


@pytest.fixture
def s_client(openssl, pki, tls_version, listener):
    """
    A function that starts `openssl s_client`; it returns the process and the socket that it
    connected.
    """
    sockets = []

    def start(*args):
        process = openssl('s_client', '-connect', '127.0.0.1:%d' % listener.getsockname()[1],
                          '-servername', 'localhost', '-verify_return_error', FLAGS[tls_version],
                          *args)
        sockets.append(listener.accept()[0])
        sockets[-1].settimeout(PATIENCE)
        return process, sockets[-1]
    yield start
    for sock in sockets:
        sock.close()


class TestOpenSSLPrograms(object):
    """openssl s_server and openssl s_client."""

    def test_s_server(self, s_server, client_context, tls_version, pki):
        """A client of ours talks to s_server, which sends each line back reversed."""
        ours = SocketEnd(s_server('-rev'), client_context, server_hostname='localhost')
        ours.call('do_handshake')
        assert (tls_version, pki.chain('localhost')[0]) == (
            ours.sslobj.version(), ours.sslobj.getpeercert(True))
        for line in (b'stressed\n', b'x' * 5000 + b'y\n'):
            ours.call('write', line)
            assert line[-2::-1] + b'\n' == ours.read_exactly(len(line))

    def test_s_server_asks_for_a_certificate(self, s_server, pki, tls_version):
        """s_server gets our client's certificate when it insists on one."""
        sock = s_server('-rev', '-Verify', '3', '-CAfile', pki.path('ca'), '-verify_return_error')
        ours = SocketEnd(sock, pki.client_context(tls_version, leaf='client'),
                         server_hostname='localhost')
        ours.call('do_handshake')
        ours.call('write', b'stressed\n')
        assert b'desserts\n' == ours.read_exactly(9)

    @since_python3(8, 'the names of TLS 1.3 alerts')
    def test_s_server_refuses(self, s_server, pki, client_context):
        """s_server's alert is our error when we have no certificate and it insists on one."""
        sock = s_server('-rev', '-Verify', '3', '-CAfile', pki.path('ca'), '-verify_return_error')
        ours = SocketEnd(sock, client_context, server_hostname='localhost')

        def talk():
            ours.call('do_handshake')
            ours.call('read')
        error = raised(talk)
        assert (ssl.SSLError, True) == (type(error), error.reason in (
            'TLSV13_ALERT_CERTIFICATE_REQUIRED', 'SSLV3_ALERT_HANDSHAKE_FAILURE'))

    def test_s_client(self, s_client, server_context, tls_version, pki):
        """A server of ours talks to s_client, which verifies our certificate and name."""
        process, sock = s_client('-quiet', '-CAfile', pki.path('ca'),
                                 '-verify_hostname', 'localhost')
        ours = SocketEnd(sock, server_context, server_side=True)
        ours.call('do_handshake')
        assert tls_version == ours.sslobj.version()
        process.stdin.write(b'to the server\n')
        process.stdin.flush()
        assert b'to the server\n' == ours.read_exactly(14)
        ours.call('write', b'to the client\n' * 3000)
        assert b'to the client\n' * 3000 == process.stdout.read(42000)
        raised(ours.sslobj.unwrap)
        ours.flush()
        sock.close()
        process.communicate()
        assert 0 == process.returncode

    def test_s_client_refuses(self, s_client, server_context, pki):
        """s_client's alert is our error when it does not trust us."""
        process, sock = s_client('-quiet', '-CAfile', pki.path('stranger-ca'))
        ours = SocketEnd(sock, server_context, server_side=True)
        assert 'TLSV1_ALERT_UNKNOWN_CA' == raised(ours.call, 'do_handshake').reason
        process.communicate()
        assert 0 != process.returncode

    def test_s_client_closes(self, s_client, server_context, pki):
        """s_client's close_notify at the end of its input is b'' for us, after its data."""
        process, sock = s_client('-quiet', '-no_ign_eof', '-CAfile', pki.path('ca'))
        ours = SocketEnd(sock, server_context, server_side=True)
        ours.call('do_handshake')
        process.stdin.write(b'last words\n')
        process.stdin.close()
        process.stdin = None
        assert (b'last words\n', b'') == (ours.read_exactly(11), ours.call('read'))

    @pytest.mark.parametrize('tls_version', ['TLSv1.3'])
    def test_key_update(self, s_client, server_context, pki):
        """
        New keys in mid-connection, at s_client's request, go unnoticed by those who read and
        write.
        """
        process, sock = s_client('-CAfile', pki.path('ca'))
        ours = SocketEnd(sock, server_context, server_side=True)
        ours.call('do_handshake')
        for request in (b'k\n', b'K\n'):
            process.stdin.write(request)
            process.stdin.flush()
            ours.receive()
            assert ssl.SSLWantReadError is type(raised(ours.sslobj.read))
            process.stdin.write(b'with new keys\n')
            process.stdin.flush()
            assert b'with new keys\n' == ours.read_exactly(14)
        ours.call('write', b'mine are new too\n')
        line = b'none'
        while line and line != b'mine are new too\n':
            line = process.stdout.readline()
        assert b'mine are new too\n' == line

    @pytest.mark.parametrize('tls_version', ['TLSv1.2'])
    def test_renegotiation(self, s_client, server_context, pki):
        """Where the context allows it, s_client may shake hands anew; who reads does not notice."""
        server_context.options |= ALLOW_RENEGOTIATION
        process, sock = s_client('-CAfile', pki.path('ca'))
        ours = SocketEnd(sock, server_context, server_side=True)
        ours.call('do_handshake')
        before = ours.sslobj.get_channel_binding()
        process.stdin.write(b'R\n')
        process.stdin.flush()
        while ours.sslobj.get_channel_binding() in (before, None):
            ours.receive()
            assert ssl.SSLWantReadError is type(raised(ours.sslobj.read))
            ours.flush()
        process.stdin.write(b'hello again\n')
        process.stdin.flush()
        assert b'hello again\n' == ours.read_exactly(12)

    @only_python2
    @pytest.mark.parametrize('tls_version', ['TLSv1.3'])
    def test_channel_binding(self, s_client, server_context, pki):
        """tls-exporter is what s_client exports under the label of RFC 9266."""
        process, sock = s_client('-CAfile', pki.path('ca'), '-keymatexportlen', '32',
                                 '-keymatexport', 'EXPORTER-Channel-Binding')
        ours = SocketEnd(sock, server_context, server_side=True)
        ours.call('do_handshake')
        line = b'none'
        while line and b'Keying material: ' not in line:
            line = process.stdout.readline()
        exported = line.split(b': ')[1].strip().decode('ascii')
        binding = bytearray(ours.sslobj.get_channel_binding('tls-exporter'))
        assert exported == ''.join('%02X' % byte for byte in binding)
