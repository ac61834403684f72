"""``proxy``: clients and services of stock ssl or none, certificates, signals, workers."""
from __future__ import absolute_import, division, print_function

import binascii
import errno
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import threading
import time

import pytest

from sslproto27.__main__ import main
from sslproto27._core.waiting import is_ready
from tests.support.commands import fails, fails_here, starts_programs
from tests.support.memory import PY2, only_python2
from tests.support.peers import PATIENCE
from tests.support.programs import environment, running
from tests.support.proxies import (
    STOPPED, assert_end, await_refusal, connect, proxy, round_trip, secure, service)

pytestmark = [only_python2, starts_programs]  # Trollius runs on 2.7 alone

if PY2:
    from sslproto27.context import new_session_ticket_key
    from sslproto27._cli.names import names_of

needs_proc = pytest.mark.skipif(not os.path.exists('/proc/self/task'), reason='needs /proc')


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


#: A worker that is told to stop when its server is there, in the last moment before that is known,
#: or when the server has accepted a connection.
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
                ending, lambda: None)
when = %r
create_server, accept = worker.loop.create_server, worker._accept
@trollius.coroutine
def create_slowly(*args, **kwargs):
    server = yield trollius.From(create_server(*args, **kwargs))
    kill = os.kill, os.getpid(), signal.SIGTERM
    if when == 'last':  # right before the loop stops
        worker.loop.call_soon(*kill)
    else:
        kill[0](*kill[1:])
        yield trollius.From(trollius.sleep(0.3, loop=worker.loop))
    raise trollius.Return(server)
def accept_and_stop():
    worker._stop()
    return accept()
if when != 'accepted':
    worker.loop.create_server = create_slowly
else:
    worker._accept = accept_and_stop
worker.run()
client.settimeout(10)
sys.stdout.write(client.recv(6) + client.recv(1))
"""


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

    def test_unread_log(self, pki, tmpdir):
        """A FIFO that nobody reads keeps nobody waiting: the old log goes on, and then is read."""
        log = str(tmpdir.join('log'))
        os.mkfifo(log)
        arguments = ['--cert', pki.path('localhost'), '--access-log', log]
        unread = '--access-log %s: it is a FIFO that nobody reads, or a socket' % log
        assert unread == fails('proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9',
                               *arguments)
        reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        with service() as port, proxy(port, *arguments, close_fds=True) as (front, process):
            os.close(reader)
            process.send_signal(signal.SIGHUP)
            assert 'not reloaded: %s\n' % unread == process.stderr.readline()
            reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
            for _ in range(2):
                sock = secure(pki, front)
                assert b'hello' == round_trip(sock)
                sock.unwrap().close()
                assert is_ready(reader, False, PATIENCE)
                assert 5 == json.loads(os.read(reader, 4096))['received']
                process.send_signal(signal.SIGHUP)
                assert 'reloaded\n' == process.stderr.readline()
            os.close(reader)

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

    @needs_proc
    @pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
    def test_paused_worker(self, pki, number):
        """A worker that somebody has paused ends, too."""
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            secure(pki, front).unwrap().close()  # it has begun
            worker = workers(process)[0]
            os.kill(worker, signal.SIGSTOP)
            watchdog = threading.Timer(PATIENCE, os.kill, [worker, signal.SIGCONT])
            watchdog.start()
            process.send_signal(number)
            assert ('', STOPPED if number == signal.SIGTERM else '') == process.communicate()
            assert watchdog.is_alive()
            watchdog.cancel()

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


def workers(process):
    """Return the process IDs of a proxy's workers."""
    with open('/proc/%d/task/%d/children' % (process.pid, process.pid)) as file:
        return [int(one) for one in file.read().split()]


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

    @needs_proc
    def test_restarted(self, pki):
        """A worker that dies is replaced, and that is said."""
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            worker, = workers(process)
            os.kill(worker, signal.SIGKILL)
            assert 'worker %d ended (status 9)\n' % worker == process.stderr.readline()
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.close()

    @needs_proc
    def test_told_to_stop(self, pki):
        """A worker that is told to stop alone is replaced at once, and serves its clients on."""
        told = 'worker %d was told to stop, and is replaced\n'
        with service() as port, proxy(port, '--cert', pki.path('localhost')) as (front, process):
            seen, socks = [], []
            for _ in range(2):
                seen += set(workers(process)).difference(seen)
                socks.append(secure(pki, front))
                assert b'old' == round_trip(socks[-1], b'old')
                for _ in range(2):  # the second changes nothing
                    os.kill(seen[-1], signal.SIGTERM)
                assert told % seen[-1] == process.stderr.readline()
            new = secure(pki, front)
            assert b'new' == round_trip(new, b'new')
            assert 3 == len(workers(process))
            assert [b'on'] * 2 == [round_trip(sock, b'on') for sock in socks]
            for sock in socks:
                sock.unwrap().close()
            process.send_signal(signal.SIGTERM)
            assert b'on' == round_trip(new, b'on')
            new.unwrap().close()
            assert ('', STOPPED) == process.communicate()
            assert 0 == process.returncode

    def test_told_together(self, run_python):
        """A worker that ends at once asks for no other: its supervisor may be told to stop, too."""
        assert (0, 'ended\n', '') == run_python('''
import os, signal, socket
from sslproto27._cli import relay
relay._TOGETHER = 10
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(1)
ending, supervisor = os.pipe()
def leave():
    print('asks')
worker = relay.Worker(listener, relay.Settings(*[1] * 12), ending, leave)
worker.loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)
worker.run()
print('ended')
''', timeout=20)

    @needs_proc
    def test_told_to_stop_after_the_supervisor(self, pki):
        """A worker that is told to stop when its supervisor has been killed ends, too."""
        with service() as port, proxy(port, '--cert', pki.path('localhost'),
                                      '--grace', '0.1') as (front, process):
            worker, = workers(process)
            os.kill(worker, signal.SIGSTOP)
            process.kill()
            process.wait()
            os.kill(worker, signal.SIGTERM)
            os.kill(worker, signal.SIGCONT)
            await_refusal(front)
            assert '' == process.stderr.read()

    @needs_proc
    def test_no_processes(self, pki, tmpdir):
        """Where no process can be started the old workers serve on, until new ones can be."""
        full, leaf = tmpdir.join('full'), str(tmpdir.join('leaf.pem'))
        shutil.copy(pki.path('localhost'), leaf)
        with service() as port, running(
                ['-c', FORKLESS % str(full), 'proxy', '--listen', '127.0.0.1:0', '--to',
                 'localhost:%d' % port, '--cert', leaf, '--workers', '2'], PATIENCE) as process:
            front = int(process.stdout.readline().rpartition(':')[2])
            first = workers(process)[0]
            descriptors = len(os.listdir('/proc/%d/fd' % process.pid))
            full.write('')
            shutil.copy(pki.path('other'), leaf)
            failed = ('cannot start a worker: Resource temporarily unavailable; old ones go on,'
                      ' and it is tried again\n')
            process.send_signal(signal.SIGHUP)
            assert failed == process.stderr.readline()
            assert b'old' == round_trip(secure(pki, front), b'old')
            os.kill(first, signal.SIGKILL)
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
Worker(listener, Settings(*[1] * 12), ending, None).run()
print('ended')
''', timeout=20)

    @pytest.mark.parametrize('when', ['told', 'last', 'accepted'])
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
worker = Worker(listener, Settings(*[1] * 12), ending, None)
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
