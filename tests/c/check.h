/* For the C programs of these tests: lines that forked processes do not mix up, and checks that say where. */
#ifndef SKEP_TESTS_CHECK_H
#define SKEP_TESTS_CHECK_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skep.h"

/* One line, in one write: nothing stays in a buffer that a fork would copy. */
static void say(const char *format, ...)
{
    char line[512];
    int length;
    va_list arguments;
    va_start(arguments, format);
    length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length > sizeof line - 2) {
        length = (int)sizeof line - 2;
    }
    line[length] = '\n';
    if (write(1, line, (size_t)length + 1) < 0) {
        _exit(3);
    }
}

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition)) {                                               \
            say("FAILED %s:%d: %s", __FILE__, __LINE__, #condition);      \
            _exit(3);                                                     \
        }                                                                 \
    } while (0)

/* Same, for a call that must return a certain status. */
#define EXPECT(expected, call)                                                                    \
    do {                                                                                          \
        skep_status expect_got = (call);                                                          \
        if (expect_got != (expected)) {                                                           \
            say("FAILED %s:%d: %s is %d (%s: %s), not " #expected, __FILE__, __LINE__, #call,     \
                (int)expect_got, skep_status_text(expect_got), skep_last_error_text());           \
            _exit(3);                                                                             \
        }                                                                                         \
    } while (0)

#endif
