/*
 * The limit for datagrams: one blocking socket, recvfrom and sendto.
 *
 *     udp_echo PORT      (0 = any port; prints "READY <port>")
 *
 * One datagram per call in each direction, because that is what its users would otherwise write by hand.
 */
#define _GNU_SOURCE
#include "server.h"

static char scratch[65536];

int main(int argc, char **argv)
{
    program = "udp_echo";
    long port = argc == 2 ? port_of(argv[1]) : -1;
    if (port < 0) {
        fprintf(stderr, "usage: udp_echo PORT    (0 = any port)\n");
        return 2;
    }
    prepare();
    int fd = serve_on(SOCK_DGRAM, port);
    for (;;) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        ssize_t got = recvfrom(fd, scratch, sizeof scratch, 0, (struct sockaddr *)&peer, &len);
        if (got < 0) {
            if (errno == EINTR || errno == ECONNREFUSED) /* a client that has gone */
                continue;
            die("recvfrom");
        }
        /* Like any datagram, one that cannot be sent is lost; the clients count those. */
        (void)sendto(fd, scratch, (size_t)got, 0, (struct sockaddr *)&peer, len);
    }
}
