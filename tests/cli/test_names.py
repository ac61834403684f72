"""Which certificate a client gets: names read from files, and the choice by them."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLPipe, create_default_context
from sslproto27._cli.console import UserError
from sslproto27._cli.names import answer_by_name, names_of
from tests.support.engines import ENGINE
from tests.support.memory import PY2, ask_for, collect, connect, raised


def test_names(pki):
    """The names are those of the first certificate in the file."""
    assert ['localhost'] == names_of(pki.path('localhost'))


@pytest.mark.parametrize('label', [b'X509 CERTIFICATE', b'TRUSTED CERTIFICATE'])
@pytest.mark.parametrize('header', [b'', b'X-Comment: a\n b\n\n', b'X-Comment: a\r\n\r\n'])
def test_other_labels(pki, tmpdir, label, header):
    """They are read under PEM's other labels, too, and after headers of PEM."""
    path = tmpdir.join('one.pem')
    begin = b'-----BEGIN ' + label + b'-----\n'
    pem = b'# B\xc3\xa4cker\n' + pki.labelled('localhost', label)
    path.write_binary(pem.replace(begin, begin + header))
    assert ['localhost'] == names_of(str(path))


@pytest.mark.parametrize('text, reason', [
    ('', 'there is no certificate'),
    ('-----BEGIN CERTIFICATE-----\nMAMC\n-----END CERTIFICATE-----\n', ''),
])
def test_no_certificate(tmpdir, text, reason):
    """A file without a certificate that can be read is the user's mistake, told with its name."""
    path = tmpdir.join('one.pem')
    path.write(text)
    error = raised(names_of, str(path))
    assert UserError is type(error)
    assert str(path) in str(error) and reason in str(error)


@pytest.mark.parametrize('asked, chosen', [
    (u'localhost', 1), (u'LOCALHOST', 1), (u'www.example.org', 2), (u'a.www.example.org', 0),
    (u'elsewhere', 0), (u'xn--strae-oqa.example.org', 2)])  # 2.7's ssl cannot decode the last one
def test_choice(pki, asked, chosen):
    """The context is the one that has the asked name, a wildcard for one label, else the first."""
    contexts = []
    for _ in range(3):
        context = create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pki.path('localhost'))
        contexts.append(context)
    names = answer_by_name(list(zip(contexts, [['first'], ['localhost'], ['*.example.org']])))
    client = create_default_context(cafile=pki.path('ca'))
    client.check_hostname = False
    pair = connect(client, contexts[0], server_hostname=asked)
    assert contexts[chosen] is pair.server.context
    assert asked.lower() == names[pair.server].lower()


@pytest.mark.skipif(not PY2, reason="Python 3's ssl refuses them")
@pytest.mark.parametrize('asked', [b'b\xc3\xbccher.example', b'\xff.\xfe.', b'\xff.example.org'])
def test_choice_by_odd_name(pki, asked, capfd):
    """A client that asks for what is no name gets the first."""
    contexts = [pki.server_context(leaf, 'TLSv1.2') for leaf in ('localhost', 'ecdsa')]
    asked_for = answer_by_name(list(zip(contexts, [['first'], ['*.example.org']])))
    capfd.readouterr()
    error, sent = ask_for(pki.client_context(version='TLSv1.2'), contexts[0], asked)
    if ENGINE == 'pair':  # 2.7's ssl would have to decode it
        assert ('CALLBACK_FAILED', b'\x02\x70') == (error.reason, sent[-2:])
    else:
        assert (None, True) == (error, pki.chain('localhost')[0] in sent)
    assert ('', '') == capfd.readouterr()
    collect()
    assert 0 == len(asked_for)  # it forgets those that are gone


@pytest.mark.parametrize('name', [
    '*', 'f*.example.org', 'a.*.example.org', '', '.', 'a b', u'\xe4'])
def test_names_that_nobody_asks_for(pki, name):
    """What a certificate has for a name, and none is, changes nothing for its other names."""
    contexts = [pki.server_context(), pki.server_context('ecdsa')]
    answer_by_name(list(zip(contexts, [['first'], [name, 'localhost']])))
    assert contexts[1] is connect(pki.client_context(), contexts[0]).server.context


@pytest.mark.parametrize('sent', [b'localhost.', b'LOCALHOST.'])
def test_choice_with_root(pki, sent):
    """A name with the dot of the root, which clients should not send, is found, too."""
    contexts = []
    for _ in range(2):
        context = create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pki.path('localhost'))
        contexts.append(context)
    answer_by_name(list(zip(contexts, [['first'], ['localhost']])))
    client = SSLPipe(create_default_context(cafile=pki.path('ca')), server_hostname='localhostx')
    server = SSLPipe(contexts[0], server_side=True)
    for pipe in (client, server):
        pipe.do_handshake()
    server.feed_ssldata(client.data_to_send().replace(b'localhostx', sent))
    assert contexts[1] is server.ssl_object.context
