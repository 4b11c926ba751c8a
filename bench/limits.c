/*
 * hinomi-limits - how fast this machine can go over a capture at all.
 *
 * Two loops over the same pcap file: one over a memory map that only touches each frame's header
 * bytes, and libpcap's own reader doing the same. Other programs' figures mean something only as a
 * ratio to these, taken in the same minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HIN_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "base/bytes.h"

#define TOUCH 54 /* Ethernet, IPv4 and TCP without options */
#define ROUNDS_MAX 100

struct result {
	uint64_t packets, sum; /* `sum` keeps the compiler from leaving the reads out */
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Add up the first TOUCH bytes of a frame, or what there is of them, in words. */
static inline uint64_t touch(const uint8_t *data, size_t size)
{
	uint64_t word, sum = 0;
	size_t at = 0, end = size < TOUCH ? size : TOUCH;

	for (; at + sizeof(word) <= end; at += sizeof(word)) {
		memcpy(&word, data + at, sizeof(word));
		sum += word;
	}
	for (; at < end; at++)
		sum += data[at];
	return sum;
}

static bool map_touch(const char *path, struct result *out)
{
	struct hin_reader in;
	struct stat st;
	const uint8_t *map;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &st) == -1 || st.st_size == 0) {
		fprintf(stderr, "hinomi-limits: %s: %s\n", path, strerror(errno));
		if (fd != -1)
			close(fd);
		return false;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED) {
		fprintf(stderr, "hinomi-limits: %s: %s\n", path, strerror(errno));
		return false;
	}
	in = hin_reader_of(map, (size_t)st.st_size);
	hin_read_skip(&in, 24);
	*out = (struct result){ 0 };
	while (in.left > 0) {
		uint64_t times = hin_read_le64(&in);
		uint32_t size = hin_read_le32(&in);
		const uint8_t *data;

		hin_read_skip(&in, 4);
		data = hin_read_bytes(&in, size);
		if (data == NULL)
			break;
		out->packets++;
		out->sum += times + touch(data, size);
	}
	munmap((void *)(uintptr_t)map, (size_t)st.st_size);
	return true;
}

#ifdef HIN_HAVE_PCAP
static bool library_loop(const char *path, struct result *out)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, text);
	struct pcap_pkthdr *head;
	const u_char *data;

	if (pcap == NULL) {
		fprintf(stderr, "hinomi-limits: %s\n", text);
		return false;
	}
	*out = (struct result){ 0 };
	while (pcap_next_ex(pcap, &head, &data) == 1) {
		out->packets++;
		out->sum += (uint64_t)head->ts.tv_sec + touch(data, head->caplen);
	}
	pcap_close(pcap);
	return true;
}
#endif

static const struct {
	const char *name;
	bool (*run)(const char *path, struct result *out);
} loops[] = {
	{ "touch", map_touch },
#ifdef HIN_HAVE_PCAP
	{ "libpcap", library_loop },
#endif
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One JSON line a loop: packets, and seconds of wall and processor, best and median of the rounds.
 */
static bool measure(size_t at, const char *path, size_t rounds)
{
	double wall[ROUNDS_MAX] = { 0 }, cpu[ROUNDS_MAX] = { 0 };
	struct result result = { 0 };

	for (size_t i = 0; i < rounds; i++) {
		double wall_at = now(CLOCK_MONOTONIC), cpu_at = now(CLOCK_PROCESS_CPUTIME_ID);

		if (!loops[at].run(path, &result))
			return false;
		wall[i] = now(CLOCK_MONOTONIC) - wall_at;
		cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_at;
	}
	qsort(wall, rounds, sizeof(*wall), compare);
	qsort(cpu, rounds, sizeof(*cpu), compare);
	printf("{\"loop\": \"%s\", \"packets\": %" PRIu64 ", \"rounds\": %zu, \"wall_best\": %.6f, "
	       "\"wall_median\": %.6f, \"cpu_best\": %.6f, \"cpu_median\": %.6f, "
	       "\"mpps_best\": %.2f, \"sum\": %" PRIu64 "}\n",
	       loops[at].name, result.packets, rounds, wall[0], wall[rounds / 2], cpu[0],
	       cpu[rounds / 2], (double)result.packets / wall[0] / 1e6, result.sum);
	return true;
}

int main(int argc, char *argv[])
{
	char *end = NULL;
	long rounds = argc == 3 ? strtol(argv[2], &end, 10) : 3;

	if (argc < 2 || argc > 3 || argv[1][0] == '-' || rounds < 1 || rounds > ROUNDS_MAX ||
	    (end != NULL && *end != '\0')) {
		fprintf(stderr,
			"usage: hinomi-limits FILE.pcap [ROUNDS]\n"
			"Goes over a little-endian pcap file, %d rounds at most, and prints a JSON "
			"line "
			"for each loop.\n",
			ROUNDS_MAX);
		return 2;
	}
	for (size_t i = 0; i < HIN_COUNT(loops); i++)
		if (!measure(i, argv[1], (size_t)rounds))
			return 1;
	return 0;
}
