"""
Explains a TLS failure in plain words, appended to OpenSSL's own in the exception's text.

The class, numbers, ``library``, ``reason``, ``verify_code`` and ``verify_message`` do not change.
This code runs only after TLS has failed, and never raises.
"""
from __future__ import absolute_import, division, print_function

import re

from .compat import PY2, to_native
from .x509 import decode_readable

if PY2:
    from .chosen import settings as versions
else:
    from .engine import cpython3_context as versions

__all__ = ['add_note', 'explain']

#: By `ssl.SSLError.reason`. OpenSSL's own texts do not say which side is at fault, or why.
_MEANINGS = {
    'HTTP_REQUEST': 'the client speaks plain HTTP to a TLS port',
    'HTTPS_PROXY_REQUEST': 'the client mistakes this port for a proxy',
    'EXCESSIVE_MESSAGE_SIZE': 'a message of the peer, its certificates perhaps, is longer than'
                              ' OpenSSL allows',
}

#: By the name of the alert that the peer sent: RFC 8446 6.2 and RFC 5246 7.2.2.
_ALERTS = {
    'UNEXPECTED_MESSAGE': 'the peer did not expect what we sent',
    'BAD_RECORD_MAC': 'the peer could not decrypt what we sent: something has changed it, or one'
                      ' side has a fault',
    'RECORD_OVERFLOW': 'the peer got a record that was too long',
    'HANDSHAKE_FAILURE': 'the peer refused: no cipher suite in common, or it requires a certificate'
                         ' that we did not send',
    'BAD_CERTIFICATE': 'the peer finds a fault in our certificate, or in its signature',
    'UNSUPPORTED_CERTIFICATE': 'the peer does not support certificates like ours',
    'CERTIFICATE_REVOKED': 'the peer says that our certificate has been revoked',
    'CERTIFICATE_EXPIRED': "our certificate has expired, or is not yet valid, by the peer's clock",
    'CERTIFICATE_UNKNOWN': 'the peer does not accept our certificate, and does not say why',
    'ILLEGAL_PARAMETER': 'the peer considers a value in our handshake wrong',
    'UNKNOWN_CA': "the peer does not know our certificate's authority",
    'ACCESS_DENIED': 'the peer accepts our certificate, but does not let us in',
    'DECODE_ERROR': 'the peer could not read one of our messages',
    'DECRYPT_ERROR': 'the peer could not verify a signature or the end of the handshake',
    'INSUFFICIENT_SECURITY': 'the peer requires stronger cipher suites than we offered',
    'INTERNAL_ERROR': 'the peer failed for reasons of its own; its log may have them',
    'INAPPROPRIATE_FALLBACK': 'the peer speaks a later version than this second try offered',
    'USER_CANCELLED': 'the peer cancelled the handshake',
    'MISSING_EXTENSION': 'the peer requires an extension that we did not send',
    'UNSUPPORTED_EXTENSION': 'the peer got an extension that it had not asked for',
    'CERTIFICATE_UNOBTAINABLE': 'the peer could not fetch our certificate',
    'UNRECOGNIZED_NAME': 'the peer does not know this server name',
    'BAD_CERTIFICATE_STATUS_RESPONSE': 'the peer does not accept the OCSP response that we sent',
    'BAD_CERTIFICATE_HASH_VALUE': 'the peer fetched another certificate than the one that we named',
    'UNKNOWN_PSK_IDENTITY': 'the peer does not know our pre-shared key',
    'CERTIFICATE_REQUIRED': 'the peer requires a certificate',
    'NO_APPLICATION_PROTOCOL': 'the peer speaks none of the protocols that we offered (ALPN)',
}

#: What OpenSSL calls an alert of the peer.
_alert = re.compile('(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)$').match

#: The two sides have no version in common.
_VERSION_REASONS = frozenset([
    'UNSUPPORTED_PROTOCOL', 'TLSV1_ALERT_PROTOCOL_VERSION', 'NO_PROTOCOLS_AVAILABLE',
    'WRONG_SSL_VERSION', 'VERSION_TOO_LOW'])

#: Names, their numbers (RFC 8446 4.1.2), and the options that switch them off (SSL_OP_NO_...).
_VERSIONS = (('TLS 1.0', 0x301, 0x04000000), ('TLS 1.1', 0x302, 0x10000000),
             ('TLS 1.2', 0x303, 0x08000000), ('TLS 1.3', 0x304, 0x20000000))

#: The rest of an HTTP response after its first five bytes, which OpenSSL read as a record's header.
_rest_of_http = re.compile(br'1\.[01] \d\d\d[ -~]{0,40}').match

#: How much of a response we look at, in bytes, and how much of a name we quote, in characters.
_QUOTED, _LONGEST = 60, 100

# X509_STORE_CTX_get_error(3)
_SELF_SIGNED_ROOT, _NO_ISSUER, _NOT_ONE = 19, 20, 21


def explain(error, context, ssl_object, incoming):
    """
    Add an explanation to the text of *error*, if we know more than it says.

    Args:
        error (ssl.SSLError): the failure.
        context (ssl.SSLContext): our settings.
        ssl_object (SSLObject): the object that has failed.
        incoming (MemoryBIO): the bytes that OpenSSL has not read.
    """
    try:
        note = _meaning(error, context, ssl_object, incoming)
    except Exception:  # the original failure matters more
        return
    if note:
        add_note(error, note)


def add_note(error, note):
    """Append *note* (str) to the text of *error*, an EnvironmentError with a number and a text."""
    if len(error.args) > 1 and isinstance(error.strerror, str):
        text = '%s (%s)' % (error.strerror, note)
        error.args = error.args[:1] + (text,) + error.args[2:]
        error.strerror = text


def _meaning(error, context, ssl_object, incoming):
    reason = getattr(error, 'reason', None)
    if reason == 'WRONG_VERSION_NUMBER':
        answer = _rest_of_http(incoming.read(_QUOTED))
        if answer:
            return 'the peer does not speak TLS; it answered HTTP/' + to_native(answer.group())
        return 'the peer sent something other than TLS, or a version that we did not offer'
    if reason in _VERSION_REASONS:
        return 'no version in common; offered: ' + _offered(context)
    if reason == 'CERTIFICATE_VERIFY_FAILED':
        # The part that could be verified, SSL_get0_verified_chain(3): OpenSSL 1.1.1 has no other.
        return _missing(error.verify_code, ssl_object.get_verified_chain())
    if reason == 'CALLBACK_FAILED':
        return getattr(ssl_object, '_refusal', None)  # set by `by_server_name`
    alert = _alert(reason or '')
    return _ALERTS.get(alert.group(1)) if alert else _MEANINGS.get(reason)


def _offered(context):
    low, high = versions.get_minimum_version(context), versions.get_maximum_version(context)
    options = context.options
    return ', '.join(
        name for name, number, option in _VERSIONS
        if (low < 0 or low <= number) and (high < 0 or number <= high)
        and not options & option) or 'none'


def _missing(code, chain):
    """Return what a chain lacks: an intermediate, which the peer must send, or a trusted root."""
    if not chain or code not in (_SELF_SIGNED_ROOT, _NO_ISSUER, _NOT_ONE):
        return None
    issuer = _name(decode_readable(chain[-1])[0].get('issuer', ()))
    if code == _SELF_SIGNED_ROOT:
        return 'its root, %s, is not trusted' % issuer
    if len(chain) == 1:
        return ('the peer sent only its own certificate: an intermediate is missing, or %s is a'
                ' root that is not trusted' % issuer)
    return ('the chain ends with a certificate issued by %s: that is a root that is not trusted, or'
            ' the next intermediate is missing' % issuer)


def _name(rdns):
    """Return the most useful part of a name, in ASCII."""
    values = dict(one for rdn in rdns for one in rdn)
    for key in ('commonName', 'organizationalUnitName', 'organizationName'):
        if values.get(key):
            return str(_printable(values[key])[:_LONGEST])
    return 'an authority without a name'


def _printable(value):
    """Return text from a certificate as printable ASCII."""
    return re.sub(r'[^ -~]', '?', value)
