"""
`SSLProtocol` on the loops of `compat`, and what else its modules share.

Private: use `sslproto27.aio` or `sslproto27.trollius`. We write coroutines in Trollius' style,
``yield From(...)`` and ``raise Return(...)``; `generators` makes that work on asyncio.
"""
from __future__ import absolute_import, division, print_function

import errno
import functools
import socket

from .._core.compat import PY2
from .._stream import transport
from .._stream.protocol import SSLProtocol as _SSLProtocol
from .._stream.report import address, failed_handshakes, logger
from .compat import coroutine, framework

if PY2:
    from .compat import _SelectorTransport

__all__ = ['LoggingWaiter', 'SSLProtocol', 'SSLTransport', 'carries_tls', 'connection_error',
           'new_future', 'raises_when_awaited', 'repeat_error']


def new_future(loop):
    """Return a new future of *loop*; Trollius' loops have no create_future."""
    return framework.Future(loop=loop)


def raises_when_awaited(function):
    """
    Make *function* return a coroutine even if it raises: awaiting the coroutine raises the error.

    Callers of a coroutine function expect its errors where they await it.
    """
    @functools.wraps(function)
    def start(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return _raise(error)
    return start


@coroutine
def _raise(error):
    raise error
    yield  # not measured: makes this a generator function


if PY2:
    class ConnectionResetError(framework.ConnectionResetError, socket.error):
        """Trollius' class and 2.7's own for the same error."""

    class ConnectionAbortedError(framework.ConnectionAbortedError, socket.error):
        """Trollius' class and 2.7's own for the same error."""

    class BrokenPipeError(framework.BrokenPipeError, socket.error):
        """Trollius' class and 2.7's own for the same error."""

    _ERRORS = {errno.ECONNRESET: ConnectionResetError, errno.ECONNABORTED: ConnectionAbortedError,
               errno.EPIPE: BrokenPipeError}
    _LOST = (framework.ConnectionResetError, framework.ConnectionAbortedError,
             framework.BrokenPipeError)

    def connection_error(number, text):
        """Return a connection's error: of the framework's class, and a socket.error."""
        return _ERRORS.get(number, socket.error)(number, text)
else:
    connection_error = OSError  # picks a subclass by the number


# asyncio's transports no longer support weak references since 3.8.
_SLOTS = ('_protocol',) if hasattr(framework.Transport, '__weakref__') else (
    '_protocol', '__weakref__')


class SSLTransport(transport.SSLTransport, framework.Transport):
    """`transport.SSLTransport` as one of the framework's transports."""

    __slots__ = _SLOTS


class _DebugTransport(transport.DebugTransport, framework.Transport):
    __slots__ = _SLOTS + ('_watch',)


class SSLProtocol(_SSLProtocol):
    """`sslproto27.SSLProtocol` on any loop of the framework; our loops have a default for it."""

    __slots__ = ()

    _transport_classes = SSLTransport, _DebugTransport
    _connection_error = staticmethod(connection_error)
    #: As the framework's own TLS: after a protocol's callback has raised, Trollius reports it and
    #: goes on, asyncio 3.13 aborts.
    _survives_app = PY2

    def __init__(self, loop, *args, **kwargs):
        if kwargs.get('suppress_ragged_eofs') is None:
            kwargs['suppress_ragged_eofs'] = getattr(loop, 'suppress_ragged_eofs', False)
        super(SSLProtocol, self).__init__(loop, *args, **kwargs)

    def _new_future(self):
        return new_future(self._loop)

    if PY2:
        def connection_lost(self, exc):
            """Tell waiters and the application that the connection is gone."""
            protocol = self._app_protocol
            if isinstance(exc, _LOST) and not isinstance(exc, socket.error):
                exc = connection_error(exc.errno, exc.strerror)
            super(SSLProtocol, self).connection_lost(exc)
            self._loop.call_soon(repeat_error, self._loop, protocol)  # after it is told


def repeat_error(loop, protocol):
    """
    In the next turn of the loop, set the error of *protocol*'s stream reader again.

    Trollius' StreamReader may check for an error before there is one, then start to wait in the
    next turn, for ever; see `reading`. The second call comes after that turn.
    """
    reader = getattr(protocol, '_stream_reader', None)
    error = reader.exception() if reader is not None else None
    if error is not None:
        loop.call_soon(reader.set_exception, error)


class LoggingWaiter(object):
    """
    Replaces the handshake's future for an incoming connection, since nobody waits for it.

    Any stranger can make the handshake fail: we log one line, and the server reports no error.

    Args:
        waiter (future or None): set to done in either case; asyncio's server waits for it.
    """

    __slots__ = ('_waiter',)

    def __init__(self, waiter=None):
        self._waiter = waiter

    def done(self):
        """Return whether the future is already done."""
        return self._waiter is not None and self._waiter.done()

    def set_result(self, result):
        """Mark the handshake as over."""
        if self._waiter is not None:
            self._waiter.set_result(None)

    set_exception = set_result

    def report(self, protocol, error):
        """Log why *protocol*'s handshake failed; log a lost connection only in debug mode."""
        peer = address(protocol._get_extra_info('peername', None))
        if getattr(error, 'errno', None) == errno.ECONNRESET:
            if protocol._loop.get_debug():
                logger.debug('TLS handshake with %s failed: %s', peer, error)
            return
        failed_handshakes.warn(
            logger, 'TLS handshake with %s failed: %s', protocol._pipe.ssl_object, peer, error)


def carries_tls(transport):
    """Return whether TLS can run over *transport*: asyncio marks it, or it is Trollius' socket."""
    if getattr(transport, '_start_tls_compatible', False):
        return True
    return PY2 and isinstance(transport, _SelectorTransport) and hasattr(transport, 'pause_reading')
