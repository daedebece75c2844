// wire.c - what the HTTP backends share.
#include "model/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/model/client.h"
#include "model/serve/launch.h"
#include "model/url.h"

static const struct cr_json_limits reply_limits = {.max_bytes = CR_REPLY_BYTES_MAX,
                                                   .max_depth = CR_REPLY_DEPTH_MAX};

const char *const cr_structured_names[CR_STRUCTURED_COUNT] = {"json_schema",
                                                              "json_object", "none"};
const char *const cr_system_role_names[CR_SYSTEM_ROLE_COUNT] = {"system", "developer",
                                                                "user"};

bool cr_structured_is_auto(const char *word) {
    return word == NULL || strcmp(word, "auto") == 0;
}

enum cr_structured cr_structured_first(const char *word) {
    for (int i = 0; word != NULL && i < CR_STRUCTURED_COUNT; i++) {
        if (strcmp(word, cr_structured_names[i]) == 0) {
            return (enum cr_structured)i;
        }
    }
    return CR_STRUCTURED_SCHEMA;
}

static bool is_structured_word(const char *word) {
    return cr_structured_is_auto(word) || cr_structured_first(word) > 0 ||
           strcmp(word, cr_structured_names[0]) == 0;
}

static bool is_object(const char *json) {
    struct cr_json *value = NULL;
    bool is = json == NULL ||
              (cr_json_parse(json, strlen(json), reply_limits, &value, NULL) == CR_OK &&
               cr_json_type(value) == CR_JSON_OBJECT);
    cr_json_free(value);
    return is;
}

static void add_dialect_error(const struct cr_model *model, struct cr_err *err) {
    const char *names[16];
    size_t len = 0;
    for (size_t i = 0; i < cr_dialect_count() && len < 16; i++) {
        if (cr_dialect_find(model->api, cr_dialect_name(i)) != NULL) {
            names[len++] = cr_dialect_name(i);
        }
    }
    const char *near = cr_text_nearest(model->dialect, names, len);
    cr_err_add_line(err, "models.%s.dialect: \"%s\" is not a dialect of %s%s%s%s",
                    model->name, model->dialect, model->api,
                    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                    near != NULL ? "\"?" : "");
}

static void check_endpoints(const struct cr_model *model,
                            const struct cr_dialect *dialect, struct cr_err *err) {
    for (uint32_t i = 0; i < model->endpoints_len; i++) {
        struct cr_url url = {0};
        struct cr_err one = {0};
        if (cr_url_make(&url, model, dialect, model->endpoints[i], &one) != CR_OK) {
            cr_err_add_line(err, "%s", one.text);
        }
        cr_url_fini(&url);
    }
}

// Members of a body that each request sets for itself. What params may not hold is
// refused; extra may replace all but the first four, which nothing works without.
static const struct {
    const char *key;
    const char *instead; // what to do
} reserved[] = {
    {"messages", "the prompts are a set of their own: cell.prompts"},
    {"model", "write it as the model's key \"model\""},
    {"stream", "replies are read whole; remove it"},
    {"n", "each call asks for one answer; use cell.replicates"},
    {"seed", "each call has its own; see \"send_seed\""},
    {"random_seed", "each call has its own; see \"send_seed\""},
    {"logprobs", "asked for where cell.elicitation needs them"},
    {"top_logprobs", "asked for where cell.elicitation needs them"},
    {"system", "the prompts are a set of their own: cell.prompts"},
    {"response_format", "use \"structured\""},
};
enum { RESERVED_LEN = sizeof reserved / sizeof reserved[0], NEVER_OURS = 4 };

static void check_reserved(const struct cr_model *model, const char *group,
                           const char *json, size_t len, struct cr_err *err) {
    struct cr_json *members = NULL;
    if (json == NULL ||
        cr_json_parse(json, strlen(json), reply_limits, &members, NULL) != CR_OK) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (cr_json_get(members, reserved[i].key) != NULL) {
            cr_err_add_line(err, "models.%s.%s.%s: each request sets it for itself: %s",
                            model->name, group, reserved[i].key, reserved[i].instead);
        }
    }
    cr_json_free(members);
}

// A dialect that sends no temperature must not drop one in silence.
static void check_temperature(const struct cr_model *model,
                              const struct cr_dialect *dialect, struct cr_err *err) {
    if (dialect != NULL && !dialect->sends_temperature && !isnan(model->temperature)) {
        cr_err_add_line(err,
                        "models.%s.params.temperature: dialect \"%s\" sends none; "
                        "remove it, or choose another dialect",
                        model->name, dialect->name);
    }
}

enum cr_status cr_wire_check(const struct cr_model *model, struct cr_err *err) {
    struct cr_err found = {0};
    const struct cr_dialect *dialect = cr_dialect_find(model->api, model->dialect);
    if (dialect == NULL) {
        add_dialect_error(model, &found);
    } else if (dialect->is_azure && model->api_version == NULL) {
        cr_err_add_line(&found, "models.%s.api_version: expected for dialect \"%s\"",
                        model->name, dialect->name);
    } else if (model->model != NULL) {
        check_endpoints(model, dialect, &found);
    }
    if (model->endpoints_len == 0 && model->serve.command == NULL &&
        model->unix_socket == NULL) {
        cr_err_add_line(&found,
                        "models.%s.endpoints: expected a list of URLs, or \"serve\"",
                        model->name);
    }
    if (model->model == NULL || !model->model[0]) {
        cr_err_add_line(&found,
                        "models.%s.model: expected the model's name at the server",
                        model->name);
    }
    if (!is_structured_word(model->structured)) {
        cr_err_add_line(&found,
                        "models.%s.structured: \"%s\" is none of \"auto\", "
                        "\"json_schema\", \"json_object\", \"none\"",
                        model->name, model->structured);
    }
    if (!is_object(model->params) || !is_object(model->extra)) {
        cr_err_add_line(&found, "models.%s: params and extra must be objects",
                        model->name);
    }
    check_reserved(model, "params", model->params, RESERVED_LEN, &found);
    check_reserved(model, "extra", model->extra, NEVER_OURS, &found);
    check_temperature(model, dialect, &found);
    cr_launch_check_env(model, &found);
    return found.text[0] ? cr_err_set(err, CR_E_JOB, "%s", found.text) : CR_OK;
}

static enum cr_status put_members(struct cr_json *object, const char *json) {
    struct cr_json *from = NULL;
    if (json == NULL) {
        return CR_OK;
    }
    enum cr_status status =
        cr_json_parse(json, strlen(json), reply_limits, &from, NULL);
    for (const struct cr_json *member = cr_json_first(from);
         member != NULL && status == CR_OK; member = cr_json_next(member)) {
        status = cr_json_put(object, cr_json_key(member), cr_json_copy(member));
    }
    cr_json_free(from);
    return status;
}

static enum cr_status put_temperature(const struct cr_wire *wire,
                                      struct cr_json *object) {
    double temperature = wire->model->temperature;
    if (isnan(temperature) || !wire->dialect->sends_temperature) {
        return CR_OK;
    }
    return cr_json_put(object, "temperature", cr_json_new_number(temperature));
}

enum cr_status cr_wire_prepare(struct cr_wire *wire) {
    struct cr_buf head;
    cr_buf_init(&head, CR_REQUEST_BYTES_MAX);
    struct cr_json *object = cr_json_new_object();
    enum cr_status status = object != NULL ? CR_OK : CR_E_MEMORY;
    status = status != CR_OK
                 ? status
                 : cr_json_put(object, "model", cr_json_new_string(wire->model->model));
    status = status != CR_OK ? status : put_members(object, wire->model->params);
    status = status != CR_OK ? status : put_temperature(wire, object);
    status = status != CR_OK ? status : put_members(object, wire->model->extra);
    status = status != CR_OK ? status : cr_json_print(object, false, &head);
    wire->has_limit = cr_json_get(object, "max_tokens") != NULL ||
                      cr_json_get(object, "max_completion_tokens") != NULL;
    wire->has_seed = cr_json_get(object, "seed") != NULL ||
                     cr_json_get(object, "random_seed") != NULL;
    wire->has_form = cr_json_get(object, "response_format") != NULL;
    wire->has_logprobs = cr_json_get(object, "logprobs") != NULL ||
                         cr_json_get(object, "top_logprobs") != NULL;
    if (status == CR_OK) {
        head.used_bytes--; // the closing brace
        status = cr_buf_add_text(&head, ",\"messages\":[");
    }
    if (status == CR_OK) {
        wire->head = cr_buf_take(&head);
    }
    cr_json_free(object);
    cr_buf_fini(&head);
    return status;
}

uint32_t cr_wire_max_tokens(const struct cr_wire *wire, const struct cr_call *call) {
    uint32_t factor = call->tokens_factor > 1 ? call->tokens_factor : 1;
    return factor * (call->max_tokens > 0 ? call->max_tokens : wire->model->max_tokens);
}

// A parser's work goes by values and by escaped characters, not by bytes: 8 MB of text
// take 14 ms, 8 MB of zeros 430. Nobody else is served meanwhile, so work is what is
// limited. Small replies cannot be much work.
enum { FREE_BYTES = 64 << 10, ESCAPES_A_VALUE = 4 };

static bool is_too_much_work(const char *body, size_t bytes) {
    const char *end = body + bytes;
    size_t values = 0, escapes = 0;
    bool is_text = false;
    if (bytes <= FREE_BYTES) {
        return false;
    }
    for (const char *at = body; at < end; at++) {
        if (*at == '"') {
            is_text = !is_text;
        } else if (*at == '\\') {
            escapes++;
            at++;
        } else if (!is_text) {
            values += *at == ',' || *at == '{' || *at == '[';
        }
    }
    return values + escapes / ESCAPES_A_VALUE > CR_REPLY_VALUES_MAX;
}

enum cr_status cr_wire_parse(const char *body, size_t bytes, struct cr_json **out,
                             struct cr_err *why) {
    struct cr_err found; // 4 kB, which are written when there is something to say
    found.text[0] = '\0';
    if (is_too_much_work(body, bytes)) {
        return cr_err_set(why, CR_E_FORMAT, "more than %d values in one reply",
                          CR_REPLY_VALUES_MAX);
    }
    enum cr_status status = cr_json_read(body, bytes, reply_limits, out, &found);
    if (status != CR_OK && status != CR_E_MEMORY) {
        status = cr_err_set(why, CR_E_FORMAT, "not JSON: %s", found.text);
    }
    return status;
}

uint32_t cr_wire_count(const struct cr_json *object, const char *key) {
    const struct cr_json *value = cr_json_get(object, key);
    const char *digits = cr_json_string(value);
    bool is_digits = digits != NULL && digits[0] && strlen(digits) < 12 &&
                     strspn(digits, "0123456789") == strlen(digits);
    double count = is_digits ? strtod(digits, NULL) : cr_json_number(value, 0);
    return count > 0 && count < UINT32_MAX ? (uint32_t)count : 0;
}

bool cr_wire_is_json(const char *text) {
    const char *start = text + strspn(text, " \t\r\n");
    struct cr_json *value = NULL;
    bool is_json =
        (*start == '{' || *start == '[') &&
        cr_json_read(start, strlen(start), reply_limits, &value, NULL) == CR_OK;
    cr_json_free(value);
    return is_json;
}

const char *cr_limit_name(const struct cr_dialect *dialect, bool uses_other) {
    static const char *const names[] = {"max_tokens", "max_completion_tokens"};
    bool is_second = strcmp(dialect->max_tokens, names[1]) == 0;
    return names[is_second != uses_other];
}
