"""Patches frameworks once a program imports them, in the interpreter that ``run`` starts."""
from __future__ import absolute_import, division, print_function

import importlib
import json
import os
import sys

from .._install import install
from .console import Console

__all__ = ['VARIABLE', 'begin']

#: The environment variable by which `run` passes its settings.
VARIABLE = 'SSLPROTO27_RUN'


def begin():
    """Apply and remove the settings of `run` in the environment: children stay unpatched."""
    wanted = json.loads(os.environ.pop(VARIABLE))
    rest = os.environ.pop('PYTHONPATH').partition(os.pathsep)[2]
    if rest:
        os.environ['PYTHONPATH'] = rest
    named = dict.fromkeys(map(str, wanted['named']), True)
    install(suppress_ragged_eofs=wanted['lenient'] and bool(named), **named)
    if wanted['awaited']:
        sys.meta_path.insert(0, _Finder(map(str, wanted['awaited']), wanted['lenient']))


class _Finder(object):
    """Imports some packages in the normal way, then patches them (PEP 302)."""

    def __init__(self, names, lenient):
        self._waiting = set(names)
        self._lenient = lenient

    def find_module(self, name, path=None):
        """Return this finder for the packages that it waits for."""
        return self if name in self._waiting else None

    def load_module(self, name):
        """Import a package and patch it; if it cannot be patched, print a line."""
        self._waiting.discard(name)
        try:
            importlib.import_module(name)
        except BaseException:
            self._waiting.add(name)
            raise
        try:
            install(suppress_ragged_eofs=self._lenient, **{name: True})
        except (ImportError, ValueError) as error:
            Console().line(('bad', 'sslproto27: '), '%s stays as it is: ' % name, error)
        return sys.modules[name]
