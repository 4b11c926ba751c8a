/* the vault: files kept once, encrypted, typed, bounded, found again after death */
#include "../test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "decoy/record/vault.h"

#define NOON INT64_C(1763812800000000)
#define DAY_US INT64_C(86400000000)

struct kit {
	char folder[64];
	struct hin_decoy_vault_settings settings;
	struct hin_decoy_vault *vault;
};

static const struct hin_addr one = { { [10] = 0xff, 0xff, 198, 51, 100, 1 } },
			     other = { { [10] = 0xff, 0xff, 198, 51, 100, 2 } };

static void open_vault(struct kit *kit, int64_t now_us)
{
	struct hin_error err = { 0 };

	if (hin_decoy_vault_open(&kit->vault, kit->folder, &kit->settings, true, now_us, &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
}

static void begin(struct kit *kit)
{
	*kit = (struct kit){ .folder = "/tmp/hinomi-vault-XXXXXX",
			     .settings = { .purpose = "study of droppers",
					   .file_bytes = 100000,
					   .source_bytes = 1000000,
					   .files = 1000,
					   .max_bytes = 10000000 } };
	assert_non_null(mkdtemp(kit->folder));
	open_vault(kit, NOON);
}

static void end(struct kit *kit)
{
	char command[128];

	hin_decoy_vault_close(kit->vault);
	snprintf(command, sizeof(command), "rm -rf '%s'", kit->folder);
	assert_int_equal(system(command), 0);
}

static enum hin_code keep(struct kit *kit, const char *text, const struct hin_addr *from,
			  uint64_t session, int64_t now_us, uint8_t sha256[32])
{
	struct hin_error err = { 0 };

	crypto_hash_sha256(sha256, (const uint8_t *)text, strlen(text));
	return hin_decoy_vault_keep(kit->vault, text, strlen(text), sha256, from, session, now_us,
				    &err);
}

static void object_path(const struct kit *kit, const uint8_t sha256[32], char out[PATH_MAX])
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), sha256, 32);
	snprintf(out, PATH_MAX, "%s/%.2s/%s", kit->folder, hex, hex + 2);
}

static void kept_once(void **state)
{
	struct hin_buffer out = { 0 }, raw = { 0 };
	struct hin_decoy_vault_entry entry;
	struct hin_decoy_vault_stats stats;
	struct hin_decoy_vault *reader = NULL;
	uint8_t a[32], b[32];
	char path[PATH_MAX];
	struct kit kit;

	(void)state;
	begin(&kit);
	assert_int_equal(keep(&kit, "#!/bin/sh\necho gotcha\n", &one, 7, NOON, a), HIN_OK);
	assert_int_equal(keep(&kit, "#!/bin/sh\necho gotcha\n", &other, 8, NOON + 5, a), HIN_OK);
	assert_int_equal(keep(&kit, "#!/bin/sh\necho gotcha\n", &other, 8, NOON + 9, a), HIN_OK);
	assert_int_equal(keep(&kit, "", &other, 9, NOON + 9, b), HIN_OK);
	stats = hin_decoy_vault_stats(kit.vault);
	assert_int_equal(stats.files, 2);
	assert_int_equal(stats.kept, 2);
	assert_int_equal(stats.repeated, 2);
	assert_int_equal(stats.bytes, 22);
	object_path(&kit, a, path);
	assert_int_equal(hin_file_read(&raw, path, 1000, NULL), HIN_OK);
	assert_null(memmem(raw.data, raw.used, "gotcha", 6));
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON + 100);
	assert_true(hin_decoy_vault_find(kit.vault, a, &entry));
	assert_int_equal(entry.sessions, 2);
	assert_int_equal(entry.first_us, NOON);
	assert_int_equal(entry.last_us, NOON + 9);
	assert_int_equal(entry.first_session, 7);
	assert_int_equal(entry.last_session, 8);
	assert_int_equal(entry.kind.type, HIN_FILE_SCRIPT);
	assert_string_equal(hin_decoy_vault_purpose(kit.vault, entry.purpose), "study of droppers");
	assert_null(hin_decoy_vault_purpose(kit.vault, 2));
	/* beside the writer */
	assert_int_equal(hin_decoy_vault_open(&reader, kit.folder, NULL, false, 0, NULL), HIN_OK);
	assert_int_equal(hin_decoy_vault_get(reader, a, &out, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&out), "#!/bin/sh\necho gotcha\n");
	hin_buffer_reset(&out);
	assert_int_equal(hin_decoy_vault_get(reader, b, &out, NULL), HIN_OK);
	assert_int_equal(out.used, 0);
	a[5] ^= 1;
	assert_int_equal(hin_decoy_vault_get(reader, a, &out, NULL), HIN_ENOENT);
	a[5] ^= 1;
	hin_decoy_vault_close(reader);
	assert_int_equal(hin_decoy_vault_remove(kit.vault, a, NULL), HIN_OK);
	assert_int_equal(hin_decoy_vault_remove(kit.vault, a, NULL), HIN_ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON + 200);
	assert_false(hin_decoy_vault_find(kit.vault, a, &entry));
	assert_true(hin_decoy_vault_find(kit.vault, b, &entry));
	hin_buffer_fini(&out);
	hin_buffer_fini(&raw);
	end(&kit);
}

/* Not one byte of a kept file may be changed unseen. */
static void changed(void **state)
{
	struct hin_buffer raw = { 0 }, out = { 0 };
	uint8_t a[32], b[32];
	char path[PATH_MAX], path_b[PATH_MAX];
	struct kit kit;

	(void)state;
	begin(&kit);
	assert_int_equal(keep(&kit, "one file", &one, 1, NOON, a), HIN_OK);
	assert_int_equal(keep(&kit, "two file", &one, 1, NOON, b), HIN_OK);
	object_path(&kit, a, path);
	object_path(&kit, b, path_b);
	assert_int_equal(hin_file_read(&raw, path, 1000, NULL), HIN_OK);
	for (size_t at = 0; at < raw.used; at++) {
		raw.data[at] ^= 4;
		assert_int_equal(hin_file_replace(path, raw.data, raw.used, 0600, NULL), HIN_OK);
		assert_int_equal(hin_decoy_vault_get(kit.vault, a, &out, NULL), HIN_EVERIFY);
		raw.data[at] ^= 4;
	}
	assert_int_equal(hin_file_replace(path, raw.data, raw.used - 1, 0600, NULL), HIN_OK);
	assert_int_equal(hin_decoy_vault_get(kit.vault, a, &out, NULL), HIN_EVERIFY);
	/* nor exchanged for another */
	assert_int_equal(hin_file_replace(path_b, raw.data, raw.used, 0600, NULL), HIN_OK);
	assert_int_equal(hin_decoy_vault_get(kit.vault, b, &out, NULL), HIN_EVERIFY);
	assert_int_equal(out.used, 0);
	hin_buffer_fini(&raw);
	hin_buffer_fini(&out);
	end(&kit);
}

static void caps(void **state)
{
	struct hin_decoy_vault_stats stats;
	struct hin_error err = { 0 };
	uint8_t sha256[32], wrong[32] = { 0 };
	struct kit kit;

	(void)state;
	begin(&kit);
	kit.settings.file_bytes = 20;
	kit.settings.source_bytes = 30;
	kit.settings.files = 4;
	hin_decoy_vault_settings(kit.vault, &kit.settings);
	assert_int_equal(keep(&kit, "123456789012345678901", &one, 1, NOON, sha256), HIN_ELIMIT);
	assert_int_equal(keep(&kit, "12345678901234567890", &one, 1, NOON, sha256), HIN_OK);
	assert_int_equal(keep(&kit, "abcdefghijk", &one, 1, NOON, sha256), HIN_ELIMIT);
	assert_int_equal(keep(&kit, "abcdefghijk", &other, 1, NOON, sha256), HIN_OK);
	assert_int_equal(keep(&kit, "abcdefghij", &one, 1, NOON, sha256), HIN_OK);
	/* what is there already is counted, whoever brings it */
	assert_int_equal(keep(&kit, "abcdefghijk", &one, 2, NOON, sha256), HIN_OK);
	/* tomorrow it may bring more */
	assert_int_equal(keep(&kit, "x", &one, 1, NOON, sha256), HIN_ELIMIT);
	assert_int_equal(keep(&kit, "x", &one, 1, NOON + DAY_US, sha256), HIN_OK);
	assert_int_equal(keep(&kit, "y", &one, 1, NOON + DAY_US, sha256), HIN_ELIMIT);
	assert_int_equal(hin_decoy_vault_keep(kit.vault, "z", 1, wrong, &other, 1, NOON, &err),
			 HIN_ELIMIT);
	kit.settings.files = 5;
	hin_decoy_vault_settings(kit.vault, &kit.settings);
	assert_int_equal(hin_decoy_vault_keep(kit.vault, "z", 1, wrong, &other, 1, NOON, &err),
			 HIN_EVERIFY);
	stats = hin_decoy_vault_stats(kit.vault);
	assert_int_equal(stats.refused_size, 1);
	assert_int_equal(stats.refused_source, 2);
	assert_int_equal(stats.refused_files, 2);
	assert_int_equal(stats.files, 4);
	end(&kit);
}

static bool take(void *into, const struct hin_decoy_vault_entry *entry)
{
	struct hin_buffer *out = into;

	hin_buffer_printf(out, "%u ", (unsigned)entry->size);
	return true;
}

static void expiry_and_list(void **state)
{
	static const char letters[] = "aaaaaaaaaaaaaaaaaaaa";
	struct hin_buffer list = { 0 };
	uint8_t sha256[32];
	struct kit kit;

	(void)state;
	begin(&kit);
	for (unsigned k = 1; k <= 5; k++)
		assert_int_equal(keep(&kit, letters + 20 - k, &one, k, NOON + k * DAY_US, sha256),
				 HIN_OK);
	assert_int_equal(keep(&kit, "a", &one, 9, NOON + 9 * DAY_US, sha256), HIN_OK);
	assert_int_equal(hin_decoy_vault_list(kit.vault, 0, take, &list, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&list), "1 5 4 3 2 ");
	hin_buffer_reset(&list);
	assert_int_equal(hin_decoy_vault_list(kit.vault, 2, take, &list, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&list), "1 5 ");
	kit.settings.max_bytes = 11; /* of 15: those of 2 and 3 go */
	hin_decoy_vault_settings(kit.vault, &kit.settings);
	assert_int_equal(hin_decoy_vault_sync(kit.vault, NOON + 9 * DAY_US, NULL), HIN_OK);
	hin_buffer_reset(&list);
	assert_int_equal(hin_decoy_vault_list(kit.vault, 0, take, &list, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&list), "1 5 4 ");
	assert_int_equal(hin_decoy_vault_stats(kit.vault).expired, 2);
	kit.settings.max_age_ns = 4 * DAY_US * 1000 + 1000;
	hin_decoy_vault_settings(kit.vault, &kit.settings);
	assert_int_equal(hin_decoy_vault_sync(kit.vault, NOON + 9 * DAY_US, NULL), HIN_OK);
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON + 9 * DAY_US);
	hin_buffer_reset(&list);
	assert_int_equal(hin_decoy_vault_list(kit.vault, 0, take, &list, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&list), "1 5 ");
	hin_buffer_fini(&list);
	end(&kit);
}

/* A process that is killed has lost no file that was taken. */
static void killed(void **state)
{
	struct hin_decoy_vault_entry entry;
	struct hin_buffer out = { 0 };
	char path[PATH_MAX], log[PATH_MAX];
	uint8_t a[32], b[32];
	struct kit kit;
	pid_t child;
	int status, fd;

	(void)state;
	begin(&kit);
	hin_decoy_vault_close(kit.vault);
	child = fork();
	if (child == 0) {
		open_vault(&kit, NOON);
		if (keep(&kit, "taken", &one, 1, NOON, a) != HIN_OK)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	/* as if it had died in the middle of the next: a file without an entry, a torn entry */
	crypto_hash_sha256(b, (const uint8_t *)"begun", 5);
	object_path(&kit, b, path);
	*strrchr(path, '/') = '\0';
	mkdir(path, 0700);
	path[strlen(path)] = '/';
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd != -1);
	close(fd);
	snprintf(log, sizeof(log), "%s/index.log", kit.folder);
	fd = open(log, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "torn", 4), 4);
	close(fd);
	open_vault(&kit, NOON + 1);
	crypto_hash_sha256(a, (const uint8_t *)"taken", 5);
	assert_true(hin_decoy_vault_find(kit.vault, a, &entry));
	assert_int_equal(hin_decoy_vault_get(kit.vault, a, &out, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&out), "taken");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(hin_decoy_vault_stats(kit.vault).damaged, 1);
	assert_int_equal(keep(&kit, "begun", &one, 2, NOON, b), HIN_OK);
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON + 2);
	assert_int_equal(hin_decoy_vault_stats(kit.vault).files, 2);
	assert_int_equal(hin_decoy_vault_stats(kit.vault).damaged, 0);
	/* a file that somebody took away is no more in the list */
	unlink(path);
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON + 3);
	assert_int_equal(hin_decoy_vault_stats(kit.vault).files, 1);
	hin_buffer_fini(&out);
	end(&kit);
}

static void full_disk(void **state)
{
	struct rlimit little = { 40, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct hin_decoy_vault_entry entry;
	uint8_t a[32];
	struct kit kit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	begin(&kit);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(keep(&kit, "does not fit", &one, 1, NOON, a), HIN_ESYS);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(hin_decoy_vault_stats(kit.vault).failed, 1);
	assert_false(hin_decoy_vault_find(kit.vault, a, &entry));
	assert_int_equal(keep(&kit, "does not fit", &one, 1, NOON, a), HIN_OK);
	end(&kit);
}

static void purposes_and_keys(void **state)
{
	struct hin_decoy_vault *second = NULL;
	struct hin_decoy_vault_entry entry;
	struct hin_buffer text = { 0 };
	char path[PATH_MAX], away[PATH_MAX + 8];
	uint8_t a[32], b[32];
	struct hin_error err;
	struct kit kit;

	(void)state;
	begin(&kit);
	assert_int_equal(keep(&kit, "first", &one, 1, NOON, a), HIN_OK);
	assert_int_equal(hin_decoy_vault_open(&second, kit.folder, &kit.settings, true, NOON, &err),
			 HIN_EDENIED);
	hin_decoy_vault_close(kit.vault);
	kit.settings.purpose = "";
	assert_int_equal(hin_decoy_vault_open(&second, kit.folder, &kit.settings, true, NOON, &err),
			 HIN_ELIMIT);
	kit.settings.purpose = "two\nlines";
	assert_int_equal(hin_decoy_vault_open(&second, kit.folder, &kit.settings, true, NOON, &err),
			 HIN_ELIMIT);
	kit.settings.purpose = "court order 5: until March";
	open_vault(&kit, NOON + DAY_US);
	assert_int_equal(keep(&kit, "second", &one, 1, NOON, b), HIN_OK);
	assert_true(hin_decoy_vault_find(kit.vault, a, &entry));
	assert_int_equal(entry.purpose, 1);
	assert_true(hin_decoy_vault_find(kit.vault, b, &entry));
	assert_int_equal(entry.purpose, 2);
	snprintf(path, sizeof(path), "%s/MANIFEST", kit.folder);
	assert_int_equal(hin_file_read(&text, path, 10000, NULL), HIN_OK);
	assert_non_null(strstr(text.data,
			       "purpose 1 since 2025-11-22T12:00:00Z: study of droppers\n"
			       "purpose 2 since 2025-11-23T12:00:00Z: court order 5: "
			       "until March\n"));
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON + 2 * DAY_US);
	assert_string_equal(hin_decoy_vault_purpose(kit.vault, 2), "court order 5: until March");
	hin_decoy_vault_close(kit.vault);
	snprintf(path, sizeof(path), "%s/vault.key", kit.folder);
	snprintf(away, sizeof(away), "%s.away", path);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(hin_decoy_vault_open(&second, kit.folder, &kit.settings, true, NOON, &err),
			 HIN_EDENIED);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(hin_decoy_vault_open(&second, kit.folder, &kit.settings, true, NOON, &err),
			 HIN_EVERIFY);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(chmod(path, 0600), 0);
	open_vault(&kit, NOON);
	hin_buffer_fini(&text);
	end(&kit);
}

/* Many: the index grows, is written anew, and is found again. */
static void many(void **state)
{
	struct hin_decoy_vault_entry entry;
	struct stat st;
	char text[32], path[PATH_MAX];
	uint8_t sha256[32];
	struct kit kit;

	(void)state;
	begin(&kit);
	for (unsigned k = 0; k < 300; k++) {
		snprintf(text, sizeof(text), "file %u", k);
		assert_int_equal(keep(&kit, text, &one, k, NOON + k, sha256), HIN_OK);
	}
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned k = 0; k < 300; k++) {
			snprintf(text, sizeof(text), "file %u", k);
			assert_int_equal(keep(&kit, text, &one, 1000 + round, NOON + 400, sha256),
					 HIN_OK);
		}
		assert_int_equal(hin_decoy_vault_sync(kit.vault, NOON + 500, NULL), HIN_OK);
	}
	snprintf(path, sizeof(path), "%s/index.log", kit.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 112 * (2 * 300 + 1000 + 300));
	hin_decoy_vault_close(kit.vault);
	open_vault(&kit, NOON);
	assert_int_equal(hin_decoy_vault_stats(kit.vault).files, 300);
	assert_true(hin_decoy_vault_find(kit.vault, sha256, &entry));
	assert_int_equal(entry.sessions, 11);
	end(&kit);
}

/* ---- what files are ---- */

static void kinds(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *want;
	} cases[] = {
		{ "", 0, "empty" },
		{ "hello\n", 6, "text" },
		{ "caf\xc3\xa9", 5, "text" },
		{ "caf\xe9 latin", 10, "data" },
		{ "\0\1\2", 3, "data" },
		{ "#!/bin/sh\n", 10, "script" },
		{ "\x1f\x8b\x08", 3, "gzip" },
		{ "BZh9", 4, "bzip2" },
		{ "\xfd"
		  "7zXZ\0\0",
		  7, "xz" },
		{ "\x28\xb5\x2f\xfd.", 5, "zstd" },
		{ "PK\3\4", 4, "zip archive" },
		{ "Rar!\x1a\7\1", 7, "rar archive" },
		{ "7z\xbc\xaf\x27\x1c", 6, "7z archive" },
		{ "!<arch>\n", 8, "ar archive" },
		{ "070701", 6, "cpio archive" },
		{ "\xca\xfe\xba\xbe\0\0\0\x34", 8, "Java class" },
		{ "\xca\xfe\xba\xbe\0\0\0\2", 8, "Mach-O" },
		{ "ssh-rsa AAAAB3 x\n", 17, "SSH public key" },
		{ "-----BEGIN RSA PRIVATE KEY-----\n", 32, "PEM" },
		{ " \n<!DOCTYPE html>", 17, "HTML" },
		{ "\177ELF", 4, "ELF" },
		{ "\177EL", 3, "text" },
		{ "MZ", 2, "text" },
	};
	uint8_t tar[512] = { 'a' };
	char text[HIN_FILE_KIND_TEXT];
	struct hin_file_kind kind;

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		uint8_t *copy = hin_test_copy(cases[k].bytes, cases[k].size);

		kind = hin_file_kind(copy, cases[k].size);
		hin_file_kind_format(text, &kind);
		if (strcmp(text, cases[k].want) != 0)
			fail_msg("case %zu: %s", k, text);
		free(copy);
	}
	memcpy(tar + 257, "ustar", 5);
	kind = hin_file_kind(tar, sizeof(tar));
	assert_int_equal(kind.type, HIN_FILE_TAR);
}

/* An ELF of Mirai's kind: 32-bit MIPS big-endian, static; and our own test program. */
static void elf(void **state)
{
	static const uint8_t mips[] = {
		0x7f, 'E', 'L', 'F', 1, 2, 1,	 0, 0, 0,    0, 0,    0,    0, 0, 0,	/* ident */
		0,    2,   0,	8,   0, 0, 0,	 1, 0, 0x40, 2, 0x60, 0,    0, 0, 0x34, /* type,
											   machine,
											   ... */
		0,    0,   0,	0,   0, 0, 0x10, 7, 0, 0x34, 0, 0x20, 0,    1, 0, 0,	0,
		0,    0,   0,	0,   0, 0, 1,	 0, 0, 0,    0, 0,    0x40, 0, 0, 0,	0,
		0,    0, /* PT_LOAD */
		0,    0,   0,	0,   0, 0, 0,	 0, 0, 0,    0, 5,    0,    1, 0, 0,	'U',
		'P',  'X', '!',
	};
	struct hin_buffer self = { 0 };
	char text[HIN_FILE_KIND_TEXT];
	struct hin_file_kind kind;

	(void)state;
	kind = hin_file_kind(mips, sizeof(mips));
	assert_string_equal(hin_file_kind_format(text, &kind),
			    "ELF 32-bit MIPS big-endian executable, static, UPX");
	for (size_t size = 0; size < sizeof(mips); size++) {
		uint8_t *copy = hin_test_copy(mips, size);

		kind = hin_file_kind(copy, size);
		hin_file_kind_format(text, &kind);
		free(copy);
	}
	assert_int_equal(hin_file_read(&self, "/proc/self/exe", 1 << 28, NULL), HIN_OK);
	kind = hin_file_kind(self.data, self.used);
	assert_int_equal(kind.type, HIN_FILE_ELF);
	assert_int_equal(kind.bits, sizeof(void *) * 8);
	assert_false(kind.is_static);
	assert_false(kind.packed);
	hin_buffer_fini(&self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_once),
		cmocka_unit_test(changed),
		cmocka_unit_test(caps),
		cmocka_unit_test(expiry_and_list),
		cmocka_unit_test(killed),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(purposes_and_keys),
		cmocka_unit_test(many),
		cmocka_unit_test(kinds),
		cmocka_unit_test(elf),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
