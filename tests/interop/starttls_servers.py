"""
Servers that others have written, which start TLS in plaintext: how each is told to run.

Nothing here makes a connection.
"""
from __future__ import absolute_import, division, print_function

import os
import subprocess

__all__ = ['SERVERS']

#: Programs of servers are there, and not on everybody's path.
_PATH = os.environ.get('PATH', '').split(os.pathsep) + ['/usr/sbin', '/usr/local/sbin']


def _which(name):
    """Return the path of a program; None if there is none."""
    found = [path for path in (os.path.join(folder, name) for folder in _PATH)
             if os.access(path, os.X_OK)]
    return found[0] if found else None


class Server(object):
    """
    One server, which is run as *user* in a folder of its own, where key.pem and cert.pem are.

    Attributes:
        name (str): the program.
        protocols (dict): by what ``--starttls`` calls it, what to say within TLS (str), and what
            then comes.
        as_root (bool): it may run as root.
    """

    as_root = False

    def missing(self):
        """Return why it cannot be had here; None if it can."""
        return None if _which(self.name) else '%s is not here' % self.name

    def prepare(self, folder, ports, user, **options):
        """
        Return the command, its configuration written.

        Args:
            folder (str): where it is, and may write.
            ports (dict): by protocol, where to listen on 127.0.0.1.
            user (str): who it will run as.
            **options: for what has to be run first, as that user: of subprocess.
        """
        path = os.path.join(folder, 'server.cfg.lua')  # as Prosody wants it called
        with open(path, 'w') as file:
            file.write(self.conf.format(folder=folder, user=user, **ports))
        return self.command(_which(self.name), path)


class Dovecot(Server):
    name = 'dovecot'
    protocols = {'imap': ('a LOGOUT\r\n', '* BYE'), 'pop3': ('QUIT\r\n', '+OK')}
    conf = '''
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap pop3
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
default_internal_user = {user}
default_login_user = {user}
default_internal_group = nogroup
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
passdb {{
  driver = static
}}
userdb {{
  driver = static
  args = uid={user} gid=nogroup home={folder}
}}
'''

    def command(self, program, conf):
        return [program, '-F', '-c', conf]


class Vsftpd(Server):
    name = 'vsftpd'
    protocols = {'ftp': ('QUIT\r\n', '221 ')}
    conf = '''listen=YES
listen_address=127.0.0.1
listen_port={ftp}
background=NO
run_as_launching_user=YES
secure_chroot_dir={folder}
ssl_enable=YES
rsa_cert_file={folder}/cert.pem
rsa_private_key_file={folder}/key.pem
'''

    def command(self, program, conf):
        return [program, conf]


class Slapd(Server):
    name = 'slapd'
    # An anonymous bind (RFC 4511 4.2), and its answer: success.
    protocols = {'ldap': ('\x30\x0c\x02\x01\x02\x60\x07\x02\x01\x03\x04\x00\x80\x00',
                          '\x61\x07\x0a\x01\x00')}
    conf = '''pidfile {folder}/pid
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
'''

    def prepare(self, folder, ports, user, **options):
        command = super(Slapd, self).prepare(folder, ports, user, **options)
        return command + ['-h', 'ldap://127.0.0.1:%d' % ports['ldap']]

    def command(self, program, conf):
        return [program, '-d', '0', '-f', conf]


class Prosody(Server):
    name = 'prosody'
    protocols = {'xmpp': (
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        " to='localhost' version='1.0'></stream:stream>", 'mechanisms')}
    conf = '''
pidfile = "{folder}/pid"
data_path = "{folder}"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {xmpp} }}
modules_enabled = {{ "saslauth"; "tls" }}
modules_disabled = {{ "s2s" }}
ssl = {{ key = "{folder}/key.pem"; certificate = "{folder}/cert.pem" }}
VirtualHost "localhost"
'''

    def command(self, program, conf):
        return [program, '-F', '--config', conf]


class Postgres(Server):
    name = 'postgres'
    # StartupMessage, and AuthenticationOk as its answer.
    protocols = {'postgres': ('\0\0\0\x17\0\x03\0\0user\0postgres\0\0', 'R\0\0\0\x08\0\0\0\0')}

    def prepare(self, folder, ports, user, **options):
        data = os.path.join(folder, 'data')
        program = os.path.realpath(_which(self.name))
        with open(os.devnull, 'w') as nowhere:
            subprocess.check_call([os.path.join(os.path.dirname(program), 'initdb'), '-D', data,
                                   '-U', 'postgres', '-A', 'trust', '--no-sync'],
                                  stdout=nowhere, **options)
        settings = dict(listen_addresses='127.0.0.1', port=ports['postgres'], ssl='on',
                        ssl_cert_file=os.path.join(folder, 'cert.pem'),
                        ssl_key_file=os.path.join(folder, 'key.pem'),
                        unix_socket_directories=folder, fsync='off')
        return [program, '-D', data] + ['--%s=%s' % one for one in sorted(settings.items())]


class MariaDB(Server):
    name = 'mariadbd'
    protocols = {'mysql': ('', '')}  # it waits for a login, which takes more than a line

    def prepare(self, folder, ports, user, **options):
        settings = {'datadir': folder, 'socket': os.path.join(folder, 'socket'),
                    'pid-file': os.path.join(folder, 'pid'), 'bind-address': '127.0.0.1',
                    'port': ports['mysql'], 'ssl-cert': os.path.join(folder, 'cert.pem'),
                    'ssl-key': os.path.join(folder, 'key.pem')}
        return [_which(self.name), '--no-defaults', '--skip-grant-tables'] + [
            '--%s=%s' % one for one in sorted(settings.items())]


class Aiosmtpd(Server):
    """In Python 3's environment of the peers, which may be for root's eyes alone."""

    name = 'aiosmtpd'
    as_root = True
    protocols = {'smtp': ('QUIT\r\n', '221 ')}
    python = os.environ.get('SSLPROTO27_INTEROP_PYTHON', 'python3')

    def missing(self):
        with open(os.devnull, 'w') as nowhere:
            try:
                found = not subprocess.call([self.python, '-c', 'import aiosmtpd'], stderr=nowhere)
            except OSError:
                found = False
        return None if found else 'aiosmtpd is not here'

    def prepare(self, folder, ports, user, **options):
        return [os.path.abspath(self.python), '-m', 'aiosmtpd', '-n', '-l',
                '127.0.0.1:%d' % ports['smtp'],
                '--tlscert', os.path.join(folder, 'cert.pem'),
                '--tlskey', os.path.join(folder, 'key.pem')]


SERVERS = [Aiosmtpd(), Dovecot(), Vsftpd(), Slapd(), Prosody(), Postgres(), MariaDB()]
