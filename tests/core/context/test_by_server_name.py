"""`sslproto27.context.by_server_name`: which context a connection has, and what of it."""
from __future__ import absolute_import, division, print_function

import gc
import ssl
import sys
import weakref

import pytest

from sslproto27 import context as contexts
from sslproto27 import SSLContext
from sslproto27._core.pair.limits import Limit
from sslproto27._stream.report import requested_name
from tests.support.engines import ENGINE, only_graft
from tests.support.memory import PY2, Pair, ask_for, connect, only_python2, raised


@pytest.fixture
def default(server_context):
    """The context of a server."""
    return server_context


def other(pki, version, **kwargs):
    """Return another server's context."""
    return pki.server_context('ecdsa', version, **kwargs)


@pytest.mark.parametrize('asked, chosen', [
    (u'localhost', 'one'), (u'LOCALHOST', 'one'), (u'localhost.', 'one'),
    (u'www.example.org', 'two'), (u'a.www.example.org', None), (u'example.org', None),
    (u'own.example.org', 'one'), (u'elsewhere', None), (u'b\xfccher.example', 'two'), (None, None)])
def test_choice(pki, default, tls_version, asked, chosen):
    """The context is that of the name, of a wildcard for one label, or the default one."""
    found = {'one': other(pki, tls_version), 'two': other(pki, tls_version), None: default}
    assert default is contexts.by_server_name(default, {
        u'Localhost': found['one'], '*.example.org': found['two'],
        u'own.example.org.': found['one'],
        u'b\xfccher.example': found['two'], u'elsewhere': default})
    client = pki.client_context(version=tls_version, trust=None)
    pair = connect(client, default, server_hostname=asked)
    assert found[chosen] is pair.server.context
    assert pki.chain('ecdsa' if chosen else 'localhost')[0] == pair.client.getpeercert(True)


#: Names that 2.7's ssl cannot decode, by the certificate that they lead to.
ODD_NAMES = [
    (b'b\xc3\xbccher.example', 'localhost'), (b'b\xfccher.example.org', 'localhost'),
    (b'\xff\xfe\xfd.', 'localhost'), (b'\xe9.' * 85, 'localhost'),
    (b'xn--strae-oqa.example.org', 'ecdsa'), (b'XN--STRAE-OQA.example.org.', 'ecdsa'),
    (b'xn--', 'localhost')]


@only_python2
@pytest.mark.parametrize('asked, leaf', ODD_NAMES, ids=repr)
def test_odd_names(pki, asked, leaf, capfd):
    """
    A name that is not ASCII is unknown. Nothing is printed, and the next client is served.

    The pair engine refuses unknown ones that 2.7's ssl cannot decode.
    """
    default = pki.server_context(version='TLSv1.2')
    contexts.by_server_name(default, {u'*.example.org': pki.server_context('ecdsa', 'TLSv1.2')})
    client_context = pki.client_context(version='TLSv1.2')
    capfd.readouterr()
    for _ in range(2):
        error, sent = ask_for(client_context, default, asked)
        if ENGINE == 'pair' and leaf == 'localhost':
            assert ('CALLBACK_FAILED', b'\x02\x70') == (error.reason, sent[-2:])
        else:
            assert (None, True) == (error, pki.chain(leaf)[0] in sent)
        pair = connect(pki.client_context(trust=None), default, server_hostname=u'a.example.org')
        assert pki.chain('ecdsa')[0] == pair.client.getpeercert(True)
    assert ('', '') == capfd.readouterr()


@only_graft
@only_python2
@pytest.mark.parametrize('names', [(b'odd\xff.', b'odd\xff.'), (b'odd\xff.', b'known'),
                                   (b'known', b'odd\xff.')], ids=repr)
def test_odd_name_twice(pki, names, capfd):
    """So is one in the second ClientHello, which a HelloRetryRequest asks for."""
    default, client_context = pki.server_context(version='TLSv1.3'), pki.client_context(
        version='TLSv1.3')
    default.set_ecdh_curve('secp521r1')
    contexts.by_server_name(default, {u'*.example.org': pki.server_context('ecdsa', 'TLSv1.3')})
    pair = Pair(client_context, default, server_hostname=u'aaaaa')
    capfd.readouterr()
    for name in names:
        pair.client_end.handshake_is_done()
        hello = pair.client_end.outgoing.read()
        assert 1 == hello.count(b'aaaaa')
        pair.server_end.incoming.write(hello.replace(b'aaaaa', name))
        assert not pair.server_end.handshake_is_done()
        sent = pair.server_end.outgoing.read()
        assert b'\x16' == sent[:1]
        pair.client_end.incoming.write(sent)
    assert b'\x17' in sent  # it has encrypted
    assert ('', '') == capfd.readouterr()


@pytest.mark.skipif(PY2, reason='2.7 takes it for an unknown one')
def test_odd_name_on_python3(pki, default, client_context, monkeypatch):
    """On Python 3 a name that is not ASCII is refused, as its ssl has it."""
    contexts.by_server_name(default, {u'localhost': default})
    if hasattr(sys, 'unraisablehook'):
        monkeypatch.setattr(sys, 'unraisablehook', lambda event: None)
    error, sent = ask_for(client_context, default, b'\xff.test')
    assert (ssl.SSLError, b'\x02\x50') == (type(error), sent[-2:])  # old Pythons misname the reason


@only_python2
@pytest.mark.parametrize('leaf, trust, succeeds', [
    (None, 'ca', False), ('client', 'ca', True)])
def test_verify_mode(pki, default, tls_version, leaf, trust, succeeds):
    """A chosen context that wants a client's certificate gets it, and verifies it."""
    contexts.by_server_name(default, {u'localhost': other(pki, tls_version, trust=trust)})
    pair = Pair(pki.client_context(version=tls_version, leaf=leaf), default)
    errors = pair.try_handshake()
    assert succeeds is (errors[1] is None)
    if succeeds:
        assert pki.chain('client')[0] == pair.server.getpeercert(True)


@only_python2
def test_verified_less(pki, tls_version):
    """A chosen context that wants no certificate asks for none, whatever the default one wants."""
    default = pki.server_context(version=tls_version, trust='ca')
    contexts.by_server_name(default, {u'localhost': other(pki, tls_version)})
    client = pki.client_context(version=tls_version)
    assert (None, None) == Pair(client, default).try_handshake()
    client.check_hostname = False
    assert None is not Pair(client, default, server_hostname=u'else').try_handshake()[1]


@only_python2
@pytest.mark.parametrize('how', ['minimum', 'maximum', 'option'])
def test_versions(pki, client_context, default, tls_version, how):
    """A version that the chosen context does not allow is refused."""
    chosen = pki.server_context('ecdsa')
    if how == 'option':
        chosen.options |= ssl.OP_NO_TLSv1_2 if tls_version == 'TLSv1.2' else contexts.OP_NO_TLSv1_3
    elif tls_version == 'TLSv1.2':
        contexts.set_minimum_version(chosen, contexts.TLSVersion.TLSv1_3)
    else:
        contexts.set_maximum_version(chosen, contexts.TLSVersion.TLSv1_2)
    contexts.by_server_name(default, {u'localhost': chosen})
    pair = Pair(client_context, default)
    assert 'PROTOCOL_VERSION' in pair.try_handshake()[0].reason
    assert 'localhost' == requested_name(pair.server)  # for the log


def test_alpn(pki, client_context, default, tls_version):
    """ALPN is the chosen context's."""
    chosen = other(pki, tls_version)
    chosen.set_alpn_protocols(['h2'])
    default.set_alpn_protocols(['http/1.1'])
    client_context.set_alpn_protocols(['http/1.1', 'h2'])
    contexts.by_server_name(default, {u'localhost': chosen})
    assert 'h2' == connect(client_context, default).server.selected_alpn_protocol()


@only_python2
def test_session_of_another_name(pki, tls_version):
    """
    A session that was made where no certificate was asked for does not stand for one.

    With TLS 1.2 OpenSSL takes the name of the session for the one that is asked for, so the
    connection is that other name's.
    """
    default = pki.server_context('ecdsa', tls_version)
    contexts.by_server_name(default, {u'localhost': other(pki, tls_version, trust='ca')})
    client = pki.client_context(version=tls_version, trust=None)
    first = connect(client, default, server_hostname=u'public')
    first.server.write(b'x')
    first.pump()
    first.client.read(1)
    session = first.client.session
    again = connect(client, default, server_hostname=u'public', session=session)
    assert True is again.server.session_reused
    pair = Pair(client, default, server_hostname=u'localhost', session=session)
    refused = pair.try_handshake()[1] is not None
    assert refused or pair.server.context is default
    assert refused or tls_version == 'TLSv1.2'


@pytest.mark.parametrize('name, error', [
    (1, TypeError), (u'', ValueError), (u'*', ValueError), (u'a*.example', ValueError),
    (u'a..b', ValueError), (u'*.*.example', ValueError), (u'.example', ValueError),
    (u'x' * 64, ValueError)])
def test_wrong_names(default, name, error):
    """What is no server name is refused, by name."""
    refused = raised(contexts.by_server_name, default, {name: default})
    assert (error, True) == (type(refused), repr(name) in str(refused))


def test_wrong_contexts(default):
    """What is no context is TypeError."""
    assert TypeError is type(raised(contexts.by_server_name, None, {}))
    assert TypeError is type(raised(contexts.by_server_name, default, {u'localhost': 'text'}))


@pytest.mark.skipif(PY2, reason='2.7 has all of them for one connection')
def test_what_python3_cannot(pki, default, tls_version):
    """On Python 3 a context whose settings a connection could not get is refused at once."""
    error = raised(contexts.by_server_name, default,
                   {u'localhost': other(pki, tls_version, trust='ca')})
    assert (ValueError, True) == (type(error), 'verify_mode' in str(error))


only_pair = pytest.mark.skipif(ENGINE != 'pair', reason='this is about the pair engine')


@only_pair
def test_what_the_pair_cannot(pki, default, tls_version):
    """The pair refuses at once what a connection could not get, and to verify clients so."""
    verifying = other(pki, tls_version, trust='ca')
    newer = other(pki, tls_version)
    newer.options ^= ssl.OP_NO_TLSv1_1
    for given in ((default, verifying), (default, newer),
                  (other(pki, tls_version, trust='ca'), verifying)):
        with pytest.raises(Limit):
            contexts.by_server_name(given[0], {u'localhost': given[1]})


@only_pair
def test_changed_afterwards(pki, client_context, default, tls_version):
    """A context that has come to verify clients after it was given ends the connection."""
    chosen = other(pki, tls_version)
    contexts.by_server_name(default, {u'localhost': chosen})
    chosen.verify_mode = ssl.CERT_OPTIONAL
    assert 'INTERNAL_ERROR' in Pair(client_context, default).try_handshake()[0].reason


@pytest.mark.parametrize('cls', [ssl.SSLContext, SSLContext])
def test_context_dies(pki, cls):
    """Contexts that know each other in this way can go."""
    default, chosen = [pki.server_context(cls=cls) for _ in range(2)]
    contexts.by_server_name(default, {u'localhost': chosen, u'else': default})
    references = [weakref.ref(default), weakref.ref(chosen)]
    del default, chosen
    gc.collect()
    assert [None, None] == [reference() for reference in references]
