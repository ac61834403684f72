"""
`SSLAdapter`: TLS over memory BIOs for one requests session, without patching anything.

    session = requests.Session()
    session.mount('https://', sslproto27.requests.SSLAdapter())
"""
from __future__ import absolute_import, division, print_function

import ssl

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import connection, connectionpool, poolmanager
from urllib3.util import ssl_

from ._core.versions import require_version
from ._urllib3.sockets import ContextView, is_for_address, match_address

__all__ = ['SSLAdapter']

# requests 2.25 was the first to work with urllib3 1.26. We use only what both offer to adapters.
require_version('requests', requests.__version__, [('2.25', '2.99')])
require_version('urllib3', urllib3.__version__, [('1.26', '1.26')])


class SSLAdapter(HTTPAdapter):
    """
    A requests adapter whose HTTPS connections are `SSLSocket`s, through HTTPS proxies too.

    The options of requests and urllib3 for certificates, names and versions (*verify*, *cert*, ...)
    work as before. The connection to an HTTPS proxy itself uses the standard library's TLS.

    Args:
        ssl_context (ssl.SSLContext or None): for all connections. requests changes it: *verify*
            sets its verify_mode and adds authorities. So prefer None: each connection gets its own.
        suppress_ragged_eofs (bool): if a connection ends without close_notify, accept this as the
            end of a body of unknown length. An attacker can then cut the body short.
        **kwargs: as for requests' HTTPAdapter.

    Like requests' own, an adapter can be pickled, but not with an *ssl_context* (TypeError).
    """

    __attrs__ = HTTPAdapter.__attrs__ + ['_suppress_ragged_eofs', '_ssl_context']

    def __init__(self, ssl_context=None, suppress_ragged_eofs=False, **kwargs):
        self._ssl_context = ssl_context
        self._suppress_ragged_eofs = suppress_ragged_eofs
        super(SSLAdapter, self).__init__(**kwargs)

    def __getstate__(self):
        if self._ssl_context is not None:  # a pickle or copy would lose what it trusts
            raise TypeError("cannot pickle '%s' object" % type(self._ssl_context).__name__)
        return super(SSLAdapter, self).__getstate__()

    def init_poolmanager(self, *args, **kwargs):
        """Make the pools of direct connections."""
        kwargs.setdefault('ssl_context', self._ssl_context)
        super(SSLAdapter, self).init_poolmanager(*args, **kwargs)
        self._use(self.poolmanager)

    def proxy_manager_for(self, proxy, **kwargs):
        """Make the pools of connections through *proxy*."""
        kwargs.setdefault('ssl_context', self._ssl_context)
        manager = super(SSLAdapter, self).proxy_manager_for(proxy, **kwargs)
        if isinstance(manager, poolmanager.ProxyManager) and not proxy.lower().startswith('socks'):
            manager._validate_proxy_scheme_url_selection = _allow
            self._use(manager)
        return manager

    def _use(self, manager):
        suppress = self._suppress_ragged_eofs

        class Connection(_Connection):
            suppress_ragged_eofs = suppress

        class Pool(connectionpool.HTTPSConnectionPool):
            ConnectionCls = Connection

        manager.pool_classes_by_scheme = dict(manager.pool_classes_by_scheme, https=Pool)


class _Connection(connection.HTTPSConnection):
    """A connection that does its TLS with an `HTTPSSocket`, whatever is below it."""

    _is_to_tls_proxy = False

    @property
    def tls_in_tls_required(self):
        """Always False: urllib3's class for TLS in TLS does not work on Python 2."""
        return False

    @tls_in_tls_required.setter
    def tls_in_tls_required(self, value):
        self._is_to_tls_proxy = value

    def _new_conn(self):
        sock = super(_Connection, self)._new_conn()
        return self._connect_tls_proxy(self.host, sock) if self._is_to_tls_proxy else sock

    def connect(self):
        """Connect. If no context was given, make one as urllib3 itself would."""
        context = self.ssl_context or ssl_.create_urllib3_context(
            ssl_version=ssl_.resolve_ssl_version(self.ssl_version),
            cert_reqs=ssl_.resolve_cert_reqs(self.cert_reqs))
        if not isinstance(context, ContextView):
            self.ssl_context = ContextView(context, self.suppress_ragged_eofs)
        asserted = self.assert_hostname
        name = asserted or self.server_hostname or self._tunnel_host or self.host
        if asserted is False or self.assert_fingerprint or not is_for_address(name):
            super(_Connection, self).connect()
            return
        # Without the ipaddress module, urllib3 mistakes addresses for names.
        self.assert_hostname = False
        try:
            super(_Connection, self).connect()
        finally:
            self.assert_hostname = asserted
        if (self.ssl_context.verify_mode != ssl.CERT_NONE
                and not match_address(self.sock.getpeercert(), name)):
            raise connection.CertificateError(
                "the address %r doesn't match the certificate" % name)


def _allow(url_scheme):
    """Allow HTTPS through HTTPS proxies."""
