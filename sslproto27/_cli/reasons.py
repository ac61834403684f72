"""
Explains TLS failures to the user of a command, with a hint what to do.

Nothing here connects or verifies: it only looks at errors and at received bytes.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.api import TLSVersion
from .._core.x509 import decode_readable
from .certificates import names_in, telling_name
from .console import printable, quoted

__all__ = ['failed', 'unverified']

#: The content types of a first TLS record: alert, handshake (RFC 8446 5.1).
_RECORDS = (b'\x15', b'\x16')

#: A fatal alert (RFC 8446 6), after its record's version and length; then comes its number.
_FATAL = b'\x02'
_NO_PROTOCOL = b'\x02\x78'  # RFC 7301 3.2

_CLOSE_NOTIFY = b'\0'  # RFC 8446 6.1

#: How many bytes of an answer that is not TLS we quote.
_QUOTED = 60

#: Greetings of plaintext protocols, and the value of --starttls that may fit.
_GREETINGS = ((b'* OK', 'imap'), (b'+OK', 'pop3'), (b'220', 'smtp or ftp'))

# X509_STORE_CTX_get_error(3)
_NOT_YET, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_ROOT, _NO_ISSUER, _NOT_ONE = 9, 10, 18, 19, 20, 21
_PURPOSE = 26
_WRONG_NAME = (62, 64)
_TOO_WEAK = (66, 67, 68)
_FORM = range(80, 95)  # in OpenSSL 3, only X509_V_FLAG_X509_STRICT finds these

#: The versions that we may offer, the oldest first.
_VERSIONS = ((TLSVersion.TLSv1_2, 'TLS 1.2'), (TLSVersion.TLSv1_3, 'TLS 1.3'))

#: A server's alerts about our certificate (RFC 8446 6.2).
_OF_OUR_CERTIFICATE = (
    'BAD_CERTIFICATE', 'UNSUPPORTED_CERTIFICATE', 'CERTIFICATE_REVOKED', 'CERTIFICATE_EXPIRED',
    'CERTIFICATE_UNKNOWN', 'UNKNOWN_CA', 'ACCESS_DENIED', 'DECRYPT_ERROR')


def unverified(error, chain, cafile='--cafile', lenient='--lenient'):
    """
    Return what is wrong with a certificate, and what to do ('' if there is no advice): two texts.

    Args:
        error (ssl.SSLError): has ``verify_code`` and ``verify_message`` if the engine knows them.
        chain (list of bytes): the part of the chain that we know, as DER, the peer's own first.
        cafile, lenient (str or None): the options that trust an authority, and that accept a
            wrong form, if there are any.
    """
    if not hasattr(error, 'verify_code'):  # the pair engine, if the chain is the problem
        return printable(error.strerror).rstrip(u'.'), u''
    code = error.verify_code
    reason = u'%s (X.509 error %d)' % (printable(error.verify_message).rstrip(u'.'), code)
    cause, advice = _hints(code, chain, cafile, lenient)
    return (u'%s: %s' % (reason, cause) if cause else reason), advice


def _hints(code, chain, cafile, lenient):
    if code in _FORM:
        return (u'its form is wrong, not its origin',
                u'To accept it: %s' % lenient if lenient else u'')
    if code in (_NOT_YET, _EXPIRED):
        return u'', u"Renew it, or correct this machine's clock if that is wrong"
    if code in _TOO_WEAK:
        return u'it could be forged', u'Have it issued again'
    if code == _PURPOSE:
        return u'it was not issued for servers', u''
    if not chain:
        return u'', u''
    own, last = decode_readable(chain[0])[0], decode_readable(chain[-1])[0]
    if code in _WRONG_NAME:
        names = names_in(own)
        return u'it is for ' + names if names else (
            u'it names no host; its common name, %s, does not count'
            % telling_name(own.get('subject'))), u''
    if code == _SELF_SIGNED:
        return (u'no authority vouches for it',
                u'To trust it, if it is the right one: %s FILE' % cafile)
    if code == _SELF_SIGNED_ROOT:
        return (u'its root, %s, is not trusted' % telling_name(last.get('subject')),
                u'To trust this root: %s FILE' % cafile)
    if code in (_NO_ISSUER, _NOT_ONE):
        issuer = telling_name(last.get('issuer'))
        if len(chain) == 1:
            cause = (u'the server did not send the certificate of its issuer, %s%s: an intermediate'
                     u' is missing, or this issuer is a root that is not trusted'
                     % (issuer, u''.join(u' (see %s)' % uri
                                         for uri in last.get('caIssuers', ())[:1])))
        else:
            cause = (u'the chain ends with a certificate issued by %s: either a root that is not'
                     u' trusted, or an intermediate that the server did not send' % issuer)
        return cause, u'To trust this issuer as a root: %s FILE' % cafile
    return u'', u''


def failed(error, heard, context, name, arguments=None):
    """
    Return why TLS failed, and what to do (text).

    Args:
        error (Exception): ssl.SSLError or socket.error.
        heard (bytes): the peer's first bytes, which may be TLS.
        context (ssl.SSLContext): the context of the failed connection.
        name (str): the server name that we asked for.
        arguments: of ``connect``, with the ``cert`` and ``alpn`` that we sent; None for a proxy,
            for which these options are not.
    """
    certificate, alpn = (arguments.cert, arguments.alpn) if arguments else (None, None)
    if heard and heard[:1] not in _RECORDS:
        return _no_tls(heard)
    # Python 3.13 does not know all names of reasons. But their texts are the names in lower case.
    reason = getattr(error, 'reason', None) or printable(error).upper().replace(u' ', u'_')
    if heard[:1] == _RECORDS[0] and heard[5:7] == _NO_PROTOCOL:
        reason = 'NO_APPLICATION_PROTOCOL'  # OpenSSL 1.1.1 has no text for it
    if 'PROTOCOL_VERSION' in reason or reason in (
            'UNSUPPORTED_PROTOCOL', 'WRONG_SSL_VERSION', 'NO_PROTOCOLS_AVAILABLE'):
        return u'the server speaks no version of TLS that was offered: %s' % _offered(context)
    for ending, text, hint in [
            ('CERTIFICATE_REQUIRED', u'the server requires a client certificate', u': --cert'),
            ('NO_APPLICATION_PROTOCOL', u'the server speaks none of the protocols of --alpn: %s'
             % u', '.join(printable(one) for one in alpn) if alpn
             else u'the server requires a common protocol', u'' if alpn else u': --alpn'),
            ('UNRECOGNIZED_NAME', u'the server does not know the host %s' % printable(name),
             u'; --servername asks for another'),
            ('ALERT_HANDSHAKE_FAILURE', u'the server refused the handshake: no cipher suite in'
             u' common, perhaps, or it ' + (u'requires a client certificate' if certificate is None
                                            else u'does not accept our certificate'),
             u' (--cert)' if certificate is None else u'')]:
        if reason.endswith(ending):
            return text + hint if arguments else text
    alert = reason.partition('_ALERT_')[2]
    if certificate is not None and alert in _OF_OUR_CERTIFICATE:
        return u'the server does not accept the certificate in %s: %s' % (
            printable(certificate), alert.lower().replace('_', ' '))
    if heard[:1] == _RECORDS[0] and heard[6:7] == _CLOSE_NOTIFY:
        return (u'the server ended TLS at once, with close_notify: it does not want this'
                u' connection, and does not say why')
    if heard[:1] == _RECORDS[0] and heard[5:6] == _FATAL and u'unknown error' in printable(error):
        return u'the server sent alert %d, which OpenSSL has no name for' % ord(heard[6:7])
    if isinstance(error, ssl.SSLEOFError):
        return (u'the server ended the connection in the middle of TLS; the data may be cut short'
                if heard else u'the server closed the connection without an answer; perhaps its'
                ' port is not for TLS')
    return printable(error)


def _no_tls(heard):
    text = u'the server does not speak TLS; it answered %s' % quoted(heard, _QUOTED)
    for greeting, protocol in _GREETINGS:
        if heard.startswith(greeting):
            return u'%s (--starttls %s?)' % (text, protocol)
    return text


def _offered(context):
    """Return the versions that a context offers, as text."""
    return u', '.join(
        text for version, text in _VERSIONS
        if (context.minimum_version < 0 or context.minimum_version <= version)
        and (context.maximum_version < 0 or version <= context.maximum_version))
