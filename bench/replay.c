/*
 * hinomi-replay - send the frames of a capture out of an interface, at a given rate or as fast as
 * it goes.
 *
 * For the cable of a laboratory (tests/system/lab.py): it runs inside a network namespace and
 * writes to a packet socket. Prints one line of JSON: how many frames were sent, in how long.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

#define BATCH 64
#define FRAME_MAX 1514 /* larger ones do not fit the cable */

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH][2];
	uint8_t ether[12]; /* both addresses; they replace those of the capture */
	size_t count;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(name) };
	int one = 1, buffer = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd == -1 || to.sll_ifindex == 0 ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) == -1) {
		fprintf(stderr, "hinomi-replay: %s: %s\n", name, strerror(errno));
		if (fd != -1)
			close(fd);
		return -1;
	}
	/* Both only make it faster. */
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	return fd;
}

/* Send all of the batch; a full queue is waited for, so nothing is lost here. */
static bool send_batch(int fd, struct batch *batch)
{
	for (size_t done = 0; done < batch->count;) {
		int n = sendmmsg(fd, batch->messages + done, (unsigned int)(batch->count - done),
				 0);

		if (n == -1 && (errno == ENOBUFS || errno == EAGAIN || errno == EINTR))
			continue;
		if (n == -1) {
			fprintf(stderr, "hinomi-replay: %s\n", strerror(errno));
			return false;
		}
		done += (size_t)n;
	}
	batch->count = 0;
	return true;
}

static void add_frame(struct batch *batch, const uint8_t *data, size_t size)
{
	struct iovec *part = batch->parts[batch->count];

	part[0] = (struct iovec){ .iov_base = batch->ether, .iov_len = sizeof(batch->ether) };
	part[1] =
		(struct iovec){ .iov_base = (void *)(uintptr_t)(data + 12), .iov_len = size - 12 };
	batch->messages[batch->count].msg_hdr.msg_iov = part;
	batch->messages[batch->count].msg_hdr.msg_iovlen = 2;
	batch->count++;
}

static bool replay(int fd, struct hin_reader in, struct batch *batch, double rate)
{
	uint64_t sent = 0, skipped = 0, bytes = 0;
	double start = now(), took;

	hin_read_skip(&in, 24);
	while (in.left > 0) {
		uint32_t size;
		const uint8_t *data;

		hin_read_skip(&in, 8);
		size = hin_read_le32(&in);
		hin_read_skip(&in, 4);
		data = hin_read_bytes(&in, size);
		if (data == NULL)
			break;
		if (size < 14 || size > FRAME_MAX) {
			skipped++;
			continue;
		}
		add_frame(batch, data, size);
		sent++;
		bytes += size;
		if (batch->count < BATCH)
			continue;
		while (rate > 0 && now() - start < (double)sent / rate)
			;
		if (!send_batch(fd, batch))
			return false;
	}
	if (!send_batch(fd, batch))
		return false;
	took = now() - start;
	printf("{\"sent\": %" PRIu64 ", \"skipped\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"seconds\": %.6f, \"pps\": %.0f}\n",
	       sent, skipped, bytes, took, (double)sent / took);
	return true;
}

static bool run(const char *interface, const char *path, double rate, struct batch *batch)
{
	struct stat st;
	uint8_t *map = MAP_FAILED;
	int out = open_interface(interface), file = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = false;

	if (out == -1)
		goto out;
	if (file != -1 && fstat(file, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file,
			   0);
	if (map == MAP_FAILED) {
		fprintf(stderr, "hinomi-replay: %s: %s\n", path, strerror(errno));
		goto out;
	}
	ok = replay(out, hin_reader_of(map, (size_t)st.st_size), batch, rate);
	munmap(map, (size_t)st.st_size);
out:
	if (file != -1)
		close(file);
	if (out != -1)
		close(out);
	return ok;
}

int main(int argc, char *argv[])
{
	static const struct option longs[] = { { "to", required_argument, NULL, 't' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	static struct batch batch = { .ether = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 } };
	unsigned int mac[6];
	char rest, *end;
	double rate;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c != 't' || sscanf(optarg, "%2x:%2x:%2x:%2x:%2x:%2x%c", &mac[0], &mac[1],
				       &mac[2], &mac[3], &mac[4], &mac[5], &rest) != 6)
			goto usage;
		for (size_t i = 0; i < 6; i++)
			batch.ether[i] = (uint8_t)mac[i];
	}
	if (argc - optind != 3)
		goto usage;
	rate = strtod(argv[optind + 2], &end);
	if (*end != '\0' || !(rate >= 0))
		goto usage;
	return run(argv[optind], argv[optind + 1], rate, &batch) ? 0 : 1;
usage:
	fputs("usage: hinomi-replay [--to MAC] INTERFACE FILE.pcap PPS\n"
	      "Sends the frames of a little-endian Ethernet pcap file to MAC; PPS 0 is as fast as "
	      "it "
	      "goes.\nFor laboratories: run it in a network namespace of its own.\n",
	      stderr);
	return 2;
}
