"""What the proxy carries, and for how long."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from sslproto27 import SSLPipe, SSLSocket
from tests.support.commands import command, starts_programs
from tests.support.engines import ENGINE
from tests.support.memory import only_python2
from tests.support.peers import PATIENCE, echo_tls, hang_up, receive, serving
from tests.support.programs import running
from tests.support.proxies import (
    STOPPED, assert_end, await_refusal, connect, log_of, log_size, proxy, round_trip, secure,
    service)

pytestmark = [only_python2, starts_programs]  # Trollius runs on 2.7 alone


#: The command line, whose services all choose a protocol that nobody has offered, as they cannot
#: where OpenSSL refuses that itself.
OTHER_CHOICE = """
import sys
from sslproto27.__main__ import main
from sslproto27._cli import relay
class Transport(object):
    def __init__(self, transport):
        self._transport = transport
    def get_extra_info(self, name):
        return 'other' if name == 'alpn_protocol' else self._transport.get_extra_info(name)
    def __getattr__(self, name):
        return getattr(self._transport, name)
class Connection(relay._Connection):
    def made(self, side):
        if side is self.back:
            side.transport = Transport(side.transport)
        super(Connection, self).made(side)
relay._Connection = Connection
sys.exit(main())
"""


class TestTerminator(object):
    """TLS with clients, none with the service."""

    def test_log(self, pki, tls_version, tmpdir):
        """Data goes both ways, its end too; the log tells what a connection was."""
        log = str(tmpdir.join('log'))
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--alpn', 'h2',
                                      '--access-log', log) as (front, process):
            status, stdout, stderr = command(
                'connect', 'localhost:%d' % front, '--cafile', pki.path('ca'), '--alpn', 'h2',
                '--tls', tls_version[-3:], input='hello')
            assert (0, 'hello.') == (status, stdout), stderr
            process.send_signal(signal.SIGTERM)
            assert ('', STOPPED) == process.communicate()
            assert 0 == process.returncode
        line, = log_of(log, 1)
        resumed = None if ENGINE == 'pair' else False  # which a server cannot tell there
        assert ('localhost', tls_version, 'h2', None, resumed, 5, 6) == tuple(
            line[name] for name in ('server_name', 'version', 'alpn', 'client', 'resumed',
                                    'received', 'sent'))
        assert line['peer'].startswith('127.0.0.1:')
        assert line['time'].endswith('Z') and line['seconds'] >= 0
        assert 'error' not in line

    def test_large(self, pki):
        """Five megabytes go through and back, though neither end has room for them."""
        data = os.urandom(5 << 20)
        came = []

        def slow(sock):
            came.append(receive(sock, len(data)))
            sock.sendall(came[0])
            hang_up(sock)

        with service(slow) as port, proxy(port, '--cert', pki.path('localhost')) as (front, _):
            sock = secure(pki, front)
            sock.sendall(data)
            assert receive(sock, len(data)) == data == came[0]
            assert b'' == sock.recv(1)
            sock.close()

    def test_held_back(self, pki):
        """A client that sends more than the service takes has to wait until it takes that."""
        enough = threading.Event()

        def wait(sock):
            enough.wait(PATIENCE)
            while sock.recv(1 << 20):
                pass

        with service(wait) as port, proxy(port, '--cert', pki.path('localhost')) as (front, _):
            sock = secure(pki, front)
            sock.settimeout(1)
            with pytest.raises(socket.timeout):
                sock.sendall(b'x' * (64 << 20))
            enough.set()
            assert [[], [sock], []] == list(select.select([], [sock], [], PATIENCE))
            sock.close()

    def test_slow_service(self, pki):
        """What a client says with its handshake, and its end, wait for a service that is slow."""
        listener, busy = socket.socket(), [socket.socket() for _ in range(4)]
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        for sock in busy:  # until these are accepted nobody else is connected
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        with proxy(listener.getsockname()[1], '--cert', pki.path('localhost')) as (front, _):
            sock = connect(front)
            pipe = SSLPipe(pki.client_context('TLSv1.3'), server_hostname='localhost')
            pipe.do_handshake()
            sock.sendall(pipe.data_to_send())
            while pipe.state == 'HANDSHAKE':
                pipe.feed_ssldata(sock.recv(65536))
            pipe.feed_appdata(b'early')
            pipe.shutdown()
            sock.sendall(pipe.data_to_send())
            said = self.answer(listener, busy)
            while pipe.state == 'CLOSING':
                pipe.feed_ssldata(sock.recv(65536))
            sock.close()
        assert (b'early', b'late') == (said, pipe.appdata_received())

    def answer(self, listener, busy):
        """Accept clients until one says something; answer; return what it said."""
        for sock in busy:
            sock.close()
        socks, said = [listener], b''
        while not said:
            for sock in select.select(socks, [], [], PATIENCE)[0]:
                if sock is listener:
                    socks.append(listener.accept()[0])
                    continue
                said = receive(sock, 100)
                if said:
                    sock.sendall(b'late')
                    hang_up(sock)
                socks.remove(sock)
        for sock in socks:
            sock.close()
        return said

    def test_service_speaks_first(self, pki):
        """What the service says comes before the client has said anything."""
        def greet(sock):
            sock.sendall(b'220 hello')
            hang_up(sock)

        with service(greet) as port, proxy(port, '--cert', pki.path('localhost')) as (front, _):
            sock = secure(pki, front)
            assert b'220 hello' == receive(sock, 100)
            sock.close()

    def test_certificate_by_name(self, pki):
        """A client gets the certificate for the name that it wants, else the first one."""
        wanted = [('localhost', 'localhost'), ('other.example.org', 'other'),
                  ('OTHER.example.org', 'other'), ('a.example.org', 'wildcard'),
                  ('127.0.0.1', 'localhost')]
        with service() as port, proxy(port, *[
                argument for one in ('localhost', 'other', 'wildcard')
                for argument in ('--cert', pki.path(one))]) as (front, _):
            for name, leaf in wanted:
                sock = secure(pki, front, name)
                assert (name, pki.chain(leaf)[0]) == (name, sock.getpeercert(True))
                assert b'hello' == round_trip(sock)
                sock.close()

    @pytest.mark.parametrize('name', ['b\xc3\xbccher.example', 'b\xfccher', '\xc3\xa9' * 127,
                                      'a.\xff.example.org', 'xn--\xff'])
    def test_odd_name(self, pki, tmpdir, name):
        """A client that asks for what is no name gets the first one. The log has what it asked."""
        log = str(tmpdir.join('log'))
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--cert', pki.path('wildcard'),
                '--access-log', log) as (front, process):
            try:
                client = subprocess.Popen(
                    ['openssl', 's_client', '-connect', '127.0.0.1:%d' % front, '-servername', name,
                     '-CAfile', pki.path('ca'), '-verify_return_error'], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            except OSError as error:
                pytest.skip('openssl cannot be run here: %s' % error)
            said = client.communicate(b'Q\n')[0]
            if ENGINE == 'pair':  # 2.7's ssl would have to decode it
                assert 'unrecognized name' in said
            else:
                assert 0 == client.returncode, said
                assert ssl.DER_cert_to_PEM_cert(pki.chain('localhost')[0]).strip() in said
            process.send_signal(signal.SIGTERM)
            assert 'Exception' not in process.communicate()[1]
        if ENGINE != 'pair':
            assert name.decode('utf-8', 'replace') == log_of(log, 1)[0]['server_name']

    def test_client_certificates(self, pki, tmpdir):
        """--client-ca lets in who is known, by name in the log, and nobody else."""
        log = str(tmpdir.join('log'))
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--client-ca', pki.path('ca'),
                '--access-log', log) as (front, process):
            sock = secure(pki, front, leaf='client')
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()
            with pytest.raises((ssl.SSLError, socket.error)):
                round_trip(secure(pki, front))
            process.send_signal(signal.SIGTERM)
            process.communicate()
        welcome, refused = sorted(log_of(log, 2), key=lambda line: 'error' in line)
        assert 'client.example.org' == welcome['client']
        assert 'PEER_DID_NOT_RETURN_A_CERTIFICATE' in refused['error']
        assert refused['peer'].startswith('127.0.0.1:')

    def test_no_service(self, pki, tmpdir):
        """Where the service is gone the client is cut off, and the log says why."""
        log = str(tmpdir.join('log'))
        with service() as port:
            pass
        with proxy(port, '--cert', pki.path('localhost'), '--access-log', log) as (front, process):
            with pytest.raises((ssl.SSLError, socket.error)):
                sock = secure(pki, front)
                sock.recv(1)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        assert 'service: ' in log_of(log, 1)[0]['error']

    def test_no_service_is_told(self, pki):
        """That it is gone is a line, also without a log, and not one for each client."""
        with service() as port:
            pass
        with proxy(port, '--cert', pki.path('localhost')) as (front, process):
            for _ in range(3):
                with pytest.raises((ssl.SSLError, socket.error)):
                    secure(pki, front).recv(1)
            process.send_signal(signal.SIGTERM)
            assert ('', 'sslproto27: service 127.0.0.1:%d: Connection refused\n' % port + STOPPED
                    ) == process.communicate()

    @pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no /dev/full')
    def test_full_log(self, pki):
        """An access log on a full disk is told of once, and clients are served on."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--access-log',
                                      '/dev/full') as (front, process):
            for _ in range(3):
                sock = secure(pki, front)
                assert b'hello' == round_trip(sock)
                sock.unwrap().close()
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate()
        assert ['sslproto27: the access log loses lines: No space left on device'] == [
            line for line in stderr.splitlines() if 'log' in line]
        assert 0 == process.returncode

    def test_log_on_standard_output(self, pki):
        """--access-log - is standard output, after a reload, too."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'),
                                      '--access-log', '-') as (front, process):
            for name in ('before', 'after'):
                sock = secure(pki, front)
                assert name == round_trip(sock, name)
                sock.unwrap().close()
                assert len(name) == json.loads(process.stdout.readline())['received']
                process.send_signal(signal.SIGHUP)
                assert 'reloaded\n' == process.stderr.readline()


class TestOriginator(object):
    """TLS with the service, none with clients, or on both sides."""

    def test_echo(self, pki):
        """A plain client talks to a TLS service whose name is verified."""
        def serve(sock):
            there = pki.server_context(leaf='other').wrap_socket(sock, server_side=True)
            assert b'hello' == receive(there, 5)
            there.sendall(b'HELLO')
            hang_up(there.unwrap())

        with serving(serve) as port, proxy(
                port, '--to-tls', '--to-cafile', pki.path('ca'), '--to-name',
                'other.example.org') as (front, _):
            sock = connect(front)
            assert b'HELLO' == round_trip(sock)
            assert b'' == sock.recv(1)
            sock.close()

    def test_both(self, pki):
        """
        TLS is spoken on both sides, to a service that wants a certificate, and learns of the
        client's end.
        """
        def serve(sock):
            echo_tls(sock, pki.server_context(trust='ca'))

        with serving(serve) as port, proxy(
                port, '--cert', pki.path('localhost'), '--to-tls', '--to-cafile', pki.path('ca'),
                '--to-name', 'localhost', '--to-cert', pki.path('client')) as (front, _):
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()

    @pytest.mark.parametrize('of_client', [
        ['h2', 'http/1.1'], ['http/1.1', 'h2'], ['http/1.1'], ['x'], []], ids=str)
    @pytest.mark.parametrize('order', [['h2', 'http/1.1'], ['http/1.1', 'h2']], ids=str)
    def test_protocol(self, pki, order, of_client):
        """The service speaks what its client has agreed on, whatever it would have preferred."""
        agreed = ([one for one in order if one in of_client] + [None])[0]
        context = pki.server_context()
        context.set_alpn_protocols(['h2', 'http/1.1'])

        def serve(sock):
            there = context.wrap_socket(sock, server_side=True)
            there.sendall(str(there.selected_alpn_protocol()))
            hang_up(there.unwrap())

        with serving(serve) as port, proxy(
                port, '--cert', pki.path('localhost'), '--cert', pki.path('other'), '--to-tls',
                '--to-cafile', pki.path('ca'), '--to-name', 'localhost', '--alpn', order[0],
                '--alpn', order[1]) as (front, _):
            for name in ('localhost', 'other.example.org'):
                mine = pki.client_context()
                if of_client:
                    mine.set_alpn_protocols(of_client)
                sock = secure(pki, front, name, context=mine)
                assert agreed == sock.selected_alpn_protocol()
                assert str(agreed) == receive(sock, 8)
                sock.close()

    def test_no_choice(self, pki):
        """A service that chooses no protocol may speak the client's."""
        def serve(sock):
            echo_tls(sock, pki.server_context())

        with serving(serve) as port, proxy(
                port, '--cert', pki.path('localhost'), '--to-tls', '--to-cafile', pki.path('ca'),
                '--to-name', 'localhost', '--alpn', 'http/1.1', '--alpn', 'h2') as (front, _):
            context = pki.client_context()
            context.set_alpn_protocols(['http/1.1'])
            sock = secure(pki, front, context=context)
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()

    @pytest.mark.parametrize('agreed', ['h2', None])
    def test_other_choice(self, pki, tmpdir, agreed):
        """A service that chooses another protocol gets nothing, and its client is cut off."""
        log = str(tmpdir.join('log'))
        got = []

        def serve(sock):
            try:
                got.append(pki.server_context().wrap_socket(sock, server_side=True).recv(1))
            except (ssl.SSLError, socket.error):
                pass

        context = pki.client_context()
        if agreed:
            context.set_alpn_protocols([agreed])
        with serving(serve) as port, running(
                ['-c', OTHER_CHOICE, 'proxy', '--listen', '127.0.0.1:0', '--to', '127.0.0.1:%d'
                 % port, '--cert', pki.path('localhost'), '--to-tls', '--to-cafile',
                 pki.path('ca'), '--to-name', 'localhost', '--alpn', 'h2', '--access-log', log],
                PATIENCE) as process:
            sock = secure(pki, int(process.stdout.readline().rpartition(':')[2]), context=context)
            sock.sendall(b'secret')
            assert_end(sock)
            error = 'it chose other, its client ' + (agreed or 'nothing')
            assert 'sslproto27: service 127.0.0.1:%d: %s\n' % (
                port, error) == process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert ('', STOPPED) == process.communicate()
        line, = log_of(log, 1)
        assert ('service: ' + error, 0) == (line['error'], line['sent'])
        assert [] == [data for data in got if data]

    def test_wrong_service(self, pki, tmpdir):
        """A service that is another one gets nothing, nor does its client."""
        log = str(tmpdir.join('log'))
        got = []

        def serve(sock):
            try:
                got.append(pki.server_context(leaf='other').wrap_socket(
                    sock, server_side=True).recv(1))
            except (ssl.SSLError, socket.error):
                pass

        with serving(serve) as port, proxy(
                port, '--to-tls', '--to-cafile', pki.path('ca'), '--to-name', 'localhost',
                '--access-log', log) as (front, process):
            sock = connect(front)
            sock.sendall(b'secret')
            try:
                assert b'' == sock.recv(1)
            except socket.error as error:
                assert errno.ECONNRESET == error.errno
            process.send_signal(signal.SIGTERM)
            process.communicate()
        assert 'Hostname mismatch' in log_of(log, 1)[0]['error']
        assert [] == [data for data in got if data]

    def test_early_end(self, pki):
        """A client that has ended before the service is there gets its answer, and then the end."""
        asked = threading.Event()

        def serve(sock):
            assert asked.wait(PATIENCE)
            there = pki.server_context().wrap_socket(sock, server_side=True)
            there.sendall(receive(there, 5).upper())
            assert b'' == there.recv(1)
            there.unwrap().close()

        with serving(serve) as port, proxy(
                port, '--to-tls', '--to-cafile', pki.path('ca'), '--to-name',
                'localhost') as (front, _):
            sock = connect(front)
            sock.sendall(b'hello')
            sock.shutdown(socket.SHUT_WR)
            asked.set()
            assert b'HELLO' == receive(sock, 6)
            sock.close()

    def test_truncation(self, pki):
        """Where the service's data has been cut short, the client's does not end well either."""
        def serve(sock):
            there = pki.server_context().wrap_socket(sock, server_side=True)
            there.sendall(b'half')
            assert there.recv(1) == b'x'
            hang_up(there)

        with serving(serve) as port, proxy(
                port, '--cert', pki.path('localhost'), '--to-tls', '--to-cafile', pki.path('ca'),
                '--to-name', 'localhost') as (front, _):
            sock = secure(pki, front)
            assert b'half' == receive(sock, 4)
            sock.sendall(b'x')
            with pytest.raises((ssl.SSLError, socket.error)):
                sock.recv(1)
            sock.close()


class TestLimits(object):
    """Who takes too much, or too long."""

    def test_connections(self, pki):
        """Who comes when there are --max-connections waits until one has ended."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--max-connections',
                                      '2') as (front, process):
            first, second = secure(pki, front), secure(pki, front)
            third = SSLSocket(connect(front), pki.client_context(), server_hostname='localhost',
                              do_handshake_on_connect=False)
            third.settimeout(0.3)
            with pytest.raises(socket.timeout):
                third.do_handshake()
            assert '2 connections, which is --max-connections' in process.stderr.readline()
            assert b'here' == round_trip(first, b'here')
            first.unwrap().close()
            third.settimeout(PATIENCE)
            assert b'at last' == round_trip(third, b'at last')
            for sock in (second, third):
                sock.unwrap().close()
            process.send_signal(signal.SIGTERM)
            assert ('', STOPPED) == process.communicate()

    def test_stop_when_full(self, pki):
        """SIGTERM ends a worker that has no room left, too."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--max-connections',
                                      '1') as (front, process):
            sock = secure(pki, front)
            assert 'others wait' in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            await_refusal(front)
            assert b'after' == round_trip(sock, b'after')
            sock.unwrap().close()
            assert ('', STOPPED) == process.communicate()

    def test_handshake(self, pki, tmpdir):
        """Who does not shake hands in --handshake-timeout is cut off, and the log says so."""
        log = str(tmpdir.join('log'))
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--handshake-timeout', '0.3',
                '--access-log', log) as (front, process):
            assert_end(connect(front))
            process.send_signal(signal.SIGTERM)
            process.communicate()
        assert 'handshake' in log_of(log, 1)[0]['error']

    def test_silence(self, pki, tmpdir):
        """--idle-timeout cuts a connection off on which nothing moves either way, and no other."""
        log = str(tmpdir.join('log'))
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--idle-timeout', '1',
                '--access-log', log) as (front, process):
            sock = secure(pki, front)
            busy = secure(pki, front)
            busy.settimeout(0.2)
            while not log_size(log):  # the first one is over
                assert b'x' == round_trip(busy, b'x')
                with pytest.raises(socket.timeout):
                    busy.recv(1)
            assert_end(sock)
            busy.settimeout(PATIENCE)
            assert b'y' == round_trip(busy, b'y')
            busy.unwrap().close()
            process.send_signal(signal.SIGTERM)
            process.communicate()
        cut, ended = log_of(log, 2)
        assert 'silence' == cut['error'] and cut['seconds'] >= 1
        assert 'error' not in ended

    def test_no_answer(self, pki, tmpdir):
        """A service that does not shake hands in --connect-timeout is given up."""
        log = str(tmpdir.join('log'))

        def silent(sock):
            while sock.recv(4096):
                pass

        with service(silent) as port, proxy(
                port, '--to-tls', '--to-cafile', pki.path('ca'), '--to-name', 'localhost',
                '--connect-timeout', '0.3', '--access-log', log) as (front, process):
            assert_end(connect(front))
            process.send_signal(signal.SIGTERM)
            process.communicate()
        assert log_of(log, 1)[0]['error'].startswith('service: ')

    @pytest.mark.skipif(not sys.platform.startswith('linux'),
                        reason='elsewhere a full queue refuses connections')
    def test_no_connection(self, pki, tmpdir):
        """A service that takes no connection in --connect-timeout is given up."""
        log = str(tmpdir.join('log'))
        with contextlib.closing(socket.socket()) as listener:
            listener.bind(('127.0.0.1', 0))
            listener.listen(0)
            waiting = fill(listener)
            with proxy(listener.getsockname()[1], '--cert', pki.path('localhost'),
                       '--connect-timeout', '0.3', '--access-log', log) as (front, process):
                assert_end(secure(pki, front))
                process.send_signal(signal.SIGTERM)
                process.communicate()
            for sock in waiting:
                sock.close()
        assert 'service: no connection in time' == log_of(log, 1)[0]['error']


def fill(listener):
    """Return connections that fill the queue of *listener*: one more gets no answer."""
    waiting = []
    while True:
        sock = socket.socket()
        waiting.append(sock)
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        if not select.select([], [sock], [], 0.5)[1]:
            return waiting
