"""
Checks a DER certificate against a host name or address, RFC 9525. Nothing here does TLS.

For engines that cannot reach OpenSSL's own check, X509_check_host(3). It accepts nothing that
X509_check_host would refuse with X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS.
"""
from __future__ import absolute_import, division, print_function

import re

from .x509 import certificate_identities

__all__ = ['address_octets', 'is_ip_address', 'matches']

# Not bytes.lower(): on 2.7 that depends on the locale.
_LOWER = bytearray(range(256))
_LOWER[ord('A'):ord('Z') + 1] = b'abcdefghijklmnopqrstuvwxyz'
_LOWER = bytes(_LOWER)

#: RFC 1123 2.1: letters, digits and hyphens, but no hyphen at either end.
_LABEL = br'[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
_behind_wildcard = re.compile(br'(?:\.' + _LABEL + br'){2,}\Z').match
_under_wildcard = re.compile(br'[a-z0-9-]{1,63}\Z').match


def matches(der, name, common_name=False):
    """
    Return whether a certificate is valid for a server.

    Only subjectAltName counts: an iPAddress for an address, octet by octet (RFC 9525 6.5), a
    dNSName for a name (6.3). A ``*`` stands for one whole label. It must be the first, and at least
    two must follow.

    Args:
        der (bytes): the certificate.
        name (str): a host name in A-labels without a trailing dot, or an IP address.
        common_name (bool): accept the common name of a certificate without any dNSName, which RFC
            9525 6.3 forbids.

    Returns:
        bool: False also if the certificate is malformed.
    """
    try:
        names, addresses, common_names = certificate_identities(der)
    except ValueError:
        return False
    octets = address_octets(name)
    if octets is not None:
        return octets in addresses
    if common_name and not names:
        names = common_names
    host = name.encode('ascii').translate(_LOWER)
    if host.rpartition(b'.')[2].isdigit():
        return False  # an invalid form of an address: no top-level domain is a number
    return any(_is_valid_for(one.translate(_LOWER), host) for one in names)


def _is_valid_for(pattern, host):
    if b'*' not in pattern:
        return pattern == host
    label, dot, rest = host.partition(b'.')
    return (pattern.startswith(b'*.') and pattern[1:] == dot + rest
            and bool(_behind_wildcard(pattern[1:])) and bool(_under_wildcard(label)))


def is_ip_address(name):
    """Return whether *name* (str) is an IPv4 or IPv6 address."""
    return address_octets(name) is not None


def address_octets(name):
    """Return the octets of an IPv4 or IPv6 address, 4 or 16 bytes; None for any other *name*."""
    numbers = _ipv6(name) if ':' in name else _ipv4(name)
    return numbers and bytes(bytearray(numbers))


def _ipv4(text):
    """Return the four numbers of dotted decimals (RFC 3986 3.2.2: no leading zero), or None."""
    if not re.match(r'(?:(?:0|[1-9][0-9]{0,2})(?:\.|\Z)){4}\Z', text) or text.endswith('.'):
        return None
    numbers = [int(part) for part in text.split('.')]
    return numbers if max(numbers) < 256 else None


def _ipv6(text):
    """Return the 16 numbers of an IPv6 address, RFC 4291 2.2, or None."""
    head, gap, tail = text.partition('::')
    before = _groups(head, not gap)
    after = _groups(tail, True) if gap else []
    if before is None or after is None:
        return None
    missing = 16 - len(before) - len(after)
    if missing < 2 if gap else missing:
        return None
    return before + [0] * missing + after


def _groups(text, at_end):
    """Return the numbers, two per group, of the *text* on one side of '::'; None if malformed."""
    numbers = []
    parts = text.split(':') if text else []
    for index, part in enumerate(parts):
        if re.match(r'[0-9A-Fa-f]{1,4}\Z', part):
            numbers += divmod(int(part, 16), 256)
        elif at_end and index == len(parts) - 1 and _ipv4(part):
            numbers += _ipv4(part)
        else:
            return None
    return numbers
