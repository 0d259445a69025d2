/*
 * The time, pushed to every client once a second, by a timer of worker 0.
 *
 *     cc -std=gnu11 -Iinclude examples/c/push.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o push
 *     ./push [port] [milliseconds]
 *     nc 127.0.0.1 9508
 *
 * examples/php/push.php does the same in PHP, examples/rust/push.rs in Rust.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "skep.h"

enum { PAGE = 64 };

static uint64_t period = 1000;
static skep_timer_id timer;

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    skep_server_port(server, &port);
    printf("listening on 127.0.0.1:%u\ntry: nc 127.0.0.1 %u\n", (unsigned)port, (unsigned)port);
    fflush(stdout);
}

/* To everybody, whichever worker they belong to: every worker can send to every session. */
static void on_tick(skep_server *server, skep_timer_id id, void *user_data)
{
    char line[16];
    time_t now = time(NULL);
    size_t length = strftime(line, sizeof line, "%H:%M:%S\n", localtime(&now));
    skep_session_id page[PAGE], last = 0;
    size_t count = 0, i;
    (void)id;
    (void)user_data;
    while (skep_server_list_sessions(server, last, page, PAGE, &count) == SKEP_OK && count > 0) {
        for (i = 0; i < count; i++) {
            /* Refused if it has gone, or does not read. */
            skep_server_send(server, page[i], (const uint8_t *)line, length);
        }
        last = page[count - 1];
    }
}

/* Each process has timers of its own. A worker that is replaced begins here again. */
static void on_worker_start(skep_server *server, uint32_t worker, void *user_data)
{
    (void)user_data;
    if (worker == 0 && skep_timer_tick(server, period, on_tick, NULL, &timer) != SKEP_OK) {
        fprintf(stderr, "no timer: %s\n", skep_last_error_text());
    }
}

/* A worker that is to end waits for its timers, so they are told that they are not wanted any more. */
static void on_worker_exit(skep_server *server, uint32_t worker, void *user_data)
{
    (void)worker;
    (void)user_data;
    skep_timer_clear(server, timer); /* refused in a worker that has none, or has cleared it */
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    static const char said[] = "you said ";
    (void)reactor;
    (void)user_data;
    /* Refused only if the client has gone. */
    skep_server_send(server, session, (const uint8_t *)said, sizeof said - 1);
    skep_server_send(server, session, data, len);
}

int main(int argc, char **argv)
{
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    skep_server *server = NULL;
    char *port_end = NULL, *period_end = NULL;
    long port = argc > 1 ? strtol(argv[1], &port_end, 10) : 9508;
    period = argc > 2 ? strtoull(argv[2], &period_end, 10) : period;
    if (help || argc > 3 || (port_end != NULL && *port_end != '\0') || port < 0 || port > 65535
        || (period_end != NULL && *period_end != '\0') || period == 0) {
        fprintf(help ? stdout : stderr, "usage: %s [port] [milliseconds]\n", argv[0]);
        return help ? 0 : 2;
    }
    if (skep_server_new("127.0.0.1", (uint16_t)port, SKEP_SOCKET_TCP, &server) != SKEP_OK
        || skep_server_set_int(server, "worker_num", 2) != SKEP_OK
        || skep_server_on_start(server, on_start, NULL) != SKEP_OK
        || skep_server_on_worker_start(server, on_worker_start, NULL) != SKEP_OK
        || skep_server_on_worker_exit(server, on_worker_exit, NULL) != SKEP_OK
        || skep_server_on_receive(server, on_receive, NULL) != SKEP_OK
        || skep_server_start(server) != SKEP_OK) { /* until the server has stopped */
        fprintf(stderr, "%s\n", skep_last_error_text());
        skep_server_free(server);
        return 1;
    }
    skep_server_free(server);
    return 0;
}
