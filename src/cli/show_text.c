// show_text.c - an episode as a person would read it.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/messages.h"
#include "cli/show.h"
#include "credence/base/json.h"
#include "credence/prompt/answer.h"

enum { INDENT = 8 };

static enum cr_status print_member(const struct cr_screen *screen,
                                   const struct cr_json *root, const char *key) {
    const char *value = cr_json_string(cr_json_get(root, key));
    return value != NULL ? cr_screen_wrap(screen, value, strlen(value), INDENT) : CR_OK;
}

// The parts of an answer that people read; the whole text when there are none.
static enum cr_status print_answer(const struct cr_screen *screen, const char *text) {
    static const struct cr_json_limits limits = {CR_ANSWER_BYTES_MAX,
                                                 CR_ANSWER_DEPTH_MAX};
    static const char *const keys[] = {"claim", "reasoning", "argument", "answer"};
    size_t bytes = 0, end = 0;
    const char *body = cr_answer_body(text, strlen(text), &bytes);
    const char *open = memchr(body, '{', bytes);
    struct cr_json *root = NULL;
    enum cr_status status = CR_OK;
    bool is_read =
        open != NULL && cr_json_parse_prefix(open, bytes - (size_t)(open - body),
                                             limits, &root, &end) == CR_OK;
    bool has_any = false;
    for (size_t i = 0; is_read && i < 4 && status == CR_OK; i++) {
        has_any = has_any || cr_json_string(cr_json_get(root, keys[i])) != NULL;
        status = print_member(screen, root, keys[i]);
    }
    if (status == CR_OK && !has_any) {
        status = cr_screen_wrap(screen, body, bytes, INDENT);
    }
    cr_json_free(root);
    return status;
}

static void print_file_price(const struct cr_show_episode *shown, uint32_t t) {
    const struct cr_run_view *view = shown->show->view;
    const size_t at = (size_t)shown->episode * view->iterations + t;
    const uint64_t p = shown->place.proposition;
    if (t >= view->prices_len[shown->episode]) {
        printf("no price");
    } else if (view->outcome_price != NULL && view->n_outcomes[p] > 1) {
        for (uint32_t k = 0; k < view->n_outcomes[p]; k++) {
            printf("%s%.3f", k == 0 ? "p = " : " ",
                   view->outcome_price[at * view->outcomes + k]);
        }
    } else if (!isnan(view->value[p])) {
        printf("median = %.6g",
               view->low[p] + view->price[at] * (view->high[p] - view->low[p]));
    } else {
        printf("p = %.3f", view->price[at]);
    }
}

// The price that one reply names.
static void print_reply_price(const struct cr_show_episode *shown,
                              const struct cr_playback_call *call) {
    const struct cr_run_view *view = shown->show->view;
    const uint64_t p = shown->place.proposition;
    if (!isnan(view->value[p])) {
        printf("median = %.6g",
               view->low[p] + call->price[0] * (view->high[p] - view->low[p]));
        return;
    }
    for (uint32_t k = 0; k < call->prices_len; k++) {
        printf("%s%.3f", k == 0 ? "p = " : " ", call->price[k]);
    }
}

static void print_maker(const struct cr_show_episode *shown,
                        const struct cr_playback_call *call) {
    const struct cr_screen *screen = &shown->show->screen;
    if (call->reason != CR_REASON_NONE) {
        cr_screen_styled(screen, CR_STYLE_BAD, "no price: %s",
                         cr_reason_names[call->reason]);
    } else if (call->price != NULL) {
        print_reply_price(shown, call);
    } else if (!shown->is_pending) {
        print_file_price(shown, call->record->id.iteration);
    } else {
        printf("not read");
    }
}

// The direction that a trader declared, from its reply, else from the file.
static int direction_of(const struct cr_show_episode *shown,
                        const struct cr_playback_call *call) {
    const struct cr_run_view *view = shown->show->view;
    const uint32_t t = call->record->id.iteration;
    if (call->is_asked || view->direction == NULL || t >= view->iterations) {
        return call->direction;
    }
    return view->direction[(size_t)shown->episode * view->iterations + t];
}

static void print_trader(const struct cr_show_episode *shown,
                         const struct cr_playback_call *call) {
    const int direction = direction_of(shown, call);
    if (call->reason != CR_REASON_NONE) {
        cr_screen_styled(&shown->show->screen, CR_STYLE_BAD, "no argument: %s",
                         cr_reason_names[call->reason]);
    } else if (call->price != NULL) { // of a room; the first of each, nobody sees
        printf(call->record->id.iteration == 0 ? "believes, for itself alone: "
                                               : "believes: ");
        print_reply_price(shown, call);
    } else if (shown->show->view->n_outcomes[shown->place.proposition] > 1) {
        if (direction > 0) {
            printf("argues for option %d", direction);
        }
    } else if (direction != 0) {
        printf(direction > 0 ? "argues up" : "argues down");
    }
}

// A reading beside the judgment: nobody is asked again for one that cannot be read.
static void print_reading(const struct cr_show_episode *shown,
                          const struct cr_playback_call *call) {
    const char *name = cr_show_reading_name(shown, call);
    printf("%s: ", strcmp(name, "held") == 0        ? "held"
                   : strcmp(name, "held_idle") == 0 ? "held without the argument"
                                                    : "said without the argument");
    const double price =
        call->price != NULL ? call->price[0] : cr_show_reading_price(shown, call);
    if (!isnan(price)) {
        printf("p = %.3f", price);
    } else {
        printf("missing (%s)", call->reason != CR_REASON_NONE
                                   ? cr_reason_names[call->reason]
                                   : "not read");
    }
}

// "(sample 2)  (repair 1)  (finish: length)": what is unusual about the reply.
static void print_marks(const struct cr_show_episode *shown,
                        const struct cr_call_record *record) {
    if (record->id.sample > 0) {
        printf("  (sample %u)", record->id.sample + 1u);
    }
    if (record->id.repair > 0) {
        printf("  (repair %u)", record->id.repair);
    }
    if (record->text != NULL && record->finish != CR_FINISH_STOP) {
        cr_screen_styled(&shown->show->screen, CR_STYLE_DOUBT, "  (finish: %s)",
                         record->finish_word[0] != '\0'
                             ? CR_SHOWN(record->finish_word)
                             : cr_finish_names[record->finish]);
    }
}

// "t = 3   maker   p = 0.620", and what is unusual about the reply.
static void print_title(const struct cr_show_episode *shown,
                        const struct cr_playback_call *call) {
    const struct cr_call_record *record = call->record;
    const struct cr_screen *screen = &shown->show->screen;
    const bool is_maker = record->id.role == CR_ROLE_MAKER;
    cr_screen_styled(screen, CR_STYLE_STRONG, "\nt = %-3u %s", record->id.iteration,
                     is_maker ? "maker" : "trader");
    if (!is_maker && record->id.trader > 0) {
        printf(" %u", record->id.trader + 1u);
    }
    printf("  ");
    if (cr_show_reading_name(shown, call) != NULL) {
        print_reading(shown, call);
    } else if (is_maker) {
        print_maker(shown, call);
        print_marks(shown, record);
    } else {
        print_trader(shown, call);
        print_marks(shown, record);
    }
    putchar('\n');
}

static enum cr_status print_sent(const struct cr_show_episode *shown,
                                 const struct cr_playback_call *call) {
    const struct cr_screen *screen = &shown->show->screen;
    const struct cr_hash hash = call->record->request_hash;
    if (call->call.turns == NULL) {
        cr_screen_styled(
            screen, CR_STYLE_FAINT, "  (the messages cannot be made again: %s)\n",
            shown->show->playback == NULL ? "they need the run directory with its job"
                                          : "the episode does not ask this any more");
        return CR_OK;
    }
    if (!call->is_same) {
        cr_screen_styled(
            screen, CR_STYLE_BAD, "  %s\n",
            hash.hi == 0 && hash.lo == 0
                ? "not checked: no hash of the request is stored"
                : "NOT as it was sent: the hash of the request differs, for "
                  "another version made it");
    }
    return cr_messages_print(screen, &call->call);
}

// A heading between the parts of a call that has several.
static void print_part(const struct cr_show_episode *shown, const char *name) {
    cr_screen_styled(&shown->show->screen, CR_STYLE_FAINT, "%*s[%s]\n", INDENT, "",
                     name);
}

static enum cr_status print_text(const struct cr_show_episode *shown,
                                 const char *text) {
    return cr_screen_wrap(&shown->show->screen, text, strlen(text), INDENT);
}

// For whoever asks the server's people about it.
static void print_request_id(const struct cr_show_episode *shown,
                             const struct cr_call_record *record) {
    if (record->request_id[0] != '\0') {
        cr_screen_styled(&shown->show->screen, CR_STYLE_FAINT, "  request %s\n",
                         CR_SHOWN(record->request_id));
    }
}

static enum cr_status print_call(const struct cr_show_episode *shown,
                                 const struct cr_playback_call *call) {
    const struct cr_call_record *record = call->record;
    const struct cr_show *show = shown->show;
    enum cr_status status = CR_OK;
    print_title(shown, call);
    if (show->with_prompts) {
        print_request_id(shown, record);
        status = print_sent(shown, call);
        print_part(shown, "reply");
    }
    if (status == CR_OK && show->with_reasoning && record->reasoning != NULL) {
        print_part(shown, "reasoning");
        status = print_text(shown, record->reasoning);
        print_part(shown, "answer");
    }
    if (status == CR_OK && record->text != NULL) {
        const bool is_whole = call->reason != CR_REASON_NONE || show->with_prompts;
        status = is_whole ? print_text(shown, record->text)
                          : print_answer(&show->screen, record->text);
    }
    if (status == CR_OK && record->error != NULL) {
        status = print_text(shown, record->error);
    }
    if (status == CR_OK && call->complaint != NULL &&
        cr_show_reading_name(shown, call) == NULL) {
        print_part(shown, "complaint");
        status = print_text(shown, call->complaint);
    }
    return status;
}

static void print_prices(const struct cr_show_episode *shown) {
    const struct cr_run_view *view = shown->show->view;
    const char *gap = " ";
    printf("prices:");
    for (uint32_t t = 0; !shown->is_pending && t < view->prices_len[shown->episode];
         t++) {
        printf("%s", t == 0 ? " " : " | ");
        print_file_price(shown, t);
    }
    for (size_t i = 0; shown->is_pending && i < shown->script.len; i++) {
        if (shown->script.at[i].price != NULL) {
            printf("%s", gap);
            gap = " | ";
            print_reply_price(shown, &shown->script.at[i]);
        }
    }
    putchar('\n');
}

static void print_status(const struct cr_show_episode *shown) {
    const struct cr_run_view *view = shown->show->view;
    const uint64_t e = shown->episode;
    const enum cr_reason reason = view->reason[e] != CR_REASON_NONE
                                      ? (enum cr_reason)view->reason[e]
                                      : shown->script.reason;
    if (shown->is_pending) {
        printf("status: not finished, %zu calls so far\n", shown->records.len);
        return;
    }
    printf("status: %s, %s", cr_episode_status_names[view->status[e]],
           cr_stop_reason_names[view->ended[e]]);
    if (view->status[e] != CR_DONE && reason != CR_REASON_NONE) {
        cr_screen_styled(&shown->show->screen, CR_STYLE_BAD, ": %s",
                         cr_reason_names[reason]);
    }
    putchar('\n');
}

// The options of a proposition, and the letters under which this episode showed them.
static void print_options(const struct cr_show_episode *shown) {
    const struct cr_proposition *p = shown->proposition;
    const uint32_t *places = NULL;
    for (size_t i = 0; i < shown->script.len && places == NULL; i++) {
        places = shown->script.at[i].option_at;
    }
    for (uint32_t i = 0; p != NULL && i < p->options_len; i++) {
        char letter[CR_LETTER_MAX];
        cr_screen_printf(&shown->show->screen, "  option %u: %s", i + 1,
                         CR_SHOWN(p->options[i]));
        if (places != NULL) {
            cr_answer_letter(places[i], letter);
            printf("  (shown as %s)", letter);
        }
        putchar('\n');
    }
}

static enum cr_status print_head(const struct cr_show_episode *shown) {
    const struct cr_run_view *view = shown->show->view;
    const struct cr_screen *screen = &shown->show->screen;
    const struct cr_run_cell *cell = &view->cell_info[shown->place.cell];
    const uint64_t p = shown->place.proposition;
    cr_screen_styled(screen, CR_STYLE_STRONG, "episode %llu  %s  replicate %u%s\n",
                     (unsigned long long)shown->episode, CR_SHOWN(cell->name),
                     shown->place.replicate,
                     view->is_simulated ? "  [simulated agents]" : "");
    cr_screen_printf(screen, "protocol %s, maker %s, trader %s, stance %s\n",
                     CR_SHOWN(cell->protocol), CR_SHOWN(cell->maker),
                     CR_SHOWN(cell->trader), CR_SHOWN(cell->stance));
    cr_screen_printf(screen, "proposition %s of %s:\n",
                     CR_SHOWN(view->proposition_id[p]), CR_SHOWN(view->benchmark[p]));
    const enum cr_status status =
        cr_screen_wrap(screen, view->text[p], strlen(view->text[p]), INDENT);
    print_options(shown);
    if (!isnan(view->value[p])) {
        printf("truth: %.6g\n", view->value[p]);
    } else if (view->n_outcomes[p] > 1) {
        printf("truth: option %d\n", view->label[p] + 1);
    } else {
        printf("truth: %s\n", view->label[p] == 1 ? "true" : "false");
    }
    print_status(shown);
    print_prices(shown);
    return status;
}

enum cr_status cr_show_episode_print(const struct cr_show_episode *shown) {
    enum cr_status status = print_head(shown);
    bool is_cut = false;
    for (size_t i = 0; i < shown->script.len && status == CR_OK; i++) {
        if (cr_show_episode_has(shown, i)) {
            status = print_call(shown, &shown->script.at[i]);
        } else {
            is_cut = true;
        }
    }
    if (is_cut) {
        printf("\n(the trajectory went on for other cells)\n");
    }
    if (shown->records.len == 0) {
        printf(shown->is_pending && shown->show->dir != NULL
                   ? "\n(no call has been recorded yet)\n"
                   : "\n(no calls are stored here: the texts are on the run's tape)\n");
    }
    return status;
}
