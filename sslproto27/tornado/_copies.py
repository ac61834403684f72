"""
Support for copies of Tornado vendored in other packages: a set of our modules for each copy.

Our classes derive from Tornado's, so each copy needs its own set of ours: the same files, imported
again under another name, with another `_compat`.
"""
from __future__ import absolute_import, division, print_function

import importlib
import sys
import threading
import types

from . import _compat

__all__ = ['installer']

_lock = threading.Lock()


def installer(module):
    """
    Return the `_install` module for a copy of Tornado.

    Args:
        module (module or str): the copy, or its name, such as 'salt.ext.tornado'.

    Raises:
        ImportError: there is no such module.
        ValueError: it is not a supported version of Tornado.
    """
    copy = importlib.import_module(getattr(module, '__name__', module)).__name__
    name = __package__
    if copy != _compat.iostream.__name__.rpartition('.')[0]:
        # No module imported in the usual way has such a name.
        name = '%s.tornado-%s' % (name.rpartition('.')[0], copy.replace('.', '-'))
    with _lock:
        if name not in sys.modules:
            package, framework = [types.ModuleType(one) for one in (name, name + '._compat')]
            package.__path__ = sys.modules[__package__].__path__
            package._compat = framework
            _compat.load(vars(framework), copy, ValueError)
            sys.modules.update({name: package, framework.__name__: framework})
        return importlib.import_module(name + '._install')
