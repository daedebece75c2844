// headers.c - reads an API key and builds the header list that holds it.
#include "model/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct key {
    char text[CR_KEY_BYTES_MAX + 1];
};

static enum cr_status fail_too_long(const struct cr_model *model, struct key *key,
                                    struct cr_err *err) {
    explicit_bzero(key, sizeof *key);
    return cr_err_set(err, CR_E_JOB, "models.%s: the API key is longer than %d bytes",
                      model->name, CR_KEY_BYTES_MAX);
}

static enum cr_status read_open_file(int fd, const struct cr_model *model,
                                     struct key *key, struct cr_err *err) {
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return cr_err_set(err, CR_E_JOB,
                          "models.%s.api_key_file: %s is not a regular file",
                          model->name, model->api_key_file);
    }
    if (about.st_mode & (S_IRWXG | S_IRWXO)) {
        return cr_err_set(err, CR_E_JOB,
                          "models.%s.api_key_file: %s is open to others (mode %03o); "
                          "chmod 600 it",
                          model->name, model->api_key_file,
                          (unsigned)about.st_mode & 0777u);
    }
    ssize_t got = read(fd, key->text, sizeof key->text);
    if (got < 0) {
        return cr_err_set(err, CR_E_JOB, "models.%s.api_key_file: %s: %s", model->name,
                          model->api_key_file, strerror(errno));
    }
    if (got > CR_KEY_BYTES_MAX) {
        return fail_too_long(model, key, err);
    }
    key->text[got] = '\0';
    return CR_OK;
}

static enum cr_status read_file(const struct cr_model *model, struct key *key,
                                struct cr_err *err) {
    int fd = open(model->api_key_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cr_err_set(err, CR_E_JOB, "models.%s.api_key_file: %s: %s", model->name,
                          model->api_key_file, strerror(errno));
    }
    enum cr_status status = read_open_file(fd, model, key, err);
    close(fd);
    return status;
}

static enum cr_status read_env(const struct cr_model *model, struct key *key,
                               struct cr_err *err) {
    const char *value = getenv(model->api_key_env);
    if (value == NULL || !value[0]) {
        return cr_err_set(err, CR_E_JOB,
                          "models.%s.api_key_env: the environment has no %s",
                          model->name, model->api_key_env);
    }
    if (strlen(value) > CR_KEY_BYTES_MAX) {
        return fail_too_long(model, key, err);
    }
    snprintf(key->text, sizeof key->text, "%s", value);
    return CR_OK;
}

// A key is one printable word: a line break in it would start a header of its own.
static enum cr_status check_key(const struct cr_model *model, struct key *key,
                                struct cr_err *err) {
    char *end = key->text + strlen(key->text);
    while (end > key->text && strchr(" \t\r\n", end[-1]) != NULL) {
        *--end = '\0';
    }
    if (end == key->text) {
        return cr_err_set(err, CR_E_JOB, "models.%s: the API key is empty",
                          model->name);
    }
    for (const char *at = key->text; *at; at++) {
        if (*at <= ' ' || *at >= 0x7f) {
            return cr_err_set(
                err, CR_E_JOB, "models.%s: the API key contains %s", model->name,
                strchr(" \t\r\n", *at) != NULL ? "whitespace"
                                               : "characters outside printable ASCII");
        }
    }
    return CR_OK;
}

static enum cr_status read_key(const struct cr_model *model, struct key *key,
                               struct cr_err *err) {
    if (model->api_key_env == NULL && model->api_key_file == NULL) {
        return CR_OK;
    }
    enum cr_status status = model->api_key_env != NULL ? read_env(model, key, err)
                                                       : read_file(model, key, err);
    return status != CR_OK ? status : check_key(model, key, err);
}

static enum cr_status add(struct cr_headers *headers, const char *line) {
    struct curl_slist *longer = curl_slist_append(headers->list, line);
    if (longer == NULL) {
        return CR_E_MEMORY;
    }
    headers->list = longer;
    return CR_OK;
}

static enum cr_status add_pair(struct cr_headers *headers, const char *name,
                               const char *value) {
    char line[2 * CR_KEY_BYTES_MAX];
    int used = snprintf(line, sizeof line, "%s%s", name, value);
    enum cr_status status =
        used > 0 && (size_t)used < sizeof line ? add(headers, line) : CR_E_LIMIT;
    explicit_bzero(line, sizeof line);
    return status;
}

static enum cr_status add_key(struct cr_headers *headers,
                              const struct cr_dialect *dialect, const struct key *key) {
    if (!key->text[0]) {
        return CR_OK;
    }
    enum cr_status status = add_pair(headers, dialect->key_header, key->text);
    struct curl_slist *last = headers->list;
    while (status == CR_OK && last->next != NULL) {
        last = last->next;
    }
    if (status == CR_OK) {
        headers->secret = last->data + strlen(dialect->key_header);
    }
    return status;
}

static enum cr_status add_custom(struct cr_headers *headers,
                                 const struct cr_model *model) {
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < model->headers_len && status == CR_OK; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s: ", model->headers[i].name);
        status = add_pair(headers, name, model->headers[i].value);
    }
    return status;
}

static bool is_custom(const struct cr_model *model, const char *name) {
    for (uint32_t i = 0; i < model->headers_len; i++) {
        if (strcasecmp(model->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// What the library would say by itself. Made by it, these two lines are printed twice
// for each request; from the list they are printed once, which takes a tenth of its
// instructions for a call less.
static enum cr_status add_library(struct cr_headers *headers,
                                  const struct cr_model *model) {
    const int features = curl_version_info(CURLVERSION_NOW)->features;
    char encodings[64];
    snprintf(encodings, sizeof encodings, "Accept-Encoding: deflate, gzip%s%s",
             features & CURL_VERSION_BROTLI ? ", br" : "",
             features & CURL_VERSION_ZSTD ? ", zstd" : "");
    enum cr_status status = CR_OK;
    if (!is_custom(model, "User-Agent")) {
        status = add(headers, "User-Agent: " CR_USER_AGENT);
    }
    if (status == CR_OK && (features & CURL_VERSION_LIBZ) &&
        !is_custom(model, "Accept-Encoding")) {
        status = add(headers, encodings);
    }
    return status;
}

static enum cr_status add_all(struct cr_headers *headers, const struct cr_model *model,
                              const struct cr_dialect *dialect, const struct key *key) {
    enum cr_status status = add(headers, "Content-Type: application/json");
    status = status != CR_OK ? status : add(headers, "Accept: application/json");
    status = status != CR_OK ? status : add_library(headers, model);
    // Without this a body above 1 MB waits a second for a "100 Continue" that few send.
    status = status != CR_OK ? status : add(headers, "Expect:");
    if (dialect->more_header != NULL) {
        status = status != CR_OK ? status : add(headers, dialect->more_header);
    }
    status = status != CR_OK ? status : add_key(headers, dialect, key);
    return status != CR_OK ? status : add_custom(headers, model);
}

enum cr_status cr_headers_make(struct cr_headers *out, const struct cr_model *model,
                               const struct cr_dialect *dialect, struct cr_err *err) {
    struct cr_headers made = {0};
    struct key key = {.text = ""};
    enum cr_status status = read_key(model, &key, err);
    if (status == CR_OK) {
        status = add_all(&made, model, dialect, &key);
        if (status != CR_OK) {
            cr_err_set(err, status, "models.%s: headers: %s", model->name,
                       cr_status_text(status));
        }
    }
    explicit_bzero(&key, sizeof key);
    if (status != CR_OK) {
        cr_headers_fini(&made);
        return status;
    }
    *out = made;
    return CR_OK;
}

void cr_headers_fini(struct cr_headers *headers) {
    if (headers == NULL) {
        return;
    }
    for (struct curl_slist *line = headers->list; line != NULL; line = line->next) {
        explicit_bzero(line->data, strlen(line->data));
    }
    curl_slist_free_all(headers->list);
    *headers = (struct cr_headers){0};
}
