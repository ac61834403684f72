"""
The name that the server must prove: one rule for all our entry points. Nothing here does TLS.

A client whose context checks names needs one. In event loops '' disables the name check. `wrap_bio`
does not follow this rule: it accepts what Python 3's accepts.
"""
from __future__ import absolute_import, division, print_function

import re

from .compat import text_type, to_index, to_native

__all__ = ['alert_number', 'encode_hostname', 'name_of_loop', 'required_name']

#: Labels of 1 to 63 octets (RFC 1035 2.3.4), with an optional trailing dot.
_in_ascii = re.compile(r'{0}(?:\.{0})*\.?\Z'.format(r'[\x01-\x2d\x2f-\x7f]{1,63}')).match


def encode_hostname(name):
    """
    Return *name* as it is sent: A-labels (RFC 5890), as a native string.

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
        return to_native(name)  # same result as the codec, ten times as fast
    if isinstance(name, (bytes, bytearray)):
        name = bytes(name).decode('ascii')
    if not isinstance(name, text_type):
        raise TypeError('server_hostname must be text, not %s' % type(name).__name__)
    if not name:
        raise ValueError('server_hostname must not be empty')
    if u'\0' in name:
        raise TypeError('server_hostname must not contain NUL')
    return to_native(name.encode('idna'))


def required_name(context, server_side, name, check=None, argument='server_hostname'):
    """
    Return *name* in A-labels, or None if there is no name and none is needed.

    Args:
        context (ssl.SSLContext): its ``check_hostname`` says whether a client needs a name.
        server_side (bool): whether this is a server, which needs none.
        name (text, ASCII bytes or None): a host name or an IP address.
        check (bool or None): overrides ``check_hostname``, unless None.
        argument (str): what the caller calls the name.

    Raises:
        ValueError: *name* is None although one is needed, or it is malformed.
    """
    if check is None:
        check = getattr(context, 'check_hostname', False)
    try:
        encoded = encode_hostname(name)
    except (TypeError, ValueError):
        encoded = None
    if encoded is None and (name is not None or check and not server_side):
        raise ValueError('%s must be a host name or an IP address, not %r; None is allowed only'
                         ' if context.check_hostname is false' % (argument, name))
    return encoded


def name_of_loop(name):
    """
    Return (name, check) for `required_name` from an event loop's server_hostname.

    As in asyncio, '' means no name and disables the check.
    """
    return (None, False) if isinstance(name, (str, text_type)) and not name else (name, None)


def alert_number(result):
    """
    Return the *result* of a server name callback as the number of an alert (int).

    Raises:
        TypeError, ValueError: it is none.
    """
    number = to_index(result, "the server name callback's result")
    if not 0 < number < 0x100:
        raise ValueError("the server name callback's result must be from 1 to 255, not %d" % number)
    return int(number)
