"""Trollius' style of coroutines on Python 3's asyncio. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

import collections.abc
import functools
import inspect

__all__ = ['From', 'Return', 'coroutine']


class Return(Exception):
    """
    What a coroutine raises to return *values*: none is None, one is itself, more are a tuple.
    """

    def __init__(self, *values):
        super(Return, self).__init__(*values)
        self.value = (values[0] if len(values) == 1 else values) if values else None


def From(awaitable):
    """Mark what a coroutine waits for: ``result = yield From(awaitable)``."""
    return awaitable


def coroutine(function):
    """
    Make a coroutine function of a generator function.

    What it yields is awaited, None lets the loop take a turn; `Return` has the result. What it
    returns can be awaited by ``async def`` functions, and run by asyncio like theirs.
    """
    if not inspect.isgeneratorfunction(function):
        raise TypeError('%r is no generator function' % (function,))

    @functools.wraps(function)
    def start(*args, **kwargs):
        return _Coroutine(function(*args, **kwargs))
    return start


class _Coroutine(collections.abc.Coroutine):
    """A generator that runs, and what it waits for at the moment."""

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
        """End, wherever it is; see PEP 492."""
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
