/* roster - see roster.h */
#include "trust/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/number.h"

#define HEAD "hinomi roster 1\n"
#define LINE 512	  /* longest line, with its newline */
#define WORDS 10	  /* most words of a line */
#define CHAIN ((size_t)8) /* bytes of the digest that a line shows */
#define PIECE 65536u	  /* read at once */

/* Positions of sensors or codes by id: open addressing. Ids are digests or drawn at random. */
struct id_index {
	uint32_t *slots; /* position + 1, 0 = free */
	size_t size;	 /* a power of two, or 0 */
};

struct hin_roster {
	char *path;
	int fd;
	uint64_t offset; /* read so far, whole lines */
	size_t line;	 /* number of the last of them */
	uint8_t chain[32];

	struct hin_roster_sensor *sensors;
	size_t sensor_count, sensor_room;
	struct hin_roster_code *codes;
	size_t code_count, code_room;
	struct id_index by_sensor, by_code;
};

bool hin_roster_is_name(const char *name)
{
	size_t size = strlen(name);

	if (size == 0 || size >= HIN_ROSTER_NAME)
		return false;
	for (size_t i = 0; i < size; i++) {
		bool plain =
			(name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');

		if (!plain && (i == 0 || strchr("-_.", name[i]) == NULL))
			return false;
	}
	return true;
}

/* ---- what is known ---- */

static void *grow(void *items, size_t *room, size_t count, size_t item, size_t limit)
{
	size_t more = *room > 0 ? *room * 2 : 16;
	void *moved;

	if (count < *room)
		return items;
	if (count >= limit)
		return NULL;
	moved = reallocarray(items, more, item);
	if (moved != NULL)
		*room = more;
	return moved;
}

/* The slot of `id` or the free one where it belongs. Items begin with their id. */
static size_t slot_of(const struct id_index *index, const void *items, size_t item, const void *id,
		      size_t id_size)
{
	uint64_t hash;
	size_t at;

	memcpy(&hash, id, sizeof(hash));
	at = (size_t)(hash * 0x9e3779b97f4a7c15u >> 20) & (index->size - 1);
	while (index->slots[at] != 0 &&
	       memcmp((const char *)items + (index->slots[at] - 1) * item, id, id_size) != 0)
		at = (at + 1) & (index->size - 1);
	return at;
}

/* The position of `id`, or SIZE_MAX. */
static size_t index_find(const struct id_index *index, const void *items, size_t item,
			 const void *id, size_t id_size)
{
	size_t at;

	if (index->size == 0)
		return SIZE_MAX;
	at = slot_of(index, items, item, id, id_size);
	return index->slots[at] != 0 ? index->slots[at] - 1 : SIZE_MAX;
}

/* Make room for one more of `count` items; false without memory. */
static bool index_fit(struct id_index *index, const void *items, size_t item, size_t id_size,
		      size_t count)
{
	struct id_index wider = { .size = index->size > 0 ? index->size * 2 : 64 };

	if (2 * (count + 1) <= index->size)
		return true;
	wider.slots = calloc(wider.size, sizeof(*wider.slots));
	if (wider.slots == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		wider.slots[slot_of(&wider, items, item, (const char *)items + i * item, id_size)] =
			(uint32_t)i + 1;
	free(index->slots);
	*index = wider;
	return true;
}

static struct hin_roster_sensor *find_sensor(const struct hin_roster *r, const uint8_t id[16])
{
	size_t at = index_find(&r->by_sensor, r->sensors, sizeof(*r->sensors), id, 16);

	return at != SIZE_MAX ? &r->sensors[at] : NULL;
}

static struct hin_roster_code *find_code(const struct hin_roster *r, const uint8_t id[HIN_CODE_ID])
{
	size_t at = index_find(&r->by_code, r->codes, sizeof(*r->codes), id, HIN_CODE_ID);

	return at != SIZE_MAX ? &r->codes[at] : NULL;
}

static struct hin_roster_sensor *new_sensor(struct hin_roster *r, const uint8_t id[16])
{
	struct hin_roster_sensor *moved;
	size_t at;

	moved = grow(r->sensors, &r->sensor_room, r->sensor_count, sizeof(*moved),
		     HIN_ROSTER_SENSORS);
	if (moved == NULL)
		return NULL;
	r->sensors = moved;
	if (!index_fit(&r->by_sensor, moved, sizeof(*moved), 16, r->sensor_count))
		return NULL;
	at = slot_of(&r->by_sensor, moved, sizeof(*moved), id, 16);
	moved += r->sensor_count++;
	*moved = (struct hin_roster_sensor){ 0 };
	memcpy(moved->id, id, 16);
	r->by_sensor.slots[at] = (uint32_t)r->sensor_count;
	return moved;
}

static bool new_code(struct hin_roster *r, const struct hin_roster_code *code)
{
	struct hin_roster_code *moved =
		grow(r->codes, &r->code_room, r->code_count, sizeof(*moved), UINT32_MAX / 2);

	if (moved == NULL)
		return false;
	r->codes = moved;
	if (!index_fit(&r->by_code, moved, sizeof(*moved), HIN_CODE_ID, r->code_count))
		return false;
	r->by_code.slots[slot_of(&r->by_code, moved, sizeof(*moved), code->id, HIN_CODE_ID)] =
		(uint32_t)r->code_count + 1;
	moved[r->code_count++] = *code;
	return true;
}

/* ---- lines ---- */

static bool read_hex(uint8_t *out, size_t size, const char *text)
{
	size_t used = 0;

	return strlen(text) == 2 * size &&
	       sodium_hex2bin(out, size, text, 2 * size, NULL, &used, NULL) == 0 && used == size;
}

static bool read_s(int64_t *out, const char *text)
{
	return hin_number_i64(out, "time", text, 0, INT64_MAX / 1000000000, NULL) == HIN_OK;
}

static bool read_name(char out[HIN_ROSTER_NAME], const char *text)
{
	if (!hin_roster_is_name(text))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool read_serial(char out[33], const char *text)
{
	size_t size = strlen(text);

	if (size == 0 || size > 32 || strspn(text, "0123456789abcdef") != size)
		return false;
	memcpy(out, text, size + 1);
	return true;
}

/* "code ID NAME EXPIRES SECRET" */
static bool take_code(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_code code = { .made_s = when_s };

	if (!read_hex(code.id, HIN_CODE_ID, w[0]) || !read_name(code.name, w[1]) ||
	    !read_s(&code.expires_s, w[2]) || !read_hex(code.secret, HIN_CODE_SECRET, w[3]) ||
	    find_code(r, code.id) != NULL)
		return false;
	return new_code(r, &code);
}

/* "try ID" */
static bool take_try(struct hin_roster *r, int64_t when_s, char *const *w)
{
	uint8_t id[HIN_CODE_ID];
	struct hin_roster_code *code;

	(void)when_s;
	code = read_hex(id, sizeof(id), w[0]) ? find_code(r, id) : NULL;
	if (code == NULL)
		return false;
	if (++code->tries >= HIN_ROSTER_TRIES && code->state == HIN_CODE_OPEN)
		code->state = HIN_CODE_VOID;
	return true;
}

/* "join CODE SENSOR KEY SERIAL EXPIRES" */
static bool take_join(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor fresh = { .joined_s = when_s, .renewed_s = when_s }, *sensor;
	uint8_t id[HIN_CODE_ID];
	struct hin_roster_code *code;

	code = read_hex(id, sizeof(id), w[0]) ? find_code(r, id) : NULL;
	if (code == NULL || !read_hex(fresh.id, 16, w[1]) ||
	    !read_hex(fresh.public_key, 32, w[2]) || !read_serial(fresh.serial, w[3]) ||
	    !read_s(&fresh.expires_s, w[4]))
		return false;
	memcpy(fresh.name, code->name, sizeof(fresh.name));
	sensor = find_sensor(r, fresh.id);
	if (sensor == NULL)
		sensor = new_sensor(r, fresh.id);
	if (sensor == NULL)
		return false;
	*sensor = fresh;
	code->state = HIN_CODE_USED;
	memcpy(code->sensor, fresh.id, 16);
	return true;
}

/* "renew SENSOR SERIAL EXPIRES" */
static bool take_renewal(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor *sensor;
	uint8_t id[16];

	sensor = read_hex(id, sizeof(id), w[0]) ? find_sensor(r, id) : NULL;
	if (sensor == NULL)
		return false;
	sensor->renewed_s = when_s;
	return read_serial(sensor->serial, w[1]) && read_s(&sensor->expires_s, w[2]);
}

/* "revoke SENSOR" */
static bool take_revocation(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor *sensor;
	uint8_t id[16];

	sensor = read_hex(id, sizeof(id), w[0]) ? find_sensor(r, id) : NULL;
	if (sensor == NULL)
		return false;
	sensor->revoked_s = when_s > 0 ? when_s : 1;
	return true;
}

/* "void CODE" */
static bool take_void(struct hin_roster *r, int64_t when_s, char *const *w)
{
	uint8_t id[HIN_CODE_ID];
	struct hin_roster_code *code;

	(void)when_s;
	code = read_hex(id, sizeof(id), w[0]) ? find_code(r, id) : NULL;
	if (code == NULL)
		return false;
	if (code->state == HIN_CODE_OPEN)
		code->state = HIN_CODE_VOID;
	return true;
}

static bool take_line(struct hin_roster *r, char *text)
{
	static const struct {
		const char *verb;
		size_t words;
		bool (*take)(struct hin_roster *r, int64_t when_s, char *const *words);
	} acts[] = {
		{ "code", 4, take_code },	  { "try", 1, take_try },
		{ "join", 5, take_join },	  { "renew", 3, take_renewal },
		{ "revoke", 1, take_revocation }, { "void", 1, take_void },
	};
	char *words[WORDS], *rest = NULL;
	size_t count = 0;
	int64_t when_s;

	for (char *w = strtok_r(text, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
		if (count == WORDS)
			return false;
		words[count++] = w;
	}
	if (count < 2 || !read_s(&when_s, words[0]))
		return false;
	for (size_t i = 0; i < HIN_COUNT(acts); i++)
		if (strcmp(acts[i].verb, words[1]) == 0 && acts[i].words == count - 2)
			return acts[i].take(r, when_s, words + 2);
	return false;
}

/* The digest of all lines up to this one, without the digest that it shows itself. */
static void extend(uint8_t out[32], const uint8_t before[32], const char *text, size_t size)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, before, 32);
	crypto_hash_sha256_update(&state, (const uint8_t *)text, size);
	crypto_hash_sha256_final(&state, out);
}

/* Take one line of `size` bytes without its newline. */
static enum hin_code read_line(struct hin_roster *r, const char *line, size_t size,
			       struct hin_error *err)
{
	uint8_t shown[CHAIN], next[32];
	char text[LINE];
	size_t body;

	if (size >= sizeof(text) || size < 2 * CHAIN + 2 || memchr(line, '\0', size) != NULL)
		return hin_fail(err, HIN_EFORMAT, "%s:%zu: this is no line of a roster", r->path,
				r->line + 1);
	body = size - 2 * CHAIN - 1;
	memcpy(text, line, size);
	text[size] = '\0';
	extend(next, r->chain, text, body);
	if (text[body] != ' ' || !read_hex(shown, CHAIN, text + body + 1) ||
	    memcmp(shown, next, CHAIN) != 0)
		return hin_fail(err, HIN_EVERIFY,
				"%s:%zu: the digest is wrong: this line or one before was changed; "
				"restore the file",
				r->path, r->line + 1);
	text[body] = '\0';
	if (!take_line(r, text))
		return hin_fail(err, HIN_EFORMAT, "%s:%zu: this act cannot be read", r->path,
				r->line + 1);
	memcpy(r->chain, next, sizeof(next));
	r->line++;
	r->offset += size + 1;
	return HIN_OK;
}

/* ---- the file ---- */

static enum hin_code lock(struct hin_roster *r, int how, struct hin_error *err)
{
	while (flock(r->fd, how) != 0)
		if (errno != EINTR)
			return hin_fail(err, HIN_ESYS, "lock %s", r->path);
	return HIN_OK;
}

/* Read whole lines from r->offset on; what is behind the last newline stays unread. */
static enum hin_code read_lines(struct hin_roster *r, struct hin_error *err)
{
	struct hin_buffer piece = { 0 };
	enum hin_code code = HIN_OK;
	bool more = true;

	while (code == HIN_OK && more) {
		char *at = hin_buffer_reserve(&piece, PIECE), *newline, *line;
		ssize_t n = at != NULL ? pread(r->fd, at, PIECE, (off_t)r->offset) : -1;

		if (at == NULL) {
			code = hin_fail(err, HIN_ENOMEM, "no memory for %s", r->path);
			break;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			code = hin_fail(err, HIN_ESYS, "read %s", r->path);
			break;
		}
		more = false;
		for (line = at; code == HIN_OK; line = newline + 1) {
			newline = memchr(line, '\n', (size_t)(at + n - line));
			if (newline == NULL)
				break;
			code = read_line(r, line, (size_t)(newline - line), err);
			more = true;
		}
		if (code == HIN_OK && !more && (size_t)n >= LINE)
			code = hin_fail(err, HIN_EFORMAT, "%s:%zu: this line is too long", r->path,
					r->line + 1);
		hin_buffer_reset(&piece);
	}
	hin_buffer_fini(&piece);
	return code;
}

static enum hin_code check_head(struct hin_roster *r, struct hin_error *err)
{
	char head[sizeof(HEAD)] = "";
	struct stat st;

	if (fstat(r->fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "stat %s", r->path);
	if (st.st_mode & 077)
		return hin_fail(err, HIN_EDENIED, "%s is open to others (mode %03o): chmod 600 it",
				r->path, st.st_mode & 0777);
	if (pread(r->fd, head, strlen(HEAD), 0) != (ssize_t)strlen(HEAD) || strcmp(head, HEAD) != 0)
		return hin_fail(err, HIN_EFORMAT, "%s is no roster", r->path);
	r->offset = strlen(HEAD);
	r->line = 1;
	crypto_hash_sha256(r->chain, (const uint8_t *)HEAD, strlen(HEAD));
	return HIN_OK;
}

/* Read the lines that were added since the last time. */
static enum hin_code read_new(struct hin_roster *r, struct hin_error *err)
{
	struct stat st;
	enum hin_code code;

	if (fstat(r->fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "stat %s", r->path);
	if ((uint64_t)st.st_size == r->offset)
		return HIN_OK;
	if ((uint64_t)st.st_size < r->offset || (uint64_t)st.st_size > HIN_ROSTER_BYTES)
		return hin_fail(err, HIN_EVERIFY, "%s has %lld bytes; %llu were read before",
				r->path, (long long)st.st_size, (unsigned long long)r->offset);
	code = lock(r, LOCK_SH, err);
	if (code != HIN_OK)
		return code;
	code = read_lines(r, err);
	(void)flock(r->fd, LOCK_UN);
	return code;
}

enum hin_code hin_roster_create(const char *path, struct hin_error *err)
{
	if (access(path, F_OK) == 0) {
		errno = EEXIST;
		return hin_fail(err, HIN_ESYS, "create %s", path);
	}
	return hin_file_replace(path, HEAD, strlen(HEAD), 0600, err);
}

enum hin_code hin_roster_open(struct hin_roster **out, const char *path, struct hin_error *err)
{
	struct hin_roster *r = calloc(1, sizeof(*r));
	enum hin_code code;

	if (sodium_init() < 0) {
		free(r);
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	}
	if (r != NULL)
		r->fd = -1;
	if (r == NULL || (r->path = strdup(path)) == NULL) {
		hin_roster_close(r);
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", path);
	}
	r->fd = open(path, O_RDWR | O_CLOEXEC);
	if (r->fd == -1)
		code = errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s does not exist", path)
				       : hin_fail(err, HIN_ESYS, "open %s", path);
	else
		code = check_head(r, err);
	if (code == HIN_OK)
		code = read_new(r, err);
	if (code == HIN_OK) {
		*out = r;
		r = NULL;
	}
	hin_roster_close(r);
	return code;
}

void hin_roster_close(struct hin_roster *r)
{
	if (r == NULL)
		return;
	if (r->fd != -1)
		close(r->fd);
	if (r->codes != NULL)
		explicit_bzero(r->codes, r->code_room * sizeof(*r->codes));
	free(r->codes);
	free(r->sensors);
	free(r->by_sensor.slots);
	free(r->by_code.slots);
	free(r->path);
	free(r);
}

/* When another file has taken its place (a restored one), read that one. */
static enum hin_code follow(struct hin_roster *r, struct hin_error *err)
{
	struct hin_roster *fresh = NULL, old;
	struct stat mine, there;
	enum hin_code code;

	if (fstat(r->fd, &mine) != 0 || stat(r->path, &there) != 0)
		return hin_fail(err, HIN_ESYS, "stat %s", r->path);
	if (mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
		return HIN_OK;
	code = hin_roster_open(&fresh, r->path, err);
	if (fresh == NULL)
		return code;
	old = *r;
	*r = *fresh;
	*fresh = old;
	hin_roster_close(fresh);
	return HIN_OK;
}

enum hin_code hin_roster_refresh(struct hin_roster *r, struct hin_error *err)
{
	enum hin_code code = follow(r, err);

	return code == HIN_OK ? read_new(r, err) : code;
}

/* Lock, and read what others wrote; what a crash tore is cut off. */
static enum hin_code begin(struct hin_roster *r, struct hin_error *err)
{
	enum hin_code code = follow(r, err);
	struct stat st;

	if (code == HIN_OK)
		code = lock(r, LOCK_EX, err);
	if (code != HIN_OK)
		return code;
	code = read_lines(r, err);
	if (code == HIN_OK && fstat(r->fd, &st) != 0)
		code = hin_fail(err, HIN_ESYS, "stat %s", r->path);
	if (code == HIN_OK && (uint64_t)st.st_size != r->offset &&
	    ftruncate(r->fd, (off_t)r->offset) != 0)
		code = hin_fail(err, HIN_ESYS, "cut the torn end of %s", r->path);
	if (code != HIN_OK)
		(void)flock(r->fd, LOCK_UN);
	return code;
}

/* Write a line and sync it, and only then do what it says. Ends what begin() began. */
static enum hin_code finish(struct hin_roster *r, const char *text, struct hin_error *err)
{
	char line[LINE], hex[2 * CHAIN + 1];
	uint8_t next[32];
	enum hin_code code = HIN_OK;
	size_t done = 0, size;
	int n;

	extend(next, r->chain, text, strlen(text));
	sodium_bin2hex(hex, sizeof(hex), next, CHAIN);
	n = snprintf(line, sizeof(line), "%s %s\n", text, hex);
	if (n < 0 || (size_t)n >= sizeof(line)) {
		code = hin_fail(err, HIN_ELIMIT, "a line of %s is too long", r->path);
		goto out;
	}
	size = (size_t)n;
	while (done < size) {
		ssize_t wrote = pwrite(r->fd, line + done, size - done, (off_t)(r->offset + done));

		if (wrote == -1 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			code = hin_fail(err, HIN_ESYS, "write %s", r->path);
			break;
		}
		done += (size_t)wrote;
	}
	if (code == HIN_OK && fdatasync(r->fd) != 0)
		code = hin_fail(err, HIN_ESYS, "sync %s", r->path);
	if (code != HIN_OK && ftruncate(r->fd, (off_t)r->offset) != 0)
		(void)0; /* it is torn then, and the next writer cuts it */
	if (code == HIN_OK)
		code = read_line(r, line, size - 1, err);
out:
	explicit_bzero(line, sizeof(line));
	(void)flock(r->fd, LOCK_UN);
	return code;
}

static enum hin_code give_up(struct hin_roster *r, enum hin_code code)
{
	(void)flock(r->fd, LOCK_UN);
	return code;
}

/* ---- acts ---- */

enum hin_code hin_roster_add_code(struct hin_roster *r, const struct hin_join_code *code,
				  const char *name, int64_t expires_s, int64_t now_s,
				  struct hin_error *err)
{
	char text[LINE], id[2 * HIN_CODE_ID + 1], secret[2 * HIN_CODE_SECRET + 1];
	size_t open_codes = 0;
	enum hin_code rc;

	if (!hin_roster_is_name(name))
		return hin_fail(err, HIN_EFORMAT,
				"\"%.70s\" is no name for a sensor: 1-%d of a-z, 0-9, - _ and .",
				name, HIN_ROSTER_NAME - 1);
	rc = begin(r, err);
	if (rc != HIN_OK)
		return rc;
	for (size_t i = 0; i < r->sensor_count; i++)
		if (r->sensors[i].revoked_s == 0 && strcmp(r->sensors[i].name, name) == 0)
			return give_up(r, hin_fail(err, HIN_EDENIED,
						   "a sensor \"%s\" has joined already: revoke it "
						   "first, or take another name",
						   name));
	for (size_t i = 0; i < r->code_count; i++) {
		const struct hin_roster_code *c = &r->codes[i];

		if (c->state != HIN_CODE_OPEN || c->expires_s <= now_s)
			continue;
		if (strcmp(c->name, name) == 0)
			return give_up(r, hin_fail(err, HIN_EDENIED,
						   "a code for \"%s\" is still open: use it, or "
						   "revoke it",
						   name));
		open_codes++;
	}
	if (open_codes >= HIN_ROSTER_CODES || r->sensor_count >= HIN_ROSTER_SENSORS)
		return give_up(r, hin_fail(err, HIN_ELIMIT,
					   "%d codes are open, or %d sensors joined: no more fit",
					   HIN_ROSTER_CODES, HIN_ROSTER_SENSORS));
	sodium_bin2hex(id, sizeof(id), code->id, HIN_CODE_ID);
	sodium_bin2hex(secret, sizeof(secret), code->secret, HIN_CODE_SECRET);
	snprintf(text, sizeof(text), "%lld code %s %s %lld %s", (long long)now_s, id, name,
		 (long long)expires_s, secret);
	rc = finish(r, text, err);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

enum hin_code hin_roster_add_try(struct hin_roster *r, const uint8_t id[HIN_CODE_ID], int64_t now_s,
				 struct hin_error *err)
{
	char text[LINE], hex[2 * HIN_CODE_ID + 1];
	const struct hin_roster_code *code;
	enum hin_code rc = begin(r, err);

	if (rc != HIN_OK)
		return rc;
	code = find_code(r, id);
	if (code == NULL || code->state != HIN_CODE_OPEN)
		return give_up(r, HIN_OK); /* nothing to note */
	sodium_bin2hex(hex, sizeof(hex), id, HIN_CODE_ID);
	snprintf(text, sizeof(text), "%lld try %s", (long long)now_s, hex);
	return finish(r, text, err);
}

enum hin_code hin_roster_add_sensor(struct hin_roster *r, const uint8_t code_id[HIN_CODE_ID],
				    const uint8_t public_key[32], const char *serial,
				    int64_t expires_s, int64_t now_s, struct hin_error *err)
{
	char text[LINE], code_hex[2 * HIN_CODE_ID + 1], id_hex[33], key_hex[65];
	const struct hin_roster_sensor *sensor;
	const struct hin_roster_code *code;
	uint8_t id[32];
	enum hin_code rc = begin(r, err);

	if (rc != HIN_OK)
		return rc;
	crypto_hash_sha256(id, public_key, 32);
	code = find_code(r, code_id);
	sensor = find_sensor(r, id);
	if (code == NULL || code->state == HIN_CODE_VOID || code->expires_s <= now_s ||
	    (code->state == HIN_CODE_USED && memcmp(code->sensor, id, 16) != 0))
		return give_up(r, hin_fail(err, HIN_EDENIED,
					   "the code is unknown, used, void or expired: ask for a "
					   "new one"));
	if (sensor != NULL && (sensor->revoked_s != 0 || strcmp(sensor->name, code->name) != 0))
		return give_up(r, hin_fail(err, HIN_EDENIED,
					   "this sensor's key is revoked, or has joined under "
					   "another name: join with a new folder"));
	sodium_bin2hex(code_hex, sizeof(code_hex), code_id, HIN_CODE_ID);
	sodium_bin2hex(id_hex, sizeof(id_hex), id, 16);
	sodium_bin2hex(key_hex, sizeof(key_hex), public_key, 32);
	snprintf(text, sizeof(text), "%lld join %s %s %s %s %lld", (long long)now_s, code_hex,
		 id_hex, key_hex, serial, (long long)expires_s);
	return finish(r, text, err);
}

enum hin_code hin_roster_add_renewal(struct hin_roster *r, const uint8_t id[16], const char *serial,
				     int64_t expires_s, int64_t now_s, struct hin_error *err)
{
	const struct hin_roster_sensor *sensor;
	char text[LINE], hex[33];
	enum hin_code rc = begin(r, err);

	if (rc != HIN_OK)
		return rc;
	sensor = find_sensor(r, id);
	if (sensor == NULL)
		return give_up(r, hin_fail(err, HIN_ENOENT, "no such sensor"));
	if (sensor->revoked_s != 0)
		return give_up(r, hin_fail(err, HIN_EDENIED, "this sensor is revoked"));
	sodium_bin2hex(hex, sizeof(hex), id, 16);
	snprintf(text, sizeof(text), "%lld renew %s %s %lld", (long long)now_s, hex, serial,
		 (long long)expires_s);
	return finish(r, text, err);
}

/* The line that revokes what `name_or_id` names: a sensor, or else an open code. */
static bool find_target(const struct hin_roster *r, const char *name_or_id, int64_t now_s,
			char text[LINE])
{
	char hex[33];

	for (size_t i = r->sensor_count; i > 0; i--) {
		const struct hin_roster_sensor *s = &r->sensors[i - 1];

		sodium_bin2hex(hex, sizeof(hex), s->id, 16);
		if (s->revoked_s != 0 ||
		    (strcmp(s->name, name_or_id) != 0 && strcmp(hex, name_or_id) != 0))
			continue;
		snprintf(text, LINE, "%lld revoke %s", (long long)now_s, hex);
		return true;
	}
	for (size_t i = r->code_count; i > 0; i--) {
		const struct hin_roster_code *c = &r->codes[i - 1];

		sodium_bin2hex(hex, sizeof(hex), c->id, HIN_CODE_ID);
		if (c->state != HIN_CODE_OPEN ||
		    (strcmp(c->name, name_or_id) != 0 && strcmp(hex, name_or_id) != 0))
			continue;
		snprintf(text, LINE, "%lld void %s", (long long)now_s, hex);
		return true;
	}
	return false;
}

enum hin_code hin_roster_revoke(struct hin_roster *r, const char *name_or_id, int64_t now_s,
				struct hin_error *err)
{
	char text[LINE];
	enum hin_code rc = begin(r, err);

	if (rc != HIN_OK)
		return rc;
	if (!find_target(r, name_or_id, now_s, text))
		return give_up(r, hin_fail(err, HIN_ENOENT,
					   "no sensor and no open code is called \"%.70s\": see "
					   "hinomi trust list",
					   name_or_id));
	return finish(r, text, err);
}

const struct hin_roster_sensor *hin_roster_sensor(const struct hin_roster *r, const uint8_t id[16])
{
	return find_sensor(r, id);
}

const struct hin_roster_code *hin_roster_code(const struct hin_roster *r,
					      const uint8_t id[HIN_CODE_ID])
{
	return find_code(r, id);
}

const struct hin_roster_sensor *hin_roster_sensors(const struct hin_roster *r, size_t *count)
{
	*count = r->sensor_count;
	return r->sensors;
}

const struct hin_roster_code *hin_roster_codes(const struct hin_roster *r, size_t *count)
{
	*count = r->code_count;
	return r->codes;
}
