"""`SSLObject` on 2.7: TLS over memory BIOs, as Python 3's ssl has it."""
from __future__ import absolute_import, division, print_function

import ssl

from .attributes import Attributes
from .bio import LARGE, MemoryBIO
from .certificate import chain_der, peer_certificate_der, server_end_point
from .channel_binding import require_kind
from .compat import as_bytes, to_index, to_native
from .constants import OP_ALLOW_CLIENT_RENEGOTIATION, OP_NO_RENEGOTIATION
from .context.registry import register_weakly, settings_of
from .engine import binding
from .errors import has_failed, library_error, required, ssl_error
from .hostname import is_ip_address, require_hostname, without_root
from .records import RECORD
from .session import SSLSession, session_of, use_session
from .x509 import decode_certificate

__all__ = ['SSLObject', 'guarding', 'refuse_renegotiation']

lib, NULL, graft = binding.lib, binding.NULL, binding.graft
fill, address = binding.fill, binding.address
BLANK, new_large_buffer = binding.BLANK, binding.new_large_buffer
SSL_read, SSL_write, ERR_clear_error = lib.SSL_read, lib.SSL_write, lib.ERR_clear_error
SSL_want, SSL_get_rbio, BIO_test_flags = lib.SSL_want, lib.SSL_get_rbio, lib.BIO_test_flags
BIO_read, BIO_write, BIO_ctrl_pending = lib.BIO_read, lib.BIO_write, lib.BIO_ctrl_pending
BIO_up_ref, SSL_set0_rbio, SSL_set0_wbio = lib.BIO_up_ref, lib.SSL_set0_rbio, lib.SSL_set0_wbio
SSL_do_handshake = lib.SSL_do_handshake

#: The room for the first reads: clearing room for a whole record takes longer than its message.
_SMALL = 1024
_LARGEST_WRITE = 0x40000000

#: The largest message that `send_small` handles; for larger ones the call overhead hardly matters.
_LARGEST_SMALL = 4096

#: The usual overhead of a record; a larger one costs another read.
_RECORD_OVERHEAD = 128

# SSL_CTX_set_mode(3)
SSL_CTRL_MODE = 33
SSL_CTRL_CLEAR_MODE = 78
SSL_MODE_ENABLE_PARTIAL_WRITE = 0x1
SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x2
SSL_MODE_AUTO_RETRY = 0x4
SSL_MODE_RELEASE_BUFFERS = 0x10

# SSL_CTX_set_verify(3), SSL_get_shutdown(3)
SSL_VERIFY_PEER = 0x1
SSL_VERIFY_POST_HANDSHAKE = 0x8
SSL_SENT_SHUTDOWN = 1
SSL_RECEIVED_SHUTDOWN = 2

# SSL_want(3), BIO_should_retry(3)
SSL_READING = 3
BIO_FLAGS_WAITS = 0x9  # BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY

# What the next call has to watch for
_DONE = 0     # nothing: the handshake is done
_NEW = 1      # the handshake is not done
_RUNNING = 2  # OpenSSL may be in a callback: do not call it
_CAREFUL = 3  # another handshake may follow, or a subclass replaces read
_FAILED = 4   # OpenSSL has given up, and does not report the reason again

#: The Python stack levels that must be free when we call OpenSSL, so that a callback can start.
_LEVELS = 10

#: From the address of an ``SSL *`` to a weak reference to its object, for `guarding`.
_by_address = {}

X509_V_FLAGS = 0xfffffff  # all flags, X509_VERIFY_PARAM_set_flags(3)
TLSEXT_NAMETYPE_HOST_NAME = 0  # SSL_get_servername(3)
SSL_CTRL_GET_EXTMS_SUPPORT = 122  # SSL_get_extms_support(3)
_FINISHED_SIZE = 64  # the longest Finished message: EVP_MAX_MD_SIZE


class SSLObject(Attributes):
    """
    TLS between two memory BIOs: Python 3.5's ssl.SSLObject, with the additions up to 3.13.

    Made by `wrap_bio`. It never waits: a call that needs more bytes from the peer raises
    ssl.SSLWantReadError: feed the incoming BIO and call again. After every call, even one that
    raised, send the peer the bytes in the outgoing BIO.
    """

    __slots__ = ('_ssl', '_state', '_room', '_checks_name')

    _BIO = MemoryBIO

    @property
    def _is_ours(self):
        """Whether this is our own class, not a user's subclass (bool)."""
        return type(self) is SSLObject

    @classmethod
    def _create(cls, context, incoming, outgoing, server_side, server_hostname, session, settings,
                check_name, owner):
        self = cls.__new__(cls)
        self._server_side = bool(server_side)
        self._server_hostname = server_hostname
        is_address = server_hostname is not None and is_ip_address(server_hostname)
        name = None
        if server_hostname is not None and not is_address and not server_side:
            name = without_root(server_hostname)
        self._native, self._ssl = graft(context, self._server_side, name,
                                        self if owner is None else owner)
        self._state = _NEW
        self._room = _SMALL
        handle = self._ssl
        register_weakly(_by_address, address(handle), self)
        BIO_up_ref(incoming._bio)  # set0 takes over this reference
        SSL_set0_rbio(handle, incoming._bio)
        BIO_up_ref(outgoing._bio)
        SSL_set0_wbio(handle, outgoing._bio)
        lib.SSL_ctrl(handle, SSL_CTRL_CLEAR_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE, NULL)
        lib.SSL_ctrl(handle, SSL_CTRL_MODE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                     | SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS, NULL)
        self._checks_name = server_hostname is not None and (check_name or context.check_hostname)
        if self._checks_name:
            require_hostname(handle, name or without_root(server_hostname), is_address)
        if settings.post_handshake_auth:
            self._allow_post_handshake_auth()
        if session is not None:
            self.session = session
        return self

    def _allow_post_handshake_auth(self):
        if not self._server_side:
            lib.SSL_set_post_handshake_auth(self._ssl, 1)
            return
        mode = lib.SSL_get_verify_mode(self._ssl)
        if mode & SSL_VERIFY_PEER:
            lib.SSL_set_verify(self._ssl, mode | SSL_VERIFY_POST_HANDSHAKE, NULL)

    # Application data

    def read(self, len=1024, buffer=None):
        """
        Read decrypted bytes, at most those of one record.

        Args:
            len (int): the most bytes to read.
            buffer (writable buffer or None): gets the bytes. With a buffer, a *len* that is not
                positive or too large means the whole buffer.

        Returns:
            bytes, b'' after the peer's close_notify; with *buffer* their number (int).

        Raises:
            ssl.SSLWantReadError: feed the incoming BIO first.
            ssl.SSLZeroReturnError: both sides have sent close_notify.
            ssl.SSLEOFError: the incoming BIO ended without close_notify.
            ssl.SSLError: the peer broke the protocol.
            TypeError, ValueError: *len* or *buffer* cannot be used.
        """
        if buffer is None and not self._state and type(len) is int and len > 1:
            room = self._room
            if len < room:
                room = len
            data = BLANK * room if room < LARGE else new_large_buffer(room)
            count = SSL_read(self._ssl, data, room)
            if count <= 0:
                return self._end_of_data()
            if count == room < len and room < RECORD:
                return data[:] + self._rest_of_record(len - room)
            return data[:count]
        return self._read_otherwise(len, buffer)

    def _rest_of_record(self, size):
        """Read the rest of a record, up to *size* bytes; later reads make room for a record."""
        self._room = RECORD
        size = min(size, lib.SSL_pending(self._ssl))
        return fill(SSL_read, self._ssl, size) if size else b''

    def _read_otherwise(self, size, buffer):
        """Read in unusual cases: into a buffer, an odd size, before the handshake."""
        size = to_index(size, 'len')
        if buffer is not None:
            return self._read_into(size, buffer)
        if size < 0:
            raise ValueError('len must not be negative')
        if not size:
            return b''
        self._finish_handshake()
        return (self._call(fill, SSL_read, self._ssl, min(size, RECORD))
                or self._end_of_data())

    def _end_of_data(self):
        """Return b'' if only the peer has sent close_notify; otherwise raise the reason."""
        error = self._error(silent=True)
        if (isinstance(error, ssl.SSLZeroReturnError)
                and lib.SSL_get_shutdown(self._ssl) == SSL_RECEIVED_SHUTDOWN):
            return b''
        raise error

    def write(self, data):
        """
        Encrypt *data* into the outgoing BIO, in as many records as needed.

        Args:
            data: any contiguous buffer.

        Returns:
            int: how many of its bytes were taken.

        Raises:
            ssl.SSLWantReadError: a handshake is under way: feed the incoming BIO, then call again
                with the same data, or with data that begins with it.
            ssl.SSLError: the connection is broken or has been shut down.
            TypeError, BufferError: *data* is text, or not a contiguous buffer.
        """
        if data.__class__ is not bytes:
            data = as_bytes(data, 'data')
        size = len(data)
        if size > _LARGEST_WRITE:
            size = _LARGEST_WRITE
        if self._state or not size:
            taken = self._write_otherwise(data, size)
        else:
            taken = SSL_write(self._ssl, data, size)
        if taken <= 0 and (size or taken):
            return self._write_again(data, size)
        return taken

    def _write_again(self, data, size):
        """Raise the reason why a write has failed."""
        silent = self._only_waits() or has_failed(self._ssl)
        if not silent:
            # This is misuse, so nothing was done, but the queue may hold other code's errors. Empty
            # it, and make the same call again to learn the reason.
            ERR_clear_error()
            taken = self._call(SSL_write, self._ssl, data, size)
            if taken > 0:
                return taken
        raise self._error(silent)

    def _write_otherwise(self, data, size):
        """Write in unusual cases: nothing, or before the handshake."""
        self._finish_handshake()
        # SSL_write(3): writing 0 bytes is undefined, except that it fails after close_notify.
        if size or lib.SSL_get_shutdown(self._ssl) & SSL_SENT_SHUTDOWN:
            return self._call(SSL_write, self._ssl, data, size)
        return 0

    def pending(self):
        """Return how many decrypted bytes can be read without looking at the incoming BIO."""
        return lib.SSL_pending(self._ssl)

    # The usual message in as few steps as possible. `SSLPipe` uses these two methods if its TLS
    # object has them. They never raise OpenSSL's errors, and never repeat a call.

    def receive_records(self, incoming, data, received):
        """
        Put *data* into *incoming*, and append its plaintext to the list *received*.

        Returns:
            bool: whether this was all plaintext that can be had now. If not, call `read`: there may
            be more, or an error, or perhaps nothing was decrypted.
        """
        if self._state or data.__class__ is not bytes:
            incoming.write(data)
            return False
        size = len(data)
        bio = incoming._bio
        if BIO_write(bio, data, size) != size:
            raise library_error()
        if size > RECORD:
            if self._read_many(bio, data, received):
                return True
            size = RECORD
        elif size < 2:
            size = 2  # the smallest size of a buffer
        handle, pending = self._ssl, size
        while pending:
            # In bulk a record fills the buffer, and then the slice does not copy.
            plain = BLANK * size if size < LARGE else new_large_buffer(size)
            count = SSL_read(handle, plain, size)
            if count <= 0:
                return self._only_waits()
            received.append(plain[:count])
            whole = count < size or size == RECORD
            pending = BIO_ctrl_pending(bio)
            if not whole:
                # The record began in earlier data. However long it is, read the rest in one more
                # call, not a few bytes at a time.
                size = RECORD
        return whole

    if binding.read_records is not None:
        def receive_records(self, incoming, data, received):  # noqa: F811
            """The same, for bindings whose calls cost less than the Python code around them."""
            incoming.write(data)
            return not self._state and (
                binding.read_records(self._ssl, incoming._bio, received) or self._only_waits())

    def _read_many(self, bio, data, received):
        """Start with a faster way for much *data*; return whether that read all of it."""
        return False

    def send_small(self, outgoing, data):
        """
        Encrypt *data*, which is not empty, if it is small.

        Returns:
            bytes: all bytes for the peer, taken out of *outgoing*. b'' if *data* is not small or
            this failed: then call `write` with the same data.
        """
        size = len(data)
        if size > _LARGEST_SMALL:
            return self._send_large(outgoing, data)
        if self._state or SSL_write(self._ssl, data, size) != size:
            return b''
        size += _RECORD_OVERHEAD
        records = BLANK * size
        count = BIO_read(outgoing._bio, records, size)
        return records[:count] if count < size else records[:] + outgoing.read()

    def _send_large(self, outgoing, data):
        """Do the same if *data* is not small."""
        return b''

    # Handshake and closing

    def do_handshake(self):
        """
        Take the handshake as far as the incoming bytes allow.

        Raises:
            ssl.SSLWantReadError: send what is outgoing, feed the incoming BIO, call again.
            SSLCertVerificationError: the peer's certificate is not trusted, or for another name.
            ssl.SSLEOFError: the incoming BIO ended.
            ssl.SSLError: the handshake failed; the alert for the peer is in the outgoing BIO.
        """
        self._shake_hands(SSL_do_handshake)

    def _shake_hands(self, step):
        _descend(_LEVELS)
        if self._call(step, self._ssl) != 1:
            raise self._error(silent=True)
        # A TLS 1.2 client may start another handshake, which runs the server's callbacks again. A
        # subclass may have its own read and write, so we cannot bypass these.
        careful = (self._server_side and self.version() != 'TLSv1.3'
                   or not self._is_ours)
        self._state = _CAREFUL if careful else _DONE

    def _finish_handshake(self):
        """Complete the first handshake, as SSL_read and SSL_write would."""
        self._refuse_reentry()
        if self._state == _NEW and not lib.SSL_get_shutdown(self._ssl):
            self.do_handshake()

    def _refuse_reentry(self):
        if self._state == _RUNNING:
            raise RuntimeError('a callback of this very object is running')

    def _call(self, function, *args):
        """
        Call OpenSSL where it may call back.

        A callback is Python code: the callback itself, or another thread, could call this object
        while it runs. OpenSSL objects are not reentrant, so we refuse such calls. If a callback
        runs without `_call`, `guarding` does the same.
        """
        self._refuse_reentry()
        state = self._state
        if state != _CAREFUL:
            ERR_clear_error()  # see ssl_error
        self._state = _RUNNING
        try:
            return function(*args)
        finally:
            self._state = state

    def unwrap(self):
        """
        Send close_notify, and wait for the peer's (RFC 8446 6.1, SSL_shutdown(3)).

        Returns:
            None, once both sides have sent it. Data behind it stays in the incoming BIO.

        Raises:
            ssl.SSLWantReadError: the peer's has not arrived yet.
            ssl.SSLError: data came first, or the handshake is under way.
        """
        self._refuse_reentry()
        ERR_clear_error()
        done = self._call(lib.SSL_shutdown, self._ssl)
        if done == 0:  # just sent: perhaps the peer's is already there
            done = self._call(lib.SSL_shutdown, self._ssl)
        if done < 0:
            raise self._error()
        if has_failed(self._ssl):  # a fatal alert ends the peer's side too
            self._state = _FAILED
            ERR_clear_error()

    def verify_client_post_handshake(self):
        """
        Request the client's certificate now; only for TLS 1.3 servers (RFC 8446 4.6.2).

        Raises:
            ssl.SSLError: this is a client, or the client did not offer it.
        """
        self._refuse_reentry()
        ERR_clear_error()
        if self._call(lib.SSL_verify_client_post_handshake, self._ssl) != 1:
            raise self._error()

    def _error(self, silent=False):
        """Return the exception for a call that has failed; see `ssl_error`."""
        error = ssl_error(self._ssl, self._server_hostname, silent)
        if not isinstance(error, ssl.SSLWantReadError) and has_failed(self._ssl):
            self._state = _FAILED
        return error

    def _only_waits(self):
        """
        Return whether an SSL_read or SSL_write that has just failed only waits for the peer (bool).

        This asks only the object, as in `ssl_error`; the error queue does not change.
        """
        return (SSL_want(self._ssl) == SSL_READING
                and BIO_test_flags(SSL_get_rbio(self._ssl), BIO_FLAGS_WAITS) == BIO_FLAGS_WAITS)

    # What was negotiated

    def _use_context(self, context):
        """
        Use *context* with its verification settings; for server name callbacks.

        Returns:
            int: the negotiated version, as its number on the wire.
        """
        self.context = context
        handle = self._ssl
        chosen = lib.SSL_get_SSL_CTX(handle)
        mode = lib.SSL_CTX_get_verify_mode(chosen)
        lib.SSL_set_verify(handle, mode, NULL)
        # SSL_set1_param(3) only adds flags.
        lib.X509_VERIFY_PARAM_clear_flags(lib.SSL_get0_param(handle), X509_V_FLAGS)
        required(lib.SSL_set1_param(handle, lib.SSL_CTX_get0_param(chosen)))
        if settings_of(context).post_handshake_auth:
            self._allow_post_handshake_auth()
        return lib.SSL_version(handle)

    def _may_resume_for(self, name):
        """Return whether no session was resumed, or it is one of the server *name* (bool)."""
        if not lib.SSL_session_reused(self._ssl):
            return True
        session = lib.SSL_get_session(self._ssl)
        known = lib.SSL_SESSION_get0_hostname(session) if session else None
        return bool(known) and to_native(known).lower() == name.lower()

    def _requested_name(self):
        """Return the server name that the client has requested (str), or None."""
        name = lib.SSL_get_servername(self._ssl, TLSEXT_NAMETYPE_HOST_NAME)
        return to_native(name) if name else None

    @property
    def session(self):
        """
        A copy of the current `SSLSession`; None if there is none yet.

        To resume a session, a client assigns it before the handshake. During the handshake the
        session may be incomplete: reading it then raises ValueError, as in Python 3.
        """
        return session_of(self._ssl, self.context, self._server_hostname)

    @session.setter
    def session(self, session):
        self._refuse_reentry()
        if not isinstance(session, SSLSession):
            raise TypeError('session must be an SSLSession, not %s' % type(session).__name__)
        if session._context is not self.context:
            raise ValueError('session refers to a different SSLContext')
        if self._server_side:
            raise ValueError('session cannot be set on the server side')
        if lib.SSL_is_init_finished(self._ssl):
            raise ValueError('session cannot be set after the handshake')
        if ((self._checks_name or self.context.check_hostname)
                and session._server_hostname != self._server_hostname):
            # RFC 8446 4.6.1: a resumption shows no certificate, so we could not check the name.
            raise ValueError('session is one of server_hostname %r, not of %r'
                             % (session._server_hostname, self._server_hostname))
        use_session(self._ssl, session)

    @property
    def session_reused(self):
        """Whether this connection resumed a session (bool)."""
        return bool(lib.SSL_session_reused(self._ssl))

    def version(self):
        """Return the protocol version, such as 'TLSv1.3'; None before the handshake."""
        if not lib.SSL_is_init_finished(self._ssl):
            return None
        return lib.SSL_get_version(self._ssl)

    def cipher(self):
        """Return (name, the version that defined it, secret bits); None before the handshake."""
        current = lib.SSL_get_current_cipher(self._ssl)
        return _cipher(current) if current else None

    def shared_ciphers(self):
        """Return the ciphers that both sides have; None on a client, or before the handshake."""
        offered = lib.SSL_get_client_ciphers(self._ssl) if self._server_side else None
        if not offered:
            return None
        theirs = set(_cipher(one) for one in _stack(offered))
        return [one for one in map(_cipher, _stack(lib.SSL_get_ciphers(self._ssl)))
                if one in theirs]

    def selected_alpn_protocol(self):
        """Return the protocol that ALPN chose (RFC 7301); None if there is none."""
        return self._native.selected_alpn_protocol()

    def get_channel_binding(self, cb_type='tls-unique'):
        """
        Return bytes that identify this connection.

        Args:
            cb_type (str): 'tls-unique' (RFC 5929 3), 'tls-exporter' (RFC 9266) or
                'tls-server-end-point' (RFC 5929 4).

        Returns:
            bytes; None before the handshake, and if there is nothing safe to bind to: TLS 1.3 has
            no 'tls-unique' (RFC 9266 1).

        Raises:
            ValueError: *cb_type* is unknown.
        """
        require_kind(cb_type)
        bind = _CHANNEL_BINDINGS[cb_type]
        return bind(self)

    def _tls_unique(self):
        if lib.SSL_get_version(self._ssl) == 'TLSv1.3':
            return None
        # The first Finished message is the server's if the session was resumed, else the client's.
        ours_first = self._server_side == self.session_reused
        finished = lib.SSL_get_finished if ours_first else lib.SSL_get_peer_finished
        return fill(finished, self._ssl, _FINISHED_SIZE) or None

    def _tls_exporter(self):
        if not lib.SSL_is_init_finished(self._ssl):
            return None
        if (self.version() != 'TLSv1.3'
                and lib.SSL_ctrl(self._ssl, SSL_CTRL_GET_EXTMS_SUPPORT, 0, NULL) != 1):
            return None  # RFC 9266 3: not safe without the extended master secret
        label = b'EXPORTER-Channel-Binding'
        size = 32
        out = BLANK * size
        required(lib.SSL_export_keying_material(
            self._ssl, out, size, label, len(label), b'', 0, 1) == 1)
        return out[:size]

    def _tls_server_end_point(self):
        if not lib.SSL_is_init_finished(self._ssl):
            return None
        return server_end_point(self._ssl, self._server_side)

    # Certificates

    def getpeercert(self, binary_form=False):
        """
        Return the peer's certificate.

        Args:
            binary_form (bool): return DER bytes instead of a dict.

        Returns:
            dict, with 'subject', 'issuer', 'subjectAltName' and so on, {} if it was not verified;
            or bytes. None if the peer has sent no certificate.

        Raises:
            ValueError: before the handshake.
        """
        if not lib.SSL_is_init_finished(self._ssl):
            raise ValueError('handshake not done yet')
        der = peer_certificate_der(self._ssl)
        if der is None or binary_form:
            return der
        if not lib.SSL_CTX_get_verify_mode(lib.SSL_get_SSL_CTX(self._ssl)) & SSL_VERIFY_PEER:
            return {}
        return decode_certificate(der)

    def get_verified_chain(self):
        """Return the verified chain, the peer's certificate first: a list of DER bytes."""
        return chain_der(lib.SSL_get0_verified_chain(self._ssl))

    def get_unverified_chain(self):
        """Return the certificates that the peer sent, its own first: a list of DER bytes."""
        chain = chain_der(lib.SSL_get_peer_cert_chain(self._ssl))
        if self._server_side:  # SSL_get_peer_cert_chain(3): on a server it lacks the client's own
            own = peer_certificate_der(self._ssl)
            if own is not None:
                chain.insert(0, own)
        return chain


_CHANNEL_BINDINGS = {
    'tls-unique': SSLObject._tls_unique,
    'tls-exporter': SSLObject._tls_exporter,
    'tls-server-end-point': SSLObject._tls_server_end_point,
}


def _descend(levels):
    """
    Raise RuntimeError unless Python code can go *levels* deeper.

    If a callback could not even start, C code would get no result from it (see `guarded`). So we
    check the recursion limit beforehand.
    """
    if levels:
        _descend(levels - 1)


def guarding(function):
    """
    Return *function*, a callback whose first argument is an ``SSL *``, with a guard for its object.

    While it runs, the `SSLObject` refuses calls as during `SSLObject._call`, whatever function of
    OpenSSL was called: any read may start a new handshake, or request a certificate, on a server.
    """
    def call(ssl_handle, *args):
        reference = _by_address.get(address(ssl_handle))
        ssl_object = reference() if reference is not None else None
        if ssl_object is None:  # an object of the ssl module
            return function(ssl_handle, *args)
        state = ssl_object._state
        ssl_object._state = _RUNNING
        try:
            return function(ssl_handle, *args)
        finally:
            ssl_object._state = state
    return call


def _stack(handle):
    return [lib.OPENSSL_sk_value(handle, index) for index in range(lib.OPENSSL_sk_num(handle))]


def _cipher(handle):
    return (lib.SSL_CIPHER_get_name(handle), lib.SSL_CIPHER_get_version(handle),
            lib.SSL_CIPHER_get_bits(handle, NULL))


def refuse_renegotiation(ssl_object):
    """
    Make a server refuse the TLS 1.2 handshakes that its client starts on an open connection.

    OpenSSL 3 does this by itself, 1.1.1 needs an option. On both, the option
    OP_ALLOW_CLIENT_RENEGOTIATION (`sslproto27.context`) of the context allows these handshakes.
    """
    if ssl.OPENSSL_VERSION_INFO >= (3,):
        return
    handle = ssl_object._ssl
    if not lib.SSL_get_options(handle) & OP_ALLOW_CLIENT_RENEGOTIATION:
        lib.SSL_set_options(handle, OP_NO_RENEGOTIATION)
