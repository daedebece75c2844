// local.c - ranks inside one process: a queue each. For a run alone, and for tests that
// drive a coordinator and its workers by hand.
#include <string.h>

#include "cluster/cluster.h"
#include "credence/base/mem.h"

struct letter {
    struct letter *next;
    int rank, tag;
    size_t len;
    char bytes[];
};

// What the ranks of one local cluster share; the last to close frees it.
struct exchange {
    int size, open;
    struct inbox {
        struct letter *first, **last;
        size_t bytes;
    } * inbox; // [size]
    struct cr_buf broadcast;
    bool has_broadcast;
};

struct local {
    struct cr_cluster head;
    struct exchange *exchange;
    struct letter *reading; // lent out by the last receive
};

static struct local *local_of(struct cr_cluster *cluster) {
    return (struct local *)cluster;
}

// Rank 0 must be first; the others find its bytes waiting.
static enum cr_status local_bcast(struct cr_cluster *cluster, struct cr_buf *buf,
                                  struct cr_err *err) {
    struct exchange *exchange = local_of(cluster)->exchange;
    if (cluster->size == 1) {
        return CR_OK;
    }
    if (cluster->rank == 0) {
        cr_buf_clear(&exchange->broadcast);
        exchange->has_broadcast = true;
        return cr_buf_add(&exchange->broadcast, buf->data, buf->used_bytes);
    }
    if (!exchange->has_broadcast) {
        return cr_err_set(err, CR_E_PEER, "rank 0 has not broadcast yet");
    }
    cr_buf_clear(buf);
    return cr_buf_add(buf, exchange->broadcast.data, exchange->broadcast.used_bytes);
}

static enum cr_status local_send(struct cr_cluster *cluster,
                                 const struct cr_packet *packet, struct cr_err *err) {
    struct letter *letter = cr_malloc(sizeof *letter + packet->len);
    if (letter == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for a message");
    }
    *letter =
        (struct letter){.rank = cluster->rank, .tag = packet->tag, .len = packet->len};
    if (packet->len > 0) {
        memcpy(letter->bytes, packet->bytes, packet->len);
    }
    struct inbox *inbox = &local_of(cluster)->exchange->inbox[packet->rank];
    *inbox->last = letter;
    inbox->last = &letter->next;
    inbox->bytes += packet->len;
    return CR_OK;
}

static bool local_receive(struct cr_cluster *cluster, struct cr_packet *out) {
    struct local *local = local_of(cluster);
    cr_free(local->reading);
    local->reading = NULL;
    struct inbox *inbox = &local->exchange->inbox[cluster->rank];
    while (inbox->first != NULL) {
        struct letter *letter = inbox->first;
        inbox->first = letter->next;
        if (inbox->first == NULL) {
            inbox->last = &inbox->first;
        }
        inbox->bytes -= letter->len;
        if (cluster->is_lost[letter->rank]) {
            cr_free(letter);
            continue;
        }
        local->reading = letter;
        *out =
            (struct cr_packet){letter->rank, letter->tag, letter->bytes, letter->len};
        return true;
    }
    return false;
}

static int local_lost(struct cr_cluster *cluster) {
    (void)cluster;
    return -1;
}

static void local_abandon(struct cr_cluster *cluster, int rank) {
    (void)cluster;
    (void)rank;
}

static void local_watch(struct cr_cluster *cluster, int rank, int64_t pid) {
    (void)cluster;
    (void)rank;
    (void)pid;
}

static bool local_is_moving(const struct cr_cluster *cluster) {
    (void)cluster;
    return false; // what is sent is there
}

static void exchange_free(struct exchange *exchange) {
    for (int i = 0; exchange->inbox != NULL && i < exchange->size; i++) {
        for (struct letter *letter = exchange->inbox[i].first, *next; letter != NULL;
             letter = next) {
            next = letter->next;
            cr_free(letter);
        }
    }
    cr_buf_fini(&exchange->broadcast);
    cr_free(exchange->inbox);
    cr_free(exchange);
}

static void local_close(struct cr_cluster *cluster, bool *must_exit) {
    (void)must_exit;
    struct local *local = local_of(cluster);
    cr_free(local->reading);
    if (--local->exchange->open == 0) {
        exchange_free(local->exchange);
    }
    cr_cluster_fini(&local->head);
    cr_free(local);
}

static const struct cr_cluster_ops local_ops = {
    .name = "local",
    .bcast = local_bcast,
    .send = local_send,
    .receive = local_receive,
    .lost = local_lost,
    .abandon = local_abandon,
    .watch = local_watch,
    .is_moving = local_is_moving,
    .close = local_close,
};

static struct exchange *exchange_create(int size) {
    struct exchange *exchange = cr_calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->size = size;
    cr_buf_init(&exchange->broadcast, (size_t)1 << 40);
    exchange->inbox = cr_calloc((size_t)size, sizeof *exchange->inbox);
    if (exchange->inbox == NULL) {
        cr_free(exchange);
        return NULL;
    }
    for (int i = 0; i < size; i++) {
        exchange->inbox[i].last = &exchange->inbox[i].first;
    }
    return exchange;
}

static enum cr_status local_create(struct exchange *exchange, int rank,
                                   struct cr_cluster **out, struct cr_err *err) {
    struct local *local = cr_calloc(1, sizeof *local);
    if (local == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for rank %d", rank);
    }
    const enum cr_status status =
        cr_cluster_init(&local->head, &local_ops, rank, exchange->size, err);
    if (status != CR_OK) {
        cr_free(local);
        return status;
    }
    local->head.library = "none (one process)";
    local->exchange = exchange;
    exchange->open++;
    *out = &local->head;
    return CR_OK;
}

enum cr_status cr_cluster_open_local(int size, struct cr_cluster **out,
                                     struct cr_err *err) {
    struct exchange *exchange = exchange_create(size);
    if (exchange == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
    }
    exchange->open = 1; // ours, until every rank is made
    enum cr_status status = CR_OK;
    int made = 0;
    while (made < size && status == CR_OK) {
        status = local_create(exchange, made, &out[made], err);
        made += status == CR_OK;
    }
    bool must_exit;
    for (int i = 0; status != CR_OK && i < made; i++) {
        cr_cluster_close(out[i], &must_exit);
    }
    if (--exchange->open == 0) {
        exchange_free(exchange);
    }
    return status;
}
