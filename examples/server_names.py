"""
Several names on one port: each client gets the certificate of the name that it asks for.

Usage: server_names.py AUTHORITY CERTIFICATE NAME=CERTIFICATE...

AUTHORITY is a PEM file with the certificate that the clients trust. Each CERTIFICATE is a PEM file
with a private key and a certificate chain. The first one is for clients that ask for no name or for
an unknown one. The program runs the server and, for each NAME, a client.
"""
from __future__ import print_function

import logging
import ssl
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From
from sslproto27.context import by_server_name


def context_with(certificate):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def greet(reader, writer):
    writer.write(b'Hello\n')
    writer.close()


@aio.coroutine
def talk(authority, certificate, names):
    contexts = {name: context_with(path) for name, path in names}
    server = yield From(aio.start_server(
        greet, '127.0.0.1', 0, ssl=by_server_name(context_with(certificate), contexts)))
    port = server.sockets[0].getsockname()[1]

    context = sslproto27.create_default_context(cafile=authority)
    for name, _ in names:
        # The handshake fails if the certificate is for another name.
        reader, writer = yield From(aio.open_connection(
            '127.0.0.1', port, ssl=context, server_hostname=name))
        yield From(reader.readline())
        shown = writer.get_extra_info('peercert')['subjectAltName'][0][1]
        print('asked for %s, got the certificate of %s' % (name, shown))
        writer.close()
    server.close()


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__.strip())
    logging.basicConfig()
    aio.run(talk(sys.argv[1], sys.argv[2], [one.split('=', 1) for one in sys.argv[3:]]))
