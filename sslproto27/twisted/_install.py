"""
`install` and `uninstall`: make Twisted's own TLS functions accept an ssl.SSLContext.

We replace methods of Twisted's classes. So it does not matter which module has imported the
classes, or when. If pyOpenSSL is installed, its context factories work as before.
"""
from __future__ import absolute_import, division, print_function

from twisted.internet import interfaces, posixbase, tcp
from twisted.protocols import amp
from twisted.python.reflect import safe_repr
from zope.interface import classImplements, classImplementsOnly, implementedBy

from .._core.api import create_default_context
from .._core.patches import Patches
from ._endpoints import TLSFactory, startTLS, without_policies
from ._lower import name_of
from ._protocol import TLSProtocol
from ._settings import TLSOptions, check_options, installed, is_ours, with_installed
from ._upgrade import host_of, is_client

__all__ = ['install', 'uninstall']

_patches = Patches()
_interfaces = []  # (class, the interfaces that it implemented before)


def install(suppress_ragged_eofs=False, **options):
    """
    Make Twisted's own TLS functions accept an ssl.SSLContext, or `TLSOptions`.

    They are ``transport.startTLS`` of TCP and Unix connections, ``reactor.connectSSL``,
    ``reactor.listenSSL``, and AMP's StartTLS, where ``tls_localCertificate`` is the context. So
    callers of startTLS, such as twisted.mail's ESMTP, IMAP4 and POP3 and twisted.words' XMPP, need
    no change. A second call only changes the options.

    Args:
        suppress_ragged_eofs (bool): another name for suppressRaggedEofs: that of the other
            adapters' ``install()``.
        **options: suppressRaggedEofs, handshakeTimeout, shutdownTimeout, handshakeLimit, for all
            these connections: see `TLSServerEndpoint`. Those of a `TLSOptions` override them.

    Raises:
        TypeError: an option is unknown.
        TypeError, ValueError: an option's value cannot be used; the text names it.
    """
    for name in set(options) - set(['suppressRaggedEofs', 'handshakeTimeout', 'shutdownTimeout',
                                    'handshakeLimit']):
        raise TypeError('install() has no option %r' % name)
    check_options(**dict((name, value) for name, value in options.items()
                         if name != 'suppressRaggedEofs'))
    installed.clear()
    if suppress_ragged_eofs:
        installed['suppressRaggedEofs'] = True
    installed.update(options)
    if _patches:
        return
    _patches.replace(tcp.Connection, 'startTLS', _start_tls)
    _patches.replace(posixbase.PosixReactorBase, 'connectSSL', _connect_ssl)
    _patches.replace(posixbase.PosixReactorBase, 'listenSSL', _listen_ssl)
    _provide(tcp.Connection, interfaces.ITLSTransport)
    _provide(posixbase.PosixReactorBase, interfaces.IReactorSSL)
    for module in [amp] + _xmpp():
        if module.ssl is None:
            _patches.replace(module, 'ssl', _NoPyOpenSSL())
    _patches.replace(amp.BinaryBoxProtocol, '_startTLS', _start_tls_of_amp)
    _patches.replace(amp.BinaryBoxProtocol, 'peerCertificate', property(_peer_of_amp))


def _is_installed():
    return bool(_patches)


def uninstall():
    """Give Twisted its own methods back; connections in TLS keep it."""
    _patches.undo()
    installed.clear()
    while _interfaces:
        cls, before = _interfaces.pop()
        classImplementsOnly(cls, *before)


def _provide(cls, interface):
    if not interface.implementedBy(cls):
        _interfaces.append((cls, list(implementedBy(cls))))
        classImplements(cls, interface)


def _is_pyopenssl(context):
    """Return whether Twisted's own TLS handles *context*: it exists, and *context* is not ours."""
    return posixbase.tls is not None and not is_ours(context)


def _start_tls(self, context, normal=True, hostname=None, **options):
    """
    Start TLS on this connection.

    Args:
        context (ssl.SSLContext or TLSOptions): certificates, trust and settings.
        normal (bool): True: be the client if this side has connected, the server if it has
            accepted. False: the other way round.
        hostname (text or None): the name that the server must prove; None means the host that this
            side was told to connect to, or the domain of a SRVConnector.
        **options: see `sslproto27.twisted.TLSClientEndpoint`.
    """
    if _is_pyopenssl(context):
        return _patches.original(tcp.Connection, 'startTLS')(self, context, normal)
    if hostname is None:
        hostname = host_of(self)
    startTLS(self, with_installed(context), is_client(self) != bool(normal), hostname, **options)


def _connect_ssl(self, host, port, factory, contextFactory, timeout=30, bindAddress=None):
    if _is_pyopenssl(contextFactory):
        return _patches.original(posixbase.PosixReactorBase, 'connectSSL')(
            self, host, port, factory, contextFactory, timeout, bindAddress)
    return self.connectTCP(host, port, TLSFactory(
        factory, with_installed(contextFactory), hostname=name_of(host, factory)),
        timeout, bindAddress)


def _listen_ssl(self, port, factory, contextFactory, backlog=50, interface=''):
    if _is_pyopenssl(contextFactory):
        return _patches.original(posixbase.PosixReactorBase, 'listenSSL')(
            self, port, factory, contextFactory, backlog, interface)
    listening = self.listenTCP(
        port, TLSFactory(factory, with_installed(contextFactory), True), backlog, interface)
    listening._type = 'TLS'  # for its lines in the log
    return listening


class _NoPyOpenSSL(object):
    """Replaces twisted.internet.ssl in AMP and XMPP, so that they find TLS available."""

    supported = True

    @staticmethod
    def optionsForClientTLS(hostname):
        """Return XMPP's default options for a client: they verify *hostname*."""
        return TLSOptions(create_default_context(), hostname or None)


def _xmpp():
    """Return the module with XMPP's startTLS, in a list; [] if twisted.words cannot be imported."""
    try:
        from twisted.words.protocols.jabber import xmlstream
    except ImportError:  # for example, a Python without expat
        return []
    return [xmlstream]


# AMP


class _Certificate(object):
    """Wraps a context as the certificate that AMP asks for its options."""

    def __init__(self, context):
        self._context = context

    def options(self, *authorities):
        if authorities:
            raise TypeError('tls_verifyAuthorities must be None: the context has its own')
        return self._context


def _start_tls_of_amp(self, certificate, verifyAuthorities):
    if is_ours(certificate):
        certificate = _Certificate(certificate)
    elif isinstance(amp.ssl, _NoPyOpenSSL):
        raise TypeError('tls_localCertificate must be an ssl.SSLContext, not '
                        + safe_repr(certificate))
    _patches.original(amp.BinaryBoxProtocol, '_startTLS')(self, certificate, verifyAuthorities)


def _peer_of_amp(self):
    if self.noPeerCertificate:
        return None
    transport = without_policies(self.transport)
    if isinstance(transport, TLSProtocol) or getattr(transport, '_sslproto27', None) is not None:
        return transport.getPeerCertificate()
    if isinstance(amp.ssl, _NoPyOpenSSL):
        return None  # a plain connection: Twisted's own getter has not imported what it needs
    return _patches.original(amp.BinaryBoxProtocol, 'peerCertificate').fget(self)
