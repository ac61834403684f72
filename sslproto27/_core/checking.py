"""
Checks a server's name where only a context could tell OpenSSL to: on Python 3.

2.7's engines check it for one connection, whatever its context says.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .engine.cpython3 import SSLCertVerificationError, wrap_bio
from .hostname_match import is_ip_address, matches
from .tls_errors import name_error

__all__ = ['wrap_bio_and_check']


def wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                       check_name, owner=None):
    """
    Do what `wrap_bio` does.

    Args:
        check_name (bool): *server_hostname* has to be checked, if certificates are verified.
        owner: None; server name callbacks are handed the object itself.
    """
    ssl_object = wrap_bio(context, incoming, outgoing, server_side, server_hostname, session)
    if check_name and context.verify_mode != ssl.CERT_NONE and not context.check_hostname:
        ssl_object.__class__ = _checking(type(ssl_object))
    return ssl_object


def _checking(cls):
    if cls not in _checking_classes:
        _checking_classes[cls] = type(cls.__name__, (_Checking, cls), {})
    return _checking_classes[cls]


_checking_classes = {}


class _Checking(object):
    """The part of a TLS object that checks the name itself, as the end of the handshake."""

    def do_handshake(self):
        """Shake hands; see ssl.SSLObject."""
        super(_Checking, self).do_handshake()
        certificate = self.getpeercert(True)
        if certificate is None or not matches(certificate, self.server_hostname,
                                              self.context.hostname_checks_common_name):
            raise name_error(SSLCertVerificationError, self.server_hostname,
                             is_ip_address(self.server_hostname))
