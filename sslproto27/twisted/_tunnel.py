"""The transport inside a proxy's tunnel. Nothing here knows how the tunnel is made."""
from __future__ import absolute_import, division, print_function

from functools import partial

from twisted.internet import interfaces
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from .._core.unique import Unique
from ._lower import reactor_of
from ._protocol import TLSProtocol
from ._settings import TwistedLog, is_ours, settings_of, with_installed
from ._upgrade import upgrade

__all__ = ['TunnelTransport']

#: The methods after which the application gets no more data.
_CLOSING = ('loseConnection', 'abortConnection', 'stopProducing')

#: What a TLS connection to the proxy says of the proxy. Code that asks a transport for it means the
#: other end, to which nothing is encrypted.
_OF_THE_PROXY = ('getPeerCertificate', 'negotiatedProtocol', 'sslObject', 'settings_within')

_log = TwistedLog()


@implementer(interfaces.ITLSTransport, interfaces.IConsumer, interfaces.IPushProducer)
class TunnelTransport(Unique):
    """
    A tunnel's transport for the application: the one to the proxy, without its TLS and its name.

    Code that trusts a transport with TLS, such as a mail client that sends a password, must not
    take the TLS of the proxy for that of the other end.

    Args:
        original (ITransport): the transport to the proxy.
        hostname (str): the other end's name, as the proxy was told; `startTLS` verifies it.

    Attributes:
        protocol (IProtocol or None): the application's; None once its connection is lost.
        TLS (bool): whether `startTLS` has been called.
    """

    TLS = False
    _sslproto27 = None  # not that of the transport to the proxy

    def __init__(self, original, hostname):
        self.original = original
        self.protocol = None
        self._hostname = hostname
        self._held = b''  # data that came while the application had paused
        self._reading_paused = self._closed = False

    def __getattr__(self, name):
        if name.startswith('__') or name in _OF_THE_PROXY:
            raise AttributeError('%s has no attribute %r' % (type(self).__name__, name))
        value = getattr(self.original, name)
        return partial(self._close, value) if name in _CLOSING else value

    def _close(self, method, *args):
        self._closed = True
        method(*args)

    # From the peer to the application

    def dataReceived(self, data):
        """Pass on *data*, or keep it while the application has paused."""
        self._held += data
        if not self._reading_paused:
            self._deliver()

    def _deliver(self):
        data, self._held = self._held, b''
        if data and not self._closed and self.protocol is not None:
            self.protocol.dataReceived(data)

    def connectionLost(self, reason):
        """Tell the application that the connection is gone."""
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(reason)

    def pauseProducing(self):
        """Stop calling dataReceived until `resumeProducing`."""
        self._reading_paused = True
        self._call_below('pauseProducing')

    def resumeProducing(self):
        """Continue after `pauseProducing`."""
        self._reading_paused = False
        self._call_below('resumeProducing')
        if self._held:  # not during this call: the application may not expect data now
            reactor_of(self.original).callLater(0, self._deliver_held)

    def _call_below(self, name):
        method = getattr(self.original, name, None)
        if method is not None:
            method()

    def _deliver_held(self):
        if self._reading_paused:
            return
        try:
            self._deliver()
        except BaseException:  # like the reactor, when it calls a connection's methods
            _log.failed(Failure())
            self.abortConnection()

    # TLS

    def startTLS(self, context, normal=True, hostname=None, **options):
        """Start TLS with the other end: Twisted's name for the function `startTLS`."""
        if hasattr(self.original, 'startTLS') and not is_ours(context):
            self.original.startTLS(context, normal)  # pyOpenSSL's
            self.TLS = True
            self.getPeerCertificate = self.original.getPeerCertificate
            alsoProvides(self, interfaces.ISSLTransport)
            return
        upgrade(self, TLSProtocol, settings_of(
            with_installed(context), not normal,
            self._hostname if hostname is None else hostname, options))

    def __repr__(self):
        return '<%s to %s through %r>' % (type(self).__name__, self._hostname, self.original)
