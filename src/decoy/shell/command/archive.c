/* archive - gzip and tar: what intruders pack and unpack. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "decoy/shell/command/command.h"

#define UNPACKED_MOST ((size_t)4 << 20) /* bytes that one file may become */
#define BLOCK 512u

/* ---- gzip ---- */

/* Unpack; NULL when it is not gzip's, or becomes too much. */
static char *unpack(struct process *p, const char *data, size_t size, size_t *unpacked)
{
	size_t room = size * 4 + 4096 < UNPACKED_MOST ? size * 4 + 4096 : UNPACKED_MOST;
	z_stream z = { .avail_in = (uInt)size };
	char *made = memory_of(p, room), *more;
	int result = Z_OK;

	/* zlib's own memory is given back below: nothing here may die before */
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return NULL;
	z.next_in = (Bytef *)(uintptr_t)data;
	for (;;) {
		z.next_out = (Bytef *)made + z.total_out;
		z.avail_out = (uInt)(room - z.total_out);
		result = inflate(&z, Z_NO_FLUSH);
		if (result != Z_OK || z.avail_out > 0 || room == UNPACKED_MOST)
			break;
		more = memory_try(p, room * 4 < UNPACKED_MOST ? room * 4 : UNPACKED_MOST);
		if (more == NULL)
			break;
		memcpy(more, made, z.total_out);
		made = more;
		room = room * 4 < UNPACKED_MOST ? room * 4 : UNPACKED_MOST;
	}
	*unpacked = z.total_out;
	(void)inflateEnd(&z);
	return result == Z_STREAM_END ? made : NULL;
}

static char *pack(struct process *p, const char *data, size_t size, size_t *packed)
{
	size_t room = compressBound(size) + 64;
	z_stream z = { .avail_in = (uInt)size };
	char *made = memory_of(p, room);
	int result;

	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	z.next_in = (Bytef *)(uintptr_t)data;
	z.next_out = (Bytef *)made;
	z.avail_out = (uInt)room;
	result = deflate(&z, Z_FINISH);
	*packed = z.total_out;
	(void)deflateEnd(&z);
	return result == Z_STREAM_END ? made : NULL;
}

/* Put a file; 0 or a negative errno. */
static int put_file(struct process *p, const char *path, const char *data, size_t size,
		    uint32_t mode)
{
	struct file *file;
	int fault = file_open(p, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, mode, &file);

	if (fault != 0)
		return fault;
	(void)file_owned(p, file);
	if (size > 0)
		fault = file_write(p, file, data, size);
	file_done(p, file);
	return fault;
}

static void remove_file(struct process *p, const char *path)
{
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino;

	if (path_parent(p, path, &folder, name, &ino) == 0 && ino != 0)
		(void)hin_fs_unlink(p->shell->fs, folder, name, now_s(p));
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), last = strlen(end);

	return size > last && strcmp(text + size - last, end) == 0;
}

/* What a packed file is called afterwards; NULL: its name says nothing. */
static const char *unpacked_name(struct process *p, const char *name)
{
	if (ends_with(name, ".tgz"))
		return format_of(p, "%.*s.tar", (int)strlen(name) - 4, name);
	return ends_with(name, ".gz") ? text_of(p, name, strlen(name) - 3) : NULL;
}

static int gzip_one(struct call *call, const char *name, bool back, bool to_output, bool keep)
{
	struct process *p = call->p;
	size_t size, made_size;
	char *data = slurp_name(call, name, &size), *made;
	const char *target = format_of(p, "%s.gz", name);
	int fault;

	if (data == NULL)
		return 1;
	to_output |= strcmp(name, "-") == 0;
	if (back && !to_output) {
		target = unpacked_name(p, name);
		if (target == NULL)
			return is_busybox(p)
				       ? complain(call, "%s: unknown suffix", name)
				       : complain(call, "%s: unknown suffix -- ignored", name) + 1;
	}
	made = back ? unpack(p, data, size, &made_size) : pack(p, data, size, &made_size);
	if (made == NULL)
		return is_busybox(p) ? complain(call, size == 0 ? "short read" : "invalid magic")
				     : complain(call,
						size == 0 ? "%s: unexpected end of file"
							  : "%s: not in gzip format",
						strcmp(name, "-") == 0 ? "stdin" : name);
	if (to_output) {
		out(p, 1, made, made_size);
		return 0;
	}
	fault = put_file(p, target, made, made_size, 0644);
	if (fault != 0)
		return complain(call, "%s: %s", target, error_text(fault));
	if (!keep)
		remove_file(p, name);
	return 0;
}

static int do_gzip(struct call *call)
{
	static char minus[] = "-";
	struct options o = { .call = call,
			     .names =
				     "decompress=d stdout=c keep=k force=f best=9 fast=1 quiet=q" };
	char *only[] = { minus, NULL }, **names;
	bool back = strcmp(call->argv[0], "gzip") != 0, cat = strcmp(call->argv[0], "zcat") == 0;
	int status = 0;

	if (!options_read(&o, "dcfkqvtnN123456789S:l"))
		return 1;
	back |= option_has(&o, 'd') || option_has(&o, 't');
	names = o.at < call->argc ? call->argv + o.at : only;
	for (; *names != NULL; names++)
		status |= gzip_one(call, *names, back,
				   cat || option_has(&o, 'c') || option_has(&o, 't'),
				   option_has(&o, 'k'));
	return status;
}

/* ---- tar ---- */

struct tar {
	struct call *call;
	char action; /* c, x, t */
	bool verbose, packed, keep_paths;
	const char *file, *folder;
	int strip;
	char **names; /* the files that are meant; none: all */
	struct growing out;
	int status;
};

/* The letters of tar stand with a dash or without. */
static bool read_tar(struct tar *t)
{
	struct call *call = t->call;
	int at = 1;

	for (bool first = true; at < call->argc; at++, first = false) {
		const char *word = call->argv[at];

		if (strncmp(word, "--", 2) == 0) {
			if (strncmp(word, "--strip-components=", 19) == 0)
				t->strip = (int)strtol(word + 19, NULL, 10);
			t->packed |= strcmp(word, "--gzip") == 0;
			continue;
		}
		if (word[0] != '-' && !first)
			break;
		for (const char *c = word + (word[0] == '-'); *c != '\0'; c++) {
			if (strchr("cxt", *c) != NULL)
				t->action = *c;
			t->verbose |= *c == 'v';
			t->packed |= *c == 'z' || *c == 'Z';
			if (*c != 'f' && *c != 'C')
				continue;
			if (at + 1 >= call->argc)
				return false;
			if (*c == 'f')
				t->file = call->argv[++at];
			else
				t->folder = call->argv[++at];
		}
	}
	t->names = call->argv + at;
	return t->action != '\0';
}

static uint64_t octal(const char *text, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size && text[i] != '\0'; i++)
		if (text[i] >= '0' && text[i] <= '7')
			value = value * 8 + (uint64_t)(text[i] - '0');
	return value;
}

static bool is_meant(const struct tar *t, const char *name)
{
	if (*t->names == NULL)
		return true;
	for (char **n = t->names; *n != NULL; n++) {
		size_t size = strlen(*n);

		if (strncmp(*n, name, size) == 0 && (name[size] == '\0' || name[size] == '/'))
			return true;
	}
	return false;
}

/* Where a member goes: without what leads out, and so many folders less. */
static const char *member_path(struct tar *t, const char *name)
{
	struct process *p = t->call->p;

	while (*name == '/' || strncmp(name, "../", 3) == 0)
		name += *name == '/' ? 1 : 3;
	for (int i = 0; i < t->strip; i++) {
		const char *slash = strchr(name, '/');

		if (slash == NULL)
			return "";
		name = slash + 1;
	}
	if (strstr(name, "/../") != NULL)
		return "";
	return t->folder != NULL ? joined(p, t->folder, name) : name;
}

/* All folders that lead to a path. */
static void make_folders(struct process *p, const char *path)
{
	char *part = text_of(p, path, strlen(path));

	for (char *at = part + 1; *at != '\0'; at++)
		if (*at == '/') {
			*at = '\0';
			(void)make_folder(p, part, 0777);
			*at = '/';
		}
}

static void extract_member(struct tar *t, const char *header, const char *name, const char *data,
			   size_t size)
{
	struct process *p = t->call->p;
	const char *path = member_path(t, name);
	uint32_t mode = (uint32_t)octal(header + 100, 8) & 07777, ino, folder;
	char last[HIN_FS_NAME_MAX + 1];
	int fault = 0;

	if (path[0] == '\0')
		return;
	make_folders(p, path);
	switch (header[156]) {
	case '5':
		fault = make_folder(p, path, mode);
		fault = fault == -EEXIST ? 0 : fault;
		break;
	case '2':
		if (path_parent(p, path, &folder, last, &ino) == 0 && ino == 0) {
			struct hin_fs_stat stat = { .type = HIN_FS_SYMLINK,
						    .mode = 0777,
						    .uid = p->user.uid,
						    .gid = p->user.gid };

			fault = hin_fs_make(p->shell->fs, folder, last, &stat,
					    text_of(p, header + 157, strnlen(header + 157, 100)),
					    now_s(p), &ino);
		}
		break;
	case '0':
	case '\0':
		fault = put_file(p, path, data, size, mode);
		if (fault == 0 && path_find(p, path, true, &ino) == 0) {
			(void)hin_fs_set_mode(p->shell->fs, ino, mode & ~p->umask);
			(void)hin_fs_set_time(p->shell->fs, ino, (int64_t)octal(header + 136, 12));
		}
		break;
	default:
		break;
	}
	if (fault != 0)
		t->status = complain(t->call, "%s: Cannot open: %s", path, error_text(fault)) + 1;
}

/* One after another; false for what is no archive. */
static bool read_members(struct tar *t, const char *data, size_t size)
{
	struct process *p = t->call->p;
	size_t at = 0;

	while (at + BLOCK <= size && data[at] != '\0') {
		const char *header = data + at;
		uint64_t length = octal(header + 124, 12);
		char *name = text_of(p, header, strnlen(header, 100));

		step(p);
		if (memcmp(header + 257, "ustar", 5) != 0)
			return false;
		if (header[345] != '\0')
			name = format_of(p, "%.*s/%s", (int)strnlen(header + 345, 155),
					 header + 345, name);
		at += BLOCK;
		if (length > size - at)
			length = size - at;
		if (is_meant(t, name)) {
			if (t->verbose || t->action == 't')
				outf(p, "%s\n", name);
			if (t->action == 'x')
				extract_member(t, header, name, data + at, (size_t)length);
		}
		at += (size_t)(length + BLOCK - 1) / BLOCK * BLOCK;
	}
	return size >= BLOCK;
}

/* Octal digits that fill a field but for its last byte. */
static void put_octal(char *field, size_t size, uint64_t value)
{
	field[size - 1] = '\0';
	for (size_t i = size - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static void add_member(struct tar *t, const char *path, unsigned depth)
{
	static const char kinds[] = {
		[HIN_FS_FILE] = '0', [HIN_FS_DIRECTORY] = '5', [HIN_FS_SYMLINK] = '2'
	};
	struct process *p = t->call->p;
	struct hin_fs_stat stat;
	char header[BLOCK] = { 0 }, *data = NULL;
	uint32_t ino, sum = 0;
	size_t size = 0;
	int fault = path_find(p, path, false, &ino);

	step(p);
	if (fault != 0) {
		t->status = complain(t->call, "%s: Cannot stat: %s", path, error_text(fault)) + 1;
		return;
	}
	hin_fs_stat(p->shell->fs, ino, &stat);
	if (stat.type > HIN_FS_SYMLINK || strlen(path) > 98 || (ino & HIN_FS_MADE) != 0 ||
	    depth > 32)
		return;
	if (stat.type == HIN_FS_FILE) {
		data = slurp_name(t->call, path, &size);
		if (data == NULL) {
			t->status = 2;
			return;
		}
	}
	snprintf(header, 100, "%s%s", path + (path[0] == '/'),
		 stat.type == HIN_FS_DIRECTORY && !ends_with(path, "/") ? "/" : "");
	put_octal(header + 100, 8, stat.mode);
	put_octal(header + 108, 8, stat.uid);
	put_octal(header + 116, 8, stat.gid);
	put_octal(header + 124, 12, size);
	put_octal(header + 136, 12, (uint64_t)(stat.mtime_s > 0 ? stat.mtime_s : 0));
	memset(header + 148, ' ', 8);
	header[156] = kinds[stat.type];
	memcpy(header + 257, "ustar\00000", 8);
	if (stat.type == HIN_FS_SYMLINK) {
		size_t bytes;
		const uint8_t *target = hin_fs_bytes(p->shell->fs, ino, &bytes);

		memcpy(header + 157, target, bytes < 99 ? bytes : 99);
	}
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	grow(p, &t->out, header, BLOCK);
	if (size > 0) {
		static const char zeros[BLOCK];

		grow(p, &t->out, data, size);
		grow(p, &t->out, zeros, (BLOCK - size % BLOCK) % BLOCK);
	}
	if (t->verbose)
		outf(p, "%s\n", header);
	if (stat.type == HIN_FS_DIRECTORY) {
		struct fields names = names_of(p, ino);

		for (size_t i = 0; i < names.count; i++)
			add_member(t, joined(p, path, names.items[i]), depth + 1);
	}
}

static int create_archive(struct tar *t)
{
	static const char zeros[BLOCK * 2];
	struct process *p = t->call->p;
	char *data;
	size_t size;
	int fault;

	if (*t->names == NULL)
		return is_busybox(p)
			       ? complain(t->call, "empty archive")
			       : complain(t->call, "Cowardly refusing to create an empty "
						   "archive\nTry 'tar --help' or 'tar --usage' for "
						   "more information.") +
					 1;
	for (char **n = t->names; *n != NULL; n++) {
		if ((*n)[0] == '/' && n == t->names)
			errf(p, is_busybox(p) ? "tar: removing leading '/' from member names\n"
					      : "tar: Removing leading `/' from member names\n");
		add_member(t, *n, 0);
	}
	grow(p, &t->out, zeros, sizeof(zeros));
	data = t->out.data;
	size = t->out.size;
	if (t->packed)
		data = pack(p, data, size, &size);
	if (data == NULL)
		return 2;
	if (t->file == NULL || strcmp(t->file, "-") == 0) {
		out(p, 1, data, size);
		return t->status;
	}
	fault = put_file(p, t->file, data, size, 0666);
	return fault == 0
		       ? t->status
		       : complain(t->call, "%s: Cannot open: %s", t->file, error_text(fault)) + 1;
}

static int do_tar(struct call *call)
{
	struct process *p = call->p;
	struct tar t = { .call = call };
	char *data, *more;
	size_t size;

	if (!read_tar(&t)) {
		if (is_busybox(p))
			return tell_usage(call, false);
		errf(p, "tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' "
			"options\nTry 'tar --help' or 'tar --usage' for more information.\n");
		return 2;
	}
	if (t.action == 'c')
		return create_archive(&t);
	if (t.file != NULL && strcmp(t.file, "-") != 0 && !is_busybox(p)) {
		struct file *file;
		int fault = file_open(p, t.file, OPEN_READ, 0, &file);

		if (fault != 0) {
			errf(p,
			     "tar: %s: Cannot open: %s\ntar: Error is not recoverable: exiting "
			     "now\n",
			     t.file, error_text(fault));
			return 2;
		}
		file_close(p->shell, file);
	}
	data = slurp_name(call, t.file != NULL ? t.file : "-", &size);
	if (data == NULL)
		return is_busybox(p) ? 1 : 2;
	more = size > 2 && (unsigned char)data[0] == 0x1f ? unpack(p, data, size, &size) : data;
	if (more != NULL && read_members(&t, more, size))
		return t.status;
	if (is_busybox(p))
		return complain(call, "invalid tar magic");
	if (t.packed && more == NULL)
		errf(p, "\ngzip: stdin: not in gzip format\ntar: Child returned status 1\ntar: "
			"Error is not "
			"recoverable: exiting now\n");
	else
		errf(p, "tar: This does not look like a tar archive\ntar: Exiting with failure "
			"status due "
			"to previous errors\n");
	return 2;
}

const struct command archive_commands[] = {
	{ "gunzip", do_gzip, false }, { "gzip", do_gzip, false }, { "tar", do_tar, false },
	{ "zcat", do_gzip, false },   { NULL, NULL, false },
};
