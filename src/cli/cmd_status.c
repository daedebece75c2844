// cmd_status.c - credence status: how far a run is, how fast, what fails; live and dead
// runs.
//
// The coordinator replaces DIR/status.json every second or so. A run that says it is
// running, but whose process is gone from this host or that has been silent for a
// minute, is shown as what it is: killed, and resumable.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "credence/base/buf.h"
#include "credence/base/clock.h"
#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/text.h"

enum {
    STATUS_BYTES_MAX = 1 << 22,
    STATUS_DEPTH_MAX = 8,
    SILENT_MS = 60000,
    WATCH_MS = 2000
};

enum { KEY_WATCH = 256, KEY_JSON };

static const struct cr_option options[] = {
    {KEY_WATCH, "watch", NULL, "print again every two seconds until the run ends"},
    {KEY_JSON, "json", NULL, "the numbers as one JSON object"},
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

static void print_terminal(const char *plain) {
    struct cr_buf shown;
    cr_buf_init(&shown, 8 * STATUS_BYTES_MAX);
    if (cr_text_add_terminal(&shown, plain, strlen(plain)) == CR_OK &&
        shown.data != NULL) {
        fputs(shown.data, stdout);
    }
    cr_buf_fini(&shown);
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

static void print_head(const struct cr_json *root, const char *dir, bool dead) {
    printf("run        ");
    print_terminal(dir);
    printf("  ");
    print_terminal(text(root, "job"));
    bool simulated = number(root, "simulated") != 0.0 ||
                     cr_json_bool(cr_json_get(root, "simulated"), false);
    printf("%s\nstate      ", simulated ? "  [simulated agents]" : "");
    print_terminal(
        dead ? "dead: killed before it could say so; run the job again to resume"
             : text(root, "state"));
    printf("\nwhere      host ");
    print_terminal(text(root, "host"));
    printf(", pid %.0f, launch %.0f, %.0f ranks", number(root, "pid"),
           number(root, "launch"), number(root, "ranks"));
    if (number(root, "lost_ranks") > 0) {
        printf(", %.0f lost", number(root, "lost_ranks"));
    }
    const char *message = text(root, "message");
    if (message[0] != '\0') {
        printf("\nmessage    ");
        print_terminal(message);
    }
    putchar('\n');
}

static void print_progress(const struct cr_json *root, bool runs) {
    double episodes = number(root, "episodes");
    double finished =
        number(root, "done") + number(root, "invalid") + number(root, "failed");
    printf("episodes   %.0f of %.0f (%.1f %%): %.0f done, %.0f invalid, %.0f failed\n",
           finished, episodes, episodes > 0 ? 100.0 * finished / episodes : 100.0,
           number(root, "done"), number(root, "invalid"), number(root, "failed"));
    if (number(root, "done") > 0) {
        printf("converged  %.1f %% of the done\n",
               100.0 * number(root, "converged") / number(root, "done"));
    }
    printf("time       ");
    print_duration(number(root, "elapsed_s"));
    double eta = cr_json_number(cr_json_get(root, "eta_s"), -1.0);
    if (runs && eta >= 0.0) {
        printf(", ");
        print_duration(eta);
        printf(" left");
    }
    printf("\ncalls      %.0f, %.1f/s, %.0f in flight, %.0f x 429 or 503\n",
           number(root, "calls"), number(root, "calls_per_s"),
           number(root, "in_flight"), number(root, "rate_limited"));
    printf("tokens     %.0f in (%.0f cached), %.0f out, %.0f/s\n",
           number(root, "tokens_in"), number(root, "tokens_cached"),
           number(root, "tokens_out"), number(root, "tokens_per_s"));
    printf("dollars    %.4f\n", number(root, "usd"));
}

static void print_models(const struct cr_json *root) {
    const struct cr_json *model = cr_json_first(cr_json_get(root, "models"));
    if (model != NULL) {
        printf("\n%-20s %9s %7s %9s %5s %9s %11s %11s\n", "model", "calls", "retries",
               "in flight", "limit", "429/503", "latency s", "pause s");
    }
    for (; model != NULL; model = cr_json_next(model)) {
        struct cr_buf name;
        cr_buf_init(&name, STATUS_BYTES_MAX);
        const char *plain = text(model, "name");
        if (cr_text_add_terminal(&name, plain, strlen(plain)) == CR_OK) {
            printf("%-20s %9.0f %7.0f %9.0f %5.0f %9.0f %11.3f %11.1f\n",
                   name.data != NULL ? name.data : "", number(model, "calls"),
                   number(model, "retries"), number(model, "in_flight"),
                   number(model, "concurrency"), number(model, "rate_limited"),
                   number(model, "latency_s"), number(model, "pause_ms") / 1000.0);
        }
        cr_buf_fini(&name);
    }
}

static enum cr_status print_json(struct cr_json *root, bool dead) {
    struct cr_buf out;
    cr_buf_init(&out, STATUS_BYTES_MAX);
    enum cr_status status = CR_OK;
    if (dead) {
        status = cr_json_put(root, "state", cr_json_new_string("dead"));
    }
    if (status == CR_OK) {
        status = cr_json_print(root, true, &out);
    }
    if (status == CR_OK) {
        printf("%s\n", out.data);
    }
    cr_buf_fini(&out);
    return status;
}

// *runs: there will be more to see.
static enum cr_status print_once(const char *dir, bool json, bool *runs,
                                 struct cr_err *err) {
    struct cr_json *root = NULL;
    enum cr_status status = read_status(dir, &root, err);
    if (status != CR_OK) {
        return status;
    }
    bool dead = is_dead(root);
    *runs = says_it_runs(root) && !dead;
    if (json) {
        status = print_json(root, dead);
    } else {
        print_head(root, dir, dead);
        print_progress(root, *runs);
        print_models(root);
    }
    cr_json_free(root);
    return status;
}

static int run(int argc, char **argv) {
    struct cr_args args;
    bool watch = false, json = false, runs = true;
    int key;
    cr_args_init(&args, &cr_command_status, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        watch = watch || key == KEY_WATCH;
        json = json || key == KEY_JSON;
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    struct cr_err err = {0};
    for (;;) {
        if (watch && !json && isatty(STDOUT_FILENO)) {
            fputs("\033[H\033[J", stdout); // home, and clear what is below
        }
        enum cr_status status = print_once(args.operands[0], json, &runs, &err);
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
    .usage = "DIR [--watch] [--json]",
    .summary = "how far a run is, how fast, and what fails",
    .description =
        "Reads DIR/status.json, which a run keeps up to date, and tells a run that "
        "was killed from one that is running.",
    .options = options,
    .run = run,
};
