"""
Trollius on 2.7, asyncio on 3: only this module imports them, and it lists their private names.
"""
from __future__ import absolute_import, division, print_function

from .._core.compat import PY2
from .._core.versions import installed_version, require_version

if PY2:
    import trollius as framework
    from trollius import From, Return, coroutine, selectors
    from trollius.coroutines import CoroWrapper
    from trollius.events import Handle
    from trollius.py33_exceptions import (
        BlockingIOError, BrokenPipeError, ConnectionAbortedError, ConnectionResetError,
        InterruptedError, get_error_class)
    from trollius.selector_events import _SelectorSocketTransport, _SelectorTransport
    from trollius.time_monotonic import time_monotonic
    from trollius.unix_events import DefaultEventLoopPolicy
    # 2.1.post2 does not differ from 2.2.1 in anything that we use.
    require_version('Trollius', installed_version(framework, 'trollius'), [('2.1', '2.2')])
else:
    import asyncio as framework
    from asyncio import DefaultEventLoopPolicy
    from .generators import From, Return, coroutine

__all__ = ['From', 'Return', 'DefaultEventLoopPolicy', 'PRIVATE', 'READ_FROM', 'coroutine',
           'framework']

#: The versions whose source `PRIVATE` was read from.
READ_FROM = ['trollius 2.2.1', 'asyncio 3.7', 'asyncio 3.13']

#: Their private names that we use or replace, by class.
PRIVATE = {
    'selector_events._SelectorSocketTransport':
        '_closing _paused _protocol _protocol_paused _sock _start_tls_compatible',
    'streams.StreamReader': '_buffer _eof _exception _limit _loop _maybe_resume_transport _paused'
                            ' _transport _wait_for_data _waiter',
    'streams.StreamReaderProtocol': '_client_connected_cb _loop _stream_reader _stream_writer'
                                    ' _strong_reader _transport',
    'streams.StreamWriter': '_loop _protocol _reader _transport',
    'unix_events.DefaultEventLoopPolicy': '_loop_factory _watcher',
    'unix_events.SelectorEventLoop': '_make_socket_transport _make_ssl_transport',
}

if PY2:
    PRIVATE.update({
        'coroutines.coroutine': '_is_coroutine',
        'events.TimerHandle': '_cancelled _run _scheduled _source_traceback _when',
        'futures.Future': '_set_result_unless_cancelled',
        'selector_events._SelectorSocketTransport':
            '_buffer _call_connection_lost _closing _conn_lost _eof _fatal_error _force_close _loop'
            ' _maybe_pause_protocol _maybe_resume_protocol _paused _protocol _protocol_paused'
            ' _read_ready _sock _sock_fd _write_ready',
        'selector_events': '_SelectorSocketTransport _SelectorTransport',
        'selectors.EpollSelector': '_epoll _fd_to_key _fileobj_lookup',
        'unix_events.SelectorEventLoop':
            '_accept_connection _add_callback _clock_resolution _closed _debug'
            ' _make_socket_transport _make_ssl_transport _process_events _ready _run_once'
            ' _scheduled _selector _timer_cancelled_count',
    })
    __all__ += ['BlockingIOError', 'BrokenPipeError', 'ConnectionAbortedError',
                'ConnectionResetError', 'CoroWrapper', 'Handle', 'InterruptedError',
                '_SelectorSocketTransport', '_SelectorTransport', 'get_error_class', 'selectors',
                'time_monotonic']
