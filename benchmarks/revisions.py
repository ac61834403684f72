"""Earlier revisions of sslproto27, to measure beside the checkout."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager

__all__ = ['ROOT', 'unpacked']

#: The checkout.
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@contextmanager
def unpacked(revision):
    """Yield a folder with sslproto27 of *revision*, None for no revision; remove it at the end."""
    if revision is None:
        yield None
        return
    folder = tempfile.mkdtemp(prefix='sslproto27-bench-')
    try:
        archive = subprocess.Popen(['git', 'archive', revision, 'sslproto27'],
                                   stdout=subprocess.PIPE, cwd=ROOT)
        subprocess.check_call(['tar', '-x', '-C', folder], stdin=archive.stdout)
        archive.stdout.close()
        if archive.wait():
            raise SystemExit('git has no revision %s' % revision)
        yield folder
    finally:
        shutil.rmtree(folder)
