"""
Tells OpenSSL which name the peer must prove, and how to check it. Nothing here does TLS.

OpenSSL checks the name during the handshake, so the peer gets the alert. We never use 2.7's
match_hostname: it runs after the handshake and supports neither IP addresses nor RFC 6125.
"""
from __future__ import absolute_import, division, print_function

from .engine import binding
from .errors import required

__all__ = ['get_common_name_check', 'is_ip_address', 'require_hostname', 'set_common_name_check',
           'without_root']

lib = binding.lib

# X509_check_host(3). No 'f*.example.org' (RFC 6125 6.4.3); the common name is not a host name.
X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 0x4
X509_CHECK_FLAG_NEVER_CHECK_SUBJECT = 0x20


def is_ip_address(name):
    """Return whether *name*, in A-labels, is an IPv4 or IPv6 address."""
    if ':' not in name and not name[-1].isdigit():
        return False  # the usual case; OpenSSL's own error would take ten times as long
    address = lib.a2i_IPADDRESS(name)
    if not address:
        lib.ERR_clear_error()
        return False
    lib.ASN1_OCTET_STRING_free(address)
    return True


def without_root(name):
    """Return *name* without a trailing dot: no certificate has it (RFC 6066 3)."""
    return name[:-1] if name.endswith('.') else name


def get_common_name_check(parameters):
    """Return whether the common name counts if a certificate has no dNSName (bool)."""
    # A context's flags are zero until we set them: 2.7's ssl never does.
    flags = lib.X509_VERIFY_PARAM_get_hostflags(parameters)
    return not flags & X509_CHECK_FLAG_NEVER_CHECK_SUBJECT


def set_common_name_check(parameters, value):
    """Set what `get_common_name_check` returns, for a context or one TLS object."""
    lib.X509_VERIFY_PARAM_set_hostflags(
        parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
        | (0 if value else X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))


def require_hostname(ssl_handle, name, is_address):
    """Make the handshake fail unless the peer's certificate is valid for *name*."""
    parameters = lib.SSL_get0_param(ssl_handle)
    set_common_name_check(parameters, get_common_name_check(parameters))  # its context's choice
    if is_address:
        done = lib.X509_VERIFY_PARAM_set1_ip_asc(parameters, name)
    else:
        done = lib.X509_VERIFY_PARAM_set1_host(parameters, name, len(name))
    required(done)
