"""
The layers of the package, as the design draws them: read from the imports, nothing is taken on
trust.
"""
from __future__ import absolute_import, division, print_function

import importlib

import pytest

from tests.support.imports import (
    BOTTOM, foreign_imports, imported_names, layers, modules, own_imports)

LAYERS = layers()
ADAPTERS = [name for name in LAYERS if name in modules() and name not in ('', 'context')]

#: By layer, those that it may import from, besides itself.
BELOW = {
    'engine': [],  # but for BOTTOM
    'core': ['engine'],
    'stream': ['core'],
    'https': ['core'],
    'package': ['stream', 'core'],
    'loops': ['stream', 'core'],
    'command line': ['package', 'stream', 'core', 'engine', 'loops'] + ADAPTERS,
}
BELOW.update((name, ['loops', 'stream', 'https', 'core']) for name in ADAPTERS)

FRAMEWORKS = {'asyncio', 'trollius', 'tornado', 'twisted', 'gevent', 'urllib3', 'requests',
              'OpenSSL'}

# Of an interpreter that is not always the one at hand, but has it in its own library.
PYPYS_OWN = {'cffi', '_pypy_openssl'}


def is_in_standard_library(name):
    """Return whether a module comes with the interpreter."""
    if name in PYPYS_OWN:
        return True
    path = getattr(importlib.import_module(name), '__file__', None) or ''
    return 'site-packages' not in path and 'dist-packages' not in path


def test_every_module_has_a_layer():
    """Each module is in exactly one layer, and the layers are what the design has."""
    assert sorted(modules()) == sorted(name for names in LAYERS.values() for name in names)
    assert set(BELOW) == set(LAYERS)
    assert {'_core.engine', '_core.engine.libssl', '_core.engine.cpython27',
            '_core.engine.cpython3'} <= LAYERS['engine']
    assert {'_core', '_core.compat', '_core.bio', '_core.pipe', '_core.socket',
            '_core.context.settings', 'context'} <= LAYERS['core']
    assert {'aio', 'trollius', 'tornado', 'urllib3', 'requests'} <= set(ADAPTERS)


@pytest.mark.parametrize('layer', LAYERS)
def test_no_layer_imports_a_higher_one(layer):
    """A module imports its own layer and lower ones alone; adapters never each other."""
    allowed = set(LAYERS[layer]).union(*[LAYERS[below] for below in BELOW[layer]])
    if layer == 'engine':
        allowed |= BOTTOM
    for name in LAYERS[layer]:
        assert set() == own_imports(name) - allowed, name


@pytest.mark.parametrize('name', sorted(BOTTOM))
def test_bottom_imports_nothing(name):
    """What the engine uses too is at the bottom: it imports no module of ours from above."""
    assert own_imports(name) <= BOTTOM


def test_pipe_knows_no_loop():
    """The pipe imports neither sockets, nor clocks, nor what waits."""
    loops = {'socket', 'select', 'selectors', 'time', 'threading', 'logging'}
    assert set() == foreign_imports('_core.pipe') & loops


@pytest.mark.parametrize('name', sorted(
    name for layer in ('engine', 'core', 'https', 'urllib3')
    for name in LAYERS[layer]))
def test_core_is_self_contained(name):
    """What can be vendored imports the standard library, and itself by relative imports, alone."""
    foreign = foreign_imports(name)
    assert set() == foreign & (FRAMEWORKS | {'sslproto27', 'six'})
    if name not in ('_core.engine.pypy27', '_core.engine.cpython27', '_core.engine.cpython3',
                    '_core.engine.pair', '_core.engine.pair_queue'):
        assert [] == [one for one in foreign if not is_in_standard_library(one)]


#: Modules of the standard library that have another name, or another place, on Python 2.
MOVED = {'BaseHTTPServer', 'ConfigParser', 'Cookie', 'HTMLParser', 'Queue', 'SimpleHTTPServer',
         'SocketServer', 'StringIO', '__builtin__', 'builtins', 'cPickle', 'configparser',
         'copy_reg', 'html', 'http', 'httplib', 'queue', 'reprlib', 'socketserver', 'thread',
         'urllib', 'urllib2', 'urlparse', 'xmlrpc', 'xmlrpclib'}


@pytest.mark.parametrize('name', sorted(set(modules()) - LAYERS['engine'] - LAYERS['core']))
def test_two_and_three_by_six(name):
    """Above the core six has text types, and the modules that moved; nothing has its own."""
    assert set() == MOVED & foreign_imports(name)
    assert '_core.compat.text_type' not in imported_names(name)
    with open(modules()[name]) as source:
        text = source.read()
    assert [] == [one for one in ('ABCMeta(', "type(u'')", 'unicode(', '__metaclass__')
                  if one in text]


@pytest.mark.parametrize('name', sorted(LAYERS['stream'] | {''}))
def test_protocol_knows_no_framework(name):
    """The protocol imports the standard library, without asyncio, and six at most."""
    foreign = foreign_imports(name)
    assert set() == foreign & (FRAMEWORKS | {'sslproto27'})
    assert [] == [one for one in foreign - {'six'} if not is_in_standard_library(one)]


def test_command_line_imports_no_framework_early():
    """Of the command line only what runs a command on Trollius imports it."""
    late = {'_cli.demonstration', '_cli.relay'}
    for name in LAYERS['command line'] - late:
        assert set() == foreign_imports(name) & FRAMEWORKS, name
        assert set() == own_imports(name) & set(ADAPTERS), name


def test_no_cycles():
    """No module imports itself, by whatever detour."""
    for name in modules():
        reached, todo = set(), list(own_imports(name))
        while todo:
            one = todo.pop()
            if one not in reached:
                reached.add(one)
                todo += own_imports(one)
        assert name not in reached


def test_importing_imports_no_framework(run_python):
    """Importing sslproto27 imports no framework."""
    finished = run_python(
        'import sys, sslproto27; print(sorted(set(sys.modules) & %r))' % FRAMEWORKS)
    assert (0, '[]\n', '') == finished


def test_importing_patches_nothing(run_python):
    """Importing sslproto27 changes nothing in ssl, _ssl, socket or select."""
    finished = run_python('''
from __future__ import print_function
import _ssl, select, socket, ssl
import ctypes, errno, functools, logging, platform, threading
places = [_ssl, select, socket, ssl] + [
    one for one in list(vars(ssl).values()) + list(vars(socket).values()) if isinstance(one, type)]
before = [dict(vars(place)) for place in places]
import sslproto27
print([place for place, content in zip(places, before) if content != dict(vars(place))])
''')
    assert (0, '[]\n', '') == finished
