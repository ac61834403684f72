"""
Translate CPython's own tests of asyncio's TLS to Python 2.7 and Trollius, for `make test-asyncio`.

    translate.py FOLDER [LIBRARY]

Run it with Python 3.9 or later. LIBRARY is the standard library whose tests are translated, of 3.8
or later; by default the interpreter's own. We keep no part of these tests in the repository. Each
method below handles one difference between the languages; asyncio_on_trollius has asyncio's names.
"""
import ast
import os
import sys

HEADER = '''from __future__ import absolute_import, division, print_function
from asyncio_on_trollius import *
'''
FILES = ('functional.py', 'test_ssl.py', 'test_sslproto.py')

#: From modules, by their full names, to those that replace them.
MODULES = {'asyncio': 'asyncio_on_trollius', 'ssl': 'asyncio_on_trollius.ssl',
           'test.support': 'asyncio_on_trollius.support', 'unittest.mock': 'mock',
           'test.test_asyncio.utils': 'asyncio_on_trollius.utils',
           'test.test_asyncio.functional': 'functional'}

#: From attributes of asyncio to ours that do the same.
ATTRIBUTES = {'_ssl_protocol': '_protocol', '_test__append_write_backlog': 'write',
              '_force_close': 'abort'}

#: From parts of asyncio's error texts, as regular expressions, to parts of ours.
TEXTS = {'SSL handshake.*is taking longer': 'TLS handshake took longer',
         'SSLContext, got': 'is not one that TLS can run over',  # ours names the first
         'is not supported': 'is not one that TLS can run over',
         'a positive number': 'ssl_handshake_timeout must',
         'asyncio.sslproto._SSLPipe': 'asyncio_on_trollius.nothing'}  # mocked until 3.10


class Translator(ast.NodeTransformer):
    """Changes the tree of a module so that Python 2.7 can run it as text."""

    def __init__(self):
        self._classes = []
        self._functions = []

    # Imports

    def visit_Import(self, node):
        """``import asyncio``: import the replacement under the same name."""
        node.names = [one for one in node.names if not one.name.startswith('asyncio.')]
        found = []
        for one in node.names:
            if one.name in MODULES:
                package, _, name = MODULES[one.name].rpartition('.')
                alias = ast.alias(name, one.asname or one.name)
                found.append(ast.ImportFrom(package, [alias], 0) if package
                             else ast.Import([alias]))
            else:
                found.append(ast.Import([one]))
        return found

    def visit_ImportFrom(self, node):
        """``from test.test_asyncio import utils as test_utils``: the same."""
        found = []
        for one in node.names:
            whole = '%s.%s' % (node.module, one.name)
            if whole in MODULES:
                found += self.visit_Import(ast.Import([ast.alias(whole, one.asname or one.name)]))
            else:
                found.append(ast.ImportFrom(MODULES.get(node.module, node.module), [one], 0))
        return found

    # Classes, methods

    def visit_ClassDef(self, node):
        """Make classes without bases new-style ones."""
        node.bases = node.bases or [ast.Name('object')]
        self._classes.append(node.name)
        functions, self._functions = self._functions, []
        self.generic_visit(node)
        self._functions = functions
        self._classes.pop()
        return node

    def visit_Call(self, node):
        """Give ``super()`` its arguments."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == 'super' and not node.args:
            node.args = [ast.Name(self._classes[-1]),
                         ast.Name(self._functions[0].args.args[0].arg)]
        return node

    def visit_Attribute(self, node):
        """Replace attributes that have another name here."""
        self.generic_visit(node)
        node.attr = ATTRIBUTES.get(node.attr, node.attr)
        return node

    def visit_Constant(self, node):
        """Replace parts of error texts."""
        if isinstance(node.value, str):
            node.value = TEXTS.get(node.value, node.value)
        return node

    # Functions, coroutines

    def visit_FunctionDef(self, node):
        """Drop annotations; let keyword-only arguments have positions; keep nonlocals in cells."""
        arguments = node.args
        arguments.args += arguments.kwonlyargs
        arguments.defaults += arguments.kw_defaults
        arguments.kwonlyargs, arguments.kw_defaults = [], []
        for argument in arguments.args:
            argument.annotation = None
        node.returns = None
        node = with_cells(node)
        self._functions.append(node)
        self.generic_visit(node)
        self._functions.pop()
        return node

    def visit_AsyncFunctionDef(self, node):
        """``async def``: a coroutine of Trollius, made of a generator function."""
        function = ast.FunctionDef(
            node.name, node.args, node.body + ast.parse('if False:\n    yield').body,
            node.decorator_list + [ast.parse('asyncio.coroutine').body[0].value])
        function._is_coroutine = True
        return self.visit_FunctionDef(function)

    def visit_Await(self, node):
        """``await``: ``yield From``."""
        self.generic_visit(node)
        call = ast.Call(ast.parse('asyncio.From').body[0].value, [node.value], [])
        return ast.Yield(call)

    def visit_Return(self, node):
        """In a generator, return by an exception."""
        self.generic_visit(node)
        if node.value is None or not getattr(self._functions[-1], '_is_coroutine', False):
            return node
        call = ast.Call(ast.parse('asyncio.Return').body[0].value, [node.value], [])
        return ast.Raise(call)

    def visit_Raise(self, node):
        """Drop the cause."""
        self.generic_visit(node)
        node.cause = None
        return node


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def own_nodes(function):
    """Yield the nodes of a function's own scope."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            todo.extend(ast.iter_child_nodes(node))


def with_cells(function):
    """Keep variables of *function* that inner functions call nonlocal in lists of one item."""
    wanted = {name for node in ast.walk(function) if isinstance(node, ast.Nonlocal)
              for name in node.names}
    elsewhere = {name for node in own_nodes(function) if isinstance(node, ast.Nonlocal)
                 for name in node.names}
    bound = {node.id for node in own_nodes(function)
             if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names = (wanted & bound) - elsewhere
    for node in names and list(ast.walk(function)) or ():
        for field, value in list(ast.iter_fields(node)):
            if isinstance(value, list):
                value[:] = [cell(one, names) for one in value]
            elif isinstance(value, ast.AST):
                setattr(node, field, cell(value, names))
    for name in sorted(names):
        function.body[:0] = ast.parse('_cell_%s = [None]' % name).body
    return function


def cell(node, names):
    """Return *node* with its name replaced by the cell, if it has one."""
    if isinstance(node, ast.Nonlocal):
        return ast.Pass()  # nothing, or an outer function, binds these
    if isinstance(node, ast.Name) and node.id in names:
        return ast.Subscript(ast.Name('_cell_' + node.id, ast.Load()), ast.Constant(0), node.ctx)
    return node


def main(folder, library=os.path.dirname(ast.__file__)):
    """Write the translated files."""
    source = os.path.join(library, 'test', 'test_asyncio')
    for name in FILES:
        if not os.path.exists(os.path.join(source, name)) and name == 'test_ssl.py':
            continue  # these do not exist before 3.11
        with open(os.path.join(source, name), encoding='utf-8') as file:
            tree = ast.parse(file.read())
        tree = ast.fix_missing_locations(Translator().visit(tree))
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write('# -*- coding: utf-8 -*-\n' + HEADER + ast.unparse(tree) + '\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
