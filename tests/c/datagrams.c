/* Two datagram ports, the second with a callback of its own. What a datagram asks for is done with the API. */
#include "check.h"

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    say("READY %u", (unsigned)port);
}

static void answer(skep_server *server, const skep_packet *packet, const char *text)
{
    EXPECT(SKEP_OK, skep_server_send_to(server, packet->address, packet->address_len, packet->client_port,
                                        (const uint8_t *)text, strlen(text), packet->server_socket));
}

static void misuse(skep_server *server, const skep_packet *packet)
{
    const uint8_t *hello = (const uint8_t *)"hello", *host = (const uint8_t *)"127.0.0.1";
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_send_to(NULL, host, 9, 9, hello, 5, -1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_send_to(server, NULL, 9, 9, hello, 5, -1));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_send_to(server, host, 9, 9, NULL, 5, -1));
    EXPECT(SKEP_NO_PAYLOAD, skep_server_send_to(server, host, 9, 9, hello, 0, -1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_to(server, host, 0, 9, hello, 5, -1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_send_to(server, host, 9, 9, hello, 5, 4096));
    EXPECT(SKEP_STATE, skep_server_send_to(server, (const uint8_t *)"::1", 3, 9, hello, 5, -1));
    EXPECT(SKEP_SYSTEM, skep_server_send_to(server, host, 9, 65536, hello, 5, -1));
    CHECK(skep_last_error_code() == 723);
    EXPECT(SKEP_SYSTEM, skep_server_send_to(server, (const uint8_t *)"example.org", 11, 9, hello, 5, -1));
    CHECK(skep_last_error_code() == 711);
    answer(server, packet, "misused");
}

static void on_packet(skep_server *server, const skep_packet *packet, const uint8_t *data, size_t len,
                      void *user_data)
{
    char text[128];
    CHECK(packet->size == sizeof *packet);
    CHECK(packet->dispatch_us > 1000000000000000ull);
    CHECK(strlen((const char *)packet->address) == packet->address_len);
    if (len == 6 && memcmp(data, "misuse", 6) == 0) {
        misuse(server, packet);
    } else if (len == 4 && memcmp(data, "send", 4) == 0) {
        EXPECT(SKEP_OK, skep_server_send(server, 0, data, len)); /* session 0 is the sender */
    } else {
        snprintf(text, sizeof text, "%s %s:%u port %u index %u bytes %zu", (const char *)user_data,
                 (const char *)packet->address, (unsigned)packet->client_port, (unsigned)packet->server_port,
                 (unsigned)packet->port, len);
        answer(server, packet, text);
    }
}

int main(void)
{
    static char first[] = "first", second[] = "second";
    skep_server *server = NULL;
    uint16_t port = 0;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_UDP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_listen(server, "127.0.0.1", 0, SKEP_SOCKET_UDP, &port));
    CHECK(port == 1);
    EXPECT(SKEP_OK, skep_server_on_start(server, on_start, NULL));
    EXPECT(SKEP_NULL_ARGUMENT, skep_server_on_packet(server, NULL, NULL));
    EXPECT(SKEP_MISSING_CALLBACK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_on_packet(server, on_packet, first));
    EXPECT(SKEP_OK, skep_port_on_packet(server, 1, on_packet, second));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_port_on_packet(server, 2, on_packet, second));
    EXPECT(SKEP_NOT_RUNNING, skep_server_send_to(server, (const uint8_t *)"::1", 3, 9, (const uint8_t *)"x", 1, -1));
    {
        skep_port_info info;
        info.size = sizeof info;
        EXPECT(SKEP_OK, skep_server_port_info(server, 1, &info));
        say("SECOND %u", (unsigned)info.number);
    }
    EXPECT(SKEP_OK, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
    say("stopped");
    return 0;
}
