#include "cmocka_all.h"

#include "credence/job/job_file.h"

static void destroy_frees_propositions_arena_and_job(void **state) {
    (void)state;
    struct cr_job *job = cr_calloc(1, sizeof *job);
    assert_non_null(job);
    job->benchmarks = cr_arena_alloc(&job->arena, 2 * sizeof *job->benchmarks);
    job->benchmarks_len = 2;
    for (int i = 0; i < 2; i++) {
        job->benchmarks[i] = (struct cr_benchmark){.name = "b"};
        struct cr_proposition p = {.id = "1", .text = "claim"};
        assert_int_equal(cr_propositions_add(&job->benchmarks[i].propositions, &p),
                         CR_OK);
    }
    cr_job_destroy(job); // the sanitizer build sees what is left
}

static void half_made_jobs_can_be_destroyed(void **state) {
    (void)state;
    cr_job_destroy(NULL);
    struct cr_job *job = cr_calloc(1, sizeof *job);
    job->benchmarks_len = 3;
    cr_job_destroy(job);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destroy_frees_propositions_arena_and_job),
        cmocka_unit_test(half_made_jobs_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
