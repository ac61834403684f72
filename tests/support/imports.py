"""
What the modules of sslproto27 import, read from their source, and the layers that they make.

Nothing here imports one of them.
"""
from __future__ import absolute_import, division, print_function

import ast
import collections
import os

from tests.support.programs import ROOT

__all__ = ['BOTTOM', 'PACKAGE', 'foreign_imports', 'imported_names', 'layers', 'modules',
           'own_imports']

#: The modules of the core that the engine uses, too; they import only each other.
BOTTOM = {'_core.compat', '_core.descriptors', '_core.fork', '_core.records', '_core.waiting'}

PACKAGE = os.path.join(ROOT, 'sslproto27')


def modules():
    """Return a dict from module name, relative to the package ('' is itself), to path."""
    if not _modules:
        _modules.update(_walk())
    return dict(_modules)


def _walk():
    found = {}
    for folder, _, files in os.walk(PACKAGE):
        for file in files:
            if file.endswith('.py'):
                path = os.path.join(folder, file)
                parts = os.path.relpath(path, PACKAGE)[:-len('.py')].split(os.sep)
                if parts[-1] == '__init__':
                    del parts[-1]
                found['.'.join(parts)] = path
    return found


_modules = {}  # they do not change while the tests run


def _imports(name):
    """Return (level, module, names) of each import in a module, wherever in it."""
    if name not in _found:
        with open(modules()[name]) as source:
            tree = ast.parse(source.read())
        found = _found[name] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [(0, alias.name, []) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [alias.name for alias in node.names]
                found.append((node.level, node.module or '', names))
    return _found[name]


_found = {}  # by module: they do not change while the tests run


def own_imports(name):
    """Return the names of the modules of the package that module *name* imports."""
    known, found = modules(), set()
    is_package = os.path.basename(known[name]) == '__init__.py'
    for level, module, names in _imports(name):
        if level:
            base = name.split('.') if name else []
            base = base[:len(base) + 1 - level] if is_package else base[:-level]
            target = '.'.join(base + ([module] if module else []))
        elif module.split('.')[0] == 'sslproto27':
            target = module[len('sslproto27.'):]
        else:
            continue
        submodules = {'.'.join([target, one] if target else [one]) for one in names}
        submodules &= set(known)
        # from .engine import binding: the package; from . import pipe_states: the module
        found |= submodules
        if not names or len(submodules) < len(names):
            found.add(target)
    return found


def foreign_imports(name):
    """Return the top names of what module *name* imports by an absolute import."""
    absolute = {module.split('.')[0] for level, module, _ in _imports(name) if not level}
    return absolute - {'__future__'}


def imported_names(name):
    """Return all names that module *name* imports from others, each 'module.name'."""
    return {'%s.%s' % (module, one) for _, module, names in _imports(name) for one in names}


def layers():
    """
    Return the layers as the design has them, by folder, from the bottom up.

    Returns:
        OrderedDict of str to set of str: by layer, its modules. What has a public name of its own
        is an adapter, and a layer by that name; but ``context`` is a door to the core.
    """
    known = set(modules())
    found = collections.OrderedDict()
    found['engine'] = _inside('_core.engine')
    found['core'] = _inside('_core', 'context') - found['engine']
    found['stream'] = _inside('_stream')
    found['https'] = _inside('_urllib3')
    found['package'] = {''} | _inside('_command', '_install')
    found['loops'] = _inside('_aio')
    placed = set().union(*found.values())
    for name in sorted({name.split('.')[0] for name in known - placed}):
        if not name.startswith('_'):
            found[name] = _inside(name)
    found['command line'] = _inside('__main__', '_cli')
    return found


def _inside(*names):
    """Return the modules and packages *names*, with what is in them."""
    return {name for name in modules()
            if any(name == one or name.startswith(one + '.') for one in names)}
