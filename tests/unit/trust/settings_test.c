/* Settings notes: signed, read, kept, refused. */
#include "folder.h"

#include <errno.h>
#include <sodium.h>

#include "base/file.h"
#include "trust/settings.h"

#define DATE 1795000000
#define YAML                                                                                       \
	"members: [203.0.113.0/24, 2001:db8::/32]\n"                                               \
	"exclusions: [198.51.100.7]\n"                                                             \
	"thresholds: [event.timeout=2h, \"limit=5\"]\n"                                            \
	"digest:\n"                                                                                \
	"  key: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static struct hin_note_signer hub, other;

static struct hin_buffer signed_by(const struct hin_note_signer *signer, const char *yaml,
				   uint64_t version)
{
	struct hin_buffer note = { 0 };
	struct hin_error err = { 0 };

	if (hin_sensor_settings_sign(&note, "s.yaml", yaml, strlen(yaml), version, DATE, signer,
				     &err) != HIN_OK)
		fail_msg("%s", err.text);
	return note;
}

static void round_trip(void **state)
{
	struct hin_buffer note = signed_by(&hub, YAML, 7);
	struct hin_sensor_settings s = { 0 };
	struct hin_error err = { 0 };

	(void)state;
	assert_non_null(strstr(note.data, "hinomi settings 7\n2026-11-18T11:06:40Z\n\nmembers:"));
	if (hin_sensor_settings_open(&s, note.data, note.used, &hub.verifier, 1, &err) != HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(s.version, 7);
	assert_int_equal(s.date_s, DATE);
	assert_string_equal(s.signer, "hub.example/settings");
	assert_int_equal(s.members.count, 2);
	assert_string_equal(s.members.items[1], "2001:db8::/32");
	assert_int_equal(s.exclusions.count, 1);
	assert_string_equal(s.thresholds.items[0], "event.timeout=2h");
	assert_true(s.has_digest_key);
	assert_false(s.has_digest_previous);
	assert_int_equal(s.digest_key[15], 0xff);
	/* what is open may be opened again into */
	assert_int_equal(hin_sensor_settings_open(&s, note.data, note.used, &hub.verifier, 1, NULL),
			 HIN_OK);
	hin_sensor_settings_fini(&s);
	hin_buffer_fini(&note);
}

static void refuses_yaml(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "member: []\n", "did you mean" },
		{ "members: [203.0.113.1/24]\n", "members" },
		{ "members: [/etc/passwd]\n", "members" },
		{ "exclusions: [x]\n", "exclusions" },
		{ "thresholds: [a]\n", "name=value" },
		{ "thresholds: [=a]\n", "name=value" },
		{ "digest.key: 0011\n", "digest.key" },
		{ "digest:\n  previous: "
		  "0g112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
		  "digest.previous" },
		{ "members: [\n", "s.yaml" },
		{ "members: [\"203.0.113.0/24\x01\"]\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer note = { 0 };
		struct hin_error err = { 0 };

		if (hin_sensor_settings_sign(&note, "s.yaml", cases[i].yaml, strlen(cases[i].yaml),
					     1, DATE, &hub, &err) == HIN_OK)
			fail_msg("signed: %s", cases[i].yaml);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].yaml, err.text);
		hin_buffer_fini(&note);
	}
}

/* A text that the hub has signed, but not as settings, or not well. */
static void refuses_texts(void **state)
{
	static const char *const texts[] = {
		"hello\n",
		"hinomi settings\n2026-11-18T11:06:40Z\n\n\n",
		"hinomi settings 0\n2026-11-18T11:06:40Z\n\n\n",
		"hinomi settings 18446744073709551616\n2026-11-18T11:06:40Z\n\n\n",
		"hinomi settings 1\n",
		"hinomi settings 1\n\n",
		"hinomi settings 1\n-24h\n\n",
		"hinomi settings 1\nnow\n\n",
		"hinomi settings 1\n2026-11-18T11:06:40Z\nmembers: []\n",
		"hinomi settings 1\n2026-11-18T11:06:40Z\n\nunknown: 1\n",
		"hinomi settings 1\n2026-11-18T11:06:40Z\n\nmembers: [1]\n",
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(texts); i++) {
		struct hin_sensor_settings s = { 0 };
		struct hin_buffer note = { 0 };

		assert_int_equal(hin_note_sign(&note, texts[i], strlen(texts[i]), &hub, 1, NULL),
				 HIN_OK);
		if (hin_sensor_settings_open(&s, note.data, note.used, &hub.verifier, 1, NULL) !=
		    HIN_EFORMAT)
			fail_msg("%s", texts[i]);
		hin_buffer_fini(&note);
	}
}

/* Each case goes on from what the one before left. */
static void keeps_the_last_good_one(void **state)
{
	static const struct {
		const char *name;
		uint64_t version;
		const char *yaml;
		bool foreign;
		enum hin_code want;
		uint64_t kept;
		const char *says;
	} cases[] = {
		{ "the first", 5, "members: []\n", false, HIN_OK, 5, "" },
		{ "the same again", 5, "members: []\n", false, HIN_EAGAIN, 5, "" },
		{ "another of its number", 5, "members: [192.0.2.0/24]\n", false, HIN_EDENIED, 5,
		  "under this number" },
		{ "an older one", 4, "members: []\n", false, HIN_EDENIED, 5, "older" },
		{ "a foreign one", 9, "members: []\n", true, HIN_EVERIFY, 5, "not signed" },
		{ "a newer one", 6, "members: [192.0.2.0/24]\n", false, HIN_OK, 6, "" },
		{ "a much newer one", UINT64_MAX, "members: []\n", false, HIN_OK, UINT64_MAX, "" },
	};
	char folder[64];
	const char *path;
	struct stat st;

	(void)state;
	path = folder_path(folder_make(folder), "settings.note");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer note = signed_by(cases[i].foreign ? &other : &hub, cases[i].yaml,
						   cases[i].version);
		struct hin_sensor_settings s = { 0 }, kept = { 0 };
		struct hin_error err = { 0 };
		bool any = access(path, F_OK) == 0;
		enum hin_code weighed = hin_sensor_settings_weigh(&s, path, note.data, note.used,
								  &hub.verifier, 1, NULL);
		enum hin_code code;

		/* to weigh is to say the same and to write nothing */
		assert_int_equal(access(path, F_OK) == 0, any);
		assert_int_equal(s.version,
				 weighed == HIN_OK || weighed == HIN_EAGAIN ? cases[i].version : 0);
		hin_sensor_settings_fini(&s);
		code = hin_sensor_settings_keep(&s, path, note.data, note.used, &hub.verifier, 1,
						&err);
		assert_int_equal(weighed, code);
		if (code != cases[i].want || strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s %s", cases[i].name, hin_code_text(code), err.text);
		assert_int_equal(hin_sensor_settings_load(&kept, path, &hub.verifier, 1, NULL),
				 HIN_OK);
		if (kept.version != cases[i].kept)
			fail_msg("%s: %llu are kept", cases[i].name,
				 (unsigned long long)kept.version);
		if ((code == HIN_OK || code == HIN_EAGAIN) && s.version != cases[i].kept)
			fail_msg("%s: not given", cases[i].name);
		hin_sensor_settings_fini(&s);
		hin_sensor_settings_fini(&kept);
		hin_buffer_fini(&note);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	folder_remove(folder);
}

static void kept_file_is_broken_or_none(void **state)
{
	struct hin_buffer note = signed_by(&hub, "members: []\n", 3);
	struct hin_sensor_settings s = { 0 };
	char folder[64];
	const char *path;

	(void)state;
	path = folder_path(folder_make(folder), "settings.note");
	assert_int_equal(hin_sensor_settings_load(&s, path, &hub.verifier, 1, NULL), HIN_ENOENT);
	folder_write(path, "garbage\n", 8, O_TRUNC);
	assert_int_equal(hin_sensor_settings_load(&s, path, &hub.verifier, 1, NULL), HIN_EFORMAT);
	assert_int_equal(
		hin_sensor_settings_keep(&s, path, note.data, note.used, &hub.verifier, 1, NULL),
		HIN_OK);
	assert_int_equal(s.version, 3);
	hin_sensor_settings_fini(&s);
	/* one that the disk does not take changes nothing */
	folder_remove(folder);
	assert_int_equal(
		hin_sensor_settings_keep(&s, path, note.data, note.used, &hub.verifier, 1, NULL),
		HIN_ESYS);
	assert_int_equal(s.version, 0);
	hin_buffer_fini(&note);
}

static int make(void **state)
{
	uint8_t seed[32] = { 1 };

	(void)state;
	if (hin_note_signer_of(&hub, "hub.example/settings", seed, NULL) != HIN_OK)
		return -1;
	seed[0] = 2;
	return hin_note_signer_of(&other, "hub.example/settings", seed, NULL) == HIN_OK ? 0 : -1;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_yaml),
		cmocka_unit_test(refuses_texts),
		cmocka_unit_test(keeps_the_last_good_one),
		cmocka_unit_test(kept_file_is_broken_or_none),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
