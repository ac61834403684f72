"""
asyncio's names, of sslproto27.aio on Trollius, for what translate.py makes of CPython's tests; and,
for ``import *``, the names that Python 3 has built in.
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
ConnectionError = (  # what `except` takes for a class
    BrokenPipeError, ConnectionAbortedError, ConnectionRefusedError, ConnectionResetError)
TimeoutError = trollius.TimeoutError

StreamReaderProtocol = trollius.StreamReaderProtocol
DefaultEventLoopPolicy = aio.EventLoopPolicy


class _SSLProtocol(SSLProtocol):
    """Ours, with asyncio's private names for what has a public one; its transport made at once."""

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
    """What Trollius has no name for: our transports look at the methods."""

    def eof_received(self):
        """Close, as a Protocol's does."""


def SelectorEventLoop():  # noqa: N802: a class in asyncio
    """Return a loop of ours, the current one: Trollius knows of no running one."""
    loop = aio.SelectorEventLoop(suppress_ragged_eofs=True)  # asyncio takes cut-off data for whole
    trollius.set_event_loop(loop)
    return loop


new_event_loop = SelectorEventLoop


def set_event_loop(loop):
    """Let it be the current one; not none, as Trollius knows of no running one."""
    if loop is not None:
        trollius.set_event_loop(loop)


def set_event_loop_policy(policy):
    """Do nothing: no test sets another one."""


# What 2.7's sockets and threads lack, and mocks have too much.

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
    """Make that good."""
    socket.create_server = _create_server
    socket._socketobject.__enter__ = lambda self: self
    socket._socketobject.__exit__ = lambda self, *exc_info: self.close()
    threading.Thread.__init__ = _may_be_daemon(threading.Thread.__init__)
    mock.NonCallableMock._is_coroutine = False  # Trollius' loops ask


assert issubclass(StreamReader, trollius.StreamReader)
mend()
