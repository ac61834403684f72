"""The name of one connection is checked, whatever its context says."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLCertVerificationError, SSLContext, SSLPipe, SSLSession
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import PipePair

TEXT = ('server_hostname must be a host name or an IP address, not %r; None is allowed only '
        'if context.check_hostname is false')


def outcome(pair):
    """Shake hands; return why the client refuses, None if it does not."""
    try:
        pair.handshake()
    except ssl.SSLError as error:
        return str(error)
    return None


def refused(call, *args, **kwargs):
    """Return the class and the text of what *call* raises."""
    error = raised(call, *args, **kwargs)
    return type(error), str(error)


class Watched(SSLContext):
    """A context that says when its check of names is changed."""

    changes = ()

    @property
    def check_hostname(self):
        """Whether names are checked (bool)."""
        return SSLContext.check_hostname.__get__(self)

    @check_hostname.setter
    def check_hostname(self, value):
        self.changes += (value,)
        SSLContext.check_hostname.__set__(self, value)


class TestCheckName(object):
    """check_name=True: of one pipe, where the context checks no names."""

    @pytest.fixture
    def context(self, pki, tls_version):
        """A client's context that verifies certificates and checks no names."""
        context = pki.client_context(tls_version, cls=Watched)
        context.check_hostname = False
        context.changes = ()
        return context

    @pytest.mark.parametrize('name, reason', [
        (u'localhost', None), (u'127.0.0.1', None), (u'other.example.org', 'Hostname mismatch'),
        (u'127.0.0.2', 'mismatch')])
    def test_checked(self, context, server_context, name, reason):
        """The name is checked in the handshake; nobody can see a change of the context."""
        pair = PipePair(context, server_context, server_hostname=name, check_name=True)
        said = outcome(pair)
        assert said is None if reason is None else reason in said
        assert (False, ()) == (context.check_hostname, context.changes)

    @pytest.mark.parametrize('name, code, kind', [
        (u'other.example.org', 62, 'Hostname'), (u'127.0.0.2', 64, 'IP address')])
    def test_error(self, context, server_context, name, code, kind):
        """The error is that of a context that checks names."""
        pair = PipePair(context, server_context, server_hostname=name, check_name=True)
        error = raised(pair.handshake)
        assert (SSLCertVerificationError, 1, 'SSL', 'CERTIFICATE_VERIFY_FAILED', code,
                "%s mismatch, certificate is not valid for '%s'." % (kind, name)) == (
            type(error), error.errno, error.library, error.reason, error.verify_code,
            error.verify_message)
        assert error.verify_message in str(error)

    @pytest.mark.parametrize('certificate, name, common_name, valid', [
        ('wildcard', u'www.example.org', True, True), ('wildcard', u'example.org', True, False),
        ('common_name', u'localhost', True, True), ('common_name', u'localhost', False, False)])
    def test_rules(self, pki, context, tls_version, certificate, name, common_name, valid):
        """The rules are OpenSSL's; the common name counts where the context says so."""
        context.hostname_checks_common_name = common_name
        server = pki.server_context(certificate, version=tls_version)
        pair = PipePair(context, server, server_hostname=name, check_name=True)
        assert valid is (outcome(pair) is None)

    def test_another_one_of_the_context(self, context, server_context):
        """Another pipe of the context, made and used meanwhile, checks none."""
        checking = PipePair(context, server_context, server_hostname=u'other.example.org',
                            check_name=True)
        other = PipePair(context, server_context, server_hostname=u'other.example.org')
        assert None is outcome(other)
        assert 'mismatch' in outcome(checking)

    def test_name_is_needed(self, context):
        """Without a name it is refused."""
        assert (ValueError, TEXT % (None,)) == refused(SSLPipe, context, check_name=True)

    def test_nothing_is_verified(self, pki, server_context):
        """Where certificates are not verified at all, names are not either."""
        pair = PipePair(pki.client_context(trust=None), server_context,
                        server_hostname=u'other.example.org', check_name=True)
        assert None is outcome(pair)

    def test_session_of_another_name(self, context, server_context):
        """A session of another name is refused: no certificate would be shown (RFC 8446 4.6.1)."""
        pair = PipePair(context, server_context, server_hostname=u'localhost')
        assert None is outcome(pair)
        session = pair.client.ssl_object.session
        assert isinstance(session, SSLSession)
        SSLPipe(context, server_hostname=u'localhost', session=session, check_name=True)
        error = raised(lambda: PipePair(
            context, server_context, server_hostname=u'other.example.org', session=session,
            check_name=True).handshake())
        assert (ValueError if PY2 else ssl.SSLCertVerificationError) is type(error)


def test_check_name_waived(client_context):
    """check_name=False: a client can do without a name."""
    assert None is SSLPipe(client_context, check_name=False).ssl_object.server_hostname
