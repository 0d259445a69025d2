/* Tasks, messages and a user process. What a client's message asks for is done with the API. */
#include "check.h"

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    say("READY %u", (unsigned)port);
}

static int is(const uint8_t *data, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

static const uint8_t *text(const char *characters)
{
    return (const uint8_t *)characters;
}

static void on_result(const uint8_t *data, size_t len, void *user_data)
{
    char *copy = (char *)user_data;
    CHECK(len < 32);
    memcpy(copy, data, len);
    copy[len] = 0;
}

static void on_task(skep_server *server, const skep_task *task, const uint8_t *data, size_t len, void *user_data)
{
    CHECK(task->size == sizeof *task);
    CHECK(task->dispatch_us > 1000000000000000ull);
    CHECK(task->source == 0 && task->attempts == 0);
    CHECK(is(text((const char *)user_data), 4, "task"));
    if (is(data, len, "die")) {
        abort();
    } else if (!is(data, len, "nothing")) {
        EXPECT(SKEP_OK, skep_server_finish(server, data, len));
    }
    EXPECT(SKEP_STATE, skep_server_task(server, data, len, SKEP_ANY_TASK_WORKER, NULL));
    EXPECT(SKEP_STATE, skep_server_task_wait(server, data, len, 0, 0, on_result, NULL));
    EXPECT(SKEP_OK, skep_server_send_message(server, 0, text("from the task worker"), 20));
}

static skep_session_id asker;
static int heard_user_process, asked_for_it;

static void on_finish(skep_server *server, const skep_task_result *result, const uint8_t *data, size_t len,
                      void *user_data)
{
    (void)user_data;
    CHECK(result->size == sizeof *result);
    CHECK(result->task_worker == 1 && result->orphaned == 0);
    CHECK(is(data, len, "given"));
    EXPECT(SKEP_OK, skep_server_send(server, asker, text("finished"), 8));
}

static void on_lost(skep_server *server, skep_task_id id, skep_task_loss reason, int32_t orphaned, void *user_data)
{
    (void)user_data;
    (void)id;
    CHECK(reason == SKEP_TASK_WORKER_DIED && orphaned == 0);
    EXPECT(SKEP_OK, skep_server_send(server, asker, text("lost"), 4));
}

static void on_message(skep_server *server, const skep_message *message, const uint8_t *data, size_t len,
                       void *user_data)
{
    (void)user_data;
    CHECK(message->size == sizeof *message);
    if (is(data, len, "from the user process")) {
        CHECK(message->source == 2 && message->source_role == SKEP_ROLE_USER_PROCESS);
        heard_user_process = 1;
        if (asked_for_it) {
            EXPECT(SKEP_OK, skep_server_send(server, asker, text("yes"), 3));
        }
    } else {
        CHECK(is(data, len, "from the task worker"));
        CHECK(message->source == 1 && message->source_role == SKEP_ROLE_TASK_WORKER);
    }
}

static int greeted;

static void greet(skep_server *server, skep_timer_id timer, void *user_data)
{
    (void)timer;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_send_message(server, 0, text("from the user process"), 21));
    greeted = 1;
}

static void user_process(skep_server *server, uint32_t process, void *user_data)
{
    skep_timer_id timer;
    (void)user_data;
    CHECK(process == 0);
    EXPECT(SKEP_NULL_ARGUMENT, skep_run_event_loop(NULL));
    EXPECT(SKEP_OK, skep_run_event_loop(server)); /* nothing is left to wait for */
    EXPECT(SKEP_OK, skep_timer_after(server, 1, greet, NULL, &timer));
    EXPECT(SKEP_OK, skep_run_event_loop(server));
    CHECK(greeted == 1);
    for (;;) {
        pause(); /* SIGTERM ends it */
    }
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                       size_t len, void *user_data)
{
    char result[32] = "";
    skep_task_id id = 99;
    (void)reactor;
    (void)user_data;
    asker = session;
    if (is(data, len, "wait")) {
        EXPECT(SKEP_OK, skep_server_task_wait(server, text("waited for"), 10, 0, 60000, on_result, result));
        EXPECT(SKEP_OK, skep_server_send(server, session, text(result), strlen(result)));
    } else if (is(data, len, "nothing")) {
        EXPECT(SKEP_NO_RESULT, skep_server_task_wait(server, data, len, SKEP_ANY_TASK_WORKER, -1, on_result, result));
        EXPECT(SKEP_OK, skep_server_send(server, session, data, len));
    } else if (is(data, len, "die")) {
        EXPECT(SKEP_TASK_LOST, skep_server_task_wait(server, data, len, SKEP_ANY_TASK_WORKER, -1, on_result, result));
        CHECK(skep_last_error_code() == SKEP_TASK_WORKER_DIED);
        EXPECT(SKEP_OK, skep_server_task(server, data, len, SKEP_ANY_TASK_WORKER, NULL));
    } else if (is(data, len, "give")) {
        EXPECT(SKEP_OK, skep_server_task(server, text("given"), 5, 0, &id));
        CHECK(id != 99);
    } else if (is(data, len, "user")) {
        asked_for_it = 1;
        if (heard_user_process) {
            EXPECT(SKEP_OK, skep_server_send(server, session, text("yes"), 3));
        }
    } else {
        EXPECT(SKEP_NULL_ARGUMENT, skep_server_task(NULL, data, len, 0, NULL));
        EXPECT(SKEP_NULL_ARGUMENT, skep_server_task(server, NULL, len, 0, NULL));
        EXPECT(SKEP_NULL_ARGUMENT, skep_server_task_wait(server, data, len, 0, 0, NULL, NULL));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_server_task(server, data, len, 1, NULL));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_server_task(server, data, len, -2, NULL));
        EXPECT(SKEP_STATE, skep_server_finish(server, data, len));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, 0, data, len));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_message(server, 2, data, len));
        EXPECT(SKEP_OK, skep_server_send(server, session, data, len));
    }
}

int main(void)
{
    static char task[] = "task";
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "task_worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_NOT_RUNNING, skep_server_task(server, text("x"), 1, 0, NULL));
    EXPECT(SKEP_NOT_RUNNING, skep_server_send_message(server, 0, text("x"), 1));
    EXPECT(SKEP_MISSING_CALLBACK, skep_server_start(server));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_task(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_add_process(server, NULL, NULL));
    EXPECT(SKEP_OK, skep_server_on_task(server, on_task, task));
    EXPECT(SKEP_OK, skep_server_on_finish(server, on_finish, NULL));
    EXPECT(SKEP_OK, skep_server_on_task_lost(server, on_lost, NULL));
    EXPECT(SKEP_OK, skep_server_on_message(server, on_message, NULL));
    EXPECT(SKEP_OK, skep_server_add_process(server, user_process, NULL));
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
