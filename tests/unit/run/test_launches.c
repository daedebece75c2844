// DIR/launches: what a directory knows of its own past.
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/file.h"
#include "run/launches.h"
#include "scratch.h"

static char dir[] = "/tmp/credence-launches-XXXXXX";

static void begin(struct cr_launches *launches, uint32_t launch, int64_t wall_ms) {
    const struct cr_launch_start start = {.launch = launch,
                                          .wall_ms = wall_ms,
                                          .host = "node \"1\"",
                                          .version = "v",
                                          .revision = "r",
                                          .mpi = "m",
                                          .ranks = 3};
    assert_int_equal(cr_launches_begin(dir, launches, &start, NULL), CR_OK);
}

static void every_launch_stays_and_the_first_start_is_kept(void **state) {
    (void)state;
    struct cr_launches launches;
    struct cr_err err = {0};
    assert_int_equal(cr_launches_read(dir, &launches, &err), CR_OK);
    assert_int_equal(launches.first_start_ms, 0);
    begin(&launches, 1, 1000);
    const struct cr_launch_end end = {.launch = 1,
                                      .wall_ms = 2000,
                                      .state = "interrupted",
                                      .exit_code = 75,
                                      .spent = {.retries = 4, .rate_limited = 2}};
    assert_int_equal(cr_launches_end(dir, &launches, &end, &err), CR_OK);
    begin(&launches, 2, 5000);
    cr_launches_fini(&launches);
    assert_int_equal(cr_launches_read(dir, &launches, &err), CR_OK);
    assert_int_equal(launches.first_start_ms, 1000);
    assert_int_equal(launches.retries, 4);
    assert_int_equal(launches.rate_limited, 2);
    assert_non_null(strstr(launches.json.data, "\"exit_code\": 75"));
    assert_non_null(strstr(launches.json.data, "\"host\": \"node \\\"1\\\"\""));
    assert_null(strchr(launches.json.data, '\n'));
    cr_launches_fini(&launches);
}

static void a_torn_line_is_passed_over(void **state) {
    (void)state;
    static const char text[] =
        "{\"event\": \"start\", \"wall_ms\": 7}\n{\"event\": \"st";
    struct cr_launches launches;
    char path[64];
    snprintf(path, sizeof path, "%s/launches", dir);
    assert_int_equal(cr_file_write(path, text, strlen(text), 0600, NULL), CR_OK);
    assert_int_equal(cr_launches_read(dir, &launches, NULL), CR_OK);
    assert_int_equal(launches.first_start_ms, 7);
    assert_string_equal(launches.json.data, "{\"event\": \"start\", \"wall_ms\": 7}");
    cr_launches_fini(&launches);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_launch_stays_and_the_first_start_is_kept),
        cmocka_unit_test(a_torn_line_is_passed_over),
    };
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return scratch_remove(dir) == 0 ? failed : 1;
}
