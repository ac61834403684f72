"""
Certificates for the tests, and contexts that use them. Nothing here outlives a session of tests.

The certificates are made by trustme, in this process when it can be imported. An interpreter that
cannot (PyPy 2.7 has no cryptography) runs this very module with the interpreter that
SSLPROTO27_PKI_PYTHON names: ``python -m tests.support.pki DIRECTORY`` writes them there. Many
sessions can share one directory, which SSLPROTO27_PKI names: to make them takes a second.
"""
from __future__ import absolute_import, division, print_function

import base64
import contextlib
import datetime
import io
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import warnings

__all__ = ['PASSWORDS', 'PASSWORD_IDS', 'PKI', 'VERSIONS', 'material', 'new_context',
           'temporary_pki']

PY2 = sys.version_info[0] == 2
VERSIONS = ('TLSv1.2', 'TLSv1.3')

# Numbers of OpenSSL's ssl.h, which Python 2.7's ssl has no names for.
_OP_NO = {'TLSv1': 0x04000000, 'TLSv1.1': 0x10000000, 'TLSv1.2': 0x08000000, 'TLSv1.3': 0x20000000}

# Leaf certificates that trustme issues: file name, then subject alternative names.
_REGULAR = {
    'localhost': [u'localhost', u'127.0.0.1', u'::1'],
    'other': [u'other.example.org'],
    'client': [u'client.example.org'],
    'wildcard': [u'*.example.org'],
    'idna': [u'xn--bcher-kva.example.org'],
    'network': [u'127.0.0.1'],
}

# Leaf certificates that no good authority issues: names, and what else is odd.
_ODD = {
    'ecdsa': dict(dns=[u'localhost'], ip=[u'127.0.0.1']),
    'sha384': dict(dns=[u'localhost'], digest='SHA384'),
    'common_name': dict(common_name=u'localhost'),
    'common_name_and_ip': dict(common_name=u'localhost', ip=[u'127.0.0.1']),
    'common_name_and_dns': dict(common_name=u'localhost', dns=[u'other.example.org']),
    'common_name_star': dict(common_name=u'*.example.org'),
    'common_name_partial': dict(common_name=u'w*.example.org'),
    'common_name_address': dict(common_name=u'127.0.0.1'),
    'ip_as_dns': dict(dns=[u'127.0.0.1']),
    'star': dict(dns=[u'*']),
    'partial': dict(dns=[u'w*.example.org', u'loc*']),
    'partial_alone': dict(dns=[u'w*.example.org']),
    'inner_star': dict(dns=[u'a.*.example.org']),
    'nothing': dict(dns=[u'nobody.invalid']),
    'expired': dict(dns=[u'localhost'], days=-1),
    'rich': dict(dns=[u'localhost'], common_name=u'M\xfcller', serial=0xabc, rich=True),
}


def _trustme():
    """Return the trustme module; cryptography's farewell to Python 2 is not ours to heed."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        import trustme
    return trustme


def _rich_names(x509):
    """Return alternative names of the kinds that are no host."""
    directory = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, u'directory')])
    return [x509.RFC822Name(u'someone@example.org'),
            x509.UniformResourceIdentifier(u'https://example.org/'),
            x509.DirectoryName(directory), x509.RegisteredID(x509.ObjectIdentifier('1.2.3.4'))]


def _where_to_ask(x509):
    """Return the extensions that say where the issuer, its OCSP responder and its CRL are."""
    def uri(host):
        return x509.UniformResourceIdentifier(u'http://%s.example.org/' % host)
    oids = x509.AuthorityInformationAccessOID
    yield x509.AuthorityInformationAccess([x509.AccessDescription(oids.OCSP, uri(u'ocsp')),
                                           x509.AccessDescription(oids.CA_ISSUERS, uri(u'ca'))])
    yield x509.CRLDistributionPoints([x509.DistributionPoint([uri(u'crl')], None, None, None)])


def _odd_leaf(ca, dns=(), ip=(), common_name=None, days=30, digest='SHA256', serial=None,
              rich=False):
    """Return the PEM text of a P-256 key and of a certificate that *ca* signed for it."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        import ipaddress

        from cryptography import x509
        from cryptography.hazmat.backends import default_backend
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    backend = default_backend()
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes(), backend)
    issuer_key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None, backend)
    key = ec.generate_private_key(ec.SECP256R1(), backend)
    subject = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, u'sslproto27 tests')]
    if common_name:
        subject.append(x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name))
    names = [x509.DNSName(name) for name in dns]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ip]
    now = datetime.datetime(*datetime.datetime.utcnow().timetuple()[:6]) if PY2 else (
        datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0))
    builder = x509.CertificateBuilder(
        issuer_name=issuer.subject, subject_name=x509.Name(subject), public_key=key.public_key(),
        serial_number=serial or x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(days=60),
        not_valid_after=now + datetime.timedelta(days=days))
    basic = x509.BasicConstraints(ca=False, path_length=None)
    builder = builder.add_extension(basic, critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    if rich:
        names += _rich_names(x509)
        for extension in _where_to_ask(x509):
            builder = builder.add_extension(extension, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(issuer_key, getattr(hashes, digest)(), backend)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL,
                               serialization.NoEncryption())
    return (secret + certificate.public_bytes(pem)).decode('ascii')


def material():
    """
    Make two authorities and all leaf certificates.

    Returns:
        dict: file name to PEM text: ``ca.pem`` and ``stranger-ca.pem`` are certificates of
        authorities, ``...crl.pem`` revocation lists; each other file is a private key followed by
        its certificate chain.
    """
    trustme = _trustme()
    ca, stranger = trustme.CA(), trustme.CA()
    files = {'ca.pem': ca.cert_pem, 'stranger-ca.pem': stranger.cert_pem}
    for name, identities in _REGULAR.items():
        files[name + '.pem'] = ca.issue_cert(*identities).private_key_and_cert_chain_pem
    child = ca.create_child_ca()
    files['chain.pem'] = child.issue_cert(u'localhost').private_key_and_cert_chain_pem
    files['stranger.pem'] = stranger.issue_cert(u'localhost').private_key_and_cert_chain_pem
    files = {name: blob.bytes().decode('ascii') for name, blob in files.items()}
    for name, oddity in _ODD.items():
        files[name + '.pem'] = _odd_leaf(ca, **oddity)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from tests.support import odd_pki
        files.update((name + '.pem', text) for name, text in odd_pki.material(ca, stranger).items())
    return files


#: What opens the key of 'encrypted-utf8', in each way to give it, and names of these.
_PASSWORD = u'p\xe4ss\u65e5'
PASSWORDS = [_PASSWORD, _PASSWORD.encode('utf-8'), bytearray(_PASSWORD.encode('utf-8')),
             lambda: _PASSWORD, lambda: _PASSWORD.encode('utf-8'),
             lambda: bytearray(_PASSWORD.encode('utf-8'))]
PASSWORD_IDS = [form + kind for kind in ('', ' returned')
                for form in ('text', 'bytes', 'bytearray')]


def write(directory):
    """Write the files of `material` into a directory."""
    for name, text in material().items():
        with io.open(os.path.join(directory, name), 'w', encoding='ascii') as file:
            file.write(text if not isinstance(text, bytes) else text.decode('ascii'))


def _write_somehow(directory):
    """Let this process write if it can, or else the interpreter in SSLPROTO27_PKI_PYTHON."""
    try:
        _trustme()
    except ImportError as error:
        python = os.environ.get('SSLPROTO27_PKI_PYTHON')
        if not python:
            raise RuntimeError(
                'the tests need trustme, which %s cannot import (%s): set SSLPROTO27_PKI_PYTHON to '
                'an interpreter that can' % (sys.executable, error))
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
        subprocess.check_call([python, '-m', 'tests.support.pki', directory], cwd=root)
    else:
        write(directory)


def new_context(server_side=False, version=None, cls=ssl.SSLContext):
    """
    Return a context without certificates; a client's verifies and checks the host name.

    Args:
        server_side (bool): which end it is for.
        version (str): 'TLSv1.2' or 'TLSv1.3', the only one to speak; None for any from TLS 1.2.
        cls (type): `ssl.SSLContext`, or a class called like it.
    """
    if PY2:
        context = cls(getattr(ssl, 'PROTOCOL_TLS', ssl.PROTOCOL_SSLv23))
        for name in sorted(_OP_NO):
            if name != version and (version or name < 'TLSv1.2'):
                context.options |= _OP_NO[name]
        if not server_side:
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = True
        return context
    context = cls(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if version:
        number = ssl.TLSVersion.TLSv1_2 if version == 'TLSv1.2' else ssl.TLSVersion.TLSv1_3
        context.minimum_version = context.maximum_version = number
    return context


class PKI(object):
    """
    The files of `material` in one directory.

    Attributes:
        directory (str): where the files are; ``PKI(directory)`` reopens it, in a child process say.
    """

    def __init__(self, directory):
        self.directory = directory

    def path(self, name):
        """Return the path of file *name*, such as 'ca' or 'localhost'."""
        return os.path.join(self.directory, name + '.pem')

    def text(self, name):
        """Return the PEM text (native str) of file *name*."""
        with open(self.path(name)) as file:
            return file.read()

    def chain(self, name):
        """Return the certificates of file *name* as a list of DER bytes, the leaf first."""
        start, end = '-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'
        return [ssl.PEM_cert_to_DER_cert(start + part.split(end)[0] + end)
                for part in self.text(name).split(start)[1:]]

    def labelled(self, name, label):
        """
        Return file *name* as bytes, its certificates with another of PEM's labels.

        Args:
            label (bytes): b'X509 CERTIFICATE'; or b'TRUSTED CERTIFICATE', and then for no purpose
                in particular, X509_CERT_AUX.
        """
        text = self.text(name)
        found = [text[:text.index('-----BEGIN CERTIFICATE-----')].encode('ascii')]
        for der in self.chain(name):
            der += b'0\x00' if label.startswith(b'TRUSTED') else b''
            found += [b'-----BEGIN ', label, b'-----\n', base64.encodestring(der) if PY2 else
                      base64.encodebytes(der), b'-----END ', label, b'-----\n']
        return b''.join(found)

    def client_context(self, version=None, trust='ca', leaf=None, cls=ssl.SSLContext):
        """
        Return a client's context: verifies, checks the host name.

        Args:
            version (str): see `new_context`.
            trust (str): the authority to trust; None for none, and no verification.
            leaf (str): the certificate to present when asked; None for none.
        """
        context = new_context(version=version, cls=cls)
        if trust is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cafile=self.path(trust))
        if leaf is not None:
            context.load_cert_chain(self.path(leaf))
        return context

    def server_context(self, leaf='localhost', version=None, trust=None, cls=ssl.SSLContext):
        """
        Return a server's context that presents *leaf*.

        Args:
            trust (str): the authority whose clients alone are let in; None asks for no certificate.
        """
        context = new_context(server_side=True, version=version, cls=cls)
        context.load_cert_chain(self.path(leaf))
        if trust is not None:
            context.load_verify_locations(cafile=self.path(trust))
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@contextlib.contextmanager
def temporary_pki():
    """Give a `PKI` in a directory that is removed afterwards, or in the one that others share."""
    shared = os.environ.get('SSLPROTO27_PKI')
    if shared:
        yield PKI(shared)
        return
    directory = tempfile.mkdtemp(prefix='sslproto27-pki-')
    try:
        _write_somehow(directory)
        yield PKI(directory)
    finally:
        shutil.rmtree(directory)


if __name__ == '__main__':
    write(sys.argv[1])
