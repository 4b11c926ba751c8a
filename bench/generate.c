/*
 * hinomi-generate - a capture like a telescope's, with its truth.
 *
 * The same options and seed give the same bytes on every machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "cast.h"

#define OUT_SIZE (4u << 20)

struct output {
	int fd;
	bool pcapng, nanoseconds;
	uint8_t *buffer;
	size_t used;
	uint64_t written;
};

static bool flush(struct output *out)
{
	for (size_t at = 0; at < out->used;) {
		ssize_t n = write(out->fd, out->buffer + at, out->used - at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return false;
		at += (size_t)n;
	}
	out->written += out->used;
	out->used = 0;
	return true;
}

static void put(struct output *out, const void *data, size_t size)
{
	memcpy(out->buffer + out->used, data, size);
	out->used += size;
}

static void put_head(struct output *out)
{
	if (!out->pcapng) {
		uint32_t head[6] = {
			out->nanoseconds ? 0xa1b23c4du : 0xa1b2c3d4u, 2 | 4 << 16, 0, 0, 65535, 1
		};

		put(out, head, sizeof(head));
		return;
	}
	uint32_t section[7] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28 };
	/* if_tsresol (9), one byte, then the end of options */
	uint32_t interface[8] = { 1, 32, 1, 65535, 9 | 1 << 16, out->nanoseconds ? 9 : 6, 0, 32 };

	put(out, section, sizeof(section));
	put(out, interface, sizeof(interface));
}

static bool put_frame(struct output *out, const struct hin_scene *scene, int64_t time_ns)
{
	uint32_t size = (uint32_t)scene->size, length = (uint32_t)scene->length;

	if (OUT_SIZE - out->used < HIN_WIRE_MAX + 64u && !flush(out))
		return false;
	if (!out->pcapng) {
		uint32_t head[4] = { (uint32_t)(time_ns / 1000000000),
				     (uint32_t)(time_ns % 1000000000) /
					     (out->nanoseconds ? 1 : 1000),
				     size, length };

		put(out, head, sizeof(head));
		put(out, scene->frame, size);
		return true;
	}
	uint64_t stamp = (uint64_t)time_ns / (out->nanoseconds ? 1 : 1000);
	uint32_t padding = -size & 3, total = 32 + size + padding;
	uint32_t head[7] = { 6, total, 0, (uint32_t)(stamp >> 32), (uint32_t)stamp, size, length };
	static const uint8_t zeros[4];

	put(out, head, sizeof(head));
	put(out, scene->frame, size);
	put(out, zeros, padding);
	put(out, &total, sizeof(total));
	return true;
}

struct options {
	struct hin_plan plan;
	const char *out, *truth;
	bool pcapng, nanoseconds;
};

/* Packets come evenly, each shifted at random by less than the distance to the next. */
static int64_t time_of(const struct hin_plan *plan, struct hin_dice *dice, uint64_t index)
{
	uint64_t thousandth = index * 1000 + hin_dice_below(dice, 1000);
	uint64_t pps = plan->rate_pps;

	return plan->start_ns +
	       (int64_t)(thousandth / pps * 1000000 + thousandth % pps * 1000000 / pps);
}

static bool generate(const struct options *options, struct hin_crowd *crowd,
		     struct hin_truth *truth, struct hin_dice *dice, struct output *out)
{
	const struct hin_plan *plan = &options->plan;
	struct hin_cast *cast = malloc(sizeof(*cast));
	struct hin_scene *scene = calloc(1, sizeof(*scene));
	bool ok = cast != NULL && scene != NULL;

	if (ok) {
		hin_cast_init(cast, plan, crowd, truth, dice);
		put_head(out);
	}
	for (uint64_t i = 0; ok && i < plan->packets; i++) {
		int64_t time_ns = time_of(plan, dice, i);

		hin_cast_make(cast, dice, i, time_ns, scene);
		if (scene->refused)
			hin_truth_refuse(truth, scene->why, time_ns);
		else
			hin_truth_packet(truth, &scene->probe, scene->tool, scene->actor, time_ns);
		ok = put_frame(out, scene, time_ns);
	}
	ok = ok && flush(out);
	if (!ok)
		fprintf(stderr, "hinomi-generate: %s: %s\n", options->out, strerror(errno));
	free(scene);
	free(cast);
	return ok;
}

static bool write_truth(const struct options *options, const struct hin_truth *truth,
			uint64_t file_bytes)
{
	const struct hin_plan *plan = &options->plan;
	char dark[HIN_PREFIX_TEXT], dark6[HIN_PREFIX_TEXT], member[HIN_PREFIX_TEXT];
	FILE *out = fopen(options->truth, "w");
	bool ok;

	if (out == NULL) {
		fprintf(stderr, "hinomi-generate: %s: %s\n", options->truth, strerror(errno));
		return false;
	}
	fprintf(out,
		"{\n \"program\": \"hinomi-generate\", \"version\": 1, \"seed\": %" PRIu64
		", \"pps\": %" PRIu64 ", \"crowd\": %u, \"all_unique\": %s,\n"
		" \"dark\": \"%s\", \"dark6\": \"%s\", \"member\": \"%s\", \"file_bytes\": %" PRIu64
		",\n",
		plan->seed, plan->rate_pps, plan->sources, plan->all_unique ? "true" : "false",
		hin_prefix_format(&plan->dark, dark), hin_prefix_format(&plan->dark6, dark6),
		hin_prefix_format(&plan->member, member), file_bytes);
	hin_truth_write(truth, out, 20);
	fputs("}\n", out);
	ok = ferror(out) == 0;
	ok = fclose(out) == 0 && ok;
	if (!ok)
		fprintf(stderr, "hinomi-generate: %s: cannot write\n", options->truth);
	return ok;
}

static bool run(const struct options *options)
{
	struct hin_dice dice = { .state = hin_dice_mix(options->plan.seed + 1) };
	struct hin_truth *truth = calloc(1, sizeof(*truth));
	struct hin_crowd *crowd = calloc(1, sizeof(*crowd));
	struct output out = { .fd = -1,
			      .pcapng = options->pcapng,
			      .nanoseconds = options->nanoseconds,
			      .buffer = malloc(OUT_SIZE) };
	bool ok = truth != NULL && crowd != NULL && out.buffer != NULL &&
		  hin_truth_init(truth, options->plan.rate_pps * 60) &&
		  hin_crowd_init(crowd, &options->plan, &dice);

	if (!ok)
		fputs("hinomi-generate: not enough memory\n", stderr);
	if (ok) {
		out.fd = strcmp(options->out, "-") == 0
				 ? STDOUT_FILENO
				 : open(options->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
					0644);
		ok = out.fd != -1;
		if (!ok)
			fprintf(stderr, "hinomi-generate: %s: %s\n", options->out, strerror(errno));
	}
	ok = ok && generate(options, crowd, truth, &dice, &out);
	if (ok && truth->out_of_memory) {
		fputs("hinomi-generate: not enough memory to count the truth\n", stderr);
		ok = false;
	}
	ok = ok && (options->truth == NULL || write_truth(options, truth, out.written));
	if (out.fd != -1 && close(out.fd) == -1)
		ok = false;
	if (crowd != NULL)
		hin_crowd_fini(crowd);
	if (truth != NULL)
		hin_truth_fini(truth);
	free(crowd);
	free(truth);
	free(out.buffer);
	return ok;
}

enum { WITH_VALUE = required_argument, FLAG = no_argument };

static const struct {
	const char *name, *value, *help;
} rows[] = {
	{ "packets", "N", "how many frames (10000000)" },
	{ "sources", "N", "ordinary sources (200000)" },
	{ "seed", "N", "the same seed gives the same capture (1)" },
	{ "pps", "N", "frames a second (15000)" },
	{ "start", "SECONDS", "time of the first frame, seconds since 1970 (1767225600)" },
	{ "dark", "PREFIX", "the IPv4 prefix that is watched, /8 to /24 (198.18.0.0/16)" },
	{ "member", "PREFIX", "the IPv4 prefix of our own people, /24 or larger (203.0.113.0/24)" },
	{ "v6-share", "PERCENT", "of the ordinary packets (0); to 2001:db8:da:0::/96" },
	{ "format", "NAME", "pcap or pcapng (pcap)" },
	{ "ns", NULL, "nanoseconds instead of microseconds" },
	{ "all-unique", NULL, "every ordinary packet is a flow of its own" },
	{ "output", "FILE", "where to write, - for standard output" },
	{ "truth", "FILE", "write what the capture holds, as JSON" },
	{ "help", NULL, "this text" },
};

static void usage(FILE *out)
{
	fputs("usage: hinomi-generate [options] -o FILE\n", out);
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
			 rows[i].value != NULL ? rows[i].value : "");
		fprintf(out, "  %-22s %s\n", left, rows[i].help);
	}
}

/* A whole number from `low` to `high`; false with a line for the user. */
static bool number(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < low ||
	    value > high) {
		fprintf(stderr, "hinomi-generate: --%s \"%s\" is not in %" PRIu64 "-%" PRIu64 "\n",
			name, text, low, high);
		return false;
	}
	*out = value;
	return true;
}

static bool prefix(const char *name, const char *text, uint8_t low, uint8_t high,
		   struct hin_prefix *out)
{
	struct hin_error err;

	if (hin_prefix_parse(out, text, &err) != HIN_OK) {
		fprintf(stderr, "hinomi-generate: --%s: %s\n", name, err.text);
		return false;
	}
	if (!hin_addr_is_v4(&out->addr) || out->len < low || out->len > high) {
		fprintf(stderr,
			"hinomi-generate: --%s \"%s\" is not an IPv4 prefix of /%u to /%u\n", name,
			text, low, high);
		return false;
	}
	return true;
}

static bool set_option(struct options *o, const char *name, const char *value)
{
	struct hin_plan *plan = &o->plan;
	uint64_t n = 0;
	bool ok = true;

	if (strcmp(name, "packets") == 0) {
		ok = number(name, value, 1, UINT64_C(10000000000), &plan->packets);
	} else if (strcmp(name, "sources") == 0) {
		ok = number(name, value, 1, 100000000, &n);
		plan->sources = (uint32_t)n;
	} else if (strcmp(name, "seed") == 0) {
		ok = number(name, value, 0, UINT64_MAX, &plan->seed);
	} else if (strcmp(name, "pps") == 0) {
		ok = number(name, value, 1, 10000000, &plan->rate_pps);
	} else if (strcmp(name, "start") == 0) {
		ok = number(name, value, 0, UINT32_MAX, &n);
		plan->start_ns = (int64_t)n * 1000000000;
	} else if (strcmp(name, "v6-share") == 0) {
		ok = number(name, value, 0, 100, &n);
		plan->v6_share = (double)n / 100;
	} else if (strcmp(name, "dark") == 0) {
		ok = prefix(name, value, 8, 24, &plan->dark);
	} else if (strcmp(name, "member") == 0) {
		ok = prefix(name, value, 8, 24, &plan->member);
	} else if (strcmp(name, "format") == 0) {
		o->pcapng = strcmp(value, "pcapng") == 0;
		ok = o->pcapng || strcmp(value, "pcap") == 0;
		if (!ok)
			fprintf(stderr, "hinomi-generate: --format \"%s\" is not pcap or pcapng\n",
				value);
	} else if (strcmp(name, "output") == 0) {
		o->out = value;
	} else if (strcmp(name, "truth") == 0) {
		o->truth = value;
	} else if (strcmp(name, "ns") == 0) {
		o->nanoseconds = true;
	} else if (strcmp(name, "all-unique") == 0) {
		plan->all_unique = true;
	}
	return ok;
}

/* 0 to go on, 1 when the help was shown, 2 for wrong usage. */
static int parse(struct options *o, int argc, char *argv[])
{
	struct option longs[HIN_COUNT(rows) + 1] = { 0 };
	int at, c;

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		longs[i] = (struct option){ .name = rows[i].name,
					    .has_arg = rows[i].value != NULL ? WITH_VALUE : FLAG };
	while ((c = getopt_long(argc, argv, "o:h", longs, &at)) != -1) {
		if (c == 'h' || (c == 0 && strcmp(rows[at].name, "help") == 0)) {
			usage(stdout);
			return 1;
		}
		if (c == '?' || !set_option(o, c == 'o' ? "output" : rows[at].name, optarg))
			return 2;
	}
	if (o->out == NULL || optind != argc) {
		usage(stderr);
		return 2;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	struct options o = { .plan = { .seed = 1,
				       .packets = 10000000,
				       .sources = 200000,
				       .rate_pps = 15000,
				       .start_ns = INT64_C(1767225600) * 1000000000 } };
	int stop;

	if (!prefix("dark", "198.18.0.0/16", 8, 24, &o.plan.dark) ||
	    !prefix("member", "203.0.113.0/24", 8, 24, &o.plan.member) ||
	    hin_prefix_parse(&o.plan.dark6, "2001:db8:da::/96", NULL) != HIN_OK)
		return 1;
	stop = parse(&o, argc, argv);
	if (stop != 0)
		return stop == 1 ? 0 : stop;
	o.plan.dark_base = hin_addr_v4(&o.plan.dark.addr);
	o.plan.dark_mask = UINT32_MAX >> o.plan.dark.len;
	o.plan.member_base = hin_addr_v4(&o.plan.member.addr);
	return run(&o) ? 0 : 1;
}
