"""The protocol that the transport below sees. Nothing here knows how TLS works."""
from __future__ import absolute_import, division, print_function

from twisted.internet.interfaces import IHalfCloseableProtocol, ILoggingContext, IProtocol
from zope.interface import implementer

from .._core.unique import Unique

__all__ = ['Receiver']


@implementer(IProtocol, IHalfCloseableProtocol, ILoggingContext)
class Receiver(Unique):
    """
    A TLS connection's side towards the transport below: an IProtocol.

    The `TLSProtocol` itself must not claim to be a protocol. It is the application's transport, and
    Twisted's wrappers of protocols (twisted.protocols.policies) copy the claims of their transport.
    Each of them would then claim to handle half-closed connections.

    Attributes:
        tls (TLSProtocol): the connection.
    """

    __slots__ = ('tls', '__dict__', '__weakref__')

    def __init__(self, tls):
        self.tls = tls

    @property
    def wrappedProtocol(self):
        """The application's protocol; None once its connection is lost."""
        return self.tls.wrappedProtocol

    @property
    def transport(self):
        """The transport below; None before there is one."""
        return self.tls.transport

    def makeConnection(self, transport):
        """Start the handshake over *transport*."""
        self.tls.makeConnection(transport)

    def connectionMade(self):
        """Do nothing: `makeConnection` does it all."""

    def dataReceived(self, data):
        """Pass on *data*, to be decrypted."""
        self.tls.dataReceived(data)

    def readConnectionLost(self):
        """Note that the transport below will receive nothing more."""
        self.tls.readConnectionLost()

    def writeConnectionLost(self):
        """Do nothing: only our own request to end the writing side causes this call."""

    def connectionLost(self, reason):
        """Note that the transport below is gone."""
        self.tls.connectionLost(reason)

    def logPrefix(self):
        """Return the prefix of log lines about this connection (str)."""
        return self.tls.logPrefix()

    def __repr__(self):
        return '<%s of %r>' % (type(self).__name__, self.tls)
