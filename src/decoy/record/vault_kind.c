/* vault_kind - what a file is, by its first bytes; see vault.h */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "decoy/record/vault.h"

#define LOOKED_AT ((size_t)4096) /* bytes that must be text for a text */
#define SEGMENTS 64		 /* program headers that are looked at */
#define PT_INTERP 3u

static const struct {
	enum hin_file_type type;
	uint8_t size;
	uint16_t at;
	char bytes[9];
} magics[] = {
	{ HIN_FILE_ELF, 4, 0, "\177ELF" },
	{ HIN_FILE_GZIP, 2, 0, "\037\213" },
	{ HIN_FILE_BZIP2, 3, 0, "BZh" },
	{ HIN_FILE_XZ, 6, 0, "\3757zXZ\0" },
	{ HIN_FILE_ZSTD, 4, 0, "\050\265\057\375" },
	{ HIN_FILE_ZIP, 4, 0, "PK\003\004" },
	{ HIN_FILE_ZIP, 4, 0, "PK\005\006" },
	{ HIN_FILE_RAR, 6, 0, "Rar!\032\007" },
	{ HIN_FILE_7Z, 6, 0, "7z\274\257\047\034" },
	{ HIN_FILE_AR, 8, 0, "!<arch>\n" },
	{ HIN_FILE_CPIO, 5, 0, "07070" },
	{ HIN_FILE_CPIO, 2, 0, "\307\161" },
	{ HIN_FILE_TAR, 5, 257, "ustar" },
	{ HIN_FILE_MACHO, 4, 0, "\317\372\355\376" },
	{ HIN_FILE_MACHO, 4, 0, "\316\372\355\376" },
	{ HIN_FILE_MACHO, 4, 0, "\376\355\372\317" },
	{ HIN_FILE_MACHO, 4, 0, "\376\355\372\316" },
	{ HIN_FILE_SCRIPT, 2, 0, "#!" },
	{ HIN_FILE_PEM, 8, 0, "-----BEG" },
	{ HIN_FILE_SSH_KEY, 4, 0, "ssh-" },
	{ HIN_FILE_SSH_KEY, 8, 0, "ecdsa-sh" },
};

/* ---- ELF (System V ABI, chapter 4) ---- */

struct elf {
	struct hin_reader in;
	bool big, wide;
};

static uint16_t get16(struct elf *elf)
{
	return elf->big ? hin_read_be16(&elf->in) : hin_read_le16(&elf->in);
}

static uint32_t get32(struct elf *elf)
{
	return elf->big ? hin_read_be32(&elf->in) : hin_read_le32(&elf->in);
}

static uint64_t get_word(struct elf *elf)
{
	if (!elf->wide)
		return get32(elf);
	return elf->big ? hin_read_be64(&elf->in) : hin_read_le64(&elf->in);
}

/* Has it program headers, and none that names an interpreter? */
static bool no_interpreter(struct elf *elf, const uint8_t *data, size_t size, uint64_t at,
			   uint16_t entry, uint16_t count)
{
	if (count == 0 || entry < 4)
		return false;
	for (uint16_t k = 0; k < count && k < SEGMENTS; k++) {
		if (at > size || size - at < 4)
			return false;
		elf->in = hin_reader_of(data + at, size - (size_t)at);
		if (get32(elf) == PT_INTERP)
			return false;
		at += entry;
	}
	return true;
}

static void look_at_elf(struct hin_file_kind *kind, const uint8_t *data, size_t size)
{
	struct elf elf = { .in = hin_reader_of(data, size) };
	uint16_t entry, count;
	uint64_t headers;
	uint8_t class;

	hin_read_skip(&elf.in, 4);
	class = hin_read_u8(&elf.in);
	elf.wide = class == 2;
	elf.big = hin_read_u8(&elf.in) == 2;
	hin_read_skip(&elf.in, 10);
	kind->bits = class == 1 ? 32 : class == 2 ? 64 : 0;
	kind->big_endian = elf.big;
	kind->elf_type = get16(&elf);
	kind->machine = get16(&elf);
	hin_read_skip(&elf.in, 4);
	(void)get_word(&elf); /* entry */
	headers = get_word(&elf);
	(void)get_word(&elf); /* sections */
	hin_read_skip(&elf.in, 6);
	entry = get16(&elf);
	count = get16(&elf);
	if (elf.in.failed || kind->bits == 0)
		return;
	kind->is_static = no_interpreter(&elf, data, size, headers, entry, count);
	kind->packed = memmem(data, size < 4096 ? size : 4096, "UPX!", 4) != NULL;
	if (!kind->packed && size > 4096)
		kind->packed = memmem(data + size - 4096, 4096, "UPX!", 4) != NULL;
}

/* ---- the rest ---- */

static bool is_pe(const uint8_t *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);
	uint32_t at;

	if (size < 0x40 || memcmp(data, "MZ", 2) != 0)
		return false;
	hin_read_skip(&in, 0x3c);
	at = hin_read_le32(&in);
	return at <= size && size - at >= 4 && memcmp(data + at, "PE\0\0", 4) == 0;
}

static bool is_text(const uint8_t *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size < LOOKED_AT ? size : LOOKED_AT);

	while (in.left > 0) {
		bool near_end = in.left < 4 && size > LOOKED_AT;
		uint32_t c = hin_utf8_read(&in);

		if (c == HIN_UTF8_BAD)
			return near_end; /* a character that was cut */
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b)
			return false;
	}
	return true;
}

static bool is_html(const uint8_t *data, size_t size)
{
	while (size > 0 && (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n')) {
		data++;
		size--;
	}
	return (size >= 5 && strncasecmp((const char *)data, "<html", 5) == 0) ||
	       (size >= 9 && strncasecmp((const char *)data, "<!doctype", 9) == 0);
}

struct hin_file_kind hin_file_kind(const void *data, size_t size)
{
	struct hin_file_kind kind = { .type = HIN_FILE_DATA };
	const uint8_t *bytes = data;

	if (size == 0)
		return (struct hin_file_kind){ .type = HIN_FILE_EMPTY };
	for (size_t k = 0; k < HIN_COUNT(magics); k++) {
		size_t end = (size_t)magics[k].at + magics[k].size;

		if (size < end ||
		    memcmp(bytes + magics[k].at, magics[k].bytes, magics[k].size) != 0)
			continue;
		kind.type = magics[k].type;
		if (kind.type == HIN_FILE_ELF)
			look_at_elf(&kind, bytes, size);
		return kind;
	}
	if (size >= 8 &&
	    memcmp(bytes, "\312\376\272\276", 4) == 0) /* few are fat binaries of 40+ */
		kind.type = bytes[7] >= 40 || bytes[6] != 0 ? HIN_FILE_CLASS : HIN_FILE_MACHO;
	else if (is_pe(bytes, size))
		kind.type = HIN_FILE_PE;
	else if (is_text(bytes, size))
		kind.type = is_html(bytes, size) ? HIN_FILE_HTML : HIN_FILE_TEXT;
	return kind;
}

/* ---- for people ---- */

static const char *machine_name(uint16_t machine)
{
	static const struct {
		uint16_t number;
		const char *name;
	} names[] = {
		/* the registry of e_machine, System V ABI */
		{ 2, "SPARC" },	      { 3, "x86" },	   { 4, "m68k" },  { 8, "MIPS" },
		{ 20, "PowerPC" },    { 21, "PowerPC64" }, { 22, "s390" }, { 40, "ARM" },
		{ 42, "SuperH" },     { 43, "SPARC v9" },  { 45, "ARC" },  { 62, "x86-64" },
		{ 93, "ARC" },	      { 183, "AArch64" },  { 195, "ARC" }, { 243, "RISC-V" },
		{ 258, "LoongArch" },
	};

	for (size_t k = 0; k < HIN_COUNT(names); k++) {
		if (names[k].number == machine)
			return names[k].name;
	}
	return NULL;
}

char *hin_file_kind_format(char out[HIN_FILE_KIND_TEXT], const struct hin_file_kind *kind)
{
	static const char *const types[] = {
		[HIN_FILE_EMPTY] = "empty",
		[HIN_FILE_DATA] = "data",
		[HIN_FILE_TEXT] = "text",
		[HIN_FILE_SCRIPT] = "script",
		[HIN_FILE_ELF] = "ELF",
		[HIN_FILE_PE] = "PE executable",
		[HIN_FILE_MACHO] = "Mach-O",
		[HIN_FILE_GZIP] = "gzip",
		[HIN_FILE_BZIP2] = "bzip2",
		[HIN_FILE_XZ] = "xz",
		[HIN_FILE_ZSTD] = "zstd",
		[HIN_FILE_ZIP] = "zip archive",
		[HIN_FILE_TAR] = "tar archive",
		[HIN_FILE_CPIO] = "cpio archive",
		[HIN_FILE_AR] = "ar archive",
		[HIN_FILE_RAR] = "rar archive",
		[HIN_FILE_7Z] = "7z archive",
		[HIN_FILE_CLASS] = "Java class",
		[HIN_FILE_SSH_KEY] = "SSH public key",
		[HIN_FILE_PEM] = "PEM",
		[HIN_FILE_HTML] = "HTML",
	};
	static const char *const elf_types[] = { "", " object", " executable", " shared", " core" };
	struct hin_buffer text = hin_buffer_over(out, HIN_FILE_KIND_TEXT);
	const char *machine = machine_name(kind->machine);

	if ((size_t)kind->type >= HIN_COUNT(types))
		hin_buffer_puts(&text, "data");
	else
		hin_buffer_puts(&text, types[kind->type]);
	if (kind->type != HIN_FILE_ELF || kind->bits == 0)
		return out;
	hin_buffer_printf(&text, " %u-bit ", kind->bits);
	if (machine != NULL)
		hin_buffer_puts(&text, machine);
	else
		hin_buffer_printf(&text, "machine %u", kind->machine);
	hin_buffer_puts(&text, kind->big_endian ? " big-endian" : " little-endian");
	if (kind->elf_type < HIN_COUNT(elf_types))
		hin_buffer_puts(&text, elf_types[kind->elf_type]);
	hin_buffer_puts(&text, kind->is_static ? ", static" : "");
	hin_buffer_puts(&text, kind->packed ? ", UPX" : "");
	return out;
}
