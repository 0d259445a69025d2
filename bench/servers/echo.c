/*
 * The C candidate of the benches: the shortest honest echo server.
 * SKEP_WORKERS, SKEP_REACTORS and PORT come from the runner; it reads "READY <port>" from stdout.
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
    skep_server_send(server, session, data, len);
}

static void check(skep_status status)
{
    if (status != SKEP_OK) {
        fprintf(stderr, "%s: %s\n", skep_status_text(status), skep_last_error_text());
        exit(1);
    }
}

static long from_env(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text != NULL && *text != '\0' ? strtol(text, NULL, 10) : otherwise;
}

int main(void)
{
    skep_server *server = NULL;
    check(skep_server_new("127.0.0.1", (uint16_t)from_env("PORT", 0), SKEP_SOCKET_TCP, &server));
    check(skep_server_set_int(server, "worker_num", from_env("SKEP_WORKERS", 1)));
    check(skep_server_set_int(server, "reactor_num", from_env("SKEP_REACTORS", 1)));
    check(skep_server_set_bool(server, "open_tcp_nodelay", true));
    check(skep_server_set_int(server, "log_level", 4));
    check(skep_server_on_start(server, on_start, NULL));
    check(skep_server_on_receive(server, on_receive, NULL));
    check(skep_server_start(server));
    return skep_server_free(server) == SKEP_OK ? 0 : 1;
}
