"""What the commands have in common, and ``info``."""
from __future__ import absolute_import, division, print_function

import re
import time

import pytest

from sslproto27.__main__ import main
from sslproto27._cli.certificates import print_tree
from sslproto27._cli.console import Console
from tests.support.commands import Screen

DAY = 86400


class TestTree(object):
    """Certificates for people."""

    def tree(self, chain, now):
        """Return the lines of a tree."""
        screen = Screen()
        print_tree(Console(screen), chain, now)
        return screen.shown.splitlines()

    def valid(self, pki, days):
        """Return what is said of 'expired', valid for 59 days until yesterday, *days* after now."""
        tree = self.tree(pki.chain('expired'), time.time() + days * DAY)
        return [line for line in tree if 'valid' in line][0].rpartition(', ')[2]

    @pytest.mark.parametrize('days, said', [
        (-62, 'not valid for another 2 days'), (-41, '39 days left'), (-2, '0 days left'),
        (1, 'expired 2 days ago'), (0, 'expired 1 day ago')])
    def test_days(self, pki, days, said):
        """Days until a certificate is valid, are left, or have gone since."""
        assert said == self.valid(pki, days)

    def test_names(self, pki):
        """Names that are no hosts have their kind; text that is not ASCII is escaped here."""
        tree = self.tree(pki.chain('rich'), time.time())
        assert tree[0].startswith('M\\xfcller, sslproto27 tests  issued by trustme')
        names = [line for line in tree if 'names' in line][0]
        assert 'localhost, email:someone@example.org, URI:https://example.org/' in names
        assert [line for line in tree if line.split() == ['serial', '0ABC']]

    def test_malformed(self, pki):
        """A certificate that cannot be decoded is said to be so, and has a fingerprint."""
        tree = self.tree([b'nonsense'] + pki.chain('localhost'), time.time())
        assert '`- (certificate: ' in tree[-2]
        assert 'SHA-256' in tree[-1]


def help_of(capsys, *arguments):
    """Return what ``--help`` prints."""
    with pytest.raises(SystemExit) as info:
        main(arguments + ('--help',))
    stdout, stderr = capsys.readouterr()
    assert (0, '') == (info.value.code or 0, stderr)
    return stdout


def test_help(capsys):
    """Each command is in --help, and has its own, without what it needs being there."""
    names = re.findall('^    ([a-z]+) ', help_of(capsys), re.MULTILINE)
    assert ['info', 'demo', 'connect', 'serve', 'proxy', 'run', 'bench'] == names
    for name in names:
        text = help_of(capsys, name)
        assert text.startswith('usage: sslproto27 %s ' % name)
        assert '\n\n' in text
    assert '[-m MODULE]' in help_of(capsys, 'run')
