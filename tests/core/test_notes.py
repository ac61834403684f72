"""What a failure means, behind OpenSSL's own words: in the text alone."""
from __future__ import absolute_import, division, print_function

import ssl
import sys

import pytest

from sslproto27 import SSLContext, SSLPipe
from sslproto27._core.notes import add_note, explain
from sslproto27.context import by_server_name
from tests.support.engines import not_in_pair, only_graft
from tests.support.memory import only_python2, since_python3
from tests.support.pipe_pairs import failures


def failure_of(pipe, *received):
    """Return the error that ends *pipe*, a new one, when it has received that."""
    pipe.do_handshake()
    for data in received:
        pipe.feed_ssldata(data)
    return pipe.failure


def client_of(pki, **kwargs):
    """Return a client's pipe."""
    return SSLPipe(pki.client_context(**kwargs), server_hostname='localhost')


class TestHandshakes(object):
    def test_plain_http_server(self, pki):
        """A server's answer that is not TLS is quoted."""
        error = failure_of(client_of(pki), b'HTTP/1.1 400 Bad \x1b Request\r\nServer: x\r\n\r\n')
        assert str(error).endswith(
            ' (the peer does not speak TLS; it answered HTTP/1.1 400 Bad )'), error
        assert 'WRONG_VERSION_NUMBER' == error.reason

    @pytest.mark.parametrize('data', [b'220 mail.example.org ESMTP\r\n', b'SSH-2.0-x\r\n',
                                      b'\0' * 20])
    def test_no_tls(self, pki, data):
        """If the peer's bytes are of an unknown kind, the note says that they are not TLS."""
        error = failure_of(client_of(pki), data)
        assert str(error).endswith(' (the peer sent something other than TLS, or a version that we'
                                   ' did not offer)'), error

    def test_plain_http_client(self, pki):
        """The note says that the client speaks plain HTTP."""
        server = SSLPipe(pki.server_context(), server_side=True)
        error = failure_of(server, b'GET / HTTP/1.1\r\n\r\n')
        assert str(error).endswith(' (the client speaks plain HTTP to a TLS port)')
        assert 'HTTP_REQUEST' == error.reason

    @pytest.mark.parametrize('cls', [ssl.SSLContext, SSLContext])
    def test_versions(self, pki, cls):
        """Where no version is in common each side says which it has offered."""
        errors = failures(
            SSLPipe(pki.client_context(version='TLSv1.2', cls=cls), server_hostname='localhost'),
            SSLPipe(pki.server_context(version='TLSv1.3', cls=cls), server_side=True))
        assert [True, True] == [
            str(error).endswith('(no version in common; offered: TLS 1.%d)' % version)
            for error, version in zip(errors, (2, 3))], errors

    @not_in_pair('verify_code')
    @since_python3(13, 'the chain of a failed verification')
    @pytest.mark.parametrize('trust, leaf, expected', [
        ('ca', 'stranger', 'the peer sent only its own certificate: an intermediate is missing,'
                           ' or Testing CA'),
        ('stranger-ca', 'chain', 'the chain ends with a certificate issued by Testing CA')])
    def test_missing(self, pki, trust, leaf, expected):
        """A chain is told by what it lacks: an intermediate, or trust in its root."""
        error, _ = failures(client_of(pki, trust=trust),
                            SSLPipe(pki.server_context(leaf), server_side=True))
        assert ' (' + expected in str(error)
        assert ('CERTIFICATE_VERIFY_FAILED', 20) == (error.reason, error.verify_code)
        assert 'unable to get local issuer certificate' == error.verify_message

    @only_python2
    @only_graft
    def test_refused_by_server_name(self, pki):
        """The server says why `by_server_name` refused, where OpenSSL knows of a callback alone."""
        default, chosen = pki.server_context(), pki.server_context(version='TLSv1.3')
        by_server_name(default, {'localhost': chosen})
        _, error = failures(client_of(pki, version='TLSv1.2'), SSLPipe(default, server_side=True))
        assert str(error).endswith("(the context of this name does not allow the client's version"
                                   " of TLS)"), error

    def test_long_message(self, pki):
        """A message that is too long for OpenSSL is put into words."""
        # A record of the handshake: a ServerHello of 0xffffff bytes, of which the rest is to come.
        error = failure_of(client_of(pki), b'\x16\x03\x03\x00\x04\x02\xff\xff\xff')
        assert 'EXCESSIVE_MESSAGE_SIZE' == error.reason
        assert str(error).endswith(' is longer than OpenSSL allows)'), error

    def test_other_names(self, pki):
        """A failure that says what it is stays as it is."""
        error, _ = failures(client_of(pki), SSLPipe(pki.server_context('other'), server_side=True))
        assert '(the ' not in str(error) and 'localhost' in str(error)

    def test_of_a_certificate(self, pki):
        """A peer that wants a certificate says so by an alert, after the client is done."""
        client = client_of(pki, version='TLSv1.3')
        server = SSLPipe(pki.server_context(trust='ca', version='TLSv1.3'), server_side=True)
        errors = failures(client, server)
        if errors[0].reason is None:
            pytest.skip("this Python's ssl has no name for the alert")
        assert '(the peer requires a certificate)' in str(errors[0])


#: Numbers of alerts, and words of what is said of each: RFC 8446 6.2, RFC 5246 7.2.2.
ALERTS = [
    (10, 'did not expect'), (20, 'could not decrypt'), (22, 'too long'), (40, 'refused'),
    (42, 'finds a fault'), (43, 'does not support'), (44, 'revoked'), (45, 'expired'),
    (46, 'does not say why'), (47, 'considers a value'), (48, 'authority'), (49, 'let us in'),
    (50, 'could not read'), (51, 'could not verify'), (70, 'no version in common'),
    (71, 'stronger cipher'), (80, 'of its own'), (86, 'a later version'), (90, 'cancelled'),
    (109, 'requires an extension'), (110, 'had not asked'), (111, 'could not fetch'),
    (112, 'this server name'), (113, 'OCSP'), (114, 'fetched another'), (115, 'pre-shared'),
    (116, 'requires a certificate'), (120, '(ALPN)')]


@pytest.mark.parametrize('number, words', ALERTS)
def test_alert(pki, number, words):
    """Each alert of a server is put into words."""
    error = failure_of(client_of(pki), b'\x15\x03\x03\x00\x02\x02' + bytes(bytearray([number])))
    if error.reason is None:
        pytest.skip("this Python's ssl has no name for the alert")
    assert words in str(error).partition('(')[2], error


@only_graft
@only_python2
@pytest.mark.parametrize('number', [1, 255])
def test_alert_without_a_name(pki, number):
    """An alert for which OpenSSL has no name is told by its number."""
    error = failure_of(client_of(pki), b'\x15\x03\x03\x00\x02\x02' + bytes(bytearray([number])))
    assert '[SSL] unknown error (the peer sent alert %d)' % number == str(error)


class TestText(object):
    def test_where(self):
        """A note is in all that is text, and in nothing else."""
        error = ssl.SSLError(1, 'text')
        error.reason, error.library = 'REASON', 'SSL'
        add_note(error, 'note')
        assert ('text (note)', (1, 'text (note)'), 1, 'REASON', 'SSL') == (
            str(error), error.args, error.errno, error.reason, error.library)

    @pytest.mark.parametrize('args', [(), ('text',), (1, None)])
    def test_without_text(self, args):
        """An error without a number and a text is left alone."""
        error = ssl.SSLError(*args)
        before = error.args
        add_note(error, 'note')
        assert before == error.args

    def test_never_raises(self):
        """Whatever is wrong with what it looks at, the failure is what counts."""
        error = ssl.SSLError(1, 'text')
        error.reason = 'CERTIFICATE_VERIFY_FAILED'
        explain(error, None, None, None)
        assert ('text', 1) == (str(error), error.errno), sys.exc_info()
