/* Every callback says which process it runs in; messages make workers end in each way they can. */
#include "check.h"

static const char start_word[] = "start";

/* The callbacks get back what they were registered with. */
static const char *word(void *user_data)
{
    return (const char *)user_data;
}

static void on_process(skep_server *server, void *user_data)
{
    int32_t master = 0, manager = 0;
    const char *role = "nobody";
    EXPECT(SKEP_OK, skep_server_master_pid(server, &master));
    EXPECT(SKEP_OK, skep_server_manager_pid(server, &manager));
    if (master == (int32_t)getpid()) {
        role = "master";
    } else if (manager == (int32_t)getpid()) {
        role = "manager";
    }
    if (user_data == start_word) {
        uint16_t port = 0;
        EXPECT(SKEP_OK, skep_server_port(server, &port));
        say("READY %u", (unsigned)port);
    }
    say("%s %s", role, word(user_data));
}

static void on_worker(skep_server *server, uint32_t worker, void *user_data)
{
    int32_t id = -1;
    EXPECT(SKEP_OK, skep_server_worker_id(server, &id));
    CHECK(id == (int32_t)worker);
    say("worker %s", word(user_data));
}

static void on_worker_error(skep_server *server, uint32_t worker, int32_t pid, int32_t code, int32_t signal,
                            void *user_data)
{
    int32_t manager = 0;
    EXPECT(SKEP_OK, skep_server_manager_pid(server, &manager));
    CHECK(manager == (int32_t)getpid() && pid > 0);
    say("manager %s worker %u code %d signal %d", word(user_data), (unsigned)worker, (int)code, (int)signal);
}

static void on_worker_death(skep_server *server, const skep_death *death, void *user_data)
{
    int32_t manager = 0;
    EXPECT(SKEP_OK, skep_server_manager_pid(server, &manager));
    CHECK(manager == (int32_t)getpid() && death->pid > 0);
    CHECK(death->size >= sizeof *death);
    CHECK(death->uptime_ms < 600000);
    CHECK(death->peak_rss > 1 << 20 && death->peak_rss < (uint64_t)1 << 32);
    say("manager %s worker %u code %d signal %d requests %llu callback %d session %llu", word(user_data),
        (unsigned)death->worker, (int)death->code, (int)death->signal, (unsigned long long)death->requests,
        (int)death->callback, (unsigned long long)death->session);
}

static void on_session(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    (void)server;
    (void)reactor;
    say("session %llu %s", (unsigned long long)session, word(user_data));
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor,
                       const uint8_t *data, size_t len, void *user_data)
{
    (void)reactor;
    (void)user_data;
#define IS(text) (len == sizeof(text) - 1 && memcmp(data, text, len) == 0)
    if (IS("leave")) {
        EXPECT(SKEP_OK, skep_server_leave(server, 7));
    } else if (IS("leave in close")) {
        /* on_close below does not know of it: the wish is of this callback and holds after the inner one. */
        EXPECT(SKEP_OK, skep_server_leave(server, 8));
        EXPECT(SKEP_OK, skep_server_close(server, session, false));
    } else if (IS("exit")) {
        exit(9);
    } else if (IS("crash")) {
        abort();
    } else if (IS("stop")) {
        EXPECT(SKEP_OK, skep_server_stop_worker(server, -1));
    } else if (IS("reload")) {
        EXPECT(SKEP_OK, skep_server_reload(server));
    } else if (IS("shutdown")) {
        EXPECT(SKEP_OK, skep_server_shutdown(server));
    } else {
        EXPECT(SKEP_OK, skep_server_send(server, session, data, len));
    }
}

#define WORD(text) ((void *)(text))

/* One server from beginning to end. */
static void serve(void)
{
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_process, WORD(start_word)));
    EXPECT(SKEP_OK, skep_server_on_before_shutdown(server, on_process, WORD("before_shutdown")));
    EXPECT(SKEP_OK, skep_server_on_shutdown(server, on_process, WORD("shutdown")));
    EXPECT(SKEP_OK, skep_server_on_manager_start(server, on_process, WORD("manager_start")));
    EXPECT(SKEP_OK, skep_server_on_manager_stop(server, on_process, WORD("manager_stop")));
    EXPECT(SKEP_OK, skep_server_on_worker_start(server, on_worker, WORD("worker_start")));
    EXPECT(SKEP_OK, skep_server_on_worker_stop(server, on_worker, WORD("worker_stop")));
    EXPECT(SKEP_OK, skep_server_on_worker_error(server, on_worker_error, WORD("worker_error")));
    EXPECT(SKEP_OK, skep_server_on_worker_death(server, on_worker_death, WORD("worker_death")));
    EXPECT(SKEP_OK, skep_server_on_worker_exit(server, on_worker, WORD("worker_exit")));
    EXPECT(SKEP_OK, skep_server_on_before_reload(server, on_process, WORD("before_reload")));
    EXPECT(SKEP_OK, skep_server_on_after_reload(server, on_process, WORD("after_reload")));
    EXPECT(SKEP_OK, skep_server_on_connect(server, on_session, WORD("connect")));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_session, WORD("close")));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_start(server));
    say("returned");
    EXPECT(SKEP_STATE, skep_server_start(server)); /* a server runs once */
    EXPECT(SKEP_NOT_RUNNING, skep_server_reload(server));
    EXPECT(SKEP_OK, skep_server_free(server));
}

int main(int argc, char **argv)
{
    int times = argc > 1 ? atoi(argv[1]) : 1;
    while (times-- > 0) {
        serve();
    }
    say("done");
    return 0;
}
