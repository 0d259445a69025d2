/* Binds, protects, pauses and resumes sessions; ends silent ones; hears of slow clients. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <time.h>

#define CHUNK 65536

typedef unsigned long long ull;

static uint16_t own_port(skep_server *server)
{
    uint16_t port = 0;
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    return port;
}

static skep_session_info about(skep_server *server, skep_session_id session)
{
    skep_session_info info;
    info.size = sizeof info;
    EXPECT(SKEP_OK, skep_server_session_info(server, session, &info));
    CHECK(info.size == sizeof info);
    return info;
}

/* Of session 1, by session 2. */
static void treat(skep_server *server, skep_session_id own)
{
    skep_session_info info = about(server, 1);
    CHECK(info.uid == 0 && info.is_protected == 0 && info.is_paused == 0);
    CHECK(info.socket_type == SKEP_SOCKET_TCP && info.server_port == own_port(server));
    CHECK(info.server_socket >= 0 && info.port == 0);
    EXPECT(SKEP_OK, skep_server_bind(server, 1, 0));
    EXPECT(SKEP_OK, skep_server_bind(server, 1, 4294967295u));
    EXPECT(SKEP_STATE, skep_server_bind(server, 1, 2));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_bind(server, 99, 2));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_bind(NULL, 1, 2));
    EXPECT(SKEP_OK, skep_server_protect(server, 1, true));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_protect(server, 99, true));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_protect(NULL, 1, true));
    EXPECT(SKEP_OK, skep_server_pause(server, 1));
    EXPECT(SKEP_OK, skep_server_pause(server, 1));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_pause(server, 99));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_pause(NULL, 1));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_resume(server, 99));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_resume(NULL, 1));
    info = about(server, 1);
    CHECK(info.uid == 4294967295u && info.is_protected == 1 && info.is_paused == 1);
    EXPECT(SKEP_OK, skep_server_send(server, own, (const uint8_t *)"treated\n", 8));
}

static void heartbeat(skep_server *server, skep_session_id own)
{
    skep_session_id silent[4] = {0, 0, 0, 0};
    size_t count = 99;
    char text[32];
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_heartbeat(NULL, false, silent, 4, &count));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_heartbeat(server, false, NULL, 4, &count));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_heartbeat(server, false, silent, 4, NULL));
    EXPECT(SKEP_OK, skep_server_heartbeat(server, false, NULL, 0, &count));
    CHECK(count == 0);
    snprintf(text, sizeof text, "silent %u\n", (unsigned)count);
    EXPECT(SKEP_OK, skep_server_send(server, own, (const uint8_t *)text, strlen(text)));
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                       size_t len, void *user_data)
{
    static uint8_t chunk[CHUNK];
    const struct timespec moment = {0, 10000000};
    unsigned refusals = 0;
    (void)reactor;
    (void)user_data;
    switch (len > 0 ? data[0] : 0) {
    case 't':
        treat(server, session);
        break;
    case 'h':
        heartbeat(server, session);
        break;
    case 'r':
        EXPECT(SKEP_OK, skep_server_resume(server, 1));
        EXPECT(SKEP_OK, skep_server_resume(server, 1));
        EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)"resumed\n", 8));
        break;
    case 'f':
        /* The kernel's own buffers grow for a while: what counts is that several attempts in a row are refused. */
        while (refusals < 20) {
            if (skep_server_send(server, session, chunk, CHUNK) == SKEP_OK) {
                refusals = 0;
            } else {
                refusals++;
                nanosleep(&moment, NULL);
            }
        }
        CHECK(about(server, session).send_queued_bytes >= 1 << 20);
        say("clogged");
        break;
    default:
        EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)"heard\n", 6));
    }
}

static void on_full(skep_server *server, skep_session_id session, void *user_data)
{
    (void)server;
    say("%s %llu", (const char *)user_data, (ull)session);
}

static void on_close(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    (void)user_data;
    say("closed %llu by %d, errno %d", (ull)session, (int)reactor, (int)about(server, session).close_errno);
}

static void on_start(skep_server *server, void *user_data)
{
    (void)user_data;
    say("READY %u", (unsigned)own_port(server));
}

int main(void)
{
    static char full[] = "full";
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_set_text(server, "socket_buffer_size", "1M"));
    EXPECT(SKEP_OK, skep_server_set_int(server, "heartbeat_idle_time", 3600));
    EXPECT(SKEP_OK, skep_server_set_double(server, "send_stall_timeout", 2.0));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_close, NULL));
    EXPECT(SKEP_OK, skep_server_on_buffer_full(server, on_full, full));
    EXPECT(SKEP_NOT_RUNNING, skep_server_pause(server, 1));
    EXPECT(SKEP_OK, skep_server_start(server));
    skep_server_free(server);
    say("stopped");
    return 0;
}
