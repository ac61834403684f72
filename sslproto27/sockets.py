"""
TLS over memory BIOs for programs that use ssl's sockets, on Python 2.7.

    import sslproto27.sockets
    sslproto27.sockets.install()

After that ``ssl.wrap_socket`` and ``SSLContext.wrap_socket`` return an `SSLSocket` of this module,
a subclass of ssl.SSLSocket. So httplib, imaplib, smtplib and other callers work unchanged.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket
import ssl
import threading

from ._core import socket as blocking
from ._core.amount import OneRecord
from ._core.blocking import CHUNK, shutting_down
from ._core.channel_binding import require_kind
from ._core.compat import PY2, PYPY
from ._core.files import OwnedFile
from ._core.unique import Unique
from ._core.waiting import is_ready

__all__ = ['SSLSocket', 'install', 'uninstall']

_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

#: Python's own, on which ours are built, even if somebody replaces them later.
_SSLSocket, _Socket = ssl.SSLSocket, socket.socket

#: Seconds between two tries, since another thread may close, or take what this one waits for.
_A_WHILE = 0.5

#: Attributes that socket.socket sets on its instances; there they would hide our methods.
_OF_INSTANCES = ('recv', 'recvfrom', 'recv_into', 'recvfrom_into', 'send', 'sendto')


class _TLS(blocking.SSLSocket):
    """
    The TLS inside an `SSLSocket`, in place of the _ssl object inside an ssl.SSLSocket.

    It works with select() in the same way; see `OneRecord`.
    """

    _new_amount = OneRecord

    def claim(self):
        """Make this the process that uses the connection: see `SSLPipe.claim`."""
        self._claim()

    def end(self):
        """Close; send close_notify if TLS is established, and nothing during a handshake."""
        self._closed = True
        if self._pipe.established:
            self.close()
        else:
            self._lower.close()


class SSLTimeoutError(ssl.SSLError, socket.timeout):
    """A call timed out: an ssl.SSLError as in 2.7's ssl, and a socket.timeout as in Python 3."""


class SSLSocket(Unique, ssl.SSLSocket):
    """
    An ssl.SSLSocket whose TLS is in memory. Names, arguments and errors are those of 2.7. But:

    - *sock* may also be an ssl.SSLSocket after its handshake: TLS in TLS;
    - the server's name is checked in the handshake, so a server with the wrong name gets an alert;
      IP addresses match as in Python 3;
    - `close` and `shutdown` send close_notify, if that does not block;
    - a timeout is also a socket.timeout, and you can repeat the call;
    - `sendall` on a non-blocking socket waits in select(); ssl's own runs in a busy loop;
    - a handled signal does not end a call (PEP 475); after a fork, the first process that uses the
      connection keeps it.

    Args:
        sock (socket.socket): a socket that is connected, unconnected, or for listening.
        suppress_ragged_eofs (bool): treat an EOF without close_notify as a clean end. An attacker
            can then cut the data short (RFC 8446 6.1).
        session (SSLSession or None): the session that a client wants to resume.
        others: see ssl.wrap_socket and SSLContext.wrap_socket.

    Raises:
        TypeError, ValueError, NotImplementedError: an argument cannot be used; the text names it.
        ssl.SSLError, socket.error: the handshake failed.
    """

    def __init__(self, sock, keyfile=None, certfile=None, server_side=False,
                 cert_reqs=ssl.CERT_NONE, ssl_version=ssl.PROTOCOL_SSLv23, ca_certs=None,
                 do_handshake_on_connect=True, suppress_ragged_eofs=False, ciphers=None,
                 server_hostname=None, session=None, _context=None):
        if _context is None:
            _context = _new_context(server_side, keyfile, certfile, cert_reqs, ssl_version,
                                    ca_certs, ciphers)
            self.keyfile, self.certfile = keyfile or certfile, certfile
            self.cert_reqs, self.ssl_version = cert_reqs, ssl_version
            self.ca_certs, self.ciphers = ca_certs, ciphers
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) != socket.SOCK_STREAM:
            raise NotImplementedError('only stream sockets are supported')
        if server_side and server_hostname:
            raise ValueError('server_hostname can only be specified in client mode')
        if _context.check_hostname and not server_hostname:
            raise ValueError('check_hostname requires server_hostname')
        self._makefile_refs = 0
        self._connected = False
        self._is_shut = False  # for reading, by us: then an EOF is not the peer's
        self._sslobj = None
        self._context = _context
        self._session = session
        self.server_side = server_side
        self.server_hostname = server_hostname
        self.do_handshake_on_connect = do_handshake_on_connect
        self.suppress_ragged_eofs = suppress_ragged_eofs
        # Ignore the TLS of an SSLSocket before its handshake, as ssl does: amqp 2.6 wraps twice.
        is_tls = isinstance(sock, ssl.SSLSocket) and sock.cipher() is not None
        self._outer = sock if is_tls else None
        _Socket.__init__(self, _sock=sock._sock)
        for name in _OF_INSTANCES:
            vars(self).pop(name, None)
        if PYPY and self._outer is None:
            sock._sock._drop()  # PyPy counts a socket's users, and *sock* is no longer one
        try:
            self.getpeername()
        except socket.error as error:
            if error.errno != errno.ENOTCONN:
                raise
            return
        self._connected = True
        if do_handshake_on_connect and self.gettimeout() == 0:
            self.close()
            raise ValueError('do_handshake_on_connect should not be specified for non-blocking'
                             ' sockets')
        self._start()
        if do_handshake_on_connect:
            self.do_handshake()

    def _start(self):
        lower = self._outer
        if lower is None:
            # A socket object of its own, so that closing the wrapped one does not close this.
            lower = _Socket(_sock=self._sock)
        self._sslobj = _TLS(
            lower, self._context, self.server_side, self.server_hostname or None,
            self._session, do_handshake_on_connect=False,
            suppress_ragged_eofs=self.suppress_ragged_eofs, owner=self)

    def _require_tls(self):
        if self._sslobj is None:
            raise ValueError('No SSL wrapper around ' + str(self))
        return self._sslobj

    @property
    def _ssl_object(self):
        """What does the TLS: `by_server_name` is called with this socket, and needs that."""
        return self._require_tls()._pipe.ssl_object

    # Connecting

    def _real_connect(self, addr, connect_ex):
        if self.server_side:
            raise ValueError("can't connect in server-side mode")
        if self._connected:
            raise ValueError('attempt to connect already-connected SSLSocket!')
        self._start()  # before connecting: a non-blocking socket calls do_handshake later
        method = _Socket.connect_ex if connect_ex else _Socket.connect
        result = method(self, addr)
        if not result:
            self._connected = True
            if self.do_handshake_on_connect:
                self.do_handshake()
        return result

    def do_handshake(self, block=False):
        """
        Do the handshake.

        Args:
            block (bool): wait for it even if the socket is non-blocking.
        """
        self._check_connected()
        tls = self._require_tls()
        timeout = self.gettimeout()
        if timeout == 0 and block:
            self.settimeout(None)
        try:
            tls.do_handshake()
        except socket.timeout as error:
            raise _timeout(error, 'handshake')
        finally:
            self.settimeout(timeout)

    # Bytes

    def read(self, len=1024, buffer=None):
        """Do the same as `recv`, or with *buffer* as `recv_into`, but raise if there is no TLS."""
        if self._sslobj is None:
            raise ValueError('Read on closed or unwrapped SSL socket.')
        return self.recv(len) if buffer is None else self.recv_into(buffer, max(len or 0, 0))

    def recv(self, buflen=1024, flags=0):
        """Return at most *buflen* bytes; b'' at the end."""
        tls = self._sslobj
        if tls is None:
            return self._sock.recv(buflen, flags)
        try:
            return tls.recv(buflen, flags)
        except socket.timeout as error:
            raise _timeout(error, 'read')
        except socket.error as error:
            if self._has_ended(error, tls):
                return b''
            raise

    def recv_into(self, buffer, nbytes=None, flags=0):
        """Put at most *nbytes* bytes into *buffer*, and return how many; 0 at the end."""
        tls = self._sslobj
        if tls is None:
            return self._sock.recv_into(buffer, nbytes or 0, flags)
        try:
            return tls.recv_into(buffer, nbytes, flags)
        except socket.timeout as error:
            raise _timeout(error, 'read')
        except socket.error as error:
            if self._has_ended(error, tls):
                return 0
            raise

    def _has_ended(self, error, tls):
        """Return whether *error* only means that we have shut down or closed ourselves (bool)."""
        if isinstance(error, ssl.SSLEOFError) and self._is_shut:
            return True
        return (tls._closed or self._sslobj is not tls) and (
            isinstance(error, (ssl.SSLEOFError,) + _WANTS) or error.errno == errno.EBADF)

    def write(self, data):
        """Do the same as `send`, but raise if there is no TLS or nothing can be sent now."""
        tls = self._sslobj
        if tls is None:
            raise ValueError('Write on closed or unwrapped SSL socket.')
        return self._write(tls.send, data)

    def send(self, data, flags=0):
        """Send the beginning of *data*, and return its length; 0 if nothing can be sent now."""
        tls = self._sslobj
        if tls is None:
            return self._sock.send(data, flags)
        try:
            return self._write(tls.send, data, flags)
        except _WANTS:
            return 0

    def sendall(self, data, flags=0):
        """Send all of *data*, and return its length."""
        tls = self._sslobj
        if tls is None:
            return _Socket.sendall(self, data, flags)
        size = len(data)
        if self.gettimeout() != 0:
            self._write(tls.sendall, data, flags)
            return size
        sent = 0
        while sent < size:
            try:
                sent += self._write(tls.send, data[sent:sent + CHUNK], flags)
            except _WANTS as error:
                self._wait_until_ready(isinstance(error, ssl.SSLWantWriteError))
        return size

    def _write(self, method, *args):
        try:
            return method(*args)
        except socket.timeout as error:
            raise _timeout(error, 'write')

    def _wait_until_ready(self, to_send):
        is_ready(self.fileno(), to_send, _A_WHILE)

    # Ending

    def unwrap(self):
        """
        End TLS: send close_notify and wait for the peer's.

        Returns:
            socket.socket: the socket to use for plaintext from now on.
        """
        tls = self._require_tls()
        try:
            rest = tls.unwrap()
        except socket.timeout as error:
            raise _timeout(error, 'shutdown')
        if rest is tls:
            return self  # it has data that followed close_notify; from now on it passes all through
        self._sslobj = None
        return rest

    def shutdown(self, how):
        """Close one direction or both; closing ours sends close_notify."""
        self._claim()
        tls = self._sslobj
        if tls is not None and how == socket.SHUT_RDWR:
            try:
                with shutting_down(self._sock):
                    tls.end()  # does not wait, although another thread may be sending
                    _Socket.shutdown(self, how)
            finally:
                self._sslobj = None  # no earlier: what other threads send would be plaintext
            return
        elif tls is not None and how == socket.SHUT_WR:
            try:
                self._write(tls.shutdown, how)
                return
            except _WANTS:
                pass  # unsent data is lost, as with ssl
        _Socket.shutdown(self, how)
        if how == socket.SHUT_RD:
            self._is_shut = True

    def close(self):
        """Close the socket, once every file of `makefile` is closed; this sends close_notify."""
        if self._makefile_refs > 0:
            super(SSLSocket, self).close()
            return
        tls = self._sslobj
        try:
            if tls is not None:
                tls.end()
        finally:
            _Socket.close(self)
            self._sslobj = None  # last: what another thread sends meanwhile is never plaintext

    # What processes share after a fork

    def _claim(self):
        tls = self._sslobj
        if tls is not None:
            tls.claim()

    def setblocking(self, flag):
        """Do as `settimeout` with None or 0."""
        self.settimeout(None if flag else 0)

    def settimeout(self, timeout):
        """Set how long calls wait: seconds, or None for ever."""
        self._claim()
        socket.socket.settimeout(self, timeout)

    def setsockopt(self, *args):
        """Set an option of the socket: see socket's ``setsockopt``."""
        self._claim()
        socket.socket.setsockopt(self, *args)

    def makefile(self, mode='r', bufsize=-1):
        """Return a file of this socket; `close` waits until it is closed."""
        if not PYPY:  # there the file does so
            self._makefile_refs += 1
        return OwnedFile(self, mode, bufsize, close=True)

    def _may_end(self):
        tls = self._sslobj
        return tls is None or tls._may_end()

    # Facts about the connection

    @property
    def context(self):
        """The ssl.SSLContext in use; a server name callback may set it."""
        return self._context

    @context.setter
    def context(self, context):
        self._require_tls().context = context
        self._context = context

    def getpeercert(self, binary_form=False):
        """Return the peer's certificate: see ssl.SSLSocket."""
        self._check_connected()
        return self._require_tls().getpeercert(binary_form)

    def get_channel_binding(self, cb_type='tls-unique'):
        """Return channel binding data, for another protocol on this connection: see `SSLObject`."""
        require_kind(cb_type)
        tls = self._sslobj
        return None if tls is None else tls.get_channel_binding(cb_type)

    @property
    def session(self):
        """The current `SSLSession`, or None."""
        tls = self._sslobj
        return tls and tls.session

    @property
    def session_reused(self):
        """Whether this connection resumed a session (bool); None without TLS."""
        tls = self._sslobj
        return tls and tls.session_reused


def _timeout(error, what):
    """Return the exception to raise for *error*, a socket.timeout."""
    if isinstance(error, ssl.SSLError):
        return error  # from the outer layer, of TLS in TLS
    return SSLTimeoutError('The %s operation timed out' % what)


def _new_context(server_side, keyfile, certfile, cert_reqs, ssl_version, ca_certs, ciphers):
    """Return a context for a socket that was made without one, as ssl.wrap_socket does."""
    if server_side and not certfile:
        raise ValueError('certfile must be specified for server-side operations')
    if keyfile and not certfile:
        raise ValueError('certfile must be specified')
    context = ssl.SSLContext(ssl_version)
    context.verify_mode = cert_reqs
    if ca_certs:
        context.load_verify_locations(ca_certs)
    if certfile:
        context.load_cert_chain(certfile, keyfile or certfile)
    if ciphers:
        context.set_ciphers(ciphers)
    return context


# Patching ssl

def install(suppress_ragged_eofs=False):
    """
    Make ``ssl.wrap_socket`` and ``SSLContext.wrap_socket`` return `SSLSocket`.

    A module that has already done ``from ssl import wrap_socket`` keeps the old function. A second
    call only changes the setting. If gevent or eventlet patches ssl later, its sockets are used.

    Args:
        suppress_ragged_eofs (bool): the default for sockets that are made without this argument:
            treat an EOF without close_notify as a clean end, as ssl's own sockets do. An attacker
            can then cut the data short (RFC 8446 6.1).

    Raises:
        NotImplementedError: this is Python 3.
        RuntimeError: gevent, eventlet or similar has already replaced them.
    """
    if not PY2:
        raise NotImplementedError(
            "sslproto27.sockets needs Python 2.7: Python 3's ssl has what it would add")
    global _suppress_ragged_eofs
    with _lock:
        if not _replaced:
            _require_stock()
            for place, name, value in ((ssl, 'wrap_socket', _wrap_socket),
                                       (ssl.SSLContext, 'wrap_socket', _wrap_socket_of_context)):
                if vars(place)[name] is not value:  # somebody may have put ours back
                    _stock[value] = vars(place)[name]
                _replaced.append((place, name, value, _stock[value]))
                setattr(place, name, value)
        _suppress_ragged_eofs = bool(suppress_ragged_eofs)


def _is_installed():
    return bool(_replaced)


def uninstall():
    """Give ssl its own functions back; existing sockets of ours stay ours."""
    with _lock:
        while _replaced:
            place, name, value, original = _replaced.pop()
            if vars(place)[name] is value:
                setattr(place, name, original)


_lock = threading.Lock()  # protects the variables below
_replaced = []  # (object, name, our value, its own value)
_stock = {}  # from our value to the original, for ever: programs may keep our value
_suppress_ragged_eofs = False


def _require_stock():
    for place, cls in ((ssl, ssl.SSLSocket), (ssl, ssl.SSLContext), (socket, socket.socket)):
        if cls.__module__ != place.__name__:
            raise RuntimeError(
                'sslproto27.sockets cannot replace the sockets of %s, which has replaced those of'
                ' Python: use only one of the two' % cls.__module__)


def _wrap_socket(sock, keyfile=None, certfile=None, server_side=False, cert_reqs=ssl.CERT_NONE,
                 ssl_version=ssl.PROTOCOL_SSLv23, ca_certs=None, do_handshake_on_connect=True,
                 suppress_ragged_eofs=None, ciphers=None):
    make, suppress = _maker(_wrap_socket, suppress_ragged_eofs)
    return make(sock, keyfile, certfile, server_side, cert_reqs, ssl_version, ca_certs,
                do_handshake_on_connect, suppress, ciphers)


def _wrap_socket_of_context(self, sock, server_side=False, do_handshake_on_connect=True,
                            suppress_ragged_eofs=None, server_hostname=None, session=None):
    make, suppress = _maker(_wrap_socket_of_context, suppress_ragged_eofs)
    options = dict(server_side=server_side, do_handshake_on_connect=do_handshake_on_connect,
                   suppress_ragged_eofs=suppress, server_hostname=server_hostname)
    if make is SSLSocket:
        return SSLSocket(sock, session=session, _context=self, **options)
    return make(self, sock, **(options if session is None else dict(options, session=session)))


def _maker(value, suppress_ragged_eofs):
    """
    Return (what makes a socket, whether it suppresses ragged EOFs).

    That is `SSLSocket`. If gevent or eventlet has patched ssl since, it is the original of *value*:
    that makes their sockets, and only they can wait without stopping the other green threads.
    """
    is_ours = ssl.SSLSocket is _SSLSocket
    if suppress_ragged_eofs is None:
        suppress_ragged_eofs = _suppress_ragged_eofs if is_ours else True
    return SSLSocket if is_ours else _stock[value], suppress_ragged_eofs
