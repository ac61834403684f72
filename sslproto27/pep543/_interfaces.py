"""
PEP 543's abstract classes: the interface of a backend. Nothing here knows any backend.

The names, arguments and results are the PEP's. The docstrings define what its text leaves open, and
the tests hold every backend to them.
"""
from __future__ import absolute_import, division, print_function

from abc import ABCMeta, abstractmethod, abstractproperty
from collections import namedtuple

import six

from .._core.unique import Unique
from ._socket import TLSWrappedSocket

__all__ = ['Backend', 'Certificate', 'ClientContext', 'PrivateKey', 'ServerContext',
           'TLSWrappedBuffer', 'TrustStore']


class TLSWrappedBuffer(six.with_metaclass(ABCMeta, Unique)):
    """
    One side of a TLS connection, without the connection.

    Ciphertext goes in through `receive_from_network` and comes out through `peek_outgoing` and
    `consume_outgoing`. After every call, even one that raised, look for outgoing data.
    """

    __slots__ = ()

    @abstractmethod
    def read(self, amt):
        """
        Return at most *amt* bytes of plaintext; b'' once the peer has ended its side.

        Raises:
            WantReadError: the buffer must receive more from the network first.
            RaggedEOF: the network has ended without the peer's close_notify.
            TLSError: TLS has failed. Plaintext that came before the failure is returned first.
            RuntimeError: `do_handshake` has not been called.
            TypeError, ValueError: *amt* is not a number, or is negative.
        """

    @abstractmethod
    def readinto(self, buffer, amt):
        """
        Read like `read`, into *buffer*: at most *amt* bytes of plaintext, or as many as fit.

        Returns:
            int: how many bytes; 0 once the peer has ended its side, or if there is no room.

        Raises:
            TypeError: *buffer* cannot be written to.
        """

    @abstractmethod
    def write(self, buf):
        """
        Encrypt the beginning of *buf*, any contiguous buffer.

        Returns:
            int: how many bytes were taken; fewer than all if much is outgoing.

        Raises:
            WantReadError: the handshake is not done.
            WantWriteError: too much is outgoing: send, consume, and call again.
            TLSError: TLS has failed.
            RuntimeError: called before `do_handshake`, or after `shutdown` (then also a TLSError).
            TypeError, BufferError: *buf* is text, not a buffer, or a buffer with gaps.
        """

    @abstractmethod
    def do_handshake(self):
        """
        Take the handshake as far as the received data allows; verify the peer and its name.

        Raises:
            WantReadError: send the outgoing data, receive more, call again.
            RaggedEOF: the network has ended.
            TLSError: the handshake failed, for good; an alert may be outgoing.
        """

    @abstractmethod
    def cipher(self):
        """Return the `CipherSuite` (or int) in use; None before the handshake is done."""

    @abstractmethod
    def negotiated_protocol(self):
        """Return the `NextProtocol` (or bytes) negotiated by ALPN; None if there is none."""

    @abstractproperty
    def context(self):
        """The context that made this buffer."""

    @abstractproperty
    def negotiated_tls_version(self):
        """The `TLSVersion` in use; None before the handshake is done."""

    @abstractmethod
    def shutdown(self):
        """
        End our side with close_notify, and wait for the peer's (RFC 8446 6.1).

        Data that still arrives can be read.

        Raises:
            WantReadError: the peer's close_notify has not come. Ours is outgoing: send it, then
                receive more and call again, or stop there.
            RaggedEOF: the network has ended without it.
            TLSError: TLS has failed.
            RuntimeError: the handshake is not done.
        """

    @abstractmethod
    def receive_from_network(self, data):
        """
        Keep *data* (bytes), received from the network, for the calls above.

        b'' means the end, as from a socket's ``recv``: nothing may follow.
        """

    @abstractmethod
    def peek_outgoing(self, amt):
        """Return at most *amt* outgoing bytes without removing them; b'' if there are none."""

    @abstractmethod
    def consume_outgoing(self, amt):
        """
        Drop *amt* bytes that have been sent.

        Raises:
            ValueError: fewer bytes are outgoing.
        """


class _Context(six.with_metaclass(ABCMeta, Unique)):
    """Settings that are ready for use; immutable."""

    __slots__ = ()

    @abstractmethod
    def __init__(self, configuration):
        """
        Args:
            configuration (TLSConfiguration): the settings.

        Raises:
            TLSError: the backend lacks something, or the certificates cannot be used. An error that
                can be found without a TLS library is also a TypeError or a ValueError.
        """

    @abstractproperty
    def configuration(self):
        """The `TLSConfiguration` from which this context was made."""


class ClientContext(_Context):
    """Makes clients' connections."""

    __slots__ = ()

    def wrap_socket(self, socket, server_hostname):
        """
        Return a `TLSWrappedSocket` over *socket*, a stream that is, or will be, connected.

        Args:
            socket (socket.socket): do not use it until ``unwrap`` returns it.
            server_hostname: as for `wrap_buffers`.
        """
        return TLSWrappedSocket(socket, self.wrap_buffers(server_hostname))

    @abstractmethod
    def wrap_buffers(self, server_hostname):
        """
        Return a new `TLSWrappedBuffer`.

        Args:
            server_hostname (text or None): the name or IP address that the server must prove, sent
                as SNI unless it is an address. None disables the name check: any certificate that
                the trust store accepts will do.

        Raises:
            ValueError: *server_hostname* is malformed.
        """


class ServerContext(_Context):
    """Makes servers' connections."""

    __slots__ = ()

    def wrap_socket(self, socket):
        """
        Return a `TLSWrappedSocket` over *socket*, a stream that is connected or listening.

        Args:
            socket (socket.socket): do not use it until ``unwrap`` returns it.
        """
        return TLSWrappedSocket(socket, self.wrap_buffers())

    @abstractmethod
    def wrap_buffers(self):
        """Return a new `TLSWrappedBuffer`."""


class Certificate(six.with_metaclass(ABCMeta, Unique)):
    """A source of a certificate."""

    __slots__ = ()

    @classmethod
    def from_buffer(cls, buffer):
        """Return the certificate in *buffer*: bytes, PEM or DER; the leaf comes first."""
        raise NotImplementedError('%s has no from_buffer' % cls.__name__)

    @classmethod
    def from_file(cls, path):
        """Return the certificate in a file, PEM or DER."""
        raise NotImplementedError('%s has no from_file' % cls.__name__)


class PrivateKey(six.with_metaclass(ABCMeta, Unique)):
    """A source of a private key."""

    __slots__ = ()

    @classmethod
    def from_buffer(cls, buffer, password=None):
        """Return the key in *buffer*: bytes, PEM or DER; *password*, if it is encrypted."""
        raise NotImplementedError('%s has no from_buffer' % cls.__name__)

    @classmethod
    def from_file(cls, path, password=None):
        """Return the key in a file, PEM or DER; *password*, if it is encrypted."""
        raise NotImplementedError('%s has no from_file' % cls.__name__)


class TrustStore(six.with_metaclass(ABCMeta, Unique)):
    """The authorities whose certificates to trust."""

    __slots__ = ()

    @classmethod
    def system(cls):
        """Return the trust store of the system."""
        raise NotImplementedError('%s has no system' % cls.__name__)

    @classmethod
    def from_pem_file(cls, path):
        """Return a trust store with the certificates in a PEM file."""
        raise NotImplementedError('%s has no from_pem_file' % cls.__name__)


class Backend(namedtuple('Backend', ['client_context', 'server_context', 'certificate',
                                     'private_key', 'trust_store'])):
    """A TLS implementation: its classes for PEP 543's interfaces."""

    __slots__ = ()
