// text.c - UTF-8 as Unicode 15 table 3-7 has it: no overlong forms, no surrogates,
// nothing above U+10FFFF. An ill-formed run is cut at its maximal subpart, as browsers
// do it.
#include "credence/base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

// What may follow a lead byte: how many bytes, and the range of the first of them.
struct lead {
    unsigned char more;
    unsigned char low;
    unsigned char high;
};

static bool lead_read(unsigned char c, struct lead *out) {
    *out = (struct lead){0, 0x80, 0xbf};
    if (c < 0x80) {
        return true;
    }
    if (c < 0xc2 || c > 0xf4) {
        return false;
    }
    out->more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    switch (c) {
    case 0xe0:
        out->low = 0xa0;
        break;
    case 0xed:
        out->high = 0x9f;
        break;
    case 0xf0:
        out->low = 0x90;
        break;
    case 0xf4:
        out->high = 0x8f;
        break;
    default:
        break;
    }
    return true;
}

// Look at the sequence that begins at TEXT (LEFT > 0 bytes): *bytes of it belong
// together. True when they are well-formed; then *code is the character.
static bool sequence_read(const unsigned char *text, size_t left, size_t *bytes,
                          uint32_t *code) {
    struct lead lead;
    *bytes = 1;
    *code = text[0];
    if (!lead_read(text[0], &lead)) {
        return false;
    }
    if (lead.more > 0) {
        *code = text[0] & (0x3fu >> lead.more);
    }
    for (size_t i = 1; i <= lead.more; i++) {
        if (i == left || text[i] < lead.low || text[i] > lead.high) {
            return false;
        }
        *code = *code << 6 | (text[i] & 0x3fu);
        *bytes = i + 1;
        lead.low = 0x80;
        lead.high = 0xbf;
    }
    return true;
}

// How much of TEXT is ASCII, as far as whole words of eight bytes say so.
static size_t ascii_bytes(const unsigned char *text, size_t bytes) {
    const uint64_t high_bits = 0x8080808080808080;
    size_t i = 0;
    for (uint64_t word = 0; i + sizeof word <= bytes; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (word & high_bits) {
            break;
        }
    }
    return i;
}

bool cr_text_is_utf8(const char *text, size_t bytes) {
    const unsigned char *at = (const unsigned char *)text;
    size_t used;
    uint32_t code;
    for (size_t i = ascii_bytes(at, bytes); i < bytes; i += used) {
        if (at[i] < 0x80) {
            used = ascii_bytes(at + i, bytes - i);
            used = used > 0 ? used : 1;
        } else if (!sequence_read(at + i, bytes - i, &used, &code)) {
            return false;
        }
    }
    return true;
}

enum cr_status cr_text_add_utf8(struct cr_buf *out, const char *text, size_t bytes) {
    const unsigned char *at = (const unsigned char *)text;
    size_t before = out->used_bytes;
    enum cr_status status = cr_buf_reserve(out, bytes);
    size_t used;
    uint32_t code;
    size_t good = 0; // where the run of good text that is not yet appended begins
    for (size_t i = 0; i < bytes && status == CR_OK; i += used) {
        if (sequence_read(at + i, bytes - i, &used, &code) && code != 0) {
            continue;
        }
        status = cr_buf_add(out, text + good, i - good);
        if (status == CR_OK) {
            status = cr_buf_add_text(out, "\xef\xbf\xbd");
        }
        good = i + used;
    }
    if (status == CR_OK) {
        status = cr_buf_add(out, text + good, bytes - good);
    }
    if (status != CR_OK && out->data != NULL) {
        out->used_bytes = before;
        out->data[before] = '\0';
    }
    return status;
}

// Characters that move the cursor, colour the text, end a line where none ends, or turn
// its direction.
static bool drives_terminal(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
           code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || (code >= 0xfff9 && code <= 0xfffb);
}

enum { ESCAPE_BYTES = 8 }; // "\\u202e" and NUL

// What stands for the sequence at TEXT (LEFT > 0 bytes) on a terminal: into FORM, or ""
// when it may be shown as it is. *used: its bytes. A byte that is not UTF-8 and a C0
// control become \xNN, another character \uNNNN, as a JSON string may have it.
static void escape_one(const char *text, size_t left, const char *kept, size_t *used,
                       char form[ESCAPE_BYTES]) {
    const unsigned char *at = (const unsigned char *)text;
    uint32_t code;
    form[0] = '\0';
    if (!sequence_read(at, left, used, &code)) {
        *used = 1;
        snprintf(form, ESCAPE_BYTES, "\\x%02x", at[0]);
    } else if (drives_terminal(code) &&
               (code == 0 || code > 0x7f || strchr(kept, (int)code) == NULL)) {
        snprintf(form, ESCAPE_BYTES, code < 0x20 ? "\\x%02x" : "\\u%04x",
                 (unsigned)code);
    }
}

static enum cr_status add_escaped(struct cr_buf *out, const char *text, size_t bytes,
                                  const char *kept) {
    size_t before = out->used_bytes;
    enum cr_status status = cr_buf_reserve(out, bytes);
    size_t used;
    size_t good = 0; // where the run of good text that is not yet appended begins
    for (size_t i = 0; i < bytes && status == CR_OK; i += used) {
        char form[ESCAPE_BYTES];
        escape_one(text + i, bytes - i, kept, &used, form);
        if (form[0] == '\0') {
            continue;
        }
        status = cr_buf_add(out, text + good, i - good);
        status = status == CR_OK ? cr_buf_add_text(out, form) : status;
        good = i + used;
    }
    status = status == CR_OK ? cr_buf_add(out, text + good, bytes - good) : status;
    if (status != CR_OK && out->data != NULL) {
        out->used_bytes = before;
        out->data[before] = '\0';
    }
    return status;
}

enum cr_status cr_text_add_terminal(struct cr_buf *out, const char *text,
                                    size_t bytes) {
    return add_escaped(out, text, bytes, "\n\t");
}

enum cr_status cr_text_add_line(struct cr_buf *out, const char *text, size_t bytes) {
    return add_escaped(out, text, bytes, "");
}

size_t cr_text_put_terminal(char *out, size_t room, const char *text, size_t bytes) {
    size_t at = 0, used;
    for (size_t i = 0; i < bytes; i += used) {
        char form[ESCAPE_BYTES];
        escape_one(text + i, bytes - i, "\n\t", &used, form);
        size_t need = form[0] == '\0' ? used : strlen(form);
        if (need >= room - at) {
            break;
        }
        memcpy(out + at, form[0] == '\0' ? text + i : form, need);
        at += need;
    }
    out[at] = '\0';
    return at;
}

size_t cr_text_cut(const char *text, size_t bytes, size_t max_bytes) {
    if (bytes <= max_bytes) {
        return bytes;
    }
    size_t cut = max_bytes;
    while (cut > 0 && max_bytes - cut < 3 &&
           ((unsigned char)text[cut] & 0xc0) == 0x80) {
        cut--;
    }
    return ((unsigned char)text[cut] & 0xc0) == 0x80 ? max_bytes : cut;
}

enum { NAME_MAX_BYTES = 64 };

// Levenshtein distance, one row at a time; names longer than the row are never near.
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len) {
    size_t row[NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) {
                best = row[j] + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *cr_text_nearest(const char *name, const char *const *names, size_t len) {
    const char *nearest = NULL;
    size_t name_len = strlen(name);
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < len && name_len <= NAME_MAX_BYTES; i++) {
        size_t other_len = strlen(names[i]);
        if (other_len > NAME_MAX_BYTES) {
            continue;
        }
        size_t d = distance(name, name_len, names[i], other_len);
        size_t longer = name_len > other_len ? name_len : other_len;
        // Two edits make any two-letter name out of any other: something must be
        // shared.
        bool is_near = (d <= 2 || d <= name_len / 3) && d < longer;
        if (is_near && d < least) {
            least = d;
            nearest = names[i];
        }
    }
    return nearest;
}
