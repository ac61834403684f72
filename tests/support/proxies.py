"""``proxy`` and its neighbours: services of stock ssl or none, clients, and what it logs."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import json
import os
import signal
import socket
import ssl
import threading

from sslproto27 import SSLSocket
from tests.support.commands import started
from tests.support.engines import pass_on
from tests.support.peers import PATIENCE, hang_up, receive

__all__ = ['STOPPED', 'assert_end', 'await_refusal', 'connect', 'echo', 'log_of', 'log_size',
           'proxy', 'round_trip', 'secure', 'service']

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


def await_refusal(port):
    """Connect until nobody listens on *port* any more."""
    while True:
        try:
            connect(port).close()
        except socket.error as error:
            if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
                return
            raise
