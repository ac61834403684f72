"""
One import for programs that move from 2.7 to 3: TLS on Trollius' loops and on asyncio's.

    from sslproto27 import aio
    from sslproto27.aio import From

    @aio.coroutine
    def talk(context):
        reader, writer = yield From(aio.open_connection('localhost', 8443, ssl=context))
        ...

    aio.run(talk(context))

This runs on both. On 3, ``async def`` functions can await these coroutines too. On 2.7 each name
comes from `sslproto27.trollius` or from Trollius; on 3 it is the same thing over asyncio.
"""
from __future__ import absolute_import, division, print_function

from ._aio.compat import From, Return, coroutine, framework
from ._aio.loop import EventLoopPolicy, SelectorEventLoop, install, run, uninstall
from ._aio.pipes import connect_pipes, open_pipes
from ._aio.streams import (
    IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter, open_connection,
    open_unix_connection, start_server, start_unix_server)
from ._aio.upgrade import start_tls

__all__ = ['CancelledError', 'connect_pipes', 'coroutine', 'ensure_future', 'EventLoopPolicy',
           'From', 'Future', 'gather', 'get_event_loop', 'IncompleteReadError', 'install',
           'LimitOverrunError', 'new_event_loop', 'open_connection', 'open_pipes',
           'open_unix_connection', 'Protocol', 'Return', 'run', 'SelectorEventLoop',
           'set_event_loop', 'sleep', 'start_server', 'start_tls', 'start_unix_server',
           'StreamReader', 'StreamWriter', 'TimeoutError', 'uninstall', 'wait_for']

CancelledError = framework.CancelledError
Future = framework.Future
Protocol = framework.Protocol
TimeoutError = framework.TimeoutError
ensure_future = framework.ensure_future
gather = framework.gather
get_event_loop = framework.get_event_loop
new_event_loop = framework.new_event_loop
set_event_loop = framework.set_event_loop
sleep = framework.sleep
wait_for = framework.wait_for
