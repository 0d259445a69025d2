/*
 * Gives a task to a server from outside, through the message queue of its setting message_queue_key, also while it is not
 * running: examples/c/jobs.c, or any other server with task_ipc_mode 2 or 3.
 *
 *     cc -std=gnu11 -Iinclude examples/c/feed.c -Ltarget/release -lskep -Wl,-rpath,"$PWD/target/release" -o feed
 *     ./feed [key] [job] [task worker] [workers]
 *
 * The type of a message says which task worker gets it: its id + 1, and its id comes after those of the workers, of which
 * jobs.c has one. With task_ipc_mode 3 any positive type will do. It waits while the queue is full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "skep.h"

/* A message as the system wants it, with a packed task in it: a header, then the payload. */
static struct {
    long type;
    uint8_t task[8192]; /* no queue takes more, unless kernel.msgmax says so */
} message;

int main(int argc, char **argv)
{
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    const char *job = argc > 2 ? argv[2] : "hello";
    size_t length = strlen(job);
    long task_worker = argc > 3 ? atol(argv[3]) : 0;
    long workers = argc > 4 ? atol(argv[4]) : 1;
    char *end = NULL;
    long long key = strtoll(argc > 1 ? argv[1] : "1554098975", &end, 10);
    int queue;
    if (help || argc > 5 || *end != '\0' || key <= 0 || task_worker < 0 || workers < 1
        || length > sizeof message.task - SKEP_TASK_HEADER_SIZE) {
        fprintf(help ? stdout : stderr, "usage: %s [key] [job] [task worker] [workers]\n", argv[0]);
        return help ? 0 : 2;
    }
    queue = msgget((key_t)key, IPC_CREAT | 0600); /* the rights that the server gives it, too */
    if (queue < 0) {
        perror("msgget");
        return 1;
    }
    skep_task_pack(message.task, length);
    memcpy(message.task + SKEP_TASK_HEADER_SIZE, job, length);
    message.type = workers + task_worker + 1;
    if (msgsnd(queue, &message, SKEP_TASK_HEADER_SIZE + length, 0) != 0) {
        perror("msgsnd");
        return 1;
    }
    return 0;
}
