// where.c - see where.h. A condition is parsed by recursive descent into a tree whose
// nodes live in one arena; nesting is bounded, for the text comes from a command line.
#include "cli/where.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "credence/base/mem.h"

enum { DEPTH_MAX = 64, WORD_BYTES = 128 };

enum op { OP_IS, OP_IS_NOT, OP_LESS, OP_AT_MOST, OP_MORE, OP_AT_LEAST, OP_CONTAINS };

enum kind { NODE_AND, NODE_OR, NODE_NOT, NODE_TEST, NODE_FLAG };

struct node {
    enum kind kind;
    const struct node *left, *right; // of and, or; LEFT alone of not
    size_t column;
    enum op op;
    int other; // a column on the right-hand side, or -1
    double number;
    const char *text;
};

struct cr_where {
    const struct node *root;
    struct cr_arena arena;
};

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_TEXT,
    TOKEN_OP,
    TOKEN_OPEN,
    TOKEN_CLOSE
};

struct token {
    enum token_kind kind;
    enum op op;
    size_t at; // where it begins
    char word[WORD_BYTES];
};

struct parser {
    const char *text;
    size_t at;
    struct token token; // the next one
    const struct cr_listing *listing;
    struct cr_arena *arena;
    unsigned depth;
    enum cr_status status; // the first failure
    struct cr_err *err;
};

static const struct {
    const char *word;
    enum op op;
} ops[] = {{"==", OP_IS},      {"!=", OP_IS_NOT},   {"<>", OP_IS_NOT},
           {"<=", OP_AT_MOST}, {">=", OP_AT_LEAST}, {"=", OP_IS},
           {"<", OP_LESS},     {">", OP_MORE},      {"~", OP_CONTAINS}};

static void refuse(struct parser *parser, const char *expected) {
    if (parser->status != CR_OK) {
        return;
    }
    const struct token *token = &parser->token;
    parser->status = cr_err_set(
        parser->err, CR_E_USAGE, "--where, character %zu: found %s%s%s, expected %s",
        token->at + 1, token->kind == TOKEN_END ? "the end" : "'",
        token->kind == TOKEN_END ? "" : token->word,
        token->kind == TOKEN_END ? "" : "'", expected);
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '+' ||
           ((unsigned char)c & 0x80) != 0;
}

// Copy LEN bytes of the text into the token; a longer one is refused.
static void take_word(struct parser *parser, enum token_kind kind, size_t len) {
    struct token *token = &parser->token;
    token->kind = kind;
    if (len >= sizeof token->word) {
        snprintf(token->word, sizeof token->word, "a word of %zu bytes", len);
        refuse(parser, "a shorter one");
        len = 0;
    }
    memcpy(token->word, parser->text + parser->at, len);
    token->word[len] = '\0';
    parser->at += len;
}

static void take_quoted(struct parser *parser, char quote) {
    parser->at++;
    const char *end = strchr(parser->text + parser->at, quote);
    if (end == NULL) {
        snprintf(parser->token.word, sizeof parser->token.word, "%c", quote);
        parser->token.kind = TOKEN_TEXT;
        refuse(parser, "a closing quote");
        return;
    }
    take_word(parser, TOKEN_TEXT, (size_t)(end - parser->text) - parser->at);
    parser->at++;
}

static bool take_op(struct parser *parser) {
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        const size_t len = strlen(ops[i].word);
        if (strncmp(parser->text + parser->at, ops[i].word, len) == 0) {
            take_word(parser, TOKEN_OP, len);
            parser->token.op = ops[i].op;
            return true;
        }
    }
    return false;
}

static void advance(struct parser *parser) {
    while (isspace((unsigned char)parser->text[parser->at])) {
        parser->at++;
    }
    const char *at = parser->text + parser->at;
    parser->token = (struct token){.kind = TOKEN_END, .at = parser->at};
    if (*at == '\0' || parser->status != CR_OK) {
        return;
    }
    if (*at == '(' || *at == ')') {
        take_word(parser, *at == '(' ? TOKEN_OPEN : TOKEN_CLOSE, 1);
    } else if (*at == '"' || *at == '\'') {
        take_quoted(parser, *at);
    } else if (!take_op(parser)) {
        size_t len = 0;
        while (is_word(at[len])) {
            len++;
        }
        take_word(parser, TOKEN_WORD, len > 0 ? len : 1);
        if (len == 0) {
            refuse(parser, "a column, a value, an operator or a parenthesis");
        }
    }
}

static bool is_next(const struct parser *parser, const char *word) {
    return parser->token.kind == TOKEN_WORD &&
           strcasecmp(parser->token.word, word) == 0;
}

static bool accept(struct parser *parser, const char *word) {
    if (!is_next(parser, word)) {
        return false;
    }
    advance(parser);
    return true;
}

static const struct node *keep(struct parser *parser, struct node made) {
    struct node *node = cr_arena_alloc(parser->arena, sizeof *node);
    if (node == NULL && parser->status == CR_OK) {
        parser->status = cr_err_set(parser->err, CR_E_MEMORY, "out of memory");
    }
    if (node != NULL) {
        *node = made;
    }
    return node;
}

static int take_column(struct parser *parser) {
    const char *nearest = NULL;
    if (parser->token.kind != TOKEN_WORD) {
        refuse(parser, "a column's name");
        return -1;
    }
    const int column = cr_listing_find(parser->listing, parser->token.word, &nearest);
    if (column < 0 && parser->status == CR_OK) {
        parser->status = cr_err_set(
            parser->err, CR_E_USAGE,
            "--where, character %zu: unknown column '%s'%s%s%s", parser->token.at + 1,
            parser->token.word, nearest != NULL ? "; did you mean '" : "",
            nearest != NULL ? nearest : "",
            nearest != NULL ? "'?" : "; 'credence help list' names them");
    }
    advance(parser);
    return column;
}

static bool is_number(const char *word, double *out) {
    char *end;
    *out = strtod(word, &end);
    return end != word && *end == '\0';
}

static bool is_yes(const char *word) {
    return strcasecmp(word, "yes") == 0 || strcasecmp(word, "true") == 0 ||
           strcmp(word, "1") == 0;
}

static bool is_no(const char *word) {
    return strcasecmp(word, "no") == 0 || strcasecmp(word, "false") == 0 ||
           strcmp(word, "0") == 0;
}

// The right-hand side of a test on a column of KIND.
static void take_value(struct parser *parser, enum cr_listing_kind kind,
                       struct node *node) {
    const struct token *token = &parser->token;
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_TEXT) {
        refuse(parser, "a value");
        return;
    }
    if (token->kind == TOKEN_WORD) {
        const int other = cr_listing_find(parser->listing, token->word, NULL);
        node->other =
            other >= 0 && cr_listing_kind(parser->listing, (size_t)other) == kind
                ? other
                : -1;
    }
    if (kind == CR_LISTING_TEXT) {
        node->text = cr_arena_strdup(parser->arena, token->word);
        if (node->text == NULL) {
            parser->status = CR_E_MEMORY;
        }
    } else if (kind == CR_LISTING_FLAG && (is_yes(token->word) || is_no(token->word))) {
        node->number = is_yes(token->word);
    } else if (node->other < 0 && !is_number(token->word, &node->number)) {
        refuse(parser, kind == CR_LISTING_FLAG
                           ? "yes or no"
                           : "a number or a column that holds numbers");
    }
    advance(parser);
}

static bool takes_op(enum cr_listing_kind kind, enum op op) {
    return kind == CR_LISTING_TEXT     ? op <= OP_IS_NOT || op == OP_CONTAINS
           : kind == CR_LISTING_NUMBER ? op != OP_CONTAINS
                                       : op <= OP_IS_NOT;
}

// "opening right" and its like: the flag behind a price.
static const struct node *side_test(struct parser *parser, size_t column) {
    char name[WORD_BYTES];
    const bool is_right = is_next(parser, "right");
    snprintf(name, sizeof name, "%s_right", cr_listing_name(parser->listing, column));
    const int flag = cr_listing_find(parser->listing, name, NULL);
    if (flag < 0) {
        refuse(parser, "an operator; right and wrong go with opening and final");
        return NULL;
    }
    advance(parser);
    return keep(parser, (struct node){.kind = NODE_TEST,
                                      .column = (size_t)flag,
                                      .op = OP_IS,
                                      .other = -1,
                                      .number = is_right});
}

static const struct node *take_test(struct parser *parser) {
    const int column = take_column(parser);
    if (column < 0) {
        return NULL;
    }
    const enum cr_listing_kind kind = cr_listing_kind(parser->listing, (size_t)column);
    struct node node = {.kind = NODE_TEST, .column = (size_t)column, .other = -1};
    if (is_next(parser, "right") || is_next(parser, "wrong")) {
        return side_test(parser, (size_t)column);
    }
    if (accept(parser, "is")) {
        node.op = accept(parser, "not") ? OP_IS_NOT : OP_IS;
    } else if (parser->token.kind == TOKEN_OP) {
        node.op = parser->token.op;
        if (!takes_op(kind, node.op)) {
            refuse(parser, kind == CR_LISTING_TEXT
                               ? "= != or ~, for the column holds text"
                           : kind == CR_LISTING_NUMBER
                               ? "= != < <= > or >=, for the column holds numbers"
                               : "= or !=, for the column holds yes or no");
        }
        advance(parser);
    } else {
        node.kind = NODE_FLAG;
        return keep(parser, node);
    }
    take_value(parser, kind, &node);
    return keep(parser, node);
}

static const struct node *take_or(struct parser *parser);

static const struct node *take_factor(struct parser *parser) {
    const struct node *node = NULL;
    if (++parser->depth > DEPTH_MAX) {
        refuse(parser, "fewer parentheses and nots inside each other");
    } else if (accept(parser, "not")) {
        node =
            keep(parser, (struct node){.kind = NODE_NOT, .left = take_factor(parser)});
    } else if (parser->token.kind == TOKEN_OPEN) {
        advance(parser);
        node = take_or(parser);
        if (parser->token.kind != TOKEN_CLOSE) {
            refuse(parser, "')', and, or or");
        }
        advance(parser);
    } else {
        node = take_test(parser);
    }
    parser->depth--;
    return node;
}

static const struct node *take_and(struct parser *parser) {
    const struct node *node = take_factor(parser);
    while (parser->status == CR_OK && accept(parser, "and")) {
        node = keep(parser, (struct node){.kind = NODE_AND,
                                          .left = node,
                                          .right = take_factor(parser)});
    }
    return node;
}

static const struct node *take_or(struct parser *parser) {
    const struct node *node = take_and(parser);
    while (parser->status == CR_OK && accept(parser, "or")) {
        node = keep(
            parser,
            (struct node){.kind = NODE_OR, .left = node, .right = take_and(parser)});
    }
    return node;
}

enum cr_status cr_where_parse(const char *text, const struct cr_listing *listing,
                              struct cr_where **out, struct cr_err *err) {
    struct cr_where *where = cr_calloc(1, sizeof *where);
    if (where == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    struct parser parser = {
        .text = text, .listing = listing, .arena = &where->arena, .err = err};
    advance(&parser);
    where->root = take_or(&parser);
    if (parser.token.kind != TOKEN_END) {
        refuse(&parser, "and, or, or the end");
    }
    if (parser.status != CR_OK) {
        cr_where_destroy(where);
        return parser.status;
    }
    *out = where;
    return CR_OK;
}

void cr_where_destroy(struct cr_where *where) {
    if (where != NULL) {
        cr_arena_fini(&where->arena);
        cr_free(where);
    }
}

static bool compare(enum op op, double order) {
    switch (op) {
    case OP_IS:
        return order == 0;
    case OP_IS_NOT:
        return order != 0;
    case OP_LESS:
        return order < 0;
    case OP_AT_MOST:
        return order <= 0;
    case OP_MORE:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool test_text(const struct node *node, const char *text, const char *other) {
    if (text == NULL || other == NULL) {
        return false;
    }
    if (node->op == OP_CONTAINS) {
        return strcasestr(text, other) != NULL;
    }
    const int order = strcasecmp(text, other);
    return compare(node->op, order);
}

static bool test(const struct node *node, const struct cr_listing *listing,
                 uint64_t episode) {
    struct cr_listing_value value, other = {.number = node->number, .text = node->text};
    const bool is_text = cr_listing_kind(listing, node->column) == CR_LISTING_TEXT;
    cr_listing_get(listing, node->column, episode, &value);
    if (node->kind == NODE_FLAG) {
        const bool is_flag = cr_listing_kind(listing, node->column) == CR_LISTING_FLAG;
        return is_text   ? value.text != NULL && value.text[0] != '\0'
               : is_flag ? value.number == 1
                         : !isnan(value.number);
    }
    if (node->other >= 0) {
        cr_listing_get(listing, (size_t)node->other, episode, &other);
    }
    if (is_text) {
        return test_text(node, value.text, other.text);
    }
    // Equal as the list shows it: 0.1 + 0.2 is 0.3.
    const double order = value.number - other.number;
    return !isnan(order) && compare(node->op, fabs(order) < 1e-9 ? 0 : order);
}

static bool holds(const struct node *node, const struct cr_listing *listing,
                  uint64_t episode) {
    switch (node->kind) {
    case NODE_AND:
        return holds(node->left, listing, episode) &&
               holds(node->right, listing, episode);
    case NODE_OR:
        return holds(node->left, listing, episode) ||
               holds(node->right, listing, episode);
    case NODE_NOT:
        return !holds(node->left, listing, episode);
    default:
        return test(node, listing, episode);
    }
}

bool cr_where_holds(const struct cr_where *where, const struct cr_listing *listing,
                    uint64_t episode) {
    return holds(where->root, listing, episode);
}
