"""
The name that the peer must prove: how it is written, sent and checked. Nothing here does TLS.

OpenSSL checks it during the handshake, so that the peer gets the alert; 2.7's match_hostname, which
runs afterwards and knows neither IP addresses nor RFC 6125, is never used.
"""
from __future__ import absolute_import, division, print_function

import re

from ._compat import text_type, to_native
from ._engine import binding
from ._errors import required

__all__ = ['encode_hostname', 'get_common_name_check', 'is_ip_address', 'require_hostname',
           'set_common_name_check']

lib = binding.lib

# X509_check_host(3). No 'f*.example.org' (RFC 6125 6.4.3), and the common name is no host name.
X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 0x4
X509_CHECK_FLAG_NEVER_CHECK_SUBJECT = 0x20

#: Labels of 1 to 63 octets (RFC 1035 2.3.4), the root's dot perhaps behind them.
_in_ascii = re.compile(r'{0}(?:\.{0})*\.?\Z'.format(r'[\x01-\x2d\x2f-\x7f]{1,63}')).match


def encode_hostname(name):
    """
    Return *name* as it goes over the wire: A-labels (RFC 5890), as a native string.

    Args:
        name (text or ASCII bytes, or None): a host name or an IP address; None stays None.

    Raises:
        TypeError: it is neither text nor bytes, or contains NUL.
        ValueError: it is empty.
        UnicodeError: bytes that are not ASCII, or a label that is empty or too long.
    """
    if name is None:
        return None
    if isinstance(name, (bytes, text_type)) and _in_ascii(name):
        return to_native(name)  # as the codec would, at a tenth of its time
    if isinstance(name, (bytes, bytearray)):
        name = bytes(name).decode('ascii')
    if not isinstance(name, text_type):
        raise TypeError('server_hostname must be text, not %s' % type(name).__name__)
    if not name:
        raise ValueError('server_hostname must not be empty')
    if u'\0' in name:
        raise TypeError('server_hostname must not contain NUL')
    return to_native(name.encode('idna'))


def is_ip_address(name):
    """Return whether *name*, as `encode_hostname` gives it, is an IPv4 or IPv6 address."""
    if ':' not in name and not name[-1].isdigit():
        return False  # as most names are; OpenSSL takes ten times as long for an error of its own
    address = lib.a2i_IPADDRESS(name)
    if not address:
        lib.ERR_clear_error()
        return False
    lib.ASN1_OCTET_STRING_free(address)
    return True


def without_root(name):
    """Return *name* without the dot of the root domain, which no certificate has (RFC 6066 3)."""
    return name[:-1] if name.endswith('.') else name


def get_common_name_check(parameters):
    """Return whether the common name counts where there is no dNSName (bool)."""
    # A context's flags are zero until they are set: 2.7's ssl does not know of them.
    return lib.X509_VERIFY_PARAM_get_hostflags(parameters) == X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS


def set_common_name_check(parameters, value):
    """Set what `get_common_name_check` returns: for a context, or for one TLS object."""
    lib.X509_VERIFY_PARAM_set_hostflags(
        parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
        | (0 if value else X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))


def require_hostname(ssl_handle, name, is_address):
    """Let the handshake fail unless the peer's certificate is valid for *name*."""
    parameters = lib.SSL_get0_param(ssl_handle)
    set_common_name_check(parameters, get_common_name_check(parameters))  # its context's choice
    if is_address:
        done = lib.X509_VERIFY_PARAM_set1_ip_asc(parameters, name)
    else:
        done = lib.X509_VERIFY_PARAM_set1_host(parameters, name, len(name))
    required(done)
