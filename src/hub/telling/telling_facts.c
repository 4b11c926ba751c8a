/* telling_facts - a notice's findings, added up for its text */
#include <stdio.h>
#include <string.h>

#include "hub/telling/telling_priv.h"
#include "observe/registry.h"

/* Findings of one trouble that are looked at; the gravest first. */
#define FINDINGS 100

static void take_port(struct hin_notice_facts *f, int64_t port, int64_t proto)
{
	if (port <= 0 || port > 65535) {
		f->more_ports = true;
		return;
	}
	for (size_t i = 0; i < f->port_count; i++)
		if (f->ports[i].port == port && f->ports[i].proto == proto)
			return;
	if (f->port_count == HIN_NOTICE_PORTS) {
		f->more_ports = true;
		return;
	}
	f->ports[f->port_count].port = (uint16_t)port;
	f->ports[f->port_count++].proto = (uint8_t)proto;
}

static void take_finding(struct hin_notice_facts *f, sqlite3_stmt *s)
{
	enum hin_severity severity = HIN_SEVERITY_LOW;
	int64_t first = sqlite3_column_int64(s, 4), last = sqlite3_column_int64(s, 5);

	if (strcmp(hin_notice_class(hin_desk_text(s, 0)), hin_notice_class(f->kind)) != 0)
		return;
	take_port(f, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
	if (f->tool == 0 ||
	    sqlite3_column_int64(s, 3) == HIN_TOOLS_MIRAI) /* the mark of a malware says most */
		f->tool = (uint16_t)sqlite3_column_int64(s, 3);
	f->first_us = f->first_us == 0 || first < f->first_us ? first : f->first_us;
	f->last_us = last > f->last_us ? last : f->last_us;
	f->packets += (uint64_t)sqlite3_column_int64(s, 6);
	if ((uint64_t)sqlite3_column_int64(s, 7) > f->targets)
		f->targets = (uint64_t)sqlite3_column_int64(s, 7);
	if (sqlite3_column_int64(s, 8) > f->confidence)
		f->confidence = (uint8_t)sqlite3_column_int64(s, 8);
	if (hin_severity_parse(&severity, hin_desk_text(s, 9)) && severity > f->severity)
		f->severity = severity;
}

static enum hin_code read_findings(struct hin_desk *desk, struct hin_notice_facts *f,
				   const char *device, const struct hin_addr *address,
				   struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT kind, port, proto, tool, first_us, last_us, packets, targets, confidence, "
		"severity FROM finding WHERE case_id = ?1 AND (device = ?2 AND ?2 <> '' OR "
		"(address = ?3 AND (?2 = '' OR device = ''))) ORDER BY last_us DESC LIMIT ?4",
		err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "itai", f->case_id, device, address, (int64_t)FINDINGS);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		take_finding(f, s);
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code telling_facts(struct hin_desk *desk, int64_t notice, enum hin_lang lang,
			    struct hin_notice_facts *f, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT n.code, n.case_id, n.kind, n.address, n.device, n.first_seen_us, "
		"n.last_seen_us, n.sent_us, n.fixed_us, n.reminders, coalesce(o.handle, ''), "
		"coalesce(o.name, ''), coalesce(o.name_ja, '') FROM notice n "
		"LEFT JOIN organisation o ON o.id = n.organisation WHERE n.id = ?1",
		err);
	char device[128];
	const char *ja;
	enum hin_code code;

	*f = (struct hin_notice_facts){ 0 };
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", notice);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code != HIN_OK)
		return code == HIN_EOF ? hin_fail(err, HIN_ENOENT, "there is no such notice")
				       : code;
	snprintf(f->code, sizeof(f->code), "%s", hin_desk_text(s, 0));
	f->case_id = sqlite3_column_int64(s, 1);
	snprintf(f->kind, sizeof(f->kind), "%s", hin_desk_text(s, 2));
	f->has_address = hin_desk_address(s, 3, &f->address);
	snprintf(device, sizeof(device), "%s", hin_desk_text(s, 4));
	f->first_us = sqlite3_column_int64(s, 5);
	f->last_us = sqlite3_column_int64(s, 6);
	f->since_us = sqlite3_column_int64(s, 7);
	f->fixed_us = sqlite3_column_int64(s, 8);
	f->reminders = (uint64_t)sqlite3_column_int64(s, 9) + 1;
	snprintf(f->handle, sizeof(f->handle), "%s", hin_desk_text(s, 10));
	ja = hin_desk_text(s, 12);
	snprintf(f->organisation, sizeof(f->organisation), "%s",
		 lang == HIN_JA && ja[0] != '\0' ? ja : hin_desk_text(s, 11));
	sqlite3_reset(s);
	if (f->has_address)
		hin_addr_format(&f->address, f->subject);
	else
		snprintf(f->subject, sizeof(f->subject), "%s", device);
	snprintf(f->device, sizeof(f->device), "%s", device);
	f->count = 1;
	return read_findings(desk, f, device, f->has_address ? &f->address : NULL, err);
}
