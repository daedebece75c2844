// fault_server.c - an OpenAI- and Anthropic-compatible server whose script says what
// goes wrong. See fault_server.md for the script.
//
//   fault_server [--script FILE | --rules JSON] [--port N] [--port-file FILE]
//                [--unix PATH] [--log FILE] [--with-parent]
//
// Prints "port N" when it listens. GET /_stats says what it saw. Ends by TERM or INT.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fault_http.h"

struct options {
    char *script; // text
    const char *port_file, *unix_path, *log;
    uint16_t port;
};

static char *read_file(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    if (file == NULL || getdelim(&text, &cap, '\0', file) < 0) {
        fprintf(stderr, "fault_server: cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    return text;
}

static struct options read_options(int argc, char **argv) {
    static const struct option known[] = {{"script", required_argument, NULL, 's'},
                                          {"rules", required_argument, NULL, 'r'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"port-file", required_argument, NULL, 'f'},
                                          {"unix", required_argument, NULL, 'u'},
                                          {"log", required_argument, NULL, 'l'},
                                          {"with-parent", no_argument, NULL, 'w'},
                                          {0}};
    struct options options = {0};
    for (int got; (got = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (got) {
        case 's':
            options.script = read_file(optarg);
            break;
        case 'r':
            options.script = strdup(optarg);
            break;
        case 'p':
            options.port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            options.port_file = optarg;
            break;
        case 'u':
            options.unix_path = optarg;
            break;
        case 'l':
            options.log = optarg;
            break;
        case 'w':
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            break;
        default:
            exit(2);
        }
    }
    return options;
}

static int signals_fd(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

// The file appears whole: written aside, then renamed.
static void write_port(const char *path, unsigned port) {
    char aside[4096];
    snprintf(aside, sizeof aside, "%s.part", path);
    FILE *file = fopen(aside, "w");
    if (file == NULL || fprintf(file, "%u\n", port) < 0 || fclose(file) != 0 ||
        rename(aside, path) != 0) {
        fprintf(stderr, "fault_server: cannot write %s\n", path);
        exit(2);
    }
}

int main(int argc, char **argv) {
    struct options options = read_options(argc, argv);
    struct fault_script script;
    struct fault_stats stats = {0};
    fault_script_read(&script, options.script != NULL ? options.script : "{}");
    if (options.log != NULL && (stats.log = fopen(options.log, "a")) == NULL) {
        fprintf(stderr, "fault_server: cannot write %s\n", options.log);
        return 2;
    }
    int stop_fd = signals_fd();
    struct fault_http *http =
        fault_http_start(&script, &stats, options.port, options.unix_path);
    unsigned port = fault_http_port(http);
    printf("port %u\n", port);
    fflush(stdout);
    if (options.port_file != NULL) {
        write_port(options.port_file, port);
    }
    fault_http_run(http, stop_fd);
    // Connections may be suspended, which libmicrohttpd does not let one stop with.
    _exit(0);
}
