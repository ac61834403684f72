"""
Certificates that no client should take, and revocation lists, for `pki.material`.

All by the cryptography package, which signs what it is told to. Nothing here knows of TLS.
"""
from __future__ import absolute_import, division, print_function

import datetime
import ipaddress
import sys

from cryptography import x509
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ['material']

BACKEND = default_backend()
PEM = serialization.Encoding.PEM
DAY = datetime.timedelta(days=1)


def _now():
    if sys.version_info[0] == 2:
        return datetime.datetime.utcnow().replace(microsecond=0)
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, u'sslproto27 tests'),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key(bits=None):
    if bits:
        return rsa.generate_private_key(65537, bits, BACKEND)
    return ec.generate_private_key(ec.SECP256R1(), BACKEND)


class Issuer(object):
    """
    A certificate that signs others, and its key.

    Args:
        certificate (x509.Certificate), key: what it is.
        chain (bytes): PEM of the certificates that lead from it to the root, its own first; b'' for
            the root itself.
    """

    def __init__(self, certificate, key, chain=b''):
        self.certificate = certificate
        self.key = key
        self.chain = chain

    @classmethod
    def of_trustme(cls, ca):
        """Return one of trustme's authorities."""
        return cls(x509.load_pem_x509_certificate(ca.cert_pem.bytes(), BACKEND),
                   serialization.load_pem_private_key(ca.private_key_pem.bytes(), None, BACKEND))

    def issue(self, names=(u'localhost',), common_name=u'odd', is_ca=False, begin=-1, end=30,
              bits=None, usage=None, constraints=None, identifier=True):
        """
        Return (certificate, key).

        Args:
            names (sequence of text): dNSNames, or iPAddresses if they can be.
            begin, end (int): validity, in days from now.
            bits (int): of an RSA key; None for P-256.
            usage (oid): extended key usage.
            constraints (text): the domain that alone may be below this authority.
            identifier (bool): whether it identifies the authority's key (RFC 5280 4.2.1.1).
        """
        key, now = _key(bits), _now()
        builder = x509.CertificateBuilder(
            issuer_name=self.certificate.subject, subject_name=_name(common_name),
            public_key=key.public_key(), serial_number=x509.random_serial_number(),
            not_valid_before=now + begin * DAY, not_valid_after=now + end * DAY)
        extensions = [
            (x509.BasicConstraints(ca=is_ca, path_length=None), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)]
        if identifier:
            extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.certificate.public_key()), False))
        if is_ca:
            extensions.append((x509.KeyUsage(
                digital_signature=False, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                encipher_only=False, decipher_only=False), True))
        elif names:
            extensions.append((x509.SubjectAlternativeName([_general(one) for one in names]),
                               False))
        if usage:
            extensions.append((x509.ExtendedKeyUsage([usage]), False))
        if constraints:
            extensions.append((x509.NameConstraints([x509.DNSName(constraints)], None), True))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, hashes.SHA256(), BACKEND), key

    def below(self, **kwargs):
        """Return an issuer whose certificate this one signs."""
        certificate, key = self.issue(names=(), **kwargs)
        return Issuer(certificate, key, certificate.public_bytes(PEM) + self.chain)

    def pem(self, password=None, **kwargs):
        """Return PEM text of a new key, its certificate and the chain."""
        certificate, key = self.issue(**kwargs)
        return self.text(certificate, key, password)

    def text(self, certificate, key, password=None):
        """Return PEM text of these, and of the chain."""
        encryption = (serialization.BestAvailableEncryption(password) if password
                      else serialization.NoEncryption())
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)
        return (secret + certificate.public_bytes(PEM) + self.chain).decode('ascii')

    def crl(self, revoked=(), begin=-1, end=30):
        """Return PEM text of the list of certificates that are no longer valid."""
        now = _now()
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self.certificate.subject, last_update=now + begin * DAY,
            next_update=now + end * DAY)
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(certificate.serial_number, now - DAY).build(BACKEND))
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.certificate.public_key()),
            critical=False).add_extension(x509.CRLNumber(1), critical=False)
        return builder.sign(self.key, hashes.SHA256(), BACKEND).public_bytes(PEM).decode('ascii')


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _self_signed(key, digest):
    unsigned = x509.CertificateBuilder(
        issuer_name=_name(u'self'), subject_name=_name(u'self'), public_key=key.public_key(),
        serial_number=1, not_valid_before=_now() - DAY, not_valid_after=_now() + DAY)
    for extension in (x509.SubjectAlternativeName([x509.DNSName(u'localhost')]),
                      x509.SubjectKeyIdentifier.from_public_key(key.public_key())):
        unsigned = unsigned.add_extension(extension, critical=False)
    return Issuer(None, None).text(unsigned.sign(key, digest, BACKEND), key)


def _of_weak_hash(issuer):
    """Return PEM text of a certificate that an *issuer* with an RSA key signed by SHA-1."""
    certificate, key = issuer.issue()
    # New versions of cryptography refuse: sign by SHA-256, and put SHA-1 in its place (RFC 8017
    # A.2.4: the two identifiers differ in the last byte alone).
    sha256, sha1 = (b'\x2a\x86\x48\x86\xf7\x0d\x01\x01' + last for last in (b'\x0b', b'\x05'))
    signed = certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = issuer.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    der = certificate.public_bytes(serialization.Encoding.DER).replace(sha256, sha1)
    return issuer.text(x509.load_der_x509_certificate(
        der[:-len(signature)] + signature, BACKEND), key)


def material(ca, stranger):
    """
    Return a dict from name to PEM text.

    Args:
        ca, stranger (trustme.CA): the authority that clients trust, and one that they don't.
    """
    ca, stranger = Issuer.of_trustme(ca), Issuer.of_trustme(stranger)
    child = ca.below(common_name=u'child', is_ca=True)
    revoked, revoked_key = ca.issue()
    leaf, leaf_key = child.issue()
    server_auth, client_auth = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    return {
        'good': ca.pem(usage=server_auth),
        'good_chain': child.text(leaf, leaf_key),
        'broken_chain': ca.text(leaf, leaf_key),
        'not_yet': ca.pem(begin=10),
        'too_late': ca.pem(begin=-10, end=-2),
        'self_signed': _self_signed(_key(), hashes.SHA256()),
        'ed25519': _self_signed(ed25519.Ed25519PrivateKey.generate(), None),
        'unknown_ca': stranger.pem(),
        'for_clients': ca.pem(usage=client_auth),
        'weak_key': ca.pem(bits=1024),
        'weak_hash': _of_weak_hash(ca.below(common_name=u'careless', is_ca=True, bits=2048)),
        'weak_ca_key': ca.below(common_name=u'weak', is_ca=True, bits=1024).pem(),
        'no_identifier': ca.pem(identifier=False),
        'false_ca': ca.below(common_name=u'no authority').pem(),
        'constrained': ca.below(common_name=u'constrained', is_ca=True,
                                constraints=u'example.com').pem(),
        'within_constraints': ca.below(common_name=u'constrained', is_ca=True,
                                       constraints=u'localhost').pem(),
        'expired_chain': ca.below(common_name=u'old', is_ca=True, begin=-9, end=-2).pem(),
        'nul_in_name': ca.pem(names=[u'localhost\0.example.org']),
        'nul_in_common_name': ca.pem(names=(), common_name=u'localhost\0.example.org'),
        'only_common_name': ca.pem(names=(), common_name=u'localhost'),
        'other_address': ca.pem(names=[u'127.0.0.2']),
        'address_as_name': ca.pem(names=[u'localhost'], common_name=u'127.0.0.1'),
        'wild_a_label': ca.pem(names=[u'xn--*.example.org']),
        'encrypted': ca.pem(password=b'secret'),
        'encrypted-utf8': ca.pem(password=u'p\xe4ss\u65e5'.encode('utf-8')),
        'revoked': ca.text(revoked, revoked_key),
        'crl': ca.crl([revoked]),
        'stranger-crl': stranger.crl(),
        'expired-crl': ca.crl([revoked], begin=-9, end=-2),
    }
