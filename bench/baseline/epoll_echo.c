/*
 * The limit the reports compare against: one process, one thread, one epoll set, echo.
 *
 *     epoll_echo PORT      (0 = any port; prints "READY <port>" once it listens)
 *
 * It does the least a correct echo server can do per readable connection: one recv and one send,
 * nothing allocated, no framing. It still has to be a server, so a partial send is kept and
 * finished, and a peer that does not read stops being read from. That is also what bounds its
 * memory: a connection never owes more than one scratch buffer.
 *
 * Edge triggered and registered once for both directions: a level-triggered set looks at every
 * served connection again in the next epoll_wait, and one recv per event, instead of reading on
 * after a full buffer, costs 5 to 10 % with 1 MiB messages. So a connection is read until a short
 * recv, which means drained; what comes later is a new edge.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "server.h"

enum {
    SCRATCH = 256 * 1024, /* still inside the L2 cache, and few calls for a 1 MiB message */
    BATCH = 1024          /* every connection of the 500-connection case in one epoll_wait */
};

struct conn {
    int fd;
    size_t from, to; /* the unsent part of `owed` */
    char *owed;      /* SCRATCH bytes, made at the first partial send and then kept */
};

static char scratch[SCRATCH];
static int poller;

static void drop(struct conn *c)
{
    close(c->fd); /* leaves the epoll set by itself: nothing else holds the descriptor */
    free(c->owed);
    free(c);
}

/* As much as the socket takes. Returns the bytes sent, or -1 when the connection is gone. */
static ssize_t push(int fd, const char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = send(fd, bytes + done, len - done, MSG_NOSIGNAL);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)done;
}

static void serve(struct conn *c)
{
    for (;;) {
        if (c->from < c->to) {
            ssize_t sent = push(c->fd, c->owed + c->from, c->to - c->from);
            if (sent < 0)
                break;
            c->from += (size_t)sent;
            if (c->from < c->to)
                return; /* no reading until this is gone; there will be an edge */
        }
        ssize_t got = recv(c->fd, scratch, sizeof scratch, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        ssize_t sent = got > 0 ? push(c->fd, scratch, (size_t)got) : -1;
        if (sent < 0)
            break;
        if (sent < got) {
            if (!c->owed && !(c->owed = malloc(SCRATCH)))
                die("malloc");
            c->from = 0;
            c->to = (size_t)(got - sent);
            memcpy(c->owed, scratch + sent, c->to);
            return;
        }
        if (got < SCRATCH)
            return;
    }
    drop(c);
}

static void on_connect(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN)
                return;
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            die("accept"); /* out of descriptors: a measurement over fewer clients would mislead */
        }
        int one = 1;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
            die("TCP_NODELAY");
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            die("calloc");
        c->fd = fd;
        struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) < 0)
            die("epoll_ctl");
    }
}

int main(int argc, char **argv)
{
    program = "epoll_echo";
    long port = argc == 2 ? port_of(argv[1]) : -1;
    if (port < 0) {
        fprintf(stderr, "usage: epoll_echo PORT    (0 = any port)\n");
        return 2;
    }
    prepare();
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        die("epoll_create1");
    int listener = serve_on(SOCK_STREAM | SOCK_NONBLOCK, port);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}; /* NULL = the listener */
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &ev) < 0)
        die("epoll_ctl");

    static struct epoll_event events[BATCH];
    for (;;) {
        int n = epoll_wait(poller, events, BATCH, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c)
                on_connect(listener);
            else
                serve(c);
        }
    }
}
