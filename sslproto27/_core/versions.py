"""Whether this is a framework that an adapter has been written for. Nothing here knows of any."""
from __future__ import absolute_import, division, print_function

import glob
import os
import re

__all__ = ['installed_version', 'require_version']


def require_version(name, found, supported, error=ImportError):
    """
    Refuse a framework whose insides are not known.

    Args:
        name (str): of the framework, for the text of the error.
        found (str or None): its version; None, which passes, where it does not tell.
        supported (list of pairs of str): the first and the last versions that pass, '5.0' and
            '5.1' say, with all that they begin.
        error (type): what to raise.

    Raises:
        *error*: *found* is none of these.
    """
    if found is None:
        return
    if not any(_two(first) <= _two(found) <= _two(last) for first, last in supported):
        raise error('%s %s is not supported, but %s' % (name, found, ' and '.join(
            first if first == last else '%s to %s' % (first, last) for first, last in supported)))


def _two(version):
    """Return the first two numbers of a version; no numbers for what is none."""
    return [int(number) for number in re.findall(r'\d+', version)[:2]]


def installed_version(module, distribution):
    """
    Return the version of a module that does not have its own, as pip has noted it beside it.

    Args:
        module (module): a package.
        distribution (str): its name on the package index.

    Returns:
        str or None: None if there is no such note.
    """
    folder = os.path.dirname(os.path.dirname(os.path.abspath(module.__file__)))
    for path in glob.glob(os.path.join(folder, distribution + '-*-info')):
        match = re.match(re.escape(distribution) + r'-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info\Z',
                         os.path.basename(path))
        if match:
            return match.group(1)
    return None
