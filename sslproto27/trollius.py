"""
TLS over memory BIOs for Trollius: the loop and its policy, in the manner of ``uvloop.install()``.

    import sslproto27.trollius
    sslproto27.trollius.install()

After that create_connection, create_server, their unix twins, open_connection and start_server of
every new loop carry TLS over memory BIOs, and TCP sockets have TCP_NODELAY. `start_tls` upgrades a
connection of any Trollius loop. `sslproto27.aio` has the same for programs that move to Python 3.
"""
from __future__ import absolute_import, division, print_function

import trollius  # noqa: F401: without it this module has no meaning, on Python 3 say

from ._aio.loop import EventLoopPolicy, SelectorEventLoop, install, uninstall
from ._aio.pipes import connect_pipes, open_pipes
from ._aio.streams import (
    StreamReader, StreamWriter, open_connection, open_unix_connection, start_server,
    start_unix_server)
from ._aio.upgrade import start_tls

__all__ = ['EventLoopPolicy', 'SelectorEventLoop', 'StreamReader', 'StreamWriter', 'connect_pipes',
           'install', 'open_connection', 'open_pipes', 'open_unix_connection', 'start_server',
           'start_tls', 'start_unix_server', 'uninstall']
