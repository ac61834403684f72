"""
A framework's private names: those that modules of ours use, and those that its classes have.

Both are read from the source. A name is private if it begins with one underscore.
"""
from __future__ import absolute_import, division, print_function

import ast
import importlib
import inspect
import re
import warnings

from tests.support.imports import modules

__all__ = ['faults']

_PRIVATE = re.compile(r'_[A-Za-z]\w*\Z')

_trees, _classes_of = {}, {}


def faults(framework, names, table, ours=(), absent=()):
    """
    Hold a table of private names against the code that uses them and the framework that has them.

    Args:
        framework (str): the name of its package.
        names (list of str): the modules of ours that use it: '_aio.loop', ...
        table (dict of str to str): by class or module, such as 'streams.StreamReader', its names.
        ours (list of str): names of our own: attributes that we give to the framework's objects, or
            by chance the same as one of its.
        absent (list of str): what this version of the framework lacks, each with its class.

    Returns:
        list of str: texts, each with a name.
    """
    names_in_table = set(' '.join(table.values()).split())
    uses = _Uses(framework, names)
    found, had = [], set()
    for where, expected in sorted(table.items()):
        those = _names_of(framework, where)
        had |= those
        found += ['%s is not in %s' % (name, where) for name in sorted(set(expected.split()))
                  if (name in those) is (where + '.' + name in absent)]
    foreign = dict((name, uses.places[name]) for name in set(uses.places) & had)
    foreign.update(uses.foreign)
    found += ['%s of %s is not in the table' % (name, foreign[name])
              for name in sorted(set(foreign) - names_in_table - set(ours))]
    return found + ['%s is not used' % name for name in sorted(
        (names_in_table | set(ours)) - set(uses.places))]


class _Uses(object):
    """
    Attributes:
        places (dict of str to str): by private name that is mentioned, as an attribute, a
            definition in a class, or a text: a place.
        foreign (dict of str to str): the same for the names that no class and no module of ours
            defines, or with which one overrides the framework's.
    """

    def __init__(self, framework, names):
        self.places, self.foreign, own = {}, {}, set()
        folders = set(name.split('.')[0] for name in names)
        for name, path in modules().items():
            if name.split('.')[0] in folders:
                own |= _defined_in(_tree(path))
                for node in _classes(path):
                    overridden = _overridden(framework, name, node)
                    self.foreign.update((one, name + '.' + node.name) for one in overridden)
                    own |= _defined_in(node) - overridden
        for name, path in modules().items():
            if name in names:
                for node in ast.walk(_tree(path)):
                    for one in filter(_PRIVATE.match, _mentioned_by(node)):
                        self.places.setdefault(one, '%s:%d' % (name, node.lineno))
        self.foreign.update((one, self.places[one]) for one in set(self.places) - own)
        self.places.update(self.foreign)


def _mentioned_by(node):
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.ImportFrom):
        return [one.name for one in node.names] if not node.level else []
    if isinstance(node, ast.Call):  # getattr(one, '_name')
        return [text for one in node.args for text in _texts(one)]
    if isinstance(node, ast.For):
        return _texts(node.iter)
    if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') not in (
            '__all__', '__slots__', 'PRIVATE'):
        return _texts(node.value)
    return []


def _overridden(framework, name, node):
    """Return the names in a class of ours which the framework's bases of it have, too (set)."""
    try:
        cls = getattr(importlib.import_module('sslproto27.' + name), node.name, None)
    except ImportError:  # it is for another interpreter
        return set()
    bases = inspect.getmro(cls)[1:] if inspect.isclass(cls) else ()
    return _defined_in(node) & set().union(*[
        _names_of_class(base) for base in bases if base.__module__.split('.')[0] == framework])


def _names_of(framework, where):
    """Return the private names of a class with its bases, of a module or of a function (set)."""
    module, _, name = (framework + '.' + where).rpartition('.')
    found = getattr(importlib.import_module(module), name, None)
    if found is None or inspect.ismodule(found):
        return set(vars(importlib.import_module(module + '.' + name)))
    if not inspect.isclass(found):
        return set(re.findall(r'\w+', inspect.getsource(found)))
    return set().union(*[_names_of_class(one) for one in inspect.getmro(found)])


def _names_of_class(cls):
    """Return the private names of one class, without those of its bases (set)."""
    found = set(vars(cls))
    try:
        path = inspect.getsourcefile(cls)
    except TypeError:  # in C
        path = None
    for node in _classes(path) if path else ():
        if node.name == cls.__name__:
            found |= _defined_in(node)
            # class Proxy(a_function(..., '_name')), which makes a base with that attribute
            found.update(text for base in node.bases for text in _texts(base))
    return set(filter(_PRIVATE.match, found))


def _tree(path):
    if path not in _trees:
        with open(path, 'rb') as source, warnings.catch_warnings():
            warnings.simplefilter('ignore')  # new Pythons have something to say about old code
            _trees[path] = ast.parse(source.read())
    return _trees[path]


def _classes(path):
    if path not in _classes_of:
        _classes_of[path] = [
            node for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]
    return _classes_of[path]


def _defined_in(node):
    """Return the names that a class or a module defines, attributes of its objects included."""
    found = _stored_in(node) if isinstance(node, ast.ClassDef) else set()
    todo = list(node.body)
    while todo:
        one = todo.pop()
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)):
            found.add(one.name)
            continue
        for target in getattr(one, 'targets', []):
            found.update(name.id for name in ast.walk(target) if isinstance(name, ast.Name))
            if getattr(target, 'id', None) == '__slots__':
                found.update(_texts(one.value))
        todo += [inner for field in ('body', 'orelse') for inner in getattr(one, field, [])]
    return found


def _stored_in(node):
    """Return the attributes of its first argument that a function in *node* sets (set)."""
    found = set()
    for function in ast.walk(node):
        if isinstance(function, ast.FunctionDef) and function.args.args:
            first = function.args.args[0]
            first = getattr(first, 'arg', getattr(first, 'id', None))  # Python 3's, 2.7's
            found.update(one.attr for one in ast.walk(function)
                         if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)
                         and getattr(one.value, 'id', None) == first)
    return found


def _texts(node):
    texts = [vars(one).get('value', vars(one).get('s')) for one in ast.walk(node)]  # or Python 2's
    return [text for text in texts if type(text) is str]
