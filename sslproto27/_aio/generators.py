"""Coroutines in Trollius' style on Python 3's asyncio. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

import collections.abc
import functools
import inspect

__all__ = ['From', 'Return', 'coroutine']


class Return(Exception):
    """
    Raised by a coroutine to return *values*: None for no values, one as it is, more as a tuple.
    """

    def __init__(self, *values):
        super(Return, self).__init__(*values)
        self.value = (values[0] if len(values) == 1 else values) if values else None


def From(awaitable):
    """Wait for *awaitable* in a coroutine: ``result = yield From(awaitable)``."""
    return awaitable


def coroutine(function):
    """
    Turn a generator function into a coroutine function.

    The coroutine awaits each object that the generator yields; None lets the loop take a turn.
    `Return` carries the result. ``async def`` functions can await the coroutine; asyncio runs it.
    """
    if not inspect.isgeneratorfunction(function):
        raise TypeError('%r is not a generator function' % (function,))

    @functools.wraps(function)
    def start(*args, **kwargs):
        return _Coroutine(function(*args, **kwargs))
    return start


class _Coroutine(collections.abc.Coroutine):
    """A running generator, and the object that it waits for."""

    def __init__(self, generator):
        self._generator = generator
        self._awaited = None  # an iterator, as __await__ returns it

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        """Go on with *value*; see PEP 492."""
        return self._go_on('send', value)

    def throw(self, *error):
        """Go on with an exception; see PEP 492."""
        return self._go_on('throw', *error)

    def close(self):
        """End the coroutine at its current point; see PEP 492."""
        if self._awaited is not None and hasattr(self._awaited, 'close'):
            self._awaited.close()
        self._awaited = None
        self._generator.close()

    def _go_on(self, name, *args):
        while True:
            if self._awaited is None:
                try:
                    awaitable = getattr(self._generator, name)(*args)
                except Return as result:
                    raise StopIteration(result.value)
                if awaitable is None:
                    return None
                self._awaited = awaitable.__await__()
                name, args = 'send', (None,)
            try:
                return getattr(self._awaited, name)(*args)
            except StopIteration as result:
                name, args = 'send', (result.value,)
            except BaseException as error:
                name, args = 'throw', (error,)
            self._awaited = None
