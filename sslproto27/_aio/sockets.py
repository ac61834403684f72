"""
Faster sockets for Trollius' loops, with TLS or without. Only for Python 2.7.

Trollius wraps each socket call in another, to raise error classes that 2.7 lacks; it copies all
unsent data each time that some of it is sent; in each turn it gives epoll room for an event of
every descriptor, and reads the clock, into a new ctypes structure each time; and it makes a task
for each accepted connection.
"""
from __future__ import absolute_import, division, print_function

import errno
import heapq
import math
import select
import socket
import struct
import sys
import types

from .._core.compat import PYPY
from .._core.fork import getpid
from . import LoggingWaiter, repeat_error
from .compat import (
    BlockingIOError, BrokenPipeError, ConnectionAbortedError, ConnectionResetError, CoroWrapper,
    Handle, InterruptedError, _SelectorSocketTransport, framework, get_error_class, selectors,
    time_monotonic)

__all__ = ['Selector', 'SocketLoop', 'SocketTransport']

#: Errors which mean that the socket has no data or no room, or that a signal came first.
_WAITS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR])
_WAITING = BlockingIOError, InterruptedError  # from an application's own socket objects
_GONE = BrokenPipeError, ConnectionAbortedError, ConnectionResetError

_CLOCK_MONOTONIC = 1  # on Linux

#: Types that only a task can run.
_COROUTINES = frozenset([types.GeneratorType, CoroWrapper])

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def _new_clock():
    """Return Trollius' clock; for CPython on Linux, the same one in a third of the time."""
    if PYPY or not sys.platform.startswith('linux'):
        return time_monotonic
    try:
        import ctypes
        clock_gettime = ctypes.PyDLL(None).clock_gettime
    except (AttributeError, ImportError):
        return time_monotonic
    # No argtypes, and a new string for the result: this is faster, and safe in threads.
    blank, size, unpack = b'\0', struct.calcsize('ll'), struct.Struct('ll').unpack

    def monotonic():
        """Return the seconds of CLOCK_MONOTONIC (float)."""
        timespec = blank * size
        clock_gettime(_CLOCK_MONOTONIC, timespec)
        seconds, nanoseconds = unpack(timespec)
        return seconds + nanoseconds * 1e-9
    return monotonic


class SocketTransport(_SelectorSocketTransport):
    """Trollius' socket transport, but the usual calls go straight to the socket."""

    if PYPY:
        # PyPy allocates this size for each message, and its garbage collector counts it: with
        # Trollius' 256 KiB, a message of 100 bytes takes twice the time. So we choose the size that
        # a message of 64 KiB needs with its records' headers.
        max_size = 72 * 1024

    def __init__(self, loop, sock, protocol, waiter=None, extra=None, server=None):
        # Skip the constructor that this one replaces: it schedules three callbacks.
        super(_SelectorSocketTransport, self).__init__(loop, sock, protocol, extra, server)
        self._eof = self._paused = False
        loop.call_soon(self._start, waiter)

    def _start(self, waiter):
        try:
            self._protocol.connection_made(self)
        finally:
            # Not if connection_made has closed or paused it: adding a reader would undo that.
            if not (self._closing or self._paused):
                self._loop.add_reader(self._sock_fd, self._read_ready)
            if waiter is not None:
                waiter._set_result_unless_cancelled(None)

    def _read_ready(self):
        try:
            data = self._sock.recv(self.max_size)
        except EnvironmentError as error:
            self._failed(error, 'read')
            return
        if data:
            self._protocol.data_received(data)
        elif self._protocol.eof_received():  # the protocol wants to go on writing
            self._loop.remove_reader(self._sock_fd)
        else:
            self.close()

    def write(self, data):
        """Send *data*, any contiguous buffer."""
        if data.__class__ is not bytes or self._buffer or self._eof or self._conn_lost or not data:
            super(SocketTransport, self).write(data)
            return
        try:
            sent = self._sock.send(data)
        except EnvironmentError as error:
            if self._failed(error, 'write'):
                return
            sent = 0
        data = data[sent:]
        if data:
            self._loop.add_writer(self._sock_fd, self._write_ready)
            self._buffer.extend(data)
            self._maybe_pause_protocol()

    def _write_ready(self):
        unsent = self._buffer
        assert unsent, 'nothing is left to be sent'
        try:
            sent = self._sock.send(unsent)
        except EnvironmentError as error:
            if self._failed(error, 'write'):
                self._loop.remove_writer(self._sock_fd)
            return
        del unsent[:sent]
        self._maybe_resume_protocol()
        # The resumed protocol may have written more, or aborted the connection.
        if not unsent:
            self._loop.remove_writer(self._sock_fd)
            if not self._conn_lost:
                self._finish_writing()

    def _finish_writing(self):
        """After the last byte, end our side or the connection, if that was requested."""
        if self._eof and not self._closing:
            self._sock.shutdown(socket.SHUT_WR)
        elif self._closing:
            self._call_connection_lost(None)

    def _call_connection_lost(self, exc):
        loop, protocol = self._loop, self._protocol
        super(SocketTransport, self)._call_connection_lost(exc)
        if exc is not None:
            repeat_error(loop, protocol)

    def _failed(self, error, what):
        """End the connection, unless *error* only means to wait; return whether it ended."""
        if error.errno in _WAITS or isinstance(error, _WAITING):
            return False
        # connection_lost gets Python 3's class for the error, as from Trollius itself.
        cls = get_error_class(error.errno, type(error))
        error = error if isinstance(error, cls) else cls(*error.args)
        if isinstance(error, _GONE) and getattr(self._protocol, 'will_report', False):
            self._force_close(error)  # in debug mode `_fatal_error` logs a traceback, too
        else:
            self._fatal_error(error, 'Fatal %s error on socket transport' % what)
        return True


if hasattr(selectors, 'EpollSelector'):
    #: How many descriptors one turn of a loop serves; the rest come first in the next turn.
    _AT_ONCE = 256

    _NOT_READ, _NOT_WRITE = ~select.EPOLLIN, ~select.EPOLLOUT

    class Selector(selectors.EpollSelector):
        """
        Trollius' selector for epoll. Loops look up registered objects by descriptor.

        A fork copies the descriptor of the epoll object, but not the object: a child that registers
        or unregisters there does so for its parent too. So a child gets its own object.
        """

        def __init__(self):
            super(Selector, self).__init__()
            self._process = getpid()

        def _renew_epoll(self):
            """Make this process's own epoll object, with the same registrations."""
            self._process = getpid()
            self._epoll.close()
            self._epoll = select.epoll()
            for key in self._fd_to_key.values():
                events = ((key.events & _READ and select.EPOLLIN)
                          | (key.events & _WRITE and select.EPOLLOUT))
                try:
                    self._epoll.register(key.fd, events)
                except IOError as error:
                    if error.errno not in (errno.EBADF, errno.EPERM):  # closed, or now a file
                        raise

        def register(self, fileobj, events, data=None):
            """Start to wait for *events* on *fileobj*; see `selectors`."""
            if self._process != getpid():
                self._renew_epoll()
            return super(Selector, self).register(fileobj, events, data)

        def unregister(self, fileobj):
            """Stop waiting for events on *fileobj*; see `selectors`."""
            if self._process != getpid():
                self._renew_epoll()
            return super(Selector, self).unregister(fileobj)

        def get_key(self, fileobj):
            """Return the key of a registered *fileobj*; see `selectors`."""
            key = self._fd_to_key.get(fileobj)
            return super(Selector, self).get_key(fileobj) if key is None else key

        def _fileobj_lookup(self, fileobj):
            if fileobj.__class__ is int and fileobj >= 0:
                return fileobj
            return super(Selector, self)._fileobj_lookup(fileobj)

        def select(self, timeout=None):
            """
            Wait at most *timeout* seconds, or for ever if it is None.

            Returns:
                list of (key, mask): the ready descriptors; see `selectors`.
            """
            if self._process != getpid():
                self._renew_epoll()
            if timeout is None:
                timeout = -1
            elif timeout > 0:  # epoll counts in milliseconds: round up
                timeout = math.ceil(timeout * 1e3) * 1e-3
            try:
                found = self._epoll.poll(timeout, _AT_ONCE)
            except IOError as error:
                if error.errno != errno.EINTR:
                    raise
                return []
            key_of, ready = self._fd_to_key.get, []
            for descriptor, event in found:
                key = key_of(descriptor)
                if key is not None:
                    mask = (event & _NOT_READ and _WRITE) | (event & _NOT_WRITE and _READ)
                    ready.append((key, mask & key.events))
            return ready
else:
    Selector = selectors.DefaultSelector


#: This many cancelled timers may stay among the others.
_FEW_TIMERS = 50


class SocketLoop(framework.SelectorEventLoop):
    """Trollius' loop with these transports, and with `Selector` unless given another."""

    def __init__(self, selector=None):
        super(SocketLoop, self).__init__(Selector() if selector is None else selector)
        # Trollius' own checks its argument's class, which takes longer than the rest.
        self._add_callback = self._ready.append

    def call_soon(self, callback, *args):
        """Schedule *callback*; refuse what Trollius refuses."""
        if (self._debug or self._closed or callback.__class__ in _COROUTINES
                or getattr(callback, '_is_coroutine', False)):
            handle = super(SocketLoop, self).call_soon(callback, *args)
            if handle._source_traceback:
                del handle._source_traceback[-1]  # this line is not the caller's
            return handle
        handle = Handle(callback, args, self)
        self._ready.append(handle)
        return handle

    time = staticmethod(_new_clock())

    def _run_once(self):
        """Wait for events and timers, then run their callbacks; what these add runs next time."""
        timers, ready, cancelled = self._scheduled, self._ready, self._timer_cancelled_count
        if self._debug or timers and (timers[0]._cancelled or cancelled > _FEW_TIMERS
                                      and 2 * cancelled > len(timers)):
            super(SocketLoop, self)._run_once()  # drops cancelled timers, logs slow callbacks
            return
        timeout = 0 if ready else None
        if timers and not ready:
            timeout = timers[0]._when - self.time()
            if timeout < 0:
                timeout = 0
        self._process_events(self._selector.select(timeout))
        if timers:
            due = self.time() + self._clock_resolution
            while timers and timers[0]._when < due:
                timer = heapq.heappop(timers)
                timer._scheduled = False
                ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _make_socket_transport(self, sock, protocol, waiter=None, extra=None, server=None):
        _set_nodelay(sock)
        return SocketTransport(self, sock, protocol, waiter, extra, server)

    def _process_events(self, event_list):
        for key, mask in event_list:
            reader, writer = key.data
            if mask & _READ and reader is not None:
                if reader._cancelled:
                    self.remove_reader(key.fileobj)
                else:
                    self._add_callback(reader)
            if mask & _WRITE and writer is not None:
                if writer._cancelled:
                    self.remove_writer(key.fileobj)
                else:
                    self._add_callback(writer)

    def _accept_connection(self, protocol_factory, sock, sslcontext=None, server=None):
        try:
            connection, address = sock.accept()
        except EnvironmentError:
            # Trollius handles this: it tries again and gets the same error, or a connection.
            super(SocketLoop, self)._accept_connection(protocol_factory, sock, sslcontext, server)
            return
        protocol = None
        try:
            connection.setblocking(False)
            protocol = protocol_factory()
            extra = {'peername': address}
            if sslcontext:
                self._make_ssl_transport(connection, protocol, sslcontext,
                                         LoggingWaiter(), server_side=True, extra=extra,
                                         server=server)
            else:
                self._make_socket_transport(connection, protocol, extra=extra, server=server)
        except Exception as error:
            connection.close()
            _not_served(self, protocol, error)


def _not_served(loop, protocol, error):
    loop.call_exception_handler({
        'message': 'An incoming connection could not be served', 'exception': error,
        'protocol': protocol})


def _set_nodelay(sock):
    # Without it, a TLS 1.3 server's first answer and each write of more than a segment wait 40 ms
    # for the peer's delayed ACK (observed on 2.7.18). asyncio sets it too.
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type & socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
