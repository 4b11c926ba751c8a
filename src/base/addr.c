#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

char *hin_addr_format(const struct hin_addr *a, char *out)
{
	if (hin_addr_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, out, HIN_ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->b, out, HIN_ADDR_TEXT);
	return out;
}

char *hin_prefix_format(const struct hin_prefix *p, char *out)
{
	size_t n = strlen(hin_addr_format(&p->addr, out));

	snprintf(out + n, HIN_PREFIX_TEXT - n, "/%u", p->len);
	return out;
}

enum hin_code hin_addr_parse(struct hin_addr *out, const char *text)
{
	struct hin_addr a = { { [10] = 0xff, [11] = 0xff } };

	if (inet_pton(AF_INET, text, a.b + 12) != 1 && inet_pton(AF_INET6, text, a.b) != 1)
		return HIN_EFORMAT;
	*out = a;
	return HIN_OK;
}

/* The prefix length counted over all sixteen bytes. */
static unsigned mapped_length(const struct hin_prefix *p)
{
	return hin_addr_is_v4(&p->addr) ? p->len + 96u : p->len;
}

static bool same_bits(const struct hin_addr *a, const struct hin_addr *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a->b, b->b, whole) != 0)
		return false;
	return rest == 0 || ((a->b[whole] ^ b->b[whole]) >> (8 - rest)) == 0;
}

static void clear_host_bits(struct hin_addr *a, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (rest != 0) {
		a->b[whole] = (uint8_t)(a->b[whole] & (0xff00 >> rest));
		whole++;
	}
	memset(a->b + whole, 0, 16 - whole);
}

enum hin_code hin_prefix_parse(struct hin_prefix *out, const char *text, struct hin_error *err)
{
	char address[HIN_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct hin_prefix p = { .len = 0 };
	struct hin_addr base;
	unsigned max, len = 0;

	if (n == 0 || n >= sizeof(address))
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is not an address or a prefix", text);
	memcpy(address, text, n);
	address[n] = '\0';
	if (hin_addr_parse(&p.addr, address) != HIN_OK)
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is not an address or a prefix", text);
	max = hin_addr_is_v4(&p.addr) ? 32 : 128;
	if (slash == NULL) {
		len = max;
	} else {
		const char *digit = slash + 1;

		if (*digit == '\0')
			return hin_fail(err, HIN_EFORMAT, "\"%.60s\" lacks the length after the /",
					text);
		for (; *digit != '\0'; digit++) {
			if (*digit < '0' || *digit > '9' || len > 128)
				return hin_fail(err, HIN_EFORMAT,
						"prefix \"%.60s\": the length is not in 0-%u", text,
						max);
			len = len * 10 + (unsigned)(*digit - '0');
		}
	}
	if (len > max)
		return hin_fail(err, HIN_ERANGE, "prefix \"%.60s\": the length is not in 0-%u",
				text, max);
	p.len = (uint8_t)len;
	base = p.addr;
	clear_host_bits(&base, mapped_length(&p));
	if (max == 128 && hin_addr_is_v4(&base) != hin_addr_is_v4(&p.addr))
		return hin_fail(err, HIN_ERANGE, "prefix \"%.60s\" mixes IPv4 and IPv6", text);
	if (!hin_addr_equal(&base, &p.addr)) {
		struct hin_prefix want = { .addr = base, .len = p.len };
		char better[HIN_PREFIX_TEXT];

		return hin_fail(err, HIN_ERANGE, "prefix \"%.60s\" has host bits set; use %s", text,
				hin_prefix_format(&want, better));
	}
	*out = p;
	return HIN_OK;
}

bool hin_prefix_holds(const struct hin_prefix *p, const struct hin_addr *a)
{
	return hin_addr_is_v4(&p->addr) == hin_addr_is_v4(a) &&
	       same_bits(&p->addr, a, mapped_length(p));
}
