"""
Build a pip 20.3.4 for Python 2.7 that does TLS over memory BIOs, and an ensurepip that installs it.

Usage: build_pip.py PIP_WHEEL FOLDER [ENSUREPIP]

PIP_WHEEL is the wheel of pip 20.3.4; the new one is put into FOLDER. ENSUREPIP is the folder of a
Python 2.7's ensurepip; its copy, with the new wheel, is put into FOLDER as well.

Neither needs a compiler, or anything but the standard library. pip's copy of sslproto27 holds what
its urllib3 needs and no more. Where OpenSSL's functions cannot be reached, that is the pair engine.
On Python 3, pip stays as it is.
"""
from __future__ import absolute_import, division, print_function

import base64
import hashlib
import io
import os
import re
import shutil
import sys
import zipfile

__all__ = ['build_ensurepip', 'build_wheel']

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'sslproto27')
WANTED = '20.3.4'
VERSION = WANTED + '+sslproto27'

HOOK = '''"""Let pip's urllib3 do TLS over memory BIOs, on Python 2."""
import sys


def inject_sslproto27():
    # type: () -> None
    if sys.version_info[0] != 2:
        return
    from pip._vendor.sslproto27 import urllib3
    from pip._vendor.sslproto27._core import MemoryBIO
    try:
        MemoryBIO()
    except NotImplementedError:
        return
    urllib3.inject_into_urllib3('pip._vendor.urllib3')


inject_sslproto27()
'''
INJECT = 'import pip._internal.utils.inject_sslproto27  # noqa\n'


def build_wheel(pip_wheel, folder):
    """
    Write the wheel.

    Args:
        pip_wheel (str): the path of pip 20.3.4's.
        folder (str): where to.

    Returns:
        str: the new wheel's path.

    Raises:
        ValueError: *pip_wheel* is another version's.
    """
    old, new = 'pip-%s.dist-info/' % WANTED, 'pip-%s.dist-info/' % VERSION
    with zipfile.ZipFile(pip_wheel) as source:
        if old + 'RECORD' not in source.namelist():
            raise ValueError('PIP_WHEEL must be the wheel of pip %s' % WANTED)
        files = {name.replace(old, new): source.read(name) for name in source.namelist()}
    del files[new + 'RECORD']
    _edit(files, 'pip/__init__.py', '__version__ = "%s"' % WANTED, '__version__ = "%s"' % VERSION)
    _edit(files, new + 'METADATA', 'Version: %s\n' % WANTED, 'Version: %s\n' % VERSION)
    _edit(files, 'pip/_vendor/vendor.txt', '', 'sslproto27==%s\n' % _version())
    first = 'import pip._internal.utils.inject_securetransport  # noqa\n'
    _edit(files, 'pip/_internal/__init__.py', first, first + INJECT)
    files['pip/_internal/utils/inject_sslproto27.py'] = HOOK.encode('ascii')
    files.update(_vendored('pip/_vendor/sslproto27/'))
    files[new + 'RECORD'] = _record(files, new + 'RECORD')
    path = os.path.join(folder, 'pip-%s-py2.py3-none-any.whl' % VERSION)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same bytes every time
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, files[name])
    return path


def build_ensurepip(wheel, ensurepip, folder):
    """
    Copy an ensurepip of Python 2.7, and have the copy install *wheel*.

    Args:
        wheel (str): what `build_wheel` returned.
        ensurepip (str): the folder of the package to copy.
        folder (str): where to; this on PYTHONPATH, ``python -m ensurepip`` is the copy.

    Returns:
        str: the copy's path.
    """
    copy = os.path.join(folder, 'ensurepip')
    shutil.copytree(ensurepip, copy, ignore=shutil.ignore_patterns('*.py[co]', 'pip-*.whl'))
    shutil.copy(wheel, os.path.join(copy, '_bundled'))
    path = os.path.join(copy, '__init__.py')
    with io.open(path, encoding='ascii') as file:
        text = file.read()
    text, count = re.subn(u'(?m)^_PIP_VERSION = .*$', u'_PIP_VERSION = "%s"' % VERSION, text)
    if count != 1:
        raise ValueError('ENSUREPIP must be the folder of Python 2.7\'s ensurepip')
    with io.open(path, 'w', encoding='ascii') as file:
        file.write(text)
    return copy


def _edit(files, name, old, new):
    """Put *new* in the place of *old*, which must be there once; at the end if it is ''."""
    text = files[name].decode('utf-8')
    if old and text.count(old) != 1:
        raise ValueError('%s of pip is not as expected' % name)
    files[name] = (text.replace(old, new) if old else text + new).encode('utf-8')


def _version():
    with io.open(os.path.join(PACKAGE, '__init__.py'), encoding='ascii') as file:
        return re.search("__version__ = '(.*)'", file.read()).group(1)


def _vendored(prefix):
    """Return the files of pip's copy of sslproto27, by name."""
    found = {}
    for place in ('urllib3.py', '_urllib3', '_core'):
        for name in _sources(place):
            with open(os.path.join(PACKAGE, name), 'rb') as file:
                found[name] = file.read()
    # Without what it imports: most of that is not here.
    found['__init__.py'] = b'"""A part of sslproto27."""\n'
    with open(os.path.join(PACKAGE, os.pardir, 'LICENSE'), 'rb') as file:
        found['LICENSE'] = file.read()
    return {prefix + name.replace(os.sep, '/'): data for name, data in found.items()}


def _sources(place):
    """Return the names of the Python files that are at *place* in the package, or below it."""
    if place.endswith('.py'):
        return [place]
    return [os.path.relpath(os.path.join(folder, file), PACKAGE)
            for folder, _, files in os.walk(os.path.join(PACKAGE, place))
            for file in files if file.endswith('.py')]


def _record(files, own):
    """Return the list of files and their hashes, PEP 376's and PEP 427's RECORD."""
    lines = []
    for name in sorted(files):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b'=')
        lines.append('%s,sha256=%s,%d' % (name, digest.decode('ascii'), len(files[name])))
    return '\n'.join(lines + [own + ',,', '']).encode('utf-8')


def main(pip_wheel, folder, ensurepip=None):
    if not os.path.isdir(folder):
        os.makedirs(folder)
    wheel = build_wheel(pip_wheel, folder)
    print(wheel)
    if ensurepip:
        print(build_ensurepip(wheel, ensurepip, folder))


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
