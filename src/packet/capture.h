/*
 * capture - packets out of capture files, in time order.
 *
 * Reads pcap (both byte orders, micro- and nanoseconds), pcapng (draft-ietf-opsawg-pcapng) and ERF,
 * plain or under gzip, zstd or xz, from files, folders, pipes and standard input ("-"). What a file
 * is, its content says, never its name. Many inputs are merged by time: their order is that of
 * their first packets, and frames of equal time come in this order. The order inside one file is
 * kept as recorded, also where its clock steps back.
 *
 * Bad input never stops a run that has begun: what was whole is given, then the file's summary
 * names the reason and the offset. An input that is no capture at all is an error at open.
 *
 * Files are read piece by piece into counted windows that frames point into: memory stays small
 * whatever their size, and nothing is copied once it has been read or unpacked.
 *
 * Up to HIN_CAPTURE_KEEP_OPEN files stay open from hin_capture_open() on, so that privileges may be
 * dropped after it. Of more files each is opened again when its turn comes: a sandbox must then
 * allow to read them.
 *
 * Ownership: the caller owns a capture and ends it with hin_capture_close(); frames of a batch stay
 *            valid until that batch is refilled or released, also while other batches are filled.
 * Threads:   hin_capture_read() by one thread at a time (the caller's lock); batches are
 * independent and may be released by any thread; hin_capture_progress() by any thread. With
 * `digest`, the first read starts one helper thread.
 */
#pragma once
#include "base/error.h"

/* Link types by their registry number (https://www.tcpdump.org/linktypes.html). */
enum {
	HIN_LINK_NULL = 0,
	HIN_LINK_ETHERNET = 1,
	HIN_LINK_PPP = 9,
	HIN_LINK_RAW_OLD = 12, /* BSD's DLT_RAW */
	HIN_LINK_RAW_OLD_OPENBSD = 14,
	HIN_LINK_RAW = 101,
	HIN_LINK_CHDLC = 104,
	HIN_LINK_LOOP = 108,
	HIN_LINK_SLL = 113,
	HIN_LINK_ERF = 197,
	HIN_LINK_IPV4 = 228,
	HIN_LINK_IPV6 = 229,
	HIN_LINK_SLL2 = 276,
};

/* One recorded frame. */
struct hin_frame {
	const uint8_t *data; /* borrowed from the batch; never NULL */
	uint32_t size;	     /* bytes at `data` */
	uint32_t length;     /* bytes the frame had on the wire, as recorded (may lie) */
	int64_t time_ns;     /* nanoseconds since 1970 UTC, recorded clock */
	uint16_t link;	     /* HIN_LINK_* or any other registry number */
	uint16_t input;	     /* index of the input it came from */
};

#define HIN_BATCH_FRAMES 1024

struct hin_hold;

/* Start with zeros: `struct hin_batch batch = { 0 }` or calloc(). */
struct hin_batch {
	struct hin_frame frames[HIN_BATCH_FRAMES];
	size_t count;
	struct hin_hold *hold; /* private to what fills it: keeps the frames' memory */
};

/* Why an input ended before its end, or was read past a fault. */
enum hin_capture_fault {
	HIN_FAULT_NONE,
	HIN_FAULT_CUT,	      /* ends inside a record or block */
	HIN_FAULT_BAD_RECORD, /* a record or block that cannot be (length, byte order) */
	HIN_FAULT_BAD_STREAM, /* the compressed stream is damaged */
	HIN_FAULT_READ,	      /* read(2) failed */
	HIN_FAULT_LIMIT,      /* larger than a named limit */
	HIN_FAULT_SHRANK,     /* the file became shorter while it was read */
	HIN_FAULT_REPLACED,   /* another file took its name while it was followed or not yet read */
	HIN_FAULT_IGNORED,    /* lies in a folder and is no capture */
};

/* What is known of one input; complete when reading has ended. */
struct hin_capture_input {
	char *name;		 /* path as given, or "-" ; owned by the capture */
	const char *format;	 /* "pcap", "pcap-ns", "pcapng", "erf"; "none" when ignored */
	const char *compression; /* "none", "gzip", "zstd", "xz" */
	uint64_t file_bytes;	 /* bytes of the (compressed) file read so far */
	uint64_t file_size;	 /* its size, 0 when unknown (a pipe) */
	uint64_t packets;
	uint64_t skipped; /* records that are no packet and no known other thing */
	uint64_t clamped; /* packets whose time lies outside 1677 to 2262, set to its end */
	enum hin_capture_fault fault;
	uint64_t fault_offset; /* in the decompressed stream */
	char fault_text[200];  /* one line for people, "" when there was no fault */
	bool digested;	       /* `sha256` is that of the whole (compressed) file */
	uint8_t sha256[32];
};

/*
 * A compressed input that expands to more than so many times its size, and to more than 64 MiB,
 * ends with HIN_FAULT_LIMIT. Deflate's own limit is 1032, which only runs of one byte reach; jumbo
 * frames full of zeros stay below 800 with gzip, but can pass this limit with zstd or xz.
 */
#define HIN_CAPTURE_MAX_RATIO 1000
#define HIN_CAPTURE_MAX_INPUTS 65535
#define HIN_CAPTURE_KEEP_OPEN 128

struct hin_capture_options {
	bool follow;	       /* wait for more at the end of each file; see hin_capture_read() */
	bool digest;	       /* compute each input's SHA-256 */
	uint64_t max_expanded; /* bytes a compressed input may expand to; 0 = no limit but the
				  ratio's */
	uint32_t max_ratio;    /* largest expansion; 0 = HIN_CAPTURE_MAX_RATIO */
	int stop_fd;	       /* readable = stop waiting and end; -1 = none */
};

struct hin_capture;

/*
 * Open `paths` (files, folders, "-"). A folder means its files that are captures by content,
 * without hidden ones and folders inside; others are listed after all inputs as HIN_FAULT_IGNORED.
 * A named file that is no capture fails with HIN_EFORMAT and one clear line, as does a folder
 * without any capture; HIN_ELIMIT for too many inputs. Waits for the first bytes of a pipe, until
 * `stop_fd`.
 */
HIN_MUST_USE enum hin_code hin_capture_open(struct hin_capture **out, const char *const *paths,
					    size_t count, const struct hin_capture_options *options,
					    struct hin_error *err);

/*
 * Fill `batch` with the next frames, at most HIN_BATCH_FRAMES. HIN_OK with count > 0; HIN_EAGAIN
 * with count 0 when a pipe or a followed file gave nothing within about 200 ms; HIN_EOF at the end
 * of all inputs or when waiting was ended by `stop_fd`. HIN_ENOMEM: nothing was lost, it may be
 * called again.
 *
 * Merging waits for a silent pipe, whose next frame may be earlier than all others. When following
 * it waits for nobody: each input's new frames come as they appear.
 */
HIN_MUST_USE enum hin_code hin_capture_read(struct hin_capture *cap, struct hin_batch *batch,
					    struct hin_error *err);

/* Free what `batch` holds (NULL is fine). It is empty then and may be filled again. */
void hin_batch_release(struct hin_batch *batch);

/* The inputs, in time order of their first packet; valid until close. */
size_t hin_capture_inputs(const struct hin_capture *cap, const struct hin_capture_input **out);

/* Share of the input read, 0 to 1, or negative when unknown (a pipe, following). */
double hin_capture_progress(const struct hin_capture *cap);

/* Close all and free; NULL is fine. */
void hin_capture_close(struct hin_capture *cap);

/* Write side: a nanosecond pcap file, for evidence and tests. */
#define HIN_PCAP_HEADER_SIZE 24
#define HIN_PCAP_RECORD_SIZE 16

/* Put a nanosecond little-endian pcap file header for `link` at `out`. */
void hin_pcap_write_header(uint8_t out[HIN_PCAP_HEADER_SIZE], uint32_t snap_length, uint16_t link);

/* Put the record header of a frame of `size` recorded and `length` wire bytes at `out`. */
void hin_pcap_write_record(uint8_t out[HIN_PCAP_RECORD_SIZE], int64_t time_ns, uint32_t size,
			   uint32_t length);
