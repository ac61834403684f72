"""
Host names: checked by OpenSSL in the handshake, against the certificate's alternative names, and
against its common name where the context says so.
"""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

import sslproto27
import sslproto27.context
from sslproto27 import SSLCertVerificationError
from tests.support.memory import Endpoint, Pair, connect, only_python2

ACCEPTED = [
    ('localhost', u'localhost'), ('localhost', u'LOCALHOST'), ('localhost', b'localhost'),
    ('localhost', u'127.0.0.1'), ('localhost', b'127.0.0.1'), ('localhost', u'::1'),
    ('localhost', u'0:0:0:0:0:0:0:1'), ('network', u'127.0.0.1'),
    ('wildcard', u'www.example.org'), ('wildcard', u'WWW.Example.ORG'),
    ('idna', u'b\xfccher.example.org'), ('idna', u'B\xdcCHER.example.org'),
    ('idna', u'xn--bcher-kva.example.org'), ('idna', b'xn--bcher-kva.example.org'),
    ('common_name_and_ip', u'127.0.0.1'),
]

REFUSED = [
    ('localhost', u'localhos'), ('localhost', u'localhost.example.org'),
    ('localhost', u'a.localhost'),
    ('localhost', u'127.0.0.2'), ('localhost', u'::2'), ('localhost', u'127.0.0.1.example.org'),
    ('network', u'localhost'),
    ('wildcard', u'example.org'), ('wildcard', u'a.b.example.org'), ('wildcard', u'wwwexample.org'),
    ('wildcard', u'www.example.com'),
    ('idna', u'bucher.example.org'), ('idna', u'b\xf6cher.example.org'),
    ('ip_as_dns', u'127.0.0.1'), ('star', u'localhost'), ('star', u'127.0.0.1'),
    ('partial', u'www.example.org'), ('partial', u'localhost'), ('inner_star', u'a.b.example.org'),
    ('nothing', u'localhost'), ('common_name', u'127.0.0.1'),
]


def outcome(pki, version, leaf, name, adjust=None):
    """Shake hands for *name* with a server that shows *leaf*; return both errors."""
    context = pki.client_context(version)
    if adjust:
        adjust(context)
    return Pair(context, pki.server_context(leaf, version), server_hostname=name).try_handshake()


def never_by_common_name(context):
    """Let alternative names count alone."""
    sslproto27.context.set_hostname_checks_common_name(context, False)


@pytest.mark.parametrize('leaf, name', ACCEPTED, ids=repr)
def test_accepted(pki, tls_version, leaf, name):
    """A name or address that the certificate has is accepted."""
    assert (None, None) == outcome(pki, tls_version, leaf, name)


@pytest.mark.parametrize('leaf, name', REFUSED, ids=repr)
def test_refused(pki, tls_version, leaf, name):
    """
    No other name is: no partial, bare or inner wildcard, no address as a name, no name as an
    address.
    """
    error = outcome(pki, tls_version, leaf, name)[0]
    address = name.replace('.', '').isdigit() or ':' in name
    assert (SSLCertVerificationError, 64 if address else 62) == (type(error), error.verify_code)


#: By common name, where that may count: the certificate, the name, and the error's code if any.
BY_COMMON_NAME = [
    ('common_name', u'localhost', None), ('common_name', u'LOCALHOST', None),
    ('common_name', u'other.example.org', 62), ('common_name', u'127.0.0.1', 64),
    ('common_name_and_ip', u'localhost', None), ('common_name_and_ip', u'127.0.0.2', 64),
    ('common_name_and_dns', u'localhost', 62), ('common_name_and_dns', u'other.example.org', None),
    ('common_name_star', u'www.example.org', None), ('common_name_star', u'a.b.example.org', 62),
    ('common_name_partial', u'www.example.org', 62), ('common_name_address', u'127.0.0.1', 64),
]


def made_by_ssl(pki):
    """Return a client's context as ssl makes it."""
    return ssl.create_default_context(cafile=pki.path('ca'))


def set_by_hand(pki):
    """Return a plain context with the settings of a client."""
    context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.load_verify_locations(pki.path('ca'))
    return context


@pytest.mark.filterwarnings('ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning')
@pytest.mark.parametrize('make', [made_by_ssl, set_by_hand])
@pytest.mark.parametrize('leaf, name, code', BY_COMMON_NAME)
def test_common_name(pki, make, leaf, name, code):
    """A context of ssl's takes the common name where there is no dNSName, as 3.13 has it."""
    errors = Pair(make(pki), pki.server_context(leaf), server_hostname=name).try_handshake()
    assert code == getattr(errors[0], 'verify_code', None)
    assert [code is None] * 2 == [error is None for error in errors]


@pytest.mark.parametrize('make', [made_by_ssl, set_by_hand])
@pytest.mark.filterwarnings('ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning')
@pytest.mark.parametrize('leaf', ['common_name', 'common_name_and_ip', 'common_name_star'])
def test_common_name_switched_off(pki, make, leaf):
    """A context of ssl's takes none where hostname_checks_common_name is false."""
    context = make(pki)
    never_by_common_name(context)
    name = u'www.example.org' if leaf == 'common_name_star' else u'localhost'
    error = Pair(context, pki.server_context(leaf), server_hostname=name).try_handshake()[0]
    assert (SSLCertVerificationError, 62) == (type(error), error.verify_code)


@only_python2
@pytest.mark.parametrize('leaf, name, code', BY_COMMON_NAME)
def test_common_name_and_ours(pki, leaf, name, code):
    """create_default_context refuses all of these, until hostname_checks_common_name is true."""
    server = pki.server_context(leaf)
    context = sslproto27.create_default_context(cafile=pki.path('ca'))
    error = Pair(context, server, server_hostname=name).try_handshake()[0]
    by_name_alone = leaf != 'common_name_and_dns'
    assert (code or (62 if by_name_alone else None)) == getattr(error, 'verify_code', None)
    context.hostname_checks_common_name = True
    error = Pair(context, server, server_hostname=name).try_handshake()[0]
    assert code == getattr(error, 'verify_code', None)


@pytest.mark.parametrize('leaf', ['common_name', 'common_name_and_ip'])
def test_common_name_alone(pki, tls_version, leaf):
    """A common name is no host name where the context says so."""
    error = outcome(pki, tls_version, leaf, u'localhost', never_by_common_name)[0]
    assert (SSLCertVerificationError, 62) == (type(error), error.verify_code)


@pytest.mark.parametrize('name', [u'localhost', u'other.example.org'])
def test_peer_is_told(pki, tls_version, name):
    """The server gets the alert of a refusal, and nothing where the name is right."""
    errors = outcome(pki, tls_version, 'localhost', name)
    reason = getattr(errors[1], 'reason', None)
    assert {u'localhost': None, u'other.example.org': 'SSLV3_ALERT_BAD_CERTIFICATE'}[name] == reason


@only_python2
@pytest.mark.parametrize('leaf, name', [
    ('localhost', u'localhost.'), ('wildcard', u'www.example.org.'),
    ('idna', u'b\xfccher.example.org.'),
], ids=repr)
def test_trailing_dot(pki, tls_version, leaf, name):
    """The dot at the end of an absolute name is no part of the name (RFC 6066 3)."""
    assert (None, None) == outcome(pki, tls_version, leaf, name)


@pytest.mark.parametrize('name, is_asked_for', [
    (u'example.org', True), (u'example7', True), (u'10.0.0.256', True), (u'10.0.0.2', False),
    (u'::1', False)])
def test_asked_for(client_context, name, is_asked_for):
    """The server is told which name is meant, in digits or not, but no address (RFC 6066 3)."""
    end = Endpoint.wrap(client_context, server_hostname=name)
    assert not end.handshake_is_done()
    assert is_asked_for == (name.encode('ascii') in end.outgoing.read())


@only_python2
def test_trailing_dot_is_not_a_wild_card(pki, tls_version):
    """With a dot at its end, a wrong name is as wrong as without."""
    error = outcome(pki, tls_version, 'localhost', u'other.example.org.')[0]
    assert (SSLCertVerificationError, 62) == (type(error), error.verify_code)


@pytest.mark.parametrize('name', [u'other.example.org', u'127.0.0.2', None], ids=repr)
def test_unchecked(pki, tls_version, name):
    """Where the context does not check names, any name or none passes."""
    def off(context):
        context.check_hostname = False
    assert (None, None) == outcome(pki, tls_version, 'localhost', name, off)


def test_chain_is_checked_all_the_same(pki, tls_version):
    """Where names are not checked, the certificate still is."""
    def off(context):
        context.check_hostname = False
    error = outcome(pki, tls_version, 'stranger', u'localhost', off)[0]
    assert (SSLCertVerificationError, 20) == (type(error), error.verify_code)


def test_decided_when_wrapped(pki, tls_version):
    """check_hostname counts as it is when the object is made, not when it shakes hands."""
    context = pki.client_context(tls_version)
    pair = Pair(context, pki.server_context('other', tls_version))
    context.check_hostname = False
    assert 62 == pair.try_handshake()[0].verify_code


def test_one_context_many_names(pki, tls_version):
    """The name belongs to the object: objects of one context check different names."""
    context, server = pki.client_context(tls_version), pki.server_context('localhost', tls_version)
    names = [u'localhost', u'wrong', u'127.0.0.1', u'127.0.0.9', u'::1', u'localhost']
    pairs = [Pair(context, server, server_hostname=name) for name in names]
    assert [None, 62, None, 64, None, None] == [
        getattr(pair.try_handshake()[0], 'verify_code', None) for pair in pairs]


def test_server_side_checks_no_name(pki, tls_version):
    """A server verifies a client's certificate, not its name."""
    pair = connect(pki.client_context(tls_version, leaf='client'),
                   pki.server_context(version=tls_version, trust='ca'))
    assert pki.chain('client')[0] == pair.server.getpeercert(True)
