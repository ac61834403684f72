"""
Copies of Tornado inside of other packages, as some are vendored: a set of our modules for each.

Our classes are made of Tornado's, so another copy of those needs others of ours: the same files,
imported once more under another name, with another `_framework`.
"""
from __future__ import absolute_import, division, print_function

import importlib
import sys
import threading
import types

from . import _framework

__all__ = ['installer']

_lock = threading.Lock()


def installer(module):
    """
    Return what is `_install` for a copy of Tornado.

    Args:
        module (module or str): the copy, or its name: 'salt.ext.tornado', say.

    Raises:
        ImportError: there is no such module.
        ValueError: it is no Tornado that is supported.
    """
    copy = importlib.import_module(getattr(module, '__name__', module)).__name__
    name = __package__
    if copy != _framework.iostream.__name__.rpartition('.')[0]:
        # No module that was imported in the usual way has such a name.
        name = '%s.tornado-%s' % (name.rpartition('.')[0], copy.replace('.', '-'))
    with _lock:
        if name not in sys.modules:
            package, framework = [types.ModuleType(one) for one in (name, name + '._framework')]
            package.__path__ = sys.modules[__package__].__path__
            package._framework = framework
            _framework.load(vars(framework), copy, ValueError)
            sys.modules.update({name: package, framework.__name__: framework})
        return importlib.import_module(name + '._install')
