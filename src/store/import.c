/* import - rows out of lines; see import.h. */
#include "store/import.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/number.h"
#include "base/time.h"
#include "observe/ndjson.h"
#include "store/export_priv.h"
#include "store/filter_priv.h"

enum { CELLS = 128, CELL = 64, ICMP = 1, ICMP6 = 58 };
#define DURATION_MOST 18446744073000.0 /* seconds; as microseconds they fit 64 bits */

const char *const hin_import_names[HIN_IMPORT_FORMATS + 1] = {
	[HIN_IMPORT_NDJSON] = "ndjson",
	[HIN_IMPORT_NFDUMP] = "nfdump",
	[HIN_IMPORT_FORMATS] = NULL,
};

static const char *const columns[HIN_IMPORT_COLUMNS] = {
	[HIN_IMPORT_TS] = "ts",	    [HIN_IMPORT_TE] = "te",	[HIN_IMPORT_TD] = "td",
	[HIN_IMPORT_SA] = "sa",	    [HIN_IMPORT_DA] = "da",	[HIN_IMPORT_SP] = "sp",
	[HIN_IMPORT_DP] = "dp",	    [HIN_IMPORT_PR] = "pr",	[HIN_IMPORT_FLG] = "flg",
	[HIN_IMPORT_IPKT] = "ipkt", [HIN_IMPORT_IBYT] = "ibyt",
};

/* The cells that are read, trimmed; "" where there is none. */
struct cells {
	char text[HIN_IMPORT_COLUMNS][CELL];
};

static enum hin_code fail_line(const struct hin_import *im, enum hin_code code,
			       struct hin_error *err, const char *fmt, ...) HIN_PRINTF(4, 5);

static enum hin_code fail_line(const struct hin_import *im, enum hin_code code,
			       struct hin_error *err, const char *fmt, ...)
{
	char text[180];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return hin_fail(err, code, "line %llu: %s", (unsigned long long)im->line, text);
}

/* The next cell of `in`, without the spaces around it. */
static struct hin_reader next_cell(struct hin_reader *in)
{
	const uint8_t *comma = memchr(in->pos, ',', in->left);
	struct hin_reader cell =
		hin_read_sub(in, comma != NULL ? (size_t)(comma - in->pos) : in->left);

	hin_read_skip(in, comma != NULL ? 1 : 0);
	while (cell.left > 0 && *cell.pos == ' ')
		hin_read_skip(&cell, 1);
	while (cell.left > 0 && cell.pos[cell.left - 1] == ' ')
		cell.left--;
	return cell;
}

static enum hin_code read_titles(struct hin_import *im, struct hin_reader in, struct hin_error *err)
{
	for (uint8_t at = 1; at < CELLS && in.left > 0; at++) {
		struct hin_reader cell = next_cell(&in);

		for (size_t i = 0; i < HIN_IMPORT_COLUMNS; i++)
			if (cell.left == strlen(columns[i]) && im->position[i] == 0 &&
			    memcmp(cell.pos, columns[i], cell.left) == 0)
				im->position[i] = at;
	}
	if (im->position[HIN_IMPORT_TS] == 0 || im->position[HIN_IMPORT_SA] == 0 ||
	    im->position[HIN_IMPORT_DA] == 0)
		return fail_line(im, HIN_EUSAGE, err,
				 "these are no titles of nfdump's CSV (ts,te,td,sa,da,...): is it "
				 "the output of nfdump -o csv?");
	im->titles = true;
	return HIN_EAGAIN;
}

static enum hin_code read_cells(struct hin_import *im, struct hin_reader in, struct cells *out,
				struct hin_error *err)
{
	memset(out, 0, sizeof(*out));
	for (uint8_t at = 1; at < CELLS && in.left > 0; at++) {
		struct hin_reader cell = next_cell(&in);

		for (size_t i = 0; i < HIN_IMPORT_COLUMNS; i++) {
			if (im->position[i] != at)
				continue;
			if (cell.left >= CELL || memchr(cell.pos, '\0', cell.left) != NULL)
				return fail_line(im, HIN_EFORMAT, err, "%s is no value",
						 columns[i]);
			memcpy(out->text[i], cell.pos, cell.left);
		}
	}
	return HIN_OK;
}

/* ---- cells ---- */

static enum hin_code read_time(const struct hin_import *im, const char *what, const char *text,
			       int64_t *out_us, struct hin_error *err)
{
	struct hin_error why;
	int64_t ns;

	/* only what is written in full: no "now", no "-24h" */
	if (!isdigit((unsigned char)text[0]) || hin_time_parse(&ns, text, 0, &why) != HIN_OK)
		return fail_line(im, HIN_EFORMAT, err, "%s \"%s\" is no time", what, text);
	*out_us = ns / 1000 - (int64_t)im->zone_s * 1000000;
	if (*out_us < HIN_TIME_MIN)
		return fail_line(im, HIN_ERANGE, err, "%s \"%s\" is before 1970", what, text);
	return HIN_OK;
}

static enum hin_code read_number(const struct hin_import *im, enum hin_import_column column,
				 const struct cells *c, uint64_t most, uint64_t *out,
				 struct hin_error *err)
{
	struct hin_error why;
	enum hin_code code;

	*out = 0;
	if (c->text[column][0] == '\0')
		return HIN_OK;
	code = hin_number_u64(out, columns[column], c->text[column], 0, most, &why);
	return code == HIN_OK ? HIN_OK : fail_line(im, code, err, "%s", why.text);
}

/* "60.500" seconds, or what lies between start and end. */
static enum hin_code read_duration(const struct hin_import *im, const struct cells *c,
				   struct hin_observation *row, struct hin_error *err)
{
	struct hin_error why;
	double seconds;
	int64_t end = 0;
	enum hin_code code;

	if (c->text[HIN_IMPORT_TD][0] != '\0') {
		code = hin_number_double(&seconds, "td", c->text[HIN_IMPORT_TD], 0, DURATION_MOST,
					 &why);
		if (code != HIN_OK)
			return fail_line(im, code, err, "%s", why.text);
		row->duration_us = (uint64_t)(seconds * 1e6 + 0.5);
		return HIN_OK;
	}
	if (c->text[HIN_IMPORT_TE][0] == '\0')
		return HIN_OK;
	code = read_time(im, "te", c->text[HIN_IMPORT_TE], &end, err);
	if (code == HIN_OK && end < row->time_us)
		return fail_line(im, HIN_ERANGE, err, "te is before ts");
	if (code == HIN_OK)
		row->duration_us = (uint64_t)(end - row->time_us);
	return code;
}

static enum hin_code read_address(const struct hin_import *im, enum hin_import_column column,
				  const struct cells *c, struct hin_addr *out,
				  struct hin_error *err)
{
	if (hin_addr_parse(out, c->text[column]) != HIN_OK)
		return fail_line(im, HIN_EFORMAT, err, "%s \"%s\" is no address", columns[column],
				 c->text[column]);
	return HIN_OK;
}

static enum hin_code read_protocol(const struct hin_import *im, const struct cells *c, uint8_t *out,
				   struct hin_error *err)
{
	const char *text = c->text[HIN_IMPORT_PR];
	char small[CELL];
	uint64_t number;
	size_t i;
	int proto = hin_nfdump_protocol_number(text);

	for (i = 0; text[i] != '\0'; i++)
		small[i] = (char)tolower((unsigned char)text[i]);
	small[i] = '\0';
	if (proto < 0)
		proto = hin_filter_protocol(small);
	if (proto < 0 && text[0] != '\0') {
		if (hin_number_u64(&number, "pr", text, 0, UINT8_MAX, NULL) != HIN_OK)
			return fail_line(im, HIN_EFORMAT, err, "pr \"%s\" is no protocol", text);
		proto = (int)number;
	}
	*out = proto > 0 ? (uint8_t)proto : 0;
	return HIN_OK;
}

/* "...AP.SF" in any place, or a number. */
static enum hin_code read_flags(const struct hin_import *im, const struct cells *c, uint8_t *out,
				struct hin_error *err)
{
	static const char letters[] = "FSRPAUEC";
	const char *text = c->text[HIN_IMPORT_FLG];
	uint64_t number;

	*out = 0;
	if (isdigit((unsigned char)text[0])) {
		if (hin_number_u64(&number, "flg", text, 0, UINT8_MAX, NULL) != HIN_OK)
			return fail_line(im, HIN_EFORMAT, err, "flg \"%s\" are no flags", text);
		*out = (uint8_t)number;
		return HIN_OK;
	}
	for (; *text != '\0'; text++) {
		const char *letter = strchr(letters, *text);

		if (*text == '.')
			continue;
		if (letter == NULL)
			return fail_line(im, HIN_EFORMAT, err, "flg \"%s\" are no flags",
					 c->text[HIN_IMPORT_FLG]);
		*out = (uint8_t)(*out | 1u << (letter - letters));
	}
	return HIN_OK;
}

/* Ports; of ICMP type and code, which nfdump writes as type * 256 + code, or as "8.0". */
static enum hin_code read_ports(const struct hin_import *im, struct cells *c,
				struct hin_observation *row, struct hin_error *err)
{
	bool icmp = row->proto == ICMP || row->proto == ICMP6;
	char *dot = strchr(c->text[HIN_IMPORT_DP], '.');
	uint64_t sport, dport;
	enum hin_code code;

	if (icmp && dot != NULL) {
		struct hin_error why;

		*dot = '\0';
		code = hin_number_u64(&sport, "dp: type", c->text[HIN_IMPORT_DP], 0, UINT8_MAX,
				      &why);
		if (code == HIN_OK)
			code = hin_number_u64(&dport, "dp: code", dot + 1, 0, UINT8_MAX, &why);
		if (code != HIN_OK)
			return fail_line(im, code, err, "%s", why.text);
	} else {
		code = read_number(im, HIN_IMPORT_SP, c, UINT16_MAX, &sport, err);
		if (code == HIN_OK)
			code = read_number(im, HIN_IMPORT_DP, c, UINT16_MAX, &dport, err);
		if (code != HIN_OK)
			return code;
		if (icmp) {
			sport = dport >> 8;
			dport &= 0xff;
		}
	}
	row->sport = (uint16_t)sport;
	row->dport = (uint16_t)dport;
	return HIN_OK;
}

static enum hin_code read_row(const struct hin_import *im, struct cells *c,
			      struct hin_observation *row, struct hin_error *err)
{
	struct hin_error why;
	struct hin_addr a;
	enum hin_code code = read_time(im, "ts", c->text[HIN_IMPORT_TS], &row->time_us, err);

	if (code == HIN_OK)
		code = read_duration(im, c, row, err);
	if (code == HIN_OK)
		code = read_address(im, HIN_IMPORT_SA, c, &a, err);
	if (code == HIN_OK)
		hin_observation_set_src(row, &a);
	if (code == HIN_OK)
		code = read_address(im, HIN_IMPORT_DA, c, &a, err);
	if (code == HIN_OK)
		hin_observation_set_dst(row, &a);
	if (code == HIN_OK)
		code = read_protocol(im, c, &row->proto, err);
	if (code == HIN_OK)
		code = read_flags(im, c, &row->tcp_flags, err);
	if (code == HIN_OK)
		code = read_ports(im, c, row, err);
	if (code == HIN_OK)
		code = read_number(im, HIN_IMPORT_IPKT, c, UINT64_MAX, &row->packets, err);
	if (code == HIN_OK)
		code = read_number(im, HIN_IMPORT_IBYT, c, UINT64_MAX, &row->bytes, err);
	if (code != HIN_OK)
		return code;
	code = hin_observation_check(row, &why);
	return code == HIN_OK ? HIN_OK : fail_line(im, code, err, "%s", why.text);
}

static bool begins(struct hin_reader in, const char *text)
{
	size_t n = strlen(text);

	return in.left >= n && memcmp(in.pos, text, n) == 0;
}

static enum hin_code nfdump_line(struct hin_import *im, struct hin_reader in,
				 struct hin_observation *row, struct hin_error *err)
{
	struct cells cells;
	enum hin_code code;

	if (!im->titles)
		return read_titles(im, in, err);
	if (begins(in, "Summary"))
		im->end = true;
	/* files may stand one behind the other */
	if (im->end && begins(in, "ts,"))
		im->end = false;
	if (im->end || begins(in, "ts,") || begins(in, "No matched flows"))
		return HIN_EAGAIN;
	*row = (struct hin_observation){ .kind = im->kind };
	code = read_cells(im, in, &cells, err);
	return code == HIN_OK ? read_row(im, &cells, row, err) : code;
}

enum hin_code hin_import_line(struct hin_import *im, const char *line, size_t size,
			      struct hin_observation *row, struct hin_error *err)
{
	im->line++;
	while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == '\n'))
		size--;
	if (size == 0)
		return HIN_EAGAIN;
	if (size > HIN_IMPORT_LINE)
		return fail_line(im, HIN_ELIMIT, err, "is longer than %d bytes", HIN_IMPORT_LINE);
	if (im->format == HIN_IMPORT_NDJSON)
		return hin_ndjson_read(row, line, size, im->line, err);
	return nfdump_line(im, hin_reader_of(line, size), row, err);
}
