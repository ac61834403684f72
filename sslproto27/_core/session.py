"""`SSLSession` on 2.7: what a client keeps of a connection in order to resume it."""
from __future__ import absolute_import, division, print_function

from .bio import MemoryBIO
from .engine import binding
from .errors import required
from .unique import Unique

__all__ = ['SSLSession', 'session_from_pem', 'session_of', 'session_to_pem', 'use_session']

lib, memory, Cell, NULL = binding.lib, binding.memory, binding.Cell, binding.NULL


class SSLSession(Unique):
    """
    A TLS session that a later connection can resume: Python 3.6's ssl.SSLSession.

    Made by `SSLObject.session` alone. A copy of OpenSSL's own, so what becomes of the connection
    that it came from (a missing close_notify, say) does not spoil it.
    """

    __slots__ = ('_handle', '_context', '_server_hostname', '__weakref__')

    def __init__(self):
        raise TypeError("cannot create 'SSLSession' instances")

    # A leaf but for the context, which never refers to a session.
    def __del__(self, _free=lib.SSL_SESSION_free):
        try:
            handle = self._handle
        except AttributeError:  # refused by __init__
            return
        _free(handle)

    def __eq__(self, other):
        if not isinstance(other, SSLSession):
            return NotImplemented
        return self.id == other.id

    def __ne__(self, other):
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None

    @property
    def id(self):
        """The session's ID (bytes; RFC 5246 7.4.1.2; made up by OpenSSL in TLS 1.3)."""
        length = Cell()
        handle = lib.SSL_SESSION_get_id(self._handle, length.argument)
        return memory(handle, length.value)

    @property
    def time(self):
        """When it was established, in seconds since the epoch (int)."""
        return int(lib.SSL_SESSION_get_time(self._handle))

    @property
    def timeout(self):
        """For how many seconds since then it can be resumed (int)."""
        return int(lib.SSL_SESSION_get_timeout(self._handle))

    @property
    def ticket_lifetime_hint(self):
        """For how many seconds the server will accept the ticket (int; RFC 5077 3.3)."""
        return int(lib.SSL_SESSION_get_ticket_lifetime_hint(self._handle))

    @property
    def has_ticket(self):
        """Whether the server gave a ticket, so that it need not remember the session (bool)."""
        return bool(lib.SSL_SESSION_has_ticket(self._handle))


def session_of(ssl_handle, context, server_hostname):
    """
    Return a copy of a TLS object's session, with its context and name; None if there is none.

    Raises:
        ValueError: it is half made: the handshake has not chosen a cipher yet.
    """
    current = lib.SSL_get1_session(ssl_handle)
    if not current:
        return None
    try:
        if not lib.i2d_SSL_SESSION(current, NULL):
            raise ValueError('session is not there yet: the handshake is under way')
        copy = lib.SSL_SESSION_dup(current)
    finally:
        lib.SSL_SESSION_free(current)
    return _own(required(copy), context, server_hostname)


def _own(handle, context, server_hostname):
    session = object.__new__(SSLSession)
    session._handle = handle
    session._context = context
    session._server_hostname = server_hostname
    return session


def use_session(ssl_handle, session):
    """Let the handshake of a client try to resume *session*, which keeps its own copy."""
    copy = required(lib.SSL_SESSION_dup(session._handle))
    done = lib.SSL_set_session(ssl_handle, copy)  # takes a reference of its own
    lib.SSL_SESSION_free(copy)
    required(done)


def session_to_pem(session):
    """
    Return *session* as ``openssl s_client -sess_out`` writes it: PEM, bytes.

    Its keys are in it: whoever has it can read and alter what is sent under it. It says neither
    which server it is of nor whether that was verified.

    Raises:
        ValueError: the server gave nothing by which it could be resumed.
    """
    if not lib.SSL_SESSION_is_resumable(session._handle):
        raise ValueError('session cannot be resumed: the server gave no ticket')
    out = MemoryBIO()
    required(lib.PEM_write_bio_SSL_SESSION(out._bio, session._handle) == 1)
    return out.read()


def session_from_pem(data, context, server_hostname):
    """
    Return the `SSLSession` that `session_to_pem` has written.

    Args:
        data (bytes): PEM; what stands around it is passed over.
        context (ssl.SSLContext): of the connections that may resume it.
        server_hostname (str or None): which server it is of, in A-labels. Trust whoever says so:
            where a session is resumed no certificate is checked.

    Raises:
        ssl.SSLError: there is no session in *data*.
    """
    bio = MemoryBIO()
    bio.write(data)
    handle = lib.PEM_read_bio_SSL_SESSION(bio._bio, NULL, NULL, NULL)
    return _own(required(handle), context, server_hostname)
