"""
What programs expect of a socket besides moving bytes: files, names, what was negotiated.

Nothing here reads, writes or changes the state of TLS.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket

from ._compat import PY2, PYPY
from ._core import SSLObject
from ._unique import Unique

__all__ = ['Closed', 'LowerFace', 'SocketFace', 'no_flags', 'of_lower']


def _of_tls(name):
    """Return a method that is the TLS object's."""
    def method(self, *args, **kwargs):
        return getattr(self._pipe.ssl_object, name)(*args, **kwargs)
    method.__name__ = name
    method.__doc__ = getattr(getattr(SSLObject, name, None), '__doc__', None)
    return method


def of_lower(name):
    """Return a method that is the lower socket's."""
    def method(self, *args):
        return getattr(self._lower, name)(*args)
    method.__name__ = name
    method.__doc__ = "Do what the socket below does: see socket's ``%s``." % name
    return method


def no_flags(flags):
    """Raise ValueError unless *flags*, as of ``recv`` and ``send``, are 0."""
    if flags:
        raise ValueError('flags must be 0 on a TLS socket')


class Closed(object):
    """What is below a closed socket."""

    def __getattr__(self, name):
        raise socket.error(errno.EBADF, 'Bad file descriptor')


class LowerFace(Unique):
    """
    What a socket over another one leaves to that one, which it has as ``_lower``.

    It has ``_closed`` and ``_io_refs``, too: whether it was asked to close, and how many files hold
    it open; and ``_may_end()``: whether it is for this process to send anything in the end.
    """

    # As files

    def makefile(self, mode='r', *args, **kwargs):
        """
        Return a file of this socket; `close` waits until it is closed.

        Args:
            mode (str) and what follows: as for socket.makefile of this Python.
        """
        if PY2:
            return _File(self, mode, *args, **kwargs)
        return socket.socket.makefile(self, mode, *args, **kwargs)

    def _reuse(self):
        self._io_refs += 1

    def _drop(self):
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed:
            self.close()

    _decref_socketios = _drop  # what Python 3's files call; PyPy 2.7's call the two above

    # By name, and not by __getattr__: nothing must get past TLS (sendto, dup, detach, ...).
    fileno = of_lower('fileno')
    getpeername = of_lower('getpeername')
    getsockname = of_lower('getsockname')
    getsockopt = of_lower('getsockopt')
    gettimeout = of_lower('gettimeout')
    setblocking = of_lower('setblocking')
    setsockopt = of_lower('setsockopt')
    settimeout = of_lower('settimeout')

    @property
    def family(self):
        """The address family of the socket below (int)."""
        return self._lower.family

    @property
    def type(self):
        """The type of the socket below (int)."""
        return self._lower.type

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class SocketFace(LowerFace):
    """The rest of an `SSLSocket`, which also has the pipe as ``_pipe``."""

    # What is known

    @property
    def ssl_object(self):
        """The `SSLObject` (Python 3: ssl.SSLObject) inside; None after `unwrap`."""
        return self._pipe.ssl_object

    @property
    def context(self):
        """The ssl.SSLContext in use."""
        return self._pipe.ssl_object.context

    @property
    def session(self):
        """The current `SSLSession`, with TLS 1.3 once data has come; None if there is none."""
        return self._pipe.ssl_object.session

    @property
    def session_reused(self):
        """Whether a session was resumed (bool)."""
        return self._pipe.ssl_object.session_reused

    @property
    def server_side(self):
        """Whether this is the server's side (bool)."""
        return self._pipe.ssl_object.server_side

    @property
    def server_hostname(self):
        """The name that the server had to prove (str), or None."""
        return self._pipe.ssl_object.server_hostname

    def selected_npn_protocol(self):
        """Return None: nobody speaks NPN any more (RFC 7301 took its place)."""

    cipher = _of_tls('cipher')
    compression = _of_tls('compression')
    get_channel_binding = _of_tls('get_channel_binding')
    get_unverified_chain = _of_tls('get_unverified_chain')
    get_verified_chain = _of_tls('get_verified_chain')
    getpeercert = _of_tls('getpeercert')
    selected_alpn_protocol = _of_tls('selected_alpn_protocol')
    shared_ciphers = _of_tls('shared_ciphers')
    version = _of_tls('version')


if PY2 and PYPY:
    _File = socket._fileobject
elif PY2:
    class _File(socket._fileobject):
        """A file that holds its socket open as long as it is open: PyPy's, and Python 3's, do."""

        def __init__(self, sock, *args, **kwargs):
            socket._fileobject.__init__(self, sock, *args, **kwargs)
            sock._reuse()

        def __del__(self):
            # What it holds unsent, in a process that does not use the connection, since a fork, is
            # another one's to send.
            if self._sock is not None and not self._sock._may_end():
                self._wbuf, self._wbuf_len = [], 0
            socket._fileobject.__del__(self)

        def close(self):
            """Close the file, and the socket if that waits for it."""
            sock = self._sock
            if sock is None:
                return
            try:
                socket._fileobject.close(self)
            finally:
                sock._drop()
