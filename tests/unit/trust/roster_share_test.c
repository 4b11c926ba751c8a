/* Two hubs' rosters: what they say to each other, and what becomes of it. */
#include "folder.h"

#include <sodium.h>
#include <stdlib.h>

#include "trust/roster_share.h"

#define NOW 1795000000

static char folder[64], paths[3][128];
static struct hin_note_signer signer, foreign;
static struct hin_roster *rosters[3];

static int begin(void **state)
{
	static const uint8_t seeds[2][32] = { { 1 }, { 2 } };

	(void)state;
	folder_make(folder);
	assert_int_equal(hin_note_signer_of(&signer, "hub/settings", seeds[0], NULL), HIN_OK);
	assert_int_equal(hin_note_signer_of(&foreign, "hub/settings", seeds[1], NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(rosters); i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/roster%zu", folder, i);
		if (hin_roster_create(paths[i], NULL) != HIN_OK ||
		    hin_roster_open(&rosters[i], paths[i], NULL) != HIN_OK)
			return -1;
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(rosters); i++)
		hin_roster_close(rosters[i]);
	folder_remove(folder);
	return 0;
}

static struct hin_roster_sensor sensor(unsigned n)
{
	struct hin_roster_sensor s = { .joined_s = NOW, .renewed_s = NOW, .expires_s = NOW + 9 };
	uint8_t id[32];

	memcpy(s.public_key, &n, sizeof(n));
	crypto_hash_sha256(id, s.public_key, 32);
	memcpy(s.id, id, 16);
	snprintf(s.name, sizeof(s.name), "s%u", n);
	snprintf(s.serial, sizeof(s.serial), "40ab");
	return s;
}

static void join(struct hin_roster *r, unsigned n, int64_t now)
{
	struct hin_roster_sensor s = sensor(n);
	struct hin_join_code code = { 0 };

	memcpy(code.id, &n, sizeof(n));
	assert_int_equal(hin_roster_add_code(r, &code, s.name, now + 9, now, NULL), HIN_OK);
	assert_int_equal(
		hin_roster_add_sensor(r, code.id, s.public_key, "40ab", now + 100, now, NULL),
		HIN_OK);
}

/* `to` asks `from` all that it does not know; how many sensors changed. */
static size_t pull(struct hin_roster *to, struct hin_roster *from, struct hin_roster_seen *seen)
{
	size_t changed, sum = 0;
	bool more = true;

	for (int i = 0; more; i++) {
		struct hin_buffer question = { 0 }, reply = { 0 };
		struct hin_roster_answer answer;
		struct hin_error err = { 0 };

		assert_true(i < 10);
		assert_int_equal(hin_roster_refresh(from, NULL), HIN_OK);
		if (hin_roster_ask(&question, "b:1", seen, NOW, &signer, &err) != HIN_OK ||
		    hin_roster_tell(&reply, from, "a:1", question.data, question.used, NOW + 5,
				    &signer, &err) != HIN_OK ||
		    hin_roster_hear(&answer, reply.data, reply.used, NOW + 7, &signer.verifier,
				    &err) != HIN_OK ||
		    hin_roster_merge(to, answer.sensors, answer.count, NOW, &changed, &err) !=
			    HIN_OK)
			fail_msg("%s", err.text);
		*seen = answer.until;
		more = answer.more;
		sum += changed;
		hin_roster_answer_fini(&answer);
		hin_buffer_fini(&question);
		hin_buffer_fini(&reply);
	}
	return sum;
}

static const struct hin_roster_sensor *known(struct hin_roster *r, unsigned n)
{
	struct hin_roster_sensor s = sensor(n);

	return hin_roster_sensor(r, s.id);
}

static void expect_same(struct hin_roster *a, struct hin_roster *b)
{
	size_t count, other;
	const struct hin_roster_sensor *all = hin_roster_sensors(a, &count);

	(void)hin_roster_sensors(b, &other);
	assert_int_equal(count, other);
	for (size_t i = 0; i < count; i++) {
		const struct hin_roster_sensor *same = hin_roster_sensor(b, all[i].id);

		assert_non_null(same);
		assert_string_equal(all[i].name, same->name);
		assert_string_equal(all[i].serial, same->serial);
		assert_int_equal(all[i].renewed_s, same->renewed_s);
		assert_int_equal(all[i].expires_s, same->expires_s);
		assert_int_equal(all[i].revoked_s, same->revoked_s);
		assert_memory_equal(all[i].public_key, same->public_key, 32);
	}
}

static void what_one_knows_the_other_knows(void **state)
{
	struct hin_roster *a = rosters[0], *b = rosters[1], *again = NULL;
	struct hin_roster_seen of_a = { 0 }, of_b = { 0 };
	struct hin_roster_sensor s = sensor(1);

	(void)state;
	join(a, 1, NOW);
	join(b, 2, NOW);
	assert_int_equal(pull(b, a, &of_a), 1);
	assert_int_equal(pull(a, b, &of_b), 1);
	/* it has come back to where it began: nothing new, and nothing goes round for ever */
	assert_int_equal(pull(b, a, &of_a), 0);
	assert_int_equal(pull(a, b, &of_b), 0);
	expect_same(a, b);
	/* revoked at one, renewed at the other */
	assert_int_equal(hin_roster_revoke(a, "s1", NOW + 10, NULL), HIN_OK);
	assert_int_equal(hin_roster_add_renewal(b, s.id, "50cd", NOW + 999, NOW + 20, NULL),
			 HIN_OK);
	assert_int_equal(pull(b, a, &of_a), 1);
	assert_int_equal(pull(a, b, &of_b), 1);
	assert_int_equal(known(b, 1)->revoked_s, NOW + 10);
	assert_string_equal(known(a, 1)->serial, "50cd");
	expect_same(a, b);
	/* codes and their secrets stay where they are */
	assert_null(hin_roster_code(b, (const uint8_t[HIN_CODE_ID]){ 1 }));
	assert_non_null(hin_roster_code(a, (const uint8_t[HIN_CODE_ID]){ 1 }));
	/* and all of it stands in the file */
	assert_int_equal(hin_roster_open(&again, paths[1], NULL), HIN_OK);
	expect_same(again, b);
	hin_roster_close(again);
	assert_int_equal(hin_roster_add_renewal(b, s.id, "60ef", NOW + 999, NOW + 30, NULL),
			 HIN_EDENIED);
}

/* The same in whatever order it is heard. */
static void the_order_does_not_matter(void **state)
{
	static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					       { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct hin_roster_sensor said[3] = { sensor(1), sensor(1), sensor(1) };
	const struct hin_roster_sensor *s;
	size_t changed;

	(void)state;
	said[0].revoked_s = NOW + 50;
	said[1].renewed_s = NOW + 60;
	strcpy(said[1].serial, "50cd");
	said[2].revoked_s = NOW + 40;
	said[2].renewed_s = NOW + 60;
	strcpy(said[2].serial, "51cd"); /* of the same moment: all take the same one */
	for (size_t i = 0; i < HIN_COUNT(orders); i++) {
		struct hin_roster *r = NULL;
		char path[160];

		snprintf(path, sizeof(path), "%s/order%zu", folder, i);
		assert_int_equal(hin_roster_create(path, NULL), HIN_OK);
		assert_int_equal(hin_roster_open(&r, path, NULL), HIN_OK);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(
				hin_roster_merge(r, &said[orders[i][k]], 1, NOW, &changed, NULL),
				HIN_OK);
		s = known(r, 1);
		assert_int_equal(s->revoked_s, NOW + 40);
		assert_int_equal(s->renewed_s, NOW + 60);
		assert_string_equal(s->serial, "51cd");
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(hin_roster_merge(r, &said[k], 1, NOW, &changed, NULL),
					 HIN_OK);
			assert_int_equal(changed, 0);
		}
		hin_roster_close(r);
	}
}

static void many_come_in_parts(void **state)
{
	enum { COUNT = 2 * HIN_ROSTER_SHARE_SENSORS + 7 };
	struct hin_roster_sensor *all = calloc(COUNT, sizeof(*all));
	struct hin_roster_seen seen = { 0 }, third = { 0 };
	size_t changed;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		all[i] = sensor(i);
	assert_int_equal(hin_roster_merge(rosters[0], all, COUNT, NOW, &changed, NULL), HIN_OK);
	assert_int_equal(changed, COUNT);
	assert_int_equal(pull(rosters[1], rosters[0], &seen), COUNT);
	expect_same(rosters[0], rosters[1]);
	/* one change, one sensor */
	assert_int_equal(hin_roster_revoke(rosters[0], "s77", NOW, NULL), HIN_OK);
	assert_int_equal(pull(rosters[1], rosters[0], &seen), 1);
	/* what a third hears of the second is as good */
	assert_int_equal(pull(rosters[2], rosters[1], &third), COUNT);
	expect_same(rosters[0], rosters[2]);
	free(all);
}

/* A hub whose roster was restored from a backup has other lines by the same numbers. */
static void another_roster_begins_anew(void **state)
{
	struct hin_roster_seen seen = { 0 };

	(void)state;
	join(rosters[0], 1, NOW);
	assert_int_equal(pull(rosters[2], rosters[0], &seen), 1);
	join(rosters[1], 2, NOW);
	join(rosters[1], 3, NOW);
	assert_int_equal(pull(rosters[2], rosters[1], &seen), 2);
	seen.line = 1000; /* further than it has lines */
	assert_int_equal(pull(rosters[2], rosters[1], &seen), 0);
	assert_int_equal(seen.line, 5);
}

static void refuses_questions(void **state)
{
	const struct {
		const char *text;
		const struct hin_note_signer *by;
		enum hin_code want;
	} cases[] = {
		{ "hinomi roster request 1\nfor b\ntime 1795000000\nsince 0 0000000000000000\n",
		  &signer, HIN_OK },
		{ "hinomi roster request 1\nfor b\ntime 1795000000\nsince 0 0000000000000000\n",
		  &foreign, HIN_EVERIFY },
		{ "hinomi roster request 1\nfor b\ntime 1794999000\nsince 0 0000000000000000\n",
		  &signer, HIN_EDENIED },
		{ "hinomi roster request 1\nfor b\ntime 1795001000\nsince 0 0000000000000000\n",
		  &signer, HIN_EDENIED },
		{ "hinomi roster request 2\nfor b\ntime 1795000000\nsince 0 0000000000000000\n",
		  &signer, HIN_EFORMAT },
		{ "hinomi settings 1\n", &signer, HIN_EFORMAT },
		{ "hinomi roster request 1\n", &signer, HIN_EFORMAT },
		{ "hinomi roster request 1\nfor b\ntime soon\nsince 0 0000000000000000\n", &signer,
		  HIN_EFORMAT },
		{ "hinomi roster request 1\nfor b\ntime 1795000000\nsince -1 0000000000000000\n",
		  &signer, HIN_EFORMAT },
		{ "hinomi roster request 1\nfor b\ntime 1795000000\nsince 0 00\n", &signer,
		  HIN_EFORMAT },
		{ "hinomi roster request 1\nfor b\ntime 1795000000\nuntil 0 0000000000000000\n",
		  &signer, HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer note = { 0 }, out = { 0 };

		assert_int_equal(hin_note_sign(&note, cases[i].text, strlen(cases[i].text),
					       cases[i].by, 1, NULL),
				 HIN_OK);
		if (hin_roster_tell(&out, rosters[0], "a:1", note.data, note.used, NOW, &signer,
				    NULL) != cases[i].want)
			fail_msg("case %zu", i);
		assert_true(cases[i].want == HIN_OK || out.used == 0);
		hin_buffer_fini(&note);
		hin_buffer_fini(&out);
	}
	assert_int_equal(hin_roster_tell(&(struct hin_buffer){ 0 }, rosters[0], "a:1", "x", 1, NOW,
					 &signer, NULL),
			 HIN_EFORMAT);
}

#define HEAD "hinomi roster answer 1\nof a:1\ntime 1795000000\nuntil 2 0011223344556677 end\n"
#define KEY "0100000000000000000000000000000000000000000000000000000000000000"

static void refuses_answers(void **state)
{
	struct hin_roster_sensor s = sensor(1);
	char id[33], lines[6][400];
	struct hin_roster_answer answer;

	(void)state;
	sodium_bin2hex(id, sizeof(id), s.id, 16);
	snprintf(lines[0], 400, HEAD "%s " KEY " s1 40ab 1 2 3 0\n", id);
	snprintf(lines[1], 400, HEAD "%s " KEY " s1 40ab 1 2 3\n", id);
	snprintf(lines[2], 400, HEAD "%s " KEY " s1 40ab 1 2 3 0 0\n", id);
	snprintf(lines[3], 400, HEAD "%s " KEY " S1 40ab 1 2 3 0\n", id);
	/* an id that is not of its key: somebody else's sensor would be taken over */
	snprintf(lines[4], 400, HEAD "ff%s " KEY " s1 40ab 1 2 3 0\n", id + 2);
	snprintf(lines[5], 400, HEAD "%s " KEY " s1 40ab 1 2 -3 0\n", id);
	for (size_t i = 0; i < HIN_COUNT(lines); i++) {
		struct hin_buffer note = { 0 };
		enum hin_code want = i == 0 ? HIN_OK : HIN_EFORMAT;

		assert_int_equal(hin_note_sign(&note, lines[i], strlen(lines[i]), &signer, 1, NULL),
				 HIN_OK);
		if (hin_roster_hear(&answer, note.data, note.used, NOW, &signer.verifier, NULL) !=
		    want)
			fail_msg("case %zu", i);
		hin_roster_answer_fini(&answer);
		assert_int_equal(hin_roster_hear(&answer, note.data, note.used, NOW,
						 &foreign.verifier, NULL),
				 HIN_EVERIFY);
		assert_int_equal(hin_roster_hear(&answer, note.data, note.used, NOW + 601,
						 &signer.verifier, NULL),
				 HIN_EDENIED);
		hin_buffer_fini(&note);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(what_one_knows_the_other_knows),
		TEST(the_order_does_not_matter),
		TEST(many_come_in_parts),
		TEST(another_roster_begins_anew),
		TEST(refuses_questions),
		TEST(refuses_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
