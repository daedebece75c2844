// openmetrics.h - what status.json says, as an OpenMetrics text for a monitor.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_OPENMETRICS_H
#define CR_CLI_OPENMETRICS_H

#include "credence/base/buf.h"
#include "credence/base/json.h"

// Append the metrics of STATUS, whose run is in DIR and is IS_UP, in the OpenMetrics 1.0
// text format, "# EOF" included. CR_E_MEMORY, CR_E_LIMIT.
CR_MUST_CHECK enum cr_status cr_openmetrics_print(const struct cr_json *status,
                                                  const char *dir, bool is_up,
                                                  struct cr_buf *out);

#endif
