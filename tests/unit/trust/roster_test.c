/* The roster: what it remembers, and what happens to its file. */
#include "folder.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/file.h"
#include "trust/roster.h"

#define NOW 1795000000

static char folder[64], path[128];

static int begin(void **state)
{
	(void)state;
	folder_make(folder);
	snprintf(path, sizeof(path), "%s/roster", folder);
	return hin_roster_create(path, NULL) == HIN_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static struct hin_roster *opened(void)
{
	struct hin_roster *r = NULL;
	struct hin_error err = { 0 };

	if (hin_roster_open(&r, path, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return r;
}

static struct hin_join_code code_of(uint8_t n)
{
	struct hin_join_code code = { 0 };

	memset(code.id, n, sizeof(code.id));
	memset(code.secret, n + 1, sizeof(code.secret));
	return code;
}

static void key_of(uint8_t out[32], uint8_t n)
{
	memset(out, n, 32);
}

static enum hin_code join(struct hin_roster *r, uint8_t code, uint8_t key, int64_t now)
{
	struct hin_join_code c = code_of(code);
	uint8_t public_key[32];

	key_of(public_key, key);
	return hin_roster_add_sensor(r, c.id, public_key, "40ab", now + 100, now, NULL);
}

static const struct hin_roster_sensor *sensor_of(const struct hin_roster *r, uint8_t key)
{
	uint8_t public_key[32], id[32];

	key_of(public_key, key);
	crypto_hash_sha256(id, public_key, 32);
	return hin_roster_sensor(r, id);
}

static enum hin_code invite(struct hin_roster *r, uint8_t n, const char *name, int64_t until)
{
	struct hin_join_code c = code_of(n);

	return hin_roster_add_code(r, &c, name, until, NOW, NULL);
}

/* All the states of codes and sensors, seen by the one who wrote them and by one who reads anew. */
static void remembers(void **state)
{
	struct hin_roster *r = opened(), *again;
	struct hin_join_code c1 = code_of(1), c3 = code_of(3);
	uint8_t id[16];
	size_t count;

	(void)state;
	assert_int_equal(invite(r, 1, "alpha", NOW + 50), HIN_OK);
	assert_int_equal(invite(r, 2, "alpha", NOW + 50), HIN_EDENIED); /* its code is open */
	assert_int_equal(invite(r, 2, "beta", NOW + 50), HIN_OK);
	assert_int_equal(join(r, 9, 7, NOW), HIN_EDENIED);	/* no such code */
	assert_int_equal(join(r, 1, 7, NOW + 50), HIN_EDENIED); /* expired */
	assert_int_equal(join(r, 1, 7, NOW + 49), HIN_OK);
	assert_int_equal(join(r, 1, 8, NOW + 49), HIN_EDENIED);		/* used by another */
	assert_int_equal(join(r, 1, 7, NOW + 49), HIN_OK);		/* the same, once more */
	assert_int_equal(join(r, 2, 7, NOW), HIN_EDENIED);		/* under another name */
	assert_int_equal(invite(r, 3, "alpha", NOW + 50), HIN_EDENIED); /* has joined */
	assert_string_equal(sensor_of(r, 7)->name, "alpha");
	memcpy(id, sensor_of(r, 7)->id, 16);
	assert_int_equal(hin_roster_add_renewal(r, id, "41cd", NOW + 900, NOW + 80, NULL), HIN_OK);
	assert_int_equal(hin_roster_revoke(r, "gamma", NOW, NULL), HIN_ENOENT);
	assert_int_equal(hin_roster_revoke(r, "alpha", NOW + 90, NULL), HIN_OK);
	assert_int_equal(hin_roster_revoke(r, "alpha", NOW + 91, NULL), HIN_ENOENT);
	assert_int_equal(hin_roster_add_renewal(r, id, "41cd", NOW, NOW, NULL), HIN_EDENIED);
	assert_int_equal(join(r, 1, 7, NOW + 49), HIN_EDENIED);	   /* revoked */
	assert_int_equal(invite(r, 3, "alpha", NOW + 50), HIN_OK); /* the name is free again */
	assert_int_equal(join(r, 3, 7, NOW), HIN_EDENIED);	   /* the key is not */
	for (int i = 0; i < HIN_ROSTER_TRIES; i++) {
		assert_int_equal(hin_roster_code(r, c3.id)->state, HIN_CODE_OPEN);
		assert_int_equal(hin_roster_add_try(r, c3.id, NOW, NULL), HIN_OK);
	}
	assert_int_equal(join(r, 3, 9, NOW), HIN_EDENIED); /* void */
	assert_int_equal(hin_roster_revoke(r, "beta", NOW, NULL), HIN_OK);
	assert_int_equal(join(r, 2, 9, NOW), HIN_EDENIED);

	again = opened();
	for (int which = 0; which < 2; which++) {
		const struct hin_roster *seen = which == 0 ? r : again;
		const struct hin_roster_sensor *s = sensor_of(seen, 7);

		assert_non_null(s);
		assert_int_equal(s->joined_s, NOW + 49);
		assert_int_equal(s->renewed_s, NOW + 80);
		assert_int_equal(s->expires_s, NOW + 900);
		assert_int_equal(s->revoked_s, NOW + 90);
		assert_string_equal(s->serial, "41cd");
		assert_null(sensor_of(seen, 8));
		assert_int_equal(hin_roster_code(seen, c1.id)->state, HIN_CODE_USED);
		assert_int_equal(hin_roster_code(seen, c3.id)->state, HIN_CODE_VOID);
		(void)hin_roster_sensors(seen, &count);
		assert_int_equal(count, 1);
		(void)hin_roster_codes(seen, &count);
		assert_int_equal(count, 3);
	}
	hin_roster_close(again);
	hin_roster_close(r);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "a", true },	   { "attic-1.town_hall", true },
		{ "0", true },	   { "", false },
		{ "-a", false },   { ".a", false },
		{ "A", false },	   { "a b", false },
		{ "a\nb", false }, { "a/b", false },
		{ "\xe7", false },
	};
	char longest[HIN_ROSTER_NAME + 1];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_roster_is_name(cases[i].name) != cases[i].good)
			fail_msg("%s", cases[i].name);
	memset(longest, 'a', sizeof(longest));
	longest[HIN_ROSTER_NAME] = '\0';
	assert_false(hin_roster_is_name(longest));
	longest[HIN_ROSTER_NAME - 1] = '\0';
	assert_true(hin_roster_is_name(longest));
}

/* What another process writes is seen at the next refresh, and both may write in turn. */
static void two_processes(void **state)
{
	struct hin_roster *one = opened(), *two = opened();

	(void)state;
	assert_int_equal(invite(one, 1, "alpha", NOW + 50), HIN_OK);
	assert_int_equal(join(two, 1, 7, NOW), HIN_OK); /* without a refresh of its own */
	assert_null(sensor_of(one, 7));
	assert_int_equal(hin_roster_refresh(one, NULL), HIN_OK);
	assert_non_null(sensor_of(one, 7));
	assert_int_equal(hin_roster_revoke(one, "alpha", NOW, NULL), HIN_OK);
	assert_int_equal(hin_roster_refresh(two, NULL), HIN_OK);
	assert_int_not_equal(sensor_of(two, 7)->revoked_s, 0);
	hin_roster_close(one);
	hin_roster_close(two);
}

/* A file that was put in its place is followed; one that was cut or emptied is refused. */
static void replaced_or_cut(void **state)
{
	struct hin_roster *r = opened();
	struct hin_buffer old = { 0 };
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(invite(r, 1, "alpha", NOW + 50), HIN_OK);
	assert_int_equal(hin_file_read(&old, path, 10000, NULL), HIN_OK);
	assert_int_equal(join(r, 1, 7, NOW), HIN_OK);
	assert_non_null(sensor_of(r, 7));
	assert_int_equal(hin_file_replace(path, old.data, old.used, 0600, NULL), HIN_OK);
	assert_int_equal(hin_roster_refresh(r, NULL), HIN_OK);
	assert_null(sensor_of(r, 7));
	assert_int_equal(join(r, 1, 8, NOW), HIN_OK);
	assert_int_equal(truncate(path, (off_t)old.used), 0);
	assert_int_equal(hin_roster_refresh(r, &err), HIN_EVERIFY);
	unlink(path);
	assert_int_equal(hin_roster_refresh(r, &err), HIN_ESYS);
	hin_roster_close(r);
	hin_buffer_fini(&old);
}

/* A crash tears the last line wherever it wants: all before it is there, and the next act fits. */
static void torn_at_every_byte(void **state)
{
	struct hin_roster *r = opened();
	struct hin_buffer whole = { 0 }, first = { 0 };

	(void)state;
	assert_int_equal(invite(r, 1, "alpha", NOW + 50), HIN_OK);
	assert_int_equal(hin_file_read(&first, path, 10000, NULL), HIN_OK);
	assert_int_equal(join(r, 1, 7, NOW), HIN_OK);
	assert_int_equal(hin_file_read(&whole, path, 10000, NULL), HIN_OK);
	hin_roster_close(r);
	for (size_t size = first.used; size <= whole.used; size++) {
		assert_int_equal(hin_file_replace(path, whole.data, size, 0600, NULL), HIN_OK);
		r = opened();
		assert_true((sensor_of(r, 7) != NULL) == (size == whole.used));
		assert_int_equal(invite(r, 2, "beta", NOW + 50), HIN_OK);
		hin_roster_close(r);
		r = opened();
		assert_true((sensor_of(r, 7) != NULL) == (size == whole.used));
		assert_non_null(hin_roster_code(r, code_of(2).id));
		hin_roster_close(r);
	}
	hin_buffer_fini(&whole);
	hin_buffer_fini(&first);
}

/* A change of any byte of what was written is found, and its line is named. */
static void any_change_is_found(void **state)
{
	struct hin_roster *r = opened();
	struct hin_buffer whole = { 0 };

	(void)state;
	assert_int_equal(invite(r, 1, "alpha", NOW + 50), HIN_OK);
	assert_int_equal(join(r, 1, 7, NOW), HIN_OK);
	assert_int_equal(hin_roster_revoke(r, "alpha", NOW, NULL), HIN_OK);
	assert_int_equal(hin_file_read(&whole, path, 10000, NULL), HIN_OK);
	hin_roster_close(r);
	/* the last newline alone looks like a torn end */
	for (size_t i = 0; i + 1 < whole.used; i++) {
		struct hin_error err = { 0 };
		enum hin_code code;
		struct hin_roster *none = NULL;

		whole.data[i] ^= 1;
		assert_int_equal(hin_file_replace(path, whole.data, whole.used, 0600, NULL),
				 HIN_OK);
		code = hin_roster_open(&none, path, &err);
		if (code != HIN_EVERIFY && code != HIN_EFORMAT)
			fail_msg("byte %zu: %s", i, hin_code_text(code));
		assert_non_null(strstr(err.text, "roster"));
		whole.data[i] ^= 1;
	}
	hin_buffer_fini(&whole);
}

static void refuses_files(void **state)
{
	static const struct {
		const char *bytes;
		enum hin_code want;
	} cases[] = {
		{ "", HIN_EFORMAT },
		{ "hinomi roster 2\n", HIN_EFORMAT },
		{ "hinomi roster 1\nshort\n", HIN_EFORMAT },
		{ "hinomi roster 1\n1 code a b 2 c 0123456789abcdef\n", HIN_EVERIFY },
		{ "hinomi roster 1\n\n", HIN_EFORMAT },
	};
	struct hin_roster *r = NULL;
	char line[2000];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		assert_int_equal(
			hin_file_replace(path, cases[i].bytes, strlen(cases[i].bytes), 0600, NULL),
			HIN_OK);
		if (hin_roster_open(&r, path, NULL) != cases[i].want)
			fail_msg("case %zu", i);
	}
	memset(line, 'x', sizeof(line));
	memcpy(line, "hinomi roster 1\n", 16);
	assert_int_equal(hin_file_replace(path, line, sizeof(line), 0600, NULL), HIN_OK);
	assert_int_equal(hin_roster_open(&r, path, NULL), HIN_EFORMAT);
	assert_int_equal(hin_file_replace(path, "hinomi roster 1\n", 16, 0640, NULL), HIN_OK);
	assert_int_equal(hin_roster_open(&r, path, NULL), HIN_EDENIED);
	assert_int_equal(hin_roster_create(path, NULL), HIN_ESYS); /* there is one */
	unlink(path);
	assert_int_equal(hin_roster_open(&r, path, NULL), HIN_ENOENT);
}

/* A full disk: the act fails, nothing of it remains, and the next one works. */
static void full_disk(void **state)
{
	struct hin_roster *r = opened();
	struct rlimit before, small;
	struct stat st;

	(void)state;
	assert_int_equal(invite(r, 1, "alpha", NOW + 50), HIN_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t more = 0; more < 60; more += 7) {
		small = before;
		small.rlim_cur = (rlim_t)st.st_size + more;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(join(r, 1, 7, NOW), HIN_ESYS);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_null(sensor_of(r, 7));
	}
	assert_int_equal(join(r, 1, 7, NOW), HIN_OK);
	hin_roster_close(r);
	r = opened();
	assert_non_null(sensor_of(r, 7));
	hin_roster_close(r);
}

/* Write codes until killed; each name is told by a byte on `out` once it is on the disk. */
static void write_until_killed(int out)
{
	struct hin_roster *r = NULL;

	if (hin_roster_open(&r, path, NULL) != HIN_OK)
		_exit(1);
	for (uint8_t i = 1; i < 200; i++) {
		struct hin_join_code c = code_of(i);
		char name[16];

		snprintf(name, sizeof(name), "s%u", i);
		if (hin_roster_add_code(r, &c, name, NOW + 50, NOW, NULL) != HIN_OK ||
		    write(out, &i, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* kill -9 at any moment: nothing that was told is lost, and the file can be read and written. */
static void killed(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct hin_roster *r;
		uint8_t last = 0, n;
		int told[2], wanted = round * 2 + 1;
		pid_t child;

		unlink(path);
		assert_int_equal(hin_roster_create(path, NULL), HIN_OK);
		assert_int_equal(pipe(told), 0);
		child = fork();
		if (child == 0)
			write_until_killed(told[1]);
		close(told[1]);
		while (wanted-- > 0 && read(told[0], &n, 1) == 1)
			last = n;
		kill(child, SIGKILL);
		while (read(told[0], &n, 1) == 1)
			last = n;
		close(told[0]);
		waitpid(child, NULL, 0);
		r = opened();
		for (uint8_t i = 1; i <= last; i++)
			assert_non_null(hin_roster_code(r, code_of(i).id));
		assert_int_equal(invite(r, 250, "after", NOW + 50), HIN_OK);
		hin_roster_close(r);
	}
}

/* Many sensors: found each, and read in no more than linear time. */
static void many(void **state)
{
	enum { COUNT = 5000 };
	struct hin_buffer file = { 0 };
	uint8_t chain[32];
	struct hin_roster *r;
	size_t count;

	(void)state;
	hin_buffer_puts(&file, "hinomi roster 1\n");
	crypto_hash_sha256(chain, (const uint8_t *)file.data, file.used);
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		char line[300], hex[17], id_hex[33], key_hex[65];
		crypto_hash_sha256_state sum;
		uint8_t key[32] = { 0 }, id[32];

		memcpy(key, &(unsigned){ i / 2 }, sizeof(unsigned));
		crypto_hash_sha256(id, key, 32);
		sodium_bin2hex(id_hex, sizeof(id_hex), id, 16);
		sodium_bin2hex(key_hex, sizeof(key_hex), key, 32);
		if (i % 2 == 0)
			snprintf(line, sizeof(line), "%d code %.16s s%u %d %.32s", NOW, id_hex, i,
				 NOW + 50, key_hex);
		else
			snprintf(line, sizeof(line), "%d join %.16s %s %s 40ab %d", NOW, id_hex,
				 id_hex, key_hex, NOW + 50);
		crypto_hash_sha256_init(&sum);
		crypto_hash_sha256_update(&sum, chain, 32);
		crypto_hash_sha256_update(&sum, (const uint8_t *)line, strlen(line));
		crypto_hash_sha256_final(&sum, chain);
		sodium_bin2hex(hex, sizeof(hex), chain, 8);
		hin_buffer_printf(&file, "%s %s\n", line, hex);
	}
	assert_int_equal(hin_file_replace(path, file.data, file.used, 0600, NULL), HIN_OK);
	r = opened();
	(void)hin_roster_sensors(r, &count);
	assert_int_equal(count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		uint8_t key[32] = { 0 }, id[32];

		memcpy(key, &i, sizeof(i));
		crypto_hash_sha256(id, key, 32);
		assert_non_null(hin_roster_sensor(r, id));
	}
	hin_roster_close(r);
	hin_buffer_fini(&file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(remembers),
		TEST(names),
		TEST(two_processes),
		TEST(replaced_or_cut),
		TEST(torn_at_every_byte),
		TEST(any_change_is_found),
		TEST(refuses_files),
		TEST(full_disk),
		TEST(killed),
		TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
