"""
The type stubs: `make types` checks what they say; here, on every Python, that nothing is missing.
"""
from __future__ import absolute_import, division, print_function

import ast
import io
import os
import re

import pytest

from tests.support.imports import PACKAGE, modules

PUBLIC = sorted(name for name in modules() if not re.search(r'(^|\.)_', name))


def exported(name):
    """Return ``__all__`` of a module, read from its source."""
    with io.open(modules()[name], 'rb') as source:
        tree = ast.parse(source.read())
    found, = [node.value for node in tree.body if isinstance(node, ast.Assign)
              and getattr(node.targets[0], 'id', None) == '__all__']
    return sorted(ast.literal_eval(found))


def stub(name):
    """Return the text of a module's stub. 2.7 could not parse it, as it has annotations."""
    with io.open(modules()[name] + 'i', encoding='ascii') as source:
        return source.read()


def test_public_modules():
    """The modules that programs import are public."""
    assert PUBLIC == ['', 'aio', 'context', 'pep543', 'pep543.pyopenssl', 'requests', 'sockets',
                      'tornado', 'trollius', 'twisted', 'urllib3']


@pytest.mark.parametrize('name', PUBLIC)
def test_stub_has_every_public_name(name):
    """Each name in a module's ``__all__`` is defined, or imported as itself, in its stub."""
    text = stub(name)
    defined = set(re.findall(r'^(?:class |def )?(\w+)\b(?=[(:])', text, re.MULTILINE))
    imported = set(re.findall(r'\b(\w+) as (\w+)\b', text))
    has = defined | {after for before, after in imported}
    assert [] == [one for one in exported(name) if one not in has]


@pytest.mark.parametrize('name', PUBLIC)
def test_stub_exports_the_same(name):
    """A stub's ``__all__`` is the module's."""
    listed = re.search(r'^__all__ = (\[[^]]*\])$', stub(name), re.MULTILINE)
    assert exported(name) == sorted(ast.literal_eval(listed.group(1)))


@pytest.mark.parametrize('name', PUBLIC)
def test_typed_program_uses_every_public_name(name):
    """What `make types` checks uses each public name."""
    path = os.path.join(os.path.dirname(PACKAGE), 'tools', 'types', 'program.py')
    with io.open(path, encoding='ascii') as source:
        text = source.read()
    prefix = name.rpartition('.')[2] or 'sslproto27'
    assert [] == [one for one in exported(name)
                  if not re.search(r'\b%s\.%s\b' % (prefix, one), text)]


def test_marked_as_typed():
    """The package says that it has types (PEP 561)."""
    assert os.path.exists(os.path.join(PACKAGE, 'py.typed'))
