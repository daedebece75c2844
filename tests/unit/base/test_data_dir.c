#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/data_dir.h"

static char folder[] = "/tmp/credence-data-XXXXXX";
static char prompts[sizeof folder + 8];
static struct cr_buf out;
static struct cr_err err;

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(prompts, sizeof prompts, "%s/prompts", folder);
    return mkdir(prompts, 0700);
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(prompts) || rmdir(folder);
}

static int clean(void **state) {
    (void)state;
    unsetenv("CREDENCE_DATA_DIR");
    cr_buf_fini(&out);
    cr_buf_init(&out, 10000);
    err = (struct cr_err){0};
    return 0;
}

static void source_tree_serves_a_build_folder(void **state) {
    (void)state;
    if (access(CR_SOURCE_DIR "/prompts", F_OK)) {
        assert_int_equal(cr_data_dir(&out, &err), CR_E_NOT_FOUND);
        assert_non_null(strstr(err.text, CR_SOURCE_DIR));
        return;
    }
    assert_int_equal(cr_data_dir(&out, &err), CR_OK);
    assert_string_equal(out.data, CR_SOURCE_DIR);
}

static void named_folder_is_the_only_one_tried(void **state) {
    (void)state;
    setenv("CREDENCE_DATA_DIR", "/nonexistent/data", 1);
    assert_int_equal(cr_data_dir(&out, &err), CR_E_NOT_FOUND);
    assert_string_equal(err.text,
                        "CREDENCE_DATA_DIR=/nonexistent/data has no prompts/");

    setenv("CREDENCE_DATA_DIR", folder, 1);
    assert_int_equal(cr_data_dir(&out, &err), CR_OK);
    assert_string_equal(out.data, folder);
}

static enum cr_status find_it(void) {
    cr_buf_fini(&out);
    return cr_data_dir(&out, NULL);
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    setenv("CREDENCE_DATA_DIR", folder, 1);
    torture(find_it);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(source_tree_serves_a_build_folder, clean,
                                        clean),
        cmocka_unit_test_setup_teardown(named_folder_is_the_only_one_tried, clean,
                                        clean),
        cmocka_unit_test_setup_teardown(survives_each_failing_allocation, clean, clean),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
