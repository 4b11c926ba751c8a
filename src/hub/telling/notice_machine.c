/* notice_machine - notices for programs: CSV, X-ARF, JSON of web hooks; see notice_text.h */
#include <ctype.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/case/finding.h"
#include "hub/telling/notice_text.h"
#include "observe/registry.h"
#include "store/port_names.h"

/* ---- CSV ---- */

/*
 * A field (RFC 4180). What a spreadsheet would take for a formula gets a quote before it; a control
 * character becomes a space.
 */
static void put_field(struct hin_buffer *out, const char *text, bool first)
{
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (!first)
		hin_buffer_putc(out, ',');
	if (!formula && strpbrk(text, ",\"\r\n ") == NULL) {
		hin_buffer_puts(out, text);
		return;
	}
	hin_buffer_puts(out, formula ? "\"'" : "\"");
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"')
			hin_buffer_putc(out, '"');
		hin_buffer_putc(out, (char)((unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p));
	}
	hin_buffer_putc(out, '"');
}

static void put_number(struct hin_buffer *out, uint64_t value)
{
	if (value > 0)
		hin_buffer_printf(out, ",%" PRIu64, value);
	else
		hin_buffer_putc(out, ',');
}

void hin_notice_csv_head(struct hin_buffer *out)
{
	hin_buffer_puts(out, "timestamp,severity,ip,protocol,port,hostname,tag,naics,sector,"
			     "infection,first_seen,last_seen,packets,targets,confidence,tool,"
			     "device,organisation,case,code\r\n");
}

static const char *tool_name(uint16_t tool)
{
	const struct hin_word *word =
		tool != 0 ? hin_registry_find(HIN_REGISTRY_TOOLS, tool) : NULL;

	return word != NULL ? word->name : "";
}

void hin_notice_csv(struct hin_buffer *out, const struct hin_notice_facts *f)
{
	char time[HIN_TIME_TEXT], number[32];
	const char *proto = f->port_count > 0 ? hin_protocol_word(f->ports[0].proto) : NULL;

	hin_time_format(time, f->last_us * 1000, HIN_TIME_S);
	time[strlen(time) - 1] = '\0'; /* "2026-11-22 02:10:03", as theirs are, in UTC */
	put_field(out, time, true);
	put_field(out, hin_severity_name(f->severity), false);
	put_field(out, f->has_address ? f->subject : "", false);
	put_field(out, proto != NULL ? proto : "", false);
	put_number(out, f->port_count > 0 && !f->more_ports ? f->ports[0].port : 0);
	put_field(out, "", false);
	put_field(out, f->kind, false);
	put_field(out, "", false);
	put_field(out, "", false);
	put_field(out, f->tool == HIN_TOOLS_MIRAI ? "mirai" : "", false);
	put_field(out, hin_time_format_iso(time, f->first_us * 1000, HIN_TIME_S), false);
	put_field(out, hin_time_format_iso(time, f->last_us * 1000, HIN_TIME_S), false);
	put_number(out, f->packets);
	put_number(out, f->targets);
	put_number(out, f->confidence);
	put_field(out, tool_name(f->tool), false);
	put_field(out, f->device, false);
	put_field(out, f->handle, false);
	snprintf(number, sizeof(number), "%" PRId64, f->case_id);
	put_field(out, number, false);
	put_field(out, f->code, false);
	hin_buffer_puts(out, "\r\n");
}

/* ---- JSON ---- */

static void put_string(struct hin_buffer *out, const char *name, const char *value)
{
	hin_buffer_printf(out, ",\"%s\":", name);
	hin_escape_json(out, value, strlen(value));
}

static void put_time(struct hin_buffer *out, const char *name, int64_t us)
{
	char text[HIN_TIME_TEXT];

	hin_buffer_printf(out, ",\"%s\":\"%s\"", name,
			  hin_time_format_iso(text, us * 1000, HIN_TIME_S));
}

static void put_contact(struct hin_buffer *out, const char *name,
			const struct hin_notice_office *office)
{
	hin_buffer_printf(out, ",\"%s\":{\"org\":", name);
	hin_escape_json(out, office->sender, strlen(office->sender));
	put_string(out, "contact", office->mail);
	put_string(out, "domain", office->domain);
	hin_buffer_putc(out, '}');
}

/* One line of evidence: what was counted. */
static void put_evidence(struct hin_buffer *out, const struct hin_notice_facts *f)
{
	char first[HIN_TIME_TEXT], last[HIN_TIME_TEXT], line[600];
	unsigned char coded[1024];
	int size = snprintf(
		line, sizeof(line),
		"%s packets=%" PRIu64 " targets=%" PRIu64 " first=%s last=%s tool=%s\n", f->subject,
		f->packets, f->targets, hin_time_format_iso(first, f->first_us * 1000, HIN_TIME_S),
		hin_time_format_iso(last, f->last_us * 1000, HIN_TIME_S), tool_name(f->tool));

	if (size < 0 || size >= (int)sizeof(line))
		size = 0;
	(void)EVP_EncodeBlock(coded, (const unsigned char *)line, size);
	hin_buffer_printf(
		out,
		",\"evidence_source\":\"flow_analysis\",\"evidence\":[{\"content_type\":"
		"\"text/plain\",\"description\":\"Packets that reached unused addresses\","
		"\"payload\":\"%s\"}]",
		coded);
}

bool hin_notice_xarf(struct hin_buffer *out, const struct hin_notice_office *office,
		     const struct hin_notice_facts *f, const char id[37])
{
	bool infected = strcmp(f->kind, "infected-member") == 0;
	const char *proto = f->port_count > 0 ? hin_protocol_word(f->ports[0].proto) : NULL;

	if (!f->has_address || strcmp(hin_notice_class(f->kind), "source") != 0)
		return false;
	hin_buffer_printf(out, "{\"xarf_version\":\"4.2.0\",\"report_id\":\"%s\"", id);
	put_time(out, "timestamp", f->last_us);
	put_contact(out, "reporter", office);
	put_contact(out, "sender", office);
	put_string(out, "source_identifier", f->subject);
	if (infected) {
		hin_buffer_puts(out, ",\"category\":\"infrastructure\",\"type\":\"botnet\"");
		put_string(out, "compromise_evidence",
			   "Packets from this address reached addresses that nobody uses");
		if (f->tool == HIN_TOOLS_MIRAI)
			put_string(out, "malware_family", "mirai");
	} else {
		hin_buffer_puts(out, ",\"category\":\"connection\",\"type\":\"vulnerability_scan\","
				     "\"scan_type\":\"port_scan\"");
		put_string(out, "protocol", proto != NULL ? proto : "tcp");
		put_time(out, "first_seen", f->first_us);
		put_time(out, "last_seen", f->last_us);
	}
	put_evidence(out, f);
	hin_buffer_printf(out, ",\"confidence\":%u.%02u", f->confidence / 100, f->confidence % 100);
	/* tags have small letters only */
	hin_buffer_puts(out, ",\"tags\":[\"hinomi:");
	for (const char *p = f->code; *p != '\0'; p++)
		hin_buffer_putc(out, (char)tolower((unsigned char)*p));
	hin_buffer_printf(out, "\",\"hinomi:case-%" PRId64 "\"]", f->case_id);
	hin_buffer_puts(out, "}\n");
	return true;
}

void hin_notice_hook(struct hin_buffer *out, const char *event,
		     const struct hin_notice_office *office, const struct hin_notice_facts *f)
{
	hin_buffer_puts(out, "{\"event\":");
	hin_escape_json(out, event, strlen(event));
	put_string(out, "sender", office->sender != NULL ? office->sender : "");
	put_string(out, "code", f->code);
	put_string(out, "verify", office->verify != NULL ? office->verify : "");
	hin_buffer_printf(out, ",\"case\":%" PRId64, f->case_id);
	put_string(out, "kind", f->kind);
	put_string(out, "kind_en", hin_finding_word(f->kind, HIN_EN));
	put_string(out, "kind_ja", hin_finding_word(f->kind, HIN_JA));
	put_string(out, "address", f->has_address ? f->subject : "");
	put_string(out, "device", f->device);
	put_string(out, "owner", f->handle);
	put_string(out, "severity", hin_severity_name(f->severity));
	hin_buffer_printf(out, ",\"confidence\":%u,\"packets\":%" PRIu64 ",\"targets\":%" PRIu64,
			  f->confidence, f->packets, f->targets);
	put_string(out, "tool", tool_name(f->tool));
	hin_buffer_puts(out, ",\"ports\":[");
	for (size_t i = 0; i < f->port_count; i++)
		hin_buffer_printf(out, "%s{\"protocol\":%u,\"port\":%u}", i > 0 ? "," : "",
				  f->ports[i].proto, f->ports[i].port);
	hin_buffer_putc(out, ']');
	put_time(out, "first_seen", f->first_us);
	put_time(out, "last_seen", f->last_us);
	if (f->fixed_us != 0)
		put_time(out, "fixed", f->fixed_us);
	if (f->text != NULL)
		put_string(out, "text", f->text);
	hin_buffer_puts(out, "}\n");
}
