"""
TLS over a subprocess's pipes: the child serves on its stdin and stdout, the parent is its client.

Usage: subprocess_tls.py AUTHORITY CERTIFICATE

AUTHORITY is a PEM file with the certificate to trust. CERTIFICATE is a PEM file with the private
key and the certificate chain, which must be for 'localhost'.
"""
from __future__ import print_function

import io
import logging
import ssl
import subprocess
import sys

import sslproto27
from sslproto27 import aio
from sslproto27.aio import From


@aio.coroutine
def child(certificate):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    reader, writer = yield From(aio.open_pipes(io.open(0, 'rb', 0), io.open(1, 'wb', 0)))
    yield From(writer.start_tls(context, server_side=True))
    line = yield From(reader.readline())
    writer.write(b'the child got ' + line)
    writer.close()
    yield From(writer.wait_closed())


@aio.coroutine
def parent(authority, certificate):
    process = subprocess.Popen([sys.executable, __file__, '--child', certificate], bufsize=0,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    context = sslproto27.create_default_context(cafile=authority)
    reader, writer = yield From(aio.open_pipes(process.stdout, process.stdin))
    yield From(writer.start_tls(context, server_hostname='localhost'))
    writer.write(b'a secret\n')
    answer = yield From(reader.readline())
    print(answer.decode('ascii').strip(), 'over', writer.get_extra_info('tls_version'))
    writer.close()
    yield From(writer.wait_closed())
    process.wait()


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    logging.basicConfig()
    aio.run(child(sys.argv[2]) if sys.argv[1] == '--child' else parent(*sys.argv[1:]))
