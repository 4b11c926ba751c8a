#include "packet/inflate_priv.h"

#include <limits.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define XZ_MEMORY (UINT64_C(1) << HIN_INFLATE_MEMORY_LOG)

struct hin_inflate {
	enum hin_inflate_kind kind;
	const char *reason;
	union {
		struct {
			z_stream z;
			bool between; /* members: before the first, after each */
			bool any;     /* a member was read */
		} gzip;
		struct {
			ZSTD_DStream *z;
			bool inside; /* a frame has begun and not ended */
		} zstd;
		lzma_stream xz;
	};
};

enum hin_inflate_kind hin_inflate_detect(const uint8_t *data, size_t size)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b, 8 };
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const uint8_t skippable[] = { 0x2a, 0x4d, 0x18 }; /* after a byte 0x50 to 0x5f */
	static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

	if (size >= sizeof(gzip) && memcmp(data, gzip, sizeof(gzip)) == 0)
		return HIN_INFLATE_GZIP;
	if (size >= sizeof(zstd) && memcmp(data, zstd, sizeof(zstd)) == 0)
		return HIN_INFLATE_ZSTD;
	if (size >= 4 && (data[0] & 0xf0) == 0x50 && memcmp(data + 1, skippable, 3) == 0)
		return HIN_INFLATE_ZSTD;
	if (size >= sizeof(xz) && memcmp(data, xz, sizeof(xz)) == 0)
		return HIN_INFLATE_XZ;
	return HIN_INFLATE_NONE;
}

const char *hin_inflate_name(enum hin_inflate_kind kind)
{
	static const char *const names[] = { "none", "gzip", "zstd", "xz" };

	return names[kind];
}

struct hin_inflate *hin_inflate_new(enum hin_inflate_kind kind)
{
	struct hin_inflate *z = calloc(1, sizeof(*z));
	bool ready = false;

	if (z == NULL)
		return NULL;
	z->kind = kind;
	z->reason = "";
	switch (kind) {
	case HIN_INFLATE_GZIP:
		z->gzip.between = true;
		ready = inflateInit2(&z->gzip.z, 15 + 16) == Z_OK; /* a gzip wrapper only */
		break;
	case HIN_INFLATE_ZSTD:
		z->zstd.z = ZSTD_createDStream();
		ready = z->zstd.z != NULL &&
			!ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd.z, ZSTD_d_windowLogMax,
							     HIN_INFLATE_MEMORY_LOG));
		break;
	case HIN_INFLATE_XZ:
		z->xz = (lzma_stream)LZMA_STREAM_INIT;
		ready = lzma_stream_decoder(&z->xz, XZ_MEMORY, LZMA_CONCATENATED) == LZMA_OK;
		break;
	case HIN_INFLATE_NONE:
		break;
	}
	if (!ready) {
		hin_inflate_free(z);
		return NULL;
	}
	return z;
}

void hin_inflate_free(struct hin_inflate *z)
{
	if (z == NULL)
		return;
	if (z->kind == HIN_INFLATE_GZIP)
		inflateEnd(&z->gzip.z);
	else if (z->kind == HIN_INFLATE_ZSTD)
		ZSTD_freeDStream(z->zstd.z);
	else if (z->kind == HIN_INFLATE_XZ)
		lzma_end(&z->xz);
	free(z);
}

const char *hin_inflate_reason(const struct hin_inflate *z)
{
	return z->reason;
}

static enum hin_inflate_result fail(struct hin_inflate *z, enum hin_inflate_result result,
				    const char *reason)
{
	z->reason = reason;
	return result;
}

/*
 * Before a member: END, MORE (nothing can be said yet) or, with `*go`, one follows. Zeros between
 * and behind members are padding, as gzip(1) takes them.
 */
static enum hin_inflate_result gzip_between(struct hin_inflate *z, struct hin_inflate_io *io,
					    bool last, bool *go)
{
	while (z->gzip.any && io->in_left > 0 && io->in[0] == 0) {
		io->in++;
		io->in_left--;
	}
	*go = io->in_left > 0 && io->in[0] == 0x1f;
	if (io->in_left == 0) {
		if (!last)
			return HIN_INFLATE_MORE;
		return z->gzip.any ? HIN_INFLATE_END : fail(z, HIN_INFLATE_CUT, "it is empty");
	}
	if (*go) {
		z->gzip.between = false;
		z->gzip.any = true;
		return inflateReset(&z->gzip.z) == Z_OK ? HIN_INFLATE_MORE : HIN_INFLATE_NOMEM;
	}
	return fail(z, HIN_INFLATE_DAMAGED, "other bytes follow its end");
}

static enum hin_inflate_result run_gzip(struct hin_inflate *z, struct hin_inflate_io *io, bool last)
{
	z_stream *s = &z->gzip.z;

	while (io->out_left > 0) {
		int code;

		if (z->gzip.between) {
			bool go;
			enum hin_inflate_result result = gzip_between(z, io, last, &go);

			if (!go || result != HIN_INFLATE_MORE)
				return result;
		}
		/* zlib never writes through next_in; its type predates const */
		memcpy(&s->next_in, &io->in, sizeof(s->next_in));
		s->avail_in = io->in_left < UINT_MAX ? (unsigned int)io->in_left : UINT_MAX;
		s->next_out = io->out;
		s->avail_out = io->out_left < UINT_MAX ? (unsigned int)io->out_left : UINT_MAX;
		code = inflate(s, Z_NO_FLUSH);
		io->in_left -= (size_t)(s->next_in - io->in);
		io->in = s->next_in;
		io->out_left -= (size_t)(s->next_out - io->out);
		io->out = s->next_out;
		if (code == Z_STREAM_END) {
			z->gzip.between = true;
			continue;
		}
		if (code == Z_MEM_ERROR)
			return fail(z, HIN_INFLATE_NOMEM, "not enough memory");
		if (code != Z_OK && code != Z_BUF_ERROR)
			return fail(z, HIN_INFLATE_DAMAGED, s->msg != NULL ? s->msg : "bad data");
		if (io->in_left == 0 && io->out_left > 0)
			return last ? fail(z, HIN_INFLATE_CUT, "it ends too early")
				    : HIN_INFLATE_MORE;
	}
	return HIN_INFLATE_MORE;
}

static enum hin_inflate_result run_zstd(struct hin_inflate *z, struct hin_inflate_io *io, bool last)
{
	while (io->out_left > 0) {
		ZSTD_inBuffer in = { io->in, io->in_left, 0 };
		ZSTD_outBuffer out = { io->out, io->out_left, 0 };
		size_t left;

		if (io->in_left == 0 && !z->zstd.inside)
			return last ? HIN_INFLATE_END : HIN_INFLATE_MORE;
		left = ZSTD_decompressStream(z->zstd.z, &out, &in);
		io->in += in.pos;
		io->in_left -= in.pos;
		io->out += out.pos;
		io->out_left -= out.pos;
		if (ZSTD_isError(left)) {
			ZSTD_ErrorCode code = ZSTD_getErrorCode(left);

			if (code == ZSTD_error_memory_allocation)
				return fail(z, HIN_INFLATE_NOMEM, "not enough memory");
			if (code == ZSTD_error_frameParameter_windowTooLarge)
				return fail(z, HIN_INFLATE_TOO_BIG,
					    "it needs more than 128 MiB to unpack");
			return fail(z, HIN_INFLATE_DAMAGED, ZSTD_getErrorString(code));
		}
		z->zstd.inside = left != 0;
		if (z->zstd.inside && io->in_left == 0 && io->out_left > 0)
			return last ? fail(z, HIN_INFLATE_CUT, "it ends too early")
				    : HIN_INFLATE_MORE;
	}
	return HIN_INFLATE_MORE;
}

static enum hin_inflate_result run_xz(struct hin_inflate *z, struct hin_inflate_io *io, bool last)
{
	lzma_ret code;

	z->xz.next_in = io->in;
	z->xz.avail_in = io->in_left;
	z->xz.next_out = io->out;
	z->xz.avail_out = io->out_left;
	do
		code = lzma_code(&z->xz, last ? LZMA_FINISH : LZMA_RUN);
	while (code == LZMA_OK && z->xz.avail_out > 0 && (z->xz.avail_in > 0 || last));
	io->in = z->xz.next_in;
	io->in_left = z->xz.avail_in;
	io->out = z->xz.next_out;
	io->out_left = z->xz.avail_out;
	switch (code) {
	case LZMA_OK:
		return HIN_INFLATE_MORE;
	case LZMA_STREAM_END:
		return HIN_INFLATE_END;
	case LZMA_BUF_ERROR: /* nothing to take or no room: only at the end it is a fault */
		return last && io->out_left > 0 ? fail(z, HIN_INFLATE_CUT, "it ends too early")
						: HIN_INFLATE_MORE;
	case LZMA_MEM_ERROR:
		return fail(z, HIN_INFLATE_NOMEM, "not enough memory");
	case LZMA_MEMLIMIT_ERROR:
		return fail(z, HIN_INFLATE_TOO_BIG, "it needs more than 128 MiB to unpack");
	case LZMA_FORMAT_ERROR:
		return fail(z, HIN_INFLATE_DAMAGED, "other bytes follow its end");
	default:
		return fail(z, HIN_INFLATE_DAMAGED, "bad data");
	}
}

enum hin_inflate_result hin_inflate_run(struct hin_inflate *z, struct hin_inflate_io *io, bool last)
{
	switch (z->kind) {
	case HIN_INFLATE_GZIP:
		return run_gzip(z, io, last);
	case HIN_INFLATE_ZSTD:
		return run_zstd(z, io, last);
	case HIN_INFLATE_XZ:
		return run_xz(z, io, last);
	case HIN_INFLATE_NONE:
		break;
	}
	return HIN_INFLATE_DAMAGED;
}
