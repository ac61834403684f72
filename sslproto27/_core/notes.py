"""
What a failure of TLS means, in words, behind OpenSSL's own in an exception's text.

Class, numbers, ``library``, ``reason``, ``verify_code`` and ``verify_message`` stay as they are.
Nothing here is called before TLS has failed, and nothing here raises.
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

#: Of `ssl.SSLError.reason`; what OpenSSL says does not tell whose fault it is, or what was meant.
_MEANINGS = {
    'HTTP_REQUEST': 'the client speaks plain HTTP, to a port that is for TLS',
    'HTTPS_PROXY_REQUEST': 'the client takes this port for a proxy',
    'SSLV3_ALERT_HANDSHAKE_FAILURE': 'the peer refuses: no cipher suite in common, or it wants a'
                                     ' certificate that it was not shown',
    'TLSV13_ALERT_CERTIFICATE_REQUIRED': 'the peer wants a certificate',
    'TLSV1_ALERT_UNKNOWN_CA': "the peer does not know our certificate's authority",
    'TLSV1_UNRECOGNIZED_NAME': 'the peer knows no such name',
}

#: The peer speaks none of our versions, or we none of its.
_VERSION_REASONS = frozenset([
    'UNSUPPORTED_PROTOCOL', 'TLSV1_ALERT_PROTOCOL_VERSION', 'NO_PROTOCOLS_AVAILABLE',
    'WRONG_SSL_VERSION', 'VERSION_TOO_LOW'])

#: Names, their numbers (RFC 8446 4.1.2), and the options that switch them off (SSL_OP_NO_...).
_VERSIONS = (('TLS 1.0', 0x301, 0x04000000), ('TLS 1.1', 0x302, 0x10000000),
             ('TLS 1.2', 0x303, 0x08000000), ('TLS 1.3', 0x304, 0x20000000))

#: What is left of an answer of HTTP after five bytes, which OpenSSL has read as a record's header.
_rest_of_http = re.compile(br'1\.[01] \d\d\d[ -~]{0,40}').match

#: How much of an answer is looked at, in bytes, and how much of a name is told, in characters.
_QUOTED, _LONGEST = 60, 100

# X509_STORE_CTX_get_error(3)
_SELF_SIGNED_ROOT, _NO_ISSUER, _NOT_ONE = 19, 20, 21


def explain(error, context, ssl_object, incoming):
    """
    Add to the text of *error* what it means, if more can be said than it says.

    Args:
        error (ssl.SSLError): what TLS has failed by.
        context (ssl.SSLContext): what was offered.
        ssl_object (SSLObject): what has failed.
        incoming (MemoryBIO): what has come, and OpenSSL has not read.
    """
    try:
        note = _meaning(error, context, ssl_object, incoming)
    except Exception:  # the failure is what counts
        return
    if note:
        add_note(error, note)


def add_note(error, note):
    """Put *note* (str) behind the text of *error*, an EnvironmentError with a number and a text."""
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
        return 'what the peer has sent is not TLS, or of no version of it that was offered'
    if reason in _VERSION_REASONS:
        return 'no version in common; offered: ' + _offered(context)
    if reason == 'CERTIFICATE_VERIFY_FAILED':
        # As far as it could be verified, SSL_get0_verified_chain(3): OpenSSL 1.1.1 has no other.
        return _missing(error.verify_code, ssl_object.get_verified_chain())
    return _MEANINGS.get(reason)


def _offered(context):
    low, high = versions.get_minimum_version(context), versions.get_maximum_version(context)
    options = context.options
    return ', '.join(
        name for name, number, option in _VERSIONS
        if (low < 0 or low <= number) and (high < 0 or number <= high)
        and not options & option) or 'none'


def _missing(code, chain):
    """Return what a chain lacks: an intermediate is the peer's to send, a root ours to trust."""
    if not chain or code not in (_SELF_SIGNED_ROOT, _NO_ISSUER, _NOT_ONE):
        return None
    issuer = _name(decode_readable(chain[-1])[0].get('issuer', ()))
    if code == _SELF_SIGNED_ROOT:
        return 'its root, %s, is not trusted' % issuer
    if len(chain) == 1:
        return ('the peer sent its own certificate alone: an intermediate is missing, or %s is a'
                ' root that is not trusted' % issuer)
    return ('the chain ends with what %s has issued: that is a root that is not trusted, or the'
            ' next intermediate is missing' % issuer)


def _name(rdns):
    """Return the most telling part of a name, in ASCII."""
    values = dict(one for rdn in rdns for one in rdn)
    for key in ('commonName', 'organizationalUnitName', 'organizationName'):
        if values.get(key):
            return str(_printable(values[key])[:_LONGEST])
    return 'somebody without a name'


def _printable(value):
    """Return text of a certificate as printable ASCII."""
    return re.sub(r'[^ -~]', '?', value)
