/*
 * addr - IP addresses and prefixes, IPv4 and IPv6 in one form.
 *
 * An address is sixteen bytes in network order; IPv4 is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). A
 * prefix length counts in the address's own family outside (0-32 for IPv4, 0-128 for IPv6).
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/bytes.h"

struct hin_addr {
	uint8_t b[16]; /* network order */
};

struct hin_prefix {
	struct hin_addr addr; /* host bits are zero */
	uint8_t len;	      /* in its own family: 0-32 or 0-128 */
};

#define HIN_ADDR_TEXT 46   /* longest text of an address, with its NUL */
#define HIN_PREFIX_TEXT 50 /* longest text of a prefix, with its NUL */

static inline struct hin_addr hin_addr_of_v4(uint32_t host_order)
{
	struct hin_addr a = { { [10] = 0xff, [11] = 0xff } };
	uint32_t be = HIN_BE32(host_order);

	memcpy(a.b + 12, &be, 4);
	return a;
}

static inline bool hin_addr_is_v4(const struct hin_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->b, mapped, 12) == 0;
}

/* The IPv4 address in host order; only for an address that is IPv4. */
static inline uint32_t hin_addr_v4(const struct hin_addr *a)
{
	uint32_t be;

	memcpy(&be, a->b + 12, 4);
	return HIN_BE32(be);
}

static inline bool hin_addr_equal(const struct hin_addr *a, const struct hin_addr *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

/* Order by bytes: <0, 0, >0. IPv4 sorts among IPv6 where ::ffff:0:0/96 lies. */
static inline int hin_addr_compare(const struct hin_addr *a, const struct hin_addr *b)
{
	return memcmp(a->b, b->b, 16);
}

/* Write `a` as text (RFC 5952; IPv4 dotted) to `out` of HIN_ADDR_TEXT bytes; returns `out`. */
char *hin_addr_format(const struct hin_addr *a, char *out);

/* Write `p` as "address/len" to `out` of HIN_PREFIX_TEXT bytes; returns `out`. */
char *hin_prefix_format(const struct hin_prefix *p, char *out);

/* Read an address from the whole of `text`. HIN_EFORMAT when it is none. */
HIN_MUST_USE enum hin_code hin_addr_parse(struct hin_addr *out, const char *text);

/*
 * Read "address" or "address/len" from the whole of `text`. HIN_EFORMAT when it is no prefix,
 * HIN_ERANGE when the length is too large or host bits are set; `err` says which.
 */
HIN_MUST_USE enum hin_code hin_prefix_parse(struct hin_prefix *out, const char *text,
					    struct hin_error *err);

/* Does `p` hold `a`? False when they are of different families. */
bool hin_prefix_holds(const struct hin_prefix *p, const struct hin_addr *a);
