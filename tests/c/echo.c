/* What a message asks for is done with the API and told to the client; anything else comes back as it is. */
#include "check.h"

#define CHUNK 65536

struct app {
    uint64_t connects;
    skep_session_id closed;
    int32_t closed_by;
};

typedef unsigned long long ull;

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    int32_t id = 7;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    EXPECT(SKEP_OK, skep_server_worker_id(server, &id));
    CHECK(id == -1);
    say("READY %u", (unsigned)port);
}

static void on_connect(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    struct app *app = (struct app *)user_data;
    bool exists = false;
    CHECK(reactor >= 0);
    EXPECT(SKEP_OK, skep_server_exists(server, session, &exists));
    CHECK(exists);
    app->connects++;
}

static void on_close(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    struct app *app = (struct app *)user_data;
    skep_session_info info;
    bool exists = true;
    info.size = sizeof info;
    EXPECT(SKEP_OK, skep_server_session_info(server, session, &info));
    EXPECT(SKEP_OK, skep_server_exists(server, session, &exists));
    CHECK(!exists);
    EXPECT(SKEP_SESSION_CLOSING, skep_server_close(server, session, false));
    app->closed = session;
    app->closed_by = reactor;
    say("closed %llu by %s", (ull)session, reactor == SKEP_CLOSED_BY_SERVER ? "a call" : "an event");
}

static void reply(skep_server *server, skep_session_id session, const char *text)
{
    EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)text, strlen(text)));
}

static void tell_info(skep_server *server, skep_session_id session, int32_t reactor)
{
    char text[256];
    skep_session_info info;
    memset(&info, 0xff, sizeof info);
    info.size = sizeof info;
    EXPECT(SKEP_OK, skep_server_session_info(server, session, &info));
    CHECK(info.size == sizeof info);
    CHECK(info.session == session);
    CHECK(info.reactor == reactor);
    CHECK(info.socket >= 0);
    CHECK(info.close_errno == 0 && info.port == 0);
    CHECK(info.connected_us > 0 && info.received_us >= info.connected_us);
    snprintf(text, sizeof text, "info %llu from %s:%u worker %d\n", (ull)info.session, info.remote_ip,
             (unsigned)info.remote_port, (int)info.worker);
    reply(server, session, text);
}

static void tell_list(skep_server *server, skep_session_id session)
{
    char text[256];
    skep_session_id ids[8];
    skep_session_id after = 0;
    size_t count = 0, all = 0;
    EXPECT(SKEP_OK, skep_server_list_sessions(server, 0, ids, 8, &count));
    CHECK(count >= 1 && count <= 8);
    do { /* the same, one at a time */
        EXPECT(SKEP_OK, skep_server_list_sessions(server, after, &after, 1, &count));
        CHECK(count == 0 || after == ids[all]);
        all += count;
    } while (count > 0);
    snprintf(text, sizeof text, "list %zu first %llu\n", all, (ull)ids[0]);
    reply(server, session, text);
}

static void tell_worker(skep_server *server, skep_session_id session, const skep_stats *stats)
{
    skep_worker_stats own;
    own.size = sizeof own;
    EXPECT(SKEP_OK, skep_server_worker_stats(server, 0, &own));
    CHECK(own.size == sizeof own);
    CHECK(own.pid == (uint64_t)getpid() && own.session == session && own.restarts == 0);
    CHECK(own.served == stats->worker_request_count && own.rss_bytes > 0 && own.queue_depth >= 1);
    CHECK(strcmp(own.state, "busy") == 0 && strcmp(own.callback, "onReceive") == 0);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_worker_stats(server, 1, &own));
}

static void tell_stats(skep_server *server, skep_session_id session, const struct app *app)
{
    char text[256];
    skep_stats stats;
    stats.size = sizeof stats;
    EXPECT(SKEP_OK, skep_server_stats(server, &stats));
    CHECK(stats.size == sizeof stats);
    CHECK(stats.in_worker == 1 && stats.worker_num == 1);
    CHECK(stats.accept_count == app->connects);
    CHECK(stats.connection_num == stats.accept_count - stats.close_count);
    CHECK(stats.worker_request_count == stats.request_count);
    CHECK(stats.ready == 1 && strcmp(stats.phase, "serving") == 0 && stats.reloads == 0);
    tell_worker(server, session, &stats);
    snprintf(text, sizeof text, "stats open %llu received %llu\n", (ull)stats.connection_num,
             (ull)stats.total_recv_bytes);
    reply(server, session, text);
}

static void tell_ids(skep_server *server, skep_session_id session)
{
    int32_t id = -2, master = 0, manager = 0, self = 0;
    uint32_t workers = 0;
    skep_worker_status status = 0;
    EXPECT(SKEP_OK, skep_server_worker_id(server, &id));
    EXPECT(SKEP_OK, skep_server_worker_num(server, &workers));
    EXPECT(SKEP_OK, skep_server_master_pid(server, &master));
    EXPECT(SKEP_OK, skep_server_manager_pid(server, &manager));
    EXPECT(SKEP_OK, skep_server_worker_pid(server, 0, &self));
    EXPECT(SKEP_OK, skep_server_worker_status(server, 0, &status));
    CHECK(id == 0 && workers == 1 && status == SKEP_WORKER_BUSY);
    CHECK(self == (int32_t)getpid() && manager == (int32_t)getppid());
    CHECK(master > 0 && master != manager && master != self);
    reply(server, session, "ids\n");
}

static void close_it(skep_server *server, skep_session_id session, bool reset, struct app *app)
{
    reply(server, session, "bye\n");
    EXPECT(SKEP_OK, skep_server_close(server, session, reset));
    CHECK(app->closed == session && app->closed_by == SKEP_CLOSED_BY_SERVER); /* on_close has run */
    EXPECT(SKEP_SESSION_CLOSED, skep_server_close(server, session, reset));
    EXPECT(SKEP_SESSION_CLOSED, skep_server_send(server, session, (const uint8_t *)"x", 1));
}

/* Send to a client that does not read until the engine refuses, and tell what was accepted. */
static void flood(skep_server *server, skep_session_id session)
{
    static uint8_t chunk[CHUNK];
    unsigned accepted = 0;
    skep_status status = SKEP_OK;
    while (accepted < 10000 && (status = skep_server_send(server, session, chunk, CHUNK)) == SKEP_OK) {
        accepted++;
    }
    CHECK(status == SKEP_OUTPUT_FULL && skep_last_error_code() == 1009);
    say("flooded %u", accepted);
}

/* The first 100 bytes of this program between two sends; and what is refused. */
static void send_file(skep_server *server, skep_session_id session)
{
    const char *self = "/proc/self/exe";
    EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)"X", 1));
    EXPECT(SKEP_OK, skep_server_sendfile(server, session, self, 0, 100));
    EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)"Y", 1));
    EXPECT(SKEP_SYSTEM, skep_server_sendfile(server, session, "/nowhere/at/all", 0, 0));
    CHECK(skep_last_error_code() == 502);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_sendfile(server, session, "/tmp", 0, 0));
    CHECK(skep_last_error_code() == 9013);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_sendfile(server, session, self, 1, UINT64_MAX));
    CHECK(skep_last_error_code() == 505);
    EXPECT(SKEP_SYSTEM, skep_server_sendfile(server, session, self, UINT64_MAX, 0));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_sendfile(server, 999, self, 0, 0));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_sendfile(server, session, NULL, 0, 0));
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor,
                       const uint8_t *data, size_t len, void *user_data)
{
    struct app *app = (struct app *)user_data;
#define IS(text) (len == sizeof(text) - 1 && memcmp(data, text, len) == 0)
    if (IS("info")) {
        tell_info(server, session, reactor);
    } else if (IS("list")) {
        tell_list(server, session);
    } else if (IS("stats")) {
        tell_stats(server, session, app);
    } else if (IS("ids")) {
        tell_ids(server, session);
    } else if (IS("close")) {
        close_it(server, session, false, app);
    } else if (IS("reset")) {
        close_it(server, session, true, app);
    } else if (IS("flood")) {
        flood(server, session);
    } else if (IS("file")) {
        send_file(server, session);
    } else {
        EXPECT(SKEP_OK, skep_server_send(server, session, data, len));
    }
}

int main(void)
{
    struct app app = {0, 0, 0};
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_set_text(server, "socket_buffer_size", "256K"));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, &app));
    EXPECT(SKEP_OK, skep_server_on_connect(server, on_connect, &app));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, &app));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_close, &app));
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
    CHECK(app.connects == 0); /* the callbacks ran in another process */
    say("stopped");
    return 0;
}
