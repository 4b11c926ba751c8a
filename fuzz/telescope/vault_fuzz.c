/*
 * Segments of a vault: walked through in memory, and as a file in a vault that is opened. The
 * checks of records and head are keyed, so the first byte says whether they are made right first:
 * what lies behind them must hold against who has the key, too.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "telescope/vault_priv.h"

enum { FIX_CHECKS = 1, FIX_SEALS = 2, OPEN_VAULT = 4, OPEN_TO_WRITE = 8 };

#define CHECK 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[VAULT_KEY] = { 7 };
static char folder[] = "/dev/shm/hinomi-vault-fuzz-XXXXXX"; /* syncs cost nothing there */

static void put_file(const char *name, const uint8_t *data, size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void remove_folder(void)
{
	remove_file("vault.key");
	remove_file("lock");
	rmdir(folder);
}

/* Make the checks, and the seals, of all that looks like a record. */
static void fix(uint8_t *data, size_t size, int mode, const struct vault_keys *keys)
{
	if (size >= VAULT_SEGMENT_HEAD) {
		memcpy(data + 32, keys->id, sizeof(keys->id));
		crypto_shorthash(data + VAULT_SEGMENT_HEAD - CHECK, data,
				 VAULT_SEGMENT_HEAD - CHECK, keys->check);
	}
	for (size_t at = VAULT_SEGMENT_HEAD; at + VAULT_HEAD <= size; at += VAULT_ALIGN) {
		uint8_t *head = data + at;
		struct vault_record record;

		if (memcmp(head, "hvR1", 4) != 0)
			continue;
		crypto_shorthash(head + VAULT_HEAD - CHECK, head, VAULT_HEAD - CHECK, keys->check);
		if ((mode & FIX_SEALS) == 0 ||
		    hin_vault_record_read(&record, head, size - at, keys) != HIN_OK ||
		    hin_vault_record_span(&record) > size - at)
			continue;
		hin_vault_record_seal(head, &record, head + VAULT_HEAD, keys);
		at += hin_vault_record_span(&record) - VAULT_ALIGN;
	}
}

static void walk(const uint8_t *data, size_t size, const struct vault_keys *keys)
{
	struct vault_scan scan = hin_vault_scan_of(data, size);
	static uint8_t plain[VAULT_OBJECT_MOST];
	struct vault_segment_head head;
	struct vault_record record;
	size_t offset, end = VAULT_SEGMENT_HEAD;

	if (hin_vault_segment_head_read(&head, data, size, keys) == HIN_ETRUNCATED)
		return;
	while (hin_vault_scan_next(&scan, &record, &offset, keys)) {
		if (offset < end || scan.end > size || offset % VAULT_ALIGN != 0)
			abort();
		end = scan.end;
		(void)hin_vault_record_open(plain, &record, data + offset, keys);
	}
	if (scan.end != end || scan.damaged > size)
		abort();
}

static bool look(void *into, const struct hin_vault_entry *entry)
{
	struct hin_buffer out = { 0 };
	uint8_t digest[HIN_VAULT_DIGEST];

	(void)hin_vault_get(into, entry->digest, &out, NULL);
	hin_buffer_fini(&out);
	if (hin_vault_find(into, entry->event_link, digest) &&
	    memcmp(digest, entry->digest, sizeof(digest)) != 0)
		abort();
	return true;
}

static void open_vault(const uint8_t *data, size_t size, bool write)
{
	const uint8_t bytes[60] = { 1, 2, 3 };
	struct hin_vault_packet packet = { 1, bytes, sizeof(bytes), sizeof(bytes), 1 };
	uint8_t digest[HIN_VAULT_DIGEST], found[HIN_VAULT_DIGEST];
	struct hin_vault *vault;
	struct hin_error err;

	put_file("00000001.seg", data, size);
	if (hin_vault_open(&vault, folder, HIN_VAULT_LEAST, HIN_VAULT_LEAST_AGE_NS, write, &err) ==
	    HIN_OK) {
		if (hin_vault_list(vault, look, vault, &err) != HIN_OK)
			abort();
		if (write) {
			if (hin_vault_put(vault, 1, &packet, 1, 1, digest, &err) != HIN_OK ||
			    !hin_vault_find(vault, 1, found) ||
			    memcmp(digest, found, sizeof(found)) != 0 ||
			    hin_vault_expire(vault, INT64_MAX, &err) != HIN_OK)
				abort();
		}
		hin_vault_close(vault);
	}
	remove_file("00000001.seg");
	remove_file("00000002.seg");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vault_keys keys;
	static bool begun;
	uint8_t *copy;
	int mode;

	if (!begun) {
		if (sodium_init() == -1 || mkdtemp(folder) == NULL)
			abort();
		put_file("vault.key", key, sizeof(key));
		atexit(remove_folder);
		hin_vault_keys(&keys, key);
		begun = true;
	}
	if (size == 0)
		return 0;
	mode = data[0];
	copy = malloc(size);
	if (copy == NULL)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if ((mode & FIX_CHECKS) != 0)
		fix(copy, size - 1, mode, &keys);
	walk(copy, size - 1, &keys);
	if ((mode & OPEN_VAULT) != 0)
		open_vault(copy, size - 1, (mode & OPEN_TO_WRITE) != 0);
	free(copy);
	return 0;
}
