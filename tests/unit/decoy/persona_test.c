/* persona: what is shipped loads and names its sources; what is wrong is refused with its line. */
#include <stdio.h>

#include "../test.h"
#include "decoy/host/persona_priv.h"
#include "observe/registry.h"

#define PERSONAS HIN_DATA "/personas"

static const char *const shipped[] = { "debian-12", "debian-11", "debian-13",	"database",
				       "dropbear",  "router",	 "router-menu", "router-ja" };

static struct hin_persona *load(const char *name)
{
	struct hin_persona *p = NULL;
	struct hin_error err;

	if (hin_persona_load(&p, PERSONAS, name, &err) != HIN_OK)
		fail_msg("%s: %s", name, err.text);
	return p;
}

static void all_are_loaded(void **state)
{
	unsigned observed = 0;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(shipped); i++) {
		struct hin_persona *p = load(shipped[i]);
		const struct hin_shell_machine *m = hin_persona_machine(p);
		struct hin_buffer out = { 0 };

		observed += hin_persona_is_observed(p);
		assert_string_equal(hin_persona_name(p), shipped[i]);
		assert_true(hin_persona_ssh(p) != NULL || hin_persona_telnet(p) != NULL);
		assert_true(m->process_count > 30 && m->mount_count > 3 && m->memory_kib > 0);
		assert_non_null(m->release);
		hin_persona_print(p, HIN_EN, &out);
		assert_true(!out.failed && out.used > 300);
		hin_buffer_reset(&out);
		hin_persona_print(p, HIN_JA, &out);
		assert_true(!out.failed && strstr(out.data, "観測") != NULL);
		hin_buffer_fini(&out);
		hin_persona_free(p);
	}
	assert_true(observed >= 6);
}

static void a_menu_that_is_made_up_says_so(void **state)
{
	struct hin_persona *p = load("router-ja");
	struct hin_buffer out = { 0 };
	bool told = false;

	(void)state;
	assert_false(hin_persona_is_observed(p));
	for (size_t i = 0; hin_persona_source_at(p, i) != NULL; i++)
		told |= hin_persona_source_at(p, i)->kind == HIN_SOURCE_MADE_UP &&
			strcmp(hin_persona_source_at(p, i)->of, "telnet.menu") == 0;
	assert_true(told);
	hin_persona_print(p, HIN_EN, &out);
	assert_non_null(strstr(out.data, "telnet.menu"));
	hin_buffer_fini(&out);
	hin_persona_free(p);
}

static void ports_answer(void **state)
{
	static const struct {
		uint16_t port;
		enum hin_port_answer answer;
		uint16_t service;
	} cases[] = {
		{ 22, HIN_PORT_SERVED, HIN_SERVICE_SSH },
		{ 3306, HIN_PORT_OPEN, HIN_SERVICE_MYSQL },
		{ 1, HIN_PORT_REFUSED, 0 },
		{ 23, HIN_PORT_REFUSED, 0 },
		{ 3305, HIN_PORT_REFUSED, 0 },
		{ 65535, HIN_PORT_REFUSED, 0 },
	};
	struct hin_persona *p = load("database");
	uint8_t first[HIN_PERSONA_BANNER], second[HIN_PERSONA_BANNER];
	const struct hin_persona_port *port;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		port = hin_persona_service(p, cases[i].port);
		assert_int_equal(port->answer, cases[i].answer);
		assert_int_equal(port->service, cases[i].service);
	}
	port = hin_persona_service(p, 3306);
	assert_int_equal(port->banner_size, 104); /* a length of 100, and its four bytes */
	assert_memory_equal(port->banner, "d\0\0\0\n5.5.5-10.11.", 16);
	/* its salt is another each time, the rest is not */
	assert_int_equal(hin_persona_banner(port, 1, first), 104);
	assert_int_equal(hin_persona_banner(port, 1, second), 104);
	assert_memory_equal(first, second, 104);
	assert_int_equal(hin_persona_banner(port, 2, second), 104);
	for (size_t i = 0; i < 104; i++) {
		bool chosen = i == 38 || (i >= 42 && i < 50) || (i >= 69 && i < 81);

		if (!chosen)
			assert_int_equal(first[i], second[i]);
		else
			assert_true(first[i] > 32 && first[i] < 127);
	}
	assert_memory_not_equal(first + 42, second + 42, 8);
	assert_int_equal(hin_persona_port_at(p, 0)->port, 22);
	assert_int_equal(hin_persona_port_at(p, 1)->port, 3306);
	assert_null(hin_persona_port_at(p, 2));
	hin_persona_free(p);
}

static void files_are_those_of_a_real_root(void **state)
{
	static const struct hin_fs_user root = { 0, 0 };
	static const struct hin_fs_quota quota = { 0, 0 };
	struct hin_persona *p = load("debian-12");
	struct hin_fs *fs = hin_fs_new(hin_persona_image(p), &quota);
	struct hin_fs_stat stat;
	const uint8_t *bytes;
	uint32_t ino;
	size_t size;

	(void)state;
	assert_non_null(fs);
	assert_int_equal(hin_fs_find(fs, &root, HIN_FS_ROOT, "/etc/debian_version", true, &ino), 0);
	bytes = hin_fs_bytes(fs, ino, &size);
	assert_memory_equal(bytes, "12.", 3);
	assert_int_equal(hin_fs_find(fs, &root, HIN_FS_ROOT, "/bin/ls", true, &ino), 0);
	hin_fs_stat(fs, ino, &stat);
	assert_int_equal(stat.size, 151344);
	assert_int_equal(stat.tag, HIN_SHELL_PROGRAM);
	bytes = hin_fs_bytes(fs, ino, &size);
	assert_int_equal(size, 64);
	assert_memory_equal(bytes,
			    "\x7f"
			    "ELF\2\1\1",
			    7);
	assert_int_equal(bytes[18], 62); /* x86-64 */
	assert_int_equal(hin_fs_find(fs, &root, HIN_FS_ROOT, "/dev/null", true, &ino), 0);
	hin_fs_stat(fs, ino, &stat);
	assert_int_equal(stat.type, HIN_FS_CHARACTER);
	assert_true(stat.major == 1 && stat.minor == 3 && stat.mode == 0666);
	hin_fs_free(fs);
	hin_persona_free(p);
}

/* ---- refusals ---- */

#define HEAD                                                                                       \
	"title: A\nsources: [\"machine server x\", \"ssh server x\", \"files server x\", "         \
	"\"ports.open server x\"]\n"

static void settings_are_refused(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "sources: [\"machine server x\"]\n", "p: title: what is it called?" },
		{ "title: A\n", "p: sources: nothing says where \"machine\" comes from" },
		{ "title: A\nsources: [\"machine server x\"]\nports:\n  served: [\"22 ssh\"]\n",
		  "p: sources: nothing says where \"ssh\" comes from" },
		{ "title: A\nsources: [\"machine seen x\"]\n",
		  "p:2: sources: kind \"seen\" is none of server, capture, standard, made-up" },
		{ "title: A\nsources:\n  - \"machine server x\"\n  - \"shh server x\"\n",
		  "p:4: sources: no setting begins with \"shh\"" },
		{ HEAD "ports:\n  served:\n    - \"0 ssh\"\n",
		  "p:5: ports.served: port \"0\" is not in 1-65535" },
		{ HEAD "ports:\n  served: [\"22 shh\"]\n",
		  "p:4: ports.served: no service is called \"shh\"" },
		{ HEAD "ports:\n  served: [\"80 http\"]\n",
		  "p:4: ports.served: \"http\" is not served yet; ssh and telnet are" },
		{ HEAD "ports:\n  served: [\"22 ssh\"]\n  open: [\"22 http\"]\n",
		  "p:5: ports.open: port 22 stands there twice" },
		{ HEAD "ports:\n  open:\n    - \"80 http \\\\xg0\"\n",
		  "p:5: ports.open: \"\\xg0\" is none of \\n \\r \\t \\\\ \\? \\xNN" },
		{ HEAD "users: [\"root:x:0:0:root:/root\"]\n",
		  "p:3: users: \"root:x:0:0:root:/root\" is not NAME:x:UID:GID:TEXT:HOME:SHELL as "
		  "in /etc/passwd" },
		{ HEAD "users: [\"root:x:-1:0:root:/root:/bin/sh\"]\n", "p:3: users: user ID" },
		{ HEAD "logins: [\"root x\"]\n", "p:3: logins: it has no user \"root\"" },
		{ HEAD "machine:\n  mac: \"zz\"\n",
		  "p: machine.mac: \"zz\" is not the first half" },
		{ HEAD "machine:\n  processes:\n    - \"2 0 0 - S 0 0 0 0 - a\"\n"
		       "    - \"2 0 0 - S 0 0 0 0 - b\"\n",
		  "p:6: machine.processes: process ID \"2\" is not in 3-4194304" },
		{ HEAD "machine:\n  processes: [\"2 0 0 - Q 0 0 0 0 - a\"]\n",
		  "p:4: machine.processes: state \"Q\" is none of R S D Z T I" },
		{ HEAD "machine:\n  mounts: [\"a / ext4 rw 10 11 1 1\"]\n",
		  "p:4: machine.mounts: used size \"11\" is not in 0-10" },
		{ HEAD "machine:\n  mounts: [\"a / ext4 rw 10\"]\n",
		  "p:4: machine.mounts: all of SIZE USED INODES USED, or none" },
		{ HEAD "machine:\n  disks: [\"a - - 1 1 1 tape\"]\n",
		  "p:4: machine.disks: kind \"tape\" is none of disk, removable, rom" },
		{ HEAD "machine:\n  uptime:\n    least: 3d\n    most: 2d\n",
		  "p: machine.uptime: least is longer than most" },
		{ HEAD "colour: red\n", "p:3: unknown setting \"colour\"" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_persona *p = NULL;
		struct hin_error err = { 0 };
		char files[1] = "";
		enum hin_code code = persona_parse(&p, "p", cases[i].yaml, strlen(cases[i].yaml),
						   files, 0, &err);

		if (code == HIN_OK || strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("wanted \"%s\", got \"%s\"", cases[i].want, err.text);
		assert_null(p);
	}
}

static void lists_of_files_are_refused(void **state)
{
	static const struct {
		const char *files, *want;
	} cases[] = {
		{ "x\n", "files:1: a line begins with" },
		{ "f 644 0:0 1 0 a\n", "files:1: a file stands before the first folder" },
		{ "/etc 755 0:0\n", "files:1: MODE UID:GID TIME is wanted" },
		{ "/etc 8 0:0 1\n", "files:1: MODE UID:GID TIME is wanted" },
		{ "/etc/ 755 0:0 1\n", "files:1: \"/etc/\" is no path of a folder" },
		{ "/a 755 0:0 1\nf 644 0:0 1 0 a/b\n", "files:2: \"a/b\" is no name of a file" },
		{ "/a 755 0:0 1\nf 644 0:0 1 0 \n", "files:2: \"\" is no name of a file" },
		{ "/a 755 0:0 1\nf 644 0:0 1 x a\n", "files:2: size \"x\"" },
		{ "/a 755 0:0 1\nf 644 0:0 1 1 a\n|ab\n", "files:2: a has 3 bytes, its size is 1" },
		{ "/a 755 0:0 1\nf 644 0:0 1 0 a\nf 644 0:0 1 0 a\n", "files:3: /a/a: is there" },
		{ "/a 755 0:0 1\n# x\n\nf 644 0:0 1 3 a\n|ab\nl 777 0:0 1 b\n",
		  "files:6: NAME -> TARGET is wanted" },
		{ "/a 755 0:0 1\nc 644 0:0 1 13 a\n", "files:2: MAJOR,MINOR NAME is wanted" },
		{ "/a 755 0:0 1\n|x\n", "files:1: contents stand behind what is no file" },
		{ "k a b\n", "files:1: a package is NAME VERSION ARCHITECTURE TEXT" },
	};
	static const char yaml[] = HEAD;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_persona *p = NULL;
		struct hin_error err = { 0 };
		size_t size = strlen(cases[i].files);
		char *files = (char *)hin_test_copy(cases[i].files, size + 1);

		if (persona_parse(&p, "p", yaml, sizeof(yaml) - 1, files, size, &err) == HIN_OK ||
		    strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("wanted \"%s\", got \"%s\"", cases[i].want, err.text);
		free(files);
	}
}

static void names_are_no_paths(void **state)
{
	static const char *const names[] = { "../personas/router", "", ".", "none", "a/b" };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		struct hin_persona *p = NULL;
		struct hin_error err;

		assert_int_equal(hin_persona_load(&p, PERSONAS, names[i], &err), HIN_ENOENT);
	}
}

static void process_numbers_drift_together(void **state)
{
	struct hin_persona *p = load("debian-12");
	unsigned differ = 0;

	(void)state;
	for (unsigned v = 0; v < PERSONA_VARIANTS; v++) {
		const struct persona_variant *variant = &p->variants[v];

		for (size_t i = 1; i < p->machine.process_count; i++) {
			assert_true(variant->processes[i].pid > variant->processes[i - 1].pid);
			differ += variant->processes[i].pid != p->variants[0].processes[i].pid;
		}
		for (size_t i = 0; i < p->machine.socket_count; i++) {
			size_t k = 0;

			while (k < p->machine.process_count &&
			       variant->processes[k].pid != variant->sockets[i].pid)
				k++;
			assert_true(k < p->machine.process_count);
			assert_non_null(strstr(variant->processes[k].command, "sshd"));
		}
	}
	assert_true(differ > 5);
	hin_persona_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_loaded),
		cmocka_unit_test(a_menu_that_is_made_up_says_so),
		cmocka_unit_test(ports_answer),
		cmocka_unit_test(files_are_those_of_a_real_root),
		cmocka_unit_test(settings_are_refused),
		cmocka_unit_test(lists_of_files_are_refused),
		cmocka_unit_test(names_are_no_paths),
		cmocka_unit_test(process_numbers_drift_together),
	};

	return cmocka_run_group_tests_name("persona", tests, NULL, NULL);
}
