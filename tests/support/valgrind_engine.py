"""
A short run of all that the engine does with memory, for ``make valgrind``. Not a test of its own.

The certificate is made with the openssl program: cryptography's own OpenSSL stays out of the run.
"""
from __future__ import absolute_import, division, print_function

import copy
import gc
import itertools
import os
import pickle
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

from sslproto27 import MemoryBIO, SSLPipe, context, create_default_context
from sslproto27._core.pipe import PipeUnderLock
from tests.support.memory import Pair, connect, raised


def contexts(folder):
    """Return a client's and a server's context, of one certificate for 'localhost', and its PEM."""
    certificate, key = os.path.join(folder, 'certificate.pem'), os.path.join(folder, 'key.pem')
    with open(os.devnull, 'wb') as nowhere:
        subprocess.check_call(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
             '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost',
             '-addext', 'subjectAltName=DNS:localhost'], stderr=nowhere)
    server = create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    pem = b''.join(open(name, 'rb').read() for name in (key, certificate))
    return create_default_context(cafile=certificate), server, pem


def talk(client, server):
    """Use every member once, then let everything go in three orders."""
    pair = connect(client, server)
    pair.exchange()
    session = pair.client.session
    for size in (1, 2, 100, 16384, 100000):
        data = b'x' * size
        pair.client.write(data)
        pair.pump()
        assert pair.server_end.read_available() == data
    for sslobj in (pair.client, pair.server):
        for name in ('version', 'cipher', 'shared_ciphers', 'compression', 'pending', 'getpeercert',
                     'selected_alpn_protocol', 'get_verified_chain', 'get_unverified_chain'):
            getattr(sslobj, name)()
        for binding in ('tls-unique', 'tls-exporter', 'tls-server-end-point'):
            sslobj.get_channel_binding(binding)
    assert session.id and session.time and session.has_ticket and session == session
    again = connect(client, server, session=session)
    assert again.client.session_reused
    raised(pair.client.unwrap)
    pair.pump()
    assert pair.server.read() == b''
    del pair, again


def fail(client, server):
    """Let a handshake fail, and one be cut off."""
    errors = Pair(client, server, server_hostname='elsewhere').try_handshake()
    assert all(errors)
    cut = Pair(client, server)
    raised(cut.client.do_handshake)
    cut.client_end.incoming.write_eof()
    assert isinstance(raised(cut.client.do_handshake), ssl.SSLEOFError)


def destroy(client, server):
    """BIOs before, after and between the objects that use them."""
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)):
        pair = connect(client, server)
        parts = [pair.client_end.incoming, pair.client_end.outgoing, pair.client, pair.server]
        del pair
        for index in order:
            parts[index] = None
            gc.collect()
    bio = MemoryBIO()
    client.wrap_bio(bio, bio, server_hostname='localhost')
    del bio


def pipe(client, server):
    """Two pipes: data, and back to plaintext."""
    ends = [SSLPipe(client, server_hostname='localhost'), SSLPipe(server, server_side=True)]
    for end in ends:
        end.do_handshake()
        end.feed_appdata(b'hello')
    for _ in range(4):
        for source, target in (ends, ends[::-1]):
            target.feed_ssldata(source.data_to_send())
    assert [end.appdata_received() for end in ends] == [b'hello', b'hello']
    for end in ends:
        end.shutdown()
    ends[1].feed_ssldata(ends[0].data_to_send())
    ends[0].feed_ssldata(ends[1].data_to_send() + b'plain')
    assert ends[0].unwrap() == b'plain'


def threads(client, server):
    """Pipes that give the interpreter's lock away, each in its thread; others ask their objects."""
    done, current, failed = [], [], []

    def work():
        try:
            for _ in range(4):
                ends = [PipeUnderLock(client, server_hostname='localhost'),
                        PipeUnderLock(server, server_side=True)]
                current[:] = ends
                for end in ends:
                    end.do_handshake()
                for data in (b'x', b'y' * 200000, b'z' * 16384, b'x' * 100000):
                    for end in ends:
                        end.feed_appdata(data)
                    for _ in range(4):
                        for source, target in (ends, ends[::-1]):
                            target.feed_ssldata(source.data_to_send())
                    assert [end.appdata_received() for end in ends] == [data, data]
        except Exception as error:
            failed.append(error)
        done.append(True)

    def ask():
        while len(done) < 2:
            for end in list(current):
                sslobj = end.ssl_object
                for call in (sslobj.version, sslobj.cipher, sslobj.shared_ciphers, sslobj.pending,
                             sslobj.selected_alpn_protocol, sslobj.compression,
                             sslobj.get_unverified_chain, sslobj.get_verified_chain,
                             lambda: sslobj.session, lambda: sslobj.getpeercert(True)):
                    try:
                        call()
                    except ValueError:
                        pass  # before the handshake
    workers = [threading.Thread(target=target) for target in (work, work, ask)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed, failed


def settings():
    """What a context is told, and OpenSSL asks it for while it shakes hands."""
    client, server = context.SSLContext(), context.SSLContext()
    client.keylog_filename = os.devnull
    server.session_ticket_keys = [context.new_session_ticket_key() for _ in range(2)]
    server.sni_callback = lambda sslobj, name, given: None
    client.set_psk_client_callback(lambda hint: (u'me', b'k' * 16))
    server.set_psk_server_callback(lambda identity: b'k' * 16, u'hint')
    client.set_ciphersuites('TLS_AES_128_GCM_SHA256')
    assert client.get_ciphers() and client.security_level
    for version in (context.TLSVersion.TLSv1_2, context.TLSVersion.TLSv1_3):
        for made in (client, server):
            made.maximum_version = made.minimum_version = version
            made.set_ciphers('PSK')
        pair = connect(client, server)
        del pair


def credentials(client, pem):
    """Keys, certificates and lists from memory, and what is malformed."""
    made = context.SSLContext()
    made.load_cert_chain_pem(pem)
    made.load_cert_chain_pem(pem)
    for wrong in (b'', b'nonsense', pem[:-40], pem + b'-----BEGIN CERTIFICATE-----\nAA\n'):
        raised(made.load_cert_chain_pem, wrong)
        raised(made.load_crl, wrong)
    connect(client, made)


class Broken(object):
    """A stderr that cannot be written to."""

    def write(self, data):
        raise IOError(5, 'Input/output error')


def callbacks_that_fail(client, server):
    """Callbacks that raise, collect, or use the object that they are called for."""
    def misuse(*args):
        gc.collect()
        for sslobj in (pair.client, pair.server):
            for call in (sslobj.do_handshake, sslobj.read, sslobj.unwrap, sslobj.version,
                         lambda: sslobj.write(b'x'), lambda: sslobj.session, sslobj.cipher,
                         lambda: setattr(sslobj, 'session', None)):
                try:
                    call()
                except Exception:
                    pass
        raise KeyError(args)

    stderr, sys.stderr = sys.stderr, Broken()
    try:
        for version in (context.TLSVersion.TLSv1_2, context.TLSVersion.TLSv1_3):
            made = context.SSLContext(), context.SSLContext()
            for one in made:
                one.maximum_version = one.minimum_version = version
                one.set_ciphers('PSK')
            made[0].set_psk_client_callback(lambda hint: (u'me', b'k' * 16))
            made[1].set_psk_server_callback(misuse)
            pair = Pair(*made)
            assert any(pair.try_handshake())
            made[0].set_psk_client_callback(misuse)
            pair = Pair(*made)
            assert any(pair.try_handshake())
        context.set_sni_callback(server, misuse)
        pair = Pair(client, server)
        assert all(pair.try_handshake())
        context.set_sni_callback(server, None)
    finally:
        sys.stderr = stderr


def lifetimes(client, server):
    """Sessions, objects, BIOs and half-done handshakes, dying in many orders."""
    for order in itertools.permutations(range(4)):
        pair = connect(client, server)
        pair.client.write(b'in flight')
        parts = [pair.client, pair.client.session, pair.client_end.incoming, pair.server]
        del pair
        for index in order:
            parts[index] = None
        gc.collect()
    session = connect(client, server).client.session
    gc.collect()
    assert connect(client, server, session=session).client.session_reused
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        for thing in (session, MemoryBIO(), connect(client, server).client, server):
            try:
                thing = copying(thing)
            except Exception:
                pass  # refused
            del thing
            gc.collect()
    half = Pair(client, server)
    half.client_end.handshake_is_done()
    half.pump()
    half.server_end.handshake_is_done()
    half.cycle = half
    del half
    gc.collect()


def failed_and_used(client, server):
    """Objects that OpenSSL has given up, used on."""
    pair = connect(client, server)
    pair.server_end.incoming.write(b'no record at all')
    for _ in range(2):
        raised(pair.server.read)
        raised(pair.server.write, b'x')
        pair.pump()
        for call in (pair.client.read, pair.client.unwrap, pair.server.unwrap):
            try:
                call()
            except Exception:
                pass


def main():
    folder = tempfile.mkdtemp()
    try:
        client, server, pem = contexts(folder)
        for step in (talk, fail, destroy, pipe, threads, lifetimes, failed_and_used,
                     callbacks_that_fail):
            step(client, server)
            step(client, server)
        for _ in range(2):
            settings()
            credentials(client, pem)
            gc.collect()
    finally:
        shutil.rmtree(folder)
    # Alive while the interpreter ends, the modules that they need emptied before them.
    sys.kept_here = connect(client, server), Pair(client, server), MemoryBIO()
    print('the engine ran through')


if __name__ == '__main__':
    main()
