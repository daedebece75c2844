// url.c - base URLs into request URLs, parsed by the HTTP library itself so that both
// agree on what the host is.
#include "model/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "credence/base/buf.h"
#include "credence/base/mem.h"

enum { URL_BYTES_MAX = 8192 };

static bool ends_with(const char *text, const char *end) {
    size_t text_bytes = strlen(text), end_bytes = strlen(end);
    return text_bytes >= end_bytes && strcmp(text + text_bytes - end_bytes, end) == 0;
}

// PATH with the dialect's path behind it.
static enum cr_status add_path(const struct cr_model *model,
                               const struct cr_dialect *dialect, const char *path,
                               struct cr_buf *out) {
    size_t bytes = strlen(path);
    while (bytes > 0 && path[bytes - 1] == '/') {
        bytes--;
    }
    enum cr_status status = cr_buf_add(out, path, bytes);
    if (status != CR_OK || ends_with(out->data, dialect->path)) {
        return status;
    }
    if (dialect->is_azure && strstr(out->data, "/deployments/") == NULL) {
        char *name = curl_easy_escape(NULL, model->model, 0);
        status = name != NULL ? cr_buf_printf(out, "/openai/deployments/%s", name)
                              : CR_E_MEMORY;
        curl_free(name);
    } else if (bytes == 0) {
        status = cr_buf_add_text(out, dialect->version);
    }
    return status != CR_OK ? status : cr_buf_add_text(out, dialect->path);
}

// What may hold a user, a password or a key is not quoted.
static const char *quotable(const char *base) {
    return strpbrk(base, "@?") == NULL ? base : "a URL that is not shown";
}

static bool is_loopback(const char *host) {
    struct in_addr address; // "127.evil.example" is a name, no address
    bool is_v4 = inet_pton(AF_INET, host, &address) == 1;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (is_v4 && ntohl(address.s_addr) >> 24 == 127);
}

// What curl_url_get gives, or "" for an absent part.
static char *part_of(CURLU *parsed, CURLUPart part) {
    char *text = NULL;
    return curl_url_get(parsed, part, &text, 0) == CURLUE_OK ? text : NULL;
}

// Whether the query of PARSED holds something named like a key. Names are compared as
// they read without percent signs.
static bool has_secret_query(CURLU *parsed) {
    static const char *const names[] = {"key",    "token", "secret",    "password",
                                        "passwd", "sig",   "signature", "credential",
                                        "auth",   "code"};
    char *query = NULL;
    bool has = false;
    if (curl_url_get(parsed, CURLUPART_QUERY, &query, CURLU_URLDECODE) != CURLUE_OK) {
        return false;
    }
    for (const char *at = query; *at && !has;) {
        size_t len = strcspn(at, "=&;");
        for (size_t i = 0; i < sizeof names / sizeof names[0] && !has; i++) {
            size_t name_len = strlen(names[i]);
            has = len >= name_len &&
                  strncasecmp(at + len - name_len, names[i], name_len) == 0;
        }
        at += strcspn(at, "&;");
        at += *at != '\0';
    }
    curl_free(query);
    return has;
}

static enum cr_status check_secrets(CURLU *parsed, const struct cr_model *model,
                                    struct cr_err *err) {
    char *user = part_of(parsed, CURLUPART_USER);
    char *password = part_of(parsed, CURLUPART_PASSWORD);
    bool has_user = user != NULL || password != NULL;
    curl_free(user);
    curl_free(password);
    if (!has_user && !has_secret_query(parsed)) {
        return CR_OK;
    }
    return cr_err_set(
        err, CR_E_JOB,
        "models.%s.endpoints: a URL holds %s, and a job file is kept with "
        "its results; name the key by api_key_env or api_key_file",
        model->name, has_user ? "a user or a password" : "a key");
}

static enum cr_status check_scheme(CURLU *parsed, const struct cr_model *model,
                                   const char *base, struct cr_err *err) {
    char *scheme = part_of(parsed, CURLUPART_SCHEME);
    char *host = part_of(parsed, CURLUPART_HOST);
    bool is_http = scheme != NULL && strcmp(scheme, "http") == 0;
    bool is_https = scheme != NULL && strcmp(scheme, "https") == 0;
    bool has_key = model->api_key_env != NULL || model->api_key_file != NULL;
    bool is_near = model->unix_socket != NULL || (host != NULL && is_loopback(host));
    enum cr_status status = CR_OK;
    if (host == NULL || (!is_http && !is_https)) {
        status = cr_err_set(err, CR_E_JOB,
                            "models.%s.endpoints: \"%s\": expected an "
                            "http:// or https:// URL",
                            model->name, quotable(base));
    } else if (is_http && has_key && !is_near && !model->allow_insecure) {
        status = cr_err_set(err, CR_E_JOB,
                            "models.%s.endpoints: http://%s would carry the API key in "
                            "the clear to another host; use https, or set "
                            "allow_insecure",
                            model->name, host);
    }
    curl_free(scheme);
    curl_free(host);
    return status;
}

// The path, and for Azure the query, of PARSED become those of a request.
static enum cr_status complete(CURLU *parsed, const struct cr_model *model,
                               const struct cr_dialect *dialect) {
    struct cr_buf path, query;
    char *given = part_of(parsed, CURLUPART_PATH);
    cr_buf_init(&path, URL_BYTES_MAX);
    cr_buf_init(&query, URL_BYTES_MAX);
    enum cr_status status = add_path(model, dialect, given != NULL ? given : "", &path);
    if (status == CR_OK &&
        curl_url_set(parsed, CURLUPART_PATH, path.data, 0) != CURLUE_OK) {
        status = CR_E_MEMORY;
    }
    if (status == CR_OK && dialect->is_azure && model->api_version != NULL) {
        status = cr_buf_printf(&query, "api-version=%s", model->api_version);
        if (status == CR_OK &&
            curl_url_set(parsed, CURLUPART_QUERY, query.data, 0) != CURLUE_OK) {
            status = CR_E_MEMORY;
        }
    }
    curl_free(given);
    cr_buf_fini(&path);
    cr_buf_fini(&query);
    return status;
}

static char *copy_of(CURLU *parsed) {
    char *text = part_of(parsed, CURLUPART_URL);
    char *copy = cr_strdup(text);
    curl_free(text);
    return copy;
}

static enum cr_status fill(struct cr_url *made, CURLU *parsed, const char *base) {
    static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD,
                                       CURLUPART_OPTIONS, CURLUPART_QUERY,
                                       CURLUPART_FRAGMENT};
    char *host = part_of(parsed, CURLUPART_HOST);
    made->is_near = host != NULL && is_loopback(host);
    curl_free(host);
    made->base = cr_strdup(base);
    made->url = copy_of(parsed);
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        curl_url_set(parsed, hidden[i], NULL, 0);
    }
    made->shown = copy_of(parsed);
    return made->base != NULL && made->url != NULL && made->shown != NULL ? CR_OK
                                                                          : CR_E_MEMORY;
}

enum cr_status cr_url_make(struct cr_url *out, const struct cr_model *model,
                           const struct cr_dialect *dialect, const char *base,
                           struct cr_err *err) {
    struct cr_url made = {0};
    CURLU *parsed = curl_url();
    if (parsed == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    enum cr_status status = CR_OK;
    // No scheme is guessed: "localhost:8000" would be read as scheme "localhost".
    if (curl_url_set(parsed, CURLUPART_URL, base, 0) != CURLUE_OK) {
        status = cr_err_set(err, CR_E_JOB,
                            "models.%s.endpoints: \"%s\" is not a URL; "
                            "expected http://HOST:PORT/v1 or the like",
                            model->name, quotable(base));
    }
    status = status != CR_OK ? status : check_secrets(parsed, model, err);
    status = status != CR_OK ? status : check_scheme(parsed, model, base, err);
    status = status != CR_OK ? status : complete(parsed, model, dialect);
    status = status != CR_OK ? status : fill(&made, parsed, base);
    made.is_near = made.is_near || model->unix_socket != NULL;
    curl_url_cleanup(parsed);
    if (status != CR_OK) {
        cr_url_fini(&made);
        return status == CR_E_JOB ? status : cr_err_set(err, status, "out of memory");
    }
    *out = made;
    return CR_OK;
}

void cr_url_fini(struct cr_url *url) {
    if (url != NULL) {
        cr_free(url->base);
        cr_free(url->url);
        cr_free(url->shown);
        *url = (struct cr_url){0};
    }
}

const char *cr_url_proxy(const struct cr_model *model, bool is_near) {
    if (model->proxy != NULL) {
        return strcmp(model->proxy, "none") == 0 ? "" : model->proxy;
    }
    // What runs here is not for a proxy elsewhere to see, whatever the environment says.
    return is_near || model->serve.command != NULL ? "" : NULL;
}
