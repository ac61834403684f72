/*
 * The engine's benchmark in C: what OpenSSL can do with nothing around it. It is a contestant like
 * those of engine_worker.py, and does what they do: see there.
 *
 *     pump FOLDER
 *
 * Two endpoints, each with an incoming and an outgoing BIO_s_mem; a transfer takes all that is in
 * one side's outgoing BIO and puts it into the other's incoming one.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define HOSTNAME "localhost"
#define SMALL 100
#define RECORD 16384       /* the size of every read */
#define LARGEST (256 * 1024)
#define ROOM (LARGEST + 32 * 1024)
#define IDLE_PAIRS 1000

struct endpoint {
    SSL *ssl;
    BIO *incoming, *outgoing;
};

struct pair {
    struct endpoint client, server;
};

static SSL_CTX *client_context, *server_context;
static char data[LARGEST], received[RECORD], wire[ROOM];

static void check(int condition, const char *text)
{
    if (condition)
        return;
    fprintf(stderr, "pump: %s\n", text);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    check(context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), "no context");
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
                                X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    return context;
}

static void make_contexts(const char *folder)
{
    char path[4096];

    client_context = new_context(TLS_client_method());
    snprintf(path, sizeof path, "%s/ca.pem", folder);
    check(SSL_CTX_load_verify_locations(client_context, path, NULL), path);
    SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, NULL);
    server_context = new_context(TLS_server_method());
    snprintf(path, sizeof path, "%s/server.pem", folder);
    check(SSL_CTX_use_certificate_chain_file(server_context, path)
          && SSL_CTX_use_PrivateKey_file(server_context, path, SSL_FILETYPE_PEM), path);
}

static struct endpoint new_endpoint(SSL_CTX *context)
{
    struct endpoint one = {SSL_new(context), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    check(one.ssl && one.incoming && one.outgoing, "no endpoint");
    BIO_set_mem_eof_return(one.incoming, -1);
    BIO_set_mem_eof_return(one.outgoing, -1);
    SSL_set_bio(one.ssl, one.incoming, one.outgoing);
    return one;
}

static struct pair new_pair(const char *hostname, SSL_SESSION *session)
{
    struct pair pair = {new_endpoint(client_context), new_endpoint(server_context)};
    SSL_set_connect_state(pair.client.ssl);
    SSL_set_accept_state(pair.server.ssl);
    check(SSL_set_tlsext_host_name(pair.client.ssl, hostname)
          && SSL_set1_host(pair.client.ssl, hostname), "no host name");
    if (session)
        check(SSL_set_session(pair.client.ssl, session), "no session");
    return pair;
}

static void free_pair(struct pair *pair)
{
    SSL_free(pair->client.ssl);
    SSL_free(pair->server.ssl);
}

static int transfer(struct endpoint *from, struct endpoint *to)
{
    int size = BIO_ctrl_pending(from->outgoing);
    check(size <= ROOM, "no room");
    if (size)
        check(BIO_read(from->outgoing, wire, size) == size
              && BIO_write(to->incoming, wire, size) == size, "a transfer was cut short");
    return size;
}

static int handshake(struct endpoint *one)
{
    int done = SSL_do_handshake(one->ssl);
    if (done == 1)
        return 1;
    check(SSL_get_error(one->ssl, done) == SSL_ERROR_WANT_READ, "the handshake failed");
    return 0;
}

/* TLS 1.3's one round trip. Set how many bytes go up and down. */
static void connect_pair(struct pair *pair, int *up, int *down)
{
    handshake(&pair->client);
    *up = transfer(&pair->client, &pair->server);
    handshake(&pair->server);
    *down = transfer(&pair->server, &pair->client);
    check(handshake(&pair->client), "the handshake did not finish");
    *up += transfer(&pair->client, &pair->server);
    check(handshake(&pair->server), "the handshake did not finish");
}

/* A pair that is ready for data, with the session tickets delivered. */
static struct pair connected(void)
{
    int up, down;
    struct pair pair = new_pair(HOSTNAME, NULL);
    connect_pair(&pair, &up, &down);
    transfer(&pair.server, &pair.client);
    check(SSL_read(pair.client.ssl, received, RECORD) < 0, "data where there is none");
    return pair;
}

static void message(struct endpoint *from, struct endpoint *to, int size)
{
    int count = 0;
    check(SSL_write(from->ssl, data, size) == size, "a write was cut short");
    transfer(from, to);
    for (int left = size; left; left -= count)
        check((count = SSL_read(to->ssl, received, RECORD)) > 0, "bytes were lost");
    check(!memcmp(received, data + size - count, count), "other bytes came than were sent");
}

/* The lines: each does its work *count* times. */

static void handshakes(long count, SSL_SESSION *session)
{
    int up, down;
    while (count--) {
        struct pair pair = new_pair(HOSTNAME, session);
        connect_pair(&pair, &up, &down);
        check(SSL_session_reused(pair.client.ssl) == (session != NULL),
              "resumed, or not, in spite of what was asked for");
        if (session)  /* without close_notify it could not be resumed again */
            SSL_set_shutdown(pair.client.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        free_pair(&pair);
    }
}

static void line(const char *name, long count)
{
    static struct pair pair;
    int size;

    if (!pair.client.ssl)
        pair = connected();
    if (!strcmp(name, "full"))
        handshakes(count, NULL);
    else if (!strcmp(name, "resumed"))
        handshakes(count, SSL_get_session(pair.client.ssl));
    else if (!strcmp(name, "round-trips"))
        while (count--) {
            message(&pair.client, &pair.server, SMALL);
            message(&pair.server, &pair.client, SMALL);
        }
    else if (sscanf(name, "bulk-%d", &size) == 1)
        while (count--)
            message(&pair.client, &pair.server, size * 1024);
    else
        check(0, "an unknown line");
}

static double cpu_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static double rate(const char *name, long count)
{
    double start = cpu_time();
    line(name, count);
    return count / (cpu_time() - start + 1e-9);
}

/* How many times take about so many seconds. */
static long warm_up(const char *name, double seconds)
{
    long count = 1;
    while (count / rate(name, count) < seconds / 4)
        count *= 2;
    count = seconds * rate(name, count);
    return count ? count : 1;
}

static double resident(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    check(statm && fscanf(statm, "%*d %ld", &pages) == 1, "no /proc/self/statm");
    fclose(statm);
    return pages * (sysconf(_SC_PAGESIZE) / 1024.0);
}

/* The KiB that a pair takes that has talked, and is silent now. In a fresh process. */
static double idle_memory(void)
{
    double before = 0;
    for (int made = 0; made <= IDLE_PAIRS; made++) {
        struct pair pair = connected();
        message(&pair.client, &pair.server, SMALL);
        message(&pair.server, &pair.client, SMALL);
        if (!made)
            before = resident();
    }
    return (resident() - before) / IDLE_PAIRS;
}

static void describe(void)
{
    int up, down;
    struct pair pair = new_pair(HOSTNAME, NULL), wrong = new_pair("wrong.example", NULL);

    connect_pair(&pair, &up, &down);
    handshake(&wrong.client);
    transfer(&wrong.client, &wrong.server);
    handshake(&wrong.server);
    transfer(&wrong.server, &wrong.client);
    check(SSL_do_handshake(wrong.client.ssl) < 0
          && SSL_get_verify_result(wrong.client.ssl) == X509_V_ERR_HOSTNAME_MISMATCH,
          "a certificate for another name was taken");
    ERR_clear_error();
    printf("{\"label\": \"C, BIO_s_mem\", \"python\": \"no Python\", \"openssl\": \"%s\","
           " \"version\": \"%s\", \"cipher\": \"%s\", \"handshake_bytes\": [%d, %d]}\n",
           OpenSSL_version(OPENSSL_VERSION), SSL_get_version(pair.client.ssl),
           SSL_get_cipher(pair.client.ssl), up, down);
    fflush(stdout);
    free_pair(&pair);
    free_pair(&wrong);
}

int main(int argc, char **argv)
{
    static struct { char name[32]; long count; } counts[16];
    char name[32];
    double seconds;

    check(argc == 2, "pump FOLDER");
    free(malloc(16 << 20));  /* as engine_worker.py does, see settle_malloc there */
    make_contexts(argv[1]);
    check(RAND_bytes((unsigned char *)data, sizeof data), "no random bytes");
    describe();
    while (scanf(" {\"line\": \"%31[^\"]\", \"seconds\": %lf}", name, &seconds) == 2) {
        int index = 0;
        if (!strcmp(name, "memory")) {
            printf("%f\n", idle_memory());
        } else {
            while (counts[index].count && strcmp(counts[index].name, name))
                index++;
            if (!counts[index].count) {
                strcpy(counts[index].name, name);
                counts[index].count = warm_up(name, seconds);
            }
            printf("%f\n", rate(name, counts[index].count));
        }
        fflush(stdout);
    }
    return 0;
}
