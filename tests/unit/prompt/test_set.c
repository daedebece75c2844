// test_set.c - prompt sets: what is refused at load, and what is rendered.
#include "cmocka_all.h"

#include <string.h>

#include "credence/base/mem.h"
#include "credence/prompt/answer.h"
#include "credence/prompt/template.h"
#include "paper.h"

static struct cr_prompt_set *paper;

static struct cr_prompt_source source_of(const char *file, const char *text) {
    return (struct cr_prompt_source){file, text, strlen(text)};
}

static enum cr_status create_of(const struct cr_prompt_source *at, size_t len,
                                const struct cr_prompt_set *base,
                                struct cr_prompt_set **out, struct cr_err *err) {
    return cr_prompt_set_create("mine", (struct cr_prompt_sources){at, len}, base, out,
                                err);
}

static void shipped_set_renders_without_a_placeholder_left(void **state) {
    (void)state;
    struct cr_values values;
    for (int v = 0; v < CR_VAR_COUNT; v++) {
        values.at[v] = (struct cr_span){"<<>>", 4};
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        struct cr_buf out;
        cr_buf_init(&out, 1 << 16);
        assert_int_equal(cr_prompt_render(paper, (enum cr_template)t, &values, &out),
                         CR_OK);
        assert_true(out.used_bytes > 0);
        assert_null(strstr(out.data, "{{"));
        assert_true(out.data[out.used_bytes - 1] != '\n');
        cr_buf_fini(&out);
    }
}

struct refused {
    const char *file, *text, *said;
};

static const struct refused refusals[] = {
    {"maker_openning.txt", "x",
     "mine/maker_openning.txt:1: no such template; did you mean "
     "maker_opening.txt"},
    {"maker_opening.txt", "one\n{{propositon}}", ":2: unknown placeholder propositon"},
    {"maker_opening.txt", "{{proposition}}\n\n{{argument}}",
     ":3: this template is given no"},
    {"maker_opening.txt", "no placeholder", "never uses the placeholder proposition"},
    {"maker_opening.txt", "{{proposition}} {{answer", ":1: {{ with no }}"},
    {"maker_opening.txt", "{{proposition}} \xff", "not UTF-8"},
};

static void mistakes_are_named_with_file_and_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct cr_prompt_source source = source_of(refusals[i].file, refusals[i].text);
        struct cr_prompt_set *set = NULL;
        struct cr_err err = {0};
        assert_int_equal(create_of(&source, 1, paper, &set, &err), CR_E_JOB);
        assert_null(set);
        if (strstr(err.text, refusals[i].said) == NULL) {
            fail_msg("said: %s", err.text);
        }
    }
}

static void all_mistakes_are_reported_at_once(void **state) {
    (void)state;
    struct cr_prompt_source sources[] = {source_of("maker_opening.txt", "{{x}}"),
                                         source_of("repair.txt", "nothing"),
                                         source_of("repair.txt", "{{complaint}}")};
    struct cr_prompt_set *set = NULL;
    struct cr_err err = {0};
    assert_int_equal(create_of(sources, 3, paper, &set, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "maker_opening.txt:1: unknown placeholder x"));
    assert_non_null(strstr(err.text, "repair.txt:1: never uses"));
}

// As a damaged bundle has it: what follows the NUL was read past the end of a copy.
static void a_nul_in_a_template_is_a_mistake(void **state) {
    (void)state;
    enum { BYTES = 100000 };
    char *text = test_malloc(BYTES);
    memset(text, '\n', BYTES);
    memcpy(text, "{{proposition}}", 16);
    const struct cr_prompt_source source = {"maker_opening.txt", text, BYTES};
    struct cr_prompt_set *set = NULL;
    struct cr_err err = {0};
    assert_int_equal(create_of(&source, 1, paper, &set, &err), CR_E_JOB);
    memset(text + 16, 'x', BYTES - 16);
    assert_int_equal(create_of(&source, 1, paper, &set, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "maker_opening.txt:1: not UTF-8"));
    test_free(text);
}

static void a_set_lacking_templates_takes_them_from_its_base(void **state) {
    (void)state;
    struct cr_prompt_source source =
        source_of("repair.txt", "Wrong: {{ complaint }}\n\n");
    struct cr_prompt_set *set = NULL;
    struct cr_err err = {0};
    assert_int_equal(create_of(&source, 1, NULL, &set, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "maker_system.txt:1: missing"));
    assert_int_equal(create_of(&source, 1, paper, &set, &err), CR_OK);
    assert_string_equal(cr_prompt_set_name(set), "mine");
    struct cr_hash own = cr_prompt_set_hash(set), base = cr_prompt_set_hash(paper);
    assert_true(own.hi != base.hi);

    struct cr_values values = {0};
    values.at[CR_VAR_COMPLAINT] = (struct cr_span){"late", 4};
    struct cr_buf out;
    cr_buf_init(&out, 1 << 16);
    assert_int_equal(cr_prompt_render(set, CR_T_REPAIR, &values, &out), CR_OK);
    assert_string_equal(out.data, "Wrong: late");
    cr_buf_fini(&out);
    cr_prompt_set_destroy(set);

    assert_int_equal(create_of(NULL, 0, paper, &set, &err), CR_OK);
    own = cr_prompt_set_hash(set);
    assert_true(own.hi == base.hi && own.lo == base.lo);
    cr_prompt_set_destroy(set);
}

static void each_failed_allocation_is_reported_and_nothing_leaks(void **state) {
    (void)state;
    struct cr_prompt_source source = source_of("repair.txt", "{{complaint}}");
    enum cr_status status = CR_E_MEMORY;
    for (uint64_t n = 1; status != CR_OK; n++) {
        struct cr_prompt_set *set = NULL;
        cr_mem_fail_at(n);
        status = create_of(&source, 1, paper, &set, NULL);
        cr_mem_fail_at(0);
        assert_true(status == CR_OK || (status == CR_E_MEMORY && !set));
        cr_prompt_set_destroy(set);
    }
}

// Whether CELL of a table names the placeholders of BITS and no other.
static bool lists(const char *cell, size_t bytes, uint32_t bits) {
    uint32_t found = 0;
    while (bytes > 0) {
        size_t len = strspn(cell, "abcdefghijklmnopqrstuvwxyz");
        for (int v = 0; v < CR_VAR_COUNT && len > 0; v++) {
            bool is_it = strlen(cr_var_names[v]) == len &&
                         strncmp(cr_var_names[v], cell, len) == 0;
            found |= is_it ? 1u << v : 0;
        }
        len += len == 0;
        cell += len;
        bytes -= len < bytes ? len : bytes;
    }
    return found == bits;
}

static void readme_lists_every_template_and_its_placeholders(void **state) {
    (void)state;
    struct cr_buf readme;
    cr_buf_init(&readme, 1 << 16);
    assert_int_equal(cr_file_read(CR_SOURCE_DIR "/prompts/README.md", &readme, NULL),
                     CR_OK);
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        const struct cr_template_row *row = &cr_template_table[t];
        char lead[80];
        snprintf(lead, sizeof lead, "| `%s` |", row->file);
        const char *line = strstr(readme.data, lead);
        const char *must = line != NULL ? strchr(line + strlen(lead), '|') : NULL;
        const char *may = must != NULL ? strchr(must + 1, '|') : NULL;
        const char *end = may != NULL ? strchr(may + 1, '|') : NULL;
        if (end == NULL || !lists(must, (size_t)(may - must), row->required) ||
            !lists(may, (size_t)(end - may), row->allowed)) {
            fail_msg("prompts/README.md is wrong about %s", row->file);
        }
    }
    cr_buf_fini(&readme);
}

static int load(void **state) {
    (void)state;
    paper = paper_load();
    return 0;
}

static int unload(void **state) {
    (void)state;
    cr_prompt_set_destroy(paper);
    return 0;
}

// What an episode would learn from the rendered text, known before any was made.
static void the_example_of_how_to_answer_is_the_one_its_text_shows(void **state) {
    (void)state;
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        const struct cr_answer_form *known =
            cr_prompt_example(paper, (enum cr_template)t);
        struct cr_values values = {0};
        struct cr_answer_form form = {0};
        struct cr_arena arena = {0};
        struct cr_buf out;
        if (known == NULL) {
            continue;
        }
        cr_buf_init(&out, 1 << 16);
        assert_int_equal(cr_prompt_render(paper, (enum cr_template)t, &values, &out),
                         CR_OK);
        assert_int_equal(cr_answer_learn_form(out.data, out.used_bytes, &arena, &form),
                         CR_OK);
        assert_int_equal(known->examples_len, form.examples_len);
        for (uint32_t i = 0; i < form.examples_len; i++) {
            assert_string_equal(known->example[i], form.example[i]);
        }
        cr_buf_fini(&out);
        cr_arena_fini(&arena);
    }
    assert_int_equal(cr_prompt_example(paper, CR_T_JUDGMENT_BINARY)->examples_len, 2);
    assert_null(cr_prompt_example(paper, CR_T_JUDGMENT_CONTINUOUS)); // its own unit
    assert_null(cr_prompt_example(paper, CR_T_MAKER_SYSTEM));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_how_to_answer_is_the_one_its_text_shows),
        cmocka_unit_test(shipped_set_renders_without_a_placeholder_left),
        cmocka_unit_test(mistakes_are_named_with_file_and_line),
        cmocka_unit_test(all_mistakes_are_reported_at_once),
        cmocka_unit_test(a_nul_in_a_template_is_a_mistake),
        cmocka_unit_test(a_set_lacking_templates_takes_them_from_its_base),
        cmocka_unit_test(readme_lists_every_template_and_its_placeholders),
        cmocka_unit_test(each_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
