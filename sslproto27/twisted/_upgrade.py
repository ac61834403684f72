"""
STARTTLS: puts TLS over a transport in use, which stays the same object.

Code that holds the transport must never write plaintext again, so we replace its methods, not the
references to it. Nothing here knows how TLS works.
"""
from __future__ import absolute_import, division, print_function

import io
import sys
from array import array
from collections import deque
from types import MemberDescriptorType

from six import text_type
from six.moves import StringIO, cStringIO
from twisted.internet import error, interfaces, tcp
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from .._core.compat import memory_of
from ._lower import is_paused, name_of, plain_method
from ._receiver import Receiver

__all__ = ['host_of', 'is_client', 'upgrade']

#: The methods of a transport that TLS replaces.
_METHODS = (
    'write', 'writeSequence', 'loseConnection', 'loseWriteConnection', 'abortConnection',
    'registerProducer', 'unregisterProducer', 'stopConsuming', 'pauseProducing', 'resumeProducing',
    'stopProducing', 'getPeerCertificate')

#: The methods to which parsers of Twisted's own protocols pass a message, besides dataReceived; and
#: the attributes with their unparsed data. We look for these in any protocol.
_HANDLERS = ('lineReceived', 'rawDataReceived', 'stringReceived', 'lineLengthExceeded',
             'lengthLimitExceeded')
_BUFFERS = ('_buffer', '_unprocessed', '_remainingData')

#: What can hold received data: itself, in its items, as a file in memory.
_DATA = (bytes, text_type, bytearray, memoryview, memory_of, array)
_PIECES = (list, tuple, deque)
_FILES = (io.BytesIO, io.StringIO, StringIO, type(cStringIO()), type(cStringIO('')))

_ABSENT = object()


class LowerTransport(object):
    """
    A transport as it was before, through which TLS sends and receives.

    Attributes:
        original: the transport itself.
    """

    def __init__(self, transport):
        self.original = transport
        for name in _METHODS:
            method = plain_method(transport, name)
            if method is not None:
                setattr(self, name, method)

    def __getattr__(self, name):
        if name.startswith('__') or name == 'original' or name in _METHODS:
            raise AttributeError(name)
        return getattr(self.original, name)


class Upgrade(object):
    """
    The changes to a transport and its protocols, and their end.

    Args:
        transport: the object that the application holds.
        tls (TLSProtocol): the TLS over it.
        protocols (list): those that used it: wrappers, the application's own protocol last.
    """

    def __init__(self, transport, tls, protocols):
        self._transport = transport
        self._tls = tls
        self._protocols = protocols
        self._shadows = dict((name, getattr(tls, name)) for name in _METHODS)
        self._shadows.update(
            _sslproto27=tls, negotiatedProtocol=None, startTLS=self._start_tls, TLS=True)
        vars(transport).update(self._shadows)
        for one in interfaces.INegotiated, interfaces.ITLSTransport:
            if not one.providedBy(transport):
                alsoProvides(transport, one)
        self._refusals = []  # (object, attribute name, our method, the object's own or _ABSENT)
        for protocol in protocols:
            self._refuse(protocol, 'dataReceived', self._refuse_data)
            for name in _HANDLERS:
                self._refuse(protocol, name, self._refuse_all)
            if _is_a(protocol, 'twisted.words.protocols.irc', 'IRC'):
                self._refuse(protocol, 'handleCommand', self._refuse_all)
            # A parser that is running keeps calling the method it got, so replace that too.
            self._refuse(_own(protocol).get('stream'), 'ElementEvent', self._refuse_all)

    def _start_tls(self, context, normal=True, hostname=None, **options):
        """Start TLS inside this TLS; the application keeps its transport."""
        upgrade(self._transport, type(self._tls),
                self._tls.settings_within(context, normal, hostname, options))

    def early_data(self):
        """
        Return the data that line receivers have buffered behind the line that led here (bytes).

        It must be TLS; otherwise the handshake fails.
        """
        return b''.join([_take_buffer(protocol) for protocol in reversed(self._protocols)])

    def stop_parsers(self):
        """
        End the connection if a StatefulProtocol has data behind the message that led here.

        Its running parser calls a function that we cannot replace, until the transport closes.
        """
        for protocol in self._protocols:
            received = _file_of(protocol)
            if received is not None and received.read():
                protocol.transport.loseConnection()
                self._tls.transport.loseConnection()
                self._refuse_all()

    def _refuse(self, owner, name, refusal):
        """Replace a method by *refusal* until the handshake is done."""
        if hasattr(owner, name) and hasattr(owner, '__dict__'):
            self._refusals.append((owner, name, refusal, vars(owner).get(name, _ABSENT)))
            setattr(owner, name, refusal)

    def _refuse_all(self, *_):
        """End the connection: unprotected data came together with the message that led here."""
        self._tls.abortConnection(Failure(error.ConnectionLost(
            'unprotected data came together with the message that started TLS')))

    def _refuse_data(self, data):
        if data:  # a LineReceiver calls this with b'' when it continues
            self._refuse_all()

    def established(self):
        """End the refusals: the handshake is done."""
        self._accept()
        if any(_holds_data(protocol) for protocol in self._protocols):
            self._refuse_all()
        vars(self._transport)['negotiatedProtocol'] = self._tls.negotiatedProtocol

    def _accept(self):
        while self._refusals:
            owner, name, refusal, own = self._refusals.pop()
            if vars(owner).get(name) == refusal:
                if own is _ABSENT:
                    delattr(owner, name)
                else:
                    setattr(owner, name, own)

    def lost(self):
        """Undo all changes, so that nothing references a lost connection."""
        self._accept()
        own = vars(self._transport)
        for name, value in self._shadows.items():
            if name in own and own[name] == value:
                del own[name]
        self._shadows = {}


def upgrade(transport, protocol_class, settings, application=None):
    """
    Start TLS over *transport*, which has a protocol.

    Args:
        transport: one of Twisted's transports, or a `TLSProtocol`.
        protocol_class (type): `TLSProtocol`.
        settings (Settings): the first argument of *protocol_class*.
        application (IProtocol or None): the protocol that requests TLS, if known.

    Returns:
        TLSProtocol: the TLS over *transport*.

    Raises:
        RuntimeError: *transport* is not connected, or has no protocol.
        TypeError: the methods of *transport*, or of a parser over it, cannot be replaced.
    """
    _check_replaceable(transport)
    owner = vars(transport).get('_sslproto27') or transport
    wrapped = getattr(owner, 'protocol', None)
    if (wrapped is None or not getattr(owner, 'connected', True)
            or getattr(owner, 'disconnecting', False)):
        raise RuntimeError('startTLS() needs an open connection with a protocol, not %r'
                           % (transport,))
    protocols = _within(wrapped)
    if application not in protocols and hasattr(application, 'dataReceived'):
        protocols.append(application)
    for one in protocols:
        if any(hasattr(one, name) for name in _HANDLERS):
            _check_replaceable(one)
    settings.share_limit()
    admitted = settings.handshakes is None or settings.handshakes.admits()
    new = protocol_class(settings, wrapped)
    lower = LowerTransport(owner)
    producer, streaming = getattr(owner, 'producer', None), getattr(
        owner, 'streamingProducer', False)
    if producer is not None:
        lower.unregisterProducer()
    owner.protocol = Receiver(new)
    changes = new._upgrade = Upgrade(transport, new, protocols)
    if is_paused(owner) or getattr(owner, '_reading_paused', False):
        new.pauseProducing()  # the application's pause must not stop the handshake
        lower.resumeProducing()
    early = changes.early_data()
    new._start(lower, False, early if admitted else b'')
    changes.stop_parsers()
    if not admitted:
        new.abortConnection(Failure(error.ConnectionAborted('too many TLS handshakes')))
        return new
    if producer is not None:
        if getattr(owner, 'producerPaused', False):
            new.pause_sending()
        new.registerProducer(producer, streaming)
    return new


def _check_replaceable(one):
    if not hasattr(one, '__dict__'):
        raise TypeError('startTLS() has to replace methods of %r: its class must not have __slots__'
                        ' without __dict__' % (one,))


def _own(one):
    """Return the attributes of an object itself, in its __dict__ and its __slots__ (dict)."""
    own = dict(getattr(one, '__dict__', ()))
    for cls in type(one).__mro__:
        for name, value in vars(cls).items():
            if isinstance(value, MemberDescriptorType):
                try:
                    own[name] = value.__get__(one, type(one))
                except AttributeError:
                    pass  # it has no value yet
    return own


def _within(protocol):
    """Return *protocol* and the protocols that it wraps, the application's own last (list)."""
    found = []
    while protocol is not None and protocol not in found:
        found.append(protocol)
        protocol = _wrapped_by(protocol)
    return found


def _wrapped_by(protocol):
    """Return the protocol to which *protocol* passes its data; None if there is none."""
    own = _own(protocol)
    for name in 'wrappedProtocol', '_wrappedProtocol':  # in Twisted's policies; in its endpoints
        if own.get(name) is not None:
            return own[name]
    # A wrapper has an attribute that is a protocol. That one's transport is the wrapper itself, or
    # the wrapper's transport.
    below = protocol, own.get('transport')
    for value in list(own.values()):
        if (value is not own.get('transport') and hasattr(value, 'dataReceived')
                and any(one is not None and getattr(value, 'transport', None) is one
                        for one in below)):
            return value
    return None


def _take_buffer(protocol):
    """Remove what a line receiver has not parsed, and return it (bytes)."""
    held = _own(protocol).get('_buffer')
    if not isinstance(held, (bytes, bytearray)) or not hasattr(protocol, 'lineReceived'):
        return b''
    taken = bytes(held)
    try:
        del held[:]  # also for a parser that is running
    except (TypeError, BufferError):  # these are bytes; or a memoryview uses them
        protocol._buffer = held[:0]
    return taken


def _holds_data(protocol):
    """Return whether a parser holds part of a message (bool)."""
    own = _own(protocol)
    if any(_is_unread(own[name]) for name in _BUFFERS if name in own):
        return True
    if _is_unread(_file_of(protocol)):
        return True
    if _is_a(protocol, 'twisted.words.protocols.irc', 'IRC'):
        return _is_unread(own.get('buffer'))
    return (_is_a(protocol, 'twisted.protocols.basic', 'NetstringReceiver')
            and protocol._state == protocol._PARSING_PAYLOAD)


def _file_of(protocol):
    """Return the file in which a StatefulProtocol keeps received data; None without one."""
    is_stateful = _is_a(protocol, 'twisted.protocols.stateful', 'StatefulProtocol')
    return protocol._sful_data[1] if is_stateful else None


def _is_a(protocol, module, name):
    """Return whether *protocol* is of a class of Twisted; do not import its module (bool)."""
    return isinstance(protocol, getattr(sys.modules.get(module), name, ()))


def _is_unread(held):
    """
    Return whether *held*, of any type, is data that nobody has read yet (bool).

    What cannot be read at all, such as a closed file or a released memoryview, is not.
    """
    try:
        if isinstance(held, _FILES):
            return bool(held.getvalue())  # its position does not tell what has been handled
        pieces = held if isinstance(held, _PIECES) else [held]
        return any(isinstance(piece, _DATA) and len(piece) for piece in pieces)
    except Exception:
        return False


def is_client(transport):
    """Return whether *transport* was made by connecting (bool)."""
    return isinstance(transport, tcp.BaseClient)


def host_of(transport):
    """Return the name that *transport* was told to connect to (str); None if unknown or ''."""
    connector = getattr(transport, 'connector', None)
    return name_of(getattr(connector, 'host', None), getattr(connector, 'factory', None))
