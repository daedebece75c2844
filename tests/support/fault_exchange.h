// fault_exchange.h - one request and its reply, from libmicrohttpd's call-backs.
//
// Layer    test support, private to the server's two files on libmicrohttpd
// Threads  one
#ifndef FAULT_EXCHANGE_H
#define FAULT_EXCHANGE_H

#include <microhttpd.h>

#include "fault_script.h"
#include "fault_stats.h"
#include "fault_timers.h"

struct fault_http {
    struct MHD_Daemon *daemon;
    struct fault_script *script;
    struct fault_stats *stats;
    struct fault_timers timers;
    int64_t started_us;
};

// CLS is the struct fault_http; for MHD_start_daemon and MHD_OPTION_NOTIFY_COMPLETED.
enum MHD_Result exchange_on_request(void *cls, struct MHD_Connection *connection,
                                    const char *url, const char *method,
                                    const char *version, const char *bytes, size_t *len,
                                    void **slot);
void exchange_on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                           enum MHD_RequestTerminationCode how);

// A timer of the exchange is due.
void exchange_wake(void *what);

#endif
