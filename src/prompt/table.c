// table.c - every template a prompt set holds: its file and its placeholders.
#include "credence/prompt/prompt.h"
#include "credence/prompt/template.h"

#define V(name) (1u << CR_VAR_##name)

const char *const cr_var_names[CR_VAR_COUNT] = {
    [CR_VAR_PROPOSITION] = "proposition",
    [CR_VAR_MEANING] = "meaning",
    [CR_VAR_ANSWER] = "answer",
    [CR_VAR_ARGUMENT] = "argument",
    [CR_VAR_JUDGMENT] = "judgment",
    [CR_VAR_PRICE] = "price",
    [CR_VAR_GOAL] = "goal",
    [CR_VAR_HISTORY] = "history",
    [CR_VAR_TARGET] = "target",
    [CR_VAR_NUMBER] = "number",
    [CR_VAR_COMPLAINT] = "complaint",
    [CR_VAR_TEXT] = "text",
    [CR_VAR_OPTIONS] = "options",
    [CR_VAR_LOW] = "low",
    [CR_VAR_HIGH] = "high",
    [CR_VAR_UNIT] = "unit",
};

// One line a template: identifier, file, required, allowed besides.
#define TEMPLATES(T)                                                                   \
    T(MAKER_SYSTEM, "maker_system", V(MEANING) | V(ANSWER), 0)                         \
    T(MAKER_OPENING, "maker_opening", V(PROPOSITION), V(MEANING) | V(ANSWER))          \
    T(MAKER_UPDATE, "maker_update", V(ARGUMENT), V(PRICE) | V(ANSWER))                 \
    T(MAKER_ARGUMENT, "maker_argument", V(NUMBER) | V(ARGUMENT), 0)                    \
    T(REFINER_SYSTEM, "refiner_system", V(MEANING) | V(ANSWER), 0)                     \
    T(REFINER_UPDATE, "refiner_update", 0, V(PRICE) | V(ANSWER))                       \
    T(TRADER_SYSTEM, "trader_system", V(MEANING) | V(ANSWER), 0)                       \
    T(TRADER_OPENING, "trader_opening",                                                \
      V(PROPOSITION) | V(HISTORY) | V(JUDGMENT) | V(PRICE) | V(GOAL), V(ANSWER))       \
    T(TRADER_UPDATE, "trader_update", V(HISTORY) | V(JUDGMENT) | V(PRICE) | V(GOAL),   \
      V(ANSWER))                                                                       \
    T(TRADER_SEEN_ARGUMENT, "trader_seen_argument", V(ARGUMENT), V(NUMBER))            \
    T(TRADER_SEEN_JUDGMENT, "trader_seen_judgment", V(JUDGMENT), 0)                    \
    T(TRADER_UNRELATED, "trader_unrelated", V(PROPOSITION), V(ANSWER))                 \
    T(FILLER, "filler", 0, 0)                                                          \
    T(DEBATE_SYSTEM, "debate_system", V(MEANING) | V(ANSWER), 0)                       \
    T(DEBATE_OPENING, "debate_opening", V(PROPOSITION) | V(HISTORY) | V(GOAL),         \
      V(ANSWER))                                                                       \
    T(DEBATE_UPDATE, "debate_update", V(HISTORY) | V(GOAL), V(ANSWER))                 \
    T(DEBATE_SEEN_ARGUMENT, "debate_seen_argument", V(ARGUMENT), V(NUMBER))            \
    T(JUDGE_SYSTEM, "judge_system", V(MEANING) | V(ANSWER), 0)                         \
    T(JUDGE_UPDATE, "judge_update", V(ARGUMENT), V(PRICE) | V(ANSWER))                 \
    T(JUDGE_ARGUMENT, "judge_argument", V(TARGET) | V(ARGUMENT), V(NUMBER))            \
    T(CONSULTANT_SYSTEM, "consultant_system", V(MEANING) | V(ANSWER), 0)               \
    T(CONSULTANCY_JUDGE_SYSTEM, "consultancy_judge_system", V(MEANING) | V(ANSWER), 0) \
    T(PROPOSER_SYSTEM, "proposer_system", V(MEANING) | V(ANSWER), 0)                   \
    T(CRITIC_SYSTEM, "critic_system", V(MEANING) | V(ANSWER), 0)                       \
    T(CRITIC_JUDGE_SYSTEM, "critic_judge_system", V(MEANING) | V(ANSWER), 0)           \
    T(CRITIC_SEEN_ARGUMENT, "critic_seen_argument", V(ARGUMENT), V(NUMBER))            \
    T(CRITIC_ARGUMENT, "critic_argument", V(NUMBER) | V(ARGUMENT), 0)                  \
    T(HELD_OPENING, "held_opening", V(PROPOSITION) | V(ANSWER), 0)                     \
    T(HELD_UPDATE, "held_update", V(ARGUMENT) | V(ANSWER), V(PRICE))                   \
    T(HELD_IDLE, "held_idle", V(ANSWER), V(PRICE))                                     \
    T(ROOM_SYSTEM, "room_system", V(MEANING), 0)                                       \
    T(ROOM_OPENING, "room_opening", V(PROPOSITION) | V(ANSWER), 0)                     \
    T(ROOM_UPDATE, "room_update", V(HISTORY) | V(PRICE) | V(GOAL) | V(ANSWER), 0)      \
    T(ROOM_HONEST, "room_honest", 0, 0)                                                \
    T(ROOM_ADVERSARY, "room_adversary", V(TARGET), 0)                                  \
    T(REPAIR, "repair", V(COMPLAINT), V(ANSWER))                                       \
    T(STANCE_FREE, "stance_free", 0, 0)                                                \
    T(STANCE_UP, "stance_up", 0, 0)                                                    \
    T(STANCE_DOWN, "stance_down", 0, 0)                                                \
    T(STANCE_CONTRARY, "stance_contrary", V(TARGET), 0)                                \
    T(STANCE_TRUTHFUL, "stance_truthful", V(TARGET), 0)                                \
    T(STANCE_ADVERSARIAL, "stance_adversarial", V(TARGET), 0)                          \
    T(STANCE_SIDE, "stance_side", V(TARGET), 0)                                        \
    T(STANCE_PROPOSER, "stance_proposer", 0, 0)                                        \
    T(STANCE_CRITIC, "stance_critic", 0, 0)                                            \
    T(ITEM_BINARY, "item_binary", V(TEXT), 0)                                          \
    T(ITEM_CATEGORICAL, "item_categorical", V(TEXT) | V(OPTIONS), 0)                   \
    T(ITEM_CONTINUOUS, "item_continuous", V(TEXT) | V(LOW) | V(HIGH), V(UNIT))         \
    T(MEANING_BINARY, "meaning_binary", 0, 0)                                          \
    T(MEANING_CATEGORICAL, "meaning_categorical", 0, 0)                                \
    T(MEANING_CONTINUOUS, "meaning_continuous", 0, V(LOW) | V(HIGH) | V(UNIT))         \
    T(JUDGMENT_BINARY, "answer_judgment_binary", 0, 0)                                 \
    T(JUDGMENT_CATEGORICAL, "answer_judgment_categorical", 0, 0)                       \
    T(JUDGMENT_CONTINUOUS, "answer_judgment_continuous", 0,                            \
      V(LOW) | V(HIGH) | V(UNIT))                                                      \
    T(JUDGMENT_BINARY_BRIEF, "answer_judgment_binary_brief", 0, 0)                     \
    T(JUDGMENT_CATEGORICAL_BRIEF, "answer_judgment_categorical_brief", 0, 0)           \
    T(JUDGMENT_CONTINUOUS_BRIEF, "answer_judgment_continuous_brief", 0,                \
      V(LOW) | V(HIGH) | V(UNIT))                                                      \
    T(ARGUMENT_BINARY, "answer_argument_binary", 0, 0)                                 \
    T(ARGUMENT_CATEGORICAL, "answer_argument_categorical", 0, 0)                       \
    T(ARGUMENT_CONTINUOUS, "answer_argument_continuous", 0, 0)                         \
    T(VOTE_BINARY, "answer_vote_binary", 0, 0)                                         \
    T(VOTE_CATEGORICAL, "answer_vote_categorical", 0, 0)                               \
    T(VOTE_BINARY_BRIEF, "answer_vote_binary_brief", 0, 0)                             \
    T(VOTE_CATEGORICAL_BRIEF, "answer_vote_categorical_brief", 0, 0)                   \
    T(LOGPROB_BINARY, "answer_logprob_binary", 0, 0)                                   \
    T(LOGPROB_CATEGORICAL, "answer_logprob_categorical", 0, 0)                         \
    T(BET_BINARY, "answer_bet_binary", 0, 0)                                           \
    T(BET_CATEGORICAL, "answer_bet_categorical", 0, 0)

#define ROW(id, name, required, allowed) [CR_T_##id] = {name ".txt", required, allowed},
const struct cr_template_row cr_template_table[CR_TEMPLATE_COUNT] = {TEMPLATES(ROW)};

#define FILE_NAME(id, name, required, allowed) name ".txt",
const char *const cr_prompt_files[] = {TEMPLATES(FILE_NAME) NULL};
