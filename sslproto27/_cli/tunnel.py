"""HTTP proxies: parsing their URLs, and CONNECT (RFC 9110 9.3.6)."""
from __future__ import absolute_import, division, print_function

import base64
import collections
import re

from six.moves.urllib.parse import unquote_to_bytes

from .addresses import address, written
from .console import UsageError, UserError, quoted

__all__ = ['parse_proxy', 'connect_through']

_PORTS = {'http': 80, 'https': 443}

#: Attributes: scheme ('http', or 'https' for TLS to the proxy itself), host, port, and
#: credentials (bytes, 'user:password') or None.
Proxy = collections.namedtuple('Proxy', 'scheme host port credentials')


def parse_proxy(url):
    """
    Return the `Proxy` of ``http(s)://[user:password@]host[:port]``.

    Raises:
        UsageError: *url* has another form.
    """
    found = re.match(r'(https?)://(?:([^@/]*)@)?([^@/]+)/?$', url)
    if not found:
        raise UsageError('a proxy is http(s)://[USER:PASSWORD@]HOST[:PORT]')
    scheme, credentials, where = found.groups()
    # RFC 6874 2: in a URL, %25 precedes the zone of an IPv6 address.
    host, port = address(where.replace('%25', '%'), _PORTS[scheme])
    if credentials is not None:
        credentials = unquote_to_bytes(credentials)
    return Proxy(scheme, host, port, credentials)


def connect_through(channel, proxy, host, port):
    """
    Ask *proxy*, at the other end of *channel*, to connect to *host* (str), *port* (int).

    Raises:
        UserError: the proxy refuses.
    """
    where = written(host.partition('%')[0], port)
    lines = ['CONNECT %s HTTP/1.1' % where, 'Host: ' + where]
    if proxy.credentials is not None:
        lines.append('Proxy-Authorization: Basic '
                     + base64.b64encode(proxy.credentials).decode('ascii'))
    channel.send(('\r\n'.join(lines) + '\r\n\r\n').encode('ascii'))
    head = channel.until(b'\r\n\r\n', b'\n\n')
    status = head.split(b'\n')[0].strip()
    if not re.match(br'HTTP/1\.[01] 2[0-9][0-9]( |$)', status):
        raise UserError('CONNECT was refused: %s', quoted(status))
