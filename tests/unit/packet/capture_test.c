/* Many inputs, their order, pipes, growing files, and what lives how long. */
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include "made.h"

static struct made_folder folder;

static int begin(void **state)
{
	(void)state;
	made_begin(&folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	made_end(&folder);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A file with packets at these seconds, each of one byte `mark`. */
static void write_times(const char *name, const uint32_t *seconds, size_t count, uint8_t mark)
{
	struct made m = { 0 };

	made_pcap(&m, NANO, 1);
	for (size_t i = 0; i < count; i++)
		made_record(&m, seconds[i], 0, 1, mark);
	made_file(&folder, name, &m);
	made_free(&m);
}

static struct hin_capture *open_all(const char *const *paths, size_t count, bool follow)
{
	const struct hin_capture_options options = { .stop_fd = -1, .follow = follow };
	struct hin_error err = { 0 };
	struct hin_capture *cap = NULL;

	if (hin_capture_open(&cap, paths, count, &options, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return cap;
}

/* Read to the end; "<second><mark> " for each packet. */
static void read_text(struct hin_capture *cap, char *text, size_t size)
{
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	enum hin_code code;
	size_t used = 0;

	text[0] = '\0';
	while ((code = hin_capture_read(cap, batch, NULL)) == HIN_OK)
		for (size_t i = 0; i < batch->count && used + 32 < size; i++)
			used += (size_t)snprintf(text + used, size - used, "%d%c ",
						 (int)(batch->frames[i].time_ns / 1000000000),
						 batch->frames[i].data[0]);
	assert_int_equal(code, HIN_EOF);
	hin_batch_release(batch);
	free(batch);
}

static void inputs_are_merged_by_time(void **state)
{
	static const struct {
		const char *name;
		size_t files;
		uint32_t times[4][6];
		size_t counts[4];
		const char *want;
	} cases[] = {
		{ "one after the other, given backwards",
		  3,
		  { { 5, 6 }, { 3, 4 }, { 1, 2 } },
		  { 2, 2, 2 },
		  "1c 2c 3b 4b 5a 6a " },
		{ "overlapping", 2, { { 1, 3, 5 }, { 2, 4, 6 } }, { 3, 3 }, "1a 2b 3a 4b 5a 6b " },
		{ "one inside the other",
		  4,
		  { { 1, 9 }, { 2, 3 }, { 4, 5 }, { 10 } },
		  { 2, 2, 2, 1 },
		  "1a 2b 3b 4c 5c 9a 10d " },
		{ "ties by order",
		  3,
		  { { 1, 1, 2 }, { 1, 2, 2 }, { 2 } },
		  { 3, 3, 1 },
		  "1a 1a 1b 2a 2b 2b 2c " },
		{ "ends meet",
		  3,
		  { { 1, 2 }, { 2, 3 }, { 3, 3 } },
		  { 2, 2, 2 },
		  "1a 2a 2b 3b 3c 3c " },
		{ "steps back stay, the input that began first goes first",
		  2,
		  { { 5, 1, 6 }, { 4, 5, 7 } },
		  { 3, 3 },
		  "4b 5b 5a 1a 6a 7b " },
		{ "a jump ahead does not hide the next",
		  3,
		  { { 1, 100, 2, 3 }, { 4, 5 }, { 6 } },
		  { 4, 2, 1 },
		  "1a 4b 5b 6c 100a 2a 3a " },
		{ "empty ones last", 4, { { 0 }, { 2 }, { 0 }, { 1 } }, { 0, 1, 0, 1 }, "1d 2b " },
		{ "none at all", 2, { { 0 }, { 0 } }, { 0, 0 }, "" },
	};

	(void)state;
	for (size_t c = 0; c < HIN_COUNT(cases); c++) {
		const char *paths[4];
		char names[4][100], text[256];
		struct hin_capture *cap;

		for (size_t i = 0; i < cases[c].files; i++) {
			snprintf(names[i], sizeof(names[i]), "%s/%zu", folder.path, i);
			paths[i] = names[i];
			write_times(strrchr(names[i], '/') + 1, cases[c].times[i],
				    cases[c].counts[i], (uint8_t)('a' + i));
		}
		cap = open_all(paths, cases[c].files, false);
		read_text(cap, text, sizeof(text));
		if (strcmp(text, cases[c].want) != 0)
			fail_msg("%s: %s", cases[c].name, text);
		hin_capture_close(cap);
	}
}

/* `input` and hin_capture_inputs() use the order of time. */
static void inputs_are_listed_in_order(void **state)
{
	static const uint32_t late[] = { 9 }, early[] = { 1, 20 };
	const char *paths[2] = { folder.path, NULL };
	const struct hin_capture_input *inputs;
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	struct hin_capture *cap;
	struct made notes = { 0 };

	(void)state;
	made_end(&folder);
	made_begin(&folder);
	write_times("a.pcap", late, 1, 'a');
	write_times("b.pcap", early, 2, 'b');
	write_times(".hidden", early, 2, 'h');
	made_bytes(&notes, "words", 5);
	made_file(&folder, "notes.txt", &notes);
	made_free(&notes);
	made_file(&folder, "nothing", &notes);
	assert_int_equal(mkdir(made_file(&folder, "x", &notes), 0700), -1);
	cap = open_all(paths, 1, false);
	assert_int_equal(hin_capture_inputs(cap, &inputs), 5);
	assert_non_null(strstr(inputs[0].name, "/b.pcap"));
	assert_non_null(strstr(inputs[1].name, "/a.pcap"));
	assert_int_equal(inputs[2].fault, HIN_FAULT_IGNORED);
	assert_non_null(strstr(inputs[2].name, "/notes.txt"));
	assert_non_null(strstr(inputs[2].fault_text, "not a capture file"));
	assert_string_equal(inputs[2].format, "none");
	assert_non_null(strstr(inputs[3].fault_text, "empty"));
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_OK);
	assert_int_equal(batch->count, 3);
	assert_int_equal(batch->frames[0].input, 0);
	assert_int_equal(batch->frames[1].input, 1);
	assert_int_equal(batch->frames[2].input, 0);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EOF);
	assert_int_equal(inputs[0].packets, 2);
	assert_int_equal(inputs[1].packets, 1);
	assert_true(hin_capture_progress(cap) == 1.0);
	hin_batch_release(batch);
	hin_capture_close(cap);
	free(batch);
}

static void bad_paths_give_one_clear_line(void **state)
{
	const struct hin_capture_options options = { .stop_fd = -1 };
	struct hin_capture *cap = NULL;
	struct hin_error err;
	const char *paths[2] = { "/nonexistent/x.pcap", NULL };
	char empty[100];

	(void)state;
	assert_int_equal(hin_capture_open(&cap, paths, 1, &options, &err), HIN_ESYS);
	assert_string_equal(err.text, "/nonexistent/x.pcap: No such file or directory");
	snprintf(empty, sizeof(empty), "%s/folder", folder.path);
	assert_int_equal(mkdir(empty, 0700), 0);
	paths[0] = empty;
	assert_int_equal(hin_capture_open(&cap, paths, 1, &options, &err), HIN_EFORMAT);
	assert_non_null(strstr(err.text, "/folder: no capture file (pcap, pcapng or ERF) in"));
	assert_int_equal(hin_capture_open(&cap, paths, 0, &options, &err), HIN_EUSAGE);
	assert_int_equal(rmdir(empty), 0);
	assert_null(cap);
}

/* Far more files than descriptors, all overlapping: each is opened when it is read. */
static void descriptors_are_few(void **state)
{
	enum { FILES = 700 };
	struct rlimit before, few;
	const struct hin_capture_input *inputs;
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	const char *paths[1] = { folder.path };
	struct hin_capture *cap;
	int64_t last = 0;
	size_t total = 0;

	(void)state;
	made_end(&folder);
	made_begin(&folder);
	for (uint32_t i = 0; i < FILES; i++) {
		char name[16];
		uint32_t times[10];

		for (uint32_t n = 0; n < 10; n++)
			times[n] = 1 + i + n * 100;
		snprintf(name, sizeof(name), "%u", i);
		write_times(name, times, 10, 'x');
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = HIN_CAPTURE_KEEP_OPEN + 40;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	cap = open_all(paths, 1, false);
	while (hin_capture_read(cap, batch, NULL) == HIN_OK) {
		for (size_t i = 0; i < batch->count; i++) {
			assert_true(batch->frames[i].time_ns >= last);
			last = batch->frames[i].time_ns;
		}
		total += batch->count;
	}
	assert_int_equal(total, FILES * 10);
	assert_int_equal(hin_capture_inputs(cap, &inputs), FILES);
	for (size_t i = 0; i < FILES; i++)
		assert_string_equal(inputs[i].fault_text, "");
	hin_batch_release(batch);
	hin_capture_close(cap);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	free(batch);
}

/* Frames stay as they were until their batch is used again, whatever other batches do. */
static void batches_are_independent(void **state)
{
	enum { PACKETS = 50000, BATCHES = 40 };
	struct hin_batch *batches = calloc(BATCHES, sizeof(*batches));
	struct made m = { 0 };
	const char *path;
	struct hin_capture *cap;
	size_t next = 0, checked = 0;
	enum hin_code code;

	(void)state;
	assert_non_null(batches);
	made_pcap(&m, NANO, 1);
	m.data = realloc(m.data, 24 + PACKETS * (16 + 200));
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t size = i % 200;

		hin_pcap_write_record(m.data + m.size, i, size, size);
		memset(m.data + m.size + 16, (int)(i % 251), size);
		m.size += 16 + size;
	}
	path = made_file(&folder, "many", &m);
	cap = open_all(&path, 1, false);
	do {
		struct hin_batch *batch = &batches[next++ % BATCHES];

		/* as it was filled BATCHES reads ago */
		for (size_t i = 0; i < batch->count; i++) {
			const struct hin_frame *f = &batch->frames[i];

			assert_int_equal(f->size, f->time_ns % 200);
			for (size_t n = 0; n < f->size; n++)
				if (f->data[n] != f->time_ns % 251)
					fail_msg("frame %d is spoilt", (int)f->time_ns);
			checked++;
		}
		code = hin_capture_read(cap, batch, NULL);
	} while (code == HIN_OK);
	assert_int_equal(code, HIN_EOF);
	hin_capture_close(cap);
	for (size_t b = 0; b < BATCHES; b++) { /* also after the end of the capture */
		for (size_t i = 0; i < batches[b].count; i++)
			if (batches[b].frames[i].size > 0)
				assert_int_equal(batches[b].frames[i].data[0],
						 batches[b].frames[i].time_ns % 251);
		checked += batches[b].count;
		hin_batch_release(&batches[b]);
		hin_batch_release(&batches[b]);
	}
	assert_int_equal(checked, PACKETS);
	hin_batch_release(NULL);
	hin_capture_close(NULL);
	free(batches);
	made_free(&m);
}

static void a_file_that_shrinks_is_a_fault(void **state)
{
	enum { PACKETS = 20000 };
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	const struct hin_capture_input *inputs;
	struct made m = { 0 };
	const char *path;
	struct hin_capture *cap;
	size_t total = 0;

	(void)state;
	made_pcap(&m, NANO, 1);
	m.data = realloc(m.data, 24 + PACKETS * 116);
	for (uint32_t i = 0; i < PACKETS; i++) {
		hin_pcap_write_record(m.data + m.size, i, 100, 100);
		memset(m.data + m.size + 16, 1, 100);
		m.size += 116;
	}
	path = made_file(&folder, "shrinks", &m);
	cap = open_all(&path, 1, false);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_OK);
	total += batch->count;
	assert_int_equal(truncate(path, 24 + 116 * 10000 + 50), 0);
	while (hin_capture_read(cap, batch, NULL) == HIN_OK)
		total += batch->count;
	assert_int_equal(total, 10000);
	hin_capture_inputs(cap, &inputs);
	assert_int_equal(inputs[0].fault, HIN_FAULT_SHRANK);
	assert_int_equal(inputs[0].fault_offset, 24 + 116 * 10000);
	hin_batch_release(batch);
	hin_capture_close(cap);
	free(batch);
	made_free(&m);
}

static void a_file_replaced_before_its_turn_is_a_fault(void **state)
{
	enum { FILES = HIN_CAPTURE_KEEP_OPEN + 1 };
	const char *paths[FILES];
	char names[FILES][100];
	const struct hin_capture_input *inputs;
	struct hin_capture *cap;
	char text[4096];

	(void)state;
	for (uint32_t i = 0; i < FILES; i++) {
		snprintf(names[i], sizeof(names[i]), "%s/r%u", folder.path, i);
		paths[i] = names[i];
		write_times(strrchr(names[i], '/') + 1, &(uint32_t){ i + 1 }, 1, 'a');
	}
	cap = open_all(paths, FILES, false);
	assert_int_equal(rename(paths[0], paths[FILES - 1]), 0);
	read_text(cap, text, sizeof(text));
	hin_capture_inputs(cap, &inputs);
	assert_int_equal(inputs[0].packets, 1); /* it was kept open */
	assert_int_equal(inputs[FILES - 1].packets, 0);
	assert_int_equal(inputs[FILES - 1].fault, HIN_FAULT_REPLACED);
	hin_capture_close(cap);
}

static void digests_are_of_the_whole_file(void **state)
{
	struct hin_capture_options options = { .stop_fd = -1, .digest = true };
	struct made m = { 0 };
	uint8_t want[32];

	(void)state;
	made_pcap(&m, NANO, 1);
	for (int i = 0; i < 5; i++)
		made_record(&m, 1, 0, 100000, 7);
	made_fill(&m, 0xff, 1000000); /* a bad record ends it early */
	assert_int_equal(EVP_Digest(m.data, m.size, want, NULL, EVP_sha256(), NULL), 1);
	for (int packed = 0; packed < 2; packed++) {
		struct made_result r;

		made_read_with(&r, made_file(&folder, "a", &m), &options);
		assert_int_equal(r.count, 5);
		assert_int_equal(r.input.fault, HIN_FAULT_BAD_RECORD);
		assert_true(r.input.digested);
		assert_memory_equal(r.input.sha256, want, 32);
		if (packed == 0) { /* as gzip members: the digest is of what lies on the disk */
			uLongf size = compressBound(m.size) + 100;
			uint8_t *to = malloc(size);
			z_stream z = { .next_in = m.data,
				       .avail_in = (unsigned int)m.size,
				       .next_out = to,
				       .avail_out = (unsigned int)size };

			assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
			assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
			m.size = 0;
			made_bytes(&m, to, z.total_out);
			deflateEnd(&z);
			free(to);
			EVP_Digest(m.data, m.size, want, NULL, EVP_sha256(), NULL);
		}
	}
	made_free(&m);
}

struct feeder {
	int fd;
	const struct made *m;
	size_t step;
};

/* Write in small steps, as a slow pipe brings them. */
static void *feed(void *arg)
{
	struct feeder *f = arg;

	for (size_t at = 0; at < f->m->size; at += f->step) {
		size_t size = f->m->size - at < f->step ? f->m->size - at : f->step;

		if (write(f->fd, f->m->data + at, size) != (ssize_t)size)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	close(f->fd);
	return NULL;
}

static void pipes_are_read_as_they_come(void **state)
{
	const struct hin_capture_options options = { .stop_fd = -1, .digest = true };
	const struct hin_capture_input *inputs;
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	struct made m = { 0 };
	struct feeder feeder = { .m = &m, .step = 7 };
	struct hin_capture *cap;
	enum hin_code code;
	pthread_t thread;
	char path[32];
	const char *paths[1] = { path };
	uint8_t want[32];
	size_t total = 0;
	int ends[2];

	(void)state;
	made_pcap(&m, NANO, 1);
	for (uint32_t i = 0; i < 100; i++)
		made_record(&m, i, 0, 20, 7);
	EVP_Digest(m.data, m.size, want, NULL, EVP_sha256(), NULL);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	feeder.fd = ends[1];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
	assert_int_equal(hin_capture_open(&cap, paths, 1, &options, NULL), HIN_OK);
	assert_true(hin_capture_progress(cap) < 0);
	while ((code = hin_capture_read(cap, batch, NULL)) == HIN_OK || code == HIN_EAGAIN)
		total += batch->count;
	assert_int_equal(code, HIN_EOF);
	assert_int_equal(total, 100);
	hin_capture_inputs(cap, &inputs);
	assert_int_equal(inputs[0].file_size, 0);
	assert_int_equal(inputs[0].file_bytes, m.size);
	assert_true(inputs[0].digested);
	assert_memory_equal(inputs[0].sha256, want, 32);
	pthread_join(thread, NULL);
	hin_batch_release(batch);
	hin_capture_close(cap);
	close(ends[0]);
	free(batch);
	made_free(&m);
}

/* A pipe that says nothing: tell that every 200 ms, and end when asked to. */
static void stalled_pipes_can_be_left(void **state)
{
	struct hin_capture_options options = { 0 };
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	struct made m = { 0 };
	struct hin_capture *cap;
	char path[32];
	const char *paths[1] = { path };
	int ends[2], stop[2];
	int64_t start;

	(void)state;
	made_pcap(&m, NANO, 1);
	made_record(&m, 1, 0, 20, 7);
	for (int with_data = 0; with_data < 2; with_data++) {
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
		options.stop_fd = stop[0];
		if (with_data) /* one packet and a half */
			assert_int_equal(write(ends[1], m.data, m.size), (ssize_t)m.size);
		else
			assert_int_equal(write(stop[1], "x", 1), 1);
		start = now_ms();
		assert_int_equal(hin_capture_open(&cap, paths, 1, &options, NULL), HIN_OK);
		if (with_data) {
			assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_OK);
			assert_int_equal(batch->count, 1);
			assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EAGAIN);
			assert_int_equal(batch->count, 0);
			assert_in_range(now_ms() - start, 150, 5000);
			assert_int_equal(write(stop[1], "x", 1), 1);
		}
		assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EOF);
		assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EOF);
		hin_batch_release(batch);
		hin_capture_close(cap);
		for (int i = 0; i < 2; i++) {
			close(ends[i]);
			close(stop[i]);
		}
	}
	free(batch);
	made_free(&m);
}

/* Merging waits for the pipe: its next packet may be the earliest. */
static void a_pipe_is_merged_with_a_file(void **state)
{
	static const uint32_t times[] = { 2, 4, 6 };
	struct made m = { 0 };
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	char pipe_path[32], path[100], text[100] = "";
	const char *paths[2] = { path, pipe_path };
	struct hin_capture *cap;
	size_t sent;
	int ends[2];

	(void)state;
	made_pcap(&m, NANO, 1);
	made_record(&m, 3, 0, 1, 'p');
	sent = m.size;
	made_record(&m, 5, 0, 1, 'p');
	write_times("file", times, 3, 'f');
	snprintf(path, sizeof(path), "%s/file", folder.path);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(pipe_path, sizeof(pipe_path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(write(ends[1], m.data, sent), (ssize_t)sent);
	cap = open_all(paths, 2, false);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_OK);
	assert_int_equal(batch->count, 2); /* 2f and 3p, but 4f may not be next */
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EAGAIN);
	assert_int_equal(write(ends[1], m.data + sent, m.size - sent), (ssize_t)(m.size - sent));
	close(ends[1]);
	read_text(cap, text, sizeof(text));
	assert_string_equal(text, "4f 5p 6f ");
	hin_batch_release(batch);
	hin_capture_close(cap);
	close(ends[0]);
	free(batch);
	made_free(&m);
}

static void standard_input_is_a_dash(void **state)
{
	struct made m = { 0 };
	struct made_result r;
	int before = dup(STDIN_FILENO);

	(void)state;
	made_pcap(&m, NANO, 1);
	made_record(&m, 3, 0, 1, 'p');
	for (int as_pipe = 0; as_pipe < 2; as_pipe++) {
		int ends[2] = { -1, -1 };
		int fd;

		if (as_pipe) {
			assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
			assert_int_equal(write(ends[1], m.data, m.size), (ssize_t)m.size);
			close(ends[1]);
			fd = ends[0];
		} else {
			fd = open(made_file(&folder, "a", &m), O_RDONLY);
		}
		assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
		close(fd);
		made_read(&r, "-");
		assert_int_equal(r.code, HIN_OK);
		assert_int_equal(r.count, 1);
		assert_int_equal(r.input.file_size, as_pipe ? 0 : m.size);
	}
	dup2(before, STDIN_FILENO);
	close(before);
	made_free(&m);
}

/* Read until `count` packets came; fails after ten seconds. */
static void expect_packets(struct hin_capture *cap, struct hin_batch *batch, size_t count)
{
	int64_t deadline = now_ms() + 10000;
	size_t total = 0;

	while (total < count) {
		enum hin_code code = hin_capture_read(cap, batch, NULL);

		assert_true(code == HIN_OK || code == HIN_EAGAIN);
		total += batch->count;
		assert_true(now_ms() < deadline);
	}
	assert_int_equal(total, count);
}

static void append(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

static void growing_files_are_followed(void **state)
{
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	const struct hin_capture_input *inputs;
	struct hin_capture_options options = { .follow = true };
	struct made m = { 0 }, none = { 0 };
	struct hin_capture *cap;
	char path[100], other[100];
	const char *paths[1] = { path };
	int stop[2];
	size_t half;

	(void)state;
	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	options.stop_fd = stop[0];
	snprintf(path, sizeof(path), "%s/grows", folder.path);
	snprintf(other, sizeof(other), "%s/new", folder.path);
	made_file(&folder, "grows", &none); /* a writer that has written nothing yet */
	assert_int_equal(hin_capture_open(&cap, paths, 1, &options, NULL), HIN_OK);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EAGAIN);
	made_pcap(&m, NANO, 1);
	made_record(&m, 3, 0, 10, 'p');
	half = m.size - 5;
	append(path, m.data, half);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EAGAIN);
	append(path, m.data + half, m.size - half);
	expect_packets(cap, batch, 1);
	append(path, m.data + 24, m.size - 24);
	append(path, m.data + 24, m.size - 24);
	expect_packets(cap, batch, 2);

	/* replaced, as a rotation does: what was written before is still read */
	made_record(&m, 4, 0, 10, 'q');
	made_file(&folder, "new", &m);
	append(path, m.data + 24, 26);
	assert_int_equal(rename(other, path), 0);
	expect_packets(cap, batch, 3);
	hin_capture_inputs(cap, &inputs);
	assert_int_equal(inputs[0].fault, HIN_FAULT_REPLACED);
	assert_non_null(strstr(inputs[0].fault_text, "was replaced while followed"));

	/* emptied and begun anew */
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EAGAIN);
	assert_int_equal(inputs[0].fault, HIN_FAULT_SHRANK);
	append(path, m.data, m.size);
	expect_packets(cap, batch, 2);
	assert_int_equal(inputs[0].packets, 8);
	assert_int_equal(write(stop[1], "x", 1), 1);
	assert_int_equal(hin_capture_read(cap, batch, NULL), HIN_EOF);
	hin_batch_release(batch);
	hin_capture_close(cap);
	close(stop[0]);
	close(stop[1]);
	free(batch);
	made_free(&m);
}

/* Records that lie across the ends of windows, of every alignment and of the largest size. */
static void records_across_windows(void **state)
{
	struct made m = { 0 };
	const char *path;
	struct hin_capture *cap;
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	size_t total = 0, bytes = 0, want = 0;
	uint32_t random = 1;

	(void)state;
	made_pcap(&m, MICRO, 1);
	m.data = realloc(m.data, 8 << 20);
	for (uint32_t i = 0; m.size < (7 << 20); i++) {
		uint32_t size = i % 300 == 299 ? 262144 : (random >> 20) % 1500;

		random = random * 1664525 + 1013904223;
		memset(m.data + m.size, 0, 16);
		memcpy(m.data + m.size + 8, &size, 4);
		memcpy(m.data + m.size + 12, &i, 4);
		memset(m.data + m.size + 16, (int)(i & 0xff), size);
		m.size += 16 + size;
		want++;
	}
	path = made_file(&folder, "across", &m);
	cap = open_all(&path, 1, false);
	while (hin_capture_read(cap, batch, NULL) == HIN_OK)
		for (size_t i = 0; i < batch->count; i++) {
			const struct hin_frame *f = &batch->frames[i];

			assert_int_equal(f->length, total);
			if (f->size > 0) {
				assert_int_equal(f->data[0], total & 0xff);
				assert_int_equal(f->data[f->size - 1], total & 0xff);
			}
			bytes += f->size + 16;
			total++;
		}
	assert_int_equal(total, want);
	assert_int_equal(bytes, m.size - 24);
	hin_batch_release(batch);
	hin_capture_close(cap);
	free(batch);
	made_free(&m);
}

/* Stay on the first processor that we may use: digests are then taken by the reader itself. */
static void use_one_processor(void)
{
	cpu_set_t all, one;
	unsigned first = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_are_merged_by_time),
		cmocka_unit_test(inputs_are_listed_in_order),
		cmocka_unit_test(bad_paths_give_one_clear_line),
		cmocka_unit_test(descriptors_are_few),
		cmocka_unit_test(batches_are_independent),
		cmocka_unit_test(a_file_that_shrinks_is_a_fault),
		cmocka_unit_test(a_file_replaced_before_its_turn_is_a_fault),
		cmocka_unit_test(digests_are_of_the_whole_file),
		cmocka_unit_test(pipes_are_read_as_they_come),
		cmocka_unit_test(stalled_pipes_can_be_left),
		cmocka_unit_test(a_pipe_is_merged_with_a_file),
		cmocka_unit_test(standard_input_is_a_dash),
		cmocka_unit_test(growing_files_are_followed),
		cmocka_unit_test(records_across_windows),
	};

	if (argc > 1 && strcmp(argv[1], "one-processor") == 0)
		use_one_processor();
	return cmocka_run_group_tests(tests, begin, end);
}
