"""
A second PEP 543 backend: pyOpenSSL, with the OpenSSL that the package cryptography contains.

It is for interpreters whose own OpenSSL is too old or out of reach, and shows that the API works
with any TLS library. We give pyOpenSSL's objects the interface of the ssl module's, so that
`SSLPipe` and `Buffer` work on them unchanged. Nothing here uses the ssl module's own TLS.
"""
from __future__ import absolute_import, division, print_function

import re
import socket
import ssl

import six
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from .._core.api import SSLCertVerificationError
from .._core.compat import PY2, as_bytes, to_native
from .._core.pipe import SSLPipe
from .._core.unique import Unique
from ._context import PipeClientContext, PipeServerContext
from ._credentials import PEMCertificate, PEMPrivateKey, PEMTrustStore
from ._errors import bad_value, no_supported_ciphers, ragged_eof, tls_error, want_read, want_write
from ._interfaces import Backend
from ._loading import named
from ._names import cipher_list
from ._plan import plan

__all__ = ['BACKEND', 'PyOpenSSLClientContext', 'PyOpenSSLServerContext']

#: pyOpenSSL has no method to check a name, but OpenSSL has, and it sends the peer an alert.
_lib = SSL._lib

# SSL_CTX_set_options(3), X509_VERIFY_PARAM_set_flags(3), X509_check_host(3)
_OP_NO_RENEGOTIATION = 0x40000000
_STRICT_AND_PARTIAL = 0x20 | 0x80000
_NO_PARTIAL_WILDCARDS, _NEVER_CHECK_SUBJECT = 0x4, 0x20

#: The method for any version; pyOpenSSL before 22 has only the older name.
_TLS_METHOD = getattr(SSL, 'TLS_METHOD', SSL.SSLv23_METHOD)

_VERSIONS = {'MINIMUM_SUPPORTED': 0, 'TLSv1': SSL.TLS1_VERSION, 'TLSv1_1': SSL.TLS1_1_VERSION,
             'TLSv1_2': SSL.TLS1_2_VERSION, 'TLSv1_3': SSL.TLS1_3_VERSION, 'MAXIMUM_SUPPORTED': 0}

_CHUNK = 0x10000


class _MemoryBIO(object):
    """
    Bytes on their way to or from a `_Connection`, with the interface of ssl.MemoryBIO.

    Attributes:
        unread (bool): whether OpenSSL may still hold some unread bytes.
    """

    __slots__ = ('_chunks', 'unread')

    def __init__(self):
        self._chunks = []
        self.unread = False

    @property
    def pending(self):
        """How many bytes are here (int); if none, 1 if OpenSSL may hold some: we cannot ask it."""
        return sum(map(len, self._chunks)) or int(self.unread)

    def write(self, data):
        """Put *data* in; return how many bytes."""
        data = as_bytes(data, 'data')
        if data:
            self._chunks.append(data)
        return len(data)

    def read(self):
        """Take out all bytes that OpenSSL has not taken."""
        data = b''.join(self._chunks)
        del self._chunks[:]
        return data


class _Connection(Unique):
    """
    A pyOpenSSL Connection over two `_MemoryBIO`, with the interface of ssl.SSLObject.

    It has the methods that `SSLPipe` and `Buffer` use, and raises the ssl module's errors.
    """

    def __init__(self, context, incoming, outgoing, server_side, server_hostname):
        self._incoming, self._outgoing = incoming, outgoing
        self._connection = SSL.Connection(context, None)
        self._is_done = False
        if server_side:
            self._connection.set_accept_state()
            return
        self._connection.set_connect_state()
        if server_hostname is not None:
            self._expect(_wire_name(server_hostname), check=context.get_app_data())

    def _expect(self, name, check):
        """Send *name* (bytes) as SNI, and let OpenSSL check that the server proves it."""
        address = _address(name)
        if address is None:
            self._connection.set_tlsext_host_name(name)  # RFC 6066 3: not for addresses
        if not check:
            return
        parameters = _lib.SSL_get0_param(self._connection._ssl)
        _lib.X509_VERIFY_PARAM_set_hostflags(parameters,
                                             _NO_PARTIAL_WILDCARDS | _NEVER_CHECK_SUBJECT)
        if address is None:
            done = _lib.X509_VERIFY_PARAM_set1_host(parameters, name, len(name))
        else:
            done = _lib.X509_VERIFY_PARAM_set1_ip(parameters, address, len(address))
        if done != 1:
            raise tls_error('OpenSSL cannot check the name %r' % name)

    def _call(self, method, *args):
        """Give pyOpenSSL the input, call *method*, and take the output."""
        data = self._incoming.read()
        if data:
            self._connection.bio_write(data)
            self._incoming.unread = True
        try:
            return method(*args)
        except SSL.WantReadError:
            self._incoming.unread = False
            raise want_read()
        except SSL.WantWriteError:
            raise want_write()
        except SSL.ZeroReturnError:
            raise tls_error('TLS has been closed', ssl.SSLZeroReturnError,
                            ssl.SSL_ERROR_ZERO_RETURN)
        except SSL.SysCallError:
            raise ragged_eof()
        except SSL.Error as error:
            raise self._translated(error)
        finally:
            self._take_outgoing()

    def _take_outgoing(self):
        data = b'-' * _CHUNK
        while len(data) == _CHUNK:
            try:
                data = self._connection.bio_read(_CHUNK)
            except SSL.WantReadError:
                return
            self._outgoing.write(data)

    def _translated(self, error):
        """Return the ssl module's exception for pyOpenSSL's *error*."""
        errors = error.args[0] if error.args and isinstance(error.args[0], list) else []
        text = to_native(errors[-1][-1]) if errors else ''
        reason = re.sub('[^A-Z0-9]+', '_', text.upper()).strip('_') or None
        if reason != 'CERTIFICATE_VERIFY_FAILED':
            return tls_error(text or 'unknown error', reason=reason)
        code = self._connection.get_app_data() or 0
        message = _lib.X509_verify_cert_error_string(code)
        message = to_native(SSL._ffi.string(message))
        error = tls_error('%s: %s' % (text, message), SSLCertVerificationError, reason=reason)
        error.verify_code, error.verify_message = code, message
        return error

    # Called by the pipe

    def do_handshake(self):
        """See ssl.SSLObject."""
        self._call(self._connection.do_handshake)
        self._is_done = True

    def read(self, size):
        """See ssl.SSLObject; after the peer's close_notify, raise SSLZeroReturnError, not b''."""
        return self._call(self._connection.recv, size)

    def write(self, data):
        """See ssl.SSLObject."""
        return self._call(self._connection.send, data)

    def unwrap(self):
        """See ssl.SSLObject."""
        # The first call sends our close_notify, the second looks for the peer's, SSL_shutdown(3).
        if not (self._call(self._connection.shutdown) or self._call(self._connection.shutdown)):
            raise want_read()

    def pending(self):
        """See ssl.SSLObject."""
        return self._connection.pending()

    # Called by the buffer

    def version(self):
        """See ssl.SSLObject."""
        return to_native(self._connection.get_protocol_version_name()) if self._is_done else None

    def cipher(self):
        """Return (name,): of ssl.SSLObject's three values, the one that we need."""
        return (to_native(self._connection.get_cipher_name()),)

    def selected_alpn_protocol(self):
        """See ssl.SSLObject."""
        return self._connection.get_alpn_proto_negotiated().decode('latin-1') or None


class _PyOpenSSLPipe(SSLPipe):
    """An `SSLPipe` on pyOpenSSL; its context is an OpenSSL.SSL.Context."""

    __slots__ = ()

    _memory_bio = _MemoryBIO

    def _new_ssl_object(self):
        context, server_side, server_hostname, _ = self._arguments
        return _Connection(context, self._incoming, self._outgoing, server_side, server_hostname)


def _wire_name(name):
    """Return a host name or address as it is sent, in A-labels (bytes)."""
    if isinstance(name, bytes):
        name = name.decode('ascii')
    if not isinstance(name, six.text_type):
        raise TypeError('server_hostname must be text, not %s' % type(name).__name__)
    if u'\0' in name:
        raise TypeError('server_hostname must not contain NUL')
    if not name:
        raise ValueError('server_hostname must not be empty')
    return name.encode('idna').rstrip(b'.')


def _address(name):
    """Return *name*, an IP address, in binary form (bytes); None if it is a host name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, to_native(name))
        except (socket.error, ValueError):
            continue
    return None


def _remember_why(connection, certificate, code, depth, is_good):
    """Remember OpenSSL's reason for refusing a certificate; do not change its decision."""
    if not is_good and not connection.get_app_data():
        connection.set_app_data(code)
    return bool(is_good)


def _native_context(configuration, server_side):
    """Return an OpenSSL.SSL.Context for a configuration."""
    wanted = plan(configuration, server_side, hasattr(SSL.Context, 'set_tls13_ciphersuites'))
    context = SSL.Context(_TLS_METHOD)
    context.set_options(SSL.OP_NO_SSLv3 | SSL.OP_NO_COMPRESSION | _OP_NO_RENEGOTIATION
                        | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_min_proto_version(_VERSIONS[wanted.lowest.name])
    context.set_max_proto_version(_VERSIONS[wanted.highest.name])
    try:
        if wanted.older:
            _choose_older(context, cipher_list(wanted.older))
        if wanted.newer:
            context.set_tls13_ciphersuites(cipher_list(wanted.newer).encode('ascii'))
        _verify(context, wanted, server_side)
        if wanted.key is not None:
            _load_chain(context, wanted.certificates, wanted.key)
    except (SSL.Error, crypto.Error) as error:
        raise bad_value('OpenSSL refuses the configuration: %s' % error)
    _negotiate(context, wanted.protocols, server_side)
    return context


def _choose_older(context, names):
    try:
        context.set_cipher_list(names.encode('ascii'))
    except SSL.Error:
        raise no_supported_ciphers()


def _verify(context, wanted, server_side):
    context.set_app_data(wanted.verify)
    context.set_session_id(b'sslproto27')  # needed to verify: SSL_CTX_set_session_id_context(3)
    if not wanted.verify:
        context.set_verify(SSL.VERIFY_NONE, _remember_why)
        return
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _remember_why)
    context.get_cert_store().set_flags(_STRICT_AND_PARTIAL)
    if wanted.trusted is None:
        context.set_default_verify_paths()
    else:
        with named(wanted.trusted) as name:
            context.load_verify_locations(name)


def _load_chain(context, certificates, key):
    with named(certificates) as name:
        context.use_certificate_chain_file(name)
    password = key.ask_password()
    if PY2:  # pyOpenSSL 21, the last one for 2.7, accepts only its own keys
        loaded = crypto.load_privatekey(crypto.FILETYPE_PEM, key.pem, password)
    else:
        try:
            loaded = load_pem_private_key(key.pem, password, None)
        except (TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise tls_error('the private key cannot be read: %s' % error)
    context.use_privatekey(loaded)
    context.check_privatekey()


def _negotiate(context, protocols, server_side):
    if not protocols:
        return
    if not server_side:
        context.set_alpn_protos(protocols)
        return

    def select(connection, offered):
        for protocol in protocols:
            if protocol in offered:
                return protocol
        return SSL.NO_OVERLAPPING_PROTOCOLS
    context.set_alpn_select_callback(select)


class PyOpenSSLClientContext(PipeClientContext):
    """A ClientContext on pyOpenSSL."""

    __slots__ = ()

    _new_native = staticmethod(_native_context)
    _new_pipe = _PyOpenSSLPipe


class PyOpenSSLServerContext(PipeServerContext):
    """A ServerContext on pyOpenSSL."""

    __slots__ = ()

    _new_native = staticmethod(_native_context)
    _new_pipe = _PyOpenSSLPipe


#: TLS by pyOpenSSL.
BACKEND = Backend(PyOpenSSLClientContext, PyOpenSSLServerContext, PEMCertificate, PEMPrivateKey,
                  PEMTrustStore)
