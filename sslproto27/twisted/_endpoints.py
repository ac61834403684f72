"""Endpoints and factories that put TLS over other ones. Nothing here patches Twisted."""
from __future__ import absolute_import, division, print_function

import ssl
import weakref

from twisted.internet import interfaces
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from .._core.context.by_server_name import contexts_behind
from .._core.unique import Unique
from ._protocol import TLSProtocol
from ._receiver import Receiver
from ._settings import settings_of
from ._upgrade import upgrade

__all__ = ['TLSClientEndpoint', 'TLSFactory', 'TLSServerEndpoint', 'startTLS',
           'without_policies']

#: From a context to the ALPN protocols that a factory has requested.
_offered = weakref.WeakKeyDictionary()


class TLSFactory(Unique, WrappingFactory):
    """
    A factory that puts another factory's protocols over TLS.

    If the other factory is an IProtocolNegotiationFactory, *context*, and the contexts that
    `by_server_name` has put behind it, get its protocols for ALPN.

    Args:
        wrappedFactory (IProtocolFactory): the application's factory.
        context, serverSide, hostname: see `startTLS`.
        **options: see `TLSClientEndpoint` and `TLSServerEndpoint`.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    protocol = TLSProtocol
    noisy = False  # the wrapped factory logs its start

    def __init__(self, wrappedFactory, context, serverSide=False, hostname=None, **options):
        WrappingFactory.__init__(self, wrappedFactory)
        self._settings = settings_of(context, serverSide, hostname, options)
        if interfaces.IProtocolNegotiationFactory.providedBy(wrappedFactory):
            for one in contexts_behind(self._settings.context):
                _offer(one, wrappedFactory.acceptableProtocols())

    def logPrefix(self):
        """Return the prefix of log lines about this factory (str)."""
        wrapped = self.wrappedFactory
        name = (wrapped.logPrefix() if interfaces.ILoggingContext.providedBy(wrapped)
                else type(wrapped).__name__)
        return '%s (TLS)' % name

    def buildProtocol(self, addr):
        """Return a new connection's `Receiver`; None if the factory or the limit refuses one."""
        handshakes = self._settings.handshakes
        if handshakes is not None and not handshakes.admits():
            return None
        wrapped = self.wrappedFactory.buildProtocol(addr)
        if wrapped is None:
            return None
        made = self.protocol(self._settings, wrapped)
        made.factory = self
        return Receiver(made)


def _offer(context, protocols):
    """Let *context* negotiate *protocols* (list of bytes) by ALPN."""
    names = [name.decode('ascii') for name in protocols]
    if not names or not getattr(ssl, 'HAS_ALPN', False):  # Python before 2.7.10 lacks the name
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
        endpoint (IStreamClientEndpoint): how to connect: over TCP, a Unix socket, a process or TLS.
        context (ssl.SSLContext or TLSOptions): certificates, trust and settings.
        hostname (text or None): the name or IP address that the server must prove; required if
            *context* checks names. '' disables the name check.
        session (SSLSession or None): the session to resume: ``transport.sslObject.session`` of
            another connection.
        suppressRaggedEofs (bool): report an end without close_notify as ConnectionDone. An attacker
            can then cut the data short (RFC 8446 6.1). Set it only if the protocol inside shows
            where its data ends.
        handshakeTimeout (float): seconds; default 60.
        shutdownTimeout (float): seconds to wait for the peer's close_notify; default 30; 0 does not
            wait.
        reactor (IReactorTime): the reactor whose clock is used; default: the transport's.

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
            a Deferred of the factory's protocol. It fires when the connection is made, before the
            handshake. If the handshake fails, connectionLost gets the reason.
        """
        factory = TLSFactory(protocolFactory, *self._arguments, **self._options)
        return self._endpoint.connect(factory).addCallback(lambda made: made.wrappedProtocol)


@implementer(interfaces.IStreamServerEndpoint)
class TLSServerEndpoint(Unique):
    """
    A server endpoint with TLS over another one.

    Args:
        endpoint (IStreamServerEndpoint): where to listen.
        context (ssl.SSLContext or TLSOptions): certificate, trust and settings. The result of
            `sslproto27.context.by_server_name` has a certificate for each name.
        handshakeLimit (int): how many connections may be in the handshake at once; default 4096.
            Further ones are closed immediately, and a line is logged.
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

    *transport* stays the same object, so all code that holds it uses TLS from now on. New data is
    encrypted and follows the data written before. Data that a line receiver has buffered together
    with the line that led here becomes the first bytes of the handshake: injected plaintext makes
    the handshake fail. Injected data that reaches the protocol in another way ends the connection.
    A protocol with its own kind of buffer must empty that itself. An IHandshakeListener is called
    when the handshake is done.

    Args:
        transport (ITransport or IProtocol): a TCP, Unix or TLS connection; or the protocol that
            uses it.
        context (ssl.SSLContext or TLSOptions): certificates, trust and settings.
        serverSide (bool): True for the server, False for the client.
        hostname (text or None), **options: see `TLSClientEndpoint`.

    Returns:
        TLSProtocol: the TLS layer of *transport*.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
        RuntimeError: the connection is not open.
    """
    settings = settings_of(context, serverSide, hostname, options)
    application = None
    if not interfaces.ITransport.providedBy(transport) and hasattr(transport, 'transport'):
        application, transport = transport, transport.transport
    return upgrade(without_policies(transport), TLSProtocol, settings, application)


def without_policies(transport):
    """Return the transport below Twisted's policies."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport
