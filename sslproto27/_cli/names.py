"""Which certificate a client gets: the one whose names have what it asks for (RFC 6066 3)."""
from __future__ import absolute_import, division, print_function

import re
import weakref

from .._core.x509 import certificate_in_pem, decode_certificate
from ..context import set_sni_callback
from .console import UserError

__all__ = ['answer_by_name', 'names_of']

#: By the labels that OpenSSL reads a server's certificate under, PEM_read_bio_X509_AUX(3).
_CERTIFICATE = re.compile(
    br'-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----(.*?)-----END \1-----', re.DOTALL)


def names_of(path):
    """
    Return the host names, in lower case, of the first certificate in a PEM file.

    Raises:
        UserError: there is none, or it cannot be decoded.
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
    Let the first of some contexts answer with the one whose names have what the client wants.

    Args:
        choices (list of (ssl.SSLContext, list of str)): contexts, and the names of their
            certificates; a client that wants none of these, or does not say, gets the first.

    Returns:
        a mapping from SSLObject to the name that its client asked for (text), or None.
    """
    asked = weakref.WeakKeyDictionary()
    by_name = {}
    for context, names in choices:
        for name in names:
            by_name.setdefault(name, context)

    def on_server_name(ssl_object, name, context):
        asked[ssl_object] = name
        if name:
            name = name.lower().rstrip('.')  # RFC 6066 3 has no dot there, but some clients do
            # RFC 6125 6.4.3: a wildcard stands for one whole label, the leftmost.
            chosen = by_name.get(name) or by_name.get('*.' + name.partition('.')[2])
            if chosen is not None:
                ssl_object.context = chosen

    set_sni_callback(choices[0][0], on_server_name)
    return asked
