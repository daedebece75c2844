// Text in many pieces: what is written, and what the first failure leaves.
#include "cmocka_all.h"

#include "credence/base/text_write.h"

static void pieces_follow_one_another(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 100);
    struct cr_text_writer writer = {.out = &out};
    cr_text_write(&writer, "a=");
    cr_text_writef(&writer, "%d,%s;", 7, "x");
    cr_text_write_quoted(&writer, "say \"no\"\n");
    cr_text_write_number(&writer, 0.1);
    assert_int_equal(writer.status, CR_OK);
    assert_string_equal(out.data, "a=7,x;\"say \\\"no\\\"\\n\"0.1");
    cr_buf_fini(&out);
}

// What does not fit is left out whole, and so is all that follows, fitting or not.
static void the_first_failure_is_kept(void **state) {
    (void)state;
    struct cr_buf out;
    for (int kind = 0; kind < 4; kind++) {
        cr_buf_init(&out, 6);
        struct cr_text_writer writer = {.out = &out};
        cr_text_write(&writer, "1234");
        if (kind == 0) {
            cr_text_write(&writer, "5678");
        } else if (kind == 1) {
            cr_text_writef(&writer, "%s", "5678");
        } else if (kind == 2) {
            cr_text_write_quoted(&writer, "5678");
        } else {
            cr_text_write_number(&writer, 5678);
        }
        assert_int_equal(writer.status, CR_E_LIMIT);
        cr_text_write(&writer, "5");
        cr_text_writef(&writer, "%d", 5);
        cr_text_write_quoted(&writer, "");
        cr_text_write_number(&writer, 5);
        assert_int_equal(writer.status, CR_E_LIMIT);
        assert_string_equal(out.data, "1234");
        cr_buf_fini(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_follow_one_another),
        cmocka_unit_test(the_first_failure_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
