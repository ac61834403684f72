"""
Context settings for the pair engine, which has only the interpreter's ssl, on 2.7.

The functions are those of `settings`, `callbacks` and `credentials`. Each works as far as 2.7's ssl
allows, or raises NotImplementedError; none fails silently.
"""
from __future__ import absolute_import, division, print_function

import base64
import os
import re
import ssl
import tempfile
import weakref
from ssl import ALERT_DESCRIPTION_HANDSHAKE_FAILURE, ALERT_DESCRIPTION_INTERNAL_ERROR

from ..compat import NativeContext, as_bytes, text_type, to_index
from ..constants import (
    OP_NO_TLSv1_3, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, TLSVersion)
from ..engine.guard import guarded
from ..errors import misuse_error
from ..context.registry import change_settings, check_callable, settings_of
from ..servername import alert_number
from ..tls_errors import tls_error
from ..unique import Unique
from .limits import MissingAttribute, cannot

__all__ = [
    'ABSENT', 'FLEXIBLE', 'get_ciphers', 'get_hostname_checks_common_name', 'get_keylog_filename',
    'get_maximum_version', 'get_minimum_version', 'get_num_tickets', 'get_post_handshake_auth',
    'get_security_level', 'get_session_ticket_keys', 'get_sslobject_class', 'keep_limits',
    'load_cert_chain_pem', 'load_crl', 'new_session_ticket_key', 'options', 'server_names_of',
    'set_ciphersuites', 'set_hostname_checks_common_name',
    'set_keylog_filename', 'set_maximum_version', 'set_minimum_version', 'set_num_tickets',
    'set_post_handshake_auth', 'set_psk_client_callback', 'set_psk_server_callback',
    'set_server_names', 'set_session_ticket_keys', 'set_sslobject_class',
]

#: PyPy 7.3.3 has it, and reads it for each connection.
_NATIVE_POST_HANDSHAKE_AUTH = getattr(NativeContext, 'post_handshake_auth', None)

#: Context members that hasattr must not find, so that programs go on without them: urllib3 sets
#: keylog_filename where there is one and SSLKEYLOGFILE is set.
ABSENT = ('load_cert_chain_pem', 'get_ciphers', 'set_ciphersuites', 'set_psk_client_callback',
          'set_psk_server_callback', 'keylog_filename')

#: The options as OpenSSL has them. A limit of versions must be among them: 2.7's ssl has no other.
_NATIVE_OPTIONS = NativeContext.options

#: The protocols that allow more than one version.
FLEXIBLE = frozenset([PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER])

#: (version, the option that switches it off), lowest first; only versions that this OpenSSL has.
_SWITCHES = [(version, option) for version, option in (
    (TLSVersion.TLSv1, getattr(ssl, 'OP_NO_TLSv1', 0)),
    (TLSVersion.TLSv1_1, getattr(ssl, 'OP_NO_TLSv1_1', 0)),
    (TLSVersion.TLSv1_2, getattr(ssl, 'OP_NO_TLSv1_2', 0)),
    (TLSVersion.TLSv1_3, OP_NO_TLSv1_3)) if option]


def get_minimum_version(context):
    """Return the lowest `TLSVersion` that *context* negotiates."""
    return settings_of(context).versions[0]


def get_maximum_version(context):
    """Return the highest `TLSVersion` that *context* negotiates."""
    return settings_of(context).versions[1]


def set_minimum_version(context, value):
    """
    Let *context* negotiate no version lower than *value*, a `TLSVersion` or its number.

    This sets OpenSSL's options OP_NO_TLSv1 to OP_NO_TLSv1_3; any that were already set stay. If
    *context* is not ours, its ``options`` show them, and assigning to these lifts the limit until
    the next TLS object of ours is made.

    Raises:
        TypeError, ValueError: *value* is not a version, or *context*'s protocol is a single one.
    """
    low = _version(context, value)
    if low == TLSVersion.MAXIMUM_SUPPORTED:
        low = _SWITCHES[-1][0]
    _set_limits(context, low, get_maximum_version(context))


def set_maximum_version(context, value):
    """
    Let *context* negotiate no version higher than *value*, a `TLSVersion` or its number.

    See `set_minimum_version` for the options that this sets.

    Raises:
        TypeError, ValueError: *value* is not a version, or *context*'s protocol is a single one.
    """
    high = _version(context, value)
    if high == TLSVersion.MINIMUM_SUPPORTED:
        high = _SWITCHES[0][0]
    _set_limits(context, get_minimum_version(context), high)


def _version(context, value):
    version = TLSVersion(to_index(value, 'version'))
    if context.protocol not in FLEXIBLE:
        raise ValueError("the context's protocol is a single version, which cannot be limited")
    if version > 0 and version not in dict(_SWITCHES):
        raise ValueError('this OpenSSL does not support version %r' % version)
    return version


def _set_limits(context, low, high):
    # Versions that the application has switched off stay off.
    _switch(context, _get_options(context), (low, high))


def _switch(context, chosen, limits):
    """Set the options that the application has *chosen*, and those for *limits*."""
    off = _outside(*limits)
    _NATIVE_OPTIONS.__set__(context, chosen | off)
    added = off & ~chosen
    if (limits, added) != (settings_of(context).versions, settings_of(context).switched_off):
        change_settings(context, versions=limits, switched_off=added)


def _outside(low, high):
    """Return the options that switch off all versions below *low* and above *high*."""
    off = 0
    for version, option in _SWITCHES:
        # MINIMUM_SUPPORTED and MAXIMUM_SUPPORTED are both negative.
        if not (low <= version and (high < 0 or version <= high)):
            off |= option
    return off


def keep_limits(context):
    """Set *context*'s limits again if options that were assigned since have lifted them."""
    settings = settings_of(context)
    found = _NATIVE_OPTIONS.__get__(context)
    lifted = _outside(*settings.versions) & ~found
    if lifted:
        _NATIVE_OPTIONS.__set__(context, found | lifted)
        change_settings(context, switched_off=settings.switched_off | lifted)


def _get_options(context):
    """The options that the application has chosen; limits of versions stay in force beside them."""
    return _NATIVE_OPTIONS.__get__(context) & ~settings_of(context).switched_off


def _set_options(context, value):
    _switch(context, value, settings_of(context).versions)


#: For our contexts: as in Python 3, limits are no options, and no options lift them.
options = property(_get_options, _set_options)


def get_hostname_checks_common_name(context):
    """Return whether the common name counts if a certificate has no dNSName (bool)."""
    return settings_of(context).common_name


def set_hostname_checks_common_name(context, value):
    """
    Choose whether the common name counts if a certificate has no dNSName.

    The default is True, as in Python 3.13, but `create_default_context` sets it to False, because
    RFC 9525 6.3 forbids it.
    """
    change_settings(context, common_name=bool(value))


def get_sslobject_class(context):
    """Return the class that `wrap_bio` uses for *context*; None means `SSLObject`."""
    return getattr(context, 'sslobject_class', None) or settings_of(context).sslobject_class


def set_sslobject_class(context, value):
    """Let `wrap_bio` use the class *value*, a subclass of `SSLObject`, for *context*."""
    change_settings(context, sslobject_class=value)


def set_server_names(context, value, takes_any):
    """Do what `server_names` has; *takes_any* is whether *value* gets any name (bool)."""
    check_callable(value)
    names = value and ServerNames(value, takes_any)
    # Only the native context keeps it: the collector sees it there.
    change_settings(context, server_names=names and weakref.ref(names))
    NativeContext.set_servername_callback(context, names)


def server_names_of(context):
    """Return the `ServerNames` of *context*; None if it has none, or another callback by now."""
    reference = settings_of(context).server_names
    return reference and reference()


class ServerNames(Unique):
    """
    A callback, wrapped for 2.7's ssl, which decodes names; Python 3.7 and later do not.

    Attributes:
        takes_any (bool): whether it is also called for names that cannot be decoded.
    """

    def __init__(self, callback, takes_any):
        self._choose = callback
        self.takes_any = takes_any

    def __call__(self, sslobj, name, context):
        """Call the callback with the name in A-labels; return its result: see `ask`."""
        return guarded(self._ask_in_a_labels, ALERT_DESCRIPTION_HANDSHAKE_FAILURE)(
            sslobj, name, context)

    def _ask_in_a_labels(self, sslobj, name, context):
        if name is not None:
            try:
                name.encode('ascii')
            except UnicodeEncodeError:
                name = name.encode('idna').decode('ascii')
        return self._ask(sslobj, name, context)

    def ask(self, sslobj, name, context):
        """
        Call the callback, and never raise: PyPy's ssl lets a connection pass whose callback fails.

        Returns:
            int or None: the number of an alert, also if the callback fails; None if there is none.
        """
        return guarded(self._ask, ALERT_DESCRIPTION_HANDSHAKE_FAILURE)(sslobj, name, context)

    def _ask(self, *args):
        alert = self._choose(*args)
        return None if alert is None else guarded(
            alert_number, ALERT_DESCRIPTION_INTERNAL_ERROR)(alert)


def load_crl(context, crldata):
    """
    Add certificate revocation lists (RFC 5280 5) for *context* to verify with.

    They count once ``context.verify_flags`` has VERIFY_CRL_CHECK_LEAF or VERIFY_CRL_CHECK_CHAIN. A
    certificate is then also refused if its authority's list is missing or expired. 2.7's ssl reads
    the lists from a temporary file; they hold no secrets.

    Args:
        crldata (bytes or ASCII text): one or more lists in PEM; or bytes, one list in DER.

    Raises:
        ssl.SSLError: it holds no list, or one is malformed.
        TypeError: *crldata* is neither bytes nor text.
    """
    if isinstance(crldata, text_type):
        crldata = crldata.encode('ascii')
    data = as_bytes(crldata, 'crldata')
    if b'-----BEGIN' in data:
        # Only the lists: a certificate among them would be trusted.
        lists = re.findall(b'(?s)-----BEGIN X509 CRL-----.*?-----END X509 CRL-----', data)
    else:
        lists = [b'-----BEGIN X509 CRL-----\n%s-----END X509 CRL-----' % base64.encodestring(data)]
    if not lists:
        raise misuse_error('there is no revocation list in crldata')
    for one in lists:
        _load_file(context, one + b'\n')


def _load_file(context, data):
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(data)
        NativeContext.load_verify_locations(context, path)
    finally:
        os.remove(path)


# What this engine cannot do. Getters still work if their answer is known.

def get_post_handshake_auth(context):
    """Raise as if ssl had no such attribute, because urllib3 looks for it; PyPy's ssl has it."""
    if _NATIVE_POST_HANDSHAKE_AUTH is None:
        raise cannot('post_handshake_auth', MissingAttribute)
    return _NATIVE_POST_HANDSHAKE_AUTH.__get__(context)  # not measured: only on PyPy


def set_post_handshake_auth(context, value):
    """Raise unless *value* is false. On PyPy 7.3.3, use its own ssl's setting."""
    if _NATIVE_POST_HANDSHAKE_AUTH is not None:  # not measured: only on PyPy
        _NATIVE_POST_HANDSHAKE_AUTH.__set__(context, bool(value))
    elif value:
        raise cannot('post_handshake_auth')


def get_keylog_filename(context):
    """Return None: this engine logs no secrets."""
    return None


def set_keylog_filename(context, value):
    """Raise unless *value* is None: this engine cannot log secrets."""
    if value is None:
        return
    if not isinstance(value, (bytes, text_type)):
        raise TypeError('keylog_filename must be text, not %s' % type(value).__name__)
    raise cannot('keylog_filename')


def get_session_ticket_keys(context):
    """Return (): OpenSSL uses its own key."""
    return ()


def set_session_ticket_keys(context, value):
    """Raise unless *value* is empty: this engine cannot set keys."""
    if isinstance(value, (bytes, bytearray, text_type)):
        raise TypeError('session_ticket_keys must be a sequence of keys, not a single one')
    if [as_bytes(key, 'session_ticket_keys') for key in value]:
        raise cannot('session_ticket_keys')


def new_session_ticket_key():
    """Return a new random key, for servers with the other engine: 80 bytes. Keep it secret."""
    return os.urandom(80)


def get_num_tickets(context):
    """Raise as if ssl had no such attribute: this engine cannot do it."""
    raise cannot('num_tickets', MissingAttribute)


def set_num_tickets(context, value):
    """Raise: this engine cannot do it."""
    raise cannot('num_tickets')


def get_security_level(context):
    """Raise as if ssl had no such attribute: this engine cannot do it."""
    raise cannot('security_level', MissingAttribute)


def get_ciphers(context):
    """Raise: this engine cannot do it."""
    raise cannot('get_ciphers')


def set_ciphersuites(context, names):
    """Raise: this engine cannot do it."""
    raise cannot('set_ciphersuites')


def set_psk_client_callback(context, callback):
    """Raise: this engine cannot do it."""
    if context.protocol == PROTOCOL_TLS_SERVER:
        raise tls_error('Cannot add PSK client callback to a PROTOCOL_TLS_SERVER context', code=0)
    check_callable(callback)
    raise cannot('set_psk_client_callback')


def set_psk_server_callback(context, callback, identity_hint=None):
    """Raise: this engine cannot do it."""
    if context.protocol == PROTOCOL_TLS_CLIENT:
        raise tls_error('Cannot add PSK server callback to a PROTOCOL_TLS_CLIENT context', code=0)
    check_callable(callback)
    raise cannot('set_psk_server_callback')


def load_cert_chain_pem(context, certdata, keydata=None, password=None):
    """Raise: this engine cannot do it."""
    raise cannot('load_cert_chain_pem')
