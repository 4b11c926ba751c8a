/* column_pack - numbers as bits, and the checksum; see column_priv.h */
#include <pthread.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "store/column_priv.h"

void hin_pack(uint8_t *out, const uint32_t *values, size_t count, unsigned width)
{
	uint64_t word = 0;
	unsigned used = 0;

	if (width == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		word |= (uint64_t)values[i] << used;
		used += width;
		if (used >= 32) {
			uint32_t low = HIN_LE32((uint32_t)word);

			memcpy(out, &low, sizeof(low));
			out += sizeof(low);
			word >>= 32;
			used -= 32;
		}
	}
	word = HIN_LE64(word);
	memcpy(out, &word, sizeof(word));
}

static void unpack_plain(uint32_t *out, const uint8_t *in, size_t from, size_t count,
			 unsigned width)
{
	for (size_t i = from; i < count; i++)
		out[i] = hin_unpack_one(in, i, width);
}

#if defined(__x86_64__)
#define LANE_WIDTH 25u /* bits, so that with seven before them they fit 32 */

/*
 * Eight numbers at a time: `width` bytes, of which each half of a register takes 16, enough for its
 * four. Returns how many were unpacked.
 */
__attribute__((target("avx2"))) static size_t unpack_by_machine(uint32_t *out, const uint8_t *in,
								size_t count, unsigned width)
{
	__m256i mask = _mm256_set1_epi32((int)((1u << width) - 1)), pick, shift;
	uint8_t places[32];
	uint32_t shifts[8];
	size_t i = 0;

	for (unsigned k = 0; k < 8; k++) {
		/* from the byte that the half is loaded from */
		unsigned bit = k * width - (k < 4 ? 0 : 4 * width / 8 * 8);

		for (unsigned b = 0; b < 4; b++)
			places[4 * k + b] = (uint8_t)(bit / 8 + b);
		shifts[k] = bit % 8;
	}
	pick = _mm256_loadu_si256((const void *)places);
	shift = _mm256_loadu_si256((const void *)shifts);
	for (; i + 8 <= count; i += 8, in += width) {
		__m128i low = _mm_loadu_si128((const void *)in);
		__m128i high = _mm_loadu_si128((const void *)(in + 4 * width / 8));
		__m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);

		both = _mm256_srlv_epi32(_mm256_shuffle_epi8(both, pick), shift);
		_mm256_storeu_si256((void *)(out + i), _mm256_and_si256(both, mask));
	}
	return i;
}
#endif

void hin_unpack(uint32_t *out, const uint8_t *in, size_t count, unsigned width)
{
	size_t done = 0;

	if (width == 0) {
		memset(out, 0, count * sizeof(*out));
		return;
	}
	if (width == 8) {
		for (size_t i = 0; i < count; i++)
			out[i] = in[i];
		return;
	}
	if (width == 16) {
		for (size_t i = 0; i < count; i++)
			out[i] = in[2 * i] | (uint32_t)in[2 * i + 1] << 8;
		return;
	}
#if defined(__x86_64__)
	if (width <= LANE_WIDTH && __builtin_cpu_supports("avx2"))
		done = unpack_by_machine(out, in, count, width);
#endif
	unpack_plain(out, in, done, count, width);
}

static inline __attribute__((always_inline)) void mask_plain(uint8_t *mask, const uint32_t *values,
							     size_t count, uint32_t low,
							     uint32_t width)
{
	for (size_t i = 0; i < count; i++)
		mask[i] = values[i] - low <= width;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void mask_by_machine(uint8_t *mask, const uint32_t *values,
							    size_t count, uint32_t low,
							    uint32_t width)
{
	mask_plain(mask, values, count, low, width);
}
#endif

void hin_mask_range(uint8_t *mask, const uint32_t *values, size_t count, uint32_t low,
		    uint32_t width)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2")) {
		mask_by_machine(mask, values, count, low, width);
		return;
	}
#endif
	mask_plain(mask, values, count, low, width);
}

/* ---- patched ---- */

#define PATCHED_HEAD 5 /* width, and how many exceptions */
#define PATCH_SIZE 6   /* position and high bits of an exception */

/* The width at which packed bits and exceptions are fewest, and how many exceptions there are. */
static unsigned best_width(const uint32_t *values, size_t count, size_t *exceptions)
{
	size_t of_width[33] = { 0 }, above = 0, best = SIZE_MAX;
	unsigned width = 0;

	for (size_t i = 0; i < count; i++)
		of_width[hin_bits(values[i])]++;
	for (unsigned w = 32;; w--) {
		size_t size = hin_packed_size(count, w) + above * PATCH_SIZE;

		if (size < best) {
			best = size;
			width = w;
			*exceptions = above;
		}
		if (w == 0)
			return width;
		above += of_width[w];
	}
}

size_t hin_patched_size(const uint32_t *values, size_t count)
{
	size_t exceptions = 0;
	unsigned width = best_width(values, count, &exceptions);

	return PATCHED_HEAD + hin_packed_size(count, width) + exceptions * PATCH_SIZE;
}

void hin_patched_write(struct hin_buffer *out, const uint32_t *values, size_t count)
{
	size_t exceptions = 0, packed, size;
	unsigned width = best_width(values, count, &exceptions);
	uint32_t low[256], mask = (uint32_t)((UINT64_C(1) << width) - 1);
	uint32_t exceptions_le = HIN_LE32((uint32_t)exceptions);
	uint8_t *at, *start;

	packed = hin_packed_size(count, width);
	size = PATCHED_HEAD + packed + exceptions * PATCH_SIZE;
	start = (uint8_t *)hin_buffer_reserve(out, size + (size_t)2 * HIN_COLUMN_SLACK);
	if (start == NULL)
		return;
	start[0] = (uint8_t)width;
	memcpy(start + 1, &exceptions_le, 4);
	at = start + PATCHED_HEAD;
	/* 256 numbers end at a byte, whatever their width */
	for (size_t i = 0; i < count; i += HIN_COUNT(low)) {
		size_t some = count - i < HIN_COUNT(low) ? count - i : HIN_COUNT(low);

		for (size_t k = 0; k < some; k++)
			low[k] = values[i + k] & mask;
		hin_pack(at, low, some, width);
		at += hin_packed_size(some, width);
	}
	for (size_t i = 0; exceptions > 0 && i < count; i++) {
		uint16_t position = HIN_LE16((uint16_t)i);
		uint32_t high = (uint32_t)((uint64_t)values[i] >> width);

		if (high == 0)
			continue;
		high = HIN_LE32(high);
		memcpy(at, &position, 2);
		memcpy(at + 2, &high, 4);
		at += PATCH_SIZE;
	}
	hin_buffer_commit(out, size);
}

bool hin_patched_read(struct hin_reader *in, uint32_t *out, size_t count)
{
	uint8_t width = hin_read_u8(in);
	uint32_t exceptions = hin_read_le32(in);
	const uint8_t *packed;
	int last = -1;

	if (in->failed || width > 32 || exceptions > count)
		return false;
	packed = hin_read_bytes(in, hin_packed_size(count, width));
	if (packed == NULL)
		return false;
	hin_unpack(out, packed, count, width);
	for (uint32_t i = 0; i < exceptions; i++) {
		uint16_t position = hin_read_le16(in);
		uint32_t high = hin_read_le32(in);

		if (position >= count || (int)position <= last ||
		    (uint64_t)high << width > UINT32_MAX)
			return false;
		last = position;
		out[position] |= (uint32_t)((uint64_t)high << width);
	}
	return !in->failed;
}

bool hin_patched_pick(struct hin_reader *in, size_t count, const uint32_t *rows, size_t some,
		      uint32_t *out)
{
	uint8_t width = hin_read_u8(in);
	uint32_t exceptions = hin_read_le32(in);
	const uint8_t *packed, *patches;
	size_t next = 0;

	if (in->failed || width > 32 || exceptions > count)
		return false;
	packed = hin_read_bytes(in, hin_packed_size(count, width));
	patches = hin_read_bytes(in, (size_t)exceptions * PATCH_SIZE);
	if (packed == NULL || patches == NULL)
		return false;
	for (size_t i = 0; i < some; i++)
		out[i] = width > 0 ? hin_unpack_one(packed, rows[i], width) : 0;
	/* both ascend */
	for (uint32_t i = 0; i < exceptions && next < some; i++) {
		struct hin_reader patch =
			hin_reader_of(patches + (size_t)i * PATCH_SIZE, PATCH_SIZE);
		uint16_t position = hin_read_le16(&patch);
		uint64_t high = (uint64_t)hin_read_le32(&patch) << width;

		while (next < some && rows[next] < position)
			next++;
		if (next == some || rows[next] != position)
			continue;
		if (high > UINT32_MAX)
			return false;
		out[next] |= (uint32_t)high;
	}
	return true;
}

/* ---- ascending: Elias-Fano, low bits packed and high bits unary ---- */

static unsigned low_width(size_t count, uint32_t max)
{
	uint64_t each = ((uint64_t)max + 1) / count;

	return each <= 1 ? 0 : hin_bits(each) - 1;
}

/* Words of 64 bits for the unary part. */
static size_t unary_words(size_t count, uint32_t max, unsigned low)
{
	return (count + (max >> low) + 1 + 63) / 64;
}

void hin_ascending_write(struct hin_buffer *out, const uint32_t *values, size_t count, uint32_t max)
{
	unsigned low = low_width(count, max);
	size_t words = unary_words(count, max, low), packed = hin_packed_size(count, low);
	uint32_t mask = (uint32_t)((UINT64_C(1) << low) - 1), piece[256];
	uint8_t *at = (uint8_t *)hin_buffer_reserve(out, words * 8 + packed + HIN_COLUMN_SLACK);
	uint8_t *lows;

	if (at == NULL)
		return;
	memset(at, 0, words * 8);
	for (size_t i = 0; i < count; i++) {
		size_t bit = (values[i] >> low) + i;

		at[bit / 8] = (uint8_t)(at[bit / 8] | 1u << bit % 8);
	}
	lows = at + words * 8;
	for (size_t i = 0; i < count; i += HIN_COUNT(piece)) {
		size_t some = count - i < HIN_COUNT(piece) ? count - i : HIN_COUNT(piece);

		for (size_t k = 0; k < some; k++)
			piece[k] = values[i + k] & mask;
		hin_pack(lows, piece, some, low);
		lows += hin_packed_size(some, low);
	}
	hin_buffer_commit(out, words * 8 + packed);
}

bool hin_ascending_read(struct hin_reader *in, uint32_t *out, size_t count, uint32_t max)
{
	unsigned low = low_width(count, max);
	size_t words = unary_words(count, max, low), done = 0;
	const uint8_t *unary = hin_read_bytes(in, words * 8);
	const uint8_t *lows = hin_read_bytes(in, hin_packed_size(count, low));

	if (unary == NULL || lows == NULL)
		return false;
	hin_unpack(out, lows, count, low);
	for (size_t w = 0; w < words; w++) {
		uint64_t word;

		memcpy(&word, unary + 8 * w, sizeof(word));
		for (word = HIN_LE64(word); word != 0; word &= word - 1) {
			size_t bit = 64 * w + (unsigned)__builtin_ctzll(word);

			if (done == count)
				return false;
			out[done] |= (uint32_t)((bit - done) << low);
			done++;
		}
	}
	if (done != count)
		return false;
	/* damaged bytes cannot be trusted to ascend, and `max` bounds what is looked up with them
	 */
	for (size_t i = 1; i < count; i++)
		if (out[i] <= out[i - 1])
			return false;
	return out[count - 1] <= max;
}

/* Words of 64 bits until one has the one number `*left` (0: the first), or all; `*left` falls. */
static inline __attribute__((always_inline)) size_t skip_words(const uint8_t *unary, size_t words,
							       uint64_t flip, size_t *left)
{
	size_t w = 0;

	for (; w < words; w++) {
		uint64_t word;
		size_t ones;

		memcpy(&word, unary + 8 * w, sizeof(word));
		ones = (size_t)__builtin_popcountll(word ^ flip);
		if (ones > *left)
			break;
		*left -= ones;
	}
	return w;
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static size_t skip_by_machine(const uint8_t *unary, size_t words,
								uint64_t flip, size_t *left)
{
	return skip_words(unary, words, flip, left);
}
#endif

/* The place of the one number `left` among bits that are turned by `flip`; all when there is none.
 */
static size_t find_one(const uint8_t *unary, size_t words, uint64_t flip, size_t left)
{
	uint64_t word;
	size_t w;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("popcnt"))
		w = skip_by_machine(unary, words, flip, &left);
	else
#endif
		w = skip_words(unary, words, flip, &left);
	if (w == words)
		return 64 * words;
	memcpy(&word, unary + 8 * w, sizeof(word));
	for (word = HIN_LE64(word) ^ flip; left > 0; left--)
		word &= word - 1;
	return 64 * w + (unsigned)__builtin_ctzll(word);
}

bool hin_ascending_rank(struct hin_reader *in, size_t count, uint32_t max, uint64_t value,
			uint32_t *out)
{
	unsigned low = low_width(count, max);
	size_t words = unary_words(count, max, low), high = (size_t)(value >> low), bit = 0, i;
	const uint8_t *unary = hin_read_bytes(in, words * 8);
	const uint8_t *lows = hin_read_bytes(in, hin_packed_size(count, low));
	uint32_t below = (uint32_t)(value & ((UINT64_C(1) << low) - 1));

	if (unary == NULL || lows == NULL)
		return false;
	if (value > max) {
		*out = (uint32_t)count;
		return true;
	}
	/* a zero ends the numbers of each high part */
	if (high > 0)
		bit = find_one(unary, words, UINT64_MAX, high - 1) + 1;
	if (bit < high || bit - high > count)
		return false;
	for (i = bit - high; i < count && bit < 64 * words; i++, bit++)
		if (!(unary[bit / 8] >> bit % 8 & 1) || hin_unpack_one(lows, i, low) >= below)
			break;
	*out = (uint32_t)i;
	return true;
}

bool hin_ascending_at(struct hin_reader *in, size_t count, uint32_t max, size_t at, uint32_t *out)
{
	unsigned low = low_width(count, max);
	size_t words = unary_words(count, max, low), bit;
	const uint8_t *unary = hin_read_bytes(in, words * 8);
	const uint8_t *lows = hin_read_bytes(in, hin_packed_size(count, low));
	uint64_t value;

	if (unary == NULL || lows == NULL || at >= count)
		return false;
	bit = find_one(unary, words, 0, at);
	value = ((uint64_t)(bit - at) << low) | hin_unpack_one(lows, at, low);
	if (bit == 64 * words || value > max)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* ---- CRC-32C ---- */

static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t sum = i;

		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ ((0 - (sum & 1)) & 0x82f63b78u);
		tables[0][i] = sum;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
}

static uint32_t sum_by_table(uint32_t sum, const uint8_t *at, size_t size)
{
	pthread_once(&tables_once, make_tables);
	for (; size >= 8; size -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		word = HIN_LE64(word) ^ sum;
		sum = tables[7][word & 255] ^ tables[6][word >> 8 & 255] ^
		      tables[5][word >> 16 & 255] ^ tables[4][word >> 24 & 255] ^
		      tables[3][word >> 32 & 255] ^ tables[2][word >> 40 & 255] ^
		      tables[1][word >> 48 & 255] ^ tables[0][word >> 56];
	}
	for (; size > 0; size--, at++)
		sum = sum >> 8 ^ tables[0][(sum ^ *at) & 255];
	return sum;
}

#if defined(__x86_64__)
/* An instruction takes three turns for eight bytes: three stretches at a time take no longer. */
#define LANE ((size_t)1024)

static uint32_t lane_tables[4][256]; /* what LANE bytes of zero make of each byte of a sum */
static pthread_once_t lanes_once = PTHREAD_ONCE_INIT;

static void make_lanes(void)
{
	uint32_t basis[32];

	pthread_once(&tables_once, make_tables);
	for (unsigned bit = 0; bit < 32; bit++) {
		basis[bit] = UINT32_C(1) << bit;
		for (size_t i = 0; i < LANE; i++)
			basis[bit] = basis[bit] >> 8 ^ tables[0][basis[bit] & 255];
	}
	for (unsigned byte = 0; byte < 4; byte++)
		for (unsigned value = 0; value < 256; value++)
			for (unsigned bit = 0; bit < 8; bit++)
				if (value >> bit & 1)
					lane_tables[byte][value] ^= basis[8 * byte + bit];
}

static uint32_t behind_lane(uint64_t sum)
{
	return lane_tables[0][sum & 255] ^ lane_tables[1][sum >> 8 & 255] ^
	       lane_tables[2][sum >> 16 & 255] ^ lane_tables[3][sum >> 24 & 255];
}

static uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

__attribute__((target("sse4.2"))) static uint32_t sum_by_machine(uint32_t sum, const uint8_t *at,
								 size_t size)
{
	uint64_t wide = sum, second, third;

	if (size >= 3 * LANE)
		pthread_once(&lanes_once, make_lanes);
	for (; size >= 3 * LANE; size -= 3 * LANE, at += 3 * LANE) {
		second = third = 0;
		for (size_t i = 0; i < LANE; i += 8) {
			wide = __builtin_ia32_crc32di(wide, word_at(at + i));
			second = __builtin_ia32_crc32di(second, word_at(at + LANE + i));
			third = __builtin_ia32_crc32di(third, word_at(at + 2 * LANE + i));
		}
		wide = behind_lane(behind_lane(wide) ^ second) ^ third;
	}
	for (; size >= 8; size -= 8, at += 8)
		wide = __builtin_ia32_crc32di(wide, word_at(at));
	sum = (uint32_t)wide;
	for (; size > 0; size--, at++)
		sum = __builtin_ia32_crc32qi(sum, *at);
	return sum;
}
#endif

uint32_t hin_sum(const void *data, size_t size)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~sum_by_machine(UINT32_MAX, data, size);
#endif
	return ~sum_by_table(UINT32_MAX, data, size);
}
