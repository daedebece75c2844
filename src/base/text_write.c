// text_write.c - see text_write.h.
#include "credence/base/text_write.h"

#include <stdarg.h>
#include <string.h>

#include "credence/base/json.h"

void cr_text_write(struct cr_text_writer *writer, const char *text) {
    if (writer->status == CR_OK) {
        writer->status = cr_buf_add_text(writer->out, text);
    }
}

void cr_text_writef(struct cr_text_writer *writer, const char *fmt, ...) {
    va_list args;
    if (writer->status == CR_OK) {
        va_start(args, fmt);
        writer->status = cr_buf_vprintf(writer->out, fmt, args);
        va_end(args);
    }
}

void cr_text_write_quoted(struct cr_text_writer *writer, const char *text) {
    if (writer->status == CR_OK) {
        writer->status = cr_json_add_quoted(writer->out, text, strlen(text));
    }
}

void cr_text_write_number(struct cr_text_writer *writer, double number) {
    if (writer->status == CR_OK) {
        writer->status = cr_json_add_number(writer->out, number);
    }
}
