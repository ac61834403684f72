"""Sessions in files: who may have written them, whose they are, what is refused and why."""
from __future__ import absolute_import, division, print_function

import os
import stat

import pytest

from sslproto27._cli.console import UserError
from sslproto27._cli.sessions import load, require_sessions, save
from tests.support.memory import PY2, Pair, raised

only_python2 = pytest.mark.skipif(not PY2, reason="Python 3's ssl cannot write a session")


@pytest.fixture
def path(tmpdir):
    """Where a session may be saved."""
    return str(tmpdir.join('session.pem'))


@pytest.fixture
def never_renamed(monkeypatch):
    """Let each renaming fail: a device of this machine must survive the test."""
    def fail(*args):
        raise OSError('renamed: %r' % (args,))

    monkeypatch.setattr('os.rename', fail)


def refusal(call, *args):
    """Return the text of the `UserError` that a call ends in."""
    error = raised(call, *args)
    assert UserError is type(error)
    return str(error)


def test_required():
    """Python 2.7 has what it takes; Python 3 says that it has not."""
    if PY2:
        require_sessions()
    else:
        assert '2.7' in refusal(require_sessions)


@only_python2
class TestSave(object):
    def test_read_back(self, pair, client_context, path):
        """What is saved can be loaded for its server, and its owner alone can read the file."""
        save(path, pair.client.session, 'localhost', True)
        assert pair.client.session == load(path, client_context, 'localhost', True)
        assert 0o600 == stat.S_IMODE(os.stat(path).st_mode)

    def test_replaces(self, pair, client_context, path):
        """What was there before is replaced as a whole, and nothing else is left in the folder."""
        with open(path, 'w') as file:
            file.write('before')
        save(path, pair.client.session, 'localhost', True)
        load(path, client_context, 'localhost', True)
        assert ['session.pem'] == os.listdir(os.path.dirname(path))

    def test_none(self, path):
        """No session is told, and no file made."""
        assert 'the server sent none' in refusal(save, path, None, 'localhost', True)
        assert not os.path.exists(path)

    def test_no_ticket(self, pki, path):
        """A session whose ticket has not come yet is told, and no file made."""
        pair = Pair(pki.client_context('TLSv1.3'), pki.server_context(version='TLSv1.3'))
        session = pair.handshake().client.session
        assert 'the server gave no ticket' in refusal(save, path, session, 'localhost', True)
        assert not os.path.exists(path)

    def test_no_folder(self, pair, tmpdir):
        """A folder that is not there is told with the path."""
        path = str(tmpdir.join('missing', 'session.pem'))
        text = refusal(save, path, pair.client.session, 'localhost', True)
        assert path in text and 'No such file' in text

    def test_not_a_file(self, pair, tmpdir):
        """What cannot be replaced is told, and nothing is left beside it."""
        path = str(tmpdir.mkdir('folder'))
        assert path in refusal(save, path, pair.client.session, 'localhost', True)
        assert ['folder'] == [one.basename for one in tmpdir.listdir()]

    @pytest.mark.parametrize('before', [None, 'before'])
    def test_link(self, pair, client_context, tmpdir, before):
        """A link stays one, and what it leads to, also by way of another, is replaced or made."""
        target = tmpdir.mkdir('elsewhere').join('session.pem')
        if before is not None:
            target.write(before)
        for link, to in [('second', 'elsewhere/session.pem'), ('first', 'second')]:
            os.symlink(to, str(tmpdir.join(link)))
        save(str(tmpdir.join('first')), pair.client.session, 'localhost', True)
        assert pair.client.session == load(str(target), client_context, 'localhost', True)
        assert ['session.pem'] == os.listdir(str(tmpdir.join('elsewhere')))
        assert ['elsewhere', 'first', 'second'] == sorted(os.listdir(str(tmpdir)))
        assert all(os.path.islink(str(tmpdir.join(link))) for link in ('first', 'second'))

    def test_circle(self, pair, tmpdir):
        """A link that leads to itself is one line."""
        os.symlink('circle', str(tmpdir.join('circle')))
        assert 'symbolic links' in refusal(
            save, str(tmpdir.join('circle')), pair.client.session, 'localhost', True)

    @pytest.mark.parametrize('link', [False, True], ids=['itself', 'a link to it'])
    def test_fifo(self, pair, client_context, tmpdir, never_renamed, path, link):
        """A FIFO is written to, and stays one."""
        fifo = str(tmpdir.join('fifo'))
        os.mkfifo(fifo)
        if link:
            os.symlink('fifo', str(tmpdir.join('link')))
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            save(str(tmpdir.join('link' if link else 'fifo')), pair.client.session, 'localhost',
                 True)
            with open(path, 'wb') as file:
                file.write(os.read(reader, 65536))
        finally:
            os.close(reader)
        assert pair.client.session == load(path, client_context, 'localhost', True)
        assert stat.S_ISFIFO(os.stat(fifo).st_mode)

    def test_full(self, pair, never_renamed):
        """A device that is full is one line."""
        assert '/dev/full: No space left on device' == refusal(
            save, '/dev/full', pair.client.session, 'localhost', True)

    @pytest.mark.parametrize('folder', ['/dev/fd/%d', '/proc/self/fd/%d'])
    def test_descriptor(self, pair, client_context, never_renamed, path, folder):
        """The file of a descriptor is written to, even if it has no name any more."""
        with open(path, 'w+b') as file:
            os.unlink(path)
            save(folder % file.fileno(), pair.client.session, 'localhost', True)
            data = file.read()
        with open(path, 'wb') as file:
            file.write(data)
        assert pair.client.session == load(path, client_context, 'localhost', True)

    def test_pipe(self, pair, never_renamed):
        """So is a pipe, as in a shell's >(...)."""
        reader, writer = os.pipe()
        try:
            save('/dev/fd/%d' % writer, pair.client.session, 'localhost', True)
            assert os.read(reader, 65536).startswith(b'# A TLS session')
        finally:
            os.close(reader)
            os.close(writer)


@only_python2
class TestLoad(object):
    def test_missing(self, client_context, path):
        """A file that is not there is told."""
        assert 'No such file' in refusal(load, path, client_context, 'localhost', True)

    @pytest.mark.parametrize('mode', [0o620, 0o602])
    def test_others_can_write_it(self, pair, client_context, path, mode):
        """A file that others could have written is refused, verified or not."""
        save(path, pair.client.session, 'localhost', True)
        os.chmod(path, mode)
        assert 'others can write to it' in refusal(load, path, client_context, 'localhost', False)

    @pytest.mark.parametrize('server, verified', [('elsewhere', True), ('localhost', False)])
    def test_not_verified(self, pair, client_context, path, server, verified):
        """A session of another server, or not verified, is refused where it has to be verified."""
        save(path, pair.client.session, server, verified)
        assert 'not a session that was verified' in refusal(
            load, path, client_context, 'localhost', True)
        load(path, client_context, 'localhost', False)

    def test_no_session(self, client_context, path):
        """A file of something else is told to be no session."""
        with open(path, 'w') as file:
            file.write('nonsense')
        assert 'no session' in refusal(load, path, client_context, 'localhost', False)
