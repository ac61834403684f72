"""
Mutual TLS: the server accepts only clients certified by an authority, and greets them by name.

Usage: mutual_tls.py AUTHORITY SERVER_CERTIFICATE [CLIENT_CERTIFICATE]

AUTHORITY is a PEM file with the certificate that both sides trust. Each CERTIFICATE is a PEM file
with a private key and a certificate chain; the server's must be for 'localhost'.
"""
from __future__ import print_function

import logging
import ssl
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


def greet(reader, writer):
    names = [value for _, value in writer.get_extra_info('peercert')['subjectAltName']]
    writer.write(('Hello, %s\n' % names[0]).encode('ascii'))
    writer.close()


@aio.coroutine
def talk(authority, certificate, client_certificate=None):
    server_context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_cert_chain(certificate)
    server = yield From(aio.start_server(greet, '127.0.0.1', 0, ssl=server_context))
    port = server.sockets[0].getsockname()[1]

    context = sslproto27.create_default_context(cafile=authority)
    if client_certificate:
        context.load_cert_chain(client_certificate)
    reader, writer = yield From(aio.open_connection(
        '127.0.0.1', port, ssl=context, server_hostname='localhost'))
    try:
        # In TLS 1.3 a client learns only here, after its handshake, that the server refuses it.
        print((yield From(reader.readline())).decode('ascii').strip())
    except (ssl.SSLError, EnvironmentError) as error:
        print('refused:', error)
    writer.close()
    server.close()


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    aio.run(talk(*sys.argv[1:]))
