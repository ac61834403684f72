"""
Break each promise of SECURITY.md once, and check that the tests that it names fail.

    python tools/mutate_promises.py [WORD ...]

Each promise has changes here that break it. We make each change in a copy of the package, and run
the tests that SECURITY.md names for the promise, until one fails. If none fails, the change has
survived: the line promises something that no test holds. With WORDs, only lines that contain one of
them are tried.
"""
from __future__ import absolute_import, division, print_function

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from tests.project.test_security_document import promises  # noqa: E402

#: Seconds for the tests of one line under one mutation.
TIMEOUT = 400

#: (words of the promise, file in the package, text that it has once, text to put in its place).
MUTATIONS = [
    ('A default client refuses', '_core/context/sslcontext.py',
     'if protocol == PROTOCOL_TLS_CLIENT:\n'
     '            self.check_hostname = True', 'if protocol == PROTOCOL_TLS_CLIENT:\n'
     '            pass'),
    ('A default client refuses', '_core/context/sslcontext.py',
     "('@SECLEVEL=2:", "('@SECLEVEL=0:"),
    ('The host name is checked', '_core/sslobject.py',
     '        if self._checks_name:\n', '        if 0:\n'),
    ('The host name is checked', '_core/hostname.py', 'NO_PARTIAL_WILDCARDS = 0x4',
     'NO_PARTIAL_WILDCARDS = 0'),
    ('The host name is checked', '_core/hostname.py',
     '(0 if value else X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)',
     '0'),
    ('The host name is checked', '_core/hostname.py',
     'done = lib.X509_VERIFY_PARAM_set1_ip_asc(parameters, name)', 'done = 1'),
    ('revocation lists', '_core/context/credentials.py',
     'required(lib.X509_STORE_add_crl(store, crl) == 1)',
     'pass'),
    ('requires client certificates', '_core/sslobject.py',
     '        if settings.post_handshake_auth:\n',
     '        if server_side:\n'
     '            lib.SSL_set_verify(handle, 0, NULL)\n'
     '        if settings.post_handshake_auth:\n'),
    ('a session of another server name', '_core/sslobject.py',
     'and session._server_hostname != self._server_hostname)', 'and False)'),
    ('stream or protocol without a name', '_core/servername.py',
     'or check and not server_side)', 'or False)'),
    ('does not change the context', '_core/sslobject.py',
     '(check_name or context.check_hostname)',
     'context.check_hostname'),
    ('does not change the context', '_core/wrap_bio.py', '    settings = settings_of(context)\n'
     '    cls =', '    context.check_hostname = check_name or context.check_hostname\n'
     '    settings = settings_of(context)\n'
     '    cls ='),
    ('TLS 1.2 or later', '_core/context/sslcontext.py',
     'self.minimum_version = TLSVersion.TLSv1_2', 'pass'),
    ('TLS 1.2 or later', '_core/context/sslcontext.py', '    if cafile or capath',
     '    context.options &= ~OP_NO_COMPRESSION\n'
     '    if cafile or capath'),
    ('TLS 1.2 or later', '_core/context/sslcontext.py',
     'VERIFY_X509_STRICT | VERIFY_X', 'VERIFY_X'),
    ('TLS 1.2 or later', '_core/context/sslcontext.py', "DHE+AES'", "DHE+AES:RSA+AESGCM'"),
    ('does not renegotiate', '_core/context/sslcontext.py',
     'OP_NO_COMPRESSION | OP_NO_RENEGOTIATION\n',
     'OP_NO_COMPRESSION\n'),
    ('does not renegotiate', '_core/sslobject.py', '    if ssl.OPENSSL_VERSION_INFO >= (3,):\n',
     '    lib.SSL_set_options(ssl_object._ssl, OP_ALLOW_CLIENT_RENEGOTIATION)\n'
     '    if ssl.OPENSSL_VERSION_INFO >= (3,):\n'),
    ('An impossible setting', '_core/context/settings.py',
     "version = TLSVersion(to_index(version, 'version'))", 'version = TLSVersion.TLSv1_2'),
    ('An impossible setting', '_core/context/settings.py',
     'required(lib.SSL_CTX_set_ciphersuites(context_handle(context), names))',
     'lib.SSL_CTX_set_ciphersuites(context_handle(context), names)'),
    ('An impossible setting', '_core/engine/libssl.py',
     "raise EngineUnavailable('this OpenSSL has no %s' % name)", 'return 1'),
    ('An application receives', '_core/pipe.py',
     "            data = b''.join(received)\n        del received[:]\n",
     "            data = b''.join(received)\n"),
    ('An application receives', '_core/pipe.py', '        except ssl.SSLError as error:\n'
     '            self._fail(error)\n', '        except ssl.SSLError as error:\n'
     '            self._incoming.read()\n'),
    ('An application receives', '_core/pipe.py', 'self._incoming.write(early)',
     'self._received.append(early)'),
    ('An application receives', 'twisted/_upgrade.py',
     "_HANDLERS = ('lineReceived', 'rawDataReceived', 'stringReceived', 'lineLengthExceeded',\n"
     "             'lengthLimitExceeded')", '_HANDLERS = ()'),
    ('On Twisted, a client', 'twisted/_tunnel.py',
     'self._hostname if hostname is None else hostname', "hostname or ''"),
    ('On Twisted, a client', 'twisted/_tunnel.py', ' or name in _OF_THE_PROXY', ''),
    ('On Twisted, a host', 'twisted/_lower.py', "host = value.domain.decode('ascii')", 'pass'),
    ('Cut-off data', '_core/pipe.py', 'self.failure = ragged_eof()', 'pass'),
    ('Cut-off data', '_core/pipe.py', '        if state is HANDSHAKE:\n'
     '            self._fail', '        if state is HANDSHAKE and not self._suppress_ragged_eofs:\n'
     '            self._fail'),
    ('Nothing that follows close_notify', '_core/pipe.py',
     '                self._enter(PEER_CLOSE)\n'
     '                return', '                self._enter(PEER_CLOSE)\n'
     '                received.append(incoming.read())\n'
     '                return'),
    ('No application data is sent', '_core/pipe.py',
     '        if state is OPEN or state is HANDSHAKE or state is PEER_CLOSED:\n'
     '            if data:', '        if state is HANDSHAKE:\n'
     '            self._outgoing.write(data)\n'
     '        elif state is OPEN or state is PEER_CLOSED:\n'
     '            if data:'),
    ('Any bytes, in any pieces', '_core/pipe_states.py',
     '    (OPEN, FAIL): BROKEN,\n', '    (OPEN, FAIL): OPEN,\n'),
    ('Any bytes, in any pieces', '_core/pipe_states.py', '    (HANDSHAKE, FAIL): BROKEN,\n', ''),
    ('survive hostile peers', '_stream/protocol.py',
     'self._timer.start(self._handshake_timeout, self._handshake_timed_out)', 'pass'),
    ('survive hostile peers', 'tornado/_stream.py', 'if self._share < 0:', 'if False:'),
    ('The work that a peer can cause', '_core/pipe.py',
     'if left < 0:', 'if 0:'),
    ('Answers that a peer causes', '_core/pipe.py',
     'had_appdata and self._outgoing.pending <= limit or', 'had_appdata or'),
    ('The wait for the end of a record', '_core/pipe.py',
     '        except ssl.SSLError as error:\n            self._fail(error)\n',
     '        except ssl.SSLError:\n            pass\n'),
    ('The wait for the end of a record', '_core/pipe.py',
     '            if not self._receive_records(self._incoming, data, received):\n',
     '            self._incoming.write(data)\n'
     '            if self._incoming.pending > 16384:\n'),
    ('The wait for the end of a record', '_core/pipe.py',
     '        self._until_check = left = self._until_check - len(data)\n',
     '        self._until_check = left = self._until_check - len(data)\n'
     '        self._arguments += (data,)\n'),
    ('Handshakes and shutdowns end in time', '_stream/protocol.py',
     'self._timer.start(self._handshake_timeout, self._handshake_timed_out)', 'pass'),
    ('Handshakes and shutdowns end in time', '_stream/protocol.py',
     '            self._timer.start(self._shutdown_timeout, self._shutdown_timed_out)\n'
     '\n'
     '    def _detach', '            pass\n'
     '\n'
     '    def _detach'),
    ('Handshakes and shutdowns end in time', '_core/pipe.py',
     'if self._discarded > DRAIN_LIMIT:',
     'if 0:'),
    ('Handshakes and shutdowns end in time', 'tornado/_clock.py',
     'io_loop.call_later(seconds, callback)', 'io_loop.call_later(3600, callback)'),
    ('Handshakes and shutdowns end in time', 'tornado/_servers.py',
     'if isinstance(timeout, numbers.Real):', 'if 0:'),
    ('limits how many handshakes', '_stream/flow.py',
     'if self.running < self.limit:', 'if True:'),
    ('limits how many handshakes', '_stream/flow.py', '        if not self.refused:\n',
     '        if 0:\n'),
    ('limits how many handshakes', 'tornado/_servers.py', 'if not handshakes.admits():', 'if 0:'),
    ('limits how many handshakes', 'tornado/_clock.py', 'self._limit.running -= 1',
     'pass'),
    ('with an empty value', '_cli/contexts.py', 'if path is None else', 'if not path else'),
    ("The command line's servers limit", '_cli/serve.py',
     'while self._running >= self.limits.max_connections:', 'while 0:'),
    ("The command line's servers limit", '_cli/serve.py',
     'timed.within(self.limits.handshake_timeout)', 'pass'),
    ("The command line's servers limit", '_cli/serve.py',
     '        """Do so until the client ends its side."""\n'
     '        self.request.settimeout(self.server.limits.idle_timeout)\n',
     '        self.request.settimeout(3600)\n'),
    ("The command line's servers limit", '_cli/serve.py', 'timed.within(self.limits.idle_timeout)',
     'pass'),
    ("The command line's servers limit", '_cli/serve.py', 'if self._left < 0:', 'if 0:'),
    ("The command line's servers limit", '_cli/relay.py',
     'self._full = True\n            self.loop.remove_reader(self._listener.fileno())',
     'self._full = True'),
    ("The command line's servers limit", '_cli/relay.py',
     'ssl_handshake_timeout=self._settings.handshake)', 'ssl_handshake_timeout=3600)'),
    ("The command line's servers limit", '_cli/relay.py', "self.abort('silence')", 'pass'),
    ("The command line's servers limit", '_cli/relay.py',
     'self._patience = loop.call_later(settings.connect, task.cancel)',
     'self._patience = loop.call_later(3600, task.cancel)'),
    ('leave no memory', '_core/pipe.py', '        self._use(self._new_ssl_object())\n'
     '\n'
     '    def _use', '        self._use(self._new_ssl_object())\n'
     '        _TO_SEND[id(self)] = self\n'
     '\n'
     '    def _use'),
    ('leave no memory', '_core/sslobject.py',
     '        register_weakly(_by_address, address(handle), self)\n',
     '        _by_address[id(self)] = lambda self=self: self\n'
     '        register_weakly(_by_address, address(handle), self)\n'),
    ('leave no memory', '_core/engine/cpython27.py', '    native = context._wrap_socket(_DUMMY,',
     "    graft.__dict__.setdefault('leaked', []).append(socket.socket())\n"
     '    native = context._wrap_socket(_DUMMY,'),
    ('Objects may be freed in any order', '_core/sslobject.py',
     '        BIO_up_ref(incoming._bio)  # set0 takes over this reference\n', ''),
    ('Objects may be freed in any order', '_core/sslobject.py',
     '        if self._state == _RUNNING:\n'
     "            raise RuntimeError('a callback of this very object is running')",
     '        return'),
    ('Objects may be freed in any order', '_core/sslobject.py',
     '        ssl_object._state = _RUNNING\n', ''),
    ('same effect if nothing can be written', '_core/engine/cpython27.py',
     '        function = _certain(function, types, failure)\n', '        pass\n'),
    ('same effect if nothing can be written', '_core/context/callbacks.py',
     "_callback('psk_server', _psk_server, 0)", "_callback('psk_server', _psk_server, 16)"),
    ('Errors that other code left', '_core/errors.py', 'if number and not silent:', 'if number:'),
    ('can be neither copied nor pickled', '_core/unique.py', 'def __reduce__(', 'def reduce('),
    ('can be neither copied nor pickled', '_core/context/sslcontext.py',
     'class SSLContext(Unique, ',
     'class SSLContext('),
    ('memory layout is checked', '_core/engine/cpython27.py',
     '        if _word_at(base + offset).value == wanted:\n',
     '        if True:\n'),
    ('memory layout is checked', '_core/engine/cpython27.py',
     'if _word_at(place).value == handle.value and reference:',
     'if reference:'),
    ('memory layout is checked', '_core/engine/libssl.py',
     "if _NEEDED[0] in missing:", 'if 0:'),
    ('memory layout is checked', '_core/engine/libssl.py',
     '        if missing:\n', '        if 0:\n'),
    ('never lets a connection pass', '_core/context/callbacks.py',
     '_server_name, SSL_TLSEXT_ERR_ALERT_FATAL))', '_server_name, SSL_TLSEXT_ERR_OK))'),
    ('never lets a connection pass', '_core/context/callbacks.py',
     '        if names is None or not names.takes_any:\n'
     '            return SSL_TLSEXT_ERR_ALERT_FATAL\n', ''),
    ('never lets a connection pass', '_core/context/callbacks.py',
     "_callback('psk_server', _psk_server, 0)",
     "_callback('psk_server', _psk_server, 16)"),
    ('never lets a connection pass', '_core/context/callbacks.py',
     "_callback('psk_client', _psk_client, 0)",
     "_callback('psk_client', _psk_client, 16)"),
    ('never calls a freed callback', '_core/context/registry.py',
     '        del reference.table[reference.address]',
     '        pass'),
    ('never calls a freed callback', '_core/engine/cpython27.py',
     '    ctypes.pythonapi.Py_IncRef(ctypes.py_object(made))\n', ''),
    ('comes to the recursion limit', '_core/pair/sslobject.py',
     'token[1] = None  # this', 'pass  # this'),
    ('processing stops at a record', '_core/pair/sslobject.py',
     '        elif self._is_not_tls:\n            raise', '        elif False:\n            raise'),
    ('has closed its standard streams', '_core/fork.py', 'end = above_standard(end)', 'pass'),
    ('has closed its standard streams', '_core/engine/pair.py',
     '_moved(self._connected(), STANDARD)', 'self._connected()'),
    ("uses a connection's keys", '_core/fork.py',
     "return shared[other:other + 1] == b'\\0'", 'return True'),
    ("uses a connection's keys", '_core/pipe.py',
     'if self._pid != pid:  # another', 'if False:  # another'),
    ('A fork works as it does without us', '_core/fork.py', 'end = self._ends.pop(side, None)',
     'end = self._ends.get(side)'),
    ('A fork works as it does without us', '_core/fork.py', '        after()\n'
     '    except Exception:', '        after()\n'
     '    except MemoryError:'),
    ('A session ticket is accepted', '_core/context/callbacks.py',
     '    return os.urandom(TICKET_KEY_SIZE)',
     "    return b'k' * TICKET_KEY_SIZE"),
    ('A session ticket is accepted', '_core/context/callbacks.py',
     'for_hmac, for_aes = key[16:48], key[48:]',
     "for_hmac, for_aes = b'h' * 32, b'a' * 32"),
    ('a new file for logged secrets', '_core/context/callbacks.py',
     'os.O_CREAT, 0o600)', 'os.O_CREAT, 0o644)'),
]


def selection(tests):
    """
    Return pytest's arguments for the tests that a line names.

    Tests of a contract, a class that others derive from, are run by name in the whole file.
    """
    arguments, contracts = [], []
    file = owner = None
    for test in tests:
        if test.startswith('::'):
            test = '%s::%s%s' % (file, owner, test)
        file, _, name = test.partition('::')
        owner = name.rpartition('::')[0]
        if owner and not owner.startswith('Test'):
            contracts.append([os.path.join('tests', file), '-k', name.rpartition('::')[2]])
        else:
            arguments.append(os.path.join('tests', test))
    return ([arguments] if arguments else []) + contracts


def run(folder, arguments):
    """Run tests in *folder*; return 'passed', or how they ended."""
    environment = dict(os.environ, PYTHONPATH=folder, PYTHONDONTWRITEBYTECODE='1')
    with open(os.devnull, 'r+b') as nothing:
        child = subprocess.Popen(
            [sys.executable, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider'] + arguments,
            cwd=folder, env=environment, stdin=nothing, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
    timer = threading.Timer(TIMEOUT, child.kill)
    timer.start()
    try:
        output = child.communicate()[0].decode('utf-8', 'replace')
    finally:
        timer.cancel()
        timer.join()
    if child.returncode == 0:
        return 'passed'
    if child.returncode in (1, -6, -11):
        return 'failed'
    return 'ended with %d:\n%s' % (child.returncode, output[-2000:])


def copied(folder):
    """Copy the sources, tests and documents into *folder*."""
    for entry in os.listdir(ROOT):
        source, target = os.path.join(ROOT, entry), os.path.join(folder, entry)
        if entry.startswith('.') or entry in ('build', 'dist'):
            continue
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns('*.pyc', '__pycache__'))
        else:
            shutil.copy(source, target)


def tried(tests, name=None, old=None, new=None):
    """Run *tests* on a copy, with *old* replaced by *new* in the file *name*, if given."""
    folder = tempfile.mkdtemp(prefix='sslproto27-mutant-')
    try:
        copied(folder)
        if name is not None:
            path = os.path.join(folder, 'sslproto27', name)
            with open(path) as file:
                text = file.read()
            if text.count(old) != 1:
                return 'not made: it is there %d times' % text.count(old)
            with open(path, 'w') as file:
                file.write(text.replace(old, new))
        for arguments in selection(tests):
            result = run(folder, arguments)
            if result != 'passed':
                return result
        return 'passed'
    finally:
        shutil.rmtree(folder)


def check(promise, tests):
    """Try all mutations of one promise; return how many survived."""
    print(promise)
    mutations = [one[1:] for one in MUTATIONS if one[0] in promise]
    wrong = not mutations
    for mutation, wanted in [((), 'passed')] + [(one, 'failed') for one in mutations]:
        start = time.time()
        result = tried(tests, *mutation)
        wrong += result != wanted
        print('    %s %3d s  %s' % (
            'as it should:' if result == wanted else 'WRONG: ' + result, time.time() - start,
            '%s: %s' % (mutation[0], mutation[1].strip().splitlines()[0]) if mutation
            else 'passed as it is'))
        sys.stdout.flush()
    return wrong


def main(words):
    """Check the promises that contain one of *words*, or all; return the exit status."""
    wrong = sum(check(promise, tests) for promise, tests in promises()
                if not words or any(word in promise for word in words))
    print('%d wrong' % wrong)
    return int(wrong > 0)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
