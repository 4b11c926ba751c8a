#include "../test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

#define NOW 1795313403123456789
#define TIME "time=2026-11-22T02:10:03.123Z "

static int pipe_fds[2];

static int open_pipe(void **state)
{
	(void)state;
	if (pipe2(pipe_fds, O_NONBLOCK) != 0)
		return -1;
	hin_log_setup(pipe_fds[1], HIN_LOG_INFO);
	return 0;
}

static int close_pipe(void **state)
{
	(void)state;
	hin_log_setup(STDERR_FILENO, HIN_LOG_INFO);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* Compare what was logged since the last call. */
static void check(const char *want)
{
	char got[8192];
	ssize_t n = read(pipe_fds[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, want);
}

static void writes_lines(void **state)
{
	struct hin_addr addr = hin_addr_of_v4(0xc0000201);

	(void)state;
	hin_log_write(NOW, HIN_LOG_ERROR, "a.b", HIN_LOG_FIELDS());
	check(TIME "level=error event=a.b\n");
	hin_log_write(NOW, HIN_LOG_WARNING, "a.b",
		      HIN_LOG_FIELDS(hin_log_text("file", "a.pcap"), hin_log_u64("n", UINT64_MAX),
				     hin_log_i64("d", -1), hin_log_double("share", 0.25),
				     hin_log_addr("source", &addr)));
	check(TIME "level=warning event=a.b file=a.pcap n=18446744073709551615 d=-1 share=0.25 "
		   "source=192.0.2.1\n");
	hin_log_write(NOW, HIN_LOG_INFO, "a.b",
		      HIN_LOG_FIELDS(hin_log_text("a", ""), hin_log_text("b", "x y"),
				     hin_log_text("c", "\"\\\n"), hin_log_text("d", "火\xff"),
				     hin_log_text("e", "k=v"), hin_log_text("f", NULL)));
	check(TIME "level=info event=a.b a=\"\" b=\"x y\" c=\"\\\"\\\\\\x0a\" d=\"火\\xff\" "
		   "e=\"k=v\" f=\"\"\n");
	hin_log_write(NOW, HIN_LOG_DEBUG, "a.b", HIN_LOG_FIELDS());
	check("");
	hin_log(HIN_LOG_DEBUG, "not.shown");
	check("");
}

static void keeps_lines_short(void **state)
{
	char text[3000], want[1000];
	int n;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	hin_log_write(NOW, HIN_LOG_INFO, "a",
		      HIN_LOG_FIELDS(hin_log_text("t", text), hin_log_u64("n", 1)));
	n = snprintf(want, sizeof(want), TIME "level=info event=a t=\"%.*s...\" n=1\n",
		     HIN_LOG_TEXT - 4, text);
	assert_true(n > 0 && n < (int)sizeof(want));
	check(want);
	hin_log_write(NOW, HIN_LOG_INFO, "a",
		      HIN_LOG_FIELDS(hin_log_text("t", text), hin_log_text("t", text),
				     hin_log_text("t", text), hin_log_text("t", text),
				     hin_log_text("t", text), hin_log_u64("n", 1)));
	{
		char got[8192];
		ssize_t size = read(pipe_fds[0], got, sizeof(got));

		assert_true(size > HIN_LOG_LINE / 2 && size < HIN_LOG_LINE);
		assert_memory_equal(got + size - 13, "...\" cut=yes\n", 13);
	}
}

static void limits_repeats(void **state)
{
	struct hin_log_site site = { 0 };
	uint64_t suppressed = 9;

	(void)state;
	assert_true(hin_log_allow(&site, NOW, &suppressed));
	assert_int_equal(suppressed, 0);
	for (int i = 0; i < 5; i++)
		assert_false(hin_log_allow(&site, NOW + i, &suppressed));
	assert_false(hin_log_allow(&site, NOW + HIN_LOG_INTERVAL_NS - 1, &suppressed));
	hin_log_write_limited(&site, NOW + 5, HIN_LOG_INFO, "a", HIN_LOG_FIELDS());
	check("");
	hin_log_write_limited(&site, NOW + HIN_LOG_INTERVAL_NS, HIN_LOG_INFO, "a",
			      HIN_LOG_FIELDS(hin_log_u64("n", 1)));
	check("time=2026-11-22T02:10:13.123Z level=info event=a suppressed=7 n=1\n");
	assert_false(hin_log_allow(&site, NOW + HIN_LOG_INTERVAL_NS + 1, &suppressed));
	hin_log_flush(&site, NOW, HIN_LOG_INFO, "a");
	check(TIME "level=info event=a suppressed=1\n");
	hin_log_flush(&site, NOW, HIN_LOG_INFO, "a");
	check("");
	/* a clock that steps far back must not silence the site for ever */
	assert_true(hin_log_allow(&site, NOW - HIN_NS_PER_DAY, &suppressed));
}

static struct hin_log_site shared;
static _Atomic uint64_t allowed, held;

static void *hammer(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20000; i++) {
		uint64_t suppressed;

		if (hin_log_allow(&shared, NOW + i * (HIN_LOG_INTERVAL_NS / 100), &suppressed)) {
			atomic_fetch_add(&allowed, 1);
			atomic_fetch_add(&held, suppressed);
		}
	}
	return NULL;
}

static void counts_across_threads(void **state)
{
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(allowed + held + shared.suppressed, 40000);
	assert_true(allowed >= 200);
}

static void counts_lost_lines(void **state)
{
	uint64_t before = hin_log_lost();
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	hin_log_setup(full, HIN_LOG_INFO);
	hin_log(HIN_LOG_INFO, "lost", hin_log_u64("n", 1));
	assert_int_equal(hin_log_lost(), before + 1);
	hin_log_setup(pipe_fds[1], HIN_LOG_INFO);
	close(full);
}

static void reads_levels(void **state)
{
	enum hin_log_level level = HIN_LOG_ERROR;

	(void)state;
	assert_int_equal(hin_log_level_parse(&level, "debug", NULL), HIN_OK);
	assert_int_equal(level, HIN_LOG_DEBUG);
	assert_int_equal(hin_log_level_parse(&level, "loud", NULL), HIN_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_lines),	     cmocka_unit_test(keeps_lines_short),
		cmocka_unit_test(limits_repeats),    cmocka_unit_test(counts_across_threads),
		cmocka_unit_test(counts_lost_lines), cmocka_unit_test(reads_levels),
	};

	return cmocka_run_group_tests(tests, open_pipe, close_pipe);
}
