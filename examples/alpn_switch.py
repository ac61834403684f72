"""
One port, two protocols: ALPN (RFC 7301) decides which one a connection uses.

Usage: alpn_switch.py AUTHORITY CERTIFICATE [PROTOCOL...]

AUTHORITY is a PEM file with the certificate to trust. CERTIFICATE is a PEM file with the private
key and the certificate chain, which must be for 'localhost'. The client offers each PROTOCOL;
'shout' and 'whisper' by default.
"""
from __future__ import print_function

import logging
import ssl
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


class Shout(aio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data.upper())


class Whisper(Shout):
    def data_received(self, data):
        self.transport.write(data.lower())


class Switch(aio.Protocol):
    protocols = {'shout': Shout, 'whisper': Whisper}

    def connection_made(self, transport):
        cls = self.protocols.get(transport.get_extra_info('alpn_protocol'), Shout)
        protocol = cls()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


@aio.coroutine
def talk(authority, certificate, *offers):
    server_context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(certificate)
    server_context.set_alpn_protocols(['shout', 'whisper'])
    server = yield From(
        aio.get_event_loop().create_server(Switch, '127.0.0.1', 0, ssl=server_context))
    for offer in offers or ('shout', 'whisper'):
        context = sslproto27.create_default_context(cafile=authority)
        context.set_alpn_protocols([offer])
        reader, writer = yield From(aio.open_connection(
            '127.0.0.1', server.sockets[0].getsockname()[1], ssl=context,
            server_hostname='localhost'))
        writer.write(b'Hello, ALPN')
        answer = yield From(reader.readexactly(11))
        print(offer, '->', writer.get_extra_info('alpn_protocol'), answer.decode('ascii'))
        writer.close()
        yield From(writer.wait_closed())
    server.close()


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    logging.basicConfig()
    aio.run(talk(*sys.argv[1:]))
