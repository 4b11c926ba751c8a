/* roster_file - the file: a chain of lines that only grows, one writer at a time; see roster_priv.h
 */
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
#include "trust/roster_priv.h"

#define HEAD "hinomi roster 1\n"
#define PIECE 65536u /* read at once */

/* The digest of all lines up to this one, without the digest that it shows itself. */
static void extend(uint8_t out[32], const uint8_t before[32], const char *text, size_t size)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, before, 32);
	crypto_hash_sha256_update(&state, (const uint8_t *)text, size);
	crypto_hash_sha256_final(&state, out);
}

/* Room for the mark of one more line. */
static bool fit_marks(struct hin_roster *r)
{
	size_t more = r->mark_room > 0 ? r->mark_room * 2 : 256;
	void *moved;

	if (r->line < r->mark_room)
		return true;
	moved = reallocarray(r->marks, more, sizeof(*r->marks));
	if (moved == NULL)
		return false;
	r->marks = moved;
	r->mark_room = more;
	return true;
}

/* Take one line of `size` bytes without its newline. */
static enum hin_code read_line(struct hin_roster *r, const char *line, size_t size,
			       struct hin_error *err)
{
	uint8_t shown[ROSTER_MARK], next[32];
	char text[ROSTER_LINE];
	size_t body;

	if (size >= sizeof(text) || size < 2 * ROSTER_MARK + 2 || memchr(line, '\0', size) != NULL)
		return hin_fail(err, HIN_EFORMAT, "%s:%zu: this is no line of a roster", r->path,
				r->line + 1);
	body = size - 2 * ROSTER_MARK - 1;
	memcpy(text, line, size);
	text[size] = '\0';
	extend(next, r->chain, text, body);
	if (text[body] != ' ' || !roster_read_hex(shown, ROSTER_MARK, text + body + 1) ||
	    memcmp(shown, next, ROSTER_MARK) != 0)
		return hin_fail(err, HIN_EVERIFY,
				"%s:%zu: the digest is wrong: this line or one before was changed; "
				"restore the file",
				r->path, r->line + 1);
	text[body] = '\0';
	if (!fit_marks(r))
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", r->path);
	if (!roster_take_act(r, text))
		return hin_fail(err, HIN_EFORMAT, "%s:%zu: this act cannot be read", r->path,
				r->line + 1);
	memcpy(r->chain, next, sizeof(next));
	memcpy(r->marks[r->line], next, ROSTER_MARK);
	r->line++;
	r->offset += size + 1;
	return HIN_OK;
}

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
		if (code == HIN_OK && !more && (size_t)n >= ROSTER_LINE)
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
	free(r->changed);
	free(r->marks);
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
enum hin_code roster_begin(struct hin_roster *r, struct hin_error *err)
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

/* Each line with the digest of itself and all before it, as it goes into the file. */
static enum hin_code chain_lines(const struct hin_roster *r, struct hin_buffer *out,
				 const char *lines, size_t size, struct hin_error *err)
{
	uint8_t chain[32], next[32];
	char hex[2 * ROSTER_MARK + 1];

	memcpy(chain, r->chain, sizeof(chain));
	while (size > 0) {
		const char *newline = memchr(lines, '\n', size);
		size_t length = newline != NULL ? (size_t)(newline - lines) : size;

		if (newline == NULL || length + 2 * ROSTER_MARK + 2 > ROSTER_LINE)
			return hin_fail(err, HIN_ELIMIT, "a line of %s is too long", r->path);
		extend(next, chain, lines, length);
		sodium_bin2hex(hex, sizeof(hex), next, ROSTER_MARK);
		hin_buffer_add(out, lines, length);
		hin_buffer_printf(out, " %s\n", hex);
		memcpy(chain, next, sizeof(chain));
		lines += length + 1;
		size -= length + 1;
	}
	return out->failed ? hin_fail(err, HIN_ENOMEM, "no memory for %s", r->path) : HIN_OK;
}

static enum hin_code write_all(struct hin_roster *r, const char *data, size_t size,
			       struct hin_error *err)
{
	size_t done = 0;
	enum hin_code code = HIN_OK;

	while (done < size && code == HIN_OK) {
		ssize_t wrote = pwrite(r->fd, data + done, size - done, (off_t)(r->offset + done));

		if (wrote == -1 && errno == EINTR)
			continue;
		if (wrote <= 0)
			code = hin_fail(err, HIN_ESYS, "write %s", r->path);
		else
			done += (size_t)wrote;
	}
	if (code == HIN_OK && fdatasync(r->fd) != 0)
		code = hin_fail(err, HIN_ESYS, "sync %s", r->path);
	if (code != HIN_OK && ftruncate(r->fd, (off_t)r->offset) != 0)
		(void)0; /* it is torn then, and the next writer cuts it */
	return code;
}

enum hin_code roster_finish_all(struct hin_roster *r, const char *lines, size_t size,
				struct hin_error *err)
{
	struct hin_buffer out = { 0 };
	enum hin_code code = chain_lines(r, &out, lines, size, err);

	if (code == HIN_OK)
		code = write_all(r, out.data, out.used, err);
	if (code == HIN_OK)
		code = read_lines(r, err);
	if (out.data != NULL)
		explicit_bzero(out.data, out.used);
	hin_buffer_fini(&out);
	(void)flock(r->fd, LOCK_UN);
	return code;
}

enum hin_code roster_finish(struct hin_roster *r, const char *text, struct hin_error *err)
{
	char line[ROSTER_LINE];
	int n = snprintf(line, sizeof(line), "%s\n", text);
	enum hin_code code;

	if (n < 0 || (size_t)n >= sizeof(line))
		return roster_give_up(
			r, hin_fail(err, HIN_ELIMIT, "a line of %s is too long", r->path));
	code = roster_finish_all(r, line, (size_t)n, err);
	explicit_bzero(line, sizeof(line));
	return code;
}

enum hin_code roster_give_up(struct hin_roster *r, enum hin_code code)
{
	(void)flock(r->fd, LOCK_UN);
	return code;
}
