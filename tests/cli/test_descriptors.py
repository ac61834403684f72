"""Commands that are started with more open descriptors than select() can wait for."""
from __future__ import absolute_import, division, print_function

import json
import signal
import socket
import subprocess

import pytest

from tests.support.commands import PATIENCE, starts_programs
from tests.support.descriptors import MANY, require_many
from tests.support.engines import pass_on
from tests.support.https import ask
from tests.support.memory import only_python2
from tests.support.peers import echo_tls, serving
from tests.support.programs import running

pytestmark = starts_programs

RUN = 'import sys\nfrom sslproto27.__main__ import main\nsys.exit(main())\n'

#: Before that, a system that can start no more processes as long as there is a file.
FORKLESS = """
import errno, signal
def fork(fork=os.fork):
    if os.path.exists(%r) and signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()
os.fork = fork
"""


@pytest.fixture
def start():
    """A function that starts a command so."""
    require_many()
    return lambda *arguments, **kwargs: running(
        ('-c', MANY + kwargs.get('program', '') + RUN) + arguments, PATIENCE,
        stdin=subprocess.PIPE)


def port_of(process):
    """Return the port that a server says that it listens on."""
    line = process.stdout.readline()
    assert ':' in line, pass_on(process.stderr.read())
    return int(line.rpartition(':')[2])


def test_connect(start, pki):
    """connect passes data both ways."""
    with serving(lambda sock: echo_tls(sock, pki.server_context())) as port:
        with start('connect', 'localhost:%d' % port, '--cafile', pki.path('ca'),
                   '--quiet') as process:
            assert ('hello', '') == process.communicate('hello')
        assert 0 == process.returncode


def test_serve(start, pki):
    """serve accepts clients, and says what they do."""
    with start('serve', '--listen', '127.0.0.1:0', '--cert', pki.path('localhost'),
               '.') as process:
        port = port_of(process)
        for _ in range(2):
            assert b' 200 ' in ask(pki, port, b'HEAD / HTTP/1.0\r\n\r\n')
        process.send_signal(signal.SIGTERM)
        lines = process.communicate()[1].splitlines()
    assert [True] * 2 == ['"HEAD / HTTP/1.0" 200' in line for line in lines], lines
    assert 0 == process.returncode


@only_python2
def test_proxy(start, pki, tmpdir):
    """proxy writes its access log, and loses none of it."""
    log = tmpdir.join('log')
    with serving(lambda sock: echo_tls(sock, pki.server_context())) as port:
        with start('proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:%d' % port, '--to-tls',
                   '--to-cafile', pki.path('ca'), '--cert', pki.path('localhost'),
                   '--access-log', str(log)) as process:
            client = pki.client_context().wrap_socket(
                socket.create_connection(('127.0.0.1', port_of(process)), PATIENCE),
                server_hostname='localhost')
            client.sendall(b'hello')
            assert b'hello' == client.recv(5)
            client.unwrap().close()
            process.send_signal(signal.SIGTERM)
            said = process.communicate()[1]
    assert 0 == process.returncode and 'stopped\n' == said[-8:] and 2 == said.count('\n'), said
    assert [5] == [json.loads(line)['sent'] for line in log.readlines()]


@only_python2
def test_supervisor(start, pki, tmpdir):
    """It tries again to start workers that it could not start."""
    full = tmpdir.join('full')
    full.write('')
    with start('proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9', '--cert',
               pki.path('localhost'), program=FORKLESS % str(full)) as process:
        assert process.stderr.readline().startswith('cannot start a worker: ')
        full.remove()
        assert 'all workers have been started\n' == process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert 0 == process.returncode
