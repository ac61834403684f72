"""
TLS over memory BIOs for urllib3 1.26, and so for requests and pip; works like
``urllib3.contrib.pyopenssl``.

    import sslproto27.urllib3
    sslproto27.urllib3.inject_into_urllib3()

After that every HTTPS connection of urllib3 is an `SSLSocket`, whatever its ssl.SSLContext. On
Python 2.7 HTTPS through an HTTPS proxy works too, and certificates for IP addresses no longer need
the ipaddress module.
"""
from __future__ import absolute_import, division, print_function

import importlib
import sys
import threading

from ._core.api import SSLContext
from ._core.compat import PY2, NativeContext
from ._core.versions import require_version
from ._urllib3.sockets import HTTPSSocket, is_for_address, match_address

__all__ = ['extract_from_urllib3', 'inject_into_urllib3']

_injected = {}  # package name: the attributes that were replaced
_suppress = {}  # package name: suppress_ragged_eofs
_lock = threading.Lock()  # protects both


def inject_into_urllib3(package='urllib3', suppress_ragged_eofs=False):
    """
    Make urllib3 do TLS over memory BIOs. A second call only changes *suppress_ragged_eofs*.

    If anything cannot be replaced, nothing is.

    Args:
        package (str): which copy of urllib3, for example 'pip._vendor.urllib3'.
        suppress_ragged_eofs (bool): if a connection ends without close_notify, accept this as the
            end of a body of unknown length. An attacker can then cut the body short.

    Raises:
        ImportError: there is no such package, or it lacks a module.
        ValueError: it is not urllib3 1.26, or lacks a name that has to be replaced.
    """
    root = importlib.import_module(package)
    require_version(package, getattr(root, '__version__', 'of no version'), [('1.26', '1.26')],
                    ValueError)
    name = root.__name__  # requests.packages.urllib3 is just another name for urllib3
    with _lock:
        if name not in _injected:
            places = [_place(name, *place) for place in _PLACES]
            values = _replacements(name)
            before = [(target, attribute, vars(target)[attribute]) for target, attribute in places]
            _put([place + (value,) for place, value in zip(places, values)], before)
            _injected[name] = before
        _suppress[name] = suppress_ragged_eofs


def _is_installed():
    return 'urllib3' in _injected


def extract_from_urllib3(package='urllib3'):
    """Undo `inject_into_urllib3` for *package*, if it was called."""
    with _lock:
        name = getattr(sys.modules.get(package), '__name__', package)
        if name in _injected:
            before = _injected[name]
            _put(before, [(target, attribute, vars(target)[attribute])
                          for target, attribute, _ in before])
            del _injected[name], _suppress[name]


def _put(new, old):
    """Set attributes, given as (object, name, value); restore *old* if that fails."""
    try:
        for target, attribute, value in new:
            setattr(target, attribute, value)
    except BaseException:
        for target, attribute, value in old:
            setattr(target, attribute, value)
        raise


#: The names to replace: (module, class in it or None, name). Each is replaced where urllib3 looks
#: it up, so modules that imported it by name earlier get ours too. Checked against 1.26.2 and
#: 1.26.20, the first and the last that matter.
_PLACES = [
    ('.util.ssl_', None, '_ssl_wrap_socket_impl'),
    ('.connection', None, 'match_hostname'),
    ('.util.ssl_', None, 'SSLTransport'),
    ('.util.ssltransport', None, 'SSLTransport'),
    ('.util', None, 'SSLContext'),
    ('.util.ssl_', None, 'SSLContext'),
]
if PY2:
    _PLACES.append(('.poolmanager', 'PoolManager', '_validate_proxy_scheme_url_selection'))


def _place(package, module, owner, name):
    """Return (object, attribute name) for one of `_PLACES`."""
    target = importlib.import_module(package + module)
    if owner:
        target = getattr(target, owner, None)
    if name not in getattr(target, '__dict__', ()):
        raise ValueError('package must be urllib3 1.26, but %s%s has no %s' % (
            package, module, '.'.join(filter(None, [owner, name]))))
    return target, name


def _replacements(package):
    """Return the new value for each of `_PLACES`."""
    ssl_ = importlib.import_module(package + '.util.ssl_')
    connection = importlib.import_module(package + '.connection')
    transport = _transport_class(ssl_.ProxySchemeUnsupported, package)
    return [
        _wrapper(transport, ssl_._ssl_wrap_socket_impl),
        _matcher(connection.match_hostname, connection.CertificateError),
        transport, transport, SSLContext, SSLContext, _allow]


def _transport_class(unsupported, package):
    class SSLTransport(HTTPSSocket):
        """An `HTTPSSocket` with the arguments of urllib3's class of this name."""

        def __init__(self, socket, ssl_context, server_hostname=None,
                     suppress_ragged_eofs=None):
            if suppress_ragged_eofs is None:
                suppress_ragged_eofs = _suppress.get(package, False)
            super(SSLTransport, self).__init__(socket, ssl_context, server_hostname=server_hostname,
                                               suppress_ragged_eofs=suppress_ragged_eofs)

        @property
        def socket(self):
            """The socket below."""
            return self._lower

        @staticmethod
        def _validate_ssl_context_for_tls_in_tls(ssl_context):
            if not isinstance(ssl_context, NativeContext):
                raise unsupported('TLS in TLS needs an ssl.SSLContext, not %r' % (ssl_context,))

    return SSLTransport


def _wrapper(transport, original):
    """Return a replacement for the one function of urllib3 that makes TLS sockets."""
    def wrap(sock, ssl_context, tls_in_tls, server_hostname=None):
        if isinstance(ssl_context, NativeContext):
            return transport(sock, ssl_context, server_hostname)
        return original(sock, ssl_context, tls_in_tls, server_hostname)  # such as pyOpenSSL's
    return wrap


def _matcher(original, mismatch):
    """Return urllib3's name check, made to handle IP addresses without the ipaddress module."""
    def match_hostname(cert, hostname):
        if not cert or not is_for_address(hostname):
            original(cert, hostname)
        elif not match_address(cert, hostname):
            raise mismatch("the address %r doesn't match the certificate" % hostname)
    return match_hostname


def _allow(manager, url_scheme):
    """Allow HTTPS through HTTPS proxies."""
