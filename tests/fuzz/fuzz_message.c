// fuzz_message.c - bytes from another rank: every decoder takes them or refuses them.
// The first byte says which message they claim to be.
#include <stdbool.h>
#include <stdint.h>

#include "credence/cluster/message.h"
#include "credence/cluster/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_grants(const char *text, size_t len) {
    struct cr_call_records recorded = {0};
    uint64_t trajectory;
    struct cr_grant_reader reader = {.bytes = text, .len = len};
    bool is_there = true;
    while (cr_grant_next(&reader, &is_there, &trajectory, &recorded) == CR_OK &&
           is_there) {
        cr_call_records_fini(&recorded);
        recorded = (struct cr_call_records){0};
    }
    cr_call_records_fini(&recorded);
}

static void read_result(const char *text, size_t len) {
    struct cr_trajectory trajectory = {0};
    struct cr_call_records records = {0};
    size_t used = 0;
    if (cr_result_trajectory_decode(text, len, &trajectory, &used) == CR_OK) {
        const char *calls = text + used;
        struct cr_record_reader reader = {.bytes = calls, .len = len - used};
        struct cr_call_record record;
        bool is_there = true;
        cr_status_ignore(cr_result_records_decode(calls, len - used, &records));
        cr_call_records_fini(&records);
        while (is_there && cr_record_next(&reader, &is_there, &record) == CR_OK) {
        }
        cr_trajectory_fini(&trajectory);
    }
}

// One decoder after the other: a status is all there is to see.
static enum cr_status read_fixed(unsigned kind, const char *text, size_t len) {
    union {
        struct cr_hello hello;
        struct cr_welcome welcome;
        struct cr_lease_message lease;
        struct cr_pause_message pause;
        struct cr_fault trouble;
        struct cr_endpoint_message endpoint;
        struct cr_beat beat;
        uint64_t number;
    } out;
    switch (kind) {
    case 0:
        return cr_message_decode(CR_TAG_HELLO, text, len, &out.hello);
    case 1:
        return cr_message_decode(CR_TAG_WELCOME, text, len, &out.welcome);
    case 2:
        return cr_message_decode(CR_TAG_LEASE, text, len, &out.lease);
    case 3:
        return cr_message_decode(CR_TAG_PAUSE, text, len, &out.pause);
    case 4:
        return cr_message_decode(CR_TAG_FAULT, text, len, &out.trouble);
    case 5:
        return cr_message_decode(CR_TAG_ENDPOINT, text, len, &out.endpoint);
    case 6:
        return cr_message_decode(CR_TAG_BEAT, text, len, &out.beat);
    default:
        return cr_message_decode(CR_TAG_WANT, text, len, &out.number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len == 0) {
        return 0;
    }
    const char *text = (const char *)bytes + 1;
    switch (bytes[0] % 10) {
    case 8:
        read_grants(text, len - 1);
        break;
    case 9:
        read_result(text, len - 1);
        break;
    default:
        return read_fixed(bytes[0] % 10, text, len - 1) > CR_E_BLOCKED;
    }
    return 0;
}
