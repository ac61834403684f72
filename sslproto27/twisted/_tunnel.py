"""The transport inside a proxy's tunnel. Nothing here knows how the tunnel is made."""
from __future__ import absolute_import, division, print_function

from functools import partial

from twisted.internet import error, interfaces
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from .._core.unique import Unique
from ._lower import abort, half_closer, reactor_of, wind_up
from ._protocol import TLSProtocol
from ._settings import TwistedLog, is_ours, settings_of, with_installed
from ._upgrade import upgrade

__all__ = ['TunnelTransport']

#: The methods after which the application gets no more data.
_CLOSING = ('loseConnection', 'stopProducing')

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
        self._ends = []   # (method, reason or None): the ends that came behind that data
        self._reading_paused = self._closed = False

    def __getattr__(self, name):
        if name.startswith('__') or name in _OF_THE_PROXY:
            raise AttributeError('%s has no attribute %r' % (type(self).__name__, name))
        value = getattr(self.original, name)
        return partial(self._close, value) if name in _CLOSING else value

    def _close(self, method, *args):
        self._closed = True
        self._reading_paused = False
        method(*args)
        self._deliver_later()

    @property
    def disconnecting(self):
        """Whether the application has closed (bool). A process's transport does not tell."""
        return getattr(self.original, 'disconnecting', self._closed)

    def abortConnection(self):
        """Close at once; unsent data is lost."""
        self._close(self._abort)

    def _abort(self):
        if not abort(self.original) or self._ends:
            self._ends = [(self._lost, Failure(error.ConnectionAborted()))]

    # From the peer to the application

    def dataReceived(self, data):
        """Pass on *data*, or keep it while the application has paused."""
        self._held += data
        self._deliver()

    def readConnectionLost(self):
        """Tell the application that no more data comes, or close, once it has the data."""
        self._end(self._read_lost, None)

    def connectionLost(self, reason):
        """
        Tell the application that the connection is gone, once it has the data.

        If it has paused, that data waits only after an orderly end, as on a `TLSProtocol`.
        """
        self._end(self._lost, reason)

    def _end(self, tell, reason):
        if self._held or self._ends:
            self._ends.append((tell, reason))
            self._deliver()
        else:
            tell(reason)

    def _deliver(self):
        """Pass on what waits, until the application pauses. A reset does not wait for it."""
        if not self._reading_paused:
            data, self._held = self._held, b''
            if data and not self._closed and self.protocol is not None:
                self.protocol.dataReceived(data)
        while self._ends and (not self._reading_paused or self._is_reset()):
            tell, reason = self._ends.pop(0)
            tell(reason)

    def _is_reset(self):
        reason = self._ends[-1][1]
        return reason is not None and not reason.check(error.ConnectionDone)

    def _read_lost(self, _):
        if half_closer(self.protocol) is None:
            self._wind_up()
        elif not self._closed:
            self.protocol.readConnectionLost()

    def _wind_up(self):
        wind_up(self.original)

    def _lost(self, reason):
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(reason)

    def pauseProducing(self):
        """Stop calling dataReceived until `resumeProducing`."""
        if not self._closed:
            self._reading_paused = True
            self._call_below('pauseProducing')

    def resumeProducing(self):
        """Continue after `pauseProducing`."""
        self._reading_paused = False
        self._call_below('resumeProducing')
        self._deliver_later()

    def _call_below(self, name):
        method = getattr(self.original, name, None)
        if method is not None:
            method()

    def _deliver_later(self):
        if self._held or self._ends:  # not now: the application may not expect data in its call
            reactor_of(self.original).callLater(0, self._deliver_held)

    def _deliver_held(self):
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
