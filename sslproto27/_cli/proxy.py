"""``proxy``: TLS in front of a service, or towards one: the arguments and the supervisor."""
from __future__ import absolute_import, division, print_function

import array
import errno
import os
import signal
import sys
import time
import traceback

from .._core.waiting import is_ready
from ..context import new_session_ticket_key, set_session_ticket_keys
from .addresses import address, bound, host_name, verified_name, written
from .console import (
    Console, UsageError, UserError, count, printable, protocol, require_python2, seconds)
from .contexts import authorities, load, load_certificate, new_context, offer, server_context
from .files import open_to_append
from .limits import add_limits, make_room
from .names import answer_by_name, names_of
from .ticketkeys import bound_to, read_keys

HELP = 'put TLS in front of a service, or carry plaintext clients to a TLS service'
EPILOG = (
    'With --cert clients speak TLS; with --to-tls the service does. At least one of them is needed.'
    ' SIGHUP reads the certificates again and reopens the log: new connections use the new ones,'
    ' existing connections go on. SIGTERM stops gracefully, Ctrl-C at once. Workers share the port'
    ' and the session ticket keys; SIGHUP renews the keys, or reads --ticket-keys again.')

#: How many session ticket keys can decrypt: the newest, and those of the last reloads.
_KEYS = 3

#: If a worker lives for less than this many seconds, we wait before we replace it.
_SHORT_LIFE = 1.0

#: Seconds until we try again to start a worker.
_AGAIN = 1.0

_BACKLOG = 512

#: How many bytes to read at once: of signals that have come several times, one counts.
_MANY = 4096

#: How many files a connection has open: the client's socket and the service's.
_FILES = 2

#: A worker's signal handling until its loop sets its own. By name, since Windows lacks some.
_WORKER_SIGNALS = [('SIGHUP', signal.SIG_IGN), ('SIGCHLD', signal.SIG_DFL),
                   ('SIGTERM', signal.SIG_DFL), ('SIGINT', signal.SIG_DFL)]


def add_arguments(parser):
    """Add the command's arguments to *parser*."""
    parser.add_argument('--listen', required=True, metavar='[HOST]:PORT',
                        help='the address for clients; HOST defaults to 127.0.0.1')
    parser.add_argument('--to', required=True, metavar='HOST:PORT',
                        help='the address of the service')
    front = parser.add_argument_group('TLS with clients')
    front.add_argument('--cert', action='append', metavar='FILE',
                       help='certificate chain and key (PEM); with several, a client gets the one'
                       ' for the name that it asks for, or the first')
    front.add_argument('--client-ca', metavar='FILE',
                       help='require client certificates from these authorities (PEM)')
    front.add_argument('--alpn', action='append', type=protocol, metavar='NAME',
                       help='a protocol to accept, which the service speaks; repeat it for several')
    front.add_argument('--ticket-keys', metavar='FILE',
                       help='session ticket keys to share with other machines: a line each, 80'
                       ' bytes in hex or base64; the first encrypts, all decrypt')
    back = parser.add_argument_group('TLS with the service')
    back.add_argument('--to-tls', action='store_true', help='speak TLS with the service')
    back.add_argument('--to-cafile', metavar='FILE',
                      help="authorities to trust (PEM), instead of the system's")
    back.add_argument('--to-name', metavar='NAME',
                      help='the name that the service must prove (default: HOST of --to)')
    back.add_argument('--to-cert', metavar='FILE',
                      help='our certificate chain and key for the service (PEM)')
    limits = add_limits(parser, connections=1000, idle=600, of=' of each worker')
    limits.add_argument('--connect-timeout', type=seconds, default=10.0, metavar='SECONDS',
                        help='for connecting to the service, including its TLS handshake'
                        ' (default 10)')
    parser.add_argument('--workers', type=count, default=1, metavar='N',
                        help='number of processes (default 1)')
    parser.add_argument('--access-log', metavar='FILE',
                        help='append a line of JSON for each connection; - is standard output')
    parser.add_argument('--grace', type=seconds, default=30.0, metavar='SECONDS',
                        help='how long connections may go on after SIGTERM (default 30)')


def run(arguments):
    """Serve until SIGTERM or Ctrl-C."""
    _check(arguments)
    where = address(arguments.listen, default_host='127.0.0.1')
    to = address(arguments.to)
    name = verified_name(to[0]) if arguments.to_name is None else host_name(
        '--to-name', arguments.to_name)
    require_python2('proxy', 'it runs on Trollius, which Python 3 does not have')
    try:
        from . import relay
    except ImportError as error:
        raise UserError('proxy needs Trollius: %s; pip install trollius', error)
    if not hasattr(os, 'fork'):
        raise UserError('proxy needs processes that fork, as on POSIX systems')
    make_room(arguments.max_connections, _FILES)
    _Supervisor(arguments, where, to, name, relay).run()


def _check(arguments):
    if not arguments.cert and not arguments.to_tls:
        raise UsageError('--cert, --to-tls or both are needed: without TLS there is nothing to do')
    for option in ('client_ca', 'alpn', 'ticket_keys'):
        if getattr(arguments, option) is not None and not arguments.cert:
            raise UsageError('--%s needs --cert' % option.replace('_', '-'))
    for option in ('to_cafile', 'to_name', 'to_cert'):
        if getattr(arguments, option) is not None and not arguments.to_tls:
            raise UsageError('--%s needs --to-tls' % option.replace('_', '-'))


def _front(arguments, keys, trusted):
    """
    Return (the context for clients, the names they ask for); (None, {}) without TLS.

    Args:
        trusted (Authorities or None): those of --client-ca.
    """
    if not arguments.cert:
        return None, {}
    choices = []
    for path in arguments.cert:
        context = server_context(path, None, trusted, arguments.alpn, key_option=None)
        _set_ticket_keys(context, keys, arguments.ticket_keys)
        choices.append((context, load('--cert', path, names_of, path)))
    return choices[0][0], answer_by_name(choices)


def _set_ticket_keys(context, keys, path):
    try:
        set_session_ticket_keys(context, keys)
    except NotImplementedError as error:  # the pair engine
        if path is not None:
            raise UserError('--ticket-keys: %s', error)
        # Without the option, the workers of a generation share OpenSSL's own random keys.


def _back(arguments):
    """
    Return the contexts for the service, by the protocol that a client has agreed on; None without
    TLS.

    The service must get no choice: it would not choose what each client did.
    """
    if not arguments.to_tls:
        return None
    trusted = authorities('--to-cafile', arguments.to_cafile)
    contexts = {}
    for name in [None] + (arguments.alpn or []):
        context = new_context(trusted=trusted)
        if arguments.to_cert is not None:
            load_certificate(context, arguments.to_cert, option='--to-cert', key_option=None)
        offer(context, name and [name])
        contexts[name] = context
    return contexts


def _open_log(path):
    if path is None:
        return None
    if path == '-':
        return os.dup(sys.stdout.fileno())
    return open_to_append('--access-log', path, 0o640)


class _Supervisor(object):
    """
    Starts, stops and replaces workers. Each time it reads the files, it starts a new generation.

    It serves no connections itself.
    """

    def __init__(self, arguments, where, to, name, relay):
        self._arguments = arguments
        self._to = to
        self._name = name
        self._relay = relay
        self._console = Console(patient=False)
        self._keys = []
        self._settings = None
        self._workers = {}      # this generation: from process ID to the time of its start
        self._replaced = set()  # process IDs of earlier workers, which serve until all new ones do
        self._retired = set()   # process IDs of workers that have been told to stop
        self._lacks = False     # whether some workers could not be started
        self._stopping = False
        self._process = os.getpid()
        self._load()
        self._listener = bound(where)
        self._listener.listen(_BACKLOG)
        # Signals arrive as bytes through a pipe: their numbers, which `_note` writes, and zeroes.
        # Python 2.7 writes a zero when a signal comes, but calls `_note` only later. The zero ends
        # a wait that starts in between.
        self._events, self._signals = os.pipe()
        # Workers stop when the last writer of this pipe is gone, however this process ends.
        self._stop_reader, self._stop_writer = os.pipe()
        # A worker that is told to stop writes its process ID here.
        self._leavers, self._leaving = os.pipe()

    def run(self):
        """Serve until told to stop, and until all workers have ended."""
        handlers = [(signal.SIGINT, self._interrupt), (signal.SIGTERM, self._stop),
                    (signal.SIGCHLD, self._reap), (signal.SIGHUP, self._reload)]
        for number, _ in handlers:
            signal.signal(number, self._note)
        signal.set_wakeup_fd(self._signals)
        host, port = self._listener.getsockname()[:2]
        self._start_workers()
        console = Console(sys.stdout)
        console.line('listening on ', written(host, port))
        while self._lacks or self._all():
            come = self._new_signals()
            for number, handler in handlers:
                if number in come:  # however often
                    handler()
        self._console.line('stopped')

    def _new_signals(self):
        """Wait; return the numbers of new signals, none if `_note` has not written them yet."""
        while self._lacks and not is_ready(self._events, False, _AGAIN):
            if not is_ready(self._events, False, 0):  # no signal has ended the wait
                self._start_workers()
        return set(bytearray(_despite_signals(os.read, self._events, _MANY)))

    def _all(self):
        """Return the process IDs of all workers."""
        return self._replaced.union(self._workers, self._retired)

    def _note(self, number, frame):
        if os.getpid() != self._process:
            os._exit(0)  # this is a worker that has not started yet
        os.write(self._signals, chr(number).encode('ascii'))

    # Generations

    def _load(self):
        """Read all files; if one cannot be used, change nothing."""
        arguments = self._arguments
        trusted = authorities('--client-ca', arguments.client_ca)
        keys = self._ticket_keys(trusted)
        front, server_names = _front(arguments, keys, trusted)
        back = _back(arguments)
        log = _open_log(arguments.access_log)
        if self._settings is not None and self._settings.log is not None:
            os.close(self._settings.log)
        self._keys = keys
        host, port = self._to
        self._settings = self._relay.Settings(
            front, server_names, back, host, port, self._name, log,
            arguments.grace, arguments.max_connections, arguments.handshake_timeout,
            arguments.connect_timeout, arguments.idle_timeout)

    def _ticket_keys(self, trusted):
        """Return the keys to use from now on: the first encrypts, all decrypt."""
        path = self._arguments.ticket_keys
        # With client authorities keep no old keys: an old ticket vouches for a client that the new
        # authorities may not know.
        if path is None:
            return [new_session_ticket_key()] + ([] if trusted else self._keys[:_KEYS - 1])
        keys = read_keys(path)
        return bound_to(keys, trusted.content) if trusted else keys

    def _reload(self):
        if self._stopping:
            return
        try:
            self._load()
        except Exception as error:  # whatever is wrong with the files, it serves on as before
            self._console.line(('bad', 'not reloaded: '), printable(error))
            return
        self._replaced.update(self._workers)
        self._workers = {}
        self._start_workers()
        if not self._lacks:
            self._console.line('reloaded')

    def _start_workers(self):
        """Start the missing workers, then stop those that they replace; or try again later."""
        try:
            while len(self._workers) < self._arguments.workers:
                self._workers[self._fork()] = time.time()
        except OSError as error:  # the system has no more processes or descriptors
            if not self._lacks:
                self._console.line(('bad', 'cannot start a worker: '), printable(error),
                                   '; old ones go on, and it is tried again')
            self._lacks = True
            return
        if self._lacks:
            self._console.line('all workers have been started')
        self._lacks = False
        _signal_all(self._replaced, signal.SIGTERM)
        self._retired.update(self._replaced)
        self._replaced.clear()

    def _fork(self):
        begun, beginning = os.pipe()
        try:
            process = os.fork()
        except OSError:
            os.close(begun)
            os.close(beginning)
            raise
        if process:
            os.close(beginning)
            # Python 2.7 drops signals that come just after a fork. A worker that we tell to stop
            # then would run for ever, so wait until it has started.
            _despite_signals(os.read, begun, 1)
            os.close(begun)
            return process
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for name, action in _WORKER_SIGNALS:
                signal.signal(getattr(signal, name), action)
            for descriptor in (begun, beginning, self._stop_writer, self._events, self._leavers):
                os.close(descriptor)
            self._relay.Worker(
                self._listener, self._settings, self._stop_reader, self._leave).run()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)  # skip the cleanup of the callers: that is for the supervisor

    def _leave(self):
        """In a worker that has been told to stop: tell the supervisor, which need not wait."""
        try:
            os.write(self._leaving, array.array('i', [os.getpid()]).tostring())
            os.write(self._signals, chr(signal.SIGCHLD).encode('ascii'))
        except OSError as error:
            if error.errno != errno.EPIPE:  # the supervisor is gone
                raise

    def _replace_leavers(self):
        """Start workers instead of those that somebody has told to stop, which may take long."""
        while is_ready(self._leavers, False, 0):
            told = set(array.array('i', _despite_signals(os.read, self._leavers, _MANY)))
            told.intersection_update(self._workers)
            for process in told:
                del self._workers[process]
            self._retired.update(told)
            self._start_workers()
            for process in told:
                self._console.line('worker %d was told to stop, and is replaced' % process)

    # Stopping

    def _stop(self):
        if not self._stopping:
            self._console.line('stopping: no new connections, old ones have %g seconds to end'
                               % self._arguments.grace)
        self._end(signal.SIGTERM)

    def _interrupt(self):
        self._end(signal.SIGINT)
        while self._all():
            self._reap(wait=True)
        raise KeyboardInterrupt

    def _end(self, number):
        if not self._stopping:
            self._stopping = True
            self._lacks = False
            self._listener.close()
        _signal_all(self._all(), number)

    def _reap(self, wait=False):
        """Forget workers that have ended; replace those that ended unexpectedly."""
        while self._all():
            process, status = _despite_signals(os.waitpid, -1, 0 if wait else os.WNOHANG)
            if not self._stopping:
                self._replace_leavers()
            if not process:
                return
            self._retired.discard(process)
            self._replaced.discard(process)
            started = self._workers.pop(process, None)
            if started is None or self._stopping:
                continue
            self._console.line(('bad', 'worker %d ended (status %d)' % (process, status)))
            if time.time() - started < _SHORT_LIFE:
                time.sleep(_SHORT_LIFE)
            self._start_workers()


def _despite_signals(call, *arguments):
    """Return the result of a system call; repeat it if a signal interrupts it."""
    while True:
        try:
            return call(*arguments)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise


def _signal_all(processes, number):
    for process in processes:
        os.kill(process, number)  # still our process: we have not waited for it yet
        os.kill(process, signal.SIGCONT)  # if it is stopped, it gets no other signal
