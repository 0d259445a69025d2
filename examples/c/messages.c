/*
 * Words that all workers know: "color red" is remembered, "color" is answered by "red". Each worker answers from memory of
 * its own; messages between workers keep all of them the same.
 *
 *     cc -std=c11 -Iinclude examples/c/messages.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o messages
 *     ./messages [port] [host]
 *     echo 'color red' | nc -N 127.0.0.1 9506; echo color | nc -N 127.0.0.1 9506
 *
 * A worker that is told a word tells the others. One that begins, perhaps in the place of one that has died, asks
 * its neighbour for what it has missed. Messages of one worker to another arrive in order, and wait while that one is
 * replaced. examples/rust/messages.rs is the same in Rust.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skep.h"

enum { MAX_WORDS = 1000, MAX_WORD = 32, MAX_VALUE = 128 };

static const char *host = "127.0.0.1";
static uint32_t me, workers;

static struct pair {
    char word[MAX_WORD];
    char value[MAX_VALUE];
} words[MAX_WORDS]; /* of this worker */
static size_t known;

static struct pair *find(const char *word)
{
    size_t i;
    for (i = 0; i < known; i++) {
        if (strcmp(words[i].word, word) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

/* Whether there was room for it. */
static bool learn(const char *word, const char *value)
{
    struct pair *pair = find(word);
    if (pair == NULL) {
        if (known == MAX_WORDS) {
            return false;
        }
        pair = &words[known++];
        snprintf(pair->word, sizeof pair->word, "%s", word);
    }
    snprintf(pair->value, sizeof pair->value, "%s", value);
    return true;
}

/* The bytes of a message are neither terminated nor ours: a word, and its value behind a blank, or none. */
static void split(const uint8_t *data, size_t len, struct pair *pair)
{
    char line[MAX_WORD + MAX_VALUE];
    size_t length = len < sizeof line ? len : sizeof line - 1;
    memcpy(line, data, length);
    line[length] = '\0';
    pair->word[0] = pair->value[0] = '\0';
    sscanf(line, "%31s %127[^\r\n]", pair->word, pair->value); /* MAX_WORD - 1, MAX_VALUE - 1 */
}

static void tell(skep_server *server, uint32_t worker, const struct pair *pair)
{
    char message[MAX_WORD + MAX_VALUE];
    int length = snprintf(message, sizeof message, "%s %s", pair->word, pair->value);
    if (skep_server_send_message(server, worker, (const uint8_t *)message, (size_t)length) != SKEP_OK) {
        /* It has been at one callback for so long that no more may wait for it. */
        fprintf(stderr, "worker %u does not hear of %s: %s\n", (unsigned)worker, pair->word, skep_last_error_text());
    }
}

static void on_start(skep_server *server, void *user_data)
{
    uint16_t port = 0;
    (void)user_data;
    skep_server_port(server, &port);
    printf("listening on %s:%u\ntry: echo 'color red' | nc -N %s %u\n", host, (unsigned)port, host, (unsigned)port);
    fflush(stdout);
}

static void on_worker_start(skep_server *server, uint32_t worker, void *user_data)
{
    (void)user_data;
    me = worker;
    skep_server_worker_num(server, &workers);
    /* "Tell me all." Refused only if there is no other worker. */
    skep_server_send_message(server, (me + 1) % workers, (const uint8_t *)"?", 1);
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor, const uint8_t *data, size_t len,
                       void *user_data)
{
    char answer[MAX_VALUE + 32];
    const struct pair *found;
    struct pair asked;
    uint32_t other;
    (void)reactor;
    (void)user_data;
    split(data, len, &asked);
    if (asked.value[0] != '\0') {
        snprintf(answer, sizeof answer, learn(asked.word, asked.value) ? "ok\n" : "error: too many words\n");
        for (other = 0; other < workers && answer[0] == 'o'; other++) {
            if (other != me) {
                tell(server, other, &asked);
            }
        }
    } else {
        found = find(asked.word);
        snprintf(answer, sizeof answer, "%s (worker %u)\n", found != NULL ? found->value : "unknown", (unsigned)me);
    }
    /* Refused only if the client has gone. */
    skep_server_send(server, session, (const uint8_t *)answer, strlen(answer));
}

static void on_message(skep_server *server, const skep_message *message, const uint8_t *data, size_t len,
                       void *user_data)
{
    struct pair heard;
    size_t i;
    (void)user_data;
    if (len == 1 && data[0] == '?') {
        for (i = 0; i < known; i++) {
            tell(server, message->source, &words[i]);
        }
    } else {
        split(data, len, &heard);
        learn(heard.word, heard.value);
    }
}

int main(int argc, char **argv)
{
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    skep_server *server = NULL;
    char *end = NULL;
    long port = argc > 1 ? strtol(argv[1], &end, 10) : 9506;
    if (help || argc > 3 || (end != NULL && *end != '\0') || port < 0 || port > 65535) {
        fprintf(help ? stdout : stderr, "usage: %s [port] [host]\n", argv[0]);
        return help ? 0 : 2;
    }
    host = argc > 2 ? argv[2] : host;
    if (skep_server_new(host, (uint16_t)port, SKEP_SOCKET_TCP, &server) != SKEP_OK
        || skep_server_set_int(server, "worker_num", 3) != SKEP_OK
        || skep_server_set_bool(server, "open_eof_split", true) != SKEP_OK
        || skep_server_set_text(server, "package_eof", "\n") != SKEP_OK
        || skep_server_on_start(server, on_start, NULL) != SKEP_OK
        || skep_server_on_worker_start(server, on_worker_start, NULL) != SKEP_OK
        || skep_server_on_receive(server, on_receive, NULL) != SKEP_OK
        || skep_server_on_message(server, on_message, NULL) != SKEP_OK
        || skep_server_start(server) != SKEP_OK) { /* until the server has stopped */
        fprintf(stderr, "%s\n", skep_last_error_text());
        skep_server_free(server);
        return 1;
    }
    skep_server_free(server);
    return 0;
}
