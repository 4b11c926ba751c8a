/* organisation: hosts stay themselves, tokens are told, what is wrong is refused with its line. */
#include <stdio.h>

#include "../test.h"
#include "decoy/host/organisation_priv.h"

#define NOW 1800000000 /* 2027-01-15 */

static struct hin_organisation *town(uint8_t seed, int64_t now_s)
{
	const struct hin_organisation_settings settings = {
		.file = HIN_DATA "/organisations/town-hall.yaml",
		.personas = HIN_DATA "/personas",
		.seed = { seed },
		.now_s = now_s,
	};
	struct hin_organisation *o = NULL;
	struct hin_error err;

	if (hin_organisation_load(&o, &settings, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return o;
}

/* An organisation of a small persona; NULL with the words of refusal. */
static struct hin_organisation *parse(const char *yaml, struct hin_error *err)
{
	static const char persona[] =
		"title: p\nsources: [\"machine made-up x\", \"ssh made-up x\"]\n"
		"ports: {served: [\"22 ssh\"]}\n"
		"users: [\"root:x:0:0:root:/root:/bin/bash\"]\nlogins: [\"root weak\"]\n";
	const struct hin_organisation_settings settings = {
		.file = "o", .personas = "/nonexistent", .seed = { 7 }, .now_s = NOW
	};
	struct hin_organisation *o = NULL;
	struct hin_persona *p = NULL;
	char files[] = "/root 700 0:0 1\n";

	if (persona_parse(&p, "p", persona, sizeof(persona) - 1, files, sizeof(files) - 1, err) !=
	    HIN_OK)
		fail_msg("%s", err->text);
	if (organisation_parse(&o, yaml, strlen(yaml), p, &settings, err) != HIN_OK)
		return NULL;
	return o;
}

static void the_town_hall_has_sixty_hosts(void **state)
{
	struct hin_organisation *o = town(1, NOW);
	struct hin_buffer out = { 0 };
	size_t count = 0;

	(void)state;
	for (const struct hin_host *h; (h = hin_organisation_host_at(o, count)) != NULL; count++) {
		assert_ptr_equal(hin_organisation_host(o, &h->address), h);
		assert_ptr_equal(hin_organisation_host_named(o, h->name), h);
		assert_true(h->machine.boot_s < NOW);
		assert_non_null(hin_host_user(h, "root", 4));
	}
	assert_int_equal(count, 60);
	assert_null(hin_organisation_host(o, &(struct hin_addr){ { 1 } }));
	assert_null(hin_organisation_host_named(o, "nobody"));
	hin_organisation_print(o, HIN_JA, &out);
	assert_non_null(strstr(out.data, "db-jumin"));
	assert_null(strstr(out.data, "Juki#Db")); /* secrets are not printed */
	hin_buffer_fini(&out);
	hin_organisation_free(o);
}

/* All that an intruder sees of a host, in one text. */
static void see(const struct hin_host *h, struct hin_buffer *out)
{
	const struct hin_machine_interface *i = &h->machine.interfaces[1];
	uint8_t key[32];

	assert_int_equal(hin_host_derive(h, "ssh ed25519", key, sizeof(key)), HIN_OK);
	hin_buffer_printf(out, "%s %s %lld %u %llu %02x%02x%02x ", h->name,
			  hin_persona_name(h->persona), (long long)h->machine.boot_s,
			  h->machine.processes[h->machine.process_count - 1].pid,
			  (unsigned long long)h->machine.memory_free_kib, i->mac[3], i->mac[4],
			  i->mac[5]);
	for (size_t k = 0; k < sizeof(key); k++)
		hin_buffer_printf(out, "%02x", key[k]);
}

static void hosts_are_stable_and_differ(void **state)
{
	struct hin_organisation *first = town(1, NOW), *again = town(1, NOW + 1),
				*elsewhere = town(2, NOW);
	struct hin_buffer a = { 0 }, b = { 0 };

	(void)state;
	for (size_t i = 0; i < 60; i++) {
		hin_buffer_reset(&a);
		hin_buffer_reset(&b);
		see(hin_organisation_host_at(first, i), &a);
		see(hin_organisation_host_at(again, i), &b);
		assert_string_equal(a.data, b.data);
		hin_buffer_reset(&b);
		see(hin_organisation_host_at(elsewhere, i), &b);
		assert_string_not_equal(a.data, b.data);
		for (size_t k = 0; k < i; k++) {
			const struct hin_host *x = hin_organisation_host_at(first, i);
			const struct hin_host *y = hin_organisation_host_at(first, k);

			assert_memory_not_equal(x->seed, y->seed, sizeof(x->seed));
			assert_memory_not_equal(x->machine.interfaces[1].mac,
						y->machine.interfaces[1].mac, 6);
		}
	}
	hin_buffer_fini(&a);
	hin_buffer_fini(&b);
	hin_organisation_free(first);
	hin_organisation_free(again);
	hin_organisation_free(elsewhere);
}

static enum hin_host_login try(const struct hin_host *h, const char *user, const char *password,
			       const struct hin_host_user **out, const struct hin_token **token)
{
	char *u = (char *)hin_test_copy(user, strlen(user));
	char *p = (char *)hin_test_copy(password, strlen(password));
	enum hin_host_login login =
		hin_host_password(h, u, strlen(user), p, strlen(password), out, token);

	free(u);
	free(p);
	return login;
}

static void pairs_let_in(void **state)
{
	static const struct {
		const char *host, *user, *password;
		enum hin_host_login login;
		const char *as;
	} cases[] = {
		{ "ns1", "root", "123456", HIN_HOST_ACCEPTED, "root" },
		{ "ns1", "root", "1234567", HIN_HOST_REFUSED, NULL },
		{ "ns1", "root", "12345", HIN_HOST_REFUSED, NULL },
		{ "ns1", "root", "", HIN_HOST_REFUSED, NULL },
		{ "ns1", "", "", HIN_HOST_REFUSED, NULL },
		{ "ns1", "admin", "kasumino", HIN_HOST_ACCEPTED, "admin" },
		{ "ns1", "t-nakagawa", "Kasumino2024", HIN_HOST_ACCEPTED, "t-nakagawa" },
		{ "gis", "t-nakagawa", "Kasumino2024", HIN_HOST_REFUSED, NULL },
		{ "rt-core", "admin", "", HIN_HOST_ACCEPTED, "admin" },
		{ "ns1", "daemon", "123456", HIN_HOST_REFUSED, NULL },
		{ "backup", "admin", "Ks-Bk!7203-tsubame", HIN_HOST_HONEYTOKEN, "admin" },
		{ "ns1", "admin", "Ks-Bk!7203-tsubame", HIN_HOST_HONEYTOKEN, NULL },
		{ "rt-core", "admin", "Ks-Bk!7203-tsubame", HIN_HOST_HONEYTOKEN, NULL },
		{ "ns1", "root", "Ks-Bk!7203-tsubame", HIN_HOST_REFUSED, NULL },
	};
	struct hin_organisation *o = town(1, NOW);

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const struct hin_host *h = hin_organisation_host_named(o, cases[i].host);
		const struct hin_host_user *user;
		const struct hin_token *token;

		assert_non_null(h);
		if (try(h, cases[i].user, cases[i].password, &user, &token) != cases[i].login)
			fail_msg("%s %s/%s", cases[i].host, cases[i].user, cases[i].password);
		assert_true((user != NULL) == (cases[i].as != NULL));
		if (user != NULL)
			assert_string_equal(user->name, cases[i].as);
		assert_true((token != NULL) == (cases[i].login == HIN_HOST_HONEYTOKEN));
		if (token != NULL)
			assert_string_equal(token->name, "backup-account");
	}
	hin_organisation_free(o);
}

static void a_wide_name_reads_no_further(void **state)
{
	struct hin_organisation *o = town(1, NOW);
	const struct hin_host *h = hin_organisation_host_at(o, 0);
	const struct hin_host_user *user;
	size_t size = 1 << 20;
	char *text = malloc(size);

	(void)state;
	memset(text, 'r', size);
	assert_int_equal(hin_host_password(h, text, size, text, size, &user, NULL),
			 HIN_HOST_REFUSED);
	assert_int_equal(hin_host_password(h, "root\0x", 6, "123456", 6, &user, NULL),
			 HIN_HOST_REFUSED);
	assert_int_equal(hin_host_password(h, "root", 4, "123456\0", 7, &user, NULL),
			 HIN_HOST_REFUSED);
	free(text);
	hin_organisation_free(o);
}

/* The bytes of a file of `fs`, also of one that is made when it is read. */
static void read_file(const struct hin_host *h, const struct hin_fs *fs, const char *path,
		      struct hin_buffer *out)
{
	static const struct hin_fs_user root = { 0, 0 };
	struct hin_fs_stat stat;
	const uint8_t *bytes;
	uint32_t ino;
	size_t size;

	hin_buffer_reset(out);
	if (hin_fs_find(fs, &root, HIN_FS_ROOT, path, true, &ino) != 0)
		fail_msg("%s is not there", path);
	hin_fs_stat(fs, ino, &stat);
	if (stat.tag != 0) {
		h->machine.generate(h->machine.user, stat.tag, out);
	} else {
		bytes = hin_fs_bytes(fs, ino, &size);
		hin_buffer_add(out, bytes, size);
	}
	assert_int_equal(out->used, stat.size);
}

static void files_are_the_hosts_own(void **state)
{
	struct hin_organisation *o = town(1, NOW);
	const struct hin_host *h = hin_organisation_host_named(o, "db-jumin");
	struct hin_fs *fs = hin_host_files(h), *again = hin_host_files(h);
	struct hin_buffer text = { 0 }, same = { 0 };
	static const char *const paths[] = { "/etc/hostname",	 "/etc/passwd",	    "/etc/shadow",
					     "/etc/group",	 "/etc/machine-id", "/etc/fstab",
					     "/run/motd.dynamic" };

	(void)state;
	assert_true(fs != NULL && again != NULL);
	for (size_t i = 0; i < HIN_COUNT(paths); i++) {
		read_file(h, fs, paths[i], &text);
		read_file(h, again, paths[i], &same);
		assert_true(text.used > 8);
		assert_string_equal(text.data, same.data);
	}
	read_file(h, fs, "/etc/hostname", &text);
	assert_string_equal(text.data, "db-jumin\n");
	read_file(h, fs, "/etc/network/interfaces", &text);
	assert_non_null(strstr(text.data, "address 10.61.1.20/24\n\tgateway 10.61.1.254\n"));
	read_file(h, fs, "/etc/passwd", &text);
	assert_non_null(
		strstr(text.data, "\nd-takagi:x:1004:1004:高木大輔,,,:/home/d-takagi:/bin/bash"));
	read_file(h, fs, "/home/d-takagi/.bashrc", &text);
	assert_true(text.used > 1000);
	hin_buffer_fini(&text);
	hin_buffer_fini(&same);
	hin_fs_free(fs);
	hin_fs_free(again);
	hin_organisation_free(o);
}

/* A file that is a token shows that it is read, by its tag. */
static void tokens_lie_about(void **state)
{
	struct hin_organisation *o = town(1, NOW);
	const struct hin_host *h = hin_organisation_host_named(o, "zeimu-01");
	const char *path = "/srv/share/滞納整理/滞納者名簿.csv";
	struct hin_fs *fs = hin_host_files(h);
	struct hin_buffer text = { 0 };
	const struct hin_host_user *user;
	const struct hin_token *token = hin_host_token_file(h, path);
	struct hin_fs_stat stat;
	uint32_t ino;

	(void)state;
	assert_non_null(token);
	assert_string_equal(token->name, "tax-arrears");
	assert_null(hin_host_token_file(h, "/etc/passwd"));
	assert_null(hin_host_token_file(hin_organisation_host_named(o, "ns1"), path));
	read_file(h, fs, path, &text);
	assert_memory_equal(text.data, "整理番号,", strlen("整理番号,"));
	assert_int_equal(hin_fs_find(fs, &(struct hin_fs_user){ 0 }, HIN_FS_ROOT, path, true, &ino),
			 0);
	hin_fs_stat(fs, ino, &stat);
	assert_ptr_equal(hin_host_token_tag(h, stat.tag), token);
	assert_null(hin_host_token_tag(h, HIN_SHELL_PROGRAM));
	assert_null(hin_host_token_tag(h, 1000));
	hin_fs_free(fs);

	h = hin_organisation_host_named(o, "ns1");
	fs = hin_host_files(h);
	read_file(h, fs, "/home/admin/.ssh/id_ed25519_hosyu", &text);
	assert_memory_equal(text.data, "-----BEGIN OPENSSH PRIVATE KEY-----\n", 36);
	for (size_t i = 0; (token = hin_organisation_token_at(o, i)) != NULL; i++)
		if (token->kind == HIN_TOKEN_KEY)
			break;
	assert_non_null(token);
	assert_int_equal(token->key_size, 51);
	assert_int_equal(hin_host_key(h, "admin", 5, token->key, token->key_size, &user, &token),
			 HIN_HOST_HONEYTOKEN);
	assert_string_equal(user->name, "admin");
	assert_string_equal(token->name, "maintenance-key");
	assert_int_equal(hin_host_key(h, "root", 4, token->key, token->key_size, &user, &token),
			 HIN_HOST_HONEYTOKEN);
	assert_null(user);
	assert_int_equal(
		hin_host_key(h, "admin", 5, token->key, token->key_size - 1, &user, &token),
		HIN_HOST_REFUSED);
	hin_fs_free(fs);
	hin_buffer_fini(&text);
	hin_organisation_free(o);
}

/* RFC 5869 has no test without salt and with a text as info but A.3: info empty. */
static void derives_as_rfc_5869(void **state)
{
	static const uint8_t want[] = { 0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71,
					0x5f, 0x80, 0x2a, 0x06, 0x3c, 0x5a, 0x31, 0xb8, 0xa1,
					0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e, 0xc3, 0x45, 0x4e,
					0x5f, 0x3c, 0x73, 0x8d, 0x2d, 0x9d, 0x20, 0x13, 0x95,
					0xfa, 0xa4, 0xb6, 0x1a, 0x96, 0xc8 };
	uint8_t input[22], out[42];

	(void)state;
	memset(input, 0x0b, sizeof(input));
	assert_int_equal(host_hkdf(input, sizeof(input), "", "", out, sizeof(out)), HIN_OK);
	assert_memory_equal(out, want, sizeof(want));
}

#define HEAD "title: T\ndepartments: [\"a 甲 A\"]\n"
#define HOST HEAD "hosts: [\"10.0.0.1 p h a\"]\n"

static void lines_are_refused(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "departments: [\"a 甲 A\"]\n", "o: title: what is it called?" },
		{ HEAD, "o: hosts: there is none" },
		{ HEAD "hosts:\n  - \"10.0.0.1 p h b\"\n",
		  "o:4: hosts: there is no department \"b\"" },
		{ HEAD "hosts: [\"10.0.0.1 q h a\"]\n",
		  "o:3: hosts: no persona is called \"q\" in" },
		{ HEAD "hosts: [\"10.0.0 p h a\"]\n", "o:3: hosts: \"10.0.0\" is no address" },
		{ HEAD "hosts: [\"10.0.0.9-10.0.0.1 p h%d a\"]\n",
		  "o:3: hosts: \"10.0.0.9-10.0.0.1\"" },
		{ HEAD "hosts: [\"10.0.0.0/15 p h%d a\"]\n", "o:3: hosts: \"10.0.0.0/15\" is no" },
		{ HEAD "hosts: [\"10.0.0.1-10.0.0.2 p h a\"]\n",
		  "o:3: hosts: 2 hosts need a %d in their name" },
		{ HEAD "hosts: [\"10.0.0.1-10.0.0.2 p h%s a\"]\n",
		  "o:3: hosts: a name has one %d" },
		{ HEAD "hosts: [\"10.0.0.1-10.0.0.2 p h%d%d a\"]\n",
		  "o:3: hosts: a name has one %d" },
		{ HEAD "hosts: [\"10.0.0.1 p h_x a\"]\n",
		  "o:3: hosts: \"h_x\" is no name of a host" },
		{ HEAD "hosts: [\"10.0.0.1 p h a\", \"10.0.0.1 p i a\"]\n",
		  "o:3: hosts: two hosts are at 10.0.0.1" },
		{ HEAD "hosts: [\"10.0.0.1 p h a\", \"10.0.0.2 p h a\"]\n",
		  "o:3: hosts: two hosts are called \"h\"" },
		{ HEAD "hosts: [\"10.0.0.0/19 p h%d a\"]\n", "o:3: hosts: \"10.0.0.0/19\" is no" },
		{ HEAD "hosts: [\"10.0.0.0/20 p h%d a\", \"10.1.0.0-10.1.0.9 p i%d a\"]\n",
		  "o:3: hosts: more than 4096 hosts" },
		{ HOST "people: [\"Sato x a t\"]\n", "o:4: people: \"Sato\" is no name to log in" },
		{ HOST "people: [\"sato x b t\"]\n", "o:4: people: there is no department \"b\"" },
		{ HOST "people:\n  - \"sato x a t\"\n  - \"sato y a t\"\n",
		  "o:6: people: \"sato\" stands there twice" },
		{ HOST "logins: [\"b root x\"]\n", "o:4: logins: no host is \"b\"" },
		{ HOST "logins: [\"a sato x\"]\n",
		  "o:4: logins: no host of \"a\" has a user \"sato\"" },
		{ HOST "documents:\n  - |\n    a\n    text\n",
		  "o:5: documents: \"a\" is not WHERE PATH" },
		{ HOST "documents:\n  - \"a x\"\n", "o:5: documents: \"a x\" is not WHERE PATH" },
		{ HOST "documents:\n  - |\n    a x\n    {nobody}\n",
		  "o:5: documents: {nobody} is no name to fill in" },
		{ HOST "documents:\n  - |\n    a x\n    {date\n", "o:5: documents: \"{date" },
		{ HOST "tokens: [\"t word a root x\"]\n",
		  "o:4: tokens: kind \"word\" is none of password, key, file" },
		{ HOST "tokens: [\"t password a root long-enough\"]\n",
		  "o:4: tokens: no document tells {token:t}" },
		{ HOST "tokens: [\"t password a root short\"]\n",
		  "o:4: tokens: a planted password has 8 letters or more" },
		{ HOST "tokens: [\"t password a root\"]\n", "o:4: tokens: a password has 5 words" },
		{ HOST "tokens: [\"t file a x\"]\n", "o:4: tokens: no document is \"a x\"" },
		{ HOST "tokens: [\"t key a root x\"]\n",
		  "o:4: tokens: the path of a key begins with /" },
		{ HOST "tokens: [\"t key a nobody /x\"]\n",
		  "o:4: tokens: no host of \"*\" has a user \"nobody\"" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error err = { 0 };
		struct hin_organisation *o = parse(cases[i].yaml, &err);

		if (o != NULL || strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("wanted \"%s\", got \"%s\"", cases[i].want, err.text);
	}
}

static void holds_4096_hosts(void **state)
{
	struct hin_error err;
	struct hin_organisation *o =
		parse(HEAD "hosts: [\"10.0.0.0-10.0.15.255 p h%04d a\"]\n", &err);
	const struct hin_host *last = hin_organisation_host_at(o, 4095);
	struct hin_addr address;

	(void)state;
	assert_non_null(o);
	assert_non_null(last);
	assert_null(hin_organisation_host_at(o, 4096));
	assert_string_equal(last->name, "h4096");
	assert_int_equal(hin_addr_parse(&address, "10.0.15.255"), HIN_OK);
	assert_ptr_equal(hin_organisation_host(o, &address), last);
	assert_int_equal(hin_addr_parse(&address, "10.0.16.0"), HIN_OK);
	assert_null(hin_organisation_host(o, &address));
	hin_organisation_free(o);
}

static void one_persona_is_an_organisation(void **state)
{
	const struct hin_organisation_settings settings = { .personas = HIN_DATA "/personas",
							    .now_s = NOW };
	struct hin_organisation *o = NULL;
	struct hin_error err;

	(void)state;
	assert_int_equal(hin_organisation_of_persona(&o, "router", &settings, &err), HIN_OK);
	assert_non_null(hin_organisation_host_at(o, 0));
	assert_null(hin_organisation_host_at(o, 1));
	hin_organisation_free(o);
	assert_int_not_equal(hin_organisation_of_persona(&o, "a\"b", &settings, &err), HIN_OK);
	assert_int_not_equal(hin_organisation_of_persona(&o, "none", &settings, &err), HIN_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_town_hall_has_sixty_hosts),
		cmocka_unit_test(hosts_are_stable_and_differ),
		cmocka_unit_test(pairs_let_in),
		cmocka_unit_test(a_wide_name_reads_no_further),
		cmocka_unit_test(files_are_the_hosts_own),
		cmocka_unit_test(tokens_lie_about),
		cmocka_unit_test(derives_as_rfc_5869),
		cmocka_unit_test(lines_are_refused),
		cmocka_unit_test(holds_4096_hosts),
		cmocka_unit_test(one_persona_is_an_organisation),
	};

	return cmocka_run_group_tests_name("organisation", tests, NULL, NULL);
}
