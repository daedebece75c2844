// A chain of three: raw bytes, inflated bytes, clean text. Each step works on pieces of
// PIECE_BYTES, so that a file of any size costs the memory of a few of them.
#include "bench/source.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "credence/base/buf.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"

enum { PIECE_BYTES = 1 << 18, WINDOW_BITS_GZIP = 15 + 16 };

const char *const cr_container_names[CR_CONTAINER_COUNT] = {
    "a CSV file", "a TSV file", "JSON lines", "a JSON array"};

struct cr_source {
    struct cr_source_input input;
    size_t at; // in input.text
    struct cr_hash_stream *stream;
    struct cr_hash hash;
    unsigned char *raw; // of the descriptor
    const unsigned char *raw_at;
    size_t raw_len;
    bool is_raw_end;
    bool is_gzip, is_inflating; // inflating: z is initialised
    bool is_member_open;        // a gzip member has begun and not ended
    z_stream z;
    unsigned char *inflated;
    struct cr_buf clean; // the piece handed out, then what waits for its rest
    size_t handed_bytes;
    bool has_begun, is_cr_due; // a CR was met whose next byte is not known yet
    uint64_t line;             // of the next piece's first character
    enum cr_container container;
};

static enum cr_status no_memory(const struct cr_source *source, struct cr_err *err) {
    return cr_err_set(err, CR_E_MEMORY, "out of memory while reading %s",
                      source->input.name);
}

static void *z_take(void *ctx, unsigned len, unsigned bytes) {
    (void)ctx;
    return cr_calloc(len, bytes);
}

static void z_give(void *ctx, void *block) {
    (void)ctx;
    cr_free(block);
}

// More raw bytes to raw_at, raw_len; none at the end.
static enum cr_status read_raw(struct cr_source *source, struct cr_err *err) {
    ssize_t got = 0;
    if (source->input.text != NULL) {
        size_t left = source->input.bytes - source->at;
        source->raw_len = left < PIECE_BYTES ? left : PIECE_BYTES;
        source->raw_at = (const unsigned char *)source->input.text + source->at;
        source->at += source->raw_len;
    } else {
        do {
            got = read(source->input.fd, source->raw, PIECE_BYTES);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            return cr_err_set(err, CR_E_IO, "cannot read %s: %s", source->input.name,
                              strerror(errno));
        }
        source->raw_at = source->raw;
        source->raw_len = (size_t)got;
    }
    source->is_raw_end = source->raw_len == 0;
    if (source->is_raw_end && source->stream != NULL) {
        source->hash = cr_hash_stream_end(source->stream);
        source->stream = NULL;
    }
    cr_hash_stream_add(source->stream, source->raw_at, source->raw_len);
    return CR_OK;
}

// Some inflated bytes to *out; none at the end of the last member.
static enum cr_status inflate_some(struct cr_source *source, const unsigned char **out,
                                   size_t *len, struct cr_err *err) {
    const char *name = source->input.name;
    *out = source->inflated;
    *len = 0;
    while (*len == 0) {
        enum cr_status status = source->raw_len == 0 ? read_raw(source, err) : CR_OK;
        if (status != CR_OK) {
            return status;
        }
        if (source->is_raw_end) {
            return source->is_member_open
                       ? cr_err_set(err, CR_E_JOB, "%s: its gzip data ends too early",
                                    name)
                       : CR_OK;
        }
        source->z.next_in = (unsigned char *)(uintptr_t)source->raw_at;
        source->z.avail_in = (unsigned)source->raw_len;
        source->z.next_out = source->inflated;
        source->z.avail_out = PIECE_BYTES;
        source->is_member_open = true;
        int code = inflate(&source->z, Z_NO_FLUSH);
        source->raw_at = source->z.next_in;
        source->raw_len = source->z.avail_in;
        *len = PIECE_BYTES - source->z.avail_out;
        if (code == Z_STREAM_END) { // further members may follow
            source->is_member_open = false;
            code = inflateReset(&source->z);
        }
        if (code == Z_MEM_ERROR) {
            return no_memory(source, err);
        }
        if (code != Z_OK && code != Z_BUF_ERROR) {
            return cr_err_set(err, CR_E_JOB, "%s: its gzip data is damaged (%s)", name,
                              source->z.msg != NULL ? source->z.msg : "unknown cause");
        }
    }
    return CR_OK;
}

static enum cr_status read_plain(struct cr_source *source, const unsigned char **out,
                                 size_t *len, struct cr_err *err) {
    if (source->is_gzip) {
        return inflate_some(source, out, len, err);
    }
    enum cr_status status = source->raw_len == 0 ? read_raw(source, err) : CR_OK;
    *out = source->raw_at;
    *len = source->raw_len;
    source->raw_len = 0;
    return status;
}

// Append BYTES with LF for CRLF. A CR at the end waits for what follows it.
static enum cr_status add_clean(struct cr_source *source, const unsigned char *bytes,
                                size_t len) {
    enum cr_status status = CR_OK;
    if (source->is_cr_due && len > 0) {
        status = bytes[0] == '\n' ? CR_OK : cr_buf_add(&source->clean, "\r", 1);
        source->is_cr_due = false;
    }
    while (len > 0 && status == CR_OK) {
        const unsigned char *cr = memchr(bytes, '\r', len);
        size_t part = cr == NULL ? len : (size_t)(cr - bytes);
        status = cr_buf_add(&source->clean, bytes, part);
        bytes += part;
        len -= part;
        if (len == 1) { // the CR itself
            source->is_cr_due = true;
            len = 0;
        } else if (len > 1) {
            if (bytes[1] != '\n' && status == CR_OK) {
                status = cr_buf_add(&source->clean, "\r", 1);
            }
            bytes++;
            len--;
        }
    }
    return status;
}

// How many bytes at the end of the text begin a character that is not whole yet.
static size_t cut_bytes(const char *text, size_t bytes) {
    for (size_t back = 1; back <= 3 && back <= bytes; back++) {
        unsigned char c = (unsigned char)text[bytes - back];
        if (c < 0x80) {
            return 0;
        }
        if (c >= 0xC0) {
            size_t whole = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
            return back < whole ? back : 0;
        }
    }
    return 0;
}

static uint64_t count_lines(const char *text, size_t bytes) {
    uint64_t lines = 0;
    const char *end = text + bytes;
    for (const char *at = text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;
         at++) {
        lines++;
    }
    return lines;
}

// Refuse text that is not UTF-8 or holds a NUL: a C string would end there.
static enum cr_status check_text(struct cr_source *source, const char *text,
                                 size_t bytes, struct cr_err *err) {
    if (cr_text_is_utf8(text, bytes) && memchr(text, '\0', bytes) == NULL) {
        source->line += count_lines(text, bytes);
        return CR_OK;
    }
    const char *end = text + bytes;
    for (unsigned long long line = source->line; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t len = (size_t)((stop != NULL ? stop : end) - text);
        bool is_utf8 = cr_text_is_utf8(text, len);
        if (!is_utf8 || memchr(text, '\0', len) != NULL) {
            return cr_err_set(err, CR_E_JOB, "%s:%llu: %s", source->input.name, line,
                              is_utf8 ? "a NUL byte, expected text"
                                      : "bytes that are not UTF-8, expected UTF-8");
        }
        text += len + 1;
    }
    return CR_OK;
}

static enum cr_status fill(struct cr_source *source, struct cr_err *err) {
    const unsigned char *bytes = NULL;
    size_t len = 0;
    enum cr_status status = read_plain(source, &bytes, &len, err);
    if (status != CR_OK) {
        return status;
    }
    if (len == 0 && source->is_cr_due) {
        source->is_cr_due = false;
        status = cr_buf_add(&source->clean, "\r", 1);
    }
    if (status == CR_OK) {
        status = add_clean(source, bytes, len);
    }
    return status == CR_OK ? CR_OK : no_memory(source, err);
}

enum cr_status cr_source_next(struct cr_source *source, const char **text,
                              size_t *bytes, struct cr_err *err) {
    size_t whole = 0;
    if (source->handed_bytes > 0) { // drop what was handed out, keep what waits
        size_t waits = source->clean.used_bytes - source->handed_bytes;
        memmove(source->clean.data, source->clean.data + source->handed_bytes, waits);
        source->clean.used_bytes = waits;
        source->clean.data[waits] = '\0';
        source->handed_bytes = 0;
    }
    bool is_end = false;
    while (whole == 0 && !is_end) {
        enum cr_status status = CR_OK;
        if (source->clean.used_bytes < 4 || !source->has_begun) {
            status = fill(source, err);
        }
        if (status != CR_OK) {
            return status;
        }
        is_end = source->is_raw_end;
        if (!source->has_begun && source->clean.used_bytes >= 3 &&
            memcmp(source->clean.data, "\xEF\xBB\xBF", 3) == 0) {
            memmove(source->clean.data, source->clean.data + 3,
                    source->clean.used_bytes - 2);
            source->clean.used_bytes -= 3;
        }
        source->has_begun = true;
        size_t used = source->clean.used_bytes;
        whole = used - (is_end || used == 0 ? 0 : cut_bytes(source->clean.data, used));
    }
    *text = source->clean.data != NULL ? source->clean.data : "";
    *bytes = whole;
    source->handed_bytes = whole;
    return check_text(source, *text, whole, err);
}

struct cr_hash cr_source_hash(const struct cr_source *source) {
    return source->hash;
}

enum cr_container cr_source_container(const struct cr_source *source) {
    return source->container;
}

// Files that people take for text, by how they begin.
static const struct {
    const char *magic;
    size_t len, at;
    const char *what, *advice;
} others[] = {
    {"PAR1", 4, 0, "a Parquet file",
     "python3 -c \"import pandas, sys; pandas.read_parquet(sys.argv[1])"
     ".to_json(sys.argv[2], orient='records', lines=True)\" FILE.parquet FILE.jsonl"},
    {"PK\003\004", 4, 0, "a zip archive or an Excel workbook",
     "python3 -c \"import pandas, sys; pandas.read_excel(sys.argv[1])"
     ".to_csv(sys.argv[2], index=False)\" FILE.xlsx FILE.csv"},
    {"ARROW1", 6, 0, "an Arrow file",
     "python3 -c \"import pandas, sys; pandas.read_feather(sys.argv[1])"
     ".to_json(sys.argv[2], orient='records', lines=True)\" FILE.arrow FILE.jsonl"},
    {"\xD0\xCF\x11\xE0", 4, 0, "an old Excel workbook", "save it as CSV, UTF-8"},
    {"\xFF\xFE", 2, 0, "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8"},
    {"\xFE\xFF", 2, 0, "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8"},
    {"1AY&SY", 6, 4, "bzip2 data", "bunzip2 FILE"},
    {"\xFD"
     "7zXZ",
     5, 0, "xz data", "unxz FILE"},
    {"\x28\xB5\x2F\xFD", 4, 0, "zstd data", "unzstd FILE"},
    {"\x89HDF", 4, 0, "an HDF5 file", "export it as CSV or JSON lines"},
    {"SQLite format 3", 15, 0, "an SQLite database", "export it as CSV or JSON lines"},
};

static enum cr_status refuse_others(const struct cr_source *source, const void *bytes,
                                    size_t len, struct cr_err *err) {
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *at = (const char *)bytes + others[i].at;
        if (len >= others[i].at + others[i].len &&
            memcmp(at, others[i].magic, others[i].len) == 0) {
            return cr_err_set(err, CR_E_JOB,
                              "%s: this is %s, expected CSV, TSV, JSON lines or a JSON "
                              "array, gzipped or not; convert it: %s",
                              source->input.name, others[i].what, others[i].advice);
        }
    }
    return CR_OK;
}

static bool ends_with(const char *name, const char *end) {
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

static enum cr_container guess(const char *name, const char *text, size_t bytes) {
    const char *end = text + bytes;
    while (text < end && strchr(" \t\n\r", *text) != NULL) {
        text++;
    }
    if (text < end && *text == '[') {
        return CR_CONTAINER_JSON_ARRAY;
    }
    if (text < end && *text == '{') {
        return CR_CONTAINER_JSON_LINES;
    }
    const char *line_end = memchr(text, '\n', (size_t)(end - text));
    size_t header = (size_t)((line_end != NULL ? line_end : end) - text);
    bool is_csv = ends_with(name, ".csv") || ends_with(name, ".csv.gz");
    bool is_tsv = ends_with(name, ".tsv") || ends_with(name, ".tsv.gz");
    bool has_tab = memchr(text, '\t', header) != NULL;
    bool has_comma = memchr(text, ',', header) != NULL;
    return is_tsv || (!is_csv && has_tab && !has_comma) ? CR_CONTAINER_TSV
                                                        : CR_CONTAINER_CSV;
}

static enum cr_status begin_gzip(struct cr_source *source, struct cr_err *err) {
    if (source->inflated == NULL) {
        source->inflated = cr_malloc(PIECE_BYTES);
    }
    source->z = (z_stream){.zalloc = z_take, .zfree = z_give};
    if (source->inflated == NULL ||
        inflateInit2(&source->z, WINDOW_BITS_GZIP) != Z_OK) {
        return no_memory(source, err);
    }
    source->is_inflating = true;
    return CR_OK;
}

static void end_gzip(struct cr_source *source) {
    if (source->is_inflating) {
        inflateEnd(&source->z);
        source->is_inflating = false;
    }
}

enum cr_status cr_source_rewind(struct cr_source *source, struct cr_err *err) {
    static const unsigned char gzip[] = {0x1F, 0x8B};
    end_gzip(source);
    (void)cr_hash_stream_end(source->stream); // of a pass that was not finished
    source->stream = cr_hash_stream_begin();
    source->at = 0;
    source->raw_len = 0;
    source->is_raw_end = source->is_member_open = source->has_begun = false;
    source->is_cr_due = source->is_gzip = false;
    source->line = 1;
    source->handed_bytes = 0;
    cr_buf_clear(&source->clean);
    if (source->stream == NULL) {
        return no_memory(source, err);
    }
    if (source->input.text == NULL && lseek(source->input.fd, 0, SEEK_SET) < 0) {
        return cr_err_set(err, CR_E_IO, "cannot rewind %s: %s", source->input.name,
                          strerror(errno));
    }
    enum cr_status status = read_raw(source, err);
    if (status == CR_OK && source->raw_len >= sizeof gzip &&
        memcmp(source->raw_at, gzip, sizeof gzip) == 0) {
        source->is_gzip = true;
        return begin_gzip(source, err);
    }
    return status != CR_OK
               ? status
               : refuse_others(source, source->raw_at, source->raw_len, err);
}

// Look at the first piece, then begin again.
static enum cr_status look(struct cr_source *source, struct cr_err *err) {
    const char *text = NULL;
    size_t bytes = 0;
    enum cr_status status = cr_source_rewind(source, err);
    if (status == CR_OK) {
        status = cr_source_next(source, &text, &bytes, err);
    }
    if (status == CR_OK && source->is_gzip) {
        status = refuse_others(source, text, bytes, err);
    }
    if (status != CR_OK) {
        return status;
    }
    source->container = guess(source->input.name, text, bytes);
    return cr_source_rewind(source, err);
}

enum cr_status cr_source_open(const struct cr_source_input *input,
                              struct cr_source **out, struct cr_err *err) {
    struct cr_source *source = cr_calloc(1, sizeof *source);
    if (source == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory while reading %s",
                          input->name);
    }
    source->input = *input;
    cr_buf_init(&source->clean, SIZE_MAX / 2);
    if (input->text == NULL) {
        source->raw = cr_malloc(PIECE_BYTES);
    }
    bool has_room = input->text != NULL || source->raw != NULL;
    enum cr_status status = has_room ? look(source, err) : no_memory(source, err);
    if (status != CR_OK) {
        cr_source_close(source);
        return status;
    }
    *out = source;
    return CR_OK;
}

void cr_source_close(struct cr_source *source) {
    if (source == NULL) {
        return;
    }
    end_gzip(source);
    (void)cr_hash_stream_end(source->stream);
    cr_buf_fini(&source->clean);
    cr_free(source->inflated);
    cr_free(source->raw);
    cr_free(source);
}
