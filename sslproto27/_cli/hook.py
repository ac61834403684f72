"""Patches frameworks once a program imports them, in the interpreter that ``run`` starts."""
from __future__ import absolute_import, division, print_function

import atexit
import contextlib
import functools
import json
import os
import pkgutil
import sys
import weakref

from six.moves import builtins, map as imap

from .._install import install
from .console import Console

__all__ = ['VARIABLE', 'begin']

#: The environment variable by which `run` passes its settings.
VARIABLE = 'SSLPROTO27_RUN'


def begin(before):
    """
    Apply and remove the settings of `run` in the environment: children stay unpatched.

    Args:
        before (set of str): the modules that this interpreter had before it imported ours.
    """
    wanted = json.loads(os.environ.pop(VARIABLE))
    _, was_set, rest = os.environ.pop('PYTHONPATH').partition(os.pathsep)
    if was_set:  # perhaps to '', which is the current folder
        os.environ['PYTHONPATH'] = rest
    at_once = dict.fromkeys(map(str, wanted['at_once']), True)
    install(suppress_ragged_eofs=wanted['lenient'] and bool(at_once), **at_once)
    folder = wanted['folder'].encode('latin-1')
    hiding = _hiding(folder, before)
    finder = _Finder(map(str, wanted['awaited']), wanted['required'], wanted['lenient'], hiding)
    sys.meta_path.insert(0, finder)
    if wanted['required']:
        atexit.register(finder.end)
    for name in hiding:
        del sys.modules[name]
    finder.patch_imported()


def _hiding(folder, before):
    """
    Return the modules that we have imported and that would hide modules of the program, by name.

    Python looks into the program's *folder* first, but not for a module that is imported already.
    The program may also put other folders first: there, only six is likely to be found. All others
    are the standard library's, and must not be there twice.
    """
    importer = folder and pkgutil.get_importer(folder)  # '' if the folder is gone
    new = set(name.partition('.')[0] for name in set(sys.modules).difference(before))
    new.difference_update(before, sys.builtin_module_names, ['sitecustomize', 'sslproto27'])
    tops = set(name for name in new
               if name == 'six'
               or folder and importer.find_module(name)
               and not _is_in(folder, sys.modules[name]))
    return dict((name, module) for name, module in sys.modules.items()
                if name.partition('.')[0] in tops)


def _is_in(folder, module):
    """Return whether a module was imported from *folder*."""
    place = os.path.dirname(os.path.realpath(getattr(module, '__file__', '')))
    if hasattr(module, '__path__'):
        place = os.path.dirname(place)
    return place == os.path.realpath(folder)


@contextlib.contextmanager
def _instead(hiding):
    """Let our own modules import those that we began with, while this context lasts."""
    theirs = dict((name, sys.modules[name]) for name in hiding if name in sys.modules)
    sys.modules.update(hiding)
    try:
        yield
    finally:
        for name in hiding:
            del sys.modules[name]
        sys.modules.update(theirs)


#: By framework, the module whose import makes it worth patching; others do no TLS.
_TELLING = {'tornado': 'tornado.iostream', 'twisted': 'twisted.internet.posixbase'}


class _Finder(object):
    """
    Imports the modules of some packages in the normal way, then patches the package (PEP 302).

    It does so when the program's own import of one of these modules has ended, since their modules
    import each other: before, some are only half there.
    """

    def __init__(self, names, required, lenient, hiding):
        self._waiting = set(names)
        self._required = required  # whether the program must not go on with one that is unpatched
        self._outer = {}       # by package, the `_Import` that the program has begun, weakly
        self._passing = set()  # modules whose loader is about to ask
        self._lenient = lenient
        self._hiding = hiding

    def find_module(self, name, path=None):
        """Return a loader for the modules of packages that it waits for, unless that asks."""
        if name in self._passing:
            self._passing.discard(name)
            return None
        for package, outer in list(self._outer.items()):
            if outer() is None:  # it has failed
                self._end(package)
        package = name.partition('.')[0]
        if (package not in self._waiting or package in self._outer or name in sys.modules
                or path and not _is_there(name, path)):
            return None
        return _Loader(self, name)

    def begin(self, name):
        """Return the import, in the normal way, of a module that the program asks for."""
        begun = _Import(builtins.__import__, [name])
        self._outer[name.partition('.')[0]] = weakref.ref(begun)
        self.pass_by(name)
        return begun

    def pass_by(self, name):
        """Leave the next import of a module to the normal way."""
        self._passing.add(name)

    def imported(self, name, _):
        """Return a module whose import has ended."""
        self._end(name.partition('.')[0])
        return sys.modules[name]

    def patch_imported(self):
        """Patch what is imported already: by a .pth file, for instance."""
        for package in sorted(self._waiting):
            self._patch(package)

    def _end(self, package):
        del self._outer[package]
        self._patch(package)

    def _patch(self, package):
        """Patch a package if it is worth that; if it cannot be patched, print a line."""
        if not _does_tls(package):
            return
        self._waiting.discard(package)
        try:
            with _instead(self._hiding):
                install(suppress_ragged_eofs=self._lenient, **{package: True})
        except Exception as error:  # a library that is broken fails in any way
            _say_unpatched(package, error)
            if self._required:
                # SystemExit would end only this thread, and whoever catches it would go on.
                try:
                    sys.stdout.flush()
                finally:
                    os._exit(1)

    def end(self):
        """Say which packages the program has imported past us."""
        for package in sorted(self._waiting):
            if _does_tls(package):
                _say_unpatched(package, 'the program has imported it in a way of its own')


def _does_tls(package):
    """Return whether the part of a package that makes it worth patching is imported."""
    return _TELLING.get(package, package) in sys.modules


def _say_unpatched(package, why):
    Console().line(('bad', 'sslproto27: '), '%s is not patched: ' % package, why)


def _is_there(name, path):
    """Return whether a package's *path* has a module; 2.7 also asks for what is elsewhere."""
    importers = map(pkgutil.get_importer, path)
    return any(importer.find_module(name) for importer in importers if importer is not None)


class _Import(imap):
    """An import under way. It is gone when that ends, however it ends; on PyPy a little later."""


class _Loader(object):
    """
    Imports one module.

    If the import fails, its traceback has no frame of ours, because only C code runs until it has
    ended: ``load_module`` is ``reduce(imported, self, name)``, and `__iter__` returns an `_Import`,
    which calls ``__import__``. On PyPy there is one frame, of functools.
    """

    def __init__(self, finder, name):
        self._finder = finder
        self._name = name
        self.load_module = functools.partial(functools.reduce, finder.imported, self)

    def __iter__(self):
        return self._finder.begin(self._name)

    def __getattr__(self, name):
        # runpy and pkgutil ask a loader without loading.
        self._finder.pass_by(self._name)
        return getattr(pkgutil.find_loader(self._name), name)
