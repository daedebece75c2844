// where.h - conditions over the columns of a list, as a person writes them.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
//
//   condition   and, or, not, ( ); and binds more strongly than or
//   test        COLUMN OP VALUE    OP: = != < <= > >= ~ (contains); "is" is "="
//               COLUMN             a flag that is set, a number or a text that is there
//               opening right, opening wrong, final right, final wrong
//   VALUE       a number, a word, a text in single or double quotes, or the name of a
//               column of the same kind
//
// A test on a value that is missing is false. Texts are compared letter by letter,
// without regard to case.
#ifndef CR_CLI_WHERE_H
#define CR_CLI_WHERE_H

#include "cli/listing.h"

struct cr_where;

// Parse TEXT. CR_E_USAGE says at which character, what was found and what was expected;
// an unknown column is answered with the nearest. *out is given (cr_where_destroy).
CR_MUST_CHECK enum cr_status cr_where_parse(const char *text,
                                            const struct cr_listing *listing,
                                            struct cr_where **out, struct cr_err *err);
void cr_where_destroy(struct cr_where *where);
bool cr_where_holds(const struct cr_where *where, const struct cr_listing *listing,
                    uint64_t episode);

#endif
