// backend_llama.c - the openai backend and local servers against the real llama-server
// with a random-weight model. Skipped (77) when it cannot be had here.
#include "fault_fixture.h"

#include <dirent.h>

#include "credence/model/server.h"
#include "scratch.h"

static char server_path[512], model_path[512];
static char dir[] = "/tmp/credence-llama-XXXXXX";
static struct fault_bench bench;
static struct cr_servers *servers;
static char url[64];
static unsigned ups;

// What tests/support/llama_server.sh prints: the server, then the model. Its exit code.
static int find_server(void) {
    int out[2], status = 0;
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(LLAMA_SCRIPT, LLAMA_SCRIPT, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    bool is_read = said != NULL &&
                   fgets(server_path, sizeof server_path, said) != NULL &&
                   fgets(model_path, sizeof model_path, said) != NULL;
    fclose(said);
    waitpid(pid, &status, 0);
    server_path[strcspn(server_path, "\n")] = '\0';
    model_path[strcspn(model_path, "\n")] = '\0';
    return is_read ? 0 : WEXITSTATUS(status);
}

static void on_moved(void *ctx, enum cr_server_scope scope, uint32_t model,
                     uint32_t endpoint, const char *where) {
    (void)ctx;
    assert_int_equal(scope, CR_SERVER_OF_NODE);
    ups += where[0] != '\0';
    snprintf(url, sizeof url, "%s", where);
    assert_int_equal(cr_client_endpoint(bench.client, model, endpoint, where), CR_OK);
}

static void turn(void) {
    struct cr_err err;
    if (cr_servers_poll(servers, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    fixture_poll(bench.client, 20);
    fixture_take_all(bench.client, bench.calls, bench.replies);
}

static void run_calls(unsigned from, unsigned end) {
    int64_t give_up_ms = cr_clock_now_ms(cr_clock_monotonic()) + 300000;
    for (unsigned i = from; i < end; i++) {
        fixture_submit(bench.client, &bench.calls[i]);
    }
    while (cr_client_live(bench.client) > 0) {
        turn();
        assert_true(cr_clock_now_ms(cr_clock_monotonic()) < give_up_ms);
    }
}

static int start(void **state) {
    static const char *command[] = {
        server_path, "-m",        model_path, "--host",     "{host}", "--port",
        "{port}",    "--alias",   "{model}",  "--parallel", "4",      "--ctx-size",
        "32768",     "--threads", "1",        "--offline",  NULL};
    static struct cr_servers_cfg cfg;
    struct cr_model model = fixture_remote("tiny", "openai", NULL, 0);
    struct cr_err err;
    (void)state;
    model.max_tokens = 200;
    model.limits.concurrency = 4;
    model.limits.retries = 16;
    model.limits.timeout_s = 200;
    model.serve = (struct cr_serve){
        .command = command, .per = "node", .health = "/health", .startup_s = 200};
    bench_open(&bench, &model);
    for (unsigned i = 0; i < FAULT_CALLS_MAX; i++) {
        bench.calls[i].schema =
            "{\"type\":\"object\",\"properties\":{\"claim\":{\"type\":\"string\","
            "\"maxLength\":30},\"price\":{\"type\":\"number\"}},"
            "\"required\":[\"claim\",\"price\"],\"additionalProperties\":false}";
    }
    cfg = (struct cr_servers_cfg){.job = &bench.job,
                                  .clock = cr_clock_monotonic(),
                                  .dir = dir,
                                  .starts_for_node = true,
                                  .grace_ms = 2000,
                                  .moved = on_moved};
    ups = 0;
    return cr_servers_create(&cfg, &servers, &err) == CR_OK ? 0 : -1;
}

static int stop(void **state) {
    (void)state;
    bench_close(&bench);
    cr_servers_destroy(servers);
    servers = NULL;
    return 0;
}

static void schema_answers_are_json_and_counted(void **state) {
    (void)state;
    run_calls(0, 4);
    for (unsigned i = 0; i < 4; i++) {
        struct cr_json *root = NULL;
        const struct cr_reply *reply = &bench.replies[i];
        assert_int_equal(reply->reason, CR_REASON_NONE);
        assert_true(reply->tokens_in > 20 && reply->tokens_out > 0);
        if (reply->finish == CR_FINISH_STOP) {
            assert_int_equal(cr_json_parse(reply->text, strlen(reply->text),
                                           (struct cr_json_limits){1 << 16, 8}, &root,
                                           NULL),
                             CR_OK);
            assert_non_null(cr_json_get(root, "price"));
        }
        cr_json_free(root);
    }
}

// The second turn of a chat has the first in the server's cache.
static void a_growing_chat_is_served_from_the_cache(void **state) {
    struct cr_turn chat[4];
    struct cr_buf quoted;
    (void)state;
    run_calls(0, 1);
    assert_int_equal(bench.replies[0].reason, CR_REASON_NONE);
    cr_buf_init(&quoted, 1 << 16);
    const char *said = bench.replies[0].text;
    assert_int_equal(cr_json_add_quoted(&quoted, said, strlen(said)), CR_OK);
    memcpy(chat, fixture_opening, sizeof fixture_opening);
    chat[2] = (struct cr_turn){.speaker = CR_ASSISTANT,
                               .text = said,
                               .text_bytes = strlen(said),
                               .quoted = quoted.data,
                               .quoted_bytes = quoted.used_bytes};
    chat[3] = fixture_opening[1];
    bench.calls[1].trajectory = 0;
    bench.calls[1].turns = chat;
    bench.calls[1].turns_len = 4;
    bench.calls[1].prefix_len = 2;
    run_calls(1, 2);
    assert_int_equal(bench.replies[1].reason, CR_REASON_NONE);
    print_message("%u of %u tokens cached, the first chat had %u\n",
                  bench.replies[1].tokens_cached, bench.replies[1].tokens_in,
                  bench.replies[0].tokens_in);
    assert_true(bench.replies[1].tokens_cached * 10 >= bench.replies[0].tokens_in * 9);
    cr_buf_fini(&quoted);
}

// Whether process PID was started with "--port PORT".
static bool has_port(const char *pid, const char *port) {
    char path[300], text[4096];
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    FILE *file = fopen(path, "r");
    size_t bytes = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    text[bytes] = '\0';
    bool is_next = false, has = false;
    for (size_t at = 0; at < bytes && !has; at += strlen(text + at) + 1) {
        has = is_next && strcmp(text + at, port) == 0;
        is_next = strcmp(text + at, "--port") == 0;
    }
    return has;
}

static pid_t pid_listening(void) {
    const char *port = strrchr(url, ':') + 1;
    pid_t pid = 0;
    DIR *all = opendir("/proc");
    assert_non_null(all);
    for (struct dirent *one; pid == 0 && (one = readdir(all)) != NULL;) {
        bool is_number = one->d_name[0] >= '1' && one->d_name[0] <= '9';
        pid = is_number && has_port(one->d_name, port) ? (pid_t)atoi(one->d_name) : 0;
    }
    closedir(all);
    assert_true(pid > 1);
    return pid;
}

static void a_killed_server_comes_back_and_nothing_is_lost(void **state) {
    (void)state;
    run_calls(0, 1);
    cr_reply_fini(&bench.replies[0]);
    for (unsigned i = 0; i < 24; i++) {
        fixture_submit(bench.client, &bench.calls[i]);
    }
    turn();
    turn();
    kill(pid_listening(), SIGKILL);
    run_calls(0, 0);
    assert_true(ups >= 2);
    for (unsigned i = 0; i < 24; i++) {
        assert_int_equal(bench.replies[i].reason, CR_REASON_NONE);
        assert_non_null(bench.replies[i].text);
    }
}

static void what_is_too_long_is_refused_in_the_servers_words(void **state) {
    enum { LONG = 60000 };
    static char text[LONG + 1], quoted[LONG + 3];
    (void)state;
    memset(text, 'x', LONG);
    memset(quoted, 'x', LONG + 2);
    quoted[0] = quoted[LONG + 1] = '"';
    struct cr_turn turn_of = {CR_USER, text, LONG, quoted, LONG + 2};
    bench.calls[0].turns = &turn_of;
    bench.calls[0].turns_len = 1;
    run_calls(0, 1);
    print_message("%s\n", bench.replies[0].error);
    assert_int_equal(bench.replies[0].reason, CR_REASON_BAD_REQUEST);
    assert_int_equal(bench.replies[0].http_status, 400);
    assert_non_null(strstr(bench.replies[0].error, "context"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(schema_answers_are_json_and_counted, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_growing_chat_is_served_from_the_cache, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_killed_server_comes_back_and_nothing_is_lost,
                                        start, stop),
        cmocka_unit_test_setup_teardown(
            what_is_too_long_is_refused_in_the_servers_words, start, stop),
    };
    int missing = find_server();
    if (missing || mkdtemp(dir) == NULL) {
        fprintf(stderr, "no llama-server here\n");
        return missing ? missing : 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return scratch_remove(dir) == 0 ? failed : 1;
}
