"""Which Tornado there is: versions that are supported or not."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support import tornados  # noqa: F401: skips where there is no Tornado


@pytest.mark.parametrize('version', ['3.2', '6.1'])
def test_other_version(run_python, version):
    """Nothing of sslproto27.tornado can be imported with a Tornado that is not supported."""
    finished = run_python('''
import tornado
tornado.version = %r
for _ in range(2):
    try:
        import sslproto27.tornado
    except ImportError as error:
        print(error)
''' % version, warnings='ignore')
    expected = 'Tornado %s is not supported, but 4.5 and 5.0 to 5.1\n' % version
    assert 2 * expected == finished.stdout, finished.stderr
