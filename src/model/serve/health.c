// health.c - a few GETs at a time, moved along by polling.
#include "model/serve/health.h"

#include "credence/base/mem.h"

enum { HEALTH_TIMEOUT_MS = 2000 };

static size_t swallow(char *bytes, size_t size, size_t len, void *ctx) {
    (void)bytes;
    (void)ctx;
    return size * len;
}

enum cr_status cr_health_open(struct cr_health_desk *desk) {
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, cr_malloc, cr_free, cr_realloc,
                             cr_strdup, cr_calloc) != CURLE_OK) {
        return CR_E_MEMORY;
    }
    desk->multi = curl_multi_init();
    if (desk->multi == NULL) {
        curl_global_cleanup();
        return CR_E_MEMORY;
    }
    return CR_OK;
}

void cr_health_close(struct cr_health_desk *desk) {
    if (desk->multi != NULL) {
        curl_multi_cleanup(desk->multi);
        curl_global_cleanup();
        desk->multi = NULL;
    }
}

enum cr_status cr_health_ask(struct cr_health_desk *desk, struct cr_health_check *check,
                             const char *url) {
    if (check->easy == NULL) {
        check->easy = curl_easy_init();
        if (check->easy == NULL) {
            return CR_E_MEMORY;
        }
        curl_easy_setopt(check->easy, CURLOPT_PRIVATE, check);
        curl_easy_setopt(check->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(check->easy, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(check->easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(check->easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(check->easy, CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(check->easy, CURLOPT_TIMEOUT_MS, (long)HEALTH_TIMEOUT_MS);
    }
    curl_easy_setopt(check->easy, CURLOPT_URL, url);
    if (curl_multi_add_handle(desk->multi, check->easy) != CURLM_OK) {
        return CR_E_MEMORY;
    }
    check->is_asking = true;
    return CR_OK;
}

void cr_health_poll(struct cr_health_desk *desk) {
    int running = 0, left = 0;
    const CURLMsg *message;
    curl_multi_perform(desk->multi, &running);
    while ((message = curl_multi_info_read(desk->multi, &left)) != NULL) {
        struct cr_health_check *check = NULL;
        long status = 0;
        CURL *easy = message->easy_handle;
        bool is_heard = message->data.result == CURLE_OK;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&check);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(desk->multi, easy);
        check->is_asking = false;
        check->is_well = is_heard && status == 200;
    }
}

void cr_health_forget(struct cr_health_desk *desk, struct cr_health_check *check) {
    if (check->is_asking) {
        curl_multi_remove_handle(desk->multi, check->easy);
    }
    curl_easy_cleanup(check->easy);
    *check = (struct cr_health_check){0};
}
