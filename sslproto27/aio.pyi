# On Python 3, over asyncio.
import asyncio
import selectors
import socket
from asyncio import (
    CancelledError as CancelledError, Future as Future, IncompleteReadError as IncompleteReadError,
    LimitOverrunError as LimitOverrunError, Protocol as Protocol, StreamReader as StreamReader,
    TimeoutError as TimeoutError, ensure_future as ensure_future, gather as gather,
    get_event_loop as get_event_loop, new_event_loop as new_event_loop,
    set_event_loop as set_event_loop, sleep as sleep, wait_for as wait_for)
from collections.abc import Awaitable, Callable, Coroutine, Generator
from ssl import SSLContext, SSLSession
from typing import Any, ParamSpec, TypeVar

from . import _SSLTransport

__all__ = ['CancelledError', 'connect_pipes', 'coroutine', 'ensure_future', 'EventLoopPolicy',
           'From', 'Future', 'gather', 'get_event_loop', 'IncompleteReadError', 'install',
           'LimitOverrunError', 'new_event_loop', 'open_connection', 'open_pipes',
           'open_unix_connection', 'Protocol', 'Return', 'run', 'SelectorEventLoop',
           'set_event_loop', 'sleep', 'start_server', 'start_tls', 'start_unix_server',
           'StreamReader', 'StreamWriter', 'TimeoutError', 'uninstall', 'wait_for']

_T = TypeVar('_T')
_P = ParamSpec('_P')
_ProtocolT = TypeVar('_ProtocolT', bound=asyncio.BaseProtocol)
_Streams = tuple[StreamReader, StreamWriter]
# A function or coroutine function that serves a connection.
_Connected = Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None] | None]

class Return(Exception):
    value: Any
    def __init__(self, *values: Any) -> None: ...

def From(awaitable: _T) -> _T: ...
def coroutine(
    function: Callable[_P, Generator[Any, Any, Any]],
) -> Callable[_P, Coroutine[Any, Any, Any]]: ...
def run(main: Awaitable[_T]) -> _T: ...
def install(suppress_ragged_eofs: bool = False) -> None: ...
def uninstall() -> None: ...

class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    suppress_ragged_eofs: bool
    def __init__(self, suppress_ragged_eofs: bool = False) -> None: ...

class SelectorEventLoop(asyncio.SelectorEventLoop):
    suppress_ragged_eofs: bool
    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        suppress_ragged_eofs: bool = False,
    ) -> None: ...
    def create_connection(
        self,
        protocol_factory: Callable[[], _ProtocolT],
        host: str | None = None,
        port: int | None = None,
        ssl: SSLContext | bool | None = None,
        *,
        server_hostname: str | None = None,
        sock: socket.socket | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        session: SSLSession | None = None,
        suppress_ragged_eofs: bool | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, tuple[asyncio.Transport, _ProtocolT]]: ...
    def create_unix_connection(
        self,
        protocol_factory: Callable[[], _ProtocolT],
        path: str | None = None,
        ssl: SSLContext | bool | None = None,
        *,
        server_hostname: str | None = None,
        sock: socket.socket | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        session: SSLSession | None = None,
        suppress_ragged_eofs: bool | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, tuple[asyncio.Transport, _ProtocolT]]: ...
    def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: Any = None,
        port: int | None = None,
        ssl: SSLContext | None = None,
        *,
        sock: socket.socket | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        suppress_ragged_eofs: bool | None = None,
        ssl_handshake_limit: int | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, asyncio.Server]: ...
    def create_unix_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        path: str | None = None,
        ssl: SSLContext | None = None,
        *,
        sock: socket.socket | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        suppress_ragged_eofs: bool | None = None,
        ssl_handshake_limit: int | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, asyncio.Server]: ...
    def connect_accepted_socket(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], _ProtocolT],
        sock: socket.socket,
        ssl: SSLContext | None = None,
        *,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        suppress_ragged_eofs: bool | None = None,
    ) -> Coroutine[Any, Any, tuple[asyncio.Transport, _ProtocolT]]: ...
    def start_tls(
        self,
        transport: asyncio.BaseTransport,
        protocol: asyncio.BaseProtocol,
        sslcontext: SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        session: SSLSession | None = None,
        suppress_ragged_eofs: bool | None = None,
        read_ahead: bytes = b'',
    ) -> Coroutine[Any, Any, _SSLTransport]: ...

class StreamWriter(asyncio.StreamWriter):
    def start_tls(
        self,
        sslcontext: SSLContext,
        server_side: bool | None = None,
        *,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        session: SSLSession | None = None,
        suppress_ragged_eofs: bool | None = None,
    ) -> Coroutine[Any, Any, None]: ...
    def unwrap(self) -> Coroutine[Any, Any, None]: ...

def start_tls(
    transport: asyncio.BaseTransport,
    protocol: asyncio.BaseProtocol,
    sslcontext: SSLContext,
    server_side: bool = False,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    session: SSLSession | None = None,
    suppress_ragged_eofs: bool | None = None,
    read_ahead: bytes = b'',
    loop: asyncio.AbstractEventLoop | None = None,
) -> Coroutine[Any, Any, _SSLTransport]: ...

# **kwargs are those of the loop's create_connection, create_server, ...

def open_connection(
    host: str | None = None,
    port: int | None = None,
    loop: SelectorEventLoop | None = None,
    limit: int = ...,
    *,
    ssl: SSLContext | bool | None = None,
    **kwargs: Any,
) -> Coroutine[Any, Any, _Streams]: ...
def open_unix_connection(
    path: str | None = None,
    loop: SelectorEventLoop | None = None,
    limit: int = ...,
    *,
    ssl: SSLContext | bool | None = None,
    **kwargs: Any,
) -> Coroutine[Any, Any, _Streams]: ...
def start_server(
    client_connected_cb: _Connected,
    host: Any = None,
    port: int | None = None,
    loop: SelectorEventLoop | None = None,
    limit: int = ...,
    *,
    ssl: SSLContext | None = None,
    **kwargs: Any,
) -> Coroutine[Any, Any, asyncio.Server]: ...
def start_unix_server(
    client_connected_cb: _Connected,
    path: str | None = None,
    loop: SelectorEventLoop | None = None,
    limit: int = ...,
    *,
    ssl: SSLContext | None = None,
    **kwargs: Any,
) -> Coroutine[Any, Any, asyncio.Server]: ...
def connect_pipes(
    protocol_factory: Callable[[], _ProtocolT],
    read_pipe: Any,
    write_pipe: Any,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Coroutine[Any, Any, tuple[asyncio.Transport, _ProtocolT]]: ...
def open_pipes(
    read_pipe: Any,
    write_pipe: Any,
    loop: asyncio.AbstractEventLoop | None = None,
    limit: int = ...,
) -> Coroutine[Any, Any, _Streams]: ...
