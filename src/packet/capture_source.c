#include "packet/capture_source_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet/capture_digest_priv.h"

#define PIECE ((size_t)256 * 1024)     /* of a window: it should stay in the second-level cache */
#define LEAST_ROOM ((size_t)16 * 1024) /* with less room a new window is begun */
#define PEEK_PIECE ((size_t)16 * 1024)
#define RAW_PIECE ((size_t)64 * 1024)
#define RATIO_FROM (UINT64_C(64) * 1024 * 1024) /* less may expand as it likes */

static bool is_stdin(const struct hin_source *s)
{
	return strcmp(s->path, "-") == 0;
}

/* Note why no more can come. The text is ours and libraries', never of a file. */
static enum hin_fill HIN_PRINTF(3, 4)
	give_up(struct hin_source *s, enum hin_capture_fault fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->reason, sizeof(s->reason), fmt, args);
	va_end(args);
	s->fault = fault;
	return HIN_FILL_FAULT;
}

static int open_path(const struct hin_source *s)
{
	/* Not blocking, as a named pipe without a writer would. */
	return is_stdin(s) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			   : open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

enum hin_code hin_source_open(struct hin_source *s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	struct stat st;
	int fd = open_path(s);

	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "%s", s->path);
	if (fstat(fd, &st) == -1) {
		code = hin_fail(err, HIN_ESYS, "%s", s->path);
		goto out;
	}
	if (S_ISDIR(st.st_mode)) {
		code = HIN_EUSAGE;
		goto out;
	}
	s->pipe = !S_ISREG(st.st_mode) || (is_stdin(s) && lseek(fd, 0, SEEK_CUR) != 0);
	s->keep = s->keep || s->pipe || s->follow || is_stdin(s);
	s->device = st.st_dev;
	s->inode = st.st_ino;
	s->file_size = s->pipe ? 0 : (uint64_t)st.st_size;
	if (s->keep) {
		s->fd = fd;
		fd = -1;
	}
out:
	if (fd != -1)
		close(fd);
	return code;
}

int hin_source_lend(struct hin_source *s)
{
	struct stat st;
	int fd = s->fd;

	if (fd != -1)
		return fd;
	fd = open_path(s);
	if (fd == -1 || fstat(fd, &st) == -1) {
		if (!s->follow) /* else it may come back */
			give_up(s, HIN_FAULT_READ, "cannot be opened: %s", strerror(errno));
		goto failed;
	}
	if (s->follow) { /* whatever has the name now is what to follow */
		s->device = st.st_dev;
		s->inode = st.st_ino;
		s->fd = fd;
	} else if (st.st_dev != s->device || st.st_ino != s->inode) {
		give_up(s, HIN_FAULT_REPLACED, "another file has taken its name");
		goto failed;
	}
	return fd;
failed:
	if (fd != -1)
		close(fd);
	return -1;
}

void hin_source_return(const struct hin_source *s, int fd)
{
	if (fd != -1 && fd != s->fd)
		close(fd);
}

/* The followed file has nothing more: is it still the one to follow? */
static enum hin_fill at_end_of_followed(struct hin_source *s)
{
	struct stat named, held;
	bool replaced = !is_stdin(s) && stat(s->path, &named) == 0 &&
			(named.st_dev != s->device || named.st_ino != s->inode);

	/* In this order: what was written before the change of names is still read. */
	if (fstat(s->fd, &held) == -1)
		return give_up(s, HIN_FAULT_READ, "%s", strerror(errno));
	if ((uint64_t)held.st_size > s->raw_offset)
		return HIN_FILL_OK;
	if ((uint64_t)held.st_size < s->raw_offset)
		give_up(s, HIN_FAULT_SHRANK, "became shorter while followed, started anew");
	else if (replaced)
		give_up(s, HIN_FAULT_REPLACED, "was replaced while followed, started anew");
	else
		return HIN_FILL_WAIT;
	return HIN_FILL_AGAIN;
}

/* Feed what was read at raw_offset; a look at the start may have fed some of it before. */
static void feed_digest(struct hin_source *s, const uint8_t *bytes, size_t size)
{
	uint64_t end = s->raw_offset + size;

	if (s->digest == NULL || end <= s->digested)
		return;
	hin_digest_add(s->digest, bytes + (s->digested - s->raw_offset),
		       (size_t)(end - s->digested));
	s->digested = end;
}

static enum hin_fill read_file(struct hin_source *s, uint8_t *to, size_t room, size_t *got)
{
	enum hin_fill result = HIN_FILL_OK;
	ssize_t size;
	int fd;

	if (!s->follow && room > s->file_size - s->raw_offset)
		room = (size_t)(s->file_size - s->raw_offset);
	if (room == 0) {
		s->raw_whole = true;
		return HIN_FILL_OK;
	}
	fd = hin_source_lend(s);
	if (fd == -1)
		return s->follow ? HIN_FILL_WAIT : HIN_FILL_FAULT;
	do
		size = pread(fd, to, room, (off_t)s->raw_offset);
	while (size == -1 && errno == EINTR);
	if (size > 0)
		*got = (size_t)size;
	else if (size == -1)
		result = give_up(s, HIN_FAULT_READ, "%s", strerror(errno));
	else if (s->follow)
		result = at_end_of_followed(s);
	else
		result = give_up(s, HIN_FAULT_SHRANK, "became shorter while it was read");
	hin_source_return(s, fd);
	return result;
}

static enum hin_fill read_pipe(struct hin_source *s, uint8_t *to, size_t room, size_t *got)
{
	struct pollfd ready = { .fd = s->fd, .events = POLLIN };
	ssize_t size;

	/* Whoever gave us the pipe may not want it to be non-blocking: ask first. */
	if (poll(&ready, 1, 0) == 0)
		return HIN_FILL_WAIT;
	size = read(s->fd, to, room);
	if (size == -1 && (errno == EINTR || errno == EAGAIN))
		return HIN_FILL_WAIT;
	if (size == -1)
		return give_up(s, HIN_FAULT_READ, "%s", strerror(errno));
	if (size == 0)
		s->raw_whole = true;
	*got = (size_t)size;
	return HIN_FILL_OK;
}

/* Read raw bytes to `to`. OK with `*got` 0 means: look again, `raw_whole` may be set now. */
static enum hin_fill read_raw(struct hin_source *s, uint8_t *to, size_t room, size_t *got)
{
	enum hin_fill result;

	*got = 0;
	result = s->pipe ? read_pipe(s, to, room, got) : read_file(s, to, room, got);
	feed_digest(s, to, *got);
	s->raw_offset += *got;
	return result;
}

/* See the first bytes and decide how the rest is read. */
static enum hin_fill begin(struct hin_source *s)
{
	if (s->raw == NULL) {
		s->raw = malloc(RAW_PIECE);
		if (s->raw == NULL)
			return HIN_FILL_NOMEM;
	}
	while (s->raw_end < HIN_INFLATE_MAGIC && !s->raw_whole) {
		size_t got;
		size_t room = s->pipe ? RAW_PIECE : HIN_INFLATE_MAGIC;
		enum hin_fill result = read_raw(s, s->raw + s->raw_end, room - s->raw_end, &got);

		s->raw_end += got;
		if (result != HIN_FILL_OK)
			return result;
	}
	s->packing = hin_inflate_detect(s->raw, s->raw_end);
	if (s->packing != HIN_INFLATE_NONE && s->inflate == NULL) {
		s->inflate = hin_inflate_new(s->packing);
		if (s->inflate == NULL)
			return HIN_FILL_NOMEM;
	}
	s->begun = true;
	return HIN_FILL_OK;
}

static enum hin_fill check_limits(struct hin_source *s)
{
	uint64_t used = s->raw_offset - (s->raw_end - s->raw_pos);

	if (s->expanded > RATIO_FROM && s->expanded / s->max_ratio > used)
		return give_up(s, HIN_FAULT_LIMIT,
			       "expands to more than %u times its size: a decompression bomb?",
			       s->max_ratio);
	if (s->max_expanded != 0 && s->expanded > s->max_expanded)
		return give_up(s, HIN_FAULT_LIMIT, "expands to more than %llu bytes",
			       (unsigned long long)s->max_expanded);
	return HIN_FILL_OK;
}

/* Unpack into the room after `end`. */
static enum hin_fill unpack(struct hin_source *s, uint8_t *to, size_t room)
{
	struct hin_inflate_io io;
	enum hin_inflate_result result;

	if (s->raw_pos == s->raw_end && !s->raw_whole) {
		size_t got;
		enum hin_fill read = read_raw(s, s->raw, RAW_PIECE, &got);

		s->raw_pos = 0;
		s->raw_end = got;
		if (read != HIN_FILL_OK)
			return read;
	}
	io = (struct hin_inflate_io){ .in = s->raw + s->raw_pos,
				      .in_left = s->raw_end - s->raw_pos,
				      .out = to,
				      .out_left = room };
	result = hin_inflate_run(s->inflate, &io, s->raw_whole);
	s->raw_pos = s->raw_end - io.in_left;
	s->end += room - io.out_left;
	s->expanded += room - io.out_left;
	switch (result) {
	case HIN_INFLATE_MORE:
		return check_limits(s);
	case HIN_INFLATE_END:
		s->whole = true;
		return HIN_FILL_OK;
	case HIN_INFLATE_CUT:
		return give_up(s, HIN_FAULT_CUT, "the %s data ends too early",
			       hin_inflate_name(s->packing));
	case HIN_INFLATE_DAMAGED:
		return give_up(s, HIN_FAULT_BAD_STREAM, "damaged %s data: %s",
			       hin_inflate_name(s->packing), hin_inflate_reason(s->inflate));
	case HIN_INFLATE_TOO_BIG:
		return give_up(s, HIN_FAULT_LIMIT, "the %s data cannot be unpacked: %s",
			       hin_inflate_name(s->packing), hin_inflate_reason(s->inflate));
	case HIN_INFLATE_NOMEM:
		break;
	}
	return give_up(s, HIN_FAULT_READ, "not enough memory to unpack");
}

/* Put more plain bytes after `end`. OK without any means: look again, `whole` may be set now. */
static enum hin_fill produce(struct hin_source *s)
{
	uint8_t *to = s->window->start + (s->end - s->window->start);
	size_t room = (size_t)(s->window->start + s->window->size - to);
	size_t got = s->raw_end - s->raw_pos;
	enum hin_fill result = HIN_FILL_OK;

	if (s->packing != HIN_INFLATE_NONE)
		return unpack(s, to, room);
	if (got > 0) {
		got = got < room ? got : room;
		memcpy(to, s->raw + s->raw_pos, got);
		s->raw_pos += got;
	} else if (s->raw_whole) {
		s->whole = true;
	} else {
		result = read_raw(s, to, room, &got);
	}
	s->end += got;
	return result;
}

/* Have a window on the heap with room for `want` bytes from `pos` on. */
static bool make_room(struct hin_source *s, size_t want, bool peek)
{
	size_t have = (size_t)(s->end - s->pos);
	size_t least = want - have > LEAST_ROOM ? want - have : LEAST_ROOM;
	size_t piece = peek ? PEEK_PIECE : PIECE;
	struct hin_window *fresh;

	if (s->window != NULL && (size_t)(s->window->start + s->window->size - s->end) >= least)
		return true;
	fresh = hin_window_new(have + least > piece ? have + least : piece,
			       s->window != NULL ? hin_source_offset(s) : 0);
	if (fresh == NULL)
		return false;
	if (have > 0)
		memcpy(fresh->start, s->pos, have);
	hin_window_unref(s->window);
	s->window = fresh;
	s->pos = fresh->start;
	s->end = fresh->start + have;
	return true;
}

enum hin_fill hin_source_fill(struct hin_source *s, size_t want, bool peek)
{
	if (!s->begun) {
		enum hin_fill result = s->fault == HIN_FAULT_NONE ? begin(s) : HIN_FILL_FAULT;

		if (result != HIN_FILL_OK)
			return result;
	}
	if (!make_room(s, want, peek))
		return HIN_FILL_NOMEM;
	while ((size_t)(s->end - s->pos) < want) {
		enum hin_fill result;

		if (s->whole)
			return HIN_FILL_LAST;
		if (s->fault != HIN_FAULT_NONE)
			return HIN_FILL_FAULT;
		result = produce(s);
		/* What came with a fault is used up first. */
		if (result != HIN_FILL_OK && result != HIN_FILL_FAULT)
			return result;
	}
	return HIN_FILL_OK;
}

uint64_t hin_source_offset(const struct hin_source *s)
{
	return s->window != NULL ? s->window->offset + (uint64_t)(s->pos - s->window->start) : 0;
}

uint64_t hin_source_done(const struct hin_source *s)
{
	return s->raw_offset - (s->raw_end - s->raw_pos);
}

/* Free all but what names the file. */
static void drop_bytes(struct hin_source *s)
{
	hin_window_unref(s->window);
	hin_inflate_free(s->inflate);
	free(s->raw);
	s->window = NULL;
	s->inflate = NULL;
	s->raw = NULL;
	s->pos = s->end = NULL;
}

bool hin_source_digest_rest(struct hin_source *s)
{
	uint8_t *piece;
	int fd;

	if (s->digested == s->file_size)
		return true;
	piece = malloc(RAW_PIECE);
	fd = piece == NULL ? -1 : hin_source_lend(s);
	while (fd != -1 && s->digested < s->file_size) {
		size_t want = s->file_size - s->digested < RAW_PIECE
				      ? (size_t)(s->file_size - s->digested)
				      : RAW_PIECE;
		ssize_t got = pread(fd, piece, want, (off_t)s->digested);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		hin_digest_add(s->digest, piece, (size_t)got);
		s->digested += (uint64_t)got;
	}
	hin_source_return(s, fd);
	free(piece);
	return s->digested == s->file_size;
}

void hin_source_rewind(struct hin_source *s)
{
	drop_bytes(s);
	if (s->follow && s->fault == HIN_FAULT_REPLACED && s->fd != -1) {
		close(s->fd);
		s->fd = -1;
	}
	s->whole = s->begun = s->raw_whole = false;
	s->packing = HIN_INFLATE_NONE;
	s->raw_pos = s->raw_end = 0;
	s->raw_offset = s->expanded = 0;
	s->fault = HIN_FAULT_NONE;
	s->reason[0] = '\0';
}

void hin_source_fini(struct hin_source *s)
{
	drop_bytes(s);
	hin_digest_free(s->digest);
	s->digest = NULL;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}
