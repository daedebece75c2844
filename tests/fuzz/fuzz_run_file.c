// fuzz_run_file.c - a result file that is not what it should be: the input says which
// variables, groups and attributes of a good one are made anew, with which class, rank,
// extents, storage and values (the bytes of a file alone reach little of its reader: the
// library's checksums refuse them). Every reader refuses it in one line that names the
// file, or what it hands out leads nowhere outside its arrays.
//
// The first byte says which reader looks, then each change is CHANGE_BYTES: what is
// done, to which object, and numbers that depend on it.
#include <assert.h>
#include <ftw.h>
#include <hdf5.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/store/sample.h"
#include "credence/analyze/analysis.h"
#include "credence/store/export.h"
#include "credence/store/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

// What is too much for memory fails as it would without a sanitizer.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

// What the library keeps of an object that it could not open is not ours to free.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5\n";
}

enum {
    CHANGE_BYTES = 8,
    CHANGES_MAX = 8,
    OBJECTS_MAX = 256,
    NAME_BYTES = 96,
    READERS = 4
};

static struct {
    char folder[64], good[96], file[96], other[96], merged[96];
    char object[OBJECTS_MAX][NAME_BYTES]; // paths in a good file
    size_t objects;
    unsigned char *image;
    size_t image_bytes;
} home;

static void die(const char *what) {
    fprintf(stderr, "fuzz_run_file: %s\n", what);
    abort();
}

// The good file.

static void put_rows(struct cr_run_file *file) {
    for (uint64_t e = 0; e < SAMPLE_EPISODES; e++) {
        struct sample_row row;
        struct sample_calls calls;
        sample_row(&row, e);
        sample_calls(&calls, e);
        if (cr_run_file_put(file, &row.row, NULL) != CR_OK ||
            cr_run_file_put_calls(file, e, calls.at, 2, NULL) != CR_OK) {
            die("the sample cannot be filled");
        }
    }
}

static void write_good(void) {
    static struct sample sample;
    struct cr_run_file *file = NULL;
    sample_init(&sample);
    if (cr_run_file_create(home.good, &sample.content, &file, NULL) != CR_OK) {
        die("the sample cannot be made");
    }
    put_rows(file);
    if (cr_run_file_finish(file, true, 1700000001000, NULL) != CR_OK) {
        die("the sample cannot be closed");
    }
    sample_fini(&sample);
}

static herr_t list_object(hid_t root, const char *name, const H5O_info_t *info,
                          void *ctx) {
    (void)root;
    (void)info;
    (void)ctx;
    if (home.objects < OBJECTS_MAX && strlen(name) < NAME_BYTES - 1) {
        (void)snprintf(home.object[home.objects++], NAME_BYTES, "/%s",
                       strcmp(name, ".") == 0 ? "" : name);
    }
    return 0;
}

static void read_image(void) {
    FILE *file = fopen(home.good, "rb");
    static unsigned char image[1 << 22];
    home.image = image;
    home.image_bytes = file == NULL ? 0 : fread(image, 1, sizeof image, file);
    if (file == NULL || home.image_bytes == 0 || home.image_bytes == sizeof image) {
        die("the sample cannot be read");
    }
    (void)fclose(file);
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *at) {
    (void)st;
    (void)flag;
    (void)at;
    return remove(path);
}

static void remove_home(void) {
    (void)nftw(home.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// In memory where the machine offers that: each input is a file written anew.
static void make_home(void) {
    const bool is_shm = access("/dev/shm", W_OK) == 0;
    (void)snprintf(home.folder, sizeof home.folder, "%s/credence-fuzz-XXXXXX",
                   is_shm ? "/dev/shm" : "/tmp");
    if (mkdtemp(home.folder) == NULL) {
        die("no folder of its own");
    }
    (void)atexit(remove_home);
    (void)snprintf(home.good, sizeof home.good, "%s/good.h5", home.folder);
    (void)snprintf(home.file, sizeof home.file, "%s/file.h5", home.folder);
    (void)snprintf(home.other, sizeof home.other, "%s/tables", home.folder);
    (void)snprintf(home.merged, sizeof home.merged, "%s/merged.h5", home.folder);
    write_good();
    read_image();
    hid_t file = H5Fopen(home.good, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0 || H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, list_object, NULL) < 0 ||
        home.objects < 40) {
        die("the sample's variables cannot be listed");
    }
    (void)H5Fclose(file);
}

// The changes. What the library itself refuses to make is not made.

static const hsize_t sizes[] = {0,
                                1,
                                2,
                                3,
                                4,
                                5,
                                6,
                                7,
                                SAMPLE_EPISODES - 1,
                                SAMPLE_EPISODES,
                                SAMPLE_EPISODES + 1,
                                2 * SAMPLE_EPISODES,
                                1000,
                                1 << 16,
                                1 << 20,
                                (1ULL << 32) + 5,
                                1ULL << 61};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const int64_t numbers[] = {0,         1,
                                  -1,        2,
                                  3,         4,
                                  5,         6,
                                  7,         9,
                                  23,        24,
                                  127,       200,
                                  255,       256,
                                  1000,      65536,
                                  1000000,   INT32_MAX,
                                  INT32_MIN, (int64_t)UINT32_MAX + 1,
                                  INT64_MAX, INT64_MIN};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static const char *const texts[] = {"",
                                    "x",
                                    "truth",
                                    "q1",
                                    "small",
                                    "free",
                                    "paper",
                                    "{}",
                                    "[\"a\",\"b\"]",
                                    "[[[[",
                                    "\xff\xfe",
                                    "\x1b[31m",
                                    "../../x",
                                    "a\xe2\x80\xa8z",
                                    "=1+1",
                                    "{\"name\": 1e999}",
                                    "{\"models\": {\"m\": 7}, \"cell\": []}",
                                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
enum { TEXTS = sizeof texts / sizeof *texts };

static hid_t text_type(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, H5T_VARIABLE);
    (void)H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

// A type of the caller's own: H5Tclose.
static hid_t type_of(uint8_t choice) {
    hid_t type;
    switch (choice % 12) {
    case 0:
        return text_type();
    case 1:
        type = H5Tcopy(H5T_C_S1);
        (void)H5Tset_size(type, 1 + choice);
        return type;
    case 2:
        type = H5Tcreate(H5T_COMPOUND, 12);
        (void)H5Tinsert(type, "a", 0, H5T_NATIVE_INT32);
        (void)H5Tinsert(type, "b", 4, H5T_NATIVE_DOUBLE);
        return type;
    case 3:
        return H5Tvlen_create(H5T_NATIVE_INT32);
    case 4:
        return H5Tenum_create(H5T_NATIVE_INT8);
    case 5:
        return H5Tcopy(H5T_STD_REF_OBJ);
    case 6:
        return H5Tcopy(H5T_IEEE_F64BE);
    case 7:
        return H5Tcopy(H5T_IEEE_F64LE);
    case 8:
        return H5Tcopy(H5T_STD_I64LE);
    case 9:
        return H5Tcopy(H5T_STD_U8LE);
    case 10:
        return H5Tcopy(H5T_STD_I32LE);
    default:
        return H5Tcopy(H5T_IEEE_F32LE);
    }
}

static hid_t space_of(uint8_t rank, const uint8_t *choice) {
    hsize_t dims[3], most[3] = {H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED};
    rank %= 5;
    if (rank == 0 || rank == 4) {
        return H5Screate(rank == 0 ? H5S_SCALAR : H5S_NULL);
    }
    for (int i = 0; i < rank; i++) {
        dims[i] = sizes[choice[i] % SIZES];
    }
    return H5Screate_simple(rank, dims, most);
}

// How it is stored: by chunks, so that a huge one takes no room.
static hid_t storage_of(uint8_t choice, hid_t space) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[3] = {16, 4, 4};
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank > 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE) {
        (void)H5Pset_chunk(list, rank, chunk);
    }
    switch (choice % 8) {
    case 0:
        (void)H5Pset_fletcher32(list);
        break;
    case 1:
        (void)H5Pset_shuffle(list);
        (void)H5Pset_deflate(list, 1);
        break;
    case 2:
        (void)H5Pset_scaleoffset(list, H5Z_SO_INT, 0);
        break;
    default:
        break;
    }
    return list;
}

static void make_dataset(hid_t file, const char *path, hid_t type, const uint8_t *c) {
    hid_t space = space_of(c[3], c + 4), list = storage_of(c[7], space);
    hid_t made = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (made >= 0) {
        (void)H5Dclose(made);
    }
    (void)H5Pclose(list);
    (void)H5Sclose(space);
}

// Made anew: with a class of its own and any extents, or only one of the two.
static void remake(hid_t file, const char *path, const uint8_t *c) {
    hid_t old = H5Dopen2(file, path, H5P_DEFAULT);
    hid_t type = old >= 0 && c[2] % 3 == 0 ? H5Dget_type(old) : type_of(c[2]);
    hid_t space = old >= 0 ? H5Dget_space(old) : H5I_INVALID_HID;
    (void)H5Ldelete(file, path, H5P_DEFAULT);
    if (old >= 0 && c[3] >= 200) { // the extents of before
        hid_t made =
            H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        (void)(made >= 0 ? H5Dclose(made) : 0);
    } else {
        make_dataset(file, path, type, c);
    }
    (void)(old >= 0 ? H5Dclose(old) : 0);
    (void)(space >= 0 ? H5Sclose(space) : 0);
    (void)H5Tclose(type);
}

static void link_elsewhere(hid_t file, const char *path, const uint8_t *c) {
    const char *target = home.object[c[2] % home.objects];
    (void)H5Ldelete(file, path, H5P_DEFAULT);
    switch (c[3] % 4) {
    case 0:
        (void)H5Lcreate_soft(target, file, path, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 1:
        (void)H5Lcreate_external(home.good, target, file, path, H5P_DEFAULT,
                                 H5P_DEFAULT);
        break;
    default: // another variable under this name, twice in the file
        (void)H5Lcreate_hard(file, target, file, path, H5P_DEFAULT, H5P_DEFAULT);
    }
}

// The data of another file, or of any.
static void store_elsewhere(hid_t file, const char *path, const uint8_t *c) {
    hid_t old = H5Dopen2(file, path, H5P_DEFAULT);
    if (old < 0) {
        return;
    }
    hid_t type = H5Dget_type(old), space = H5Dget_space(old);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (c[2] % 2 == 0) {
        (void)H5Pset_external(list, home.good, c[3], H5F_UNLIMITED);
    } else {
        (void)H5Pset_virtual(list, space, home.good, path, space);
    }
    (void)H5Ldelete(file, path, H5P_DEFAULT);
    hid_t made = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    (void)(made >= 0 ? H5Dclose(made) : 0);
    (void)H5Pclose(list);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    (void)H5Dclose(old);
}

static void replace_kind(hid_t file, const char *path, const uint8_t *c) {
    hid_t made;
    (void)H5Ldelete(file, path, H5P_DEFAULT);
    if (c[2] % 2 == 0) {
        made = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        (void)(made >= 0 ? H5Gclose(made) : 0);
    } else {
        made = type_of(c[3]);
        (void)H5Tcommit2(file, path, made, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        (void)H5Tclose(made);
    }
}

static double odd_number(uint8_t choice) {
    static const double odd[] = {NAN,   INFINITY, -INFINITY, -0.5, 1.5,
                                 1e308, -1e-300,  0.5,       1};
    return odd[choice % (sizeof odd / sizeof *odd)];
}

// One element, or all of them, of a variable that keeps its form.
static void write_value(hid_t file, const char *path, const uint8_t *c) {
    hid_t data = H5Dopen2(file, path, H5P_DEFAULT);
    hid_t type = data < 0 ? H5I_INVALID_HID : H5Dget_type(data);
    hid_t space = data < 0 ? H5I_INVALID_HID : H5Dget_space(data);
    const H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    const hssize_t elements = space < 0 ? 0 : H5Sget_simple_extent_npoints(space);
    hid_t memory = class == H5T_STRING  ? text_type()
                   : class == H5T_FLOAT ? H5Tcopy(H5T_NATIVE_DOUBLE)
                                        : H5Tcopy(H5T_NATIVE_INT64);
    union {
        int64_t number;
        double real;
        const char *text;
    } one = {0}, all[512];
    if (class == H5T_STRING) {
        one.text = texts[c[2] % TEXTS];
    } else if (class == H5T_FLOAT) {
        one.real = odd_number(c[2]);
    } else {
        one.number = numbers[c[2] % NUMBERS];
    }
    if (elements > 0 && elements <= 512 &&
        (class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_STRING) &&
        (class != H5T_STRING || H5Tis_variable_str(type) > 0)) {
        memset(all, 0, sizeof all);
        if (class == H5T_STRING ||
            H5Dread(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) < 0) {
            for (hssize_t i = 0; i < elements; i++) {
                all[i] = one;
            }
        }
        for (hssize_t i = 0; i < elements; i++) {
            all[i] = c[3] % 2 == 0 || i == c[4] % elements ? one : all[i];
        }
        (void)H5Dwrite(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, all);
    }
    (void)H5Tclose(memory);
    (void)(space >= 0 ? H5Sclose(space) : 0);
    (void)(type >= 0 ? H5Tclose(type) : 0);
    (void)(data >= 0 ? H5Dclose(data) : 0);
}

// The library allocates an attribute whole when it is made: none of the huge ones.
static hid_t attribute_space(uint8_t kind, uint8_t choice) {
    const hsize_t size = sizes[choice % (SIZES - 3)];
    return kind % 4 == 0   ? H5Screate(H5S_SCALAR)
           : kind % 4 == 1 ? H5Screate(H5S_NULL)
                           : H5Screate_simple(1, &size, NULL);
}

// An attribute of the file itself (or of a variable), away or made anew.
static void change_attribute(hid_t file, const char *path, const uint8_t *c) {
    static const char *const names[] = {
        "schema", "simulated",     "complete", "job",        "job_hash", "start",
        "end",    "credence",      "version",  "git_commit", "models",   "prompts",
        "mpi",    "prompt_hashes", "units",    "_FillValue", "CLASS",    "NAME"};
    hid_t object = H5Oopen(file, c[2] % 4 == 0 ? path : "/", H5P_DEFAULT);
    if (object < 0) {
        return;
    }
    const char *name = names[c[3] % (sizeof names / sizeof *names)];
    (void)H5Adelete(object, name);
    if (c[2] % 3 != 0) {
        hid_t type = type_of(c[4]);
        hid_t space = attribute_space(c[5], c[6]);
        hid_t made = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
        const char *text = texts[c[6] % TEXTS];
        if (made >= 0 && H5Tis_variable_str(type) > 0 &&
            H5Sget_simple_extent_npoints(space) == 1) {
            (void)H5Awrite(made, type, &text);
        }
        (void)(made >= 0 ? H5Aclose(made) : 0);
        (void)H5Sclose(space);
        (void)H5Tclose(type);
    }
    (void)H5Oclose(object);
}

static void change(hid_t file, const uint8_t *c) {
    const char *path = home.object[c[1] % home.objects];
    const char *target = home.object[c[2] % home.objects];
    switch (c[0] % 10) {
    case 0:
        (void)H5Ldelete(file, path, H5P_DEFAULT);
        break;
    case 1:
    case 2:
        remake(file, path, c);
        break;
    case 3:
        link_elsewhere(file, path, c);
        break;
    case 4:
        store_elsewhere(file, path, c);
        break;
    case 5:
        replace_kind(file, path, c);
        break;
    case 6:
        change_attribute(file, path, c);
        break;
    case 7: // two variables change places
        (void)H5Lmove(file, path, file, "/kept", H5P_DEFAULT, H5P_DEFAULT);
        (void)H5Lmove(file, target, file, path, H5P_DEFAULT, H5P_DEFAULT);
        (void)H5Lmove(file, "/kept", file, target, H5P_DEFAULT, H5P_DEFAULT);
        break;
    default:
        write_value(file, path, c);
    }
}

static bool make_file(const uint8_t *bytes, size_t len) {
    FILE *out = fopen(home.file, "wb");
    if (out == NULL ||
        fwrite(home.image, 1, home.image_bytes, out) != home.image_bytes ||
        fclose(out) != 0) {
        die("no room for a file");
    }
    hid_t file = H5Fopen(home.file, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0) {
        die("the good file cannot be opened");
    }
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    for (size_t i = 0; i < CHANGES_MAX && (i + 1) * CHANGE_BYTES <= len; i++) {
        change(file, bytes + i * CHANGE_BYTES);
    }
    return H5Fclose(file) >= 0;
}

// The readers.

static void check_status(enum cr_status status, const struct cr_err *err) {
    assert(status == CR_OK || err->text[0] != '\0');
    assert(status == CR_OK || strchr(err->text, '\n') == NULL);
}

static void check_episode(const struct cr_run_view *v, uint64_t e) {
    assert(v->cell[e] < v->cells && v->proposition[e] < v->propositions);
    assert(v->prices_len[e] <= v->iterations);
    assert(v->status[e] < CR_EPISODE_STATUS_COUNT && v->ended[e] < CR_ENDED_COUNT);
    assert(v->reason[e] < CR_REASON_COUNT);
    for (uint32_t i = 0; i < v->prices_len[e]; i++) {
        const double price = v->price[e * v->iterations + i];
        assert(isnan(price) || (price >= 0 && price <= 1));
    }
}

static void check_view(const struct cr_run_view *v) {
    for (uint64_t e = 0; e < v->episodes; e++) {
        check_episode(v, e);
    }
    for (uint64_t p = 0; p < v->propositions; p++) {
        assert(v->n_outcomes[p] >= 1 && v->n_outcomes[p] <= v->outcomes);
        assert(v->question[p] < v->propositions);
        assert(v->proposition_id[p] != NULL && v->text[p] != NULL);
    }
    assert(v->job != NULL);
}

static bool try_view(struct cr_err *err) {
    struct cr_run_view *view = NULL;
    enum cr_status status = cr_run_view_open(home.file, &view, err);
    check_status(status, err);
    assert(status == CR_OK || strstr(err->text, home.file) != NULL);
    if (status == CR_OK) {
        check_view(view);
    }
    cr_run_view_close(view);
    return status == CR_OK;
}

static void try_calls(struct cr_err *err) {
    static const uint64_t episodes[] = {0, SAMPLE_EPISODES - 1};
    uint32_t *calls = NULL;
    check_status(cr_run_view_step_calls(home.file, &calls, err), err);
    cr_free(calls);
    for (size_t i = 0; i < sizeof episodes / sizeof *episodes; i++) {
        struct cr_call_records records = {0};
        enum cr_status status =
            cr_run_view_calls(home.file, episodes[i], &records, err);
        check_status(status, err);
        cr_call_records_fini(&records);
    }
}

static void try_analysis(unsigned sections, struct cr_err *err) {
    static char path[sizeof home.file];
    static char *paths[] = {path};
    const struct cr_analysis_cfg cfg = {
        .sections = sections, .resamples = 3, .seed = 1, .level = 0.95, .bins = 10};
    struct cr_analysis *analysis = NULL;
    struct cr_buf out;
    memcpy(path, home.file, sizeof path);
    enum cr_status status = cr_analysis_make(paths, 1, &cfg, &analysis, err);
    check_status(status, err);
    cr_buf_init(&out, (size_t)1 << 26);
    if (status == CR_OK) {
        cr_status_ignore(cr_analysis_tables(analysis, sections, CR_DRESS_MD, &out));
    }
    cr_buf_fini(&out);
    cr_analysis_destroy(analysis);
}

static void try_merge(struct cr_err *err) {
    const char *const paths[] = {home.file, home.good};
    check_status(cr_merge(paths, 2, home.merged, NULL, err), err);
    (void)unlink(home.merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct cr_err err = {0};
    if (home.objects == 0) {
        make_home();
    }
    if (len == 0 || !make_file(bytes + 1, len - 1)) {
        return 0;
    }
    const bool is_readable = try_view(&err);
    switch (bytes[0] % READERS) {
    case 0:
        try_calls(&err);
        break;
    case 1:
        check_status(cr_export(home.file, home.other, &err), &err);
        break;
    case 2:
        try_merge(&err);
        break;
    default:
        if (is_readable) {
            try_analysis(1U << (bytes[0] / READERS % CR_SECTION_COUNT), &err);
        }
    }
    return 0;
}
