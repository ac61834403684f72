"""CPython 3: we use the standard library's own classes, which are also the oracle of our tests."""
from __future__ import absolute_import, division, print_function

import ssl
from ssl import (
    MemoryBIO, SSLCertVerificationError, SSLContext, SSLObject, SSLSession, TLSVersion,
    create_default_context)

from ..compat import NativeContext

__all__ = [
    'MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError', 'TLSVersion',
    'create_default_context', 'refuse_renegotiation', 'wrap_bio', 'wrap_bio_and_check', 'install',
    'uninstall',
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


def wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                       check_name, owner=None):
    """
    Do what `wrap_bio` does, and check the name if asked to.

    Args:
        check_name (bool): check *server_hostname*, if certificates are verified.
        owner: None; server name callbacks get the object itself.

    Raises:
        NotImplementedError: *context* does not check names, and this is Python 3.12 or later, where
            we cannot do it either.
    """
    ssl_object = wrap_bio(context, incoming, outgoing, server_side, server_hostname, session)
    if check_name and context.verify_mode != ssl.CERT_NONE and not context.check_hostname:
        # Only the context could make OpenSSL check the name in the handshake.
        if _match_hostname is None:
            raise NotImplementedError('the name cannot be checked: set context.check_hostname')
        ssl_object.__class__ = _checking(type(ssl_object))
    return ssl_object


_match_hostname = getattr(ssl, 'match_hostname', None)


def _checking(cls):
    if cls not in _checking_classes:
        _checking_classes[cls] = type(cls.__name__, (_Checking, cls), {})
    return _checking_classes[cls]


_checking_classes = {}


class _Checking(object):
    """A mixin for a TLS object that checks the name itself, at the end of the handshake."""

    def do_handshake(self):
        """Shake hands; see ssl.SSLObject."""
        super(_Checking, self).do_handshake()
        try:
            _match_hostname(self.getpeercert(), self.server_hostname)
        except ValueError as error:
            raise SSLCertVerificationError(1, 'Hostname mismatch: %s' % error)


def refuse_renegotiation(ssl_object):
    """
    Do nothing: OpenSSL 3 refuses by itself, and with 1.1.1 only the context has the option.

    We leave contexts unchanged; their owner can set ``context.options |= ssl.OP_NO_RENEGOTIATION``.
    """


def install(context_members=False):
    """Do nothing: Python 3's ssl has MemoryBIO, SSLObject and wrap_bio, and its own contexts."""


def uninstall():
    """Do nothing: `install` did nothing here."""
