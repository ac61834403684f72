"""``proxy``: clients and services of stock ssl or none, certificates, signals, workers."""
from __future__ import absolute_import, division, print_function

import binascii
import contextlib
import errno
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from sslproto27.__main__ import main
from tests.support.commands import command, fails_here, started, starts_programs
from tests.support.engines import ENGINE, pass_on
from tests.support.memory import PY2, only_python2
from tests.support.peers import PATIENCE, echo_tls, hang_up, receive, serving
from tests.support.programs import environment, running

pytestmark = [only_python2, starts_programs]  # Trollius runs on 2.7 alone

if PY2:
    from sslproto27 import SSLPipe, SSLSocket
    from sslproto27.context import new_session_ticket_key
    from sslproto27._cli.names import names_of


#: The command line, whose SIGHUP another thread gets: the system calls of this one go on.
OTHER_THREAD = """
import ctypes, signal, sys, threading
other = threading.Thread(target=threading.Event().wait)
other.daemon = True
other.start()
mask = (ctypes.c_ulong * 16)()
libc = ctypes.CDLL(None)
libc.sigaddset(mask, signal.SIGHUP)
libc.pthread_sigmask(0, mask, None)  # SIG_BLOCK on Linux
from sslproto27.__main__ import main
sys.exit(main())
"""


#: The command line, which is told to stop as soon as it has forked a worker that begins slowly.
DEAF = """
import os, select, signal, sys
from sslproto27.__main__ import main
def fork(fork=os.fork):
    process = fork()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        pass  # it is no worker, but some library's
    elif process:
        os.kill(os.getpid(), signal.SIGINT)
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        select.select([], [], [], 0.3)
    return process
os.fork = fork
sys.exit(main())
"""


#: The command line, which cannot fork while there is a file.
FORKLESS = """
import errno, os, signal, sys
from sslproto27.__main__ import main
def fork(fork=os.fork):
    is_library = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if os.path.exists(%r) and not is_library:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()
os.fork = fork
sys.exit(main())
"""


#: The command line, which takes a fifth of a second to fork.
SLOW = """
import os, sys, time
from sslproto27.__main__ import main
def fork(fork=os.fork):
    process, end = fork(), time.time() + 0.2
    while process and time.time() < end:
        try:
            time.sleep(0.01)
        except EnvironmentError:
            pass  # a signal
    return process
os.fork = fork
sys.exit(main())
"""


#: A worker that is told to stop when its server is there, or when that has accepted a connection.
HURRIED = """
import os, signal, socket, sys
import trollius
from sslproto27._cli.relay import Settings, Worker
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(1)
listener.setblocking(False)
client = socket.create_connection(listener.getsockname())
client.sendall(b'hello')
client.shutdown(socket.SHUT_WR)
ending, supervisor = os.pipe()
worker = Worker(listener, Settings(None, {}, None, '127.0.0.1', %d, None, None, 10, 10, 10, 10, 10),
                ending)
create_server, accept = worker.loop.create_server, worker._accept
@trollius.coroutine
def create_slowly(*args, **kwargs):
    server = yield trollius.From(create_server(*args, **kwargs))
    os.kill(os.getpid(), signal.SIGTERM)
    yield trollius.From(trollius.sleep(0.3, loop=worker.loop))
    raise trollius.Return(server)
def accept_and_stop():
    worker._stop()
    return accept()
if %r == 'told':
    worker.loop.create_server = create_slowly
else:
    worker._accept = accept_and_stop
worker.run()
client.settimeout(10)
sys.stdout.write(client.recv(6) + client.recv(1))
"""


#: What a proxy says between SIGTERM and its end.
STOPPED = 'stopping: no new connections, old ones have 30 seconds to end\nstopped\n'


def echo(sock):
    """Send back what comes; in the end say how that was."""
    while True:
        data = sock.recv(65536)
        if not data:
            break
        sock.sendall(data)
    sock.sendall(b'.')
    hang_up(sock)


@contextlib.contextmanager
def proxy(port, *arguments, **kwargs):
    """Run ``proxy`` in front of *port*, see `started`; give (its own port, the process)."""
    with started('proxy', '--listen', '127.0.0.1:0', '--to', '127.0.0.1:%d' % port,
                 *arguments, **kwargs) as process:
        line = process.stdout.readline()
        assert line.startswith('listening on 127.0.0.1:'), pass_on(process.stderr.read())
        try:
            yield int(line.rpartition(':')[2]), process
        finally:
            if process.poll() is None:  # so that its workers end, too
                process.send_signal(signal.SIGINT)
                process.wait()


@contextlib.contextmanager
def service(handle=echo):
    """Serve clients at once, a thread each; give the port."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(20)
    errors = []

    def one(sock):
        try:
            sock.settimeout(PATIENCE)
            handle(sock)
        except Exception as error:
            errors.append(error)
        finally:
            sock.close()

    def accept():
        while True:
            sock, _ = listener.accept()
            if ending.is_set():
                sock.close()
                return
            thread = threading.Thread(target=one, args=(sock,))
            thread.daemon = True
            thread.start()

    ending = threading.Event()
    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ending.set()
        socket.create_connection(listener.getsockname()).close()
        acceptor.join(PATIENCE)
        listener.close()
    assert [] == errors


def connect(port):
    """Return a socket that is connected to *port*."""
    return socket.create_connection(('127.0.0.1', port), PATIENCE)


def secure(pki, port, name='localhost', session=None, context=None, **kwargs):
    """Return an `SSLSocket` to *port*, *name* verified."""
    context = context or pki.client_context(**kwargs)
    return SSLSocket(connect(port), context, server_hostname=name, session=session)


def round_trip(sock, data=b'hello'):
    """Send *data*, and return what comes back."""
    sock.sendall(data)
    return receive(sock, len(data))


def assert_end(sock):
    """Hold that the proxy ends a connection, in whatever way, and says nothing more on it."""
    try:
        assert b'' == sock.recv(1)
    except socket.timeout:
        raise AssertionError('it goes on')
    except (ssl.SSLError, socket.error):
        pass
    sock.close()


def log_size(path):
    """Return the size of an access log; 0 if there is none yet."""
    return os.path.getsize(path) if os.path.exists(path) else 0


def log_of(path, count):
    """Return the *count* lines of an access log."""
    with open(path) as file:
        lines = [json.loads(line) for line in file]
    assert count == len(lines), lines
    return lines


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


class TestStreams(object):
    """Nobody reads what the proxy says."""

    @pytest.mark.parametrize('make', [os.pipe, pty.openpty])
    def test_gone(self, pki, make):
        """It serves on, and heeds signals, when its standard error, or its terminal, has gone."""
        reader, writer = make()
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--max-connections',
                                      '1', stderr=writer) as (front, process):
            os.close(writer)
            os.close(reader)
            process.stdout.close()
            sock = connect(front)
            sock.sendall(b'GET / HTTP/1.0\r\n\r\n')
            assert_end(sock)
            process.send_signal(signal.SIGHUP)
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait()

    def test_closed(self, pki):
        """Without standard streams at all no connection gets their numbers, and it serves."""
        def close_all():
            for descriptor in range(3):
                os.close(descriptor)

        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        front = listener.getsockname()[1]
        listener.close()
        with service() as port, running([
                '-m', 'sslproto27', 'proxy', '--listen', '127.0.0.1:%d' % front, '--to',
                '127.0.0.1:%d' % port, '--cert', pki.path('localhost'), '--max-connections', '1'],
                preexec_fn=close_all) as process:
            await_service(front)
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait()

    def test_unread(self, pki):
        """Clients do not wait for whoever reads its standard error, and does not."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            while True:
                os.write(writer, b'x' * 4096)
        except OSError as error:
            assert errno.EAGAIN == error.errno
        fcntl.fcntl(writer, fcntl.F_SETFL, 0)
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--max-connections',
                                      '1', stderr=writer) as (front, process):
            for _ in range(2):
                sock = secure(pki, front)
                assert b'hello' == round_trip(sock)
                sock.unwrap().close()
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait()
        os.close(reader)
        os.close(writer)


class TestSignals(object):
    """SIGHUP, SIGTERM, Ctrl-C."""

    def test_reload(self, pki, tmpdir):
        """New connections get the new certificate; open ones go on; mistakes change nothing."""
        leaf = str(tmpdir.join('leaf.pem'))
        shutil.copy(pki.path('localhost'), leaf)
        with service() as port, proxy(port, '--cert', leaf) as (front, process):
            old = secure(pki, front)
            shutil.copy(pki.path('other'), leaf)
            process.send_signal(signal.SIGHUP)
            assert 'reloaded\n' == process.stderr.readline()
            new = secure(pki, front, 'other.example.org')
            assert [b'old', b'new'] == [round_trip(old, b'old'), round_trip(new, b'new')]
            text = pki.text('localhost')
            for spoilt in ('nonsense', '', text[:len(text) // 2], text[:-60], None):
                if spoilt is None:
                    os.remove(leaf)
                else:
                    with open(leaf, 'w') as file:
                        file.write(spoilt)
                process.send_signal(signal.SIGHUP)
                assert process.stderr.readline().startswith('not reloaded: --cert ' + leaf)
            third = secure(pki, front, 'other.example.org')
            assert b'third' == round_trip(third, b'third')
            for sock in (old, new, third):
                sock.close()

    def test_none_is_lost(self, pki):
        """A signal that interrupts nothing, as it comes just before the wait, is acted on."""
        with service() as port, running(
                ['-c', OTHER_THREAD, 'proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:%d'
                 % port, '--cert', pki.path('localhost')], PATIENCE) as process:
            assert process.stdout.readline().startswith('listening on ')
            process.send_signal(signal.SIGHUP)
            assert 'reloaded\n' == process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert ('', '') == process.communicate()
            assert 130 == process.returncode

    def test_signals_at_once(self, pki):
        """Signals that come while it is busy are one: hundreds do not delay the end."""
        with running(['-c', SLOW, 'proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9',
                      '--cert', pki.path('localhost')], PATIENCE) as process:
            assert process.stdout.readline().startswith('listening on ')
            for _ in range(40):
                process.send_signal(signal.SIGHUP)
                time.sleep(0.01)  # else the system makes them one
            process.send_signal(signal.SIGTERM)
            stdout, stderr = process.communicate()
            assert ('', 0) == (stdout, process.returncode)
            reloads = stderr.count('reloaded\n')
            assert 'reloaded\n' * reloads + STOPPED == stderr
            assert 1 <= reloads < 15

    def test_deaf_beginning(self, pki):
        """Who is told to stop while a worker begins, and takes no signals yet, does not hang."""
        with running(['-c', DEAF, 'proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9',
                      '--cert', pki.path('localhost')], PATIENCE) as process:
            stdout, stderr = process.communicate()
            assert ('listening on 127.0.0.1:', '') == (stdout[:23], stderr)
            assert 130 == process.returncode

    def test_graceful_stop(self, pki):
        """After SIGTERM nobody new gets in; who is in may end."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'),
                                      '--workers', '2') as (front, process):
            sock = secure(pki, front)
            assert b'before' == round_trip(sock, b'before')
            process.send_signal(signal.SIGTERM)
            await_refusal(front)
            assert b'after' == round_trip(sock, b'after')
            sock.unwrap().close()
            assert ('', STOPPED) == process.communicate()
            assert 0 == process.returncode

    def test_no_reload_while_it_stops(self, pki):
        """After SIGTERM nothing is read again."""
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            sock = secure(pki, front)
            assert b'before' == round_trip(sock, b'before')
            process.send_signal(signal.SIGTERM)
            await_refusal(front)
            process.send_signal(signal.SIGHUP)
            assert b'after' == round_trip(sock, b'after')
            sock.unwrap().close()
            assert ('', STOPPED) == process.communicate()
            assert 0 == process.returncode

    def test_grace(self, pki):
        """Who does not end in time is cut off."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'), '--grace',
                                      '0.1') as (front, process):
            sock = secure(pki, front)
            assert b'before' == round_trip(sock, b'before')
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate()
            assert 0 == process.returncode
            assert re.match('stopping: .*\nsslproto27: worker [0-9]+: --grace is over; connections'
                            ' cut off: 1\nstopped\n$', stderr) is not None, stderr
            with pytest.raises((ssl.SSLError, socket.error)):
                sock.recv(1)
            sock.close()

    def test_interrupt(self, pki):
        """Ctrl-C cuts all off, without a word."""
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            sock = secure(pki, front)
            assert b'before' == round_trip(sock, b'before')
            process.send_signal(signal.SIGINT)
            assert ('', '') == process.communicate()
            assert 130 == process.returncode
            with pytest.raises((ssl.SSLError, socket.error)):
                sock.recv(1)
            sock.close()

    def test_killed(self, pki):
        """Workers do not outlive a supervisor that was killed."""
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            sock = secure(pki, front)
            process.kill()
            process.wait()
            await_refusal(front)
            sock.unwrap().close()


def await_service(port):
    """Wait until somebody listens on *port*."""
    end = time.time() + PATIENCE
    while True:
        try:
            return connect(port).close()
        except socket.error:
            assert time.time() < end


def await_refusal(port):
    """Connect until nobody listens on *port* any more."""
    while True:
        try:
            connect(port).close()
        except socket.error as error:
            if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
                return
            raise


class TestWorkers(object):
    """--workers."""

    def test_shared_tickets(self, pki, tls_version):
        """A session of one worker is resumed by all, also after a reload."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'),
                                      '--workers', '3') as (front, process):
            context = pki.client_context(version=tls_version)
            # Connections that stay open keep their worker no busier than the others: enough of
            # them, and each worker has had some.
            first = secure(pki, front, context=context)
            assert b'hello' == round_trip(first)
            socks = [secure(pki, front, context=context, session=first.session) for _ in range(12)]
            assert [True] * 12 == [sock.session_reused for sock in socks]
            process.send_signal(signal.SIGHUP)
            assert 'reloaded\n' == process.stderr.readline()
            later = secure(pki, front, context=context, session=first.session)
            assert later.session_reused
            for sock in [first, later] + socks:
                sock.close()

    def test_keys_of_a_fleet(self, pki, tls_version, tmpdir):
        """Proxies with one file of keys resume each other's sessions; the first key seals."""
        path, other = tmpdir.join('keys'), tmpdir.join('other')
        old, new = [binascii.hexlify(new_session_ticket_key()) + b'\n' for _ in range(2)]
        for file, text in ((path, old), (other, new + old)):
            file.write_binary(text)
            file.chmod(0o600)
        context = pki.client_context(version=tls_version)
        common = ['--cert', pki.path('localhost'), '--ticket-keys']
        with service() as port, proxy(port, *common + [str(path)]) as (one, process), proxy(
                port, *common + [str(other)]) as (two, _):

            def resumed(front, session):
                sock = secure(pki, front, context=context, session=session)
                assert b'hello' == round_trip(sock)
                reused = sock.session_reused
                sock.close()
                return reused

            first = secure(pki, one, context=context)
            assert b'hello' == round_trip(first)
            for _ in range(2):  # a reload changes nothing while the file does not
                assert resumed(two, first.session) and resumed(one, first.session)
                process.send_signal(signal.SIGHUP)
                assert 'reloaded\n' == process.stderr.readline()
            fresh = secure(pki, two, context=context)
            assert b'hello' == round_trip(fresh)
            assert not resumed(one, fresh.session)
            path.write_binary(old + new)
            process.send_signal(signal.SIGHUP)
            assert 'reloaded\n' == process.stderr.readline()
            assert resumed(one, fresh.session)
            path.chmod(0o640)
            process.send_signal(signal.SIGHUP)
            assert process.stderr.readline() == (
                'not reloaded: --ticket-keys %s: others can use it (mode 0640); chmod 600\n' % path)
            assert resumed(one, fresh.session)

    def test_keys_on_the_pair_engine(self, pki, tmpdir):
        """An engine that cannot set keys refuses them, rather than to use others."""
        path = tmpdir.join('keys')
        path.write_binary(binascii.hexlify(new_session_ticket_key()))
        path.chmod(0o600)
        arguments = ['proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9', '--cert',
                     pki.path('localhost'), '--ticket-keys', str(path)]
        with running(['-m', 'sslproto27'] + arguments, PATIENCE,
                     env=dict(environment(), SSLPROTO27_ENGINE='pair')) as process:
            assert ('', 'sslproto27: --ticket-keys: the pair engine of sslproto27 has no'
                    " session_ticket_keys: 2.7's ssl cannot set them\n") == process.communicate()
            assert 1 == process.returncode

    def test_keys_and_authorities(self, pki, tmpdir):
        """Tickets that vouch for a client do not open where other authorities are trusted."""
        path, authorities = tmpdir.join('keys'), tmpdir.join('ca.pem')
        path.write_binary(binascii.hexlify(new_session_ticket_key()))
        path.chmod(0o600)
        authorities.write(pki.text('ca'))
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--ticket-keys', str(path), '--client-ca',
                str(authorities)) as (front, process):
            context = pki.client_context(leaf='client')
            first = secure(pki, front, context=context)
            assert b'hello' == round_trip(first)
            again = secure(pki, front, context=context, session=first.session)
            assert again.session_reused
            authorities.write(pki.text('ca') + pki.text('stranger-ca'))
            process.send_signal(signal.SIGHUP)
            assert 'reloaded\n' == process.stderr.readline()
            later = secure(pki, front, context=context, session=first.session)
            assert not later.session_reused
            for sock in (first, again, later):
                sock.close()

    def test_no_tickets_from_before_a_reload(self, pki):
        """With client certificates a reload ends what tickets vouched for."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'),
                                      '--client-ca', pki.path('ca')) as (front, process):
            context = pki.client_context(leaf='client')
            first = secure(pki, front, context=context)
            assert b'hello' == round_trip(first)
            again = secure(pki, front, context=context, session=first.session)
            assert again.session_reused
            process.send_signal(signal.SIGHUP)
            assert 'reloaded\n' == process.stderr.readline()
            later = secure(pki, front, context=context, session=first.session)
            assert not later.session_reused
            for sock in (first, again, later):
                sock.close()

    @pytest.mark.skipif(not os.path.exists('/proc/self/task'), reason='needs /proc')
    def test_restarted(self, pki):
        """A worker that dies is replaced, and that is said."""
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            with open('/proc/%d/task/%d/children' % (process.pid, process.pid)) as file:
                worker, = file.read().split()
            os.kill(int(worker), signal.SIGKILL)
            assert 'worker %s ended (status 9)\n' % worker == process.stderr.readline()
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.close()

    @pytest.mark.skipif(not os.path.exists('/proc/self/task'), reason='needs /proc')
    def test_no_processes(self, pki, tmpdir):
        """Where no process can be started the old workers serve on, until new ones can be."""
        full, leaf = tmpdir.join('full'), str(tmpdir.join('leaf.pem'))
        shutil.copy(pki.path('localhost'), leaf)
        with service() as port, running(
                ['-c', FORKLESS % str(full), 'proxy', '--listen', '127.0.0.1:0', '--to',
                 'localhost:%d' % port, '--cert', leaf, '--workers', '2'], PATIENCE) as process:
            front = int(process.stdout.readline().rpartition(':')[2])
            with open('/proc/%d/task/%d/children' % (process.pid, process.pid)) as file:
                workers = file.read().split()
            descriptors = len(os.listdir('/proc/%d/fd' % process.pid))
            full.write('')
            shutil.copy(pki.path('other'), leaf)
            failed = ('cannot start a worker: Resource temporarily unavailable; old ones go on,'
                      ' and it is tried again\n')
            process.send_signal(signal.SIGHUP)
            assert failed == process.stderr.readline()
            assert b'old' == round_trip(secure(pki, front), b'old')
            os.kill(int(workers[0]), signal.SIGKILL)
            process.send_signal(signal.SIGHUP)
            for _ in range(5):
                assert b'old' == round_trip(secure(pki, front), b'old')
            full.remove()
            assert 'all workers have been started\n' == process.stderr.readline()
            assert b'new' == round_trip(secure(pki, front, 'other.example.org'), b'new')
            assert descriptors == len(os.listdir('/proc/%d/fd' % process.pid))
            process.send_signal(signal.SIGTERM)
            assert ('', STOPPED) == process.communicate()
            assert 0 == process.returncode

    def test_stops_without_processes(self, pki, tmpdir):
        """It can be stopped meanwhile."""
        full = tmpdir.join('full')
        full.write('')
        with running(['-c', FORKLESS % str(full), 'proxy', '--listen', '127.0.0.1:0', '--to',
                      'localhost:9', '--cert', pki.path('localhost')], PATIENCE) as process:
            assert process.stderr.readline().startswith('cannot start a worker: ')
            process.send_signal(signal.SIGTERM)
            assert STOPPED == process.communicate()[1]
            assert 0 == process.returncode

    def test_stopped_before_it_serves(self, run_python):
        """A worker whose supervisor is gone before it has begun ends; it once stayed for ever."""
        assert (0, 'ended\n', '') == run_python('''
import os, socket
from sslproto27._cli.relay import Settings, Worker
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(1)
ending, supervisor = os.pipe()
os.close(supervisor)
Worker(listener, Settings(*[1] * 12), ending).run()
print('ended')
''', timeout=20)

    @pytest.mark.parametrize('when', ['told', 'accepted'])
    def test_stopped_while_it_begins(self, run_python, when):
        """Whom a worker has accepted it serves, though it is told to stop at that moment."""
        with service() as port:
            assert (0, 'hello.', '') == run_python(HURRIED % (port, when), timeout=20)

    def test_failure(self, run_python):
        """What goes wrong in a worker is a line that nothing obeys, and it goes on."""
        status, stdout, stderr = run_python('''
import os, socket
from sslproto27._cli.relay import Settings, Worker
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(1)
ending, supervisor = os.pipe()
worker = Worker(listener, Settings(*[1] * 12), ending)
def fail():
    worker.loop.call_soon(os.close, supervisor)
    raise ValueError(chr(27))
worker.loop.call_soon(fail)
worker.run()
print('ended')
''', timeout=20)
        assert (0, 'ended\n') == (status, stdout)
        assert stderr.startswith('sslproto27: ') and stderr.endswith(': \\x1b\n'), stderr
        assert 1 == stderr.count('\n')


@pytest.mark.parametrize('arguments, status, said', [
    ([], 2, '--cert, --to-tls or both are needed'),
    (['--client-ca', 'x', '--to-tls'], 2, '--client-ca needs --cert'),
    (['--alpn', 'x', '--to-tls'], 2, '--alpn needs --cert'),
    (['--ticket-keys', 'x', '--to-tls'], 2, '--ticket-keys needs --cert'),
    (['--to-name', 'x', '--cert', 'x'], 2, '--to-name needs --to-tls'),
    (['--to-name', 'a..b', '--to-tls'], 2, '--to-name: a..b is not the name of a host'),
    (['--cert', '/nowhere'], 1, '--cert /nowhere: No such file or directory'),
    (['--to-tls', '--to-cafile', '/nowhere'], 1, '--to-cafile /nowhere: No such file'),
    (['--to-tls', '--access-log', '/nowhere/log'], 1, '--access-log /nowhere/log: No such file'),
    (['--to-tls', '--listen', 'x'], 2, 'x is not HOST:PORT'),
    (['--to-tls', '--to', 'x:y'], 2, 'x:y is not HOST:PORT'),
])
def test_mistakes(arguments, status, said, capsys):
    """A mistake is one line."""
    assert said in fails_here(
        capsys, 'proxy', '--listen', ':0', '--to', 'localhost:9', *arguments, status=status)


def test_workers_are_a_number(capsys):
    """A number of workers below 1 is a wrong command line."""
    with pytest.raises(SystemExit) as info:
        main(['proxy', '--listen', ':0', '--to', 'localhost:9', '--to-tls', '--workers', '0'])
    assert 2 == info.value.code
    assert '--workers: 0 is not a number from 1' in capsys.readouterr()[1]


def test_address_in_use(capsys):
    """A port that somebody else has is one line."""
    with service() as port:
        where = '127.0.0.1:%d' % port
        assert where + ': Address already in use' == fails_here(
            capsys, 'proxy', '--listen', where, '--to', 'localhost:9', '--to-tls')


def test_names(pki):
    """The names of a file's first certificate, its own."""
    assert ['localhost'] == names_of(pki.path('chain'))
    assert ['*.example.org'] == names_of(pki.path('wildcard'))
