// probe_numbers.c - see probe_numbers.h.
#include "run/probe_numbers.h"

#include <math.h>
#include <stdlib.h>

#include "credence/protocol/episode.h"

bool cr_probe_numbers_has(const struct cr_probe_numbers *numbers, double value) {
    for (size_t i = 0; i < numbers->len; i++) {
        if (fabs(numbers->at[i] - value) < 1e-9) {
            return true;
        }
    }
    return false;
}

static void find_numbers(const char *text, size_t bytes, struct cr_probe_numbers *out) {
    for (size_t i = 0; i < bytes;) {
        const bool begins = text[i] >= '0' && text[i] <= '9';
        if (!begins) {
            i++;
            continue;
        }
        char word[32];
        size_t len = 0;
        while (i < bytes && ((text[i] >= '0' && text[i] <= '9') || text[i] == '.')) {
            word[len] = text[i++];
            len += len + 1 < sizeof word;
        }
        word[len] = '\0';
        double value = strtod(word, NULL);
        value = i < bytes && text[i] == '%' ? value / 100 : value;
        if (value > 0 && value < 1 && out->len < CR_PROBE_NUMBERS_MAX &&
            !cr_probe_numbers_has(out, value)) {
            out->at[out->len++] = value;
        }
    }
}

enum cr_status cr_probe_numbers_keep(const struct cr_plan *plan, uint64_t trajectory,
                                     struct cr_probe_numbers *common,
                                     struct cr_err *err) {
    struct cr_episode_cfg cfg;
    struct cr_episode *episode = NULL;
    struct cr_call *call = NULL;
    struct cr_probe_numbers own = {.len = 0};
    cr_plan_episode_cfg(plan, trajectory, &cfg);
    enum cr_status status = cr_episode_create(&cfg, &episode, err);
    if (status == CR_OK) {
        status = cr_episode_next(episode, &call, err);
    }
    for (size_t i = 0; call != NULL && i < call->turns_len; i++) {
        find_numbers(call->turns[i].text, call->turns[i].text_bytes, &own);
    }
    cr_episode_destroy(episode);
    size_t kept = 0;
    for (size_t i = 0; common->is_begun && i < common->len; i++) {
        if (cr_probe_numbers_has(&own, common->at[i])) {
            common->at[kept++] = common->at[i];
        }
    }
    common->len = kept;
    if (!common->is_begun) {
        *common = own;
    }
    common->is_begun = true;
    return status;
}
