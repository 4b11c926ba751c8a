/* proxied - the header of a proxy, PROXY protocol version 2: see gate.h */
#include "decoy/gate.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n" /* twelve bytes */
#define SIGNATURE_SIZE ((size_t)12)

enum { VERSION_2 = 2, LOCAL = 0, PROXY = 1, OVER_TCP4 = 0x11, OVER_TCP6 = 0x21 };

static void read_v4(struct hin_reader *in, struct hin_addr *out)
{
	*out = hin_addr_of_v4(hin_read_be32(in));
}

static void read_v6(struct hin_reader *in, struct hin_addr *out)
{
	hin_read_copy(in, out->b, sizeof(out->b));
}

enum hin_code hin_proxied_read(struct hin_proxied *out, const void *data, size_t size, size_t *used)
{
	struct hin_reader in = hin_reader_of(data, size), body;
	size_t known = size < SIGNATURE_SIZE ? size : SIGNATURE_SIZE;
	const uint8_t *signature = hin_read_bytes(&in, known);
	uint8_t command, family;
	uint16_t length;

	*out = (struct hin_proxied){ 0 };
	if (memcmp(signature, SIGNATURE, known) != 0)
		return HIN_EFORMAT;
	command = hin_read_u8(&in);
	family = hin_read_u8(&in);
	length = hin_read_be16(&in);
	if (in.failed)
		return HIN_EAGAIN;
	if (command >> 4 != VERSION_2 || (command & 15) > PROXY ||
	    length > HIN_PROXY_HEADER - SIGNATURE_SIZE - 4)
		return HIN_EFORMAT;
	body = hin_read_sub(&in, length);
	if (body.failed)
		return HIN_EAGAIN;
	*used = SIGNATURE_SIZE + 4 + length;
	out->is_local = (command & 15) == LOCAL;
	if (out->is_local)
		return HIN_OK;
	if (family != OVER_TCP4 && family != OVER_TCP6)
		return HIN_EFORMAT;
	(family == OVER_TCP4 ? read_v4 : read_v6)(&body, &out->client);
	(family == OVER_TCP4 ? read_v4 : read_v6)(&body, &out->server);
	out->client_port = hin_read_be16(&body);
	out->server_port = hin_read_be16(&body);
	return body.failed ? HIN_EFORMAT : HIN_OK; /* what follows are extensions */
}
