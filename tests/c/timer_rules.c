/* Timers, calls put off, descriptors: what the header promises to refuse, in each kind of process, before the start, after
 * the end, on another thread and in a forked child. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "check.h"

static int fds[2];

static void never_timer(skep_server *server, skep_timer_id timer, void *user_data)
{
    (void)server;
    (void)timer;
    (void)user_data;
    CHECK(!"called in spite of a refusal");
}

static void never_deferred(skep_server *server, void *user_data)
{
    (void)server;
    (void)user_data;
    CHECK(!"called in spite of a refusal");
}

static void never_ready(skep_server *server, int32_t descriptor, skep_readiness ready, void *user_data)
{
    (void)server;
    (void)descriptor;
    (void)ready;
    (void)user_data;
    CHECK(!"called in spite of a refusal");
}

static void nulls(skep_server *server)
{
    skep_timer_id timer = 77;
    uint64_t count = 77;
    EXPECT(SKEP_NULL_ARGUMENT, skep_timer_tick(NULL, 1, never_timer, NULL, &timer));
    EXPECT(SKEP_NULL_ARGUMENT, skep_timer_after(NULL, 1, never_timer, NULL, &timer));
    EXPECT(SKEP_NULL_ARGUMENT, skep_timer_clear(NULL, 1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_timer_count(NULL, &count));
    EXPECT(SKEP_NULL_ARGUMENT, skep_defer(NULL, never_deferred, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_run_event_loop(NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_watch(NULL, fds[0], SKEP_READABLE, never_ready, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_rewatch(NULL, fds[0], SKEP_READABLE));
    EXPECT(SKEP_NULL_ARGUMENT, skep_unwatch(NULL, fds[0]));
    if (server != NULL) {
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_tick(server, 1, NULL, NULL, &timer));
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_tick(server, 1, never_timer, NULL, NULL));
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_after(server, 1, NULL, NULL, &timer));
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_after(server, 1, never_timer, NULL, NULL));
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_count(server, NULL));
        EXPECT(SKEP_NULL_ARGUMENT, skep_defer(server, NULL, NULL));
        EXPECT(SKEP_NULL_ARGUMENT, skep_watch(server, fds[0], SKEP_READABLE, NULL, NULL));
    }
    CHECK(timer == 77 && count == 77);
}

static void without_a_running_server(skep_server *server)
{
    skep_timer_id timer = 77;
    uint64_t count = 77;
    EXPECT(SKEP_NOT_RUNNING, skep_timer_tick(server, 1, never_timer, NULL, &timer));
    EXPECT(SKEP_NOT_RUNNING, skep_timer_after(server, 1, never_timer, NULL, &timer));
    EXPECT(SKEP_NOT_RUNNING, skep_timer_clear(server, 1));
    EXPECT(SKEP_NOT_RUNNING, skep_timer_count(server, &count));
    EXPECT(SKEP_NOT_RUNNING, skep_defer(server, never_deferred, NULL));
    EXPECT(SKEP_NOT_RUNNING, skep_run_event_loop(server));
    EXPECT(SKEP_NOT_RUNNING, skep_watch(server, fds[0], SKEP_READABLE, never_ready, NULL));
    EXPECT(SKEP_NOT_RUNNING, skep_rewatch(server, fds[0], SKEP_READABLE));
    EXPECT(SKEP_NOT_RUNNING, skep_unwatch(server, fds[0]));
    CHECK(timer == 77 && count == 77);
}

static void *another_thread(void *argument)
{
    skep_server *server = (skep_server *)argument;
    skep_timer_id timer = 77;
    uint64_t count = 77;
    EXPECT(SKEP_WRONG_THREAD, skep_timer_tick(server, 1, never_timer, NULL, &timer));
    EXPECT(SKEP_WRONG_THREAD, skep_timer_after(server, 1, never_timer, NULL, &timer));
    EXPECT(SKEP_WRONG_THREAD, skep_timer_clear(server, 1));
    EXPECT(SKEP_WRONG_THREAD, skep_timer_count(server, &count));
    EXPECT(SKEP_WRONG_THREAD, skep_defer(server, never_deferred, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_run_event_loop(server));
    EXPECT(SKEP_WRONG_THREAD, skep_watch(server, fds[0], SKEP_READABLE, never_ready, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_rewatch(server, fds[0], SKEP_READABLE));
    EXPECT(SKEP_WRONG_THREAD, skep_unwatch(server, fds[0]));
    CHECK(timer == 77 && count == 77);
    return NULL;
}

static void on_another_thread(skep_server *server)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, another_thread, server) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Its timers and descriptors are the parent's, and it cannot have any. */
static void in_a_forked_child(skep_server *server)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        skep_timer_id timer = 77;
        EXPECT(SKEP_STATE, skep_timer_tick(server, 1, never_timer, NULL, &timer));
        EXPECT(SKEP_STATE, skep_timer_after(server, 1, never_timer, NULL, &timer));
        EXPECT(SKEP_STATE, skep_defer(server, never_deferred, NULL));
        EXPECT(SKEP_STATE, skep_watch(server, fds[1], SKEP_WRITABLE, never_ready, NULL));
        EXPECT(SKEP_STATE, skep_rewatch(server, fds[0], SKEP_READABLE));
        CHECK(timer == 77);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void wrong_arguments(skep_server *server)
{
    skep_timer_id timer = 77;
    int file = open("/proc/self/exe", O_RDONLY);
    CHECK(file >= 0);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_tick(server, 0, never_timer, NULL, &timer));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_after(server, 0, never_timer, NULL, &timer));
    CHECK(timer == 77);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_clear(server, 0));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_clear(server, UINT64_MAX));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_watch(server, fds[0], 0, never_ready, NULL));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_watch(server, fds[0], 4, never_ready, NULL));
    EXPECT(SKEP_SYSTEM, skep_watch(server, -1, SKEP_READABLE, never_ready, NULL));
    CHECK(skep_last_error_code() == EBADF);
    EXPECT(SKEP_SYSTEM, skep_watch(server, file, SKEP_READABLE, never_ready, NULL));
    CHECK(skep_last_error_code() == EPERM);
    EXPECT(SKEP_SYSTEM, skep_rewatch(server, fds[0], SKEP_READABLE));
    CHECK(skep_last_error_code() == ENOENT);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_unwatch(server, fds[0]));
    EXPECT(SKEP_OK, skep_watch(server, fds[0], SKEP_READABLE, never_ready, NULL));
    EXPECT(SKEP_SYSTEM, skep_watch(server, fds[0], SKEP_READABLE, never_ready, NULL));
    CHECK(skep_last_error_code() == EEXIST);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_rewatch(server, fds[0], 0));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_rewatch(server, fds[0], 8));
    in_a_forked_child(server); /* with something watched */
    EXPECT(SKEP_OK, skep_unwatch(server, fds[0]));
    close(file);
}

static uint64_t timers(skep_server *server)
{
    uint64_t count = 77;
    EXPECT(SKEP_OK, skep_timer_count(server, &count));
    return count;
}

/* ---- what does work, in each kind of process: tick, after, clear, count */

struct life {
    const char *name;
    int ticks;
    skep_timer_id tick;
};

static void on_deferred(skep_server *server, void *user_data)
{
    CHECK(timers(server) == 0);
    say("%s deferred", (const char *)user_data);
}

static void on_after(skep_server *server, skep_timer_id timer, void *user_data)
{
    struct life *life = (struct life *)user_data;
    CHECK(timer > life->tick && life->ticks == 2 && timers(server) == 0);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_clear(server, timer)); /* gone when it is called */
    EXPECT(SKEP_OK, skep_run_event_loop(server)); /* in a callback of the loop: nothing */
    if (strcmp(life->name, "task worker") != 0) {
        EXPECT(SKEP_OK, skep_defer(server, on_deferred, (void *)life->name));
    }
    say("%s ok", life->name);
}

static void on_tick(skep_server *server, skep_timer_id timer, void *user_data)
{
    struct life *life = (struct life *)user_data;
    skep_timer_id after = 0;
    CHECK(timer == life->tick && timers(server) == 1);
    if (++life->ticks == 2) {
        EXPECT(SKEP_OK, skep_timer_clear(server, timer));
        EXPECT(SKEP_OK, skep_timer_after(server, 1, on_after, life, &after));
        CHECK(after > timer);
    }
}

static void begin(skep_server *server, const char *name)
{
    static struct life life; /* each process has its own */
    life.name = name;
    CHECK(timers(server) == 0);
    nulls(server);
    EXPECT(SKEP_OK, skep_timer_tick(server, 2, on_tick, &life, &life.tick));
    CHECK(life.tick >= 1 && timers(server) == 1);
}

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    begin(server, "master");
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    say("READY %u", (unsigned)port);
}

static void on_manager_start(skep_server *server, void *user_data)
{
    (void)user_data;
    begin(server, "manager");
}

static void on_worker_start(skep_server *server, uint32_t worker, void *user_data)
{
    (void)user_data;
    if (worker == 0) {
        wrong_arguments(server);
        on_another_thread(server);
        EXPECT(SKEP_OK, skep_run_event_loop(server)); /* a worker's is run for it */
        begin(server, "worker");
    } else {
        begin(server, "task worker");
    }
}

static void user_process(skep_server *server, uint32_t process, void *user_data)
{
    (void)process;
    (void)user_data;
    wrong_arguments(server);
    on_another_thread(server);
    begin(server, "user process");
    EXPECT(SKEP_OK, skep_run_event_loop(server));
    CHECK(timers(server) == 0);
    for (;;) {
        pause(); /* SIGTERM ends it */
    }
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    (void)reactor;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_send(server, session, data, len));
}

static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data)
{
    (void)server;
    (void)task;
    (void)data;
    (void)len;
    (void)user_data;
}

int main(void)
{
    skep_server *server = NULL;
    CHECK(pipe(fds) == 0);
    nulls(NULL);
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "task_worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_manager_start(server, on_manager_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_worker_start(server, on_worker_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_on_task(server, on_task, NULL));
    EXPECT(SKEP_OK, skep_server_add_process(server, user_process, NULL));
    without_a_running_server(server);
    on_another_thread(server);
    EXPECT(SKEP_OK, skep_server_start(server));
    without_a_running_server(server);
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
