#include "cmocka_all.h"

#include <string.h>

#include "credence/base/buf.h"
#include "csv_text.h"

// Rows as text: "LINE:field|field;" each.
static enum cr_status note_row(void *ctx, const struct cr_csv_row *row,
                               struct cr_err *err) {
    (void)err;
    struct cr_buf *out = ctx;
    enum cr_status status = cr_buf_printf(out, "%d:", (int)row->line);
    for (size_t i = 0; i < row->fields_len && status == CR_OK; i++) {
        assert_int_equal(strlen(row->fields[i]), row->fields_bytes[i]);
        status = cr_buf_printf(out, "%s%s", i > 0 ? "|" : "", row->fields[i]);
    }
    return status != CR_OK ? status : cr_buf_add_text(out, ";");
}

static enum cr_status read_text(const char *name, const char *text, size_t bytes,
                                cr_csv_row_fn row, void *ctx, struct cr_err *err) {
    const struct cr_csv_cfg cfg = {.name = name, .row = row, .ctx = ctx};
    return csv_text_read(&cfg, text, bytes, err);
}

static void records_are_read_as_rfc_4180_says(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *rows;
    } cases[] = {
        {"nothing", "", ""},
        {"two records", "a,b\nc,d\n", "1:a|b;2:c|d;"},
        {"last line without newline", "a,b\nc,d", "1:a|b;2:c|d;"},
        {"CR LF", "a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
        {"CR alone", "a,b\rc,d\r", "1:a|b;2:c|d;"},
        {"quoted comma and quote", "\"a,b\",\"say \"\"hi\"\"\"\n", "1:a,b|say \"hi\";"},
        {"quoted newlines", "\"x\ny\r\nz\",1\nq,2\n", "1:x\ny\r\nz|1;4:q|2;"},
        {"empty fields", ",,\n\"\",\n", "1:||;2:|;"},
        {"spaces are kept", " a , b\n", "1: a | b;"},
        {"empty lines are skipped", "a\n\n\r\n\nb\n\n", "1:a;5:b;"},
        {"empty line inside quotes", "\"\n\n\"\nb\n", "1:\n\n;4:b;"},
        {"rows of different length", "a\nb,c\nd,e,f", "1:a;2:b|c;3:d|e|f;"},
        {"quote at the very end", "a,\"b\"", "1:a|b;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].name);
        struct cr_buf out;
        cr_buf_init(&out, 1000);
        assert_int_equal(cr_buf_reserve(&out, 1), CR_OK);
        assert_int_equal(read_text("f.csv", cases[i].text, strlen(cases[i].text),
                                   note_row, &out, NULL),
                         CR_OK);
        assert_string_equal(out.data, cases[i].rows);
        cr_buf_fini(&out);
    }
}

static void bad_records_are_named_by_line(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *where, *what;
    } cases[] = {
        {"open quote", "a\n\"b\nc\nd\n", "f.csv:2:", "never closes"},
        {"text after a quote", "a\n\n\"b\"c\n", "f.csv:3:", "after a closing quote"},
        {"quote in a bare field", "a\nb\"c\n", "f.csv:2:", "begins on line 2"},
        {"inside a long record", "a\n\"x\ny\"z\n", "f.csv:3:", "begins on line 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].name);
        struct cr_err err = {0};
        struct cr_buf out;
        cr_buf_init(&out, 1000);
        assert_int_equal(read_text("f.csv", cases[i].text, strlen(cases[i].text),
                                   note_row, &out, &err),
                         CR_E_FORMAT);
        assert_ptr_equal(strstr(err.text, cases[i].where), err.text);
        assert_non_null(strstr(err.text, cases[i].what));
        cr_buf_fini(&out);
    }
}

static enum cr_status stop_at_second(void *ctx, const struct cr_csv_row *row,
                                     struct cr_err *err) {
    int *rows = ctx;
    ++*rows;
    return row->line == 2 ? cr_err_set(err, CR_E_JOB, "enough") : CR_OK;
}

static void callback_ends_the_reading(void **state) {
    (void)state;
    struct cr_err err = {0};
    int rows = 0;
    assert_int_equal(read_text("f", "a\nb\nc\nd", 7, stop_at_second, &rows, &err),
                     CR_E_JOB);
    assert_int_equal(rows, 2);
    assert_string_equal(err.text, "enough");
}

static enum cr_status see_nul(void *ctx, const struct cr_csv_row *row,
                              struct cr_err *err) {
    (void)err;
    *(size_t *)ctx = row->fields_bytes[0];
    return CR_OK;
}

static void nul_byte_is_kept_and_counted(void **state) {
    (void)state;
    size_t bytes = 0;
    assert_int_equal(read_text("f", "a\0b,c\n", 6, see_nul, &bytes, NULL), CR_OK);
    assert_int_equal(bytes, 3);
}

// The parser asks again for less when it cannot have much, so a failing allocation may
// end well; then every field must be there.
static void survives_each_failing_allocation(void **state) {
    (void)state;
    const char text[] = "1,2,3,4,5,6,7,8,9,10,11,12\n\"a long enough field\",2\n";
    uint64_t counted = 1;
    uint64_t n = 0;
    while (counted >= n) {
        struct cr_buf out;
        cr_buf_init(&out, 100000);
        struct cr_err err = {0};
        cr_mem_fail_at(++n);
        enum cr_status status =
            read_text("f", text, sizeof text - 1, note_row, &out, &err);
        counted = cr_mem_count();
        cr_mem_fail_at(0);
        if (status != CR_OK) {
            assert_int_equal(status, CR_E_MEMORY);
            assert_string_equal(err.text, "out of memory while reading f");
        } else {
            assert_string_equal(
                out.data, "1:1|2|3|4|5|6|7|8|9|10|11|12;2:a long enough field|2;");
        }
        cr_buf_fini(&out);
    }
    assert_true(n > 4); // the parser, the texts, the lengths, the fields
}

static void a_field_is_quoted_where_a_reader_or_a_spreadsheet_needs_it(void **state) {
    (void)state;
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"", ""},
        {"plain text", "plain text"},
        {" x", "\" x\""},
        {"x ", "\"x \""},
        {"a,b", "\"a,b\""},
        {"say \"x\"", "\"say \"\"x\"\"\""},
        {"two\nlines", "\"two\nlines\""},
        {"=1+1", "\"'=1+1\""},
        {"@cmd", "\"'@cmd\""},
        {"+1 (2)", "\"'+1 (2)\""},
        {"-x", "\"'-x\""},
        {"\t=1", "\"'\t=1\""},
        {"-0.25", "-0.25"},
        {"+5.0", "+5.0"},
        {"-1e-3", "-1e-3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_buf out;
        cr_buf_init(&out, 100);
        assert_int_equal(cr_buf_reserve(&out, 0), CR_OK);
        assert_int_equal(cr_csv_add_field(&out, cases[i].text, strlen(cases[i].text)),
                         CR_OK);
        assert_string_equal(out.data, cases[i].field);
        cr_buf_fini(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_quoted_where_a_reader_or_a_spreadsheet_needs_it),
        cmocka_unit_test(records_are_read_as_rfc_4180_says),
        cmocka_unit_test(bad_records_are_named_by_line),
        cmocka_unit_test(callback_ends_the_reading),
        cmocka_unit_test(nul_byte_is_kept_and_counted),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
