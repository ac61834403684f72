"""
One contestant of requests_bench.py, or its server: commands and samples are lines of JSON.

    requests_worker.py stock|injected|adapter|pyopenssl PORT FOLDER
    requests_worker.py server FOLDER
"""
from __future__ import absolute_import, division, print_function

import json
import os
import platform
import resource
import socket
import ssl
import sys
import threading
import time
import warnings

BODY = 8 << 20
SMALL = 100


def serve(folder):
    """Answer GET /small and GET /large for as long as standard input is open."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, 'server.pem'))
    bodies = {b'/small': b'x' * SMALL, b'/large': b'0123456789abcdef' * (BODY // 16)}
    answers = {(path, last): b'HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n' % (
        b'Connection: close\r\n' * last, len(body)) + body
        for path, body in bodies.items() for last in (False, True)}
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(50)
    print(json.dumps(listener.getsockname()[1]))
    sys.stdout.flush()

    def talk(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with context.wrap_socket(sock, server_side=True) as tls:
                request = tls.recv(65536)
                while request:
                    last = b'Connection: close' in request
                    tls.sendall(answers[request.split(b' ', 2)[1], last])
                    request = b'' if last else tls.recv(65536)
        except (ssl.SSLError, OSError):
            pass

    def accept():
        while True:
            threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


def processor_time():
    """Return the seconds of processor time of this process, without its server's."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def new_session(kind, folder):
    """Return a session with the TLS of *kind*, and its description."""
    import requests
    session = requests.Session()
    session.trust_env = False
    session.verify = os.path.join(folder, 'ca.pem')
    if kind == 'pyopenssl':
        import OpenSSL
        import urllib3.contrib.pyopenssl
        urllib3.contrib.pyopenssl.inject_into_urllib3()
        return session, 'pyOpenSSL %s' % OpenSSL.__version__, OpenSSL.SSL.SSLeay_version(0).decode()
    if kind == 'injected':
        import sslproto27.urllib3
        sslproto27.urllib3.inject_into_urllib3()
    elif kind == 'adapter':
        import sslproto27.requests
        session.mount('https://', sslproto27.requests.SSLAdapter())
    label = {'stock': 'ssl', 'injected': 'sslproto27', 'adapter': 'SSLAdapter'}[kind]
    return session, label, ssl.OPENSSL_VERSION


def main(kind, port, folder):
    warnings.simplefilter('ignore')
    session, label, openssl = new_session(kind, folder)
    url = 'https://localhost:%s/' % port
    last = {'Connection': 'close'}

    def small():
        if len(session.get(url + 'small').content) != SMALL:
            raise AssertionError('bytes were lost')
        return 1

    def connect():
        session.get(url + 'small', headers=last).content
        return 1

    def large(session=session):
        response = session.get(url + 'large', stream=True)
        size = sum(len(piece) for piece in response.iter_content(65536))
        if size != BODY:
            raise AssertionError('bytes were lost')
        return size / 1e6

    def in_threads(seconds):
        """Return the MB that two threads download in a second of the wall clock."""
        done, end = [], time.time() + seconds

        def work():
            own = new_session(kind, folder)[0]
            while time.time() < end:
                done.append(large(own))
        threads = [threading.Thread(target=work) for _ in range(2)]
        start = time.time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done) / (time.time() - start)

    lines = {'small': small, 'connect': connect, 'large': large}
    print(json.dumps({'label': label, 'openssl': openssl, 'python': '%s %s' % (
        platform.python_implementation(), platform.python_version())}))
    sys.stdout.flush()
    for command in iter(sys.stdin.readline, ''):
        command = json.loads(command)
        if command['line'] == 'threads':
            print(json.dumps(in_threads(command['seconds'])))
            sys.stdout.flush()
            continue
        work = lines[command['line']]
        done, start = 0, processor_time()
        if 'count' in command:
            done = sum(work() for _ in range(command['count']))
        while processor_time() - start < command.get('seconds', 0):
            done += work()
        print(json.dumps(done / (processor_time() - start)))
        sys.stdout.flush()


if __name__ == '__main__':
    if sys.argv[1] == 'server':
        serve(sys.argv[2])
    else:
        main(*sys.argv[1:])
