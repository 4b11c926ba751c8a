/* A hub's CA and its sensors, without a network: bytes asked, bytes answered. */
#include "folder.h"

#include <errno.h>
#include <sodium.h>

#include "base/file.h"
#include "trust/ca.h"
#include "trust/member.h"
#include "trust/settings.h"

#define NOW 1795000000ll
#define DAY 86400ll

static char folder[64], hub[128], attic[128];
static struct hin_ca *a;
static const struct hin_addr from = { { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 } };

static struct hin_ca *opened(const char *passphrase)
{
	struct hin_ca *out = NULL;
	struct hin_error err = { 0 };

	if (hin_ca_open(&out, hub, &err) != HIN_OK ||
	    hin_ca_unlock(out, passphrase, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return out;
}

static int begin(void **state)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "::1" };
	struct hin_ca_wish wish = { .hub = "hub.example:8443",
				    .names = names,
				    .name_count = HIN_COUNT(names) };

	(void)state;
	folder_make(folder);
	snprintf(hub, sizeof(hub), "%s/hub", folder);
	snprintf(attic, sizeof(attic), "%s/attic", folder);
	if (hin_ca_init(hub, &wish, NOW, NULL) != HIN_OK)
		return -1;
	a = opened(NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	hin_ca_close(a);
	folder_remove(folder);
	return 0;
}

static struct hin_enrol_key key_of(uint8_t n)
{
	struct hin_enrol_key key;
	uint8_t seed[32] = { n };

	crypto_sign_seed_keypair(key.public_key, key.secret, seed);
	return key;
}

static void id_of(uint8_t out[32], uint8_t n)
{
	struct hin_enrol_key key = key_of(n);

	crypto_hash_sha256(out, key.public_key, 32);
}

static struct hin_join_code invite(const char *name)
{
	struct hin_join_code code;
	struct hin_error err = { 0 };

	if (hin_ca_invite(a, &code, name, 3600, NOW, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return code;
}

/* A conversation of a sensor with the hub; what was drawn and said. */
struct talk {
	struct hin_enrol_key key;
	struct hin_buffer request, tls_key, answer;
	unsigned status;
};

static void hear(struct talk *t, const uint8_t *peer, int64_t now)
{
	hin_buffer_reset(&t->answer);
	t->status =
		hin_ca_answer(a, &t->answer, t->request.data, t->request.used, peer, &from, now);
}

static struct talk ask(const struct hin_join_code *code, uint8_t n, int64_t now)
{
	struct talk t = { .key = key_of(n) };

	assert_int_equal(hin_member_ask(&t.request, &t.tls_key, code, &t.key, NULL), HIN_OK);
	hear(&t, NULL, now);
	return t;
}

static void hush(struct talk *t)
{
	hin_buffer_fini(&t->request);
	hin_secret_fini(&t->tls_key);
	hin_buffer_fini(&t->answer);
}

/* One that is only refused. */
static void refused(const struct hin_join_code *code, uint8_t n, int64_t now, unsigned status,
		    const char *says)
{
	struct talk t = ask(code, n, now);

	if (t.status != status || strstr(t.answer.data, says) == NULL)
		fail_msg("%u %s", t.status, t.answer.data);
	hush(&t);
}

static struct hin_ca_counters counted(void)
{
	struct hin_ca_counters counters;

	hin_ca_count(a, &counters);
	return counters;
}

/* ---- tests ---- */

static void makes_a_folder(void **state)
{
	static const char *const files[] = { "hub.conf", "ca.crt",	 "ca.key",
					     "hub.pem",	 "settings.key", "roster" };
	struct hin_ca_wish wish = { .hub = "hub.example:8443" };
	struct hin_certificate c;
	struct hin_error err = { 0 };
	char other[256];
	struct stat st;

	(void)state;
	assert_int_equal(stat(hub, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (size_t i = 0; i < HIN_COUNT(files); i++) {
		assert_int_equal(stat(folder_path(hub, files[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_string_equal(hin_ca_hub(a), "hub.example:8443");
	assert_string_equal(hin_ca_settings_key(a)->name, "hub.example/settings");
	assert_int_equal(hin_certificate_read(&c, hin_ca_pem(a), NULL), HIN_OK);
	assert_true(c.ca);
	assert_memory_equal(c.sha256, hin_ca_sha256(a), 32);
	assert_int_equal(hin_certificate_check(hin_ca_hub_pem(a), hin_ca_pem(a), hin_ca_hub_key(a),
					       NOW, &err),
			 HIN_OK);
	assert_int_equal(hin_certificate_check(hin_ca_hub_pem(a), hin_ca_pem(a), NULL,
					       NOW + HIN_HUB_LIFE_S + 1, &err),
			 HIN_EVERIFY);
	assert_int_equal(hin_ca_init(hub, &wish, NOW, &err), HIN_EDENIED); /* not over it */
	snprintf(other, sizeof(other), "%s/none/below", folder);
	assert_int_equal(hin_ca_init(other, &wish, NOW, &err), HIN_ESYS);
	snprintf(other, sizeof(other), "%s/bad", folder);
	wish.hub = "hub example";
	assert_int_equal(hin_ca_init(other, &wish, NOW, &err), HIN_EFORMAT);
	assert_int_equal(stat(other, &st), -1);
}

/* An init that was killed leaves no hub.conf, and is begun again; a roster in use is never lost. */
static void unfinished_init(void **state)
{
	struct hin_ca_wish wish = { .hub = "hub.example:8443" };
	struct hin_ca *none = NULL;
	struct hin_join_code code;

	(void)state;
	unlink(folder_path(hub, "hub.conf"));
	assert_int_equal(hin_ca_open(&none, hub, NULL), HIN_ENOENT);
	assert_int_equal(hin_ca_init(hub, &wish, NOW, NULL), HIN_OK);
	hin_ca_close(a);
	a = opened(NULL);
	code = invite("attic");
	(void)code;
	unlink(folder_path(hub, "hub.conf"));
	assert_int_equal(hin_ca_init(hub, &wish, NOW, NULL), HIN_EDENIED);
}

static void refuses_folders(void **state)
{
	static const struct {
		const char *file, *bytes;
		enum hin_code open, unlock;
	} cases[] = {
		{ "hub.conf", "", HIN_EFORMAT, HIN_OK },
		{ "hub.conf", "hinomi hub 1\n", HIN_EFORMAT, HIN_OK },
		{ "hub.conf", "hinomi hub 1\nhub x\nsettings y\n", HIN_EFORMAT, HIN_OK },
		{ "hub.conf", "hinomi hub 1\nhub x:1\nsettings y\nname a b\n", HIN_EFORMAT,
		  HIN_OK },
		{ "hub.conf", "hinomi hub 1\nhub x:1\nsettings y\nmore\n", HIN_EFORMAT, HIN_OK },
		{ "hub.conf", "hinomi hub 1\nhub x:1\nsettings y\nsensor-life 0\n", HIN_ERANGE,
		  HIN_OK },
		{ "hub.conf", "hinomi hub 1\nhub x:1\nsettings y\nsensor-life 9d\n", HIN_EFORMAT,
		  HIN_OK },
		{ "ca.crt", "x", HIN_EFORMAT, HIN_OK },
		{ "roster", "x", HIN_EFORMAT, HIN_OK },
		{ "ca.key", "x", HIN_OK, HIN_EFORMAT },
		{ "settings.key", "x", HIN_OK, HIN_EFORMAT },
		{ "hub.pem", "x", HIN_OK, HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *path = folder_path(hub, cases[i].file);
		struct hin_ca *b = NULL;
		struct hin_buffer good = { 0 };
		enum hin_code code;

		assert_int_equal(hin_file_read(&good, path, 10000, NULL), HIN_OK);
		folder_write(path, cases[i].bytes, strlen(cases[i].bytes), O_TRUNC);
		code = hin_ca_open(&b, hub, NULL);
		if (code != cases[i].open)
			fail_msg("%s: %s", cases[i].file, hin_code_text(code));
		if (b != NULL && hin_ca_unlock(b, NULL, NULL) != cases[i].unlock)
			fail_msg("%s: unlocked", cases[i].file);
		hin_ca_close(b);
		folder_write(path, good.data, good.used, O_TRUNC);
		chmod(path, 0644);
		b = NULL;
		code = hin_ca_open(&b, hub, NULL);
		if (code == HIN_OK)
			code = hin_ca_unlock(b, NULL, NULL);
		if (code != HIN_EDENIED)
			fail_msg("%s: open to others, and yet %s", cases[i].file,
				 hin_code_text(code));
		hin_ca_close(b);
		chmod(path, 0600);
		hin_buffer_fini(&good);
	}
}

/* A CA whose sensors' certificates are short: said once, kept, and so are those it makes. */
static void short_lives(void **state)
{
	static const struct {
		int64_t life_s, early_s;
	} cases[] = { { 10, 5 }, { 3600, 600 }, { HIN_SENSOR_LIFE_S, 600 } };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_join_code code;
		struct hin_enrol_answer answer = { 0 };
		struct hin_certificate made;
		char name[16];
		struct talk t;

		assert_int_equal(hin_ca_set_sensor_life(a, cases[i].life_s, NULL), HIN_OK);
		hin_ca_close(a);
		assert_int_equal(hin_ca_open(&a, hub, NULL), HIN_OK);
		assert_int_equal(hin_ca_unlock(a, NULL, NULL), HIN_OK);
		snprintf(name, sizeof(name), "short-%zu", i);
		code = invite(name);
		t = ask(&code, (uint8_t)(100 + i), NOW);
		assert_int_equal(t.status, 200);
		assert_int_equal(hin_enrol_answer_read(&answer, t.answer.data, t.answer.used, NULL),
				 HIN_OK);
		assert_int_equal(
			hin_certificate_read(&made, hin_buffer_text(&answer.certificate_pem), NULL),
			HIN_OK);
		assert_int_equal(made.until_s, NOW + cases[i].life_s);
		assert_int_equal(made.from_s, NOW - cases[i].early_s);
		hin_enrol_answer_fini(&answer);
		hush(&t);
	}
	assert_int_equal(hin_ca_set_sensor_life(a, 0, NULL), HIN_ERANGE);
	assert_int_equal(hin_ca_set_sensor_life(a, HIN_SENSOR_LIFE_MOST_S + 1, NULL), HIN_ERANGE);
}

static void joins(void **state)
{
	struct hin_join_code code = invite("attic");
	struct talk t = ask(&code, 1, NOW + 10);
	struct hin_roster_sensor sensor;
	struct hin_member m = { 0 };
	struct hin_error err = { 0 };
	uint8_t id[32], named[16];

	(void)state;
	if (t.status != 200)
		fail_msg("%u %s", t.status, t.answer.data);
	if (hin_member_join(attic, &code, &t.key, t.tls_key.data, t.answer.data, t.answer.used,
			    NULL, NOW, &err) != HIN_OK)
		fail_msg("%s", err.text);
	assert_true(hin_member_is_joined(attic));
	assert_int_equal(hin_member_load(&m, attic, NULL, &err), HIN_OK);
	id_of(id, 1);
	assert_string_equal(m.url, "https://hub.example:8443");
	assert_string_equal(m.name, "attic");
	assert_string_equal(m.certificate.name, "attic");
	assert_true(hin_sensor_of_uri(named, m.certificate.uri));
	assert_memory_equal(named, id, 16);
	assert_string_equal(m.key_pem.data, t.tls_key.data);
	assert_string_equal(m.ca_pem.data, hin_ca_pem(a));
	assert_int_equal(m.settings_key.id, hin_ca_settings_key(a)->id);
	assert_in_range(hin_member_due_s(&m), NOW + 19 * DAY, NOW + 21 * DAY);
	assert_int_equal(hin_ca_sensor(a, &sensor, id, &err), HIN_OK);
	assert_string_equal(sensor.name, "attic");
	assert_string_equal(sensor.serial, m.certificate.serial);
	assert_memory_equal(sensor.public_key, t.key.public_key, 32);
	assert_int_equal(sensor.expires_s, m.certificate.until_s);
	assert_int_equal(counted().joined, 1);
	/* the answer was lost: the same sensor asks again, with its key */
	hear(&t, NULL, NOW + 20);
	assert_int_equal(t.status, 200);
	hin_member_fini(&m);
	hush(&t);
}

static void refuses_codes(void **state)
{
	struct hin_join_code code = invite("attic"), guessed = code, foreign = code, unknown = code;
	struct talk t;

	(void)state;
	guessed.secret[0] ^= 1;
	refused(&guessed, 1, NOW, 403, "secret");
	foreign.ca_sha256[0] ^= 1; /* made for another hub */
	refused(&foreign, 1, NOW, 403, "secret");
	unknown.id[0] ^= 1;
	refused(&unknown, 1, NOW, 403, "does not know");
	refused(&code, 1, NOW + 3600, 403, "expired");
	t = ask(&code, 1, NOW + 3599);
	assert_int_equal(t.status, 200);
	hush(&t);
	refused(&code, 2, NOW, 403, "used before");
	assert_int_equal(counted().wrong_secret, 2);
	assert_int_equal(counted().unknown_code, 1);
	assert_int_equal(counted().expired_code, 1);
	assert_int_equal(counted().used_code, 1);
}

static void guesses_void_a_code(void **state)
{
	struct hin_join_code code = invite("attic"), guessed = code;

	(void)state;
	for (int i = 0; i < HIN_ROSTER_TRIES; i++) {
		guessed.secret[i]++;
		refused(&guessed, 1, NOW, 403, "secret");
	}
	refused(&code, 1, NOW, 403, "does not know");
}

static void limits_an_address(void **state)
{
	struct hin_join_code code = invite("attic"), unknown = code;
	struct talk t;

	(void)state;
	for (int i = 0; i < HIN_REFUSALS; i++) {
		unknown.id[0]++;
		refused(&unknown, 1, NOW + i, 403, "does not know");
	}
	refused(&code, 1, NOW + 20, 429, "too many");
	assert_int_equal(counted().limited, 1);
	t = ask(&code, 1, NOW + HIN_REFUSAL_S);
	assert_int_equal(t.status, 200);
	hush(&t);
}

/* Half a thousand addresses that fail do not make one forget the other for free. */
static void many_addresses(void **state)
{
	struct hin_join_code code = invite("attic"), unknown = code;
	struct talk t = { .key = key_of(1) };

	(void)state;
	unknown.id[0] ^= 1;
	assert_int_equal(hin_member_ask(&t.request, &t.tls_key, &unknown, &t.key, NULL), HIN_OK);
	for (unsigned i = 0; i < 3000; i++) {
		struct hin_addr address = hin_addr_of_v4(0x0a000000u + i);

		hin_buffer_reset(&t.answer);
		assert_int_equal(hin_ca_answer(a, &t.answer, t.request.data, t.request.used, NULL,
					       &address, NOW + i),
				 403);
	}
	/* a /64 counts as one */
	for (unsigned i = 0; i < HIN_REFUSALS + 1u; i++) {
		struct hin_addr address = { { 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)i } };

		hin_buffer_reset(&t.answer);
		t.status = hin_ca_answer(a, &t.answer, t.request.data, t.request.used, NULL,
					 &address, NOW + 4000);
	}
	assert_int_equal(t.status, 429);
	hush(&t);
}

static void renews(void **state)
{
	struct hin_join_code code = invite("attic");
	struct talk t = ask(&code, 1, NOW), r = { .key = key_of(1) };
	uint8_t id[32], other[16] = { 9 };
	struct hin_member m = { 0 };
	struct hin_roster_sensor sensor;
	char serial[33];

	(void)state;
	id_of(id, 1);
	assert_int_equal(hin_member_join(attic, &code, &t.key, t.tls_key.data, t.answer.data,
					 t.answer.used, NULL, NOW, NULL),
			 HIN_OK);
	assert_int_equal(hin_member_load(&m, attic, NULL, NULL), HIN_OK);
	strcpy(serial, m.certificate.serial);
	assert_int_equal(hin_member_ask_renewal(&r.request, &r.tls_key, &m, &r.key, NULL), HIN_OK);
	hear(&r, NULL, NOW + DAY); /* without a certificate */
	assert_int_equal(r.status, 403);
	hear(&r, other, NOW + DAY); /* with another's */
	assert_int_equal(r.status, 403);
	hear(&r, id, NOW + DAY);
	assert_int_equal(r.status, 200);
	assert_int_equal(hin_member_renew(&m, &r.key, r.tls_key.data, r.answer.data, r.answer.used,
					  NULL, NOW + DAY, NULL),
			 HIN_OK);
	assert_string_not_equal(m.certificate.serial, serial);
	assert_string_equal(m.key_pem.data, r.tls_key.data);
	strcpy(serial, m.certificate.serial);
	assert_int_equal(hin_member_load(&m, attic, NULL, NULL), HIN_OK);
	assert_string_equal(m.certificate.serial, serial);
	assert_int_equal(hin_ca_sensor(a, &sensor, id, NULL), HIN_OK);
	assert_string_equal(sensor.serial, serial);
	assert_int_equal(hin_ca_revoke(a, "attic", NOW, NULL), HIN_OK);
	assert_int_equal(hin_ca_sensor(a, &sensor, id, NULL), HIN_EDENIED);
	hear(&r, id, NOW + DAY);
	assert_int_equal(r.status, 403);
	assert_non_null(strstr(r.answer.data, "revoked"));
	refused(&code, 1, NOW, 403, "revoked"); /* nor by its old code */
	assert_int_equal(counted().renewed, 1);
	assert_int_equal(counted().bad_peer, 2);
	assert_int_equal(counted().revoked, 2);
	hin_member_fini(&m);
	hush(&t);
	hush(&r);
}

/* Any change of a request on its way is refused, wherever it is. */
static void refuses_changed_requests(void **state)
{
	struct hin_join_code code = invite("attic");
	struct talk t = { .key = key_of(1) };

	(void)state;
	assert_int_equal(hin_member_ask(&t.request, &t.tls_key, &code, &t.key, NULL), HIN_OK);
	for (size_t i = 0; i < t.request.used; i++) {
		/* a hub of its own for each: codes and addresses run out of tries */
		static int64_t later;
		struct hin_addr address = hin_addr_of_v4((uint32_t)(0x0a000000u + i));
		char was = t.request.data[i];

		if (i % 4 == 0) {
			struct hin_join_code fresh;
			char name[32];

			snprintf(name, sizeof(name), "s%zu", i);
			fresh = invite(name);
			hin_buffer_reset(&t.request);
			hin_secret_fini(&t.tls_key);
			assert_int_equal(
				hin_member_ask(&t.request, &t.tls_key, &fresh, &t.key, NULL),
				HIN_OK);
			if (i >= t.request.used)
				break;
			was = t.request.data[i];
		}
		t.request.data[i] = (char)(was == 'a' ? 'b' : 'a');
		hin_buffer_reset(&t.answer);
		t.status = hin_ca_answer(a, &t.answer, t.request.data, t.request.used, NULL,
					 &address, NOW + later);
		if (t.status == 200)
			fail_msg("byte %zu changed from %c, and taken", i, was);
		t.request.data[i] = was;
	}
	hush(&t);
	assert_int_equal(counted().joined, 0);
	assert_int_equal(counted().failed, 0);
}

static void refuses_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ "", 0 },
		{ "hinomi enrol 1\n", 15 },
		{ "hinomi enrol 2\ncode x\n", 22 },
		{ "\0\0\0\0", 4 },
		{ "hinomi renew 1\nkey \n", 20 },
	};
	char large[HIN_ENROL_SIZE + 1];
	struct hin_buffer out = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *in = hin_test_copy(cases[i].bytes, cases[i].size);

		hin_buffer_reset(&out);
		assert_int_equal(hin_ca_answer(a, &out, in, cases[i].size, NULL, &from, NOW), 400);
		free(in);
	}
	memset(large, 'a', sizeof(large));
	hin_buffer_reset(&out);
	assert_int_equal(hin_ca_answer(a, &out, large, sizeof(large), NULL, &from, NOW), 400);
	assert_int_equal(counted().malformed, HIN_COUNT(cases) + 1);
	hin_buffer_fini(&out);
}

/* A sensor takes an answer of the hub of its code, for its own keys, and nothing else. */
static void refuses_answers(void **state)
{
	struct hin_join_code code = invite("attic"), second = invite("cellar"), foreign = code;
	struct talk t = ask(&code, 1, NOW), u = ask(&second, 2, NOW);
	struct hin_error err = { 0 };

	(void)state;
	foreign.ca_sha256[5] ^= 1;
#define JOIN(talk, code_, answer_, tls, now)                                                       \
	hin_member_join(attic, code_, &(talk).key, (tls).tls_key.data, (answer_).answer.data,      \
			(answer_).answer.used, NULL, now, &err)
	assert_int_equal(JOIN(t, &foreign, t, t, NOW), HIN_EVERIFY);
	assert_non_null(strstr(err.text, "another CA"));
	assert_int_equal(JOIN(t, &code, t, u, NOW), HIN_EVERIFY); /* another TLS key */
	assert_int_equal(JOIN(t, &code, u, u, NOW), HIN_EVERIFY); /* another sensor's */
	assert_non_null(strstr(err.text, "another sensor"));
	assert_int_equal(JOIN(t, &code, t, t, NOW - DAY), HIN_EVERIFY); /* a wrong clock */
	assert_non_null(strstr(err.text, "clock"));
	for (size_t size = 0; size < t.answer.used; size++) {
		uint8_t *in = hin_test_copy(t.answer.data, size);

		assert_int_not_equal(hin_member_join(attic, &code, &t.key, t.tls_key.data, in, size,
						     NULL, NOW, NULL),
				     HIN_OK);
		free(in);
	}
	assert_false(hin_member_is_joined(attic));
	assert_int_equal(access(attic, F_OK), -1); /* nothing was written */
	assert_int_equal(JOIN(t, &code, t, t, NOW), HIN_OK);
	hush(&t);
	hush(&u);
}

static void encrypts_keys(void **state)
{
	struct hin_ca_wish wish = { .hub = "hub.example:8443", .passphrase = "secret words" };
	static const char *const files[] = { "ca.key", "settings.key", "hub.pem" };
	struct hin_join_code code;
	struct hin_member m = { 0 };
	struct hin_error err = { 0 };
	struct talk t;

	(void)state;
	hin_ca_close(a);
	a = NULL;
	folder_remove(hub);
	assert_int_equal(hin_ca_init(hub, &wish, NOW, NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(files); i++) {
		struct hin_buffer file = { 0 };

		assert_int_equal(hin_file_read(&file, folder_path(hub, files[i]), 10000, NULL),
				 HIN_OK);
		assert_non_null(strstr(file.data, "BEGIN ENCRYPTED PRIVATE KEY"));
		assert_null(strstr(file.data, "BEGIN PRIVATE KEY"));
		hin_buffer_fini(&file);
	}
	assert_int_equal(hin_ca_open(&a, hub, &err), HIN_OK);
	assert_int_equal(hin_ca_unlock(a, NULL, &err), HIN_EDENIED);
	assert_non_null(strstr(err.text, "--passphrase-file"));
	assert_int_equal(hin_ca_unlock(a, "secret word", &err), HIN_EDENIED);
	code = invite("attic"); /* needs no key */
	t = ask(&code, 1, NOW);
	assert_int_equal(t.status, 500); /* locked */
	assert_int_equal(counted().failed, 1);
	hush(&t);
	hin_ca_close(a);
	a = opened("secret words");
	t = ask(&code, 1, NOW);
	assert_int_equal(t.status, 200);
	assert_int_equal(hin_member_join(attic, &code, &t.key, t.tls_key.data, t.answer.data,
					 t.answer.used, "other words", NOW, NULL),
			 HIN_OK);
	assert_int_equal(hin_member_load(&m, attic, NULL, &err), HIN_EDENIED);
	assert_int_equal(hin_member_load(&m, attic, "secret words", &err), HIN_EDENIED);
	assert_int_equal(hin_member_load(&m, attic, "other words", &err), HIN_OK);
	assert_string_equal(m.key_pem.data, t.tls_key.data);
	hin_member_fini(&m);
	hush(&t);
}

static void renews_the_hub(void **state)
{
	static const char *const names[] = { "198.51.100.1" };
	struct hin_ca_wish wish = { .hub = "new.example:443", .names = names, .name_count = 1 };
	uint32_t settings_id = hin_ca_settings_key(a)->id;
	char *old = strdup(hin_ca_hub_pem(a));

	(void)state;
	assert_false(hin_ca_hub_due(a, NOW + 59 * DAY));
	assert_true(hin_ca_hub_due(a, NOW + 61 * DAY));
	assert_int_equal(hin_ca_renew_hub(a, NULL, NULL, NOW + 61 * DAY, NULL), HIN_OK);
	assert_false(hin_ca_hub_due(a, NOW + 61 * DAY));
	assert_string_not_equal(hin_ca_hub_pem(a), old);
	assert_string_equal(hin_ca_hub(a), "hub.example:8443");
	assert_int_equal(hin_ca_renew_hub(a, &wish, NULL, NOW + 62 * DAY, NULL), HIN_OK);
	hin_ca_close(a);
	a = opened(NULL);
	assert_string_equal(hin_ca_hub(a), "new.example:443");
	/* the key that sensors know settings by stays */
	assert_int_equal(hin_ca_settings_key(a)->id, settings_id);
	free(old);
}

static void signs_settings(void **state)
{
	struct hin_sensor_settings s = { 0 };
	struct hin_buffer note = { 0 };
	struct hin_error err = { 0 };
	uint64_t version = 0;

	(void)state;
	assert_int_equal(hin_ca_settings(a, &note, NULL), HIN_ENOENT);
	assert_int_equal(hin_ca_sign_settings(a, "f", "members: []\n", 12, 0, NOW, &version, &err),
			 HIN_OK);
	assert_int_equal(version, 1);
	assert_int_equal(hin_ca_sign_settings(a, "f", "members: []\n", 12, 0, NOW, &version, &err),
			 HIN_OK);
	assert_int_equal(version, 2);
	assert_int_equal(hin_ca_sign_settings(a, "f", "members: []\n", 12, 2, NOW, &version, &err),
			 HIN_EDENIED);
	assert_int_equal(hin_ca_sign_settings(a, "f", "member: []\n", 11, 0, NOW, &version, &err),
			 HIN_EFORMAT);
	assert_int_equal(hin_ca_sign_settings(a, "f", "members: []\n", 12, 90, NOW, &version, &err),
			 HIN_OK);
	assert_int_equal(hin_ca_settings(a, &note, NULL), HIN_OK);
	assert_int_equal(
		hin_sensor_settings_open(&s, note.data, note.used, hin_ca_settings_key(a), 1, NULL),
		HIN_OK);
	assert_int_equal(s.version, 90);
	hin_sensor_settings_fini(&s);
	hin_buffer_fini(&note);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(makes_a_folder),
		TEST(unfinished_init),
		TEST(refuses_folders),
		TEST(joins),
		TEST(short_lives),
		TEST(refuses_codes),
		TEST(guesses_void_a_code),
		TEST(limits_an_address),
		TEST(many_addresses),
		TEST(renews),
		TEST(refuses_changed_requests),
		TEST(refuses_malformed),
		TEST(refuses_answers),
		TEST(encrypts_keys),
		TEST(renews_the_hub),
		TEST(signs_settings),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
