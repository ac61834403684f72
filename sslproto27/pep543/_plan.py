"""Translates a configuration for OpenSSL, under any binding: versions, suites, verification."""
from __future__ import absolute_import, division, print_function

import collections

from ._configuration import TLSConfiguration
from ._credentials import PEMCertificate, PEMPrivateKey, PEMTrustStore
from ._enums import NextProtocol, TLSVersion
from ._errors import bad_type, bad_value, no_supported_ciphers
from ._names import DEFAULT_TLS13, split_suites

__all__ = ['Plan', 'plan']

_OLDEST, _NEWEST = TLSVersion.TLSv1, TLSVersion.TLSv1_3
_NUMBERS = {version: version.value for version in TLSVersion}

_PLAN = 'lowest highest older newer protocols certificates key verify trusted'


class Plan(collections.namedtuple('Plan', _PLAN)):
    """
    The settings for a context.

    Attributes:
        lowest, highest (TLSVersion): TLSv1 to TLSv1_3; or MINIMUM_SUPPORTED, MAXIMUM_SUPPORTED.
        older, newer (list of CipherSuite): of TLS 1.2 and before; of TLS 1.3. Empty if the versions
            rule them out, and *newer* if they are OpenSSL's own choice.
        protocols (list of bytes): for ALPN.
        certificates (bytes or None), key (PEMPrivateKey or None): they prove our identity.
        verify (bool): whether the peer must prove its identity.
        trusted (bytes or None): PEM of the authorities to trust; None for the system's store.
    """

    __slots__ = ()


def plan(configuration, server_side, can_choose_tls13):
    """
    Return the `Plan` of a configuration.

    Args:
        configuration (TLSConfiguration): the settings.
        server_side (bool): whether it is for a server.
        can_choose_tls13 (bool): whether contexts let us set TLS 1.3's suites.

    Raises:
        TypeError: *configuration* is not a TLSConfiguration, or has another backend's objects.
        ValueError: the settings are impossible. Both are TLSErrors.
    """
    if not isinstance(configuration, TLSConfiguration):
        raise bad_type('configuration must be a TLSConfiguration, not %s'
                       % type(configuration).__name__)
    # MINIMUM_SUPPORTED and MAXIMUM_SUPPORTED stay: a backend need not know their actual versions.
    lowest = _version(configuration.lowest_supported_version, TLSVersion.MAXIMUM_SUPPORTED, _NEWEST)
    highest = _version(configuration.highest_supported_version, TLSVersion.MINIMUM_SUPPORTED,
                       _OLDEST)
    older, newer = split_suites(configuration.ciphers)
    if not older and not newer:
        raise no_supported_ciphers()
    if not newer:
        highest = min(highest, TLSVersion.TLSv1_2, key=_NUMBERS.get)
    if not older:
        lowest = max(lowest, TLSVersion.TLSv1_3, key=_NUMBERS.get)
    if lowest.value > highest.value:
        raise bad_value('no version of TLS is within lowest_supported_version, '
                        'highest_supported_version and what ciphers allow')
    certificates, key = _chain(configuration.certificate_chain)
    verify, trusted = _trust(configuration, server_side)
    return Plan(
        lowest, highest,
        older if lowest.value < _NEWEST.value else [],
        _tls13(newer, can_choose_tls13) if highest.value >= _NEWEST.value else [],
        [one.value if isinstance(one, NextProtocol) else one
         for one in configuration.inner_protocols],
        certificates, key, verify, trusted)


def _version(version, extreme, meaning):
    if version is extreme:
        return meaning
    if version in (TLSVersion.SSLv2, TLSVersion.SSLv3):
        raise bad_value('%s is not supported (RFC 6176, RFC 7568)' % version.name)
    return version


def _tls13(suites, can_choose):
    if DEFAULT_TLS13 == set(suites[:len(DEFAULT_TLS13)]) and not can_choose:
        return []
    if not can_choose:
        raise bad_value("this backend cannot choose among TLS 1.3's suites: ciphers must have all "
                        'of %s, before any other of TLS 1.3, or none'
                        % ', '.join(sorted(suite.name for suite in DEFAULT_TLS13)))
    return suites


def _chain(chain):
    if chain is None:
        return None, None
    certificates, key = chain
    for one in certificates:
        _require(one, PEMCertificate, 'certificate_chain')
    _require(key, PEMPrivateKey, 'certificate_chain')
    return b''.join(one.pem for one in certificates), key


def _trust(configuration, server_side):
    store = configuration.trust_store
    if store is not None:
        _require(store, PEMTrustStore, 'trust_store')
    verify = configuration.validate_certificates and not (server_side and store is None)
    return verify, None if store is None else store.pem


def _require(thing, cls, field):
    if not isinstance(thing, cls):
        raise bad_type("%s has a %s, which is another backend's" % (field, type(thing).__name__))
