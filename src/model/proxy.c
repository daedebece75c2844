// proxy.c - which proxy a request goes through, for people: the HTTP library itself reads
// the same variables when a request is sent.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "credence/model/client.h"
#include "model/backend.h"
#include "model/url.h"

static const char *value_of(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] ? value : NULL;
}

// As the library has it: HTTP_PROXY is not heeded, because a web server sets it from a
// request's header.
static const char *variable_of(bool is_https) {
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    const char *const *names = is_https ? https : http;
    size_t len = is_https ? sizeof https / sizeof *https : sizeof http / sizeof *http;
    for (size_t i = 0; i < len; i++) {
        if (value_of(names[i]) != NULL) {
            return value_of(names[i]);
        }
    }
    return NULL;
}

// Whether HOST ends with the BYTES of NAME at the border of a label.
static bool is_in_domain(const char *host, const char *name, size_t bytes) {
    while (bytes > 0 && *name == '.') {
        name++, bytes--;
    }
    size_t host_bytes = strlen(host);
    if (bytes == 0 || host_bytes < bytes ||
        strncasecmp(host + host_bytes - bytes, name, bytes) != 0) {
        return false;
    }
    return host_bytes == bytes || host[host_bytes - bytes - 1] == '.';
}

static bool is_excepted(const char *host) {
    const char *list = value_of("no_proxy");
    list = list != NULL ? list : value_of("NO_PROXY");
    if (list == NULL || strcmp(list, "*") == 0) {
        return list != NULL;
    }
    while (*list) {
        list += strspn(list, ", ");
        size_t bytes = strcspn(list, ", ");
        if (is_in_domain(host, list, bytes)) {
            return true;
        }
        list += bytes;
    }
    return false;
}

// PROXY without user, password and query.
static void show(const char *proxy, char out[CR_PROXY_SHOWN_MAX]) {
    CURLU *parsed = curl_url();
    char *text = NULL;
    snprintf(out, CR_PROXY_SHOWN_MAX, "a proxy");
    if (parsed != NULL &&
        curl_url_set(parsed, CURLUPART_URL, proxy,
                     CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        curl_url_set(parsed, CURLUPART_USER, NULL, 0);
        curl_url_set(parsed, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(parsed, CURLUPART_QUERY, NULL, 0);
        if (curl_url_get(parsed, CURLUPART_URL, &text, 0) == CURLUE_OK) {
            snprintf(out, CR_PROXY_SHOWN_MAX, "%s", text);
        }
    }
    curl_free(text);
    curl_url_cleanup(parsed);
}

enum cr_status cr_client_proxy(const struct cr_model *model, const char *base,
                               char out[CR_PROXY_SHOWN_MAX], struct cr_err *err) {
    const struct cr_dialect *dialect = cr_dialect_find(model->api, model->dialect);
    struct cr_url made = {0};
    out[0] = '\0';
    if (dialect == NULL) {
        return CR_OK; // reached without HTTP
    }
    enum cr_status status = cr_url_make(&made, model, dialect, base, err);
    if (status != CR_OK) {
        return status;
    }
    const char *proxy = cr_url_proxy(model, made.is_near);
    CURLU *parsed = curl_url();
    char *host = NULL;
    if (proxy == NULL && parsed != NULL &&
        curl_url_set(parsed, CURLUPART_URL, made.url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        !is_excepted(host)) {
        proxy = variable_of(strncmp(made.url, "https:", 6) == 0);
    }
    if (proxy != NULL && proxy[0]) {
        show(proxy, out);
    }
    curl_free(host);
    curl_url_cleanup(parsed);
    cr_url_fini(&made);
    return CR_OK;
}
