// mpi.c - ranks under Open MPI; the only file that includes <mpi.h>.
//
// Nothing may block for ever because a peer died, so there is no blocking call but the
// start-up broadcast, and that one sleeps between tests:
//   - sends are MPI_Isend of a copy, tested now and then; one to a lost rank may stay
//     pending for ever, so its buffer is leaked on purpose;
//   - receives are MPI_Improbe + MPI_Imrecv; several may be under way, because a large
//     message from a rank that died half-way never completes;
//   - after any loss nobody calls MPI_Finalize (it hangs in a few percent of runs).
// Messages that can wait (cr_tag_can_wait) are gathered and go together, as a batch,
// in front of the next message or at the next receive: thousands of small results a
// second cost their receiver more in the library than in what it does with them. A rank
// that waits inside MPI burns its core (progress is polled), so callers sleep between
// calls and never here.
#include <mpi.h>
#if defined(OPEN_MPI) && OPEN_MPI
#include <mpi-ext.h>
#endif

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cluster/batch.h"
#include "cluster/cluster.h"
#include "cluster/witness.h"
#include "credence/base/mem.h"
#include "credence/cluster/message.h"

#if defined(OMPI_HAVE_MPI_EXT_FTMPI) && OMPI_HAVE_MPI_EXT_FTMPI
enum { HAS_ULFM = 1 };
#else
enum { HAS_ULFM = 0 };
#endif

enum {
    // A rank that dies before its MPI_Init hangs the others there. 512 ranks on two cores
    // need 400 s for it.
    START_SECONDS = 600,
    START_RANK_MS = 2000,
    START_WAIT_S = 1800,         // for what rank 0 reads before it broadcasts
    CLOSE_WAIT_S = 3600,         // for the last pass of rank 0 over its file
    BCAST_CHUNK_BYTES = 1 << 28, // counts are int
    CLOSE_MS = 300000, // for the last messages: of 512 ranks on two cores each is slow
    CLOSE_LOST_MS = 2000, // the same after a loss: those they go to may be gone, too
    SENDS_TESTED = 32,    // a turn; the oldest, so that order is the cost
    TAG_BATCH = 1 << 14   // above all tags of messages
};

struct sending {
    struct sending *next;
    MPI_Request request;
    int rank;
    size_t len;
    char bytes[];
};

struct receiving {
    struct receiving *next;
    MPI_Request request;
    int rank, tag;
    size_t len;
    bool is_here;
    char bytes[];
};

struct mpi {
    struct cr_cluster head;
    struct sending *sends, **sends_last;
    struct receiving *receives, **receives_last; // in the order they were matched
    struct receiving *reading;                   // lent out by the last receive
    size_t read_bytes;                           // of it, when it is a batch
    struct cr_batch *batch;                      // gathered, not sent yet
    int *pidfd;                                  // [size], -1 when not watched
    int ulfm_known;
    bool any_lost;
};

static struct mpi *mpi_of(struct cr_cluster *cluster) {
    return (struct mpi *)cluster;
}

static enum cr_status fail(struct cr_err *err, int code, const char *what) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;
    MPI_Error_string(code, text, &len);
    return cr_err_set(err, CR_E_PEER, "MPI: %s: %s", what, text);
}

static void sleep_us(long us) {
    const struct timespec pause = {.tv_sec = us / 1000000,
                                   .tv_nsec = (us % 1000000) * 1000};
    nanosleep(&pause, NULL);
}

// Wait for REQUEST asleep: 50 us at first, 5 ms when it takes long.
static enum cr_status wait_asleep(MPI_Request *request, int most_s,
                                  struct cr_err *err) {
    int is_done = 0;
    int64_t waited_us = 0;
    for (long us = 50; !is_done; us = us < 5000 ? us * 2 : us) {
        const int code = MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS) {
            return fail(err, code, "waiting for all ranks");
        }
        if (!is_done && waited_us > (int64_t)most_s * 1000000) {
            return cr_err_set(err, CR_E_PEER, "MPI: a rank does not answer");
        }
        if (!is_done) {
            sleep_us(us);
        }
        waited_us += us;
    }
    return CR_OK;
}

static enum cr_status bcast_bytes(void *bytes, size_t len, struct cr_err *err) {
    char *at = bytes;
    while (len > 0) {
        const size_t chunk = len < BCAST_CHUNK_BYTES ? len : BCAST_CHUNK_BYTES;
        MPI_Request request;
        const int code =
            MPI_Ibcast(at, (int)chunk, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
        if (code != MPI_SUCCESS) {
            return fail(err, code, "broadcast");
        }
        const enum cr_status status = wait_asleep(&request, START_WAIT_S, err);
        if (status != CR_OK) {
            return status;
        }
        at += chunk;
        len -= chunk;
    }
    return CR_OK;
}

static enum cr_status mpi_bcast(struct cr_cluster *cluster, struct cr_buf *buf,
                                struct cr_err *err) {
    uint64_t len = buf->used_bytes;
    enum cr_status status = bcast_bytes(&len, sizeof len, err);
    if (status != CR_OK) {
        mpi_of(cluster)->any_lost = true;
        return status;
    }
    if (cluster->rank != 0) {
        cr_buf_clear(buf);
        status = cr_buf_reserve(buf, len);
        if (status != CR_OK) {
            return cr_err_set(err, status, "a job of %llu bytes does not fit",
                              (unsigned long long)len);
        }
        buf->used_bytes = len;
    }
    return bcast_bytes(buf->data, len, err);
}

// Free what has gone; the oldest first, a bounded number a turn.
static void test_sends(struct mpi *mpi) {
    struct sending **at = &mpi->sends;
    for (int i = 0; i < SENDS_TESTED && *at != NULL; i++) {
        struct sending *sending = *at;
        int is_done = 0;
        const bool is_lost = mpi->head.is_lost[sending->rank];
        if (!is_lost &&
            MPI_Test(&sending->request, &is_done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
            is_done = 1;
        }
        if (!is_done && !is_lost) {
            at = &sending->next;
            continue;
        }
        *at = sending->next;
        if (is_done) { // a lost rank's buffer may still be read by the library
            cr_free(sending);
        }
    }
    if (*at == NULL) {
        mpi->sends_last = at;
    }
}

static enum cr_status send_now(struct mpi *mpi, const struct cr_packet *packet,
                               struct cr_err *err) {
    struct sending *sending = cr_malloc(sizeof *sending + packet->len);
    if (sending == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for a message");
    }
    *sending = (struct sending){.rank = packet->rank, .len = packet->len};
    if (packet->len > 0) {
        memcpy(sending->bytes, packet->bytes, packet->len);
    }
    const int code = MPI_Isend(sending->bytes, (int)packet->len, MPI_BYTE, packet->rank,
                               packet->tag, MPI_COMM_WORLD, &sending->request);
    if (code != MPI_SUCCESS) {
        cr_free(sending);
        return fail(err, code, "send");
    }
    *mpi->sends_last = sending;
    mpi->sends_last = &sending->next;
    test_sends(mpi);
    return CR_OK;
}

// What was gathered stays so when this fails.
static enum cr_status send_batch(struct mpi *mpi, struct cr_err *err) {
    struct cr_batch *batch = mpi->batch;
    const struct cr_packet packet = {batch->rank, TAG_BATCH, batch->bytes,
                                     batch->used_bytes};
    enum cr_status status = CR_OK;
    if (batch->used_bytes > 0 && !mpi->head.is_lost[batch->rank]) {
        status = send_now(mpi, &packet, err);
    }
    if (status == CR_OK) {
        batch->used_bytes = 0;
    }
    return status;
}

static enum cr_status mpi_send(struct cr_cluster *cluster,
                               const struct cr_packet *packet, struct cr_err *err) {
    struct mpi *mpi = mpi_of(cluster);
    const bool can_wait = cr_tag_can_wait(packet->tag) && cr_batch_can_hold(packet);
    const bool must_go = !can_wait || !cr_batch_has_room(mpi->batch, packet);
    const enum cr_status status = must_go ? send_batch(mpi, err) : CR_OK;
    if (status != CR_OK || !can_wait) {
        return status != CR_OK ? status : send_now(mpi, packet, err);
    }
    cr_batch_add(mpi->batch, packet);
    return CR_OK;
}

// Begin to receive whatever has been matched; false when nothing has come.
static bool match_one(struct mpi *mpi) {
    int is_there = 0, len = 0;
    MPI_Message message;
    MPI_Status status;
    if (MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there, &message,
                    &status) != MPI_SUCCESS ||
        !is_there) {
        return false;
    }
    MPI_Get_count(&status, MPI_BYTE, &len);
    struct receiving *receiving = cr_malloc(sizeof *receiving + (size_t)len);
    if (receiving == NULL) {
        abort(); // a matched message cannot be put back, and losing it breaks the run
    }
    *receiving = (struct receiving){
        .rank = status.MPI_SOURCE, .tag = status.MPI_TAG, .len = (size_t)len};
    if (MPI_Imrecv(receiving->bytes, len, MPI_BYTE, &message, &receiving->request) !=
        MPI_SUCCESS) {
        cr_free(receiving);
        return false;
    }
    *mpi->receives_last = receiving;
    mpi->receives_last = &receiving->next;
    return true;
}

static bool has_arrived(struct receiving *receiving) {
    int is_done = 0;
    if (!receiving->is_here &&
        MPI_Test(&receiving->request, &is_done, MPI_STATUS_IGNORE) == MPI_SUCCESS) {
        receiving->is_here = is_done != 0;
    }
    return receiving->is_here;
}

static bool is_behind(const struct mpi *mpi, const struct receiving *receiving) {
    for (const struct receiving *at = mpi->receives; at != receiving; at = at->next) {
        if (at->rank == receiving->rank) {
            return true;
        }
    }
    return false;
}

static void unlink_receiving(struct mpi *mpi, struct receiving **at) {
    struct receiving *receiving = *at;
    *at = receiving->next;
    if (mpi->receives_last == &receiving->next) {
        mpi->receives_last = at;
    }
}

// The first complete message that has no older one of its sender in front of it.
static struct receiving *take_arrived(struct mpi *mpi) {
    struct receiving **at = &mpi->receives;
    while (*at != NULL) {
        struct receiving *receiving = *at;
        const bool is_here = has_arrived(receiving);
        if (mpi->head.is_lost[receiving->rank]) {
            unlink_receiving(mpi, at);
            if (is_here) { // else the library may still write into it
                cr_free(receiving);
            }
        } else if (is_here && !is_behind(mpi, receiving)) {
            unlink_receiving(mpi, at);
            return receiving;
        } else {
            at = &receiving->next;
        }
    }
    return NULL;
}

// The next message of the batch that is being read; false at its end.
static bool take_piece(struct mpi *mpi, struct cr_packet *out) {
    const struct receiving *batch = mpi->reading;
    out->rank = batch->rank;
    return !mpi->head.is_lost[batch->rank] &&
           cr_batch_next(batch->bytes, batch->len, &mpi->read_bytes, out);
}

static bool mpi_receive(struct cr_cluster *cluster, struct cr_packet *out) {
    struct mpi *mpi = mpi_of(cluster);
    cr_status_ignore(send_batch(mpi, NULL));
    if (mpi->reading != NULL && mpi->reading->tag == TAG_BATCH &&
        take_piece(mpi, out)) {
        return true;
    }
    cr_free(mpi->reading);
    mpi->reading = NULL;
    if (mpi->sends != NULL) {
        test_sends(mpi);
    }
    (void)match_one(mpi);
    struct receiving *receiving = take_arrived(mpi);
    if (receiving == NULL) {
        return false;
    }
    mpi->reading = receiving;
    mpi->read_bytes = 0;
    if (receiving->tag == TAG_BATCH) {
        return take_piece(mpi, out); // it has one: none is sent empty
    }
    *out = (struct cr_packet){receiving->rank, receiving->tag, receiving->bytes,
                              receiving->len};
    return true;
}

#if defined(OMPI_HAVE_MPI_EXT_FTMPI) && OMPI_HAVE_MPI_EXT_FTMPI
// ULFM sees a killed process in 7 to 20 ms when the launch has it switched on
// (mpirun --with-ft ulfm); compiled in does not mean launched with it.
static int ulfm_lost(struct mpi *mpi) {
    MPI_Group failed, world;
    int len = 0, rank = -1;
    if (MPIX_Comm_get_failed(MPI_COMM_WORLD, &failed) != MPI_SUCCESS) {
        return -1;
    }
    MPI_Group_size(failed, &len);
    if (len > mpi->ulfm_known) {
        int acknowledged = 0;
        (void)MPIX_Comm_ack_failed(MPI_COMM_WORLD, len, &acknowledged);
        MPI_Comm_group(MPI_COMM_WORLD, &world);
        MPI_Group_translate_ranks(failed, 1, &mpi->ulfm_known, world, &rank);
        MPI_Group_free(&world);
        mpi->ulfm_known++;
    }
    MPI_Group_free(&failed);
    return rank == MPI_UNDEFINED ? -1 : rank;
}
#else
static int ulfm_lost(struct mpi *mpi) {
    (void)mpi;
    return -1;
}
#endif

static bool has_ended(int pidfd) {
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&fd, 1, 0) > 0;
}

static int mpi_lost(struct cr_cluster *cluster) {
    struct mpi *mpi = mpi_of(cluster);
    if (HAS_ULFM) {
        const int rank = ulfm_lost(mpi);
        if (rank >= 0 && !cluster->is_lost[rank]) {
            return rank;
        }
    }
    for (int rank = 0; rank < cluster->size; rank++) {
        if (!cluster->is_lost[rank] && has_ended(mpi->pidfd[rank])) {
            close(mpi->pidfd[rank]);
            mpi->pidfd[rank] = -1;
            return rank;
        }
    }
    return -1;
}

// A stopped process must not wake up later and go on as if it had not been given up.
// Rank 0 is spared: when it wakes it finds the others gone, and ends in order.
static void mpi_abandon(struct cr_cluster *cluster, int rank) {
    struct mpi *mpi = mpi_of(cluster);
    mpi->any_lost = true;
    if (mpi->pidfd[rank] >= 0 && rank != 0) {
        (void)syscall(SYS_pidfd_send_signal, mpi->pidfd[rank], SIGKILL, NULL, 0);
        close(mpi->pidfd[rank]);
        mpi->pidfd[rank] = -1;
    }
}

static void mpi_watch(struct cr_cluster *cluster, int rank, int64_t pid) {
    struct mpi *mpi = mpi_of(cluster);
    if (rank != cluster->rank && mpi->pidfd[rank] < 0) {
        mpi->pidfd[rank] = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    }
}

static bool mpi_is_moving(const struct cr_cluster *cluster) {
    const struct mpi *mpi = (const struct mpi *)cluster;
    return mpi->sends != NULL || mpi->receives != NULL || mpi->batch->used_bytes > 0;
}

static void mpi_free(struct mpi *mpi) {
    for (int rank = 0; mpi->pidfd != NULL && rank < mpi->head.size; rank++) {
        if (mpi->pidfd[rank] >= 0) {
            close(mpi->pidfd[rank]);
        }
    }
    cr_free(mpi->pidfd);
    cr_free(mpi->batch);
    cr_free(mpi->reading);
    cr_cluster_fini(&mpi->head);
    cr_free(mpi);
}

// MPI_Finalize waits for all ranks without end and without sleep; so they meet here
// first.
static bool all_are_here(void) {
    MPI_Request request;
    return MPI_Ibarrier(MPI_COMM_WORLD, &request) == MPI_SUCCESS &&
           wait_asleep(&request, CLOSE_WAIT_S, NULL) == CR_OK;
}

// Whether what was said has gone and what was begun to be read is here: it is of no use
// any more, but the library writes into it until then.
static bool is_quiet(struct mpi *mpi) {
    struct receiving *receiving;
    test_sends(mpi);
    while ((receiving = take_arrived(mpi)) != NULL) {
        cr_free(receiving);
    }
    return mpi->sends == NULL && mpi->receives == NULL;
}

// A rank that leaves without a goodbye to MPI is taken for a dead one, and mpirun ends
// the others; so the last messages are waited for as long as those they go to live.
static bool becomes_quiet(struct mpi *mpi) {
    bool is_so = is_quiet(mpi);
    for (int ms = 0; !is_so && ms < (mpi->any_lost ? CLOSE_LOST_MS : CLOSE_MS); ms++) {
        const int rank = mpi_lost(&mpi->head);
        if (rank >= 0) {
            mpi->head.is_lost[rank] = true;
            mpi->any_lost = true;
        }
        sleep_us(1000);
        is_so = is_quiet(mpi);
    }
    return is_so;
}

static void mpi_close(struct cr_cluster *cluster, bool *must_exit) {
    struct mpi *mpi = mpi_of(cluster);
    cr_status_ignore(send_batch(mpi, NULL));
    const bool is_so = becomes_quiet(mpi);
    *must_exit = mpi->any_lost || !is_so || !all_are_here();
    mpi_free(mpi);
    if (!*must_exit) {
        MPI_Finalize();
    }
}

static const struct cr_cluster_ops mpi_ops = {
    .name = "mpi",
    .bcast = mpi_bcast,
    .send = mpi_send,
    .receive = mpi_receive,
    .lost = mpi_lost,
    .abandon = mpi_abandon,
    .watch = mpi_watch,
    .is_moving = mpi_is_moving,
    .close = mpi_close,
};

// How long the start may take: the more ranks there are, as their launcher says.
static unsigned start_seconds(void) {
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    size = size != NULL ? size : getenv("SLURM_STEP_NUM_TASKS");
    const long ranks = size != NULL ? strtol(size, NULL, 10) : 0;
    const long most = INT_MAX / START_RANK_MS;
    return START_SECONDS + (unsigned)((ranks > 0 ? ranks < most ? ranks : most : 0) *
                                      START_RANK_MS / 1000);
}

static enum cr_status start(struct mpi *mpi, struct cr_err *err) {
    int rank = 0, size = 1, provided = 0;
    signal(SIGPIPE, SIG_IGN); // the tcp transport dies of it when a peer does
    struct cr_witness witness = cr_witness_call();
    alarm(start_seconds());
    const int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    alarm(0);
    cr_witness_dismiss(&witness);
    if (code != MPI_SUCCESS) {
        return fail(err, code, "start");
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return cr_cluster_init(&mpi->head, &mpi_ops, rank, size, err);
}

const char *cr_cluster_version(void) {
    static char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int len = 0;
    if (MPI_Get_library_version(version, &len) != MPI_SUCCESS) {
        return "MPI of no known version";
    }
    version[strcspn(version, ",\n")] = '\0';
    return version;
}

enum cr_status cr_cluster_open_mpi(struct cr_cluster **out, struct cr_err *err) {
    struct mpi *mpi = cr_calloc(1, sizeof *mpi);
    if (mpi == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for MPI");
    }
    const enum cr_status status = start(mpi, err);
    if (status != CR_OK) {
        cr_free(mpi);
        return status;
    }
    mpi->head.library = cr_cluster_version();
    mpi->sends_last = &mpi->sends;
    mpi->receives_last = &mpi->receives;
    mpi->pidfd = cr_malloc((size_t)mpi->head.size * sizeof *mpi->pidfd);
    for (int rank = 0; mpi->pidfd != NULL && rank < mpi->head.size; rank++) {
        mpi->pidfd[rank] = -1;
    }
    mpi->batch = cr_calloc(1, sizeof *mpi->batch);
    if (mpi->pidfd == NULL || mpi->batch == NULL) {
        const int size = mpi->head.size;
        mpi_free(mpi);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
    }
    *out = &mpi->head;
    return CR_OK;
}
