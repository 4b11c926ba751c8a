/* lease_csv - assignments for good, as an operator writes them down; see lease.h
 *
 * Columns: address (an address, prefix or range), ports, device, organisation, from, until, basis,
 * confidence.
 */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/suggest.h"
#include "base/time.h"
#include "hub/owners/lease_priv.h"

enum column {
	C_ADDRESS,
	C_PORTS,
	C_DEVICE,
	C_ORGANISATION,
	C_FROM,
	C_UNTIL,
	C_BASIS,
	C_CONFIDENCE,
	COLUMNS
};

static const char *const titles[COLUMNS] = { "address", "ports", "device", "organisation",
					     "from",	"until", "basis",  "confidence" };

struct table {
	struct hin_csv csv;
	size_t position[COLUMNS];
	char organisation[HIN_DIRECTORY_HANDLE + 1];
};

static const char *cell(const struct table *t, enum column column)
{
	return t->position[column] == 0 ? "" : hin_csv_cell(&t->csv, t->position[column] - 1);
}

static enum hin_code read_titles(struct lease_reading *r, struct table *t)
{
	struct hin_error why = { 0 };

	if (hin_csv_next(&t->csv, &why) != HIN_OK)
		return hin_fail(r->err, HIN_EFORMAT,
				"%.80s has no titles: address, ports, device, "
				"organisation, from, until, basis, confidence",
				r->options->name);
	for (size_t i = 0; i < t->csv.count; i++) {
		char shown[64];
		struct hin_suggest s = { .wanted = hin_escape_text(shown, sizeof(shown),
								   hin_csv_cell(&t->csv, i)) };
		size_t c = 0;

		while (c < COLUMNS && strcasecmp(hin_csv_cell(&t->csv, i), titles[c]) != 0)
			hin_suggest_offer(&s, titles[c++]);
		if (c == COLUMNS) {
			(void)hin_suggest_fail(&s, HIN_EFORMAT, "column", "", &why);
			return hin_fail(r->err, HIN_EFORMAT, "%.80s:%zu: %s", r->options->name,
					t->csv.line, why.text);
		}
		t->position[c] = i + 1;
	}
	if (t->position[C_ADDRESS] == 0)
		return hin_fail(r->err, HIN_EFORMAT, "%.80s:%zu: there is no column \"address\"",
				r->options->name, t->csv.line);
	return HIN_OK;
}

static enum hin_code read_time(int64_t *out_us, const char *what, const char *text,
			       struct hin_error *err)
{
	struct hin_error why = { 0 };
	int64_t ns;

	*out_us = 0;
	if (text[0] == '\0')
		return HIN_OK;
	if (hin_time_parse(&ns, text, 0, &why) != HIN_OK || ns <= 0)
		return hin_fail(err, HIN_EFORMAT, "%s: %s", what,
				why.text[0] != '\0' ? why.text : "before 1970");
	*out_us = ns / HIN_NS_PER_US;
	return HIN_OK;
}

static enum hin_code read_ports(struct hin_lease *l, const char *text, struct hin_error *err)
{
	char first[8] = "";
	const char *dash = strchr(text, '-');
	size_t n = dash != NULL ? (size_t)(dash - text) : strlen(text);
	uint64_t low, high;
	enum hin_code code;

	if (n == 0)
		return HIN_OK;
	if (n >= sizeof(first))
		return hin_fail(err, HIN_EFORMAT, "ports are not as 1024-2047");
	memcpy(first, text, n);
	code = hin_number_u64(&low, "port", first, 0, 65535, err);
	if (code == HIN_OK)
		code = hin_number_u64(&high, "port", dash != NULL ? dash + 1 : first, 0, 65535,
				      err);
	if (code != HIN_OK)
		return code;
	l->port_low = (uint16_t)low;
	l->port_high = (uint16_t)high;
	return HIN_OK;
}

/* A device as it is named: "KIND:VALUE", or a MAC. */
static enum hin_code read_device(struct lease_reading *r, struct hin_lease *l, const char *text,
				 struct hin_error *err)
{
	static const char *const kinds[] = { "mac",    "duid",	 "user", "circuit",
					     "inside", "sensor", "host", "client" };
	char mac[18];

	if (text[0] == '\0')
		return HIN_OK;
	if (lease_read_mac(mac, text) && lease_set_device(l, r->options, "mac", mac))
		return HIN_OK;
	for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(text, kinds[i], n) == 0 && text[n] == ':' &&
		    lease_set_device(l, r->options, kinds[i], text + n + 1))
			return HIN_OK;
	}
	return hin_fail(err, HIN_EFORMAT,
			"a device is a MAC, or mac:, duid:, user:, circuit:, inside:, sensor:, "
			"client: or host: and its name");
}

static enum hin_code read_basis(struct hin_lease *l, const char *text, struct hin_error *err)
{
	static const char *const words[] = { "directory", "dhcp", "radius", "nat", "beat", "hand" };
	char shown[64];
	struct hin_suggest s = { .wanted = hin_escape_text(shown, sizeof(shown), text) };

	if (text[0] == '\0')
		return HIN_OK;
	for (size_t i = 0; i < HIN_COUNT(words); i++) {
		if (strcmp(words[i], text) == 0) {
			l->basis = words[i];
			return HIN_OK;
		}
		hin_suggest_offer(&s, words[i]);
	}
	return hin_suggest_fail(&s, HIN_EFORMAT, "basis", "", err);
}

static enum hin_code read_row(struct lease_reading *r, struct table *t, struct hin_lease *l,
			      struct hin_error *err)
{
	struct hin_directory_holding h = { 0 };
	uint64_t confidence = 100;
	enum hin_code code = hin_directory_read_holding(&h, cell(t, C_ADDRESS), err);

	*l = (struct hin_lease){ .port_high = 65535, .basis = "directory" };
	if (code == HIN_OK && h.kind != HIN_HOLDING_PREFIX)
		code = hin_fail(err, HIN_EFORMAT, "this is no address, prefix or range");
	if (code == HIN_OK)
		code = read_ports(l, cell(t, C_PORTS), err);
	if (code == HIN_OK)
		code = read_device(r, l, cell(t, C_DEVICE), err);
	if (code == HIN_OK)
		code = read_time(&l->from_us, "from", cell(t, C_FROM), err);
	if (code == HIN_OK)
		code = read_time(&l->until_us, "until", cell(t, C_UNTIL), err);
	if (code == HIN_OK)
		code = read_basis(l, cell(t, C_BASIS), err);
	if (code == HIN_OK && cell(t, C_CONFIDENCE)[0] != '\0')
		code = hin_number_u64(&confidence, "confidence", cell(t, C_CONFIDENCE), 0, 100,
				      err);
	if (code == HIN_OK && cell(t, C_ORGANISATION)[0] == '\0' && l->device[0] == '\0')
		code = hin_fail(err, HIN_EFORMAT, "neither a device nor an organisation is named");
	if (code != HIN_OK)
		return code;
	if (snprintf(t->organisation, sizeof(t->organisation), "%s", cell(t, C_ORGANISATION)) >=
	    (int)sizeof(t->organisation))
		return hin_fail(err, HIN_EFORMAT, "the organisation's name is too long");
	l->organisation = t->organisation;
	l->confidence = (uint8_t)confidence;
	l->low = h.low;
	l->high = h.high;
	return HIN_OK;
}

enum hin_code lease_read_csv(struct lease_reading *r)
{
	struct table t = { .position = { 0 } };
	struct hin_error why = { 0 };
	enum hin_code code;

	hin_csv_init(&t.csv, r->text, r->size);
	code = read_titles(r, &t);
	while (code == HIN_OK) {
		struct hin_lease lease;

		code = hin_csv_next(&t.csv, &why);
		if (code == HIN_EOF)
			break;
		if (code == HIN_OK)
			code = read_row(r, &t, &lease, &why);
		if (code == HIN_ENOMEM) {
			(void)hin_fail(r->err, code, "%s", why.text);
			break;
		}
		code = code != HIN_OK ? lease_refuse(r, t.csv.line, why.text)
				      : lease_take(r, &lease, t.csv.line);
	}
	hin_csv_fini(&t.csv);
	return code == HIN_EOF ? HIN_OK : code;
}
