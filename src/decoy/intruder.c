/* intruder - see intruder.h */
#include "decoy/intruder.h"

#include <stdlib.h>

#define BUCKETS 4096u /* a power of two */
#define KNOWN 16
#define FIRST_PID 1200u
#define LAST_PID 32767u

struct hin_intruder {
	struct hin_intruders *table;
	struct hin_intruder *next; /* of its bucket */
	struct hin_intruder *newer, *older;
	const struct hin_host *host;
	struct hin_addr client; /* a /64 of IPv6 */
	struct hin_fs *fs;
	int64_t seen_us;
	uint64_t counted; /* bytes of its files, as the table knows them */
	uint32_t sessions, pid;
	uint8_t known_at;
	uint8_t known[KNOWN][8]; /* the digests' first bytes */
};

struct hin_intruders {
	struct hin_intruder_limits limits;
	uint64_t seed, forgotten;
	uint64_t bytes; /* of all files, when they were last counted */
	uint32_t count;
	struct hin_intruder *newest, *oldest;
	struct hin_intruder *buckets[BUCKETS];
};

const struct hin_intruder_limits hin_intruder_limits_default = {
	.most = 65536,
	.bytes = (uint64_t)256 << 20,
	.keep_us = INT64_C(30) * 24 * 3600 * 1000000,
};

struct hin_intruders *hin_intruders_new(const struct hin_intruder_limits *limits, uint64_t seed)
{
	struct hin_intruders *table = calloc(1, sizeof(*table));

	if (table != NULL) {
		table->limits = *limits;
		table->seed = seed;
	}
	return table;
}

/* ---- the table ---- */

static uint32_t bucket_of(const struct hin_intruders *table, const struct hin_host *host,
			  const struct hin_addr *client)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t part[2], h = table->seed ^ (uint64_t)(uintptr_t)host;

	memcpy(part, client->b, sizeof(part));
	for (int i = 0; i < 2; i++) {
		h = (h ^ part[i]) * odd;
		h ^= h >> 29;
		h = h * (table->seed | 1);
		h ^= h >> 32;
	}
	return (uint32_t)h & (BUCKETS - 1);
}

static struct hin_addr source_of(const struct hin_addr *client)
{
	struct hin_addr source = *client;

	if (!hin_addr_is_v4(&source))
		memset(source.b + 8, 0, 8);
	return source;
}

static void unlink_age(struct hin_intruder *i)
{
	struct hin_intruders *table = i->table;

	*(i->newer != NULL ? &i->newer->older : &table->newest) = i->older;
	*(i->older != NULL ? &i->older->newer : &table->oldest) = i->newer;
}

static void link_newest(struct hin_intruder *i)
{
	struct hin_intruders *table = i->table;

	i->newer = NULL;
	i->older = table->newest;
	*(table->newest != NULL ? &table->newest->newer : &table->oldest) = i;
	table->newest = i;
}

static void forget(struct hin_intruder *i)
{
	struct hin_intruders *table = i->table;
	struct hin_intruder **at = &table->buckets[bucket_of(table, i->host, &i->client)];

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	unlink_age(i);
	table->count--;
	table->bytes -= i->counted;
	hin_fs_free(i->fs);
	free(i);
}

void hin_intruders_free(struct hin_intruders *table)
{
	if (table == NULL)
		return;
	while (table->oldest != NULL)
		forget(table->oldest);
	free(table);
}

static void count_bytes(struct hin_intruder *i)
{
	uint64_t bytes = i->fs != NULL ? hin_fs_used(i->fs).bytes : 0;

	i->table->bytes += bytes - i->counted;
	i->counted = bytes;
}

/* Those that are too old go, and for want of room those that were seen longest ago. */
static void make_room(struct hin_intruders *table, int64_t now_us)
{
	const struct hin_intruder_limits *limits = &table->limits;

	for (struct hin_intruder *i = table->oldest, *newer; i != NULL; i = newer) {
		bool crowded = table->count >= limits->most || table->bytes > limits->bytes;
		bool old = limits->keep_us != 0 && now_us - i->seen_us > limits->keep_us;

		newer = i->newer;
		if (!crowded && !old)
			break;
		if (i->sessions > 0)
			continue;
		table->forgotten += crowded && !old;
		forget(i);
	}
}

struct hin_intruder *hin_intruder_take(struct hin_intruders *table, const struct hin_host *host,
				       const struct hin_addr *client, int64_t now_us)
{
	struct hin_addr source = source_of(client);
	struct hin_intruder **bucket = &table->buckets[bucket_of(table, host, &source)];
	struct hin_intruder *i = *bucket;

	while (i != NULL && (i->host != host || !hin_addr_equal(&i->client, &source)))
		i = i->next;
	if (i == NULL) {
		make_room(table, now_us);
		i = calloc(1, sizeof(*i));
		if (i == NULL)
			return NULL;
		*i = (struct hin_intruder){ .table = table,
					    .next = *bucket,
					    .host = host,
					    .client = source,
					    .pid = FIRST_PID };
		*bucket = i;
		link_newest(i);
		table->count++;
	} else if (table->newest != i) {
		unlink_age(i);
		link_newest(i);
	}
	i->seen_us = now_us;
	i->sessions++;
	return i;
}

void hin_intruder_leave(struct hin_intruder *intruder, int64_t now_us)
{
	intruder->seen_us = now_us;
	intruder->sessions--;
	count_bytes(intruder);
}

/* ---- what it has ---- */

struct hin_fs *hin_intruder_fs(struct hin_intruder *intruder)
{
	if (intruder->fs == NULL)
		intruder->fs = hin_host_files(intruder->host);
	return intruder->fs;
}

uint32_t hin_intruder_pid(struct hin_intruder *intruder)
{
	intruder->pid += 7 + intruder->pid % 13;
	if (intruder->pid > LAST_PID)
		intruder->pid = FIRST_PID;
	return intruder->pid;
}

bool hin_intruder_is_new(struct hin_intruder *intruder, const uint8_t sha256[32])
{
	for (int k = 0; k < KNOWN; k++)
		if (memcmp(intruder->known[k], sha256, sizeof(intruder->known[k])) == 0)
			return false;
	memcpy(intruder->known[intruder->known_at], sha256, sizeof(intruder->known[0]));
	intruder->known_at = (uint8_t)((intruder->known_at + 1) % KNOWN);
	return true;
}

uint32_t hin_intruders_count(const struct hin_intruders *table)
{
	return table->count;
}

uint64_t hin_intruders_forgotten(const struct hin_intruders *table)
{
	return table->forgotten;
}
