"""`Patches`: what we replace in other libraries for a time. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

__all__ = ['Patches']

_ABSENT = object()


class Patches(object):
    """
    Attributes of other libraries' classes and modules that ours replace; true while they do.

    The originals are kept for ever: a call of ours may be under way when `undo` is called, and
    programs may keep our functions.
    """

    def __init__(self):
        self._originals = {}  # from (object, name) to what it was, or _ABSENT
        self._replaced = []   # keys of these, while ours are in force

    def __bool__(self):
        return bool(self._replaced)

    __nonzero__ = __bool__  # Python 2's name for it

    def replace(self, owner, name, value):
        """Let *owner*, a class or module, have *value* as its *name*; once only before `undo`."""
        self._originals[owner, name] = vars(owner).get(name, _ABSENT)
        self._replaced.append((owner, name))
        setattr(owner, name, value)

    def original(self, owner, name):
        """Return what *owner*, or else a base of it, had before; None if it had nothing."""
        original = self._originals[owner, name]
        if original is not _ABSENT:
            return original
        for base in getattr(owner, '__mro__', ())[1:]:
            if name in vars(base):
                return vars(base)[name]
        return None

    def undo(self):
        """Give back all that `replace` has replaced."""
        while self._replaced:
            owner, name = self._replaced.pop()
            original = self._originals[owner, name]
            if original is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
