"""
Other implementations of TLS as programs that carry bytes between TLS and standard input and output.

Nothing here makes a connection of ours.
"""
from __future__ import absolute_import, division, print_function

import collections
import os
import subprocess

__all__ = ['PEERS', 'Options', 'missing']

HERE = os.path.dirname(os.path.abspath(__file__))
MEGABYTE = 1024 * 1024

#: version 'TLSv1.2' or 'TLSv1.3'; names of the PKI's files, and whether clients show a certificate.
Options = collections.namedtuple('Options', 'pki version leaf client_certificate')


class Peer(object):
    """
    One implementation.

    Attributes:
        name (str): what the tests call it.
        programs (tuple): commands that must work, each a list of words.
        versions (tuple): what it speaks.
        echoes (bool): its server sends back what it gets, rather than its standard input.
        size (int): how many bytes it is sent each way.
        no_certificates (str): why it neither shows nor asks for client certificates; '' if it does.
    """

    programs = ()
    versions = ('TLSv1.2', 'TLSv1.3')
    echoes = False
    size = 8 * MEGABYTE
    no_certificates = ''

    def client(self, port, options):
        """Return the command of a client that verifies the server at *port*."""
        raise NotImplementedError

    def server(self, port, options):
        """Return the command of a server at *port*."""
        raise NotImplementedError


class OpenSSL(Peer):
    name = 'OpenSSL'
    programs = (['openssl', 'version'],)

    def client(self, port, options):
        command = ['openssl', 's_client', '-quiet', '-connect', '127.0.0.1:%d' % port,
                   '-servername', 'localhost', '-verify_hostname', 'localhost',
                   '-verify_return_error', '-CAfile', options.pki.path('ca'),
                   '-' + options.version.lower().replace('v', '').replace('.', '_')]
        if options.client_certificate:
            command += ['-cert', options.pki.path('client'), '-key', options.pki.path('client')]
        return command

    def server(self, port, options):
        leaf = options.pki.path(options.leaf)
        command = ['openssl', 's_server', '-quiet', '-naccept', '1', '-accept',
                   '127.0.0.1:%d' % port, '-cert', leaf, '-key', leaf,
                   '-' + options.version.lower().replace('v', '').replace('.', '_')]
        if options.client_certificate:
            command += ['-CAfile', options.pki.path('ca'), '-Verify', '1', '-verify_return_error']
        return command


class GnuTLS(Peer):
    name = 'GnuTLS'
    programs = (['gnutls-cli', '--version'], ['gnutls-serv', '--version'])
    echoes = True

    @staticmethod
    def _priority(options):
        return '--priority=NORMAL:-VERS-ALL:+VERS-' + options.version.replace('v', '')

    def client(self, port, options):
        command = ['gnutls-cli', '--logfile', os.devnull, '--port', str(port), '--x509cafile',
                   options.pki.path('ca'), self._priority(options)]
        if options.client_certificate:
            command += ['--x509certfile', options.pki.path('client'),
                        '--x509keyfile', options.pki.path('client')]
        return command + ['localhost']

    def server(self, port, options):
        leaf = options.pki.path(options.leaf)
        command = ['gnutls-serv', '--echo', '--quiet', '--port', str(port), '--x509certfile', leaf,
                   '--x509keyfile', leaf, self._priority(options)]
        if options.client_certificate:
            command += ['--x509cafile', options.pki.path('ca'), '--require-client-cert',
                        '--verify-client-cert']
        else:
            command += ['--disable-client-cert']
        return command


class Botan(Peer):
    """Of Botan 2, whose programs speak TLS 1.2, and say more than what they receive."""

    name = 'Botan'
    programs = (['botan', 'version'], ['openssl', 'version'], ['stdbuf', '--version'])
    versions = ('TLSv1.2',)
    echoes = True
    size = MEGABYTE
    no_certificates = "2's programs have no option for client certificates"

    def client(self, port, options):
        # It says more than what it receives, and that in blocks.
        return ['sh', '-c', 'stdbuf -o0 botan tls_client 127.0.0.1 --port=%d --tls1.2'
                ' --skip-system-cert-store --trusted-cas=%s'
                ' | grep --line-buffered -aE "^[0-9]{2} [0-9]{60}$"'
                % (port, options.pki.path('ca'))]

    def server(self, port, options):
        leaf = options.pki.path(options.leaf)
        key = leaf + '.pkcs8'  # the one form of a key that it reads
        if not os.path.exists(key):
            subprocess.check_call(
                ['openssl', 'pkcs8', '-topk8', '-nocrypt', '-in', leaf, '-out', key])
        return ['botan', 'tls_server', leaf, key, '--port=%d' % port, '--max-clients=1']


class Script(Peer):
    """One of the programs in this folder, all of which are called alike."""

    command = ()

    def _store(self, path):
        return path

    def _command(self, pki):
        return self.command

    def client(self, port, options):
        own = self._store(options.pki.path('client')) if options.client_certificate else '-'
        return self._command(options.pki) + [
            'client', str(port), options.version, options.pki.path('ca'), own]

    def server(self, port, options):
        ca = options.pki.path('ca') if options.client_certificate else '-'
        return self._command(options.pki) + [
            'server', str(port), options.version, ca,
            self._store(options.pki.path(options.leaf))]


class Node(Script):
    name = 'Node'
    programs = (['node', '--version'],)
    command = ['node', os.path.join(HERE, 'netcat.js')]


class Java(Script):
    name = 'Java'
    programs = (['javac', '-version'], ['openssl', 'version'])

    def _command(self, pki):
        if not os.path.exists(os.path.join(pki.directory, 'Netcat.class')):
            subprocess.check_call(
                ['javac', '-d', pki.directory, os.path.join(HERE, 'Netcat.java')])
        return ['java', '-cp', pki.directory, 'Netcat']

    def _store(self, path):
        store = path + '.p12'
        if not os.path.exists(store):
            subprocess.check_call(['openssl', 'pkcs12', '-export', '-in', path, '-out', store,
                                   '-name', 'own', '-passout', 'pass:changeit'])
        return store


class Tlslite(Script):
    """Pure Python, and slow: it is sent less."""

    name = 'tlslite-ng'
    python = os.environ.get('SSLPROTO27_INTEROP_PYTHON', 'python3')
    programs = ([python, '-c', 'import tlslite'],)
    command = [python, os.path.join(HERE, 'tlslite_netcat.py')]
    size = MEGABYTE // 4

    def client(self, port, options):
        return super(Tlslite, self).client(port, options) + [str(self.size)]

    def server(self, port, options):
        return super(Tlslite, self).server(port, options) + [str(self.size)]


PEERS = [OpenSSL(), GnuTLS(), Botan(), Java(), Node(), Tlslite()]


def missing(peer):
    """Return why *peer* cannot be had here; None if it can."""
    for program in peer.programs:
        try:
            with open(os.devnull, 'w') as nowhere:
                if subprocess.call(program, stdout=nowhere, stderr=nowhere) == 0:
                    continue
        except OSError as error:
            return '%s: %s' % (program[0], error.strerror)
        return '%s does not work' % ' '.join(program[:2])
    return None
