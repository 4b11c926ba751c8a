/*
 * batch_dump - the rows of files of signed batches as JSON lines, for tests/system.
 *
 * usage: batch_dump KEY FILE     KEY: the sensor's key file, or - to take the signatures on trust
 *
 * Status 1, and a line, when a signature, the chain, the frame or a row is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/batch_file.h"
#include "observe/batch_reader.h"
#include "observe/key.h"
#include "observe/ndjson.h"

static struct hin_batch_reader reader;

static int failed(const struct hin_error *err)
{
	fprintf(stderr, "batch_dump: %s\n", err->text);
	return EXIT_FAILURE;
}

static enum hin_code dump_batch(const uint8_t *bytes, size_t size, const uint8_t *public_key,
				struct hin_error *err)
{
	struct hin_ndjson_writer ndjson = { 0 };
	struct hin_observation row;
	char line[HIN_NDJSON_LINE];
	enum hin_code code = hin_batch_reader_open(&reader, bytes, size, public_key, err);

	while (code == HIN_OK && (code = hin_batch_reader_next(&reader, &row, err)) == HIN_OK)
		fwrite(line, 1, hin_ndjson_write(&ndjson, &row, line), stdout);
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code dump_file(struct hin_batch_file *file, const uint8_t *public_key,
			       struct hin_error *err)
{
	uint8_t previous[32] = { 0 };
	uint64_t sequence = 0;
	const uint8_t *bytes;
	enum hin_code code;
	size_t size;

	while ((code = hin_batch_file_read(file, &bytes, &size, err)) == HIN_OK) {
		code = dump_batch(bytes, size, public_key, err);
		if (code != HIN_OK)
			return code;
		if (sequence > 0 && (reader.header.sequence != sequence + 1 ||
				     memcmp(reader.header.previous, previous, 32) != 0))
			return hin_fail(err, HIN_EVERIFY, "batch %llu does not follow %llu",
					(unsigned long long)reader.header.sequence,
					(unsigned long long)sequence);
		sequence = reader.header.sequence;
		hin_batch_digest(previous, bytes, size);
	}
	return code == HIN_EOF ? HIN_OK : code;
}

int main(int argc, char *argv[])
{
	struct hin_sensor_key key = { 0 };
	struct hin_batch_file *file = NULL;
	struct hin_error err = { 0 };
	bool trust = argc == 3 && strcmp(argv[1], "-") == 0;
	enum hin_code code = HIN_OK;

	if (argc != 3) {
		fputs("usage: batch_dump KEY FILE\n", stderr);
		return 2;
	}
	if (!trust)
		code = hin_sensor_key_load(&key, argv[1], &err);
	if (code == HIN_OK)
		code = hin_batch_file_open(&file, argv[2], &err);
	if (code == HIN_OK)
		code = dump_file(file, trust ? NULL : key.public_key, &err);
	hin_batch_file_close(file);
	return code == HIN_OK ? EXIT_SUCCESS : failed(&err);
}
