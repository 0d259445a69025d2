/*
 * An echo server in C: what a client sends comes back.
 *
 *     cc -std=c11 -Iinclude examples/c/echo.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o echo
 *     ./echo 9501        (or PORT=9501 ./echo; without a port, or with 0, the system chooses one)
 *
 * It prints "READY <port>" when clients may come. SIGTERM stops it, SIGUSR1 replaces its workers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "skep.h"

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    skep_server_port(server, &port);
    printf("READY %u\n", (unsigned)port);
    fflush(stdout);
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor,
                       const uint8_t *data, size_t len, void *user_data)
{
    (void)reactor;
    (void)user_data;
    /* Refused only if the client has gone, or reads nothing while megabytes wait for it. */
    if (skep_server_send(server, session, data, len) != SKEP_OK) {
        fprintf(stderr, "session %llu: %s\n", (unsigned long long)session, skep_last_error_text());
    }
}

/* The port from the command line or the environment; -1 if it is none. */
static long wanted_port(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : getenv("PORT");
    char *end = NULL;
    long port;
    if (text == NULL) {
        return 0;
    }
    port = strtol(text, &end, 10);
    return end == text || *end != '\0' || port < 0 || port > 65535 ? -1 : port;
}

int main(int argc, char **argv)
{
    skep_server *server = NULL;
    skep_status status;
    long port = wanted_port(argc, argv);

    if (port < 0) {
        fprintf(stderr, "usage: %s [port]\n", argv[0]);
        return 2;
    }
    status = skep_server_new("127.0.0.1", (uint16_t)port, SKEP_SOCKET_TCP, &server);
    if (status == SKEP_OK) {
        status = skep_server_set_int(server, "worker_num", 2);
    }
    if (status == SKEP_OK) {
        status = skep_server_on_start(server, on_start, NULL);
    }
    if (status == SKEP_OK) {
        status = skep_server_on_receive(server, on_receive, NULL);
    }
    if (status == SKEP_OK) {
        status = skep_server_start(server); /* until the server has stopped */
    }
    if (status != SKEP_OK) {
        fprintf(stderr, "%s: %s\n", skep_status_text(status), skep_last_error_text());
    }
    skep_server_free(server);
    return status == SKEP_OK ? 0 : 1;
}
