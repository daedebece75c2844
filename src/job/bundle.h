// bundle.h - writing a bundle, section by section.
//
// Layer    job (4), private to the folder
#ifndef CR_JOB_BUNDLE_H
#define CR_JOB_BUNDLE_H

#include "credence/base/json.h"
#include "credence/job/bundle.h"

enum { CR_JOB_BYTES_MAX = 16 << 20, CR_JOB_DEPTH_MAX = 32 };
extern const struct cr_json_limits cr_job_json_limits;

struct cr_bundle_writer {
    struct cr_buf *out;
    uint32_t sections_len;
};
CR_MUST_CHECK enum cr_status cr_bundle_begin(struct cr_bundle_writer *writer,
                                             struct cr_buf *out);
CR_MUST_CHECK enum cr_status cr_bundle_add(struct cr_bundle_writer *writer,
                                           const char *name, const void *bytes,
                                           size_t len);
CR_MUST_CHECK enum cr_status cr_bundle_end(struct cr_bundle_writer *writer);

// *root with the value at PATH replaced by VALUE_TEXT (JSON, or else taken as a
// string). A key with dots in it ("models.gpt-4.1.params", any axis of "grid") is found
// whole. CR_E_USAGE when PATH runs through something that is no object.
CR_MUST_CHECK enum cr_status cr_set_apply(struct cr_json **root, const char *set,
                                          struct cr_err *err);

// Add the texts of every prompt set that JOB names, and of "paper", to WRITER.
// DIR is the job file's folder.
CR_MUST_CHECK enum cr_status cr_bundle_add_prompts(struct cr_bundle_writer *writer,
                                                   const struct cr_json *job,
                                                   const char *dir, struct cr_err *err);

#endif
