"""
Certificates, private keys and trust stores, kept in memory as PEM. Nothing here does TLS.

We parse only enough to distinguish PEM from DER and the kinds of keys: OpenSSL reads the content
when a context is made. Nothing is ever written to disk.
"""
from __future__ import absolute_import, division, print_function

import base64
import binascii
import re

import six

from .._core.compat import as_bytes
from .._core.x509 import certificate_in_pem
from ._errors import tls_error
from ._interfaces import Certificate, PrivateKey, TrustStore

__all__ = ['PEMCertificate', 'PEMPrivateKey', 'PEMTrustStore']

# RFC 7468 2; the groups are the label and the text between the lines.
_BLOCK = re.compile(br'-----BEGIN ([A-Z0-9 ]+)-----([\t\r\n -~]*?)-----END \1-----')
_TRUSTED = b'TRUSTED CERTIFICATE'  # with trust settings: openssl-x509(1), -trustout
_CERTIFICATES = (b'CERTIFICATE', b'X509 CERTIFICATE', _TRUSTED)

# Identifier octets of DER (X.690 8.1.2).
_INTEGER, _OCTET_STRING, _SEQUENCE = 0x02, 0x04, 0x30

#: From the types of a key's first two elements to its label in PEM.
_KEYS = {
    (_SEQUENCE, _OCTET_STRING): b'ENCRYPTED PRIVATE KEY',  # RFC 5958 3
    (_INTEGER, _SEQUENCE): b'PRIVATE KEY',                 # RFC 5958 2
    (_INTEGER, _INTEGER): b'RSA PRIVATE KEY',              # RFC 8017 A.1.2
    (_INTEGER, _OCTET_STRING): b'EC PRIVATE KEY',          # RFC 5915 3
}


class _Kept(object):
    """Base of credentials: compared and hashed by their content, which is never shown."""

    __slots__ = ('_kept',)

    @classmethod
    def _keep(cls, *kept):
        self = object.__new__(cls)
        self._kept = kept
        return self

    def __init__(self):
        raise TypeError('%s has no public constructor; use its class methods'
                        % type(self).__name__)

    def __eq__(self, other):
        return type(other) is type(self) and self._kept == other._kept

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash((type(self), self._kept))

    @property
    def pem(self):
        """The content, as PEM (bytes)."""
        return self._kept[0]


class PEMCertificate(_Kept, Certificate):
    """A certificate in memory; if made from several, the leaf with its chain."""

    __slots__ = ()

    @classmethod
    def from_buffer(cls, buffer):
        """
        Return the certificate in *buffer*. If there are several, the others are its chain.

        Args:
            buffer: bytes, PEM (other text may be around it) or DER.

        Raises:
            TypeError: *buffer* is text or not a buffer.
            ValueError: it holds no certificate.
        """
        return cls._keep(b''.join(one.pem for one in cls.chain_from_buffer(buffer)))

    @classmethod
    def from_file(cls, path):
        """Return the certificate in the file *path* (str, bytes or os.PathLike): `from_buffer`."""
        return cls.from_buffer(_content(path))

    @classmethod
    def chain_from_buffer(cls, buffer):
        """
        Return a tuple of all certificates in *buffer*, in the same order. Beyond the PEP.

        Use it as the first part of ``certificate_chain``, with the leaf first.
        """
        data = as_bytes(buffer, 'buffer')
        if _is_pem(data):
            chain = tuple(cls._keep(_plain(match))
                          for match in _blocks(data, _CERTIFICATES))
            if not chain:
                raise ValueError('buffer holds no certificate')
            return chain
        _first_tags(data)
        return (cls._keep(_encode(b'CERTIFICATE', data)),)

    @classmethod
    def chain_from_file(cls, path):
        """Return all certificates in the file *path*: `chain_from_buffer`."""
        return cls.chain_from_buffer(_content(path))

    def __repr__(self):
        return '<%s of %d bytes of PEM>' % (type(self).__name__, len(self.pem))


class PEMPrivateKey(_Kept, PrivateKey):
    """A private key in memory, as it was given, encrypted or not."""

    __slots__ = ()

    @classmethod
    def from_buffer(cls, buffer, password=None):
        """
        Return the key in *buffer*.

        Args:
            buffer: bytes, PEM (other text may be around it) or DER: PKCS #8, encrypted or not,
                PKCS #1, or SEC 1.
            password: bytes, bytearray, text, or a callable that returns one of these. It is used
                or called only when a context is made from an encrypted key, each time anew.

        Raises:
            TypeError: *buffer* is text or not a buffer; *password* cannot be used.
            ValueError: *buffer* holds no private key, or several.
        """
        data = as_bytes(buffer, 'buffer')
        if isinstance(password, bytearray):
            password = bytes(password)
        if not (password is None or callable(password)
                or isinstance(password, (bytes, six.text_type))):
            raise TypeError('password must be bytes, text or callable, not %s'
                            % type(password).__name__)
        if not _is_pem(data):
            kind = _KEYS.get(_first_tags(data))
            if kind is None:
                raise ValueError('buffer holds no private key of a known kind')
            return cls._keep(_encode(kind, data), password)
        keys = [match.group(0) for match in _BLOCK.finditer(data)
                if match.group(1).endswith(b'PRIVATE KEY')]
        if len(keys) != 1:
            raise ValueError('buffer holds %s private key' % ('more than one' if keys else 'no'))
        return cls._keep(keys[0] + b'\n', password)

    @classmethod
    def from_file(cls, path, password=None):
        """Return the key in the file *path* (str, bytes or os.PathLike): `from_buffer`."""
        return cls.from_buffer(_content(path), password)

    @property
    def is_encrypted(self):
        """Whether a password is needed (bool): RFC 5958 3, RFC 1421 4.6.1.1."""
        return b'ENCRYPTED' in self.pem

    def ask_password(self):
        """
        Return the password (bytes); None if none is needed.

        We do not leave this to OpenSSL: it may call the function again even after an error.

        Raises:
            TLSError: a password is needed but missing: OpenSSL would ask for it on the terminal.
            TypeError: the callable did not return bytes or text.
        """
        if not self.is_encrypted:
            return None
        password = self._kept[1]
        if callable(password):
            password = password()
        if password is None:
            raise tls_error('the private key is encrypted, and has no password')
        if isinstance(password, six.text_type):
            return password.encode('utf-8')
        if not isinstance(password, (bytes, bytearray)):
            raise TypeError('password must return bytes or text, not %s' % type(password).__name__)
        return bytes(password)

    def __repr__(self):
        return '<%s>' % type(self).__name__


class PEMTrustStore(_Kept, TrustStore):
    """Certificates to trust, in memory; or the system's store."""

    __slots__ = ()

    @classmethod
    def system(cls):
        """Return the store that this interpreter's OpenSSL considers the system's."""
        return cls._keep(None)

    @classmethod
    def from_pem_file(cls, path):
        """
        Return the certificates in the file *path* (str, bytes or os.PathLike).

        Raises:
            ValueError: the file holds no certificate.
            EnvironmentError: the file cannot be read.
        """
        return cls.from_pem_buffer(_content(path))

    @classmethod
    def from_pem_buffer(cls, buffer):
        """Return the certificates in *buffer*, bytes of PEM. Beyond the PEP."""
        data = as_bytes(buffer, 'buffer')
        found = [_relabelled(match) for match in _blocks(data, _CERTIFICATES)]
        if not found:
            raise ValueError('there is no certificate in PEM to trust')
        return cls._keep(b''.join(found))

    @property
    def is_system(self):
        """Whether this is the system's store (bool)."""
        return self.pem is None

    def __repr__(self):
        what = 'of the system' if self.is_system else 'of %d bytes of PEM' % len(self.pem)
        return '<%s %s>' % (type(self).__name__, what)


def _content(path):
    with open(getattr(path, '__fspath__', lambda: path)(), 'rb') as file:
        return file.read()


def _is_pem(data):
    return b'-----BEGIN ' in data


def _blocks(data, labels):
    return [match for match in _BLOCK.finditer(data) if match.group(1) in labels]


def _relabelled(match):
    """Return a certificate's PEM block with the standard label."""
    return re.sub(b'X509 CERTIFICATE', b'CERTIFICATE', match.group(0)) + b'\n'


def _plain(match):
    """Return the same without trust settings, which do not matter if we present it."""
    if match.group(1) != _TRUSTED:
        return _relabelled(match)
    return _encode(b'CERTIFICATE', certificate_in_pem(match.group(2)))


def _encode(label, der):
    lines = base64.b64encode(der)
    lines = b'\n'.join(lines[start:start + 64] for start in range(0, len(lines), 64))
    return b'-----BEGIN %s-----\n%s\n-----END %s-----\n' % (label, lines, label)


def _first_tags(der):
    """Return the tags of the first two elements in *der*, which must be one complete SEQUENCE."""
    tag, start, end = _header(der, 0)
    if tag != _SEQUENCE or end != len(der):
        raise ValueError('buffer holds neither PEM nor DER')
    first, _, end = _header(der, start)
    return first, _header(der, end)[0]


def _header(der, start):
    """Return (tag, start of the content, end of the content) of the element at *start*."""
    octets = bytearray(der[start:start + 6])
    if len(octets) < 2:
        raise ValueError('buffer holds DER that has been cut short')
    size, width = octets[1], 0
    if size & 0x80:
        width = size & 0x7F
        length = bytes(octets[2:2 + width])
        if not 0 < width <= 4 or len(length) < width:
            raise ValueError('buffer holds DER that has been cut short')
        size = int(binascii.hexlify(length), 16)
    begin = start + 2 + width
    return octets[0], begin, begin + size
