"""`SSLContext` on 2.7: the interpreter's own, plus the members that only Python 3.13's has."""
from __future__ import absolute_import, division, print_function

import os
import re
import ssl
import sys
import warnings

from ..chosen import ABSENT, SSLObject, callbacks, load_cert_chain_pem, load_crl, settings
from ..compat import as_bytes, in_utf8, text_type
from ..constants import (
    OP_NO_COMPRESSION, OP_NO_RENEGOTIATION, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER,
    TLSVersion, VERIFY_X509_PARTIAL_CHAIN, VERIFY_X509_STRICT)
from ..errors import misuse_error
from ..pair.limits import missing
from ..tls_errors import tls_error
from ..unique import Unique
from ..wrap_bio import wrap_bio
from ..x509 import split_der
from .registry import ContextSettings, change_settings, settings_of
from .server_names import set_sni_callback

__all__ = ['MEMBERS', 'SSLContext', 'create_default_context']

#: Python 3.10's list: forward secrecy, no CBC with SHA-1, at least 112 bits of security.
_CIPHERS = ('@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES'
            ':!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM')

#: The same for OpenSSL before 1.1.0, which lacks levels and some of the names.
_OLD_CIPHERS = 'ECDH+AESGCM:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1'


class SSLContext(Unique, ssl.SSLContext):
    """
    Settings of TLS connections: Python 3.13's ssl.SSLContext, with its defaults.

    Args:
        protocol (int): PROTOCOL_TLS_CLIENT, which verifies the server and its name,
            PROTOCOL_TLS_SERVER, PROTOCOL_TLS for either (the default), or 2.7's for one version.

    Attributes:
        sslobject_class (type): the class that `wrap_bio` uses; a subclass of `SSLObject`.

    Every other member that 2.7's lacks is also a function of `sslproto27.context`, for contexts
    that are not ours. Those functions explain what each attribute means.
    """

    sslobject_class = SSLObject

    def __new__(cls, protocol=PROTOCOL_TLS):
        native = PROTOCOL_TLS if protocol in settings.FLEXIBLE else protocol
        self = super(SSLContext, cls).__new__(cls, native)
        self._settings = ContextSettings()
        return self

    def __init__(self, protocol=PROTOCOL_TLS):
        super(SSLContext, self).__init__(protocol)
        if protocol in settings.FLEXIBLE:
            self.set_ciphers(_CIPHERS if ssl.OPENSSL_VERSION_INFO >= (1, 1) else _OLD_CIPHERS)
            self.minimum_version = TLSVersion.TLSv1_2
        if protocol == PROTOCOL_TLS_CLIENT:
            self.check_hostname = True

    def _wrap_socket(self, sock, server_side, *args, **kwargs):
        # Both 2.7's sockets and our own objects are made by this.
        if self.protocol == (PROTOCOL_TLS_CLIENT if server_side else PROTOCOL_TLS_SERVER):
            raise tls_error('Cannot create a %s socket with a %s context' % (
                ('server', 'PROTOCOL_TLS_CLIENT') if server_side
                else ('client', 'PROTOCOL_TLS_SERVER')), code=0)
        return super(SSLContext, self)._wrap_socket(sock, server_side, *args, **kwargs)

    def wrap_bio(self, incoming, outgoing, server_side=False, server_hostname=None, session=None):
        """Call `sslproto27.wrap_bio` with this context."""
        return wrap_bio(self, incoming, outgoing, server_side, server_hostname, session)

    @property
    def check_hostname(self):
        """Whether a client checks the server's name (bool); setting it switches verification on."""
        return ssl.SSLContext.check_hostname.__get__(self)

    @check_hostname.setter
    def check_hostname(self, value):
        if value and self.verify_mode == ssl.CERT_NONE:
            self.verify_mode = ssl.CERT_REQUIRED
        ssl.SSLContext.check_hostname.__set__(self, value)

    options = settings.options
    minimum_version = property(settings.get_minimum_version, settings.set_minimum_version)
    maximum_version = property(settings.get_maximum_version, settings.set_maximum_version)
    num_tickets = property(settings.get_num_tickets, settings.set_num_tickets)
    security_level = property(settings.get_security_level)
    hostname_checks_common_name = property(settings.get_hostname_checks_common_name,
                                           settings.set_hostname_checks_common_name)
    post_handshake_auth = property(settings.get_post_handshake_auth,
                                   settings.set_post_handshake_auth)
    get_ciphers = settings.get_ciphers
    set_ciphersuites = settings.set_ciphersuites

    keylog_filename = property(callbacks.get_keylog_filename, callbacks.set_keylog_filename)
    session_ticket_keys = property(callbacks.get_session_ticket_keys,
                                   callbacks.set_session_ticket_keys)
    set_psk_client_callback = callbacks.set_psk_client_callback
    set_psk_server_callback = callbacks.set_psk_server_callback

    @property
    def sni_callback(self):
        """The function called with the server name that a client sends; see `set_sni_callback`."""
        return settings_of(self).sni_callback

    @sni_callback.setter
    def sni_callback(self, callback):
        set_sni_callback(self, callback)
        change_settings(self, sni_callback=callback)

    def set_servername_callback(self, server_name_callback):
        """Set `sni_callback` as 2.7 does: it gets the name in U-labels (RFC 5890)."""
        self.sni_callback = server_name_callback
        if server_name_callback is not None:
            # Not by 2.7's own method: PyPy's lets a connection pass whose callback fails.
            set_sni_callback(self, _in_u_labels(server_name_callback))

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        """Load a private key and its certificate chain; encode a text *password* in UTF-8."""
        super(SSLContext, self).load_cert_chain(certfile, keyfile, in_utf8(password))

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        """Trust more authorities; *cadata* may be PEM in 2.7's ``str``, as read from a file."""
        data = _pem_text(cadata)
        super(SSLContext, self).load_verify_locations(cafile, capath, data)
        if data is not None and not isinstance(data, text_type):
            # 2.7's ssl takes a single byte behind DER for its end, with OpenSSL 3.0.
            raise misuse_error('cadata has something other than certificates at its end')

    load_cert_chain_pem = load_cert_chain_pem
    load_crl = load_crl


#: Python 3.13's context members that 2.7's ssl lacks, by name, in a form that fits any
#: ssl.SSLContext. `SSLContext` has its own sslobject_class, because that can be inherited.
MEMBERS = {name: vars(SSLContext)[name] for name in (
    'get_ciphers', 'hostname_checks_common_name', 'keylog_filename', 'maximum_version',
    'minimum_version', 'num_tickets', 'post_handshake_auth', 'security_level',
    'set_psk_client_callback', 'set_psk_server_callback', 'sni_callback') if name not in ABSENT}
MEMBERS['sslobject_class'] = property(
    lambda context: settings_of(context).sslobject_class or SSLObject, settings.set_sslobject_class)

for _name in ABSENT:
    setattr(SSLContext, _name, missing(_name))


def _in_u_labels(callback):
    """Return a callback for `set_sni_callback` that calls *callback* with the name decoded."""
    def on_server_name(sslobj, name, context):
        return callback(sslobj, name and name.encode('ascii').decode('idna'), context)
    return on_server_name


def _pem_text(data):
    """Return load_verify_locations' *data* as text, or as it is if 2.7 shall refuse it."""
    if data is None or isinstance(data, text_type):
        return data
    if isinstance(data, bytes) and b'-----BEGIN ' in data and not _DER(data):
        return data.decode('latin-1')  # 2.7's ssl refuses non-ASCII text
    # Observed on 2.7.18 with OpenSSL 3.0: ssl loads DER but then raises, because it does not know
    # the error number that OpenSSL 3.0 uses for the end of DER.
    try:
        found = split_der(as_bytes(data, 'cadata'))
    except (TypeError, ValueError):
        return data
    return u''.join(map(ssl.DER_cert_to_PEM_cert, found)) or data


#: The beginning of a certificate in DER: a SEQUENCE (X.690 8.9) of more than 127 bytes (8.1.3.5).
_DER = re.compile(b'\x30[\x80-\xff]').match


def create_default_context(purpose=ssl.Purpose.SERVER_AUTH, cafile=None, capath=None, cadata=None):
    """
    Return an `SSLContext` with Python 3.13's secure defaults, and without renegotiation.

    It allows TLS 1.2 or later and no compression, and verifies strictly, up to any trusted
    certificate of the chain. A client verifies the server and its name; the common name does not
    count (`hostname_checks_common_name`, which 3.13 leaves True). As in Python 3.8, the environment
    variable SSLKEYLOGFILE sets `keylog_filename`; if the engine cannot log secrets, you get a
    warning.

    Args:
        purpose (ssl.Purpose): SERVER_AUTH for clients, CLIENT_AUTH for servers.
        cafile, capath, cadata: authorities to trust, as for SSLContext.load_verify_locations. If
            none is given, clients trust the system's store. To trust Mozilla's list instead, pass
            ``cafile=certifi.where()``.

    Raises:
        TypeError, ValueError: *purpose* is neither SERVER_AUTH nor CLIENT_AUTH.
    """
    if not isinstance(purpose, ssl._ASN1Object):
        raise TypeError('purpose must be an ssl.Purpose, not %r' % (purpose,))
    if purpose not in _PROTOCOLS:
        raise ValueError('purpose must be SERVER_AUTH or CLIENT_AUTH, not %r' % (purpose,))
    context = SSLContext(_PROTOCOLS[purpose])
    context.options |= OP_NO_COMPRESSION | OP_NO_RENEGOTIATION
    context.hostname_checks_common_name = False
    if hasattr(context, 'verify_flags'):  # since 2.7.9
        context.verify_flags |= VERIFY_X509_STRICT | VERIFY_X509_PARTIAL_CHAIN
    if cafile or capath or cadata:
        context.load_verify_locations(cafile, capath, cadata)
    elif context.verify_mode != ssl.CERT_NONE:
        _load_default_certs(context, purpose)
    keylog_filename = os.environ.get('SSLKEYLOGFILE')
    if keylog_filename and not sys.flags.ignore_environment:
        try:
            context.keylog_filename = keylog_filename
        except NotImplementedError as error:
            warnings.warn('SSLKEYLOGFILE: %s' % error, RuntimeWarning, 2)
    return context


def _load_default_certs(context, purpose):
    """Trust the system's authorities; on Windows load those of its stores one by one."""
    if not hasattr(ssl, 'enum_certificates'):
        context.load_default_certs(purpose)
        return
    for store in ('CA', 'ROOT'):
        for certificate, encoding, trust in ssl.enum_certificates(store):
            if encoding == 'x509_asn' and (trust is True or purpose.oid in trust):
                try:
                    context.load_verify_locations(
                        cadata=text_type(ssl.DER_cert_to_PEM_cert(certificate)))
                except ssl.SSLError:
                    pass  # OpenSSL cannot read this one, or has it already: go on with the others
    context.set_default_verify_paths()


_PROTOCOLS = {ssl.Purpose.SERVER_AUTH: PROTOCOL_TLS_CLIENT,
              ssl.Purpose.CLIENT_AUTH: PROTOCOL_TLS_SERVER}
