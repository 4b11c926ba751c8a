/*
 * capture - packets out of capture files, in time order.
 *
 * Reads pcap (both byte orders, micro- and nanoseconds), pcapng (draft-ietf-opsawg-pcapng) and ERF,
 * plain or under gzip, zstd or xz, from files, folders and standard input ("-"). Many inputs are
 * merged by time. The order inside one file is kept as recorded, also where its clock steps back.
 *
 * Bad input never stops a run that has begun: what was whole is given, then the file's summary names
 * the reason and the offset. An input that is no capture at all is an error at open.
 *
 * Ownership: the caller owns a capture and ends it with hin_capture_close(); frames of a batch stay
 *            valid until that batch is refilled or released, also while other batches are filled.
 * Threads:   hin_capture_read() by one thread at a time (the caller's lock); batches are independent.
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

#define HIN_BATCH_FRAMES 512

struct hin_batch {
	struct hin_frame frames[HIN_BATCH_FRAMES];
	size_t count;
	/* private to the capture that fills it */
	uint8_t *store;
	size_t store_size, store_used;
	void *hold;
};

/* Why an input ended before its end, or was read past a fault. */
enum hin_capture_fault {
	HIN_FAULT_NONE,
	HIN_FAULT_CUT,		 /* ends inside a record or block */
	HIN_FAULT_BAD_RECORD,	 /* a record or block that cannot be (length, byte order) */
	HIN_FAULT_BAD_STREAM,	 /* the compressed stream is damaged */
	HIN_FAULT_READ,		 /* read(2) failed */
	HIN_FAULT_LIMIT,	 /* larger than a named limit */
	HIN_FAULT_SHRANK,	 /* the file became shorter while it was read */
};

/* What is known of one input; complete when reading has ended. */
struct hin_capture_input {
	char *name;		   /* path as given, or "-" ; owned by the capture */
	const char *format;	   /* "pcap", "pcap-ns", "pcapng", "erf" */
	const char *compression;   /* "none", "gzip", "zstd", "xz" */
	uint64_t file_bytes;	   /* bytes of the (compressed) file read so far */
	uint64_t file_size;	   /* its size, 0 when unknown (a pipe) */
	uint64_t packets;
	uint64_t skipped;	   /* records that carry no packet we could use (bad times, unknown blocks are not counted) */
	enum hin_capture_fault fault;
	uint64_t fault_offset;	   /* in the decompressed stream */
	char fault_text[200];	   /* one line for people, "" when there was no fault */
	bool digested;		   /* `sha256` is that of the whole (compressed) file */
	uint8_t sha256[32];
};

struct hin_capture_options {
	bool follow;		   /* wait for more at the end of a growing file */
	bool digest;		   /* compute each input's SHA-256 */
	uint64_t max_expanded;	   /* bytes a compressed input may expand to; 0 = no limit but the ratio's */
	uint32_t max_ratio;	   /* largest expansion, e.g. 5000; 0 = the default */
	int stop_fd;		   /* readable = stop waiting and end; -1 = none */
};

struct hin_capture;

/*
 * Open `paths` (files, folders, "-"). A folder means its files that are captures by content, others in
 * it are ignored with a line in their summary; a named file that is no capture fails with HIN_EFORMAT
 * and one clear line.
 */
HIN_MUST_USE enum hin_code hin_capture_open(struct hin_capture **out, const char *const *paths,
					    size_t count, const struct hin_capture_options *options,
					    struct hin_error *err);

/*
 * Fill `batch` with the next frames, at most HIN_BATCH_FRAMES. HIN_OK with count > 0; HIN_EAGAIN with
 * count 0 when following and nothing came within about 200 ms; HIN_EOF at the end of all inputs.
 * Other codes only for lack of memory.
 */
HIN_MUST_USE enum hin_code hin_capture_read(struct hin_capture *cap, struct hin_batch *batch,
					    struct hin_error *err);

/* Free what `batch` holds; call before the capture is closed. The batch may be filled again. */
void hin_batch_release(struct hin_batch *batch);

/* The inputs, in time order of their first packet; valid until close. */
size_t hin_capture_inputs(const struct hin_capture *cap, const struct hin_capture_input **out);

/* Share of the input read, 0 to 1, or negative when unknown. */
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
