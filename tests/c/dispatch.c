/* Functions of a C program on the reactor threads: one chooses workers, one finds the ends of messages. */
#include "check.h"

static int chosen;   /* its address is user data */
static int measured;

/* The first byte of a message is the worker's id; 'd' drops it, 'c' closes the session, anything else is left to the mode. */
static int64_t choose(skep_session_id session, skep_dispatch_kind kind, const uint8_t *data, size_t length, void *user_data)
{
    CHECK(user_data == &chosen && session > 0);
    if (kind != SKEP_DISPATCH_DATA) {
        CHECK(kind == SKEP_DISPATCH_CONNECT || kind == SKEP_DISPATCH_CLOSE);
        CHECK(length == 0);
        return SKEP_TARGET_DISCARD;
    }
    CHECK(length > 0);
    switch (data[0]) {
    case 'd':
        return SKEP_TARGET_DISCARD;
    case 'c':
        return SKEP_TARGET_CLOSE;
    case '0':
    case '1':
    case '2':
        return data[0] - '0';
    default:
        return SKEP_TARGET_MODE;
    }
}

/* Messages end with a full stop. */
static int64_t measure(const uint8_t *data, size_t length, void *user_data)
{
    const void *end = memchr(data, '.', length);
    CHECK(user_data == &measured);
    return end ? (int64_t)((const uint8_t *)end - data) + 1 : 0;
}

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    EXPECT(SKEP_STATE, skep_server_set_dispatch_function(server, choose, NULL));
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    say("READY %u", (unsigned)port);
}

static void on_session(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    (void)server;
    (void)session;
    (void)reactor;
    say("%s", (const char *)user_data);
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                       size_t len, void *user_data)
{
    char text[64];
    int32_t worker = -1;
    (void)reactor;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_worker_id(server, &worker));
    snprintf(text, sizeof text, "%.*s by %u\n", (int)len, (const char *)data, (unsigned)worker);
    EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)text, strlen(text)));
}

int main(void)
{
    static char connected[] = "connect", closed[] = "close";
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_set_dispatch_function(server, NULL, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_set_dispatch_function(NULL, choose, NULL));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_port_set_length_function(server, 1, measure, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_set_length_function(server, 0, NULL, NULL));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 3));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 4));
    EXPECT(SKEP_OK, skep_server_set_int(server, "dispatch_mode", SKEP_DISPATCH_ADAPTIVE));
    EXPECT(SKEP_OK, skep_server_set_dispatch_function(server, choose, &chosen));
    EXPECT(SKEP_OK, skep_port_set_length_function(server, 0, measure, &measured));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_connect(server, on_session, connected));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_session, closed));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
