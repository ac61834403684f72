"""
The abstract side of PEP 543: what a backend has to offer. Nothing here knows of any.

The names, arguments and results are the PEP's; where its text leaves open what happens, the
docstrings here say it, and the tests hold every backend to it.
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
    `consume_outgoing`. After every call, also after one that raised, look for outgoing data.
    """

    __slots__ = ()

    @abstractmethod
    def read(self, amt):
        """
        Return at most *amt* bytes of plaintext; b'' once the peer has ended its side.

        Raises:
            WantReadError: the buffer has to receive more from the network first.
            RaggedEOF: the network has ended without the peer's close_notify.
            TLSError: TLS has failed. Plaintext that came before the failure is returned first.
            RuntimeError: before `do_handshake`.
            TypeError, ValueError: *amt* is no number, or negative.
        """

    @abstractmethod
    def readinto(self, buffer, amt):
        """
        Put at most *amt* bytes of plaintext into *buffer*, as `read` gets them, and as fit.

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
            int: how many bytes were taken; fewer than there are if much is outgoing.

        Raises:
            WantReadError: the handshake is not done.
            WantWriteError: too much is outgoing: send, consume, and call again.
            TLSError: TLS has failed.
            RuntimeError: before `do_handshake`, or after `shutdown`: then a TLSError as well.
            TypeError, BufferError: *buf* is text, no buffer, or one with gaps.
        """

    @abstractmethod
    def do_handshake(self):
        """
        Shake hands as far as the data received allows; verify the peer and its name.

        Raises:
            WantReadError: send what is outgoing, receive more, call again.
            RaggedEOF: the network has ended.
            TLSError: the handshake failed, for good; an alert may be outgoing.
        """

    @abstractmethod
    def cipher(self):
        """Return the `CipherSuite` (or int) in use; None before the handshake is done."""

    @abstractmethod
    def negotiated_protocol(self):
        """Return the `NextProtocol` (or bytes) that ALPN settled on; None if it did on none."""

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

        What still arrives can be read.

        Raises:
            WantReadError: the peer's close_notify has not come. Ours is outgoing: send it, then
                receive more and call again, or leave it at that.
            RaggedEOF: the network has ended without it.
            TLSError: TLS has failed.
            RuntimeError: the handshake is not done.
        """

    @abstractmethod
    def receive_from_network(self, data):
        """
        Keep *data* (bytes), received from the network, for the calls above.

        b'' stands for the end of it, as a socket's ``recv`` has it: nothing may follow.
        """

    @abstractmethod
    def peek_outgoing(self, amt):
        """Return at most *amt* bytes that are to be sent, and keep them; b'' if there are none."""

    @abstractmethod
    def consume_outgoing(self, amt):
        """
        Drop *amt* bytes that have been sent.

        Raises:
            ValueError: there are not so many.
        """


class _Context(six.with_metaclass(ABCMeta, Unique)):
    """Settings that are ready for use; immutable."""

    __slots__ = ()

    @abstractmethod
    def __init__(self, configuration):
        """
        Args:
            configuration (TLSConfiguration): what is wanted.

        Raises:
            TLSError: it asks for what there is not, or its certificates cannot be used. What can be
                seen without a TLS library is a TypeError or a ValueError as well.
        """

    @abstractproperty
    def configuration(self):
        """The `TLSConfiguration` that this context was made of."""


class ClientContext(_Context):
    """What makes clients' connections."""

    __slots__ = ()

    def wrap_socket(self, socket, server_hostname):
        """
        Return a `TLSWrappedSocket` over *socket*, a stream that is, or will be, connected.

        Args:
            socket (socket.socket): not to be used any more until ``unwrap`` returns it.
            server_hostname: as for `wrap_buffers`.
        """
        return TLSWrappedSocket(socket, self.wrap_buffers(server_hostname))

    @abstractmethod
    def wrap_buffers(self, server_hostname):
        """
        Return a new `TLSWrappedBuffer`.

        Args:
            server_hostname (text or None): the name or IP address that the server must prove, sent
                as SNI unless it is an address. With None no name is checked: the certificate may
                be anybody's whom the trust store knows.
        """


class ServerContext(_Context):
    """What makes servers' connections."""

    __slots__ = ()

    def wrap_socket(self, socket):
        """
        Return a `TLSWrappedSocket` over *socket*, a stream that is connected, or that listens.

        Args:
            socket (socket.socket): not to be used any more until ``unwrap`` returns it.
        """
        return TLSWrappedSocket(socket, self.wrap_buffers())

    @abstractmethod
    def wrap_buffers(self):
        """Return a new `TLSWrappedBuffer`."""


class Certificate(six.with_metaclass(ABCMeta, Unique)):
    """Where a certificate is to be had from."""

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
    """Where a private key is to be had from."""

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
    """Whose word on a certificate counts."""

    __slots__ = ()

    @classmethod
    def system(cls):
        """Return the trust store of the system."""
        raise NotImplementedError('%s has no system' % cls.__name__)

    @classmethod
    def from_pem_file(cls, path):
        """Return a trust store of the certificates in a file, PEM."""
        raise NotImplementedError('%s has no from_pem_file' % cls.__name__)


class Backend(namedtuple('Backend', ['client_context', 'server_context', 'certificate',
                                     'private_key', 'trust_store'])):
    """A TLS implementation: the classes that it has for PEP 543's interfaces."""

    __slots__ = ()
