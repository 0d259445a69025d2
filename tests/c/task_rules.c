/* Tasks, messages, user processes: each function in each kind of process, before the start and after the end, with each
 * refusal that the header promises. With the argument "bare" the server has neither task workers nor a message callback. */
#include <pthread.h>
#include <sys/wait.h>

#include "check.h"

#define MAX_BYTES (64 << 10) /* task_queue_max_bytes, and the least there is */
#define MAX_NUM 8            /* task_queue_max_num */

static int gate[2]; /* a task worker that is to be blocked reads from it */
static uint8_t large[MAX_BYTES + 1];

static int is(const uint8_t *data, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

static const uint8_t *text(const char *characters)
{
    return (const uint8_t *)characters;
}

static void never(const uint8_t *data, size_t len, void *user_data)
{
    (void)data;
    (void)len;
    (void)user_data;
    CHECK(!"called in spite of a refusal");
}

static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data);
static void on_finish(skep_server *server, const skep_task_result *result, const uint8_t *data, size_t len,
                      void *user_data);
static void on_lost(skep_server *server, skep_task_id id, skep_task_loss reason, int32_t orphaned, void *user_data);
static void on_message(skep_server *server, const skep_message *message, const uint8_t *data, size_t len,
                       void *user_data);
static void user_process(skep_server *server, uint32_t process, void *user_data);

static void nulls(skep_server *server)
{
    const uint8_t *x = text("x");
    skep_task_id id = 77;
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_task(NULL, on_task, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_task(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_finish(NULL, on_finish, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_finish(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_task_lost(NULL, on_lost, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_task_lost(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_message(NULL, on_message, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_message(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_add_process(NULL, user_process, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_add_process(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_task(NULL, x, 1, 0, &id));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_task(server, NULL, 1, 0, &id));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_task_wait(NULL, x, 1, 0, 0, never, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_task_wait(server, NULL, 1, 0, 0, never, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_task_wait(server, x, 1, 0, 0, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_finish(NULL, x, 1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_finish(server, NULL, 1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_send_message(NULL, 0, x, 1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_send_message(server, 0, NULL, 1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_reload_tasks(NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_run_event_loop(NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_task_pack(NULL, 1));
    CHECK(id == 77);
}

/* Before the start and after the end. */
static void without_a_running_server(skep_server *server)
{
    const uint8_t *x = text("x");
    skep_task_id id = 77;
    EXPECT(SKEP_NOT_RUNNING, skep_server_task(server, x, 1, 0, &id));
    EXPECT(SKEP_NOT_RUNNING, skep_server_task_wait(server, x, 1, 0, 0, never, NULL));
    EXPECT(SKEP_NOT_RUNNING, skep_server_finish(server, x, 1));
    EXPECT(SKEP_NOT_RUNNING, skep_server_send_message(server, 0, x, 1));
    EXPECT(SKEP_NOT_RUNNING, skep_server_reload_tasks(server));
    EXPECT(SKEP_NOT_RUNNING, skep_run_event_loop(server));
    CHECK(id == 77);
}

/* In every process of a running server, and after its end. */
static void setup_is_over(skep_server *server)
{
    EXPECT(SKEP_STATE, skep_server_on_task(server, on_task, NULL));
    EXPECT(SKEP_STATE, skep_server_on_finish(server, on_finish, NULL));
    EXPECT(SKEP_STATE, skep_server_on_task_lost(server, on_lost, NULL));
    EXPECT(SKEP_STATE, skep_server_on_message(server, on_message, NULL));
    EXPECT(SKEP_STATE, skep_server_add_process(server, user_process, NULL));
}

static void *another_thread(void *argument)
{
    skep_server *server = (skep_server *)argument;
    const uint8_t *x = text("x");
    uint8_t header[SKEP_TASK_HEADER_SIZE];
    EXPECT(SKEP_WRONG_THREAD, skep_server_on_task(server, on_task, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_on_finish(server, on_finish, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_on_task_lost(server, on_lost, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_on_message(server, on_message, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_add_process(server, user_process, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_task(server, x, 1, 0, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_task_wait(server, x, 1, 0, 0, never, NULL));
    EXPECT(SKEP_WRONG_THREAD, skep_server_finish(server, x, 1));
    EXPECT(SKEP_WRONG_THREAD, skep_server_send_message(server, 0, x, 1));
    EXPECT(SKEP_WRONG_THREAD, skep_server_reload_tasks(server));
    EXPECT(SKEP_WRONG_THREAD, skep_run_event_loop(server));
    EXPECT(SKEP_OK, skep_task_pack(header, 1)); /* anywhere */
    return NULL;
}

static void on_another_thread(skep_server *server)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, another_thread, server) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A child that a callback has forked is no process of the server. */
static void in_a_forked_child(skep_server *server)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        EXPECT(SKEP_STATE, skep_server_task(server, text("x"), 1, 0, NULL));
        EXPECT(SKEP_STATE, skep_server_send_message(server, 1, text("x"), 1));
        EXPECT(SKEP_STATE, skep_server_finish(server, text("x"), 1));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Master, manager: they give tasks that nobody answers, and send. */
static void in_a_supervisor(skep_server *server, const char *name)
{
    char message[64];
    skep_task_id first = 77, second = 77;
    EXPECT(SKEP_OK, skep_server_task(server, text(name), strlen(name), SKEP_ANY_TASK_WORKER, &first));
    EXPECT(SKEP_OK, skep_server_task(server, text(name), strlen(name), 0, &second));
    CHECK(first == 0 && second == 1);
    EXPECT(SKEP_STATE, skep_server_task_wait(server, text("x"), 1, 0, 0, never, NULL));
    EXPECT(SKEP_STATE, skep_server_finish(server, text("x"), 1));
    snprintf(message, sizeof message, "from the %s", name);
    EXPECT(SKEP_OK, skep_server_send_message(server, 0, text(message), strlen(message)));
    EXPECT(SKEP_OK, skep_run_event_loop(server)); /* its loop is run for it */
    setup_is_over(server);
    nulls(server);
    say("%s ok", name);
}

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    say("READY %u", (unsigned)port);
    if (user_data != NULL) {
        in_a_supervisor(server, (const char *)user_data);
    }
}

static void on_manager_start(skep_server *server, void *user_data)
{
    in_a_supervisor(server, (const char *)user_data);
}

static void user_process(skep_server *server, uint32_t process, void *user_data)
{
    CHECK(process == 0);
    in_a_supervisor(server, (const char *)user_data);
    for (;;) {
        pause(); /* SIGTERM ends it */
    }
}

/* ---- the task worker */

static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data)
{
    (void)user_data;
    if (is(data, len, "master") || is(data, len, "manager") || is(data, len, "user process")) {
        CHECK(task->source == (is(data, len, "user process") ? 2u : 0u));
        EXPECT(SKEP_STATE, skep_server_finish(server, data, len)); /* nobody hears of it */
    } else if (is(data, len, "rules")) {
        EXPECT(SKEP_STATE, skep_server_task(server, data, len, SKEP_ANY_TASK_WORKER, NULL));
        EXPECT(SKEP_STATE, skep_server_task_wait(server, data, len, 0, 0, never, NULL));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, 1, data, len)); /* itself */
        EXPECT(SKEP_TOO_LARGE, skep_server_finish(server, large, sizeof large));
        EXPECT(SKEP_OK, skep_run_event_loop(server));
        nulls(server);
        setup_is_over(server);
        on_another_thread(server);
        EXPECT(SKEP_OK, skep_server_finish(server, NULL, 0)); /* nothing is a result, too */
        EXPECT(SKEP_OK, skep_server_finish(server, data, len));
    } else if (is(data, len, "block")) {
        char byte;
        CHECK(read(gate[0], &byte, 1) == 1);
    } else if (is(data, len, "die")) {
        abort();
    } else if (is(data, len, "pid")) {
        pid_t pid = getpid();
        EXPECT(SKEP_OK, skep_server_finish(server, (const uint8_t *)&pid, sizeof pid));
    } else {
        CHECK(is(data, len, "nothing"));
    }
}

/* ---- the worker */

static int finished, released, heard;

static void take(const uint8_t *data, size_t len, void *user_data)
{
    CHECK(len == sizeof(pid_t));
    memcpy(user_data, data, len);
}

static pid_t task_worker(skep_server *server)
{
    pid_t pid = 0;
    EXPECT(SKEP_OK, skep_server_task_wait(server, text("pid"), 3, SKEP_ANY_TASK_WORKER, -1, take, &pid));
    CHECK(pid > 0);
    return pid;
}

static void empty(const uint8_t *data, size_t len, void *user_data)
{
    (void)data;
    CHECK(len == 0);
    *(int *)user_data = 1;
}

static void wrong_arguments(skep_server *server)
{
    const uint8_t *x = text("x");
    skep_task_id id = 77;
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_task(server, x, 1, 1, &id));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_task(server, x, 1, -2, &id));
    EXPECT(SKEP_TOO_LARGE, skep_server_task(server, large, sizeof large, 0, &id));
    CHECK(id == 77);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_task_wait(server, x, 1, 1, -1, never, NULL));
    EXPECT(SKEP_TOO_LARGE, skep_server_task_wait(server, large, sizeof large, 0, -1, never, NULL));
    EXPECT(SKEP_STATE, skep_server_finish(server, x, 1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, 0, x, 1)); /* itself */
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, 2, x, 1)); /* the user process */
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, 3, x, 1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, UINT32_MAX, x, 1));
    EXPECT(SKEP_TOO_LARGE, skep_server_send_message(server, 1, large, sizeof large));
}

/* The task worker is blocked; what waits has an end, and what was accepted is run. */
static void full_queues(skep_server *server)
{
    const uint8_t *nothing = text("nothing");
    skep_status status = SKEP_OK;
    skep_stats stats;
    int given = 0;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    EXPECT(SKEP_TIMED_OUT, skep_server_task_wait(server, text("block"), 5, SKEP_ANY_TASK_WORKER, 50, never, NULL));
    CHECK(skep_last_error_code() != 0);
    do { /* a timed-out task may still have waited in the queue */
        EXPECT(SKEP_OK, skep_server_stats(server, &stats));
        CHECK(stats.size == sizeof stats && stats.task_worker_num == 1 && stats.user_worker_num == 1);
        usleep(1000);
    } while (stats.tasks_at_work == 0 || stats.tasking_num > 0);
    CHECK(stats.task_idle_worker_num == 0 && stats.tasks_lost == 1 && stats.task_count > 6);
    while (status == SKEP_OK && given <= MAX_NUM) {
        status = skep_server_task(server, nothing, 7, SKEP_ANY_TASK_WORKER, NULL);
        given += status == SKEP_OK;
    }
    CHECK(given == MAX_NUM);
    EXPECT(SKEP_OK, skep_server_stats(server, &stats));
    CHECK(stats.tasking_num == MAX_NUM && stats.task_queue_bytes >= 7 * MAX_NUM);
    CHECK(stats.message_queue_num == 0 && stats.message_queue_bytes == 0 && stats.messages_lost == 0);
    EXPECT(SKEP_QUEUE_FULL, skep_server_task(server, nothing, 7, SKEP_ANY_TASK_WORKER, NULL));
    EXPECT(SKEP_QUEUE_FULL, skep_server_task_wait(server, nothing, 7, SKEP_ANY_TASK_WORKER, -1, never, NULL));
    for (given = 0; given < MAX_NUM; given++) {
        EXPECT(SKEP_OK, skep_server_send_message(server, 1, text("to the task worker"), 18));
    }
    EXPECT(SKEP_QUEUE_FULL, skep_server_send_message(server, 1, text("to the task worker"), 18));
    CHECK(write(gate[1], "x", 1) == 1);
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    pid_t before;
    int was_empty = 0;
    (void)reactor;
    (void)user_data;
    CHECK(is(data, len, "go"));
    nulls(server);
    setup_is_over(server);
    wrong_arguments(server);
    on_another_thread(server);
    in_a_forked_child(server);
    EXPECT(SKEP_OK, skep_run_event_loop(server));

    EXPECT(SKEP_OK, skep_server_task_wait(server, text("rules"), 5, SKEP_ANY_TASK_WORKER, -1, empty, &was_empty));
    CHECK(was_empty); /* the first of two results */
    EXPECT(SKEP_NO_RESULT, skep_server_task_wait(server, text("nothing"), 7, 0, -1, never, NULL));
    before = task_worker(server);
    EXPECT(SKEP_TASK_LOST, skep_server_task_wait(server, text("die"), 3, 0, -1, never, NULL));
    CHECK(skep_last_error_code() == SKEP_TASK_WORKER_DIED);
    CHECK(task_worker(server) != before);
    before = task_worker(server);
    EXPECT(SKEP_OK, skep_server_reload_tasks(server));
    while (task_worker(server) == before) {
    }
    full_queues(server);
    released = 1;
    EXPECT(SKEP_OK, skep_server_task(server, text("pid"), 3, 0, NULL)); /* behind those that were accepted */
    EXPECT(SKEP_OK, skep_server_send(server, session, text("done"), 4));
}

static void on_finish(skep_server *server, const skep_task_result *result, const uint8_t *data, size_t len,
                      void *user_data)
{
    (void)server;
    (void)data;
    (void)user_data;
    CHECK(released && !finished && len == sizeof(pid_t) && result->task_worker == 1);
    finished = 1;
    say("finished");
}

static void on_lost(skep_server *server, skep_task_id id, skep_task_loss reason, int32_t orphaned, void *user_data)
{
    (void)server;
    (void)orphaned;
    (void)user_data;
    say("FAILED: task %d is lost, %d", (int)id, (int)reason);
}

static void on_message(skep_server *server, const skep_message *message, const uint8_t *data, size_t len,
                       void *user_data)
{
    (void)user_data;
    if (is(data, len, "to the task worker")) {
        CHECK(message->source == 0 && message->source_role == SKEP_ROLE_WORKER);
        EXPECT(SKEP_STATE, skep_server_finish(server, data, len)); /* no task is at hand */
        if (++heard == MAX_NUM) {
            say("%d messages", heard);
        }
    } else if (is(data, len, "from the master")) {
        CHECK(message->source == 0 && message->source_role == SKEP_ROLE_MASTER);
        say("heard the master");
    } else if (is(data, len, "from the manager")) {
        CHECK(message->source == 0 && message->source_role == SKEP_ROLE_MANAGER);
        say("heard the manager");
    } else {
        CHECK(is(data, len, "from the user process"));
        CHECK(message->source == 2 && message->source_role == SKEP_ROLE_USER_PROCESS);
        say("heard the user process");
    }
}

/* ---- a server without all of that */

static void on_bare_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                            size_t len, void *user_data)
{
    (void)reactor;
    (void)user_data;
    EXPECT(SKEP_STATE, skep_server_task(server, data, len, SKEP_ANY_TASK_WORKER, NULL));
    EXPECT(SKEP_STATE, skep_server_task_wait(server, data, len, SKEP_ANY_TASK_WORKER, -1, never, NULL));
    EXPECT(SKEP_STATE, skep_server_finish(server, data, len));
    EXPECT(SKEP_STATE, skep_server_send_message(server, 1, data, len));
    EXPECT(SKEP_OK, skep_server_reload_tasks(server)); /* there are none to be replaced */
    EXPECT(SKEP_OK, skep_server_send(server, session, text("done"), 4));
}

/* ---- the end */

static void on_shutdown(skep_server *server, void *user_data)
{
    (void)user_data;
    EXPECT(SKEP_STATE, skep_server_reload_tasks(server));
    say("shutdown ok");
}

static void serve(int bare)
{
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", bare ? 2 : 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_on_shutdown(server, on_shutdown, NULL));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, bare ? NULL : (void *)"master"));
    if (bare) {
        EXPECT(SKEP_OK, skep_server_on_receive(server, on_bare_receive, NULL));
    } else {
        EXPECT(SKEP_OK, skep_server_set_int(server, "task_worker_num", 1));
        EXPECT(SKEP_OK, skep_server_set_int(server, "task_queue_max_bytes", MAX_BYTES));
        EXPECT(SKEP_OK, skep_server_set_int(server, "task_queue_max_num", MAX_NUM));
        EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
        EXPECT(SKEP_OK, skep_server_on_manager_start(server, on_manager_start, (void *)"manager"));
        EXPECT(SKEP_OK, skep_server_on_task(server, on_task, NULL));
        EXPECT(SKEP_OK, skep_server_on_finish(server, on_finish, NULL));
        EXPECT(SKEP_OK, skep_server_on_task_lost(server, on_lost, NULL));
        EXPECT(SKEP_OK, skep_server_on_message(server, on_message, NULL));
        EXPECT(SKEP_OK, skep_server_add_process(server, user_process, (void *)"user process"));
    }
    nulls(server);
    on_another_thread(server);
    without_a_running_server(server);
    EXPECT(SKEP_OK, skep_server_start(server));
    nulls(server);
    setup_is_over(server);
    without_a_running_server(server);
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
}

int main(int argc, char **argv)
{
    (void)argv;
    CHECK(pipe(gate) == 0);
    serve(argc > 1);
    return 0;
}
