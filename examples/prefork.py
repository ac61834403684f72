"""
A server of several processes on one port, each with a loop of its own.

Usage: prefork.py CERTIFICATE WORKERS [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8443 by default; 0
lets the system choose one. It is printed once the server listens. SIGTERM or Ctrl-C ends it.

The workers share what was made before the fork: the listening socket and the context. So a client
can resume a session of one worker with any other. Each worker makes its own loop and connections.
"""
from __future__ import print_function

import logging
import os
import signal
import socket
import ssl
import sys

import sslproto27
from sslproto27 import aio


def greet(reader, writer):
    writer.write(('Hello from %d\n' % os.getpid()).encode('ascii'))
    writer.close()


def work(listener, context, parent):
    aio.install()
    loop = aio.new_event_loop()
    aio.set_event_loop(loop)
    loop.run_until_complete(aio.start_server(greet, sock=listener, ssl=context))
    loop.add_reader(parent, loop.stop)  # the parent has ended, or wants the worker to end
    loop.run_forever()


def fork(listener, context, parent, to_workers):
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(to_workers)
            work(listener, context, parent)
        except KeyboardInterrupt:
            pass
        finally:
            os._exit(0)


def stop(signum, frame):
    raise KeyboardInterrupt


def main(certificate, workers, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', int(port)))
    listener.listen(100)
    signal.signal(signal.SIGTERM, stop)
    parent, to_workers = os.pipe()
    try:
        for _ in range(int(workers)):
            fork(listener, context, parent, to_workers)
        print('listening on port', listener.getsockname()[1])
        sys.stdout.flush()
        while True:
            child, status = os.wait()
            logging.warning('worker %d has ended (%d), and is replaced', child, status)
            fork(listener, context, parent, to_workers)
    except KeyboardInterrupt:
        os.close(to_workers)
        try:
            while True:
                os.wait()
        except OSError:
            pass  # no worker is left


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
