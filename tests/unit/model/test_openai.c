// test_openai.c - bodies of chat completions and their replies, and of the dialects.
#include "model_fixture.h"

#include <stdlib.h>

#include "credence/base/json.h"
#include "model/wire.h"

static const struct cr_json_limits limits = {1 << 20, 32};

struct setting {
    struct cr_model model;
    struct cr_wire wire;
    struct cr_call call;
    struct cr_buf body;
};

static void open_setting(struct setting *setting, const char *dialect) {
    static const char *const urls[] = {"http://127.0.0.1:1"};
    memset(setting, 0, sizeof *setting);
    setting->model = fixture_remote("m", "openai", urls, 1);
    setting->model.dialect = dialect;
    setting->call = fixture_call(3);
    cr_buf_init(&setting->body, CR_REQUEST_BYTES_MAX);
}

static struct cr_json *encode(struct setting *setting, enum cr_structured structured) {
    struct cr_json *root = NULL;
    struct cr_err err;
    setting->wire =
        (struct cr_wire){.model = &setting->model,
                         .dialect = cr_dialect_find("openai", setting->model.dialect),
                         .allows_single_seed = setting->model.temperature == 0};
    assert_int_equal(cr_backend_openai.prepare(&setting->wire), CR_OK);
    struct cr_encode_args asking = {.call = &setting->call,
                                    .shape = {.structured = structured}};
    assert_int_equal(cr_backend_openai.encode(&setting->wire, &asking, &setting->body),
                     CR_OK);
    if (cr_json_parse(setting->body.data, setting->body.used_bytes, limits, &root,
                      &err) != CR_OK) {
        fail_msg("%s in %s", err.text, setting->body.data);
    }
    return root;
}

static void close_setting(struct setting *setting, struct cr_json *root) {
    cr_json_free(root);
    cr_free(setting->wire.head);
    cr_buf_fini(&setting->body);
}

static const char *string_at(const struct cr_json *root, const char *path) {
    return cr_json_string(cr_json_get_path(root, path));
}

static void a_body_has_all_that_was_asked(void **state) {
    struct setting setting;
    (void)state;
    open_setting(&setting, NULL);
    setting.call.top_logprobs = 5;
    setting.model.params = "{\"temperature\":0.7,\"max_tokens\":256,\"top_p\":0.9}";
    setting.model.extra = "{\"chat_template_kwargs\":{\"enable_thinking\":false}}";
    struct cr_json *root = encode(&setting, CR_STRUCTURED_SCHEMA);
    assert_string_equal(string_at(root, "model"), "tiny");
    assert_true(cr_json_number(cr_json_get(root, "temperature"), 0) == 0.7);
    assert_true(cr_json_number(cr_json_get(root, "top_p"), 0) == 0.9);
    assert_true(cr_json_number(cr_json_get(root, "max_tokens"), 0) == 256);
    assert_true(cr_json_number(cr_json_get(root, "seed"), -1) ==
                (double)(setting.call.seed >> 33));
    assert_true(cr_json_bool(cr_json_get(root, "logprobs"), false));
    assert_true(cr_json_number(cr_json_get(root, "top_logprobs"), 0) == 5);
    assert_non_null(cr_json_get_path(root, "chat_template_kwargs.enable_thinking"));
    assert_int_equal(cr_json_len(cr_json_get(root, "messages")), 2);
    assert_string_equal(cr_json_string(cr_json_get(
                            cr_json_first(cr_json_get(root, "messages")), "role")),
                        "system");
    assert_string_equal(string_at(root, "response_format.type"), "json_schema");
    assert_string_equal(string_at(root, "response_format.json_schema.name"),
                        "judgment");
    assert_true(cr_json_bool(
        cr_json_get_path(root, "response_format.json_schema.strict"), false));
    assert_string_equal(string_at(root, "response_format.json_schema.schema.type"),
                        "object");
    close_setting(&setting, root);
}

static void laxer_forms_ask_for_less(void **state) {
    struct setting setting;
    (void)state;
    open_setting(&setting, NULL);
    struct cr_json *root = encode(&setting, CR_STRUCTURED_OBJECT);
    assert_string_equal(string_at(root, "response_format.type"), "json_object");
    close_setting(&setting, root);
    open_setting(&setting, NULL);
    root = encode(&setting, CR_STRUCTURED_NONE);
    assert_null(cr_json_get(root, "response_format"));
    close_setting(&setting, root);
}

static void dialects_differ_in_names_alone(void **state) {
    struct setting setting;
    (void)state;
    open_setting(&setting, "openai-reasoning");
    struct cr_json *root = encode(&setting, CR_STRUCTURED_SCHEMA);
    assert_null(cr_json_get(root, "temperature"));
    assert_null(cr_json_get(root, "max_tokens"));
    assert_true(cr_json_number(cr_json_get(root, "max_completion_tokens"), 0) == 256);
    close_setting(&setting, root);
    open_setting(&setting, "mistral");
    root = encode(&setting, CR_STRUCTURED_SCHEMA);
    assert_null(cr_json_get(root, "seed"));
    assert_non_null(cr_json_get(root, "random_seed"));
    close_setting(&setting, root);
}

static void greedy_requests_are_equal_bytes(void **state) {
    struct setting a, b;
    (void)state;
    open_setting(&a, NULL);
    open_setting(&b, NULL);
    a.model.temperature = b.model.temperature = 0;
    b.call.seed++;
    struct cr_json *root_a = encode(&a, CR_STRUCTURED_SCHEMA);
    struct cr_json *root_b = encode(&b, CR_STRUCTURED_SCHEMA);
    assert_string_equal(a.body.data, b.body.data);
    close_setting(&a, root_a);
    close_setting(&b, root_b);
}

static void a_body_past_its_limit_is_refused(void **state) {
    struct setting setting;
    (void)state;
    open_setting(&setting, NULL);
    struct cr_json *root = encode(&setting, CR_STRUCTURED_SCHEMA);
    struct cr_buf small;
    struct cr_encode_args asking = {.call = &setting.call};
    for (size_t max = 0; max < setting.body.used_bytes; max += 7) {
        cr_buf_init(&small, max);
        assert_int_equal(cr_backend_openai.encode(&setting.wire, &asking, &small),
                         CR_E_LIMIT);
        cr_buf_fini(&small);
    }
    close_setting(&setting, root);
}

static enum cr_status decode(const char *body, struct cr_reply *reply,
                             struct cr_err *why) {
    *reply = (struct cr_reply){0};
    why->text[0] = '\0';
    struct cr_error_body error;
    const struct cr_decode_args from = {.body = body, .bytes = strlen(body)};
    return cr_backend_openai.decode(&from, reply, &error, why);
}

static void a_whole_reply_is_read(void **state) {
    struct cr_reply reply;
    struct cr_err why;
    (void)state;
    assert_int_equal(
        decode(
            "{\"choices\":[{\"message\":{\"content\":\"{\\\"price\\\":0.5}\","
            "\"reasoning_content\":\"hm\"},\"finish_reason\":\"length\","
            "\"logprobs\":{\"content\":[{\"token\":\"Yes\",\"logprob\":-0.1,"
            "\"top_logprobs\":[{\"token\":\"Yes\",\"logprob\":-0.1},"
            "{\"token\":\"No\",\"logprob\":-2.4}]},{\"token\":\"x\",\"logprob\":0}]}}],"
            "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,"
            "\"prompt_tokens_details\":{\"cached_tokens\":64},"
            "\"completion_tokens_details\":{\"reasoning_tokens\":7}}}",
            &reply, &why),
        CR_OK);
    assert_string_equal(reply.text, "{\"price\":0.5}");
    assert_string_equal(reply.reasoning, "hm");
    assert_int_equal(reply.finish, CR_FINISH_LENGTH);
    assert_int_equal(reply.tokens_in, 100);
    assert_int_equal(reply.tokens_out, 20);
    assert_int_equal(reply.tokens_cached, 64);
    assert_int_equal(reply.tokens_reasoning, 7);
    assert_int_equal(reply.logprobs_len, 2);
    assert_string_equal(reply.logprobs[1].token, "No");
    assert_true(reply.logprobs[1].logprob == -2.4);
    cr_reply_fini(&reply);
}

static void content_comes_in_several_shapes(void **state) {
    static const struct {
        const char *message, *text, *reasoning;
    } cases[] = {
        {"{\"content\":null}", "", NULL},
        {"{}", "", NULL},
        {"{\"content\":\"a\"}", "a", NULL},
        {"{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
         "\"text\":\"b\"}]}",
         "ab", NULL},
        {"{\"content\":null,\"refusal\":\"I must not.\"}", "I must not.", NULL},
        {"{\"content\":\"a\",\"reasoning\":\"r\"}", "a", "r"},
        {"{\"content\":\"<think>\\nlong\\n</think>\\n\\n{}\"}", "{}", "long"},
        {"{\"content\":\"no opening</think> {}\"}", "{}", "no opening"},
        {"{\"content\":\"<think>never closed\"}", "", "never closed"},
        {"{\"content\":\"{\\\"a\\\":\\\"<think>x</think>\\\"}\"}",
         "{\"a\":\"<think>x</think>\"}", NULL},
        {"{\"content\":\"<think>b</think>c\",\"reasoning_content\":\"a\"}", "c",
         "a\nb"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        struct cr_reply reply;
        struct cr_err why;
        snprintf(body, sizeof body,
                 "{\"choices\":[{\"message\":%s,\"finish_reason\":\"stop\"}]}",
                 cases[i].message);
        print_message("%s\n", cases[i].message);
        assert_int_equal(decode(body, &reply, &why), CR_OK);
        assert_string_equal(reply.text, cases[i].text);
        assert_true(!reply.reasoning == !cases[i].reasoning);
        if (cases[i].reasoning != NULL) {
            assert_string_equal(reply.reasoning, cases[i].reasoning);
        }
        cr_reply_fini(&reply);
    }
}

static void what_breaks_the_promise_is_no_reply(void **state) {
    static const char *const bodies[] = {
        "",
        "<html>busy</html>",
        "{\"choices\":[{\"mess",
        "{}",
        "[]",
        "null",
        "{\"choices\":[]}",
        "{\"choices\":{}}",
        "{\"choices\":\"none\"}",
        "{\"choices\":[7]}",
        "{\"choices\":[{\"message\":\"text\"}]}",
        "{\"choices\":[{\"message\":{\"content\":7}}]}",
        "{\"choices\":[{\"message\":{\"content\":true}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\"}}]} trailing",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct cr_reply reply;
        struct cr_err why;
        print_message("%s\n", bodies[i]);
        assert_int_equal(decode(bodies[i], &reply, &why), CR_E_FORMAT);
        assert_true(why.text[0] != '\0');
        cr_reply_fini(&reply);
    }
}

// The loop stands still while a reply is parsed: what is much work is refused, what is
// merely long is not.
static void work_on_one_reply_has_a_limit(void **state) {
    static const struct {
        const char *open, *piece, *close;
        size_t pieces;
        enum cr_status status;
    } cases[] = {
        {"[0", ",0", "]", 3900000, CR_E_FORMAT},
        {"{\"a\":1", ",\"a\":1", "}", 900000, CR_E_FORMAT},
        {"{\"choices\":[{\"message\":{\"content\":[{}", ",{}",
         "]},\"finish_reason\":\"stop\"}]}", 900000, CR_E_FORMAT},
        {"{\"choices\":[{\"message\":{\"content\":\"", "\\u0001",
         "\"},\"finish_reason\":\"stop\"}]}", 1200000, CR_E_FORMAT},
        {"{\"choices\":[{\"message\":{\"content\":\"", "{a, [\\n], ",
         "\"},\"finish_reason\":\"stop\"}]}", 200000, CR_OK},
        {"{\"choices\":[{\"message\":{\"content\":\"", "\\u4e2d",
         "\"},\"finish_reason\":\"stop\"}]}", 300000, CR_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_buf body;
        struct cr_reply reply;
        struct cr_err why;
        cr_buf_init(&body, CR_REPLY_BYTES_MAX);
        assert_int_equal(cr_buf_add_text(&body, cases[i].open), CR_OK);
        for (size_t k = 0; k < cases[i].pieces; k++) {
            assert_int_equal(cr_buf_add_text(&body, cases[i].piece), CR_OK);
        }
        assert_int_equal(cr_buf_add_text(&body, cases[i].close), CR_OK);
        assert_int_equal(decode(body.data, &reply, &why), cases[i].status);
        cr_reply_fini(&reply);
        cr_buf_fini(&body);
    }
}

static void nesting_has_a_limit(void **state) {
    struct cr_buf body;
    struct cr_reply reply;
    struct cr_err why;
    (void)state;
    cr_buf_init(&body, 1 << 20);
    for (int i = 0; i < 200000; i++) {
        assert_int_equal(cr_buf_add(&body, "[", 1), CR_OK);
    }
    assert_int_equal(decode(body.data, &reply, &why), CR_E_FORMAT);
    cr_buf_fini(&body);
}

static void absurd_counts_are_no_counts(void **state) {
    struct cr_reply reply;
    struct cr_err why;
    (void)state;
    assert_int_equal(
        decode("{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"usage\":{"
               "\"prompt_tokens\":-5,\"completion_tokens\":1e300,"
               "\"prompt_tokens_details\":null},"
               "\"timings\":{\"cache_n\":12}}",
               &reply, &why),
        CR_OK);
    assert_int_equal(reply.tokens_in, 0);
    assert_int_equal(reply.tokens_out, 0);
    assert_int_equal(reply.tokens_cached, 0); // never more than went in
    cr_reply_fini(&reply);
}

// {word, text, what it means}
static const struct {
    const char *word, *text;
    enum cr_status status;
    enum cr_finish finish;
    enum cr_reason reason;
} endings[] = {
    {"\"stop\"", "a", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"STOP\"", "a", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"end_turn\"", "a", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"COMPLETE\"", "a", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"MAX_TOKENS\"", "a", CR_OK, CR_FINISH_LENGTH, CR_REASON_NONE},
    {"\"model_length\"", "a", CR_OK, CR_FINISH_LENGTH, CR_REASON_NONE},
    {"\"max-tokens\"", "a", CR_OK, CR_FINISH_LENGTH, CR_REASON_NONE},
    {"\"SAFETY\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"PROHIBITED_CONTENT\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"content_filter\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"sensitive\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"refusal\"", "no", CR_OK, CR_FINISH_FILTER, CR_REASON_REFUSED},
    {"\"error\"", "{\\\"p\\\":1}", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"abort\"", "whole.", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"insufficient_system_resource\"", "whole.", CR_E_FORMAT, CR_FINISH_STOP,
     CR_REASON_NONE},
    {"\"cancelled\"", "", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"FINISH_REASON_SAFETY\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"FinishReason.MAX_TOKENS\"", "a", CR_OK, CR_FINISH_LENGTH, CR_REASON_NONE},
    {"\"content_filter:SPII\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"MODEL_ARMOR\"", "", CR_OK, CR_FINISH_FILTER, CR_REASON_FILTERED},
    {"\"maximum_tokens\"", "a.", CR_OK, CR_FINISH_LENGTH, CR_REASON_NONE},
    // Words that nobody has heard of: what came decides.
    {"\"sated\"", "{\\\"p\\\":1}", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"sated\"", "A whole sentence.", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"sated\"", "{\\\"p\\\":", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"sated\"", "half a sent", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
    {"\"sated\"", "", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
    {"null", "{\\\"p\\\":1}", CR_OK, CR_FINISH_STOP, CR_REASON_NONE},
    {"null", "", CR_E_FORMAT, CR_FINISH_STOP, CR_REASON_NONE},
};

static void words_of_all_houses_end_a_generation(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char body[512], word[64];
        struct cr_reply reply;
        struct cr_err why;
        snprintf(
            body, sizeof body,
            "{\"choices\":[{\"message\":{\"content\":\"%s\"},\"finish_reason\":%s}]}",
            endings[i].text, endings[i].word);
        print_message("%s\n", body);
        assert_int_equal(decode(body, &reply, &why), endings[i].status);
        if (endings[i].status == CR_OK) {
            assert_int_equal(reply.finish, endings[i].finish);
            assert_int_equal(reply.reason, endings[i].reason);
        }
        snprintf(word, sizeof word, "\"%s\"", reply.finish_word);
        assert_string_equal(reply.finish_word[0] ? word : "null", endings[i].word);
        cr_reply_fini(&reply);
    }
}

// Where servers put answers, thoughts and refusals besides the usual place.
static const struct {
    const char *body, *text, *reasoning;
    enum cr_reason reason;
} shapes[] = {
    {"{\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"{\\\"p\\\":1}\"},"
     "\"finish_reason\":\"stop\"}]}",
     "{\"p\":1}", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"I think {\"},"
     "\"finish_reason\":\"stop\"}]}",
     "", "I think {", CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"function\":{"
     "\"arguments\":\"{\\\"p\\\":2}\"}}]},\"finish_reason\":\"tool_calls\"}]}",
     "{\"p\":2}", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":{\"p\":3}}}"
     "]},\"finish_reason\":\"tool_calls\"}]}",
     "{\"p\":3}", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":\"\",\"function_call\":{\"arguments\":"
     "\"{}\"}},\"finish_reason\":\"function_call\"}]}",
     "{}", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":null,\"parsed\":{\"p\":4}},"
     "\"finish_reason\":\"stop\"}]}",
     "{\"p\":4}", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":\"said\",\"tool_calls\":[{\"function\":{"
     "\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}",
     "said", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"text\":\"plain\",\"finish_reason\":\"stop\"}]}", "plain", NULL,
     CR_REASON_NONE},
    {"{\"message\":{\"role\":\"assistant\",\"content\":\"native\",\"thinking\":\"t\"},"
     "\"done_reason\":\"stop\",\"done\":true}",
     "native", "t", CR_REASON_NONE},
    {"{\"generated_text\":\"tgi\"}", "tgi", NULL, CR_REASON_NONE},
    {"{\"output\":[{\"type\":\"reasoning\"},{\"type\":\"message\",\"content\":[{"
     "\"type\":\"output_text\",\"text\":\"responses\"}]}]}",
     "responses", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{"
     "\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"a\"}]},"
     "\"finish_reason\":\"stop\"}]}",
     "a", "hm", CR_REASON_NONE},
    {"{\"choices\":[{\"message\":{\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]},"
     "\"finish_reason\":\"stop\"}]}",
     "no", NULL, CR_REASON_REFUSED},
    {"{\"choices\":[{\"message\":{\"content\":\"\",\"refusal\":\"no\"},"
     "\"finish_reason\":\"stop\"}]}",
     "no", NULL, CR_REASON_REFUSED},
    {"{\"choices\":[{\"message\":{\"content\":[{\"type\":\"reasoning\",\"text\":\"hm\"},{"
     "\"type\":\"text\",\"text\":\"a\"}]},\"finish_reason\":\"stop\"}]}",
     "a", "hm", CR_REASON_NONE},
    {"{\"output\":[{\"type\":\"reasoning\",\"content\":[{\"type\":\"reasoning_text\","
     "\"text\":\"hm\"}]},{\"type\":\"message\",\"content\":[{\"type\":\"output_text\","
     "\"text\":\"a\"}]}],\"status\":\"completed\"}",
     "a", NULL, CR_REASON_NONE},
    {"{\"choices\":[{\"finish_reason\":\"content_filter\"}]}", "", NULL,
     CR_REASON_FILTERED},
    {"{\"choices\":[{\"message\":null,\"finish_reason\":\"SAFETY\"}]}", "", NULL,
     CR_REASON_FILTERED},
    {"{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":{\"type\":"
     "\"stop\"}}]}",
     "a", NULL, CR_REASON_NONE},
};

// What ended early, and says so in a place of its own.
static void an_answer_that_was_stopped_is_none(void **state) {
    static const char *const bodies[] = {
        "{\"choices\":[{\"message\":{\"content\":\"whole.\"},\"finish_reason\":{\"type\":"
        "\"abort\"}}]}",
        "{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"whole.\"}]},"
        "\"finish_reason\":\"ERROR\"}",
        "{\"generated_text\":\"whole.\",\"details\":{\"finish_reason\":\"error\"}}",
        "{\"message\":{\"content\":\"half a sent\"},\"done\":false}",
        "{\"output\":[{\"type\":\"message\",\"content\":\"whole.\"}],\"status\":"
        "\"cancelled\"}",
        "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":0}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct cr_reply reply;
        struct cr_err why;
        print_message("%s\n", bodies[i]);
        assert_int_equal(decode(bodies[i], &reply, &why), CR_E_FORMAT);
        cr_reply_fini(&reply);
    }
}

static void an_answer_is_found_wherever_it_is(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct cr_reply reply;
        struct cr_err why;
        print_message("%s\n", shapes[i].body);
        assert_int_equal(decode(shapes[i].body, &reply, &why), CR_OK);
        assert_string_equal(reply.text, shapes[i].text);
        assert_string_equal(reply.reasoning != NULL ? reply.reasoning : "",
                            shapes[i].reasoning != NULL ? shapes[i].reasoning : "");
        assert_int_equal(reply.reason, shapes[i].reason);
        cr_reply_fini(&reply);
    }
}

static void an_error_instead_of_an_answer_is_an_error(void **state) {
    static const char *const bodies[] = {
        "{\"error\":{\"code\":429,\"message\":\"lost\"}}",
        "{\"error\":{\"code\":\"overloaded\",\"message\":\"lost\"}}",
        "{\"type\":\"error\",\"error\":{\"message\":\"lost\"}}",
        "{\"object\":\"error\",\"message\":\"lost\"}",
        "{\"detail\":\"lost\"}",
        "[{\"error\":{\"message\":\"lost\"}}]",
        "{\"base_resp\":{\"status_code\":1002,\"status_msg\":\"lost\"},\"choices\":null}",
        "{\"code\":20015,\"message\":\"lost\",\"data\":null}",
        "{\"success\":false,\"msg\":\"lost\"}",
        "{\"error\":true,\"message\":\"lost\"}",
        "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"error\","
        "\"error\":{\"code\":502,\"message\":\"lost\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"{}\"},\"finish_reason\":\"stop\"}],"
        "\"error\":{\"message\":\"lost\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct cr_reply reply = {0};
        struct cr_error_body error;
        struct cr_err why;
        const struct cr_decode_args from = {.body = bodies[i],
                                            .bytes = strlen(bodies[i])};
        print_message("%s\n", bodies[i]);
        assert_int_equal(cr_backend_openai.decode(&from, &reply, &error, &why),
                         CR_E_NET);
        assert_string_equal(error.words, "lost");
        cr_reply_fini(&reply);
    }
}

static void a_number_instead_of_an_answer_is_an_error(void **state) {
    static const struct {
        const char *body;
        uint32_t status;
    } cases[] = {{"{\"error\":429}", 429},
                 {"{\"code\":503}", 503},
                 {"{\"status\":500,\"data\":null}", 500},
                 {"{\"choices\":[],\"error\":529}", 529}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_reply reply = {0};
        struct cr_error_body error;
        struct cr_err why;
        const struct cr_decode_args from = {.body = cases[i].body,
                                            .bytes = strlen(cases[i].body)};
        print_message("%s\n", cases[i].body);
        assert_int_equal(cr_backend_openai.decode(&from, &reply, &error, &why),
                         CR_E_NET);
        assert_int_equal(error.status, cases[i].status);
        assert_string_not_equal(error.words, "");
        cr_reply_fini(&reply);
    }
}

static void a_prompt_that_is_blocked_was_filtered(void **state) {
    static const char *const bodies[] = {
        "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
        "{\"choices\":[],\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}",
        "{\"candidates\":[],\"promptFeedback\":{\"blockReason\":\"OTHER\"}}",
        "{\"choices\":null,\"prompt_feedback\":{\"block_reason\":\"BLOCKLIST\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct cr_reply reply;
        struct cr_err why;
        print_message("%s\n", bodies[i]);
        assert_int_equal(decode(bodies[i], &reply, &why), CR_OK);
        assert_int_equal(reply.reason, CR_REASON_FILTERED);
        assert_int_equal(reply.finish, CR_FINISH_FILTER);
        cr_reply_fini(&reply);
    }
}

static void tokens_that_only_the_total_knows_are_paid_for(void **state) {
    static const struct {
        const char *usage;
        uint32_t in, out, reasoning;
    } cases[] = {
        {"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":115}", 10, 105,
         100},
        {"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}", 10, 5,
         0},
        {"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":9}", 10, 5, 0},
        {"{\"prompt_tokens\":\"10\",\"completion_tokens\":\"5\"}", 10, 5, 0},
        {"{\"input_tokens\":10,\"output_tokens\":5}", 10, 5, 0},
        {"{\"prompt_tokens\":10,\"completion_tokens\":50,\"total_tokens\":60,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":40}}",
         10, 50, 40},
        {"{\"prompt_tokens\":10,\"completion_tokens\":5,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":40}}",
         10, 45, 40},
        {"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":55,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":40}}",
         10, 45, 40},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[400];
        struct cr_reply reply;
        struct cr_err why;
        snprintf(body, sizeof body,
                 "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":"
                 "\"stop\"}],\"usage\":%s}",
                 cases[i].usage);
        assert_int_equal(decode(body, &reply, &why), CR_OK);
        assert_int_equal(reply.tokens_in, cases[i].in);
        assert_int_equal(reply.tokens_out, cases[i].out);
        assert_int_equal(reply.tokens_reasoning, cases[i].reasoning);
        cr_reply_fini(&reply);
    }
}

static void a_request_takes_the_shape_that_was_learned(void **state) {
    static const struct {
        struct cr_request_shape shape;
        const char *has, *lacks;
    } cases[] = {
        {{.system_role = CR_SYSTEM_ROLE_SYSTEM}, "{\"role\":\"system\"", "developer"},
        {{.system_role = CR_SYSTEM_ROLE_DEVELOPER},
         "{\"role\":\"developer\"",
         "system\""},
        {{.system_role = CR_SYSTEM_ROLE_USER},
         "\"messages\":[{\"role\":\"user\",\"content\":\"You are the market "
         "maker.\\n\\nProposition: ",
         "system\""},
        {{.uses_other_limit = true}, "\"max_completion_tokens\":256", "\"max_tokens\""},
        {{.omits_seed = true}, "\"max_tokens\":256", "\"seed\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct setting setting;
        open_setting(&setting, NULL);
        cr_json_free(encode(&setting, CR_STRUCTURED_SCHEMA));
        struct cr_encode_args asking = {.call = &setting.call, .shape = cases[i].shape};
        cr_buf_clear(&setting.body);
        assert_int_equal(
            cr_backend_openai.encode(&setting.wire, &asking, &setting.body), CR_OK);
        assert_non_null(strstr(setting.body.data, cases[i].has));
        assert_null(strstr(setting.body.data, cases[i].lacks));
        close_setting(&setting, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_all_that_was_asked),
        cmocka_unit_test(laxer_forms_ask_for_less),
        cmocka_unit_test(dialects_differ_in_names_alone),
        cmocka_unit_test(greedy_requests_are_equal_bytes),
        cmocka_unit_test(a_body_past_its_limit_is_refused),
        cmocka_unit_test(a_whole_reply_is_read),
        cmocka_unit_test(content_comes_in_several_shapes),
        cmocka_unit_test(what_breaks_the_promise_is_no_reply),
        cmocka_unit_test(words_of_all_houses_end_a_generation),
        cmocka_unit_test(an_answer_that_was_stopped_is_none),
        cmocka_unit_test(an_answer_is_found_wherever_it_is),
        cmocka_unit_test(an_error_instead_of_an_answer_is_an_error),
        cmocka_unit_test(a_number_instead_of_an_answer_is_an_error),
        cmocka_unit_test(a_prompt_that_is_blocked_was_filtered),
        cmocka_unit_test(tokens_that_only_the_total_knows_are_paid_for),
        cmocka_unit_test(a_request_takes_the_shape_that_was_learned),
        cmocka_unit_test(work_on_one_reply_has_a_limit),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(absurd_counts_are_no_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
