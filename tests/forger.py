"""
A TLS 1.3 client that says what no OpenSSL would: records made by hand from the secrets it logged.

Nothing here knows of loops or sockets. The cryptography package does the arithmetic; where it is
not to be had, the tests that need it are skipped.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import hmac
import struct

import pytest

from pipe_pairs import PipePair
from sslproto27 import context

__all__ = ['Forger', 'record']

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23


def record(content_type, payload, version=0x0303):
    """Return a record that is not encrypted (RFC 8446 5.1), however wrong."""
    return struct.pack('>BHH', content_type, version, len(payload)) + payload


class Forger(object):
    """
    A server's pipe that has shaken hands with a client, of which only the keys are left.

    Attributes:
        server (SSLPipe): who will be told things.
        sequence (int): the number of the next record.
    """

    def __init__(self, pki, tmpdir):
        aead = pytest.importorskip('cryptography.hazmat.primitives.ciphers.aead')
        filename = str(tmpdir.join('secrets'))
        client = pki.client_context('TLSv1.3')
        server = pki.server_context('ecdsa', version='TLSv1.3')
        try:
            context.set_keylog_filename(client, filename)
        except NotImplementedError as error:
            pytest.skip(str(error))
        context.set_num_tickets(server, 0)
        self.pair = PipePair(client, server).handshake()
        self.server = self.pair.server
        assert 'TLS_AES_256_GCM_SHA384' == self.pair.client.ssl_object.cipher()[0]
        with open(filename) as lines:
            secrets = dict(line.split()[::2] for line in lines if not line.startswith('#'))
        secret = bytearray.fromhex(secrets['CLIENT_TRAFFIC_SECRET_0'])
        self._key = aead.AESGCM(self._derive(secret, b'key', 32))
        self._iv = self._derive(secret, b'iv', 12)
        self.sequence = 0

    @staticmethod
    def _derive(secret, label, size):
        """Return HKDF-Expand-Label(secret, label, '', size) (RFC 8446 7.1), of one block."""
        label = b'tls13 ' + label
        info = struct.pack('>HB', size, len(label)) + label + b'\0\x01'
        return hmac.new(bytes(secret), info, hashlib.sha384).digest()[:size]

    def record(self, content_type, payload, padding=0):
        """Return an encrypted record (RFC 8446 5.2)."""
        number = bytearray(12)
        number[4:] = struct.pack('>Q', self.sequence)
        self.sequence += 1
        nonce = bytes(bytearray(a ^ b for a, b in zip(bytearray(self._iv), number)))
        inner = payload + struct.pack('>B', content_type) + b'\0' * padding
        header = struct.pack('>BHH', APPLICATION_DATA, 0x0303, len(inner) + 16)
        return header + self._key.encrypt(nonce, inner, header)
