"""
The layers of the package, as the design draws them: read from the imports, nothing is taken on
trust.
"""
from __future__ import absolute_import, division, print_function

import importlib

import pytest

from imports import closure, foreign_imports, modules, own_imports

# From the bottom up. What is neither here nor private is an adapter.
ENGINE = {name for name in modules() if name.split('.')[0] == '_engine'}
CORE = closure(['_core', 'context']) - ENGINE
PIPE = {'_pipe'}
PROTOCOL = {'_protocol', '_transport'}
SOCKET = {'_socket', '_socketface'}
PROTOCOL = {'_protocol', '_ending', '_transport', '_states', '_flow', '_above', '_below'}
LOOPS = {name for name in modules() if name.split('.')[0] == '_aio'}
PROGRAMS = {'__main__', '_demo'}
ADAPTERS = {name for name in modules() if name and not name.startswith('_')} - CORE

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
    layers = [ENGINE, CORE, PIPE, PROTOCOL, SOCKET, PROGRAMS, ADAPTERS, {''}]
    assert sorted(modules()) == sorted(name for layer in layers for name in layer)
    assert {'_engine', '_engine.libssl', '_engine.cpython27', '_engine.pypy27',
            '_engine.cpython3', '_engine.cpython3_context'} <= ENGINE
    assert {'_core', '_compat', '_memorybio', '_sslobject', '_context', '_errors',
            'context'} <= CORE
    assert 'trollius' in ADAPTERS
    layers = [ENGINE, CORE, PIPE, PROTOCOL, LOOPS, PROGRAMS, ADAPTERS, {''}]
    assert sorted(modules()) == sorted(name for layer in layers for name in layer)
    assert {'_engine', '_engine.libssl', '_engine.cpython27', '_engine.pypy27',
            '_engine.cpython3'} <= ENGINE
    assert {'_core', '_compat', '_memorybio', '_sslobject', '_context', '_errors'} <= CORE
    assert {'_aio', '_aio.loop', '_aio.upgrade', '_aio.streams', '_aio.pipes'} <= LOOPS
    assert {'aio', 'trollius'} <= ADAPTERS


@pytest.mark.parametrize('names, below', [
    (ENGINE, {'_compat'}), (CORE, ENGINE), (PIPE, CORE | ENGINE), (PROTOCOL, PIPE | CORE),
    (SOCKET, PIPE | CORE), ({''}, {'_core', '_pipe', '_protocol', '_socket'}),
    (ADAPTERS, PROTOCOL | SOCKET | PIPE | CORE),
], ids=['engine', 'core', 'pipe', 'protocol', 'socket', 'package', 'adapters'])
    (LOOPS, PROTOCOL | {'_compat'}), ({''}, {'_core', '_pipe', '_protocol'}),
    (ADAPTERS, LOOPS | PROTOCOL | PIPE | CORE),
], ids=['engine', 'core', 'pipe', 'protocol', 'loops', 'package', 'adapters'])
def test_no_layer_imports_a_higher_one(names, below):
    """A module imports its own layer and lower ones alone; adapters never each other."""
    for name in names:
        allowed = below | (names if names is not ADAPTERS else {name})
        assert set() == own_imports(name) - allowed, name


def test_compat_imports_nothing():
    """_compat, which the engine uses too, is at the bottom: it imports no module of ours."""
    assert set() == own_imports('_compat')


def test_pipe_knows_no_loop():
    """The pipe imports neither sockets, nor clocks, nor what waits."""
    loops = {'socket', 'select', 'selectors', 'time', 'threading', 'logging'}
    assert set() == foreign_imports('_pipe') & loops


@pytest.mark.parametrize('name', sorted(ENGINE | CORE | PIPE | SOCKET))
def test_core_is_self_contained(name):
    """What can be vendored imports the standard library, and itself by relative imports, alone."""
    foreign = foreign_imports(name)
    assert set() == foreign & (FRAMEWORKS | {'sslproto27', 'six'})
    if name not in ('_engine.pypy27', '_engine.cpython27', '_engine.cpython3'):
        assert [] == [one for one in foreign if not is_in_standard_library(one)]


@pytest.mark.parametrize('name', sorted(PROTOCOL | {''}))
def test_protocol_knows_no_framework(name):
    """The protocol imports the standard library, without asyncio, and six at most."""
    foreign = foreign_imports(name)
    assert set() == foreign & (FRAMEWORKS | {'sslproto27'})
    assert [] == [one for one in foreign - {'six'} if not is_in_standard_library(one)]


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
