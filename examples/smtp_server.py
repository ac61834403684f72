"""
A tiny SMTP server that takes mail only after STARTTLS, on Trollius or asyncio.

Usage: smtp_server.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. Each message is printed.
PORT is 2525 by default; 0 lets the system choose one. It is printed once the server listens.
"""
from __future__ import print_function

import logging
import ssl
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


@aio.coroutine
def serve(context, reader, writer):
    def say(line):
        writer.write(line + b'\r\n')

    say(b'220 localhost ESMTP')
    is_encrypted = False
    while True:
        line = (yield From(reader.readline())).strip()
        verb = line[:4].upper()
        if verb == b'EHLO':
            say(b'250 localhost' if is_encrypted else b'250-localhost\r\n250 STARTTLS')
        elif verb == b'STAR' and not is_encrypted:
            say(b'220 go ahead')
            yield From(writer.start_tls(context))
            is_encrypted = True
        elif verb == b'DATA' and is_encrypted:
            say(b'354 end with a line of one dot')
            while line != b'.':
                line = (yield From(reader.readline())).rstrip(b'\r\n')
                print(line.decode('utf-8'))
            sys.stdout.flush()
            say(b'250 thank you')
        elif verb in (b'MAIL', b'RCPT') and is_encrypted:
            say(b'250 fine')
        elif verb == b'QUIT' or not line:
            say(b'221 bye')
            writer.close()
            break
        else:
            say(b'502 no' if is_encrypted else b'530 STARTTLS first')


def main(certificate, port='2525'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    aio.install()
    loop = aio.new_event_loop()
    aio.set_event_loop(loop)
    server = loop.run_until_complete(aio.start_server(
        lambda reader, writer: serve(context, reader, writer), '127.0.0.1', int(port)))
    print('listening on port', server.sockets[0].getsockname()[1])
    sys.stdout.flush()
    loop.run_forever()


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
