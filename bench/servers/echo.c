/*
 * The C candidate of the benches: the shortest honest echo server.
 *
 *     echo_c [key=value ...]
 *
 * The arguments are settings. SKEP_WORKERS, SKEP_REACTORS and PORT come from the runner, which reads
 * from stdout either "READY <port>" or, from a build that lacks a setting, "SKIP <reason>".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A truth value, a number or a text, by the look of it. */
static void set(skep_server *server, const char *argument)
{
    char key[64];
    const char *equals = strchr(argument, '=');
    if (equals == NULL || (size_t)(equals - argument) >= sizeof key) {
        fprintf(stderr, "not a setting: %s\n", argument);
        exit(2);
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - argument), argument);
    const char *value = equals + 1;
    char *end = NULL;
    long number = strtol(value, &end, 10);
    skep_status status;
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        status = skep_server_set_bool(server, key, *value == 't');
    else if (end != value && *end == '\0')
        status = skep_server_set_int(server, key, number);
    else
        status = skep_server_set_text(server, key, value);
    if (status == SKEP_UNKNOWN_SETTING) {
        printf("SKIP no setting %s\n", key);
        exit(0);
    }
    check(status);
}

int main(int argc, char **argv)
{
    skep_server *server = NULL;
    check(skep_server_new("127.0.0.1", (uint16_t)from_env("PORT", 0), SKEP_SOCKET_TCP, &server));
    check(skep_server_set_int(server, "worker_num", from_env("SKEP_WORKERS", 1)));
    check(skep_server_set_int(server, "reactor_num", from_env("SKEP_REACTORS", 1)));
    check(skep_server_set_bool(server, "open_tcp_nodelay", true));
    check(skep_server_set_int(server, "log_level", 4));
    for (int i = 1; i < argc; i++)
        set(server, argv[i]);
    check(skep_server_on_start(server, on_start, NULL));
    check(skep_server_on_receive(server, on_receive, NULL));
    check(skep_server_start(server));
    return skep_server_free(server) == SKEP_OK ? 0 : 1;
}
