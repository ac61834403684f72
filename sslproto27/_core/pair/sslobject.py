"""
`SSLObject` for the pair engine, which has only the interpreter's ssl, on 2.7.

The native object reads and writes a socket of `engine.pair`. We call it first. If it wants bytes,
we give it one record from the incoming BIO and call it again. So OpenSSL never reads beyond the
record that it needs, as with its own BIO, and nothing is ever left in the pair, whatever happens.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import socket
import ssl
import weakref

from ..attributes import Attributes
from ..channel_binding import require_kind
from ..compat import PYPY, as_bytes, to_index
from ..constants import OP_ALLOW_CLIENT_RENEGOTIATION, OP_NO_RENEGOTIATION
from ..engine.current import current_pair
from ..engine.pair import FEW, OUR_MODULES, is_native
from ..engine.pair_queue import clear_queue
from ..errors import (
    SSLCertVerificationError, eof_error, misuse_error, native_error, want_read)
from ..hostname import without_root
from ..hostname_match import is_ip_address, matches
from ..tls_errors import name_error, tls_error
from ..unique import Unique
from .bio import MemoryBIO
from .limits import MissingAttribute, cannot, missing
from .settings import keep_limits, server_names_of
from ..records import (
    ALERT, APPLICATION_DATA, HANDSHAKE, HEADER_SIZE, RECORD, CertificateReader, ServerNameReader,
    fatal_alert, frame_size, kind_and_size)
from ..x509 import decode_certificate, signature_algorithm

__all__ = ['SSLObject', 'SSLSession', 'class_under_lock', 'refuse_renegotiation']

#: How much we encrypt at once: four records, which we then read from the pair in one go.
_CHUNK = 4 * RECORD

#: A message of up to _SMALL bytes is small; its record is longer by at most _ROOM.
_SMALL, _ROOM = 4096, 256

_UNEXPECTED_MESSAGE, _BAD_CERTIFICATE = 10, 42  # RFC 8446 6.2

#: How much OpenSSL gets of what is no TLS record. OpenSSL 1.0 as a server reads so much before it
#: refuses it; and no message of a handshake fits in behind it.
_TO_JUDGE = 11

#: Whether OP_NO_RENEGOTIATION works: from OpenSSL 1.1.0h on; not in LibreSSL, which tells a number.
_OPENSSL_REFUSES = (ssl.OPENSSL_VERSION.startswith('OpenSSL ')
                    and ssl.OPENSSL_VERSION_INFO >= (1, 1, 0, 8))

_WantRead, _WantWrite = ssl.SSLWantReadError, ssl.SSLWantWriteError
_WANTS = _WantRead, _WantWrite

OUR_MODULES.add(__name__)

#: The exact classes that the native object raises; see `is_native`, too.
_NATIVE_ERRORS = frozenset([ssl.SSLError, ssl.SSLZeroReturnError, ssl.SSLEOFError,
                            ssl.SSLSyscallError, socket.error]
                           + [RuntimeError] * PYPY)  # PyPy 7.3.3, for an error without text
_TOO_DEEP = ('maximum recursion depth exceeded',)    # its other RuntimeError, at that limit

# Hashes for RFC 5929 4 by signature algorithm (RFC 8017 A.2.4, RFC 5758 3). SHA-256 replaces MD5
# and SHA-1. PSS names its hash in its parameters.
_SIGNATURE_HASHES = {
    '1.2.840.113549.1.1.4': 'sha256', '1.2.840.113549.1.1.5': 'sha256',
    '1.2.840.113549.1.1.11': 'sha256', '1.2.840.113549.1.1.12': 'sha384',
    '1.2.840.113549.1.1.13': 'sha512', '1.2.840.113549.1.1.14': 'sha224',
    '1.2.840.10045.4.1': 'sha256', '1.2.840.10045.4.3.1': 'sha224',
    '1.2.840.10045.4.3.2': 'sha256', '1.2.840.10045.4.3.3': 'sha384',
    '1.2.840.10045.4.3.4': 'sha512', '1.2.840.10040.4.3': 'sha256',
    '2.16.840.1.101.3.4.3.2': 'sha256',
}
_PSS = '1.2.840.113549.1.1.10'
_PSS_HASHES = ((b'\x60\x86\x48\x01\x65\x03\x04\x02\x01', 'sha256'),
               (b'\x60\x86\x48\x01\x65\x03\x04\x02\x02', 'sha384'),
               (b'\x60\x86\x48\x01\x65\x03\x04\x02\x03', 'sha512'))


class SSLSession(Unique):
    """Python 3.6's ssl.SSLSession. This engine cannot make any."""

    def __init__(self):
        raise TypeError("cannot create 'SSLSession' instances")


class SSLObject(Attributes):
    """
    TLS between two memory BIOs: Python 3.5's ssl.SSLObject, and as much of later ones as possible.

    Made by `wrap_bio`. No method waits: one that needs more bytes from the peer raises
    ssl.SSLWantReadError; feed the incoming BIO and call again. After every call, even one that
    raised, send the bytes in the outgoing BIO to the peer. Methods that this engine cannot offer
    raise NotImplementedError.
    """

    __slots__ = ('_first_context', '_pair', 'busy', '_incoming', '_outgoing', '_done',
                 '_failure', '_drained', '_unread', '_rest', '_partial', '_wanted',
                 '_is_not_tls', '_last_kind', '_we_closed', '_peer_closed',
                 '_refuses_renegotiation', '_expected', '_reader', '_requested', '_owner')

    _BIO = MemoryBIO

    @classmethod
    def _create(cls, context, incoming, outgoing, server_side, server_hostname, session, settings,
                check_name, owner):
        keep_limits(context)
        self = object.__new__(cls)
        self._server_side = bool(server_side)
        self._server_hostname = server_hostname
        self._incoming, self._outgoing = incoming, outgoing
        self.busy = None            # the token of the operation under way; see `Pair`
        self._done = False          # whether the first handshake is done
        self._failure = None        # the error that has ended the connection
        self._drained = []          # from the pair, not yet in the outgoing BIO
        self._unread = []           # given to OpenSSL, not read by it: it comes first,
        self._rest = b''            # then the rest of the current record,
        self._partial = bytearray()  # or the part of the next one that has arrived,
        self._wanted = 0            # and the size of that one; 0 if unknown
        self._is_not_tls = False    # the input is not TLS: OpenSSL has got its beginning to say so
        self._last_kind = 0         # the newest record's content type
        self._we_closed = self._peer_closed = False
        self._refuses_renegotiation = False
        self._expected = self._reader = None  # the name to prove; the reader that finds the proof
        self._requested = None      # the server name that a client has sent, see _reader
        self._owner = weakref.ref(self if owner is None else owner)
        is_address = server_hostname is not None and is_ip_address(server_hostname)
        name = None
        if server_hostname is not None and not is_address and not server_side:
            name = without_root(server_hostname)
        if (server_hostname is not None and (check_name or context.check_hostname)
                and not server_side):
            self._expected = name or server_hostname, is_address, settings.common_name
            self._reader = CertificateReader()
            # OpenSSL's own refusal is milder: it declines, and the connection goes on.
            self._refuses_renegotiation = not (_OPENSSL_REFUSES
                                               and context.options & OP_NO_RENEGOTIATION)
        # OpenSSL may call 2.7's callback through a pointer that nothing else keeps alive.
        self._first_context = context
        self._pair = current_pair()
        self._native = context._wrap_socket(self._pair.inner, self._server_side, name,
                                            ssl_sock=self if owner is None else owner)
        if self._server_side:
            self._reader = ServerNameReader()
        if session is not None:
            self.session = session
        return self

    # How the native object is called

    def _operate(self, work, argument=None):
        """
        Do *work* while this object has the pair to itself; return its result.

        Raises:
            ssl.SSLError: the error of *work* or the native object, as Python 3 would raise it.
        """
        if self._failure is not None:
            raise self._failure
        pair = self._pair
        token = pair.token(self)
        intact = False
        try:
            try:
                pair.acquire(token)
                result = work(pair, argument)
                intact = True
                return result
            except (_WantRead, _Ended) as error:
                if self.busy is not token or not is_native():
                    raise
                self._flush(pair)
                intact = True
                if error.__class__ is _Ended:
                    raise self._fail(error.args[0])
                raise want_read()
            except (ssl.SSLError, socket.error, RuntimeError) as error:
                if (self.busy is not token or error.__class__ not in _NATIVE_ERRORS
                        or error.args == _TOO_DEEP or not is_native()):
                    raise
                failed, said = None, error
                clear_queue()
                if error.__class__ is ssl.SSLZeroReturnError:
                    self._peer_closed = True
                elif error.__class__ is ssl.SSLError and self._may_be_stale(pair, work, error):
                    foreign = _is_foreign(error)
                    failed = self._retry(pair, work, argument, foreign)
                    if isinstance(failed, _Failed):
                        if foreign:  # that one said nothing of the call
                            said = failed.args[0]
                        failed = None
                if failed is None:
                    self._flush(pair)
                    self._give_back(pair)
                    failed = self._fail(
                        said.args[0] if said.__class__ is _Ended else native_error(said))
                intact = True
                if isinstance(failed, ssl.SSLError):
                    raise failed
                return failed
            finally:
                pair.release(token, intact)
        finally:
            token[1] = None  # this cannot fail, unlike the release; see `Pair.token`

    def _may_be_stale(self, pair, work, error):
        """
        Return whether a call's *error* may be one that other code left in OpenSSL's queue.

        2.7's ssl empties the queue after a call but not before it, so a stale error hides
        want-read and the peer's end. A real failure ends with an error of OpenSSL's TLS, and comes
        with an alert from OpenSSL, encrypted or not, or the peer's.
        """
        pair.drain(self._drained)
        if _is_foreign(error):
            return True
        # An alert of `_shut_down` may be the close_notify that was wanted.
        kinds = [ord(piece[:1]) for piece in self._drained if work != self._shut_down]
        return (self._last_kind != ALERT and not self._is_not_tls
                and ALERT not in kinds and APPLICATION_DATA not in kinds)

    def _retry(self, pair, work, argument, foreign):
        """
        Do *work* once more, with an empty queue.

        After a fatal alert OpenSSL answers like after a clean end: an end counts only if the first
        error was *foreign*.

        Returns:
            its result, or the SSLWantReadError that it raised; `_Failed` if it fails again.
        """
        try:
            if work != self._receive_all:
                result = work(pair, argument)
                return result if result or foreign else _Failed(None)
            data = self._receive(pair, RECORD)
            argument += [data] if data else []
            return False if data or foreign else _Failed(None)
        except _WantRead:
            if not is_native():
                raise
            self._flush(pair)
            return want_read()
        except (_Ended, ssl.SSLError, socket.error) as error:
            if self.busy is None or not is_native():
                raise
            clear_queue()
            if error.__class__ is ssl.SSLZeroReturnError:
                self._peer_closed = True
            return _Failed(error)

    def _fail(self, error):
        """Record that *error* ends the connection, unless it is harmless; return it."""
        if error.__class__ is not ssl.SSLZeroReturnError and error.reason not in _HARMLESS:
            self._failure = error
        return error

    def save_data(self):
        """See `engine.pair`: another operation of this thread interrupts ours."""
        self._pair.drain(self._drained)
        self._pair.read_back(self._unread)

    def interruption(self, by_fork):
        """See `engine.pair`."""
        self._failure = misuse_error(
            'this process was forked in the middle of an operation: only its parent can go on with'
            ' this connection' if by_fork else
            'an exception, perhaps from a signal handler, cut short an operation: what has been'
            ' sent is unknown')
        self.busy = None
        return self._failure

    def _flush(self, pair, expected=FEW):
        """Move the native object's output, about *expected* bytes, to the outgoing BIO."""
        drained = self._drained
        pair.drain(drained, expected)
        while drained:
            self._outgoing._put(drained.pop(0))

    def _give_back(self, pair):
        """Return the unread part of the current record to the incoming BIO."""
        pair.read_back(self._unread)
        self._incoming._put_back(b''.join(self._unread) + self._rest)
        del self._unread[:]
        self._rest = b''

    def _push(self, pair):
        """
        Put the rest of the current record, or the next one, into the pair, which is empty.

        Returns:
            bool: False if no complete record is there.

        Raises:
            _Ended: the peer has ended the connection, or wants to do something forbidden.
        """
        if self._unread:
            piece = b''.join(self._unread)
            del self._unread[:]
        elif self._rest:
            piece, self._rest = self._rest, b''
        elif self._is_not_tls:
            raise self._not_tls()
        else:
            piece = self._next_record()
            if piece is None:
                if self._incoming.eof:
                    raise _Ended(eof_error())
                return False
            if self._is_not_tls:
                pass
            elif self._reader is not None:
                self._reader.feed(piece)
                if self._server_side and self._reader.over:
                    self._look_at_name(self._reader)
            elif self._done and ord(piece[:1]) == HANDSHAKE:
                self._no_renegotiation(piece)
        self._last_kind = ord(piece[:1])
        sent = pair.push(piece)
        if sent < len(piece):
            self._rest = bytes(piece[sent:]) + self._rest
        return True

    def _next_record(self):
        """Take the next record out of the incoming BIO: bytes or a buffer; None if it has none."""
        incoming = self._incoming
        if not self._partial and incoming._chunks:
            first = incoming._chunks[0][1]
            if len(first) >= HEADER_SIZE:
                size = kind_and_size(first)[1]
                if size and size <= len(first):
                    return incoming._take(size if size < len(first) else 0)
        return self._assemble(incoming)

    def _assemble(self, incoming):
        """Take the next record's bytes out of *incoming*; return the record once it is complete."""
        partial = self._partial  # not the pieces: a peer can send many that are small
        while incoming._chunks:
            wanted = self._wanted or HEADER_SIZE
            partial += incoming.read(wanted - len(partial))
            if len(partial) < wanted:
                return None
            if not self._wanted:
                self._wanted = frame_size(bytes(partial), self._server_side and not self._done)
                if not self._wanted:
                    self._is_not_tls = True
                    partial += incoming.read(_TO_JUDGE - HEADER_SIZE)
            if self._is_not_tls or len(partial) == self._wanted:
                self._partial = bytearray()
                self._wanted = 0
                return bytes(partial)
        return None

    def _no_renegotiation(self, record):
        """
        Refuse the second handshake of *record*, possible up to TLS 1.2, unless OpenSSL may have it.

        A client that has checked its server's name cannot check it again: the second handshake is
        encrypted, and 2.7's ssl shows the new certificate only after our own has left.

        Raises:
            _Ended: it is refused, with close_notify.
        """
        if not self._refuses_renegotiation or self._native.version() == 'TLSv1.3':
            return
        self._incoming._put_back(bytes(record))
        try:
            self._native.shutdown()
        except (ssl.SSLError, socket.error):
            if not is_native():
                raise
            # It wants the peer's, which we do not need.
        raise _Ended(_refused(self._server_side))

    def _not_tls(self):
        """
        End the connection since OpenSSL wants to go on with what is not TLS; in the handshake, with
        an alert. After it there is none: close_notify would tell the peer that it has all data.

        OpenSSL before 1.1 ignores records of unknown types, up to TLS 1.1, and takes some that are
        too long. There we see no more what it sees: the server's certificate, a client's server
        name, a second handshake.

        Returns:
            _Ended: to be raised.
        """
        if not self._done:
            version = b'\3\3' if self._reader is None else self._reader.version
            self._drained.append(fatal_alert(_UNEXPECTED_MESSAGE, version))
        return _Ended(_error('UNEXPECTED_RECORD', 'unexpected record: it is not TLS'))

    # What each operation does

    def _feed_native(self, pair, error):
        """
        Give the native object what it wants by the *error* that is being handled.

        Returns:
            bool: False if that is impossible: no complete record is there, or the error is not its.
        """
        if not is_native():
            return False
        self._flush(pair)
        return error.__class__ is _WantWrite or self._push(pair)

    def _call(self, pair, function):
        """Call *function* of the native object until it wants no more bytes, or none are left."""
        while True:
            try:
                result = function()
                break
            except _WANTS as error:
                if not self._feed_native(pair, error):
                    raise
        self._flush(pair)
        return result

    def _shut_down(self, pair, _):
        self._we_closed = self._done
        self._call(pair, self._native.shutdown)
        return True

    def _shake_hands(self, pair, _):
        if self._expected is None:
            self._call(pair, self._accept if self._server_side else self._native.do_handshake)
            self._reader = None
        else:
            self._shake_hands_with(pair, self._native.do_handshake, self._reader)
            self._expected = None
        self._done = True
        return True

    def _look_at_name(self, reader):
        """
        Look at a client's server name before OpenSSL does.

        2.7's ssl decodes the name before it calls a callback. If it cannot, it prints an error and
        refuses the client. So it never gets such a name. We call the callback ourselves. If that
        has chosen another context, one without a callback, the native object is made anew from it.
        Otherwise we refuse the client.

        Raises:
            _Ended: the client is refused, with an alert.
        """
        self._reader = ServerNameReader()  # a second ClientHello may follow, RFC 8446 4.1.2
        if reader.name is None:
            return
        self._requested = reader.name
        try:
            reader.name.decode('idna')
            return
        except UnicodeError:
            pass
        context, owner = self._native.context, self._owner()
        names = server_names_of(context)
        if names is None:
            return
        alert = ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        if names.takes_any and owner is not None:
            alert = names.ask(owner, reader.name.decode('utf-8', 'replace'), context)
            chosen = self._native.context
            if alert is None and server_names_of(chosen) is None:
                keep_limits(chosen)
                self._native = chosen._wrap_socket(self._pair.inner, True, None, ssl_sock=owner)
                return
        if alert is None:  # it would get the default certificate, but for 2.7's ssl
            alert = ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        self._drained.append(fatal_alert(alert, reader.version))
        raise _Ended(_error('CALLBACK_FAILED', 'callback failed'))

    def _accept(self):
        """Call do_handshake of the native object, which `_look_at_name` may replace."""
        return self._native.do_handshake()

    def _shake_hands_with(self, pair, do_handshake, reader):
        """
        Shake hands with a server that must prove its name; send nothing further before it has.

        Up to TLS 1.2 we see its certificate as it arrives, but OpenSSL judges it first. What
        OpenSSL then writes, including our own certificate, waits until we have checked the name. In
        TLS 1.3 only the end of the handshake follows the certificate.
        """
        seen = None
        while True:
            try:
                do_handshake()
                break
            except _WANTS as error:
                if not is_native():
                    raise
                pair.drain(self._drained)
                if error.__class__ is _WantWrite:
                    continue
                if seen is None and self._may_look(reader):
                    seen = reader.certificate
                    self._check_name(seen)
                self._flush(pair)
                if not self._push(pair):
                    raise
            except (socket.error, RuntimeError):
                if is_native() and seen is None and self._may_look(reader):
                    # With several messages in a record, OpenSSL may have written more than an alert
                    # before it failed.
                    pair.drain(self._drained)
                    if not _is_alert(b''.join(self._drained)):
                        self._check_name(reader.certificate)
                raise
        pair.drain(self._drained)
        certificate = self._native.peer_certificate(True)
        if reader.certificate is not None and reader.certificate != certificate:
            certificate = None
        self._check_name(certificate)
        self._flush(pair)
        self._reader = None

    def _may_look(self, reader):
        """Return whether the certificate has come, or, up to TLS 1.2, cannot come any more."""
        return reader.certificate is not None or (
            reader.over and self._native.version() != 'TLSv1.3')

    def _check_name(self, certificate):
        name, is_address, common_name = self._expected
        if certificate is None or not matches(certificate, name, common_name):
            self._drained[:] = [fatal_alert(_BAD_CERTIFICATE, self._reader.version)]
            raise _Ended(name_error(SSLCertVerificationError, name, is_address))

    def _receive(self, pair, size):
        native = self._native
        if not self._peer_closed and not native.pending():
            self._push(pair)
        while True:
            try:
                data = native.read(size)
                break
            except _WANTS as error:
                if not self._feed_native(pair, error):
                    raise
        if not data:
            self._peer_closed = True
        self._flush(pair)
        return data

    def _receive_all(self, pair, received):
        """Decrypt all complete records, append to *received*; return whether nothing is left."""
        native = self._native
        if native.pending():
            return False
        while self._push(pair):
            try:
                data = native.read(RECORD)
            except _WANTS as error:
                if not is_native():
                    raise
                self._flush(pair)
                if error.__class__ is _WantWrite:
                    return False
                continue
            self._flush(pair)
            if not data:
                self._peer_closed = True
                return False
            received.append(data)
        return True

    def _send(self, pair, data):
        write, size, taken = self._native.write, len(data), 0
        if not size and self._we_closed:
            write(data)  # to fail; otherwise writing b'' has undefined effects, SSL_write(3)
        expected = min(size, _CHUNK) + _ROOM
        while taken < size:
            try:
                taken += write(data if size <= _CHUNK else buffer(data, taken, _CHUNK))
            except ssl.SSLError as error:
                if not (error.__class__ in _WANTS and self._feed_native(pair, error)):
                    if taken and is_native():
                        break
                    raise
            self._flush(pair, expected)
        return taken

    def _send_small(self, pair, data):
        """Return *data* encrypted; b'' if nothing was done."""
        try:
            self._native.write(data)
        except _WANTS:
            if not is_native():
                raise
            self._flush(pair)
            return b''
        pair.drain(self._drained, len(data) + _ROOM)
        records = self._drained[0] if len(self._drained) == 1 else b''.join(self._drained)
        del self._drained[:]
        return records

    # Application data; what a method takes, returns and raises is as in the graft engine's class.

    def read(self, len=1024, buffer=None):
        """Read decrypted bytes, from at most one record."""
        if len.__class__ is not int or buffer is not None or len <= 0:
            size = to_index(len, 'len')
            if buffer is not None:
                return self._read_into(size, buffer)
            if size < 0:
                raise ValueError('len must not be negative')
            if not size:
                return b''
            len = size
        if not self._done and not self._peer_closed:
            self.do_handshake()
        return self._operate(self._receive, len if len < RECORD else RECORD)

    def write(self, data):
        """Encrypt *data* into the outgoing BIO; return how many of its bytes were taken."""
        if data.__class__ is not bytes:
            data = as_bytes(data, 'data')
        if not self._done and not self._peer_closed:
            self.do_handshake()
        return self._operate(self._send, data)

    def pending(self):
        """Return how many decrypted bytes can be read without using the incoming BIO."""
        return self._native.pending()

    # One message in the fewest steps, for `SSLPipe`.

    def receive_records(self, incoming, data, received):
        """Put *data* into *incoming*, and append the decrypted bytes to the list *received*."""
        incoming.write(data)
        if type(self) is not SSLObject or not self._done:
            return False
        try:
            return self._operate(self._receive_all, received) is True
        except ssl.SSLError:
            if not is_native():
                raise
            return False

    def send_small(self, outgoing, data):
        """Return *data* encrypted, all of it, if it is small; b'' if nothing was done."""
        if (type(self) is not SSLObject or not self._done or len(data) > _SMALL
                or outgoing._chunks):
            return b''
        try:
            return self._operate(self._send_small, data)
        except ssl.SSLError:
            if not is_native():
                raise
            return b''

    # Handshake and closing

    def do_handshake(self):
        """Take the handshake as far as the incoming bytes allow."""
        self._operate(self._shake_hands)

    def unwrap(self):
        """Send close_notify, and wait for the peer's."""
        self._operate(self._shut_down)
        self._peer_closed = True

    verify_client_post_handshake = missing('verify_client_post_handshake')

    # The result of the negotiation

    def _requested_name(self):
        """Return the server name that the client has sent (str), or None."""
        return self._requested

    @property
    def session(self):
        """Raises: this engine has no sessions."""
        raise cannot('session', MissingAttribute)

    @session.setter
    def session(self, session):
        if not isinstance(session, SSLSession):
            raise TypeError('session must be an SSLSession, not %s' % type(session).__name__)
        raise cannot('session')

    @property
    def session_reused(self):
        """Whether this connection resumed a session: False on a client; raises on a server."""
        if self._server_side:
            raise cannot('session_reused of a server', MissingAttribute)
        return False

    def version(self):
        """Return the protocol version, such as 'TLSv1.3'; None before the handshake."""
        return str(self._native.version()) if self._done else None

    def cipher(self):
        """Return (name, the version that defined it, secret bits); None before the handshake."""
        return self._native.cipher()

    def shared_ciphers(self):
        """Return None on a client and before the handshake; otherwise raise."""
        if not self._server_side or not self._done:
            return None
        raise cannot('shared_ciphers')

    def selected_alpn_protocol(self):
        """Return the protocol negotiated by ALPN (RFC 7301); None if there is none."""
        # Before 2.7.10 ssl has no ALPN.
        selected = getattr(self._native, 'selected_alpn_protocol', None)
        return selected and selected()

    def get_channel_binding(self, cb_type='tls-unique'):
        """Return bytes that identify this connection; on a server 'tls-unique' alone."""
        require_kind(cb_type)
        bind = _CHANNEL_BINDINGS[cb_type]
        return bind(self) if self._done else None

    def _tls_unique(self):
        if self._native.version() == 'TLSv1.3':
            return None
        return self._native.tls_unique_cb()

    def _tls_exporter(self):
        raise cannot("channel binding 'tls-exporter'")

    def _tls_server_end_point(self):
        if self._server_side:
            raise cannot("channel binding 'tls-server-end-point' of a server")
        der = self.getpeercert(True)
        if der is None:
            return None
        oid, parameters = signature_algorithm(der)
        name = _SIGNATURE_HASHES.get(oid)
        if oid == _PSS:
            # Its hash comes first, that of MGF1 later; the default is SHA-1, RFC 8017 A.2.3.
            places = [(parameters.find(one), name) for one, name in _PSS_HASHES]
            name = min([found for found in places if found[0] >= 0] or [(0, 'sha256')])[1]
        return name and hashlib.new(name, der).digest()

    # Certificates

    def getpeercert(self, binary_form=False):
        """Return the peer's certificate: a dict, or DER bytes."""
        if not self._done:
            raise ValueError('handshake not done yet')
        der = self._native.peer_certificate(True)
        if der is None or binary_form:
            return der
        if self.context.verify_mode == ssl.CERT_NONE:
            return {}
        return decode_certificate(der)

    get_verified_chain = missing('get_verified_chain')
    get_unverified_chain = missing('get_unverified_chain')


_CHANNEL_BINDINGS = {
    'tls-unique': SSLObject._tls_unique,
    'tls-exporter': SSLObject._tls_exporter,
    'tls-server-end-point': SSLObject._tls_server_end_point,
}

#: The connection continues after these errors.
_HARMLESS = frozenset(['SHUTDOWN_WHILE_IN_INIT', 'PROTOCOL_IS_SHUTDOWN'])


class _Failed(Exception):
    """A second attempt has failed, too; holds its error. It is returned, not raised."""


def _is_foreign(error):
    """Return whether an error is of another part of OpenSSL than TLS; a failure of TLS never is."""
    return getattr(error, 'library', None) != 'SSL'


class _Ended(Exception):
    """The operation has failed without an error from the native object; holds our error."""


def _error(reason, text):
    return tls_error('[SSL: %s] %s' % (reason, text), library='SSL', reason=reason)


def _is_alert(data):
    """Return whether *data* is nothing, or one record with an alert in the clear (bool)."""
    return not data or kind_and_size(data) == (ALERT, len(data))


def _refused(server_side):
    text = 'no renegotiation'
    if not server_side:
        text += (': the server wants a new handshake, in which the pair engine cannot check its'
                 ' name in time')
    return _error('NO_RENEGOTIATION', text)


def class_under_lock():
    """Return the class of TLS objects for a caller that has a lock over them."""
    return SSLObject


def refuse_renegotiation(ssl_object):
    """
    Make a server refuse renegotiation by its client, up to TLS 1.2.

    OpenSSL 3 does this itself. The context option OP_ALLOW_CLIENT_RENEGOTIATION
    (`sslproto27.context`) allows renegotiation.
    """
    if ssl.OPENSSL_VERSION_INFO < (3,):
        allowed = ssl_object.context.options & OP_ALLOW_CLIENT_RENEGOTIATION
        ssl_object._refuses_renegotiation = not allowed
