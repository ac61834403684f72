"""
Which test file is whose: of each module of the package the one that covers it by itself.

``test_`` and the module's name, without the folders _core and _stream and the underscores that
make it private, unless it is in `OTHERS`. Nothing here imports a module of the package.
"""
from __future__ import absolute_import, division, print_function

import re

from imports import modules

__all__ = ['OTHERS', 'by_rule', 'own_tests']

_ENGINE = ['unavailable', 'memorybio', 'sslobject', 'session', 'context_callbacks', 'lifetime',
           'hostile_callers_engine']
_CONTEXT = ['context', 'context_callbacks']
_PROTOCOL = ['protocol']
_TORNADO = ['tornado_stream', 'tornado_start_tls', 'tornado_servers']

#: By module, the tests whose name is another one.
OTHERS = {
    '': ['install'], '_core': ['install'], '_core.api': ['install'],  # names alone
    '_stream': _PROTOCOL, '_stream.states': _PROTOCOL,
    '_stream.app_protocol': _PROTOCOL + ['debug'],
    '_stream.lower_transport': ['start_tls', 'unwrap'],
    '_stream.shutdown': _PROTOCOL + ['unwrap', 'debug'],
    '_stream.transport': _PROTOCOL + ['debug'],         # one machine in several files
    '_stream.flow': _PROTOCOL + ['handshake_limit'],
    '_aio': ['aio', 'trollius', 'asyncio', 'start_tls'],  # one name for two frameworks'
    '_aio.loop': ['trollius', 'aio', 'handshake_limit', 'start_tls'],
    '_aio.pipes': ['aio_pipes', 'start_tls'],
    '_aio.reading': ['aio', 'trollius'],
    '_aio.streams': ['aio', 'start_tls'],
    '_aio.upgrade': ['start_tls'],
    '_core.context.callbacks': _CONTEXT + ['sni'],
    '_core.certificate': ['sslobject', 'channel_binding'],
    '_core.chosen': ['unavailable'],
    '_core.compat': ['memorybio', 'sslobject', 'protocol', 'socket'],  # what 2 and 3 do differently
    '_core.constants': ['context'], '_core.context.sslcontext': ['context', 'sni'],
    '_core.context.by_server_name': ['by_name'], '_core.context.credentials': ['credentials'],
    '_core.pipe_states': ['pipe'],
    '_core.context.registry': _CONTEXT, '_core.context.settings': ['context'],
    '_core.engine': ['unavailable'],
    '_core.engine.current': ['pair_engine'], '_core.engine.loopback': ['pair_engine'],
    '_core.engine.pair': ['pair_engine'], '_core.engine.pair_queue': ['errors'],
    '_core.engine.cpython27': _ENGINE,
    '_core.engine.cpython3': ['wrap_bio', 'install', 'memorybio', 'sslobject', 'pipe'],
    '_core.engine.cpython3_context': ['context'],
    '_core.engine.guard': _ENGINE,
    '_core.engine.libssl': _ENGINE,
    '_core.engine.pypy27': _ENGINE,
    '_core.hostname': ['hostname', 'wrap_bio'],
    '_core.bio': ['memorybio', 'unavailable'],
    '_core.pair': ['pair_engine'], '_core.pair.limits': ['pair_engine'],
    '_core.pair.bio': ['pair_engine', 'memorybio'],
    '_core.pair.settings': ['pair_engine', 'context', 'old_ssl'],
    '_core.pair.sslobject': ['pair_engine', 'old_ssl'], '_core.records': ['pair_engine'],
    '_core.pep546': ['install', 'trollius'],
    '_core.session': ['session', 'session_pem'],
    '_core.blocking': ['socket', 'pep543_socket', 'hostile_callers_sockets'],
    '_core.sslobject': ['sslobject', 'short_paths', 'wrap_bio', 'channel_binding',
                        'post_handshake', 'session'],
    '_urllib3': ['requests'], '_urllib3.sockets': ['requests'], 'urllib3': ['requests'],
    'tornado': ['tornado_install'],
    'tornado._handshake': _TORNADO, 'tornado._lower': _TORNADO, 'tornado._settings': _TORNADO,
    'tornado._socket': _TORNADO + ['tornado_install'], 'tornado._stream': _TORNADO,
    'pep543': ['pep543_buffer'],
    'pep543._context': ['pep543_buffer'],
    'pep543._enums': ['pep543_configuration'],
    'pep543._errors': ['pep543_buffer', 'pep543_socket'],
    'pep543._interfaces': ['pep543_buffer', 'pep543_credentials', 'pep543_socket'],
    'pep543._loading': ['pep543_buffer', 'pep543_credentials'],
    'pep543._names': ['pep543_configuration', 'pep543_buffer'],
    'pep543._openssl': ['pep543_buffer'],
    'pep543._plan': ['pep543_configuration', 'pep543_buffer'],
    'pep543.pyopenssl': ['pep543_buffer', 'pep543_configuration', 'pep543_credentials'],
    '__main__': ['main', 'cli', 'cli_connect'],
    '_cli.authority': ['cli_serve'],
    '_cli.certificates': ['cli', 'cli_certificates', 'cli_connect'],
    '_cli.channel': ['cli_connect', 'cli_starttls'],
    '_cli.console': ['cli', 'cli_connect', 'cli_streams'],
    '_cli.contexts': ['cli_reasons', 'cli_connect', 'cli_serve', 'cli_proxy'],
    '_cli.demo': ['main'], '_cli.demonstration': ['main'],
    '_cli.hook': ['cli_run'], '_cli.startup': ['cli_run'],
    '_cli.startup.sitecustomize': ['cli_run'],
    '_cli.info': ['cli'],
    '_cli.logs': ['cli_streams'],
    '_cli.relay': ['cli_proxy'],
    '_cli.sessions': ['cli_sessions', 'cli_connect'],
    '_cli.tunnel': ['cli_connect'],
}


def by_rule(name):
    """Return the test files that a module has by its name."""
    return [re.sub(r'(^|\.)_?', '_', re.sub(r'^_(core|stream)\.', '', name)).strip('_')]


def own_tests():
    """Return a dict from module to the names of its test files, without ``test_`` and ``.py``."""
    return {name: OTHERS.get(name) or by_rule(name) for name in modules()}
