// definition.h - a word of an output and what it means, for help, man page and tables.
//
// Layer    stats (2)
// Threads  read-only tables
// MPI      none
#ifndef CREDENCE_STATS_DEFINITION_H
#define CREDENCE_STATS_DEFINITION_H

struct cr_definition { // lists end with a NULL name
    const char *name, *section, *text;
};

#endif
