"""
TLS over memory BIOs for Twisted, with an ssl.SSLContext, without pyOpenSSL.

    from sslproto27.twisted import TLSClientEndpoint
    endpoint = TLSClientEndpoint(HostnameEndpoint(reactor, host, 443), context, host)

Public names only; importing this patches nothing.
"""
from __future__ import absolute_import, division, print_function

from ._endpoints import TLSClientEndpoint, TLSFactory, TLSServerEndpoint, startTLS
from ._install import _is_installed  # noqa: F401: for sslproto27.install
from ._install import install, uninstall
from ._protocol import TLSProtocol
from ._settings import TLSOptions
from ._web import AgentEndpointFactory, ConnectEndpoint, ProxyError

__all__ = ['AgentEndpointFactory', 'ConnectEndpoint', 'ProxyError', 'TLSClientEndpoint',
           'TLSFactory', 'TLSOptions', 'TLSProtocol', 'TLSServerEndpoint', 'install', 'startTLS',
           'uninstall']
