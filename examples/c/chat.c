/*
 * A chat: what one says, all hear.
 *
 *     cc -std=c11 -Iinclude examples/c/chat.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o chat
 *     ./chat [port] [host]
 *     php examples/php/chat_client.php 9502 127.0.0.1 red      (in a second terminal, and "blue" in a third)
 *
 * On the wire every message, in both directions, is a frame: its length in 4 bytes, big endian, then the text. The
 * first frame of a client is its name. The settings in main() have skep cut the frames out of the stream, however the
 * bytes arrive, so the receive callback always gets exactly one. examples/php/chat.php is the same server in PHP.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skep.h"

enum { HEADER = 4, MAX_FRAME = 65536, MAX_NAME = 20, MAX_MEMBERS = 1024, PAGE = 64 };

/*
 * Who has said a name. All messages of a session come to the same worker, and each worker has memory of its own, so
 * this table needs to hold a worker's own sessions only. A slot with session 0 is free.
 */
static struct member {
    skep_session_id session;
    char name[MAX_NAME + 1];
} members[MAX_MEMBERS];

/* The member with this session; with 0, a free slot. NULL if there is none. */
static struct member *find(skep_session_id session)
{
    size_t i;
    for (i = 0; i < MAX_MEMBERS; i++) {
        if (members[i].session == session) {
            return &members[i];
        }
    }
    return NULL;
}

/* To everybody, whichever worker they belong to: every worker can send to every session. */
static void tell_all(skep_server *server, const char *before, const char *name, const char *after, const uint8_t *text,
                     size_t len)
{
    static uint8_t frame[HEADER + MAX_FRAME + MAX_NAME + 32];
    skep_session_id page[PAGE];
    skep_session_id last = 0;
    size_t count = 0;
    size_t i;
    size_t size = (size_t)snprintf((char *)frame + HEADER, MAX_NAME + 32, "%s%s%s", before, name, after);

    if (len > 0) {
        memcpy(frame + HEADER + size, text, len); /* what was received has at most MAX_FRAME bytes */
    }
    size += len;
    for (i = 0; i < HEADER; i++) {
        frame[i] = (uint8_t)(size >> (8 * (HEADER - 1 - i)));
    }
    while (skep_server_list_sessions(server, last, page, PAGE, &count) == SKEP_OK && count > 0) {
        for (i = 0; i < count; i++) {
            /* Refused if that client has gone or reads nothing: no reason not to tell the others. */
            (void)skep_server_send(server, page[i], frame, HEADER + size);
        }
        last = page[count - 1];
    }
}

static int is_name(const uint8_t *text, size_t len)
{
    size_t i;
    for (i = 0; i < len; i++) {
        if (!isalnum(text[i]) && text[i] != '_') {
            return 0;
        }
    }
    return len > 0 && len <= MAX_NAME;
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *frame, size_t len,
                       void *user_data)
{
    const uint8_t *text = frame + HEADER;
    struct member *member = find(session);
    (void)reactor;
    (void)user_data;

    len -= HEADER;
    if (member != NULL) {
        tell_all(server, "", member->name, ": ", text, len);
    } else if (is_name(text, len) && (member = find(0)) != NULL) {
        member->session = session;
        memcpy(member->name, text, len);
        member->name[len] = '\0';
        tell_all(server, "* ", member->name, " is here", NULL, 0);
    } else {
        skep_server_close(server, session, false); /* not a name, or too many members */
    }
}

static void on_close(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    struct member *member = find(session);
    (void)reactor;
    (void)user_data;
    if (member != NULL) {
        tell_all(server, "* ", member->name, " has left", NULL, 0);
        member->session = 0;
    }
}

static void on_start(skep_server *server, void *user_data)
{
    const char *host = user_data;
    uint16_t port = 0;
    skep_server_port(server, &port); /* the real one, if 0 was asked for */
    printf("listening on %s:%u\n", host, (unsigned)port);
    printf("try: php examples/php/chat_client.php %u %s red\n", (unsigned)port, host);
    fflush(stdout);
}

/* Every call can fail, and says why. */
static void must(skep_status status)
{
    if (status != SKEP_OK) {
        fprintf(stderr, "%s: %s\n", skep_status_text(status), skep_last_error_text());
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static char host[SKEP_HOST_SIZE] = "127.0.0.1";
    skep_server *server = NULL;
    char *end = NULL;
    long port = argc > 1 ? strtol(argv[1], &end, 10) : 9502;
    int help = argc > 1 && strcmp(argv[1], "--help") == 0;

    if (help || argc > 3 || port < 0 || port > 65535 || (end != NULL && (end == argv[1] || *end != '\0'))) {
        fprintf(help ? stdout : stderr,
                "A chat: what one says, all hear. A client is examples/php/chat_client.php.\n\n"
                "    %s [port] [host]        9502 and 127.0.0.1 by default; port 0 lets the system choose\n",
                argv[0]);
        return help ? 0 : 2;
    }
    if (argc > 2) {
        snprintf(host, sizeof host, "%s", argv[2]);
    }
    must(skep_server_new(host, (uint16_t)port, SKEP_SOCKET_TCP, &server));
    must(skep_server_set_int(server, "worker_num", 2));
    must(skep_server_set_bool(server, "open_length_check", true));
    must(skep_server_set_text(server, "package_length_type", "N"));     /* 4 bytes, big endian */
    must(skep_server_set_int(server, "package_length_offset", 0));      /* where in a frame its length stands */
    must(skep_server_set_int(server, "package_body_offset", HEADER));   /* what the length does not count: itself */
    must(skep_server_set_int(server, "package_max_length", MAX_FRAME)); /* who announces more is disconnected */
    must(skep_server_on_start(server, on_start, host));
    must(skep_server_on_receive(server, on_receive, NULL));
    must(skep_server_on_close(server, on_close, NULL));
    must(skep_server_start(server)); /* until the server has stopped */
    must(skep_server_free(server));
    return 0;
}
