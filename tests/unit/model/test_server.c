// test_server.c - local servers: started, watched, started again, and never left
// behind.
//
// The server is this program itself, called as "serve PORT HOW".
#include "model_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/model/server.h"
#include "model/serve/launch.h"
#include "scratch.h"

static char self[4096];
static char dir[] = "/tmp/credence-server-XXXXXX";

// The server's side.

static void write_pid(const char *name) {
    char path[4200], text[32];
    snprintf(path, sizeof path, "%s/%s", getenv("TEST_SERVER_DIR"), name);
    int bytes = snprintf(text, sizeof text, "%d", (int)getpid());
    if (cr_file_write(path, text, (size_t)bytes, 0600, NULL) != CR_OK) {
        _exit(9);
    }
}

// A helper in the group, and one that left it.
static void bear_children(void) {
    for (int leaves = 0; leaves < 2; leaves++) {
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            if (leaves) {
                setsid();
            }
            write_pid(leaves ? "stray" : "helper");
            for (;;) {
                pause();
            }
        }
    }
}

static int serve(const char *port, const char *how) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (strcmp(how, "fails") == 0) {
        fprintf(stderr, "cannot load \x1b[31mmodel\n");
        return 3;
    }
    if (strcmp(how, "stubborn") == 0) {
        signal(SIGTERM, SIG_IGN);
    }
    write_pid("leader");
    if (strcmp(how, "family") == 0) {
        bear_children();
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (strcmp(how, "silent") == 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 8) != 0) {
        for (;;) {
            pause();
        }
    }
    for (;;) {
        char request[1024];
        int peer = accept(fd, NULL, NULL);
        ssize_t got = read(peer, request, sizeof request);
        ssize_t put = got > 0 ? write(peer, reply, sizeof reply - 1) : 0;
        (void)put;
        close(peer);
    }
}

// The runner's side.

struct watch {
    char url[64];
    unsigned up, down;
    enum cr_server_scope scope;
};

static void on_moved(void *ctx, enum cr_server_scope scope, uint32_t model,
                     uint32_t endpoint, const char *url) {
    struct watch *watch = ctx;
    assert_int_equal(model, 0);
    assert_in_range(endpoint, 0, 3);
    watch->scope = scope;
    watch->up += url[0] != '\0';
    watch->down += url[0] == '\0';
    snprintf(watch->url, sizeof watch->url, "%s", url);
}

struct setting {
    struct cr_model model;
    struct cr_job job;
    const char *command[6];
    struct watch watch;
    struct cr_servers_cfg cfg;
    struct cr_servers *servers;
};

static void set(struct setting *setting, const char *how) {
    *setting = (struct setting){.command = {self, "serve", "{port}", how, NULL}};
    setting->model = fixture_remote("mine/tiny", "openai", NULL, 0);
    setting->model.serve = (struct cr_serve){.command = setting->command,
                                             .env = "{\"TEST_SERVER_DIR\":true}",
                                             .per = "node",
                                             .health = "/health",
                                             .startup_s = 100,
                                             .gpus = 1};
    setting->job = (struct cr_job){.models = &setting->model, .models_len = 1};
    setting->cfg = (struct cr_servers_cfg){.job = &setting->job,
                                           .clock = cr_clock_monotonic(),
                                           .dir = dir,
                                           .starts_for_node = true,
                                           .grace_ms = 60,
                                           .moved = on_moved,
                                           .ctx = &setting->watch};
}

enum { NAPS = 20000 }; // 40 s, for a machine that is busy

static void nap(void) {
    usleep(2000);
}

// Poll until `up` servers were announced; the status of the poll that failed.
static enum cr_status poll_until(struct setting *setting, unsigned up,
                                 struct cr_err *err) {
    int64_t give_up_ms = cr_clock_now_ms(cr_clock_monotonic()) + 100000;
    while (setting->watch.up < up) {
        enum cr_status status = cr_servers_poll(setting->servers, err);
        if (status != CR_OK) {
            return status;
        }
        assert_true(cr_clock_now_ms(cr_clock_monotonic()) < give_up_ms);
        nap();
    }
    return CR_OK;
}

static void start(struct setting *setting) {
    struct cr_err err;
    if (cr_servers_create(&setting->cfg, &setting->servers, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
}

static pid_t pid_in(const char *name) {
    char path[4200];
    struct cr_buf text;
    pid_t pid = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    cr_buf_init(&text, 64);
    for (int i = 0; i < NAPS && pid == 0; i++, nap()) {
        cr_buf_clear(&text);
        if (cr_file_read(path, &text, NULL) == CR_OK) {
            pid = (pid_t)atoi(text.data);
        }
    }
    cr_buf_fini(&text);
    assert_true(pid > 1);
    return pid;
}

// A process that ended may wait for ever to be buried by an init that buries nobody.
static bool is_zombie(pid_t pid) {
    char path[64], state = ' ';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    bool is =
        file != NULL && fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z';
    if (file != NULL) {
        fclose(file);
    }
    return is;
}

static bool is_gone(pid_t pid) {
    for (int i = 0; i < NAPS; i++, nap()) {
        if ((kill(pid, 0) != 0 && errno == ESRCH) || is_zombie(pid)) {
            return true;
        }
    }
    return false;
}

static int clean(void **state) {
    static const char *const names[] = {"leader", "helper", "stray",
                                        "servers/mine_tiny-0-0.log"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return 0;
}

static void a_server_comes_up_and_goes_down(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "well");
    assert_true(cr_servers_are_needed(&setting.cfg));
    start(&setting);
    assert_int_equal(poll_until(&setting, 1, &err), CR_OK);
    assert_int_equal(setting.watch.scope, CR_SERVER_OF_NODE);
    assert_non_null(strstr(setting.watch.url, "http://127.0.0.1:"));
    pid_t leader = pid_in("leader");
    cr_servers_destroy(setting.servers);
    assert_true(is_gone(leader));
}

static void one_that_dies_is_started_again(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "well");
    start(&setting);
    assert_int_equal(poll_until(&setting, 1, &err), CR_OK);
    kill(pid_in("leader"), SIGKILL);
    assert_int_equal(poll_until(&setting, 2, &err), CR_OK);
    assert_int_equal(setting.watch.down, 1);
    cr_servers_destroy(setting.servers);
}

static void one_that_never_works_is_named_with_its_last_words(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "fails");
    start(&setting);
    assert_int_equal(poll_until(&setting, 1, &err), CR_E_BLOCKED);
    assert_non_null(strstr(err.text, "model mine/tiny"));
    assert_non_null(strstr(err.text, "exited with status 3"));
    assert_non_null(strstr(err.text, "ends with:\ncannot load"));
    cr_servers_destroy(setting.servers);
}

static void one_that_is_not_ready_in_time_is_given_up(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "silent");
    setting.model.serve.startup_s = 0.2;
    start(&setting);
    pid_t leader = pid_in("leader"); // before it can be given up
    assert_int_equal(poll_until(&setting, 1, &err), CR_E_BLOCKED);
    assert_non_null(strstr(err.text, "was not ready within 0.2 s"));
    cr_servers_destroy(setting.servers);
    assert_true(is_gone(leader));
}

static void a_command_that_is_no_program_is_said_so(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "well");
    setting.command[0] = "/nonexistent/server";
    start(&setting);
    assert_int_equal(poll_until(&setting, 1, &err), CR_E_BLOCKED);
    assert_non_null(strstr(err.text, "cannot run"));
    assert_non_null(strstr(err.text, "/nonexistent/server: No such file"));
    cr_servers_destroy(setting.servers);
}

static void who_will_not_hear_is_killed(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "stubborn");
    start(&setting);
    assert_int_equal(poll_until(&setting, 1, &err), CR_OK);
    pid_t leader = pid_in("leader");
    cr_servers_destroy(setting.servers);
    assert_true(is_gone(leader));
}

static void the_whole_family_goes_with_it(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "family");
    start(&setting);
    assert_int_equal(poll_until(&setting, 1, &err), CR_OK);
    pid_t helper = pid_in("helper"), stray = pid_in("stray");
    cr_servers_destroy(setting.servers);
    assert_true(is_gone(helper));
    assert_true(is_gone(stray));
}

// A runner that is killed outright leaves no server behind.
static void no_server_outlives_a_killed_runner(void **state) {
    (void)state;
    pid_t runner = fork();
    assert_true(runner >= 0);
    if (runner == 0) {
        struct setting setting;
        set(&setting, "family");
        if (cr_servers_create(&setting.cfg, &setting.servers, NULL) != CR_OK) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    pid_t leader = pid_in("leader"), helper = pid_in("helper"), stray = pid_in("stray");
    kill(runner, SIGKILL);
    assert_int_equal(waitpid(runner, NULL, 0), runner);
    assert_true(is_gone(leader));
    assert_true(is_gone(helper));
    assert_true(is_gone(stray));
}

static void each_gpu_gets_its_server(void **state) {
    struct setting setting;
    struct cr_err err;
    (void)state;
    set(&setting, "well");
    setting.model.serve.per = "gpu";
    setting.model.serve.gpus = 2;
    setenv("CUDA_VISIBLE_DEVICES", "3,5,GPU-a,7", 1);
    start(&setting);
    assert_int_equal(poll_until(&setting, 2, &err), CR_OK);
    cr_servers_destroy(setting.servers);
    setenv("CUDA_VISIBLE_DEVICES", "3", 1);
    assert_int_equal(cr_servers_create(&setting.cfg, &setting.servers, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "2 each, and this node shows 1"));
    unsetenv("CUDA_VISIBLE_DEVICES");
}

static void who_is_not_first_starts_nothing(void **state) {
    struct setting setting;
    (void)state;
    set(&setting, "well");
    setting.cfg.starts_for_node = false;
    assert_false(cr_servers_are_needed(&setting.cfg));
    setting.model.serve.per = "job";
    setting.cfg.starts_for_node = true;
    assert_false(cr_servers_are_needed(&setting.cfg));
    setting.cfg.starts_for_job = true;
    assert_true(cr_servers_are_needed(&setting.cfg));
}

static void placeholders_are_filled_in(void **state) {
    static const char *const command[] = {"server", "--port={port}", "{model}",
                                          "{\"gpu\": \"{gpu}\", \"{other}\"}", NULL};
    struct cr_launch_values values = {
        .port = 8000, .host = "127.0.0.1", .model = "a/b", .gpus = "1,2"};
    struct cr_launch launch;
    bool has_gpus = false;
    (void)state;
    assert_int_equal(cr_launch_make(&launch, command, &values), CR_OK);
    assert_string_equal(launch.argv[1], "--port=8000");
    assert_string_equal(launch.argv[2], "a/b");
    assert_string_equal(launch.argv[3], "{\"gpu\": \"1,2\", \"{other}\"}");
    assert_null(launch.argv[4]);
    for (char **at = launch.envp; *at != NULL; at++) {
        has_gpus = has_gpus || strcmp(*at, "CUDA_VISIBLE_DEVICES=1,2") == 0;
    }
    assert_true(has_gpus);
    cr_launch_fini(&launch);
}

static bool has_entry(const struct cr_launch *launch, const char *entry) {
    for (char **at = launch->envp; *at != NULL; at++) {
        if (strncmp(*at, entry, strlen(entry)) == 0) {
            return true;
        }
    }
    return false;
}

// A child knows what it needs, and no key unless the job says so.
static void a_server_gets_a_cleaned_environment(void **state) {
    static const char *const command[] = {"server", NULL};
    struct cr_launch_values values = {
        .host = "127.0.0.1",
        .model = "m",
        .env =
            "{\"OPENAI_API_KEY\":true,\"HF_HOME\":\"/models\",\"UNSET_THING\":true}"};
    struct cr_launch launch;
    (void)state;
    setenv("OPENAI_API_KEY", "sk-1", 1);
    setenv("VLLM_API_KEY", "sk-2", 1);
    setenv("HF_TOKEN", "hf-3", 1);
    setenv("HF_HOME", "/elsewhere", 1);
    setenv("VLLM_PORT", "1", 1);
    setenv("MY_DIARY", "private", 1);
    assert_int_equal(cr_launch_make(&launch, command, &values), CR_OK);
    assert_true(has_entry(&launch, "PATH="));
    assert_true(has_entry(&launch, "VLLM_PORT=1"));
    assert_true(has_entry(&launch, "OPENAI_API_KEY=sk-1")); // asked for
    assert_true(has_entry(&launch, "HF_HOME=/models"));
    assert_false(has_entry(&launch, "HF_HOME=/elsewhere"));
    assert_false(has_entry(&launch, "VLLM_API_KEY"));
    assert_false(has_entry(&launch, "HF_TOKEN"));
    assert_false(has_entry(&launch, "MY_DIARY"));
    assert_false(has_entry(&launch, "UNSET_THING"));
    cr_launch_fini(&launch);
}

static void a_key_in_serve_env_is_refused(void **state) {
    static const struct {
        const char *env, *said;
    } cases[] = {
        {"{\"HF_TOKEN\":\"hf_x\"}",
         "models.m.serve.env.HF_TOKEN: a key does not belong"},
        {"{\"MY_api_key\":\"x\"}", "models.m.serve.env.MY_api_key: a key"},
        {"{\"A\":7}", "models.m.serve.env.A: found a number, expected a text"},
        {"{\"A=B\":\"x\"}", "is not a variable's name"},
        {"{\"A\":false}", "models.m.serve.env.A: found"},
        {"{\"HF_TOKEN\":true,\"A\":\"b\"}", ""},
        {NULL, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_model model = {.name = "m", .serve = {.env = cases[i].env}};
        struct cr_err err = {0};
        cr_launch_check_env(&model, &err);
        assert_int_equal(err.text[0] != '\0', cases[i].said[0] != '\0');
        assert_non_null(strstr(err.text, cases[i].said));
        assert_null(strstr(err.text, "hf_x"));
    }
}

static void device_lists_are_read(void **state) {
    static const struct {
        const char *list;
        uint32_t len;
        const char *last;
    } cases[] = {
        {"0", 1, "0"},       {"0,1,2", 3, "2"},         {"0-3", 4, "3"},
        {"0-1,4", 3, "4"},   {"GPU-1-2", 1, "GPU-1-2"}, {"", 0, NULL},
        {" 1 , 2 ", 2, "2"}, {"3-1", 1, "3-1"},         {"0-4000000000", 64, "63"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_devices devices;
        cr_devices_parse(cases[i].list, &devices);
        assert_int_equal(devices.len, cases[i].len);
        if (devices.len > 0) {
            assert_string_equal(devices.name[devices.len - 1], cases[i].last);
        }
    }
}

static void no_device_serves_two_models(void **state) {
    static const struct {
        uint32_t devices, each[3], models, servers[3];
    } cases[] = {{8, {1}, 1, {8}},       {8, {3}, 1, {2}},
                 {4, {1, 1}, 2, {2, 2}}, {8, {1, 4}, 2, {4, 1}},
                 {3, {1, 2}, 2, {1, 1}}, {1, {1, 1}, 2, {0, 0}},
                 {0, {1}, 1, {0}},       {5, {1, 1, 1}, 3, {1, 1, 1}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t servers[3] = {0}, used = 0;
        cr_devices_share(cases[i].devices, cases[i].each, cases[i].models, servers);
        for (uint32_t j = 0; j < cases[i].models; j++) {
            assert_int_equal(servers[j], cases[i].servers[j]);
            used += servers[j] * cases[i].each[j];
        }
        assert_true(used <= cases[i].devices);
    }
    struct cr_devices devices;
    char list[CR_DEVICE_LIST_MAX];
    cr_devices_parse("0-3", &devices);
    cr_devices_list(&devices, 2, 2, list);
    assert_string_equal(list, "2,3");
    cr_devices_list(&devices, 3, 2, list);
    assert_string_equal(list, "3");
}

int main(int argc, char **argv) {
    if (argc > 3 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], argv[3]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_server_comes_up_and_goes_down, clean),
        cmocka_unit_test_teardown(one_that_never_works_is_named_with_its_last_words,
                                  clean),
        cmocka_unit_test_teardown(one_that_is_not_ready_in_time_is_given_up, clean),
        cmocka_unit_test_teardown(a_command_that_is_no_program_is_said_so, clean),
        cmocka_unit_test_teardown(who_will_not_hear_is_killed, clean),
        cmocka_unit_test_teardown(the_whole_family_goes_with_it, clean),
        cmocka_unit_test_teardown(no_server_outlives_a_killed_runner, clean),
        cmocka_unit_test_teardown(each_gpu_gets_its_server, clean),
        cmocka_unit_test(who_is_not_first_starts_nothing),
        cmocka_unit_test(placeholders_are_filled_in),
        cmocka_unit_test(a_server_gets_a_cleaned_environment),
        cmocka_unit_test(a_key_in_serve_env_is_refused),
        cmocka_unit_test(device_lists_are_read),
        cmocka_unit_test(no_device_serves_two_models),
    };
    // Label contract: run when there is an argument. A second passes before a restart.
    const struct CMUnitTest slow[] = {
        cmocka_unit_test_teardown(one_that_dies_is_started_again, clean),
    };
    if (mkdtemp(dir) == NULL || readlink("/proc/self/exe", self, sizeof self - 1) < 0) {
        return 1;
    }
    setenv("TEST_SERVER_DIR", dir, 1);
    int failed = argc > 1 ? cmocka_run_group_tests(slow, NULL, NULL)
                          : cmocka_run_group_tests(tests, NULL, NULL);
    return scratch_remove(dir) == 0 ? failed : 1;
}
