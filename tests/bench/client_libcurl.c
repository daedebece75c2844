// client_libcurl.c - client_libcurl URL BODY LIVE SECONDS: chat calls by libcurl alone.
//
// The least that a client on this library costs: LIVE easy handles on one multi handle
// send the bytes of BODY again and again; replies are thrown away unread. Prints the
// number of calls.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BODY_BYTES_MAX = 1 << 20, LIVE_MAX = 1 << 16, WAIT_MS = 1000 };

static char body[BODY_BYTES_MAX];

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t swallow(char *bytes, size_t size, size_t len, void *ctx) {
    (void)bytes;
    (void)ctx;
    return size * len;
}

static CURL *make_handle(const char *url, size_t bytes, struct curl_slist *headers) {
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    return easy;
}

// Send all that is over again; how many calls that were.
static long turn(CURLM *multi, int is_going_on) {
    long calls = 0;
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        if (message->data.result != CURLE_OK) {
            fprintf(stderr, "%s\n", curl_easy_strerror(message->data.result));
            exit(1);
        }
        calls++;
        curl_multi_remove_handle(multi, easy);
        if (is_going_on) {
            curl_multi_add_handle(multi, easy);
        }
    }
    return calls;
}

static long run(CURLM *multi, double seconds) {
    double end_s = now_s() + seconds;
    long calls = 0;
    for (int running = 1; running > 0;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            exit(1);
        }
        int is_going_on = now_s() < end_s;
        long more = turn(multi, is_going_on);
        calls += more;
        if (more > 0 && is_going_on) {
            running = 1;
        } else if (running > 0) {
            curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL);
        }
    }
    return calls;
}

int main(int argc, char **argv) {
    FILE *file = argc == 5 ? fopen(argv[2], "rb") : NULL;
    int live = argc == 5 ? atoi(argv[3]) : 0;
    if (file == NULL || live < 1 || live > LIVE_MAX) {
        fprintf(stderr, "usage: client_libcurl URL BODY LIVE SECONDS\n");
        return 2;
    }
    size_t bytes = fread(body, 1, sizeof body, file);
    fclose(file);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 2L * live);
    for (int i = 0; i < live; i++) {
        curl_multi_add_handle(multi, make_handle(argv[1], bytes, headers));
    }
    printf("%ld\n", run(multi, atof(argv[4])));
    return 0; // the handles end with the process
}
