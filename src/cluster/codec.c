// codec.c - see pack.h. Bytes are swapped on big-endian machines so that a bundle, a
// spool and a message mean the same everywhere.
#include "cluster/codec.h"

#include <string.h>

static const uint32_t text_null = 0xffffffffu;

void cr_codec_put_bytes(struct cr_packer *packer, const void *bytes, size_t len) {
    if (packer->status == CR_OK && len > 0) {
        packer->status = cr_buf_add(packer->out, bytes, len);
    }
}

void cr_codec_put_u8(struct cr_packer *packer, uint8_t value) {
    cr_codec_put_bytes(packer, &value, sizeof value);
}

void cr_codec_put_u32(struct cr_packer *packer, uint32_t value) {
    char block[sizeof value], *at = block;
    cr_put_u32(&at, value);
    cr_codec_put_bytes(packer, block, sizeof block);
}

void cr_codec_put_u64(struct cr_packer *packer, uint64_t value) {
    char block[sizeof value], *at = block;
    cr_put_u64(&at, value);
    cr_codec_put_bytes(packer, block, sizeof block);
}

void cr_codec_put_i64(struct cr_packer *packer, int64_t value) {
    cr_codec_put_u64(packer, (uint64_t)value);
}

void cr_codec_put_f64(struct cr_packer *packer, double value) {
    char block[sizeof value], *at = block;
    cr_put_f64(&at, value);
    cr_codec_put_bytes(packer, block, sizeof block);
}

void cr_codec_put_f64s(struct cr_packer *packer, const double *values, size_t len) {
    for (size_t i = 0; i < len; i++) {
        cr_codec_put_f64(packer, values[i]);
    }
}

void cr_codec_put_text(struct cr_packer *packer, const char *text) {
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
    cr_codec_put_bytes(packer, text,
                       bytes + 1); // with its NUL, so that a reader can borrow it
}

void cr_unpack_f64s(struct cr_unpacker *unpacker, double *out, size_t len) {
    if (!cr_unpack_fits(unpacker, len, sizeof *out)) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = cr_unpack_f64(unpacker);
    }
}

const char *cr_unpack_text(struct cr_unpacker *unpacker) {
    const uint32_t bytes = cr_unpack_u32(unpacker);
    if (unpacker->is_bad || bytes == text_null) {
        return NULL;
    }
    const char *at = cr_unpack_take(unpacker, (size_t)bytes + 1);
    if (at != NULL && (at[bytes] != '\0' || strlen(at) != bytes)) {
        unpacker->is_bad = true;
        return NULL;
    }
    return at;
}

bool cr_unpack_fits(struct cr_unpacker *unpacker, uint64_t count,
                    size_t element_bytes) {
    const size_t left = (size_t)(unpacker->end - unpacker->at);
    if (unpacker->is_bad || count > left / (element_bytes == 0 ? 1 : element_bytes)) {
        unpacker->is_bad = true;
    }
    return !unpacker->is_bad;
}

enum cr_status cr_unpack_end(const struct cr_unpacker *unpacker) {
    return unpacker->is_bad || unpacker->at != unpacker->end ? CR_E_FORMAT : CR_OK;
}
