// command.c - the list of commands.
#include "cli/command.h"

#include <string.h>

#include "credence/base/text.h"

static const struct cr_command *const table[] = {
    &cr_command_items,  &cr_command_plan,   &cr_command_probe,   &cr_command_run,
    &cr_command_status, &cr_command_list,   &cr_command_show,    &cr_command_analyze,
    &cr_command_merge,  &cr_command_export, &cr_command_rebuild, &cr_command_version,
    &cr_command_help,
};
enum { TABLE_LEN = sizeof table / sizeof table[0] };

size_t cr_command_count(void) {
    return TABLE_LEN;
}

const struct cr_command *cr_command_at(size_t index) {
    return table[index];
}

const struct cr_command *cr_command_find(const char *name) {
    for (size_t i = 0; i < TABLE_LEN; i++) {
        if (strcmp(table[i]->name, name) == 0) {
            return table[i];
        }
    }
    return NULL;
}

const char *cr_command_nearest(const char *name) {
    const char *names[TABLE_LEN];
    for (size_t i = 0; i < TABLE_LEN; i++) {
        names[i] = table[i]->name;
    }
    return cr_text_nearest(name, names, TABLE_LEN);
}
