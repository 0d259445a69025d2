/*
 * Jobs of other programs: whoever knows the key of the message queue gives them to a task worker, and they survive restarts of
 * the server.
 *
 *     cc -std=gnu11 -Iinclude examples/c/jobs.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o jobs
 *     ./jobs [port] [host] [key]
 *     ./feed 1554098975 'paint the fence' 1        (examples/c/feed.c; to task worker 1)
 *     nc 127.0.0.1 9510 < /dev/null                (what was done so far)
 *
 * The queue stays when the server ends; `ipcrm -Q <key>` removes it. examples/php/jobs.php is the same in PHP, with
 * task_ipc_mode 3, where any task worker takes any job.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "skep.h"

enum { WORKERS = 1, TASK_WORKERS = 2 };

static const char *host = "127.0.0.1";
static const char *key = "1554098975";

/* What each task worker has done, in memory that all processes share. */
static atomic_ulong *done;

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    skep_server_port(server, &port);
    printf("listening on %s:%u\ntry: feed %s 'paint the fence' 1\n", host, (unsigned)port, key);
    fflush(stdout);
}

/* Task worker: `data` is what the other program has packed. Its source is 0, and nobody can be answered. */
static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data)
{
    int32_t id = 0;
    (void)task;
    (void)user_data;
    skep_server_worker_id(server, &id); /* ids of task workers come after those of workers */
    id -= WORKERS;
    printf("task worker %d: %.*s\n", (int)id, (int)len, (const char *)data);
    fflush(stdout);
    atomic_fetch_add(&done[id], 1);
}

/* Worker: a client hears what was done, and what waits. */
static void on_connect(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    char line[128];
    skep_stats stats;
    int length;
    (void)reactor;
    (void)user_data;
    stats.size = sizeof stats;
    if (skep_server_stats(server, &stats) == SKEP_OK) {
        length = snprintf(line, sizeof line, "done: %lu and %lu, in the queue: %lu\n", atomic_load(&done[0]),
                          atomic_load(&done[1]), (unsigned long)stats.message_queue_num);
        /* Refused only if the client has gone. */
        skep_server_send(server, session, (const uint8_t *)line, (size_t)length);
    }
    skep_server_close(server, session, false);
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    (void)server;
    (void)session;
    (void)reactor;
    (void)data;
    (void)len;
    (void)user_data;
}

int main(int argc, char **argv)
{
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    skep_server *server = NULL;
    char *port_end = NULL, *key_end = NULL;
    long port = argc > 1 ? strtol(argv[1], &port_end, 10) : 9510;
    host = argc > 2 ? argv[2] : host;
    key = argc > 3 ? argv[3] : key;
    long long number = strtoll(key, &key_end, 10);
    if (help || argc > 4 || (port_end != NULL && *port_end != '\0') || port < 0 || port > 65535 || *key_end != '\0') {
        fprintf(help ? stdout : stderr, "usage: %s [port] [host] [key]\n", argv[0]);
        return help ? 0 : 2;
    }
    done = mmap(NULL, TASK_WORKERS * sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (done == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    if (skep_server_new(host, (uint16_t)port, SKEP_SOCKET_TCP, &server) != SKEP_OK
        || skep_server_set_int(server, "worker_num", WORKERS) != SKEP_OK
        || skep_server_set_int(server, "task_worker_num", TASK_WORKERS) != SKEP_OK
        || skep_server_set_int(server, "task_ipc_mode", 2) != SKEP_OK
        || skep_server_set_int(server, "message_queue_key", number) != SKEP_OK
        || skep_server_on_start(server, on_start, NULL) != SKEP_OK
        || skep_server_on_connect(server, on_connect, NULL) != SKEP_OK
        || skep_server_on_receive(server, on_receive, NULL) != SKEP_OK
        || skep_server_on_task(server, on_task, NULL) != SKEP_OK
        || skep_server_start(server) != SKEP_OK) { /* until the server has stopped */
        fprintf(stderr, "%s\n", skep_last_error_text());
        skep_server_free(server);
        return 1;
    }
    skep_server_free(server);
    return 0;
}
