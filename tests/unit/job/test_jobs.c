// The jobs that ship: each is planned as a user would plan it.
#include "job_fixture.h"

#include <dirent.h>

#include "credence/job/estimate.h"
#include "credence/job/plan.h"

struct planned {
    struct cr_job *job;
    struct cr_plan *plan;
    struct cr_estimate estimate;
};

static void plan_job(const char *path, const char *const *sets, size_t sets_len,
                     struct planned *out) {
    struct cr_bundle_request request = {
        .job_path = path, .sets = sets, .sets_len = sets_len, .shards = 1};
    struct cr_buf bundle;
    struct cr_err err = {0};
    cr_buf_init(&bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = cr_bundle_read(&request, &bundle, &err);
    *out = (struct planned){0};
    if (status == CR_OK) {
        status = cr_job_create(bundle.data, bundle.used_bytes, &out->job, &err);
    }
    if (status == CR_OK) {
        status = cr_plan_create(out->job, &out->plan, &err);
    }
    if (status == CR_OK) {
        status = cr_estimate_make(out->plan, NULL, &out->estimate, &err);
    }
    if (status != CR_OK) {
        fail_msg("%s: %s", path, err.text);
    }
    cr_buf_fini(&bundle);
}

static void planned_fini(struct planned *planned) {
    cr_plan_destroy(planned->plan);
    cr_job_destroy(planned->job);
}

static void every_shipped_job_is_planned(void **state) {
    static const char *const expected[] = {
        "quickstart.json",  "paper.json",     "threshold.json", "cross-model.json",
        "adversarial.json", "mechanism.json", "placebo.json",   "wording.json"};
    DIR *dir = opendir(CR_SOURCE_DIR "/jobs");
    struct dirent *entry;
    size_t found = 0;
    char path[1024];
    (void)state;
    assert_non_null(dir);
    setenv("CREDENCE_DATA_DIR", CR_SOURCE_DIR, 0);
    while ((entry = readdir(dir)) != NULL) {
        struct planned planned;
        if (strstr(entry->d_name, ".json") == NULL) {
            continue;
        }
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
            found += strcmp(entry->d_name, expected[i]) == 0;
        }
        snprintf(path, sizeof path, CR_SOURCE_DIR "/jobs/%s", entry->d_name);
        plan_job(path, NULL, 0, &planned);
        const struct cr_estimate *e = &planned.estimate;
        assert_true(e->low.calls > 0 && e->low.calls <= e->expected.calls);
        assert_true(e->expected.calls <= e->high.calls);
        assert_true(e->low.tokens_in < e->high.tokens_in);
        assert_true(e->low.usd <= e->expected.usd && e->expected.usd <= e->high.usd);
        planned_fini(&planned);
    }
    closedir(dir);
    assert_int_equal(found, sizeof expected / sizeof *expected);
}

static void the_ablation_of_thresholds_is_one_trajectory(void **state) {
    struct planned planned;
    (void)state;
    plan_job(CR_SOURCE_DIR "/jobs/threshold.json", NULL, 0, &planned);
    assert_int_equal(planned.job->cells_len, 3);
    assert_int_equal(planned.plan->groups_len, 1);
    assert_true((double)planned.estimate.alone.max == 3 * planned.estimate.high.calls);
    planned_fini(&planned);
}

// The folder of the published files, or a skip.
static const char *published(char *out, size_t bytes) {
    const char *shared = getenv("CREDENCE_SHARED");
    snprintf(out, bytes, "%s/data",
             shared != NULL ? shared : CR_SOURCE_DIR "/../shared");
    if (!cr_dir_exists(out)) {
        skip();
    }
    return out;
}

static void the_published_truthfulqa_makes_1580_propositions(void **state) {
    char dir[512], set[1024];
    const char *sets[] = {set};
    struct planned planned;
    (void)state;
    snprintf(set, sizeof set, "benchmarks.truthfulqa.path=%s/TruthfulQA.csv",
             published(dir, sizeof dir));
    plan_job(CR_SOURCE_DIR "/jobs/threshold.json", sets, 1, &planned);
    assert_int_equal(planned.plan->propositions, 1580);
    assert_int_equal(planned.plan->trajectories, 1580);
    assert_int_equal(planned.plan->episodes, 3 * 1580);
    planned_fini(&planned);
}

static void the_published_files_make_the_papers_evaluation(void **state) {
    static const char *const files[][2] = {
        {"truthfulqa", "TruthfulQA.csv"},
        {"commonsense", "cm_test.csv"},
        {"deontology", "deontology_test.csv"},
        {"justice", "justice_test.csv"},
        {"utilitarianism", "util_test.csv"},
        {"virtue", "virtue_test.csv"},
        {"commonsenseqa", "commonsenseqa_dev.jsonl"}};
    enum { FILES = sizeof files / sizeof *files };
    char dir[512], texts[FILES][1024];
    const char *sets[FILES];
    struct planned planned;
    (void)state;
    published(dir, sizeof dir);
    for (size_t i = 0; i < FILES; i++) {
        snprintf(texts[i], sizeof texts[i], "benchmarks.%s.path=%s/%s", files[i][0],
                 dir, files[i][1]);
        sets[i] = texts[i];
    }
    plan_job(CR_SOURCE_DIR "/jobs/paper.json", sets, FILES, &planned);
    assert_int_equal(planned.job->cells_len, 28);
    assert_int_equal(planned.plan->groups_len, 28);
    assert_int_equal(planned.plan->trajectories, 4 * planned.plan->propositions);
    planned_fini(&planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_job_is_planned),
        cmocka_unit_test(the_ablation_of_thresholds_is_one_trajectory),
        cmocka_unit_test(the_published_truthfulqa_makes_1580_propositions),
        cmocka_unit_test(the_published_files_make_the_papers_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
