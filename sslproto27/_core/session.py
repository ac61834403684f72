"""`SSLSession` on 2.7: the data that a client keeps to resume a connection."""
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

    Get one from `SSLObject.session`. It is a copy of OpenSSL's own, so a bad end of its connection
    (such as a missing close_notify) does not invalidate it.
    """

    __slots__ = ('_handle', '_context', '_server_hostname', '__weakref__')

    def __init__(self):
        raise TypeError("cannot create 'SSLSession' instances")

    # A leaf, except for the context, which never references a session.
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
        """The session's ID (bytes; RFC 5246 7.4.1.2; in TLS 1.3 OpenSSL makes one up)."""
        length = Cell()
        handle = lib.SSL_SESSION_get_id(self._handle, length.argument)
        return memory(handle, length.value)

    @property
    def time(self):
        """When the session was established, in seconds since the epoch (int)."""
        return int(lib.SSL_SESSION_get_time(self._handle))

    @property
    def timeout(self):
        """How long after `time` the session can be resumed, in seconds (int)."""
        return int(lib.SSL_SESSION_get_timeout(self._handle))

    @property
    def ticket_lifetime_hint(self):
        """How long the server will accept the ticket, in seconds (int; RFC 5077 3.3)."""
        return int(lib.SSL_SESSION_get_ticket_lifetime_hint(self._handle))

    @property
    def has_ticket(self):
        """Whether the server sent a ticket; it then need not store the session (bool)."""
        return bool(lib.SSL_SESSION_has_ticket(self._handle))


def session_of(ssl_handle, context, server_hostname):
    """
    Return a copy of a TLS object's session, with its context and name; None if there is none.

    Raises:
        ValueError: the session is incomplete: the handshake has not chosen a cipher yet.
    """
    current = lib.SSL_get1_session(ssl_handle)
    if not current:
        return None
    try:
        if not lib.i2d_SSL_SESSION(current, NULL):
            raise ValueError('session does not exist yet: the handshake is under way')
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
    """Let a client's handshake try to resume a copy of *session*."""
    copy = required(lib.SSL_SESSION_dup(session._handle))
    done = lib.SSL_set_session(ssl_handle, copy)  # takes its own reference
    lib.SSL_SESSION_free(copy)
    required(done)


def session_to_pem(session):
    """
    Return *session* as ``openssl s_client -sess_out`` writes it: PEM, bytes.

    It contains the session's keys: anyone who has it can read and alter the data of its
    connections. It does not say which server it belongs to, nor whether that was verified.

    Raises:
        ValueError: the server sent nothing with which the session could be resumed.
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
        data (bytes): PEM; other text around it is ignored.
        context (ssl.SSLContext): the context of the connections that may resume it.
        server_hostname (str or None): the session's server, in A-labels. Take it only from a
            trusted source: a resumed session checks no certificate.

    Raises:
        ssl.SSLError: *data* holds no session.
    """
    bio = MemoryBIO()
    bio.write(data)
    handle = lib.PEM_read_bio_SSL_SESSION(bio._bio, NULL, NULL, NULL)
    return _own(required(handle), context, server_hostname)
