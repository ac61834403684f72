"""``serve``: echoes and files, with a certificate of its own or ours."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import re
import shutil
import signal
import socket
import ssl
import tempfile

import pytest

from sslproto27 import SSLPipe, SSLSocket
from sslproto27._core.compat import PY2
from tests.support.commands import PATIENCE, command, fails_here, started, starts_programs
from tests.support.https import ask
from tests.support.programs import environment, finish, running

pytestmark = starts_programs


#: A command in an interpreter that can start no thread while there is a file.
THREADLESS = """
import os, sys, threading
def without_room(start):
    def failing(*args, **kwargs):
        if os.path.exists(%r):
            raise threading.ThreadError("can't start new thread")
        return start(*args, **kwargs)
    return failing
for name in ('_start_new_thread', '_start_joinable_thread'):
    if hasattr(threading, name):
        setattr(threading, name, without_room(getattr(threading, name)))
from sslproto27.__main__ import main
sys.exit(main())
"""

#: A command that is nobody from its first line of output on, if it was root. Nobody may not be able
#: to read Python's own modules, so the first line has those that are imported late.
UNPRIVILEGED = """
import encodings.idna, encodings.ascii, encodings.latin_1, os, sys
from sslproto27.__main__ import main
from sslproto27._cli import serve
announce = serve._announce
def unprivileged(*args):
    if not os.geteuid():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    announce(*args)
serve._announce = unprivileged
sys.exit(main())
"""


@pytest.fixture
def folder(tmpdir):
    """A folder that every user can reach, which pytest's own is not."""
    path = type(tmpdir)(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(str(path))


@contextlib.contextmanager
def server(*arguments, **kwargs):
    """
    Run ``serve`` on a port of the system's choice; give (its first lines, the port, process).

    Args:
        start (list of str): how to start a command.
    """
    start = kwargs.pop('start', ['-m', 'sslproto27'])
    with running(start + ['serve', '--listen', '127.0.0.1:0'] + list(arguments), PATIENCE,
                 **kwargs) as process:
        line = process.stdout.readline()
        assert line.startswith('serving '), process.stderr.read()
        yield line, int(line.rpartition(':')[2]), process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait()


def get(pki, port, path):
    """Return the answer to a GET request, by stock ssl (bytes)."""
    return ask(pki, port, ('GET %s HTTP/1.0\r\n\r\n' % path).encode('ascii'))


def connect(port):
    """Return a socket that is connected to *port*."""
    return socket.create_connection(('127.0.0.1', port), PATIENCE)


def secure(pki, port):
    """Return an `SSLSocket` to *port*."""
    return SSLSocket(connect(port), pki.client_context(), server_hostname='localhost')


def client_hello(pki):
    """Return what a client says first."""
    pipe = SSLPipe(pki.client_context(), server_hostname='localhost')
    pipe.do_handshake()
    return pipe.data_to_send()


def trickle(sock, data):
    """Send a byte each time that the peer has been silent for a moment, until it has ended."""
    sock.settimeout(0.02)
    for number in range(len(data)):
        try:
            sock.sendall(data[number:number + 1])
            if not sock.recv(100):
                return
        except socket.timeout:
            pass
        except (ssl.SSLError, socket.error):
            return
    raise AssertionError('all was taken')


class TestEcho(object):
    def test_own_certificate(self, pki):
        """All that comes is sent back; --alpn is agreed on."""
        with server('--cert', pki.path('localhost'), '--alpn', 'echo') as (line, port, _):
            status, stdout, stderr = command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--alpn', 'echo',
                input='x' * 100000)
        assert (0, 100000) == (status, len(stdout))
        assert 'ALPN         echo' in stderr
        assert re.match('serving echoes on 127.0.0.1:[0-9]+$', line)

    def test_client_certificate(self, pki):
        """--client-ca lets in who shows a certificate, and nobody else; the others go on."""
        with server('--cert', pki.path('localhost'), '--client-ca',
                    pki.path('ca')) as (_, port, process):
            common = ['connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet']
            refused = command(*common, input='x')
            welcome = command(*(common + ['--cert', pki.path('client')]), input='x')
            assert (1, '') == refused[:2]
            assert (0, 'x', '') == welcome
            assert 'PEER_DID_NOT_RETURN_A_CERTIFICATE' in process.stderr.readline()

    def test_goes_on(self, pki, capsys):
        """A port that is in use is one line, and who serves there is not disturbed."""
        with server('--cert', pki.path('localhost')) as (_, port, _):
            where = '127.0.0.1:%d' % port
            assert where + ': Address already in use' == fails_here(
                capsys, 'serve', '--listen', where, '--cert', pki.path('localhost'))
            assert (0, 'x', '') == command('connect', 'localhost:%d' % port, '--cafile',
                                           pki.path('ca'), '--quiet', input='x')

    def test_interrupt(self, pki):
        """Ctrl-C ends it with status 130, and without a word."""
        with server('--cert', pki.path('localhost')) as (_, _, process):
            process.send_signal(signal.SIGINT)
            assert ('', '') == process.communicate()
            assert 130 == process.returncode

    def test_no_thread(self, pki, tmpdir):
        """A connection that can have no thread is ended, with a line; the server goes on."""
        full = tmpdir.join('full')
        arguments = ['-c', THREADLESS % str(full), 'serve', '--listen', '127.0.0.1:0', '--cert',
                     pki.path('localhost'), '--max-connections', '1']
        with running(arguments, PATIENCE) as process:
            port = int(process.stdout.readline().rpartition(':')[2])
            full.write('')
            for _ in range(3):  # more than --max-connections
                with contextlib.closing(connect(port)) as sock:
                    assert b'' == sock.recv(1)
                    where = '%s:%d' % sock.getsockname()
                assert where + " refused: can't start new thread\n" == process.stderr.readline()
            full.remove()
            with contextlib.closing(secure(pki, port)) as sock:
                sock.sendall(b'x')
                assert b'x' == sock.recv(1)
            process.send_signal(signal.SIGTERM)
            assert ('', '') == process.communicate()

    def test_client_without_thread(self, pki, tmpdir):
        """connect needs a thread, too: that there is none is one line."""
        tmpdir.join('full').write('')
        with server('--cert', pki.path('localhost')) as (_, port, _):
            status, stdout, stderr = finish([
                '-c', THREADLESS % str(tmpdir.join('full')), 'connect', '--quiet', 'localhost:%d'
                % port, '--cafile', pki.path('ca')])
        assert (1, '') == (status, stdout)
        assert "sslproto27: the input cannot be sent: can't start new thread\n" == stderr

    def test_nohup(self, pki):
        """Under nohup it goes on when the terminal goes."""
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        with started('serve', '--listen', '127.0.0.1:0', '--cert', pki.path('localhost'),
                     preexec_fn=ignore) as process:
            port = int(process.stdout.readline().rpartition(':')[2])
            process.send_signal(signal.SIGHUP)
            with contextlib.closing(secure(pki, port)) as sock:
                sock.sendall(b'x')
                assert b'x' == sock.recv(1)
            assert process.poll() is None


class TestFiles(object):
    def test_special_files(self, pki, tmpdir):
        """What is no regular file is not opened, as that could wait for ever, but listed."""
        os.mkfifo(str(tmpdir.join('fifo')))
        os.mkfifo(str(tmpdir.mkdir('folder').join('index.html')))
        tmpdir.join('null').mksymlinkto(os.devnull)
        tmpdir.join('gone').mksymlinkto('/nowhere')
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock, tmpdir.as_cwd():
            sock.bind('socket')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, _):
            for path in ('/fifo', '/null', '/gone', '/socket', '/folder/'):
                assert get(pki, port, path).startswith(b'HTTP/1.0 404 '), path
            assert b'fifo' in get(pki, port, '/')

    def test_get(self, pki, tmpdir):
        """A directory's files are served, and nothing else; the log cannot be forged."""
        tmpdir.join('file').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (line, port, process):
            found = get(pki, port, '/file')
            outside = get(pki, port, '/../' * 20 + 'etc/passwd')
            missing = get(pki, port, '/nowhere')
            odd = get(pki, port, '/\x1b[2J')
            log = [process.stderr.readline() for _ in range(7)]
        assert str(tmpdir) in line
        assert found.startswith(b'HTTP/1.0 200 ') and found.endswith(b'\r\n\r\ncontent')
        assert outside.startswith(b'HTTP/1.0 400 ')
        assert missing.startswith(b'HTTP/1.0 404 ')
        assert odd.startswith(b'HTTP/1.0 400 ')
        assert '127.0.0.1 "GET /file HTTP/1.0" 200 -\n' == log[0]
        assert '127.0.0.1 "GET /\\x1b[2J HTTP/1.0" 400 -\n' == log[-1]
        assert '\x1b' not in ''.join(log)

    ODD_PATHS = [
        ('/file%00', b'HTTP/1.0 400 '), ('/%00', b'HTTP/1.0 400 '),
        ('/fil%65?%00', b'HTTP/1.0 200 '), ('//file', b'HTTP/1.0 200 '),
        ('/' + 'x' * 5000, b'HTTP/1.0 404 '), ('file', b'HTTP/1.0 400 '),
        ('/file%ff', b'HTTP/1.0 404 '), ('/%', b'HTTP/1.0 400 '), ('/%zz', b'HTTP/1.0 400 '),
        ('/file?%', b'HTTP/1.0 200 '), ('/fi\0le', b'HTTP/1.0 400 '), ('?', b'HTTP/1.0 400 '),
        ('/file?\0', b'HTTP/1.0 400 '), ('*', b'HTTP/1.0 400 '),
        ('http://localhost/file', b'HTTP/1.0 200 '), ('http://file', b'HTTP/1.0 200 '),
        ('http://user@h/file', b'HTTP/1.0 400 '), ('x-y://h:1/file', b'HTTP/1.0 200 '),
        ('http://h?x', b'HTTP/1.0 200 '), ('http://h#x', b'HTTP/1.0 400 '),
        ('http://', b'HTTP/1.0 400 '), ('http://a..b/', b'HTTP/1.0 400 '),
        ('/a://b', b'HTTP/1.0 404 '), ('/.', b'HTTP/1.0 200 '), ('/x/%2e.', b'HTTP/1.0 200 '),
        ('/..', b'HTTP/1.0 400 '), ('/x/%2e%2e/../file', b'HTTP/1.0 400 '),
        ('/x/../file', b'HTTP/1.0 200 '), ('/./..?', b'HTTP/1.0 400 '),
        ('/file HTTP/1.1 x', b'HTTP/1.0 400 '), ('/a b', b'HTTP/1.0 400 ')]

    def test_odd_paths(self, pki, tmpdir):
        """An odd path is answered, and is no mistake of the program's."""
        tmpdir.join('file').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            assert self.ODD_PATHS == [(path, get(pki, port, path)[:13])
                                      for path, _ in self.ODD_PATHS]
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]

    def test_redirection(self, pki, tmpdir):
        """A redirection to a directory leads to no other host."""
        tmpdir.mkdir('folder')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, _):
            assert b'\r\nlocation: /folder/\r\n' in get(pki, port, '//folder').lower()
            for path in ('/\\example.org/..', '/\\example.org/%2e%2e', '\\\\example.org/..'):
                assert b'\r\nlocation: /\\' not in get(pki, port, path).lower()

    UNREADABLE = [
        ('/secret', b'403'), ('/locked', b'301'), ('/locked/', b'403'), ('/unlisted/', b'403'),
        ('/unlisted/file', b'200'), ('/unentered/', b'403'), ('/unentered/file', b'403'),
        ('/indexed/', b'403'), ('/loop', b'403'), ('/loop/', b'403'), ('/secret/', b'404'),
        ('/nowhere', b'404'), ('/' + 'x' * 300, b'404'), ('/odd/', b'200'), ('/gone/', b'200'),
        ('/looped/', b'403')]

    def test_unreadable(self, pki, folder):
        """What may not be read is 403, as with nginx; an index that is a folder does not count."""
        folder.join('secret').write('x')
        for name in ('locked', 'unlisted', 'unentered', 'indexed', 'gone', 'looped'):
            folder.mkdir(name)
        folder.mkdir('odd').mkdir('index.html')
        for name in ('unlisted', 'unentered'):
            folder.join(name, 'file').write('x')
        folder.join('indexed', 'index.html').write('x')
        folder.join('loop').mksymlinkto('loop')
        folder.join('gone', 'index.html').mksymlinkto('/nowhere')
        folder.join('looped', 'index.html').mksymlinkto('index.html')
        for name, mode in [('secret', 0), ('locked', 0), ('unlisted', 0o711), ('unentered', 0o744),
                           ('indexed/index.html', 0)]:
            folder.join(name).chmod(mode)
        with server('--cert', pki.path('localhost'), str(folder),
                    start=['-c', UNPRIVILEGED]) as (_, port, process):
            assert self.UNREADABLE == [(path, get(pki, port, path)[9:12])
                                       for path, _ in self.UNREADABLE]
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]

    #: The file is of 6 November 1994, 08:49:37, which RFC 9110 has in three forms.
    CONDITIONS = [
        (b'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT', b'304'),
        (b'If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT', b'304'),
        (b'If-Modified-Since: Sun Nov  6 08:49:37 1994', b'304'),
        (b'If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT', b'304'),
        (b'If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT', b'200'),
        (b'If-Modified-Since: Sun, 06 Nov 2044 08:49:37 +0200', b'200'),
        (b'If-Modified-Since: Sun, 99 Nov 2044 08:49:37 GMT', b'200'),
        (b'If-Modified-Since: Sun, 06 Nov 99999999999 08:49:37 GMT', b'200'),
        (b'If-Modified-Since: junk', b'200'), (b'If-Modified-Since:', b'200'),
        (b'If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT\r\nIf-None-Match: "x"', b'200'),
        (b'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT', b'412'),
        (b'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT', b'200'),
        (b'If-Unmodified-Since: junk', b'200'),
        (b'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\nIf-Match: *', b'200'),
        (b'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n'
         b'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT', b'412'),
        (b'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n'
         b'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT', b'304')]

    def test_conditions(self, pki, tmpdir):
        """A file of an older date is not sent again (RFC 9110 13.1.3), nor a newer one (13.1.4)."""
        tmpdir.join('file').write('content')
        tmpdir.join('file').setmtime(784111777.5)
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            answers = {fields: ask(pki, port, b'GET /file HTTP/1.0\r\n' + fields + b'\r\n\r\n')
                       for fields, _ in self.CONDITIONS}
            old = ask(pki, port, b'GET /file\r\n')
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]
        assert self.CONDITIONS == [(one, answers[one][9:12]) for one, _ in self.CONDITIONS]
        assert b'content' == old
        for answer in answers.values():
            assert (b'200' == answer[9:12]) is answer.endswith(b'\r\n\r\ncontent')
            assert (b'412' != answer[9:12]) is (
                b'\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n' in answer)
            assert (b'304' == answer[9:12]) is answer.endswith(b' GMT\r\n\r\n')

    @pytest.mark.parametrize('locale', ['C', 'C.UTF-8'])
    def test_names(self, pki, tmpdir, locale):
        """A file is found by the bytes of its name in any locale, and by a listing's links."""
        folder = str(tmpdir).encode('ascii')
        names = [b'\xc3\xbc', b'\xfc', b'a%3f', b'plain']
        os.mkdir(os.path.join(folder, b'\xc3\xa9'))
        for name in names:
            for where in folder, os.path.join(folder, b'\xc3\xa9'):
                with open(os.path.join(where, name), 'wb') as file:
                    file.write(b'<' + name + b'>')
        # Otherwise Python 3 takes UTF-8 where the locale is C.
        env = dict(environment(), LC_ALL=locale, PYTHONCOERCECLOCALE='0', PYTHONUTF8='0')
        with server('--cert', pki.path('localhost'), str(tmpdir), env=env) as (_, port, process):
            for place in '/', '/%C3%A9/':
                for path, name in zip(['%C3%BC', '%FC', 'a%253f', 'plain'], names):
                    assert get(pki, port, place + path).endswith(b'<' + name + b'>'), path
                links = re.findall(b'href="([^"]+)"', get(pki, port, place).split(b'<ul>')[1])
                contents = [get(pki, port, place + link.decode('ascii')).rpartition(b'<')[2]
                            for link in links if not link.endswith(b'/')]
                assert sorted(name + b'>' for name in names) == sorted(contents)
            assert b' 404 ' in get(pki, port, '/%C3%B6')
            assert b'\r\nlocation: /%c3%a9/\r\n' in get(pki, port, '/%C3%A9').lower()
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]

    ODD_HEADS = [
        (b'\r\n\nGET /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /file HTTP/1.0\r\nno colon\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.1\r\nNoColon\r\nHost: x\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /file HTTP/1.1\nNoColon\n\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nNoColon\r\nX: a\r\n b\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nX: a\0b\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nX: a\rb\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nX: a\r\n b\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\n X: a\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET  /file  HTTP/1.0 \r\n\r\n', b'HTTP/1.0 200 '),
        (b' GET /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET\t/file HTTP/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /fi\x7fle HTTP/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'get /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'G1 /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'POST /file HTTP/1.0\r\nContent-Length: 1\r\n\r\nx', b'HTTP/1.0 405 '),
        (b'PUT /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 405 '),
        (b'DELETE /nowhere HTTP/1.0\r\n\r\n', b'HTTP/1.0 405 '),
        (b'TRACE / HTTP/1.0\r\n\r\n', b'HTTP/1.0 405 '),
        (b'M-SEARCH /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 405 '),
        (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file?' + b'x' * 8171 + b' HTTP/1.0\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /file?' + b'x' * 8172 + b' HTTP/1.0\r\n\r\n', b'HTTP/1.0 414 '),
        (b'GET /' + b'x' * 9000 + b' HTTP/1.0\r\n\r\n', b'HTTP/1.0 414 '),
        (b'GET /\xc3\xa0 HTTP/1.0\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /\xc3\xa0\r\n', b'content'), (b'GET /\xa0\x85\r\n', b'<'),
        (b'GET /file HTTP/9.9\r\n\r\n', b'HTTP/1.0 505 '),
        (b'GET /file HTTP/11\r\n\r\n', b'HTTP/1.0 505 '),
        (b'GET /file HTTP/2x\r\n\r\n', b'HTTP/1.0 505 '),
        (b'GET /file HTTP/1\r\n\r\n', b'HTTP/1.0 400 '),
        (b'POST /.. HTTP/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /%zz HTTP/1.0\r\nTransfer-Encoding: x\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.-1\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file http/1.0\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\n: x\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nX : x\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.1\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.1\r\nHost: x\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /file HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file\r\n', b'content'), (b'GET /nowhere\r\n', b'<'),
        (b'POST /file\r\n\r\n', b'HTTP/1.0 400 '), (b'what\r\n\r\n', b'HTTP/1.0 400 ')]

    #: Fields that nginx accepts, and that it refuses, by the status of the answer.
    FIELDS = [(b'200', [b'Host: x.', b'Host: X:y', b'Host: [::1]:80', b'Host: \xff',
                        b'Host: x\r\nContent-Length:  3 ', b'Host: x\r\nX:',
                        b'Host: x\r\nTransfer-Encoding: Chunked']),
              (b'400', [b'Host:', b'Host: a b', b'Host: a/b', b'Host: a\tb', b'Host: .',
                        b'Host: :80', b'Host: .:80', b'Host: a..b', b'Host: a:/',
                        b'Host: x\r\nContent-Length:', b'Host: x\r\nContent-Length: -1',
                        b'Host: x\r\nContent-Length: x', b'Host: x\r\nContent-Length: 1 1',
                        b'Host: x\r\nContent-Length: ' + b'9' * 20,
                        b'Host: x\r\nContent-Length: 0\r\nContent-Length: 0',
                        b'Host: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked',
                        b'Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked']),
              (b'501', [b'Host: x\r\nTransfer-Encoding:', b'Host: x\r\nTransfer-Encoding: gzip',
                        b'Host: x\r\nTransfer-Encoding: gzip, chunked',
                        b'Host: x\r\nTransfer-Encoding: gzip\r\nContent-Length: 0'])]

    def test_odd_fields(self, pki, tmpdir):
        """An odd field that says whom the request is for, or where it ends, is refused."""
        tmpdir.join('file').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            for status, fields in self.FIELDS:
                assert [(one, status) for one in fields] == [(one, ask(
                    pki, port, b'GET /file HTTP/1.1\r\n' + one + b'\r\n\r\n')[9:12])
                    for one in fields]
            old = ask(pki, port, b'GET /file HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n')
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]
        assert b'400' == old[9:12]

    def test_odd_heads(self, pki, tmpdir):
        """An odd head is answered by a status, whatever version it claims."""
        tmpdir.join('file').write('content')
        tmpdir.join('\xc3\xa0' if PY2 else '\xe0').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            assert self.ODD_HEADS == [(head, ask(pki, port, head)[:len(start)])
                                      for head, start in self.ODD_HEADS]
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]

    def test_handshake_in_its_own_thread(self, pki, tmpdir):
        """A client that says nothing keeps nobody waiting."""
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, _):
            silent = socket.create_connection(('127.0.0.1', port))
            assert get(pki, port, '/').startswith(b'HTTP/1.0 200 ')
            silent.close()

    def test_failed_handshake(self, pki, tmpdir):
        """A client that speaks no TLS is one line."""
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            sock = socket.create_connection(('127.0.0.1', port))
            sock.sendall(b'GET / HTTP/1.0\r\n\r\n')
            assert 'HTTP_REQUEST' in process.stderr.readline()
            sock.close()


class TestLimits(object):
    def test_connections(self, pki):
        """Who comes when there are --max-connections waits until one has ended."""
        with server('--cert', pki.path('localhost'), '--max-connections', '1') as (_, port, _):
            first = secure(pki, port)
            second = SSLSocket(connect(port), pki.client_context(), server_hostname='localhost',
                               do_handshake_on_connect=False)
            second.settimeout(0.3)
            with pytest.raises(socket.timeout):
                second.do_handshake()
            first.sendall(b'x')
            assert b'x' == first.recv(1)
            first.close()
            second.settimeout(PATIENCE)
            second.do_handshake()
            second.close()

    def test_handshake(self, pki):
        """A handshake that comes byte by byte has --handshake-timeout for the whole of it."""
        hello = client_hello(pki)
        with server('--cert', pki.path('localhost'), '--handshake-timeout', '0.5') as (
                _, port, process):
            sock = connect(port)
            trickle(sock, hello)
            assert process.stderr.readline().endswith(' timed out\n')
            sock.close()

    def test_silence(self, pki):
        """A client that says nothing after its handshake is ended by --idle-timeout."""
        with server('--cert', pki.path('localhost'), '--idle-timeout', '0.3') as (_, port, process):
            sock = secure(pki, port)
            assert b'' == sock.recv(1)
            assert process.stderr.readline().endswith(' timed out\n')
            sock.close()

    def test_slow_request(self, pki, tmpdir):
        """A request that comes byte by byte has --idle-timeout for the whole of it."""
        with server('--cert', pki.path('localhost'), '--idle-timeout', '0.5', str(tmpdir)) as (
                _, port, process):
            sock = secure(pki, port)
            trickle(sock, b'GET / HTTP/1.0\r\nX: ' + b'x' * 5000)
            assert 'timed out' in process.stderr.readline()
            sock.close()

    @pytest.mark.parametrize('request_', [
        b'GET /' + b'x' * 2000, b'GET / HTTP/1.0\r\nX: ' + b'x' * 2000,
        b'GET / HTTP/1.0\r\n' + b'X: x\r\n' * 300])
    def test_large_request(self, pki, tmpdir, request_):
        """A request whose line or header is larger than --max-request is refused."""
        with server('--cert', pki.path('localhost'), '--max-request', '1000', str(tmpdir)) as (
                _, port, process):
            sock = secure(pki, port)
            sock.sendall(request_)
            assert b'431' in sock.recv(100)
            assert '431' in process.stderr.readline()
            sock.close()
            assert get(pki, port, '/').startswith(b'HTTP/1.0 200 ')


@pytest.mark.parametrize('arguments, status, said', [
    (['/nowhere'], 1, '/nowhere is not a directory'),
    (['--cert', '/nowhere'], 1, '--cert /nowhere: No such file or directory'),
    (['--cert', os.devnull], 1, '--cert /dev/null: '),
    (['--key', 'x'], 2, '--key needs --cert'),
    (['--name', 'a', '--cert', 'x'], 2, 'it cannot go with --cert'),
    (['--listen', 'x:y'], 2, 'x:y is not HOST:PORT'),
    (['--name', 'a..b'], 2, '--name: '),
    (['/nowhere', '--alpn', 'http/1.1', '--alpn', 'h2'], 2,
     '--alpn: a DIRECTORY is served over HTTP/1 alone, not over h2'),
    (['/nowhere', '--alpn', 'http/1.1', '--alpn', 'http/1.0'], 1, '/nowhere is not a directory'),
])
def test_mistakes(arguments, status, said, capsys):
    """A mistake is one line."""
    if 'a..b' in arguments:
        pytest.importorskip('trustme')
    assert said in fails_here(capsys, 'serve', *arguments, status=status)


def test_directory_that_may_not_be_entered(pki, tmpdir, monkeypatch, capsys):
    """A directory of somebody else is one line."""
    def refuse(path):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr('os.chdir', refuse)
    assert '%s: Permission denied' % tmpdir == fails_here(
        capsys, 'serve', str(tmpdir), '--listen', '127.0.0.1:0', '--cert', pki.path('localhost'))
