// test_learned.c - what servers refuse is said once, kept in a file and recalled.
#include "model_fixture.h"

#include <unistd.h>

#include "model/learned.h"
#include "scratch.h"

static char dir[] = "/tmp/credence-learned-XXXXXX";

static struct cr_learned_of server(const char *url) {
    return (struct cr_learned_of){"m", url, cr_dialect_find("openai", NULL)};
}

static struct cr_request_shape recall(const char *url) {
    const struct cr_learned learned = {.dir = dir};
    const struct cr_learned_of of = server(url);
    struct cr_request_shape shape = {0};
    cr_learned_recall(&learned, &of, &shape);
    return shape;
}

static void what_is_learned_is_said_once_and_recalled(void **state) {
    static const enum cr_setting refused[] = {CR_SETTING_MAX_TOKENS, CR_SETTING_SEED,
                                              CR_SETTING_FORM, CR_SETTING_FORM,
                                              CR_SETTING_SYSTEM};
    struct cr_log log = {.file = tmpfile(), .rank = -1, .level = CR_LOG_INFO};
    const struct cr_learned learned = {dir, &log};
    const struct cr_learned_of of = server("http://a/v1");
    struct cr_request_shape shape = {0};
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct cr_request_shape sent = shape;
        for (int twin = 0; twin < 3; twin++) { // others were under way
            cr_learned_note(&learned, &of, refused[i], &sent, &shape);
        }
    }
    assert_true(shape.uses_other_limit && shape.omits_seed);
    assert_int_equal(shape.structured, CR_STRUCTURED_NONE);
    assert_int_equal(shape.system_role, CR_SYSTEM_ROLE_USER);
    const struct cr_request_shape again = recall("http://a/v1");
    assert_memory_equal(&again, &shape, sizeof shape);
    const struct cr_request_shape other = recall("http://b/v1");
    assert_int_equal(other.structured, CR_STRUCTURED_SCHEMA);
    assert_false(other.uses_other_limit || other.omits_seed);
    rewind(log.file);
    int lines = 0;
    for (int c; (c = fgetc(log.file)) != EOF;) {
        lines += c == '\n';
    }
    assert_int_equal(lines, sizeof refused / sizeof refused[0]);
    fclose(log.file);
}

static void a_role_of_the_developer_is_tried_where_it_is_named(void **state) {
    const struct cr_learned learned = {0};
    const struct cr_learned_of of = server("http://c/v1");
    struct cr_request_shape shape = {0};
    struct cr_request_shape sent = shape;
    (void)state;
    cr_learned_note(&learned, &of, CR_SETTING_DEVELOPER, &sent, &shape);
    assert_int_equal(shape.system_role, CR_SYSTEM_ROLE_DEVELOPER);
    sent = shape;
    cr_learned_note(&learned, &of, CR_SETTING_DEVELOPER, &sent, &shape);
    assert_int_equal(shape.system_role, CR_SYSTEM_ROLE_USER);
}

static void torn_and_foreign_lines_are_skipped(void **state) {
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/learned.jsonl", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"model\":\"m\",\"url\":\"http://d\",\"setting\":\"seed\",\"val\n"
          "[1,2]\n\n7\n{\"model\":\"m\"}\n"
          "{\"model\":\"m\",\"url\":\"http://d\",\"setting\":\"system_role\",\"value\":"
          "\"wizard\"}\n"
          "{\"model\":\"other\",\"url\":\"http://d\",\"setting\":\"seed\",\"value\":"
          "\"none\"}\n"
          "{\"model\":\"m\",\"url\":\"http://d\",\"setting\":\"structured\",\"value\":"
          "\"json_object\"}",
          file);
    fclose(file);
    const struct cr_request_shape shape = recall("http://d");
    assert_int_equal(shape.structured, CR_STRUCTURED_OBJECT);
    assert_int_equal(shape.system_role, CR_SYSTEM_ROLE_SYSTEM);
    assert_false(shape.omits_seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_learned_is_said_once_and_recalled),
        cmocka_unit_test(a_role_of_the_developer_is_tried_where_it_is_named),
        cmocka_unit_test(torn_and_foreign_lines_are_skipped),
    };
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return scratch_remove(dir) == 0 ? failed : 1;
}
