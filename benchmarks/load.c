/*
 * The event-loop benchmark's client: many connections, TLS 1.3 or plain TCP, from one thread with
 * epoll, OpenSSL and no Python. It shares no code with any of the servers that it measures.
 *
 *     load PORT SERVER_PID CA|- CONNECTIONS UP DOWN WINDOW keep|renew
 *
 * CA is the file that the server's certificate is verified with; '-' is plain TCP. An exchange is
 * UP bytes sent, and DOWN bytes received in answer; WINDOW of them are under way on each
 * connection. 'keep' makes all connections, with one exchange on each, before it says so on
 * standard output. 'renew' makes one anew for every exchange, and ends it in an orderly way:
 * close_notify, then the server's EOF.
 *
 * Each number of seconds that standard input then has, one a line, is a sample. When that time is
 * over no exchange is begun any more, and the sample ends with the last answer. It is printed as
 * JSON: exchanges, seconds of wall clock, of the server's processor time, and of this process's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define HOSTNAME "localhost"
#define EVENTS 512
#define CHUNK (256 * 1024)
#define AT_ONCE 64   /* connections being made at the same time by 'keep' */
#define PATIENCE 60  /* seconds without any event after which the server is taken for dead */

enum phase { CONNECTING, HANDSHAKE, OPEN, ENDING };

struct connection {
    int fd;
    SSL *ssl;
    enum phase phase;
    unsigned events;     /* that epoll watches for */
    unsigned begun;      /* exchanges that have been begun and not been answered */
    long unsent;         /* bytes of them to send */
    long unreceived;     /* bytes of the first of them to receive */
};

static struct {
    int port, renew;
    long connections, up, down, window;
} options;

static SSL_CTX *context;
static int poller;
static struct connection *all;
static long open_now, under_way, exchanges;  /* connections; exchanges begun; exchanges answered */
static int running;  /* exchanges are to be begun */
static char out[CHUNK], in[CHUNK];

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        fail("clock_gettime");
    return now.tv_sec + now.tv_nsec * 1e-9;
}

/* The number of bytes that went, 0 when it would block, -1 at the end of the connection. */
static long outcome(struct connection *connection, long count, unsigned direction)
{
    if (count > 0)
        return count;
    if (!connection->ssl) {
        if (count < 0 && errno == EAGAIN) {
            connection->events |= direction;
            return 0;
        }
        return -1;
    }
    switch (SSL_get_error(connection->ssl, count)) {
    case SSL_ERROR_WANT_READ:
        connection->events |= EPOLLIN;
        return 0;
    case SSL_ERROR_WANT_WRITE:
        connection->events |= EPOLLOUT;
        return 0;
    default:
        return -1;
    }
}

static long transmit(struct connection *connection, long size)
{
    if (size > CHUNK)
        size = CHUNK;
    return outcome(connection, connection->ssl ? SSL_write(connection->ssl, out, size)
                                               : send(connection->fd, out, size, MSG_NOSIGNAL),
                   EPOLLOUT);
}

static long receive(struct connection *connection)
{
    return outcome(connection, connection->ssl ? SSL_read(connection->ssl, in, CHUNK)
                                               : recv(connection->fd, in, CHUNK, 0),
                   EPOLLIN);
}

static void start(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    int yes = 1;

    memset(connection, 0, sizeof *connection);
    open_now++;
    connection->events = EPOLLOUT;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connection->fd < 0
            || setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes))
        fail("socket");
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)
            && errno != EINPROGRESS)
        fail("connect");
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event))
        fail("epoll_ctl");
    if (context) {
        connection->ssl = SSL_new(context);
        if (!connection->ssl || !SSL_set_fd(connection->ssl, connection->fd)
                || !SSL_set_tlsext_host_name(connection->ssl, HOSTNAME)
                || !SSL_set1_host(connection->ssl, HOSTNAME))
            fail("SSL_new");
        SSL_set_connect_state(connection->ssl);
    }
}

static void begin_exchange(struct connection *connection)
{
    if (!connection->begun++)
        connection->unreceived = options.down;
    connection->unsent += options.up;
    under_way++;
}

static void finish(struct connection *connection)
{
    SSL_free(connection->ssl);
    close(connection->fd);
    open_now--;
    if (running)
        start(connection);
}

static void connect_and_shake_hands(struct connection *connection)
{
    if (connection->phase == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        errno = error;
        if (error)
            fail("connect");
        connection->phase = HANDSHAKE;
    }
    if (connection->ssl) {
        long count = outcome(connection, SSL_do_handshake(connection->ssl), 0);
        if (count < 0)
            fail("the handshake");
        if (!count)
            return;
    }
    connection->phase = OPEN;
    begin_exchange(connection);
}

static void end(struct connection *connection)
{
    connection->phase = ENDING;
    if (connection->ssl)
        SSL_shutdown(connection->ssl);
    shutdown(connection->fd, SHUT_WR);
}

static void answered(struct connection *connection)
{
    exchanges++;
    under_way--;
    connection->begun--;
    connection->unreceived += options.down;
    if (options.renew)
        end(connection);
    else if (running)
        begin_exchange(connection);
}

static void exchange(struct connection *connection)
{
    long count;
    while (connection->unsent > 0) {
        count = transmit(connection, connection->unsent);
        if (count < 0)
            fail("the server ended the connection");
        if (!count)
            break;
        connection->unsent -= count;
    }
    /* One read an event, or what OpenSSL has already: others are waiting, too. */
    do {
        count = receive(connection);
        if (count < 0)
            fail("the server ended the connection");
        connection->unreceived -= count;
        while (connection->begun && connection->unreceived <= 0)
            answered(connection);
        if (!connection->begun && connection->unreceived != options.down)
            fail("more came than was asked for");
    } while (connection->ssl && SSL_pending(connection->ssl));
}

static void advance(struct connection *connection)
{
    unsigned before = connection->events;
    connection->events = EPOLLIN;
    if (connection->phase < OPEN)
        connect_and_shake_hands(connection);
    if (connection->phase == OPEN) {
        do
            exchange(connection);
        while (connection->unsent > 0 && !(connection->events & EPOLLOUT));
    }
    if (connection->phase == ENDING) {
        long count;
        do
            count = receive(connection);
        while (count > 0);
        if (count < 0) {
            finish(connection);
            return;
        }
    }
    if (connection->events != before) {
        struct epoll_event event = {.events = connection->events, .data.ptr = connection};
        if (epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event))
            fail("epoll_ctl");
    }
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, PATIENCE * 1000);
    if (count < 0 && errno != EINTR)
        fail("epoll_wait");
    if (!count) {
        errno = ETIMEDOUT;
        fail("waiting for the server");
    }
    for (int index = 0; index < count; index++)
        advance(events[index].data.ptr);
}

/* Make all connections, and have one exchange on each. */
static void establish(void)
{
    for (long made = 0; made < options.connections || exchanges < made;) {
        while (made < options.connections && made < exchanges + AT_ONCE)
            start(&all[made++]);
        turn();
    }
}

static void sample(double length, clockid_t server)
{
    double wall, theirs, ours, end;

    exchanges = 0;
    running = 1;
    wall = seconds_of(CLOCK_MONOTONIC);
    theirs = seconds_of(server);
    ours = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    end = wall + length;
    for (long index = 0; index < options.connections; index++) {
        if (options.renew) {
            start(&all[index]);
            continue;
        }
        for (long number = 0; number < options.window; number++)
            begin_exchange(&all[index]);
        advance(&all[index]);
    }
    while (under_way || (options.renew && open_now)) {
        turn();
        if (seconds_of(CLOCK_MONOTONIC) >= end)
            running = 0;
    }
    printf("{\"exchanges\": %ld, \"wall\": %.6f, \"server_cpu\": %.6f, \"client_cpu\": %.6f}\n",
           exchanges, seconds_of(CLOCK_MONOTONIC) - wall, seconds_of(server) - theirs,
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) - ours);
    fflush(stdout);
}

static void make_context(const char *ca)
{
    context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_load_verify_locations(context, ca, NULL)
            || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION)
            || !SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384"))
        fail("SSL_CTX_new");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    clockid_t server;
    double length;

    if (argc != 9) {
        fprintf(stderr, "see the top of load.c\n");
        return 2;
    }
    options.port = atoi(argv[1]);
    if ((errno = clock_getcpuclockid(atoi(argv[2]), &server)))
        fail("the server's clock");
    if (strcmp(argv[3], "-"))
        make_context(argv[3]);
    options.connections = atol(argv[4]);
    options.up = atol(argv[5]);
    options.down = atol(argv[6]);
    options.window = atol(argv[7]);
    options.renew = !strcmp(argv[8], "renew");
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    memset(out, 'x', sizeof out);
    all = calloc(options.connections, sizeof *all);
    poller = epoll_create1(0);
    if (!all || poller < 0)
        fail("epoll_create1");
    if (!options.renew)
        establish();
    printf("{\"connections\": %ld}\n", options.renew ? 0 : options.connections);
    fflush(stdout);
    while (scanf("%lf", &length) == 1)
        sample(length, server);
    for (long index = 0; !options.renew && index < options.connections; index++)
        end(&all[index]);
    while (open_now)
        turn();
    return 0;
}
