// codec.c - see codec.h. The one place that knows how a number, a text and a list look
// as bytes: a message, a grant, a result and the spool mean the same on every machine.
#include "cluster/codec.h"

#include <assert.h>
#include <string.h>

#include "credence/base/little_endian.h"

static const uint32_t text_null = 0xffffffffu;

static void put_bytes(struct cr_packer *packer, const void *bytes, size_t len) {
    if (packer->status == CR_OK && len > 0) {
        packer->status = cr_buf_add(packer->out, bytes, len);
    }
}

static void put_number(struct cr_packer *packer, uint64_t value, size_t bytes) {
    char block[sizeof value];
    cr_little_endian_put(block, value, bytes);
    put_bytes(packer, block, bytes);
}

// The next LEN bytes, or NULL and bad for ever.
static const char *take(struct cr_unpacker *unpacker, size_t len) {
    if (unpacker->is_bad || (size_t)(unpacker->end - unpacker->at) < len) {
        unpacker->is_bad = true;
        return NULL;
    }
    const char *at = unpacker->at;
    unpacker->at += len;
    return at;
}

static uint64_t get_number(struct cr_unpacker *unpacker, size_t bytes) {
    const char *at = take(unpacker, bytes);
    return at == NULL ? 0 : cr_little_endian_get(at, bytes);
}

static size_t number_bytes(enum cr_field_type type) {
    switch (type) {
    case CR_FIELD_U8:
    case CR_FIELD_ENUM:
        return 1;
    case CR_FIELD_U16:
        return 2;
    case CR_FIELD_U32:
    case CR_FIELD_F32:
        return 4;
    default:
        return 8;
    }
}

// False for the end of a list of fields too.
static bool is_number(const struct cr_field *field) {
    switch (field->type) {
    case CR_FIELD_TEXT:
    case CR_FIELD_TEXT_OR_EMPTY:
    case CR_FIELD_CHARS:
    case CR_FIELD_LIST:
        return false;
    default:
        return field->name != NULL;
    }
}

// Whether a field holds as many bytes in memory as it takes; an enum is an int there.
static size_t memory_bytes(enum cr_field_type type) {
    return type == CR_FIELD_ENUM ? sizeof(int) : number_bytes(type);
}

// The bytes of a number in memory are its bits, whatever it means.
static uint64_t load(const void *from, size_t bytes) {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (bytes) {
    case 1:
        memcpy(&u8, from, 1);
        return u8;
    case 2:
        memcpy(&u16, from, 2);
        return u16;
    case 4:
        memcpy(&u32, from, 4);
        return u32;
    default:
        memcpy(&u64, from, 8);
        return u64;
    }
}

static void store(void *to, uint64_t value, size_t bytes) {
    const uint8_t u8 = (uint8_t)value;
    const uint16_t u16 = (uint16_t)value;
    const uint32_t u32 = (uint32_t)value;
    memcpy(to,
           bytes == 1   ? (const void *)&u8
           : bytes == 2 ? (const void *)&u16
           : bytes == 4 ? (const void *)&u32
                        : (const void *)&value,
           bytes);
}

static void put_text(struct cr_packer *packer, const char *text) {
    if (text == NULL) {
        cr_codec_put_u32(packer, text_null);
        return;
    }
    const size_t bytes = strlen(text);
    if (bytes >= text_null) {
        packer->status = CR_E_LIMIT;
        return;
    }
    cr_codec_put_u32(packer, (uint32_t)bytes);
    put_bytes(packer, text, bytes + 1); // with its NUL, so that a reader can borrow it
}

static const char *get_text(struct cr_unpacker *unpacker) {
    const uint32_t bytes = cr_codec_get_u32(unpacker);
    if (unpacker->is_bad || bytes == text_null) {
        return NULL;
    }
    const char *at = take(unpacker, (size_t)bytes + 1);
    if (at != NULL && (at[bytes] != '\0' || strlen(at) != bytes)) {
        unpacker->is_bad = true;
        return NULL;
    }
    return at;
}

static void put_chars(struct cr_packer *packer, const struct cr_field *field,
                      const char *chars) {
    const size_t bytes = strnlen(chars, field->most - 1);
    assert(field->most <= UINT8_MAX);
    put_number(packer, bytes, 1);
    put_bytes(packer, chars, bytes);
}

static void get_chars(struct cr_unpacker *unpacker, const struct cr_field *field,
                      char *chars) {
    const size_t bytes = (size_t)get_number(unpacker, 1);
    const char *at = take(unpacker, bytes);
    memset(chars, 0, field->most);
    if (at == NULL || bytes >= field->most || memchr(at, '\0', bytes) != NULL) {
        unpacker->is_bad = true;
        return;
    }
    memcpy(chars, at, bytes);
}

static void put_list(struct cr_packer *packer, const struct cr_field *field,
                     const char *owner) {
    const uint32_t len = (uint32_t)load(owner + field->len_offset, sizeof len);
    assert(len <= field->most);
    cr_codec_put_u32(packer, len);
    for (uint32_t i = 0; i < len; i++) {
        cr_codec_put(packer, field->element,
                     owner + field->offset + i * field->element_bytes);
    }
}

static void get_list(struct cr_unpacker *unpacker, const struct cr_field *field,
                     char *owner) {
    uint32_t len = cr_codec_get_u32(unpacker);
    if (len > field->most ||
        !cr_codec_fits(unpacker, len, cr_codec_bytes_min(field->element))) {
        unpacker->is_bad = true;
        len = 0;
    }
    store(owner + field->len_offset, len, sizeof len);
    for (uint32_t i = 0; i < len; i++) {
        cr_codec_get(unpacker, field->element,
                     owner + field->offset + i * field->element_bytes);
    }
}

// The numbers from *FIELD on, up to a field that is none; *FIELD moves there. They are
// appended together: a record has 25, which took a third of its time one by one.
static void put_numbers(struct cr_packer *packer, const struct cr_field **field,
                        const void *from) {
    char run[256];
    size_t used = 0;
    for (; is_number(*field) && used + sizeof(uint64_t) <= sizeof run; ++*field) {
        const char *at = (const char *)from + (*field)->offset;
        cr_little_endian_put(run + used, load(at, memory_bytes((*field)->type)),
                             number_bytes((*field)->type));
        used += number_bytes((*field)->type);
    }
    put_bytes(packer, run, used);
}

static void put_other(struct cr_packer *packer, const struct cr_field *field,
                      const void *from) {
    const char *at = (const char *)from + field->offset;
    switch (field->type) {
    case CR_FIELD_CHARS:
        put_chars(packer, field, at);
        break;
    case CR_FIELD_LIST:
        put_list(packer, field, from);
        break;
    default:
        put_text(packer, *(const char *const *)(const void *)at);
    }
}

void cr_codec_put(struct cr_packer *packer, const struct cr_field *fields,
                  const void *from) {
    for (const struct cr_field *field = fields; field->name != NULL;) {
        if (is_number(field)) {
            put_numbers(packer, &field, from);
        } else {
            put_other(packer, field++, from);
        }
    }
}

static void get_value(struct cr_unpacker *unpacker, const struct cr_field *field,
                      char *to) {
    uint64_t value = get_number(unpacker, number_bytes(field->type));
    if (field->most > 0 && value >= field->most) {
        unpacker->is_bad = true;
        value = 0;
    }
    store(to, value, memory_bytes(field->type));
}

void cr_codec_get(struct cr_unpacker *unpacker, const struct cr_field *fields,
                  void *to) {
    for (const struct cr_field *field = fields; field->name != NULL; field++) {
        char *at = (char *)to + field->offset;
        const char *text;
        switch (field->type) {
        case CR_FIELD_TEXT:
        case CR_FIELD_TEXT_OR_EMPTY:
            text = get_text(unpacker);
            *(const char **)(void *)at =
                text == NULL && field->type == CR_FIELD_TEXT_OR_EMPTY ? "" : text;
            break;
        case CR_FIELD_CHARS:
            get_chars(unpacker, field, at);
            break;
        case CR_FIELD_LIST:
            get_list(unpacker, field, to);
            break;
        default:
            get_value(unpacker, field, at);
        }
    }
}

size_t cr_codec_bytes_min(const struct cr_field *fields) {
    size_t bytes = 0;
    for (const struct cr_field *field = fields; field->name != NULL; field++) {
        switch (field->type) {
        case CR_FIELD_TEXT:
        case CR_FIELD_TEXT_OR_EMPTY:
        case CR_FIELD_LIST:
            bytes += sizeof(uint32_t);
            break;
        case CR_FIELD_CHARS:
            bytes += 1;
            break;
        default:
            bytes += number_bytes(field->type);
        }
    }
    return bytes;
}

void cr_codec_put_u32(struct cr_packer *packer, uint32_t value) {
    put_number(packer, value, sizeof value);
}

uint32_t cr_codec_get_u32(struct cr_unpacker *unpacker) {
    return (uint32_t)get_number(unpacker, sizeof(uint32_t));
}

void cr_codec_put_f64s(struct cr_packer *packer, const double *values, size_t len) {
    for (size_t i = 0; i < len; i++) {
        put_number(packer, load(&values[i], sizeof *values), sizeof *values);
    }
}

void cr_codec_get_f64s(struct cr_unpacker *unpacker, double *out, size_t len) {
    if (!cr_codec_fits(unpacker, len, sizeof *out)) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        store(&out[i], get_number(unpacker, sizeof *out), sizeof *out);
    }
}

bool cr_codec_fits(struct cr_unpacker *unpacker, uint64_t count, size_t element_bytes) {
    const size_t left = (size_t)(unpacker->end - unpacker->at);
    if (unpacker->is_bad || count > left / (element_bytes == 0 ? 1 : element_bytes)) {
        unpacker->is_bad = true;
    }
    return !unpacker->is_bad;
}

enum cr_status cr_codec_end(const struct cr_unpacker *unpacker) {
    return unpacker->is_bad || unpacker->at != unpacker->end ? CR_E_FORMAT : CR_OK;
}
