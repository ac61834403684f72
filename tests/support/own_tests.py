"""
Which test file is whose: of each module of the package those that cover it by themselves.

The tests mirror the package, without the underscores that make names private: that of
``_core/pipe.py`` is ``core/test_pipe.py``, that of the package ``_aio`` is ``aio/test_aio.py``. A
module without such a file has all of its folder. `OTHERS` has the exceptions. Nothing here imports
a module of the package.
"""
from __future__ import absolute_import, division, print_function

import os

from tests.support.imports import modules
from tests.support.programs import ROOT

__all__ = ['OTHERS', 'by_rule', 'own_tests', 'path_of']

_ENGINE = ['core/bio', 'core/context/callbacks', 'core/engine/lifetime', 'core/engine/unavailable',
           'core/session', 'core/sslobject', 'hostile/callers_engine']

#: By module, its test files where they are others; without ``test_`` and ``.py``.
OTHERS = {
    # Doors, which have nothing but names.
    '': ['core/pep546'], 'aio': ['aio/aio'], 'context': ['core/context/sslcontext'],
    'requests': ['urllib3/requests'], 'trollius': ['aio/trollius'],
    'sockets': ['sockets/clients', 'sockets/sockets'], 'urllib3': ['urllib3/requests'],
    '_command': ['cli/main'],
    '_install': ['cli/run', 'sockets/install'],
    '__main__': ['cli/cli', 'cli/connect', 'cli/main'],
    # What has more than its own file.
    '_aio': ['aio/aio', 'aio/asyncio', 'aio/trollius', 'aio/upgrade'],
    '_aio.pipes': ['aio/pipes', 'aio/upgrade'],
    '_aio.streams': ['aio/aio', 'aio/upgrade'],
    '_cli.certificates': ['cli/certificates', 'cli/cli', 'cli/connect'],
    '_cli.sessions': ['cli/connect', 'cli/sessions'],
    '_core.bio': ['core/bio', 'core/engine/unavailable'],
    '_core.context.callbacks': ['core/context/callbacks', 'core/context/sni',
                                'core/context/sslcontext'],
    '_core.context.sslcontext': ['core/context/sni', 'core/context/sslcontext'],
    '_core.hostname': ['core/hostname', 'core/wrap_bio'],
    '_core.pep546': ['aio/trollius', 'core/pep546'],
    '_core.session': ['core/session', 'core/session_pem'],
    '_core.sslobject': ['core/channel_binding', 'core/post_handshake', 'core/session',
                        'core/short_paths', 'core/sslobject', 'core/wrap_bio'],
    '_stream.flow': ['aio/handshake_limit', 'stream/flow', 'stream/transport'],
    '_stream.protocol': ['stream/app_protocol', 'stream/closing', 'stream/protocol',
                         'stream/transport', 'stream/unwrap'],
    '_stream.timeouts': ['stream/protocol', 'stream/closing'],
    '_stream.transport': ['stream/debug', 'stream/transport'],
    'tornado._copies': ['tornado/versions'], 'tornado._framework': ['tornado/versions'],
    'tornado._stream': ['tornado/servers', 'tornado/start_tls', 'tornado/stream'],
    # What is used by others in other folders.
    '_cli.startup': ['cli/run'], '_cli.startup.sitecustomize': ['cli/run'],
    '_core.blocking': ['core/socket', 'hostile/callers_sockets', 'pep543/socket'],
    '_core.checking': ['core/servername'],
    '_core.chosen': ['core/engine/unavailable'],
    '_core.engine.cpython27': _ENGINE, '_core.engine.guard': _ENGINE,
    '_core.engine.libssl': _ENGINE, '_core.engine.pypy27': _ENGINE,
    '_core.engine.cpython3': ['core/bio', 'core/pep546', 'core/pipe', 'core/sslobject',
                              'core/wrap_bio'],
    '_core.engine.cpython3_context': ['core/context/sslcontext'],
    '_core.engine.current': ['core/pair/pair_engine'],
    '_core.engine.loopback': ['core/pair/pair_engine'],
    '_core.engine.pair': ['core/pair/pair_engine'],
    '_core.engine.pair_queue': ['core/errors'],
    '_core.pair.bio': ['core/bio', 'core/pair/pair_engine'],
    '_core.pair.settings': ['core/context/sslcontext', 'core/pair/old_ssl',
                            'core/pair/pair_engine'],
    '_core.records': ['core/pair/pair_engine'],
    '_stream.lower_transport': ['aio/upgrade', 'stream/unwrap'],
}


def path_of(name):
    """Return the path of a test file: of 'core/pipe' that of tests/core/test_pipe.py."""
    folder, _, file = name.rpartition('/')
    return os.path.join(ROOT, 'tests', folder, 'test_%s.py' % file)


def by_rule(module):
    """Return a list of the test files that a module has by its place in the package."""
    parts = [part.strip('_') for part in module.split('.')]
    if os.path.basename(modules()[module]) == '__init__.py':
        parts.append(parts[-1])
    if os.path.exists(path_of('/'.join(parts))):
        return ['/'.join(parts)]
    folder = '/'.join(parts[:-1])
    place = os.path.join(ROOT, 'tests', folder)
    return ['%s/%s' % (folder, file[len('test_'):-len('.py')])
            for file in sorted(os.listdir(place) if os.path.isdir(place) else [])
            if file.startswith('test_') and file.endswith('.py')]


def own_tests():
    """Return a dict from module to a list of the names of its test files."""
    return {name: OTHERS.get(name) or by_rule(name) for name in modules()}
