/* Every exported function with NULL, in the wrong order and in the wrong place: a status, and no harm. */
#include <pthread.h>

#include "check.h"

#define MARK 77

static void on_process(skep_server *server, void *user_data);
static void on_worker(skep_server *server, uint32_t worker, void *user_data);
static void on_worker_error(skep_server *server, uint32_t worker, int32_t pid, int32_t code, int32_t signal,
                            void *user_data);
static void on_worker_death(skep_server *server, const skep_death *death, void *user_data);
static void on_session(skep_server *server, skep_session_id session, int32_t reactor, void *user_data);
static void on_receive(skep_server *server, skep_session_id session, int32_t reactor,
                       const uint8_t *data, size_t len, void *user_data);

/* NULL for the server, for what a call needs, and for the place of its result. */
static void null_everywhere(skep_server *server)
{
    const skep_status null = SKEP_NULL_ARGUMENT;
    skep_server *made = NULL;
    skep_session_info info;
    skep_stats stats;
    skep_worker_stats worker_stats;
    skep_session_id ids[1];
    uint16_t port = MARK;
    int32_t number = MARK;
    uint32_t positive = MARK;
    size_t count = MARK;
    bool truth = true;
    info.size = sizeof info;
    stats.size = sizeof stats;
    worker_stats.size = sizeof worker_stats;

    EXPECT(null, skep_server_new(NULL, 0, SKEP_SOCKET_TCP, &made));
    EXPECT(null, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, NULL));
    CHECK(made == NULL);
    EXPECT(SKEP_OK, skep_server_free(NULL));

    EXPECT(null, skep_server_port(NULL, &port));
    EXPECT(null, skep_server_port(server, NULL));
    CHECK(port == MARK);
    EXPECT(null, skep_server_start(NULL));

    EXPECT(null, skep_server_set_int(NULL, "worker_num", 1));
    EXPECT(null, skep_server_set_int(server, NULL, 1));
    EXPECT(null, skep_server_set_double(NULL, "max_wait_time", 1.5));
    EXPECT(null, skep_server_set_double(server, NULL, 1.5));
    EXPECT(null, skep_server_set_bool(NULL, "open_tcp_nodelay", true));
    EXPECT(null, skep_server_set_bool(server, NULL, true));
    EXPECT(null, skep_server_set_text(NULL, "log_file", "x"));
    EXPECT(null, skep_server_set_text(server, NULL, "x"));
    EXPECT(null, skep_server_set_text(server, "log_file", NULL));

    EXPECT(null, skep_server_on_start(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_start(server, NULL, NULL));
    EXPECT(null, skep_server_on_before_shutdown(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_before_shutdown(server, NULL, NULL));
    EXPECT(null, skep_server_on_shutdown(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_shutdown(server, NULL, NULL));
    EXPECT(null, skep_server_on_manager_start(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_manager_start(server, NULL, NULL));
    EXPECT(null, skep_server_on_manager_stop(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_manager_stop(server, NULL, NULL));
    EXPECT(null, skep_server_on_worker_start(NULL, on_worker, NULL));
    EXPECT(null, skep_server_on_worker_start(server, NULL, NULL));
    EXPECT(null, skep_server_on_worker_stop(NULL, on_worker, NULL));
    EXPECT(null, skep_server_on_worker_stop(server, NULL, NULL));
    EXPECT(null, skep_server_on_worker_error(NULL, on_worker_error, NULL));
    EXPECT(null, skep_server_on_worker_error(server, NULL, NULL));
    EXPECT(null, skep_server_on_worker_death(NULL, on_worker_death, NULL));
    EXPECT(null, skep_server_on_worker_death(server, NULL, NULL));
    EXPECT(null, skep_server_on_worker_exit(NULL, on_worker, NULL));
    EXPECT(null, skep_server_on_worker_exit(server, NULL, NULL));
    EXPECT(null, skep_server_on_before_reload(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_before_reload(server, NULL, NULL));
    EXPECT(null, skep_server_on_after_reload(NULL, on_process, NULL));
    EXPECT(null, skep_server_on_after_reload(server, NULL, NULL));
    EXPECT(null, skep_server_on_connect(NULL, on_session, NULL));
    EXPECT(null, skep_server_on_connect(server, NULL, NULL));
    EXPECT(null, skep_server_on_receive(NULL, on_receive, NULL));
    EXPECT(null, skep_server_on_receive(server, NULL, NULL));
    EXPECT(null, skep_server_on_close(NULL, on_session, NULL));
    EXPECT(null, skep_server_on_close(server, NULL, NULL));

    EXPECT(null, skep_server_send(NULL, 1, (const uint8_t *)"x", 1));
    EXPECT(null, skep_server_send(server, 1, NULL, 1));
    EXPECT(null, skep_server_sendfile(NULL, 1, "/proc/self/exe", 0, 0));
    EXPECT(null, skep_server_sendfile(server, 1, NULL, 0, 0));
    EXPECT(null, skep_server_close(NULL, 1, false));
    EXPECT(null, skep_server_exists(NULL, 1, &truth));
    EXPECT(null, skep_server_exists(server, 1, NULL));
    EXPECT(null, skep_server_session_info(NULL, 1, &info));
    EXPECT(null, skep_server_session_info(server, 1, NULL));
    EXPECT(null, skep_server_list_sessions(NULL, 0, ids, 1, &count));
    EXPECT(null, skep_server_list_sessions(server, 0, NULL, 1, &count));
    EXPECT(null, skep_server_list_sessions(server, 0, ids, 1, NULL));
    EXPECT(null, skep_server_stats(NULL, &stats));
    EXPECT(null, skep_server_stats(server, NULL));
    EXPECT(null, skep_server_worker_stats(NULL, 0, &worker_stats));
    EXPECT(null, skep_server_worker_stats(server, 0, NULL));

    EXPECT(null, skep_server_worker_id(NULL, &number));
    EXPECT(null, skep_server_worker_id(server, NULL));
    EXPECT(null, skep_server_worker_num(NULL, &positive));
    EXPECT(null, skep_server_worker_num(server, NULL));
    EXPECT(null, skep_server_master_pid(NULL, &number));
    EXPECT(null, skep_server_master_pid(server, NULL));
    EXPECT(null, skep_server_manager_pid(NULL, &number));
    EXPECT(null, skep_server_manager_pid(server, NULL));
    EXPECT(null, skep_server_worker_pid(NULL, 0, &number));
    EXPECT(null, skep_server_worker_pid(server, 0, NULL));
    EXPECT(null, skep_server_worker_status(NULL, 0, &number));
    EXPECT(null, skep_server_worker_status(server, 0, NULL));
    EXPECT(null, skep_server_reload(NULL));
    EXPECT(null, skep_server_shutdown(NULL));
    EXPECT(null, skep_server_stop_worker(NULL, 0));
    EXPECT(null, skep_server_leave(NULL, 0));

    CHECK(number == MARK && positive == MARK && count == MARK && truth);
    CHECK(strstr(skep_last_error_text(), "NULL") != NULL && skep_last_error_code() == 0);
}

/* What needs a running server. */
static void not_running(skep_server *server)
{
    const skep_status no = SKEP_NOT_RUNNING;
    skep_session_info info;
    skep_stats stats;
    skep_worker_stats worker_stats;
    skep_session_id ids[1];
    int32_t number = MARK;
    uint32_t positive = MARK;
    size_t count = MARK;
    bool truth = true;
    info.size = sizeof info;
    stats.size = sizeof stats;
    worker_stats.size = sizeof worker_stats;
    EXPECT(no, skep_server_send(server, 1, (const uint8_t *)"x", 1));
    EXPECT(no, skep_server_sendfile(server, 1, "/proc/self/exe", 0, 0));
    EXPECT(no, skep_server_close(server, 1, false));
    EXPECT(no, skep_server_exists(server, 1, &truth));
    EXPECT(no, skep_server_session_info(server, 1, &info));
    EXPECT(no, skep_server_list_sessions(server, 0, ids, 1, &count));
    EXPECT(no, skep_server_stats(server, &stats));
    EXPECT(no, skep_server_worker_stats(server, 0, &worker_stats));
    EXPECT(no, skep_server_worker_id(server, &number));
    EXPECT(no, skep_server_worker_num(server, &positive));
    EXPECT(no, skep_server_master_pid(server, &number));
    EXPECT(no, skep_server_manager_pid(server, &number));
    EXPECT(no, skep_server_worker_pid(server, 0, &number));
    EXPECT(no, skep_server_worker_status(server, 0, &number));
    EXPECT(no, skep_server_reload(server));
    EXPECT(no, skep_server_shutdown(server));
    EXPECT(no, skep_server_stop_worker(server, 0));
    EXPECT(no, skep_server_leave(server, 0));
    CHECK(number == MARK && positive == MARK && count == MARK && truth);
}

/* What is over once the server has been started: settings, registrations, freeing. */
static void setup_is_over(skep_server *server)
{
    EXPECT(SKEP_STATE, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_STATE, skep_server_set_double(server, "max_wait_time", 1.5));
    EXPECT(SKEP_STATE, skep_server_set_bool(server, "open_tcp_nodelay", true));
    EXPECT(SKEP_STATE, skep_server_set_text(server, "log_file", ""));
    EXPECT(SKEP_STATE, skep_server_on_start(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_before_shutdown(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_shutdown(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_manager_start(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_manager_stop(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_worker_start(server, on_worker, NULL));
    EXPECT(SKEP_STATE, skep_server_on_worker_stop(server, on_worker, NULL));
    EXPECT(SKEP_STATE, skep_server_on_worker_error(server, on_worker_error, NULL));
    EXPECT(SKEP_STATE, skep_server_on_worker_death(server, on_worker_death, NULL));
    EXPECT(SKEP_STATE, skep_server_on_worker_exit(server, on_worker, NULL));
    EXPECT(SKEP_STATE, skep_server_on_before_reload(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_after_reload(server, on_process, NULL));
    EXPECT(SKEP_STATE, skep_server_on_connect(server, on_session, NULL));
    EXPECT(SKEP_STATE, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_STATE, skep_server_on_close(server, on_session, NULL));
    EXPECT(SKEP_STATE, skep_server_start(server));
}

static void bad_values(skep_server *server)
{
    skep_server *made = NULL;
    uint16_t port = 0;

    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_new("127.0.0.1", 0, 0, &made));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_new("127.0.0.1", 0, 7, &made));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_new("\xff\xfe", 0, SKEP_SOCKET_TCP, &made));
    EXPECT(SKEP_LISTEN_FAILED, skep_server_new("203.0.113.1", 0, SKEP_SOCKET_TCP, &made));
    CHECK(skep_last_error_code() == 99); /* EADDRNOTAVAIL */
    EXPECT(SKEP_LISTEN_FAILED, skep_server_new("/nowhere/at/all.sock", 0, SKEP_SOCKET_UNIX_STREAM, &made));
    CHECK(skep_last_error_code() == 2); /* ENOENT */
    EXPECT(SKEP_OK, skep_server_port(server, &port));
    CHECK(port != 0 && made == NULL);

    EXPECT(SKEP_UNKNOWN_SETTING, skep_server_set_int(server, "worker_nun", 1));
    CHECK(strstr(skep_last_error_text(), "worker_nun") != NULL && skep_last_error_code() == 505);
    EXPECT(SKEP_UNKNOWN_SETTING, skep_server_set_text(server, "", ""));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_set_int(server, "\xff", 1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_set_text(server, "log_file", "\xff"));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_text(server, "log_format", "xml"));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_text(server, "dispatch_mode", "2"));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_bool(server, "worker_num", true));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_double(server, "worker_num", 1.0));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_int(server, "open_tcp_nodelay", 1));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_int(server, "log_file", 1));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_text(server, "socket_buffer_size", "12Q"));
    EXPECT(SKEP_BAD_SETTING, skep_server_set_double(server, "max_wait_time", 0.0 / (double)(port - port)));

    EXPECT(SKEP_MISSING_CALLBACK, skep_server_start(server));
    CHECK(skep_last_error_code() == 9015);
}

static void *from_another_thread(void *server)
{
    uint16_t port = 0;
    CHECK(strcmp(skep_last_error_text(), "") == 0); /* each thread has its own */
    EXPECT(SKEP_WRONG_THREAD, skep_server_port((skep_server *)server, &port));
    EXPECT(SKEP_WRONG_THREAD, skep_server_shutdown((skep_server *)server));
    EXPECT(SKEP_WRONG_THREAD, skep_server_free((skep_server *)server));
    return NULL;
}

static void wrong_thread(skep_server *server)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, from_another_thread, server) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* In any process of a running server. */
static void while_running(skep_server *server)
{
    static const uint8_t large[2048] = {0};
    skep_session_info info;
    skep_stats stats;
    skep_worker_stats worker_stats;
    skep_session_id ids[4];
    size_t count = MARK;
    int32_t number = MARK;
    bool truth = true;

    null_everywhere(server);
    setup_is_over(server);
    EXPECT(SKEP_STATE, skep_server_free(server));
    wrong_thread(server);

    EXPECT(SKEP_NO_PAYLOAD, skep_server_send(server, 1, large, 0));
    EXPECT(SKEP_NO_PAYLOAD, skep_server_send(server, 1, NULL, 0));
    EXPECT(SKEP_TOO_LARGE, skep_server_send(server, 1, large, sizeof large));
    EXPECT(SKEP_TOO_LARGE, skep_server_send(server, 1, large, SIZE_MAX));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_send(server, 999, large, 1));
    CHECK(skep_last_error_code() == 1005);
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_send(server, UINT64_MAX, large, 1));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_send(server, 0, large, 1));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_close(server, 0, false));
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_close(server, 999, true));

    memset(&info, 0, sizeof info);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_session_info(server, 999, &info));
    info.size = sizeof(size_t);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_session_info(server, 999, &info));
    info.size = sizeof info;
    EXPECT(SKEP_SESSION_UNKNOWN, skep_server_session_info(server, 999, &info));
    memset(&stats, 0, sizeof stats);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_stats(server, &stats));
    stats.size = sizeof stats;
    worker_stats.size = sizeof worker_stats;
    EXPECT(SKEP_OK, skep_server_stats(server, &stats));
    CHECK(stats.worker_num == 1 && stats.connection_num == 0);

    EXPECT(SKEP_OK, skep_server_exists(server, 999, &truth));
    CHECK(!truth);
    EXPECT(SKEP_OK, skep_server_list_sessions(server, 0, ids, 4, &count));
    CHECK(count == 0);
    EXPECT(SKEP_OK, skep_server_list_sessions(server, 0, NULL, 0, &count));
    CHECK(count == 0);

    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_worker_pid(server, 1, &number));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_worker_status(server, UINT32_MAX, &number));
    CHECK(number == MARK);
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_stop_worker(server, 1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_stop_worker(server, -2));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_leave(server, -1));
    EXPECT(SKEP_INVALID_ARGUMENT, skep_server_leave(server, 256));
}

static void on_process(skep_server *server, void *user_data)
{
    while_running(server);
    EXPECT(SKEP_STATE, skep_server_stop_worker(server, -1));
    say("%s", (const char *)user_data);
}

static void on_worker(skep_server *server, uint32_t worker, void *user_data)
{
    CHECK(worker == 0);
    while_running(server);
    say("%s", (const char *)user_data);
    if (strcmp((const char *)user_data, "worker_start") == 0) {
        EXPECT(SKEP_OK, skep_server_shutdown(server));
    }
}

static void on_worker_error(skep_server *server, uint32_t worker, int32_t pid, int32_t code, int32_t signal,
                            void *user_data)
{
    (void)server;
    (void)user_data;
    say("FAILED worker %u pid %d ended with code %d signal %d", (unsigned)worker, (int)pid, (int)code, (int)signal);
}

static void on_worker_death(skep_server *server, const skep_death *death, void *user_data)
{
    (void)server;
    (void)death;
    (void)user_data;
}

static void on_session(skep_server *server, skep_session_id session, int32_t reactor, void *user_data)
{
    (void)server;
    (void)session;
    (void)reactor;
    (void)user_data;
}

static void on_receive(skep_server *server, skep_session_id session, int32_t reactor,
                       const uint8_t *data, size_t len, void *user_data)
{
    (void)server;
    (void)session;
    (void)reactor;
    (void)data;
    (void)len;
    (void)user_data;
}

static void leave_with_5(skep_server *server, void *user_data)
{
    (void)user_data;
    EXPECT(SKEP_OK, skep_server_leave(server, 5));
}

static skep_server *quiet_server(void)
{
    skep_server *server = NULL;
    EXPECT(SKEP_OK, skep_server_new("127.0.0.1", 0, SKEP_SOCKET_TCP, &server));
    EXPECT(SKEP_OK, skep_server_set_int(server, "log_level", 6));
    EXPECT(SKEP_OK, skep_server_set_int(server, "worker_num", 1));
    EXPECT(SKEP_OK, skep_server_set_double(server, "max_wait_time", 2.5));
    EXPECT(SKEP_OK, skep_server_set_int(server, "output_buffer_size", 1024));
    return server;
}

static void whole_life(void)
{
    skep_server *server = quiet_server();
    null_everywhere(server);
    not_running(server);
    bad_values(server);
    wrong_thread(server);

    EXPECT(SKEP_OK, skep_server_on_start(server, on_process, (void *)"start"));
    EXPECT(SKEP_OK, skep_server_on_before_shutdown(server, on_process, (void *)"before_shutdown"));
    EXPECT(SKEP_OK, skep_server_on_shutdown(server, on_process, (void *)"shutdown"));
    EXPECT(SKEP_OK, skep_server_on_manager_start(server, on_process, (void *)"manager_start"));
    EXPECT(SKEP_OK, skep_server_on_manager_stop(server, on_process, (void *)"manager_stop"));
    EXPECT(SKEP_OK, skep_server_on_worker_start(server, on_worker, (void *)"worker_start"));
    EXPECT(SKEP_OK, skep_server_on_worker_stop(server, on_worker, (void *)"worker_stop"));
    EXPECT(SKEP_OK, skep_server_on_worker_error(server, on_worker_error, NULL));
    EXPECT(SKEP_OK, skep_server_on_connect(server, on_session, NULL));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_OK, skep_server_on_close(server, on_session, NULL));
    EXPECT(SKEP_OK, skep_server_start(server));

    null_everywhere(server);
    not_running(server);
    setup_is_over(server);
    EXPECT(SKEP_OK, skep_server_free(server));
}

/* A master that leaves takes the server with it, and start() says with which code. */
static void left_early(void)
{
    skep_server *server = quiet_server();
    EXPECT(SKEP_OK, skep_server_on_start(server, leave_with_5, NULL));
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    EXPECT(SKEP_LEFT, skep_server_start(server));
    CHECK(skep_last_error_code() == 5);
    not_running(server);
    EXPECT(SKEP_OK, skep_server_free(server));
}

static void *sleeping(void *unused)
{
    (void)unused;
    pause();
    return NULL;
}

/* start() forks, so it refuses a process with threads, and the server is used up. */
static void several_threads(void)
{
    pthread_t thread;
    skep_server *server = quiet_server();
    EXPECT(SKEP_OK, skep_server_on_receive(server, on_receive, NULL));
    CHECK(pthread_create(&thread, NULL, sleeping, NULL) == 0);
    EXPECT(SKEP_START_FAILED, skep_server_start(server));
    EXPECT(SKEP_STATE, skep_server_start(server));
    EXPECT(SKEP_OK, skep_server_free(server));
}

/* The title takes the place of the command line, and the environment behind it survives a long one. */
static void titles(void)
{
    char title[600], shown[1024];
    size_t length;
    FILE *line;

    EXPECT(SKEP_NULL_ARGUMENT, skep_process_set_title(NULL));
    memset(title, 'x', sizeof title - 1);
    title[sizeof title - 1] = 0;
    CHECK(setenv("SKEP_TITLE_TEST", "kept", 1) == 0);
    CHECK(getenv("PATH") != NULL);
    EXPECT(SKEP_OK, skep_process_set_title(title));
    EXPECT(SKEP_OK, skep_process_set_title("a title"));
    CHECK(getenv("PATH") != NULL && strchr(getenv("PATH"), '/') != NULL);
    CHECK(strcmp(getenv("SKEP_TITLE_TEST"), "kept") == 0);
    line = fopen("/proc/self/cmdline", "r");
    CHECK(line != NULL);
    length = fread(shown, 1, sizeof shown - 1, line);
    fclose(line);
    shown[length] = 0;
    CHECK(strcmp(shown, "a title") == 0);
}

int main(void)
{
    CHECK(strcmp(skep_last_error_text(), "") == 0 && skep_last_error_code() == 0);
    CHECK(strcmp(skep_status_text(SKEP_OK), "ok") == 0);
    CHECK(strcmp(skep_status_text(12345), "unknown status") == 0);
    whole_life();
    left_early();
    several_threads();
    titles();
    say("done");
    return 0;
}
