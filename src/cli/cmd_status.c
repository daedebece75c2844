// cmd_status.c - credence status: how far a run is, how fast, what fails; live and dead
// runs.
//
// The coordinator replaces DIR/status.json every second or so. A run that says it is
// running, but whose process is gone from this host or that has been silent for a
// minute, is shown as what it is: killed, and resumable.
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/openmetrics.h"
#include "cli/screen.h"
#include "credence/base/buf.h"
#include "credence/base/clock.h"
#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/core/said.h"

enum {
    STATUS_BYTES_MAX = 1 << 22,
    STATUS_DEPTH_MAX = 8,
    SILENT_MS = 60000,
    WATCH_MS = 2000,
    COLUMN = 11 // where the values begin
};

enum { KEY_WATCH = 256, KEY_JSON, KEY_OPENMETRICS };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_OPENMETRICS };

static const struct cr_option options[] = {
    {KEY_WATCH, "watch", NULL, "print again every two seconds until the run ends"},
    {KEY_JSON, "json", NULL, "the numbers as one JSON object"},
    {KEY_OPENMETRICS, "openmetrics", NULL,
     "the numbers as OpenMetrics text, for a monitor that reads files"},
    {0, NULL, NULL, NULL},
};

static double number(const struct cr_json *root, const char *key) {
    return cr_json_number(cr_json_get(root, key), 0.0);
}

static const char *text(const struct cr_json *root, const char *key) {
    const char *value = cr_json_string(cr_json_get(root, key));
    return value != NULL ? value : "";
}

static bool says_it_runs(const struct cr_json *root) {
    const char *state = text(root, "state");
    return strcmp(state, "running") == 0 || strcmp(state, "draining") == 0;
}

// Whether the run's pid means something here: the host is this one, and so is the
// process namespace, so that two containers of one name are told apart.
static bool is_here(const struct cr_json *root) {
    char name[256] = "", space[64] = "";
    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[len > 0 ? len : 0] = '\0';
    gethostname(name, sizeof name - 1);
    return strcmp(name, text(root, "host")) == 0 &&
           strcmp(space, text(root, "process_space")) == 0;
}

static bool is_dead(const struct cr_json *root) {
    if (!says_it_runs(root)) {
        return false;
    }
    pid_t pid = (pid_t)number(root, "pid");
    if (is_here(root)) {
        return pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH);
    }
    double silent_ms = (double)cr_clock_wall_ms(cr_clock_monotonic()) -
                       number(root, "updated_wall_ms");
    return silent_ms > SILENT_MS;
}

static enum cr_status read_status(const char *dir, struct cr_json **out,
                                  struct cr_err *err) {
    struct cr_buf path, bytes;
    cr_buf_init(&path, 65536);
    cr_buf_init(&bytes, STATUS_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, dir, "status.json");
    if (status == CR_OK && !cr_file_exists(path.data)) {
        status = cr_err_set(err, CR_E_NOT_FOUND,
                            "%s is not a run directory: it has no status.json", dir);
    }
    if (status == CR_OK) {
        status = cr_file_read(path.data, &bytes, err);
    }
    struct cr_json_limits limits = {STATUS_BYTES_MAX, STATUS_DEPTH_MAX};
    if (status == CR_OK) {
        status = cr_json_parse(bytes.data, bytes.used_bytes, limits, out, err);
        if (status != CR_OK) {
            status = cr_err_while(err, status, "reading %s", path.data);
        }
    }
    cr_buf_fini(&path);
    cr_buf_fini(&bytes);
    return status;
}

static void print_duration(double seconds) {
    long long s = seconds > 0 ? (long long)seconds : 0;
    if (s >= 3600) {
        printf("%lldh %02lldm", s / 3600, s / 60 % 60);
    } else if (s >= 60) {
        printf("%lldm %02llds", s / 60, s % 60);
    } else {
        printf("%llds", s);
    }
}

static enum cr_style style_of(const char *state, bool dead) {
    if (dead || strcmp(state, "failed") == 0 || strcmp(state, "blocked") == 0) {
        return CR_STYLE_BAD;
    }
    return strcmp(state, "complete") == 0      ? CR_STYLE_GOOD
           : strcmp(state, "interrupted") == 0 ? CR_STYLE_DOUBT
                                               : CR_STYLE_STRONG;
}

static void print_head(const struct cr_screen *screen, const struct cr_json *root,
                       const char *dir, bool dead) {
    const bool simulated = number(root, "simulated") != 0.0 ||
                           cr_json_bool(cr_json_get(root, "simulated"), false);
    cr_screen_printf(screen, "run        %s  %s%s\nstate      ", CR_SHOWN(dir),
                     CR_SHOWN(text(root, "job")),
                     simulated ? "  [simulated agents]" : "");
    cr_screen_styled(screen, style_of(text(root, "state"), dead), "%s",
                     dead ? "dead: killed before it could say so; run the job again to "
                            "resume"
                          : CR_SHOWN(text(root, "state")));
    cr_screen_printf(screen, "\nwhere      host %s, pid %.0f, launch %.0f, %.0f ranks",
                     CR_SHOWN(text(root, "host")), number(root, "pid"),
                     number(root, "launch"), number(root, "ranks"));
    if (number(root, "lost_ranks") > 0) {
        cr_screen_styled(screen, CR_STYLE_BAD, ", %.0f lost",
                         number(root, "lost_ranks"));
    }
    putchar('\n');
}

static void print_episodes(const struct cr_screen *screen, const struct cr_json *root) {
    const double episodes = number(root, "episodes");
    const double finished =
        number(root, "done") + number(root, "invalid") + number(root, "failed");
    cr_screen_printf(
        screen,
        "episodes   %.0f of %.0f (%.1f %%): %.0f done, %.0f invalid, "
        "%.0f failed\n",
        finished, episodes, episodes > 0 ? 100.0 * finished / episodes : 100.0,
        number(root, "done"), number(root, "invalid"), number(root, "failed"));
    if (number(root, "done") > 0) {
        cr_screen_printf(screen, "converged  %.1f %% of the done\n",
                         100.0 * number(root, "converged") / number(root, "done"));
    }
}

// What a person can do about episodes that were lost for a reason.
static const struct {
    const char *reason, *advice;
} advice[] = {
    {"unreadable",
     "the replies held no answer of the asked form: read some, then change "
     "the prompt, \"structured\" or the model"},
    {"out_of_range",
     "the price is outside its range: read some replies; \"structured\": "
     "\"json_schema\" may hold the range"},
    {"cut", "replies ended at the token limit: raise params.max_tokens of the model"},
    {"refused", "the model declined: read some replies"},
    {"filtered", "a content filter took the replies"},
    {"no_logprobs", "the server gives no logprobs: use another elicitation or server"},
    {"connection", "the server was not reached: check the endpoint, then run again"},
    {"timeout", "the server was too slow: raise limits.timeout_s or lower "
                "limits.concurrency"},
    {"rate", "the server refused the rate: set limits.rpm or limits.tpm"},
    {"quota", "the account has no credit left: add some, then run again"},
    {"key", "the API key is missing, wrong or not allowed"},
    {"not_found", "unknown model or wrong path: check model and endpoints"},
    {"bad_request", "the server refuses what is sent: see its words in the log"},
    {"server", "the server failed: see its log"},
};

// What the servers said most often of a reason.
static void print_words(const struct cr_screen *screen, const struct cr_json *root,
                        const char *reason) {
    const char *words = cr_json_string(cr_json_get(cr_json_get(root, "words"), reason));
    char line[CR_SAID_BYTES + 16];
    if (words != NULL) {
        (void)snprintf(line, sizeof line, "\"%s\"", words);
        cr_status_ignore(cr_screen_wrap(screen, line, strlen(line), COLUMN + 2));
    }
}

static void print_advice(const struct cr_screen *screen, const char *reason) {
    for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++) {
        if (strcmp(advice[i].reason, reason) == 0) {
            cr_status_ignore(cr_screen_wrap(screen, advice[i].advice,
                                            strlen(advice[i].advice), COLUMN + 2));
        }
    }
}

// Why episodes were lost, the commonest reason first, each with what can be done.
static void print_reasons(const struct cr_screen *screen, const struct cr_json *root) {
    const struct cr_json *reasons = cr_json_get(root, "reasons");
    double below = HUGE_VAL;
    for (size_t shown = 0; shown < cr_json_len(reasons);) {
        double most = 0;
        for (const struct cr_json *r = cr_json_first(reasons); r != NULL;
             r = cr_json_next(r)) {
            const double count = cr_json_number(r, 0);
            most = count < below && count > most ? count : most;
        }
        if (most <= 0) {
            return;
        }
        for (const struct cr_json *r = cr_json_first(reasons); r != NULL;
             r = cr_json_next(r)) {
            if (cr_json_number(r, 0) == most) {
                cr_screen_styled(screen, CR_STYLE_DOUBT, "%-*s%.0f x %s\n", COLUMN,
                                 shown++ == 0 ? "lost" : "", most,
                                 CR_SHOWN(cr_json_key(r)));
                print_words(screen, root, cr_json_key(r));
                print_advice(screen, cr_json_key(r));
            }
        }
        below = most;
    }
}

// A count over all launches, and of this one where it differs.
static void print_total(const struct cr_screen *screen, const struct cr_json *root,
                        const char *key, const char *unit, int decimals) {
    const struct cr_json *here = cr_json_get(root, "this_launch");
    cr_screen_printf(screen, "%.*f%s", decimals, number(root, key), unit);
    if (here != NULL && number(here, key) != number(root, key)) {
        cr_screen_printf(screen, " (%.*f in this launch)", decimals, number(here, key));
    }
}

static void print_spent(const struct cr_screen *screen, const struct cr_json *root) {
    cr_screen_printf(screen, "calls      ");
    print_total(screen, root, "calls", "", 0);
    cr_screen_printf(screen, ", %.1f/s, %.0f in flight, %.0f x 429 or 503\ntokens     ",
                     number(root, "calls_per_s"), number(root, "in_flight"),
                     number(root, "rate_limited"));
    print_total(screen, root, "tokens_in", " in", 0);
    cr_screen_printf(screen, ", %.0f cached, ", number(root, "tokens_cached"));
    print_total(screen, root, "tokens_out", " out", 0);
    cr_screen_printf(screen, ", %.0f/s\ndollars    ", number(root, "tokens_per_s"));
    print_total(screen, root, "usd", "", 4);
    putchar('\n');
}

static void print_progress(const struct cr_screen *screen, const struct cr_json *root,
                           bool runs) {
    const double eta = cr_json_number(cr_json_get(root, "eta_s"), -1.0);
    const char *message = text(root, "message");
    print_episodes(screen, root);
    print_reasons(screen, root);
    printf("time       ");
    print_duration(number(root, "elapsed_s"));
    if (runs && eta >= 0.0) {
        printf(", ");
        print_duration(eta);
        printf(" left");
    }
    putchar('\n');
    print_spent(screen, root);
    if (message[0] != '\0') {
        cr_status_ignore(cr_screen_field(screen, "message", message, COLUMN));
    }
}

static void print_models(const struct cr_screen *screen, const struct cr_json *root) {
    const struct cr_json *model = cr_json_first(cr_json_get(root, "models"));
    if (model != NULL) {
        cr_screen_styled(screen, CR_STYLE_STRONG,
                         "\n%-20s %9s %7s %6s %9s %5s %7s %9s %7s\n", "model", "calls",
                         "failed", "cut", "in flight", "limit", "429/503", "latency s",
                         "pause s");
    }
    for (; model != NULL; model = cr_json_next(model)) {
        cr_screen_printf(
            screen, "%-20s %9.0f %7.0f %6.0f %9.0f %5.0f %7.0f %9.3f %7.1f\n",
            CR_SHOWN(text(model, "name")), number(model, "calls"),
            number(model, "failed"), number(model, "cut"), number(model, "in_flight"),
            number(model, "concurrency"), number(model, "rate_limited"),
            number(model, "latency_s"), number(model, "pause_ms") / 1000.0);
    }
}

// What to do with a run that is no longer running.
static void print_next(const struct cr_screen *screen, const struct cr_json *root,
                       const char *dir) {
    const char *shown = CR_SHOWN(dir);
    const bool is_complete = strcmp(text(root, "state"), "complete") == 0;
    if (!is_complete) {
        cr_screen_printf(screen,
                         "next       the same command again resumes it; "
                         "credence analyze %s works on what is there\n",
                         shown);
    } else if (number(root, "invalid") + number(root, "failed") > 0) {
        cr_screen_printf(screen,
                         "next       credence analyze %s; credence list %s --where "
                         "reason\n",
                         shown, shown);
    } else {
        cr_screen_printf(screen, "next       credence analyze %s; credence list %s\n",
                         shown, shown);
    }
}

static enum cr_status print_json(struct cr_json *root, bool dead) {
    struct cr_buf out;
    const struct cr_screen screen = cr_screen_make(stdout);
    cr_buf_init(&out, STATUS_BYTES_MAX);
    enum cr_status status = CR_OK;
    if (dead) {
        status = cr_json_put(root, "state", cr_json_new_string("dead"));
    }
    if (status == CR_OK) {
        status = cr_json_print(root, true, &out);
    }
    status = status == CR_OK ? cr_buf_add_text(&out, "\n") : status;
    if (status == CR_OK) {
        status = cr_screen_json(&screen, &out);
    }
    cr_buf_fini(&out);
    return status;
}

static enum cr_status print_openmetrics(const struct cr_json *root, const char *dir,
                                        bool runs) {
    struct cr_buf out;
    const struct cr_screen screen = cr_screen_make(stdout);
    cr_buf_init(&out, STATUS_BYTES_MAX);
    enum cr_status status = cr_openmetrics_print(root, dir, runs, &out);
    if (status == CR_OK) {
        status = cr_screen_data(&screen, &out);
    }
    cr_buf_fini(&out);
    return status;
}

// *runs: there will be more to see.
static enum cr_status print_once(const char *dir, enum format format, bool *runs,
                                 struct cr_err *err) {
    struct cr_json *root = NULL;
    enum cr_status status = read_status(dir, &root, err);
    if (status != CR_OK) {
        return status;
    }
    bool dead = is_dead(root);
    *runs = says_it_runs(root) && !dead;
    if (format == FORMAT_JSON) {
        status = print_json(root, dead);
    } else if (format == FORMAT_OPENMETRICS) {
        status = print_openmetrics(root, dir, *runs);
    } else {
        const struct cr_screen screen = cr_screen_make(stdout);
        print_head(&screen, root, dir, dead);
        print_progress(&screen, root, *runs);
        if (!*runs) {
            print_next(&screen, root, dir);
        }
        print_models(&screen, root);
    }
    cr_json_free(root);
    return status;
}

static int run(int argc, char **argv) {
    struct cr_args args;
    bool watch = false, runs = true;
    enum format format = FORMAT_TEXT;
    int key;
    cr_args_init(&args, &cr_command_status, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        watch = watch || key == KEY_WATCH;
        format = key == KEY_JSON          ? FORMAT_JSON
                 : key == KEY_OPENMETRICS ? FORMAT_OPENMETRICS
                                          : format;
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    struct cr_err err = {0};
    for (;;) {
        if (watch && format == FORMAT_TEXT && isatty(STDOUT_FILENO)) {
            fputs("\033[H\033[J", stdout); // home, and clear what is below
        }
        enum cr_status status = print_once(args.operands[0], format, &runs, &err);
        if (status != CR_OK) {
            return cr_exit_error(status, &err);
        }
        if (!watch || !runs || fflush(stdout) != 0) {
            return CR_EXIT_COMPLETE;
        }
        poll(NULL, 0, WATCH_MS);
    }
}

const struct cr_command cr_command_status = {
    .name = "status",
    .usage = "DIR [--watch] [--json] [--openmetrics]",
    .summary = "how far a run is, how fast, and what fails",
    .description =
        "Reads DIR/status.json, which a run keeps up to date, and tells a run that "
        "was killed from one that is running.",
    .options = options,
    .run = run,
};
