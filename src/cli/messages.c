// messages.c - see messages.h.
#include "cli/messages.h"

#include <stdio.h>

#include "credence/base/mem.h"

enum { INDENT = 4 };

static const char *const speaker_names[] = {
    [CR_SYSTEM] = "system", [CR_USER] = "user", [CR_ASSISTANT] = "assistant"};

const char *cr_messages_title(struct cr_call_id id, char out[CR_CALL_TITLE_BYTES]) {
    int used = snprintf(out, CR_CALL_TITLE_BYTES, "%s", cr_role_names[id.role]);
    if (id.trader > 0) {
        used += snprintf(out + used, CR_CALL_TITLE_BYTES - (size_t)used, " %u",
                         id.trader + 1u);
    }
    used += snprintf(out + used, CR_CALL_TITLE_BYTES - (size_t)used,
                     ", iteration %u, %s", id.iteration, cr_ask_names[id.ask]);
    if (id.sample > 0) {
        used += snprintf(out + used, CR_CALL_TITLE_BYTES - (size_t)used, ", sample %u",
                         id.sample + 1u);
    }
    if (id.repair > 0) {
        snprintf(out + used, CR_CALL_TITLE_BYTES - (size_t)used, ", repair %u",
                 (unsigned)id.repair);
    }
    return out;
}

enum cr_status cr_messages_print(const struct cr_screen *screen,
                                 const struct cr_call *call) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < call->turns_len && status == CR_OK; i++) {
        const struct cr_turn *turn = &call->turns[i];
        cr_screen_styled(screen, CR_STYLE_STRONG, "  %s:\n",
                         speaker_names[turn->speaker]);
        status = cr_screen_wrap(screen, turn->text, turn->text_bytes, INDENT);
    }
    return status;
}

void cr_messages_json(struct cr_json_writer *emit, const struct cr_call *call) {
    cr_json_write_open(emit, "messages", '[');
    for (size_t i = 0; i < call->turns_len; i++) {
        const struct cr_turn *turn = &call->turns[i];
        char *text = cr_strndup(turn->text, turn->text_bytes);
        emit->status =
            emit->status == CR_OK && text == NULL ? CR_E_MEMORY : emit->status;
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "role", speaker_names[turn->speaker]);
        cr_json_write_text(emit, "text", text);
        cr_json_write_close(emit, '}');
        cr_free(text);
    }
    cr_json_write_close(emit, ']');
}
