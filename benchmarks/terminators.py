"""
Measure TLS terminators by their own processor time: `sslproto27 proxy` beside others.

    python3 benchmarks/terminators.py PYTHON2.7

Each runs between ab and nginx on loopback, with one worker, a P-256 certificate, TLS 1.3 and full
handshakes. We read the processor time of its own processes from /proc, so the load and the service
behind it do not count. This needs Linux, nginx with its stream module, stunnel4, haproxy, ab
(apache2-utils) and openssl.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BACKEND = 17080
FRONT = 17443
RUNS = 3
CONNECTIONS = 3000
REQUESTS = 60000
LARGE = 64 * 1024 * 1024
DOWNLOADS = 16
TICK = os.sysconf('SC_CLK_TCK')

_NGINX = """
{module}daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
{user}events {{ worker_connections 2048; }}
{what}
"""
_HTTP = """
http {{ access_log off; keepalive_requests 100000000;
 client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
 uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
 server {{ listen 127.0.0.1:{backend} backlog=1024; root {folder}/www; }} }}
"""
_STREAM = """
stream {{ server {{ listen 127.0.0.1:{front} ssl backlog=1024; proxy_pass 127.0.0.1:{backend};
 ssl_certificate {folder}/both.pem; ssl_certificate_key {folder}/both.pem;
 ssl_protocols TLSv1.3; ssl_session_cache none; }} }}
"""
_STUNNEL = """
foreground = yes
pid =
output = {folder}/stunnel.log
debug = 0
[x]
accept = 127.0.0.1:{front}
connect = 127.0.0.1:{backend}
cert = {folder}/both.pem
sslVersionMin = TLSv1.3
"""
_HAPROXY = """
global
 nbthread 1
 maxconn 2000
defaults
 mode tcp
 timeout connect 10s
 timeout client 60s
 timeout server 60s
listen x
 bind 127.0.0.1:{front} ssl crt {folder}/both.pem ssl-min-ver TLSv1.3
 server s 127.0.0.1:{backend}
"""


def contestants(python, folder):
    """Return a list of (name, command)."""
    def write(name, text):
        path = os.path.join(folder, name)
        with open(path, 'w') as file:
            file.write(text.format(folder=folder, front=FRONT, backend=BACKEND))
        return path
    module = '/usr/lib/nginx/modules/ngx_stream_module.so'
    stream = _NGINX.format(
        module='load_module %s; ' % module if os.path.exists(module) else '', folder=folder,
        name='stream', user=_user(), what='%s')
    stream = stream.replace('{', '{{').replace('}', '}}') % _STREAM
    both = os.path.join(folder, 'both.pem')
    return [
        ('sslproto27 proxy', [python, '-m', 'sslproto27', 'proxy', '--listen', '127.0.0.1:%d'
                              % FRONT, '--to', '127.0.0.1:%d' % BACKEND, '--cert', both]),
        ('stunnel', ['stunnel4', write('stunnel.conf', _STUNNEL)]),
        ('nginx stream', ['nginx', '-c', write('stream.conf', stream)]),
        ('haproxy', ['haproxy', '-q', '-f', write('haproxy.conf', _HAPROXY)]),
    ]


def _user():
    return 'user root; ' if os.getuid() == 0 else ''


@contextlib.contextmanager
def running(command, port):
    """Run a server until the end of the block; wait until it listens, and yield its process ID."""
    environment = dict(os.environ, PYTHONPATH=CHECKOUT)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(('127.0.0.1', port)).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError('%s does not listen' % command[0])
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def processor_time(pid):
    """Return the seconds of processor time of a process and its children."""
    total = 0
    for one in [pid] + _children(pid):
        with open('/proc/%d/stat' % one) as file:
            fields = file.read().rpartition(')')[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def _children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as file:
        return [int(one) for one in file.read().split()]


def connect_anew():
    """Make connections, with a request each; return how many."""
    _ab('-n', str(CONNECTIONS), '-c', '20')
    return CONNECTIONS


def request():
    """Make requests on kept connections; return how many."""
    _ab('-k', '-n', str(REQUESTS), '-c', '20')
    return REQUESTS


def _ab(*options):
    output = subprocess.check_output(
        ('ab', '-q') + options + ('https://127.0.0.1:%d/small' % FRONT,),
        stderr=subprocess.STDOUT).decode('ascii', 'replace')
    if not re.search(r'Failed requests: +0\n', output):
        raise RuntimeError(output)


def download():
    """Download a large file on a few connections; return how many MB (10^6 bytes)."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    size, buffer = 0, bytearray(65536)
    for _ in range(DOWNLOADS):
        with socket.create_connection(('127.0.0.1', FRONT)) as sock:
            with context.wrap_socket(sock) as secure:
                secure.sendall(b'GET /large HTTP/1.0\r\n\r\n')
                count = 1
                while count:
                    count = secure.recv_into(buffer)
                    size += count
    if size < LARGE * DOWNLOADS:
        raise RuntimeError('only %d bytes' % size)
    return size / 1e6


WORK = [('new connections', connect_anew), ('requests', request), ('MB', download)]


def prepare(folder):
    """Make the certificate and the files; return the backend's command."""
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, 'www'))
    for name, content in (('small', b'hello\n'), ('large', os.urandom(1 << 20) * (LARGE >> 20))):
        with open(os.path.join(folder, 'www', name), 'wb') as file:
            file.write(content)
    key, cert = os.path.join(folder, 'key'), os.path.join(folder, 'cert')
    subprocess.check_call(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
         '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=localhost', '-addext',
         'subjectAltName=DNS:localhost'], stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, 'both.pem'), 'w') as both:
        for path in (cert, key):
            with open(path) as file:
                both.write(file.read())
    http = _HTTP.format(folder=folder, backend=BACKEND)
    conf = os.path.join(folder, 'backend.conf')
    with open(conf, 'w') as file:
        file.write(_NGINX.format(module='', folder=folder, name='backend', user=_user(),
                                 what=http))
    return ['nginx', '-c', conf]


def main(python):
    """Measure, and print a table in Markdown: the work in a second of processor time."""
    print('| a CPU second | %s |' % ' | '.join(name for name, _ in WORK))
    print('| --- | %s |' % ' | '.join('---:' for _ in WORK))
    with tempfile.TemporaryDirectory() as folder, running(prepare(folder), BACKEND):
        for name, command in contestants(python, folder):
            with running(command, FRONT) as pid:
                cells = []
                for _, work in WORK:
                    work()
                    rates = []
                    for _ in range(RUNS):
                        before = processor_time(pid)
                        done = work()
                        rates.append(done / (processor_time(pid) - before))
                    cells.append('%d' % statistics.median(rates))
            print('| %s | %s |' % (name, ' | '.join(cells)))
            sys.stdout.flush()


if __name__ == '__main__':
    main(*sys.argv[1:])
