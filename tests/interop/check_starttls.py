"""
``connect --starttls`` with servers that others have written: `make interop`.

Whatever is not on this machine is skipped by name.
"""
from __future__ import absolute_import, division, print_function

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from tests.support.commands import started
from tests.interop.starttls_servers import SERVERS

PATIENCE = 60  # seconds


def user_of(server):
    """Return (the user to run a server as, options of subprocess): most will not run as root."""
    if os.geteuid() or server.as_root:
        return pwd.getpwuid(os.geteuid()).pw_name, {}
    nobody = pwd.getpwnam('nobody')

    def become():
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    return 'nobody', {'preexec_fn': become}


def free_ports(names):
    """Return a dict from name to a port that nothing listened at just now."""
    sockets = {name: socket.socket() for name in names}
    for sock in sockets.values():
        sock.bind(('127.0.0.1', 0))
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    for sock in sockets.values():
        sock.close()
    return ports


@pytest.fixture
def folder(pki):
    """A folder of the user that runs the server, with its key and certificate."""
    made = tempfile.mkdtemp(prefix='s27-')  # short: there will be unix sockets in it
    text = pki.text('localhost')
    start = text.index('-----BEGIN CERTIFICATE')
    for name, part in (('key.pem', text[:start]), ('cert.pem', text[start:])):
        with open(os.path.join(made, name), 'w') as file:
            file.write(part)
        os.chmod(file.name, 0o600)
    yield made
    shutil.rmtree(made)


def hand_over(folder, user):
    """Let a folder, and the files in it, be those of *user*: vsftpd, for one, insists."""
    if not os.geteuid():
        known = pwd.getpwnam(user)
        for path in [folder] + [os.path.join(folder, name) for name in os.listdir(folder)]:
            os.chown(path, known.pw_uid, known.pw_gid)


def await_listening(process, port):
    """Wait until something listens on *port*."""
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except socket.error:
            assert process.poll() is None, 'it has ended'
            time.sleep(0.05)


@pytest.mark.parametrize('server', SERVERS, ids=lambda server: server.name)
def test_server(pki, folder, server):
    """TLS starts, the certificate is verified, and what is said within it is answered."""
    reason = server.missing()
    if reason:
        pytest.skip(reason)
    user, options = user_of(server)
    ports = free_ports(server.protocols)
    options['cwd'] = folder
    hand_over(folder, user)
    arguments = server.prepare(folder, ports, user, **options)
    hand_over(folder, user)
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(arguments, stdout=log, stderr=log, **options)
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        for protocol, (said, answer) in sorted(server.protocols.items()):
            await_listening(process, ports[protocol])
            with started('connect', 'localhost:%d' % ports[protocol], '--cafile', pki.path('ca'),
                         '--starttls', protocol) as client:
                client.stdin.write(said)
                client.stdin.flush()
                came = ''
                while answer not in came:
                    one = os.read(client.stdout.fileno(), 4096)
                    assert one, (protocol, came, client.stderr.read())
                    came += one
                client.stdin.close()
                assert 'verified     yes, for localhost\n' in client.stderr.read(), protocol
    except BaseException:
        log.seek(0)
        print(log.read().decode('utf-8', 'replace'))
        raise
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
        watchdog.cancel()
        watchdog.join()
        log.close()
