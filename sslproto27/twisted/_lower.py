"""
The parts of Twisted's own TCP connections that we use beyond their interfaces, and a list of all
private names of Twisted that we use. Nothing here knows of TLS.

A connection keeps unsent data in ``dataBuffer`` and ``_tempDataBuffer``. Its ``writeSomeData``
sends, or returns an exception. It reads up to ``bufferSize`` bytes of its ``socket`` each time that
the reactor reports some.
"""
from __future__ import absolute_import, division, print_function

import os
import socket
import stat
import struct
import sys

from twisted.internet import abstract, error, interfaces, tcp
from twisted.python.failure import Failure

try:
    import fcntl
    import termios
except ImportError:  # Windows
    fcntl = termios = None

__all__ = ['PRIVATE', 'READ_FROM', 'abort', 'beneath', 'drop_unsent', 'half_closer', 'has_unsent',
           'is_paused', 'name_of', 'plain_method', 'plain_socket', 'reactor_of', 'receive_now',
           'send_now', 'unregister', 'unsent', 'wind_up']

#: The versions whose source `PRIVATE` was read from.
READ_FROM = ['20.3.0', '23.8.0', '26.10.0']

#: Twisted's private names that we use or replace, by class or module.
PRIVATE = {
    'internet._posixstdio.StandardIO': '_writer',
    'internet.endpoints._ProcessEndpointTransport': '_process',
    'internet.endpoints._WrappingProtocol': '_wrappedProtocol',
    'internet.tcp': '_TLSConnectionMixin',
    'internet.tcp.Connection': '_shouldShutdown _tempDataBuffer _tempDataLen',
    'internet.tcp.Port': '_type',
    'protocols.amp.BinaryBoxProtocol': '_startTLS',
    'protocols.basic.IntNStringReceiver': '_unprocessed',
    'protocols.basic.LineReceiver': '_buffer',
    'protocols.basic.NetstringReceiver': '_PARSING_PAYLOAD _remainingData _state',
    'protocols.stateful.StatefulProtocol': '_sful_data',
}


def beneath(transport):
    """Return the transport that *transport* stands for; *transport* itself if for no other."""
    while 'original' in getattr(transport, '__dict__', ()):
        transport = transport.original
    return transport


def unregister(transport):
    """Forget the producer of *transport*, if it can have one."""
    method = getattr(transport, 'unregisterProducer', None)
    if method is not None:
        method()


def abort(transport):
    """
    Close *transport* at once.

    Returns:
        bool: whether connectionLost follows soon. A process's transport can only close its pipes,
        and the process may go on.
    """
    method = getattr(transport, 'abortConnection', None)
    if method is not None:
        method()
        return True
    unregister(transport)
    transport.loseConnection()
    return False


def half_closer(protocol):
    """
    Return *protocol* if it goes on when one side has ended (IHalfCloseableProtocol), else None.

    One that asks a proxy for a tunnel claims to do so before it knows the application's protocol,
    and Twisted's endpoints repeat that claim. Here that protocol's own claim counts.
    """
    tunnelled = getattr(getattr(protocol, '_wrappedProtocol', protocol), 'tunnelled', None)
    if tunnelled is not None and half_closer(tunnelled) is None:
        return None
    return interfaces.IHalfCloseableProtocol(protocol, None)


def wind_up(transport):
    """End *transport* as it does itself if the peer ends its side and `half_closer` is None."""
    transport = getattr(transport, '_sslproto27', None) or transport
    method = getattr(transport, '_wind_up', None)
    if method is not None:  # ours
        method()
    elif (interfaces.IHalfCloseableDescriptor.providedBy(transport)
          and not hasattr(transport, 'dataReceived')):  # a wrapper repeats its transport's claims
        transport.connectionLost(Failure(error.ConnectionDone()))  # TCP drops unsent data then
    else:
        producer = getattr(transport, 'producer', None)
        unregister(transport)
        transport.loseConnection()
        if producer is not None:
            producer.stopProducing()


def name_of(host, factory):
    """
    Return the name that stands for a connection to *host* (str); None if it is unknown or ''.

    A SRVConnector takes the host from DNS, which anybody can forge: then it is the domain that was
    looked up (RFC 6125 6.2.1, RFC 6120 13.7.2.1).
    """
    srvconnect = sys.modules.get('twisted.names.srvconnect')
    if srvconnect is not None:
        for value in getattr(factory, '__dict__', {}).values():  # the factory that it makes has it
            if isinstance(value, srvconnect.SRVConnector):
                host = value.domain.decode('ascii')
    return host or None


def reactor_of(transport):
    """Return the reactor of *transport*; the global one if it does not tell."""
    reactor = getattr(transport, 'reactor', None)
    if reactor is None:
        from twisted.internet import reactor
    return reactor


def plain_socket(transport):
    """Return the connection of *transport* if `send_now` can send through it, else None."""
    transport = beneath(transport)
    if type(transport) not in (tcp.Server, tcp.Client) or getattr(transport, 'TLS', False):
        return None
    return transport if hasattr(transport, '_tempDataBuffer') else None


def plain_method(transport, name):
    """
    Return the method *name* of *transport* that never uses TLS; None if there is none.

    With pyOpenSSL, some methods of a connection call its protocol once its ``TLS`` is true.
    """
    if isinstance(transport, tcp.Connection) and name in vars(tcp._TLSConnectionMixin):
        return getattr(abstract.FileDescriptor, name).__get__(transport)
    return getattr(transport, name, None)


def has_unsent(connection):
    """Return whether unsent data waits (bool)."""
    return bool(connection.dataBuffer or connection._tempDataBuffer)


def drop_unsent(connection):
    """Drop the unsent data."""
    connection.dataBuffer = b''
    connection.offset = 0
    connection._tempDataBuffer, connection._tempDataLen = [], 0


def unsent(transport):
    """
    Return how many bytes *transport* still has to send, including those in the kernel (int).

    Linux counts a socket's bytes until the peer has acknowledged them, and a pipe's until they are
    read. Systems that do not report the number count as 0.
    """
    transport = _writer_of(transport)
    count = (len(getattr(transport, 'dataBuffer', b'')) - getattr(transport, 'offset', 0)
             + getattr(transport, '_tempDataLen', 0))
    if fcntl is None:
        return count
    try:
        number = transport.fileno()
        request = termios.FIONREAD if stat.S_ISFIFO(os.fstat(number).st_mode) else termios.TIOCOUTQ
        answer = fcntl.ioctl(number, request, struct.pack('i', 0))
    except (AttributeError, EnvironmentError, ValueError):  # no descriptor, or it is closed
        return count
    return count + struct.unpack('i', answer)[0]


def _writer_of(transport):
    """Return what keeps the unsent data of *transport*: for a process, the pipe of its stdin."""
    process = getattr(transport, '_process', transport)  # an endpoint's
    writer = getattr(process, '_writer', None)           # of this process's own standard streams
    return writer or getattr(process, 'pipes', {}).get(0, process)


def is_paused(transport):
    """Return whether one of Twisted's own connections was told not to read (bool)."""
    return isinstance(transport, tcp.Connection) and transport not in transport.reactor.getReaders()


def receive_now(connection):
    """
    Return the bytes that have arrived, without waiting for the reactor.

    Return b'' if there are none, or at the end: the connection's next own read finds the end again.
    """
    if not connection.connected or connection.disconnecting:
        return b''
    try:
        return connection.socket.recv(connection.bufferSize)
    except socket.error:
        return b''


def send_now(connection, data):
    """
    Send *data* without waiting for the reactor: this saves two system calls for each answer.

    Returns:
        bytes: the rest, for the connection's ``write``. This is all of *data* if other data waits
        already, or if sending fails: ``write`` then reports the failure in the usual way.
    """
    if (connection.dataBuffer or connection._tempDataBuffer or not connection.connected
            or connection.disconnecting):
        return data
    sent = connection.writeSomeData(data)
    if sent == len(data):
        return b''
    return data[sent:] if isinstance(sent, int) and sent > 0 else data
