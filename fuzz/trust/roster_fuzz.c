/*
 * Rosters: the input's lines, once as they are and once with the digests that belong to them, so
 * that what is behind the digest is reached too. What was read is read again, and can be added to.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "trust/roster.h"

#define HEAD "hinomi roster 1\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each line of `data` with its digest behind it. */
static void chain_lines(struct hin_buffer *out, const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	uint8_t chain[32];

	hin_buffer_puts(out, HEAD);
	crypto_hash_sha256(chain, (const uint8_t *)HEAD, strlen(HEAD));
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline != NULL ? newline : end) - at);
		crypto_hash_sha256_state sum;
		char hex[17];

		crypto_hash_sha256_init(&sum);
		crypto_hash_sha256_update(&sum, chain, 32);
		crypto_hash_sha256_update(&sum, (const uint8_t *)at, length);
		crypto_hash_sha256_final(&sum, chain);
		sodium_bin2hex(hex, sizeof(hex), chain, 8);
		hin_buffer_add(out, at, length);
		hin_buffer_printf(out, " %s\n", hex);
		at += length + 1;
	}
}

static void use(struct hin_roster *r, const char *path)
{
	struct hin_join_code code = { .id = { 0xff, 1 }, .secret = { 2 } };
	struct hin_roster *again = NULL;
	size_t sensors, codes, sensors_again, codes_again;
	const struct hin_roster_sensor *s = hin_roster_sensors(r, &sensors);
	const struct hin_roster_code *c = hin_roster_codes(r, &codes);

	for (size_t i = 0; i < sensors; i++)
		if (!hin_roster_is_name(s[i].name) || hin_roster_sensor(r, s[i].id) != &s[i])
			abort();
	for (size_t i = 0; i < codes; i++)
		if (!hin_roster_is_name(c[i].name) || hin_roster_code(r, c[i].id) != &c[i])
			abort();
	if (hin_roster_code(r, code.id) == NULL &&
	    hin_roster_add_code(r, &code, "zz-fuzz", 2, 1, NULL) == HIN_OK &&
	    hin_roster_code(r, code.id) == NULL)
		abort();
	if (hin_roster_open(&again, path, NULL) != HIN_OK)
		abort();
	(void)hin_roster_sensors(r, &sensors);
	(void)hin_roster_codes(r, &codes);
	(void)hin_roster_sensors(again, &sensors_again);
	(void)hin_roster_codes(again, &codes_again);
	if (sensors != sensors_again || codes != codes_again)
		abort();
	hin_roster_close(again);
}

static void try_file(const void *data, size_t size)
{
	int fd = memfd_create("roster", MFD_CLOEXEC);
	struct hin_roster *r = NULL;
	struct hin_error err;
	char path[64];

	if (fd == -1 || fchmod(fd, 0600) != 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (hin_roster_open(&r, path, &err) == HIN_OK)
		use(r, path);
	hin_roster_close(r);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_buffer file = { 0 };

	if (sodium_init() < 0)
		abort();
	try_file(data, size);
	chain_lines(&file, data, size);
	if (!file.failed)
		try_file(file.data, file.used);
	hin_buffer_fini(&file);
	return 0;
}
