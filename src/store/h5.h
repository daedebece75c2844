// h5.h - what every use of HDF5 here has in common: errors, attributes, slabs.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
//
// An hid_t has one owner; -1 (H5I_INVALID_HID) is the neutral value, and cr_h5_close
// accepts it.
#ifndef CR_STORE_H5_H
#define CR_STORE_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "credence/base/status.h"

// Have the library report failures to cr_h5_fail and print none, load no plugins, and
// forget an earlier failure. Every public function that calls the library begins with
// it.
void cr_h5_enter(void);
// Forget a failure that was expected.
void cr_h5_forget(void);

// Fill ERR with the text and the cause of the first failure that is not forgotten, and
// forget it. CR_E_FULL when the disk was, else CR_E_MEMORY, CR_E_IO.
enum cr_status cr_h5_fail(struct cr_err *err, const char *fmt, ...) CR_PRINTF(2, 3);

// Close an id of any kind.
void cr_h5_close(hid_t id);

// How every file of ours is opened and created: 1.10 format, no locks of the library's
// own (the run directory has one, and many cluster file systems refuse flock).
hid_t cr_h5_access(void);

// The int results below: 0, or -1, and then cr_h5_fail says why.

// A fixed-length string attribute, an attribute of any length, a number.
CR_MUST_CHECK int cr_h5_put_chars(hid_t object, const char *name, const char *text);
CR_MUST_CHECK int cr_h5_put_text(hid_t object, const char *name, const char *text);
CR_MUST_CHECK int cr_h5_put_i32(hid_t object, const char *name, int32_t value);
// Into an attribute that exists; chars are padded to its size.
CR_MUST_CHECK int cr_h5_set_chars(hid_t object, const char *name, const char *text);
CR_MUST_CHECK int cr_h5_set_i32(hid_t object, const char *name, int32_t value);
// One text, whatever its string type, as a heap string (cr_free), and one integer.
// CR_E_NOT_FOUND when there is no such attribute, CR_E_FORMAT when it holds anything
// else or more than one, CR_E_IO when it cannot be read, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_h5_read_text(hid_t object, const char *name, char **out,
                                             struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_h5_read_i32(hid_t object, const char *name,
                                            int32_t *out, struct cr_err *err);

// A run of rows of a dataset: all of the other dimensions.
struct cr_slab {
    uint64_t first_row, rows;
};
// BYTES-typed access by TYPE (a memory type) to whole rows.
CR_MUST_CHECK int cr_h5_write_rows(hid_t dataset, hid_t type, struct cr_slab slab,
                                   const void *data);
CR_MUST_CHECK int cr_h5_read_rows(hid_t dataset, hid_t type, struct cr_slab slab,
                                  void *data);
// Rows of DATASET (its first dimension); -1 on failure.
int64_t cr_h5_rows(hid_t dataset);

// A memory type for variable-length UTF-8 strings (the caller closes it).
hid_t cr_h5_text_type(void);

// Chunks of one-dimensional datasets as they are in the file: filtered.

// Whether a chunk of one dataset means the same in the other: equal length and
// filters. The types are the caller's to know.
bool cr_chunks_are_alike(hid_t left, hid_t right);

// Copy the chunks of the first ROWS rows of FROM into TO, which is as long; both are
// alike. Nothing is inflated.
int cr_chunks_copy(hid_t from, hid_t to, uint64_t rows);

// Chunks whose elements are all equal: one is filtered, each further one with the same
// element stored as the first was. Most columns of /calls are constant for long.
struct cr_chunk_memory {
    uint32_t bytes; // of stored; 0: nothing is remembered
    unsigned char element[8];
    unsigned char stored[512];
};
// Write DATA, exactly the chunk of SLAB.
int cr_chunk_write(hid_t dataset, hid_t type, struct cr_slab slab,
                   const unsigned char *data, struct cr_chunk_memory *memory);

#endif
