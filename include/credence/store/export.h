// export.h - a result file as plain tables, for people without HDF5.
//
// Layer    store (3)
// Threads  not thread-safe
// MPI      none: one process
//
// DIR/NAME.csv and DIR/NAME.jsonl for each table; columns are named as the variables of
// run.h5, flags are written as their meanings, 64-bit identities as hexadecimal text:
//   episodes        one row an episode
//   prices          one row a step that was made: episode, iteration, price, its costs
//   outcome_prices  one row an option of a step; only with categorical propositions
//   quantiles       one row a level of a step; only with continuous propositions
//   propositions    with what was kept of the items, as item.NAME
//   cells, calls    calls with their texts, when the file holds them
// DIR/job.json is the whole job. Missing values are empty in CSV and null in JSON.
#ifndef CREDENCE_STORE_EXPORT_H
#define CREDENCE_STORE_EXPORT_H

#include "credence/base/status.h"

// Export the result file PATH into the folder DIR (made when missing; files of these
// names are replaced, links of these names refused). CR_E_NOT_FOUND, CR_E_FORMAT,
// CR_E_IO, CR_E_FULL, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_export(const char *path, const char *dir,
                                       struct cr_err *err);

#endif
