"""
The declarations of OpenSSL's functions, for every binding. Nothing here calls one.

Types: ``ptr`` is any pointer, an opaque handle; ``address`` is a pointer as a number; ``text`` is a
NUL-terminated string or input bytes; ``buf`` is memory that OpenSSL fills. The names and signatures
are those of OpenSSL 1.1.0 and later. `CALLBACKS` are our functions that OpenSSL calls.
"""
from __future__ import absolute_import, division, print_function

import re
import ssl
import sys

from ..compat import PY2

if PY2:
    from .guard import guarded  # noqa: F401: in __all__

__all__ = ['ALIASES', 'CALLBACKS', 'FUNCTIONS', 'TYPEDEFS', 'EngineUnavailable', 'Library',
           'callback_types', 'declarations'] + PY2 * ['guarded']

#: The graft needs all of these. OpenSSL has had them since 1.1.0. LibreSSL, whose version numbers
#: are unrelated to OpenSSL's, lacks at least the last two.
_NEEDED = ('SSL_do_handshake', 'OpenSSL_version_num', 'BIO_up_ref', 'SSL_set0_rbio',
           'SSL_set0_wbio', 'SSL_get0_param', 'X509_VERIFY_PARAM_set1_host',
           'SSL_SESSION_dup', 'OPENSSL_sk_num')

TYPEDEFS = """
typedef uintptr_t ptr;
typedef uintptr_t address;
typedef const char *text;
typedef char *buf;
typedef unsigned long ulong;
typedef size_t size;
typedef unsigned int uint;
"""

FUNCTIONS = """
ulong OpenSSL_version_num(void);

ulong ERR_peek_last_error(void);
text ERR_lib_error_string(ulong);
text ERR_reason_error_string(ulong);
void ERR_clear_error(void);

ptr BIO_s_mem(void);
ptr BIO_f_ssl(void);
ptr BIO_f_buffer(void);
address BIO_new(ptr);
int BIO_free(ptr);
void BIO_free_all(ptr);
ptr BIO_push(ptr, ptr);
int BIO_up_ref(ptr);
int BIO_read(ptr, buf, int);
int BIO_write(ptr, text, int);
size BIO_ctrl_pending(ptr);
long BIO_ctrl(ptr, int, long, ptr);
int BIO_test_flags(ptr, int);

ptr SSL_get_SSL_CTX(ptr);
ptr SSL_get_ex_data(ptr, int);
text SSL_get_servername(ptr, int);
ptr SSL_get_rbio(ptr);
void SSL_set0_rbio(ptr, ptr);
void SSL_set0_wbio(ptr, ptr);
long SSL_ctrl(ptr, int, long, ptr);
ulong SSL_get_options(ptr);
ulong SSL_set_options(ptr, ulong);
int SSL_do_handshake(ptr);
int SSL_read(ptr, buf, int);
int SSL_write(ptr, text, int);
int SSL_shutdown(ptr);
int SSL_pending(ptr);
int SSL_has_pending(ptr);
int SSL_get_error(ptr, int);
int SSL_get_shutdown(ptr);
int SSL_want(ptr);
text SSL_state_string(ptr);
int SSL_is_init_finished(ptr);

text SSL_get_version(ptr);
ptr SSL_get_current_cipher(ptr);
text SSL_CIPHER_get_name(ptr);
text SSL_CIPHER_get_version(ptr);
int SSL_CIPHER_get_bits(ptr, ptr);
ptr SSL_get_ciphers(ptr);
ptr SSL_get_client_ciphers(ptr);
int OPENSSL_sk_num(ptr);
ptr OPENSSL_sk_value(ptr, int);

size SSL_get_finished(ptr, buf, size);
size SSL_get_peer_finished(ptr, buf, size);
int SSL_export_keying_material(ptr, buf, size, text, size, text, size, int);

int SSL_set_session_id_context(ptr, text, uint);
int SSL_session_reused(ptr);
ptr SSL_get1_session(ptr);
int SSL_set_session(ptr, ptr);
ptr SSL_SESSION_dup(ptr);
int i2d_SSL_SESSION(ptr, ptr);
void SSL_SESSION_free(ptr);
ptr SSL_SESSION_get_id(ptr, ptr);
long SSL_SESSION_get_time(ptr);
long SSL_SESSION_get_timeout(ptr);
ulong SSL_SESSION_get_ticket_lifetime_hint(ptr);
int SSL_SESSION_has_ticket(ptr);
int SSL_SESSION_is_resumable(ptr);
int PEM_write_bio_SSL_SESSION(ptr, ptr);
ptr PEM_read_bio_SSL_SESSION(ptr, ptr, ptr, ptr);

ptr SSL_get0_param(ptr);
void X509_VERIFY_PARAM_set_hostflags(ptr, uint);
uint X509_VERIFY_PARAM_get_hostflags(ptr);
int X509_VERIFY_PARAM_set1_host(ptr, text, size);
int X509_VERIFY_PARAM_set1_ip_asc(ptr, text);
ptr a2i_IPADDRESS(text);
void ASN1_OCTET_STRING_free(ptr);
long SSL_get_verify_result(ptr);
int SSL_version(ptr);
ptr SSL_get_session(ptr);
text SSL_SESSION_get0_hostname(ptr);
int SSL_set1_param(ptr, ptr);
int X509_VERIFY_PARAM_clear_flags(ptr, ulong);
text X509_verify_cert_error_string(long);
int SSL_get_verify_mode(ptr);
int SSL_CTX_get_verify_mode(ptr);
void SSL_set_verify(ptr, int, ptr);

ptr SSL_get1_peer_certificate(ptr);
ptr SSL_get_certificate(ptr);
ptr SSL_get_peer_cert_chain(ptr);
ptr SSL_get0_verified_chain(ptr);
int i2d_X509_bio(ptr, ptr);
void X509_free(ptr);
int X509_get_signature_info(ptr, ptr, ptr, ptr, ptr);
text OBJ_nid2sn(int);

void SSL_set_post_handshake_auth(ptr, int);
int SSL_verify_client_post_handshake(ptr);

long SSL_CTX_ctrl(ptr, int, long, ptr);
long SSL_CTX_callback_ctrl(ptr, int, ptr);
ptr SSL_CTX_get0_param(ptr);
ptr SSL_CTX_get_cert_store(ptr);
int SSL_CTX_get_security_level(ptr);
size SSL_CTX_get_num_tickets(ptr);
int SSL_CTX_set_num_tickets(ptr, size);
void SSL_CTX_set_keylog_callback(ptr, ptr);
void SSL_CTX_set_psk_client_callback(ptr, ptr);
void SSL_CTX_set_psk_server_callback(ptr, ptr);
int SSL_CTX_use_psk_identity_hint(ptr, text);

int SSL_CTX_set_ciphersuites(ptr, text);
ptr SSL_CTX_get_ciphers(ptr);
uint SSL_CIPHER_get_id(ptr);
ptr SSL_CIPHER_description(ptr, buf, int);
int SSL_CIPHER_is_aead(ptr);
int SSL_CIPHER_get_cipher_nid(ptr);
int SSL_CIPHER_get_digest_nid(ptr);
int SSL_CIPHER_get_kx_nid(ptr);
int SSL_CIPHER_get_auth_nid(ptr);
text OBJ_nid2ln(int);

ptr PEM_read_bio_X509(ptr, ptr, ptr, ptr);
ptr PEM_read_bio_X509_AUX(ptr, ptr, ptr, ptr);
ptr PEM_read_bio_PrivateKey(ptr, ptr, ptr, text);
ptr PEM_read_bio_X509_CRL(ptr, ptr, ptr, ptr);
ptr d2i_X509_CRL_bio(ptr, ptr);
void EVP_PKEY_free(ptr);
void X509_CRL_free(ptr);
int X509_STORE_add_crl(ptr, ptr);
ptr OPENSSL_sk_new_null(void);
int OPENSSL_sk_push(ptr, ptr);
void OPENSSL_sk_free(ptr);
int SSL_CTX_use_cert_and_key(ptr, ptr, ptr, ptr, int);

ptr EVP_aes_256_cbc(void);
ptr EVP_sha256(void);
int EVP_EncryptInit_ex(ptr, ptr, ptr, text, text);
int EVP_DecryptInit_ex(ptr, ptr, ptr, text, text);
int HMAC_Init_ex(ptr, text, int, ptr, ptr);
"""

#: The functions that OpenSSL calls: SSL_CTX_set_keylog_callback(3),
#: SSL_CTX_set_psk_client_callback(3), SSL_CTX_use_psk_identity_hint(3),
#: SSL_CTX_set_tlsext_ticket_key_cb(3), SSL_CTX_set_tlsext_servername_callback(3).
CALLBACKS = """
void keylog(ptr, ptr);
uint psk_client(ptr, ptr, ptr, uint, ptr, uint);
uint psk_server(ptr, ptr, ptr, uint);
int ticket_key(ptr, ptr, ptr, ptr, ptr, int);
int server_name(ptr, ptr, ptr);
"""

#: Functions that older OpenSSL has under another name: SSL_get1_peer_certificate is 3.0's.
ALIASES = {'SSL_get1_peer_certificate': 'SSL_get_peer_certificate'}


class EngineUnavailable(NotImplementedError):
    """This interpreter's TLS library cannot be reached; the text says why."""


def declarations(text=FUNCTIONS):
    """Yield (name, result type, tuple of argument types) of each function in *text*."""
    for result, name, arguments in re.findall(r'(\w+) (\w+)\((.*)\);', text):
        yield name, result, tuple(a for a in arguments.split(', ') if a != 'void')


def callback_types(name):
    """Return (result type, tuple of argument types) of the callback *name*."""
    return {one: types for one, types in ((d[0], d[1:]) for d in declarations(CALLBACKS))}[name]


class Library(object):
    """
    OpenSSL's functions as attributes. If this OpenSSL lacks one, calling it raises.

    Args:
        open_file (callable): takes *path*; returns an object with the file's functions as
            attributes.
        path (str or None): the file; None if OpenSSL is built into the interpreter.
        declared (callable): takes a function, its name, result type and argument types; returns the
            function, ready to be called.

    Raises:
        EngineUnavailable: the file cannot be opened, does not export OpenSSL, or OpenSSL is too
            old.
    """

    def __init__(self, open_file, path, declared):
        try:
            library = open_file(path)
        except OSError as error:
            raise EngineUnavailable('sslproto27 cannot open the ssl module: %s' % error)
        for name, result, arguments in declarations():
            function = (getattr(library, name, None)
                        or getattr(library, ALIASES.get(name, name), None))
            setattr(self, name, _missing(name) if function is None
                    else declared(function, name, result, arguments))
        missing = [name for name in _NEEDED if not hasattr(library, name)]
        if _NEEDED[0] in missing:
            raise EngineUnavailable(
                'sslproto27 cannot reach OpenSSL: the ssl module of %s does not export it'
                ' (it is linked statically)' % sys.executable)
        if missing:
            raise EngineUnavailable(
                'sslproto27 needs the functions of OpenSSL 1.1.0: %s has no %s'
                % (ssl.OPENSSL_VERSION, ', '.join(missing)))


def _missing(name):
    def missing(*args):
        raise EngineUnavailable('this OpenSSL has no %s' % name)
    return missing
