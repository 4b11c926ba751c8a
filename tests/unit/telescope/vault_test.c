#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "packet/capture.h"
#include "telescope/vault.h"
#include "telescope/vault_priv.h"

#define NOW (1700000000ll * HIN_NS_PER_S)
#define MAX_BYTES (16ull << 20)

/* ---- a folder for each test ---- */

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[64 + 256 + 2];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/hinomi-vault-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	(void)state;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (unlink(path_of(entry->d_name)) != 0)
			(void)!rmdir(path_of(entry->d_name));
	if (dir != NULL)
		closedir(dir);
	return rmdir(folder);
}

static struct hin_buffer read_file(const char *name)
{
	struct hin_buffer out = { 0 };

	assert_int_equal(hin_file_read(&out, path_of(name), 64u << 20, NULL), HIN_OK);
	return out;
}

static void write_file(const char *name, const void *data, size_t size, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_int_not_equal(fd, -1);
	assert_int_equal(hin_file_write_all(fd, data, size, NULL), HIN_OK);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct hin_vault *open_with(uint64_t max_bytes, int64_t max_age_ns)
{
	struct hin_vault *vault = NULL;
	struct hin_error err;

	if (hin_vault_open(&vault, folder, max_bytes, max_age_ns, true, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return vault;
}

static struct hin_vault *open_to_write(void)
{
	return open_with(MAX_BYTES, 0);
}

static enum hin_code try_open(bool write, struct hin_error *err)
{
	struct hin_vault *vault = NULL;
	enum hin_code code = hin_vault_open(&vault, folder, MAX_BYTES, 0, write, err);

	assert_true((vault != NULL) == (code == HIN_OK));
	hin_vault_close(vault);
	return code;
}

/* ---- evidence that tells its event ---- */

/* Put one packet whose bytes follow from `event`. */
static enum hin_code try_put(struct hin_vault *vault, uint64_t event, int64_t now_ns,
			     uint8_t digest[32])
{
	uint8_t bytes[200];
	struct hin_vault_packet packet = { NOW + (int64_t)event, bytes, sizeof(bytes), 1500,
					   HIN_LINK_ETHERNET };

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(event >> (i % 8 * 8));
	return hin_vault_put(vault, event, &packet, 1, now_ns, digest, NULL);
}

static void put(struct hin_vault *vault, uint64_t event)
{
	uint8_t digest[32];

	assert_int_equal(try_put(vault, event, NOW, digest), HIN_OK);
}

/* HIN_OK when the event's evidence is there and is its own. */
static enum hin_code check(struct hin_vault *vault, uint64_t event)
{
	struct hin_buffer out = { 0 };
	uint8_t digest[32], got[32];
	enum hin_code code;

	if (!hin_vault_find(vault, event, digest))
		return HIN_ENOENT;
	code = hin_vault_get(vault, digest, &out, NULL);
	if (code == HIN_OK) {
		assert_int_equal(out.used, 24 + 16 + 200);
		SHA256((const uint8_t *)out.data, out.used, got);
		assert_memory_equal(got, digest, 32);
		for (size_t i = 0; i < 200; i++)
			assert_int_equal((uint8_t)out.data[40 + i],
					 (uint8_t)(event >> (i % 8 * 8)));
	} else {
		assert_int_equal(out.used, 0);
	}
	hin_buffer_fini(&out);
	return code;
}

static void check_range(struct hin_vault *vault, uint64_t first, uint64_t behind)
{
	for (uint64_t event = first; event < behind; event++)
		if (check(vault, event) != HIN_OK)
			fail_msg("event %llu is lost", (unsigned long long)event);
}

/* Bytes that one of these records takes. */
#define SPAN ((96 + 240 + 16 + 7) / 8 * 8)

/* ---- tests ---- */

static void record_refuses_changes(void **state)
{
	static const uint8_t key[VAULT_KEY] = { 1 }, other_key[VAULT_KEY] = { 2 };
	uint8_t plain[50] = "plain", opened[VAULT_OBJECT_MOST], bytes[256];
	struct vault_record record = { VAULT_OBJECT, 3, sizeof(plain), -5, 77, { 9 } }, got;
	struct vault_keys keys, other;
	size_t span = hin_vault_record_span(&record);

	(void)state;
	hin_vault_keys(&keys, key);
	hin_vault_keys(&other, other_key);
	assert_int_equal(span, 168);
	hin_vault_record_seal(bytes, &record, plain, &keys);
	for (size_t size = 0; size < span; size++) {
		uint8_t *cut = hin_test_copy(bytes, size);

		assert_int_equal(hin_vault_record_read(&got, cut, size, &keys),
				 size < VAULT_HEAD ? HIN_ETRUNCATED : HIN_OK);
		free(cut);
	}
	assert_int_equal(hin_vault_record_read(&got, bytes, span, &other), HIN_EVERIFY);
	for (size_t i = 0; i < VAULT_HEAD + sizeof(plain) + VAULT_TAG; i++) {
		bytes[i] ^= 0x10;
		if (i < VAULT_HEAD)
			assert_int_not_equal(hin_vault_record_read(&got, bytes, span, &keys),
					     HIN_OK);
		/* also who could make the check right cannot change what the seal is bound to */
		if (i < VAULT_BOUND + VAULT_NONCE || i >= VAULT_HEAD)
			assert_false(hin_vault_record_open(opened, &record, bytes, &keys));
		bytes[i] ^= 0x10;
	}
	assert_int_equal(hin_vault_record_read(&got, bytes, span, &keys), HIN_OK);
	assert_int_equal(got.kind, VAULT_OBJECT);
	assert_int_equal(got.packets, 3);
	assert_int_equal(got.time_ns, -5);
	assert_int_equal(got.event_link, 77);
	assert_true(hin_vault_record_open(opened, &got, bytes, &keys));
	assert_memory_equal(opened, plain, sizeof(plain));
	assert_null(memmem(bytes, span, "plain", 5));
	record.bytes = VAULT_OBJECT_MOST + 1; /* larger than the buffers */
	memset(bytes, 0, sizeof(bytes));
	{
		static uint8_t large[VAULT_OBJECT_MOST + 256], in[VAULT_OBJECT_MOST + 1];

		hin_vault_record_seal(large, &record, in, &keys);
		assert_int_equal(hin_vault_record_read(&got, large, sizeof(large), &keys),
				 HIN_EFORMAT);
	}
}

static void index_finds_what_was_set(void **state)
{
	struct vault_index index = { .seed = 42 };

	(void)state;
	assert_null(hin_vault_index_find(&index, 1));
	hin_vault_index_forget(&index, 1);
	for (uint32_t round = 1; round <= 20; round++) {
		for (uint32_t i = 0; i < 3000; i++) {
			uint64_t key = (uint64_t)i << 32 | (round & 1);

			assert_int_equal(hin_vault_index_reserve(&index), HIN_OK);
			hin_vault_index_set(&index, key, round, i);
		}
		if (round > 3)
			hin_vault_index_forget(&index, round - 2);
	}
	for (uint32_t i = 0; i < 3000; i++) {
		const struct vault_place *even = hin_vault_index_find(&index, (uint64_t)i << 32);
		const struct vault_place *odd = hin_vault_index_find(&index, (uint64_t)i << 32 | 1);

		assert_true(even != NULL && even->segment == 20 && even->offset == i);
		assert_true(odd != NULL && odd->segment == 19 && odd->offset == i);
		assert_null(hin_vault_index_find(&index, (uint64_t)i << 32 | 2));
	}
	assert_int_equal(index.live, 6000);
	hin_vault_index_forget(&index, 20);
	assert_int_equal(index.live, 3000);
	assert_null(hin_vault_index_find(&index, 0));
	assert_true(index.size <= 16384); /* what is gone does not pile up */
	hin_vault_index_fini(&index);
}

static void capture_has_first_packets(void **state)
{
	static const uint8_t bytes[300] = { [0] = 1, [255] = 2, [256] = 3 };
	struct hin_vault_packet packets[20];
	struct hin_vault *vault = open_to_write();
	uint8_t digest[32], want[32];
	struct hin_buffer out = { 0 };
	struct hin_reader in;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(packets); i++)
		packets[i] = (struct hin_vault_packet){ NOW + (int64_t)i, bytes, (uint32_t)(i * 25),
							(uint32_t)(i * 30), HIN_LINK_RAW };
	packets[1].link = HIN_LINK_ETHERNET; /* left out */
	packets[2].length = 1;		     /* lies: shorter than what there is */
	packets[0].data = NULL;		     /* has no bytes */
	assert_int_equal(hin_vault_put(vault, 1, packets, 0, NOW, digest, NULL), HIN_ERANGE);
	assert_int_equal(hin_vault_put(vault, 1, packets, 20, NOW, digest, NULL), HIN_OK);
	hin_buffer_puts(&out, "before");
	assert_int_equal(hin_vault_get(vault, digest, &out, NULL), HIN_OK);
	assert_memory_equal(out.data, "before", 6);
	SHA256((const uint8_t *)out.data + 6, out.used - 6, want);
	assert_memory_equal(digest, want, 32);
	in = hin_reader_of(out.data + 6, out.used - 6);
	assert_int_equal(hin_read_le32(&in), 0xa1b23c4d);
	hin_read_skip(&in, 16);
	assert_int_equal(hin_read_le32(&in), HIN_LINK_RAW);
	for (size_t i = 0, n = 0; n < HIN_VAULT_PACKETS; i++) {
		uint32_t size = (uint32_t)(i * 25 < 256 ? i * 25 : 256);

		if (i == 1)
			continue;
		n++;
		assert_int_equal(hin_read_le32(&in), 1700000000);
		assert_int_equal(hin_read_le32(&in), i);
		assert_int_equal(hin_read_le32(&in), size);
		assert_int_equal(hin_read_le32(&in), i == 2 ? size : i * 30);
		assert_memory_equal(hin_read_bytes(&in, size), bytes, size);
	}
	assert_false(in.failed);
	assert_int_equal(in.left, 0);
	hin_buffer_fini(&out);
	hin_vault_close(vault);
}

static void repeats_are_kept_once(void **state)
{
	struct hin_vault *vault = open_with(MAX_BYTES, 16 * HIN_NS_PER_HOUR);
	struct hin_vault_packet packet = { NOW, (const uint8_t *)"same", 4, 4, HIN_LINK_RAW };
	uint8_t first[32], second[32], found[32];
	struct hin_vault_stats stats;
	uint64_t bytes;

	(void)state;
	assert_int_equal(hin_vault_put(vault, 1, &packet, 1, NOW, first, NULL), HIN_OK);
	bytes = hin_vault_stats(vault).bytes;
	assert_int_equal(hin_vault_put(vault, 1, &packet, 1, NOW, second, NULL), HIN_OK);
	assert_memory_equal(first, second, 32);
	assert_int_equal(hin_vault_stats(vault).bytes, bytes);
	/* another event with the same packets: its name alone */
	assert_int_equal(hin_vault_put(vault, 2, &packet, 1, NOW, second, NULL), HIN_OK);
	assert_int_equal(hin_vault_stats(vault).bytes, bytes + 112);
	assert_true(hin_vault_find(vault, 2, found));
	assert_memory_equal(first, found, 32);
	/* an event that changes names the latest, and that stays so */
	packet.time_ns++;
	assert_int_equal(hin_vault_put(vault, 1, &packet, 1, NOW, second, NULL), HIN_OK);
	for (int i = 0; i < 2; i++) {
		assert_true(hin_vault_find(vault, 1, found));
		assert_memory_equal(second, found, 32);
		assert_true(hin_vault_find(vault, 2, found));
		assert_memory_equal(first, found, 32);
		assert_false(hin_vault_find(vault, 3, found));
		hin_vault_close(vault);
		vault = open_with(MAX_BYTES, 16 * HIN_NS_PER_HOUR);
	}
	/* after half its life it is stored anew */
	assert_int_equal(hin_vault_stats(vault).objects, 2);
	assert_int_equal(
		hin_vault_put(vault, 1, &packet, 1, NOW + 9 * HIN_NS_PER_HOUR, second, NULL),
		HIN_OK);
	stats = hin_vault_stats(vault);
	assert_int_equal(stats.objects, 3);
	assert_int_equal(hin_vault_expire(vault, NOW + 17 * HIN_NS_PER_HOUR, NULL), HIN_OK);
	assert_true(hin_vault_find(vault, 1, found));
	assert_false(hin_vault_find(vault, 2, found)); /* its object is gone */
	assert_int_equal(hin_vault_stats(vault).expired, 2);
	hin_vault_close(vault);
}

static bool count_entry(void *into, const struct hin_vault_entry *entry)
{
	uint64_t *next = into;

	assert_int_equal(entry->event_link, *next);
	assert_int_equal(entry->packets, 1);
	assert_int_equal(entry->bytes, 240);
	assert_int_equal(entry->time_ns, NOW);
	++*next;
	return *next != 900;
}

static void readers_see_what_was_put(void **state)
{
	struct hin_vault *writer = open_to_write(), *reader = NULL;
	uint64_t next = 100;

	(void)state;
	for (uint64_t event = 100; event < 600; event++)
		put(writer, event);
	for (uint64_t event = 100; event < 105; event++) /* again: listed once */
		put(writer, event);
	assert_int_equal(hin_vault_open(&reader, folder, 0, 0, false, NULL), HIN_OK);
	for (uint64_t event = 600; event < 1000; event++)
		put(writer, event);
	check_range(writer, 100, 1000);
	check_range(reader, 100, 600);
	assert_int_equal(check(reader, 600), HIN_ENOENT);
	assert_int_equal(hin_vault_list(reader, count_entry, &next, NULL), HIN_OK);
	assert_int_equal(next, 600);
	next = 100;
	assert_int_equal(hin_vault_list(writer, count_entry, &next, NULL), HIN_OK);
	assert_int_equal(next, 900); /* ended by the callback */
	/* gone under a reader's feet */
	hin_vault_close(writer);
	assert_int_equal(unlink(path_of("00000001.seg")), 0);
	(void)check(reader, 100); /* the segment is still open, or not */
	next = 0;
	assert_int_equal(hin_vault_list(reader, count_entry, &next, NULL), HIN_OK);
	assert_int_equal(next, 0);
	hin_vault_close(reader);
	hin_vault_close(NULL);
}

static void key_is_guarded(void **state)
{
	static const uint8_t wrong[VAULT_KEY + 1] = { 1, 2, 3 };
	struct hin_error err;
	struct hin_buffer key;
	struct stat st;
	struct hin_vault *vault;

	(void)state;
	assert_int_equal(try_open(false, &err), HIN_ENOENT); /* an empty folder */
	vault = open_to_write();
	put(vault, 1);
	hin_vault_close(vault);
	assert_int_equal(stat(path_of("vault.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path_of("00000001.seg"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	key = read_file("vault.key");
	assert_int_equal(key.used, VAULT_KEY);
	for (int write = 0; write < 2; write++) {
		write_file("vault.key", wrong, VAULT_KEY, 0600);
		assert_int_equal(try_open(write, &err), HIN_EVERIFY);
		write_file("vault.key", wrong, VAULT_KEY + 1, 0600);
		assert_int_equal(try_open(write, &err), HIN_EFORMAT);
		write_file("vault.key", wrong, VAULT_KEY - 1, 0600);
		assert_int_equal(try_open(write, &err), HIN_EFORMAT);
		write_file("vault.key", key.data, VAULT_KEY, 0640);
		assert_int_equal(try_open(write, &err), HIN_EDENIED);
		assert_int_equal(unlink(path_of("vault.key")), 0);
		assert_int_equal(try_open(write, &err), HIN_EVERIFY);
		assert_int_equal(access(path_of("vault.key"), F_OK), -1); /* none was made */
		assert_int_equal(symlink("elsewhere", path_of("vault.key")), 0);
		assert_int_equal(try_open(write, &err), HIN_EVERIFY);
		assert_int_equal(unlink(path_of("vault.key")), 0);
	}
	/* it may lie elsewhere */
	write_file("elsewhere", key.data, VAULT_KEY, 0600);
	assert_int_equal(symlink("elsewhere", path_of("vault.key")), 0);
	vault = open_to_write();
	check_range(vault, 1, 2);
	hin_vault_close(vault);
	hin_buffer_fini(&key);
}

static void flipped_bits_are_found(void **state)
{
	struct hin_vault *vault = open_to_write();
	struct hin_buffer whole;
	struct hin_error err;

	(void)state;
	for (uint64_t event = 1; event <= 3; event++)
		put(vault, event);
	hin_vault_close(vault);
	whole = read_file("00000001.seg");
	assert_int_equal(whole.used, VAULT_SEGMENT_HEAD + 3 * SPAN);
	for (size_t i = VAULT_SEGMENT_HEAD + SPAN; i < VAULT_SEGMENT_HEAD + 2 * SPAN; i++) {
		size_t within = i - VAULT_SEGMENT_HEAD - SPAN;
		bool padding = within >= 96 + 240 + 16;

		whole.data[i] ^= 1;
		write_file("00000001.seg", whole.data, whole.used, 0600);
		whole.data[i] ^= 1;
		assert_int_equal(hin_vault_open(&vault, folder, 0, 0, false, &err), HIN_OK);
		assert_int_equal(check(vault, 1), HIN_OK);
		assert_int_equal(check(vault, 3), HIN_OK);
		/* a head that is no head any more is passed over, other bytes fail to open */
		assert_int_equal(check(vault, 2), padding	? HIN_OK
						  : within < 96 ? HIN_ENOENT
								: HIN_EVERIFY);
		assert_int_equal(hin_vault_stats(vault).damaged_bytes, within < 96 ? SPAN : 0);
		hin_vault_close(vault);
		if (within % 40 != 0)
			continue;
		/* a writer goes on, and what is put again is whole again */
		vault = open_to_write();
		assert_int_equal(check(vault, 3), HIN_OK);
		put(vault, 2);
		check_range(vault, 1, 4);
		hin_vault_close(vault);
	}
	hin_buffer_fini(&whole);
}

/* The same while it is open: what was put again must not be taken for what is there. */
static void damage_while_open_heals(void **state)
{
	struct hin_vault *vault = open_to_write();
	char byte = 0;
	int fd;

	(void)state;
	put(vault, 1);
	fd = open(path_of("00000001.seg"), O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, VAULT_SEGMENT_HEAD + 100), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, VAULT_SEGMENT_HEAD + 100), 1);
	close(fd);
	assert_int_equal(check(vault, 1), HIN_EVERIFY);
	put(vault, 1);
	check_range(vault, 1, 2);
	hin_vault_close(vault);
}

static void torn_end_is_cut(void **state)
{
	struct hin_vault *vault = open_to_write();
	struct hin_buffer whole;
	struct hin_error err;

	(void)state;
	put(vault, 1);
	put(vault, 2);
	hin_vault_close(vault);
	whole = read_file("00000001.seg");
	for (size_t size = 0; size < whole.used; size += size < 80 ? 1 : 3) {
		size_t first = VAULT_SEGMENT_HEAD + SPAN, left = size % first;
		struct hin_vault_stats stats;

		if (size < first)
			left = size < VAULT_SEGMENT_HEAD ? 0 : size - VAULT_SEGMENT_HEAD;
		(void)!unlink(path_of("00000002.seg")); /* of the turn before */
		write_file("00000001.seg", whole.data, size, 0600);
		assert_int_equal(hin_vault_open(&vault, folder, 0, 0, false, &err), HIN_OK);
		assert_int_equal(check(vault, 1), size >= first ? HIN_OK : HIN_ENOENT);
		assert_int_equal(hin_vault_stats(vault).damaged_bytes,
				 0); /* may be in the making */
		hin_vault_close(vault);
		vault = open_to_write();
		stats = hin_vault_stats(vault);
		assert_int_equal(stats.cut_bytes, left);
		assert_int_equal(stats.objects, size >= first);
		assert_int_equal(check(vault, 2), HIN_ENOENT);
		put(vault, 3);
		check_range(vault, 3, 4);
		hin_vault_close(vault);
		vault = open_to_write();
		check_range(vault, 3, 4);
		assert_int_equal(hin_vault_stats(vault).cut_bytes, 0);
		hin_vault_close(vault);
	}
	/* the heads reached the disk, the sealed bytes did not */
	memset(whole.data + VAULT_SEGMENT_HEAD + SPAN + VAULT_HEAD, 0, SPAN - VAULT_HEAD);
	write_file("00000001.seg", whole.data, whole.used, 0600);
	vault = open_to_write();
	check_range(vault, 1, 2);
	assert_int_equal(check(vault, 2), HIN_ENOENT);
	assert_int_equal(hin_vault_stats(vault).cut_bytes, SPAN);
	hin_vault_close(vault);
	hin_buffer_fini(&whole);
}

static void hostile_segments_are_passed_over(void **state)
{
	static uint8_t garbage[3 << 20];
	struct hin_vault *vault = open_to_write();
	struct hin_buffer whole;

	(void)state;
	put(vault, 1);
	hin_vault_close(vault);
	whole = read_file("00000001.seg");
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (uint8_t) "hvR1\1\0\0\0"[i % 8];
	write_file("00000002.seg", garbage, sizeof(garbage), 0600);
	memcpy(garbage, whole.data, whole.used); /* a copy under another number, then garbage */
	write_file("00000003.seg", garbage, sizeof(garbage), 0600);
	memset(garbage, 0xff, VAULT_SEGMENT_HEAD);
	write_file("00000004.seg", garbage, whole.used, 0600); /* only the head is no head */
	write_file("00000005.seg", "", 0, 0600);
	write_file("000000006.seg", "name", 4, 0600);
	write_file("0000000A.seg", "name", 4, 0600);
	write_file("00000000.seg", "name", 4, 0600);
	write_file("ffffffff.seg", "name", 4, 0600);
	for (int round = 0; round < 2; round++) {
		vault = open_to_write();
		check_range(vault, 1, 2);
		put(vault, 2);
		check_range(vault, 1, 3);
		if (round == 0)
			assert_true(hin_vault_stats(vault).damaged_bytes > 5u << 20);
		hin_vault_close(vault);
	}
	assert_int_equal(access(path_of("00000005.seg"), F_OK), -1); /* empty: removed */
	write_file("fffffffe.seg", whole.data, whole.used, 0600);
	assert_int_equal(truncate(path_of("fffffffe.seg"), 40 << 20),
			 0); /* over all bounds: nothing can follow it */
	vault = open_to_write();
	{
		uint8_t digest[32];

		assert_int_equal(check(vault, 1), HIN_OK);
		assert_int_not_equal(try_put(vault, 3, NOW, digest), HIN_OK);
		assert_int_equal(hin_vault_stats(vault).failed, 1);
	}
	hin_vault_close(vault);
	hin_buffer_fini(&whole);
}

static void size_is_bounded(void **state)
{
	struct hin_vault *vault = open_with(HIN_VAULT_LEAST, 0);
	struct hin_vault_stats stats;
	uint64_t on_disk = 0, kept;

	(void)state;
	for (uint64_t event = 0; event < 10000; event++) {
		put(vault, event);
		assert_true(hin_vault_stats(vault).bytes <= HIN_VAULT_LEAST);
	}
	stats = hin_vault_stats(vault);
	kept = stats.objects;
	assert_int_equal(stats.put, 10000);
	assert_int_equal(kept + stats.dropped, 10000);
	assert_true(kept * SPAN > HIN_VAULT_LEAST * 9 / 10); /* the space is used */
	check_range(vault, 10000 - kept, 10000);
	assert_int_equal(check(vault, 10000 - kept - 1), HIN_ENOENT);
	/* what is old is stored anew before it goes */
	put(vault, 10000 - kept);
	assert_int_equal(hin_vault_stats(vault).repeated, 0);
	put(vault, 9999);
	assert_int_equal(hin_vault_stats(vault).repeated, 1);
	hin_vault_close(vault);
	for (uint32_t i = 1; i < 200; i++) {
		char name[VAULT_SEGMENT_NAME];
		struct stat st;

		if (stat(path_of(hin_vault_segment_name(name, i)), &st) == 0)
			on_disk += (uint64_t)st.st_size;
	}
	assert_true(on_disk <= HIN_VAULT_LEAST);
	/* opened with a smaller bound it shrinks, with a larger it keeps */
	vault = open_with(4 * HIN_VAULT_LEAST, 0);
	assert_int_equal(hin_vault_stats(vault).bytes, on_disk);
	for (uint64_t event = 10000; event < 15000; event++)
		put(vault, event);
	hin_vault_close(vault);
	vault = open_with(HIN_VAULT_LEAST, 0);
	assert_int_equal(hin_vault_expire(vault, NOW, NULL), HIN_OK);
	assert_true(hin_vault_stats(vault).bytes <= HIN_VAULT_LEAST);
	check_range(vault, 14900, 15000);
	hin_vault_close(vault);
}

static void age_is_bounded(void **state)
{
	static const int64_t age = 30 * HIN_NS_PER_DAY;
	struct hin_vault *vault = open_with(MAX_BYTES, age);
	uint8_t digest[32];

	(void)state;
	/* one an hour for 60 days */
	for (int64_t hour = 0; hour < 60 * 24; hour++) {
		int64_t now = NOW + hour * HIN_NS_PER_HOUR;
		int64_t oldest = hour - age / HIN_NS_PER_HOUR;
		int64_t sure = hour - age / HIN_NS_PER_HOUR * 15 / 16 + 1;

		assert_int_equal(try_put(vault, (uint64_t)hour, now, digest), HIN_OK);
		assert_int_equal(hin_vault_expire(vault, now, NULL), HIN_OK);
		if (oldest >= 0)
			assert_int_equal(check(vault, (uint64_t)oldest), HIN_ENOENT);
		if (sure >= 0)
			assert_int_equal(check(vault, (uint64_t)sure), HIN_OK);
		if (hour % 100 == 50) {
			hin_vault_close(vault);
			vault = open_with(MAX_BYTES, age);
		}
	}
	/* silence: all goes, and it goes on */
	assert_int_equal(hin_vault_expire(vault, NOW + 90 * HIN_NS_PER_DAY, NULL), HIN_OK);
	assert_int_equal(hin_vault_stats(vault).objects, 0);
	assert_int_equal(hin_vault_stats(vault).bytes, 0);
	assert_int_equal(try_put(vault, 7, NOW + 90 * HIN_NS_PER_DAY, digest), HIN_OK);
	assert_int_equal(check(vault, 7), HIN_OK);
	hin_vault_close(vault);
}

static void wrong_clocks_do_no_harm(void **state)
{
	static const int64_t age = 30 * HIN_NS_PER_DAY;
	struct hin_vault *vault = open_with(MAX_BYTES, age);
	uint8_t digest[32];

	(void)state;
	assert_int_equal(try_put(vault, 1, NOW, digest), HIN_OK);
	assert_int_equal(try_put(vault, 2, 0, digest), HIN_OK); /* 1970, after a boot */
	assert_int_equal(hin_vault_expire(vault, 0, NULL), HIN_OK);
	assert_int_equal(try_put(vault, 3, INT64_MAX, digest), HIN_OK);
	assert_int_equal(try_put(vault, 4, INT64_MIN, digest), HIN_OK);
	assert_int_equal(try_put(vault, 5, NOW + 1, digest), HIN_OK);
	check_range(vault, 1, 6);
	assert_int_equal(hin_vault_expire(vault, NOW + 2, NULL), HIN_OK);
	assert_int_equal(check(vault, 1), HIN_OK);
	assert_int_equal(check(vault, 5), HIN_OK);
	assert_int_equal(check(vault, 2), HIN_ENOENT);
	assert_int_equal(check(vault, 4), HIN_ENOENT);
	assert_int_equal(try_put(vault, 6, NOW + 20 * HIN_NS_PER_DAY, digest), HIN_OK);
	assert_int_equal(hin_vault_expire(vault, NOW + 30 * HIN_NS_PER_DAY, NULL), HIN_OK);
	assert_int_equal(check(vault, 3), HIN_ENOENT); /* with those that came after it */
	assert_int_equal(check(vault, 5), HIN_ENOENT);
	assert_int_equal(check(vault, 6), HIN_OK);
	hin_vault_close(vault);
}

static void bounds_are_checked(void **state)
{
	struct hin_vault *vault = NULL;
	struct hin_error err;

	(void)state;
	assert_int_equal(hin_vault_open(&vault, folder, HIN_VAULT_LEAST - 1, 0, true, &err),
			 HIN_ERANGE);
	assert_int_equal(hin_vault_open(&vault, folder, HIN_VAULT_LEAST, 1, true, &err),
			 HIN_ERANGE);
	assert_int_equal(hin_vault_open(&vault, folder, HIN_VAULT_LEAST, -1, true, &err),
			 HIN_ERANGE);
	assert_int_equal(hin_vault_open(&vault, path_of("none"), 0, 0, false, &err), HIN_ENOENT);
	write_file("file", "", 0, 0600);
	assert_int_equal(hin_vault_open(&vault, path_of("file"), HIN_VAULT_LEAST, 0, true, &err),
			 HIN_ESYS);
	assert_int_equal(hin_vault_open(&vault, path_of("file/x"), HIN_VAULT_LEAST, 0, true, &err),
			 HIN_ESYS);
	assert_null(vault);
}

static void one_process_writes(void **state)
{
	struct hin_vault *first = open_to_write(), *reader = NULL;
	struct hin_error err;

	(void)state;
	assert_int_equal(try_open(true, &err), HIN_EDENIED);
	assert_non_null(strstr(err.text, "another process writes"));
	assert_int_equal(hin_vault_open(&reader, folder, 0, 0, false, &err), HIN_OK);
	hin_vault_close(first);
	assert_int_equal(try_open(true, &err), HIN_OK); /* readers hold nothing up */
	hin_vault_close(reader);
}

/* A disk that is full: RLIMIT_FSIZE cuts a write in the middle. */
static void full_disk_loses_one_object(void **state)
{
	struct hin_vault *vault = open_to_write();
	struct rlimit old, small;
	uint8_t digest[32];

	(void)state;
	for (uint64_t event = 0; event < 10; event++)
		put(vault, event);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ VAULT_SEGMENT_HEAD + 10 * SPAN + 100, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(try_put(vault, 10, NOW, digest), HIN_ESYS);
	assert_int_equal(try_put(vault, 11, NOW, digest), HIN_ESYS);
	check_range(vault, 0, 10);
	assert_int_equal(check(vault, 10), HIN_ENOENT);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(hin_vault_stats(vault).failed, 2);
	put(vault, 12);
	check_range(vault, 12, 13);
	hin_vault_close(vault);
	vault = open_to_write();
	check_range(vault, 0, 10);
	check_range(vault, 12, 13);
	assert_int_equal(hin_vault_stats(vault).cut_bytes, 0);
	assert_int_equal(hin_vault_stats(vault).damaged_bytes, 0);
	hin_vault_close(vault);
}

/* Put events from `next` on and tell each that is put, until killed. */
static void put_until_killed(uint64_t next, int tell)
{
	struct hin_vault *vault = NULL;
	uint8_t digest[32];

	if (hin_vault_open(&vault, folder, 64u << 20, 0, true, NULL) != HIN_OK)
		_exit(1);
	for (;; next++)
		if (try_put(vault, next, NOW, digest) != HIN_OK ||
		    (next % 64 == 0 && hin_vault_sync(vault, NULL) != HIN_OK) ||
		    write(tell, &next, sizeof(next)) != sizeof(next))
			_exit(1);
}

static void killed_writers_lose_nothing(void **state)
{
	uint64_t next = 0, told;

	(void)state;
	for (int round = 0; round < 30; round++) {
		int tell[2], status;
		uint64_t begin = next;
		struct pollfd wait;
		struct hin_vault *vault;
		pid_t child;

		assert_int_equal(pipe(tell), 0);
		child = fork();
		assert_int_not_equal(child, -1);
		if (child == 0) {
			close(tell[0]);
			put_until_killed(next, tell[1]);
		}
		close(tell[1]);
		wait = (struct pollfd){ tell[0], POLLIN, 0 };
		if (round % 3 == 0) { /* killed at some moment while it opens */
			(void)poll(&wait, 1, round % 4);
		} else { /* or after some events, in the middle of the next */
			for (int left = 10 + round * 5 % 37; left > 0; left--) {
				assert_int_equal(poll(&wait, 1, 60000), 1);
				assert_int_equal(read(tell[0], &told, 8), 8);
				next = told + 1;
			}
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status)); /* nothing failed before */
		while (read(tell[0], &told, 8) == 8)
			next = told + 1;
		close(tell[0]);
		vault = open_with(64u << 20, 0);
		check_range(vault, begin, next);
		assert_int_equal(hin_vault_stats(vault).damaged_bytes, 0);
		hin_vault_close(vault);
	}
	{
		struct hin_vault *vault = open_with(64u << 20, 0);

		check_range(vault, 0, next);
		hin_vault_close(vault);
	}
	assert_true(next >= 200); /* the rounds did some work */
}

static void acts_are_noted(void **state)
{
	struct hin_vault *vault = open_to_write();
	uint8_t digest[32] = { 0xab };
	char long_reason[HIN_VAULT_REASON + 2];
	struct hin_error err;
	struct hin_buffer log;
	struct stat st;
	const char *line;

	(void)state;
	write_file("acts.log", "torn li", 7, 0600);
	assert_int_equal(hin_vault_act(vault, 0x1f, digest, "a \"case\"\nof\x1b[1m", 0, &err),
			 HIN_OK);
	assert_int_equal(hin_vault_act(vault, 0, digest, NULL, HIN_NS_PER_MS, &err), HIN_OK);
	memset(long_reason, 'x', sizeof(long_reason));
	long_reason[HIN_VAULT_REASON + 1] = '\0';
	assert_int_equal(hin_vault_act(vault, 1, digest, long_reason, 0, &err), HIN_ELIMIT);
	log = read_file("acts.log");
	line = hin_buffer_text(&log);
	assert_ptr_equal(strstr(line, "torn li\n1970-01-01T00:00:00.000Z act=open "
				      "event=000000000000001f digest=ab000000"),
			 line);
	assert_non_null(strstr(line, " reason=\"a \\\"case\\\"\\x0aof\\x1b[1m\"\n"));
	assert_non_null(strstr(line, "\n1970-01-01T00:00:00.001Z act=open event=- digest=ab"));
	assert_non_null(strstr(line, " reason=not-given\n"));
	assert_non_null(strstr(line, " uid="));
	assert_null(strstr(line, "xxx"));
	assert_int_equal(line[log.used - 1], '\n');
	hin_buffer_fini(&log);
	assert_int_equal(stat(path_of("acts.log"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* where nothing can be noted, nothing is permitted */
	assert_int_equal(unlink(path_of("acts.log")), 0);
	assert_int_equal(symlink("/dev/null", path_of("acts.log")), 0);
	assert_int_equal(hin_vault_act(vault, 1, digest, "reason", 0, &err), HIN_ESYS);
	assert_int_equal(unlink(path_of("acts.log")), 0);
	assert_int_equal(mkdir(path_of("acts.log"), 0700), 0);
	assert_int_equal(hin_vault_act(vault, 1, digest, "reason", 0, &err), HIN_ESYS);
	hin_vault_close(vault);
}

static void default_folder_is_found(void **state)
{
	bool root = geteuid() == 0;
	static const struct {
		const char *vault, *state, *home, *want;
	} cases[] = {
		{ "/v", "/s", "/h", "/v" },
		{ "relative", NULL, NULL, "relative" },
		{ "", "/s", "/h", "/s/hinomi/vault" },
		{ NULL, "s", "/h", "/h/.local/state/hinomi/vault" },
		{ NULL, NULL, "/h", "/h/.local/state/hinomi/vault" },
		{ NULL, NULL, NULL, NULL },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *want = cases[i].want;
		const char *values[] = { cases[i].vault, cases[i].state, cases[i].home };
		const char *names[] = { "HINOMI_VAULT", "XDG_STATE_HOME", "HOME" };

		for (size_t j = 0; j < HIN_COUNT(names); j++)
			if (values[j] == NULL)
				unsetenv(names[j]);
			else
				setenv(names[j], values[j], 1);
		if (root && (cases[i].vault == NULL || cases[i].vault[0] == '\0'))
			want = "/var/lib/hinomi/vault";
		assert_int_equal(hin_vault_default_folder(out, sizeof(out), NULL),
				 want != NULL ? HIN_OK : HIN_ENOENT);
		if (want != NULL)
			assert_string_equal(out, want);
	}
	setenv("HINOMI_VAULT", "/a/folder", 1);
	assert_int_equal(hin_vault_default_folder(out, 9, NULL), HIN_ELIMIT);
	unsetenv("HINOMI_VAULT");
}

static void folders_are_made(void **state)
{
	char path[128];
	struct hin_vault *vault = NULL;
	struct hin_error err;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b", folder);
	assert_int_equal(hin_vault_open(&vault, path, HIN_VAULT_LEAST, 0, false, &err), HIN_ENOENT);
	assert_int_equal(hin_vault_open(&vault, path, HIN_VAULT_LEAST, 0, true, &err), HIN_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	hin_vault_close(vault);
	assert_int_equal(unlink(path_of("a/b/lock")), 0);
	assert_int_equal(unlink(path_of("a/b/vault.key")), 0);
	assert_int_equal(rmdir(path_of("a/b")), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_refuses_changes),
		cmocka_unit_test(index_finds_what_was_set),
		CASE(capture_has_first_packets),
		CASE(repeats_are_kept_once),
		CASE(readers_see_what_was_put),
		CASE(key_is_guarded),
		CASE(flipped_bits_are_found),
		CASE(damage_while_open_heals),
		CASE(torn_end_is_cut),
		CASE(hostile_segments_are_passed_over),
		CASE(size_is_bounded),
		CASE(age_is_bounded),
		CASE(wrong_clocks_do_no_harm),
		CASE(bounds_are_checked),
		CASE(one_process_writes),
		CASE(full_disk_loses_one_object),
		CASE(killed_writers_lose_nothing),
		CASE(acts_are_noted),
		cmocka_unit_test(default_folder_is_found),
		CASE(folders_are_made),
	};

	return sodium_init() == -1 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
