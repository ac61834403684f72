"""
The backend on the interpreter's ssl module: this package's memory BIOs on 2.7, Python 3's on 3.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.api import SSLContext, TLSVersion as NativeVersion, create_default_context
from .._core.compat import PY2
from .._core.pipe import SSLPipe
from ._context import PipeClientContext, PipeServerContext
from ._credentials import PEMCertificate, PEMPrivateKey, PEMTrustStore
from ._errors import bad_value, no_supported_ciphers
from ._interfaces import Backend
from ._loading import load_chain, named
from ._names import cipher_list
from ._plan import plan

__all__ = ['BACKEND', 'OpenSSLClientContext', 'OpenSSLServerContext']


def _native_context(configuration, server_side):
    """Return an ssl.SSLContext for a configuration."""
    # With the pair engine it is a property that raises.
    can_choose = callable(getattr(SSLContext, 'set_ciphersuites', None))
    wanted = plan(configuration, server_side, can_choose)
    context = _new_context(wanted, server_side)
    context.minimum_version = getattr(NativeVersion, wanted.lowest.name)
    context.maximum_version = getattr(NativeVersion, wanted.highest.name)
    if wanted.older:
        try:
            context.set_ciphers(cipher_list(wanted.older))
        except ssl.SSLError:
            raise no_supported_ciphers()
    if wanted.newer:
        context.set_ciphersuites(cipher_list(wanted.newer))
    if wanted.protocols:
        try:
            context.set_alpn_protocols([_alpn_name(one) for one in wanted.protocols])
        except (NotImplementedError, AttributeError):  # before 2.7.10
            raise bad_value('inner_protocols need ALPN, which this ssl module does not have')
    if wanted.key is not None:
        load_chain(context, wanted.certificates, wanted.key.pem, wanted.key.ask_password())
    return context


def _new_context(wanted, server_side):
    """Return an SSLContext that verifies as *wanted* says."""
    purpose = ssl.Purpose.CLIENT_AUTH if server_side else ssl.Purpose.SERVER_AUTH
    trusted = wanted.trusted if wanted.verify else None
    if trusted is None or b'TRUSTED' not in trusted:
        cadata = trusted and trusted.decode('ascii')
        context = create_default_context(purpose, cadata=cadata)
    else:  # OpenSSL reads trust settings only from files
        with named(trusted) as name:
            context = create_default_context(purpose, cafile=name)
    # On 2.7 create_default_context has done this, but ssl does not have the name.
    context.options |= getattr(ssl, 'OP_NO_RENEGOTIATION', 0)
    if server_side:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        if wanted.verify:
            context.verify_mode = ssl.CERT_REQUIRED
            if trusted is None:
                context.load_default_certs(purpose)
    else:
        context.check_hostname = wanted.verify
        context.verify_mode = ssl.CERT_REQUIRED if wanted.verify else ssl.CERT_NONE
        if PY2 or ssl.HAS_NEVER_CHECK_COMMON_NAME:
            context.hostname_checks_common_name = False  # RFC 9525
    return context


def _alpn_name(protocol):
    try:
        name = protocol.decode('ascii')
    except UnicodeDecodeError:
        raise bad_value("Python's ssl takes only ASCII for inner_protocols, not %r" % protocol)
    return protocol if PY2 else name


class OpenSSLClientContext(PipeClientContext):
    """A ClientContext on the interpreter's own OpenSSL."""

    __slots__ = ()

    _new_native = staticmethod(_native_context)
    _new_pipe = SSLPipe


class OpenSSLServerContext(PipeServerContext):
    """A ServerContext on the interpreter's own OpenSSL."""

    __slots__ = ()

    _new_native = staticmethod(_native_context)
    _new_pipe = SSLPipe


#: TLS by the interpreter's own OpenSSL.
BACKEND = Backend(OpenSSLClientContext, OpenSSLServerContext, PEMCertificate, PEMPrivateKey,
                  PEMTrustStore)
