"""Checks that an adapter supports a framework's version. Nothing here knows any framework."""
from __future__ import absolute_import, division, print_function

import glob
import os
import re

__all__ = ['installed_version', 'require_version']


def require_version(name, found, supported, error=ImportError):
    """
    Refuse a framework of a version whose internals we have not checked.

    Args:
        name (str): the framework's name, for the text of the error.
        found (str or None): its version; None, which passes, if unknown.
        supported (list of pairs of str): the first and last versions that pass, such as '5.0' and
            '5.1', with all their patch releases.
        error (type): the exception to raise.

    Raises:
        *error*: *found* is not supported.
    """
    if found is None:
        return
    if not any(_two(first) <= _two(found) <= _two(last) for first, last in supported):
        raise error('%s %s is not supported, but %s' % (name, found, ' and '.join(
            first if first == last else '%s to %s' % (first, last) for first, last in supported)))


def _two(version):
    """Return the first two numbers of a version; fewer if it does not have two."""
    return [int(number) for number in re.findall(r'\d+', version)[:2]]


def installed_version(module, distribution):
    """
    Return the version of a module without ``__version__``, from the metadata that pip installed.

    Args:
        module (module): a package.
        distribution (str): its name on the package index.

    Returns:
        str or None: None if there is no metadata.
    """
    folder = os.path.dirname(os.path.dirname(os.path.abspath(module.__file__)))
    for path in glob.glob(os.path.join(folder, distribution + '-*-info')):
        match = re.match(re.escape(distribution) + r'-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info\Z',
                         os.path.basename(path))
        if match:
            return match.group(1)
    return None
