"""
What is used of Twisted's own TCP connections beyond their interfaces. Nothing here knows of TLS.

Read from Twisted 20.3.0, and found in 26.10.0: what a connection has not sent yet is in its
``dataBuffer`` and ``_tempDataBuffer``; its ``writeSomeData`` sends, or returns an exception. Of its
``socket`` it reads ``bufferSize`` bytes each time that the reactor says that there are some.
"""
from __future__ import absolute_import, division, print_function

import socket
import struct

from twisted.internet import abstract, tcp

try:
    import fcntl
    import termios
except ImportError:  # Windows
    fcntl = termios = None

__all__ = ['drop_unsent', 'has_unsent', 'is_paused', 'plain_method', 'plain_socket',
           'receive_now', 'send_now', 'unsent']


def plain_socket(transport):
    """Return *transport* if `send_now` can send through it, else None."""
    if type(transport) not in (tcp.Server, tcp.Client) or getattr(transport, 'TLS', False):
        return None
    return transport if hasattr(transport, '_tempDataBuffer') else None


def plain_method(transport, name):
    """
    Return a method of *transport* that goes on to do without TLS; None if there is none.

    With pyOpenSSL some of a connection's methods ask its protocol, once its ``TLS`` is true.
    """
    if isinstance(transport, tcp.Connection) and name in vars(tcp._TLSConnectionMixin):
        return getattr(abstract.FileDescriptor, name).__get__(transport)
    return getattr(transport, name, None)


def has_unsent(connection):
    """Return whether something waits to be sent (bool)."""
    return bool(connection.dataBuffer or connection._tempDataBuffer)


def drop_unsent(connection):
    """Forget what waits to be sent."""
    connection.dataBuffer = b''
    connection.offset = 0
    connection._tempDataBuffer, connection._tempDataLen = [], 0


def unsent(transport):
    """
    Return how many bytes *transport* has yet to send, with those that the system has (int).

    Linux tells of the latter until the peer has acknowledged them; where nobody tells, they are 0.
    """
    count = (len(getattr(transport, 'dataBuffer', b'')) - getattr(transport, 'offset', 0)
             + getattr(transport, '_tempDataLen', 0))
    if fcntl is None:
        return count
    try:
        answer = fcntl.ioctl(transport.getHandle().fileno(), termios.TIOCOUTQ, struct.pack('i', 0))
    except (AttributeError, EnvironmentError, ValueError):  # no socket, or it is closed
        return count
    return count + struct.unpack('i', answer)[0]


def is_paused(transport):
    """Return whether a connection of Twisted's own has been told not to read (bool)."""
    return isinstance(transport, tcp.Connection) and transport not in transport.reactor.getReaders()


def receive_now(connection):
    """
    Return what there is to be read by now (bytes), without asking the reactor when.

    b'' if there is nothing, or the end: its own next read finds that again.
    """
    if not connection.connected or connection.disconnecting:
        return b''
    try:
        return connection.socket.recv(connection.bufferSize)
    except socket.error:
        return b''


def send_now(connection, data):
    """
    Send *data* without asking the reactor when: two system calls less for each answer.

    Returns:
        bytes: what is left for its ``write``: all of *data* if something waits already, and where
        sending fails, of which the connection then tells in its own way.
    """
    if (connection.dataBuffer or connection._tempDataBuffer or not connection.connected
            or connection.disconnecting):
        return data
    sent = connection.writeSomeData(data)
    if sent == len(data):
        return b''
    return data[sent:] if isinstance(sent, int) and sent > 0 else data
