"""
Addresses on the command line: where to connect, where to listen, which name to verify.

All commands parse and print addresses with this module. Nothing here connects.
"""
from __future__ import absolute_import, division, print_function

import os
import re
import socket
import sys

import six

from .._core.compat import PY2
from .._core.servername import encode_hostname
from .console import UsageError, UserError, printable

__all__ = ['address', 'bound', 'host_name', 'verified_name', 'written']

#: [IPv6 address] or a name, with or without a port.
_FORM = re.compile(u'(?:\\[([^][]*)\\]|([^][:/\\s\x00-\x20\x7f]*))(?::([0-9]{1,5}))?\\Z')

#: RFC 6761 6.3. A lookup in the hosts file would not find the name with its dot.
_LOCALHOST = re.compile(u'(?i)(?:.*\\.)?localhost\\.\\Z')

#: An IPv6 address, and its zone (RFC 4007 11): an interface of this machine.
_IPV6 = re.compile(u'((?:[0-9A-Fa-f]*:){2}[0-9A-Fa-f:.]*)(?:%([^\\s/%\x00-\x20\x7f]+))?\\Z')


def address(text, default_port=None, default_host=None):
    """
    Return the (host, port) that *text* names: ``host:port``, ``[::1]:port``, ``:port`` or ``host``.

    Args:
        text (str): from the command line.
        default_port (int or None): used if *text* has no port.
        default_host (str or None): used if *text* has no host.

    Returns:
        (str, int): an internationalised name is in A-labels (RFC 5890). An IPv6 address keeps its
        zone, and a name the dot at its end: both matter for the lookup.

    Raises:
        UsageError: a host or port is missing or malformed; the text says so.
    """
    given = _decoded(text)
    found = _FORM.match(given)
    if not found:
        if _IPV6.match(given):
            raise UsageError('%s: an IPv6 address is written [%s]:PORT', text, text)
        raise UsageError('%s is not HOST:PORT', text)
    literal, name, digits = found.groups()
    if literal is not None and not _IPV6.match(literal):
        raise UsageError('%s: [%s] is not an IPv6 address', text, literal)
    host = literal or name or default_host
    port = int(digits) if digits else default_port
    if not host or port is None or not 0 <= port < 65536:
        raise UsageError('%s is not HOST:PORT', text)
    if _LOCALHOST.match(host):
        host = host[:-1]
    return _encoded(host), port


def host_name(option, text):
    """
    Parse *text*, a host name or address without a port.

    Args:
        option (str): the option that *text* is the argument of.

    Returns:
        str: in the form of `verified_name`.

    Raises:
        UsageError: *text* is neither a name nor an address.
    """
    given = _decoded(text)
    if given.startswith(u'[') and given.endswith(u']'):
        given = given[1:-1]
    try:
        return verified_name(_encoded(given))
    except UsageError as error:
        raise UsageError('%s: %s', option, error)


def verified_name(host):
    """
    Return a host from `address` in the form that certificates use.

    That is a name without the dot at its end (RFC 6066 3), or an IPv6 address without its zone,
    which only has a meaning on this machine (RFC 4007 11).
    """
    return host.partition('%')[0] if ':' in host else host[:-1] if host.endswith('.') else host


def written(host, port):
    """Return a host and a port in the form that `address` parses (text)."""
    return (u'[%s]:%d' if ':' in host else u'%s:%d') % (printable(host), port)


def bound(where):
    """
    Return a socket that is bound to an address.

    Args:
        where ((str, int)): from `address`. If a name has addresses of both kinds, this takes its
            first IPv4 address.

    Raises:
        UserError: the socket cannot be bound.
    """
    listener = None
    try:
        found = socket.getaddrinfo(where[0], where[1], 0, socket.SOCK_STREAM, 0,
                                   socket.AI_PASSIVE)
        family, _, _, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == 'posix':  # on Windows this would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        return listener
    except (socket.error, UnicodeError) as error:
        if listener is not None:
            listener.close()
        raise UserError('%s: %s', written(*where), error)


def _decoded(argument):
    """Return an argument as text: UTF-8 in any locale, even C; if it is not UTF-8, the locale's."""
    data = argument
    if not isinstance(data, bytes):
        if PY2:
            return data
        data = os.fsencode(data)
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        return data.decode(sys.getfilesystemencoding() or 'ascii', 'replace')


def _encoded(host):
    """Return a host (text) in A-labels, a native string; raise `UsageError` if it is not valid."""
    if u':' in host:
        if not _IPV6.match(host):
            raise UsageError('%s is not an IPv6 address', host)
        return _native(host)
    if not host or re.search(u'[\\s\x00-\x20\x7f/%\\[\\]]', host):
        raise UsageError('%s is not the name of a host', host)
    try:
        return encode_hostname(six.text_type(host))
    except UnicodeError:
        raise UsageError('%s is not the name of a host', host)


def _native(text):
    if isinstance(text, str):
        return text
    return text.encode('utf-8')  # a zone can be non-ASCII: it is the name of an interface
