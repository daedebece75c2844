// Format "table": any table by a mapping of its columns, and what every format is given
// beside it: where, sample, keep, cluster, containers.
#include "bench_test.h"

#include <math.h>
#include <zlib.h>

enum { BINDINGS_MAX = 12 };

struct mapping {
    struct cr_binding at[BINDINGS_MAX];
    const char *values[BINDINGS_MAX][8];
};

// Bindings from "question=q options=A,B answer=key".
static struct cr_bindings bindings_of(struct mapping *out, char *text) {
    struct cr_bindings bindings = {out->at, 0};
    char *rest = text, *part;
    while ((part = strsep(&rest, " ")) != NULL && bindings.len < BINDINGS_MAX) {
        char *equals = strchr(part, '='), *values = equals + 1, *value;
        assert_non_null(equals);
        *equals = '\0';
        struct cr_binding *binding = &out->at[bindings.len];
        *binding =
            (struct cr_binding){.name = part, .values = out->values[bindings.len]};
        while ((value = strsep(&values, ",")) != NULL) {
            out->values[bindings.len][binding->values_len++] = value;
        }
        bindings.len++;
    }
    return bindings;
}

struct shape {
    const char *name, *mapping, *answers;
    enum cr_framing framing;
    const char *text;
    size_t propositions;
    const char *first;  // beginning of the first text
    const char *labels; // a digit each
};

#define BIN CR_FRAMING_BINARY
#define CAT CR_FRAMING_CATEGORICAL
#define CON CR_FRAMING_CONTINUOUS

static const struct shape shapes[] = {
    {"options as columns, letters", "question=q options=A,B,C answer=key", NULL, CAT,
     "q,A,B,C,key\nWhich?,x,y,z,B\nWhat?,x,y,z,c\n", 2, "Which?", "12"},
    {"options as columns, binary", "question=q options=A,B,C answer=key", NULL, BIN,
     "q,A,B,C,key\nWhich?,x,y,z,B\n", 2,
     "Of the answers below, the best one to the "
     "question is \"y\".",
     "10"},
    {"an empty last option", "question=q options=A,B,C answer=key", NULL, CAT,
     "q,A,B,C,key\nWhich?,x,y,,B\nWhat?,,y,z,C\n", 2, "Which?", "11"},
    {"a TSV", "question=q options=A,B answer=key", NULL, CAT,
     "q\tA\tB\tkey\nWhich, then?\tx\t5\" of rain\tB\n", 1, "Which, then?", "1"},
    {"a list column, parted", "question=q options=o answer=key", NULL, CAT,
     "q,o,key\nWhich?,x; y;z,z\n", 1, "Which?", "2"},
    {"a list column, JSON", "question=q options=o answer=key", NULL, CAT,
     "q,o,key\nWhich?,\"[\"\"x\"\", \"\"y; z\"\"]\",1\nWhat?,\"[\"\"x\"\",\"\"y\"\"]\",0\n",
     2, "Which?", "10"},
    {"an index from 1, seen late", "question=q options=A,B,C answer=key", NULL, CAT,
     "q,A,B,C,key\na?,x,y,z,1\nb?,x,y,z,2\nc?,x,y,z,3\n", 3, "a?", "012"},
    {"an index from 0, seen late", "question=q options=A,B,C answer=key", NULL, CAT,
     "q,A,B,C,key\na?,x,y,z,1\nb?,x,y,z,2\nc?,x,y,z,0\n", 3, "a?", "120"},
    {"an index of a column of floats", "question=q options=A,B answer=key", NULL, CAT,
     "q,A,B,key\na?,x,y,1.0\nb?,x,y,0.0\n", 2, "a?", "10"},
    {"an index said", "question=q options=A,B,C answer=key", "index1", CAT,
     "q,A,B,C,key\na?,x,y,z,1\nb?,x,y,z,2\n", 2, "a?", "01"},
    {"numbers as options", "question=q options=A,B,C answer=key", NULL, CAT,
     "q,A,B,C,key\na?,2,1,0,1\nb?,7,8,9,9\n", 2, "a?", "12"},
    {"the column of the right option", "question=q options=good,bad,worse answer=good",
     NULL, CAT, "q,good,bad,worse\na?,2,1,0\nb?,7,8,9\n", 2, "a?", "00"},
    {"nested text and label", "question=stem options=choices answer=key", NULL, CAT,
     "{\"stem\":\"a?\",\"choices\":{\"text\":[\"x\",\"y\"],\"label\":[\"1\",\"2\"]},"
     "\"key\":\"2\"}\n"
     "{\"stem\":\"b?\",\"choices\":{\"text\":[\"x\",\"y\"],\"label\":[\"A\",\"B\"]},"
     "\"key\":\"A\"}\n",
     2, "a?", "10"},
    {"nested in the question",
     "question=question.stem options=question.choices "
     "answer=key",
     NULL, CAT,
     "[{\"question\":{\"stem\":\"a?\",\"choices\":[{\"label\":\"A\",\"text\":\"x\"},"
     "{\"label\":\"B\",\"text\":\"y, ]}\\\"\"}]},\"key\":\"B\"}]",
     1, "a?", "1"},
    {"yes or no, with a passage", "question=question answer=answer context=passage",
     NULL, BIN,
     "{\"question\":\"is it wet\",\"answer\":true,\"passage\":\"Rain.\"}\n"
     "{\"question\":\"is it dry\",\"answer\":\"No\",\"passage\":\"Rain.\"}\n",
     2, "Rain.\n\nThe answer to this question is yes.\n\nQuestion: is it wet", "10"},
    {"a claim", "proposition=claim answer=label", NULL, BIN,
     "claim,label\nIce floats.,TRUE\nIron floats.,0.0\n", 2, "Ice floats.", "10"},
    {"context of several columns", "question=q answer=a context=date,background", NULL,
     BIN, "q,a,date,background\nwill it?,yes,2024-05-01,Long story.\n", 1,
     "date: 2024-05-01\nbackground: Long story.\n\nThe answer", "1"},
    {"options that repeat", "question=q options=A,B,C answer=key", NULL, CAT,
     "q,A,B,C,key\na?,x,X,y,C\n", 1, "a?", "2"},
};

static struct cr_benchmark table_of(enum cr_framing framing) {
    struct cr_benchmark bench = bench_of("table", framing, CR_PAIRING_BOTH);
    bench.low = bench.high = NAN;
    return bench;
}

static void each_shape_gives_its_propositions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct mapping mapping = {0};
        char text[256];
        struct cr_err err = {0};
        struct cr_benchmark bench = table_of(shapes[i].framing);
        snprintf(text, sizeof text, "%s", shapes[i].mapping);
        bench.columns = bindings_of(&mapping, text);
        bench.answers = shapes[i].answers;
        enum cr_status status =
            read_bytes(&bench, shapes[i].text, strlen(shapes[i].text), &err);
        if (status != CR_OK || bench.propositions.len != shapes[i].propositions) {
            fail_msg("%s: %zu propositions, %s", shapes[i].name, bench.propositions.len,
                     err.text);
        }
        const struct cr_proposition *all = bench.propositions.at;
        if (strncmp(all[0].text, shapes[i].first, strlen(shapes[i].first)) != 0) {
            fail_msg("%s: %s", shapes[i].name, all[0].text);
        }
        for (size_t p = 0; p < bench.propositions.len; p++) {
            if (all[p].label != shapes[i].labels[p] - '0') {
                fail_msg("%s: label %d of proposition %zu", shapes[i].name,
                         all[p].label, p);
            }
        }
        cr_propositions_fini(&bench.propositions);
    }
}

static const struct {
    const char *name, *mapping;
    enum cr_framing framing;
    const char *text, *message;
} refusals[] = {
    {"a column misspelt", "question=qestion answer=a", BIN, "question,a\nx,1\n",
     "items:1: no column \"qestion\" (columns.question), did you mean \"question\"; the "
     "columns are: question, a"},
    {"a key misspelt", "question=qestion answer=a", BIN, "{\"question\":\"x\",\"a\":1}",
     "items:1: no column \"qestion\" (columns.question), did you mean \"question\""},
    {"answers that fit two ways", "question=q options=A,B,C answer=key", CAT,
     "q,A,B,C,key\na?,x,y,z,1\nb?,x,y,z,2\n",
     "items:2: the answers of this file can be read in several ways; say which with "
     "\"answers\": \"index0\" or \"index1\""},
    {"an answer unlike those before", "question=q options=A,B,C answer=key", CAT,
     "q,A,B,C,key\na?,x,y,z,B\nb?,x,y,z,1\n",
     "items:3: answer \"1\", expected a letter"},
    {"no answer", "question=q options=A,B answer=key", CAT, "q,A,B,key\na?,x,y,\n",
     "items:2: nothing in column \"key\" (columns.answer); test splits"},
    {"one option", "question=q options=A,B answer=key", CAT, "q,A,B,key\na?,x,,A\n",
     "items:2: 1 options, expected at least 2"},
    {"a Python list", "question=q options=o answer=key", CAT,
     "q,o,key\na?,\"['x', 'y']\",0\n",
     "items:2: the options \"['x', 'y']\" are not JSON"},
    {"categorical without options", "question=q answer=a", CAT, "q,a\nx,1\n",
     "items:2: framing categorical, but \"columns\" maps no \"options\""},
    {"a truth that is none", "question=q answer=a", BIN, "q,a\nx,perhaps\n",
     "items:2: answer \"perhaps\", expected true, false, yes, no, 1 or 0"},
    {"an array that never ends", "question=q answer=a", BIN, "[{\"q\":\"x\",\"a\":1}",
     "items:1: the array never ends"},
    {"an array ended by a brace", "question=q answer=a", BIN, "[{\"q\":\"x\",\"a\":1}}",
     "items:1: '}' without its beginning"},
    {"text behind the array", "question=q answer=a", BIN, "[{\"q\":\"x\",\"a\":1}]\n7",
     "items:2: text behind the end of the array"},
    {"an object over several lines", "question=q answer=a", BIN,
     "{\n\"q\":\"x\",\"a\":1}\n",
     "items:1: not a JSON object: column 2: unexpected end of "
     "the text, expected a whole object on each line"},
    {"Parquet", "question=q answer=a", BIN, "PAR1....",
     "items: this is a Parquet file, "
     "expected CSV, TSV, JSON lines"},
    {"Excel", "question=q answer=a", BIN, "PK\003\004...",
     "items: this is a zip archive"},
    {"UTF-16", "question=q answer=a", BIN, "\xFF\xFEq", "items: this is UTF-16 text"},
    {"gzip cut", "question=q answer=a", BIN, "\x1F\x8B\x08",
     "items: its gzip data ends"},
    {"gzip damaged", "question=q answer=a", BIN, "\x1F\x8B\x08\xFF\xFF\xFFzzzzzzz",
     "items: its gzip data is damaged"},
};

static void what_cannot_be_read_is_named(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct mapping mapping = {0};
        char text[256];
        struct cr_err err = {0};
        struct cr_benchmark bench = table_of(refusals[i].framing);
        snprintf(text, sizeof text, "%s", refusals[i].mapping);
        bench.columns = bindings_of(&mapping, text);
        enum cr_status status =
            read_bytes(&bench, refusals[i].text, strlen(refusals[i].text), &err);
        if (status != CR_E_JOB ||
            strncmp(err.text, refusals[i].message, strlen(refusals[i].message)) != 0) {
            fail_msg("%s: status %d, \"%s\", expected \"%s\"", refusals[i].name,
                     (int)status, err.text, refusals[i].message);
        }
        assert_null(bench.propositions.at);
    }
}

static void quantities_have_their_own_range_or_one_for_the_file(void **state) {
    (void)state;
    struct mapping mapping = {0};
    char text[] = "question=q value=v low=lo high=hi unit=u";
    struct cr_benchmark bench = table_of(CON);
    bench.columns = bindings_of(&mapping, text);
    read_good(&bench, "q,v,lo,hi,u\nHow hot?,3.5,-10,1e2,K\nHow many?,7,0,9,\n");
    assert_true(bench.propositions.at[0].value == 3.5);
    assert_true(bench.propositions.at[0].low == -10 &&
                bench.propositions.at[0].high == 100);
    assert_string_equal(bench.propositions.at[0].unit, "K");
    assert_string_equal(bench.propositions.at[1].unit, "");
    cr_propositions_fini(&bench.propositions);
    bench.columns.len = 2;
    bench.low = 0;
    bench.high = 10;
    bench.unit = "m";
    read_good(&bench, "q,v,lo,hi,u\nHow long?,3.5,-10,1e2,K\n");
    assert_true(bench.propositions.at[0].high == 10);
    assert_string_equal(bench.propositions.at[0].unit, "m");
    cr_propositions_fini(&bench.propositions);
    struct cr_err err = {0};
    static const char outside[] = "q,v\nHow long?,11\n";
    assert_int_equal(read_bytes(&bench, outside, strlen(outside), &err), CR_E_JOB);
    assert_string_equal(err.text, "items:2: value 11, expected one from 0 to 10");
}

static void items_are_filtered_kept_clustered_and_named(void **state) {
    (void)state;
    struct mapping columns = {0}, where = {0}, keep = {0};
    char mapped[] = "question=q answer=a id=no", filter[] = "subject=art,law",
         kept[] = "subject=subject topic=more.topic";
    struct cr_benchmark bench = table_of(BIN);
    bench.columns = bindings_of(&columns, mapped);
    bench.where = bindings_of(&where, filter);
    bench.keep = bindings_of(&keep, kept);
    bench.cluster = "passage";
    read_good(
        &bench,
        "{\"no\":\"i1\",\"q\":\"a\",\"a\":1,\"subject\":\"art\",\"passage\":\"P\"}\n"
        "{\"no\":\"i2\",\"q\":\"b\",\"a\":2,\"subject\":\"sport\"}\n"
        "{\"no\":\"i3\",\"q\":\"c\",\"a\":0,\"subject\":\"law\",\"passage\":\"P\","
        "\"more\":{\"topic\":7}}\n");
    assert_int_equal(bench.propositions.len, 2);
    assert_int_equal(bench.propositions.kept_len, 2);
    assert_string_equal(bench.propositions.kept_names[1], "topic");
    const struct cr_proposition *all = bench.propositions.at;
    assert_string_equal(all[0].id, "i1");
    assert_string_equal(all[1].id, "i3");
    assert_string_equal(all[0].question_id, "P");
    assert_string_equal(all[1].question_id, "P");
    assert_string_equal(all[0].kept[0], "art");
    assert_string_equal(all[0].kept[1], "");
    assert_string_equal(all[1].kept[1], "7");
    cr_propositions_fini(&bench.propositions);
}

static void published_formats_keep_their_own_columns(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("ethics-commonsense", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, "label,input,is_short,edited\n0,I waved.,True,False\n");
    assert_int_equal(bench.propositions.kept_len, 2);
    assert_string_equal(bench.propositions.kept_names[0], "is_short");
    assert_string_equal(bench.propositions.at[0].kept[0], "True");
    cr_propositions_fini(&bench.propositions);
    struct mapping columns = {0};
    char renamed[] = "input=text";
    bench.columns = bindings_of(&columns, renamed);
    read_good(&bench, "text,label\nI waved.,0\n"); // an export with another name
    assert_string_equal(bench.propositions.at[0].kept[0], "");
    cr_propositions_fini(&bench.propositions);
}

static void truthfulqa_is_read_in_the_shapes_it_is_found_in(void **state) {
    (void)state;
    static const char *const files[] = {
        "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
        "A,Myths,Can pigs fly?,No,No; Never,Yes; At night,none\n",
        "{\"type\":\"A\",\"category\":\"Myths\",\"question\":\"Can pigs fly?\","
        "\"best_answer\":\"No\",\"correct_answers\":[\"No\"],"
        "\"incorrect_answers\":[\"Yes\",\"At night\"]}\n",
        "[{\"question\":\"Can pigs fly?\",\"mc1_targets\":{\"No\":1,\"Yes\":0,"
        "\"At night\":0},\"mc2_targets\":{\"No\":1,\"Never\":1,\"Yes\":0}}]",
        "{\"question\":\"Can pigs fly?\",\"mc1_targets\":{\"choices\":[\"No\",\"Yes\","
        "\"At night\"],\"labels\":[1,0,0]}}\n"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct cr_benchmark bench = bench_of("truthfulqa", CAT, CR_PAIRING_BOTH);
        read_good(&bench, files[i]);
        const struct cr_proposition *p = bench.propositions.at;
        assert_int_equal(p->options_len, 3);
        assert_string_equal(p->options[p->label], "No");
        assert_string_equal(p->options[2], "At night");
        assert_string_equal(p->kept[1], i < 2 ? "Myths" : "");
        cr_propositions_fini(&bench.propositions);
        struct cr_err err = {0};
        bench.framing = CR_FRAMING_BINARY;
        assert_int_equal(read_bytes(&bench, files[i], strlen(files[i]), &err),
                         CR_E_JOB);
        assert_non_null(strstr(err.text, "no \"Best Incorrect Answer\""));
    }
    struct mapping columns = {0};
    char second[] = "mc1_targets=mc2_targets";
    struct cr_err err = {0};
    struct cr_benchmark bench = bench_of("truthfulqa", CAT, CR_PAIRING_BOTH);
    bench.columns = bindings_of(&columns, second);
    assert_int_equal(read_bytes(&bench, files[2], strlen(files[2]), &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "2 right answers, expected one"));
}

static void commonsenseqa_without_answers_is_refused_in_one_line(void **state) {
    (void)state;
    struct cr_benchmark bench = bench_of("commonsenseqa", CAT, CR_PAIRING_BOTH);
    struct cr_err err = {0};
    static const char text[] =
        "{\"id\":\"q\",\"question\":\"?\",\"question_concept\":\"bank\",\"choices\":"
        "{\"label\":[\"A\",\"B\"],\"text\":[\"x\",\"y\"]},\"answerKey\":\"\"}\n";
    assert_int_equal(read_bytes(&bench, text, strlen(text), &err), CR_E_JOB);
    assert_string_equal(err.text,
                        "items:1: \"answerKey\" is empty: the test split comes "
                        "without answers, use another split");
}

// TABLE of 400 rows: three subjects in shares of 50, 30 and 20 %.
static void write_subjects(struct cr_buf *out) {
    cr_buf_init(out, 1 << 20);
    assert_int_equal(cr_buf_add_text(out, "q,a,subject\n"), CR_OK);
    for (int i = 0; i < 400; i++) {
        const char *subject = i % 10 < 5 ? "art" : i % 10 < 8 ? "law" : "sport";
        assert_int_equal(cr_buf_printf(out, "claim %d,%d,%s\n", i, i % 2, subject),
                         CR_OK);
    }
}

static size_t count_kept(const struct cr_propositions *list, const char *value) {
    size_t count = 0;
    for (size_t i = 0; i < list->len; i++) {
        count += strcmp(list->at[i].kept[0], value) == 0;
    }
    return count;
}

static void a_sample_is_drawn_by_the_seed_and_keeps_the_shares(void **state) {
    (void)state;
    struct mapping columns = {0}, keep = {0};
    char mapped[] = "question=q answer=a", kept[] = "subject=subject";
    struct cr_buf text;
    write_subjects(&text);
    struct cr_benchmark bench = table_of(BIN), again = bench, other = bench;
    bench.columns = bindings_of(&columns, mapped);
    bench.keep = bindings_of(&keep, kept);
    bench.sample = 41;
    bench.stratify = "subject";
    again = other = bench;
    read_good(&bench, text.data);
    read_good(&again, text.data);
    assert_int_equal(
        cr_bench_read(&other, text.data, text.used_bytes, TEST_SEED + 1, NULL), CR_OK);
    assert_int_equal(bench.propositions.len, 41);
    assert_in_range(count_kept(&bench.propositions, "art"), 20, 21);
    assert_in_range(count_kept(&bench.propositions, "law"), 12, 13);
    assert_in_range(count_kept(&bench.propositions, "sport"), 8, 9);
    size_t same = 0;
    for (size_t i = 0; i < 41; i++) {
        assert_string_equal(bench.propositions.at[i].id, again.propositions.at[i].id);
        same += strcmp(bench.propositions.at[i].id, other.propositions.at[i].id) == 0;
    }
    assert_in_range(same, 0, 20);
    cr_propositions_fini(&bench.propositions);
    bench.sample = 1000; // more than there are: all of them
    read_good(&bench, text.data);
    assert_int_equal(bench.propositions.len, 400);
    cr_propositions_fini(&bench.propositions);
    bench.sample = 5; // of the slice alone
    bench.offset = 100;
    bench.limit = 10;
    read_good(&bench, text.data);
    assert_int_equal(bench.propositions.len, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_in_range(strtoul(bench.propositions.at[i].id, NULL, 10), 101, 110);
    }
    cr_propositions_fini(&bench.propositions);
    cr_propositions_fini(&again.propositions);
    cr_propositions_fini(&other.propositions);
    cr_buf_fini(&text);
}

// TEXT as a gzip file of two members.
static void zip(const char *text, struct cr_buf *out) {
    size_t half = strlen(text) / 2, len[2] = {half, strlen(text) - half};
    cr_buf_init(out, 1 << 24);
    for (int i = 0; i < 2; i++) {
        z_stream z = {0};
        unsigned char packed[65536];
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
        z.next_in = (unsigned char *)(uintptr_t)text + (i == 1 ? half : 0);
        z.avail_in = (unsigned)len[i];
        z.next_out = packed;
        z.avail_out = sizeof packed;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(cr_buf_add(out, packed, sizeof packed - z.avail_out), CR_OK);
        deflateEnd(&z);
    }
}

static void gzip_and_a_file_give_what_memory_gives(void **state) {
    (void)state;
    struct mapping columns = {0};
    char mapped[] = "question=q answer=a", path[] = "/tmp/credence-bench-XXXXXX";
    struct cr_buf text, packed;
    struct cr_err err = {0};
    write_subjects(&text);
    zip(text.data, &packed);
    struct cr_benchmark plain = table_of(BIN), zipped, file;
    plain.columns = bindings_of(&columns, mapped);
    zipped = file = plain;
    read_good(&plain, text.data);
    assert_int_equal(read_bytes(&zipped, packed.data, packed.used_bytes, &err), CR_OK);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && cr_fd_write(fd, packed.data, packed.used_bytes));
    close(fd);
    assert_int_equal(cr_bench_read_file(&file, path, TEST_SEED, &err), CR_OK);
    unlink(path);
    assert_int_equal(zipped.propositions.len, 400);
    assert_int_equal(file.propositions.len, 400);
    for (size_t i = 0; i < 400; i++) {
        assert_int_equal(plain.propositions.at[i].key, zipped.propositions.at[i].key);
        assert_int_equal(plain.propositions.at[i].key, file.propositions.at[i].key);
    }
    struct cr_hash hash = cr_hash128(packed.data, packed.used_bytes, 0);
    assert_int_equal(zipped.bytes_hash.lo, hash.lo);
    assert_int_equal(file.bytes_hash.hi, hash.hi);
    cr_propositions_fini(&plain.propositions);
    cr_propositions_fini(&zipped.propositions);
    cr_propositions_fini(&file.propositions);
    cr_buf_fini(&packed);
    cr_buf_fini(&text);
}

// Rows, characters and line ends cross the pieces that a large file is read in.
static void a_file_of_many_pieces_is_read_as_one(void **state) {
    (void)state;
    struct mapping columns = {0};
    char mapped[] = "question=q answer=a";
    struct cr_buf csv, array;
    cr_buf_init(&csv, 1 << 24);
    cr_buf_init(&array, 1 << 24);
    assert_int_equal(cr_buf_add_text(&csv, "\xEF\xBB\xBFq,a\r\n"), CR_OK);
    assert_int_equal(cr_buf_add_text(&array, "["), CR_OK);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(cr_buf_printf(&csv,
                                       "\"\xC3\xA9t\xC3\xA9 %d,\r\n \xF0\x9F\x90\x99\""
                                       ",%d\r\n",
                                       i, i % 2),
                         CR_OK);
        assert_int_equal(
            cr_buf_printf(&array,
                          "%s{\"q\": \"\xC3\xA9t\xC3\xA9 %d,\\n \xF0\x9F\x90\x99\","
                          " \"a\": %d}",
                          i > 0 ? ",\n" : "", i, i % 2),
            CR_OK);
    }
    assert_int_equal(cr_buf_add_text(&array, "]\n"), CR_OK);
    struct cr_benchmark a = table_of(BIN), b;
    a.columns = bindings_of(&columns, mapped);
    b = a;
    read_good(&a, csv.data);
    read_good(&b, array.data);
    assert_int_equal(a.propositions.len, 20000);
    assert_int_equal(b.propositions.len, 20000);
    for (size_t i = 0; i < 20000; i++) {
        assert_int_equal(a.propositions.at[i].key, b.propositions.at[i].key);
    }
    cr_propositions_fini(&a.propositions);
    cr_propositions_fini(&b.propositions);
    cr_buf_fini(&csv);
    cr_buf_fini(&array);
}

static void memory_that_runs_out_anywhere_leaves_nothing(void **state) {
    (void)state;
    static const char text[] = "q,A,B,C,key,s\na?,x,y,z,1,u\nb?,x,y,z,3,v\n";
    enum cr_status status = CR_E_MEMORY;
    for (uint64_t n = 1; status == CR_E_MEMORY && n < 2000; n++) {
        struct mapping columns = {0}, keep = {0};
        char mapped[] = "question=q options=A,B,C answer=key", kept[] = "s=s";
        struct cr_benchmark bench = table_of(CAT);
        bench.columns = bindings_of(&columns, mapped);
        bench.keep = bindings_of(&keep, kept);
        bench.sample = 2;
        bench.stratify = "s";
        cr_mem_fail_at(n);
        status = cr_bench_read(&bench, text, strlen(text), TEST_SEED, NULL);
        cr_mem_fail_at(0);
        assert_int_equal(bench.propositions.len, status == CR_OK ? 2 : 0);
        cr_propositions_fini(&bench.propositions);
    }
    assert_int_equal(status, CR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_gives_its_propositions),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(quantities_have_their_own_range_or_one_for_the_file),
        cmocka_unit_test(items_are_filtered_kept_clustered_and_named),
        cmocka_unit_test(published_formats_keep_their_own_columns),
        cmocka_unit_test(truthfulqa_is_read_in_the_shapes_it_is_found_in),
        cmocka_unit_test(commonsenseqa_without_answers_is_refused_in_one_line),
        cmocka_unit_test(a_sample_is_drawn_by_the_seed_and_keeps_the_shares),
        cmocka_unit_test(gzip_and_a_file_give_what_memory_gives),
        cmocka_unit_test(a_file_of_many_pieces_is_read_as_one),
        cmocka_unit_test(memory_that_runs_out_anywhere_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
