"""
Tornado's modules, which all else here gets from this module, and a list of their private names.

So another copy of Tornado can have another set of our modules, with its own `_compat`.
"""
from __future__ import absolute_import, division, print_function

import importlib

from .._core.versions import require_version

_MODULES = ['concurrent', 'gen', 'httpserver', 'ioloop', 'iostream', 'log', 'netutil',
            'stack_context', 'tcpclient', 'tcpserver']

__all__ = ['IS_OLD', 'PRIVATE', 'READ_FROM', 'load', 'loop_of'] + _MODULES

#: Checked against 4.5.3, 5.0.2 and 5.1.1.
SUPPORTED = [('4.5', '4.5'), ('5.0', '5.1')]


def load(namespace, package, error=ImportError):
    """
    Import Tornado's modules.

    Args:
        namespace (dict): where to put them.
        package (str): the package to import them from.
        error (type): the exception for an unsupported version.

    Returns:
        dict: *namespace*.
    """
    root = importlib.import_module(package)
    require_version('Tornado', getattr(root, 'version', 'of no version'), SUPPORTED, error)
    for name in _MODULES:
        namespace[name] = importlib.import_module(root.__name__ + '.' + name)
    namespace['IS_OLD'] = is_old = root.version_info < (5,)
    # An argument that 5.0 no longer has.
    namespace['loop_of'] = lambda owner: dict(io_loop=owner.io_loop) if is_old else {}
    return namespace


load(globals(), 'tornado')

#: The versions whose source `PRIVATE` was read from.
READ_FROM = ['4.5.3', '5.1.1']

#: The private names that we use or replace, by class or module.
PRIVATE = {
    'iostream.BaseIOStream':
        '_add_io_state _check_closed _close_callback _closed _consume _handle_events _handle_read'
        ' _handle_write _is_connreset _pending_callbacks _read_buffer _read_buffer_size'
        ' _read_to_buffer _read_until_close _state _user_read_buffer _write_buffer _write_callback'
        ' _write_futures',
    'iostream.IOStream': '_connecting _handle_connect',
    'iostream.SSLIOStream': '_do_ssl_handshake _run_ssl_connect_callback _ssl_accepting'
                            ' _ssl_connect_callback _ssl_options _verify_cert',
    'netutil': '_client_ssl_defaults _server_ssl_defaults',
    'tcpserver.TCPServer': '_handle_connection',
}
