/* Timers, calls put off and a watched pipe in a C program. */
#include "check.h"

#include <errno.h>

static int ticks, fds[2];
static skep_session_id client;
static skep_server *the_server;

static void answer(const char *text)
{
    EXPECT(SKEP_OK, skep_server_send(the_server, client, (const uint8_t *)text, strlen(text)));
}

static void on_tick(skep_server *server, skep_timer_id timer, void *user_data)
{
    uint64_t count = 99;
    CHECK(server == the_server && user_data == &ticks);
    if (++ticks == 3) {
        EXPECT(SKEP_OK, skep_timer_clear(server, timer));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_clear(server, timer));
        EXPECT(SKEP_OK, skep_timer_count(server, &count));
        CHECK(count == 0);
        answer("ticked\n");
    }
}

static void on_deferred(skep_server *server, void *user_data)
{
    CHECK(server == the_server);
    answer((const char *)user_data);
}

static void on_after(skep_server *server, skep_timer_id timer, void *user_data)
{
    CHECK(timer > 0);
    EXPECT(SKEP_OK, skep_defer(server, on_deferred, user_data));
}

static void on_leave(skep_server *server, skep_timer_id timer, void *user_data)
{
    (void)timer;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_leave(server, 7));
}

static void on_ready(skep_server *server, int32_t descriptor, skep_readiness ready, void *user_data)
{
    char byte = 0;
    CHECK(user_data == fds && descriptor == fds[0] && ready == SKEP_READABLE);
    CHECK(read(descriptor, &byte, 1) == 1);
    if (byte == '.') {
        EXPECT(SKEP_OK, skep_unwatch(server, descriptor));
        EXPECT(SKEP_INVALID_ARGUMENT, skep_unwatch(server, descriptor));
        EXPECT(SKEP_SYSTEM, skep_rewatch(server, descriptor, SKEP_READABLE));
        CHECK(skep_last_error_code() == ENOENT);
        answer("read\n");
    }
}

static void watch(skep_server *server)
{
    CHECK(pipe(fds) == 0);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_watch(server, fds[0], 0, on_ready, fds));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_watch(server, fds[0], 4, on_ready, fds));
    EXPECT(SKEP_NULL_ARGUMENT, skep_watch(server, fds[0], SKEP_READABLE, NULL, fds));
    EXPECT(SKEP_SYSTEM, skep_watch(server, -1, SKEP_READABLE, on_ready, fds));
    CHECK(skep_last_error_code() == EBADF);
    EXPECT(SKEP_OK, skep_watch(server, fds[0], SKEP_READABLE | SKEP_WRITABLE, on_ready, fds));
    EXPECT(SKEP_OK, skep_rewatch(server, fds[0], SKEP_READABLE));
    EXPECT(SKEP_SYSTEM, skep_watch(server, fds[0], SKEP_READABLE, on_ready, fds));
    CHECK(skep_last_error_code() == EEXIST);
    CHECK(write(fds[1], "abc.", 4) == 4);
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                       size_t len, void *user_data)
{
    static char later[] = "deferred\n";
    skep_timer_id timer = 0;
    (void)reactor;
    (void)user_data;
    client = session;
    CHECK(len > 0);
    switch (data[0]) {
    case 't':
        EXPECT(SKEP_INVALID_ARGUMENT, skep_timer_tick(server, 0, on_tick, NULL, &timer));
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_tick(server, 5, NULL, NULL, &timer));
        EXPECT(SKEP_NULL_ARGUMENT, skep_timer_tick(server, 5, on_tick, NULL, NULL));
        CHECK(timer == 0);
        EXPECT(SKEP_OK, skep_timer_tick(server, 5, on_tick, &ticks, &timer));
        CHECK(timer == 1);
        break;
    case 'a':
        EXPECT(SKEP_NULL_ARGUMENT, skep_defer(server, NULL, NULL));
        EXPECT(SKEP_OK, skep_timer_after(server, 5, on_after, later, &timer));
        break;
    case 'w':
        watch(server);
        break;
    default:
        EXPECT(SKEP_OK, skep_timer_after(server, 5, on_leave, NULL, &timer));
    }
}

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    say("READY %u", (unsigned)port);
}

static void on_death(skep_server *server, const skep_death *death, void *user_data)
{
    (void)server;
    (void)user_data;
    say("died in %d with %d", (int)death->callback, (int)death->code);
}

int main(void)
{
    skep_server *server = NULL;
    skep_timer_id timer = 0;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    the_server = server;
    EXPECT(SKEP_NOT_RUNNING, skep_timer_tick(server, 5, on_tick, NULL, &timer));
    EXPECT(SKEP_NULL_ARGUMENT, skep_timer_clear(NULL, 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_worker_death(server, on_death, NULL));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
