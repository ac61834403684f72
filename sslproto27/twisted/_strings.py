"""
Endpoints from strings, for Twisted's plugin system: ``tls27:``.

    clientFromString(reactor, 'tls27:example.org:443')
    serverFromString(reactor, 'tls27:8443:certificate=chain.pem:key=key.pem')
"""
from __future__ import absolute_import, division, print_function

import os
import ssl

from twisted.internet import interfaces
from twisted.internet.endpoints import (
    HostnameEndpoint, TCP4ServerEndpoint, TCP6ServerEndpoint, clientFromString, serverFromString)
from twisted.plugin import IPlugin
from zope.interface import implementer

from .._core.api import create_default_context
from .._core.context.by_server_name import by_server_name
from ._endpoints import TLSClientEndpoint, TLSServerEndpoint

__all__ = ['ClientParser', 'ServerParser']

# The parsers' methods take only *args: names of arguments would not be refused as options.


@implementer(IPlugin, interfaces.IStreamClientEndpointStringParserWithReactor)
class ClientParser(object):
    """
    ``tls27:host:port``, for clientFromString.

    The server's certificate and name are verified. Options, each as ``name=value``:

    - ``hostname``: the name to verify, if it differs from *host*;
    - ``trust``: a file of authorities to trust instead of the system's, or a folder as ``openssl
      rehash`` makes it;
    - ``certificate``, ``key``: the client's, PEM files; omit *key* if *certificate* has it too;
    - ``alpn``: protocols, the preferred first, separated by commas;
    - ``timeout``: seconds for TCP's connect; ``bindAddress``: as for HostnameEndpoint;
    - ``endpoint``: the endpoint to connect to, instead of host and port: a string for
      clientFromString with a backslash before each colon; *hostname* is then required;
    - ``handshakeTimeout``, ``shutdownTimeout``: see `TLSClientEndpoint`.
    """

    prefix = 'tls27'

    def parseStreamClient(*args, **kwargs):
        """Return the endpoint; see IStreamClientEndpointStringParserWithReactor."""
        return _client(args[1], **_options(_client, 2, args[2:], kwargs))


@implementer(IPlugin, interfaces.IStreamServerEndpointStringParser)
class ServerParser(object):
    """
    ``tls27:port``, for serverFromString. Options, each as ``name=value``:

    - ``certificate``, ``key``: PEM files, the certificate with its chain; omit *key* if
      *certificate* has it too;
    - ``sni``: a folder with a file ``NAME.pem``, with certificate, chain and key, for each further
      server name; ``*.example.org.pem`` is for all names with one more label;
    - ``trust``: authorities as for a client; only clients with a certificate from these get in;
    - ``alpn``: protocols, the preferred first, separated by commas;
    - ``interface``, ``backlog``: as for TCP4ServerEndpoint; an IPv6 *interface* works too;
    - ``endpoint``: the endpoint to listen on, instead of a port: a string for serverFromString with
      a backslash before each colon;
    - ``handshakeTimeout``, ``shutdownTimeout``, ``handshakeLimit``: see `TLSServerEndpoint`.
    """

    prefix = 'tls27'

    def parseStreamServer(*args, **kwargs):
        """Return the endpoint; see IStreamServerEndpointStringParser."""
        return _server(args[1], **_options(_server, 1, args[2:], kwargs))


def _options(function, positional, args, options):
    """Parse the arguments of *function*; *positional* ones may come without their names."""
    known = function.__code__.co_varnames[1:function.__code__.co_argcount]
    if len(args) > positional:
        raise ValueError('tls27: %r must have a name, as in name=value' % (args[positional],))
    for name in options:
        if name not in known:
            raise ValueError('tls27: has no option %r: there are %s' % (name, ', '.join(known)))
    given = dict(zip(known, args))
    for name in set(given) & set(options):
        raise ValueError('tls27: has two of %r' % (name,))
    options = dict(options, **given)
    for name, value in options.items():
        if not value:  # a variable that is not set, for example: never a weaker check
            raise ValueError('tls27: %s= must have a value' % name)
    return options


def _client(reactor, host=None, port=None, hostname=None, trust=None, certificate=None, key=None,
            alpn=None, timeout='30', bindAddress=None, endpoint=None, handshakeTimeout=None,
            shutdownTimeout=None):
    context = _trusting(trust, ssl.Purpose.SERVER_AUTH)
    _load(context, certificate, key)
    _offer(context, alpn)
    if endpoint is not None:
        below = clientFromString(reactor, endpoint)
    elif host is None or port is None:
        raise ValueError('tls27: needs a host and a port, or endpoint=')
    else:
        below = HostnameEndpoint(
            reactor, host, _number('port', port), _number('timeout', timeout, float), bindAddress)
    return TLSClientEndpoint(
        below, context, host if hostname is None else hostname,
        **_timeouts(reactor, handshakeTimeout, shutdownTimeout))


def _server(reactor, port=None, certificate=None, key=None, sni=None, trust=None, alpn=None,
            interface='', backlog='50', endpoint=None, handshakeTimeout=None, shutdownTimeout=None,
            handshakeLimit=None):
    if certificate is None:
        raise ValueError('tls27: needs certificate=, a PEM file')
    context = _server_context(certificate, key, trust, alpn)
    if sni is not None:
        try:
            files = sorted(os.listdir(sni))
        except EnvironmentError as error:
            raise ValueError('sni=%s: %s' % (sni, error))
        by_server_name(context, dict(
            (name[:-len('.pem')], _server_context(os.path.join(sni, name), None, trust, alpn))
            for name in files if name.endswith('.pem')))
    if endpoint is not None:
        below = serverFromString(reactor, endpoint)
    elif port is None:
        raise ValueError('tls27: needs a port, or endpoint=')
    else:
        made = TCP6ServerEndpoint if ':' in interface else TCP4ServerEndpoint
        below = made(reactor, _number('port', port), _number('backlog', backlog), interface)
    options = _timeouts(reactor, handshakeTimeout, shutdownTimeout)
    if handshakeLimit is not None:
        options['handshakeLimit'] = _number('handshakeLimit', handshakeLimit)
    return TLSServerEndpoint(below, context, **options)


def _server_context(certificate, key, trust, alpn):
    context = _trusting(trust, ssl.Purpose.CLIENT_AUTH)
    if trust is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    _load(context, certificate, key)
    _offer(context, alpn)
    return context


def _trusting(trust, purpose):
    if trust is None:
        return create_default_context(purpose)
    try:
        return create_default_context(
            purpose, **{'capath' if os.path.isdir(trust) else 'cafile': trust})
    except (EnvironmentError, ssl.SSLError) as error:
        raise ValueError('trust=%s: %s' % (trust, error))


def _load(context, certificate, key):
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except (EnvironmentError, ssl.SSLError) as error:
            raise ValueError('certificate=%s, key=%s: %s' % (certificate, key, error))
    elif key is not None:
        raise ValueError('key= needs certificate=')


def _offer(context, alpn):
    if alpn is not None:
        if not hasattr(context, 'set_alpn_protocols'):
            raise ValueError('alpn=%s: this ssl module has no ALPN' % alpn)
        try:
            context.set_alpn_protocols(alpn.split(','))
        except (ssl.SSLError, ValueError) as error:
            raise ValueError('alpn=%s: %s' % (alpn, error))


def _number(name, text, kind=int):
    try:
        return kind(text)
    except ValueError:
        raise ValueError('%s must be a number, not %r' % (name, text))


def _timeouts(reactor, handshake, shutdown):
    given = (('handshakeTimeout', handshake), ('shutdownTimeout', shutdown))
    made = dict((name, _number(name, text, float)) for name, text in given if text is not None)
    made['reactor'] = interfaces.IReactorTime(reactor, None)  # a test's may have no clock
    return made
