"""CPython 3: the standard library's own classes pass through; they are the oracle of the tests."""
from __future__ import absolute_import, division, print_function

import ssl
from ssl import (
    MemoryBIO, SSLCertVerificationError, SSLContext, SSLObject, SSLSession, TLSVersion,
    create_default_context)

__all__ = [
    'MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError', 'TLSVersion',
    'create_default_context', 'refuse_renegotiation', 'wrap_bio', 'wrap_bio_and_check', 'install',
    'uninstall', 'quick_receive', 'quick_send',
]


def wrap_bio(context, incoming, outgoing, server_side=False, server_hostname=None, session=None):
    """
    Return an `SSLObject` that speaks TLS through two memory BIOs: ``context.wrap_bio``.

    The signature, the result and the errors are those of Python 3.13's ssl.
    """
    if not isinstance(context, ssl.SSLContext):
        raise TypeError('context must be an ssl.SSLContext, not %s' % type(context).__name__)
    return context.wrap_bio(incoming, outgoing, server_side=server_side,
                            server_hostname=server_hostname, session=session)


def wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                       check_name):
    """
    Do what `wrap_bio` does.

    Args:
        check_name (bool): *server_hostname* has to be checked, if certificates are verified.

    Raises:
        NotImplementedError: *context* does not: Python 3 gives no access to the TLS object.
    """
    if check_name and context.verify_mode != ssl.CERT_NONE and not context.check_hostname:
        raise NotImplementedError('set context.check_hostname: no other way to check names here')
    return wrap_bio(context, incoming, outgoing, server_side, server_hostname, session)


def refuse_renegotiation(ssl_object):
    """
    Do nothing: OpenSSL 3 refuses by itself, and with 1.1.1 only the context could be told.

    A context is its owner's to change: ``context.options |= ssl.OP_NO_RENEGOTIATION`` does it.
    """


def install():
    """Do nothing: ssl has MemoryBIO, SSLObject and wrap_bio here."""


def uninstall():
    """Do nothing: `install` did nothing here."""


def quick_receive(ssl_object, incoming, data, received):
    """Put *data* into *incoming*; return False: nothing is quicker than the usual way here."""
    incoming.write(data)
    return False


def quick_send(ssl_object, outgoing, data):
    """Return b'': nothing is quicker than the usual way here."""
    return b''
