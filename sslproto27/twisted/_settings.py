"""What TLS is to be like on the connections of one endpoint. Nothing here moves data."""
from __future__ import absolute_import, division, print_function

from twisted.logger import Logger

from .._core.compat import NativeContext
from .._core.pipe import SSLPipe
from .._core.servername import name_of_loop, required_name
from .._core.unique import Unique
from .._stream.flow import HANDSHAKE_LIMIT, HandshakeLimit
from .._stream.timeouts import timeouts

__all__ = ['Settings', 'TLSOptions', 'TwistedLog', 'check_context', 'settings_of']

_log = Logger(namespace='sslproto27')  # in a class it would have that one's name


class TwistedLog(object):
    """
    Twisted's log, for what logs as the standard library's loggers do.

    An application under twistd has no handlers there.
    """

    def warning(self, text, *args):
        """Log *text*, which has a place for each of *args*."""
        _log.warn('{text}', text=text % args)

    def failed(self, failure):
        """Log a Failure of the application's, as Twisted's reactor does."""
        _log.failure('Unhandled Error', failure)


def check_context(context):
    """
    Raises:
        TypeError: *context* is no ssl.SSLContext: pyOpenSSL's, say.
    """
    if isinstance(context, NativeContext):
        return
    for name in ('getContext', 'clientConnectionForTLS', 'serverConnectionForTLS',
                 'set_tlsext_host_name', 'use_certificate'):
        if hasattr(context, name):
            raise TypeError("context must be an ssl.SSLContext, as ssl.create_default_context()"
                            " returns: %r is for pyOpenSSL" % (context,))
    raise TypeError('context must be an ssl.SSLContext, not %r' % (context,))


class TLSOptions(Unique):
    """
    A context and what goes with it, for functions that take a context alone.

    `startTLS`, and with `install` Twisted's own ``transport.startTLS``, ``reactor.connectSSL`` and
    ``reactor.listenSSL``, take one in the place of a context: a mail client, say, whose transport
    does not know the server's name.

    Args:
        context (ssl.SSLContext): certificates, trust and settings.
        hostname (text or None): the name that the server must prove.
        **options: see `TLSClientEndpoint` and `TLSServerEndpoint`.

    Raises:
        TypeError: *context* is no ssl.SSLContext.
        ValueError: *hostname* can be nobody's name.
    """

    def __init__(self, context, hostname=None, **options):
        check_context(context)
        name, check = name_of_loop(hostname)
        required_name(context, True, name, check, 'hostname')  # None may get a name later
        self.context = context
        self.hostname = hostname
        self.options = options


def settings_of(context, serverSide, hostname, options):
    """
    Return the `Settings` of a context, or of `TLSOptions`.

    Args:
        context (ssl.SSLContext or TLSOptions): what was given.
        serverSide (bool): which side.
        hostname (text or None): a name, unless *context* has one.
        options (dict): further settings, which count more than those of *context*.
    """
    if isinstance(context, TLSOptions):
        if context.hostname is not None:
            hostname = context.hostname
        return settings_of(context.context, serverSide, hostname, dict(context.options, **options))
    return Settings(context, serverSide, hostname, **options)


class Settings(object):
    """
    What all connections of one endpoint have in common.

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
        self.handshakeTimeout, self.shutdownTimeout = timeouts(
            handshakeTimeout, shutdownTimeout, ('handshakeTimeout', 'shutdownTimeout'))
        self.handshakes = HandshakeLimit(
            HANDSHAKE_LIMIT if handshakeLimit is None else handshakeLimit, 'handshakeLimit',
            TwistedLog()) if serverSide else None
        self.reactor = reactor

    def new_pipe(self):
        """Return the `SSLPipe` of a new connection."""
        return SSLPipe(self.context, self.serverSide, self.name, self.session,
                       self.suppressRaggedEofs, check_name=self.check)
