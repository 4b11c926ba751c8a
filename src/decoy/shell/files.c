/* files - open files, pipes and output of an imitated shell. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

#define SLURP_MOST ((size_t)8 << 20)

static int64_t now_s(const struct process *p)
{
	return now_us(p) / 1000000;
}

/* ---- open files ---- */

struct file *file_new(struct process *p, enum file_type type)
{
	struct file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		process_die(p, 128 + 9);
	f->type = type;
	f->refs = 1;
	return f;
}

struct file *file_ref(struct file *f)
{
	f->refs++;
	return f;
}

/* A file was closed that something was written to. */
static void tell_written(const struct hin_shell *shell, const struct file *f)
{
	struct hin_shell_event event = { .kind = HIN_SHELL_FILE, .ino = f->ino, .file = f->path };

	if (shell->settings.event != NULL && f->path != NULL)
		shell->settings.event(shell->settings.user_data, &event);
}

/* A file with a tag of the machine's own is read: it may be one that was planted. */
static void tell_read(const struct hin_shell *shell, const struct hin_fs_stat *stat)
{
	struct hin_shell_event event = { .kind = HIN_SHELL_READ, .ino = stat->ino };

	if (shell->settings.event != NULL && stat->tag >= HIN_SHELL_TAGS)
		shell->settings.event(shell->settings.user_data, &event);
}

void file_close(struct hin_shell *shell, struct file *f)
{
	if (f == NULL || --f->refs > 0)
		return;
	switch (f->type) {
	case FILE_PIPE_READ:
		f->channel->readers--;
		break;
	case FILE_PIPE_WRITE:
		f->channel->writers--;
		break;
	case FILE_FS:
		if (f->written)
			tell_written(shell, f);
		hin_fs_drop(shell->fs, f->ino);
		break;
	default:
		break;
	}
	free(f->path);
	if ((f->type == FILE_PIPE_READ || f->type == FILE_PIPE_WRITE) &&
	    f->channel->readers + f->channel->writers == 0) {
		hin_buffer_fini(&f->channel->data);
		free(f->channel);
	}
	hin_buffer_fini(&f->text);
	free(f);
}

struct file *file_owned(struct process *p, struct file *f)
{
	if (p->owned == NULL)
		p->owned = calloc(OWNED, sizeof(struct file *));
	for (unsigned i = 0; p->owned != NULL && i < OWNED; i++)
		if (p->owned[i] == NULL) {
			p->owned[i] = f;
			return f;
		}
	file_close(p->shell, f);
	process_die(p, 128 + 9);
}

void file_done(struct process *p, struct file *f)
{
	for (unsigned i = 0; f != NULL && p->owned != NULL && i < OWNED; i++)
		if (p->owned[i] == f) {
			p->owned[i] = NULL;
			file_close(p->shell, f);
			return;
		}
}

bool pipe_new(struct process *p, struct file **reads, struct file **writes)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return false;
	c->readers = c->writers = 1;
	*reads = file_new(p, FILE_PIPE_READ);
	*writes = file_new(p, FILE_PIPE_WRITE);
	(*reads)->channel = (*writes)->channel = c;
	(*reads)->readable = (*writes)->writable = true;
	return true;
}

/* The device that `stat` is, as a file; FILE_FS when it is none that we know. */
static enum file_type device_of(const struct hin_fs_stat *stat)
{
	if (stat->type != HIN_FS_CHARACTER)
		return FILE_FS;
	if (stat->major == 5 || stat->major == 4 || stat->major == 136) /* a terminal */
		return FILE_INPUT;
	switch (stat->major << 8 | stat->minor) {
	case 1 << 8 | 3:
		return FILE_NULL;
	case 1 << 8 | 5:
		return FILE_ZERO;
	case 1 << 8 | 7:
		return FILE_FULL;
	case 1 << 8 | 8:
	case 1 << 8 | 9:
		return FILE_RANDOM;
	default:
		return FILE_FS;
	}
}

/* /dev/stdin and its kin: the descriptor that they name, or -1. */
static int descriptor_of(const char *path)
{
	static const char *const names[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };

	for (int i = 0; i < 3; i++)
		if (strcmp(path, names[i]) == 0)
			return i;
	if ((strncmp(path, "/dev/fd/", 8) == 0 && path[8] >= '0' && path[8] <= '9' &&
	     path[9] == '\0'))
		return path[8] - '0';
	return -1;
}

static int create(struct process *p, uint32_t folder, const char *name, uint32_t mode,
		  uint32_t *ino)
{
	struct hin_fs_stat stat = { .type = HIN_FS_FILE,
				    .mode = mode & ~p->umask & 07777,
				    .uid = p->user.uid,
				    .gid = p->user.gid };

	if (!hin_fs_may(p->shell->fs, &p->user, folder, 3))
		return -EACCES;
	return hin_fs_make(p->shell->fs, folder, name, &stat, NULL, now_s(p), ino);
}

/* Find the file that is to be opened, or make it. */
static int find_or_create(struct process *p, const char *path, unsigned how, uint32_t mode,
			  uint32_t *ino)
{
	struct hin_fs *fs = p->shell->fs;
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder;
	int fault = hin_fs_find(fs, &p->user, p->folder, path, true, ino);

	if (fault == 0)
		return (how & OPEN_EXCLUSIVE) && (how & OPEN_CREATE) ? -EEXIST : 0;
	if (fault != -ENOENT || (how & OPEN_CREATE) == 0)
		return fault;
	fault = hin_fs_find_parent(fs, &p->user, p->folder, path, &folder, name, ino);
	if (fault != 0)
		return fault;
	if (*ino != 0) /* a link to what is not there */
		return -ENOENT;
	if (path[strlen(path) - 1] == '/')
		return -EISDIR;
	return create(p, folder, name, mode, ino);
}

/* Are the bytes of the file made when it is read? */
static bool is_generated(uint32_t ino, const struct hin_fs_stat *stat)
{
	return (ino & HIN_FS_MADE) != 0 ||
	       (stat->tag >= HIN_SHELL_TAGS && stat->tag < PROGRAM_COPIES);
}

int file_open(struct process *p, const char *path, unsigned how, uint32_t mode, struct file **out)
{
	struct hin_fs *fs = p->shell->fs;
	struct hin_fs_stat stat;
	struct file *f;
	uint32_t ino;
	int fd = descriptor_of(path), fault;

	if (fd != -1) {
		if (p->fds[fd] == NULL)
			return -ENXIO;
		*out = file_ref(p->fds[fd]);
		return 0;
	}
	fault = find_or_create(p, path, how, mode, &ino);
	if (fault != 0)
		return fault;
	hin_fs_stat(fs, ino, &stat);
	if (stat.type == HIN_FS_DIRECTORY && (how & OPEN_WRITE))
		return -EISDIR;
	if (!hin_fs_may(fs, &p->user, ino,
			((how & OPEN_READ) ? 4u : 0u) | ((how & OPEN_WRITE) ? 2u : 0u)))
		return -EACCES;
	if (stat.type != HIN_FS_FILE && stat.type != HIN_FS_DIRECTORY &&
	    device_of(&stat) == FILE_FS)
		return -ENXIO;
	if ((how & OPEN_TRUNCATE) && stat.type == HIN_FS_FILE && (ino & HIN_FS_MADE) == 0 &&
	    (stat.size > 0 || stat.tag != 0)) {
		fault = hin_fs_truncate(fs, ino, 0, now_s(p));
		if (fault != 0)
			return fault;
	}
	if (device_of(&stat) == FILE_INPUT && !p->shell->settings.terminal.is_terminal)
		return -ENXIO;
	f = file_new(p, device_of(&stat));
	if (f->type == FILE_INPUT) {
		f->channel = &p->shell->input;
		f->number = 1;
	}
	if (is_generated(ino, &stat) && stat.type == HIN_FS_FILE) {
		f->type = (how & OPEN_WRITE) ? FILE_NULL : FILE_TEXT;
		if ((how & OPEN_WRITE) == 0) {
			hin_shell_generate(fs, p->shell->machine, ino, &f->text);
			tell_read(p->shell, &stat);
		}
	}
	if (f->type == FILE_FS && (how & OPEN_WRITE) && p->shell->settings.event != NULL) {
		f->path = strdup(absolute_path(p, path));
		f->written = (how & OPEN_TRUNCATE) != 0;
	}
	f->readable = (how & OPEN_READ) != 0;
	f->writable = (how & OPEN_WRITE) != 0;
	f->append = (how & OPEN_APPEND) != 0;
	f->ino = ino;
	if (f->type == FILE_FS)
		hin_fs_hold(fs, ino);
	*out = f;
	return 0;
}

/* ---- reading and writing ---- */

static int64_t channel_read(struct process *p, struct file *f, void *data, size_t size)
{
	struct channel *c = f->channel;

	while (c->data.used == c->at) {
		if (c->writers == 0)
			return 0;
		if (c == &p->shell->input && p->shell->input_ended) {
			p->shell->input_ended = false; /* ^D: the end, once */
			return 0;
		}
		task_block(p, TASK_READS, f, 0);
	}
	if (size > c->data.used - c->at)
		size = c->data.used - c->at;
	memcpy(data, c->data.data + c->at, size);
	c->at += size;
	if (c->at == c->data.used) {
		hin_buffer_reset(&c->data);
		c->at = 0;
	}
	return (int64_t)size;
}

static int64_t fs_read(struct process *p, struct file *f, void *data, size_t size)
{
	struct hin_fs_stat stat;
	const uint8_t *bytes;
	size_t stored, kept = 0;

	hin_fs_stat(p->shell->fs, f->ino, &stat);
	if (stat.type == HIN_FS_DIRECTORY)
		return -EISDIR;
	if (f->offset >= stat.size)
		return 0;
	if (size > stat.size - f->offset)
		size = (size_t)(stat.size - f->offset);
	bytes = hin_fs_bytes(p->shell->fs, f->ino, &stored);
	if (f->offset < stored)
		kept = stored - (size_t)f->offset < size ? stored - (size_t)f->offset : size;
	if (kept > 0)
		memcpy(data, bytes + f->offset, kept);
	memset((uint8_t *)data + kept, 0, size - kept);
	f->offset += size;
	return (int64_t)size;
}

/* Bytes that look random and are the same for the same place: nobody's randomness hangs on them. */
static void random_bytes(struct file *f, uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t x = (f->offset++ + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uintptr_t)f;

		x ^= x >> 29;
		x *= UINT64_C(0xbf58476d1ce4e5b9);
		data[i] = (uint8_t)(x >> 56);
	}
}

int64_t file_read(struct process *p, struct file *f, void *data, size_t size)
{
	step(p);
	if (f == NULL || !f->readable)
		return -EBADF;
	switch (f->type) {
	case FILE_FS:
		return fs_read(p, f, data, size);
	case FILE_PIPE_READ:
	case FILE_INPUT:
		return channel_read(p, f, data, size);
	case FILE_TEXT:
		if (size > f->text.used - f->offset)
			size = f->text.used - (size_t)f->offset;
		if (size > 0)
			memcpy(data, f->text.data + f->offset, size);
		f->offset += size;
		return (int64_t)size;
	case FILE_ZERO:
	case FILE_FULL:
		memset(data, 0, size);
		return (int64_t)size;
	case FILE_RANDOM:
		random_bytes(f, data, size);
		return (int64_t)size;
	case FILE_NULL:
		return 0;
	case FILE_PIPE_WRITE:
	case FILE_OUTPUT:
	case FILE_CAPTURE:
		break;
	}
	return -EBADF;
}

static int channel_write(struct process *p, struct file *f, const uint8_t *data, size_t size)
{
	struct channel *c = f->channel;

	while (size > 0) {
		size_t room = PIPE_ROOM - (c->data.used - c->at), n = size < room ? size : room;

		if (c->readers == 0)
			process_die(p, 128 + 13);
		if (n == 0) {
			task_block(p, TASK_WRITES, f, 0);
			continue;
		}
		if (c->at > 0) { /* what was read makes room */
			memmove(c->data.data, c->data.data + c->at, c->data.used - c->at);
			c->data.used -= c->at;
			c->at = 0;
		}
		hin_buffer_add(&c->data, data, n);
		if (c->data.failed)
			process_die(p, 128 + 9);
		data += n;
		size -= n;
	}
	return 0;
}

int file_write(struct process *p, struct file *f, const void *data, size_t size)
{
	struct hin_fs_stat stat;
	int fault;

	step(p);
	if (f == NULL || !f->writable)
		return -EBADF;
	switch (f->type) {
	case FILE_FS:
		if (f->append) {
			hin_fs_stat(p->shell->fs, f->ino, &stat);
			f->offset = stat.size;
		}
		fault = hin_fs_write(p->shell->fs, f->ino, f->offset, data, size, now_s(p));
		if (fault == 0)
			f->offset += size;
		f->written = true;
		return fault;
	case FILE_PIPE_WRITE:
		return channel_write(p, f, data, size);
	case FILE_INPUT:
	case FILE_OUTPUT:
		p->shell->settings.output(p->shell->settings.user_data, f->number, data, size);
		return 0;
	case FILE_CAPTURE:
		if (f->text.used + size > p->shell->settings.limits.captured_bytes) {
			p->shell->killed++;
			process_die(p, 128 + 9);
		}
		hin_buffer_add(&f->text, data, size);
		return f->text.failed ? -ENOSPC : 0;
	case FILE_FULL:
		return -ENOSPC;
	case FILE_NULL:
	case FILE_ZERO:
	case FILE_RANDOM:
		return 0;
	case FILE_TEXT:
	case FILE_PIPE_READ:
		break;
	}
	return -EBADF;
}

/* ---- output ---- */

void out(struct process *p, int fd, const void *data, size_t size)
{
	if (size > 0)
		(void)file_write(p, p->fds[fd], data, size);
}

void outs(struct process *p, const char *text)
{
	out(p, 1, text, strlen(text));
}

static void output_formatted(struct process *p, int fd, const char *fmt, va_list args)
	HIN_PRINTF(3, 0);

static void output_formatted(struct process *p, int fd, const char *fmt, va_list args)
{
	struct piece *mark = p->pieces;
	char small[512], *text = small;
	va_list again;
	int size;

	va_copy(again, args);
	size = vsnprintf(small, sizeof(small), fmt, args);
	if (size >= (int)sizeof(small)) {
		text = memory_of(p, (size_t)size + 1);
		(void)vsnprintf(text, (size_t)size + 1, fmt, again);
	}
	va_end(again);
	if (size > 0)
		out(p, fd, text, (size_t)size);
	memory_back(p, mark);
}

void outf(struct process *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	output_formatted(p, 1, fmt, args);
	va_end(args);
}

void errf(struct process *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	output_formatted(p, 2, fmt, args);
	va_end(args);
}

char *file_slurp(struct process *p, struct file *f, size_t *size)
{
	size_t room = 4096, used = 0;
	char *text = memory_of(p, room + 1);

	for (;;) {
		int64_t got = file_read(p, f, text + used, room - used);

		if (got <= 0)
			break;
		used += (size_t)got;
		if (used == room) {
			char *more;

			if (room >= SLURP_MOST) {
				p->shell->killed++;
				process_die(p, 128 + 9);
			}
			more = memory_of(p, room * 2 + 1);
			memcpy(more, text, used);
			text = more;
			room *= 2;
		}
	}
	text[used] = '\0';
	*size = used;
	return text;
}
