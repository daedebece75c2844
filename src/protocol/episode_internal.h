// episode_internal.h - the inside of a live episode: episode.c, chat.c and round.c.
//
// Layer    protocol (2), private
// Threads  one owner
// MPI      none
#ifndef CR_PROTOCOL_EPISODE_INTERNAL_H
#define CR_PROTOCOL_EPISODE_INTERNAL_H

#include "credence/base/mem.h"
#include "protocol/machine.h"

// One id's conversation. Only accepted turns are in it; it only grows, and when its
// array must grow the old one stays as it was, for calls that are out borrow it.
struct cr_chat {
    struct cr_turn *turns;
    uint32_t len, cap;
    uint32_t sent_len;    // turns of its last request
    uint32_t events_seen; // events up to its owner's last turn
    // What it was before the question that is out, should it stay without an answer.
    uint32_t len_before, events_seen_before;
};

// What one side's prompt set makes of the proposition and of how to answer.
struct cr_side {
    const struct cr_prompt_set *prompts;
    struct cr_span item, meaning;        // rendered once
    struct cr_span how[CR_ASK_COUNT][2]; // made when first asked. [1]: the brief form
};

enum cr_slot_state {
    CR_SLOT_READY,   // to be asked
    CR_SLOT_OUT,     // asked, not answered
    CR_SLOT_USABLE,  // answered
    CR_SLOT_UNUSABLE // answered, repairs used up, or failed
};

// One call of the current move, with its repairs.
struct cr_slot {
    struct cr_call call; // first, so that a call leads back to its slot
    enum cr_slot_state state;
    uint32_t spec; // index into move.asks
    struct cr_step cost;
    // The reading of the reply that is about to be, or was last, answered:
    bool is_read;
    bool is_brief;         // a reply was cut: repairs ask for the brief form
    enum cr_reason reason; // why it cannot be used; NONE: usable
    const char *complaint; // in the arena, when it cannot
    // Of a usable answer, in the arena:
    double *price;    // as shown; NULL for an argument
    double *quantile; // continuous
    int direction;
    double stake;            // of a bet
    struct cr_span body;     // the reply without reasoning; a bad one cut to be quoted
    struct cr_span argument; // an argument
};

struct cr_episode {
    struct cr_episode_cfg cfg; // a copy; what it points to is borrowed
    const struct cr_protocol *protocol;
    struct cr_history history; // what the protocol is shown; points into this struct
    struct cr_answer_form form;
    struct cr_arena arena;
    struct cr_buf scratch;
    struct cr_side sides[2]; // the maker's, and the traders' where it is another
    const char *schema[CR_ASK_COUNT][2]; // made when first asked. [1]: the brief form

    struct cr_span price_shown; // of the last price, when price_shown_of is prices_len
    uint32_t price_shown_of;

    struct cr_chat maker, traders[CR_TRADERS_MAX];
    struct cr_event *events;
    size_t events_cap;

    struct cr_move move;
    struct cr_slot *slots;
    uint32_t slots_len, slots_out;
    uint32_t ready_from; // no slot before it is ready
    bool has_failed;     // a call failed for good: nothing more is asked
    bool is_done;

    // Of self_consistency: the sum of the usable samples so far and how many they are.
    double samples_sum[CR_OPTIONS_MAX + 3];
    uint32_t samples_len;

    bool *fired; // [stops_len]
    struct cr_trajectory trajectory;
    size_t price_cap, quantile_cap, step_cap;
};

// chat.c

// Render the parts of the prompts that stay the same. CR_E_MEMORY, CR_E_LIMIT.
CR_MUST_CHECK enum cr_status cr_chat_prepare(struct cr_episode *episode);
// FROM copied into the arena, with a NUL behind it.
CR_MUST_CHECK enum cr_status cr_chat_keep(struct cr_episode *episode,
                                          struct cr_span from, struct cr_span *out);
// Put what SPEC says into its chat: the user turn, before the first one the system's.
CR_MUST_CHECK enum cr_status cr_chat_question(struct cr_episode *episode,
                                              const struct cr_ask_spec *spec);
// Put the accepted reply BODY into SPEC's chat.
CR_MUST_CHECK enum cr_status cr_chat_answered(struct cr_episode *episode,
                                              const struct cr_ask_spec *spec,
                                              struct cr_span body);
// Take the question of SPEC, which nobody answered, out of its chat again.
void cr_chat_withdraw(struct cr_episode *episode, const struct cr_ask_spec *spec);
struct cr_chat *cr_chat_of(struct cr_episode *episode, const struct cr_ask_spec *spec);
// The side that ROLE speaks for.
struct cr_side *cr_chat_side(struct cr_episode *episode, enum cr_role role);
// The turns of a request of SPEC into CALL: the chat, or what the maker remembers of
// it.
CR_MUST_CHECK enum cr_status cr_chat_request(struct cr_episode *episode,
                                             const struct cr_ask_spec *spec,
                                             struct cr_call *call);
// The turns of a reading into CALL: the chat of the judgment that it stands beside, which
// was asked already, with a question of its own in place of the last.
CR_MUST_CHECK enum cr_status cr_chat_reading(struct cr_episode *episode,
                                             const struct cr_ask_spec *spec,
                                             struct cr_call *call);
// BODY as a repair quotes it, in the arena: an empty turn is refused by some servers.
CR_MUST_CHECK enum cr_status cr_chat_quote(struct cr_episode *episode,
                                           struct cr_span body, struct cr_span *out);
// Make SLOT's call a repair of itself: its chat, then the bad reply and the complaint.
CR_MUST_CHECK enum cr_status cr_chat_repair(struct cr_episode *episode,
                                            struct cr_slot *slot);

// placebo.c

// The other question that a placebo argues about in the present iteration: of the same
// benchmark and space, drawn by the seed. NULL when there is none.
const struct cr_proposition *cr_placebo_other(const struct cr_episode *episode);
// How OTHER is shown and answered: options in its file's order.
void cr_placebo_form(const struct cr_proposition *other, struct cr_answer_form *out);
// The text of an argument that no call makes, by STANCE (ECHO, FILLER). CR_E_MEMORY.
CR_MUST_CHECK enum cr_status
cr_placebo_text(struct cr_episode *episode, enum cr_stance stance, struct cr_span *out);

// round.c

// Take the arguments of the move that no call makes.
CR_MUST_CHECK enum cr_status cr_round_take_given(struct cr_episode *episode);
// End the episode for want of an argument.
CR_MUST_CHECK enum cr_status cr_round_end_silent(struct cr_episode *episode);

// Everything of the current move was answered: take it into the history, or end.
CR_MUST_CHECK enum cr_status cr_round_finish(struct cr_episode *episode);

#endif
