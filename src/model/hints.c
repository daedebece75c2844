// hints.c - Retry-After and its kin. Names of quota headers differ from house to house
// (x-ratelimit-remaining-tokens, anthropic-ratelimit-tokens-remaining,
// x-ratelimit-reset-requests-day, ...), so a header belongs to the quota named by what
// is left of its name without "remaining" or "reset".
#include "model/hints.h"

#include <ctype.h>
#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "credence/base/hash.h"

enum { VALUE_MAX = 64, HEADER_NAME_MAX = 64 }; // longer ones are not hints

static int64_t clamp_ms(double ms) {
    const double max = 1000.0 * CR_WAIT_MAX_S;
    const double rounding = 1e-6; // "350ms" is 350.00000000000006
    return ms <= 0 ? 0 : (int64_t)ceil((ms < max ? ms : max) - rounding);
}

// The value as a C string without the white space around it; false when it is empty or
// longer than any time can be.
static bool copy_value(const char *value, size_t len, char out[VALUE_MAX]) {
    while (len > 0 && (*value == ' ' || *value == '\t' || *value == '"')) {
        value++, len--;
    }
    while (len > 0 && strchr(" \t\r\n\"", value[len - 1]) != NULL) {
        len--;
    }
    if (len == 0 || len >= VALUE_MAX) {
        return false;
    }
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

// "12", "0.25"; NaN for anything else ("1e9", "nan" and signs included).
static double plain_number(const char *text) {
    if (strspn(text, "0123456789.") != strlen(text)) {
        return NAN;
    }
    char *end = NULL;
    double number = strtod(text, &end);
    return end != text && *end == '\0' ? number : NAN;
}

static int64_t until_ms(double when_s, int64_t wall_ms) {
    return clamp_ms(when_s * 1000.0 - (double)wall_ms);
}

// Seconds from now, or a time of day: nobody asks for 30 years, and 1e9 s after 1970 is
// 2001. Finer units of such a time are told by their size.
static int64_t number_ms(double number, int64_t wall_ms) {
    if (number < 1e9) {
        return clamp_ms(number * 1000.0);
    }
    double when_s = number;
    double limit = 1e11;
    while (limit < 1e19 && number >= limit) {
        when_s /= 1e3;
        limit *= 1e3;
    }
    return until_ms(when_s, wall_ms);
}

// A unit of time at TEXT, its seconds, and how long it is spelt; 0: none.
static double unit_at(const char *text, size_t *bytes) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"milliseconds", 0.001},
                 {"millisecond", 0.001},
                 {"ms", 0.001},
                 {"seconds", 1},
                 {"second", 1},
                 {"secs", 1},
                 {"sec", 1},
                 {"s", 1},
                 {"minutes", 60},
                 {"minute", 60},
                 {"mins", 60},
                 {"min", 60},
                 {"m", 60},
                 {"hours", 3600},
                 {"hour", 3600},
                 {"hrs", 3600},
                 {"hr", 3600},
                 {"h", 3600},
                 {"days", 86400},
                 {"day", 86400},
                 {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t len = strlen(units[i].name);
        if (strncasecmp(text, units[i].name, len) == 0 &&
            !isalpha((unsigned char)text[len])) {
            *bytes = len;
            return units[i].seconds;
        }
    }
    return 0;
}

// The sum of "1h2m3.5s" or "2 minutes and 3 seconds" that TEXT begins with, in seconds;
// *end is behind it. A number alone is seconds. NaN when TEXT begins with no number.
static double read_duration(const char *text, const char **end) {
    double sum = NAN;
    while (isdigit((unsigned char)*text) || *text == '.') {
        // Digits and a point alone: strtod would take an exponent and hexadecimals too.
        size_t digits = strspn(text, "0123456789."), bytes = 0;
        digits -= digits > 1 && text[digits - 1] == '.'; // the end of a sentence
        const char *after = text + digits;
        char number[VALUE_MAX] = "";
        memcpy(number, text, digits < VALUE_MAX ? digits : VALUE_MAX - 1);
        double count = plain_number(number);
        const char *unit = after + (*after == ' ');
        double seconds = unit_at(unit, &bytes);
        if (isnan(count) || (seconds == 0 && !isnan(sum))) {
            break;
        }
        sum = (isnan(sum) ? 0 : sum) + count * (seconds > 0 ? seconds : 1);
        text = seconds > 0 ? unit + bytes : after;
        *end = text;
        if (seconds == 0) {
            break;
        }
        text += strncmp(text, " and ", 5) == 0 ? 5 : strspn(text, ", ");
    }
    return sum;
}

// The number of two digits at TEXT, or -1.
static int two_digits(const char *text) {
    const bool is_it =
        isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]);
    return is_it ? (text[0] - '0') * 10 + text[1] - '0' : -1;
}

// "2026-01-31T12:00:00.25+02:00"
static int64_t rfc3339_ms(const char *text, int64_t wall_ms) {
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end == NULL) {
        return -1;
    }
    char *after = NULL;
    double fraction = *end == '.' ? strtod(end, &after) : 0;
    end = after != NULL ? after : end;
    int hours = 0, minutes = 0;
    if (*end == '+' || *end == '-') {
        hours = two_digits(end + 1);
        minutes = hours >= 0 && end[3] == ':' ? two_digits(end + 4) : 0;
        if (hours < 0 || minutes < 0) {
            return -1;
        }
    }
    double offset_s = (*end == '-' ? -60.0 : 60.0) * (hours * 60 + minutes);
    return until_ms((double)timegm(&tm) + fraction - offset_s, wall_ms);
}

int64_t cr_wait_of_value(const char *value, size_t len, int64_t wall_ms) {
    char text[VALUE_MAX];
    if (!copy_value(value, len, text)) {
        return -1;
    }
    double number = plain_number(text);
    if (!isnan(number)) {
        return number_ms(number, wall_ms);
    }
    // "PT30S" of ISO 8601; "30, 30", a header that came twice.
    const char *start = text + (strncmp(text, "PT", 2) == 0 ? 2 : 0), *end = start;
    double seconds = read_duration(start, &end);
    if (!isnan(seconds) && strspn(end, "0123456789., ") == strlen(end)) {
        return clamp_ms(seconds * 1000.0);
    }
    int64_t until = rfc3339_ms(text, wall_ms);
    if (until >= 0) {
        return until;
    }
    // Dates with the name of a day only: the library's reader accepts too much else.
    time_t when = isalpha((unsigned char)text[0]) ? curl_getdate(text, NULL) : -1;
    return when == -1 ? -1 : until_ms((double)when, wall_ms);
}

static int64_t milliseconds_of(const char *value, size_t len) {
    char text[VALUE_MAX];
    double ms = copy_value(value, len, text) ? plain_number(text) : NAN;
    return isnan(ms) ? -1 : clamp_ms(ms);
}

int64_t cr_wait_in_text(const char *text) {
    static const char *const phrases[] = {
        "try again in ", "try again after ", "retry in ",  "retry after ",
        "retry-after: ", "please wait ",     "resets in ", "reset in ",
        "reset after ",  "available in ",    "wait for "};
    static const char *const fillers[] = {"at least ", "about ", "another ", "for ",
                                          "approximately "};
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        const char *at = strcasestr(text, phrases[i]);
        if (at == NULL) {
            continue;
        }
        at += strlen(phrases[i]);
        for (size_t k = 0; k < sizeof fillers / sizeof fillers[0]; k++) {
            size_t len = strlen(fillers[k]);
            at += strncasecmp(at, fillers[k], len) == 0 ? len : 0;
        }
        const char *end = at;
        double seconds = read_duration(at, &end);
        if (!isnan(seconds)) {
            return clamp_ms(seconds * 1000.0);
        }
    }
    return -1;
}

void cr_hints_clear(struct cr_hints *hints) {
    hints->retry_after_ms = -1;
    hints->is_fine = false;
    hints->source[0] = '\0';
    hints->quotas_len = 0;
}

static void copy_source(char out[CR_HINT_SOURCE_MAX], const char *line, size_t bytes) {
    size_t len = 0;
    for (; len < bytes && len + 1 < CR_HINT_SOURCE_MAX; len++) {
        char c = line[len];
        if (c < ' ' || c > '~') {
            break; // the end of the line, or nothing to show to people
        }
        out[len] = c;
    }
    out[len] = '\0';
}

// Cut WORD out of NAME; false when it is not in it.
static bool cut_word(char *name, const char *word) {
    char *at = strstr(name, word);
    if (at != NULL) {
        memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
    }
    return at != NULL;
}

static struct cr_quota *quota_of(struct cr_hints *hints, const char *name) {
    uint64_t hash = 1;
    for (const char *at = name; *at; at++) {
        hash = isalnum((unsigned char)*at) ? cr_hash_mix(hash, (uint64_t)*at) : hash;
    }
    for (uint32_t i = 0; i < hints->quotas_len; i++) {
        if (hints->quotas[i].name == hash) {
            return &hints->quotas[i];
        }
    }
    if (hints->quotas_len == CR_QUOTAS_MAX) {
        return NULL;
    }
    struct cr_quota *quota = &hints->quotas[hints->quotas_len++];
    *quota = (struct cr_quota){.name = hash, .left = -1, .reset_ms = -1};
    return quota;
}

static void note_quota(struct cr_hints *hints, char *name, const char *line,
                       size_t bytes, int64_t wall_ms) {
    size_t name_len = strlen(name);
    const char *value = line + name_len + 1;
    size_t len = bytes - name_len - 1;
    bool is_left = cut_word(name, "remaining");
    if (!is_left && !cut_word(name, "reset-after") && !cut_word(name, "reset")) {
        return;
    }
    struct cr_quota *quota = quota_of(hints, name);
    if (quota == NULL) {
        return;
    }
    if (is_left) {
        char text[VALUE_MAX];
        double count = copy_value(value, len, text) ? plain_number(text) : NAN;
        quota->left = count >= 0 && count < 1e15 ? (int64_t)count : -1;
        return;
    }
    quota->reset_ms = cr_wait_of_value(value, len, wall_ms);
    copy_source(quota->source, line, bytes);
}

// The number behind NAME and "=" in VALUE; "" when there is none.
static void copy_item(const char *value, const char *name, char out[VALUE_MAX]) {
    out[0] = '\0';
    for (const char *at = value; (at = strstr(at, name)) != NULL; at++) {
        size_t len = strlen(name);
        bool is_word = at == value || strchr(" ;,", at[-1]) != NULL;
        if (is_word && at[len] == '=') {
            len += 1 + strspn(at + len + 1, " ");
            snprintf(out, VALUE_MAX, "%.*s", (int)strspn(at + len, "0123456789."),
                     at + len);
            return;
        }
    }
}

// One header for all of it: "limit=10, remaining=0, reset=5", or "default";r=0;t=5, in
// drafts of the IETF (draft-ietf-httpapi-ratelimit-headers, 07 and 08).
static void note_policy(struct cr_hints *hints, const char *line, size_t bytes,
                        int64_t wall_ms) {
    char value[2 * VALUE_MAX], left[VALUE_MAX], reset[VALUE_MAX];
    snprintf(value, sizeof value, "%.*s", (int)bytes, line);
    copy_item(value, "remaining", left);
    if (!left[0]) {
        copy_item(value, "r", left);
    }
    copy_item(value, "reset", reset);
    if (!reset[0]) {
        copy_item(value, "t", reset);
    }
    struct cr_quota *quota = quota_of(hints, "ratelimit");
    if (quota != NULL && left[0] && reset[0]) {
        quota->left = (int64_t)plain_number(left);
        quota->reset_ms = cr_wait_of_value(reset, strlen(reset), wall_ms);
        copy_source(quota->source, line, bytes);
    }
}

static void note_after(struct cr_hints *hints, bool is_fine, int64_t wait_ms,
                       const char *line, size_t bytes) {
    if (wait_ms < 0 || (hints->is_fine && !is_fine)) {
        return;
    }
    hints->retry_after_ms = wait_ms;
    hints->is_fine = is_fine;
    copy_source(hints->source, line, bytes);
}

void cr_hints_note(struct cr_hints *hints, const char *line, size_t bytes,
                   int64_t wall_ms) {
    char name[HEADER_NAME_MAX];
    size_t len = 0;
    while (len < bytes && line[len] != ':') {
        if (len + 1 == HEADER_NAME_MAX) {
            return;
        }
        name[len] = (char)tolower((unsigned char)line[len]);
        len++;
    }
    if (len == bytes) {
        return;
    }
    name[len] = '\0';
    const char *value = line + len + 1;
    size_t value_len = bytes - len - 1;
    if (strcmp(name, "retry-after") == 0) {
        note_after(hints, false, cr_wait_of_value(value, value_len, wall_ms), line,
                   bytes);
    } else if (strcmp(name, "retry-after-ms") == 0 ||
               strcmp(name, "x-ms-retry-after-ms") == 0) {
        note_after(hints, true, milliseconds_of(value, value_len), line, bytes);
    } else if (strcmp(name, "ratelimit") == 0) {
        note_policy(hints, line, bytes, wall_ms);
    } else if (strstr(name, "ratelimit") != NULL ||
               strstr(name, "rate-limit") != NULL) {
        note_quota(hints, name, line, bytes, wall_ms);
    }
}

const struct cr_quota *cr_hints_spent(const struct cr_hints *hints) {
    const struct cr_quota *last = NULL;
    for (uint32_t i = 0; i < hints->quotas_len; i++) {
        const struct cr_quota *quota = &hints->quotas[i];
        if (quota->left == 0 && quota->reset_ms > 0 &&
            (last == NULL || quota->reset_ms > last->reset_ms)) {
            last = quota;
        }
    }
    return last;
}
