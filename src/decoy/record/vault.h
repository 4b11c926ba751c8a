/*
 * vault - the files that intruders brought, by the SHA-256 of their bytes.
 *
 * Each is kept once, encrypted (XChaCha20-Poly1305), whoever brings it; what is known of it is a
 * line of an index: type, size, how many sessions brought it, first and last time. Nothing in here
 * is ever run. Files lie in a folder:
 *
 *	vault.key	32 random bytes, mode 0600, made by the first writer; it may be a symbolic
 *			link to a safer place. Without it nothing can be read again.
 *	MANIFEST	why files are kept, for how long and how much of it; a text for people, with
 *			each purpose there ever was, numbered; an entry names the one it came under
 *	index.log	what happened to each file; it only grows, and is written anew when it is
 *			mostly of the past
 *	ab/cdef...	the files, each whole: written beside, synced, renamed
 *
 * A process that is killed loses no file that hin_decoy_vault_keep() has taken, and of counts at
 * most those since hin_decoy_vault_sync(). Over a cap a new file is refused and counted; beyond age
 * or size the files that nobody has brought for the longest time go.
 *
 * Ownership: the caller owns a vault and ends it with hin_decoy_vault_close().
 * Threads:   one thread at a time for each. One process writes, others may read.
 */
#pragma once
#include "base/config.h"
#include "base/time.h"
#include "base/addr.h"

#define HIN_DECOY_VAULT_PURPOSE 400 /* most bytes of a purpose */

struct hin_decoy_vault_settings {
	const char *purpose;   /* why files are kept: text of ours, one line */
	uint64_t file_bytes;   /* a longer file is refused */
	uint64_t source_bytes; /* new files of one source a day */
	uint64_t files;	       /* most of them */
	uint64_t max_bytes;    /* of all */
	int64_t max_age_ns;    /* since it was last brought; 0 = no limit */
};

/* Rows for a program's table of settings; HIN_VALUE_TEXT wants a char *, so `purpose` is a row of
 * the program's own. */
#define HIN_DECOY_VAULT_ROWS(struct_type, member)                                                  \
	{ "vault.file",                                                                            \
	  { HIN_VALUE_SIZE, 1, (int64_t)1 << 32 },                                                 \
	  offsetof(struct_type, member.file_bytes),                                                \
	  "16M",                                                                                   \
	  "a longer file is not kept",                                                             \
	  "これより大きいファイルは保存しない",                                                    \
	  NULL },                                                                                  \
		{ "vault.source",                                                                  \
		  { HIN_VALUE_SIZE, 1, (int64_t)1 << 40 },                                         \
		  offsetof(struct_type, member.source_bytes),                                      \
		  "64M",                                                                           \
		  "most bytes of new files from one source address a day",                         \
		  "一つの送信元アドレスから一日に保存する新しいファイルの最大バイト数",            \
		  NULL },                                                                          \
		{ "vault.files",                                                                   \
		  { HIN_VALUE_U64, 1, 1 << 24 },                                                   \
		  offsetof(struct_type, member.files),                                             \
		  "100000",                                                                        \
		  "most files kept",                                                               \
		  "保存するファイルの最大数",                                                      \
		  NULL },                                                                          \
		{ "vault.max_bytes",                                                               \
		  { HIN_VALUE_SIZE, 1 << 16, INT64_MAX },                                          \
		  offsetof(struct_type, member.max_bytes),                                         \
		  "4G",                                                                            \
		  "most bytes kept; what was not brought for the longest time goes first",         \
		  "保存する最大バイト数（最も長く持ち込まれていないものから消す）",                \
		  NULL },                                                                          \
	{                                                                                          \
		"vault.max_age", { HIN_VALUE_DURATION, 0, 3650 * HIN_NS_PER_DAY },                 \
			offsetof(struct_type, member.max_age_ns), "365d",                          \
			"files not brought for this long go; 0 keeps them",                        \
			"この期間持ち込まれていないファイルは消す（0で消さない）", NULL            \
	}

/* What a file is, by its first bytes: a small list of what intruders bring. */
enum hin_file_type {
	HIN_FILE_EMPTY,
	HIN_FILE_DATA, /* none of these */
	HIN_FILE_TEXT,
	HIN_FILE_SCRIPT, /* "#!" */
	HIN_FILE_ELF,
	HIN_FILE_PE,
	HIN_FILE_MACHO,
	HIN_FILE_GZIP,
	HIN_FILE_BZIP2,
	HIN_FILE_XZ,
	HIN_FILE_ZSTD,
	HIN_FILE_ZIP, /* Java's and Android's too */
	HIN_FILE_TAR,
	HIN_FILE_CPIO,
	HIN_FILE_AR,
	HIN_FILE_RAR,
	HIN_FILE_7Z,
	HIN_FILE_CLASS,
	HIN_FILE_SSH_KEY, /* public keys: a line of authorized_keys */
	HIN_FILE_PEM,
	HIN_FILE_HTML,
};

struct hin_file_kind {
	enum hin_file_type type;
	/* of an ELF file */
	uint8_t bits; /* 32 or 64 */
	bool big_endian;
	uint16_t machine;  /* e_machine */
	uint16_t elf_type; /* e_type: 2 executable, 3 shared, ... */
	bool is_static;	   /* no interpreter; false when its headers are cut off */
	bool packed;	   /* has the mark of UPX */
};

/* Any bytes. */
struct hin_file_kind hin_file_kind(const void *data, size_t size);

/* "ELF 32-bit MIPS big-endian executable, static, UPX" into `out`; returns `out`. */
#define HIN_FILE_KIND_TEXT 96
char *hin_file_kind_format(char out[HIN_FILE_KIND_TEXT], const struct hin_file_kind *kind);

struct hin_decoy_vault;

struct hin_decoy_vault_entry {
	uint8_t sha256[32];
	uint64_t size;
	struct hin_file_kind kind;
	uint64_t sessions; /* that brought it */
	int64_t first_us, last_us;
	uint64_t first_session, last_session; /* numbers of recordings */
	uint32_t purpose;		      /* its number in the manifest */
};

struct hin_decoy_vault_stats {
	uint64_t files, bytes; /* now; bytes of the files as they were brought */
	uint64_t kept;	       /* since it was opened: new ones */
	uint64_t repeated;     /* brought again */
	uint64_t refused_size, refused_source, refused_files; /* over a cap */
	uint64_t failed;				      /* by the disk or memory */
	uint64_t expired;				      /* gone by age or size */
	uint64_t damaged; /* lines of the index passed over at open */
};

/*
 * Open the vault in `folder`. With `write` a folder that does not exist is made, and `settings`
 * bound it; without, `settings` may be NULL and nothing is changed. `now_us`: real clock.
 *
 * HIN_ENOENT no vault there; HIN_EDENIED another process writes, or the key may be read by others;
 * HIN_EFORMAT the key is none; HIN_ELIMIT the purpose is empty or too long; HIN_ESYS, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_decoy_vault_open(struct hin_decoy_vault **out, const char *folder,
						const struct hin_decoy_vault_settings *settings,
						bool write, int64_t now_us, struct hin_error *err);
void hin_decoy_vault_close(struct hin_decoy_vault *vault); /* syncs; NULL is fine */

/* Take new caps (not a new purpose). */
void hin_decoy_vault_settings(struct hin_decoy_vault *vault,
			      const struct hin_decoy_vault_settings *settings);

/*
 * Keep a file that the session `session` brought from `source`. `sha256` is its digest, which is
 * checked. A file that is there already is counted. HIN_OK: it is on the disk. HIN_ELIMIT over a
 * cap; HIN_EVERIFY the digest is wrong; HIN_ESYS, HIN_ENOMEM: it is not kept, which is counted.
 */
HIN_MUST_USE enum hin_code hin_decoy_vault_keep(struct hin_decoy_vault *vault, const void *data,
						size_t size, const uint8_t sha256[32],
						const struct hin_addr *source, uint64_t session,
						int64_t now_us, struct hin_error *err);

/* Bring counts to the disk, and remove what is too old or too much. About once a minute. */
HIN_MUST_USE enum hin_code hin_decoy_vault_sync(struct hin_decoy_vault *vault, int64_t now_us,
						struct hin_error *err);

/*
 * Append the bytes of a file to `out`. The caller tells why as an act, before. HIN_ENOENT; or
 * HIN_EVERIFY: what is there is not what was kept; nothing is appended.
 */
HIN_MUST_USE enum hin_code hin_decoy_vault_get(struct hin_decoy_vault *vault,
					       const uint8_t sha256[32], struct hin_buffer *out,
					       struct hin_error *err);

/* Remove one. HIN_ENOENT, HIN_ESYS. */
HIN_MUST_USE enum hin_code hin_decoy_vault_remove(struct hin_decoy_vault *vault,
						  const uint8_t sha256[32], struct hin_error *err);

bool hin_decoy_vault_find(const struct hin_decoy_vault *vault, const uint8_t sha256[32],
			  struct hin_decoy_vault_entry *out);

/*
 * Give the files, those brought last first, to `fn` until it says false or `most` were given
 * (0 = all). HIN_ENOMEM.
 */
typedef bool (*hin_decoy_vault_entry_fn)(void *into, const struct hin_decoy_vault_entry *entry);
HIN_MUST_USE enum hin_code hin_decoy_vault_list(const struct hin_decoy_vault *vault, size_t most,
						hin_decoy_vault_entry_fn fn, void *into,
						struct hin_error *err);

/* The purpose of a number; NULL when there is none. Lives as long as the vault. */
const char *hin_decoy_vault_purpose(const struct hin_decoy_vault *vault, uint32_t number);

struct hin_decoy_vault_stats hin_decoy_vault_stats(const struct hin_decoy_vault *vault);
