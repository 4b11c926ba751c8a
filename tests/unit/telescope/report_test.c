/*
 * Reports of pictures filled by hand, compared byte for byte with tests/corpus/report/. After a
 * change that is meant, HINOMI_STORE=1 writes them anew; read the difference before it is
 * committed.
 */
#include "../test.h"

#include <stdio.h>

#include "base/geo.h"
#include "base/utf8.h"
#include "report_pictures.h"
#include "telescope/report.h"

struct text {
	char *data;
	size_t size;
};

enum form { FORM_TEXT, FORM_HTML, FORM_JSON, FORM_CSV };

static struct text written(enum form form, enum hin_report_list list,
			   const struct hin_picture *picture,
			   const struct hin_report_options *options)
{
	struct text text = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code = HIN_EUSAGE;
	FILE *out = open_memstream(&text.data, &text.size);

	assert_non_null(out);
	switch (form) {
	case FORM_TEXT:
		code = hin_report_text(out, picture, options, &err);
		break;
	case FORM_HTML:
		code = hin_report_html(out, picture, options, &err);
		break;
	case FORM_JSON:
		code = hin_report_json(out, picture, options, &err);
		break;
	case FORM_CSV:
		code = hin_report_csv(out, list, picture, options, &err);
		break;
	}
	if (code != HIN_OK)
		fail_msg("%s", err.text);
	fclose(out);
	return text;
}

static void stored_path(char *out, size_t size, const char *name)
{
	const char *source = getenv("HINOMI_SOURCE");

	snprintf(out, size, "%s/tests/corpus/report/%s", source != NULL ? source : ".", name);
}

static struct text stored(const char *path)
{
	struct text text = { .data = malloc(1 << 20) };
	FILE *in = fopen(path, "rb");

	if (in == NULL)
		fail_msg("%s is missing", path);
	assert_non_null(text.data);
	text.size = fread(text.data, 1, 1 << 20, in);
	fclose(in);
	return text;
}

static void expect_stored(const char *name, struct text got)
{
	char path[512];
	struct text want;

	stored_path(path, sizeof(path), name);
	if (getenv("HINOMI_STORE") != NULL) {
		FILE *out = fopen(path, "wb");

		assert_non_null(out);
		assert_int_equal(fwrite(got.data, 1, got.size, out), got.size);
		fclose(out);
	}
	want = stored(path);
	if (want.size != got.size || memcmp(want.data, got.data, got.size) != 0) {
		size_t at = 0, line = 1;

		while (at < want.size && at < got.size && want.data[at] == got.data[at])
			line += want.data[at++] == '\n';
		fail_msg("%s differs from line %zu on", name, line);
	}
	free(want.data);
}

static const struct {
	const char *name;
	const struct hin_picture *(*make)(void);
} pictures[] = {
	{ "all", picture_of_all },
	{ "nothing", picture_of_nothing },
	{ "hostility", picture_of_hostility },
	{ "recording", picture_of_recording },
};

static void equals_stored_output(void **state)
{
	static const struct {
		const char *ending;
		enum form form;
		struct hin_report_options options;
	} forms[] = {
		{ "en.txt", FORM_TEXT, { .lang = HIN_EN } },
		{ "ja.txt", FORM_TEXT, { .lang = HIN_JA } },
		{ "en.html", FORM_HTML, { .lang = HIN_EN, .program = "hinomi 0" } },
		{ "ja.html", FORM_HTML, { .lang = HIN_JA } },
		{ "json", FORM_JSON, { .program = "hinomi 0" } },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(pictures); i++) {
		for (size_t f = 0; f < HIN_COUNT(forms); f++) {
			struct text text = written(forms[f].form, HIN_REPORT_EVENTS,
						   pictures[i].make(), &forms[f].options);
			char name[64];

			snprintf(name, sizeof(name), "%s.%s", pictures[i].name, forms[f].ending);
			expect_stored(name, text);
			free(text.data);
		}
	}
}

static void csv_equals_stored_output(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(pictures); i++) {
		for (unsigned list = 0; list < HIN_REPORT_LIST_COUNT; list++) {
			struct text text = written(FORM_CSV, list, pictures[i].make(), NULL);
			char name[64];

			if (i != 0 && i != 2) { /* the header alone */
				free(text.data);
				continue;
			}
			snprintf(name, sizeof(name), "%s.%s.csv", pictures[i].name,
				 hin_report_list_name(list));
			expect_stored(name, text);
			free(text.data);
		}
	}
}

/* What no report may hold, whatever the names say: raw controls, bidi marks, live markup. */
static void outside_text_cannot_act(void **state)
{
	static const char *const forbidden[] = { "\033[31m",   "\033[2J",    "<script>alert",
						 "<img src=x", "<b>damaged", "\xe2\x80\xae",
						 "\xff",       "\xc3(" };

	(void)state;
	for (enum form form = FORM_TEXT; form <= FORM_CSV; form++) {
		unsigned last = form == FORM_CSV ? HIN_REPORT_LIST_COUNT : 1;

		for (unsigned list = 0; list < last; list++) {
			struct text text = written(form, list, picture_of_hostility(), NULL);

			for (size_t i = 0; i < HIN_COUNT(forbidden); i++) {
				bool markup = forbidden[i][0] == '<';

				if (markup && form != FORM_HTML)
					continue;
				if (strstr(text.data, forbidden[i]) != NULL)
					fail_msg("form %u holds \"%s\"", form, forbidden[i]);
			}
			if (form == FORM_CSV)
				assert_null(strstr(text.data, "\n+"));
			free(text.data);
		}
	}
}

static void csv_cells_are_no_formulas(void **state)
{
	struct text text = written(FORM_CSV, HIN_REPORT_EVENTS, picture_of_hostility(), NULL);

	(void)state;
	assert_non_null(strstr(text.data, "\"'=cmd|'/C calc'!A0,\"\"<b>\"\"\""));
	free(text.data);
	text = written(FORM_CSV, HIN_REPORT_MEMBERS, picture_of_hostility(), NULL);
	assert_non_null(strstr(text.data, "\"'+1\\x1b[31m"));
	free(text.data);
}

/* Without the size of the dark space there is no world-wide estimate in any form. */
static void no_estimate_without_dark_size(void **state)
{
	struct text text = written(FORM_JSON, 0, picture_of_recording(), NULL);

	(void)state;
	assert_null(strstr(text.data, "world_rate"));
	assert_null(strstr(text.data, "coverage"));
	assert_null(strstr(text.data, "attack_"));
	assert_null(strstr(text.data, "packets_per_address"));
	assert_non_null(strstr(text.data, "\"known\": false"));
	free(text.data);
}

/* The columns of the widest line; escape sequences take none. */
static size_t widest(const char *text, bool *coloured)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	size_t width = 0, most = 0;

	*coloured = false;
	while (in.left > 0) {
		uint32_t c = hin_utf8_read(&in);

		if (c == '\033') {
			*coloured = true;
			while (in.left > 0 && c != 'm')
				c = hin_utf8_read(&in);
			continue;
		}
		if (c == '\n') {
			most = width > most ? width : most;
			width = 0;
		} else {
			width += hin_utf8_width(c);
		}
	}
	return most;
}

static void text_keeps_its_width_and_colours(void **state)
{
	static const struct {
		const char *name;
		struct hin_report_options options;
		size_t most;
	} cases[] = {
		{ "usual", { .lang = HIN_EN }, 80 },
		{ "Japanese", { .lang = HIN_JA }, 80 },
		{ "coloured", { .colour = true }, 80 },
		{ "narrow", { .width = 72 }, 72 },
		{ "narrow Japanese", { .lang = HIN_JA, .width = 72 }, 72 },
		{ "never wider", { .width = 200 }, 80 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		for (size_t p = 0; p < HIN_COUNT(pictures); p++) {
			struct text text =
				written(FORM_TEXT, 0, pictures[p].make(), &cases[i].options);
			bool coloured;
			size_t width = widest(text.data, &coloured);

			if (width > cases[i].most)
				fail_msg("%s, %s: %zu columns", cases[i].name, pictures[p].name,
					 width);
			assert_int_equal(coloured, cases[i].options.colour);
			free(text.data);
		}
	}
}

/* The infected come first, whatever else is there. */
static void own_machines_come_first(void **state)
{
	struct text text = written(FORM_TEXT, 0, picture_of_all(), NULL);
	const char *infected = strstr(text.data, "!! Our own: 2 machines look infected: 10.66.3.2");

	(void)state;
	assert_non_null(infected);
	assert_true(infected < strstr(text.data, "Under attack"));
	assert_true(infected < strstr(text.data, "--"));
	free(text.data);
}

static void counts_alone_are_not_judged(void **state)
{
	struct hin_picture picture = *picture_of_recording();
	struct text text;

	(void)state;
	picture.decoded_only = true;
	picture.event_count = picture.event_total = 0;
	text = written(FORM_TEXT, 0, &picture, NULL);
	assert_non_null(strstr(text.data, "Counted only, as asked; nothing was judged."));
	assert_null(strstr(text.data, "Who scans"));
	assert_null(strstr(text.data, "What rose"));
	free(text.data);
}

static void names_countries_when_given(void **state)
{
	const char *shared = getenv("HINOMI_SHARED_DATA"), *source = getenv("HINOMI_SOURCE");
	struct hin_picture picture = *picture_of_recording();
	struct hin_event event = picture.events[0];
	struct hin_geo *geo = NULL;
	struct hin_report_options options = { .geo = &geo, .geo_count = 1 };
	char path[512];
	struct text text;

	(void)state;
	snprintf(path, sizeof(path), "%s%s/geoip/geo-whois-asn-country-ipv4.mmdb",
		 shared != NULL	  ? shared
		 : source != NULL ? source
				  : ".",
		 shared != NULL ? "" : "/../shared/data");
	if (hin_geo_open(&geo, path, NULL) != HIN_OK)
		skip();
	event.source = hin_addr_of_v4(0xca0c1b21); /* 202.12.27.33, m.root-servers.net, in Japan */
	picture.events = &event;
	text = written(FORM_JSON, 0, &picture, &options);
	assert_non_null(strstr(text.data, "\"source\": \"202.12.27.33\", \"country\": \"JP\""));
	free(text.data);
	text = written(FORM_CSV, HIN_REPORT_EVENTS, &picture, &options);
	assert_non_null(strstr(text.data, "evidence,country,as,as_name\r\n"));
	assert_non_null(strstr(text.data, ",JP,,\r\n"));
	free(text.data);
	text = written(FORM_TEXT, 0, &picture, &options);
	assert_non_null(strstr(text.data, "202.12.27.33  JP    vertical"));
	free(text.data);
	text = written(FORM_HTML, 0, &picture, &options);
	assert_non_null(strstr(text.data, "data-label=\"From\">JP</td>"));
	free(text.data);
	hin_geo_close(geo);
}

static void says_when_it_cannot_write(void **state)
{
	struct hin_error err = { 0 };
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	if (out == NULL)
		skip();
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(hin_report_json(out, picture_of_all(), NULL, &err), HIN_ESYS);
	assert_int_equal(hin_report_csv(out, HIN_REPORT_EVENTS, picture_of_all(), NULL, &err),
			 HIN_ESYS);
	assert_int_equal(hin_report_text(out, picture_of_all(), NULL, &err), HIN_ESYS);
	assert_int_equal(hin_report_html(out, picture_of_all(), NULL, &err), HIN_ESYS);
	assert_non_null(strstr(err.text, "No space left"));
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_stored_output),
		cmocka_unit_test(csv_equals_stored_output),
		cmocka_unit_test(outside_text_cannot_act),
		cmocka_unit_test(csv_cells_are_no_formulas),
		cmocka_unit_test(no_estimate_without_dark_size),
		cmocka_unit_test(text_keeps_its_width_and_colours),
		cmocka_unit_test(own_machines_come_first),
		cmocka_unit_test(counts_alone_are_not_judged),
		cmocka_unit_test(names_countries_when_given),
		cmocka_unit_test(says_when_it_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
