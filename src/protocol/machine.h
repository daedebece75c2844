// machine.h - what a protocol is: a pure function from a history to the next move.
//
// Layer    protocol (2)
// Threads  read-only tables
// MPI      none
//
// The engine (episode.c) keeps the chats, asks, reads and repairs. Whenever nothing is
// out, it shows the protocol what was accepted so far, and the protocol says what to
// ask now, or that the episode has ended. It keeps no state of its own, so an episode
// that is fed the same replies makes the same calls.
//
// To add a protocol: one file with a `const struct cr_protocol cr_protocol_NAME`, one
// line in table.c.
#ifndef CR_PROTOCOL_MACHINE_H
#define CR_PROTOCOL_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/prompt/space.h"
#include "credence/prompt/template.h"
#include "credence/protocol/episode.h"
#include "credence/protocol/protocol.h"

enum { CR_ASKS_MAX = CR_TRADERS_MAX + 3 }; // with the readings beside a judgment

// Something that was accepted: a judgment, or one trader's argument.
struct cr_event {
    uint8_t role;      // enum cr_role
    uint8_t trader;    // of an argument
    int16_t direction; // of an argument, as struct cr_answer says
    uint32_t iteration;
    struct cr_target target; // what the trader was asked to argue for
    struct cr_span text;     // the judgment's body, or the argument
    const double *belief;    // of a trader that was asked for one, as shown; or NULL
    double stake;
};

// What a protocol is shown. Prices are in the order shown to the models.
struct cr_history {
    const struct cr_episode_cfg *cfg;
    const struct cr_space_row *space;
    const struct cr_answer_form *form;
    const uint32_t *shown; // option index behind each letter, NULL unless categorical
    const struct cr_event *events;
    uint32_t events_len;
    uint32_t arguments_len; // arguments since the last judgment
    uint32_t prices_len;    // judgments so far
    uint32_t samples_asked; // of self_consistency
    const double *opening;  // prices of the first judgment, NULL before it
    const double *price;    // prices of the last judgment, NULL before it
    const double *path;     // [prices_len][prices of one], options in the file's order
    bool is_stopped;        // every stop rule that was asked has fired
    enum cr_stop_reason ended; // of the last that fired
};

// One chat is asked one thing.
struct cr_ask_spec {
    uint8_t role; // enum cr_role
    uint8_t trader;
    enum cr_ask ask;
    uint16_t samples;      // calls with the same chat, 1 at least
    uint16_t first_sample; // number of the first
    bool may_miss;         // it may stay without a usable answer: others come
    bool is_running; // each sample is a judgment of its own: the mean of those so far
    enum cr_template system; // of a chat that is asked for the first time
    enum cr_template user;   // the turn put before the question
    // A trader: what it is asked to argue for (a stance_ template), and how it sees
    // what others said since its last turn; seen_judgment only if sees_judgments.
    enum cr_template goal;
    struct cr_target target;
    enum cr_template seen_argument, seen_judgment;
    bool sees_judgments;
    // A reading beside a judgment: it is not repaired, and never enters the conversation.
    // Made by the engine, not by a protocol.
    enum cr_reading {
        CR_READING_NONE,
        CR_READING_HELD,      // a yes or a no with what was argued
        CR_READING_HELD_IDLE, // and without: its placebo
        CR_READING_SAID_IDLE  // the judgment itself without what was argued
    } reading;
    // A placebo: the argument is made by the engine, without a call; or the call is about
    // another question, in a chat of its own.
    enum cr_stance placebo; // UNRELATED, ECHO or FILLER; 0: none
    // A maker: how each of several arguments is shown (always, if is_listed).
    enum cr_template each_argument;
    bool is_listed;
    // A trader: read as a judgment that moves no price by itself. The first one of each
    // trader, before there is a price, is private: nobody sees it.
    bool is_belief;
};

struct cr_move {
    enum cr_stop_reason end; // other than NONE: the episode is done
    uint32_t asks_len;
    struct cr_ask_spec asks[CR_ASKS_MAX];
};

struct cr_protocol {
    const char *name;
    const char *summary; // one line, for help
    bool has_stop_rule;  // its length is set by cell.stop
    bool has_traders;
    bool has_votes;       // sprt can end it
    bool has_placebos;    // stances that are controls
    bool needs_all_sides; // a round in which one trader is silent ends the episode
    uint32_t (*prices_max)(const struct cr_cell *cell);
    struct cr_bounds (*calls)(const struct cr_cell *cell);
    // CR_E_JOB with the reason; what holds for all protocols was checked before. May be
    // NULL.
    CR_MUST_CHECK enum cr_status (*check)(const struct cr_cell *cell,
                                          enum cr_space space, struct cr_err *err);
    void (*next)(const struct cr_history *history, struct cr_move *move);
    // Of a protocol without a maker's judgments: the price after each round, options in
    // the file's order. Else NULL.
    void (*price)(const struct cr_history *history, double *out);
};

extern const struct cr_protocol *const cr_protocol_table[]; // NULL-terminated

// For the protocol files.

// A maker's question: SYSTEM and USER templates, elicited as the cell says.
struct cr_ask_spec cr_ask_maker(const struct cr_cell *cell, enum cr_template system,
                                enum cr_template user);
// The goal and the target of a trader's question, by the cell's stance.
void cr_ask_stance(const struct cr_history *history, struct cr_ask_spec *ask);
// Whether TRADER has not argued yet.
bool cr_ask_is_first(const struct cr_history *history, uint8_t trader);
// What holds for all protocols of rounds: at least one, SPEAKERS traders at most, and no
// stance, for the positions are given. CR_E_JOB.
CR_MUST_CHECK enum cr_status cr_ask_check_rounds(const struct cr_cell *cell,
                                                 uint32_t speakers, struct cr_err *err);
// How many calls one judgment takes, by the cell's elicitation.
uint32_t cr_ask_judgment_calls(const struct cr_cell *cell);
// The fewest and most iterations of a protocol that ends by cell.stop.
struct cr_bounds cr_stop_bounds(const struct cr_cell *cell);
// Prices of a protocol that ends by cell.stop.
uint32_t cr_stop_prices_max(const struct cr_cell *cell);

#endif
