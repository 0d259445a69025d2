/* TLS: what a session tells of it, and certificates read again. The arguments are the server's certificate and key,
 * and the authority of the clients. */
#include "check.h"

typedef unsigned long long ull;

static void on_start(skep_server *server, void *user_data)
{
    skep_port_info info;
    (void)user_data;
    info.size = sizeof info;
    EXPECT(SKEP_OK, skep_server_port_info(server, 0, &info));
    CHECK(info.tls == 1);
    say("READY %u", (unsigned)info.number);
}

static void on_session(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    skep_session_tls tls;
    char pem[4096];
    char first[8];
    size_t length = 0;
    size_t again = 0;
    (void)reactor;
    tls.size = sizeof tls;
    EXPECT(SKEP_OK, skep_server_session_tls(server, session, &tls));
    CHECK(tls.size == sizeof tls);
    EXPECT(SKEP_OK, skep_server_session_client_cert(server, session, pem, sizeof pem, &length));
    CHECK(length == tls.client_cert_length + tls.client_chain_length && length < sizeof pem);
    EXPECT(SKEP_OK, skep_server_session_client_cert(server, session, first, sizeof first, &again));
    CHECK(again == length && (length == 0 || memcmp(pem, first, sizeof first) == 0));
    EXPECT(SKEP_OK, skep_server_session_client_cert(server, session, NULL, 0, &again));
    CHECK(again == length && (length == 0 || memcmp(pem, "-----BEGIN CERTIFICATE-----\n", 28) == 0));
    say("%s %llu %s %s alpn=%s name=%s shown=%d", (const char *)user_data, (ull)session, tls.version, tls.cipher,
        tls.alpn, tls.server_name, length > 0);

    tls.size = sizeof tls - 1;
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_session_tls(server, session, &tls));
    tls.size = sizeof tls;
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_session_tls(server, session + 1000, &tls));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_session_tls(server, session, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_session_tls(NULL, session, &tls));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_session_client_cert(server, session + 1000, pem, sizeof pem, &length));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_session_client_cert(server, session, NULL, 1, &length));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_session_client_cert(server, session, pem, sizeof pem, NULL));
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data,
                       size_t len, void *user_data)
{
    (void)reactor;
    (void)user_data;
    if (len == 5 && memcmp(data, "renew", 5) == 0) {
        EXPECT(SKEP_OK, skep_server_reload_tls(server));
    }
    EXPECT(SKEP_OK, skep_server_send(server, session, data, len));
}

int main(int argc, char **argv)
{
    static char connect[] = "connect", closed[] = "close";
    skep_server *server = NULL;
    CHECK(argc == 4);
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_use_tls(server, 0));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_reload_tls(NULL));
    EXPECT(SKEP_NOT_RUNNING, skep_server_reload_tls(server));
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_OK, skep_server_on_connect(server, on_session, connect));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_session, closed));
    EXPECT(SKEP_OK, skep_port_set_text(server, 0, "ssl_cert_file", argv[1]));
    EXPECT(SKEP_OK, skep_port_set_text(server, 0, "ssl_key_file", argv[2]));
    EXPECT(SKEP_OK, skep_port_set_text(server, 0, "ssl_client_cert_file", argv[3]));
    EXPECT(SKEP_OK, skep_port_set_text(server, 0, "ssl_alpn", "one"));
    EXPECT(SKEP_BAD_SETTING, skep_port_set_text(server, 0, "ssl_dhparam", "x"));
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
