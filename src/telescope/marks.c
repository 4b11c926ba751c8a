#include "telescope/marks.h"

#include <assert.h>
#include <netinet/in.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_WIDE 1
#else
#define HAVE_WIDE 0
#endif

/* ---- sources that cannot be ---- */

/* IPv4 special-purpose addresses by first octet. */
static uint32_t source_marks_v4(uint32_t a)
{
	switch (a >> 24) {
	case 0:	  /* RFC 791: "this network" */
	case 127: /* loopback */
		return HIN_MARK_BOGON | HIN_MARK_SPOOFED;
	case 10:
		return HIN_MARK_UNROUTABLE;
	case 100: /* RFC 6598 shared */
		return (a >> 22) == (100u << 2 | 1) ? HIN_MARK_UNROUTABLE : 0;
	case 169:
		return (a >> 16) == 0xa9fe ? HIN_MARK_UNROUTABLE : 0;
	case 172:
		return (a >> 20) == 0xac1 ? HIN_MARK_UNROUTABLE : 0;
	case 192:
		if (a >> 16 == 0xc0a8)
			return HIN_MARK_UNROUTABLE;
		/* RFC 6890 192.0.0.0/24, RFC 5737 192.0.2.0/24, RFC 7526 192.88.99.0/24 */
		if (a >> 8 == 0xc00000 || a >> 8 == 0xc00002 || a >> 8 == 0xc05863)
			return HIN_MARK_BOGON;
		return 0;
	case 198: /* RFC 2544 benchmarks, RFC 5737 */
		return a >> 17 == 0xc612 >> 1 || a >> 8 == 0xc63364 ? HIN_MARK_BOGON : 0;
	case 203:
		return a >> 8 == 0xcb0071 ? HIN_MARK_BOGON : 0;
	default: /* multicast and class E */
		return a >= 0xe0000000u ? HIN_MARK_BOGON | HIN_MARK_SPOOFED : 0;
	}
}

static uint32_t source_marks_v6(const struct hin_addr *a)
{
	static const uint8_t none[15];

	if (a->b[0] == 0xff)
		return HIN_MARK_BOGON | HIN_MARK_SPOOFED;
	if (memcmp(a->b, none, 15) == 0 && a->b[15] <= 1) /* :: and ::1 */
		return HIN_MARK_BOGON | HIN_MARK_SPOOFED;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80)
		return HIN_MARK_UNROUTABLE;
	if ((a->b[0] & 0xfe) == 0xfc)
		return HIN_MARK_UNROUTABLE;
	if (a->b[0] == 0x20 && a->b[1] == 1 && a->b[2] == 0x0d && a->b[3] == 0xb8)
		return HIN_MARK_BOGON; /* RFC 3849 */
	if (a->b[0] == 1 && memcmp(a->b + 1, none, 7) == 0)
		return HIN_MARK_BOGON; /* RFC 6666 discard-only */
	return 0;
}

static bool is_loopback(const struct hin_addr *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return hin_addr_is_v4(a) ? hin_addr_v4(a) >> 24 == 127 : memcmp(a->b, v6, 16) == 0;
}

/*
 * A source that is no one's, where it may stand: inside one machine, or before it has an address
 * (DHCP to the limited broadcast, RFC 2131 4.1; IPv6 to a multicast group, RFC 4862 5.4).
 */
static bool stays_home(const struct hin_packet *p)
{
	static const uint8_t none[16];

	if (is_loopback(&p->src))
		return is_loopback(&p->dst);
	if (hin_addr_is_v4(&p->src))
		return hin_addr_v4(&p->src) == 0 && hin_addr_is_v4(&p->dst) &&
		       hin_addr_v4(&p->dst) == UINT32_MAX;
	return memcmp(p->src.b, none, 16) == 0 && p->dst.b[0] == 0xff;
}

/* ---- tools ---- */

/* Orders of TCP options, four bits each, first lowest (see hin_packet.tcp_options). */
#define ORDER_NONE 0x0u
#define ORDER_MSS 0x2u
#define ORDER_LINUX 0x31842u	    /* MSS SACK TS NOP WS */
#define ORDER_LINUX_NO_TS 0x314112u /* MSS NOP NOP SACK NOP WS */
#define ORDER_WINDOWS 0x411312u	    /* MSS NOP WS NOP NOP SACK */
#define ORDER_WINDOWS_NO_WS 0x4112u /* MSS NOP NOP SACK */
#define ORDER_FREEBSD 0x84312u	    /* MSS NOP WS SACK TS */
#define ORDER_NETBSD 0x8114312u	    /* MSS NOP WS SACK NOP NOP TS */
#define ORDER_OPENBSD 0x811314112u  /* MSS NOP NOP SACK NOP WS NOP NOP TS */
#define ORDER_MACOS 0x4811312u	    /* MSS NOP WS NOP NOP TS SACK, end */

#define TCP_SYN_ALONE 0x02u

/* Programs whose habits are looked at one by one: window, TTL, options, "don't fragment". */
enum {
	HABIT_ZMAP = 1,
	HABIT_MASSCAN = 2,
	HABIT_NMAP = 4,
	HABIT_HPING = 8,
};

/*
 * What an order of options says: whose stack it is, the highest TTL that stack sends (a higher one
 * refutes it), and who may send it (ZMap's tcp_synscan: smallest, bsd, windows, linux, none).
 */
struct layout {
	uint64_t order;
	uint8_t stack, ttl;
	uint8_t habits;
};

#define LAYOUTS 16
/* multiplied by this number, which a search found, the orders differ in their upper four bits */
#define LAYOUT_OF(order) ((uint64_t)(order)*UINT64_C(0x9403560d97dae38d) >> 60)

static const struct layout layouts[LAYOUTS] = {
#define LAYOUT(order_, stack_, ttl_, habits_)                                                      \
	[LAYOUT_OF(order_)] = { (order_), (stack_), (ttl_), (habits_) }
	LAYOUT(ORDER_NONE, HIN_SIGN_NONE, 255, HABIT_ZMAP | HABIT_MASSCAN | HABIT_HPING),
	LAYOUT(ORDER_MSS, HIN_SIGN_NONE, 255, HABIT_ZMAP | HABIT_MASSCAN | HABIT_NMAP),
	LAYOUT(ORDER_LINUX, HIN_SIGN_LINUX, 64, HABIT_ZMAP),
	LAYOUT(ORDER_LINUX_NO_TS, HIN_SIGN_LINUX, 64, 0),
	LAYOUT(ORDER_WINDOWS, HIN_SIGN_WINDOWS, 128, HABIT_ZMAP),
	LAYOUT(ORDER_WINDOWS_NO_WS, HIN_SIGN_WINDOWS, 128, 0),
	LAYOUT(ORDER_FREEBSD, HIN_SIGN_BSD, 64, 0),
	LAYOUT(ORDER_NETBSD, HIN_SIGN_BSD, 64, 0),
	LAYOUT(ORDER_OPENBSD, HIN_SIGN_BSD, 64, 0),
	LAYOUT(ORDER_MACOS, HIN_SIGN_MACOS, 64, HABIT_ZMAP),
#undef LAYOUT
};

/* Whose window it is. */
struct window {
	uint16_t window;
	uint8_t habits;
};

/* multiplied by this number, they differ in their upper three bits */
#define WINDOW_FACTOR 0xef8acd13u
#define WINDOW_OF(window) ((uint32_t)(window)*WINDOW_FACTOR >> 29)

static const struct window windows[8] = {
#define WINDOW(window_, habits_) [WINDOW_OF(window_)] = { (window_), (habits_) }
	WINDOW(65535, HABIT_ZMAP), WINDOW(1024, HABIT_MASSCAN | HABIT_NMAP),
	WINDOW(2048, HABIT_NMAP),  WINDOW(3072, HABIT_NMAP),
	WINDOW(4096, HABIT_NMAP),  WINDOW(64, HABIT_HPING),
	WINDOW(512, HABIT_HPING),
#undef WINDOW
};

/* A TTL that started at 255 and crossed at most 63 hops, or at 64. */
static const uint8_t ttl_habits[256] = {
	[0 ... 64] = HABIT_NMAP | HABIT_HPING,
	[193 ... 255] = HABIT_ZMAP | HABIT_MASSCAN,
};

/* What one program's habits say, where nothing stronger does. */
static const uint8_t habit_marks[HABIT_HPING + 1] = {
	[HABIT_ZMAP] = HIN_SIGN_ZMAP_RANDOM_ID,
	[HABIT_NMAP] = HIN_MARK_NMAP_SHAPE,
	[HABIT_HPING] = HIN_SIGN_HPING,
};

static bool zmap_datagram(const struct hin_packet *p)
{
	return p->ttl > 192 && (p->flags & HIN_PACKET_DF) == 0 &&
	       (p->kind != HIN_UDP || (p->sport >= 32768 && p->sport <= 61000));
}

/*
 * The marks of a SYN, the strongest last. Senders are mixed at random, so that a branch an
 * observation would be guessed wrong for every other packet: there is none.
 */
static inline uint32_t syn_marks(const struct hin_packet *p, bool v4)
{
	/* ZMap sets neither "don't fragment", as Macs behind a NAT of TTL 255 do, nor an ECN bit */
	static const uint8_t df_habits[2] = { 0xff, HABIT_MASSCAN | HABIT_NMAP };
	uint32_t dst = hin_addr_v4(&p->dst), marks;
	const struct layout *layout = &layouts[LAYOUT_OF(p->tcp_options)];
	const struct window *window = &windows[WINDOW_OF(p->window)];
	bool known = layout->order == p->tcp_options;
	bool zmap = (p->tcp_flags == TCP_SYN_ALONE) & (!v4 | (p->ip_id != 0)) &
		    ((uint32_t)p->sport - 32768u <= 61000u - 32768u);
	unsigned habits = window->habits & ttl_habits[p->ttl] & layout->habits &
			  df_habits[p->flags & HIN_PACKET_DF];

	habits &= 0u - (unsigned)(known & (window->window == p->window));
	habits &= ~(unsigned)HABIT_ZMAP | zmap;
	marks = (known & (p->ttl <= layout->ttl)) ? layout->stack : HIN_SIGN_NONE;
	/* a window and a TTL leave one program; of masscan alone they say too little */
	marks = habit_marks[habits] != 0 ? habit_marks[habits] : marks;
	marks = (v4 & (p->ip_id == (uint16_t)(dst ^ p->dport ^ p->seq)))
			? HIN_SIGN_MASSCAN |
				  (habits & HABIT_MASSCAN) * (HIN_MARK_SHAPE / HABIT_MASSCAN)
			: marks;
	marks = (v4 & (p->ip_id == 54321))
			? HIN_SIGN_ZMAP | (habits & HABIT_ZMAP) * (HIN_MARK_SHAPE / HABIT_ZMAP)
			: marks;
	return (v4 & (p->seq == dst)) ? HIN_SIGN_MIRAI | HIN_MARK_SHAPE : marks;
}

static_assert(HIN_PACKET_DF == 1, "the flag is an index");

/* How far a habit's bit is from that of HIN_MARK_SHAPE. */
#define SHAPE_OF_ZMAP 4
#define SHAPE_OF_MASSCAN 3
static_assert(HABIT_ZMAP << SHAPE_OF_ZMAP == HIN_MARK_SHAPE &&
		      HABIT_MASSCAN << SHAPE_OF_MASSCAN == HIN_MARK_SHAPE,
	      "habits become marks");

/* First octets under which source_marks_v4() knows something: a bit each. */
static const uint32_t special_octets[8] = {
	1u << 0 | 1u << 10, /* 0, 10 */
	0,
	0,
	1u << (100 - 96) | 1u << (127 - 96), /* 100, 127 */
	0,
	1u << (169 - 160) | 1u << (172 - 160),			   /* 169, 172 */
	1u << (192 - 192) | 1u << (198 - 192) | 1u << (203 - 192), /* 192, 198, 203 */
	UINT32_MAX,						   /* 224 and more */
};

static inline bool octet_is_special(uint32_t octet)
{
	return (special_octets[octet / 32] >> octet % 32 & 1) != 0;
}

static bool is_member(const struct hin_marker *marker, const struct hin_addr *a, bool v4)
{
	if (marker->member == NULL)
		return false;
	if (v4 && (marker->member_v4[hin_addr_v4(a) >> 19] >> (hin_addr_v4(a) >> 16 & 7) & 1) == 0)
		return false;
	return hin_prefix_tree_find(marker->member, a) != HIN_PREFIX_NONE;
}

void hin_marker_set_members(struct hin_marker *marker, const struct hin_prefix_tree *member)
{
	struct hin_prefix p;

	marker->member = member;
	memset(marker->member_v4, 0, sizeof(marker->member_v4));
	for (size_t i = 0; member != NULL && hin_prefix_tree_at(member, i, &p, NULL); i++) {
		uint32_t first = hin_addr_v4(&p.addr) >> 16;
		uint32_t last = first + (p.len < 16 ? (1u << (16 - p.len)) - 1 : 0);

		if (!hin_addr_is_v4(&p.addr))
			continue;
		for (uint32_t block = first; block <= last; block++)
			marker->member_v4[block / 8] |= (uint8_t)(1u << block % 8);
	}
}

/* What an IPv4 packet shows beside its tool, where the dark space is one prefix. */
static inline __attribute__((always_inline)) uint32_t address_marks_v4(
	const struct hin_packet *p, const struct hin_marker *marker)
{
	uint32_t src = hin_addr_v4(&p->src), dst = hin_addr_v4(&p->dst), marks = 0;

	if (HIN_UNLIKELY(octet_is_special(src >> 24)))
		marks = source_marks_v4(src);
	if (HIN_UNLIKELY(((dst ^ marker->dark_base) & marker->dark_mask) != 0))
		marks |= HIN_MARK_OUTSIDE;
	/* nobody lives in the dark space; "land" attacks come from where they go to */
	if (HIN_UNLIKELY(((src ^ marker->dark_base) & marker->dark_mask) == 0 || src == dst))
		marks |= HIN_MARK_SPOOFED;
	if (HIN_UNLIKELY(is_member(marker, &p->src, true)))
		marks |= HIN_MARK_MEMBER;
	return marks;
}

/* The same for any packet and any dark space. */
static __attribute__((noinline)) uint32_t address_marks(const struct hin_packet *p,
							const struct hin_marker *marker)
{
	bool v4 = hin_addr_is_v4(&p->src);
	uint32_t marks =
		v4 ? source_marks_v4(hin_addr_v4(&p->src)) : source_marks_v6(&p->src) | HIN_MARK_V6;

	if (marker->dark != NULL) {
		if (hin_prefix_tree_find(marker->dark, &p->dst) == HIN_PREFIX_NONE)
			marks |= HIN_MARK_OUTSIDE;
		else if (hin_prefix_tree_find(marker->dark, &p->src) != HIN_PREFIX_NONE)
			marks |= HIN_MARK_SPOOFED;
	}
	if (hin_addr_equal(&p->src, &p->dst))
		marks |= HIN_MARK_SPOOFED;
	if (is_member(marker, &p->src, v4))
		marks |= HIN_MARK_MEMBER;
	return marks;
}

static inline __attribute__((always_inline)) uint32_t marks_of(const struct hin_packet *p,
							       const struct hin_marker *marker)
{
	uint32_t marks = HIN_LIKELY((p->flags & HIN_PACKET_V4) && marker->dark_single)
				 ? address_marks_v4(p, marker)
				 : address_marks(p, marker);

	if (HIN_UNLIKELY(marks & HIN_MARK_BOGON) && stays_home(p))
		marks &= ~(uint32_t)(HIN_MARK_BOGON | HIN_MARK_SPOOFED);
	if (HIN_LIKELY(p->kind == HIN_TCP_SYN && p->refusal == HIN_REFUSED_NOTHING))
		return marks | syn_marks(p, (marks & HIN_MARK_V6) == 0);
	if (p->ip_id == 54321 && (p->kind == HIN_UDP || p->kind == HIN_ICMP))
		marks |= HIN_SIGN_ZMAP | (zmap_datagram(p) ? HIN_MARK_SHAPE : 0);
	return marks;
}

/* ---- sixteen packets at once ---- */

#if HAVE_WIDE

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define LANES 16

/* Where the lower halves of the orders differ in their upper four bits: a search found it. */
#define LAYOUT_FACTOR 0x19999e3fu

/* The tables above, for each lane to look into. */
struct wide {
	const struct hin_marker *marker;
	__m512i order_low, order_high, layouts; /* stack, TTL << 8, habits << 16 */
	__m512i windows;			/* window, habits << 16 */
	__m512i habit_marks, special;
	__m512i offsets; /* of the packets, in bytes */
	__m512i swap;	 /* byte order of 32 bits */
};

static bool has_wide(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

WIDE static void wide_prepare(struct wide *w, const struct hin_marker *marker)
{
	uint32_t low[LANES], high[LANES] = { 0 }, says[LANES] = { 0 }, window[LANES] = { 0 },
			     marks[LANES] = { 0 }, special[LANES] = { 0 }, offsets[LANES],
			     swap[LANES];

	memset(low, 0xff, sizeof(low)); /* no order */
	for (unsigned i = 0; i < LAYOUTS; i++) {
		uint32_t order = (uint32_t)layouts[i].order, at = order * LAYOUT_FACTOR >> 28;

		if (layouts[i].ttl == 0)
			continue; /* an empty place */
		low[at] = order;
		high[at] = (uint32_t)(layouts[i].order >> 32);
		says[at] = layouts[i].stack | (uint32_t)layouts[i].ttl << 8 |
			   (uint32_t)layouts[i].habits << 16;
	}
	for (unsigned i = 0; i < HIN_COUNT(windows); i++)
		window[i] = windows[i].window | (uint32_t)windows[i].habits << 16;
	for (unsigned i = 0; i < HIN_COUNT(habit_marks); i++)
		marks[i] = habit_marks[i];
	memcpy(special, special_octets, sizeof(special_octets));
	for (unsigned i = 0; i < LANES; i++) {
		offsets[i] = i * (uint32_t)sizeof(struct hin_packet);
		swap[i] = 0x00010203u + 0x04040404u * (i % 4);
	}
	*w = (struct wide){ .marker = marker,
			    .order_low = _mm512_loadu_si512(low),
			    .order_high = _mm512_loadu_si512(high),
			    .layouts = _mm512_loadu_si512(says),
			    .windows = _mm512_loadu_si512(window),
			    .habit_marks = _mm512_loadu_si512(marks),
			    .special = _mm512_loadu_si512(special),
			    .offsets = _mm512_loadu_si512(offsets),
			    .swap = _mm512_loadu_si512(swap) };
}

/* 32 bits at `at` of each packet. */
#define GATHER(w, packets, at)                                                                     \
	_mm512_i32gather_epi32((w)->offsets, (const uint8_t *)(packets) + (at), 1)

#define SET(value) _mm512_set1_epi32((int)(value))

/* Where `key`, of eight bits, has a bit in `table`. */
WIDE static inline __attribute__((always_inline)) __mmask16 has_bit(__m512i table, __m512i key)
{
	__m512i word = _mm512_permutexvar_epi32(_mm512_srli_epi32(key, 5), table);

	return _mm512_test_epi32_mask(word,
				      _mm512_sllv_epi32(SET(1), _mm512_and_si512(key, SET(31))));
}

/* As syn_marks() for IPv4; `ports`, `ids` and `last` are words of the packets as they lie. */
WIDE static inline __attribute__((always_inline)) __m512i wide_syn_marks(
	const struct wide *w, const struct hin_packet *packets, __m512i dst, __m512i flags,
	__m512i last)
{
	__m512i ports = GATHER(w, packets, offsetof(struct hin_packet, sport));
	__m512i ids = GATHER(w, packets, offsetof(struct hin_packet, ip_id));
	__m512i seq = GATHER(w, packets, offsetof(struct hin_packet, seq));
	__m512i low = GATHER(w, packets, offsetof(struct hin_packet, tcp_options));
	__m512i high = GATHER(w, packets, offsetof(struct hin_packet, tcp_options) + 4);
	__m512i half = SET(0xffff), octet = SET(0xff);
	__m512i sport = _mm512_and_si512(ports, half), dport = _mm512_srli_epi32(ports, 16);
	__m512i id = _mm512_and_si512(ids, half), window = _mm512_srli_epi32(ids, 16);
	__m512i ttl = _mm512_and_si512(_mm512_srli_epi32(last, 8), octet);
	__m512i tcp_flags = _mm512_and_si512(_mm512_srli_epi32(last, 16), octet);
	__m512i at = _mm512_srli_epi32(_mm512_mullo_epi32(low, SET(LAYOUT_FACTOR)), 28);
	__m512i says = _mm512_permutexvar_epi32(at, w->layouts);
	__m512i of_window = _mm512_permutexvar_epi32(
		_mm512_srli_epi32(_mm512_mullo_epi32(window, SET(WINDOW_FACTOR)), 29), w->windows);
	__mmask16 known =
		_mm512_cmpeq_epi32_mask(low, _mm512_permutexvar_epi32(at, w->order_low)) &
		_mm512_cmpeq_epi32_mask(high, _mm512_permutexvar_epi32(at, w->order_high));
	__mmask16 whole =
		known & _mm512_cmpeq_epi32_mask(window, _mm512_and_si512(of_window, half));
	__mmask16 zmap =
		_mm512_cmpeq_epi32_mask(tcp_flags, SET(TCP_SYN_ALONE)) &
		_mm512_test_epi32_mask(id, id) &
		_mm512_cmple_epu32_mask(_mm512_sub_epi32(sport, SET(32768)), SET(61000 - 32768));
	__m512i habits = _mm512_maskz_and_epi32(whole, _mm512_srli_epi32(of_window, 16),
						_mm512_srli_epi32(says, 16));
	__m512i by_ttl = _mm512_setzero_si512(), marks, program, shape, mixed;
	__mmask16 signs;

	by_ttl = _mm512_mask_mov_epi32(by_ttl, _mm512_cmple_epu32_mask(ttl, SET(64)),
				       SET(HABIT_NMAP | HABIT_HPING));
	by_ttl = _mm512_mask_mov_epi32(by_ttl, _mm512_cmpge_epu32_mask(ttl, SET(193)),
				       SET(HABIT_ZMAP | HABIT_MASSCAN));
	habits = _mm512_and_si512(habits, by_ttl);
	habits = _mm512_mask_and_epi32(habits, _mm512_test_epi32_mask(flags, SET(HIN_PACKET_DF)),
				       habits, SET(HABIT_MASSCAN | HABIT_NMAP));
	habits = _mm512_mask_and_epi32(habits, (__mmask16)~zmap, habits, SET(~HABIT_ZMAP));
	marks = _mm512_mask_and_epi32(
		SET(HIN_SIGN_NONE),
		known & _mm512_cmple_epu32_mask(
				ttl, _mm512_and_si512(_mm512_srli_epi32(says, 8), octet)),
		says, octet);
	program = _mm512_permutexvar_epi32(habits, w->habit_marks);
	marks = _mm512_mask_mov_epi32(marks, _mm512_test_epi32_mask(program, program), program);
	mixed = _mm512_and_si512(_mm512_ternarylogic_epi32(dst, dport, seq, 0x96), half);
	shape = _mm512_and_si512(_mm512_slli_epi32(habits, SHAPE_OF_MASSCAN), SET(HIN_MARK_SHAPE));
	signs = _mm512_cmpeq_epi32_mask(id, mixed);
	marks = _mm512_mask_or_epi32(marks, signs, shape, SET(HIN_SIGN_MASSCAN));
	shape = _mm512_and_si512(_mm512_slli_epi32(habits, SHAPE_OF_ZMAP), SET(HIN_MARK_SHAPE));
	signs = _mm512_cmpeq_epi32_mask(id, SET(54321));
	marks = _mm512_mask_or_epi32(marks, signs, shape, SET(HIN_SIGN_ZMAP));
	signs = _mm512_cmpeq_epi32_mask(seq, dst);
	return _mm512_mask_mov_epi32(marks, signs, SET(HIN_SIGN_MIRAI | HIN_MARK_SHAPE));
}

/*
 * Set the marks of LANES packets; returns all of them together. SYNs over IPv4 from ordinary
 * addresses, which nearly all packets are, go together, others one by one.
 */
WIDE static uint32_t wide_mark(const struct wide *w, struct hin_packet *packets)
{
	const struct hin_marker *marker = w->marker;
	__m512i flags = GATHER(w, packets, offsetof(struct hin_packet, flags));
	__m512i kind = GATHER(w, packets, offsetof(struct hin_packet, kind) - 3);
	__m512i last = GATHER(w, packets, offsetof(struct hin_packet, proto));
	__m512i src = _mm512_shuffle_epi8(GATHER(w, packets, offsetof(struct hin_packet, src) + 12),
					  w->swap);
	__m512i dst = _mm512_shuffle_epi8(GATHER(w, packets, offsetof(struct hin_packet, dst) + 12),
					  w->swap);
	__m512i base = SET(marker->dark_base), mask = SET(marker->dark_mask), marks;
	__mmask16 usual =
		_mm512_test_epi32_mask(flags, SET(HIN_PACKET_V4)) &
		_mm512_cmpeq_epi32_mask(_mm512_srli_epi32(kind, 24), SET(HIN_TCP_SYN)) &
		_mm512_cmpeq_epi32_mask(_mm512_srli_epi32(last, 24), SET(HIN_REFUSED_NOTHING)) &
		(__mmask16)~has_bit(w->special, _mm512_srli_epi32(src, 24));
	uint32_t each[LANES], any = 0;

	if (marker->member != NULL) {
		__m512i block = _mm512_srli_epi32(src, 16);
		__m512i word =
			_mm512_i32gather_epi32(_mm512_srli_epi32(block, 5), marker->member_v4, 4);

		usual &= _mm512_testn_epi32_mask(
			word, _mm512_sllv_epi32(SET(1), _mm512_and_si512(block, SET(31))));
	}
	marks = wide_syn_marks(w, packets, dst, flags, last);
	/* address_marks_v4() */
	marks = _mm512_mask_or_epi32(marks,
				     _mm512_test_epi32_mask(_mm512_xor_si512(dst, base), mask),
				     marks, SET(HIN_MARK_OUTSIDE));
	marks = _mm512_mask_or_epi32(marks,
				     _mm512_testn_epi32_mask(_mm512_xor_si512(src, base), mask) |
					     _mm512_cmpeq_epi32_mask(src, dst),
				     marks, SET(HIN_MARK_SPOOFED));
	_mm512_storeu_si512(each, marks);
	for (uint32_t rest = (uint16_t)~usual; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		each[i] = marks_of(&packets[i], marker);
	}
	for (unsigned i = 0; i < LANES; i++) {
		packets[i].marks = each[i];
		any |= each[i];
	}
	return any;
}

WIDE static __attribute__((noinline)) size_t wide_mark_all(struct hin_packet *packets, size_t count,
							   const struct hin_marker *marker,
							   uint32_t *any)
{
	struct wide w;
	size_t i = 0;

	wide_prepare(&w, marker);
	for (; i + LANES <= count; i += LANES)
		*any |= wide_mark(&w, packets + i);
	return i;
}

#endif

uint32_t hin_mark(struct hin_packet *packets, size_t count, const struct hin_marker *marker)
{
	uint32_t any = 0;
	size_t i = 0;

#if HAVE_WIDE
	if (count >= LANES && marker->dark_single && has_wide())
		i = wide_mark_all(packets, count, marker, &any);
#endif
	for (; i < count; i++) {
		packets[i].marks = marks_of(&packets[i], marker);
		any |= packets[i].marks;
	}
	return any;
}
