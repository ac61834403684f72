"""
Choose a context by the server name that a client asks for (RFC 6066 3). Nothing here does TLS.

If a server name callback gives a connection another context, OpenSSL, and so Python 3.13's ssl,
changes only its certificate, trusted authorities and choice of ALPN. It keeps the verify mode,
flags and versions of the previous context (SSL_set_SSL_CTX, observed on OpenSSL 3.0). Here the
connection gets all of them, or it is refused.
"""
from __future__ import absolute_import, division, print_function

import ssl
import weakref

from ..compat import PY2, NativeContext, text_type
from ..engine import NAME
from ..pair.limits import cannot

if PY2:
    from ..chosen import SSLObject, settings
    from .server_names import set_any_name_callback
    get_maximum_version = settings.get_maximum_version
    get_minimum_version = settings.get_minimum_version
else:
    from ..engine.cpython3_context import (
        get_maximum_version, get_minimum_version, set_any_name_callback)

__all__ = ['by_server_name', 'choice_by_name', 'contexts_behind', 'set_any_name_callback']

#: By the default context, weak references to the others.
_others = weakref.WeakKeyDictionary()

# RFC 8446 6
ALERT_PROTOCOL_VERSION = 70
ALERT_INTERNAL_ERROR = 80
ALERT_UNRECOGNIZED_NAME = 112

#: TLS 1.0 to 1.3, by their numbers on the wire.
_VERSIONS = 0x301, 0x302, 0x303, 0x304


def by_server_name(default, contexts):
    """
    Let a server use a different context for each server name that a client may ask for.

    The connection gets that context's certificate, trust, verify mode, flags and choice of ALPN.
    The TLS version is negotiated before that: if the chosen context does not allow it, the
    connection is refused (alert protocol_version). If the chosen context verifies clients, it also
    refuses a session that was made under another name. Python 3's ssl cannot change the verify
    mode, flags and versions of one connection, so there every context must have those of *default*.
    The same holds for the pair engine, where moreover none of them may verify clients.

    Args:
        default (ssl.SSLContext): for clients that ask for no name or an unknown one. Give this one
            to the server. Its previous server name callback is replaced. On 2.7, a name that is not
            ASCII is an unknown one; Python 3's ssl refuses it.
        contexts (dict): from names (text), in any case, to ssl.SSLContext. A leftmost label ``*``
            stands for one whole label (RFC 6125 6.4.3); an exact name takes precedence.

    Returns:
        *default*.

    Raises:
        TypeError, ValueError: a name or a context cannot be used; the text names it.
        NotImplementedError: the pair engine cannot apply a context's settings to one connection.
    """
    contexts = dict(contexts)
    set_any_name_callback(default, choice_by_name(default, contexts))
    _others[default] = [weakref.ref(context) for context in contexts.values()]
    return default


def contexts_behind(default):
    """Return *default*, and the contexts that `by_server_name` has put behind it (list)."""
    found = [default]
    for reference in _others.get(default, ()):
        context = reference()
        if context is not None and context not in found:
            found.append(context)
    return found


def choice_by_name(default, contexts):
    """Return the callback of `by_server_name`, for callers that wrap it in their own."""
    if not isinstance(default, NativeContext):
        raise TypeError('default must be an ssl.SSLContext, not %r' % (default,))
    chosen = {}
    for name, context in dict(contexts).items():
        if not isinstance(context, NativeContext):
            raise TypeError('context of %r must be an ssl.SSLContext, not %r' % (name, context))
        if NAME == 'pair':
            _check_possible(context, default)
        elif NAME == 'stdlib':
            _check_alike(name, context, default)
        # None, not default itself: a callback that references a plain context leaks it.
        chosen[_key(name)] = None if context is default else context
    return _callback(chosen)


def _key(name):
    """Return *name* as on the wire, in lower case and without a trailing dot (str)."""
    if not isinstance(name, (str, text_type)):
        raise TypeError('a server name must be text, not %r' % (name,))
    wildcard = '*.' if name.startswith('*.') else ''
    try:
        text = name if isinstance(name, text_type) else name.decode('ascii')
        key = text[len(wildcard):].encode('idna').decode('ascii').lower().rstrip('.')
    except UnicodeError:
        key = ''
    if not key or '*' in key or key.startswith('.'):
        raise ValueError('%r is not a server name' % (name,))
    return str(wildcard + key)


def _callback(chosen):
    def on_server_name(ssl_object, name, context):
        try:
            key = str(name or '').lower().rstrip('.')
        except UnicodeEncodeError:  # it is not ASCII, so no certificate has it
            return None
        if key not in chosen:
            key = '*.' + key.partition('.')[2]
        other = chosen.get(key)
        return None if other is None else _use(ssl_object, other, str(name), context)
    return on_server_name


def _use(ssl_object, context, name, before):
    """Give a connection *context*; return None, or the alert that refuses the connection."""
    owner, ssl_object = ssl_object, getattr(ssl_object, '_ssl_object', ssl_object)
    owner.context = context
    if NAME != 'graft' or not isinstance(ssl_object, SSLObject):  # the ssl module's own object
        possible = _differs(context, before) is None and not (
            NAME == 'pair' and context is not before and context.verify_mode != ssl.CERT_NONE)
        return None if possible else _refuse(
            owner, ALERT_INTERNAL_ERROR, "the context's settings cannot be applied to a connection")
    if context.verify_mode != ssl.CERT_NONE and not ssl_object._may_resume_for(name):
        return _refuse(ssl_object, ALERT_UNRECOGNIZED_NAME,
                       'the client wants to resume a session of another server name')
    version = ssl_object._use_context(context)
    return None if _allows(context, version) else _refuse(
        ssl_object, ALERT_PROTOCOL_VERSION, "the context of this name does not allow the client's"
        ' version of TLS')


def _refuse(ssl_object, alert, reason):
    """Refuse a connection with *alert*; the error of the handshake tells *reason* (str)."""
    ssl_object._refusal = reason  # see `notes.explain`
    return alert


_OPTIONS = {0x301: 'OP_NO_TLSv1', 0x302: 'OP_NO_TLSv1_1', 0x303: 'OP_NO_TLSv1_2'}


def _allows(context, version):
    """Return whether *context* allows *version*, given by its number on the wire (bool)."""
    left_out = getattr(ssl, _OPTIONS[version]) if version in _OPTIONS else 0x20000000
    lowest, highest = int(get_minimum_version(context)), int(get_maximum_version(context))
    return (not context.options & left_out and (lowest < 0 or lowest <= version)
            and (highest < 0 or version <= highest))


def _differs(context, other):
    """Return the name of a setting in which *context* differs from *other*; None if none does."""
    for name, value in (
            ('verify_mode', lambda one: one.verify_mode),
            ('verify_flags', lambda one: one.verify_flags),
            ('minimum_version', get_minimum_version), ('maximum_version', get_maximum_version),
            ('options', lambda one: [_allows(one, version) for version in _VERSIONS])):
        if value(context) != value(other):
            return name
    return None


def _check_possible(context, default):
    if context is not default and context.verify_mode != ssl.CERT_NONE:
        raise cannot('by_server_name with contexts that verify clients')
    if _differs(context, default) is not None:
        raise cannot('by_server_name with contexts of other verify modes, flags or versions')


def _check_alike(name, context, default):
    setting = _differs(context, default)
    if setting is not None:
        raise ValueError('context of %r must have the %s of the default one on this Python'
                         % (name, setting))
