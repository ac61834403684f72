"""Endpoints and factories that put TLS over others. Nothing here patches Twisted."""
from __future__ import absolute_import, division, print_function

import ssl
import weakref

from twisted.internet import interfaces
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from .._core.context.by_server_name import contexts_behind
from .._core.unique import Unique
from ._protocol import TLSProtocol
from ._settings import settings_of
from ._upgrade import upgrade

__all__ = ['TLSClientEndpoint', 'TLSFactory', 'TLSServerEndpoint', 'startTLS']

#: By context, the ALPN protocols that a factory has asked for.
_offered = weakref.WeakKeyDictionary()


class TLSFactory(Unique, WrappingFactory):
    """
    A factory whose protocols have another factory's protocols over TLS.

    If that one is an IProtocolNegotiationFactory, its protocols become those of *context*, and of
    the contexts that `by_server_name` has put behind it.

    Args:
        wrappedFactory (IProtocolFactory): the application's.
        context, serverSide, hostname: see `startTLS`.
        **options: see `TLSClientEndpoint` and `TLSServerEndpoint`.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    protocol = TLSProtocol
    noisy = False  # the wrapped factory says that it starts

    def __init__(self, wrappedFactory, context, serverSide=False, hostname=None, **options):
        WrappingFactory.__init__(self, wrappedFactory)
        self._settings = settings_of(context, serverSide, hostname, options)
        if interfaces.IProtocolNegotiationFactory.providedBy(wrappedFactory):
            for one in contexts_behind(self._settings.context):
                _offer(one, wrappedFactory.acceptableProtocols())

    def buildProtocol(self, addr):
        """Return a new `TLSProtocol`; None if the wrapped factory, or the limit, has none."""
        handshakes = self._settings.handshakes
        if handshakes is not None and not handshakes.admits():
            return None
        wrapped = self.wrappedFactory.buildProtocol(addr)
        if wrapped is None:
            return None
        made = self.protocol(self._settings, wrapped)
        made.factory = self
        return made


def _offer(context, protocols):
    """Let *context* negotiate *protocols* (list of bytes) by ALPN."""
    names = [name.decode('ascii') for name in protocols]
    if not names or not getattr(ssl, 'HAS_ALPN', False):  # before 2.7.10 there is no such name
        return
    if _offered.setdefault(context, names) != names:
        raise ValueError('context has the ALPN protocols of another factory, %r: make one for %r'
                         % (_offered[context], names))
    context.set_alpn_protocols([str(name) for name in names])


@implementer(interfaces.IStreamClientEndpoint)
class TLSClientEndpoint(Unique):
    """
    A client endpoint with TLS over another one.

    Args:
        endpoint (IStreamClientEndpoint): how to connect: over TCP, a Unix socket, a process, TLS.
        context (ssl.SSLContext or TLSOptions): certificates, trust and settings.
        hostname (text or None): the name or IP address that the server must prove: needed if
            *context* checks names; '' to check none.
        session (SSLSession or None): what to resume: another connection's
            ``transport.sslObject.session``.
        suppressRaggedEofs (bool): take an end without close_notify for ConnectionDone. An attacker
            can then cut the data short (RFC 8446 6.1); off unless the protocol inside tells.
        handshakeTimeout (float): seconds, 60 unless given.
        shutdownTimeout (float): seconds to wait for the peer's close_notify, 30 unless given; 0 not
            to wait.
        reactor (IReactorTime): whose clock; unless given that of the transport below.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    def __init__(self, endpoint, context, hostname, **options):
        settings_of(context, False, hostname, options)
        self._endpoint = endpoint
        self._arguments = context, False, hostname
        self._options = options

    def connect(self, protocolFactory):
        """
        Connect; see IStreamClientEndpoint.

        Returns:
            a Deferred of the factory's protocol, once it is connected: the handshake follows. If it
            fails, connectionLost says why.
        """
        factory = TLSFactory(protocolFactory, *self._arguments, **self._options)
        return self._endpoint.connect(factory).addCallback(lambda tls: tls.wrappedProtocol)


@implementer(interfaces.IStreamServerEndpoint)
class TLSServerEndpoint(Unique):
    """
    A server endpoint with TLS over another one.

    Args:
        endpoint (IStreamServerEndpoint): where to listen.
        context (ssl.SSLContext or TLSOptions): certificate, trust and settings; that of
            `sslproto27.context.by_server_name` has one for each name.
        handshakeLimit (int): connections that may be in the handshake at once, 4096 unless given;
            more are closed at once, and a line is logged.
        suppressRaggedEofs, handshakeTimeout, shutdownTimeout, reactor: see `TLSClientEndpoint`.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    def __init__(self, endpoint, context, **options):
        settings_of(context, True, None, options)
        self._endpoint = endpoint
        self._context = context
        self._options = options

    def listen(self, protocolFactory):
        """Listen; see IStreamServerEndpoint. Returns a Deferred of an IListeningPort."""
        return self._endpoint.listen(
            TLSFactory(protocolFactory, self._context, True, **self._options))


def startTLS(transport, context, serverSide=False, hostname=None, **options):
    """
    Start TLS on a connection that is in use: STARTTLS.

    *transport* stays the object that it is, and is TLS from now on, whoever holds it: what is
    written goes out after what was written before, encrypted. What a line receiver holds of what
    came with the line that led here is taken to be TLS already: what somebody has slipped in fails
    the handshake. More of it that reaches the protocol ends the connection. A protocol with a
    buffer of its own making must see to that buffer itself. An IHandshakeListener is told when the
    handshake is done.

    Args:
        transport (ITransport or IProtocol): a TCP or Unix connection, or a TLS one; or the protocol
            that has it.
        context (ssl.SSLContext or TLSOptions): certificates, trust and settings.
        serverSide (bool): which side to be.
        hostname (text or None), **options: see `TLSClientEndpoint`.

    Returns:
        TLSProtocol: the TLS of *transport*.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
        RuntimeError: there is no open connection.
    """
    settings = settings_of(context, serverSide, hostname, options)
    application = None
    if not interfaces.ITransport.providedBy(transport) and hasattr(transport, 'transport'):
        application, transport = transport, transport.transport
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return upgrade(transport, TLSProtocol, settings, application)
