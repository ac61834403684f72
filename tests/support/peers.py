"""Servers in threads of this process, on loopback, for clients in other ones. No TLS of ours."""
from __future__ import absolute_import, division, print_function

import contextlib
import socket
import threading

__all__ = ['echo_tls', 'hang_up', 'receive', 'serving', 'talk']

#: Seconds after which a test that stands still fails.
PATIENCE = 20


@contextlib.contextmanager
def serving(handle, host='127.0.0.1'):
    """
    Accept connections until the block ends, one after another; give the port.

    Args:
        handle (callable): takes the accepted socket, which is closed afterwards. What it raises
            fails the test.
        host (str): the address to listen on.
    """
    listener = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    listener.bind((host, 0))
    listener.listen(5)
    errors = []

    def accept():
        while True:
            sock, _ = listener.accept()
            try:
                sock.settimeout(PATIENCE)
                first = sock.recv(4, socket.MSG_PEEK) if ending.is_set() else b''
                if first == b'end.':
                    return
                handle(sock)
            except Exception as error:
                errors.append(error)
            finally:
                sock.close()

    ending = threading.Event()
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ending.set()
        last = socket.create_connection(listener.getsockname()[:2], PATIENCE)
        last.sendall(b'end.')
        thread.join(PATIENCE)
        last.close()
        listener.close()
    if errors:
        raise errors[0]


def receive(sock, size):
    """Return *size* bytes, fewer at the end."""
    data = b''
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            break
        data += chunk
    return data


def hang_up(sock):
    """
    End TCP, then wait for the peer's end: whoever closes with bytes unread resets the connection,
    and the peer may lose what it has not read yet (RFC 1122 4.2.2.13).
    """
    try:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
    except (socket.error, ValueError):
        pass
    sock.close()


def talk(sock, script, size=1):
    """Follow *script*: pairs of what must come and what is answered, in pieces of *size* bytes."""
    for expected, answer in script:
        came = receive(sock, len(expected))
        if came != expected:
            raise AssertionError('%r came, not %r' % (came, expected))
        for start in range(0, len(answer), size):
            sock.sendall(answer[start:start + size])


def echo_tls(sock, context):
    """Shake hands with the interpreter's own ssl, send back what comes, end with close_notify."""
    secure = context.wrap_socket(sock, server_side=True)
    try:
        while True:
            data = secure.recv(65536)
            if not data:
                break
            secure.sendall(data)
        # The client has ended its side: this sends ours, and is done.
        secure.unwrap()
    finally:
        secure.close()
