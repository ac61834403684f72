"""What is one of a kind: it can be neither copied nor pickled. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

__all__ = ['Unique']


class Unique(object):
    """
    Base of what holds memory of OpenSSL's, keys, or what to trust: no copy of it would be whole.

    copy.copy, copy.deepcopy and every protocol of pickle end here, as they all ask ``__reduce__``
    unless a subclass, or copy_reg, says how its objects are made anew. CPython 3's own ssl objects
    refuse in the same words.
    """

    __slots__ = ()

    def __reduce__(self):
        raise TypeError("cannot pickle '%s' object" % type(self).__name__)
