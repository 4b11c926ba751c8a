/* decode_priv - what the decoders of any frame and of the usual frame share. */
#pragma once
#include "packet/decode.h"

enum { ETHER_IPV4 = 0x0800 };

static inline uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return HIN_BE32(value);
}

/* Kind by the six flags of RFC 793; ECN bits change nothing. A SYN stands alone. */
static inline uint8_t kind_of_flags(uint8_t flags)
{
	enum {
		O = HIN_TCP_OTHER,
		S = HIN_TCP_SYN,
		R = HIN_TCP_RST,
		A = HIN_TCP_ACK,
		B = HIN_TCP_SYN_ACK
	};
	/* columns of the six: FIN 1, SYN 2, RST 4, PSH 8; rows: ACK 16, URG 32 */
	static const uint8_t kinds[64] = {
		O, O, S, O, R, O, O, O, O, O, O, O, R, O, O, O, /* none */
		A, O, B, O, R, O, O, O, A, O, B, O, R, O, O, O, /* ACK */
		O, O, O, O, R, O, O, O, O, O, O, O, R, O, O, O, /* URG */
		A, O, B, O, R, O, O, O, A, O, B, O, R, O, O, O, /* ACK and URG */
	};

	return kinds[flags & 0x3f];
}

/* Decode any frame, as hin_decode() has it; `time_us` is the frame's time. */
bool hin_decode_any(struct hin_packet *out, const struct hin_frame *frame, int64_t time_us,
		    unsigned decap);
