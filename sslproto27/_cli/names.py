"""Chooses a client's certificate by the server name that it asks for (RFC 6066 3)."""
from __future__ import absolute_import, division, print_function

import re
import weakref

from .._core.context.by_server_name import choice_by_name, set_any_name_callback
from .._core.x509 import certificate_in_pem, decode_certificate
from .console import UserError

__all__ = ['answer_by_name', 'names_of']

#: A certificate under any label that OpenSSL accepts for a server's, PEM_read_bio_X509_AUX(3).
_CERTIFICATE = re.compile(
    br'-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----(.*?)-----END \1-----', re.DOTALL)


#: Names that a client can ask for. A certificate may contain others, which never match (RFC 6125
#: 6.4.3).
_CAN_BE_ASKED_FOR = re.compile(r'(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\Z')


def names_of(path):
    """
    Return the host names, in lower case, of the first certificate in a PEM file.

    Raises:
        UserError: the file has no certificate, or it cannot be decoded.
    """
    with open(path, 'rb') as file:
        found = _CERTIFICATE.search(file.read())
    if not found:
        raise UserError('--cert %s: there is no certificate', path)
    try:
        certificate = decode_certificate(certificate_in_pem(found.group(2)))
    except ValueError as error:
        raise UserError('--cert %s: %s', path, error)
    return [value.lower() for kind, value in certificate.get('subjectAltName', ())
            if kind == 'DNS']


def answer_by_name(choices):
    """
    Make the first context switch to the one that has the name which the client asks for.

    See `sslproto27.context.by_server_name`.

    Args:
        choices (list of (ssl.SSLContext, list of str)): contexts, and the names of their
            certificates. A client that asks for another name, or for no name, gets the first.

    Returns:
        a mapping from SSLObject to the name that its client asked for (text), or None.

    Raises:
        UserError: the pair engine cannot do this with these contexts.
    """
    asked = weakref.WeakKeyDictionary()
    default, by_name = choices[0][0], {}
    for context, names in choices:
        for name in names:
            if _CAN_BE_ASKED_FOR.match(name):
                by_name.setdefault(name, context)
    try:
        choose = choice_by_name(default, by_name)
    except NotImplementedError as error:  # the pair engine, and --client-ca
        raise UserError('several --cert: %s', error)

    def on_server_name(ssl_object, name, context):
        asked[ssl_object] = name
        return choose(ssl_object, name, context)

    set_any_name_callback(default, on_server_name)
    return asked
