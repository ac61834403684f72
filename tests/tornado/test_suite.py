"""Tornado's own tests pass on our streams; see support/tornado_suite.py."""
from __future__ import absolute_import, division, print_function

import os
import re

from tests.support.tornados import IS_OLD  # the first: it skips where there is no Tornado
from tests.support.programs import ROOT, finish
from tests.support.tornado_suite import CONFIGURATION, NOT_AS_ROOT


def test_tornados_own(tmpdir, monkeypatch):
    """All of Tornado's own tests that can carry TLS pass, and no TLS but ours is used."""
    configuration = tmpdir.join('openssl.cnf')
    configuration.write(CONFIGURATION)
    monkeypatch.setenv('OPENSSL_CONF', str(configuration))
    # None of these tests needs the system's authorities, which OpenSSL 3 takes long to load.
    monkeypatch.setenv('SSL_CERT_FILE', os.devnull)
    status, stdout, stderr = finish(
        ['-W', 'ignore', '-m', 'tests.support.tornado_suite'], patience=150)
    print(stdout, stderr)
    counted = re.search(r'^(\d+) handshakes of our streams, 0 uses', stdout, re.MULTILINE)
    assert (0, True) == (status, counted is not None)
    assert int(counted.group(1)) > 250
    ran = int(re.search(r'^Ran (\d+) tests', stdout, re.MULTILINE).group(1))
    assert ran > (300 if IS_OLD else 400)


def test_left_out():
    """The page of what was tested says what is left out."""
    with open(os.path.join(ROOT, 'docs', 'tested.md')) as page:
        text = page.read()
    assert [] == [name for name in NOT_AS_ROOT if '`%s`' % name.rpartition('.')[2] not in text]
