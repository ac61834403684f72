"""
An SMTP client that sends one message after STARTTLS, on Trollius or asyncio.

Usage: smtp_client.py AUTHORITY PORT MESSAGE

AUTHORITY is a PEM file with the certificate to trust; the server's must be for 'localhost'.
"""
from __future__ import print_function

import logging
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From, Return


@aio.coroutine
def ask(reader, writer, command, expected):
    if command:
        writer.write(command + b'\r\n')
    line = b'   -'
    while line[3:4] == b'-':  # every line of a reply but its last
        line = yield From(reader.readline())
    if not line.startswith(expected):
        raise RuntimeError('%r was answered with %r' % (command, line))
    raise Return(line)


@aio.coroutine
def send(context, port, message):
    reader, writer = yield From(aio.open_connection('127.0.0.1', port))
    yield From(ask(reader, writer, None, b'220'))
    yield From(ask(reader, writer, b'EHLO localhost', b'250'))
    yield From(ask(reader, writer, b'STARTTLS', b'220'))
    yield From(writer.start_tls(context, server_hostname='localhost'))
    for command, expected in ((b'EHLO localhost', b'250'), (b'MAIL FROM:<a@localhost>', b'250'),
                              (b'RCPT TO:<b@localhost>', b'250'), (b'DATA', b'354'),
                              (message + b'\r\n.', b'250'), (b'QUIT', b'221')):
        yield From(ask(reader, writer, command, expected))
    print('sent over', writer.get_extra_info('tls_version'))
    writer.close()
    yield From(writer.wait_closed())


def main(authority, port, message):
    context = sslproto27.create_default_context(cafile=authority)
    if not isinstance(message, bytes):
        message = message.encode('utf-8')
    aio.run(send(context, int(port), message))


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
