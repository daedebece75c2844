// Models: the rows do most; parameters, headers and paths need code of their own.
#include <math.h>
#include <string.h>
#include <strings.h>

#include "credence/base/file.h"
#include "job/builder.h"

static unsigned api_bit(const struct cr_json *object) {
    const char *api = cr_json_string(cr_json_get(object, "api"));
    for (unsigned i = 0; api != NULL && i < 4; i++) {
        if (strcmp(api, cr_api_names[i]) == 0) {
            return 1U << i;
        }
    }
    return 0;
}

// Known parameters go where their rows say; the others are kept as the server's.
static void read_params(struct cr_job_builder *builder, struct cr_model *model,
                        const struct cr_json *params,
                        const struct cr_check_target *target) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX];
    size_t offset;
    struct cr_json *known = cr_json_new_object(), *others = cr_json_new_object();
    struct cr_json *resolved = cr_json_new_object();
    cr_key_path_child(path, target->path, "params");
    if (known == NULL || others == NULL || resolved == NULL) {
        cr_check_memory(check);
        goto out;
    }
    for (const struct cr_json *c = cr_json_first(params); c != NULL;
         c = cr_json_next(c)) {
        const char *name = cr_json_key(c);
        bool is_known = cr_key_find(&cr_keys_params, name, &offset) != NULL;
        cr_check_append(check, is_known ? known : others, name, cr_json_copy(c));
    }
    struct cr_check_target inner = {.path = path, .out = model, .resolved = resolved};
    cr_check_object(check, &cr_keys_params, known, &inner);
    for (const struct cr_json *c = cr_json_first(others); c != NULL;
         c = cr_json_next(c)) {
        cr_check_put(check, resolved, cr_json_key(c), cr_json_copy(c));
    }
    model->params = cr_check_print(check, others);
    if ((target->api & CR_API_HTTP) != 0) {
        cr_check_put(check, target->resolved, "params", resolved);
        resolved = NULL;
    }
out:
    cr_json_free(resolved);
    cr_json_free(known);
    cr_json_free(others);
}

// Headers that carry keys: their values would end up in run.h5 with the job.
static bool holds_secret(const char *header) {
    static const char *const parts[] = {"authorization", "api-key",         "apikey",
                                        "secret",        "token",           "password",
                                        "cookie",        "subscription-key"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcasestr(header, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

// An endpoint is a base that paths are added to: no user, no password, no query, however
// they are spelt.
static void check_endpoints(struct cr_check *check, const struct cr_model *model,
                            const char *model_path) {
    char path[CR_PATH_MAX];
    cr_key_path_child(path, model_path, "endpoints");
    for (uint32_t i = 0; i < model->endpoints_len; i++) {
        const char *url = model->endpoints[i];
        if (strchr(url, '@') != NULL || strstr(url, "%40") != NULL) {
            cr_check_mistake(check, path,
                             "holds a user or a password; a job file holds none: "
                             "name a key by api_key_env or api_key_file");
        } else if (strpbrk(url, "?#\\") != NULL || strcasestr(url, "%3f") != NULL) {
            cr_check_mistake(
                check, path,
                "holds a query or a fragment; expected a base URL alone: a "
                "key goes by api_key_env or api_key_file, a version by "
                "api_version");
        }
    }
}

static void read_headers(struct cr_job_builder *builder, struct cr_model *model,
                         const struct cr_json *headers, const char *model_path) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX], parent[CR_PATH_MAX];
    cr_key_path_child(parent, model_path, "headers");
    model->headers =
        cr_check_alloc(&builder->check, cr_json_len(headers), sizeof(struct cr_header));
    for (const struct cr_json *c = cr_json_first(headers);
         c != NULL && model->headers != NULL; c = cr_json_next(c)) {
        const char *name = cr_json_key(c), *value = cr_json_string(c);
        cr_key_path_child(path, parent, name);
        if (holds_secret(name)) {
            cr_check_mistake(check, path,
                             "a key does not belong in a job file; name it "
                             "by api_key_env or api_key_file");
        } else if (value == NULL || strpbrk(value, "\r\n") != NULL ||
                   strpbrk(name, " :\r\n") != NULL) {
            cr_check_mistake(check, path,
                             "expected a header's name and its text, on one "
                             "line");
        } else {
            struct cr_header *header = &model->headers[model->headers_len++];
            header->name = cr_arena_strdup(&check->job->arena, name);
            header->value = cr_arena_strdup(&check->job->arena, value);
            if (header->name == NULL || header->value == NULL) {
                cr_check_memory(check);
            }
        }
    }
}

// PATH of the job file as every rank can use it.
static const char *absolute(struct cr_job_builder *builder, const char *path) {
    struct cr_buf buf;
    const char *full = NULL;
    if (path == NULL) {
        return NULL;
    }
    cr_buf_init(&buf, 8192);
    if (cr_path_join(&buf, builder->check.dir, path) == CR_OK) {
        full = cr_arena_strdup(&builder->check.job->arena, buf.data);
    }
    cr_buf_fini(&buf);
    if (full == NULL) {
        cr_check_memory(&builder->check);
    }
    return full;
}

static const char *const *absolutes(struct cr_job_builder *builder,
                                    const char *const *paths, uint32_t len) {
    const char **full = cr_check_alloc(&builder->check, (size_t)len + 1, sizeof *full);
    for (uint32_t i = 0; full != NULL && i < len; i++) {
        full[i] = absolute(builder, paths[i]);
    }
    return full;
}

static void resolve_paths(struct cr_job_builder *builder, struct cr_model *model) {
    model->api_key_file = absolute(builder, model->api_key_file);
    model->unix_socket = absolute(builder, model->unix_socket);
    model->tapes = absolutes(builder, model->tapes, model->tapes_len);
}

// What no single row can say.
static void check_whole(struct cr_check *check, const struct cr_model *model,
                        const char *path, unsigned api) {
    bool is_http = (api & (CR_API_OPENAI | CR_API_ANTHROPIC)) != 0;
    if (is_http && model->model == NULL) {
        cr_check_mistake(check, path, "has no key 'model': its name on the server");
    }
    if (is_http && model->endpoints_len == 0 && model->serve.command == NULL) {
        cr_check_mistake(check, path,
                         "has neither 'endpoints' nor 'serve'; one of them "
                         "is required");
    }
    if (model->api_key_env != NULL && model->api_key_file != NULL) {
        cr_check_mistake(check, path,
                         "has both 'api_key_env' and 'api_key_file', "
                         "expected one of them");
    }
    if (api == CR_API_REPLAY && model->tapes_len == 0) {
        cr_check_mistake(check, path, "has no key 'tapes': name the runs to replay");
    }
}

static void read_model(struct cr_job_builder *builder, const struct cr_json *object,
                       struct cr_model *model, struct cr_json *all) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX];
    struct cr_json *resolved = cr_json_new_object();
    cr_key_path_child(path, "models", cr_json_key(object));
    model->name = cr_arena_strdup(&check->job->arena, cr_json_key(object));
    if (resolved == NULL || model->name == NULL) {
        cr_check_memory(check);
        cr_json_free(resolved);
        return;
    }
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        cr_check_mistake(check, path,
                         "found %s, expected an object with a model's keys",
                         cr_json_type_name(cr_json_type(object)));
        cr_json_free(resolved);
        return;
    }
    struct cr_check_target target = {path, model, resolved, api_bit(object), false};
    cr_check_object(check, &cr_keys_model, object, &target);
    const struct cr_json *params = cr_json_get(object, "params");
    const struct cr_json *headers = cr_json_get(object, "headers");
    read_params(builder, model, cr_json_type(params) == CR_JSON_OBJECT ? params : NULL,
                &target);
    read_headers(builder, model,
                 cr_json_type(headers) == CR_JSON_OBJECT ? headers : NULL, path);
    if (model->extra == NULL) {
        model->extra = "{}";
    }
    if (isnan(model->cost_cached)) {
        model->cost_cached = model->cost_input;
    }
    resolve_paths(builder, model);
    check_endpoints(check, model, path);
    check_whole(check, model, path, target.api);
    cr_check_append(check, all, cr_json_key(object), resolved);
}

void cr_job_read_models(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    const struct cr_json *models = cr_json_get(builder->root, "models");
    struct cr_json *resolved = cr_json_new_object();
    size_t len = cr_json_type(models) == CR_JSON_OBJECT ? cr_json_len(models) : 0;
    const char **names = cr_check_alloc(&builder->check, len, sizeof *names);
    job->models = cr_check_alloc(&builder->check, len, sizeof *job->models);
    if (names != NULL && job->models != NULL && len > 0) {
        for (const struct cr_json *c = cr_json_first(models); c != NULL;
             c = cr_json_next(c)) {
            struct cr_model *model = &job->models[job->models_len];
            read_model(builder, c, model, resolved);
            names[job->models_len++] = cr_json_key(c);
            if (!cr_model_identity(&builder->check, model, &model->identity)) {
                cr_check_memory(&builder->check);
            }
        }
    }
    if (cr_json_type(models) == CR_JSON_OBJECT && len == 0) {
        cr_check_mistake(&builder->check, "models",
                         "names no model, expected at least one");
    }
    // Without memory for the models none is named.
    builder->check.names[CR_NAMES_MODELS] = (struct cr_names){names, job->models_len};
    job->caches = absolutes(builder, job->caches, job->caches_len);
    cr_check_put(&builder->check, builder->resolved, "models", resolved);
}
