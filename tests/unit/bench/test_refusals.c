// Broken files: each is refused with its line, what stands there and what was expected,
// and nothing of it is kept.
#include "bench_test.h"
#include "credence/base/mem.h"

struct broken {
    const char *name, *format;
    int framing;                // enum cr_framing
    const char *text, *message; // that the error begins with
};

#define CQA_START "{\"id\":\"q\",\"question\":\"?\",\"choices\":"
#define JSONL_QUANTITY "{\"id\":\"q\",\"question\":\"?\","
enum {
    BIN = CR_FRAMING_BINARY,
    CAT = CR_FRAMING_CATEGORICAL,
    CON = CR_FRAMING_CONTINUOUS
};

static const struct broken all[] = {
    {"empty file", "ethics-justice", BIN, "", "items: no items"},
    {"header alone", "ethics-justice", BIN, "label,scenario\n", "items: no items"},
    {"missing column", "ethics-justice", BIN, "label,input\n1,x\n",
     "items:1: no column \"scenario\"; the columns are: label, input"},
    {"column twice", "ethics-justice", BIN, "label,scenario,label\n1,x,1\n",
     "items:1: the column \"label\" appears twice"},
    {"short row", "ethics-commonsense", BIN,
     "label,input,is_short,edited\n1,\"a\nb\",True,False\n1,x,True\n",
     "items:4: a row of 3 columns, expected 4"},
    {"long row", "ethics-justice", BIN, "label,scenario\n1,I left, because\n",
     "items:2: a row of 3 columns, expected 2"},
    {"one column", "ethics-utilitarianism", BIN, "a,b\n\nonly\n",
     "items:3: a row of 1 column, expected 2"},
    {"label in words", "ethics-justice", BIN, "label,scenario\nyes,x\n",
     "items:2: label \"yes\", expected 0 or 1"},
    {"label that would clear the screen", "ethics-justice", BIN,
     "label,scenario\n\"\x1B[2J\n1\",x\n",
     "items:2: label \" [2J 1\", expected 0 or 1"},
    {"label of two digits", "ethics-deontology", BIN,
     "label,scenario,excuse\n1,a,b\n10,a,c\n",
     "items:3: label \"10\", expected 0 or 1"},
    {"empty field", "ethics-deontology", BIN, "label,scenario,excuse\n1,a,\" \"\n",
     "items:2: nothing in column \"excuse\""},
    {"no mark", "ethics-virtue", BIN, "label,scenario\n1,He sang. merry\n",
     "items:2: \"He sang. merry\", expected \"scenario [SEP] trait\""},
    {"two marks", "ethics-virtue", BIN, "label,scenario\n1,He [SEP] sang [SEP] merry\n",
     "items:2: \"He [SEP] sang"},
    {"no trait", "ethics-virtue", BIN, "label,scenario\n1,He sang. [SEP] \n",
     "items:2: no trait beside [SEP]"},
    {"same scenario twice", "ethics-utilitarianism", BIN, "I won.,i won. \n",
     "items:1: both scenarios are \"I won.\""},
    {"same answers", "truthfulqa", BIN,
     "Question,Best Answer,Best Incorrect Answer,Incorrect Answers\nQ,No,no,no\n",
     "items:2: \"Best Answer\" and \"Best Incorrect Answer\" are both \"No\""},
    {"no wrong answer", "truthfulqa", CAT,
     "Question,Best Answer,Best Incorrect Answer,Incorrect Answers\nQ,No,Yes,no;;\n",
     "items:2: no answer in \"Incorrect Answers\" but the best one"},
    {"quote that never closes", "ethics-justice", BIN, "label,scenario\n1,\"x\n2,y\n",
     "items:2: "},
    {"bad UTF-8", "ethics-justice", BIN, "label,scenario\n1,x\n1,caf\xE9\n",
     "items:3: bytes that are not UTF-8"},
    {"unknown framing", "ethics-justice", CAT, "label,scenario\n1,x\n",
     "items: format ethics-justice has no categorical framing"},
    {"answer key of no choice", "commonsenseqa", CAT,
     CQA_START "{\"label\":[\"A\",\"B\"],\"text\":[\"x\",\"y\"]},\"answerKey\":\"C\"}",
     "items:1: answerKey \"C\", expected one of the choices' labels"},
    {"no answer key", "commonsenseqa", BIN,
     CQA_START "{\"label\":[\"A\",\"B\"],\"text\":[\"x\",\"y\"]}}",
     "items:1: \"answerKey\" is missing, expected a string"},
    {"fewer labels than texts", "commonsenseqa", BIN,
     CQA_START "{\"label\":[\"A\"],\"text\":[\"x\",\"y\"]},\"answerKey\":\"A\"}",
     "items:1: 1 choice labels for 2 choice texts"},
    {"choice label twice", "commonsenseqa", BIN,
     CQA_START "{\"label\":[\"A\",\"A\"],\"text\":[\"x\",\"y\"]},\"answerKey\":\"A\"}",
     "items:1: the choice label \"A\" appears twice"},
    {"no distractor", "commonsenseqa", BIN,
     CQA_START "{\"label\":[\"A\",\"B\"],\"text\":[\"x\",\" X\"]},\"answerKey\":\"A\"}",
     "items:1: every option reads \"x\""},
    {"choices of numbers", "commonsenseqa", BIN,
     CQA_START "{\"label\":[\"A\",\"B\"],\"text\":[1,2]},\"answerKey\":\"A\"}",
     "items:1: \"text\" is a number, expected a string"},
    {"choices missing", "commonsenseqa", BIN, "{\"id\":\"q\",\"question\":\"?\"}",
     "items:1: \"choices\" has no arrays"},
    {"nested choices missing", "commonsenseqa", BIN,
     "{\"id\":\"q\",\"question\":{\"stem\":\"?\"}}",
     "items:1: \"choices\" is missing, expected an array"},
    {"one choice", "commonsenseqa", BIN,
     CQA_START "{\"label\":[\"A\"],\"text\":[\"x\"]},\"answerKey\":\"A\"}",
     "items:1: 1 choices, expected at least 2"},
    {"array for an object", "jsonl", BIN, "[1]\n",
     "items:1: the element is a number, expected an object"},
    {"not JSON", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":1}\n{\"id\":\n",
     "items:2: not a JSON object"},
    {"two objects a line", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":1} {}\n",
     "items:1: not a JSON object"},
    {"one target", "truthfulqa", CAT,
     "[{\"question\":\"?\",\"mc1_targets\":{\"yes\":1}}]",
     "items:1: 1 targets, expected at least 2"},
    {"too deep", "jsonl", BIN,
     "{\"id\":[[[[[[[[[[1]]]]]]]]]],\"proposition\":\"x\",\"label\":1}\n",
     "items:1: not a JSON object"},
    {"no id", "jsonl", BIN, "{\"proposition\":\"x\",\"label\":1}",
     "items:1: \"id\" is missing, expected a string or a whole number"},
    {"broken number as id", "jsonl", BIN,
     "{\"id\":1.5,\"proposition\":\"x\",\"label\":1}", "items:1: \"id\" is a number"},
    {"empty id", "jsonl", BIN, "{\"id\":\" \",\"proposition\":\"x\",\"label\":1}",
     "items:1: \"id\" is empty"},
    {"id of two lines", "jsonl", BIN, "{\"id\":\"a\\nb\",\"proposition\":\"x\"}",
     "items:1: \"id\" holds a control character"},
    {"id twice", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":1}\n\n"
     "{\"id\":\"a\",\"proposition\":\"y\",\"label\":1}\n",
     "items:3: the id \"a\" is already taken on line 1"},
    {"id of another's side", "jsonl", BIN,
     "{\"id\":\"a\",\"question\":\"?\",\"options\":[\"x\",\"y\"],\"label\":0}\n"
     "{\"id\":\"a/true\",\"proposition\":\"y\",\"label\":1}\n",
     "items:2: the id \"a/true\" is already taken on line 1"},
    {"key twice", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":1,\"label\":0}",
     "items:1: the key \"label\" appears twice"},
    {"no shape", "jsonl", BIN, "{\"id\":\"a\",\"question\":\"x\"}",
     "items:1: none of \"proposition\", \"options\" and \"value\""},
    {"two shapes", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":1,\"value\":2}",
     "items:1: several of \"proposition\""},
    {"label of another number", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":2}",
     "items:1: \"label\" is another number, expected true, false, 1 or 0"},
    {"label as text", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":\"true\"}",
     "items:1: \"label\" is a string, expected true"},
    {"label missing", "jsonl", BIN, "{\"id\":\"a\",\"proposition\":\"x\"}",
     "items:1: \"label\" is missing"},
    {"empty proposition", "jsonl", BIN,
     "{\"id\":\"a\",\"proposition\":\"\",\"label\":1}",
     "items:1: \"proposition\" is empty"},
    {"options of one", "jsonl", CAT,
     "{\"id\":\"a\",\"question\":\"?\",\"options\":[\"x\"],\"label\":0}",
     "items:1: \"options\" must be a list of two or more"},
    {"option twice", "jsonl", CAT,
     "{\"id\":\"a\",\"question\":\"?\",\"options\":[\"x\",\"X \"],\"label\":0}",
     "items:1: the option \"X\" appears twice"},
    {"label past the options", "jsonl", CAT,
     "{\"id\":\"a\",\"question\":\"?\",\"options\":[\"x\",\"y\"],\"label\":2}",
     "items:1: \"label\" must be an option's text, its letter, or its index "
     "from 0 to 1"},
    {"letter past the options", "jsonl", CAT,
     "{\"id\":\"a\",\"question\":\"?\",\"options\":[\"x\",\"y\"],\"label\":\"C\"}",
     "items:1: \"label\" must be an option"},
    {"proposition as categories", "jsonl", CAT,
     "{\"id\":\"a\",\"proposition\":\"x\",\"label\":1}",
     "items:1: a proposition, expected in the binary framing only"},
    {"quantity as claim", "jsonl", BIN, JSONL_QUANTITY "\"value\":1,\"range\":[0,2]}",
     "items:1: a quantity, expected in the continuous framing only"},
    {"value outside its range", "jsonl", CON,
     JSONL_QUANTITY "\"value\":3,\"range\":[0,2]}",
     "items:1: value 3, expected one from 0 to 2"},
    {"falling range", "jsonl", CON, JSONL_QUANTITY "\"value\":1,\"range\":[2,0]}",
     "items:1: \"range\" must be [low, high]"},
    {"range of three", "jsonl", CON, JSONL_QUANTITY "\"value\":1,\"range\":[0,1,2]}",
     "items:1: \"range\" must be [low, high]"},
    {"no range", "jsonl", CON, JSONL_QUANTITY "\"value\":1}",
     "items:1: \"range\" must be [low, high]"},
    {"value as text", "jsonl", CON, JSONL_QUANTITY "\"value\":\"1\",\"range\":[0,2]}",
     "items:1: \"value\" must be a number"},
    {"unit as number", "jsonl", CON,
     JSONL_QUANTITY "\"value\":1,\"range\":[0,2],\"unit\":3}",
     "items:1: \"unit\" is a number, expected a string"},
};

static void broken_files_are_refused_where_they_break(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct cr_benchmark bench =
            bench_of(all[i].format, (enum cr_framing)all[i].framing, CR_PAIRING_BOTH);
        struct cr_err err = {0};
        enum cr_status status =
            read_bytes(&bench, all[i].text, strlen(all[i].text), &err);
        if (status != CR_E_JOB || err.status != CR_E_JOB ||
            strncmp(err.text, all[i].message, strlen(all[i].message)) != 0) {
            fail_msg("%s: status %d, \"%s\", expected \"%s\"", all[i].name, (int)status,
                     err.text, all[i].message);
        }
        assert_int_equal(bench.propositions.len, 0);
        assert_null(bench.propositions.at);
        assert_int_equal(read_bytes(&bench, all[i].text, strlen(all[i].text), NULL),
                         CR_E_JOB);
    }
}

static void a_mistake_outside_the_limit_is_found(void **state) {
    (void)state;
    static const char text[] = "label,scenario\n1,x\n7,y\n";
    struct cr_benchmark bench =
        bench_of("ethics-justice", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    bench.limit = 1;
    struct cr_err err = {0};
    assert_int_equal(read_bytes(&bench, text, strlen(text), &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "items:3: label \"7\""));
}

static void an_offset_past_the_end_is_refused(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("ethics-utilitarianism", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    bench.offset = 2;
    struct cr_err err = {0};
    assert_int_equal(read_bytes(&bench, "a,b\nc,d\n", 8, &err), CR_E_JOB);
    assert_string_equal(err.text, "items: offset 2 leaves none of its 2 items");
}

static void a_nul_byte_is_refused_with_its_line(void **state) {
    (void)state;
    static const char text[] = "a,b\nc\0c,d\n";
    struct cr_benchmark bench =
        bench_of("ethics-utilitarianism", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    struct cr_err err = {0};
    assert_int_equal(read_bytes(&bench, text, sizeof text - 1, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "items:2: a NUL byte"));
}

static void a_refusal_leaves_what_was_read_before(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("ethics-utilitarianism", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, "a,b\n");
    assert_int_equal(read_bytes(&bench, "a\n", 2, NULL), CR_E_JOB);
    assert_int_equal(bench.propositions.len, 2);
    cr_propositions_fini(&bench.propositions);
}

static void memory_that_runs_out_anywhere_is_said_and_nothing_is_kept(void **state) {
    (void)state;
    static const struct {
        const char *format, *text;
        int framing;
    } cases[] = {
        {"ethics-virtue", "label,scenario\n1,He sang. [SEP] merry\n", BIN},
        {"truthfulqa",
         "Question,Best Answer,Best Incorrect Answer,Incorrect Answers\nQ,No,Yes,a;b\n",
         CAT},
        {"commonsenseqa",
         CQA_START "{\"label\":[\"A\",\"B\",\"C\"],\"text\":[\"x\",\"y\",\"x\"]},"
                   "\"answerKey\":\"A\"}",
         BIN},
        {"jsonl", "{\"id\":1,\"question\":\"?\",\"value\":1,\"range\":[0,2]}", CON},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum cr_status status = CR_E_MEMORY;
        for (uint64_t n = 1; status == CR_E_MEMORY && n < 1000; n++) {
            struct cr_benchmark bench = bench_of(
                cases[i].format, (enum cr_framing)cases[i].framing, CR_PAIRING_BOTH);
            cr_mem_fail_at(n);
            status = read_bytes(&bench, cases[i].text, strlen(cases[i].text), NULL);
            cr_mem_fail_at(0);
            if (status != CR_OK) {
                assert_int_equal(bench.propositions.len, 0);
            }
            cr_propositions_fini(&bench.propositions);
        }
        assert_int_equal(status, CR_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files_are_refused_where_they_break),
        cmocka_unit_test(a_mistake_outside_the_limit_is_found),
        cmocka_unit_test(an_offset_past_the_end_is_refused),
        cmocka_unit_test(a_nul_byte_is_refused_with_its_line),
        cmocka_unit_test(a_refusal_leaves_what_was_read_before),
        cmocka_unit_test(memory_that_runs_out_anywhere_is_said_and_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
