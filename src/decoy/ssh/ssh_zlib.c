/* ssh_zlib - compression of packets (RFC 4253, 6.2); see ssh_priv.h */
#include <stdlib.h>
#include <zlib.h>

#include "decoy/ssh/ssh_priv.h"

#define LEVEL 6
#define CHUNK 4096

struct ssh_zlib {
	z_stream stream;
	bool deflates;
};

struct ssh_zlib *ssh_inflate_new(void)
{
	struct ssh_zlib *z = calloc(1, sizeof(*z));

	if (z != NULL && inflateInit(&z->stream) != Z_OK) {
		free(z);
		z = NULL;
	}
	return z;
}

struct ssh_zlib *ssh_deflate_new(void)
{
	struct ssh_zlib *z = calloc(1, sizeof(*z));

	if (z == NULL)
		return NULL;
	z->deflates = true;
	if (deflateInit(&z->stream, LEVEL) != Z_OK) {
		free(z);
		z = NULL;
	}
	return z;
}

void ssh_zlib_free(struct ssh_zlib *z)
{
	if (z == NULL)
		return;
	if (z->deflates)
		deflateEnd(&z->stream);
	else
		inflateEnd(&z->stream);
	free(z);
}

enum hin_code ssh_zlib_run(struct ssh_zlib *z, const uint8_t *data, size_t size,
			   struct hin_buffer *out)
{
	size_t begin = out->used;

	z->stream.next_in = (Bytef *)(uintptr_t)data; /* zlib does not write to it */
	z->stream.avail_in = (uInt)size;
	for (;;) {
		char *at = hin_buffer_reserve(out, CHUNK);
		int status;

		if (at == NULL)
			return HIN_ENOMEM;
		z->stream.next_out = (Bytef *)at;
		z->stream.avail_out = CHUNK;
		status = z->deflates ? deflate(&z->stream, Z_PARTIAL_FLUSH)
				     : inflate(&z->stream, Z_SYNC_FLUSH);
		if (status != Z_OK && status != Z_BUF_ERROR)
			return HIN_EFORMAT;
		hin_buffer_commit(out, CHUNK - z->stream.avail_out);
		if (out->used - begin > SSH_PACKET_MAX)
			return HIN_ELIMIT;
		if (z->stream.avail_out > 0)
			return HIN_OK;
	}
}
