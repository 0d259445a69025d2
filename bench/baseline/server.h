/*
 * What the bare servers have in common: a socket on the loopback interface, the line "READY <port>",
 * an end without ceremony on SIGTERM.
 */
#ifndef BASELINE_SERVER_H
#define BASELINE_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static const char *program;

static inline void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
    exit(1);
}

static inline void on_term(int sig)
{
    (void)sig;
    _exit(0);
}

/* The port of the command line, or -1. */
static inline long port_of(const char *text)
{
    char *end = NULL;
    long port = strtol(text, &end, 10);
    return end == text || *end || port < 0 || port > 65535 ? -1 : port;
}

static inline void prepare(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* accept says so if it was not enough */
    }
    struct sigaction term = {.sa_handler = on_term};
    if (sigaction(SIGTERM, &term, NULL) < 0)
        die("sigaction");
}

/* A bound socket, listening if it is a stream; says READY. */
static inline int serve_on(int type, long port)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        die("socket");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof at;
    if (bind(fd, (struct sockaddr *)&at, len) < 0)
        die("bind");
    if ((type & ~SOCK_NONBLOCK) == SOCK_STREAM && listen(fd, BACKLOG) < 0)
        die("listen");
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        die("getsockname");
    printf("READY %hu\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

#endif
