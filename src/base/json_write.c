// json_write.c - JSON written straight into a buffer.
#include "credence/base/json_write.h"

#include <string.h>

#include "credence/base/json.h"
#include "credence/base/text.h"

static void put(struct cr_json_writer *emit, const char *text) {
    if (emit->status == CR_OK) {
        emit->status = cr_buf_add_text(emit->out, text);
    }
}

static void quoted(struct cr_json_writer *emit, const char *text) {
    struct cr_buf plain; // what came from models or files need not be UTF-8
    cr_buf_init(&plain, emit->out->max_bytes);
    if (emit->status == CR_OK) {
        emit->status = cr_text_add_utf8(&plain, text, strlen(text));
    }
    if (emit->status == CR_OK) {
        emit->status = cr_json_add_quoted(
            emit->out, plain.data != NULL ? plain.data : "", plain.used_bytes);
    }
    cr_buf_fini(&plain);
}

static void begin(struct cr_json_writer *emit, const char *key) {
    if (emit->needs_comma) {
        put(emit, ",");
    }
    emit->needs_comma = true;
    if (key == NULL) {
        return;
    }
    put(emit, "\n\"");
    put(emit, key);
    put(emit, "\": ");
}

void cr_json_write_open(struct cr_json_writer *emit, const char *key, char bracket) {
    begin(emit, key);
    put(emit, bracket == '{' ? "{" : "[");
    emit->needs_comma = false;
}

void cr_json_write_close(struct cr_json_writer *emit, char bracket) {
    put(emit, bracket == '}' ? "}" : "]");
    emit->needs_comma = true;
}

void cr_json_write_text(struct cr_json_writer *emit, const char *key,
                        const char *text) {
    begin(emit, key);
    if (text == NULL) {
        put(emit, "null");
    } else {
        quoted(emit, text);
    }
}

void cr_json_write_number(struct cr_json_writer *emit, const char *key, double number) {
    begin(emit, key);
    if (emit->status == CR_OK) {
        emit->status = cr_json_add_number(emit->out, number);
    }
}

void cr_json_write_count(struct cr_json_writer *emit, const char *key, uint64_t count) {
    begin(emit, key);
    if (emit->status == CR_OK) {
        emit->status = cr_buf_printf(emit->out, "%llu", (unsigned long long)count);
    }
}

void cr_json_write_json(struct cr_json_writer *emit, const char *key,
                        const char *json) {
    begin(emit, key);
    put(emit, json);
}

void cr_json_write_bool(struct cr_json_writer *emit, const char *key, bool truth) {
    begin(emit, key);
    put(emit, truth ? "true" : "false");
}
