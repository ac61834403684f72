"""
Stream readers that return the data that has arrived before they raise the connection's error.

Observed on Trollius 2.2.1 and asyncio 3.13: once a reader has an error it raises that at once, and
never returns the data that came before. Trollius' is worse: a coroutine starts one turn after the
call, and its reader does not check for an error again before it waits. It then waits for ever.
Nothing here knows of transports.
"""
from __future__ import absolute_import, division, print_function

from .._core.compat import PY2
from . import From, Return, coroutine, framework, new_future

__all__ = ['LimitOverrunError', 'Reading', 'mend', 'restore']


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


class _Untaken(object):
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
    The reading methods for Trollius' StreamReader; `mend` puts them into Trollius' own class.

    A call gets the data that has arrived if this is enough. Otherwise it raises the error and
    leaves the data for other calls: once ``read()`` has failed, ``read(65536)`` returns the data
    that came before the failure.
    """

    @coroutine
    def read(self, n=-1):
        """Return at most *n* bytes, b'' at the end; if *n* is negative, all until the end."""
        if n < 0:
            taken = bytearray()
            while not self._eof:
                taken += self._take(len(self._buffer))
                with _Untaken(self, taken):
                    yield From(self._more('read'))
            raise Return(bytes(taken + self._take(len(self._buffer))))
        while n and not self._buffer and not self._eof:
            yield From(self._more('read'))
        raise Return(bytes(self._take(n)))

    @coroutine
    def readexactly(self, n):
        """Return *n* bytes; raise IncompleteReadError if the stream ends first."""
        taken = self._take(max(n, 0))
        while len(taken) < n:
            if self._eof:
                raise framework.IncompleteReadError(bytes(taken), n)
            with _Untaken(self, taken):
                yield From(self._more('readexactly'))
            taken += self._take(n - len(taken))
        raise Return(bytes(taken))

    @coroutine
    def readline(self):
        """Return a line with its newline, or the rest at EOF; ValueError if it is too long."""
        line = bytearray()
        while True:
            end = self._buffer.find(b'\n') + 1
            line += self._take(end or len(self._buffer))
            if len(line) > self._limit:
                raise ValueError('Line is too long: more than %d bytes' % self._limit)
            if end or self._eof:
                raise Return(bytes(line))
            with _Untaken(self, line):
                yield From(self._more('readline'))

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
        if not separators or not all(separators):
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
                raise framework.IncompleteReadError(bytes(self._take(len(buffer))), None)
            if self._paused:  # this call needs more than the reader's limit
                self._paused = False
                self._transport.resume_reading()
            yield From(self._more('readuntil'))
        end, size = min(found)
        if end - size > self._limit:
            raise LimitOverrunError(
                'the separator is beyond the limit of %d bytes' % self._limit, end - size)
        raise Return(bytes(self._take(end)))

    def _take(self, n):
        """Take *n* bytes, or all if there are fewer, out of the buffer."""
        taken = self._buffer[:n]
        del self._buffer[:n]
        self._maybe_resume_transport()
        return taken

    def _more(self, func_name):
        """Return a future, done at more data or the end; raise the error if there is one."""
        if self._exception is not None:
            raise self._exception
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError('%s() called while another coroutine is already waiting for'
                               ' incoming data' % func_name)
        self._waiter = new_future(self._loop)
        return self._waiter

    @coroutine
    def _wait_for_data(self, func_name):
        """Wait for data; the application's own subclasses may call this."""
        if not self._buffer and not self._eof:
            yield From(self._more(func_name))


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
            with _Untaken(self, taken):
                taken += yield From(read(self._limit))
        raise Return(bytes(taken))

    @coroutine
    def _wait_for_data(self, func_name):
        if self._failure is not None:
            raise self._failure
        yield From(super(_AsyncioReading, self)._wait_for_data(func_name))


Reading = _TrolliusReading if PY2 else _AsyncioReading

_METHODS = ('read', 'readexactly', 'readline', 'readuntil', '_take', '_more', '_wait_for_data')

_originals = {}


def mend():
    """Make Trollius' own StreamReader read like ours; asyncio's, on 3, does not need it."""
    if PY2 and not _originals:
        owner = framework.StreamReader
        _originals.update((name, vars(owner).get(name)) for name in _METHODS)
        for name in _METHODS:
            setattr(owner, name, vars(_TrolliusReading)[name])


def restore():
    """Give Trollius' own StreamReader its methods back, if `mend` is in effect."""
    while _originals:
        name, method = _originals.popitem()
        if method is None:
            delattr(framework.StreamReader, name)
        else:
            setattr(framework.StreamReader, name, method)
