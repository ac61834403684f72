"""
Stream readers that return the data that has arrived before they raise the connection's error.

Once a reader of either framework has an error it raises that at once, and never returns the data
that came before. Trollius' is worse: a coroutine starts one turn after the call, and its reader
does not check for an error again before it waits. It then waits for ever. Nothing here knows of
transports.
"""
from __future__ import absolute_import, division, print_function

from .._core.compat import PY2
from .._core.patches import Patches
from . import new_future
from .compat import From, Return, coroutine, framework

__all__ = ['LimitOverrunError', 'Reading', 'patch', 'unpatch']


if PY2:
    class LimitOverrunError(Exception):
        """
        The separator was not found within the limit: asyncio's class.

        Attributes:
            consumed (int): how many of the bytes to read hold no separator.
        """

        def __init__(self, message, consumed):
            super(LimitOverrunError, self).__init__(message)
            self.consumed = consumed

        def __reduce__(self):
            return type(self), (self.args[0], self.consumed)
else:
    LimitOverrunError = framework.LimitOverrunError


class _PutBack(object):
    """A context manager: if its block fails, the reader gets the data taken so far back."""

    __slots__ = ('_reader', '_taken')

    def __init__(self, reader, taken):
        self._reader, self._taken = reader, taken

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        if error_type is not None:
            self._reader._buffer[:0] = self._taken


class _TrolliusReading(object):
    """
    The reading methods for Trollius' StreamReader; `patch` puts them into Trollius' own class.

    A call gets the data that has arrived if this is enough. Otherwise it raises the error and
    leaves the data for other calls: once ``read()`` has failed, ``read(65536)`` returns the data
    that came before the failure.

    As in Trollius, methods that a subclass replaces are called: ``read`` by the ones that need
    several pieces, which then cannot be left for other calls, and ``_wait_for_data`` by all. All
    else here are functions: a call that waits goes on after `unpatch`.
    """

    @coroutine
    def read(self, n=-1):
        """Return at most *n* bytes, b'' at the end; if *n* is negative, all until the end."""
        if n < 0:
            taken = bytearray()
            if _is_replaced(self, 'read'):
                while True:
                    data = yield From(self.read(self._limit))
                    if not data:
                        raise Return(bytes(taken))
                    taken += data
            while not self._eof:
                taken += take(self, len(self._buffer))
                with _PutBack(self, taken):
                    yield From(data_waiter(self, 'read'))
            raise Return(bytes(taken + take(self, len(self._buffer))))
        while n and not self._buffer and not self._eof:
            yield From(data_waiter(self, 'read'))
            if _is_replaced(self, '_wait_for_data'):
                break  # it may have given up waiting
        raise Return(bytes(take(self, n)))

    @coroutine
    def readexactly(self, n):
        """Return *n* bytes; raise IncompleteReadError if the stream ends first."""
        if _is_replaced(self, 'read'):
            taken = bytearray()
            while len(taken) < n:
                data = yield From(self.read(n - len(taken)))
                if not data:
                    raise framework.IncompleteReadError(bytes(taken), n)
                taken += data
            raise Return(bytes(taken))
        taken = take(self, max(n, 0))
        while len(taken) < n:
            if self._eof:
                raise framework.IncompleteReadError(bytes(taken), n)
            with _PutBack(self, taken):
                yield From(data_waiter(self, 'readexactly'))
            taken += take(self, n - len(taken))
        raise Return(bytes(taken))

    @coroutine
    def readline(self):
        """Return a line with its newline, or the rest at EOF; ValueError if it is too long."""
        line = bytearray()
        while True:
            end = self._buffer.find(b'\n') + 1
            line += take(self, end or len(self._buffer))
            if len(line) > self._limit:
                raise ValueError('Line is too long: more than %d bytes' % self._limit)
            if end or self._eof:
                raise Return(bytes(line))
            with _PutBack(self, line):
                yield From(data_waiter(self, 'readline'))

    @coroutine
    def readuntil(self, separator=b'\n'):
        """
        Read up to and including the first *separator*: asyncio's method of this name.

        Args:
            separator (bytes): at least one byte; or a tuple of several. Of these, the one that
                ends first counts; if several do, the shortest.

        Returns:
            bytes: the data, which ends with the separator.

        Raises:
            IncompleteReadError: the stream ended first; ``partial`` has the rest of the data.
            LimitOverrunError: more bytes than the limit came before it; nothing is taken.
            ValueError: a separator is empty, or there is none.
        """
        separators = separator if isinstance(separator, tuple) else (separator,)
        if not separators or not min(map(len, separators)):
            raise ValueError('separator must have at least one byte')
        longest, buffer, start = max(map(len, separators)), self._buffer, 0
        while True:
            found = [(buffer.find(one, start) + len(one), len(one)) for one in separators
                     if buffer.find(one, start) >= 0]
            if found:
                break
            # The last bytes may be the beginning of a separator.
            start = max(0, len(buffer) + 1 - longest)
            if start > self._limit:
                raise LimitOverrunError(
                    'no separator within the limit of %d bytes' % self._limit, start)
            if self._eof:
                raise framework.IncompleteReadError(bytes(take(self, len(buffer))), None)
            if self._paused:  # this call needs more than the reader's limit
                self._paused = False
                self._transport.resume_reading()
            yield From(data_waiter(self, 'readuntil'))
        end, size = min(found)
        if end - size > self._limit:
            raise LimitOverrunError(
                'the separator is beyond the limit of %d bytes' % self._limit, end - size)
        raise Return(bytes(take(self, end)))

    @coroutine
    def _wait_for_data(self, func_name):
        """Wait for data; the application's own subclasses may call this."""
        if not self._buffer and not self._eof:
            yield From(_waiter(self, func_name))


def _is_replaced(reader, name):
    """Return whether *reader*'s class has its own method *name* in the place of ours (bool)."""
    return getattr(type(reader), name).__func__ is not vars(_TrolliusReading)[name]


def take(reader, n):
    """Take *n* bytes, or all if there are fewer, out of the buffer of *reader*, Trollius'."""
    taken = reader._buffer[:n]
    del reader._buffer[:n]
    reader._maybe_resume_transport()
    return taken


def data_waiter(reader, func_name):
    """Return what to wait for before *reader*, Trollius', has more data or ends; or raise."""
    if _is_replaced(reader, '_wait_for_data') and reader._exception is None:
        return reader._wait_for_data(func_name)
    return _waiter(reader, func_name)


def _waiter(reader, func_name):
    if reader._exception is not None:
        raise reader._exception
    if reader._waiter is not None and not reader._waiter.done():
        raise RuntimeError('%s() called while another coroutine is already waiting for'
                           ' incoming data' % func_name)
    reader._waiter = new_future(reader._loop)
    return reader._waiter


class _AsyncioReading(object):
    """The same for asyncio's StreamReader, whose other methods leave the data in the buffer."""

    _failure = None  # replaces _exception, which asyncio's methods raise at once

    def set_exception(self, exc):
        """Wake waiting calls with *exc*; later ones raise it once they need more data."""
        super(_AsyncioReading, self).set_exception(exc)
        self._failure, self._exception = exc, None

    def exception(self):
        """Return the error that ended the connection, or None."""
        return self._failure

    @coroutine
    def read(self, n=-1):
        """Return at most *n* bytes, b'' at the end; if *n* is negative, all until the end."""
        read = super(_AsyncioReading, self).read
        if n >= 0:
            raise Return((yield From(read(n))))
        taken = bytearray()
        while not self.at_eof():
            with _PutBack(self, taken):
                taken += yield From(read(self._limit))
        raise Return(bytes(taken))

    @coroutine
    def _wait_for_data(self, func_name):
        if self._failure is not None:
            raise self._failure
        yield From(super(_AsyncioReading, self)._wait_for_data(func_name))


Reading = _TrolliusReading if PY2 else _AsyncioReading

_METHODS = ('read', 'readexactly', 'readline', 'readuntil', '_wait_for_data')

_patches = Patches()


def patch():
    """Make Trollius' own StreamReader read like ours; asyncio's, on 3, does not need it."""
    if PY2 and not _patches:
        for name in _METHODS:
            _patches.replace(framework.StreamReader, name, vars(_TrolliusReading)[name])


def unpatch():
    """Give Trollius' own StreamReader its methods back, if `patch` is in effect."""
    _patches.undo()
