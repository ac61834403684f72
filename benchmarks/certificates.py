"""Temporary certificates: a CA, and one for localhost, with ECDSA P-256 or RSA keys."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager

__all__ = ['HOSTNAME', 'certificates']

HOSTNAME = 'localhost'

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = %(hostname)s
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:%(hostname)s
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

_KEYS = {'ec': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
         'rsa': ['-newkey', 'rsa:4096']}
_REQUEST = ['req', '-config', 'config', '-nodes']


@contextmanager
def certificates():
    """
    Yield a folder with ``ca.pem``, ``server.pem`` and ``rsa.pem`` (each of the last two a key and a
    certificate; RSA of 4096 bits). Remove it at the end.
    """
    folder = tempfile.mkdtemp(prefix='sslproto27-bench-')

    def openssl(*arguments):
        try:
            subprocess.check_output(('openssl',) + arguments, cwd=folder, stderr=subprocess.STDOUT)
        except OSError:
            raise SystemExit('The openssl command is not here: install it first.')
        except subprocess.CalledProcessError as error:
            raise SystemExit('openssl %s failed:\n%s'
                             % (arguments[0], error.output.decode('ascii', 'replace')))

    try:
        with open(os.path.join(folder, 'config'), 'w') as config:
            config.write(_CONFIG % {'hostname': HOSTNAME})
        openssl(*_REQUEST + _KEYS['ec'] + [
            '-x509', '-extensions', 'ca', '-subj', '/CN=sslproto27 benchmark CA', '-days', '30',
            '-keyout', 'ca.key', '-out', 'ca.pem'])
        for name, key, serial in (('server', 'ec', '2'), ('rsa', 'rsa', '3')):
            openssl(*_REQUEST + _KEYS[key] + ['-keyout', name + '.key', '-out', name + '.request'])
            openssl('x509', '-req', '-in', name + '.request', '-CA', 'ca.pem', '-CAkey', 'ca.key',
                    '-set_serial', serial, '-days', '30', '-extfile', 'config', '-extensions',
                    'server', '-out', name + '.crt')
            with open(os.path.join(folder, name + '.pem'), 'w') as joined:
                for ending in ('.key', '.crt'):
                    with open(os.path.join(folder, name + ending)) as part:
                        joined.write(part.read())
        yield folder
    finally:
        shutil.rmtree(folder)
