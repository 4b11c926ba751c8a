/* wide_priv - an address as a number of 128 bits, to count and to measure with. */
#pragma once
#include "base/addr.h"

__extension__ typedef unsigned __int128 wide;

static inline wide wide_of(const struct hin_addr *a)
{
	wide value = 0;

	for (unsigned i = 0; i < sizeof(a->b); i++)
		value = value << 8 | a->b[i];
	return value;
}

static inline struct hin_addr wide_addr(wide value)
{
	struct hin_addr a;

	for (unsigned i = sizeof(a.b); i-- > 0; value >>= 8)
		a.b[i] = (uint8_t)value;
	return a;
}
