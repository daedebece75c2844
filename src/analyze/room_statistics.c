// room_statistics.c - the rows of what a room is worth beside its traders' pooled beliefs.
#include "analyze/analysis_internal.h"

static bool has_rooms(const void *record) {
    return ((const struct cr_group_result *)record)->room.rooms > 0;
}

#define AT(member) offsetof(struct cr_group_result, member)
#define POOL(number, member) AT(room.pool[number].member)
static const struct cr_statistic room[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_ROOM, 1, .heading = "group"},
               {CR_SHEET_ROOM_GAIN, 1, .heading = "group"}}},
    {"rooms", CR_STATISTIC_COUNT, .at = AT(room.rooms),
     .shown = {{CR_SHEET_ROOM, 2, .heading = "n"},
               {CR_SHEET_ROOM_GAIN, 2, .heading = "n"}},
     .text = "done rooms (lmsr) with a private belief at least"},
    {"final", CR_STATISTIC_SHARE, .at = AT(room.final_points),
     .shown = {{CR_SHEET_ROOM, 3, .heading = "final%"}},
     .text = "points of the last price"},
    {"alone", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_ALONE, points),
     .shown = {{CR_SHEET_ROOM, 4, .heading = "alone%"}},
     .text = "mean points of the private beliefs, each by itself: one call"},
    {"mean", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_MEAN, points),
     .shown = {{CR_SHEET_ROOM, 5, .heading = "mean%"}},
     .term = "mean, median, log_odds",
     .text = "points of the static pools of the private beliefs, which take one call a "
             "trader and no turn: their mean, median, and mean in log-odds"},
    {"median", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_MEDIAN, points),
     .shown = {{CR_SHEET_ROOM, 6, .heading = "median%"}}},
    {"log_odds", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_LOG_ODDS, points),
     .shown = {{CR_SHEET_ROOM, 7, .heading = "log-odds%"}}},
    {"final_price", CR_STATISTIC_NUMBER, .at = AT(room.final_price), .digits = 3,
     .shown = {{CR_SHEET_ROOM, 8, .heading = "on truth"}},
     .term = "final_price, mean_price, median_price, log_odds_price",
     .text = "mean price on the truth: of the last price, and of each pool"},
    {"alone_price", CR_STATISTIC_NUMBER, .at = POOL(CR_POOL_ALONE, price), .digits = 3},
    {"mean_price", CR_STATISTIC_NUMBER, .at = POOL(CR_POOL_MEAN, price), .digits = 3,
     .shown = {{CR_SHEET_ROOM, 9, .heading = "mean"}}},
    {"median_price", CR_STATISTIC_NUMBER, .at = POOL(CR_POOL_MEDIAN, price),
     .digits = 3},
    {"log_odds_price", CR_STATISTIC_NUMBER, .at = POOL(CR_POOL_LOG_ODDS, price),
     .digits = 3, .shown = {{CR_SHEET_ROOM, 10, .heading = "log-odds"}}},
    {"over_alone", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_ALONE, difference),
     .shown = {{CR_SHEET_ROOM_GAIN, 3, .heading = "alone"}},
     .term = "over_alone, over_mean, over_median, over_log_odds",
     .text = "points of the last price less those of the pool, room by room"},
    {"over_alone_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = POOL(CR_POOL_ALONE, interval), .digits = 1,
     .shown = {{CR_SHEET_ROOM_GAIN, 4, .heading = "95 %", .csv = "over_alone"}}},
    {"over_mean", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_MEAN, difference),
     .shown = {{CR_SHEET_ROOM_GAIN, 5, .heading = "mean"}}},
    {"over_mean_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = POOL(CR_POOL_MEAN, interval), .digits = 1,
     .shown = {{CR_SHEET_ROOM_GAIN, 6, .heading = "95 %", .csv = "over_mean"}}},
    {"over_median", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_MEDIAN, difference),
     .shown = {{CR_SHEET_ROOM_GAIN, 7, .heading = "median"}}},
    {"over_median_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = POOL(CR_POOL_MEDIAN, interval), .digits = 1,
     .shown = {{CR_SHEET_ROOM_GAIN, 8, .heading = "95 %", .csv = "over_median"}}},
    {"over_log_odds", CR_STATISTIC_SHARE, .at = POOL(CR_POOL_LOG_ODDS, difference),
     .shown = {{CR_SHEET_ROOM_GAIN, 9, .heading = "log-odds"}}},
    {"over_log_odds_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = POOL(CR_POOL_LOG_ODDS, interval), .digits = 1,
     .shown = {{CR_SHEET_ROOM_GAIN, 10, .heading = "95 %", .csv = "over_log_odds"}}},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_room_statistics[] = {
    {"room", "room", CR_RECORD_GROUP, .is_known = has_rooms, .row = room},
    {.row = NULL},
};
