"""`TLSConfiguration`: the TLS settings that you want. Nothing here knows any backend."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from ._enums import CipherSuite, NextProtocol, TLSVersion
from ._errors import bad_type, bad_value
from ._interfaces import Certificate, PrivateKey, TrustStore

__all__ = ['DEFAULT_CIPHER_LIST', 'TLSConfiguration']


class _Sequence(tuple):
    """A tuple to which lists can be added, on either side, because the PEP's authors use lists."""

    __slots__ = ()

    def __add__(self, other):
        if not isinstance(other, (list, tuple)):
            return NotImplemented
        return type(self)(list(self) + list(other))

    def __radd__(self, other):
        if not isinstance(other, (list, tuple)):
            return NotImplemented
        return type(self)(list(other) + list(self))


#: TLS 1.3's suites, then those that RFC 9325 4.2 recommends for TLS 1.2, and ChaCha20 (RFC 7905).
DEFAULT_CIPHER_LIST = _Sequence((
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
))

_FIELDS = ('validate_certificates', 'certificate_chain', 'ciphers', 'inner_protocols',
           'lowest_supported_version', 'highest_supported_version', 'trust_store', 'sni_callback')

_UNCHANGED = object()


class TLSConfiguration(namedtuple('TLSConfiguration', _FIELDS)):
    """
    TLS settings: immutable, comparable, hashable. A backend's contexts are made from it.

    Sequences become tuples, to which lists can be added. Numbers and names that `CipherSuite` and
    `NextProtocol` know become members of these. None means the default for every argument.

    Args:
        validate_certificates (bool): whether the peer must prove its identity. True by default.
        certificate_chain: (certificates, private key) to prove ours to the peer: a sequence of
            `Certificate`, the leaf first, and a `PrivateKey`. None by default.
        ciphers: sequence of `CipherSuite` or int, the preferred first. Suites that a backend lacks
            are left out. `DEFAULT_CIPHER_LIST` by default.
        inner_protocols: sequence of `NextProtocol` or bytes for ALPN, the preferred first.
        lowest_supported_version (TLSVersion): TLSv1_2 by default (RFC 8996).
        highest_supported_version (TLSVersion): MAXIMUM_SUPPORTED by default.
        trust_store (TrustStore): the authorities to trust. None by default: a client trusts the
            system's store, a server requests no certificate.
        sni_callback (callable): for servers: called with (buffer, name, configuration) when a
            client has said which server it wants; returns the `TLSConfiguration` for it. *name* is
            text, IDNA decoded, or None.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it. Both are TLSErrors.
    """

    __slots__ = ()

    def __new__(cls, validate_certificates=None, certificate_chain=None, ciphers=None,
                inner_protocols=None, lowest_supported_version=None,
                highest_supported_version=None, trust_store=None, sni_callback=None):
        if validate_certificates is None:
            validate_certificates = True
        if not isinstance(validate_certificates, bool):
            raise bad_type('validate_certificates must be a bool, not %r'
                           % (validate_certificates,))
        if trust_store is not None and not isinstance(trust_store, TrustStore):
            raise bad_type('trust_store must be a TrustStore, not %s'
                           % type(trust_store).__name__)
        if sni_callback is not None and not callable(sni_callback):
            raise bad_type('sni_callback must be callable, not %s' % type(sni_callback).__name__)
        return super(TLSConfiguration, cls).__new__(
            cls,
            validate_certificates,
            _chain(certificate_chain),
            _suites(DEFAULT_CIPHER_LIST if ciphers is None else ciphers),
            _Sequence(_protocol(one) for one in inner_protocols or ()),
            _version(lowest_supported_version, TLSVersion.TLSv1_2, 'lowest_supported_version'),
            _version(highest_supported_version, TLSVersion.MAXIMUM_SUPPORTED,
                     'highest_supported_version'),
            trust_store,
            sni_callback)

    @classmethod
    def _make(cls, iterable):
        """Run the checks of ``__new__``, so that namedtuple's ``_replace`` runs them too."""
        return cls(*iterable)

    def __deepcopy__(self, memo):
        """Return itself: it is immutable, and keys cannot be copied."""
        return self

    def update(self, validate_certificates=_UNCHANGED, certificate_chain=_UNCHANGED,
               ciphers=_UNCHANGED, inner_protocols=_UNCHANGED, lowest_supported_version=_UNCHANGED,
               highest_supported_version=_UNCHANGED, trust_store=_UNCHANGED,
               sni_callback=_UNCHANGED):
        """Return a copy of this configuration with the given fields changed."""
        given = (validate_certificates, certificate_chain, ciphers, inner_protocols,
                 lowest_supported_version, highest_supported_version, trust_store, sni_callback)
        return type(self)(*[old if new is _UNCHANGED else new for old, new in zip(self, given)])


def _chain(chain):
    if chain is None:
        return None
    try:
        certificates, key = chain
        certificates = tuple(certificates)
    except (TypeError, ValueError):
        raise bad_type('certificate_chain must be (certificates, private key)')
    if not all(isinstance(one, Certificate) for one in certificates):
        raise bad_type('certificate_chain must have only Certificates in its first part')
    if not isinstance(key, PrivateKey):
        raise bad_type('certificate_chain must end with a PrivateKey, not %s' % type(key).__name__)
    if not certificates:
        raise bad_value('certificate_chain has no certificate')
    return certificates, key


def _suites(suites):
    found = []
    for suite in suites:
        if isinstance(suite, bool) or not isinstance(suite, int) or not 0 <= suite <= 0xFFFF:
            raise bad_type('ciphers must be of CipherSuite, or 16-bit numbers, not %r' % (suite,))
        try:
            found.append(CipherSuite(suite))
        except ValueError:
            found.append(suite)
    if not found:
        raise bad_value('ciphers is empty')
    return _Sequence(found)


def _protocol(protocol):
    if isinstance(protocol, NextProtocol):
        return protocol
    if not isinstance(protocol, bytes):
        raise bad_type('inner_protocols must be of NextProtocol, or bytes, not %r' % (protocol,))
    if not 0 < len(protocol) < 256:  # RFC 7301 3.1
        raise bad_value('inner_protocols must have names of 1 to 255 bytes')
    return next_protocol(protocol)


def next_protocol(name):
    """Return the `NextProtocol` of *name* (bytes), or *name* itself if there is none."""
    try:
        return NextProtocol(name)
    except ValueError:
        return name


def _version(version, default, name):
    if version is None:
        return default
    if not isinstance(version, TLSVersion):
        raise bad_type('%s must be a TLSVersion, not %r' % (name, version))
    return version
