// test_anthropic.c - bodies and replies of the messages API.
#include "model_fixture.h"

#include "credence/base/json.h"
#include "model/wire.h"

static const struct cr_turn chat[] = {
    FIXTURE_TURN(CR_SYSTEM, "You are the market maker."),
    FIXTURE_TURN(CR_USER, "Proposition."),
    FIXTURE_TURN(CR_ASSISTANT, "Judgment."),
    FIXTURE_TURN(CR_USER, "Argument."),
};

static enum cr_status decode(const char *body, struct cr_reply *reply,
                             struct cr_err *why) {
    struct cr_error_body error;
    const struct cr_decode_args from = {.body = body, .bytes = strlen(body)};
    return cr_backend_anthropic.decode(&from, reply, &error, why);
}

static void the_system_prompt_stands_apart_and_the_prefix_is_marked(void **state) {
    static const char *const urls[] = {"http://127.0.0.1:1"};
    struct cr_model model = fixture_remote("m", "anthropic", urls, 1);
    struct cr_wire wire = {.model = &model,
                           .dialect = cr_dialect_find("anthropic", NULL)};
    struct cr_call call = fixture_call(1);
    struct cr_encode_args asking = {.call = &call};
    struct cr_json *root = NULL;
    struct cr_buf body;
    (void)state;
    call.turns = chat;
    call.turns_len = 4;
    call.prefix_len = 2;
    cr_buf_init(&body, 1 << 20);
    assert_int_equal(cr_backend_anthropic.prepare(&wire), CR_OK);
    assert_int_equal(cr_backend_anthropic.encode(&wire, &asking, &body), CR_OK);
    assert_int_equal(cr_json_parse(body.data, body.used_bytes,
                                   (struct cr_json_limits){1 << 20, 32}, &root, NULL),
                     CR_OK);
    assert_int_equal(cr_json_len(cr_json_get(root, "messages")), 3);
    assert_int_equal(cr_json_len(cr_json_get(root, "system")), 1);
    assert_true(cr_json_number(cr_json_get(root, "max_tokens"), 0) == 256);
    const bool marked[] = {true, false, true};
    const struct cr_json *message = cr_json_first(cr_json_get(root, "messages"));
    for (int i = 0; i < 3; i++, message = cr_json_next(message)) {
        const struct cr_json *block = cr_json_first(cr_json_get(message, "content"));
        assert_int_equal(cr_json_get(block, "cache_control") != NULL, marked[i]);
    }
    cr_json_free(root);
    cr_free(wire.head);
    cr_buf_fini(&body);
}

static void a_reply_is_read_with_its_cache(void **state) {
    static const char body[] =
        "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},"
        "{\"type\":\"text\",\"text\":\"{\\\"price\\\":0.4}\"}],"
        "\"stop_reason\":\"max_tokens\",\"usage\":{\"input_tokens\":10,"
        "\"cache_read_input_tokens\":80,\"cache_creation_input_tokens\":5,"
        "\"output_tokens\":9}}";
    struct cr_reply reply = {0};
    (void)state;
    assert_int_equal(decode(body, &reply, NULL), CR_OK);
    assert_string_equal(reply.text, "{\"price\":0.4}");
    assert_string_equal(reply.reasoning, "hm");
    assert_int_equal(reply.finish, CR_FINISH_LENGTH);
    assert_int_equal(reply.tokens_in, 95);
    assert_int_equal(reply.tokens_cached, 80);
    assert_int_equal(reply.tokens_out, 9);
    cr_reply_fini(&reply);
}

static void what_breaks_the_promise_is_no_reply(void **state) {
    static const char *const bodies[] = {"{}", "{\"content\":\"text\"}", "[", "<html>"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct cr_reply reply = {0};
        struct cr_err why;
        assert_int_equal(decode(bodies[i], &reply, &why), CR_E_FORMAT);
        cr_reply_fini(&reply);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_prompt_stands_apart_and_the_prefix_is_marked),
        cmocka_unit_test(a_reply_is_read_with_its_cache),
        cmocka_unit_test(what_breaks_the_promise_is_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
