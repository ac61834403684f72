"""CPython 3: we use the standard library's own classes, which are also the oracle of our tests."""
from __future__ import absolute_import, division, print_function

from ssl import (
    MemoryBIO, SSLCertVerificationError, SSLContext, SSLObject, SSLSession, TLSVersion,
    create_default_context)

from ..compat import NativeContext

__all__ = [
    'MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError', 'TLSVersion',
    'create_default_context', 'refuse_renegotiation', 'wrap_bio', 'install', 'uninstall',
]


def wrap_bio(context, incoming, outgoing, server_side=False, server_hostname=None, session=None):
    """
    Return an `SSLObject` that does TLS through two memory BIOs: ``context.wrap_bio``.

    Its signature, result and errors are those of Python 3.13's ssl.
    """
    if not isinstance(context, NativeContext):
        raise TypeError('context must be an ssl.SSLContext, not %s' % type(context).__name__)
    return context.wrap_bio(incoming, outgoing, server_side=server_side,
                            server_hostname=server_hostname, session=session)


def refuse_renegotiation(ssl_object):
    """
    Do nothing: OpenSSL 3 refuses by itself, and with 1.1.1 only the context has the option.

    We leave contexts unchanged; their owner can set ``context.options |= ssl.OP_NO_RENEGOTIATION``.
    """


def install(context_members=False):
    """Do nothing: Python 3's ssl has MemoryBIO, SSLObject and wrap_bio, and its own contexts."""


def uninstall():
    """Do nothing: `install` did nothing here."""
