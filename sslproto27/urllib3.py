"""
TLS over memory BIOs for urllib3 1.26, and with it for requests and pip: the pattern of
``urllib3.contrib.pyopenssl``.

    import sslproto27.urllib3
    sslproto27.urllib3.inject_into_urllib3()

After that every HTTPS connection of urllib3 is an `SSLSocket`, of whatever ssl.SSLContext; on
Python 2.7 HTTPS through an HTTPS proxy works too, and certificates for IP addresses do without the
ipaddress module.
"""
from __future__ import absolute_import, division, print_function

import importlib
import ssl

from ._compat import PY2
from ._core import SSLContext
from ._urllib3 import HTTPSSocket, is_for_address, match_address

__all__ = ['extract_from_urllib3', 'inject_into_urllib3']

_injected = {}  # by the package's name: what was replaced


def inject_into_urllib3(package='urllib3', suppress_ragged_eofs=False):
    """
    Let urllib3 do TLS over memory BIOs. Doing it again changes nothing.

    Args:
        package (str): which copy of urllib3: 'pip._vendor.urllib3', say.
        suppress_ragged_eofs (bool): take the end of a connection without close_notify for the end
            of a body that does not say how long it is. An attacker can then cut it short.

    Raises:
        ImportError: there is no such package.
        ValueError: it is not urllib3 1.26.
    """
    if package in _injected:
        return
    version = getattr(importlib.import_module(package), '__version__', None)
    if not str(version).startswith('1.26.'):
        raise ValueError('package must be urllib3 1.26, not %s of version %s' % (package, version))
    replaced = _injected[package] = []
    for module, owner, name, value in _replacements(package, suppress_ragged_eofs):
        target = importlib.import_module(package + module)
        if owner:
            target = getattr(target, owner)
        replaced.append((target, name, vars(target)[name]))
        setattr(target, name, value)


def extract_from_urllib3(package='urllib3'):
    """Undo `inject_into_urllib3` of that package; nothing to do if there was none."""
    for target, name, value in _injected.pop(package, ()):
        setattr(target, name, value)


def _replacements(package, suppress_ragged_eofs):
    """Return what to put where: tuples of a module, a class in it or None, a name, the value."""
    ssl_ = importlib.import_module(package + '.util.ssl_')
    connection = importlib.import_module(package + '.connection')
    transport = _transport_class(ssl_.ProxySchemeUnsupported, suppress_ragged_eofs)
    # Looked up where they are used, each of them, so that who imported them by name before is
    # served too: read in 1.26.2 and 1.26.20, the first and the last that matter.
    yield '.util.ssl_', None, '_ssl_wrap_socket_impl', _wrapper(
        transport, ssl_._ssl_wrap_socket_impl)
    yield '.connection', None, 'match_hostname', _matcher(
        connection.match_hostname, connection.CertificateError)
    for module in ('.util.ssl_', '.util.ssltransport'):
        yield module, None, 'SSLTransport', transport
    for module in ('.util', '.util.ssl_'):
        yield module, None, 'SSLContext', SSLContext
    if PY2:
        yield '.poolmanager', 'PoolManager', '_validate_proxy_scheme_url_selection', _allow


def _transport_class(unsupported, suppress_by_default):
    class SSLTransport(HTTPSSocket):
        """An `HTTPSSocket` with the arguments of urllib3's class of this name."""

        def __init__(self, socket, ssl_context, server_hostname=None,
                     suppress_ragged_eofs=suppress_by_default):
            super(SSLTransport, self).__init__(socket, ssl_context, server_hostname=server_hostname,
                                               suppress_ragged_eofs=suppress_ragged_eofs)

        @property
        def socket(self):
            """The socket below."""
            return self._lower

        @staticmethod
        def _validate_ssl_context_for_tls_in_tls(ssl_context):
            if not isinstance(ssl_context, ssl.SSLContext):
                raise unsupported('TLS in TLS needs an ssl.SSLContext, not %r' % (ssl_context,))

    return SSLTransport


def _wrapper(transport, original):
    """Return urllib3's one function that makes TLS sockets."""
    def wrap(sock, ssl_context, tls_in_tls, server_hostname=None):
        if isinstance(ssl_context, ssl.SSLContext):
            return transport(sock, ssl_context, server_hostname)
        return original(sock, ssl_context, tls_in_tls, server_hostname)  # pyOpenSSL's, say
    return wrap


def _matcher(original, mismatch):
    """Return urllib3's check of names, which needs the ipaddress module for addresses."""
    def match_hostname(cert, hostname):
        if not cert or not is_for_address(hostname):
            original(cert, hostname)
        elif not match_address(cert, hostname):
            raise mismatch("the address %r doesn't match the certificate" % hostname)
    return match_hostname


def _allow(manager, url_scheme):
    """HTTPS through HTTPS proxies is possible."""
