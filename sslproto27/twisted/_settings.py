"""The TLS settings of one endpoint's connections. Nothing here moves data."""
from __future__ import absolute_import, division, print_function

import weakref

from twisted.logger import Logger
from twisted.python.reflect import safe_repr

from .._core.compat import NativeContext
from .._core.pipe import SSLPipe
from .._core.servername import name_of_loop, required_name
from .._core.unique import Unique
from .._stream.flow import HANDSHAKE_LIMIT, HandshakeLimit
from .._stream.timeouts import timeouts

__all__ = ['Settings', 'TLSOptions', 'TwistedLog', 'check_context', 'check_options', 'installed',
           'is_ours', 'settings_of', 'with_installed']

#: The options from `install`, for the connections that Twisted's own functions put into TLS.
installed = {}

_log = Logger(namespace='sslproto27')  # in a class it would get the name of that class


#: From a context to its `HandshakeLimit`s by their number, for STARTTLS: there each connection has
#: settings of its own.
_limits = weakref.WeakKeyDictionary()


class TwistedLog(object):
    """
    Twisted's log, with the method of the standard library's loggers that we use.

    Those have no handlers in an application under twistd.
    """

    def warning(self, text, *args):
        """Log *text*, a template for *args*."""
        _log.warn('{text}', text=text % args)

    def failed(self, failure):
        """Log a Failure of the application, as Twisted's reactor does."""
        _log.failure('Unhandled Error', failure)


def check_context(context):
    """
    Raises:
        TypeError: *context* is not an ssl.SSLContext, but for example pyOpenSSL's.
    """
    if isinstance(context, NativeContext):
        return
    for name in ('getContext', 'clientConnectionForTLS', 'serverConnectionForTLS',
                 'set_tlsext_host_name', 'use_certificate'):
        if hasattr(context, name):
            raise TypeError("context must be an ssl.SSLContext, as ssl.create_default_context()"
                            ' returns: %s is for pyOpenSSL' % safe_repr(context))
    raise TypeError('context must be an ssl.SSLContext, not ' + safe_repr(context))


def is_ours(context):
    """Return whether *context* is one that our functions accept (bool)."""
    return isinstance(context, (NativeContext, TLSOptions))


def check_options(handshakeTimeout=None, shutdownTimeout=None, handshakeLimit=None):
    """
    Return both timeouts and the `HandshakeLimit`; None becomes the default.

    Raises:
        TypeError, ValueError: an option cannot be used; the text names it.
    """
    handshake, shutdown = timeouts(
        handshakeTimeout, shutdownTimeout, ('handshakeTimeout', 'shutdownTimeout'))
    return handshake, shutdown, HandshakeLimit(
        HANDSHAKE_LIMIT if handshakeLimit is None else handshakeLimit, 'handshakeLimit',
        TwistedLog())


class TLSOptions(Unique):
    """
    A context with a name and options, for functions that only take a context.

    `startTLS` accepts one instead of a context. So do, after `install`, Twisted's own
    ``transport.startTLS``, ``reactor.connectSSL`` and ``reactor.listenSSL``. A mail client, for
    example, needs it if its transport does not know the server's name.

    Args:
        context (ssl.SSLContext): certificates, trust and settings.
        hostname (text or None): the name that the server must prove.
        **options: see `TLSClientEndpoint` and `TLSServerEndpoint`.

    Raises:
        TypeError: *context* is not an ssl.SSLContext, or an option is unknown.
        ValueError: *hostname* is malformed, or an option's value cannot be used.
    """

    def __init__(self, context, hostname=None, **options):
        Settings(context, True, hostname, **options)  # a client's may get its name later
        self.context = context
        self.hostname = hostname
        self.options = options


def settings_of(context, serverSide, hostname, options):
    """
    Return the `Settings` for a context or `TLSOptions`.

    Args:
        context (ssl.SSLContext or TLSOptions): the argument of a public function.
        serverSide (bool): True for the server.
        hostname (text or None): a name, in case *context* has none.
        options (dict): further settings, which override those of *context*.
    """
    if isinstance(context, TLSOptions):
        if context.hostname is not None:
            hostname = context.hostname
        return settings_of(context.context, serverSide, hostname, dict(context.options, **options))
    return Settings(context, serverSide, hostname, **options)


def with_installed(context):
    """
    Return a context or `TLSOptions` as TLSOptions, where those of `install` are the defaults.

    Raises:
        TypeError: *context* is neither.
    """
    given = context if isinstance(context, TLSOptions) else TLSOptions(context)
    return TLSOptions(given.context, given.hostname, **dict(installed, **given.options))


class Settings(object):
    """
    The settings that all connections of one endpoint share.

    Args:
        context, serverSide, hostname: see `TLSProtocol`.
        session, suppressRaggedEofs, handshakeTimeout, shutdownTimeout, handshakeLimit, reactor: see
            `TLSClientEndpoint` and `TLSServerEndpoint`.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    __slots__ = ('context', 'serverSide', 'name', 'check', 'session', 'suppressRaggedEofs',
                 'handshakeTimeout', 'shutdownTimeout', 'handshakes', 'reactor')

    def __init__(self, context, serverSide, hostname=None, session=None, suppressRaggedEofs=False,
                 handshakeTimeout=None, shutdownTimeout=None, handshakeLimit=None, reactor=None):
        check_context(context)
        self.context = context
        self.serverSide = bool(serverSide)
        name, self.check = name_of_loop(hostname)
        self.name = required_name(context, serverSide, name, self.check, 'hostname')
        self.session = session
        self.suppressRaggedEofs = suppressRaggedEofs
        self.handshakeTimeout, self.shutdownTimeout, limit = check_options(
            handshakeTimeout, shutdownTimeout, handshakeLimit)
        self.handshakes = limit if serverSide else None
        self.reactor = reactor

    def share_limit(self):
        """Count handshakes together with those of all connections of the same context and limit."""
        if self.handshakes is not None:
            of_context = _limits.setdefault(self.context, {})
            self.handshakes = of_context.setdefault(self.handshakes.limit, self.handshakes)

    def new_pipe(self):
        """Return the `SSLPipe` of a new connection."""
        return SSLPipe(self.context, self.serverSide, self.name, self.session,
                       self.suppressRaggedEofs, check_name=self.check)
