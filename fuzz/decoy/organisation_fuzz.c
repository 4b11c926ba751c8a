/* An organisation of a small persona: what is loaded is printed, its hosts get their files. */
#include <stdlib.h>

#include "decoy/host/organisation_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_host(const struct hin_host *host)
{
	struct hin_fs *fs = hin_host_files(host);
	const struct hin_host_user *user;
	const struct hin_token *token;
	struct hin_buffer out = { 0 };
	uint8_t key[51] = { 0 };

	hin_host_print(host, HIN_JA, &out);
	for (uint32_t tag = 0; tag < 40; tag++)
		host->machine.generate(host->machine.user, tag, &out);
	(void)hin_host_password(host, "root", 4, "x", 1, &user, &token);
	(void)hin_host_key(host, "root", 4, key, sizeof(key), &user, &token);
	(void)hin_host_token_file(host, "/root/x");
	hin_buffer_fini(&out);
	hin_fs_free(fs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char yaml[] = "title: p\nsources: [\"machine made-up x\"]\n"
				   "users: [\"root:x:0:0:root:/root:/bin/bash\"]\n";
	const struct hin_organisation_settings settings = {
		.file = "o", .personas = "/nonexistent", .seed = { 1 }, .now_s = 1800000000
	};
	struct hin_organisation *o = NULL;
	struct hin_persona *p = NULL;
	struct hin_error err = { 0 };
	struct hin_buffer out = { 0 };
	char files[] = "/etc 755 0:0 1700000000\nf 644 0:0 1700000000 2 motd\n|x\n"
		       "/etc/skel 755 0:0 1700000000\nf 644 0:0 1700000000 2 .bashrc\n|x\n";

	if (persona_parse(&p, "p", yaml, sizeof(yaml) - 1, files, sizeof(files) - 1, &err) !=
	    HIN_OK)
		abort();
	if (organisation_parse(&o, data, size, p, &settings, &err) == HIN_OK) {
		hin_organisation_print(o, HIN_EN, &out);
		for (size_t i = 0; i < 3; i++)
			if (hin_organisation_host_at(o, i) != NULL)
				try_host(hin_organisation_host_at(o, i));
	} else if (err.text[0] == '\0') {
		abort();
	}
	hin_buffer_fini(&out);
	hin_organisation_free(o);
	return 0;
}
