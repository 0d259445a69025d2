/*
 * Long work beside the workers: each line is a number, its smallest factor is looked for in a task worker and sent when
 * it is found. Other clients, and other lines of the same client, are served meanwhile.
 *
 *     cc -std=c11 -Iinclude examples/c/tasks.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o tasks
 *     ./tasks [port] [host]
 *     echo 1000036000099 | nc -q 5 127.0.0.1 9504
 *
 * A task is bytes; here the session that the answer is for, then the number, as text. Whatever becomes of a task that was
 * accepted, somebody hears of it: its result comes to on_finish, its loss to on_lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skep.h"

static const char *host = "127.0.0.1";

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    skep_server_port(server, &port);
    printf("listening on %s:%u\ntry: echo 1000036000099 | nc -q 5 %s %u\n", host, (unsigned)port, host, (unsigned)port);
    fflush(stdout);
}

/* Worker: a line has come. */
static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    char task[64];
    unsigned long long number = strtoull((const char *)data, NULL, 10); /* ends at the newline, which each line has */
    int length = snprintf(task, sizeof task, "%" PRIu64 " %llu", session, number);
    (void)reactor;
    (void)len;
    (void)user_data;
    if (skep_server_task(server, (const uint8_t *)task, (size_t)length, SKEP_ANY_TASK_WORKER, NULL) != SKEP_OK) {
        static const char busy[] = "too much to do, try again later\n";
        skep_server_send(server, session, (const uint8_t *)busy, sizeof busy - 1);
    }
}

/* Task worker: this may take its time. */
static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data)
{
    char text[64], answer[96];
    unsigned long long session = 0, number = 0, factor = 2;
    int length;
    (void)task;
    (void)user_data;
    if (len >= sizeof text) {
        return;
    }
    memcpy(text, data, len);
    text[len] = '\0';
    if (sscanf(text, "%llu %llu", &session, &number) != 2) {
        return;
    }
    while (factor <= number / factor && number % factor != 0) {
        factor += factor == 2 ? 1 : 2;
    }
    if (number < 2 || factor > number / factor) {
        length = snprintf(answer, sizeof answer, "%llu %llu has no factors\n", session, number);
    } else {
        length = snprintf(answer, sizeof answer, "%llu %llu = %llu x %llu\n", session, number, factor, number / factor);
    }
    skep_server_finish(server, (const uint8_t *)answer, (size_t)length);
}

/* The worker that gave the task: the session, a blank, the answer. */
static void on_finish(skep_server *server, const skep_task_result *result, const uint8_t *data, size_t len,
                      void *user_data)
{
    const uint8_t *blank = memchr(data, ' ', len);
    (void)result;
    (void)user_data;
    if (blank != NULL) {
        size_t before = (size_t)(blank - data) + 1;
        /* Refused only if the client has gone. */
        skep_server_send(server, strtoull((const char *)data, NULL, 10), data + before, len - before);
    }
}

static void on_lost(skep_server *server, skep_task_id id, skep_task_loss reason, int32_t orphaned, void *user_data)
{
    (void)server;
    (void)orphaned;
    (void)user_data;
    fprintf(stderr, "task %" PRIu64 " is lost: %s\n", id,
            reason == SKEP_TASK_STOPPED ? "the server stopped" : "its task worker died");
}

int main(int argc, char **argv)
{
    skep_server *server = NULL;
    int port = argc > 1 ? atoi(argv[1]) : 9504;
    if (argc > 3 || port < 0 || port > 65535) {
        fprintf(stderr, "usage: %s [port] [host]\n", argv[0]);
        return 2;
    }
    host = argc > 2 ? argv[2] : host;
    if (skep_server_new(host, (uint16_t)port, SKEP_SOCKET_TCP, &server) != SKEP_OK
        || skep_server_set_int(server, "worker_num", 1) != SKEP_OK
        || skep_server_set_int(server, "task_worker_num", 2) != SKEP_OK
        || skep_server_set_bool(server, "open_eof_split", true) != SKEP_OK
        || skep_server_set_text(server, "package_eof", "\n") != SKEP_OK
        || skep_server_on_start(server, on_start, NULL) != SKEP_OK
        || skep_server_on_receive(server, on_receive, NULL) != SKEP_OK
        || skep_server_on_task(server, on_task, NULL) != SKEP_OK
        || skep_server_on_finish(server, on_finish, NULL) != SKEP_OK
        || skep_server_on_task_lost(server, on_lost, NULL) != SKEP_OK
        || skep_server_start(server) != SKEP_OK) { /* until the server has stopped */
        fprintf(stderr, "%s\n", skep_last_error_text());
        skep_server_free(server);
        return 1;
    }
    skep_server_free(server);
    return 0;
}
