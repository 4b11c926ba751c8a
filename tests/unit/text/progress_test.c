#include "../test.h"

#include <fcntl.h>
#include <unistd.h>

#include "text/progress.h"

#define S HIN_NS_PER_S

static int fds[2];

static int open_pipe(void **state)
{
	(void)state;
	return pipe2(fds, O_NONBLOCK);
}

static int close_pipe(void **state)
{
	(void)state;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static void check(const char *want)
{
	char got[1000];
	ssize_t n = read(fds[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, want);
}

static void draws_on_a_terminal(void **state)
{
	struct hin_progress p;

	(void)state;
	hin_progress_start(&p, fds[1], true, HIN_EN, "reading", "packets", 5 * S);
	hin_progress_update(&p, 10, 1000, 1000, 5 * S + S / 2);
	check("");
	hin_progress_update(&p, 100, 1000, 123456, 6 * S);
	check("\r\x1b[Kreading  10.0 %  123 k packets/s  9 s left");
	hin_progress_update(&p, 110, 1000, 123457, 6 * S + S / 10);
	check("");
	hin_progress_update(&p, 200, 1000, 123456, 7 * S);
	check("\r\x1b[Kreading  20.0 %  86.4 k packets/s  8 s left");
	hin_progress_update(&p, 2000, 1000, 123456, 8 * S);
	check("\r\x1b[Kreading  100.0 %  60.5 k packets/s");
	hin_progress_end(&p);
	check("\r\x1b[K");
	hin_progress_end(&p);
	check("");
}

static void writes_plain_lines(void **state)
{
	struct hin_progress p;

	(void)state;
	hin_progress_start(&p, fds[1], false, HIN_JA, "読み込み", "パケット", 0);
	hin_progress_update(&p, 10, 1000, 1000, 29 * S);
	check("");
	hin_progress_update(&p, 10, 1000, 3000000, 30 * S);
	check("読み込み  1.0 %  10.0万 パケット/秒  残り49分30秒\n");
	hin_progress_end(&p);
	hin_progress_start(&p, fds[1], false, HIN_EN, "reading", "packets", 0);
	hin_progress_update(&p, 10, 0, 3000000, 30 * S);
	check("reading  3.00 M packets  100 k packets/s\n");
	hin_progress_start(&p, -1, false, HIN_EN, "reading", "packets", 0);
	hin_progress_update(&p, 10, 0, 3000000, 30 * S);
	check("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_on_a_terminal),
		cmocka_unit_test(writes_plain_lines),
	};

	return cmocka_run_group_tests(tests, open_pipe, close_pipe);
}
