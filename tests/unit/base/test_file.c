#include "cmocka_all.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"

static char folder[] = "/tmp/credence-file-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"whole", "plain", "a/b/c", "a/b", "a", "same"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        remove(in_folder(names[i]));
    }
    return rmdir(folder); // fails the group when a test left something else behind
}

static void what_was_written_is_read(void **state) {
    (void)state;
    struct cr_err err = {0};
    size_t len = 200001;
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * 7);
    }
    assert_int_equal(cr_file_write(in_folder("whole"), bytes, len, 0600, &err), CR_OK);
    struct cr_buf out;
    cr_buf_init(&out, len + 3);
    assert_int_equal(cr_buf_add_text(&out, "abc"), CR_OK);
    assert_int_equal(cr_file_read(in_folder("whole"), &out, &err), CR_OK);
    assert_int_equal(out.used_bytes, len + 3);
    assert_memory_equal(out.data + 3, bytes, len);
    cr_buf_fini(&out);
    free(bytes);
    struct stat info;
    assert_int_equal(stat(in_folder("whole"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void replacing_leaves_no_temporary_file(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cr_file_write(in_folder("same"), "x", 1, 0644, NULL), CR_OK);
    }
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; ((entry = readdir(dir)) != NULL);) {
        assert_null(strstr(entry->d_name, ".tmp"));
    }
    closedir(dir);
}

static void empty_file_reads_as_empty_text(void **state) {
    (void)state;
    assert_int_equal(cr_file_write(in_folder("plain"), "", 0, 0600, NULL), CR_OK);
    struct cr_buf out;
    cr_buf_init(&out, 10);
    assert_int_equal(cr_file_read(in_folder("plain"), &out, NULL), CR_OK);
    assert_string_equal(out.data, "");
    cr_buf_fini(&out);
}

static void failures_have_their_own_status(void **state) {
    (void)state;
    struct cr_err err = {0};
    struct cr_buf out;
    cr_buf_init(&out, 4);
    assert_int_equal(cr_buf_add_text(&out, "ab"), CR_OK);
    assert_int_equal(cr_file_read(in_folder("none"), &out, &err), CR_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "none: No such file"));
    assert_int_equal(cr_file_read(folder, &out, &err), CR_E_IO);
    assert_int_equal(cr_file_write(in_folder("plain"), "12345", 5, 0600, &err), CR_OK);
    assert_int_equal(cr_file_read(in_folder("plain"), &out, &err), CR_E_LIMIT);
    assert_string_equal(out.data, "ab");
    assert_int_equal(cr_file_write(in_folder("none/x"), "1", 1, 0600, &err),
                     CR_E_NOT_FOUND);
    cr_buf_fini(&out);
}

static void pipe_is_refused_at_once_where_a_file_is_meant(void **state) {
    (void)state;
    struct cr_err err = {0};
    struct cr_buf out;
    cr_buf_init(&out, 64);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    alarm(60); // without the refusal it waits for a writer
    assert_int_equal(cr_file_read(in_folder("fifo"), &out, &err), CR_E_IO);
    assert_non_null(strstr(err.text, "fifo is not a regular file"));
    assert_int_equal(cr_file_read("/dev/zero", &out, &err), CR_E_IO);
    int ends[2];
    char path[64];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "ab", 2), 2);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    assert_int_equal(cr_file_read(path, &out, &err), CR_E_IO);
    close(ends[1]); // who wrote it is done
    assert_int_equal(cr_file_read_any(path, &out, &err), CR_OK);
    assert_string_equal(out.data, "ab");
    alarm(0);
    close(ends[0]);
    assert_int_equal(unlink(in_folder("fifo")), 0);
    cr_buf_fini(&out);
}

static void full_disk_is_named(void **state) {
    (void)state;
    if (access("/dev/full", W_OK)) {
        skip();
    }
    // A temporary file cannot be made in /dev/full, so this drives the plain message.
    struct cr_err err = {0};
    assert_int_not_equal(cr_file_write("/dev/full/x", "1", 1, 0600, &err), CR_OK);
    assert_non_null(strstr(err.text, "/dev/full/x"));
}

static void folders_are_made_with_their_parents(void **state) {
    (void)state;
    struct cr_err err = {0};
    assert_int_equal(cr_dir_make(in_folder("a//b/c/"), &err), CR_OK);
    assert_int_equal(cr_dir_make(in_folder("a/b/c"), &err), CR_OK);
    assert_true(cr_dir_exists(in_folder("a/b/c")));
    assert_false(cr_file_exists(in_folder("a/b/c")));
    assert_int_equal(cr_file_write(in_folder("plain"), "1", 1, 0600, &err), CR_OK);
    assert_true(cr_file_exists(in_folder("plain")));
    assert_false(cr_dir_exists(in_folder("plain")));
    assert_int_equal(cr_dir_make(in_folder("plain"), &err), CR_E_USAGE);
    assert_non_null(strstr(err.text, "not a directory"));
    assert_int_not_equal(cr_dir_make(in_folder("plain/x"), &err), CR_OK);
}

static void paths_are_joined_and_cut(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 100);
    static const char *const joins[][3] = {{"a", "b", "a/b"},
                                           {"a/", "b", "a/b"},
                                           {"a", "/b", "/b"},
                                           {"", "b", "b"},
                                           {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
        assert_int_equal(cr_path_join(&out, joins[i][0], joins[i][1]), CR_OK);
        assert_string_equal(out.data, joins[i][2]);
    }
    static const char *const cuts[][2] = {
        {"a/b/c", "a/b"}, {"c", "."}, {"/c", "/"}, {"./c", "."}};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(cr_path_dir(&out, cuts[i][0]), CR_OK);
        assert_string_equal(out.data, cuts[i][1]);
    }
    cr_buf_fini(&out);
}

static enum cr_status write_then_read(void) {
    struct cr_buf out;
    cr_buf_init(&out, 100);
    enum cr_status status = cr_file_write(in_folder("plain"), "12", 2, 0600, NULL);
    if (status == CR_OK) {
        status = cr_file_read(in_folder("plain"), &out, NULL);
    }
    if (status == CR_OK) {
        status = cr_dir_make(in_folder("a"), NULL);
    }
    cr_buf_fini(&out);
    return status;
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    torture(write_then_read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(replacing_leaves_no_temporary_file),
        cmocka_unit_test(empty_file_reads_as_empty_text),
        cmocka_unit_test(failures_have_their_own_status),
        cmocka_unit_test(pipe_is_refused_at_once_where_a_file_is_meant),
        cmocka_unit_test(full_disk_is_named),
        cmocka_unit_test(folders_are_made_with_their_parents),
        cmocka_unit_test(paths_are_joined_and_cut),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
