"""
Which test file is whose: of each module of the package the one that covers it by itself.

``test_`` and the module's name, without the underscores that make it private, unless it is in
`OTHERS`. Nothing here imports a module of the package.
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
    '': ['install'],                             # names alone
    '_above': _PROTOCOL + ['debug'], '_below': ['start_tls', 'unwrap'], '_states': _PROTOCOL,
    '_ending': _PROTOCOL + ['unwrap', 'debug'],
    '_transport': _PROTOCOL + ['debug'],         # one machine in several files
    '_flow': _PROTOCOL + ['handshake_limit'],
    '_aio': ['aio', 'trollius', 'asyncio', 'start_tls'],  # one name for two frameworks'
    '_aio.loop': ['trollius', 'aio', 'handshake_limit', 'start_tls'],
    '_aio.pipes': ['aio_pipes', 'start_tls'],
    '_aio.reading': ['aio', 'trollius'],
    '_aio.streams': ['aio', 'start_tls'],
    '_aio.upgrade': ['start_tls'],
    '_callbacks': _CONTEXT + ['sni'],
    '_certificate': ['sslobject', 'channel_binding'],
    '_compat': ['memorybio', 'sslobject', 'protocol', 'socket'],  # what 2 and 3 do differently
    '_constants': ['context'], '_context': ['context', 'sni'], '_core': ['install'],
    '_extras': _CONTEXT, '_settings': ['context'],
    '_engine': ['unavailable'],
    '_engine.cpython27': _ENGINE,
    '_engine.cpython3': ['wrap_bio', 'install', 'memorybio', 'sslobject', 'pipe'],
    '_engine.cpython3_context': ['context'],
    '_engine.guard': _ENGINE,
    '_engine.libssl': _ENGINE,
    '_engine.pypy27': _ENGINE,
    '_hostname': ['hostname', 'wrap_bio'],
    '_memorybio': ['memorybio', 'unavailable'],
    '_pep546': ['install', 'trollius'],
    '_session': ['session', 'session_pem'],
    '_blocking': ['socket', 'pep543_socket', 'hostile_callers_sockets'],
    '_sslobject': ['sslobject', 'short_paths', 'wrap_bio', 'channel_binding', 'post_handshake',
                   'session'],
    '_urllib3': ['requests'], 'urllib3': ['requests'],
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
    return [re.sub(r'(^|\.)_?', '_', name).strip('_')]


def own_tests():
    """Return a dict from module to the names of its test files, without ``test_`` and ``.py``."""
    return {name: OTHERS.get(name) or by_rule(name) for name in modules()}
