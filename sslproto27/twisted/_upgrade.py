"""
STARTTLS: how a transport that is in use becomes TLS, and stays the same object.

Who holds it, and writes to it, must never write plaintext again; so its methods are replaced, and
not the references to it. Nothing here knows of TLS itself.
"""
from __future__ import absolute_import, division, print_function

from twisted.internet import error, interfaces, tcp
from twisted.python.failure import Failure
from zope.interface import alsoProvides

__all__ = ['host_of', 'is_client', 'upgrade']

#: Of a transport, what is TLS's from then on.
_METHODS = (
    'write', 'writeSequence', 'loseConnection', 'loseWriteConnection', 'abortConnection',
    'registerProducer', 'unregisterProducer', 'stopConsuming', 'pauseProducing', 'resumeProducing',
    'stopProducing', 'getPeerCertificate')


class Below(object):
    """
    A transport as it was before: what TLS sends and receives through.

    Attributes:
        original: the transport.
    """

    def __init__(self, transport):
        self.original = transport
        for name in _METHODS:
            method = getattr(transport, name, None)
            if method is not None:
                setattr(self, name, method)

    def __getattr__(self, name):
        if name.startswith('__') or name == 'original' or name in _METHODS:
            raise AttributeError(name)
        return getattr(self.original, name)


class Upgrade(object):
    """
    What has been changed of a transport and of its protocol, and when that ends.

    Args:
        transport: what the application holds.
        tls (TLSProtocol): what it is from now on.
        application (IProtocol): who wrote to it.
    """

    def __init__(self, transport, tls, application):
        self._transport = transport
        self._tls = tls
        self._application = application
        self._shadows = dict((name, getattr(tls, name)) for name in _METHODS)
        self._shadows.update(
            _sslproto27=tls, negotiatedProtocol=None, startTLS=self._start_tls)
        vars(transport).update(self._shadows)
        for one in interfaces.INegotiated, interfaces.ITLSTransport:
            if not one.providedBy(transport):
                alsoProvides(transport, one)
        self._refuses = hasattr(application, 'lineReceived')
        if self._refuses:
            application.lineReceived = self._refuse

    def _start_tls(self, context, normal=True, hostname=None, **options):
        """Start TLS within this TLS; the transport stays the one that the application holds."""
        upgrade(self._transport, type(self._tls),
                self._tls.settings_within(context, normal, hostname, options))

    def _refuse(self, line):
        """Take a line that the peer, or somebody else, sent together with the one that led here."""
        self._tls.abortConnection(Failure(error.ConnectionLost(
            'a line came with the one that started TLS: it is not protected')))

    def established(self):
        """The handshake is done."""
        self._accept()
        vars(self._transport)['negotiatedProtocol'] = self._tls.negotiatedProtocol

    def _accept(self):
        if self._refuses and vars(self._application).get('lineReceived') == self._refuse:
            del self._application.lineReceived
        self._refuses = False

    def lost(self):
        """The connection is lost: nothing refers back to it any more."""
        self._accept()
        own = vars(self._transport)
        for name, value in self._shadows.items():
            if name in own and own[name] == value:
                del own[name]
        self._shadows = {}


def upgrade(transport, protocol_class, settings):
    """
    Start TLS over *transport*, which has a protocol.

    Args:
        transport: a transport of Twisted's, or a `TLSProtocol`.
        protocol_class (type): `TLSProtocol`.
        settings (Settings): its first argument.

    Returns:
        TLSProtocol: what *transport* is from now on.

    Raises:
        RuntimeError: *transport* is not connected, or has no protocol.
    """
    owner = vars(transport).get('_sslproto27') or transport
    slot = 'wrappedProtocol' if isinstance(owner, protocol_class) else 'protocol'
    wrapped = getattr(owner, slot, None)
    if (wrapped is None or not getattr(owner, 'connected', True)
            or getattr(owner, 'disconnecting', False)):
        raise RuntimeError('startTLS() needs an open connection with a protocol, not %r'
                           % (transport,))
    new = protocol_class(settings, wrapped)
    below = Below(owner)
    producer, streaming = getattr(owner, 'producer', None), getattr(
        owner, 'streamingProducer', False)
    if producer is not None:
        below.unregisterProducer()
    application = _innermost(wrapped)
    new._upgrade = Upgrade(transport, new, application)
    setattr(owner, slot, new)
    # Bytes that came together with the line that led here are TLS, or fail the handshake.
    take = getattr(application, 'clearLineBuffer', None)
    new._start(below, False, take() if take is not None else b'')
    if producer is not None:
        if getattr(owner, 'producerPaused', False):
            new.pause_sending()
        new.registerProducer(producer, streaming)
    return new


def _innermost(protocol):
    """Return the application's own protocol, under the wrappers of endpoints and of policies."""
    while True:
        for name in 'wrappedProtocol', '_wrappedProtocol':
            inner = vars(protocol).get(name)
            if inner is not None:
                protocol = inner
                break
        else:
            return protocol


def is_client(transport):
    """Return whether *transport* was made by connecting (bool)."""
    return isinstance(transport, tcp.BaseClient)


def host_of(transport):
    """Return the host that *transport* was told to connect to (str); None if it is not known."""
    return getattr(getattr(transport, 'connector', None), 'host', None)
