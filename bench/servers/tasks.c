/*
 * Round trips inside a server: one worker keeps so many tasks or messages under way to one task worker. What the client
 * says is in tasks.rs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skep.h"

#define TASK_WORKER 1 /* the id behind that of the only worker */

static uint8_t *payload;
static size_t payload_len;
static uint64_t done;
static bool over; /* the client has gone: a stop must not have to wait for messages without end */

static void check(skep_status status)
{
    if (status != SKEP_OK) {
        fprintf(stderr, "%s: %s\n", skep_status_text(status), skep_last_error_text());
        exit(1);
    }
}

/* One that is refused is told of, and not under way any more. */
static void warn(skep_status status)
{
    if (status != SKEP_OK)
        fprintf(stderr, "%s: %s\n", skep_status_text(status), skep_last_error_text());
}

static void give(skep_server *server)
{
    if (!over)
        warn(skep_server_task(server, payload, payload_len, SKEP_ANY_TASK_WORKER, NULL));
}

static void on_close(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    (void)server;
    (void)session;
    (void)reactor;
    (void)user_data;
    over = true;
}

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    skep_server_port(server, &port);
    printf("READY %u\n", (unsigned)port);
    fflush(stdout);
}

static void begin(skep_server *server, const char *line)
{
    char kind[16];
    unsigned bytes, under_way;
    if (sscanf(line, "go %15s %u %u", kind, &bytes, &under_way) != 3)
        return;
    payload = malloc(bytes + 1);
    if (payload == NULL)
        exit(1);
    payload_len = bytes;
    memset(payload, 'x', bytes);
    while (under_way-- > 0) {
        if (strcmp(kind, "tasks") == 0)
            give(server);
        else
            warn(skep_server_send_message(server, TASK_WORKER, payload, payload_len));
    }
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    char line[64] = "";
    (void)reactor;
    (void)user_data;
    memcpy(line, data, len < sizeof line ? len : sizeof line - 1);
    if (line[0] == '?') {
        uint8_t answer[8];
        for (int i = 0; i < 8; i++)
            answer[i] = (uint8_t)(done >> (56 - 8 * i));
        skep_server_send(server, session, answer, sizeof answer);
    } else {
        begin(server, line);
    }
}

static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data)
{
    (void)task;
    (void)data;
    (void)len;
    (void)user_data;
    warn(skep_server_finish(server, (const uint8_t *)"ok", 2));
}

static void on_finish(skep_server *server, const skep_task_result *result, const uint8_t *data, size_t len,
                      void *user_data)
{
    (void)result;
    (void)data;
    (void)len;
    (void)user_data;
    done++;
    give(server);
}

static void on_message(skep_server *server, const skep_message *message, const uint8_t *data, size_t len,
                       void *user_data)
{
    (void)user_data;
    if (message->source_role == SKEP_ROLE_WORKER) { /* this is the task worker */
        warn(skep_server_send_message(server, message->source, data, len));
    } else {
        done++;
        if (!over)
            warn(skep_server_send_message(server, TASK_WORKER, data, len));
    }
}

int main(void)
{
    skep_server *server = NULL;
    const char *port = getenv("PORT");
    check(skep_server_new("127.0.0.1", (uint16_t)(port ? atoi(port) : 0), SKEP_SOCKET_TCP, &server));
    check(skep_server_set_int(server, "worker_num", 1));
    check(skep_server_set_int(server, "reactor_num", 1));
    check(skep_server_set_int(server, "task_worker_num", 1));
    check(skep_server_set_int(server, "log_level", 4));
    check(skep_server_on_start(server, on_start, NULL));
    check(skep_server_set_bool(server, "open_eof_split", true)); /* lines, however they arrive */
    check(skep_server_set_text(server, "package_eof", "\n"));
    check(skep_server_on_receive(server, on_receive, NULL));
    check(skep_server_on_close(server, on_close, NULL));
    check(skep_server_on_task(server, on_task, NULL));
    check(skep_server_on_finish(server, on_finish, NULL));
    check(skep_server_on_message(server, on_message, NULL));
    check(skep_server_start(server));
    return skep_server_free(server) == SKEP_OK ? 0 : 1;
}
