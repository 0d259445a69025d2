/* Three ports: the second with callbacks and settings of its own, the third with those of the primary port but one. */
#include "check.h"

#define CHUNK 65536

typedef unsigned long long ull;

struct port {
    const char *name;
    uint16_t index;
};

static const char *unix_path;

static uint32_t port_of(skep_server *server, skep_session_id session)
{
    skep_session_info info;
    info.size = sizeof info;
    EXPECT(SKEP_OK, skep_server_session_info(server, session, &info));
    return info.port;
}

static void on_start(skep_server *server, void *user_data)
{
    skep_port_info info;
    (void)user_data;
    info.size = sizeof info;
    EXPECT(SKEP_OK, skep_server_port_info(server, 1, &info));
    CHECK(info.socket_type == SKEP_SOCKET_TCP && info.tls == 0 && info.socket >= 0 && info.number > 0);
    CHECK(strcmp(info.host, "127.0.0.1") == 0);
    say("second %u", (unsigned)info.number);
    EXPECT(SKEP_OK, skep_server_port_info(server, 2, &info));
    CHECK(info.socket_type == SKEP_SOCKET_UNIX_STREAM && info.number == 0);
    CHECK(strcmp(info.host, unix_path) == 0);
    EXPECT(SKEP_OK, skep_server_port_info(server, 0, &info));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_port_info(server, 3, &info));
    say("READY %u", (unsigned)info.number);
}

static void on_session(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    const struct port *port = (const struct port *)user_data;
    (void)reactor;
    say("%s %llu of %u", port->name, (ull)session, (unsigned)port_of(server, session));
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                       size_t len, void *user_data)
{
    const struct port *port = (const struct port *)user_data;
    static uint8_t chunk[CHUNK];
    char text[64];
    unsigned accepted = 0;
    (void)reactor;
    if (len == 5 && memcmp(data, "flood", 5) == 0) {
        while (accepted < 512 && skep_server_send(server, session, chunk, CHUNK) == SKEP_OK) {
            accepted++;
        }
        say("%s took %s", port->name, accepted == 512 ? "all" : "some");
        EXPECT(SKEP_OK, skep_server_close(server, session, true));
        return;
    }
    snprintf(text, sizeof text, "%s %u\n", port->name, (unsigned)port_of(server, session));
    EXPECT(SKEP_OK, skep_server_send(server, session, (const uint8_t *)text, strlen(text)));
}

static void on_buffer(skep_server *server, skep_session_id session, void *user_data)
{
    (void)server;
    (void)session;
    (void)user_data;
}

static void refusals(skep_server *server, struct port *port)
{
    uint16_t index = 7;
    skep_port_info info;
    info.size = 3;
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_listen(NULL, "127.0.0.1", 0, SKEP_SOCKET_TCP, &index));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_listen(server, NULL, 0, SKEP_SOCKET_TCP, &index));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_listen(server, "127.0.0.1", 0, SKEP_SOCKET_TCP, NULL));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_listen(server, "127.0.0.1", 0, 99, &index));
    EXPECT(SKEP_LISTEN_FAILED, skep_server_listen(server, "192.0.2.1", 0, SKEP_SOCKET_TCP, &index));
    CHECK(index == 7 && skep_last_error_code() == 99);
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_use_tls(NULL, 0));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_use_tls(server, 3));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_port_info(NULL, 0, &info));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_port_info(server, 0, NULL));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_port_info(server, 0, &info));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_own_settings(NULL, 0));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_port_own_settings(server, 3));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_set_int(NULL, 1, "backlog", 1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_set_int(server, 1, NULL, 1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_port_set_int(server, 3, "backlog", 1));
    EXPECT(SKEP_UNKNOWN_SETTING, skep_port_set_int(server, 1, "nonsense", 1));
    EXPECT(SKEP_BAD_SETTING, skep_port_set_int(server, 1, "worker_num", 1));
    EXPECT(SKEP_BAD_SETTING, skep_port_set_bool(server, 1, "backlog", true));
    EXPECT(SKEP_BAD_SETTING, skep_port_set_double(server, 1, "backlog", 1.5));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_set_text(server, 1, "on_worker_lost", NULL));
    EXPECT(SKEP_BAD_SETTING, skep_port_set_text(server, 1, "on_worker_lost", "maybe"));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_on_connect(NULL, 0, on_session, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_on_connect(server, 0, NULL, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_on_receive(server, 1, NULL, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_on_close(server, 1, NULL, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_on_buffer_full(server, 1, NULL, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_port_on_buffer_empty(server, 1, NULL, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_buffer_full(server, NULL, port));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_buffer_empty(server, NULL, port));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_port_on_receive(server, 3, on_receive, port));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_port_on_close(server, 3, on_session, port));
}

int main(int argc, char **argv)
{
    struct port primary = {"primary", 0}, second = {"second", 0}, third = {"third", 0};
    skep_server *server = NULL;
    CHECK(argc == 2);
    unix_path = argv[1];
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_port_set_text(server, 0, "socket_buffer_size", "128M"));
    EXPECT(SKEP_OK, skep_server_listen(server, "127.0.0.1", 0, SKEP_SOCKET_TCP, &second.index));
    EXPECT(SKEP_OK, skep_server_listen(server, unix_path, 0, SKEP_SOCKET_UNIX_STREAM, &third.index));
    CHECK(second.index == 1 && third.index == 2);
    refusals(server, &second);
    EXPECT(SKEP_OK, skep_port_set_int(server, 1, "backlog", 5));
    EXPECT(SKEP_OK, skep_port_set_bool(server, 1, "open_tcp_nodelay", true));
    EXPECT(SKEP_OK, skep_port_own_settings(server, 1));

    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_port_on_receive(server, second.index, on_receive, &second));
    EXPECT(SKEP_MISSING_CALLBACK, skep_server_start(server)); /* the others have none; it may be added */
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, &primary));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_session, &primary));
    EXPECT(SKEP_OK, skep_port_on_connect(server, 0, on_session, &primary));
    EXPECT(SKEP_OK, skep_port_on_connect(server, third.index, on_session, &third));
    EXPECT(SKEP_OK, skep_port_on_close(server, second.index, on_session, &second));
    EXPECT(SKEP_OK, skep_server_on_buffer_full(server, on_buffer, NULL));
    EXPECT(SKEP_OK, skep_port_on_buffer_empty(server, second.index, on_buffer, NULL));
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_STATE, skep_server_listen(server, "127.0.0.1", 0, SKEP_SOCKET_TCP, &second.index));
    EXPECT(SKEP_STATE, skep_port_on_close(server, 0, on_session, &primary));
    EXPECT(SKEP_STATE, skep_port_set_int(server, 0, "backlog", 1));
    EXPECT(SKEP_STATE, skep_port_own_settings(server, 1));
    EXPECT(SKEP_STATE, skep_server_use_tls(server, 1));
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
