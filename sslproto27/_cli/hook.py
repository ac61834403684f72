"""Patches what a program imports, once it imports it: in the interpreter that ``run`` starts."""
from __future__ import absolute_import, division, print_function

import importlib
import inspect
import json
import os
import sys

from .._core.api import install
from .console import Console

__all__ = ['ADAPTERS', 'VARIABLE', 'begin']

#: The environment variable in which `run` says what it wants.
VARIABLE = 'SSLPROTO27_RUN'

#: By the framework's name: what patches it, in the module of ours that is called like it.
ADAPTERS = {'trollius': 'install', 'tornado': 'install', 'twisted': 'install',
            'urllib3': 'inject_into_urllib3'}


def begin():
    """Do what `run` has written into the environment, and take that out: children are others."""
    wanted = json.loads(os.environ.pop(VARIABLE))
    rest = os.environ.pop('PYTHONPATH').partition(os.pathsep)[2]
    if rest:
        os.environ['PYTHONPATH'] = rest
    options = {'suppress_ragged_eofs': True} if wanted['lenient'] else {}
    install()
    if wanted['named']:
        for name in wanted['adapters']:
            _patch(str(name), options)
    else:
        sys.meta_path.insert(0, _Finder([str(name) for name in wanted['adapters']], options))


def _patch(name, options):
    module = importlib.import_module(__package__.rpartition('.')[0] + '.' + name)
    patch = getattr(module, ADAPTERS[name])
    for option in options:
        if option not in inspect.getargspec(patch).args:
            raise ValueError('%s takes no %s for all its connections' % (name, option))
    patch(**options)


class _Finder(object):
    """Imports some packages as they would be imported, and patches them then (PEP 302)."""

    def __init__(self, names, options):
        self._waiting = set(names)
        self._options = options

    def find_module(self, name, path=None):
        """Take on what waits to be imported."""
        return self if name in self._waiting else None

    def load_module(self, name):
        """Import a package, and patch it; one that cannot be patched is told of."""
        self._waiting.discard(name)
        try:
            importlib.import_module(name)
        except BaseException:
            self._waiting.add(name)
            raise
        try:
            _patch(name, self._options)
        except (ImportError, ValueError) as error:
            Console().line(('bad', 'sslproto27: '), '%s stays as it is: ' % name, error)
        return sys.modules[name]
