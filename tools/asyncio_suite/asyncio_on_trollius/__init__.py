"""
asyncio's names, taken from sslproto27.aio on Trollius, for the tests that translate.py has written;
and, for ``import *``, names that are built into Python 3.
"""
from __future__ import absolute_import, division, print_function

import functools
import socket
import threading
import types

import mock
import trollius
from trollius import Event, log  # noqa: F401

from sslproto27 import aio
from sslproto27._aio import SSLProtocol
from sslproto27._core.compat import ResourceWarning
from sslproto27.aio import *  # noqa: F401, F403
from sslproto27.aio import StreamReader

__all__ = ['BlockingIOError', 'BrokenPipeError', 'ConnectionAbortedError', 'ConnectionError',
           'ConnectionRefusedError', 'ConnectionResetError', 'OSError', 'ResourceWarning',
           'TimeoutError']

OSError = EnvironmentError
BlockingIOError = trollius.BlockingIOError
BrokenPipeError = trollius.BrokenPipeError
ConnectionAbortedError = trollius.ConnectionAbortedError
ConnectionRefusedError = trollius.ConnectionRefusedError
ConnectionResetError = trollius.ConnectionResetError
ConnectionError = (  # a tuple, for `except`
    BrokenPipeError, ConnectionAbortedError, ConnectionRefusedError, ConnectionResetError)
TimeoutError = trollius.TimeoutError

StreamReaderProtocol = trollius.StreamReaderProtocol
DefaultEventLoopPolicy = aio.EventLoopPolicy


class _SSLProtocol(SSLProtocol):
    """Ours, with asyncio's private names for public members; it makes its transport at once."""

    def __init__(self, *args, **kwargs):
        super(_SSLProtocol, self).__init__(*args, **kwargs)
        self._kept = self.transport

    def _get_extra_info(self, name, default=None):
        return super(_SSLProtocol, self)._get_extra_info(name, default)


sslproto = types.ModuleType('sslproto')
sslproto.SSLProtocol = _SSLProtocol
protocols = types.ModuleType('protocols')
events = types.ModuleType('events')
events._get_running_loop = None
nothing = None


class BufferedProtocol(trollius.BaseProtocol):
    """Trollius has no such class: our transports look at a protocol's methods."""

    def eof_received(self):
        """Close, as Protocol does."""


def SelectorEventLoop():  # noqa: N802: a class in asyncio
    """Return a loop of ours as the current one: Trollius does not know which loop is running."""
    loop = aio.SelectorEventLoop(suppress_ragged_eofs=True)  # as asyncio does
    trollius.set_event_loop(loop)
    return loop


new_event_loop = SelectorEventLoop


def set_event_loop(loop):
    """Make it the current loop; ignore None, as Trollius does not know which loop is running."""
    if loop is not None:
        trollius.set_event_loop(loop)


def set_event_loop_policy(policy):
    """Do nothing: no test sets another policy."""


# Names that 2.7's sockets and threads lack, or that mocks have and must not.

def _create_server(address, family=socket.AF_INET, backlog=1):
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind(address)
    made.listen(backlog)
    return made


def _may_be_daemon(init):
    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        is_daemon = kwargs.pop('daemon', None)
        init(self, *args, **kwargs)
        if is_daemon is not None:
            self.daemon = is_daemon
    return wrapper


def mend():
    """Add or remove them."""
    socket.create_server = _create_server
    socket._socketobject.__enter__ = lambda self: self
    socket._socketobject.__exit__ = lambda self, *exc_info: self.close()
    threading.Thread.__init__ = _may_be_daemon(threading.Thread.__init__)
    mock.NonCallableMock._is_coroutine = False  # Trollius' loops look at this


assert issubclass(StreamReader, trollius.StreamReader)
mend()
