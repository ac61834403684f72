"""
A TLS echo client on Trollius: sends one message and prints what comes back.

Usage: echo_client.py AUTHORITY PORT [MESSAGE]

AUTHORITY is a PEM file with the certificate to trust; the server's must be for 'localhost'.
"""
from __future__ import print_function

import logging
import sys

import trollius
from trollius import From

import sslproto27
import sslproto27.trollius


@trollius.coroutine
def talk(context, port, message):
    reader, writer = yield From(sslproto27.trollius.open_connection(
        '127.0.0.1', port, ssl=context, server_hostname='localhost'))
    print(writer.get_extra_info('tls_version'), writer.get_extra_info('cipher')[0])
    writer.write(message)
    print((yield From(reader.readexactly(len(message)))))
    writer.close()
    yield From(reader.read())


def main(authority, port, message='Hello, TLS'):
    context = sslproto27.create_default_context(cafile=authority)
    sslproto27.trollius.install()
    loop = trollius.get_event_loop()
    loop.run_until_complete(talk(context, int(port), message))
    loop.close()


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
