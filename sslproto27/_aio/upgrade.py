"""`start_tls`: TLS over a transport already in use. Nothing here makes a connection."""
from __future__ import absolute_import, division, print_function

import errno

from .._stream import lower_transport
from . import SSLProtocol, carries_tls, connection_error, new_future, raises_when_awaited
from .compat import From, Return, coroutine, framework

__all__ = ['begin_tls', 'run_tls', 'start_tls', 'use_transport']


def begin_tls(loop, waiter, transport, protocol, sslcontext, read_ahead=b'', **kwargs):
    """
    Put TLS between *transport* and *protocol*, and start the handshake at once.

    Data that *protocol*, or the transport's previous protocol, has read ahead is now ciphertext and
    goes to TLS. So if an attacker injects plaintext before the handshake, the handshake fails; we
    never mistake that plaintext for protected data (CVE-2021-23222).

    Args:
        loop: the event loop of *transport*.
        waiter (future): resolved when the handshake is done or has failed.
        read_ahead (bytes): other data received before.
        **kwargs: as for `SSLProtocol`.

    Returns:
        SSLProtocol: the new layer.

    Raises:
        TypeError: *sslcontext* or *transport* cannot be used.
        socket.error: ECONNRESET: *transport* is closing.
    """
    if not carries_tls(transport):
        raise TypeError('transport %r is not one that TLS can run over' % (transport,))
    if sslcontext is None:
        raise TypeError('sslcontext must be an ssl.SSLContext, not None')
    if lower_transport.is_closing(transport):
        raise connection_error(errno.ECONNRESET, 'start_tls() on a transport that is closing')
    layer = SSLProtocol(loop, protocol, sslcontext, waiter, call_connection_made=False, **kwargs)
    before = lower_transport.get_protocol(transport)
    read_ahead += _taken(protocol)
    if before is not protocol:
        read_ahead = _taken(before) + read_ahead
    reader = getattr(protocol, '_stream_reader', None)
    if reader is not None and reader._transport is not None:
        use_transport(protocol, layer.transport)
    # Otherwise the caller still has to call connection_made.
    layer._take_over(lower_transport.is_writing_paused(transport))
    lower_transport.set_protocol(transport, layer)
    layer.connection_made(transport)
    if read_ahead:
        layer.data_received(read_ahead)
    lower_transport.resume_reading(transport)
    return layer


def _taken(protocol):
    """Take and return the unread data in the reader of a stream's *protocol*."""
    reader = getattr(protocol, '_stream_reader', None)
    if reader is None:
        return b''
    data = bytes(reader._buffer)
    del reader._buffer[:]
    reader._paused = False
    return data


def use_transport(protocol, transport):
    """Switch a stream's *protocol* and its reader, which must not be waiting, to *transport*."""
    if hasattr(protocol, '_transport'):
        protocol._transport = transport  # asyncio's has it since 3.8, Trollius' does not
    reader = protocol._stream_reader
    reader._transport = transport
    reader._paused = False


@raises_when_awaited
def run_tls(loop, started, *args, **kwargs):
    """
    Call `begin_tls` at once, then call *started* with the new transport.

    Returns:
        a coroutine that waits for the handshake; its result is the transport.
    """
    waiter = new_future(loop)
    transport = begin_tls(loop, waiter, *args, **kwargs).transport
    started(transport)
    return _established(waiter, transport)


@coroutine
def _established(waiter, transport):
    try:
        yield From(waiter)
    except BaseException:
        transport.abort()
        raise
    finally:
        del waiter  # otherwise the exception, its frame and waiter form a cycle
    raise Return(transport)


def start_tls(transport, protocol, sslcontext, server_side=False, server_hostname=None,
              ssl_handshake_timeout=None, ssl_shutdown_timeout=None, session=None,
              suppress_ragged_eofs=None, read_ahead=b'', loop=None):
    """
    Upgrade *transport*, which *protocol* uses, to TLS: asyncio's loop.start_tls, on any loop.

    The transport may be TCP's, a unix socket's, a pair of pipes (`connect_pipes`) or TLS itself.
    TLS starts at the call: all data that arrives from now on is TLS, even if you await the result
    later.

    Args:
        transport: the current transport; do not use it any more.
        protocol: gets the decrypted data. Its connection_made is not called; for a new
            StreamReaderProtocol, call it yourself. Data that its stream reader, or that of the
            previous protocol, has read ahead is ciphertext and goes to TLS.
        sslcontext (ssl.SSLContext): certificates, trust and settings.
        server_side (bool): True for a server, False for a client.
        server_hostname (text or None): the name that the server must prove; '' disables the check.
        ssl_handshake_timeout, ssl_shutdown_timeout (float): seconds; default 60 and 30.
        session (SSLSession or None): the session that a client wants to resume.
        suppress_ragged_eofs (bool): see `SSLPipe`; by default the setting of *loop*, if ours.
        read_ahead (bytes): ciphertext that you have already received.
        loop: the transport's; the current one by default.

    Returns:
        a coroutine; its result is the new transport (`SSLTransport`).

    Raises:
        TypeError, ValueError: an argument cannot be used. Like all errors, raised when awaited.
        ssl.SSLError, socket.error: the handshake failed; the connection is closed, and *protocol*
            gets connection_lost. Cancelling aborts the connection.
    """
    return run_tls(
        loop or framework.get_event_loop(), _nobody, transport, protocol, sslcontext, read_ahead,
        server_side=server_side, server_hostname=server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
        session=session, suppress_ragged_eofs=suppress_ragged_eofs)


def _nobody(transport):
    """Do nothing."""
