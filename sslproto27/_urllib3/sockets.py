"""
Sockets for HTTPS with urllib3 1.26, however urllib3 gets them.

Nothing here imports urllib3, because there are several copies, such as pip's: the caller chooses.
"""
from __future__ import absolute_import, division, print_function

import errno
import functools
import socket
import ssl

from .._core.amount import Records
from .._core.socket import SSLSocket
from .._core.unique import Unique

__all__ = ['ContextView', 'HTTPSSocket', 'is_for_address', 'match_address']


class HTTPSSocket(SSLSocket):
    """
    An `SSLSocket` for HTTP clients, which reports an EOF without close_notify as a lost connection.

    RFC 9112 9.8: a body that ends with the connection is incomplete without close_notify. We raise
    socket.error ECONNRESET: urllib3 treats it as a reset, and repeats only requests that are safe
    to repeat. Other bodies have a known length, so their reader never sees this error.

    Programs that did not choose this class select() on it as on ssl.SSLSocket; urllib3 does so to
    find out whether an idle connection is still open. So we read no more from below than we return
    at once, see `Records`; and once the peer has ended TLS, the socket below stays readable.
    """

    _new_amount = staticmethod(functools.partial(Records, whole=True))
    _ends_below = True

    def _end_below(self):
        try:
            self._lower.shutdown(socket.SHUT_RD)
        except (AttributeError, socket.error):
            pass  # it has ended too

    def recv(self, buflen=1024, flags=0):
        """Wait for plaintext; see `SSLSocket.recv`."""
        try:
            return SSLSocket.recv(self, buflen, flags)
        except ssl.SSLEOFError:
            raise _lost()

    def _receive_whole(self, size):
        try:
            return SSLSocket._receive_whole(self, size)
        except ssl.SSLEOFError:
            raise _lost()


def _lost():
    return socket.error(errno.ECONNRESET, 'the peer has gone without close_notify')


class ContextView(Unique):
    """
    A context that wraps sockets with TLS in memory, and otherwise acts as the given context.

    Args:
        context (ssl.SSLContext): the given context.
        suppress_ragged_eofs (bool): see `SSLSocket`.
    """

    def __init__(self, context, suppress_ragged_eofs=False):
        vars(self).update(_context=context, _suppress_ragged_eofs=suppress_ragged_eofs)

    def wrap_socket(self, sock, server_hostname=None):
        """Return an `HTTPSSocket`, the client's side of TLS, over *sock*, any socket."""
        return HTTPSSocket(sock, self._context, server_hostname=server_hostname,
                           suppress_ragged_eofs=self._suppress_ragged_eofs)

    def __getattr__(self, name):
        return getattr(self._context, name)

    def __setattr__(self, name, value):
        setattr(self._context, name, value)


def is_for_address(hostname):
    """Return whether *hostname* is an IP address (bool)."""
    return _packed(hostname) is not None


def match_address(cert, address):
    """
    Return whether a certificate is valid for an IP address (RFC 9525 6.5).

    Args:
        cert (dict): as ``getpeercert()`` returns it.
        address (str): the address.
    """
    wanted = _packed(address)
    return any(kind == 'IP Address' and _packed(value) == wanted
               for kind, value in cert.get('subjectAltName', ()))


def _packed(address):
    """Return an IPv4 or IPv6 address in binary form (bytes); None if it is not one."""
    address = address.strip()
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    try:
        return socket.inet_pton(family, address.partition('%')[0])
    except (socket.error, ValueError):  # ValueError: text that is not ASCII
        return None
