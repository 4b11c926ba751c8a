/* The directory: what each format says, what is refused and with which line, and what an import
 * changes, adds and leaves. */
#include "desk_fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "hub/owners/directory_priv.h"

/* ---- help ---- */

struct said {
	struct hin_buffer lines;
	struct hin_directory_notes notes;
};

static void hear(void *user, const char *line)
{
	struct said *said = user;

	hin_buffer_printf(&said->lines, "%s\n", line);
}

static struct hin_directory *parsed_as(enum hin_directory_format format, const char *text,
				       size_t size, struct said *said, enum hin_code want,
				       struct hin_error *err)
{
	struct hin_directory *d = hin_directory_new();
	uint8_t *copy = hin_test_copy(text, size);
	enum hin_code code;

	*said = (struct said){ .notes = { hear, said } };
	code = hin_directory_parse(d, format, "f", "test", copy, size, &said->notes, err);
	free(copy);
	if (code != want)
		fail_msg("%.60s: %d, not %d: %s", text, code, want, err->text);
	return d;
}

static struct hin_directory *parsed(enum hin_directory_format format, const char *text)
{
	struct hin_error err = { 0 };
	struct said said;
	struct hin_directory *d = parsed_as(format, text, strlen(text), &said, HIN_OK, &err);

	if (said.notes.refused != 0)
		fail_msg("refused: %s", hin_buffer_text(&said.lines));
	hin_buffer_fini(&said.lines);
	return d;
}

/* The whole directory as CSV. */
static void expect_csv(const struct hin_directory *d, const char *want)
{
	struct hin_buffer out = { 0 };
	const char *body;

	hin_directory_export(d, &out);
	assert_false(out.failed);
	body = strchr(hin_buffer_text(&out), '\n') + 1;
	if (strcmp(body, want) != 0)
		fail_msg("said\n%s\nwanted\n%s", body, want);
	hin_buffer_fini(&out);
}

/* ---- CSV ---- */

#define TITLES                                                                                     \
	"organisation,name,name_ja,country,language,sector,tlp,member,holding,label,from,until,"   \
	"contact,role,channel,contact_language,quiet,digest\n"

static void csv_is_read_and_written(void **state)
{
	struct hin_directory *d, *again;
	struct hin_buffer out = { 0 };

	(void)state;
	d = parsed(HIN_DIRECTORY_CSV,
		   "\xef\xbb\xbf# owners\r\n"
		   "organisation,name,name_ja,country,sector,tlp,member,holding,contact,quiet,"
		   "from\r\n"
		   "Example-City,\"Example, \"\"the\"\" City\",例市,jp,government,red,yes,"
		   "192.0.2.0/24,abuse@city.example,22:00-07:00 Asia/Tokyo,\r\n"
		   "\r\n,,,,,,,,,,\r\n"
		   "example-city,,,,,,,2001:db8::/32,soc@city.example,,\r\n"
		   "example-city,,,,政府・行政サービス,,,AS64500,,,\r\n"
		   "example-city,,,,,,,198.51.100.7 - 198.51.100.9,,,2026-01-01\r\n"
		   "example-city,,,,,,,203.0.113.0 - 203.0.113.255,,,\r\n"
		   "example-city,,,,,,,City.Example.,abuse@city.example,,\r\n");
	expect_csv(d,
		   "example-city,\"Example, \"\"the\"\" City\",例市,JP,en,government,red,yes,"
		   ",,,,,,,,,\n"
		   "example-city,,,,,,,,,,,,abuse@city.example,abuse,mail,,22:00-07:00 Asia/Tokyo,"
		   "\n"
		   "example-city,,,,,,,,,,,,soc@city.example,abuse,mail,,,\n"
		   "example-city,,,,,,,,192.0.2.0/24,,,,,,,,,\n"
		   "example-city,,,,,,,,2001:db8::/32,,,,,,,,,\n"
		   "example-city,,,,,,,,AS64500,,,,,,,,,\n"
		   "example-city,,,,,,,,198.51.100.7 - "
		   "198.51.100.9,,2026-01-01T00:00:00.000000Z,,,,,,,\n"
		   "example-city,,,,,,,,203.0.113.0/24,,,,,,,,,\n"
		   "example-city,,,,,,,,city.example,,,,,,,,,\n");
	hin_directory_export(d, &out);
	again = parsed(HIN_DIRECTORY_CSV, hin_buffer_text(&out));
	assert_int_equal(again->holding_count, 6);
	expect_csv(again, strchr(out.data, '\n') + 1);
	hin_buffer_fini(&out);
	hin_directory_free(again);
	hin_directory_free(d);
}

static void csv_is_refused(void **state)
{
	/* each in a file of its own, with the titles before it: line 2 */
	static const struct {
		const char *row, *why;
	} cases[] = {
		{ "bad handle,x", "f:2: organisation \"bad handle\" is not" },
		{ ",x", "f:2: no organisation is named" },
		{ "a,A,,,,,,,192.0.2.1/24", "f:2: prefix \"192.0.2.1/24\" has host bits set" },
		{ "a,A,,,,,,,0.0.0.0/0", "f:2: the range 0.0.0.0 - 255.255.255.255 is wider" },
		{ "a,A,,,,,,,2000::/3", "f:2: the range 2000::" },
		{ "a,A,,,,,,,192.0.2.9 - 192.0.2.1", "ends before it begins" },
		{ "a,A,,,,,,,192.0.2.1 - 2001:db8::1", "two families" },
		{ "a,A,,,,,,,AS0", "f:2: " },
		{ "a,A,,,,,,,198.51.100", "f:2: \"198.51.100\" is no domain name" },
		{ "a,A,,,,,,,198.51.100.0.", "f:2: \"198.51.100.0.\" is no domain name" },
		{ "a,A,,,,,,,no_name", "f:2: \"no_name\" is no domain name" },
		{ "a,A,,Japan", "f:2: country \"Japan\" is not two letters" },
		{ "a,A,,,,goverment", "did you mean \"government\"?" },
		{ "a,A,,,,,purple", "f:2: unknown TLP" },
		{ "a,A,,,,,,maybe", "f:2: member" },
		{ "a,=cmd()", "f:2: the name begins with \"=\"" },
		{ "a,\"A\nBcc: x@example.org\"", "f:2: the name has a control" },
		{ "a,A\xe2\x80\xae", "f:2: the name has a control or hidden character (U+202E)" },
		{ "a,A\xff", "f:2: the name is not UTF-8" },
		{ "a,A,,,,,,,,,,,\"x@example.org\nBcc: y@example.org\"", "is no mail address" },
		{ "a,A,,,,,,,,,,,x@example.org>", "is no mail address" },
		{ "a,A,,,,,,,,,,,\"x y\"@example.org", "f:2: text behind a closing quote" },
		{ "a,A,,,,,,,,,,,-x@example.org", "is no mail address" },
		{ "a,A,,,,,,,,,,,x@localhost", "is no mail address" },
		{ "a,A,,,,,,,,,,,https://u@example.org/,,webhook", "is no URL" },
		{ "a,A,,,,,,,,,,,ftp://example.org/,,webhook", "is no URL" },
		{ "a,A,,,,,,,,,,,x@example.org,boss", "f:2: unknown role" },
		{ "a,A,,,,,,,,,,,x@example.org,,,,25:00-07:00 Asia/Tokyo", "quiet hours" },
		{ "a,A,,,,,,,192.0.2.0/24,,2026-02-01,2026-01-01", "ends before it begins" },
		{ "a,A,,,,,,,192.0.2.0/24,,2026-02-30", "f:2: from" },
		{ "a,\"A", "f:2: a quote that does not end" },
		{ "a,A\"", "f:2: a quote inside" },
		{ "a,A,,,,,,,,,,,,,,,,,,,", "more cells than titles" },
	};
	struct hin_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[1024];
		struct said said;
		struct hin_directory *d;

		snprintf(text, sizeof(text), TITLES "%s\n", cases[i].row);
		d = parsed_as(HIN_DIRECTORY_CSV, text, strlen(text), &said, HIN_OK, &err);
		if (said.notes.refused != 1 ||
		    strstr(hin_buffer_text(&said.lines), cases[i].why) == NULL)
			fail_msg("%s: said \"%s\"", cases[i].row, hin_buffer_text(&said.lines));
		for (const char *p = said.lines.data; p[1] != '\0'; p++)
			assert_true(*p >= ' '); /* one line, safe to print */
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

/* Whatever is wrong with a row, nothing of it is taken; rows before and behind it are. */
static void a_refused_row_leaves_nothing(void **state)
{
	static const char *const wrong[] = {
		"b,B,,,,,,,198.51.100.0/24,,,,x y",
		"b,B,,,,,,,198.51.100.0/24,,,,x@b.example,boss",
		"b,B,,,,,,,198.51.100.1/24,,,,x@b.example",
		"b,B,,Japan",
		/* of an organisation that is there */
		"a,,一,,,,,,198.51.100.0/24,,,,x y",
		"a,,一,JP,,,,maybe",
		"a,Another",
	};
	static const char first[] = "a,A,,,,,,,192.0.2.0/24\n";
	static const char last[] = "c,C,,,,,,,203.0.113.0/24\nb,B\nd,D\n";
	struct hin_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
		char text[1024];
		struct said said;
		struct hin_directory *d;

		snprintf(text, sizeof(text), TITLES "%s%s\n%s", first, wrong[i], last);
		d = parsed_as(HIN_DIRECTORY_CSV, text, strlen(text), &said, HIN_OK, &err);
		assert_int_equal(said.notes.refused, 1);
		expect_csv(d, "a,A,,,en,,amber,no,,,,,,,,,,\n"
			      "c,C,,,en,,amber,no,,,,,,,,,,\n"
			      "b,B,,,en,,amber,no,,,,,,,,,,\n"
			      "d,D,,,en,,amber,no,,,,,,,,,,\n"
			      "a,,,,,,,,192.0.2.0/24,,,,,,,,,\n"
			      "c,,,,,,,,203.0.113.0/24,,,,,,,,,\n");
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

/* What is not the format at all. */
static void a_file_is_refused_whole(void **state)
{
	static const struct {
		enum hin_directory_format format;
		const char *text;
		size_t size;
		const char *why;
	} cases[] = {
		{ HIN_DIRECTORY_CSV, "", 0, "f is empty" },
		{ HIN_DIRECTORY_CSV, "name\nx\n", 7, "there is no column \"organisation\"" },
		{ HIN_DIRECTORY_CSV, "organisaton\nx\n", 14, "did you mean \"organisation\"?" },
		{ HIN_DIRECTORY_CSV, "organisation,organisation\n", 26, "twice" },
		{ HIN_DIRECTORY_CSV, "organisation;name\nx;X\n", 22,
		  "f:1: the separator seems to be \";\", and \",\" is expected" },
		{ HIN_DIRECTORY_CSV, "\xff\xfeo\0r\0", 6, "UTF-16" },
		{ HIN_DIRECTORY_RPSL, "", 0, "has no inetnum" },
		{ HIN_DIRECTORY_RPSL, "mntner: X\n\n", 11, "has no inetnum" },
		{ HIN_DIRECTORY_RDAP, "x", 1, "f:1: this is no JSON object" },
		{ HIN_DIRECTORY_RDAP, "\n{\"a\":[", 7,
		  "f:2: this is no JSON object, does not end" },
		{ HIN_DIRECTORY_RDAP, "{}", 2, "has no RDAP object" },
		{ HIN_DIRECTORY_RDAP, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 34, "deeper than" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error err = { 0 };
		struct said said;
		struct hin_directory *d = parsed_as(cases[i].format, cases[i].text, cases[i].size,
						    &said, HIN_EFORMAT, &err);

		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("case %zu: %s", i, err.text);
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

/* ---- RPSL ---- */

static void ripe_is_read(void **state)
{
	struct hin_directory *d =
		parsed(HIN_DIRECTORY_RPSL, "% This is the RIPE Database query service.\n"
					   "\n"
					   "inetnum:        192.0.2.0 - 192.0.2.255 # the office\n"
					   "netname:        EXAMPLE-NET\n"
					   "org:            ORG-EX1-RIPE\n"
					   "country:        NL\n"
					   "admin-c:        PRS1-RIPE\n"
					   "remarks:        \xff\xfe any bytes\n"
					   "status:         ASSIGNED PA\n"
					   "\n"
					   "inet6num:       2001:db8::/32\n"
					   "netname:        EXAMPLE6\n"
					   "org:            ORG-EX1-RIPE\n"
					   "\n"
					   "inetnum:        0.0.0.0 - 255.255.255.255\n"
					   "netname:        IANA-BLK\n"
					   "\n"
					   "aut-num:        AS64500\n"
					   "as-name:        EXAMPLE-AS\n"
					   "org:            ORG-EX1-RIPE\n"
					   "\n"
					   "route:          192.0.2.0/24\n"
					   "origin:         AS64500\n"
					   "org:            ORG-EX1-RIPE\n"
					   "\n"
					   "route:          198.51.100.0/24\n"
					   "origin:         AS64500\n"
					   "org:            ORG-EX1-RIPE\n"
					   "\n"
					   "organisation:   ORG-EX1-RIPE\n"
					   "org-name:       Example\n"
					   "                Networks\n"
					   "+               B.V.\n"
					   "abuse-c:        AR1-RIPE\n"
					   "e-mail:         office@example.net\n"
					   "\n"
					   "role:           Abuse desk\n"
					   "nic-hdl:        AR1-RIPE\n"
					   "abuse-mailbox:  abuse@example.net\n"
					   "\n"
					   "person:         Some One\n"
					   "nic-hdl:        PRS1-RIPE\n"
					   "e-mail:         some@example.net\n");

	(void)state;
	expect_csv(d, "org-ex1-ripe,Example Networks B.V.,,NL,en,,amber,no,,,,,,,,,,\n"
		      "org-ex1-ripe,,,,,,,,,,,,abuse@example.net,abuse,mail,,,\n"
		      "org-ex1-ripe,,,,,,,,192.0.2.0/24,EXAMPLE-NET,,,,,,,,\n"
		      "org-ex1-ripe,,,,,,,,2001:db8::/32,EXAMPLE6,,,,,,,,\n"
		      "org-ex1-ripe,,,,,,,,AS64500,EXAMPLE-AS,,,,,,,,\n"
		      "org-ex1-ripe,,,,,,,,198.51.100.0/24,AS64500,,,,,,,,\n");
	hin_directory_free(d);
}

/* No organisation objects: the description names, the irt or the contacts have the address. */
static void apnic_is_read(void **state)
{
	struct hin_directory *d =
		parsed(HIN_DIRECTORY_RPSL, "inetnum: 203.0.113.0 - 203.0.113.127\n"
					   "netname: EXAMPLE-JP\n"
					   "descr: Example Town\n"
					   "descr: 例町\n"
					   "country: JP\n"
					   "tech-c: XX000JP\n"
					   "mnt-irt: IRT-EXAMPLE-JP\n"
					   "\n"
					   "inetnum: 203.0.113.128 - 203.0.113.255\n"
					   "netname: EXAMPLE-JP\n"
					   "descr: Another Town\n"
					   "country: JP\n"
					   "tech-c: XX000JP\n"
					   "\n"
					   "irt: IRT-EXAMPLE-JP\n"
					   "e-mail: irt@example.jp\n"
					   "abuse-mailbox: abuse@example.jp\n"
					   "\n"
					   "person: Taro Example\n"
					   "nic-hdl: XX000JP\n"
					   "e-mail: taro@example.jp\n");
	const struct hin_directory_organisation *o = d->organisations;

	(void)state;
	/* two towns, though their networks have one name */
	assert_int_equal(d->organisation_count, 2);
	assert_string_equal(o[0].name, "Example Town");
	assert_string_equal(o[0].name_ja, "例町");
	assert_string_equal(o[0].language, "ja");
	assert_true(strncmp(o[0].handle, "example-jp-", 11) == 0);
	assert_string_not_equal(o[0].handle, o[1].handle);
	assert_int_equal(d->contact_count, 2);
	assert_string_equal(d->contacts[0].address, "abuse@example.jp");
	assert_string_equal(d->contacts[0].role, "abuse");
	assert_string_equal(d->contacts[1].address, "taro@example.jp");
	assert_string_equal(d->contacts[1].role, "tech");
	hin_directory_free(d);
}

/* As RIPE writes it; other alphabets are told apart from Latin-1, and refused. */
static void ripe_is_latin1(void **state)
{
	static const char object[] = "organisation: ORG-X\norg-name: %s\n\n"
				     "inetnum: 192.0.3.0 - 192.0.3.255\norg: ORG-X\n";
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "Telef\xf3nica de Espa\xf1"
		  "a",
		  "Telefónica de España" },
		{ "M\xfcnchener\n  Stra\xdf"
		  "e",
		  "Münchener Straße" },
		{ "日本", "日本" },
		{ "\xc6\xfc\xcb\xdc\xb3\xf4\xbc\xb0", NULL }, /* EUC-JP */
		{ "\x93\xfa\x96\x7b", NULL },		      /* Shift JIS */
		{ "a\xd7"
		  "b",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[256];
		struct hin_error err = { 0 };
		struct said said;
		struct hin_directory *d;

		snprintf(text, sizeof(text), object, cases[i].name);
		d = parsed_as(HIN_DIRECTORY_RPSL, text, strlen(text), &said, HIN_OK, &err);
		assert_int_equal(said.notes.refused, cases[i].want == NULL);
		if (cases[i].want != NULL && strcmp(d->organisations[0].name, cases[i].want) != 0 &&
		    strcmp(d->organisations[0].name_ja, cases[i].want) != 0)
			fail_msg("\"%s\", not \"%s\"", d->organisations[0].name, cases[i].want);
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

static void rpsl_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
		size_t holdings;
	} cases[] = {
		{ "inetnum: 192.0.2.0 - 192.0.2.300\nnetname: X\n", "f:1: ", 0 },
		{ "inetnum: 2001:db8::/32\nnetname: X\n", "f:1: ", 0 },
		{ "inetnum: 192.0.2.9 - 192.0.2.1\nnetname: X\n", "f:1: ", 0 },
		{ "aut-num: 64500\n", "f:1: ", 0 },
		{ "inetnum: 192.0.2.0/24\ndescr: \xff\n", "f:2: the name is not UTF-8", 1 },
		{ "inetnum: 192.0.2.0/24\ndescr: a\x1b[2J\n", "f:2: the name has a control", 1 },
		{ "inetnum: 192.0.2.0/24\nwhat is this\n", "f:2: neither", 1 },
		{ "inetnum: 192.0.2.0/24\nabuse-mailbox: a b@example.net\n", "f:2: ", 1 },
		{ "inetnum: 192.0.2.0/24\n\nperson: X\nnic-hdl: X-1\ne-mail: "
		  "x@example.net>\n",
		  "f:5: e-mail \"x@example.net>\" is no mail address", 1 },
		{ "inetnum: 192.0.2.0/24\n\nperson: X\n", "f:3: the object has no handle", 1 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error err = { 0 };
		struct said said;
		struct hin_directory *d = parsed_as(HIN_DIRECTORY_RPSL, cases[i].text,
						    strlen(cases[i].text), &said, HIN_OK, &err);

		if (said.notes.refused != 1 || d->holding_count != cases[i].holdings ||
		    strstr(hin_buffer_text(&said.lines), cases[i].why) == NULL)
			fail_msg("%s: %zu holdings, said \"%s\"", cases[i].text, d->holding_count,
				 hin_buffer_text(&said.lines));
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

/* ---- RDAP ---- */

#define CARD(kind, fn, mail)                                                                       \
	"\"vcardArray\":[\"vcard\",[[\"version\",{},\"text\",\"4.0\"],[\"fn\",{},\"text\",\"" fn   \
	"\"],[\"kind\",{},\"text\",\"" kind "\"],[\"email\",{},\"text\",\"" mail "\"]]]"

static void rdap_is_read(void **state)
{
	struct hin_directory *d = parsed(
		HIN_DIRECTORY_RDAP,
		"{\"rdapConformance\":[\"rdap_level_0\"],\"objectClassName\":\"ip network\","
		"\"notices\":[{\"title\":\"Terms\",\"description\":[\"\\u001b[2J\"]}],"
		"\"handle\":\"NET-1\",\"name\":\"EXAMPLE-NET\",\"country\":\"JP\","
		"\"startAddress\":\"192.0.2.0\",\"endAddress\":\"192.0.2.191\",\"entities\":["
		"{\"objectClassName\":\"entity\",\"handle\":\"EX-ORG\",\"roles\":[\"registrant\"],"
		"\"vcardArray\":[\"vcard\",[[\"fn\",{},\"text\",\" Example Net \"],[\"fn\","
		"{\"language\":\"ja\"},\"text\",\"例網\"],[\"kind\",{},\"text\",\"org\"]]],"
		"\"entities\":[{\"objectClassName\":\"entity\",\"handle\":\"EX-ABUSE\","
		"\"roles\":[\"abuse\"]," CARD(
			"group", "Abuse",
			"abuse@example.net") "}]},"
					     "{\"objectClassName\":\"entity\",\"roles\":["
					     "\"technical\"]," CARD(
						     "individual", "Some One",
						     "some@example.net") "}]}\n"
									 "{\"objectClassNa"
									 "me\":\"autnum\","
									 "\"startAutnum\":"
									 "64500,"
									 "\"endAutnum\":"
									 "64501,"
									 "\"name\":"
									 "\"EXAMPLE-AS\","
									 "\"entities\":[{"
									 "\"handle\":\"EX-"
									 "ORG\","
									 "\"roles\":["
									 "\"registrant\"]}"
									 "]}\n"
									 "{\"objectClassNa"
									 "me\":\"ip "
									 "network\","
									 "\"startAddress\""
									 ":\"2000::\","
									 "\"endAddress\":"
									 "\"3fff:ffff:"
									 "ffff:ffff:ffff:"
									 "ffff:ffff:"
									 "ffff\"}\n"
									 "[{"
									 "\"ipSearchResult"
									 "s\":[{"
									 "\"objectClassNam"
									 "e\":\"ip "
									 "network\","
									 "\"name\":\"V6\","
									 "\"startAddress\""
									 ":\"2001:db8::\","
									 "\"endAddress\":"
									 "\"2001:db8:0:"
									 "ffff:ffff:ffff:"
									 "ffff:ffff\","
									 "\"entities\":[{"
									 "\"roles\":["
									 "\"technical\"]"
									 "," CARD("org", "Six",
										  "noc@"
										  "six."
										  "exampl"
										  "e") "}]"
										       "}]"
										       "}"
										       "]");

	(void)state;
	assert_int_equal(d->organisation_count, 2);
	assert_string_equal(d->organisations[0].handle, "ex-org");
	assert_string_equal(d->organisations[0].name, "Example Net");
	assert_string_equal(d->organisations[0].name_ja, "例網");
	assert_string_equal(d->organisations[0].language, "ja");
	assert_string_equal(d->organisations[1].name, "Six");
	assert_int_equal(d->contact_count, 2); /* who is for abuse; the technician of the other */
	assert_string_equal(d->contacts[0].address, "abuse@example.net");
	assert_string_equal(d->contacts[1].role, "tech");
	assert_int_equal(d->holding_count, 4);
	assert_int_equal(d->holdings[2].asn, 64501);
	hin_directory_free(d);
}

/* An answer for a range whose registrants and abuse contact are given. */
#define RANGE(first, last, registrants, abuse)                                                     \
	"{\"objectClassName\":\"ip network\",\"name\":\"NET\",\"startAddress\":\"" first           \
	"\",\"endAddress\":\"" last "\",\"entities\":[" registrants                                \
	",{\"handle\":\"A\",\"roles\":[\"abuse\"]," CARD("group", "Abuse", abuse) "}]}"
#define REGISTRANT(handle, card) "{" handle "\"roles\":[\"registrant\"]," card "}"
#define MAINTAINER                                                                                 \
	REGISTRANT("\"handle\":\"RIPE-NCC-HM-MNT\",", CARD("individual", "RIPE-NCC-HM-MNT", ""))

/* Networks that only have a maintainer, or nothing at all where a name was, in common. */
static void rdap_keeps_owners_apart(void **state)
{
	struct hin_directory *d = parsed(
		HIN_DIRECTORY_RDAP,
		RANGE("192.0.2.0", "192.0.2.255",
		      MAINTAINER "," REGISTRANT("\"handle\":\"ORG-A\",", CARD("org", "A", "")),
		      "abuse@a.example")
			RANGE("198.51.100.0", "198.51.100.255", MAINTAINER, "abuse@b.example")
				RANGE("203.0.113.0", "203.0.113.255",
				      REGISTRANT("", CARD("org", "", "")), "abuse@c.example")
					RANGE("203.0.112.0", "203.0.112.255",
					      REGISTRANT("\"handle\":\"REDACTED\",",
							 CARD("org", "Redacted for privacy", "")),
					      "abuse@d.example"));

	(void)state;
	assert_int_equal(d->organisation_count, 4);
	assert_string_equal(d->organisations[0].handle, "org-a");
	assert_int_equal(d->contact_count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(d->contacts[i].organisation, i);
		assert_int_equal(d->holdings[i].organisation, i);
	}
	hin_directory_free(d);
}

static void rdap_of_an_entity_is_read(void **state)
{
	struct hin_directory *d = parsed(
		HIN_DIRECTORY_RDAP,
		"{\"entitySearchResults\":[{\"objectClassName\":\"entity\",\"handle\":\"EX\"," CARD(
			"org", "Example",
			"info@ex.example") ","
					   "\"networks\":[{\"objectClassName\":\"ip "
					   "network\",\"startAddress\":\"192.0.2.0\","
					   "\"endAddress\":\"192.0.2.255\"}],\"autnums\":[{"
					   "\"objectClassName\":\"autnum\","
					   "\"startAutnum\":64500,\"endAutnum\":64500}]}]}");

	(void)state;
	assert_int_equal(d->organisation_count, 1);
	assert_string_equal(d->organisations[0].handle, "ex");
	assert_int_equal(d->holding_count, 2);
	assert_int_equal(d->contact_count, 1);
	assert_string_equal(d->contacts[0].role, "owner");
	hin_directory_free(d);
}

static void rdap_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{\"objectClassName\":\"ip network\"}", "f:1: an ip network without" },
		{ "{\"objectClassName\":\"autnum\",\"startAutnum\":5}", "f:1: an autnum without" },
		{ "\n{\"a\":1,\"a\":2}", "f:2: JSON: duplicate" },
		{ "{\"objectClassName\":\"ip network\",\n\"x\":\"\\ud800\"}", "f:2: JSON: " },
		{ "[1]", "f:1: this is no RDAP object" },
		{ "{\"objectClassName\":\"ip network\",\"startAddress\":\"192.0.2.0\","
		  "\"endAddress\":\"2001:db8::\"}",
		  "two families" },
		{ "{\"objectClassName\":\"ip network\",\"startAddress\":\"192.0.2.0\","
		  "\"endAddress\":\"192.0.2.255\",\"entities\":[{\"roles\":[\"abuse\"],"
		  "\"vcardArray\":[\"vcard\",[[\"email\",{},\"text\",\"a@b.example\\r\\nBcc: "
		  "c@d.example\"]]]}]}",
		  "is no mail address" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error err = { 0 };
		struct said said;
		struct hin_directory *d = parsed_as(HIN_DIRECTORY_RDAP, cases[i].text,
						    strlen(cases[i].text), &said, HIN_OK, &err);

		if (said.notes.refused != 1 ||
		    strstr(hin_buffer_text(&said.lines), cases[i].why) == NULL)
			fail_msg("%s: said \"%s\"", cases[i].text, hin_buffer_text(&said.lines));
		hin_buffer_fini(&said.lines);
		hin_directory_free(d);
	}
}

/* ---- import ---- */

static struct hin_desk *opened(void)
{
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };

	if (hin_desk_open(&desk, path, HIN_DESK_CREATE, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return desk;
}

static int64_t number(struct hin_desk *desk, const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	if (hin_desk_number(desk, &n, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	return n;
}

static struct hin_directory_report import(struct hin_desk *desk, const char *csv,
					  const char *source, bool replace, bool dry)
{
	struct hin_directory *d = parsed(HIN_DIRECTORY_CSV, csv);
	struct hin_directory_report report = { .line_limit = 100 };
	struct hin_directory_import options = {
		.source = source, .replace = replace, .dry_run = dry, .now_us = 1000, .name = "f"
	};
	struct hin_error err = { 0 };

	for (size_t i = 0; i < d->holding_count; i++)
		d->holdings[i].source = source;
	for (size_t i = 0; i < d->contact_count; i++)
		d->contacts[i].source = source;
	if (hin_directory_import(desk, d, &options, &report, &err) != HIN_OK)
		fail_msg("%s", err.text);
	hin_directory_free(d);
	return report;
}

static void expect_lines(struct hin_directory_report *report, const char *want)
{
	assert_string_equal(hin_buffer_text(&report->lines), want);
	hin_directory_report_fini(report);
}

#define ROWS "organisation,name,holding,contact\n"

static void an_import_brings_differences(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory_report r;

	(void)state;
	r = import(desk, ROWS "a,A,192.0.2.0/24,x@a.example\nb,B,AS64500,x@b.example\n", "s", false,
		   true);
	assert_int_equal(number(desk, "SELECT count(*) FROM organisation"), 0);
	expect_lines(&r, "+ organisation  a\n+ organisation  b\n"
			 "+ contact  x@a.example  a\n+ contact  x@b.example  b\n"
			 "+ holding  192.0.2.0/24  a\n+ holding  AS64500  b\n");
	r = import(desk, ROWS "a,A,192.0.2.0/24,x@a.example\nb,B,AS64500,x@b.example\n", "s", false,
		   false);
	assert_int_equal(r.holdings.added, 2);
	hin_directory_report_fini(&r);
	assert_int_equal(number(desk, "SELECT count(*) FROM act"), 1);
	assert_int_equal(number(desk, "SELECT directory FROM directory_state"), 1);
	/* the same again changes nothing, and is an act */
	r = import(desk, ROWS "a,A,192.0.2.0/24,x@a.example\nb,B,AS64500,x@b.example\n", "s", true,
		   false);
	expect_lines(&r, "");
	assert_int_equal(number(desk, "SELECT count(*) FROM act"), 2);
	/* a range moves within a source; what is not said stays unless it is replaced */
	assert_int_equal(hin_desk_run(desk, NULL, "UPDATE contact SET state = 'bounced'", ""),
			 HIN_OK);
	r = import(desk, ROWS "b,Bee,192.0.2.0/24,x@b.example\n", "s", false, false);
	expect_lines(&r, "~ organisation  b\n> holding  192.0.2.0/24  b\n");
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), 2);
	assert_int_equal(number(desk, "SELECT count(*) FROM contact WHERE state = 'bounced'"), 2);
	r = import(desk, ROWS "b,Bee,192.0.2.0/24,x@b.example\n", "s", true, false);
	expect_lines(&r, "- contact  x@a.example  a\n- holding  AS64500  b\n");
	/* another source's word does not move it: a conflict, and told */
	r = import(desk, ROWS "c,C,192.0.2.0/24,\n", "t", true, false);
	assert_int_equal(r.conflicts, 1);
	expect_lines(&r, "+ organisation  c\n+ holding  192.0.2.0/24  c\n"
			 "! conflict  192.0.2.0/24  c, b\n");
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), 2);
	hin_desk_close(desk);
}

static void an_import_is_whole_or_nothing(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory *d = parsed(HIN_DIRECTORY_CSV, ROWS "a,A,192.0.2.0/24,x@a.example\n");
	struct hin_directory_import options = { .source = "s", .now_us = 1, .name = "f" };
	struct hin_directory_report report = { .line_limit = 1 };
	struct hin_error err = { 0 };

	(void)state;
	d->holdings[0].low = d->holdings[0].high;
	d->holdings[0].high = (struct hin_addr){ { 0 } }; /* the schema refuses it */
	assert_int_equal(hin_directory_import(desk, d, &options, &report, &err), HIN_EVERIFY);
	assert_int_equal(number(desk, "SELECT count(*) FROM organisation"), 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM contact"), 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM act"), 0);
	assert_int_equal(number(desk, "SELECT directory FROM directory_state"), 0);
	hin_directory_report_fini(&report);
	hin_directory_free(d);
	hin_desk_close(desk);
}

static void conflicts_are_found(void **state)
{
	struct hin_directory *d =
		parsed(HIN_DIRECTORY_CSV, "organisation,holding,from,until\n"
					  "a,192.0.2.0/24,,\nb,192.0.2.0/24,,\nc,192.0.2.0/25,,\n"
					  "a,AS64500,,2026-01-01\nb,AS64500,2026-01-01,\n"
					  "a,x.example,,\nb,x.example,,\n");
	struct hin_directory_report r = { .line_limit = 10 };

	(void)state;
	assert_int_equal(hin_directory_conflicts(d, &r, NULL), HIN_OK);
	assert_int_equal(r.conflicts, 2);
	expect_lines(&r, "! conflict  192.0.2.0/24  a, b\n! conflict  x.example  a, b\n");
	hin_directory_free(d);
}

static void sectors_are_fifteen(void **state)
{
	size_t count;

	(void)state;
	assert_int_equal(hin_sectors(&count)[14].number, 15);
	assert_int_equal(count, 15);
	assert_string_equal(hin_sector_find("port")->text[1], "港湾");
	assert_null(hin_sector_find("ports"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_is_read_and_written),
		cmocka_unit_test(csv_is_refused),
		cmocka_unit_test(a_refused_row_leaves_nothing),
		cmocka_unit_test(a_file_is_refused_whole),
		cmocka_unit_test(ripe_is_read),
		cmocka_unit_test(apnic_is_read),
		cmocka_unit_test(ripe_is_latin1),
		cmocka_unit_test(rpsl_is_refused),
		cmocka_unit_test(rdap_is_read),
		cmocka_unit_test(rdap_keeps_owners_apart),
		cmocka_unit_test(rdap_of_an_entity_is_read),
		cmocka_unit_test(rdap_is_refused),
		cmocka_unit_test_setup_teardown(an_import_brings_differences, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_import_is_whole_or_nothing, set_up, tear_down),
		cmocka_unit_test(conflicts_are_found),
		cmocka_unit_test(sectors_are_fifteen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
