/*
 * The limit for bulk: one client at a time, blocking calls.
 *
 *     bulk send PORT             64 KiB per send(2), always the same buffer
 *     bulk sendfile FILE PORT    sendfile(2) of as much as the call takes
 *
 * A request is eight bytes, low byte first: how many bytes to answer with. PORT 0 = any; prints
 * "READY <port>".
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/sendfile.h>

#include "server.h"

enum { PIECE = 64 * 1024, PERIOD = 251 };

static char piece[PIECE];

static int send_bytes(int client, uint64_t left)
{
    size_t at = 0;
    while (left > 0) {
        size_t len = PIECE - at < left ? PIECE - at : (size_t)left;
        ssize_t n = send(client, piece + at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at = (at + (size_t)n) % PIECE;
        left -= (uint64_t)n;
    }
    return 0;
}

static int send_file(int client, int file, uint64_t left)
{
    off_t at = 0;
    while (left > 0) {
        ssize_t n = sendfile(client, file, &at, left < INT32_MAX ? (size_t)left : INT32_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        left -= (uint64_t)n;
    }
    return 0;
}

static void serve(int client, int file)
{
    uint64_t asked;
    int one = 1;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (recv(client, &asked, sizeof asked, MSG_WAITALL) == (ssize_t)sizeof asked) {
        uint64_t bytes = le64toh(asked);
        if ((file < 0 ? send_bytes(client, bytes) : send_file(client, file, bytes)) < 0)
            break;
    }
    close(client);
}

int main(int argc, char **argv)
{
    program = "bulk";
    int file = -1;
    long port = -1;
    if (argc == 3 && strcmp(argv[1], "send") == 0)
        port = port_of(argv[2]);
    if (argc == 4 && strcmp(argv[1], "sendfile") == 0) {
        port = port_of(argv[3]);
        file = open(argv[2], O_RDONLY | O_CLOEXEC);
        if (file < 0)
            die(argv[2]);
    }
    if (port < 0) {
        fprintf(stderr, "usage: bulk send PORT | bulk sendfile FILE PORT    (0 = any port)\n");
        return 2;
    }
    for (size_t i = 0; i < PIECE; i++)
        piece[i] = (char)(i % PERIOD);
    prepare();
    signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
    int listener = serve_on(SOCK_STREAM, port);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0)
            serve(client, file);
        else if (errno != EINTR && errno != ECONNABORTED)
            die("accept");
    }
}
