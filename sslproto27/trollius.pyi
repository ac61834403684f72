# Trollius has no types and Python 3.13 cannot import it; these are asyncio's of the same names.
from .aio import (
    EventLoopPolicy as EventLoopPolicy, SelectorEventLoop as SelectorEventLoop,
    StreamReader as StreamReader, StreamWriter as StreamWriter, connect_pipes as connect_pipes,
    install as install, open_connection as open_connection, open_pipes as open_pipes,
    open_unix_connection as open_unix_connection, start_server as start_server,
    start_tls as start_tls, start_unix_server as start_unix_server, uninstall as uninstall)

__all__ = ['EventLoopPolicy', 'SelectorEventLoop', 'StreamReader', 'StreamWriter', 'connect_pipes',
           'install', 'open_connection', 'open_pipes', 'open_unix_connection', 'start_server',
           'start_tls', 'start_unix_server', 'uninstall']
