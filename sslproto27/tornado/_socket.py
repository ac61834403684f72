"""
`TLSSocket`, the ``socket`` of a TLS stream; and `plain_socket`, which unwraps an ssl.SSLSocket.
"""
from __future__ import absolute_import, division, print_function

import socket
import ssl

from .._core.compat import PY2
from .._core.unique import Unique

__all__ = ['MEMBERS', 'TLSSocket', 'has_begun', 'plain_socket']

_OF_TLS = frozenset([
    'cipher', 'compression', 'context', 'get_channel_binding', 'get_unverified_chain',
    'get_verified_chain', 'getpeercert', 'pending', 'selected_alpn_protocol',
    'selected_npn_protocol', 'server_hostname', 'server_side', 'session', 'session_reused',
    'shared_ciphers', 'verify_client_post_handshake', 'version'])

# Nothing here sends or receives: that would bypass TLS, in plaintext.
_OF_SOCKET = frozenset([
    'bind', 'close', 'connect', 'connect_ex', 'fileno', 'get_inheritable', 'getpeername',
    'getsockname', 'getsockopt', 'gettimeout', 'proto', 'set_inheritable', 'timeout', 'type'])


def _use(name):
    """Return a method of the socket that changes what processes share after a fork."""
    def method(self, *args):
        if self.lower is None:
            raise _missing(name)
        if self.pipe is not None:
            self.pipe.claim()  # the first process that calls one keeps the connection
        return getattr(self.lower, name)(*args)
    method.__name__ = name
    method.__doc__ = "Do what the socket below does: see socket's ``%s``." % name
    return method


class TLSSocket(Unique):
    """
    The ``socket`` of a TLS stream: the plain socket's address and options, and TLS's results.

    It has those methods and attributes of ssl.SSLSocket that transfer no data: ``getpeercert``,
    ``cipher``, ``version``, ``selected_alpn_protocol``, ``session``, ``session_reused`` and so on
    from the `SSLObject`; ``getpeername``, ``setsockopt``, ``family`` and so on from the socket.
    Over a pipe, which has none of the latter, ``family`` is AF_UNSPEC.

    Args:
        below: the socket; a `TLSSocket` for TLS in TLS; None over a pipe.
        pipe (SSLPipe or None): None before TLS starts.
    """

    __slots__ = ('lower', 'pipe', 'family')

    def __init__(self, lower, pipe=None):
        self.lower = lower
        self.pipe = pipe
        self.family = getattr(lower, 'family', socket.AF_UNSPEC)

    setblocking = _use('setblocking')
    setsockopt = _use('setsockopt')
    settimeout = _use('settimeout')
    shutdown = _use('shutdown')

    @property
    def __class__(self):
        """ssl.SSLSocket, for isinstance(): it is how programs find out whether there is TLS."""
        return TLSSocket if self.pipe is None else ssl.SSLSocket

    def __getattr__(self, name):
        if name in _OF_TLS:
            if self.pipe is None:
                raise ValueError('%s is not known before there is TLS' % name)
            return getattr(self.pipe.ssl_object, name)
        if name in _OF_SOCKET and self.lower is not None:
            return getattr(self.lower, name)
        raise _missing(name)


def _missing(name):
    return AttributeError('the socket of a TLS stream has no %s; read and write the stream' % name)


def has_begun(wrapped):
    """Return whether an ssl.SSLSocket has done its handshake (bool)."""
    return wrapped._sslobj is not None and wrapped.cipher() is not None


def plain_socket(wrapped):
    """
    Take the connection out of an ssl.SSLSocket that has not begun TLS yet.

    This closes *wrapped*, but not the connection.

    Raises:
        ValueError: its handshake has begun, so we cannot take over its state.
    """
    if has_begun(wrapped):
        raise ValueError('socket must be a plain one, or an SSLSocket that has not done its'
                         ' handshake: wrap it with do_handshake_on_connect=False')
    if PY2:
        plain = socket.socket(_sock=wrapped._sock)
        socket.socket.close(wrapped)  # only drops its reference
    else:  # not measured: Tornado 5.1 is for Python 3.9 and older
        family, kind, proto = wrapped.family, wrapped.type, wrapped.proto
        plain = socket.socket(family, kind, proto, fileno=wrapped.detach())
    plain.setblocking(False)
    return plain


#: What a `TLSSocket` has.
MEMBERS = _OF_TLS | _OF_SOCKET | frozenset(dir(TLSSocket))
