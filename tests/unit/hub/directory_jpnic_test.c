/* directory_jpnic_test - what JPNIC's whois answers, in three character sets and two languages */
#include "../test.h"

#include <iconv.h>
#include <stdio.h>

#include "hub/owners/charset.h"
#include "hub/owners/directory.h"

#define NOTICE                                                                                     \
	"[ JPNIC database provides information regarding IP address and ASN. Its use   ]\n"        \
	"[ is restricted to network administration purposes.                           ]\n\n"
#define NETWORK                                                                                    \
	"Network Information: [ネットワーク情報]\n"                                        \
	"a. [IPネットワークアドレス]     192.0.2.0/24\n"                                 \
	"b. [ネットワーク名]             EXAMPLE-NET\n"                                     \
	"f. [組織名]                     例示株式会社\n"                                  \
	"g. [Organization]               Example Inc.\n"                                           \
	"m. [管理者連絡窓口]             AA001JP\n"                                         \
	"n. [技術連絡担当者]             TT001JP\n"                                         \
	"n. [技術連絡担当者]             JP00000007\n"                                      \
	"p. [ネームサーバ]               ns.example.jp\n"                                    \
	"[割当年月日]                    2019/02/16\n"                                        \
	"[返却年月日]                    \n"                                                  \
	"[最終更新]                      2024/03/01 12:00:00(JST)\n\n"                         \
	"上位情報\n----------\n"                                                               \
	"例示プロバイダ (Example ISP)\n"                                                    \
	"                     [割り振り]                                 192.0.0.0/16\n\n"
#define CONTACTS                                                                                   \
	"Contact Information: [担当者情報]\n"                                                 \
	"a. [JPNICハンドル]              TT001JP\n"                                            \
	"b. [氏名]                       例示 太郎\n"                                        \
	"d. [電子メール]                 taro@example.jp\n"                                   \
	"f. [組織名]                     例示株式会社\n\n"                                \
	"Group Contact Information: [担当グループ情報]\n"                                  \
	"[グループハンドル]              JP00000007\n"                                     \
	"[グループ名]                    運用担当\n"                                      \
	"[電子メール]                    noc@example.jp\n\n"
#define JAPANESE NOTICE NETWORK CONTACTS

static const char english[] = NOTICE "Network Information:            \n"
				     "a. [Network Number]             2001:db8:5::/48\n"
				     "b. [Network Name]               EXAMPLE6\n"
				     "g. [Organization]               Example Inc.\n"
				     "m. [Administrative Contact]     AA001JP\n"
				     "n. [Technical Contact]          TT001JP\n"
				     "o. [Abuse]                      abuse@example.jp\n"
				     "[Assigned Date]                 2020/01/01\n"
				     "[Return Date]                   2025/12/31\n"
				     "[Last Update]                   2020/01/01 00:00:00(JST)\n"
				     "\n"
				     "Less Specific Info.\n----------\n"
				     "Example ISP  [Allocation]   2001:db8::/32\n"
				     "\n"
				     "Autonomous System Information: [AS情報]\n"
				     "a. [AS番号]                     64500\n"
				     "b. [AS名]                       EXAMPLE-AS\n"
				     "g. [Organization]               Example Inc.\n"
				     "o. [AS-IN]                      from AS64501 10 accept ANY\n";

struct said {
	struct hin_directory_notes notes;
	struct hin_buffer lines;
};

static void hear(void *user, const char *line)
{
	struct said *said = user;

	hin_buffer_printf(&said->lines, "%s\n", line);
}

static struct hin_directory *parse(const void *text, size_t size, struct said *said,
				   enum hin_code want)
{
	struct hin_directory *d = hin_directory_new();
	uint8_t *copy = hin_test_copy(text, size);
	struct hin_error err = { 0 };
	enum hin_code code;

	*said = (struct said){ .notes = { hear, said } };
	code = hin_directory_parse(d, HIN_DIRECTORY_JPNIC, "f", "jpnic", copy, size, &said->notes,
				   &err);
	free(copy);
	if (code != want)
		fail_msg("%d, not %d: %s", code, want, err.text);
	return d;
}

/* The text in another character set, as libc has it. */
static size_t convert(const char *set, const char *text, char *out, size_t room)
{
	iconv_t cd = iconv_open(set, "UTF-8");
	char *from = (char *)(uintptr_t)text, *to = out;
	size_t left = strlen(text), space = room;

	assert_true(cd != (iconv_t)-1);
	assert_true(iconv(cd, &from, &left, &to, &space) != (size_t)-1);
	assert_true(iconv(cd, NULL, NULL, &to, &space) != (size_t)-1);
	iconv_close(cd);
	return room - space;
}

static void expect_network(const struct hin_directory *d)
{
	const struct hin_directory_organisation *o = &d->organisations[0];
	char text[HIN_HOLDING_TEXT];

	assert_int_equal(d->organisation_count, 1);
	assert_string_equal(o->name, "Example Inc.");
	assert_string_equal(o->name_ja, "例示株式会社");
	assert_string_equal(o->country, "JP");
	assert_string_equal(o->language, "ja");
	assert_int_equal(strncmp(o->handle, "example-inc-", 12), 0);
	assert_int_equal(d->holding_count, 1);
	assert_string_equal(hin_directory_holding_text(text, &d->holdings[0]), "192.0.2.0/24");
	assert_string_equal(d->holdings[0].label, "EXAMPLE-NET");
	assert_int_equal(d->holdings[0].from_us, INT64_C(1550242800000000)); /* midnight in Japan */
	assert_int_equal(d->holdings[0].until_us, 0);
	assert_int_equal(d->contact_count, 2);
	assert_string_equal(d->contacts[0].address, "taro@example.jp");
	assert_string_equal(d->contacts[0].role, "tech");
	assert_string_equal(d->contacts[1].address, "noc@example.jp");
}

static void the_same_in_each_character_set(void **state)
{
	static const char *const sets[] = { "UTF-8", "ISO-2022-JP", "EUC-JP" };
	static char text[8192];
	struct said said;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(sets); i++) {
		size_t size = convert(sets[i], JAPANESE, text, sizeof(text));
		struct hin_charset *charset = NULL;
		struct hin_directory *d = parse(text, size, &said, HIN_OK);

		if (said.notes.refused != 0)
			fail_msg("%s: %s", sets[i], hin_buffer_text(&said.lines));
		expect_network(d);
		hin_directory_free(d);
		assert_int_equal(hin_charset_open(&charset, text, size, NULL), HIN_OK);
		assert_string_equal(hin_charset_name(charset), sets[i]);
		hin_charset_close(charset);
		assert_int_equal(hin_directory_detect(text, size), HIN_DIRECTORY_JPNIC);
	}
}

static void english_titles_and_as(void **state)
{
	struct said said;
	struct hin_directory *d = parse(english, strlen(english), &said, HIN_OK);
	char text[HIN_HOLDING_TEXT];

	(void)state;
	assert_int_equal(said.notes.refused, 0);
	assert_int_equal(d->organisation_count, 1);
	assert_int_equal(d->holding_count, 2);
	assert_string_equal(hin_directory_holding_text(text, &d->holdings[0]), "2001:db8:5::/48");
	assert_int_equal(d->holdings[0].until_us, INT64_C(1767106800000000));
	assert_string_equal(hin_directory_holding_text(text, &d->holdings[1]), "AS64500");
	assert_string_equal(d->holdings[1].label, "EXAMPLE-AS");
	assert_int_equal(d->contact_count, 1);
	assert_string_equal(d->contacts[0].role, "abuse");
	assert_string_equal(d->contacts[0].address, "abuse@example.jp");
	hin_directory_free(d);
}

static void refuses_by_the_line(void **state)
{
	static const struct {
		const char *text, *says;
		size_t holdings;
	} cases[] = {
		{ "a. [Network Number] 192.0.2.300/24\n", "f:1: ", 0 },
		{ "a. [Network Number] 192.0.2.0\n", "f:1: a network without its length", 0 },
		{ "a. [Network Number]\n", "f:1: the block says not", 0 },
		{ "a. [Network Number] AS64500\n", "f:1: this is no network", 0 },
		{ "a. [AS Number] 192.0.2.0/24\n", "f:1: AS number", 0 },
		{ "a. [Network Number] 192.0.2.0/24\n[Assigned Date] 16.2.2019\n", "f:2: the date",
		  1 },
		{ "a. [Network Number] 192.0.2.0/24\n[Assigned Date] 2019/02/31\n", "f:2: the date",
		  1 },
		{ "a. [Network Number] 192.0.2.0/24\n[Assigned Date] 2020/01/01\n"
		  "[Return Date] 2019/01/01\n",
		  "f:1: ", 0 },
		{ "a. [Network Number] 192.0.2.0/24\no. [Abuse] abuse@@x\n",
		  "f:1: the abuse contact", 1 },
		{ "[Group Handle] JP1\n[E-Mail] nobody\n", "f:1: the e-mail", 0 },
	};
	struct said said;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_directory *d =
			parse(cases[i].text, strlen(cases[i].text), &said, HIN_OK);

		if (said.notes.refused != 1 ||
		    strstr(hin_buffer_text(&said.lines), cases[i].says) == NULL)
			fail_msg("%s: %llu: %s", cases[i].text,
				 (unsigned long long)said.notes.refused,
				 hin_buffer_text(&said.lines));
		if (d->holding_count != cases[i].holdings)
			fail_msg("%s: %zu holdings", cases[i].text, d->holding_count);
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

/* What is of no character set spoils its line alone; what is of no format the whole file. */
static void broken_text(void **state)
{
	static const char broken[] = "a. [Network Number] 192.0.2.0/24\n"
				     "f. [\xc1\xc8\xbf\xa5\xcc\xbe] \xff\xff\xff\n"
				     "g. [Organization] Example Inc.\n";
	struct said said;
	struct hin_directory *d = parse(broken, sizeof(broken) - 1, &said, HIN_OK);

	(void)state;
	assert_int_equal(said.notes.refused, 1);
	assert_non_null(strstr(hin_buffer_text(&said.lines), "f:2: bytes that are no text"));
	assert_int_equal(d->holding_count, 1);
	hin_buffer_fini(&said.lines);
	hin_directory_free(d);
	hin_directory_free(parse("No match!!\n", 11, &said, HIN_EFORMAT));
	hin_directory_free(parse("", 0, &said, HIN_EFORMAT));
	/* a registry's block is nobody's own */
	d = parse("a. [Network Number] 10.0.0.0/7\n", 31, &said, HIN_OK);
	assert_int_equal(said.notes.skipped, 1);
	assert_int_equal(d->holding_count, 0);
	hin_directory_free(d);
}

static void formats_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum hin_directory_format want;
	} cases[] = {
		{ "organisation,holding\na,192.0.2.0/24\n", HIN_DIRECTORY_CSV },
		{ "# ours\n\xef\xbb\xbforganisation,holding\n", HIN_DIRECTORY_CSV },
		{ "\xef\xbb\xbforganisation,holding\n", HIN_DIRECTORY_CSV },
		{ "% RIPE\n\ninetnum: 192.0.2.0 - 192.0.2.255\n", HIN_DIRECTORY_RPSL },
		{ "organisation:   ORG-1\n", HIN_DIRECTORY_RPSL },
		{ "{\"objectClassName\": \"ip network\"}", HIN_DIRECTORY_RDAP },
		{ "[\n{\"a\":1}]", HIN_DIRECTORY_RDAP },
		{ "[{\"a\":1}]", HIN_DIRECTORY_RDAP },
		{ NOTICE "a. [Network Number] 192.0.2.0/24\n", HIN_DIRECTORY_JPNIC },
		{ "[Group Handle] JP1\n", HIN_DIRECTORY_JPNIC },
		{ "Network Information:\na. [Network Number] 192.0.2.0/24\n", HIN_DIRECTORY_JPNIC },
		{ "hello\n", HIN_DIRECTORY_FORMATS },
		{ "", HIN_DIRECTORY_FORMATS },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size = strlen(cases[i].text);
		uint8_t *copy = hin_test_copy(cases[i].text, size);

		if (hin_directory_detect(copy, size) != cases[i].want)
			fail_msg("%s", cases[i].text);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_in_each_character_set),
		cmocka_unit_test(english_titles_and_as),
		cmocka_unit_test(refuses_by_the_line),
		cmocka_unit_test(broken_text),
		cmocka_unit_test(formats_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
