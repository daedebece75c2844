#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "credence/base/json.h"

static void strip_blanks_comments_and_trailing_commas(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{} // end", "{}       "},
        {"[1, /* two */ 3]", "[1,           3]"},
        {"[1, 2,]", "[1, 2 ]"},
        {"{\"a\": 1, // last\n}", "{\"a\": 1         \n}"},
        {"[[1,],]", "[[1 ] ]"},
        {"\"http://x\"", "\"http://x\""},
        {"\"/* no */,]\"", "\"/* no */,]\""},
        {"\"a\\\"//b\"", "\"a\\\"//b\""},
        {"/* a\nb */1", "    \n    1"},
        {"/* unclosed", "/* unclosed"},
        {"[1 / 2]", "[1 / 2]"},
        {"[,]", "[,]"},
        {"[1,,]", "[1,,]"},
        {"{\"a\":,}", "{\"a\":,}"},
        {"// \xc3\xa9\n1", "     \n1"},
        {"\"open //", "\"open //"},
        {"/", "/"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        size_t bytes = strlen(cases[i][0]);
        memcpy(text, cases[i][0], bytes + 1);
        cr_json_strip(text, bytes);
        assert_string_equal(text, cases[i][1]);
    }
}

static const char job[] =
    "{\n"
    "  \"models\": {\n"
    "    \"qwen8b\": {\"api\": \"openai\"},\n"
    "    \"s\\u0069m\": {\"api\": \"sim\"}\n"
    "  },\n"
    "  \"grid\": {\"stop\": 1, \"stop.threshold\": [0.1, 0.2]},\n"
    "  \"exclude\": [\n"
    "    {\"benchmark\": \"a\"}, {\"\xc3\xa9\": 0, \"b\": [[7]]}\n"
    "  ]\n"
    "}\n";

static void values_are_found_by_path(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool is_there;
        unsigned line, column;
    } cases[] = {
        {"models", true, 2, 3},
        {"models.qwen8b.api", true, 3, 16},
        {"models.sim.api", true, 4, 18},
        {"grid.stop.threshold", true, 6, 23},
        {"grid.stop.threshold[1]", true, 6, 47},
        {"exclude[0].benchmark", true, 8, 6},
        {"exclude[1].b", true, 8, 34},
        {"exclude[1].b[0][0]", true, 8, 41},
        {"", true, 1, 1},
        {"models.qwen8b.model", false, 3, 5},
        {"exclude[2].b", false, 7, 3},
        {"exclude[1].c", false, 8, 25},
        {"exclude[x]", false, 7, 3},
        {"model", false, 1, 1},
        {"zzz.y", false, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned line = 0;
        unsigned column = 0;
        print_message("  %s\n", cases[i].path);
        assert_int_equal(
            cr_json_locate(job, strlen(job), cases[i].path, &line, &column),
            cases[i].is_there);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
    }
}

static void broken_text_ends_the_search(void **state) {
    (void)state;
    for (size_t bytes = 0; bytes < strlen(job); bytes++) {
        char *cut = malloc(bytes + 1); // exactly as long, for the sanitizer
        memcpy(cut, job, bytes);
        unsigned line;
        unsigned column;
        cr_json_locate(cut, bytes, "exclude[1].b[0][0]", &line, &column);
        assert_true(line >= 1 && line <= 11 && column >= 1);
        struct cr_buf path;
        cr_buf_init(&path, 1000);
        assert_false(cr_json_duplicate_key(cut, bytes, &path));
        cr_buf_fini(&path);
        cr_json_strip(cut, bytes);
        free(cut);
    }
    char *deep = malloc(100000);
    memset(deep, '[', 100000);
    unsigned line;
    unsigned column;
    assert_false(cr_json_locate(deep, 100000, "[0][0].x", &line, &column));
    struct cr_buf path;
    cr_buf_init(&path, 100000);
    assert_false(cr_json_duplicate_key(deep, 100000, &path));
    cr_buf_fini(&path);
    free(deep);
}

static void doubled_keys_are_found(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"a\":1,\"a\":2}", "a"},
        {"{\"a\":{\"b\":1},\"b\":{\"b\":1}}", NULL},
        {"{\"a\":[{\"b\":1},{\"b\":1,\"c\":{},\"b\":2}]}", "a[1].b"},
        {"{\"a\":1,\"\\u0061\":2}", "a"},
        {"{\"a\":1,\"A\":2}", NULL},
        {"{\"x\":{\"y\":1,\"z\":2},\"x\":3}", "x"},
        {"{\"x\":{\"y\":{\"q\":0,\"q\":1}}}", "x.y.q"},
        {"[1,2,2]", NULL},
        {"\xef\xbb\xbf{\"a\":1,\"a\":2}", "a"}, // behind a byte order mark
        {"{}", NULL},
        {"\"{\\\"a\\\":1,\\\"a\\\":2}\"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_buf path;
        cr_buf_init(&path, 1000);
        print_message("  %s\n", cases[i][0]);
        assert_int_equal(cr_json_duplicate_key(cases[i][0], strlen(cases[i][0]), &path),
                         cases[i][1] != NULL);
        if (cases[i][1] != NULL) {
            assert_string_equal(path.data, cases[i][1]);
        }
        cr_buf_fini(&path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strip_blanks_comments_and_trailing_commas),
        cmocka_unit_test(values_are_found_by_path),
        cmocka_unit_test(broken_text_ends_the_search),
        cmocka_unit_test(doubled_keys_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
