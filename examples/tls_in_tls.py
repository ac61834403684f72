"""
TLS in TLS: talks to an echo server through a proxy, which it also reaches over TLS.

Usage: tls_in_tls.py AUTHORITY PROXY_PORT PORT [MESSAGE]

AUTHORITY is a PEM file with the certificate to trust; both servers' must be for 'localhost'.
"""
from __future__ import print_function

import logging
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


@aio.coroutine
def talk(context, proxy_port, port, message):
    reader, writer = yield From(aio.open_connection(
        '127.0.0.1', proxy_port, ssl=context, server_hostname='localhost'))
    writer.write(('CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n' % port).encode('ascii'))
    status = yield From(reader.readline())
    if b' 200 ' not in status:
        raise RuntimeError('the proxy says %r' % status)
    while (yield From(reader.readline())).strip():
        pass
    yield From(writer.start_tls(context, server_hostname='localhost'))  # inside the first
    writer.write(message)
    echo = yield From(reader.readexactly(len(message)))
    print(echo.decode('utf-8'))
    writer.close()
    yield From(writer.wait_closed())


def main(authority, proxy_port, port, message='Hello, TLS in TLS'):
    context = sslproto27.create_default_context(cafile=authority)
    if not isinstance(message, bytes):
        message = message.encode('utf-8')
    aio.run(talk(context, int(proxy_port), int(port), message))


if __name__ == '__main__':
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
