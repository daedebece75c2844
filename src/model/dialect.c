// dialect.c - how the services that speak one API differ, as data. The first row of an
// API is its default.
#include <string.h>

#include "credence/model/client.h"
#include "model/backend.h"

#define BEARER "Authorization: Bearer "

static const struct cr_dialect dialects[] = {
    {.name = "openai",
     .api = "openai",
     .path = "/chat/completions",
     .version = "/v1",
     .key_header = BEARER,
     .max_tokens = "max_tokens",
     .seed = "seed",
     .sends_temperature = true,
     .sends_structured = true},
    // Models that think before they answer take another name for the limit, and refuse
    // a temperature.
    {.name = "openai-reasoning",
     .api = "openai",
     .path = "/chat/completions",
     .version = "/v1",
     .key_header = BEARER,
     .max_tokens = "max_completion_tokens",
     .seed = "seed",
     .sends_structured = true},
    {.name = "azure",
     .api = "openai",
     .path = "/chat/completions",
     .version = "",
     .key_header = "api-key: ",
     .max_tokens = "max_tokens",
     .seed = "seed",
     .sends_temperature = true,
     .sends_structured = true,
     .is_azure = true},
    {.name = "azure-reasoning",
     .api = "openai",
     .path = "/chat/completions",
     .version = "",
     .key_header = "api-key: ",
     .max_tokens = "max_completion_tokens",
     .seed = "seed",
     .sends_structured = true,
     .is_azure = true},
    {.name = "mistral",
     .api = "openai",
     .path = "/chat/completions",
     .version = "/v1",
     .key_header = BEARER,
     .max_tokens = "max_tokens",
     .seed = "random_seed",
     .sends_temperature = true,
     .sends_structured = true},
    {.name = "anthropic",
     .api = "anthropic",
     .path = "/messages",
     .version = "/v1",
     .key_header = "x-api-key: ",
     .more_header = "anthropic-version: 2023-06-01",
     .max_tokens = "max_tokens",
     .sends_temperature = true},
    {.name = "anthropic-reasoning",
     .api = "anthropic",
     .path = "/messages",
     .version = "/v1",
     .key_header = "x-api-key: ",
     .more_header = "anthropic-version: 2023-06-01",
     .max_tokens = "max_tokens"},
};
enum { DIALECTS_LEN = sizeof dialects / sizeof dialects[0] };

size_t cr_dialect_count(void) {
    return DIALECTS_LEN;
}

const char *cr_dialect_name(size_t index) {
    return dialects[index].name;
}

const struct cr_dialect *cr_dialect_find(const char *api, const char *name) {
    for (size_t i = 0; i < DIALECTS_LEN; i++) {
        bool is_named = name == NULL || strcmp(dialects[i].name, name) == 0;
        if (is_named && strcmp(dialects[i].api, api) == 0) {
            return &dialects[i];
        }
    }
    return NULL;
}
