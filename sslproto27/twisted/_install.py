"""
`install` and `uninstall`: Twisted's own ways to TLS take an ssl.SSLContext.

What is replaced are methods of Twisted's classes, so that it does not matter who has imported them,
or when. With pyOpenSSL in the environment its context factories go on as before.
"""
from __future__ import absolute_import, division, print_function

from twisted.internet import interfaces, posixbase, tcp
from twisted.protocols import amp
from zope.interface import classImplements, classImplementsOnly, implementedBy

from .._core.api import create_default_context
from .._core.compat import NativeContext
from ._endpoints import TLSFactory, startTLS
from ._settings import TLSOptions
from ._upgrade import host_of, is_client

__all__ = ['install', 'uninstall']

_options = {}    # of install(), for every connection
_originals = {}  # from (object, name of the attribute) to what it was or _ABSENT, for ever
_replaced = []   # keys of these, while installed
_interfaces = []  # (class, what it implemented)
_ABSENT = object()


def install(suppress_ragged_eofs=False, **options):
    """
    Let Twisted's own ways to TLS take an ssl.SSLContext, or `TLSOptions`.

    These are ``transport.startTLS`` on TCP and Unix connections, so that twisted.mail's ESMTP,
    IMAP4 and POP3, twisted.words' XMPP, and what else calls it, need no change; AMP's StartTLS,
    whose ``tls_localCertificate`` is the context; ``reactor.connectSSL`` and ``reactor.listenSSL``.
    Doing it again changes the options alone.

    Args:
        suppress_ragged_eofs (bool): suppressRaggedEofs, by its name in the other adapters'
            ``install()``.
        **options: suppressRaggedEofs, handshakeTimeout, shutdownTimeout, handshakeLimit: see
            `TLSServerEndpoint`; for all of these connections.

    Raises:
        TypeError: there is no such option.
    """
    for name in set(options) - set(['suppressRaggedEofs', 'handshakeTimeout', 'shutdownTimeout',
                                    'handshakeLimit']):
        raise TypeError('install() has no option %r' % name)
    _options.clear()
    if suppress_ragged_eofs:
        _options['suppressRaggedEofs'] = True
    _options.update(options)
    if _replaced:
        return
    _replace(tcp.Connection, 'startTLS', _start_tls)
    _replace(posixbase.PosixReactorBase, 'connectSSL', _connect_ssl)
    _replace(posixbase.PosixReactorBase, 'listenSSL', _listen_ssl)
    _provide(tcp.Connection, interfaces.ITLSTransport)
    _provide(posixbase.PosixReactorBase, interfaces.IReactorSSL)
    for module in [amp] + _xmpp():
        if module.ssl is None:
            _replace(module, 'ssl', _NoPyOpenSSL())
    _replace(amp.BinaryBoxProtocol, '_startTLS', _start_tls_of_amp)
    _replace(amp.BinaryBoxProtocol, 'peerCertificate', property(_peer_of_amp))


def _is_installed():
    return bool(_replaced)


def uninstall():
    """Give Twisted its own methods back; connections that have TLS keep it."""
    while _replaced:
        owner, name = _replaced.pop()
        original = _originals[owner, name]
        if original is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, original)
    while _interfaces:
        cls, before = _interfaces.pop()
        classImplementsOnly(cls, *before)


def _replace(owner, name, value):
    _originals[owner, name] = vars(owner).get(name, _ABSENT)
    _replaced.append((owner, name))
    setattr(owner, name, value)


def _provide(cls, interface):
    if not interface.implementedBy(cls):
        _interfaces.append((cls, list(implementedBy(cls))))
        classImplements(cls, interface)


def _original(owner, name):
    """Return what *owner*, or its base, had as *name* before; None if it had nothing."""
    original = _originals[owner, name]
    if original is not _ABSENT:
        return original
    for base in getattr(owner, '__mro__', ())[1:]:
        if name in vars(base):
            return vars(base)[name]
    return None


def _is_ours(context):
    return isinstance(context, (NativeContext, TLSOptions))


def _is_pyopenssl(context):
    """Return whether Twisted's own TLS is to have *context*: it is not ours, and there is one."""
    return posixbase.tls is not None and not _is_ours(context)


def _start_tls(self, context, normal=True, hostname=None, **options):
    """
    Start TLS on this connection.

    Args:
        context (ssl.SSLContext or TLSOptions): certificates, trust and settings.
        normal (bool): be the client on a connection that was made by connecting, the server on one
            that was accepted; False for the other side.
        hostname (text or None): the name that the server must prove; None for the one that was
            connected to.
        **options: see `sslproto27.twisted.TLSClientEndpoint`.
    """
    if _is_pyopenssl(context):
        return _original(tcp.Connection, 'startTLS')(self, context, normal)
    if hostname is None:
        hostname = host_of(self)
    startTLS(self, context, is_client(self) != bool(normal), hostname, **dict(_options, **options))


def _connect_ssl(self, host, port, factory, contextFactory, timeout=30, bindAddress=None):
    if _is_pyopenssl(contextFactory):
        return _original(posixbase.PosixReactorBase, 'connectSSL')(
            self, host, port, factory, contextFactory, timeout, bindAddress)
    return self.connectTCP(host, port, TLSFactory(
        factory, contextFactory, hostname=host, **_options), timeout, bindAddress)


def _listen_ssl(self, port, factory, contextFactory, backlog=50, interface=''):
    if _is_pyopenssl(contextFactory):
        return _original(posixbase.PosixReactorBase, 'listenSSL')(
            self, port, factory, contextFactory, backlog, interface)
    return self.listenTCP(
        port, TLSFactory(factory, contextFactory, True, **_options), backlog, interface)


class _NoPyOpenSSL(object):
    """What AMP and XMPP take for twisted.internet.ssl, to see that there is TLS."""

    supported = True

    @staticmethod
    def optionsForClientTLS(hostname):
        """Return what XMPP takes unless it is given a context: one that verifies *hostname*."""
        return TLSOptions(create_default_context(), hostname)


def _xmpp():
    """Return the module of XMPP's startTLS (list): none where twisted.words cannot be imported."""
    try:
        from twisted.words.protocols.jabber import xmlstream
    except ImportError:  # Python without expat, say
        return []
    return [xmlstream]


# AMP


class _Certificate(object):
    """What AMP asks for its options, once it has a context for a certificate."""

    def __init__(self, context):
        self._context = context

    def options(self, *authorities):
        if authorities:
            raise TypeError('tls_verifyAuthorities must be None: the context has its own')
        return self._context


def _start_tls_of_amp(self, certificate, verifyAuthorities):
    if _is_ours(certificate):
        certificate = _Certificate(certificate)
    elif isinstance(amp.ssl, _NoPyOpenSSL):
        raise TypeError('tls_localCertificate must be an ssl.SSLContext, not %r' % (certificate,))
    _original(amp.BinaryBoxProtocol, '_startTLS')(self, certificate, verifyAuthorities)


def _peer_of_amp(self):
    if self.noPeerCertificate:
        return None
    tls = getattr(self.transport, '_sslproto27', None)
    if tls is not None:
        return tls.getPeerCertificate()
    return _original(amp.BinaryBoxProtocol, 'peerCertificate').fget(self)
