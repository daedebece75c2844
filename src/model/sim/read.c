// read.c - what a simulated agent reads in the chat. It looks for the few phrases
// below, as answer.h and the shipped prompts have them, and skips over all other prose.
#include <stdlib.h>
#include <string.h>

#include "model/sim/sim.h"

#define EVIDENCE "Evidence of strength "
#define POINTS " points to "

static const struct cr_turn *last_turn(const struct cr_call *call,
                                       enum cr_speaker speaker) {
    for (size_t i = call->turns_len; i > 0; i--) {
        if (call->turns[i - 1].speaker == speaker) {
            return &call->turns[i - 1];
        }
    }
    return NULL;
}

// Behind the last PHRASE of TEXT, or NULL.
static const char *behind_last(const char *text, const char *phrase) {
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, phrase)) != NULL;) {
        at += strlen(phrase);
        found = at;
    }
    return found;
}

// The number behind the last "KEY": of a judgment.
static bool number_of(const char *text, const char *key, double *out) {
    const char *at = behind_last(text, key);
    at = at != NULL ? at + strspn(at, " \t\r\n:\"") : NULL;
    char *end = NULL;
    double number = at != NULL ? strtod(at, &end) : 0;
    if (at == NULL || end == at) {
        return false;
    }
    *out = number;
    return true;
}

// The number of each option in "prices": {"TEXT": 0.3, ..}; options as this agent wrote
// them.
static bool numbers_of(const struct cr_proposition *about, const char *text,
                       struct cr_sim_price *out) {
    const char *at = behind_last(text, "\"prices\"");
    for (uint32_t i = 0; at != NULL && i < about->options_len; i++) {
        // Written in the file's order, so each number is behind the next colon that
        // ends a key.
        const char *colon = strstr(at, "\":");
        char *end = NULL;
        double number = colon != NULL ? strtod(colon + 2, &end) : 0;
        at = colon != NULL && end != colon + 2 ? end : NULL;
        out->at[i] = number;
    }
    return at != NULL;
}

bool cr_sim_read_price(const struct cr_call *call, struct cr_sim_price *out) {
    const struct cr_proposition *about = call->proposition;
    const struct cr_turn *turn = last_turn(call, CR_ASSISTANT);
    if (turn == NULL) {
        return false;
    }
    out->len = cr_proposition_prices(about);
    if (about->space == CR_SPACE_CATEGORICAL) {
        return numbers_of(about, turn->text, out);
    }
    if (about->space == CR_SPACE_BINARY) {
        return number_of(turn->text, "\"price\"", &out->at[0]);
    }
    bool is_read = number_of(turn->text, "\"q50\"", &out->at[0]);
    out->at[0] = (out->at[0] - about->low) / (about->high - about->low);
    return is_read;
}

static bool read_option(const struct cr_proposition *about, const char *text,
                        uint32_t *option) {
    size_t longest = 0; // one option may begin like another
    for (uint32_t i = 0; i < about->options_len; i++) {
        size_t bytes = strlen(about->options[i]);
        if (bytes > longest && strncmp(text, about->options[i], bytes) == 0) {
            longest = bytes;
            *option = i;
        }
    }
    return longest > 0;
}

bool cr_sim_read_argument(const struct cr_proposition *about,
                          const struct cr_turn *turn, const char **at,
                          struct cr_sim_argument *out) {
    const char *found = strstr(*at, EVIDENCE);
    (void)turn;
    if (found == NULL) {
        return false;
    }
    char *end = NULL;
    const char *number = found + strlen(EVIDENCE);
    *out = (struct cr_sim_argument){.strength = strtod(number, &end)};
    *at = end;
    if (strncmp(end, POINTS, strlen(POINTS)) != 0) {
        return cr_sim_read_argument(about, turn, at, out);
    }
    const char *what = end + strlen(POINTS);
    bool is_up = strncmp(what, "true", 4) == 0 || strncmp(what, "a larger", 8) == 0;
    out->side = is_up ? 1 : 0;
    if (about->space == CR_SPACE_CATEGORICAL) {
        what += *what == '"';
        return read_option(about, what, &out->option);
    }
    return true;
}

double cr_sim_read_shown(const struct cr_call *call, double fallback) {
    const struct cr_proposition *about = call->proposition;
    const struct cr_turn *turn = last_turn(call, CR_USER);
    double shown = 0;
    if (turn == NULL || about->space == CR_SPACE_CATEGORICAL) {
        return fallback;
    }
    if (about->space == CR_SPACE_BINARY) {
        return number_of(turn->text, "price: ", &shown) ? shown : fallback;
    }
    bool is_read = number_of(turn->text, "price: median ", &shown);
    return is_read ? (shown - about->low) / (about->high - about->low) : fallback;
}

// TEXT names an answer: "true", "B) Paris", "above 3 m", "3 m".
static void read_target(const struct cr_call *call, const char *text,
                        struct cr_sim_argument *toward) {
    const struct cr_proposition *about = call->proposition;
    if (about->space == CR_SPACE_CATEGORICAL) {
        const char *bracket = strstr(text, ") ");
        if (!read_option(about, bracket != NULL ? bracket + 2 : text,
                         &toward->option)) {
            toward->option = 0;
        }
        return;
    }
    bool is_up = strncmp(text, "true", 4) == 0 || strncmp(text, "above", 5) == 0;
    bool is_down = strncmp(text, "false", 5) == 0 || strncmp(text, "below", 5) == 0;
    toward->side = is_up ? 1 : 0;
    if (!is_up && !is_down) {
        double place = (strtod(text, NULL) - about->low) / (about->high - about->low);
        toward->side = place > cr_sim_read_shown(call, 0.5) ? 1 : 0;
    }
}

static void turn_away(const struct cr_call *call, struct cr_sim_argument *toward) {
    uint32_t len = call->proposition->options_len;
    toward->side = 1 - toward->side;
    toward->option = len > 0 ? (toward->option + 1) % len : 0;
}

static bool read_order_in(const struct cr_call *call, const char *text,
                          struct cr_sim_argument *toward) {
    static const char *const targets[] = {
        "is known to you: ", "toward this answer: ", "the right answer is "};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const char *target = behind_last(text, targets[i]);
        if (target != NULL) {
            read_target(call, target, toward);
            if (strstr(target, "away from it") != NULL) {
                turn_away(call, toward);
            }
            return true;
        }
    }
    bool is_up = strstr(text, "the price up as far") != NULL;
    toward->side = is_up ? 1 : 0;
    return is_up || strstr(text, "the price down as far") != NULL;
}

bool cr_sim_read_beside(const struct cr_call *call) {
    const struct cr_turn *turn = last_turn(call, CR_USER);
    return turn != NULL && strstr(turn->text, "that bears most on") != NULL;
}

bool cr_sim_read_order(const struct cr_call *call, struct cr_sim_argument *toward) {
    const struct cr_turn *user = last_turn(call, CR_USER);
    const struct cr_turn *system = last_turn(call, CR_SYSTEM);
    return (user != NULL && read_order_in(call, user->text, toward)) ||
           (system != NULL && read_order_in(call, system->text, toward));
}

// Options are listed as "B) text", each on a line of its own.
static bool is_listed(const char *line, const char *option) {
    size_t letters = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    size_t bytes = strlen(option);
    return letters > 0 && strncmp(line + letters, ") ", 2) == 0 &&
           strncmp(line + letters + 2, option, bytes) == 0 &&
           (line[letters + 2 + bytes] == '\n' || line[letters + 2 + bytes] == '\0');
}

static bool find_letter(const char *text, const char *option, char *letter,
                        size_t letter_bytes) {
    const char *line = text;
    while (line != NULL && !is_listed(line, option)) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    size_t letters = line != NULL ? (size_t)(strchr(line, ')') - line) : 0;
    if (line == NULL || letters >= letter_bytes) {
        return false;
    }
    memcpy(letter, line, letters);
    letter[letters] = '\0';
    return true;
}

bool cr_sim_read_letter(const struct cr_call *call, uint32_t option, char *letter,
                        size_t letter_bytes) {
    for (size_t i = 0; i < call->turns_len; i++) {
        if (call->turns[i].speaker == CR_USER &&
            find_letter(call->turns[i].text, call->proposition->options[option], letter,
                        letter_bytes)) {
            return true;
        }
    }
    return false;
}
