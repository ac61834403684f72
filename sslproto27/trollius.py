"""
TLS over memory BIOs for Trollius: an event loop and its policy, installed as uvloop is.

    import sslproto27.trollius
    sslproto27.trollius.install()

After that create_connection, create_server, open_connection, start_server and their unix variants
use TLS over memory BIOs on every new loop, and set TCP_NODELAY on TCP sockets. `start_tls` upgrades
a connection of any Trollius loop. Programs that move to Python 3 use `sslproto27.aio` instead.
"""
from __future__ import absolute_import, division, print_function

import trollius  # noqa: F401: this module needs it; it is absent on Python 3

from ._aio.loop import _is_installed  # noqa: F401: for sslproto27.install
from ._aio.loop import EventLoopPolicy, SelectorEventLoop, install, uninstall
from ._aio.pipes import connect_pipes, open_pipes
from ._aio.streams import (
    StreamReader, StreamWriter, open_connection, open_unix_connection, start_server,
    start_unix_server)
from ._aio.upgrade import start_tls

__all__ = ['EventLoopPolicy', 'SelectorEventLoop', 'StreamReader', 'StreamWriter', 'connect_pipes',
           'install', 'open_connection', 'open_pipes', 'open_unix_connection', 'start_server',
           'start_tls', 'start_unix_server', 'uninstall']
