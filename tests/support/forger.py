"""
Records that no OpenSSL would send, made by hand from the secrets that a context logged.

Nothing here knows of loops or sockets. The cryptography package does the arithmetic; where it is
not to be had, the tests that need it are skipped.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import hmac
import struct

import pytest

from sslproto27 import context
from tests.support.pipe_pairs import PipePair

__all__ = ['ALERT', 'APPLICATION_DATA', 'Forger', 'HANDSHAKE', 'Records', 'Records12',
           'log_secrets', 'record']

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23


def record(content_type, payload, version=0x0303):
    """Return a record that is not encrypted (RFC 8446 5.1), however wrong."""
    return struct.pack('>BHH', content_type, version, len(payload)) + payload


def log_secrets(client_or_server, filename):
    """Let a context log what is needed here; skip where it cannot, or nothing can be encrypted."""
    _aead()
    try:
        context.set_keylog_filename(client_or_server, filename)
    except NotImplementedError as error:
        pytest.skip(str(error))


def _aead():
    return pytest.importorskip('cryptography.hazmat.primitives.ciphers.aead')


def _logged(filename):
    """Return {label: (client's random bytes, secret)} of the last connection that was logged."""
    with open(filename) as lines:
        return {words[0]: [bytes(bytearray.fromhex(word)) for word in words[1:]]
                for words in map(str.split, lines) if words and words[0] != '#'}


def _hmac(secret, data):
    return hmac.new(secret, data, hashlib.sha384).digest()


class Records(object):
    """
    Forges what one side of a TLS 1.3 connection sends from its first application data on.

    Args:
        filename (str): where the side's context logs its secrets; the last connection's count.
        side (str): 'client' or 'server'. A server must not have sent session tickets.

    Attributes:
        sequence (int): the number of the next record.
    """

    def __init__(self, filename, side):
        self._use(_logged(filename)[side.upper() + '_TRAFFIC_SECRET_0'][1])

    def _use(self, secret):
        """Go on with the keys of TLS_AES_256_GCM_SHA384 that *secret* gives."""
        self._secret = secret
        self._key = _aead().AESGCM(self._derive(b'key', 32))
        self._iv = self._derive(b'iv', 12)
        self.sequence = 0

    def _derive(self, label, size):
        """Return HKDF-Expand-Label(secret, label, '', size) (RFC 8446 7.1), of one block."""
        label = b'tls13 ' + label
        info = struct.pack('>HB', size, len(label)) + label + b'\0\x01'
        return _hmac(self._secret, info)[:size]

    def record(self, content_type, payload, padding=0):
        """Return an encrypted record (RFC 8446 5.2)."""
        number = bytearray(12)
        number[4:] = struct.pack('>Q', self.sequence)
        self.sequence += 1
        nonce = bytes(bytearray(a ^ b for a, b in zip(bytearray(self._iv), number)))
        inner = payload + struct.pack('>B', content_type) + b'\0' * padding
        header = struct.pack('>BHH', APPLICATION_DATA, 0x0303, len(inner) + 16)
        return header + self._key.encrypt(nonce, inner, header)

    def key_update(self):
        """Return a KeyUpdate that asks for another (RFC 8446 4.6.3), and go on with new keys."""
        message = self.record(HANDSHAKE, b'\x18\0\0\x01\x01')
        self._use(self._derive(b'traffic upd', 48))
        return message


class Records12(object):
    """
    The same of TLS 1.2, with the cipher suite ECDHE-...-AES256-GCM-SHA384 (RFC 5288 3).

    Args:
        filename (str), side (str): as above.
        server_random (bytes): of the ServerHello.
    """

    def __init__(self, filename, side, server_random):
        client_random, master = _logged(filename)['CLIENT_RANDOM']
        seed = b'key expansion' + server_random + client_random
        block, chain = b'', seed
        while len(block) < 72:  # RFC 5246 5 and 6.3: two keys, then two implicit nonces
            chain = _hmac(master, chain)
            block += _hmac(master, chain + seed)
        number = ('client', 'server').index(side)
        self._key = _aead().AESGCM(block[32 * number:][:32])
        self._salt = block[64 + 4 * number:][:4]
        self.sequence = 1  # Finished was 0

    def record(self, content_type, payload):
        """Return an encrypted record (RFC 5246 6.2.3.3)."""
        number = struct.pack('>Q', self.sequence)
        self.sequence += 1
        header = number + struct.pack('>BHH', content_type, 0x0303, len(payload))
        return record(content_type,
                      number + self._key.encrypt(self._salt + number, payload, header))


class Forger(Records):
    """
    A server's pipe that has shaken hands with a client, of which only the keys are left.

    Attributes:
        server (SSLPipe): who will be told things.
    """

    def __init__(self, pki, tmpdir):
        filename = str(tmpdir.join('secrets'))
        client = pki.client_context('TLSv1.3')
        server = pki.server_context('ecdsa', version='TLSv1.3')
        log_secrets(client, filename)
        context.set_num_tickets(server, 0)
        self.pair = PipePair(client, server).handshake()
        self.server = self.pair.server
        assert 'TLS_AES_256_GCM_SHA384' == self.pair.client.ssl_object.cipher()[0]
        super(Forger, self).__init__(filename, 'client')
