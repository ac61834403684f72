"""OpenSSL's names of cipher suites, ciphers(1), for every backend that uses OpenSSL."""
from __future__ import absolute_import, division, print_function

import re

from ._enums import CipherSuite
from ._errors import tls_error

__all__ = ['DEFAULT_TLS13', 'cipher_list', 'split_suites', 'suite_of']

#: The TLS 1.3 suites that OpenSSL offers by default, SSL_CTX_set_ciphersuites(3).
DEFAULT_TLS13 = frozenset([
    CipherSuite.TLS_AES_256_GCM_SHA384, CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_128_GCM_SHA256])

#: Regular expressions for words in IANA's names, and OpenSSL's words for them.
_WORDS = [
    ('^RSA_WITH_', ''), ('_WITH_', '_'), ('(AES|CAMELLIA)_(128|256)(_CBC)?', r'\1\2'),
    ('3DES_EDE_CBC', 'DES_CBC3'), ('RC4_128', 'RC4'), ('SEED_CBC', 'SEED'),
    ('POLY1305_SHA256', 'POLY1305'), ('CCM_8', 'CCM8'), ('_', '-'),
]


def _openssl_name(suite):
    if suite.is_tls13:
        return suite.name
    name = suite.name[len('TLS_'):]
    for pattern, word in _WORDS:
        name = re.sub(pattern, word, name)
    return name


_NAMES = {suite: _openssl_name(suite) for suite in CipherSuite}
_SUITES = {name: suite for suite, name in _NAMES.items()}


def split_suites(suites):
    """
    Return (suites of TLS 1.2 and earlier, suites of TLS 1.3), in order.

    Numbers that are not in `CipherSuite` have no name here and are left out.
    """
    known = [suite for suite in suites if suite in _NAMES]
    return ([suite for suite in known if not suite.is_tls13],
            [suite for suite in known if suite.is_tls13])


def cipher_list(suites):
    """Return *suites* in OpenSSL's list format (str)."""
    return str(':'.join(_NAMES[suite] for suite in suites))


def suite_of(name):
    """
    Return the `CipherSuite` that OpenSSL calls *name*.

    Raises:
        TLSError: PEP 543 does not list it.
    """
    try:
        return _SUITES[name]
    except KeyError:
        raise tls_error('the cipher suite %s has no number in PEP 543' % name)
