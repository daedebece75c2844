// fuzz_json.c - any bytes as JSON, by every reader there is: the one of replies against
// cJSON, a value at the start of a text against the whole of it, and what is printed
// against what was read. (tests/system/test_json.py holds the same against Python's.)
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct cr_json_limits limits = {1 << 16, 40};

static void print(const struct cr_json *value, struct cr_buf *out) {
    cr_buf_init(out, 1 << 22);
    const enum cr_status status = cr_json_print(value, false, out);
    assert(status == CR_OK);
}

// Of objects with doubled keys, too, which compare as equal to nothing.
static bool is_printed_alike(const struct cr_json *a, const struct cr_json *b) {
    struct cr_buf left, right;
    print(a, &left);
    print(b, &right);
    const bool is_alike = left.used_bytes == right.used_bytes &&
                          memcmp(left.data, right.data, left.used_bytes) == 0;
    cr_buf_fini(&left);
    cr_buf_fini(&right);
    return is_alike;
}

// Both readers refuse TEXT in the same words, or make the same of it.
static struct cr_json *read_both(const char *text, size_t len) {
    struct cr_json *slow = NULL, *fast = NULL;
    struct cr_err slow_err = {0}, fast_err = {0};
    const enum cr_status slow_status =
        cr_json_parse(text, len, limits, &slow, &slow_err);
    const enum cr_status fast_status =
        cr_json_read(text, len, limits, &fast, &fast_err);
    assert(slow_status == fast_status && strcmp(slow_err.text, fast_err.text) == 0);
    if (slow_status == CR_OK) {
        struct cr_buf a, b;
        print(slow, &a);
        print(fast, &b);
        assert(a.used_bytes == b.used_bytes &&
               memcmp(a.data, b.data, a.used_bytes) == 0);
        cr_buf_fini(&a);
        cr_buf_fini(&b);
    }
    cr_json_free(fast);
    return slow;
}

// What is printed reads back as the same, and is what the standard allows.
static void check_printed(const struct cr_json *value) {
    struct cr_buf out;
    struct cr_json *again = NULL;
    struct cr_err err = {0};
    print(value, &out);
    enum cr_status status = cr_json_parse(
        out.data, out.used_bytes, (struct cr_json_limits){1 << 22, 41}, &again, &err);
    assert(status == CR_OK && cr_json_equal(value, again));
    status = cr_json_check_strict(out.data, out.used_bytes, &err);
    assert(status == CR_OK);
    cr_json_free(again);
    cr_buf_fini(&out);
}

// A value that a text begins with is that of the text up to where it ended.
static void check_prefix(const char *text, size_t len) {
    struct cr_json *first = NULL, *whole = NULL;
    size_t end = 0;
    // cJSON skips a byte order mark only where two bytes or more follow it.
    const bool has_mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    if (has_mark || cr_json_parse_prefix(text, len, limits, &first, &end) != CR_OK) {
        return;
    }
    assert(end <= len);
    const enum cr_status status = cr_json_parse(text, end, limits, &whole, NULL);
    assert(status == CR_OK && is_printed_alike(first, whole));
    cr_json_free(whole);
    cr_json_free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    const char *text = (const char *)bytes;
    struct cr_err err = {0};
    struct cr_buf path;
    cr_buf_init(&path, 1 << 20);
    struct cr_json *value = read_both(text, len);
    check_prefix(text, len);
    if (value != NULL && cr_json_check_strict(text, len, &err) == CR_OK &&
        !cr_json_duplicate_key(text, len, &path)) {
        check_printed(value);
    }
    cr_json_free(value);
    cr_buf_fini(&path);
    char *blanked = malloc(len + 1);
    if (blanked != NULL) {
        memcpy(blanked, bytes, len);
        cr_json_strip(blanked, len);
        cr_json_free(read_both(blanked, len));
    }
    free(blanked);
    return 0;
}
