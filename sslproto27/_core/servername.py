"""
The name that the server must prove: one rule for every door of ours. Nothing here does TLS.

A client whose context checks names needs one. Doors that belong to a loop take '' for: check none.
`wrap_bio` is no such door: it takes what Python 3's takes.
"""
from __future__ import absolute_import, division, print_function

import re

from .compat import text_type, to_native

__all__ = ['encode_hostname', 'name_of_loop', 'required_name']

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
    if isinstance(name, (str, text_type)) and _in_ascii(name):
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


def required_name(context, server_side, name, check=None):
    """
    Return *name* in A-labels, or None where there is none, and none is needed.

    Args:
        context (ssl.SSLContext): whose ``check_hostname`` counts.
        server_side (bool): whether this is a server, which needs none.
        name (text, ASCII bytes or None): a host name or an IP address.
        check (bool or None): whether it is needed, whatever *context* says; None for that.

    Raises:
        ValueError: *name* is None and needed, or it can be nobody's name.
    """
    if check is None:
        check = getattr(context, 'check_hostname', False)
    try:
        encoded = encode_hostname(name)
    except (TypeError, ValueError):
        encoded = None
    if encoded is None and (name is not None or check and not server_side):
        raise ValueError('server_hostname must be a host name or an IP address, not %r; None will '
                         'do where context.check_hostname is false' % (name,))
    return encoded


def name_of_loop(name):
    """
    Return (name, check) for `required_name` from what a loop takes as server_hostname.

    asyncio's way: '' is no name, and waives the check.
    """
    return (None, False) if isinstance(name, (str, text_type)) and not name else (name, None)
