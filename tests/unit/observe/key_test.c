#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/key.h"

static char folder[] = "/tmp/hinomi-key-XXXXXX";
static char path[64], state_path[80];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	snprintf(state_path, sizeof(state_path), "%s.state", path);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(state_path);
	return rmdir(folder);
}

static int remove_files(void **state)
{
	(void)state;
	unlink(path);
	unlink(state_path);
	return 0;
}

static void put_file(const char *where, const char *text, mode_t mode)
{
	FILE *file = fopen(where, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(where, mode), 0);
}

static void get_file(const char *where, char *text, size_t size)
{
	FILE *file = fopen(where, "r");

	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void a_key_is_kept(void **state)
{
	struct hin_sensor_key made, loaded, again;
	struct hin_error err = { 0 };
	struct stat st;
	uint8_t digest[32];

	(void)state;
	assert_int_equal(hin_sensor_key_load(&loaded, path, &err), HIN_ENOENT);
	assert_int_equal(hin_sensor_key_create(&made, path, &err), HIN_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(hin_sensor_key_load(&loaded, path, &err), HIN_OK);
	assert_memory_equal(&made, &loaded, sizeof(made));
	crypto_hash_sha256(digest, made.public_key, sizeof(made.public_key));
	assert_memory_equal(made.id, digest, HIN_SENSOR_ID);
	assert_int_equal(hin_sensor_key_create(&again, path, &err), HIN_ESYS);
	assert_int_equal(err.sys, EEXIST);
	assert_int_equal(hin_sensor_key_open(&again, path, &err), HIN_OK);
	assert_memory_equal(&made, &again, sizeof(made));
	unlink(path);
	assert_int_equal(hin_sensor_key_open(&again, path, &err), HIN_OK);
	assert_memory_not_equal(&made, &again, sizeof(made));
	hin_sensor_key_fini(&made);
	for (size_t i = 0; i < sizeof(made.secret); i++)
		assert_int_equal(made.secret[i], 0);
	hin_sensor_key_fini(NULL);
}

/* RFC 8032, 7.1, test 1 */
static void a_seed_gives_the_standards_key(void **state)
{
	uint8_t seed[32], want[32];
	struct hin_sensor_key key;

	(void)state;
	sodium_hex2bin(seed, 32, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		       64, NULL, NULL, NULL);
	sodium_hex2bin(want, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		       64, NULL, NULL, NULL);
	assert_int_equal(hin_sensor_key_of_seed(&key, seed, NULL), HIN_OK);
	assert_memory_equal(key.public_key, want, 32);
}

static void loose_modes_are_refused(void **state)
{
	static const mode_t loose[] = { 0640, 0604, 0620, 0660, 0666, 0601, 0610 };
	struct hin_sensor_key key;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(hin_sensor_key_create(&key, path, &err), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(loose); i++) {
		assert_int_equal(chmod(path, loose[i]), 0);
		assert_int_equal(hin_sensor_key_load(&key, path, &err), HIN_EDENIED);
		assert_non_null(strstr(err.text, "chmod 600"));
		assert_int_equal(hin_sensor_key_open(&key, path, &err), HIN_EDENIED);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(hin_sensor_key_load(&key, path, &err), HIN_OK);
}

/* Each byte of a key file that is changed, added or missing makes it none. */
static void damaged_keys_are_refused(void **state)
{
	char text[400], bad[400];
	struct hin_sensor_key key;

	(void)state;
	assert_int_equal(hin_sensor_key_create(&key, path, NULL), HIN_OK);
	get_file(path, text, sizeof(text));
	for (size_t i = 0; i <= strlen(text); i++) {
		strcpy(bad, text);
		if (i < strlen(text))
			bad[i] = bad[i] == '0' ? '1' : '0';
		else
			strcat(bad, "x");
		put_file(path, bad, 0600);
		assert_int_equal(hin_sensor_key_load(&key, path, NULL), HIN_EFORMAT);
		strcpy(bad, text);
		bad[i] = '\0';
		put_file(path, bad, 0600);
		assert_int_equal(hin_sensor_key_load(&key, path, NULL),
				 i < strlen(text) ? HIN_EFORMAT : HIN_OK);
	}
	put_file(path, "no key", 0600);
	assert_int_equal(hin_sensor_key_load(&key, path, NULL), HIN_EFORMAT);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(hin_sensor_key_load(&key, path, NULL), HIN_EFORMAT);
	rmdir(path);
}

static void an_encrypted_key_is_kept(void **state)
{
	struct hin_sensor_key made, loaded;
	char before[800], after[800], hex[65];
	struct hin_error err = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(hin_sensor_key_open_sealed(&made, path, "correct horse", &err), HIN_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	get_file(path, before, sizeof(before));
	sodium_bin2hex(hex, sizeof(hex), made.secret, 32);
	assert_null(strstr(before, hex));
	assert_int_equal(hin_sensor_key_unlock(&loaded, path, "correct horse", &err), HIN_OK);
	assert_memory_equal(&made, &loaded, sizeof(made));
	assert_int_equal(hin_sensor_key_open_sealed(&loaded, path, "correct horse", &err), HIN_OK);
	assert_memory_equal(&made, &loaded, sizeof(made));
	get_file(path, after, sizeof(after));
	assert_string_equal(before, after); /* it is left as it is */
	assert_int_equal(hin_sensor_key_unlock(&loaded, path, "correct house", &err), HIN_EDENIED);
	assert_non_null(strstr(err.text, "wrong"));
	assert_int_equal(hin_sensor_key_unlock(&loaded, path, NULL, &err), HIN_EDENIED);
	assert_non_null(strstr(err.text, "--passphrase-file"));
	assert_int_equal(hin_sensor_key_load(&loaded, path, &err), HIN_EDENIED);
	assert_int_equal(hin_sensor_key_open(&loaded, path, &err), HIN_EDENIED);
}

/* One that was not encrypted is the same key afterwards, without its seed in the file. */
static void a_key_is_encrypted_later(void **state)
{
	struct hin_sensor_key made, loaded;
	char text[800], hex[65];

	(void)state;
	assert_int_equal(hin_sensor_key_create(&made, path, NULL), HIN_OK);
	sodium_bin2hex(hex, sizeof(hex), made.secret, 32);
	get_file(path, text, sizeof(text));
	assert_non_null(strstr(text, hex));
	assert_int_equal(hin_sensor_key_unlock(&loaded, path, "not needed", NULL), HIN_OK);
	assert_int_equal(hin_sensor_key_open_sealed(&loaded, path, "words", NULL), HIN_OK);
	assert_memory_equal(&made, &loaded, sizeof(made));
	get_file(path, text, sizeof(text));
	assert_null(strstr(text, hex));
	assert_int_equal(hin_sensor_key_unlock(&loaded, path, "words", NULL), HIN_OK);
	assert_memory_equal(&made, &loaded, sizeof(made));
}

static void damaged_encrypted_keys_are_refused(void **state)
{
	static const struct {
		const char *at; /* the character behind this one is changed */
		char to;
		enum hin_code want;
	} cases[] = {
		{ "key ", '3', HIN_EFORMAT },	     { "public ", 0, HIN_EFORMAT },
		{ "argon2id ", '0', HIN_EFORMAT },   { "argon2id ", '9', HIN_EDENIED },
		{ "argon2id 3 ", '9', HIN_EDENIED }, { "nonce ", 0, HIN_EDENIED },
		{ "sealed ", 0, HIN_EDENIED },	     { "sealed ", 'x', HIN_EFORMAT },
	};
	char text[800], bad[800];
	struct hin_sensor_key key;

	(void)state;
	assert_int_equal(hin_sensor_key_open_sealed(&key, path, "words", NULL), HIN_OK);
	get_file(path, text, sizeof(text));
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error err = { 0 };
		char *at;

		strcpy(bad, text);
		at = strstr(bad, cases[i].at);
		assert_non_null(at);
		at += strlen(cases[i].at);
		*at = (char)(cases[i].to != 0 ? cases[i].to : *at == '0' ? '1' : '0');
		put_file(path, bad, 0600);
		if (hin_sensor_key_unlock(&key, path, "words", &err) != cases[i].want)
			fail_msg("%s%c: %s", cases[i].at, *at, err.text);
	}
	for (size_t size = 0; size < strlen(text); size += 7) {
		memcpy(bad, text, size);
		bad[size] = '\0';
		put_file(path, bad, 0600);
		assert_int_equal(hin_sensor_key_unlock(&key, path, "words", NULL), HIN_EFORMAT);
	}
}

static void a_mark_is_kept(void **state)
{
	struct hin_batch_mark mark, loaded, other;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(hin_batch_mark_open(&mark, path, &err), HIN_OK);
	assert_int_equal(mark.sequence, 0);
	assert_true(mark.epoch != 0);
	assert_int_equal(hin_batch_mark_open(&loaded, path, &err), HIN_OK);
	assert_memory_equal(&mark, &loaded, sizeof(mark));
	mark.sequence = UINT64_MAX;
	mark.epoch = UINT64_MAX;
	memset(mark.digest, 0xab, sizeof(mark.digest));
	assert_int_equal(hin_batch_mark_save(&mark, path, &err), HIN_OK);
	assert_int_equal(hin_batch_mark_open(&loaded, path, &err), HIN_OK);
	assert_memory_equal(&mark, &loaded, sizeof(mark));
	unlink(state_path);
	assert_int_equal(hin_batch_mark_open(&other, path, &err), HIN_OK);
	assert_true(other.epoch != mark.epoch); /* the state was lost */
	put_file(state_path, "hinomi sensor state 1\nepoch 1\nsequence 1\ndigest 00\n", 0600);
	assert_int_equal(hin_batch_mark_open(&other, path, &err), HIN_EFORMAT);
	put_file(state_path, "no mark", 0600);
	assert_int_equal(hin_batch_mark_open(&other, path, &err), HIN_EFORMAT);
	put_file(state_path, "", 0600);
	assert_int_equal(hin_batch_mark_open(&other, path, &err), HIN_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_key_is_kept, remove_files),
		cmocka_unit_test(a_seed_gives_the_standards_key),
		cmocka_unit_test_teardown(loose_modes_are_refused, remove_files),
		cmocka_unit_test_teardown(damaged_keys_are_refused, remove_files),
		cmocka_unit_test_teardown(an_encrypted_key_is_kept, remove_files),
		cmocka_unit_test_teardown(a_key_is_encrypted_later, remove_files),
		cmocka_unit_test_teardown(damaged_encrypted_keys_are_refused, remove_files),
		cmocka_unit_test_teardown(a_mark_is_kept, remove_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
