/* The wire form against an independent implementation: protobuf-c and schema/observation.proto. */
#include "../test.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observation.pb-c.h"
#include "observe/batch_reader.h"
#include "observe/batch_writer.h"
#include "rows.h"

enum { ROWS = 400 };

static struct hin_sensor_key key;
static struct hin_observation rows[ROWS];

/* Expand a column's runs into a presence for each of `count` rows. */
static void expand_runs(bool *present, size_t count, const uint32_t *runs, size_t n_runs)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++)
		present[i] = n_runs == 0;
	for (size_t i = 0; i < n_runs; i++)
		for (uint32_t k = 0; k < runs[i]; k++) {
			assert_true(at < count);
			present[at++] = i % 2 == 1;
		}
}

/* A column of numbers as one value a row. */
static void expand(uint64_t *out, const Hinomi__Numbers *column, size_t count)
{
	bool present[ROWS];
	size_t next = 0;

	memset(out, 0, count * sizeof(*out));
	if (column == NULL)
		return;
	expand_runs(present, count, column->runs, column->n_runs);
	for (size_t i = 0; i < count; i++) {
		if (!present[i])
			continue;
		out[i] = column->values[column->n_values == 1 ? 0 : next];
		next++;
	}
	assert_true(column->n_values == 1 || column->n_values == next);
}

static int64_t signed_of(uint64_t zigzag)
{
	return zigzag % 2 == 0 ? (int64_t)(zigzag / 2) : -(int64_t)(zigzag / 2) - 1;
}

static void expand_addresses(struct hin_addr *out, bool *present, const Hinomi__Addresses *column,
			     size_t count)
{
	bool v6[ROWS];
	size_t at = 0, next4 = 0, next6 = 0;

	memset(present, 0, count);
	if (column == NULL)
		return;
	expand_runs(present, count, column->runs, column->n_runs);
	if (column->n_v6_runs > 0)
		expand_runs(v6, count, column->v6_runs, column->n_v6_runs);
	else
		memset(v6, column->v6.len > 0, sizeof(v6));
	for (size_t i = 0; i < count; i++) {
		if (!present[i])
			continue;
		if (v6[at++])
			memcpy(out[i].b, column->v6.data + 16 * next6++, 16);
		else
			out[i] = hin_addr_of_v4(column->v4[next4++]);
	}
	assert_int_equal(next4, column->n_v4);
	assert_int_equal(next6 * 16, column->v6.len);
}

static void expand_digests(uint8_t *out, size_t stride, const Hinomi__Digests *column, size_t size,
			   size_t count)
{
	bool present[ROWS];
	size_t next = 0;

	if (column == NULL)
		return;
	expand_runs(present, count, column->runs, column->n_runs);
	for (size_t i = 0; i < count; i++)
		if (present[i])
			memcpy(out + i * stride, column->values.data + size * next++, size);
	assert_int_equal(next * size, column->values.len);
}

static void expand_words(struct hin_observation *out, const Hinomi__Words *column, size_t count)
{
	bool present[ROWS];
	size_t next = 0;

	if (column == NULL)
		return;
	expand_runs(present, count, column->runs, column->n_runs);
	for (size_t i = 0; i < count; i++)
		if (present[i])
			strcpy(out[i].version, column->values[next++]);
	assert_int_equal(next, column->n_values);
}

static void expand_tags(struct hin_observation *out, const Hinomi__Tags *column, size_t count)
{
	uint64_t counts[ROWS];
	size_t next = 0;

	if (column == NULL)
		return;
	expand(counts, column->counts, count);
	for (size_t i = 0; i < count; i++) {
		out[i].tag_count = (uint8_t)counts[i];
		for (size_t k = 0; k < counts[i]; k++)
			out[i].tags[k] = (uint16_t)column->values[next++];
	}
	assert_int_equal(next, column->n_values);
}

/* The rows of a batch as the .proto's comments explain them. */
static void rows_of(struct hin_observation *out, const Hinomi__Batch *batch)
{
	size_t count = batch->rows;
	struct hin_addr addresses[ROWS];
	uint64_t numbers[ROWS];
	bool present[ROWS];
	int64_t time = batch->time_base, kind = 0;

	memset(out, 0, count * sizeof(*out));
	expand(numbers, batch->time, count);
	for (size_t i = 0; i < count; i++)
		out[i].time_us = time += signed_of(numbers[i]);
	expand(numbers, batch->kind, count);
	for (size_t i = 0; i < count; i++)
		out[i].kind = (uint16_t)(kind += signed_of(numbers[i]));
#define NUMBERS(column, member, type)                                                              \
	expand(numbers, batch->column, count);                                                     \
	for (size_t i = 0; i < count; i++)                                                         \
	out[i].member = (type)numbers[i]
	NUMBERS(duration, duration_us, uint64_t);
	NUMBERS(src_len, src_len, uint8_t);
	NUMBERS(dst_len, dst_len, uint8_t);
	NUMBERS(sport, sport, uint16_t);
	NUMBERS(dport, dport, uint16_t);
	NUMBERS(proto, proto, uint8_t);
	NUMBERS(service, service, uint16_t);
	NUMBERS(tcp_flags, tcp_flags, uint8_t);
	NUMBERS(packets, packets, uint64_t);
	NUMBERS(bytes, bytes, uint64_t);
	NUMBERS(targets, targets, uint32_t);
	NUMBERS(ports, ports, uint32_t);
	NUMBERS(sample, sample, uint32_t);
	NUMBERS(tool, tool, uint16_t);
	NUMBERS(rule, rule, uint32_t);
	NUMBERS(confidence, confidence, uint8_t);
	NUMBERS(technique, technique, uint16_t);
	NUMBERS(verdict, verdict, uint8_t);
	NUMBERS(product, product, uint64_t);
	NUMBERS(link, link, uint64_t);
	NUMBERS(parent, parent, uint64_t);
	NUMBERS(device_basis, device_basis, uint8_t);
	NUMBERS(artifact_type, artifact_type, uint8_t);
#undef NUMBERS
	expand_addresses(addresses, present, batch->src, count);
	for (size_t i = 0; i < count; i++)
		if (present[i])
			hin_observation_set_src(&out[i], &addresses[i]);
	expand_addresses(addresses, present, batch->dst, count);
	for (size_t i = 0; i < count; i++)
		if (present[i])
			hin_observation_set_dst(&out[i], &addresses[i]);
	expand_digests(out[0].device, sizeof(out[0]), batch->device, 16, count);
	expand_digests(out[0].artifact, sizeof(out[0]), batch->artifact, 32, count);
	expand_digests(out[0].evidence, sizeof(out[0]), batch->evidence, 32, count);
	expand_words(out, batch->version, count);
	expand_tags(out, batch->tags, count);
}

static void make_rows(uint64_t *seed, size_t count, int round)
{
	for (size_t i = 0; i < count; i++) {
		if (round % 3 == 1 && i % 7 > 0)
			rows[i] = rows_flow(seed);
		else if (i > 0 && rows_below(seed, 3) == 0)
			rows[i] = rows[i - 1];
		else
			rows[i] = rows_any(seed);
	}
}

/* What we write, protobuf-c reads; what it writes of that is the same bytes. */
static void our_bytes_are_protocol_buffers(void **state)
{
	struct hin_batch_mark start = { .epoch = 0x0123456789abcdef };
	struct hin_batch_writer *w = NULL;
	static struct hin_observation got[ROWS];
	uint64_t seed = 11;

	(void)state;
	assert_int_equal(hin_batch_writer_open(&w, &key, &start, ROWS, NULL), HIN_OK);
	for (int round = 0; round < 40; round++) {
		size_t count = 1 + rows_below(&seed, round % 2 ? ROWS : 9), size;
		Hinomi__Batch *batch;
		const uint8_t *bytes;
		uint8_t *again;

		hin_batch_writer_set_clock(w, (int32_t)rows_random(&seed), 2);
		make_rows(&seed, count, round);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(hin_batch_writer_add(w, &rows[i], NULL), HIN_OK);
		assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
		batch = hinomi__batch__unpack(NULL, size, bytes);
		assert_non_null(batch);
		assert_int_equal(batch->schema, HIN_BATCH_SCHEMA);
		assert_int_equal(batch->rows, count);
		assert_int_equal(batch->sequence, round + 1);
		assert_true(batch->epoch == start.epoch);
		assert_int_equal(batch->previous.len, round > 0 ? 32 : 0);
		assert_int_equal(batch->signature.len, 64);
		rows_of(got, batch);
		for (size_t i = 0; i < count; i++)
			if (!hin_observation_equal(&rows[i], &got[i]))
				fail_msg("round %d: row %zu differs", round, i);
		assert_int_equal(hinomi__batch__get_packed_size(batch), size);
		again = malloc(size);
		assert_non_null(again);
		assert_int_equal(hinomi__batch__pack(batch, again), size);
		assert_memory_equal(again, bytes, size);
		free(again);
		hinomi__batch__free_unpacked(batch, NULL);
	}
	hin_batch_writer_close(w);
}

/* Sign what protobuf-c packed, as the .proto says. */
static uint8_t *pack_and_sign(Hinomi__Batch *batch, size_t *size)
{
	uint8_t message[15 + 32] = "hinomi batch 1";
	uint8_t *bytes;

	free(batch->signature.data);
	batch->signature = (ProtobufCBinaryData){ 0 };
	*size = hinomi__batch__get_packed_size(batch);
	bytes = malloc(*size + HIN_BATCH_SIGNATURE);
	assert_non_null(bytes);
	assert_int_equal(hinomi__batch__pack(batch, bytes), *size);
	crypto_hash_sha256(message + 15, bytes, *size);
	memcpy(bytes + *size, "\xfa\x7f\x40", 3);
	crypto_sign_detached(bytes + *size + 3, NULL, message, sizeof(message), key.secret);
	*size += HIN_BATCH_SIGNATURE;
	return bytes;
}

/* Another writer may write every row of a column: no runs, no constants. */
static void make_dense(Hinomi__Numbers *column, size_t count)
{
	uint64_t numbers[ROWS];

	if (column == NULL)
		return;
	expand(numbers, column, count);
	free(column->runs);
	free(column->values);
	column->runs = NULL;
	column->n_runs = 0;
	column->values = malloc(count * sizeof(*column->values));
	assert_non_null(column->values);
	memcpy(column->values, numbers, count * sizeof(*numbers));
	column->n_values = count;
}

static void we_read_other_writers(void **state)
{
	struct hin_batch_mark start = { .epoch = 1 };
	struct hin_batch_writer *w = NULL;
	uint64_t seed = 12;

	(void)state;
	assert_int_equal(hin_batch_writer_open(&w, &key, &start, ROWS, NULL), HIN_OK);
	for (int round = 0; round < 10; round++) {
		struct hin_batch_reader r;
		struct hin_observation got;
		struct hin_error err = { 0 };
		Hinomi__Batch *batch;
		const uint8_t *bytes;
		uint8_t *own;
		size_t size;

		make_rows(&seed, ROWS, round);
		for (size_t i = 0; i < ROWS; i++)
			assert_int_equal(hin_batch_writer_add(w, &rows[i], NULL), HIN_OK);
		assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
		batch = hinomi__batch__unpack(NULL, size, bytes);
		assert_non_null(batch);
		make_dense(batch->time, ROWS);
		make_dense(batch->kind, ROWS);
		make_dense(batch->sport, ROWS);
		make_dense(batch->packets, ROWS);
		make_dense(batch->rule, ROWS);
		make_dense(batch->link, ROWS);
		if (batch->tags != NULL)
			make_dense(batch->tags->counts, ROWS);
		own = pack_and_sign(batch, &size);
		if (hin_batch_reader_open(&r, own, size, key.public_key, &err) != HIN_OK)
			fail_msg("%s", err.text);
		for (size_t i = 0; i < ROWS; i++) {
			assert_int_equal(hin_batch_reader_next(&r, &got, &err), HIN_OK);
			assert_true(hin_observation_equal(&rows[i], &got));
		}
		free(own);
		hinomi__batch__free_unpacked(batch, NULL);
	}
	hin_batch_writer_close(w);
}

/* A third implementation: protoc knows every field by its name. */
static void protoc_decodes_our_bytes(void **state)
{
	const char *source = getenv("HINOMI_SOURCE");
	char path[] = "/tmp/hinomi-proto-XXXXXX", command[4096];
	static char line[1 << 16];
	struct hin_batch_mark start = { .epoch = 1 };
	struct hin_batch_writer *w = NULL;
	bool rows_seen = false, link_seen = false;
	uint64_t seed = 13;
	const uint8_t *bytes;
	size_t size;
	FILE *out;
	int fd;

	(void)state;
	if (source == NULL || system("command -v protoc >/dev/null") != 0)
		skip();
	assert_int_equal(hin_batch_writer_open(&w, &key, &start, ROWS, NULL), HIN_OK);
	for (size_t i = 0; i < 100; i++) {
		struct hin_observation row = rows_fill(&seed, HIN_KIND_PRIVATE, UINT64_MAX);

		row.link = 1234567890123;
		assert_int_equal(hin_batch_writer_add(w, &row, NULL), HIN_OK);
	}
	assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	snprintf(command, sizeof(command),
		 "protoc --proto_path='%s/schema' --decode=hinomi.Batch observation.proto <%s",
		 source, path);
	out = popen(command, "r");
	assert_non_null(out);
	while (fgets(line, sizeof(line), out) != NULL) {
		const char *text = line + strspn(line, " ");

		rows_seen |= strcmp(text, "rows: 100\n") == 0;
		link_seen |= strcmp(text, "values: 1234567890123\n") == 0;
		if (text[0] >= '0' && text[0] <= '9')
			fail_msg("unknown field: %s", line);
	}
	assert_int_equal(pclose(out), 0);
	assert_true(rows_seen && link_seen);
	unlink(path);
	hin_batch_writer_close(w);
}

static int make_key(void **state)
{
	static const uint8_t seed[32] = { 7 };

	(void)state;
	return hin_sensor_key_of_seed(&key, seed, NULL) == HIN_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_bytes_are_protocol_buffers),
		cmocka_unit_test(we_read_other_writers),
		cmocka_unit_test(protoc_decodes_our_bytes),
	};

	return cmocka_run_group_tests(tests, make_key, NULL);
}
