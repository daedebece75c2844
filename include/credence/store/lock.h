// lock.h - one run in a directory at a time, on any file system.
//
// Layer    store (3)
// Threads  one owner
//
// DIR/lock names its holder (host, process space, process) and carries a beat that the
// holder raises every few seconds. It is made by link(2), which is atomic on NFS and
// Lustre too, where flock and fcntl may be switched off; where there are no hard links
// (BeeGFS, SMB, gcsfuse) by O_EXCL. It survives neither:
//   the process   on the same host a holder that no longer runs is seen at once (one
//                 that runs is watched for a moment: it may have been killed just now);
//   the node      from another host, or without /proc, the beat is watched: one that
//                 stands still for longer than CR_LOCK_STALE_MS has no holder, and the
//                 lock is taken over by renaming it away (only one of several
//                 contenders succeeds). A lock that names nobody is watched as well.
// A lock that cannot be read is an error, never a stale one.
#ifndef CREDENCE_STORE_LOCK_H
#define CREDENCE_STORE_LOCK_H

#include <stdint.h>

#include "credence/base/clock.h"
#include "credence/base/status.h"

enum { CR_LOCK_BEAT_MS = 3000, CR_LOCK_STALE_MS = 12000 };

struct cr_lock;

// CR_E_BUSY names the holder, CR_E_IO the file that cannot be read or made. May sleep (by CLOCK) up to CR_LOCK_STALE_MS when the
// holder is (or was) on another host. HOST: its name and process space, as one word.
CR_MUST_CHECK enum cr_status cr_lock_take(const char *dir, const char *host,
                                          const struct cr_clock *clock,
                                          struct cr_lock **out, struct cr_err *err);
// Raise the beat when it is due. CR_E_BUSY: somebody took the lock over, because this
// process stood still for too long; it must stop at once.
CR_MUST_CHECK enum cr_status cr_lock_beat(struct cr_lock *lock, struct cr_err *err);
void cr_lock_release(struct cr_lock *lock);

#endif
