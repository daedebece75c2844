// Names of cells: what makes them differ, in words.
#include <stdio.h>
#include <string.h>

#include "job/grid.h"

static void add(char name[CR_CELL_NAME_MAX], const char *text) {
    size_t used = strlen(name);
    snprintf(name + used, CR_CELL_NAME_MAX - used, "%s", text);
}

static void add_value(struct cr_job_builder *builder, char name[CR_CELL_NAME_MAX],
                      const struct cr_json *value) {
    struct cr_buf buf;
    if (cr_json_string(value) != NULL) {
        add(name, cr_json_string(value));
        return;
    }
    if (cr_json_type(value) == CR_JSON_ARRAY) { // a team of traders
        const char *plus = "";
        for (const struct cr_json *c = cr_json_first(value); c != NULL;
             c = cr_json_next(c)) {
            add(name, plus);
            add_value(builder, name, c);
            plus = "+";
        }
        return;
    }
    cr_buf_init(&buf, 1 << 20);
    if (cr_json_print(value, false, &buf) == CR_OK) {
        add(name, buf.data);
    } else {
        cr_check_memory(&builder->check);
    }
    cr_buf_fini(&buf);
}

void cr_grid_name_add(struct cr_job_builder *builder, char name[CR_CELL_NAME_MAX],
                      const char *path, const struct cr_json *value) {
    bool is_plain = strcmp(path, "protocol") == 0 || strcmp(path, "benchmark") == 0;
    if (cr_json_type(value) == CR_JSON_OBJECT) { // "stop": each of its members
        char inner[CR_PATH_MAX];
        for (const struct cr_json *c = cr_json_first(value); c != NULL;
             c = cr_json_next(c)) {
            cr_key_path_child(inner, path, cr_json_key(c));
            cr_grid_name_add(builder, name, inner, c);
        }
        return;
    }
    add(name, *name == '\0' ? "" : " ");
    if (!is_plain) {
        add(name, path);
        add(name, "=");
    }
    add_value(builder, name, value);
}
