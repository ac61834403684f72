# Tornado 5.1 has no types: these base classes have those of Tornado 6.
import asyncio
import datetime
import socket as sockets
from collections.abc import Callable
from ssl import SSLContext, SSLSession
from types import ModuleType
from typing import Any

from tornado import httpserver, iostream, tcpclient, tcpserver

__all__ = ['SSLIOStream', 'TCPServer', 'HTTPServer', 'TCPClient', 'start_tls', 'install',
           'uninstall']

_Options = SSLContext | dict[str, Any] | None
_Stream = iostream.BaseIOStream | tuple[iostream.BaseIOStream, iostream.BaseIOStream]

class SSLIOStream(iostream.SSLIOStream):
    def __init__(
        self,
        socket: sockets.socket | _Stream,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
        max_write_buffer_size: int | None = None,
        *,
        ssl_options: _Options = None,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: SSLSession | None = None,
        suppress_ragged_eofs: bool = False,
        ssl_handshake_timeout: float | None = None,
    ) -> None: ...
    def connect(  # type: ignore[override]
        self,
        address: Any,
        callback: Callable[[], None] | None = None,
        server_hostname: str | None = None,
    ) -> asyncio.Future[SSLIOStream]: ...
    def wait_for_handshake(  # type: ignore[override]
        self, callback: Callable[[], None] | None = None) -> asyncio.Future[SSLIOStream]: ...
    def start_tls(  # type: ignore[override]
        self,
        server_side: bool,
        ssl_options: _Options = None,
        server_hostname: str | None = None,
    ) -> asyncio.Future[SSLIOStream]: ...

class TCPServer(tcpserver.TCPServer):
    def __init__(
        self,
        ssl_options: _Options = None,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
        *,
        suppress_ragged_eofs: bool = False,
        ssl_handshake_timeout: float | None = None,
        **kwargs: Any,
    ) -> None: ...

class HTTPServer(httpserver.HTTPServer):
    def __init__(
        self,
        request_callback: Any,
        *args: Any,
        ssl_options: _Options = None,
        suppress_ragged_eofs: bool = False,
        ssl_handshake_timeout: float | None = None,
        **kwargs: Any,
    ) -> None: ...

class TCPClient(tcpclient.TCPClient):
    def connect(  # type: ignore[override]
        self,
        host: str,
        port: int,
        af: int = ...,
        ssl_options: _Options = None,
        max_buffer_size: int | None = None,
        source_ip: str | None = None,
        source_port: int | None = None,
        timeout: float | datetime.timedelta | None = None,
        session: SSLSession | None = None,
        suppress_ragged_eofs: bool = False,
    ) -> asyncio.Future[iostream.IOStream]: ...

def start_tls(
    stream: _Stream,
    server_side: bool,
    ssl_options: _Options = None,
    server_hostname: str | None = None,
    session: SSLSession | None = None,
    suppress_ragged_eofs: bool = False,
    ssl_handshake_timeout: float | None = None,
) -> asyncio.Future[SSLIOStream]: ...
def install(
    suppress_ragged_eofs: bool = False,
    ssl_handshake_timeout: float | None = None,
    ssl_handshake_limit: int | None = None,
    module: str | ModuleType = 'tornado',
    check_names: bool = True,
) -> None: ...
def uninstall(module: str | ModuleType = 'tornado') -> None: ...
