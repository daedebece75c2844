// The job file: what it may hold, what is said of what it may not, what identifies it.
#include "job_fixture.h"

#include <math.h>
#include <time.h>

#include "credence/prompt/prompt.h"
#include "job/keys.h"

static void a_minimal_job_gets_the_defaults_of_the_paper(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 4);
    fixture_need(&f, FIXTURE_JOB(""));
    const struct cr_cell *cell = &f.job->cells[0];
    assert_int_equal(f.job->cells_len, 1);
    assert_string_equal(cell->name, "claims");
    assert_int_equal(cell->stop.rule, CR_STOP_RANGE);
    assert_int_equal(cell->stop.window, 3);
    assert_true(cell->stop.threshold == 0.2);
    assert_int_equal(cell->stop.max_iterations, 10);
    assert_int_equal(cell->traders_len, 1);
    assert_int_equal(cell->traders[0], cell->maker);
    assert_true(cell->stop_early);
    assert_int_equal(f.job->benchmarks[0].propositions.len, 4);
    assert_string_equal(cr_prompt_set_name(f.job->prompts[cell->prompts]), "paper");
    assert_true(f.job->is_simulated);
    assert_true(isnan(f.job->models[0].temperature));
    assert_int_equal(f.job->models[0].max_tokens, 1024);
    assert_string_equal(f.job->models[0].params, "{}");
    fixture_close(&f);
}

static const struct {
    const char *name, *text;
    uint32_t cells_len;
    const char *whole[2]; // names of the cells added, each at the end
    uint32_t longest;
} whole_cases[] = {
    {"nobody runs on",
     FIXTURE_JOB(", \"grid\": { \"stop.threshold\": [0.1, 0.2] }"),
     2,
     {NULL},
     0},
    {"one cell does",
     FIXTURE_JOB(", \"grid\": { \"stop_early\": [false] }"),
     2,
     {"claims stop_early=false to the end"},
     10},
    {"one of three does, and another is longer",
     FIXTURE_JOB(", \"grid\": { \"max_iterations\": [4, 6] }, \"cells\": [{ "
                 "\"name\": \"on\", "
                 "\"stop_early\": false, \"max_iterations\": 5 }]"),
     4,
     {"on to the end"},
     6},
    {"two groups do",
     FIXTURE_JOB(", \"grid\": { \"memory\": [0, 1], \"stop_early\": [false] }"),
     4,
     {"claims memory=0 stop_early=false to the end",
      "claims memory=1 stop_early=false to the end"},
     10},
    {"a fixed cell sees it all already",
     FIXTURE_JOB(", \"grid\": { \"stop.rule\": [\"range\", \"fixed\"], "
                 "\"stop_early\": [false] }"),
     2,
     {NULL},
     0},
    {"a fixed cell that is too short",
     FIXTURE_JOB(", \"cells\": [{ \"name\": \"on\", \"stop_early\": false, "
                 "\"stop.rule\": \"fixed\", \"max_iterations\": 9 }]"),
     3,
     {"on to the end"},
     10},
    {"a protocol without a stop rule",
     FIXTURE_JOB(", \"grid\": { \"protocol\": [\"single\"], \"stop_early\": [false] }"),
     1,
     {NULL},
     0},
};

static void a_group_that_runs_on_gets_a_cell_that_sees_all_of_it(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof whole_cases / sizeof *whole_cases; i++) {
        struct fixture f;
        size_t added = 0;
        fixture_open(&f, 2);
        fixture_need(&f, whole_cases[i].text);
        if (f.job->cells_len != whole_cases[i].cells_len) {
            fail_msg("%s: %u cells", whole_cases[i].name, f.job->cells_len);
        }
        for (uint32_t c = 0; c < f.job->cells_len; c++) {
            const struct cr_cell *cell = &f.job->cells[c];
            if (!cell->is_whole) {
                assert_int_equal(added, 0);
                continue;
            }
            assert_string_equal(cell->name, whole_cases[i].whole[added++]);
            assert_int_equal(cell->stop.rule, CR_STOP_FIXED);
            assert_int_equal(cell->stop.max_iterations, whole_cases[i].longest);
        }
        assert_true(added == 2 || whole_cases[i].whole[added] == NULL);
        fixture_close(&f);
    }
}

static void five_mistakes_give_five_located_messages(void **state) {
    struct fixture f;
    char expected[512];
    static const char text[] =
        "{ \"name\": \"bad\",\n"
        "  \"modells\": {},\n" // 1: no such key
        "  \"models\": {\n"
        "    // a comment with \"quotes\" must not move the lines\n"
        "    \"sim\": { \"api\": \"sim\", \"competence\": 1.5 },\n" // 2: out of range
        "  },\n"
        "  \"benchmarks\": {\n"
        "    \"claims\": { \"format\": \"jsnol\", \"path\": \"claims.jsonl\" },\n" // 3
        "  },\n"
        "  \"cell\": { \"benchmark\": \"claims\", \"maker\": \"simm\",\n" // 4
        "            \"stop\": { \"window\": \"three\" } }\n"             // 5: a type
        "}\n";
    static const char *const lines[] = {
        ":2:3: modells: a job has no such key; did you mean 'models'?",
        ":5:28: models.sim.competence: found 1.5, expected a number from 0 to 1",
        ":8:17: benchmarks.claims.format: found 'jsnol', expected one of: ",
        ":10:36: cell.maker: found 'simm', expected one of: sim; did you mean 'sim'?",
        (":11:23: cell.stop.window: found \"three\", expected a whole number from 2 to "
         "64"),
    };
    (void)state;
    fixture_open(&f, 2);
    assert_int_equal(fixture_make(&f, text, (struct cr_bundle_request){0}), CR_E_JOB);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(expected, sizeof expected, "%s%s", f.path, lines[i]);
        if (strstr(f.err.text, expected) == NULL) {
            fail_msg("'%s' is not in:\n%s", expected, f.err.text);
        }
    }
    size_t newlines = 0;
    for (const char *c = f.err.text; *c; c++) {
        newlines += *c == '\n';
    }
    assert_int_equal(newlines, 4);
    fixture_close(&f);
}

struct refusal {
    const char *name, *text, *message;
};

static const struct refusal refusals[] = {
    {"a benchmark that is a device",
     "{ \"name\": \"t\", \"models\": { \"sim\": { \"api\": \"sim\" } }, \"benchmarks\": "
     "{ \"z\": { \"format\": \"jsonl\", \"path\": \"/dev/zero\" } }, \"cell\": { "
     "\"benchmark\": \"z\", \"maker\": \"sim\" } }",
     "benchmarks.z.path: is not a file"},
    {"a number too large", FIXTURE_JOB(",\n\"budget\": { \"usd\": 1e999 }"),
     ":4:20: a number too large for a double"},
    {"a number with a leading zero", FIXTURE_JOB(", \"seed\": 01"),
     "not a number as JSON writes it"},
    {"a number that ends in a point", FIXTURE_JOB(", \"seed\": 1."),
     "not a number as JSON writes it"},
    {"a control character", "{ \"name\": \"a\tb\" }",
     ":1:13: a control character in a string"},
    {"an escape nobody knows", "{ \"name\": \"a\\q\" }", "job.json:1:"},
    {"an escaped NUL", "{ \"name\": \"a\\u0000\" }", ":1:13: \\u0000, which no text"},
    {"half a pair", "{ \"name\": \"\\ud800x\" }", ":1:12: half of a surrogate pair"},
    {"bytes that are not UTF-8", "{ \"name\":\n \"a\xFF\" }",
     ":2:4: bytes that are not UTF-8"},
    {"a name that is a path", "{ \"name\": \"../x\" }", "name: a name is not a path"},
    {"a name of two points", "{ \"name\": \"..\" }", "name: a name is not a path"},
    {"a name of two lines", "{ \"name\": \"a\\nb\" }",
     "name: holds a control character"},
    {"a key behind an option",
     FIXTURE_JOB(", \"cache\": \"--key=sk-abcdefghijklmnopqrst\""),
     "cache: looks like a key"},
    {"not JSON", "{ \"name\": }", "job.json:1:"},
    {"not an object", "[1]", "expected an object, found an array"},
    {"a key twice", "{ \"name\": \"a\",\n  \"name\": \"b\" }", "appears twice"},
    {"nothing required", "{}", "cell: is required but missing"},
    {"an axis of no values", FIXTURE_JOB(",\n\"grid\": { \"stance\": [] }"),
     ":4:11: grid.stance: found an empty list"},
    {"an axis nobody knows", FIXTURE_JOB(",\n\"grid\": { \"stop.treshold\": [1] }"),
     "did you mean 'stop.threshold'?"},
    {"a value twice on an axis",
     FIXTURE_JOB(",\n\"grid\": { \"stop.threshold\": [0.1, 0.1] }"),
     "grid.stop.threshold[1]: appears twice"},
    {"a bad value on an axis",
     FIXTURE_JOB(",\n\"grid\": { \"stop.threshold\": [0.1,\n 7] }"),
     ":5:2: grid.stop.threshold[1]: found 7"},
    {"replicates as a factor", FIXTURE_JOB(", \"grid\": { \"replicates\": [1, 2] }"),
     "grid.replicates: cannot be an axis"},
    {"everything excluded",
     FIXTURE_JOB(", \"exclude\": [{ \"benchmark\": \"claims\" }]"), "leaves no cell"},
    {"an exclusion of nothing known",
     FIXTURE_JOB(", \"exclude\": [{ \"benchmark\": \"claim\" }]"),
     "exclude[0].benchmark: found 'claim', expected one of: claims"},
    {"the same cell again", FIXTURE_JOB(", \"cells\": [{ \"stance\": \"free\" }]"),
     "are the same cell"},
    {"one name for two cells",
     FIXTURE_JOB(", \"cells\": [{ \"stance\": \"up\", \"name\": \"claims\" }]"),
     "two cells are called 'claims'"},
    {"replicates that differ",
     FIXTURE_JOB(", \"cells\": [{ \"replicates\": 2, \"stop.threshold\": 0.1 }]"),
     "differ in replicates"},
    {"a key in the file", FIXTURE_JOB(", \"cache\": \"sk-abcdefghijklmnopqrstuv\""),
     "cache: looks like a key or a password"},
    {"a dial of another api",
     "{ \"name\": \"t\", \"models\": { \"m\": { \"api\": \"openai\", \"model\": "
     "\"x\", "
     "\"endpoints\": \"http://127.0.0.1:1/v1\", \"noise\": 0.1 } }, "
     "\"benchmarks\": { "
     "\"claims\": { \"format\": \"jsonl\", \"path\": \"claims.jsonl\" } }, "
     "\"cell\": { "
     "\"benchmark\": \"claims\", \"maker\": \"m\" } }",
     "models.m.noise: means nothing to a model of api 'openai'"},
    {"nowhere to be found",
     "{ \"name\": \"t\", \"models\": { \"m\": { \"api\": \"openai\", \"model\": "
     "\"x\" "
     "} }, \"benchmarks\": { \"claims\": { \"format\": \"jsonl\", \"path\": "
     "\"claims.jsonl\" } }, \"cell\": { \"benchmark\": \"claims\", \"maker\": "
     "\"m\" } "
     "}",
     "models.m: has neither 'endpoints' nor 'serve'"},
    {"no such file",
     "{ \"name\": \"t\", \"models\": { \"sim\": { \"api\": \"sim\" } }, "
     "\"benchmarks\": { \"x\": { \"format\": \"jsonl\", \"path\": \"gone.jsonl\" } "
     "}, \"cell\": { \"benchmark\": \"x\", \"maker\": \"sim\" } }",
     "benchmarks.x.path: "},
    {"no such prompts",
     FIXTURE_JOB(", \"grid\": { \"prompts\": [\"paper\", \"papre\"] }"),
     "grid.prompts[1]: found 'papre', expected a shipped prompt set"},
};

static void each_mistake_is_named_where_it_stands(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        enum cr_status status =
            fixture_make(&f, refusals[i].text, (struct cr_bundle_request){0});
        if (status != CR_E_JOB || strstr(f.err.text, refusals[i].message) == NULL) {
            fail_msg("%s: status %d, '%s' is not in:\n%s", refusals[i].name,
                     (int)status, refusals[i].message, f.err.text);
        }
    }
    fixture_close(&f);
}

static void a_key_is_refused_without_being_shown(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    assert_int_equal(
        fixture_make(&f, FIXTURE_JOB(", \"output\": \"sk-abcdefghijklmnopqrstuv\""),
                     (struct cr_bundle_request){0}),
        CR_E_JOB);
    assert_non_null(strstr(f.err.text, "output: looks like a key"));
    assert_null(strstr(f.err.text, "abcdefgh"));
    fixture_close(&f);
}

// However a user, a password or a query is spelt, it is refused and not shown.
static void an_endpoint_is_a_base_url_alone(void **state) {
    static const char *const urls[] = {
        "http://u:geheim@127.0.0.1/v1",     "HTTP:///u:geheim@h/v1",
        "http:\\\\u:geheim@h/v1",           "https://u%3Ageheim%40h/v1",
        "http://127.0.0.1/v1?key=geheim",   "http://127.0.0.1/v1%3fkey=geheim",
        "http://127.0.0.1/v1#token=geheim", "u:geheim@127.0.0.1"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char text[1024], set[256];
        snprintf(text, sizeof text,
                 "{ \"name\": \"t\", \"models\": { \"m\": { \"api\": \"openai\", "
                 "\"model\": \"x\", \"endpoints\": \"%s\" } }, \"benchmarks\": { "
                 "\"claims\": { \"format\": \"jsonl\", \"path\": \"claims.jsonl\" } "
                 "}, \"cell\": { \"benchmark\": \"claims\", \"maker\": \"m\" } }",
                 urls[i]);
        if (fixture_make(&f, text, (struct cr_bundle_request){0}) != CR_E_JOB ||
            strstr(f.err.text, "models.m.endpoints: ") == NULL ||
            strstr(f.err.text, "geheim") != NULL) {
            fail_msg("%s: %s", urls[i], f.err.text);
        }
        snprintf(set, sizeof set, "models.sim.model=%s", "http://u:geheim@h/");
        const char *const sets[] = {set};
        struct cr_bundle_request request = {.sets = sets, .sets_len = 1};
        assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_E_JOB);
        assert_null(strstr(f.err.text, "geheim"));
    }
    fixture_close(&f);
}

// Hundreds of thousands of keys or values take no time that grows with their square.
static void large_jobs_are_read_in_linear_time(void **state) {
    enum { KEYS = 200000, VALUES = 100000 };
    struct fixture f;
    struct cr_buf text;
    (void)state;
    fixture_open(&f, 2);
    cr_buf_init(&text, 1 << 24);
    assert_int_equal(cr_buf_add_text(&text, "{ \"name\": \"t\""), CR_OK);
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(cr_buf_printf(&text, ",\"k%d\":1", i), CR_OK);
    }
    assert_int_equal(cr_buf_add_text(&text, ",\"k7\":2 }"), CR_OK);
    double begin = (double)clock();
    assert_int_equal(fixture_make(&f, text.data, (struct cr_bundle_request){0}),
                     CR_E_JOB);
    assert_non_null(strstr(f.err.text, "k7: this key appears twice"));
    cr_buf_clear(&text);
    assert_int_equal(
        cr_buf_add_text(&text, "{ \"name\": \"t\", \"models\": { \"sim\": { \"api\": "
                               "\"sim\" } }, \"benchmarks\": { \"claims\": { "
                               "\"format\": \"jsonl\", \"path\": \"claims.jsonl\" } }, "
                               "\"cell\": { \"benchmark\": \"claims\", \"maker\": "
                               "\"sim\" }, \"grid\": { \"stop.threshold\": [0"),
        CR_OK);
    for (int i = 1; i < VALUES; i++) {
        assert_int_equal(cr_buf_printf(&text, ",%.5f", i / 100000.0), CR_OK);
    }
    assert_int_equal(cr_buf_add_text(&text, "] } }"), CR_OK);
    fixture_need(&f, text.data);
    assert_int_equal(f.job->cells_len, VALUES);
    // Seconds of this process's time, far above what is needed, far below a square.
    assert_true(((double)clock() - begin) / CLOCKS_PER_SEC < 20);
    cr_buf_fini(&text);
    fixture_close(&f);
}

static void the_grid_is_a_cross_product_less_its_exclusions(void **state) {
    static const char text[] = FIXTURE_JOB(
        ", \"grid\": { \"stance\": [\"free\", \"up\"], \"stop.threshold\": [0.1, 0.2, "
        "0.3] }, \"exclude\": [{ \"stance\": \"up\", \"stop.threshold\": [0.1, 0.3] "
        "}], "
        "\"cells\": [{ \"protocol\": \"single\" }, { \"stance\": \"down\", \"stop\": { "
        "\"window\": 4 }, \"name\": \"mine\" }]");
    static const char *const names[] = {"claims stance=free stop.threshold=0.1",
                                        "claims stance=free stop.threshold=0.2",
                                        "claims stance=free stop.threshold=0.3",
                                        "claims stance=up stop.threshold=0.2",
                                        "claims single",
                                        "mine"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f, text);
    assert_int_equal(f.job->cells_len, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(f.job->cells[i].name, names[i]);
    }
    assert_int_equal(f.job->cells[5].stop.window, 4);
    assert_true(f.job->cells[5].stop.threshold == 0.2);
    assert_int_equal(f.job->axes_len, 2);
    assert_int_equal(f.job->axes[1].values_len, 3);
    fixture_close(&f);
}

static void what_is_set_on_the_command_line_wins_and_is_named(void **state) {
    static const char *const good[] = {"cell.stop.threshold=0.3", "cell.stance=up",
                                       "grid.stop.window=[3,4]"};
    static const char *const bad[] = {"cell.stop.threshold=3"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    struct cr_bundle_request request = {.sets = good, .sets_len = 3};
    assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_OK);
    assert_true(f.job->cells[0].stop.threshold == 0.3);
    assert_int_equal(f.job->cells[0].stance, CR_STANCE_UP);
    assert_int_equal(f.job->cells_len, 2);
    request = (struct cr_bundle_request){.sets = bad, .sets_len = 1};
    assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_E_JOB);
    assert_string_equal(f.err.text, "--set cell.stop.threshold=3: cell.stop.threshold: "
                                    "found 3, expected a number from 0 to 1");
    fixture_close(&f);
}

static void a_model_name_with_dots_can_be_set(void **state) {
    static const char text[] =
        "{ \"name\": \"t\", \"models\": { \"gpt-4.1\": { \"api\": \"sim\" } }, "
        "\"benchmarks\": { \"claims\": { \"format\": \"jsonl\", \"path\": "
        "\"claims.jsonl\" } }, \"cell\": { \"benchmark\": \"claims\", \"maker\": "
        "\"gpt-4.1\" } }";
    static const char *const sets[] = {"models.gpt-4.1.competence=0.9"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    struct cr_bundle_request request = {.sets = sets, .sets_len = 1};
    assert_int_equal(fixture_make(&f, text, request), CR_OK);
    assert_int_equal(f.job->models_len, 1);
    assert_true(f.job->models[0].sim.competence == 0.9);
    fixture_close(&f);
}

static void a_limit_of_the_command_line_only_lowers(void **state) {
    static const char text[] = FIXTURE_JOB("");
    static const char *const sets[] = {"benchmarks.claims.limit=3"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 9);
    struct cr_bundle_request request = {.limit = 5};
    assert_int_equal(fixture_make(&f, text, request), CR_OK);
    assert_int_equal(f.job->benchmarks[0].propositions.len, 5);
    request = (struct cr_bundle_request){.limit = 5, .sets = sets, .sets_len = 1};
    assert_int_equal(fixture_make(&f, text, request), CR_OK);
    assert_int_equal(f.job->benchmarks[0].propositions.len, 3);
    fixture_close(&f);
}

static void identity_ignores_what_shapes_no_answer(void **state) {
    static const char *const same[] = {"name=other",
                                       "budget.calls=7",
                                       "models.sim.limits.concurrency=2",
                                       "models.sim.cost.input=3",
                                       "models.sim.latency_ms=50",
                                       "output.text=false",
                                       "cell.replicates=4",
                                       "benchmarks.claims.limit=1",
                                       "cache=[\"/tmp\"]"};
    static const char *const other[] = {"seed=2",
                                        "models.sim.noise=0.1",
                                        "cell.stop.threshold=0.1",
                                        "cell.stance=up",
                                        "grid.stance=[\"up\",\"down\"]",
                                        "benchmarks.claims.offset=1"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 4);
    fixture_need(&f, FIXTURE_JOB(""));
    struct cr_hash identity = f.job->identity;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct cr_bundle_request request = {.sets = &same[i], .sets_len = 1};
        assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_OK);
        if (identity.hi != f.job->identity.hi || identity.lo != f.job->identity.lo) {
            fail_msg("%s makes another job", same[i]);
        }
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct cr_bundle_request request = {.sets = &other[i], .sets_len = 1};
        assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_OK);
        if (identity.hi == f.job->identity.hi && identity.lo == f.job->identity.lo) {
            fail_msg("%s leaves the job the same", other[i]);
        }
    }
    fixture_close(&f);
}

static void a_difference_names_the_paths(void **state) {
    struct fixture f;
    struct cr_buf out;
    static const char *const sets[] = {"cell.stop.threshold=0.3", "seed=9"};
    (void)state;
    fixture_open(&f, 2);
    cr_buf_init(&out, 1 << 16);
    fixture_need(&f, FIXTURE_JOB(""));
    char *stored = cr_strdup(f.job->identity_json);
    assert_int_equal(cr_job_difference(stored, f.job->identity_json, &out), CR_OK);
    assert_int_equal(out.used_bytes, 0);
    struct cr_bundle_request request = {.sets = sets, .sets_len = 2};
    assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_OK);
    assert_int_equal(cr_job_difference(stored, f.job->identity_json, &out), CR_OK);
    assert_string_equal(out.data, "cell.stop.threshold: 0.2 there, 0.3 here\n"
                                  "seed: 1 there, 9 here");
    cr_free(stored);
    cr_buf_fini(&out);
    fixture_close(&f);
}

static void a_resolved_job_is_a_job_that_resolves_to_itself(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f, FIXTURE_JOB(", \"grid\": { \"stop.window\": [2, 3] }, \"budget\": "
                                 "{ \"usd\": 1.5 }"));
    char *first = cr_strdup(f.job->resolved);
    struct cr_hash identity = f.job->identity;
    fixture_need(&f, first);
    assert_string_equal(first, f.job->resolved);
    assert_int_equal(identity.lo, f.job->identity.lo);
    cr_free(first);
    fixture_close(&f);
}

static void parameters_unknown_to_us_are_kept_for_the_server(void **state) {
    static const char text[] =
        "{ \"name\": \"t\", \"models\": { \"m\": { \"api\": \"openai\", \"model\": "
        "\"x\", "
        "\"endpoints\": \"http://127.0.0.1:1/v1\", \"params\": { \"temperature\": 0.7, "
        "\"top_p\": 0.9 }, \"headers\": { \"X-Team\": \"a\" }, \"cost\": { \"input\": "
        "2 "
        "}, \"api_key_file\": \"key\" } }, \"benchmarks\": { \"claims\": { \"format\": "
        "\"jsonl\", \"path\": \"claims.jsonl\" } }, \"cell\": { \"benchmark\": "
        "\"claims\", \"maker\": \"m\" } }";
    struct fixture f;
    char key[128];
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f, text);
    const struct cr_model *model = &f.job->models[0];
    assert_string_equal(model->params, "{\"top_p\":0.9}");
    assert_true(model->temperature == 0.7);
    assert_int_equal(model->max_tokens, 1024);
    assert_int_equal(model->headers_len, 1);
    assert_string_equal(model->headers[0].name, "X-Team");
    assert_true(model->cost_cached == 2); // as the input, when not told
    assert_int_equal(model->endpoints_len, 1);
    snprintf(key, sizeof key, "%s/key", f.dir);
    assert_string_equal(model->api_key_file, key);
    assert_false(f.job->is_simulated);
    fixture_close(&f);
}

static void a_folder_of_prompts_is_filled_in_from_the_paper(void **state) {
    struct fixture f;
    struct cr_buf text;
    char folder[300];
    (void)state;
    fixture_open(&f, 2);
    cr_buf_init(&text, 1 << 16);
    snprintf(folder, sizeof folder, "%s/mine", f.dir);
    assert_int_equal(cr_dir_make(folder, NULL), CR_OK);
    assert_int_equal(
        cr_file_read(CR_SOURCE_DIR "/prompts/paper/maker_system.txt", &text, NULL),
        CR_OK);
    assert_int_equal(cr_buf_add_text(&text, "Be brief.\n"), CR_OK);
    fixture_write(&f, "mine/maker_system.txt", text.data);
    fixture_need(&f, FIXTURE_JOB(", \"grid\": { \"prompts\": [\"paper\", \"mine\"] }"));
    assert_int_equal(f.job->prompts_len, 2);
    assert_int_equal(f.job->cells_len, 2);
    assert_true(f.job->cells[0].trajectory != f.job->cells[1].trajectory);
    assert_true(cr_prompt_set_hash(f.job->prompts[0]).lo !=
                cr_prompt_set_hash(f.job->prompts[1]).lo);
    fixture_write(&f, "mine/maker_systen.txt", "x");
    assert_int_equal(
        fixture_make(&f, FIXTURE_JOB(", \"grid\": { \"prompts\": [\"mine\"] }"),
                     (struct cr_bundle_request){0}),
        CR_E_JOB);
    assert_non_null(strstr(f.err.text, "grid.prompts[0]: "));
    assert_non_null(strstr(f.err.text, "maker_systen.txt"));
    cr_buf_fini(&text);
    fixture_close(&f);
}

// A set that is nowhere is named once, as is the default that the data folder lacks.
static void a_missing_set_is_one_mistake(void **state) {
    static const char *const jobs[] = {
        ", \"grid\": { \"prompts\": [\"paper\", \"nowhere\"] }",
        ", \"grid\": { \"prompts\": [{\"maker\": \"nowhere\"}] }"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        char text[1024];
        snprintf(text, sizeof text, FIXTURE_JOB("%s"), jobs[i]);
        assert_int_equal(fixture_make(&f, text, (struct cr_bundle_request){0}),
                         CR_E_JOB);
        assert_non_null(strstr(f.err.text, "found 'nowhere', expected a shipped"));
        assert_null(strchr(f.err.text, '\n'));
    }
    fixture_close(&f);
}

// A number that is neither a place nor BY_NAME would enter no identity: a run resumed
// with another value would go on with the old one.
static void check_identities(const struct cr_key_table *table, unsigned *places) {
    for (size_t i = 0; i < table->len; i++) {
        const struct cr_key *key = &table->keys[i];
        print_message("%s %s\n", table->what, key->name);
        if (key->identity == CR_IDENTITY_BY_NAME) {
            assert_true(key->shapes);
        } else {
            assert_in_range(key->identity, 0, CR_IDENTITY_PLACES);
            places[key->identity]++;
        }
        if (key->group != NULL) {
            check_identities(key->group, places);
        }
    }
}

static void every_key_is_hashed_in_its_place_or_by_name(void **state) {
    unsigned places[CR_IDENTITY_PLACES + 1] = {0};
    (void)state;
    check_identities(&cr_keys_model, places);
    for (size_t i = 1; i <= CR_IDENTITY_PLACES; i++) {
        assert_int_equal(places[i], 1);
    }
    check_identities(&cr_keys_benchmark, places);
    check_identities(&cr_keys_cell, places);
    for (size_t i = 1; i <= CR_IDENTITY_PLACES; i++) {
        assert_int_equal(places[i], 1); // of models alone
    }
}

// A set for each side

static void open_two_sets(struct fixture *f) {
    char folder[300];
    fixture_open(f, 2);
    snprintf(folder, sizeof folder, "%s/mine", f->dir);
    assert_int_equal(cr_dir_make(folder, NULL), CR_OK);
    fixture_write(f, "mine/repair.txt", "{{complaint}} Again. {{answer}}");
}

static void each_side_may_have_a_set_of_its_own(void **state) {
    struct fixture f;
    (void)state;
    open_two_sets(&f);
    fixture_need(&f, FIXTURE_JOB(", \"grid\": { \"prompts\": [\"paper\", "
                                 "{\"maker\": \"paper\", \"trader\": \"mine\"}, "
                                 "{\"maker\": \"mine\"}, \"mine\"] }"));
    const struct cr_cell *cell = f.job->cells;
    const struct {
        uint32_t maker, trader;
    } expected[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    assert_int_equal(f.job->cells_len, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cell[i].prompts, expected[i].maker);
        assert_int_equal(cell[i].prompts_trader, expected[i].trader);
        assert_int_equal(cell[i].trajectory, i);
    }
    assert_non_null(strstr(cell[1].name, "prompts.maker=paper prompts.trader=mine"));
    fixture_close(&f);
}

static void sides_of_the_prompts_are_axes(void **state) {
    struct fixture f;
    (void)state;
    open_two_sets(&f);
    fixture_need(&f, FIXTURE_JOB(", \"grid\": {"
                                 "\"prompts.maker\": [\"paper\", \"mine\"], "
                                 "\"prompts.trader\": [\"paper\", \"mine\"] }, "
                                 "\"exclude\": [{\"prompts\": \"mine\"}]"));
    assert_int_equal(f.job->cells_len, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(f.job->cells[i].prompts, i / 2);
        assert_int_equal(f.job->cells[i].prompts_trader, i % 2);
    }
    assert_int_equal(
        fixture_make(&f, FIXTURE_JOB(", \"grid\": { \"prompts.trader\": [\"mien\"] }"),
                     (struct cr_bundle_request){0}),
        CR_E_JOB);
    assert_non_null(strstr(f.err.text, "grid.prompts.trader[0]: found 'mien'"));
    fixture_close(&f);
}

// However it is written, one set for both is one job, which older runs know.
static void one_set_for_both_sides_is_the_job_it_always_was(void **state) {
    static const char *const sets[] = {"cell.prompts={\"maker\":\"paper\"}",
                                       "cell.prompts.trader=paper",
                                       "cell.prompts={\"trader\":\"mine\"}"};
    struct fixture f;
    struct cr_hash plain, now[3];
    (void)state;
    open_two_sets(&f);
    fixture_need(&f, FIXTURE_JOB(""));
    plain = f.job->identity;
    assert_null(strstr(f.job->identity_json, "\"trader\":\"paper\""));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            fixture_make(&f, FIXTURE_JOB(""),
                         (struct cr_bundle_request){.sets = &sets[i], .sets_len = 1}),
            CR_OK);
        now[i] = f.job->identity;
        assert_int_equal(f.job->cells[0].prompts, 0);
        assert_int_equal(f.job->cells[0].prompts_trader, i == 2);
    }
    assert_true(now[0].lo == plain.lo && now[0].hi == plain.hi);
    assert_true(now[1].lo == plain.lo && now[1].hi == plain.hi);
    assert_true(now[2].lo != plain.lo);
    assert_non_null(strstr(f.job->resolved, "\"trader\": \"mine\""));
    fixture_close(&f);
}

// Some checks do without memory (doubled keys), so a job may still come out: then it is
// the very same.
static void a_failing_allocation_never_makes_another_job(void **state) {
    struct fixture f;
    struct cr_job *job = NULL;
    (void)state;
    fixture_open(&f, 2);
    cr_mem_fail_at(0);
    fixture_need(&f, FIXTURE_JOB(", \"grid\": { \"stop.window\": [2, 3] }"));
    uint64_t total = cr_mem_count();
    for (uint64_t n = 1; n <= total; n++) {
        cr_mem_fail_at(n);
        enum cr_status status =
            cr_job_create(f.bundle.data, f.bundle.used_bytes, &job, &f.err);
        cr_mem_fail_at(0);
        if (status == CR_OK) {
            assert_string_equal(job->resolved, f.job->resolved);
            assert_string_equal(job->identity_json, f.job->identity_json);
            assert_int_equal(job->identity.lo, f.job->identity.lo);
            assert_string_equal(job->cells[1].name, f.job->cells[1].name);
            cr_job_destroy(job);
            job = NULL;
        } else {
            assert_int_equal(status, CR_E_MEMORY);
            assert_null(job);
        }
    }
    assert_in_range(total, 100, 100000);
    fixture_close(&f);
}

static void every_key_has_a_place_in_the_manual(void **state) {
    static struct cr_job_key keys[200];
    size_t len = cr_job_keys(keys, 200);
    bool has_rpm = false;
    (void)state;
    assert_in_range(len, 60, 200);
    for (size_t i = 0; i < len; i++) {
        assert_non_null(keys[i].summary);
        assert_true(keys[i].type[0] != '\0');
        has_rpm = has_rpm || strcmp(keys[i].path, "models.*.limits.rpm") == 0;
    }
    assert_true(has_rpm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_job_gets_the_defaults_of_the_paper),
        cmocka_unit_test(a_group_that_runs_on_gets_a_cell_that_sees_all_of_it),
        cmocka_unit_test(five_mistakes_give_five_located_messages),
        cmocka_unit_test(each_mistake_is_named_where_it_stands),
        cmocka_unit_test(a_key_is_refused_without_being_shown),
        cmocka_unit_test(an_endpoint_is_a_base_url_alone),
        cmocka_unit_test(large_jobs_are_read_in_linear_time),
        cmocka_unit_test(the_grid_is_a_cross_product_less_its_exclusions),
        cmocka_unit_test(what_is_set_on_the_command_line_wins_and_is_named),
        cmocka_unit_test(a_model_name_with_dots_can_be_set),
        cmocka_unit_test(a_limit_of_the_command_line_only_lowers),
        cmocka_unit_test(identity_ignores_what_shapes_no_answer),
        cmocka_unit_test(a_difference_names_the_paths),
        cmocka_unit_test(a_resolved_job_is_a_job_that_resolves_to_itself),
        cmocka_unit_test(parameters_unknown_to_us_are_kept_for_the_server),
        cmocka_unit_test(a_folder_of_prompts_is_filled_in_from_the_paper),
        cmocka_unit_test(a_missing_set_is_one_mistake),
        cmocka_unit_test(every_key_is_hashed_in_its_place_or_by_name),
        cmocka_unit_test(each_side_may_have_a_set_of_its_own),
        cmocka_unit_test(sides_of_the_prompts_are_axes),
        cmocka_unit_test(one_set_for_both_sides_is_the_job_it_always_was),
        cmocka_unit_test(a_failing_allocation_never_makes_another_job),
        cmocka_unit_test(every_key_has_a_place_in_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
