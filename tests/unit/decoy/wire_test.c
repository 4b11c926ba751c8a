#include "../test.h"

#include "decoy/wire.h"

static struct hin_wire_message read_back(const struct hin_buffer *b)
{
	struct hin_reader in = hin_reader_of(b->data, b->used);
	struct hin_wire_message m;

	assert_int_equal(hin_wire_read(&in, &m), HIN_OK);
	assert_int_equal(in.left, 0);
	return m;
}

static void every_type_comes_back(void **state)
{
	static const uint8_t digest[32] = { 7, 8, 9 };
	struct hin_wire_message begin = { .type = HIN_WIRE_BEGIN,
					  .session = 77,
					  .time_us = 1234567890123456,
					  .about = { .client_port = 40000,
						     .server_port = 22,
						     .service = 1,
						     .verdict = 3,
						     .is_tarpit = true,
						     .host = 59 } };
	struct hin_buffer b = { 0 };
	struct hin_wire_message m;

	(void)state;
	begin.about.client = hin_addr_of_v4(0xc0000201);
	begin.about.server = hin_addr_of_v4(0xc6336401);
	hin_wire_write(&b, &begin);
	m = read_back(&b);
	assert_int_equal(m.session, 77);
	assert_int_equal(m.time_us, 1234567890123456);
	assert_memory_equal(&m.about.client, &begin.about.client, 16);
	assert_memory_equal(&m.about.server, &begin.about.server, 16);
	assert_int_equal(m.about.client_port, 40000);
	assert_int_equal(m.about.server_port, 22);
	assert_int_equal(m.about.host, 59);
	assert_true(m.about.is_tarpit && !m.about.is_proxied);

	hin_buffer_reset(&b);
	hin_wire_write(&b, &(struct hin_wire_message){ .type = HIN_WIRE_BYTES,
						       .channel = 3,
						       .direction = HIN_TO_CLIENT,
						       .data = (const uint8_t *)"a\0b",
						       .size = 3 });
	m = read_back(&b);
	assert_int_equal(m.channel, 3);
	assert_int_equal(m.direction, HIN_TO_CLIENT);
	assert_int_equal(m.size, 3);
	assert_memory_equal(m.data, "a\0b", 3);

	hin_buffer_reset(&b);
	hin_wire_write(&b, &(struct hin_wire_message){ .type = HIN_WIRE_EVENT,
						       .time_us = 5,
						       .event = { .type = HIN_EVENT_CREDENTIAL,
								  .verdict = 2,
								  .channel = 9,
								  .number = UINT64_MAX,
								  .a = "root",
								  .a_size = 4,
								  .b = "",
								  .b_size = 0 } });
	m = read_back(&b);
	assert_int_equal(m.event.type, HIN_EVENT_CREDENTIAL);
	assert_int_equal(m.event.time_us, 5);
	assert_int_equal(m.event.number, UINT64_MAX);
	assert_int_equal(m.event.a_size, 4);
	assert_memory_equal(m.event.a, "root", 4);
	assert_int_equal(m.event.b_size, 0);

	hin_buffer_reset(&b);
	hin_wire_write(&b, &(struct hin_wire_message){ .type = HIN_WIRE_KEEP,
						       .path = "/tmp/x",
						       .path_size = 6,
						       .sha256 = digest,
						       .data = (const uint8_t *)"ELF",
						       .size = 3 });
	m = read_back(&b);
	assert_memory_equal(m.sha256, digest, 32);
	assert_memory_equal(m.path, "/tmp/x", 6);
	assert_memory_equal(m.data, "ELF", 3);

	hin_buffer_reset(&b);
	hin_wire_write(&b, &(struct hin_wire_message){ .type = HIN_WIRE_END,
						       .why = HIN_CLOSE_TIMEOUT,
						       .from_client = 1,
						       .to_client = UINT64_C(1) << 40 });
	m = read_back(&b);
	assert_int_equal(m.why, HIN_CLOSE_TIMEOUT);
	assert_int_equal(m.to_client, UINT64_C(1) << 40);
	hin_buffer_fini(&b);
}

static void long_texts_are_cut(void **state)
{
	static char text[10000];
	struct hin_buffer b = { 0 };
	struct hin_wire_message m;

	(void)state;
	memset(text, 'x', sizeof(text));
	hin_wire_write(&b, &(struct hin_wire_message){ .type = HIN_WIRE_EVENT,
						       .event = { .type = HIN_EVENT_COMMAND,
								  .a = text,
								  .a_size = sizeof(text) } });
	m = read_back(&b);
	assert_int_equal(m.event.a_size, 4096);
	hin_buffer_fini(&b);
}

/* Whatever is missing or changed is told, and nothing is read behind the end. */
static void hostile_messages_are_refused(void **state)
{
	struct hin_buffer b = { 0 };
	struct hin_wire_message m;

	(void)state;
	hin_wire_write(
		&b, &(struct hin_wire_message){
			    .type = HIN_WIRE_EVENT,
			    .session = 1,
			    .event = { .type = HIN_EVENT_CLIENT, .a = "SSH-2.0-x", .a_size = 9 } });
	for (size_t size = 0; size < b.used; size++) {
		struct hin_reader in = hin_reader_of(b.data, size);

		assert_int_equal(hin_wire_read(&in, &m), HIN_EAGAIN);
		assert_int_equal(in.left, size);
	}
	for (int type = 0; type < 256; type++) {
		struct hin_reader in = hin_reader_of(b.data, b.used);

		b.data[4] = (char)type;
		if (type == HIN_WIRE_EVENT || type == HIN_WIRE_BYTES)
			continue;
		assert_int_equal(hin_wire_read(&in, &m), HIN_EFORMAT);
	}
	for (uint32_t size = 0; size < 21; size++) { /* shorter than a head */
		struct hin_reader in = hin_reader_of(b.data, b.used);

		memcpy(b.data, &size, 4);
		assert_int_equal(hin_wire_read(&in, &m), HIN_EFORMAT);
	}
	memcpy(b.data, &(uint32_t){ HIN_WIRE_MAX + 1 }, 4);
	assert_int_equal(
		hin_wire_read(&(struct hin_reader){ .pos = (uint8_t *)b.data, .left = b.used }, &m),
		HIN_EFORMAT);
	hin_buffer_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(hostile_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
