"""`Unique`, for objects that cannot be copied or pickled. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

__all__ = ['Unique']


class Unique(object):
    """
    Base of objects that hold OpenSSL's memory, keys or trust: no copy of them would be complete.

    copy.copy, copy.deepcopy and every pickle protocol fail here, because they all end in
    ``__reduce__`` unless a subclass or copy_reg defines another way. CPython 3's own ssl objects
    raise the same text.
    """

    __slots__ = ()

    def __reduce__(self):
        raise TypeError("cannot pickle '%s' object" % type(self).__name__)

    def __reduce_ex__(self, protocol):
        # object's looks at ``__class__``, which may be another class.
        return self.__reduce__()
