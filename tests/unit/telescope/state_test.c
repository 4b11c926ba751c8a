/*
 * state_test - a run cut in two equals one run, wherever it is cut; what does not fit or is damaged
 * is refused.
 */
#include <dirent.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "telescope/report.h"
#include "traffic.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/hinomi-state-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Five minutes of everything: scans, answers, members, IPv6, fragments, time that steps back. */
static void mixture(struct traffic *t)
{
	uint64_t seed = 4711;

	for (unsigned n = 0; n < 6000; n++) {
		int64_t time = T0 + n * 5 * MINUTE / 6000 - (n % 97 == 0 ? 3 * SECOND : 0);
		uint32_t dice = random_below(&seed, 1000);
		uint32_t dst = DARK(random_below(&seed, 2000));

		if (dice < 300)
			send_syn(t, time, ADDR(9, 0, 0, dice % 20), dst,
				 (uint16_t)(dice % 7 * 1000 + 22));
		else if (dice < 450)
			send_flags(t, time, ADDR(20, 0, 0, dice % 3), dst, 443, (uint16_t)n, 0x12);
		else if (dice < 600)
			send_udp(t, time, ADDR(30, 0, dice % 5, dice % 200), DARK(9), 53, 5000,
				 "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
		else if (dice < 700)
			send_udp(t, time, ADDR(40, 0, 0, dice % 9), dst, 5060, 5060, "OPTIONS", 7);
		else if (dice < 800)
			send_error(t, time, ADDR(50, 0, 0, 1), dst, ADDR(60, 0, 0, 1), IPPROTO_TCP,
				   80);
		else if (dice < 900)
			send_syn(t, time, ADDR(70, 0, 0, 0) + n * 101, DARK(77), 80);
		else
			send_icmp(t, time, ADDR(9, 0, 0, dice % 20), ADDR(9, 0, 0, dice % 17), 8,
				  0);
	}
}

static bool on_flow(void *user, const struct hin_flow_row *row)
{
	fprintf(user, "%lld %08x %u %08x %u %u %llu %llu\n", (long long)row->minute_us,
		hin_addr_v4(&row->src), row->sport, hin_addr_v4(&row->dst), row->dport, row->proto,
		(unsigned long long)row->packets, (unsigned long long)row->bytes);
	return true;
}

static bool on_news(void *user, const struct hin_news *news)
{
	const struct hin_part *part = &news->part;

	fprintf(user, "news %d %d%d %lld %llu %llu\n", (int)news->type, part->opened, part->closed,
		(long long)part->since_us, (unsigned long long)part->packets,
		(unsigned long long)part->bytes);
	return true;
}

static void on_member(void *user, const struct hin_member_news *news)
{
	const struct hin_part *part = &news->part;

	fprintf(user, "member %08x %016llx %u %d%d %lld %llu %llu\n",
		hin_addr_v4(&news->member->address), (unsigned long long)news->link, news->sport,
		part->opened, part->closed, (long long)part->since_us,
		(unsigned long long)part->packets, (unsigned long long)part->bytes);
}

static struct hin_telescope *telescope_new(const struct hin_telescope_options *options)
{
	struct hin_telescope *t;

	assert_int_equal(hin_telescope_new(&t, options, NULL), HIN_OK);
	return t;
}

static void run_to(struct hin_telescope *telescope, struct traffic *t, size_t end)
{
	size_t whole = t->count;

	t->count = end;
	assert_int_equal(hin_telescope_run(telescope, traffic_read, t, NULL), HIN_OK);
	t->count = whole;
}

/* All that was told and the report, as text, of a run that is cut at each of `cuts`. */
static char *tell(struct traffic *t, struct hin_telescope_options options, const size_t *cuts,
		  size_t cut_count)
{
	struct hin_telescope *telescope;
	struct hin_picture picture;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	options.sink.user = out;
	options.sink.flow = on_flow;
	options.sink.news = on_news;
	options.sink.member = on_member;
	telescope = telescope_new(&options);
	t->at = 0;
	for (size_t i = 0; i < cut_count; i++) {
		run_to(telescope, t, cuts[i]);
		assert_int_equal(hin_telescope_save(telescope, path_of("state"), NULL), HIN_OK);
		hin_telescope_free(telescope);
		telescope = telescope_new(&options);
		assert_int_equal(hin_telescope_load(telescope, path_of("state"), NULL), HIN_OK);
	}
	run_to(telescope, t, t->count);
	assert_int_equal(hin_telescope_finish(telescope, NULL), HIN_OK);
	assert_true(hin_telescope_tell_open(telescope));
	assert_int_equal(hin_telescope_picture(&picture, telescope, 1000, NULL), HIN_OK);
	assert_int_equal(hin_report_json(out, &picture, NULL, NULL), HIN_OK);
	hin_picture_free(&picture);
	hin_telescope_free(telescope);
	fclose(out);
	return text;
}

static void cut_anywhere(void **state)
{
	struct hin_prefix_tree *dark = traffic_tree("198.18.0.0/16");
	struct hin_prefix_tree *member = traffic_tree("9.0.0.0/28");
	struct traffic t = { 0 };

	(void)state;
	mixture(&t);
	for (unsigned variant = 0; variant < 8; variant++) {
		struct hin_telescope_options options = traffic_options();
		size_t cuts[] = { 1 + variant, t.count / 3 + variant, t.count / 2 + 7, t.count };
		char *whole;

		options.dark = variant & 1 ? dark : NULL;
		options.member = variant & 1 ? member : NULL;
		options.flows = (variant & 2) != 0;
		options.threads = variant & 4 ? 3 : 1;
		options.settings.memory_bytes = 8 << 20;
		options.settings.event_timeout_ns = 60 * INT64_C(1000000000);
		options.update_us = variant & 3 ? 60000000 : 0;
		whole = tell(&t, options, NULL, 0);
		for (size_t i = 0; i < HIN_COUNT(cuts) - 1; i++) {
			char *parts = tell(&t, options, &cuts[i], 1);

			if (strcmp(whole, parts) != 0)
				fail_msg("variant %u, cut at %zu differs", variant, cuts[i]);
			free(parts);
		}
		{
			char *parts = tell(&t, options, cuts, HIN_COUNT(cuts));

			if (strcmp(whole, parts) != 0)
				fail_msg("variant %u, cut at all of them differs", variant);
			free(parts);
		}
		free(whole);
	}
	traffic_free(&t);
	hin_prefix_tree_free(dark);
	hin_prefix_tree_free(member);
}

/* A state saved with some threads goes on with others. */
static void threads_may_change(void **state)
{
	struct hin_telescope_options one = traffic_options(), many = traffic_options();
	struct hin_telescope *telescope;
	struct hin_picture picture;
	struct traffic t = { 0 };

	(void)state;
	mixture(&t);
	many.threads = 5;
	telescope = telescope_new(&many);
	run_to(telescope, &t, t.count / 2);
	assert_int_equal(hin_telescope_save(telescope, path_of("state"), NULL), HIN_OK);
	hin_telescope_free(telescope);
	telescope = telescope_new(&one);
	assert_int_equal(hin_telescope_load(telescope, path_of("state"), NULL), HIN_OK);
	run_to(telescope, &t, t.count);
	assert_int_equal(hin_telescope_picture(&picture, telescope, 10, NULL), HIN_OK);
	assert_int_equal(picture.packets, t.count);
	hin_picture_free(&picture);
	hin_telescope_free(telescope);
	traffic_free(&t);
}

/* ---- refusals ---- */

static void save_some(const struct hin_telescope_options *options)
{
	struct hin_telescope *telescope = telescope_new(options);
	struct traffic t = { 0 };

	mixture(&t);
	run_to(telescope, &t, 500);
	assert_int_equal(hin_telescope_save(telescope, path_of("state"), NULL), HIN_OK);
	hin_telescope_free(telescope);
	traffic_free(&t);
}

static void load_wants(const struct hin_telescope_options *options, enum hin_code code,
		       const char *name)
{
	struct hin_telescope *telescope = telescope_new(options);
	struct hin_error err = { 0 };

	if (hin_telescope_load(telescope, path_of("state"), &err) != code)
		fail_msg("%s: %s", name, err.text);
	if (code != HIN_OK && (strchr(err.text, '\n') != NULL || strlen(err.text) < 20))
		fail_msg("%s: what is said: %s", name, err.text);
	hin_telescope_free(telescope);
}

static void other_settings_are_refused(void **state)
{
	struct hin_prefix_tree *dark = traffic_tree("198.18.0.0/16");
	struct hin_prefix_tree *other = traffic_tree("198.18.0.0/17");
	struct hin_prefix_tree *member = traffic_tree("9.0.0.0/8");
	struct hin_telescope_options saved = traffic_options(), now;

	(void)state;
	saved.dark = dark;
	saved.settings.memory_bytes = 8 << 20;
	save_some(&saved);
	load_wants(&saved, HIN_OK, "the same");
	now = saved;
	now.dark = other;
	load_wants(&now, HIN_EVERIFY, "another dark space");
	now.dark = NULL;
	load_wants(&now, HIN_EVERIFY, "no dark space");
	now = saved;
	now.member = member;
	load_wants(&now, HIN_OK, "members"); /* they hold from now on, as after a reload */
	now = saved;
	now.flows = true;
	load_wants(&now, HIN_EVERIFY, "flows");
	now = saved;
	now.settings.scan_targets++;
	load_wants(&now, HIN_OK, "a threshold");
	now = saved;
	now.settings.memory_bytes = 16 << 20;
	load_wants(&now, HIN_EVERIFY, "another budget");
	now = saved;
	now.settings.seed = 1;
	load_wants(&now, HIN_OK, "another seed"); /* live draws one; the saved one goes on */
	hin_prefix_tree_free(dark);
	hin_prefix_tree_free(other);
	hin_prefix_tree_free(member);
}

static size_t read_state(uint8_t **out)
{
	FILE *in = fopen(path_of("state"), "rb");
	size_t size;

	assert_non_null(in);
	*out = malloc(64 << 20);
	assert_non_null(*out);
	size = fread(*out, 1, 64 << 20, in);
	fclose(in);
	return size;
}

static void write_state(const uint8_t *bytes, size_t size)
{
	FILE *out = fopen(path_of("state"), "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	fclose(out);
}

/* A whole file of the version before, with a digest that is right: it says what to do. */
static void another_version_is_refused(void **state)
{
	struct hin_telescope_options options = traffic_options();
	size_t size, room = 64 << 20;
	uint8_t *bytes, *plain = malloc(room);
	uint32_t version;

	(void)state;
	assert_non_null(plain);
	options.settings.memory_bytes = 8 << 20;
	save_some(&options);
	size = read_state(&bytes);
	room = ZSTD_decompress(plain, room, bytes + 40, size - 40);
	assert_false(ZSTD_isError(room));
	memcpy(&version, plain, sizeof(version)); /* comes first */
	assert_int_equal(version, 8);
	for (version = 7; version < 10; version++) {
		memcpy(plain, &version, sizeof(version));
		assert_non_null(SHA256(plain, room, bytes + 8));
		size = ZSTD_compress(bytes + 40, (64 << 20) - 40, plain, room, 1);
		assert_false(ZSTD_isError(size));
		write_state(bytes, 40 + size);
		load_wants(&options, version == 8 ? HIN_OK : HIN_EVERIFY, "a version");
	}
	free(plain);
	free(bytes);
}

/* Cut anywhere, one bit turned anywhere, something else: refused, and nothing breaks (ASan). */
static void damage_is_refused(void **state)
{
	struct hin_telescope_options options = traffic_options();
	uint64_t seed = 3;
	uint8_t *bytes;
	size_t size;

	(void)state;
	options.settings.memory_bytes = 8 << 20;
	save_some(&options);
	size = read_state(&bytes);
	assert_true(size > 1000);
	for (unsigned n = 0; n < 40; n++) {
		size_t cut = n < 12 ? n * 5 : random_below(&seed, (uint32_t)size);

		write_state(bytes, cut);
		load_wants(&options, HIN_EFORMAT, "cut");
	}
	for (unsigned n = 0; n < 60; n++) {
		size_t at = n < 20 ? n * 3 : random_below(&seed, (uint32_t)size);
		uint8_t was = bytes[at];
		struct hin_telescope *telescope = telescope_new(&options);

		bytes[at] ^= (uint8_t)(1u << random_below(&seed, 8));
		write_state(bytes, size);
		bytes[at] = was;
		assert_int_not_equal(hin_telescope_load(telescope, path_of("state"), NULL), HIN_OK);
		hin_telescope_free(telescope);
	}
	write_state((const uint8_t *)"this is a letter to my mother, dear mother, I am fine", 53);
	load_wants(&options, HIN_EFORMAT, "a letter");
	write_state(bytes, 0);
	load_wants(&options, HIN_EFORMAT, "an empty file");
	free(bytes);
}

static unsigned files_in_folder(void)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

/* The file is its owner's alone, whole or as it was, and nothing is left beside it. */
static void saving_is_careful(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct hin_telescope *telescope;
	struct hin_error err = { 0 };
	struct stat st;

	(void)state;
	options.settings.memory_bytes = 8 << 20;
	(void)unlink(path_of("state"));
	save_some(&options);
	assert_int_equal(stat(path_of("state"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(files_in_folder(), 1);
	telescope = telescope_new(&options);
	assert_int_equal(hin_telescope_save(telescope, path_of("no/such/folder"), &err), HIN_ESYS);
	assert_non_null(strstr(err.text, "no/such/folder"));
	assert_int_equal(files_in_folder(), 1);
	assert_int_equal(hin_telescope_load(telescope, path_of("nothing"), &err), HIN_ESYS);
	hin_telescope_free(telescope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(threads_may_change),
		cmocka_unit_test(other_settings_are_refused),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(saving_is_careful),
	};

	return cmocka_run_group_tests_name("state", tests, make_folder, remove_folder);
}
