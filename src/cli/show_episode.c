// show_episode.c - a market as a person would read it.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "credence/base/json.h"
#include "credence/base/text.h"
#include "credence/prompt/answer.h"

enum { COLUMNS = 88, INDENT = 8, TEXT_BYTES_MAX = 1 << 26 };

// Print TEXT fit for a terminal, wrapped, each line indented.
static enum cr_status print_text(const char *text, size_t bytes) {
    struct cr_buf plain;
    cr_buf_init(&plain, TEXT_BYTES_MAX);
    enum cr_status status = cr_text_add_terminal(&plain, text, bytes);
    const char *at = plain.data != NULL ? plain.data : "";
    while (status == CR_OK && *at != '\0') {
        size_t line = strcspn(at, "\n"), shown = line;
        if (line > COLUMNS - INDENT) {
            shown = COLUMNS - INDENT;
            while (shown > 0 && at[shown] != ' ') {
                shown--;
            }
            if (shown == 0) { // one long word
                shown = COLUMNS - INDENT;
            }
            while (shown < line && ((unsigned char)at[shown] & 0xC0) == 0x80) {
                shown++;
            }
        }
        printf("%*s%.*s\n", INDENT, "", (int)shown, at);
        at += shown;
        while (*at == ' ') {
            at++;
        }
        if (*at == '\n') {
            at++;
        }
    }
    cr_buf_fini(&plain);
    return status;
}

static enum cr_status print_member(const struct cr_json *root, const char *key) {
    const char *value = cr_json_string(cr_json_get(root, key));
    return value != NULL ? print_text(value, strlen(value)) : CR_OK;
}

// The parts of an answer that people read; the whole text when it is no JSON object.
static enum cr_status print_answer(const char *text) {
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
        status = print_member(root, keys[i]);
    }
    if (status == CR_OK && !has_any) {
        status = print_text(body, bytes);
    }
    cr_json_free(root);
    return status;
}

// An episode, and the calls of its trajectory.
struct shown {
    const struct cr_show *show;
    uint64_t episode;
    struct cr_show_place place;
    bool is_pending; // its prices stand in the replies, not in the file
    struct cr_call_records records;
};

static void print_price(const struct cr_run_view *view, uint64_t episode, uint32_t t) {
    size_t at = (size_t)episode * view->iterations + t;
    uint64_t p = view->proposition[episode];
    if (t >= view->prices_len[episode]) {
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

// The price that a reply names. Several options were shuffled before they were shown,
// so theirs wait for the file.
static enum cr_status print_said(const struct cr_run_view *view, uint64_t p,
                                 const struct cr_call_record *record) {
    bool is_quantity = !isnan(view->value[p]);
    struct cr_answer_form form = {.space = is_quantity ? CR_SPACE_CONTINUOUS
                                                       : CR_SPACE_BINARY,
                                  .low = view->low[p],
                                  .high = view->high[p],
                                  .unit = ""};
    struct cr_answer answer = {0};
    struct cr_arena arena = {0};
    enum cr_status status = CR_OK;
    if (record->text != NULL && view->n_outcomes[p] <= 1 &&
        record->id.ask != CR_ASK_LOGPROB) {
        status = cr_answer_read(
            (enum cr_ask)record->id.ask, &form,
            (struct cr_answer_text){.text = record->text,
                                    .bytes = strlen(record->text),
                                    .is_cut = record->finish == CR_FINISH_LENGTH},
            &arena, &answer);
    }
    if (!answer.is_usable) {
        printf("no price yet");
    } else if (is_quantity) {
        printf("median = %.6g",
               view->low[p] + answer.price[0] * (view->high[p] - view->low[p]));
    } else {
        printf("p = %.3f", answer.price[0]);
    }
    cr_arena_fini(&arena);
    return status;
}

// The direction that the trader declared: +1, -1, or 0 when it did not.
static int8_t push_of(const struct cr_run_view *view, uint64_t episode, uint32_t t) {
    if (view->direction == NULL || t >= view->iterations) {
        return 0;
    }
    int8_t direction = view->direction[(size_t)episode * view->iterations + t];
    return direction == 1 || direction == -1 ? direction : 0;
}

static enum cr_status print_call(const struct shown *shown,
                                 const struct cr_call_record *record) {
    const struct cr_show *show = shown->show;
    enum cr_status status = CR_OK;
    bool is_maker = record->id.role == CR_ROLE_MAKER;
    printf("\nt = %-3u ", record->id.iteration);
    if (is_maker) {
        printf("maker  ");
        if (shown->is_pending) {
            status = print_said(show->view, shown->place.proposition, record);
        } else {
            print_price(show->view, shown->episode, record->id.iteration);
        }
    } else {
        int8_t direction = push_of(show->view, shown->episode, record->id.iteration);
        printf("trader%s", direction > 0   ? "  argues up"
                           : direction < 0 ? "  argues down"
                                           : "");
    }
    if (!is_maker && record->id.trader > 0) {
        printf(" %u", record->id.trader + 1u);
    }
    if (record->id.sample > 0) {
        printf("  (sample %u)", record->id.sample + 1u);
    }
    if (record->id.repair > 0) {
        printf("  (repair %u)", record->id.repair);
    }
    if (record->reason != CR_REASON_NONE) {
        printf("  %s: %s", cr_reason_is_failure(record->reason) ? "FAILED" : "UNUSABLE",
               cr_reason_names[record->reason]);
    }
    putchar('\n');
    if (status == CR_OK && show->with_reasoning && record->reasoning != NULL) {
        printf("%*s[thinking]\n", INDENT, "");
        status = print_text(record->reasoning, strlen(record->reasoning));
        printf("%*s[answer]\n", INDENT, "");
    }
    if (status == CR_OK && record->text != NULL) {
        status = print_answer(record->text);
    }
    if (status == CR_OK && record->error != NULL) {
        status = print_text(record->error, strlen(record->error));
    }
    return status;
}

static enum cr_status print_prices(const struct shown *shown) {
    const struct cr_run_view *view = shown->show->view;
    enum cr_status status = CR_OK;
    const char *gap = " ";
    if (shown->is_pending) {
        printf("status: not finished, %zu calls so far\n", shown->records.len);
    } else {
        printf("status: %s, %s\n",
               cr_episode_status_names[view->status[shown->episode]],
               cr_stop_reason_names[view->ended[shown->episode]]);
    }
    printf("prices:");
    for (uint32_t t = 0; !shown->is_pending && t < view->prices_len[shown->episode];
         t++) {
        printf("%s", t == 0 ? " " : " | ");
        print_price(view, shown->episode, t);
    }
    for (size_t i = 0; shown->is_pending && i < shown->records.len; i++) {
        const struct cr_call_record *record = &shown->records.at[i];
        if (record->id.role != CR_ROLE_MAKER || record->reason != CR_REASON_NONE) {
            continue;
        }
        printf("%s", gap);
        gap = " | ";
        status = print_said(view, shown->place.proposition, record);
    }
    putchar('\n');
    return status;
}

static enum cr_status print_head(const struct shown *shown) {
    const struct cr_run_view *view = shown->show->view;
    const struct cr_run_cell *cell = &view->cell_info[shown->place.cell];
    uint64_t p = shown->place.proposition;
    printf("episode %llu  %s  replicate %u%s\n", (unsigned long long)shown->episode,
           cell->name, shown->place.replicate,
           view->is_simulated ? "  [simulated agents]" : "");
    printf("protocol %s, maker %s, trader %s, stance %s\n", cell->protocol, cell->maker,
           cell->trader, cell->stance);
    printf("proposition %s of %s:\n", view->proposition_id[p], view->benchmark[p]);
    enum cr_status status = print_text(view->text[p], strlen(view->text[p]));
    if (!isnan(view->value[p])) {
        printf("truth: %.6g\n", view->value[p]);
    } else if (view->n_outcomes[p] > 1) {
        printf("truth: option %d\n", view->label[p] + 1);
    } else {
        printf("truth: %s\n", view->label[p] == 1 ? "true" : "false");
    }
    return status == CR_OK ? print_prices(shown) : status;
}

static enum cr_status print_calls(const struct shown *shown) {
    const struct cr_run_view *view = shown->show->view;
    uint32_t end = view->prices_len[shown->episode];
    bool is_done = view->status[shown->episode] == CR_DONE, is_cut = false;
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < shown->records.len && status == CR_OK; i++) {
        if (is_done && shown->records.at[i].id.iteration >= end) {
            is_cut = true; // the trajectory went on for cells with a stricter rule
        } else {
            status = print_call(shown, &shown->records.at[i]);
        }
    }
    if (is_cut) {
        printf("\n(the trajectory went on for other cells)\n");
    }
    if (shown->records.len == 0) {
        printf(shown->is_pending && shown->show->dir != NULL
                   ? "\n(no call has been recorded yet)\n"
                   : "\n(no calls are stored: the texts are on the run's tape)\n");
    }
    return status;
}

// Where the episode's row is there it says what it is about, else the plan does.
static bool find_subject(const struct cr_run_view *view, struct shown *shown) {
    uint64_t e = shown->episode;
    bool is_known = cr_show_place(view, e, &shown->place);
    shown->is_pending = view->status[e] == CR_PENDING;
    if (view->cell[e] >= view->cells || view->proposition[e] >= view->propositions) {
        return is_known;
    }
    shown->place.cell = view->cell[e];
    shown->place.proposition = view->proposition[e];
    shown->place.replicate = view->replicate[e];
    return true;
}

enum cr_status cr_show_episode(const struct cr_show *show, uint64_t episode,
                               struct cr_err *err) {
    const struct cr_run_view *view = show->view;
    struct shown shown = {.show = show, .episode = episode};
    if (episode >= view->episodes) {
        return cr_err_set(err, CR_E_NOT_FOUND, "no episode %llu: the run has %llu",
                          (unsigned long long)episode,
                          (unsigned long long)view->episodes);
    }
    if (!find_subject(view, &shown)) {
        return cr_err_set(err, CR_E_NOT_FOUND,
                          "episode %llu has not ended, and the file does not say what "
                          "it is about",
                          (unsigned long long)episode);
    }
    enum cr_status status = cr_show_calls(show, episode, &shown.records, err);
    if (status == CR_OK) {
        status = print_head(&shown);
    }
    if (status == CR_OK) {
        status = print_calls(&shown);
    }
    cr_call_records_fini(&shown.records);
    return status;
}
