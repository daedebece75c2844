// fault_http.h - the server: connections of libmicrohttpd, held back and bent as the
// script says.
//
// Layer    test support; the only file pair that includes <microhttpd.h> is this one's
// .c Threads  one: a loop over libmicrohttpd's epoll descriptor and a heap of timers
#ifndef FAULT_HTTP_H
#define FAULT_HTTP_H

#include <stdint.h>

#include "fault_script.h"
#include "fault_stats.h"

struct fault_http;

// Listen on 127.0.0.1:PORT (0: any), or on UNIX_PATH when it is not NULL. Exits with a
// message when that is impossible.
struct fault_http *fault_http_start(struct fault_script *script,
                                    struct fault_stats *stats, uint16_t port,
                                    const char *unix_path);
uint16_t fault_http_port(const struct fault_http *http);

// Serve until STOP_FD becomes readable.
void fault_http_run(struct fault_http *http, int stop_fd);

#endif
