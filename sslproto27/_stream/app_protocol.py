"""
Calls to the application's protocol, and the facts it can ask for. Nothing here knows of loops.
"""
from __future__ import absolute_import, division, print_function

from .._core.compat import writable_view

__all__ = ['extra_info', 'fill', 'is_buffered', 'knows']


def is_buffered(protocol):
    """Return whether *protocol* has its own buffers, as asyncio's BufferedProtocol does (bool)."""
    return hasattr(protocol, 'get_buffer') and not hasattr(protocol, 'data_received')


def fill(protocol, data, is_wanted):
    """
    Copy the beginning of *data*, a view of bytes, into one buffer of *protocol*.

    Args:
        is_wanted (function): called once there is a buffer; returns whether to copy.

    Returns:
        int: how many bytes were copied.

    Raises:
        RuntimeError: *protocol* returned an empty buffer.
    """
    view = writable_view(protocol.get_buffer(len(data)), 'buffer')
    if not is_wanted():
        return 0
    size = min(len(view), len(data))
    if not size:
        raise RuntimeError('get_buffer() returned an empty buffer')
    view[:size] = data[:size].tobytes()
    del view  # on Python 3 a buffer cannot be resized while a view of it exists
    protocol.buffer_updated(size)
    return size


def knows(name):
    """Return whether `extra_info` knows *name* (bool)."""
    return name in _EXTRA


def extra_info(ssl_object, name):
    """
    Return TLS's value of *name*.

    Returns:
        None if there is none, if it is too early, TLS has ended, or the engine cannot tell.
    """
    try:
        return None if ssl_object is None else _EXTRA[name](ssl_object)
    except NotImplementedError:  # the engine cannot tell
        return None


def _peercert(ssl_object):
    return ssl_object.getpeercert() if ssl_object.version() else None


def _session(ssl_object):
    return ssl_object.session if ssl_object.version() else None


_EXTRA = {
    'ssl_object': lambda ssl_object: ssl_object,
    'sslcontext': lambda ssl_object: ssl_object.context,
    'peercert': _peercert,
    'cipher': lambda ssl_object: ssl_object.cipher(),
    'compression': lambda ssl_object: ssl_object.compression(),
    'alpn_protocol': lambda ssl_object: ssl_object.selected_alpn_protocol(),
    'tls_version': lambda ssl_object: ssl_object.version(),
    'server_hostname': lambda ssl_object: ssl_object.server_hostname,
    'session': _session,
    'session_reused': lambda ssl_object: ssl_object.session_reused,
}
