"""
Readers that hand out what has arrived before they raise what ended the connection.

Observed on Trollius 2.2.1 and asyncio 3.13: a reader that has been told of an error raises it, and
keeps to itself what had come before. Trollius' does worse: a coroutine begins a turn after it is
called, its reader does not look for an error again before it waits, and then waits for ever.
Nothing here knows of transports.
"""
from __future__ import absolute_import, division, print_function

from .._core.compat import PY2
from . import From, Return, coroutine, framework, new_future

__all__ = ['Reading', 'mend', 'restore']


class _Untaken(object):
    """A block whose failure gives back to the reader what a call has taken so far."""

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
    How a StreamReader of Trollius' reads; `mend` puts this into Trollius' own class.

    A call that is content with what has arrived gets it. One that needs more raises the error, and
    leaves all that has arrived to other calls: once ``read()`` has failed, ``read(65536)`` returns
    what came before the failure.
    """

    @coroutine
    def read(self, n=-1):
        """Return *n* bytes at most, b'' at the end; all until the end if *n* is negative."""
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
        """Return *n* bytes; raise IncompleteReadError if the end comes before."""
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
        """Return a line with its end; what there is at the end; ValueError if it is too long."""
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

    def _take(self, n):
        """Take *n* bytes, or as many as there are, out of the buffer."""
        taken = self._buffer[:n]
        del self._buffer[:n]
        self._maybe_resume_transport()
        return taken

    def _more(self, func_name):
        """Return a future, done once there is more, or the end; none is made after an error."""
        if self._exception is not None:
            raise self._exception
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError('%s() called while another coroutine is already waiting for'
                               ' incoming data' % func_name)
        self._waiter = new_future(self._loop)
        return self._waiter

    @coroutine
    def _wait_for_data(self, func_name):
        """What methods of the application's own subclasses wait with."""
        if not self._buffer and not self._eof:
            yield From(self._more(func_name))


class _AsyncioReading(object):
    """The same for asyncio's StreamReader; its other methods leave in the buffer what is there."""

    _failure = None  # in the place of what asyncio's methods raise at once

    def set_exception(self, exc):
        """Wake who waits for more; let others raise *exc* once they need more."""
        super(_AsyncioReading, self).set_exception(exc)
        self._failure, self._exception = exc, None

    def exception(self):
        """Return what ended the connection, or None."""
        return self._failure

    @coroutine
    def read(self, n=-1):
        """Return *n* bytes at most, b'' at the end; all until the end if *n* is negative."""
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

_METHODS = ('read', 'readexactly', 'readline', '_take', '_more', '_wait_for_data')

_originals = {}


def mend():
    """Let Trollius' own StreamReader read like ours; asyncio's, on 3, has no need of it."""
    if PY2 and not _originals:
        owner = framework.StreamReader
        _originals.update((name, vars(owner).get(name)) for name in _METHODS)
        for name in _METHODS:
            setattr(owner, name, vars(_TrolliusReading)[name])


def restore():
    """Give Trollius' own StreamReader its methods back, if `mend` is in force."""
    while _originals:
        name, method = _originals.popitem()
        if method is None:
            delattr(framework.StreamReader, name)
        else:
            setattr(framework.StreamReader, name, method)
