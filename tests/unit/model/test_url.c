// test_url.c - base URLs as people write them, and keys that must not leak.
#include "model_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/model/client.h"
#include "model/headers.h"
#include "model/url.h"

static struct cr_model model_of(const char *api) {
    return fixture_remote("m", api, NULL, 0);
}

static void base_urls_are_completed(void **state) {
    static const struct {
        const char *api, *dialect, *base, *url;
    } cases[] = {
        {"openai", NULL, "http://127.0.0.1:8000",
         "http://127.0.0.1:8000/v1/chat/completions"},
        {"openai", NULL, "http://127.0.0.1:8000/",
         "http://127.0.0.1:8000/v1/chat/completions"},
        {"openai", NULL, "http://127.0.0.1:8000/v1",
         "http://127.0.0.1:8000/v1/chat/completions"},
        {"openai", NULL, "http://127.0.0.1:8000/v1//",
         "http://127.0.0.1:8000/v1/chat/completions"},
        {"openai", NULL, "https://openrouter.ai/api/v1",
         "https://openrouter.ai/api/v1/chat/completions"},
        {"openai", NULL, "http://h/v1/chat/completions",
         "http://h/v1/chat/completions"},
        {"openai", NULL, "http://[::1]:80/x", "http://[::1]:80/x/chat/completions"},
        {"openai", "azure", "https://x.openai.azure.com",
         "https://x.openai.azure.com/openai/deployments/tiny/chat/completions"
         "?api-version=2024-06-01"},
        {"anthropic", NULL, "https://api.anthropic.com",
         "https://api.anthropic.com/v1/messages"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_model model = model_of(cases[i].api);
        struct cr_url url;
        struct cr_err err;
        model.api_version = "2024-06-01";
        const struct cr_dialect *dialect =
            cr_dialect_find(cases[i].api, cases[i].dialect);
        assert_non_null(dialect);
        assert_int_equal(cr_url_make(&url, &model, dialect, cases[i].base, &err),
                         CR_OK);
        assert_string_equal(url.url, cases[i].url);
        cr_url_fini(&url);
    }
}

// However it is spelt; and the refusal does not quote it.
static void a_secret_in_a_url_is_refused(void **state) {
    static const char *const bases[] = {
        "http://joe:hush1@127.0.0.1:1/v1",
        "http://hush1@127.0.0.1:1/v1",
        "http://:hush1@127.0.0.1:1",
        "http://joe%3Ahush1@127.0.0.1:1",
        "https://far.example/v1?key=hush1",
        "https://far.example/v1?a=b&api_key=hush1",
        "https://far.example/v1?API-KEY=hush1",
        "https://far.example/v1?%6bey=hush1",
        "https://far.example/v1?access_token=hush1",
        "https://far.example/v1?x=1;subscription-key=hush1",
        "https://far.example/v1?code=hush1",
        "http://joe:hush1@[broken",
    };
    struct cr_model model = model_of("openai");
    (void)state;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        struct cr_url url = {0};
        struct cr_err err = {0};
        print_message("%s\n", bases[i]);
        assert_int_equal(
            cr_url_make(&url, &model, cr_dialect_find("openai", NULL), bases[i], &err),
            CR_E_JOB);
        assert_null(strstr(err.text, "hush1"));
        cr_url_fini(&url);
    }
}

static void a_query_without_a_secret_is_kept_and_not_shown(void **state) {
    struct cr_model model = model_of("openai");
    struct cr_url url;
    (void)state;
    assert_int_equal(cr_url_make(&url, &model, cr_dialect_find("openai", NULL),
                                 "http://127.0.0.1:1/v1?region=eu", NULL),
                     CR_OK);
    assert_string_equal(url.url, "http://127.0.0.1:1/v1/chat/completions?region=eu");
    assert_string_equal(url.shown, "http://127.0.0.1:1/v1/chat/completions");
    cr_url_fini(&url);
}

static void no_proxy_sees_what_runs_here(void **state) {
    static const struct {
        const char *base, *proxy, *no_proxy, *expected;
    } cases[] = {
        {"http://far.example/v1", NULL, NULL, "http://web.proxy:3128/"},
        {"https://far.example/v1", NULL, NULL, "http://safe.proxy:3128/"},
        {"http://127.0.0.1:8000/v1", NULL, NULL, ""},
        {"http://127.8.9.1:8000", NULL, NULL, ""},
        {"http://localhost:8000", NULL, NULL, ""},
        {"http://[::1]:8000", NULL, NULL, ""},
        {"http://127.0.0.1.example/v1", NULL, NULL, "http://web.proxy:3128/"},
        {"http://127.0.0.1:8000", "http://p.example:1", NULL, "http://p.example:1/"},
        {"http://far.example", "none", NULL, ""},
        {"http://far.example", NULL, "far.example", ""},
        {"http://a.far.example", NULL, "x, .far.example", ""},
        {"http://notfar.example", NULL, "far.example", "http://web.proxy:3128/"},
        {"http://far.example", NULL, "*", ""},
    };
    (void)state;
    setenv("http_proxy", "http://joe:hush1@web.proxy:3128", 1);
    setenv("https_proxy", "http://safe.proxy:3128", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_model model = model_of("openai");
        char shown[CR_PROXY_SHOWN_MAX];
        model.proxy = cases[i].proxy;
        setenv("no_proxy", cases[i].no_proxy != NULL ? cases[i].no_proxy : "", 1);
        print_message("%s\n", cases[i].base);
        assert_int_equal(cr_client_proxy(&model, cases[i].base, shown, NULL), CR_OK);
        assert_string_equal(shown, cases[i].expected);
    }
    static const char *const command[] = {"server", NULL};
    struct cr_model served = model_of("openai");
    char shown[CR_PROXY_SHOWN_MAX];
    served.serve.command = command;
    assert_int_equal(cr_client_proxy(&served, "http://node7:8000", shown, NULL), CR_OK);
    assert_string_equal(shown, "");
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("no_proxy");
}

static void a_key_goes_over_plain_http_to_this_host_alone(void **state) {
    static const struct {
        const char *base;
        bool allows;
        enum cr_status status;
    } cases[] = {
        {"http://127.0.0.1:1", false, CR_OK},
        {"http://localhost:1", false, CR_OK},
        {"http://[::1]:1", false, CR_OK},
        {"https://far.example", false, CR_OK},
        {"http://far.example", false, CR_E_JOB},
        {"http://far.example", true, CR_OK},
        {"http://127.evil.example", false, CR_E_JOB},
        {"http://localhost.evil.example", false, CR_E_JOB},
        {"ftp://127.0.0.1", false, CR_E_JOB},
        {"127.0.0.1:8000", false, CR_E_JOB},
        {"", false, CR_E_JOB},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_model model = model_of("openai");
        struct cr_url url = {0};
        model.api_key_env = "SOME_KEY";
        model.allow_insecure = cases[i].allows;
        print_message("%s\n", cases[i].base);
        assert_int_equal(cr_url_make(&url, &model, cr_dialect_find("openai", NULL),
                                     cases[i].base, NULL),
                         cases[i].status);
        cr_url_fini(&url);
    }
}

static void keys_come_from_the_environment(void **state) {
    struct cr_model model = model_of("openai");
    struct cr_headers headers;
    struct cr_err err;
    const struct cr_dialect *dialect = cr_dialect_find("openai", NULL);
    (void)state;
    model.api_key_env = "CREDENCE_TEST_KEY";
    unsetenv("CREDENCE_TEST_KEY");
    assert_int_equal(cr_headers_make(&headers, &model, dialect, &err), CR_E_JOB);
    setenv("CREDENCE_TEST_KEY", "two words", 1);
    assert_int_equal(cr_headers_make(&headers, &model, dialect, &err), CR_E_JOB);
    assert_null(strstr(err.text, "two words"));
    setenv("CREDENCE_TEST_KEY", "sk-123", 1);
    assert_int_equal(cr_headers_make(&headers, &model, dialect, &err), CR_OK);
    assert_string_equal(headers.secret, "sk-123");
    cr_headers_fini(&headers);
    assert_int_equal(
        cr_headers_make(&headers, &model, cr_dialect_find("openai", "azure"), &err),
        CR_OK);
    assert_string_equal(headers.secret - strlen("api-key: "), "api-key: sk-123");
    cr_headers_fini(&headers);
}

static void a_key_file_must_be_private(void **state) {
    struct cr_model model = model_of("openai");
    struct cr_headers headers;
    struct cr_err err;
    char path[] = "/tmp/credence-key-XXXXXX";
    const struct cr_dialect *dialect = cr_dialect_find("openai", NULL);
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "sk-456\n", 7), 7);
    close(fd);
    model.api_key_file = path;
    assert_int_equal(cr_headers_make(&headers, &model, dialect, &err), CR_OK);
    assert_string_equal(headers.secret, "sk-456");
    cr_headers_fini(&headers);
    chmod(path, 0640);
    assert_int_equal(cr_headers_make(&headers, &model, dialect, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "chmod 600"));
    unlink(path);
    assert_int_equal(cr_headers_make(&headers, &model, dialect, &err), CR_E_JOB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_urls_are_completed),
        cmocka_unit_test(a_secret_in_a_url_is_refused),
        cmocka_unit_test(a_query_without_a_secret_is_kept_and_not_shown),
        cmocka_unit_test(no_proxy_sees_what_runs_here),
        cmocka_unit_test(a_key_goes_over_plain_http_to_this_host_alone),
        cmocka_unit_test(keys_come_from_the_environment),
        cmocka_unit_test(a_key_file_must_be_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
