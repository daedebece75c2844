// reply_cache.c - see reply_cache.h.
#include "run/reply_cache.h"

#include <inttypes.h>
#include <stdlib.h>

#include "credence/base/mem.h"
#include "credence/store/tape.h"

struct place { // of one recorded reply
    struct cr_hash hash;
    uint32_t dir, launch, rank;
    uint64_t offset;
};

struct cr_reply_cache {
    const char **dirs; // borrowed from the job
    uint32_t dirs_len;
    struct place *places; // sorted by hash; the first recorded of equals first
    size_t places_len, places_cap;
    bool is_simulated;           // any reply is
    struct cr_call_records lent; // the record of the last look-up
};

struct filling {
    struct cr_reply_cache *reply_cache;
    uint32_t dir;
};

static enum cr_status on_key(void *ctx, const struct cr_tape_key *key,
                             struct cr_err *err) {
    const struct filling *filling = ctx;
    struct cr_reply_cache *cache = filling->reply_cache;
    if (cr_reason_is_failure(key->reason)) {
        return CR_OK;
    }
    cache->is_simulated = cache->is_simulated || key->is_simulated;
    const enum cr_status status =
        cr_array_grow((void **)&cache->places, &cache->places_cap,
                      cache->places_len + 1, sizeof *cache->places);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory for %zu recorded replies",
                          cache->places_len);
    }
    cache->places[cache->places_len++] = (struct place){.hash = key->request_hash,
                                                        .dir = filling->dir,
                                                        .launch = key->launch,
                                                        .rank = key->rank,
                                                        .offset = key->offset};
    return CR_OK;
}

static int by_hash(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->hash.hi != y->hash.hi) {
        return x->hash.hi < y->hash.hi ? -1 : 1;
    }
    return x->hash.lo < y->hash.lo ? -1 : x->hash.lo > y->hash.lo;
}

static uint32_t count_dirs(const struct cr_job *job) {
    uint32_t len = job->caches_len;
    for (uint32_t i = 0; i < job->models_len; i++) {
        len += job->models[i].tapes_len;
    }
    return len;
}

static void list_dirs(struct cr_reply_cache *cache, const struct cr_job *job) {
    for (uint32_t i = 0; i < job->caches_len; i++) {
        cache->dirs[cache->dirs_len++] = job->caches[i];
    }
    for (uint32_t i = 0; i < job->models_len; i++) {
        for (uint32_t j = 0; j < job->models[i].tapes_len; j++) {
            cache->dirs[cache->dirs_len++] = job->models[i].tapes[j];
        }
    }
}

static enum cr_status read_dir(struct cr_reply_cache *cache, uint32_t dir,
                               struct cr_log *log, struct cr_err *err) {
    struct filling filling = {cache, dir};
    struct cr_tape_damage damage = {0};
    if (cr_tape_next_launch(cache->dirs[dir]) == 0) {
        return cr_err_set(err, CR_E_NOT_FOUND,
                          "%s has no tape: 'cache' and 'tapes' want run directories",
                          cache->dirs[dir]);
    }
    const enum cr_status status =
        cr_tape_scan_keys(cache->dirs[dir], on_key, &filling, &damage, err);
    if (status == CR_OK && damage.damaged > 0) {
        cr_log_write(log, CR_LOG_WARN, "%s: %s; %" PRIu64 " lines are not used",
                     cache->dirs[dir], damage.first, damage.damaged);
    }
    return status;
}

enum cr_status cr_reply_cache_open(const struct cr_job *job, struct cr_log *log,
                                   struct cr_reply_cache **out, struct cr_err *err) {
    const uint32_t len = count_dirs(job);
    if (len == 0) {
        *out = NULL;
        return CR_OK;
    }
    struct cr_reply_cache *cache = cr_calloc(1, sizeof *cache);
    if (cache != NULL) {
        cache->dirs = cr_calloc(len, sizeof *cache->dirs);
    }
    if (cache == NULL || cache->dirs == NULL) {
        cr_reply_cache_close(cache);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for recorded replies");
    }
    list_dirs(cache, job);
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < cache->dirs_len && status == CR_OK; i++) {
        status = read_dir(cache, i, log, err);
    }
    if (status != CR_OK) {
        cr_reply_cache_close(cache);
        return status;
    }
    if (cache->places_len > 0) {
        qsort(cache->places, cache->places_len, sizeof *cache->places, by_hash);
    }
    *out = cache;
    return CR_OK;
}

bool cr_reply_cache_is_simulated(const struct cr_reply_cache *cache) {
    return cache != NULL && cache->is_simulated;
}

void cr_reply_cache_close(struct cr_reply_cache *cache) {
    if (cache == NULL) {
        return;
    }
    cr_call_records_fini(&cache->lent);
    cr_free(cache->places);
    cr_free(cache->dirs);
    cr_free(cache);
}

static enum cr_status keep(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    struct cr_reply_cache *cache = ctx;
    (void)err;
    return cr_call_records_add(&cache->lent, record);
}

bool cr_reply_cache_lookup(void *ctx, const struct cr_call *call,
                           struct cr_call_record *out) {
    struct cr_reply_cache *cache = ctx;
    const struct place wanted = {.hash = call->request_hash};
    const struct place *found = cache->places_len == 0
                                    ? NULL
                                    : bsearch(&wanted, cache->places, cache->places_len,
                                              sizeof *cache->places, by_hash);
    if (found == NULL) {
        return false;
    }
    const struct cr_tape_key key = {
        .launch = found->launch, .rank = found->rank, .offset = found->offset};
    cr_call_records_fini(&cache->lent);
    if (cr_tape_read_at(cache->dirs[found->dir], &key, keep, cache, NULL) != CR_OK ||
        cache->lent.len != 1) {
        return false; // the tape has changed under us: ask
    }
    *out = cache->lent.at[0];
    return true;
}
