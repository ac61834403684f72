"""What we replace in other libraries for a time, and what they get back."""
from __future__ import absolute_import, division, print_function

import types

import pytest

from sslproto27._core.patches import Patches


class Base(object):
    """A class of somebody else's."""

    def inherited(self):
        return 'of Base'


class Library(Base):
    """Another one."""

    def own(self):
        return 'of Library'


@pytest.fixture
def patches():
    """One that has replaced two methods, and is undone in the end."""
    made = Patches()
    made.replace(Library, 'own', lambda self: 'ours')
    made.replace(Library, 'inherited', lambda self: 'ours')
    yield made
    made.undo()


def test_in_force(patches):
    """What is replaced is ours, and it is known that something is."""
    assert ('ours', 'ours') == (Library().own(), Library().inherited())
    assert patches
    assert not Patches()


def test_undo(patches):
    """Everybody has their own again, and what was only inherited is so again; twice is once."""
    patches.undo()
    patches.undo()
    assert ('of Library', 'of Base') == (Library().own(), Library().inherited())
    assert 'inherited' not in vars(Library)
    assert not patches


@pytest.mark.parametrize('undone', [False, True])
def test_originals(patches, undone):
    """The originals can be called as long as ours may be, even after they are put back."""
    if undone:
        patches.undo()
    assert 'of Library' == patches.original(Library, 'own')(Library())
    assert 'of Base' == patches.original(Library, 'inherited')(Library())


def test_no_original():
    """Where there was nothing there is no original."""
    module, patches = types.ModuleType('other'), Patches()
    patches.replace(module, 'new', 1)
    assert patches.original(module, 'new') is None
    patches.undo()
    assert not hasattr(module, 'new')
