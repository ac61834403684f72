"""`start_tls`: TLS over a transport that is in use. Nothing here makes a connection."""
from __future__ import absolute_import, division, print_function

import errno

from .._stream import lower_transport
from . import (
    From, Return, SSLProtocol, carries_tls, connection_error, coroutine, framework, new_future,
    raises_when_awaited)

__all__ = ['begin_tls', 'run_tls', 'start_tls', 'use_transport']


def begin_tls(loop, waiter, transport, protocol, sslcontext, read_ahead=b'', **kwargs):
    """
    Put TLS between *transport* and *protocol*, and start the handshake at once.

    Whatever *protocol*, or the one that had *transport* before, has read ahead is ciphertext now:
    it goes to TLS, so plaintext that somebody has injected before the handshake makes it fail, and
    is never taken for data that TLS has protected (CVE-2021-23222).

    Args:
        loop: the event loop of *transport*.
        waiter (future): resolved when the handshake is done, or has failed.
        read_ahead (bytes): what else was received before.
        **kwargs: of `SSLProtocol`.

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
    # Else the caller has connection_made still to call.
    layer._take_over(lower_transport.is_writing_paused(transport))
    lower_transport.set_protocol(transport, layer)
    layer.connection_made(transport)
    if read_ahead:
        layer.data_received(read_ahead)
    lower_transport.resume_reading(transport)
    return layer


def _taken(protocol):
    """Take, and return, what a stream's *protocol* has given to its reader and nobody has read."""
    reader = getattr(protocol, '_stream_reader', None)
    if reader is None:
        return b''
    data = bytes(reader._buffer)
    del reader._buffer[:]
    reader._paused = False
    return data


def use_transport(protocol, transport):
    """Let a stream's *protocol*, and its reader, which waits for nothing, go over *transport*."""
    if hasattr(protocol, '_transport'):
        protocol._transport = transport  # asyncio's has it since 3.8, Trollius' has not
    reader = protocol._stream_reader
    reader._transport = transport
    reader._paused = False


@raises_when_awaited
def run_tls(loop, started, *args, **kwargs):
    """
    `begin_tls`, at once, and call *started* with the new transport.

    Returns:
        a coroutine that waits for the handshake, of the transport.
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
        del waiter  # an exception, with this frame, would hold what holds the exception
    raise Return(transport)


def start_tls(transport, protocol, sslcontext, server_side=False, server_hostname=None,
              ssl_handshake_timeout=None, ssl_shutdown_timeout=None, session=None,
              suppress_ragged_eofs=None, read_ahead=b'', loop=None):
    """
    Upgrade *transport*, which *protocol* uses, to TLS: asyncio's loop.start_tls, on any loop.

    The transport may be TCP's, a unix socket's, a pair of pipes (`connect_pipes`) or TLS itself.
    TLS starts at the call: whatever arrives from now on is TLS, however late the result is awaited.

    Args:
        transport: what is there; not to be used any more.
        protocol: what gets the decrypted data. Its connection_made is not called, so a new
            StreamReaderProtocol wants that from the caller. What its stream reader has read ahead,
            or that of the protocol before it, is ciphertext and goes to TLS.
        sslcontext (ssl.SSLContext): certificates, trust and settings.
        server_side (bool): which side to be.
        server_hostname (text or None): the name that the server must prove; '' to check none.
        ssl_handshake_timeout, ssl_shutdown_timeout (float): seconds; 60 and 30 unless given.
        session (SSLSession or None): what a client would like to resume.
        suppress_ragged_eofs (bool): see `SSLPipe`; the setting of *loop*, if that is one of ours,
            unless given.
        read_ahead (bytes): ciphertext that the caller has received already.
        loop: the transport's; the current one unless given.

    Returns:
        a coroutine, of the new transport (`SSLTransport`).

    Raises:
        TypeError, ValueError: an argument cannot be used. It is raised once awaited, as all is.
        ssl.SSLError, socket.error: the handshake failed; the connection is closed, and *protocol*
            told so by connection_lost. Cancelling cuts it.
    """
    return run_tls(
        loop or framework.get_event_loop(), _nobody, transport, protocol, sslcontext, read_ahead,
        server_side=server_side, server_hostname=server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
        session=session, suppress_ragged_eofs=suppress_ragged_eofs)


def _nobody(transport):
    """Tell nobody."""
