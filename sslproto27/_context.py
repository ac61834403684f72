"""`SSLContext` on 2.7: the interpreter's own, with what Python 3's has and it lacks."""
from __future__ import absolute_import, division, print_function

import ssl

from ._engine import binding
from ._errors import library_error
from ._sslobject import SSLObject, wrap_bio

__all__ = ['SSLContext', 'TLSVersion', 'create_default_context']

lib, NULL = binding.lib, binding.NULL

# SSL_CTX_set_min_proto_version(3)
SSL_CTRL_SET_MIN_PROTO_VERSION = 123
SSL_CTRL_SET_MAX_PROTO_VERSION = 124
SSL_CTRL_GET_MIN_PROTO_VERSION = 130
SSL_CTRL_GET_MAX_PROTO_VERSION = 131

# ssl.h and x509_vfy.h: what 2.7's ssl has no names for
OP_NO_COMPRESSION = 0x20000
OP_NO_RENEGOTIATION = 0x40000000
VERIFY_X509_STRICT = 0x20
VERIFY_X509_PARTIAL_CHAIN = 0x80000


class TLSVersion(object):
    """Protocol versions, as numbers on the wire: Python 3.7's ssl.TLSVersion."""

    MINIMUM_SUPPORTED = -2
    SSLv3 = 0x300
    TLSv1 = 0x301
    TLSv1_1 = 0x302
    TLSv1_2 = 0x303
    TLSv1_3 = 0x304
    MAXIMUM_SUPPORTED = -1


class _Owner(object):
    """What a native object that is made only to be looked at belongs to."""


class SSLContext(ssl.SSLContext):
    """
    An ssl.SSLContext with Python 3's `wrap_bio`, version limits and post-handshake authentication.

    Attributes:
        sslobject_class (type): what `wrap_bio` makes; a subclass of `SSLObject`.
        post_handshake_auth (bool): offer, or let servers ask for, client certificates after the
            handshake (RFC 8446 4.6.2); False unless set.
    """

    sslobject_class = SSLObject
    if not hasattr(ssl.SSLContext, 'post_handshake_auth'):  # PyPy 7.3.3 has it
        post_handshake_auth = False

    def wrap_bio(self, incoming, outgoing, server_side=False, server_hostname=None, session=None):
        """Return `sslproto27.wrap_bio` of this context."""
        return wrap_bio(self, incoming, outgoing, server_side, server_hostname, session)

    @property
    def minimum_version(self):
        """The lowest `TLSVersion` that will be negotiated."""
        return _get_version(self, SSL_CTRL_GET_MIN_PROTO_VERSION, TLSVersion.MINIMUM_SUPPORTED)

    @minimum_version.setter
    def minimum_version(self, version):
        _set_version(self, SSL_CTRL_SET_MIN_PROTO_VERSION, version)

    @property
    def maximum_version(self):
        """The highest `TLSVersion` that will be negotiated."""
        return _get_version(self, SSL_CTRL_GET_MAX_PROTO_VERSION, TLSVersion.MAXIMUM_SUPPORTED)

    @maximum_version.setter
    def maximum_version(self, version):
        _set_version(self, SSL_CTRL_SET_MAX_PROTO_VERSION, version)


def _handle(context):
    """Return the ``SSL_CTX *`` of *context*, valid for as long as the context lives."""
    native, ssl_handle = binding.graft(context, False, None, _OWNER)
    handle = lib.SSL_get_SSL_CTX(ssl_handle)
    del native  # it had to live until here: it owns the ``SSL *``
    return handle


_OWNER = _Owner()


def _get_version(context, command, unset):
    return lib.SSL_CTX_ctrl(_handle(context), command, 0, NULL) or unset


def _set_version(context, command, version):
    limits = (TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED)
    known = (TLSVersion.SSLv3, TLSVersion.TLSv1, TLSVersion.TLSv1_1, TLSVersion.TLSv1_2,
             TLSVersion.TLSv1_3)
    if version not in limits + known:
        raise ValueError('version must be one of TLSVersion, not %r' % (version,))
    number = 0 if version in limits else version
    if lib.SSL_CTX_ctrl(_handle(context), command, number, NULL) != 1:
        raise library_error()


def create_default_context(purpose=ssl.Purpose.SERVER_AUTH, cafile=None, capath=None, cadata=None):
    """
    Return an `SSLContext` with Python 3.13's secure defaults.

    TLS 1.2 or later, no compression, no renegotiation; strict verification, to any trusted
    certificate of the chain; a client verifies the server and its name.

    Args:
        purpose (ssl.Purpose): SERVER_AUTH for clients, CLIENT_AUTH for servers.
        cafile, capath, cadata: what to trust, as SSLContext.load_verify_locations takes it; for
            clients the system's store if none is given.

    Raises:
        TypeError: *purpose* is none.
    """
    if not isinstance(purpose, ssl._ASN1Object):
        raise TypeError('purpose must be an ssl.Purpose, not %r' % (purpose,))
    context = SSLContext(ssl.PROTOCOL_SSLv23)  # PROTOCOL_TLS, by its name before 2.7.13
    context.minimum_version = TLSVersion.TLSv1_2
    context.options |= OP_NO_COMPRESSION | OP_NO_RENEGOTIATION
    context.verify_flags |= VERIFY_X509_STRICT | VERIFY_X509_PARTIAL_CHAIN
    if purpose == ssl.Purpose.SERVER_AUTH:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
    if cafile or capath or cadata:
        context.load_verify_locations(cafile, capath, cadata)
    elif context.verify_mode != ssl.CERT_NONE:
        context.load_default_certs(purpose)
    return context
