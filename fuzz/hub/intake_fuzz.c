/*
 * What a sensor's request says, as the hub reads it: a query, and a body that is packed or not, of
 * batches behind their lengths. First byte: packed or not; then the query up to a newline; then the
 * body. What unpacks is cut into batches, and each is given to the ingest of a store that is thrown
 * away from time to time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/ingest.h"
#include "hub/intake.h"

#define NOW (INT64_C(1795333803) * 1000000000)
#define STORED_MAX 200 /* batches, then the store begins anew */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/hinomi-intake-fuzz-XXXXXX";
static struct hin_sensor_key hub_key, key;
static struct hin_sensors *sensors;
static struct hin_ingest *in;

static void remove_all(void)
{
	char command[200];

	hin_ingest_close(in);
	hin_sensors_free(sensors);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		abort();
}

static void open_all(void)
{
	struct hin_ingest_settings settings = { .store = folder, .key = &hub_key };

	sensors = settings.sensors = hin_sensors_new();
	if (sensors == NULL || hin_ingest_open(&in, &settings, NULL) != HIN_OK)
		abort();
}

static void begin(void)
{
	static const uint8_t seeds[2][32] = { { 1 }, { 7 } };

	hin_log_setup(-1, HIN_LOG_ERROR);
	if (mkdtemp(folder) == NULL || atexit(remove_all) != 0 ||
	    hin_sensor_key_of_seed(&hub_key, seeds[0], NULL) != HIN_OK ||
	    hin_sensor_key_of_seed(&key, seeds[1], NULL) != HIN_OK)
		abort();
	open_all();
}

static void take_batches(const struct hin_buffer *body, const struct hin_intake_query *query)
{
	struct hin_reader reader = hin_reader_of(body->data, body->used);
	struct hin_ingest_sender sender = { .known = query->known };
	char reason[HIN_CARRIER_REASON];

	memcpy(sender.id, key.id, sizeof(sender.id));
	memcpy(sender.public_key, key.public_key, sizeof(sender.public_key));
	for (int i = 0; reader.left > 0 && i < HIN_CARRIER_BATCHES; i++) {
		uint32_t length = hin_read_le32(&reader);
		const uint8_t *bytes = hin_read_bytes(&reader, length);

		if (bytes == NULL)
			break;
		(void)hin_ingest_batch(in, &sender, bytes, length, NOW, reason);
		if (strlen(reason) >= sizeof(reason))
			abort();
	}
	if (hin_ingest_commit(in, NULL) != HIN_OK)
		abort();
	if (hin_ingest_count(in)->stored >= STORED_MAX) {
		char command[200];

		hin_ingest_close(in);
		hin_sensors_free(sensors);
		snprintf(command, sizeof(command), "rm -rf %s/*", folder);
		if (system(command) != 0)
			abort();
		open_all();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_intake_query query = { 0 };
	struct hin_buffer body = { 0 };
	char text[200] = "", *part[4] = { 0 }, *at = text;
	const uint8_t *newline;
	struct hin_error err;
	size_t length;

	if (in == NULL)
		begin();
	newline = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
	if (newline == NULL)
		return 0;
	length = (size_t)(newline - data) - 1;
	memcpy(text, data + 1, length < sizeof(text) ? length : sizeof(text) - 1);
	for (size_t i = 0; i < HIN_COUNT(part) && at != NULL; i++)
		part[i] = strsep(&at, "&");
	if (hin_intake_query(&query, part[0], part[1], part[2], part[3], &err) == HIN_OK &&
	    (query.count > HIN_CARRIER_BATCHES || strlen(query.version) >= sizeof(query.version)))
		abort();
	if (hin_intake_unpack(&body, newline + 1, size - (size_t)(newline + 1 - data),
			      (data[0] & 1) != 0, &err) == HIN_OK) {
		if (body.used > HIN_CARRIER_LOAD)
			abort();
		take_batches(&body, &query);
	}
	hin_buffer_fini(&body);
	return 0;
}
