#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "credence/base/log.h"

struct sink {
    struct cr_log log;
    char *text;
    size_t bytes;
};

static void sink_open(struct sink *sink, int rank) {
    sink->log = (struct cr_log){.level = CR_LOG_INFO, .rank = rank};
    sink->log.file = open_memstream(&sink->text, &sink->bytes);
    assert_non_null(sink->log.file);
}

static void sink_expect(struct sink *sink, const char *expected) {
    fclose(sink->log.file);
    assert_string_equal(sink->text, expected);
    free(sink->text);
}

static void line_has_its_prefix(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, 3);
    cr_log_write(&sink.log, CR_LOG_WARN, "lost %d", 2);
    sink_expect(&sink, "credence: [rank 3] lost 2\n");
    sink_open(&sink, -1);
    cr_log_write(&sink.log, CR_LOG_INFO, "done");
    sink_expect(&sink, "credence: done\n");
}

static void detail_beyond_the_level_is_dropped(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, -1);
    cr_log_trace(&sink.log, CR_LOG_MODEL, "secret");
    sink_expect(&sink, "");
    struct cr_log silent = {.level = CR_LOG_INFO, .modules = CR_LOG_RUN};
    cr_log_write(&silent, CR_LOG_ERROR, "nothing");
    cr_log_write(NULL, CR_LOG_ERROR, "nothing");
}

static void a_module_is_shown_when_it_was_asked_for(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, -1);
    sink.log.level = CR_LOG_ERROR; // --quiet hides nothing that was asked for
    assert_int_equal(cr_log_modules("limits,run", &sink.log.modules, NULL), CR_OK);
    assert_int_equal(sink.log.modules, CR_LOG_RUN | CR_LOG_LIMITS);
    cr_log_trace(&sink.log, CR_LOG_LIMITS, "lease %d", 7);
    cr_log_trace(&sink.log, CR_LOG_STORE, "hidden");
    sink_expect(&sink, "credence: [limits] lease 7\n");
}

static void a_list_of_modules_is_read_or_refused(void **state) {
    (void)state;
    unsigned modules = 99;
    struct cr_err err = {0};
    assert_int_equal(cr_log_modules(NULL, &modules, &err), CR_OK);
    assert_int_equal(modules, 0);
    assert_int_equal(cr_log_modules("", &modules, &err), CR_OK);
    assert_int_equal(modules, 0);
    assert_int_equal(cr_log_modules("all", &modules, &err), CR_OK);
    assert_int_equal(modules, 63);
    modules = 5;
    assert_int_equal(cr_log_modules("run,modelx", &modules, &err), CR_E_USAGE);
    assert_int_equal(modules, 5);
    assert_non_null(strstr(err.text, "'modelx' is not a module"));
    assert_non_null(strstr(err.text, "run, message, limits, model, server, store"));
    assert_int_equal(cr_log_modules("run,,store", &modules, &err), CR_E_USAGE);
}

static void model_text_cannot_drive_the_terminal(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, -1);
    cr_log_write(&sink.log, CR_LOG_INFO, "%s",
                 "\033[2J\r\x7f\xc2\x9b"
                 "1m \xc3\xa9\t.");
    sink_expect(&sink, "credence: \\x1b[2J\\x0d\\u007f\\u009b1m \xc3\xa9\t.\n");
}

static void each_line_of_a_text_has_the_prefix(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, 1);
    cr_log_write(&sink.log, CR_LOG_ERROR, "a\nb\n");
    sink_expect(&sink, "credence: [rank 1] a\ncredence: [rank 1] b\n");
}

static void open_progress_line_is_wiped_once(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, -1);
    sink.log.line_is_open = 1;
    cr_log_write(&sink.log, CR_LOG_INFO, "x");
    cr_log_write(&sink.log, CR_LOG_INFO, "y");
    sink_expect(&sink, "\r\033[Kcredence: x\ncredence: y\n");
}

static void endless_text_is_cut_but_ends_its_line(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, -1);
    char *big = malloc(100001);
    memset(big, '\033', 100000);
    big[100000] = '\0';
    cr_log_write(&sink.log, CR_LOG_INFO, "%s", big);
    fclose(sink.log.file);
    assert_true(sink.bytes < 20000);
    assert_int_equal(sink.text[sink.bytes - 1], '\n');
    free(sink.text);
    free(big);
}

static void logs_without_memory(void **state) {
    (void)state;
    struct sink sink;
    sink_open(&sink, -1);
    cr_mem_fail_at(1);
    cr_log_write(&sink.log, CR_LOG_ERROR, "out of memory");
    assert_int_equal(cr_mem_count(), 0);
    cr_mem_fail_at(0);
    sink_expect(&sink, "credence: out of memory\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_its_prefix),
        cmocka_unit_test(detail_beyond_the_level_is_dropped),
        cmocka_unit_test(a_module_is_shown_when_it_was_asked_for),
        cmocka_unit_test(a_list_of_modules_is_read_or_refused),
        cmocka_unit_test(model_text_cannot_drive_the_terminal),
        cmocka_unit_test(each_line_of_a_text_has_the_prefix),
        cmocka_unit_test(open_progress_line_is_wiped_once),
        cmocka_unit_test(endless_text_is_cut_but_ends_its_line),
        cmocka_unit_test(logs_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
