/* persona_files - the list of a persona's files becomes an image. doc/personas.md has the format.
 */
#include <elf.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/number.h"
#include "decoy/host/persona_priv.h"

#define HEADERS 33     /* powers of two that a size has */
#define HEADER_SIZE 64 /* bytes of the largest ELF header */
#define ELF_MIN 4096   /* bytes; what is smaller is no program */

#define OTHERS 16		 /* personas that are asked for the same files */
#define THERE "is there already" /* as hin_fs_image_add() says it */

/* A list on its way. */
struct files {
	struct hin_persona *p;
	struct hin_fs *const *others; /* of other personas, whose bytes may be lent */
	size_t other_count;
	const char *name;
	bool first; /* of the persona's lists */
	unsigned line;
	char folder[HIN_FS_PATH_MAX];
	size_t folder_size;
	size_t package_room;
	struct hin_error *err;
	uint8_t *headers[2][HEADERS]; /* of programs and libraries, by size; made once each */
	/* the file that is read */
	char *content;
	size_t content_size;
};

static enum hin_code refuse(const struct files *f, enum hin_code code, const char *fmt, ...)
	HIN_PRINTF(3, 4);

static enum hin_code refuse(const struct files *f, enum hin_code code, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return hin_fail(f->err, code, "%s:%u: %s", f->name, f->line, text);
}

/* ---- programs ---- */

static const struct {
	const char *hardware;
	uint16_t machine;
	unsigned bits;
	bool big;
	uint32_t flags;
} processors[] = {
	{ "x86_64", EM_X86_64, 64, false, 0 },
	{ "aarch64", EM_AARCH64, 64, false, 0 },
	{ "i686", EM_386, 32, false, 0 },
	{ "armv7l", EM_ARM, 32, false, 0x05000400 },
	{ "armv5tejl", EM_ARM, 32, false, 0x05000200 },
	{ "mips", EM_MIPS, 32, true, 0x70001007 },
	{ "mipsel", EM_MIPS, 32, false, 0x70001007 },
	{ "ppc", EM_PPC, 32, true, 0 },
};

static uint16_t order16(bool big, uint16_t v)
{
	return big ? htobe16(v) : htole16(v);
}

static uint32_t order32(bool big, uint32_t v)
{
	return big ? htobe32(v) : htole32(v);
}

/* The first bytes of a program of that processor (ELF, gABI 4.1); returns how many. */
static size_t elf_header(uint8_t out[HEADER_SIZE], const char *hardware, uint64_t size,
			 bool library)
{
	size_t i = 0;

	while (i + 1 < HIN_COUNT(processors) && strcmp(processors[i].hardware, hardware) != 0)
		i++;
	if (strcmp(processors[i].hardware, hardware) != 0)
		i = 0;
	memset(out, 0, HEADER_SIZE);
	if (processors[i].bits == 64) {
		Elf64_Ehdr h = { .e_type = htole16(ET_DYN),
				 .e_machine = htole16(processors[i].machine),
				 .e_version = htole32(EV_CURRENT),
				 .e_entry = library ? 0 : htole64(size / 8 & ~(uint64_t)15),
				 .e_phoff = htole64(64),
				 .e_shoff = htole64((size - 29 * 64) & ~(uint64_t)7),
				 .e_ehsize = htole16(64),
				 .e_phentsize = htole16(56),
				 .e_phnum = htole16(library ? 9 : 13),
				 .e_shentsize = htole16(64),
				 .e_shnum = htole16(29),
				 .e_shstrndx = htole16(28) };

		memcpy(h.e_ident,
		       (uint8_t[]){ 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, 7);
		memcpy(out, &h, sizeof(h));
		return sizeof(h);
	}
	bool big = processors[i].big;
	Elf32_Ehdr h = { .e_type = order16(big, library ? ET_DYN : ET_EXEC),
			 .e_machine = order16(big, processors[i].machine),
			 .e_version = order32(big, EV_CURRENT),
			 .e_entry = order32(big, library ? 0 : 0x400140),
			 .e_phoff = order32(big, 52),
			 .e_shoff = order32(big, (uint32_t)(size - 1000) & ~3u),
			 .e_flags = order32(big, processors[i].flags),
			 .e_ehsize = order16(big, 52),
			 .e_phentsize = order16(big, 32),
			 .e_phnum = order16(big, 8),
			 .e_shentsize = order16(big, 40),
			 .e_shnum = order16(big, 25),
			 .e_shstrndx = order16(big, 24) };

	memcpy(h.e_ident,
	       (uint8_t[]){ 0x7f, 'E', 'L', 'F', ELFCLASS32, big ? ELFDATA2MSB : ELFDATA2LSB,
			    EV_CURRENT },
	       7);
	memcpy(out, &h, sizeof(h));
	return sizeof(h);
}

/* ---- fields ---- */

/* Cut the next word off `*at`, or NULL. */
static char *word(char **at)
{
	char *start = *at;
	size_t size = strcspn(start, " ");

	if (size == 0)
		return NULL;
	*at = start + size;
	if (**at == ' ')
		*(*at)++ = '\0';
	return start;
}

static bool octal(const char *text, uint32_t *out)
{
	uint32_t value = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '7' || c - text > 4)
			return false;
		value = value * 8 + (uint32_t)(*c - '0');
	}
	*out = value;
	return text[0] != '\0' && value <= 07777;
}

/* "MODE UID:GID TIME" into `stat`. */
static enum hin_code read_attributes(const struct files *f, char **at, struct hin_fs_stat *stat)
{
	char *mode = word(at), *owner = word(at), *time = word(at), *colon;
	uint64_t uid, gid, seconds;
	struct hin_error err;

	if (mode == NULL || owner == NULL || time == NULL || (colon = strchr(owner, ':')) == NULL ||
	    !octal(mode, &stat->mode))
		return refuse(f, HIN_EFORMAT,
			      "MODE UID:GID TIME is wanted, such as 644 0:0 1700000000");
	*colon = '\0';
	if (hin_number_u64(&uid, "user ID", owner, 0, UINT32_MAX, &err) != HIN_OK ||
	    hin_number_u64(&gid, "group ID", colon + 1, 0, UINT32_MAX, &err) != HIN_OK ||
	    hin_number_u64(&seconds, "time", time, 0, UINT32_MAX, &err) != HIN_OK)
		return refuse(f, err.code, "%s", err.text);
	stat->uid = (uint32_t)uid;
	stat->gid = (uint32_t)gid;
	stat->mtime_s = (int64_t)seconds;
	return HIN_OK;
}

/* ---- lines ---- */

static enum hin_code add(struct files *f, const char *name, const struct hin_fs_stat *stat,
			 const void *data, size_t size, bool lend)
{
	size_t name_size = strlen(name);
	struct hin_error err;
	enum hin_code code;

	if (name_size == 0 || name_size > HIN_FS_NAME_MAX || strchr(name, '/') != NULL)
		return refuse(f, HIN_EFORMAT, "\"%.60s\" is no name of a file", name);
	if (f->folder_size == 0)
		return refuse(f, HIN_EFORMAT, "a file stands before the first folder");
	if (f->folder_size + name_size + 2 > sizeof(f->folder))
		return refuse(f, HIN_ELIMIT, "a path is longer than %zu bytes", sizeof(f->folder));
	if (f->p->file_count++ == PERSONA_FILES_MAX)
		return refuse(f, HIN_ELIMIT, "more than %d files", PERSONA_FILES_MAX);
	memcpy(f->folder + f->folder_size, name, name_size + 1);
	code = lend ? hin_fs_image_lend(f->p->image, f->folder, stat, data, size, &err)
		    : hin_fs_image_add(f->p->image, f->folder, stat, data, size, &err);
	f->folder[f->folder_size] = '\0';
	if (code == HIN_EUSAGE && !f->first && strstr(err.text, THERE) != NULL)
		return HIN_OK; /* the list before it counts */
	return code == HIN_OK ? HIN_OK : refuse(f, code, "%s", err.text);
}

/* "/path MODE UID:GID TIME": what follows is in it. It may have been begun by another list. */
static enum hin_code read_folder(struct files *f, char *at)
{
	struct hin_fs_stat stat = { .type = HIN_FS_DIRECTORY };
	char *path = word(&at), *slash = strrchr(path, '/');
	enum hin_code code = read_attributes(f, &at, &stat);
	size_t size = strlen(path);
	struct hin_error err;

	if (code != HIN_OK)
		return code;
	if (size + 2 > sizeof(f->folder) || (size > 1 && slash[1] == '\0'))
		return refuse(f, HIN_EFORMAT, "\"%.60s\" is no path of a folder", path);
	if (f->p->file_count++ == PERSONA_FILES_MAX)
		return refuse(f, HIN_ELIMIT, "more than %d files", PERSONA_FILES_MAX);
	if (size > 1) {
		code = hin_fs_image_add(f->p->image, path, &stat, NULL, 0, &err);
		if (code == HIN_EUSAGE && strstr(err.text, THERE) != NULL)
			code = HIN_OK;
		if (code != HIN_OK)
			return refuse(f, code, "%s", err.text);
	}
	memcpy(f->folder, path, size);
	if (size > 1)
		f->folder[size++] = '/';
	f->folder[size] = '\0';
	f->folder_size = size;
	return HIN_OK;
}

/* A program or library: all of about a size have the same first bytes. */
static enum hin_code add_elf(struct files *f, const char *name, const struct hin_fs_stat *stat,
			     bool library)
{
	unsigned bits = 63 - (unsigned)__builtin_clzll(stat->size);
	uint8_t header[HEADER_SIZE], **kept = &f->headers[library][bits];
	size_t size =
		elf_header(header, f->p->settings.machine.hardware, UINT64_C(1) << bits, library);

	if (*kept == NULL)
		*kept = (uint8_t *)hin_arena_copy(&f->p->arena, header, size);
	if (*kept == NULL)
		return refuse(f, HIN_ENOMEM, "no memory");
	return add(f, name, stat, *kept, size, true);
}

/* The bytes of the file, as another persona has them already; or NULL. */
static const void *find_same(const struct files *f, const char *name)
{
	static const struct hin_fs_user root = { 0, 0 };
	char path[HIN_FS_PATH_MAX + HIN_FS_NAME_MAX];

	snprintf(path, sizeof(path), "%s%s", f->folder, name);
	for (size_t i = 0; i < f->other_count; i++) {
		uint32_t ino;
		size_t size;

		if (hin_fs_find(f->others[i], &root, HIN_FS_ROOT, path, false, &ino) != 0)
			continue;
		const uint8_t *bytes = hin_fs_bytes(f->others[i], ino, &size);

		if (size == f->content_size && memcmp(bytes, f->content, size) == 0)
			return bytes;
	}
	return NULL;
}

static enum hin_code add_bytes(struct files *f, const char *name, const struct hin_fs_stat *stat)
{
	const void *same = f->content_size > 0 ? find_same(f, name) : NULL;

	return add(f, name, stat, same != NULL ? same : f->content, f->content_size, same != NULL);
}

static enum hin_code read_file(struct files *f, char type, char *at)
{
	struct hin_fs_stat stat = { .type = HIN_FS_FILE };
	enum hin_code code = read_attributes(f, &at, &stat);
	char *size_text;
	struct hin_error err;

	if (code != HIN_OK)
		return code;
	size_text = word(&at);
	if (size_text == NULL)
		return refuse(f, HIN_EFORMAT, "a size and a name are wanted");
	code = hin_number_u64(&stat.size, "size", size_text, 0, UINT32_MAX, &err);
	if (code != HIN_OK)
		return refuse(f, code, "%s", err.text);
	stat.tag = type == 'p' ? HIN_SHELL_PROGRAM : 0;
	if (f->content_size > stat.size)
		return refuse(f, HIN_ERANGE, "%.60s has %zu bytes, its size is %llu", at,
			      f->content_size, (unsigned long long)stat.size);
	if (type == 'f' || f->content_size > 0 || stat.size < ELF_MIN)
		return add_bytes(f, at, &stat);
	return add_elf(f, at, &stat, type == 'e');
}

static enum hin_code read_link(struct files *f, char *at)
{
	struct hin_fs_stat stat = { .type = HIN_FS_SYMLINK };
	enum hin_code code = read_attributes(f, &at, &stat);
	char *arrow;

	if (code != HIN_OK)
		return code;
	arrow = strstr(at, " -> ");
	if (arrow == NULL || arrow[4] == '\0')
		return refuse(f, HIN_EFORMAT, "NAME -> TARGET is wanted");
	*arrow = '\0';
	return add(f, at, &stat, arrow + 4, strlen(arrow + 4), false);
}

static enum hin_code read_special(struct files *f, char type, char *at)
{
	static const char letters[] = "cbis";
	static const enum hin_fs_type types[] = { HIN_FS_CHARACTER, HIN_FS_BLOCK, HIN_FS_FIFO,
						  HIN_FS_SOCKET };
	struct hin_fs_stat stat = { .type = types[strchr(letters, type) - letters] };
	enum hin_code code = read_attributes(f, &at, &stat);

	if (code != HIN_OK)
		return code;
	if (type == 'c' || type == 'b') {
		char *major = word(&at), *minor = major != NULL ? strchr(major, ',') : NULL;
		uint64_t n[2] = { 0 };

		if (minor != NULL)
			*minor++ = '\0';
		if (minor == NULL ||
		    hin_number_u64(&n[0], "major", major, 0, 4095, NULL) != HIN_OK ||
		    hin_number_u64(&n[1], "minor", minor, 0, 1048575, NULL) != HIN_OK)
			return refuse(f, HIN_EFORMAT, "MAJOR,MINOR NAME is wanted");
		stat.major = (uint32_t)n[0];
		stat.minor = (uint32_t)n[1];
	}
	return add(f, at, &stat, NULL, 0, false);
}

/* "k NAME VERSION ARCHITECTURE TEXT": a package that is installed. */
static enum hin_code read_package(struct files *f, char *at)
{
	struct hin_persona *p = f->p;
	char *name = word(&at), *version = word(&at), *architecture = word(&at);

	if (name == NULL || version == NULL || architecture == NULL)
		return refuse(f, HIN_EFORMAT, "a package is NAME VERSION ARCHITECTURE TEXT");
	if (p->package_count == f->package_room) {
		size_t room = f->package_room == 0 ? 256 : f->package_room * 2;
		struct hin_machine_package *more = reallocarray(p->packages, room, sizeof(*more));

		if (more == NULL)
			return refuse(f, HIN_ENOMEM, "no memory");
		p->packages = more;
		f->package_room = room;
	}
	struct hin_machine_package *k = &p->packages[p->package_count++];

	k->name = hin_arena_strdup(&p->arena, name);
	k->version = hin_arena_strdup(&p->arena, version);
	k->architecture = hin_arena_strdup(&p->arena, architecture);
	k->text = hin_arena_strdup(&p->arena, at);
	if (k->name == NULL || k->version == NULL || k->architecture == NULL || k->text == NULL)
		return refuse(f, HIN_ENOMEM, "no memory");
	return HIN_OK;
}

/*
 * Move the contents that follow at `next` together, without what marks their lines: "|" a whole
 * line, "\" one that does not end. Returns what is behind them.
 */
static char *take_content(struct files *f, char *next, char *end, unsigned *lines)
{
	char *to = next;

	f->content = next;
	*lines = 0;
	while (next < end && (*next == '|' || *next == '\\')) {
		char *stop = memchr(next, '\n', (size_t)(end - next));
		size_t size = (size_t)((stop != NULL ? stop : end) - next) - 1;
		bool whole = *next == '|';

		memmove(to, next + 1, size);
		to += size;
		if (whole)
			*to++ = '\n';
		next = stop != NULL ? stop + 1 : end;
		(*lines)++;
	}
	f->content_size = (size_t)(to - f->content);
	return next;
}

static enum hin_code read_line(struct files *f, char *line)
{
	char type = line[0];

	if (type == '/')
		return read_folder(f, line);
	if (type == '\0' || line[1] != ' ' || strchr("fpelcbisk", type) == NULL)
		return refuse(f, HIN_EFORMAT,
			      "a line begins with / f p e l c b i s k | \\ or #, not \"%.20s\"",
			      line);
	line += 2;
	switch (type) {
	case 'f':
	case 'p':
	case 'e':
		return read_file(f, type, line);
	case 'l':
		return read_link(f, line);
	case 'k':
		return read_package(f, line);
	default:
		return read_special(f, type, line);
	}
}

static enum hin_code add_list(struct files files, char *text, size_t size)
{
	struct files f = files;
	char *end = text + size;

	if (memchr(text, 0, size) != NULL)
		return hin_fail(f.err, HIN_EFORMAT, "%s: a NUL byte; a list of files is text",
				f.name);
	while (text < end) {
		char *stop = memchr(text, '\n', (size_t)(end - text));
		char *next = stop != NULL ? stop + 1 : end;
		enum hin_code code = HIN_OK;
		unsigned lines;

		f.line++;
		if (stop != NULL)
			*stop = '\0'; /* behind `end` there is a NUL, too */
		next = take_content(&f, next, end, &lines);
		if (lines > 0 && strchr("fpe", text[0]) == NULL)
			return refuse(&f, HIN_EFORMAT, "contents stand behind what is no file");
		if (text[0] != '#' && text[0] != '\0')
			code = read_line(&f, text);
		if (code != HIN_OK)
			return code;
		f.line += lines;
		text = next;
	}
	return HIN_OK;
}

enum hin_code persona_files_add(struct hin_persona *p, const char *name, char *text, size_t size,
				struct hin_error *err)
{
	const struct files f = { .p = p,
				 .name = name,
				 .first = p->file_count == 0,
				 .package_room = p->package_count,
				 .err = err };

	return add_list(f, text, size);
}

static enum hin_code load_list(struct files files, const char *folder, const char *list)
{
	struct hin_persona *p = files.p;
	struct hin_buffer text = { 0 };
	char *path = hin_arena_printf(&p->arena, "%s/files/%s", folder, list);
	enum hin_code code;

	if (path == NULL)
		return hin_fail(files.err, HIN_ENOMEM, "%s: no memory for its files", p->file);
	code = hin_file_read(&text, path, PERSONA_FILES_SIZE, files.err);
	files.name = path;
	files.first = p->file_count == 0;
	files.package_room = p->package_count;
	if (code == HIN_OK && text.used > 0)
		code = add_list(files, text.data, text.used);
	hin_buffer_fini(&text);
	return code;
}

/* Views of the others' images, to look for files in. */
static size_t open_others(struct hin_persona *const *others, size_t count, struct hin_fs **out)
{
	static const struct hin_fs_quota none = { 0, 0 };
	size_t opened = 0;

	for (size_t i = 0; i < count && opened < OTHERS; i++) {
		if (others[i]->shares)
			continue;
		out[opened] = hin_fs_new(others[i]->image, &none);
		opened += out[opened] != NULL;
	}
	return opened;
}

enum hin_code persona_files_make(struct hin_persona *p, const char *folder,
				 struct hin_persona *const *others, size_t count,
				 struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.files;
	struct hin_fs *views[OTHERS];
	struct files files = { .p = p, .others = views, .err = err };
	enum hin_code code = HIN_OK;

	p->image = hin_fs_image_new();
	if (p->image == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory for its files", p->file);
	files.other_count = open_others(others, count, views);
	for (size_t i = 0; i < list->count && code == HIN_OK; i++)
		code = load_list(files, folder, list->items[i]);
	for (size_t i = 0; i < files.other_count; i++)
		hin_fs_free(views[i]);
	if (code != HIN_OK)
		return code;
	p->machine.packages = p->packages;
	p->machine.package_count = p->package_count;
	return hin_fs_image_freeze(p->image, err);
}
