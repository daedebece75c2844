// hypotheses.c - "hypotheses" of a job file: read and checked against its cells.
#include <string.h>

#include "job/builder.h"

static void check_cell(struct cr_job_builder *builder, const char *name,
                       const char *path) {
    struct cr_check *check = &builder->check;
    const struct cr_job *job = check->job;
    const char **names = cr_check_alloc(check, job->cells_len, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < job->cells_len; i++) {
        names[i] = job->cells[i].name;
        if (strcmp(names[i], name) == 0) {
            return;
        }
    }
    if (names != NULL) {
        cr_check_unknown(check, path, name, (struct cr_names){names, job->cells_len});
    }
}

static void check_cells(struct cr_job_builder *builder, const struct cr_hypothesis *one,
                        const char *path) {
    struct cr_check *check = &builder->check;
    char place[CR_PATH_MAX], element[CR_PATH_MAX];
    cr_key_path_child(place, path, "cells");
    const bool takes_one = one->contrast == CR_CONTRAST_GAIN;
    if (one->cells_len > 2 || one->cells_len < (takes_one ? 1u : 2u)) {
        cr_check_mistake(check, place, "found %u, expected %s of cells for '%s'",
                         one->cells_len, takes_one ? "one or two names" : "two names",
                         cr_contrast_names[one->contrast]);
        return;
    }
    for (uint32_t i = 0; i < one->cells_len && check->job->cells_len > 0; i++) {
        cr_key_path_element(element, place, i);
        check_cell(builder, one->cells[i], element);
    }
    if (one->cells_len == 2 && strcmp(one->cells[0], one->cells[1]) == 0) {
        cr_check_mistake(check, place, "names '%.80s' twice, expected two cells",
                         one->cells[0]);
    }
}

static void read_one(struct cr_job_builder *builder, const struct cr_json *object,
                     size_t index, struct cr_hypothesis *all) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX], name_path[CR_PATH_MAX];
    struct cr_hypothesis *one = &all[index];
    cr_key_path_element(path, "hypotheses", index);
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        cr_check_mistake(check, path, "found %s, expected an object",
                         cr_json_type_name(cr_json_type(object)));
        return;
    }
    struct cr_check_target target = {.path = path, .out = one};
    size_t before = check->mistakes_len;
    cr_check_object(check, &cr_keys_hypothesis, object, &target);
    if (check->mistakes_len > before || check->is_out_of_memory) {
        return;
    }
    cr_key_path_child(name_path, path, "name");
    if (one->name[0] == '\0') {
        cr_check_mistake(check, name_path, "is empty, expected a title");
    }
    for (size_t i = 0; i < index; i++) {
        if (all[i].name != NULL && strcmp(all[i].name, one->name) == 0) {
            cr_check_mistake(check, name_path, "'%.80s' is hypotheses[%zu] already",
                             one->name, i);
        }
    }
    check_cells(builder, one, path);
}

void cr_job_read_hypotheses(struct cr_job_builder *builder) {
    struct cr_check *check = &builder->check;
    struct cr_job *job = check->job;
    const struct cr_json *list = cr_json_get(builder->root, "hypotheses");
    if (cr_json_type(list) != CR_JSON_ARRAY || cr_json_len(list) == 0) {
        return;
    }
    if (cr_json_len(list) > CR_HYPOTHESES_MAX) {
        cr_check_mistake(check, "hypotheses", "%zu of them, at most %d are allowed",
                         cr_json_len(list), CR_HYPOTHESES_MAX);
        return;
    }
    job->hypotheses = cr_check_alloc(check, cr_json_len(list), sizeof *job->hypotheses);
    if (job->hypotheses == NULL) {
        return;
    }
    for (const struct cr_json *c = cr_json_first(list); c != NULL;
         c = cr_json_next(c)) {
        read_one(builder, c, job->hypotheses_len, job->hypotheses);
        job->hypotheses_len++;
    }
}
