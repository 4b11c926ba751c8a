/* recording_sample FOLDER - recordings for recording_format_test.py, and what they hold */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/record/recording.h"
#include "observe/registry_numbers.h"

#define NOON INT64_C(1763812800000000)

static void die(const char *what)
{
	fprintf(stderr, "recording_sample: %s\n", what);
	exit(1);
}

static uint64_t begin(struct hin_recorder *recorder, unsigned client, bool v6)
{
	struct hin_recording_about about = { .time_us = NOON + client,
					     .client = hin_addr_of_v4(0xc6336400 + client),
					     .server = hin_addr_of_v4(0x0a000005),
					     .client_port = 40000,
					     .server_port = 22,
					     .service = HIN_SERVICE_SSH,
					     .host = "fileserver",
					     .persona = "debian12" };
	uint64_t number;

	if (v6)
		about.client = (struct hin_addr){ { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	if (hin_recorder_begin(recorder, &about, &number) != HIN_OK)
		die("begin");
	return number;
}

int main(int argc, char *argv[])
{
	static const char greeting[] = "a greeting of the server that everybody is told";
	struct hin_recording_settings settings = { .write_interval_ns = 1000,
						   .sync_interval_ns = 1000,
						   .seal_interval_ns = 1000,
						   .segment_bytes = 1 << 20,
						   .session_bytes = 100,
						   .source_bytes = 1 << 20,
						   .memory_bytes = 1 << 20,
						   .max_bytes = 1 << 30 };
	static const uint8_t seed[32] = { 3 };
	struct hin_recorder *recorder;
	struct hin_sensor_key key;
	struct hin_error err;
	uint8_t digest[32];

	if (argc != 2 || hin_sensor_key_of_seed(&key, seed, &err) != HIN_OK)
		die("usage: recording_sample FOLDER");
	for (unsigned segment = 0; segment < 2; segment++) {
		uint64_t numbers[3];

		if (hin_recorder_open(&recorder, argv[1], &settings, &key, NOON, &err) != HIN_OK)
			die(err.text);
		for (unsigned k = 0; k < 3; k++) {
			struct hin_event event = { .time_us = NOON + 20,
						   .type = HIN_EVENT_CREDENTIAL,
						   .verdict = HIN_VERDICT_SUCCESS,
						   .number = HIN_CREDENTIAL_PASSWORD,
						   .a = "root",
						   .b = "12\0x",
						   .a_size = 4,
						   .b_size = 4 };

			numbers[k] = begin(recorder, k, k == 2);
			hin_recorder_bytes(recorder, numbers[k], NOON + 10, 0, HIN_TO_CLIENT,
					   greeting, sizeof(greeting) - 1);
			(void)hin_recorder_run(recorder, NOON + 100 * (k + 1));
			hin_recorder_event(recorder, numbers[k], &event);
			hin_recorder_bytes(recorder, numbers[k], NOON + 5000000, 3, HIN_FROM_CLIENT,
					   "ls -l\r", 6);
			hin_recorder_bytes(recorder, numbers[k], NOON + 5000001, 3, HIN_TO_CLIENT,
					   greeting, sizeof(greeting) - 1); /* over its limit */
		}
		for (unsigned k = 0; k < 3; k++)
			(void)hin_recorder_end(recorder, numbers[k], NOON + 6000000,
					       HIN_CLOSE_TIMEOUT, digest);
		hin_recorder_close(recorder, NOON + 7000000);
	}
	return 0;
}
