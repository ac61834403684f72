"""What the pair engine cannot do, and why: the texts for `sslproto27 info` and the errors."""
from __future__ import absolute_import, division, print_function

__all__ = ['LIMITS', 'Limit', 'MissingAttribute', 'cannot', 'missing']

#: Feature that the engine lacks: the reason.
LIMITS = {
    'session': "2.7's ssl neither returns nor accepts sessions",
    'session_reused of a server': "2.7's ssl does not say whether a client resumed a session",
    'session_ticket_keys': "2.7's ssl cannot set them",
    'num_tickets': "2.7's ssl cannot set it",
    'set_psk_client_callback': "2.7's ssl has no pre-shared keys",
    'set_psk_server_callback': "2.7's ssl has no pre-shared keys",
    'keylog_filename': "2.7's ssl does not expose secrets",
    "channel binding 'tls-exporter'": "2.7's ssl exports no keying material",
    "channel binding 'tls-server-end-point' of a server":
        "2.7's ssl does not say which certificate it has sent",
    'post_handshake_auth': "2.7's ssl cannot offer it",
    'verify_client_post_handshake': "2.7's ssl cannot ask for it",
    'set_ciphersuites': "2.7's ssl chooses TLS 1.3's cipher suites by itself",
    'get_ciphers': "2.7's ssl has no list of them",
    'shared_ciphers': "2.7's ssl has no list of them",
    'security_level': "2.7's ssl does not say; set_ciphers('DEFAULT:@SECLEVEL=2') sets it",
    'get_verified_chain': "2.7's ssl returns only the peer's own certificate",
    'get_unverified_chain': "2.7's ssl returns only the peer's own certificate",
    'verify_code': "2.7's ssl does not say why OpenSSL refused a certificate",
    'verify_message': "2.7's ssl does not say why OpenSSL refused a certificate",
    'set_sni_callback for names that IDNA 2003 cannot decode':
        "2.7's ssl decodes the name first, and refuses the client if it cannot",
    'by_server_name with contexts that verify clients':
        "2.7's ssl does not say whether a client resumed a session, perhaps of another name",
    'by_server_name with contexts of other verify modes, flags or versions':
        "2.7's ssl cannot set them for one connection",
    'load_cert_chain_pem': "2.7's ssl reads keys only from files: load_cert_chain",
}


class Limit(NotImplementedError):
    """
    The pair engine cannot do this.

    Attributes:
        name (str): one of `LIMITS`.
    """


class MissingAttribute(Limit, AttributeError):
    """The same as an AttributeError, so that hasattr and getattr with a default work."""


def cannot(name, cls=Limit):
    """Return the error, of class *cls*, for *name*, one of `LIMITS`."""
    error = cls('the pair engine of sslproto27 has no %s: %s' % (name, LIMITS[name]))
    error.name = name
    return error


def missing(name):
    """Return a property that raises `MissingAttribute`, so that hasattr returns False."""
    def use(self, value=None):
        raise cannot(name, MissingAttribute)
    return property(use, use)
