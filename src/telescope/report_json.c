#include "base/escape.h"
#include "telescope/report_priv.h"

/*
 * A writer of one document, top to bottom: members of the document and rows of lists stand on a
 * line each, what is inside a row on the same line.
 */
struct json {
	struct sink sink;
	const struct hin_report_options *options; /* or NULL */
	unsigned depth;
	bool more; /* something stands before in this object or list */
};

static void separate(struct json *j)
{
	struct hin_buffer *b = &j->sink.text;

	if (j->more)
		hin_buffer_putc(b, ',');
	if (j->depth == 1)
		hin_buffer_putc(b, '\n');
	else if (j->more)
		hin_buffer_putc(b, ' ');
	j->more = true;
}

static void key(struct json *j, const char *name)
{
	separate(j);
	hin_escape_json(&j->sink.text, name, strlen(name));
	hin_buffer_puts(&j->sink.text, ": ");
}

static void open_with(struct json *j, char bracket)
{
	hin_buffer_putc(&j->sink.text, bracket);
	j->depth++;
	j->more = false;
}

static void close_with(struct json *j, char bracket)
{
	hin_buffer_putc(&j->sink.text, bracket);
	j->depth--;
	j->more = true;
}

static void put_object(struct json *j, const char *name)
{
	key(j, name);
	open_with(j, '{');
}

static void put_list(struct json *j, const char *name)
{
	key(j, name);
	open_with(j, '[');
}

/* Start a row of a list of the document. */
static void put_row(struct json *j)
{
	hin_report_sink_row(&j->sink);
	if (j->more)
		hin_buffer_putc(&j->sink.text, ',');
	hin_buffer_puts(&j->sink.text, "\n  ");
	open_with(j, '{');
}

static void end_object(struct json *j)
{
	close_with(j, '}');
}

static void end_list(struct json *j)
{
	close_with(j, ']');
}

static void put_text(struct json *j, const char *name, const char *text)
{
	key(j, name);
	hin_escape_json(&j->sink.text, text, strlen(text));
}

static void put_u64(struct json *j, const char *name, uint64_t value)
{
	key(j, name);
	hin_buffer_printf(&j->sink.text, "%llu", (unsigned long long)value);
}

static void put_bool(struct json *j, const char *name, bool value)
{
	key(j, name);
	hin_buffer_puts(&j->sink.text, value ? "true" : "false");
}

static void put_double(struct json *j, const char *name, double value)
{
	if (!isfinite(value))
		return; /* JSON cannot say it */
	key(j, name);
	hin_buffer_printf(&j->sink.text, "%.6g", value);
}

/* An estimate: left out where it is unknown, which the picture says by 0. */
static void put_estimate(struct json *j, const char *name, double value)
{
	if (value > 0)
		put_double(j, name, value);
}

static void put_estimate_count(struct json *j, const char *name, double value)
{
	if (value > 0 && value < 0x1p63)
		put_u64(j, name, (uint64_t)value);
}

static void put_time(struct json *j, const char *name, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	put_text(j, name, hin_report_time_iso(text, time_us));
}

static void put_addr(struct json *j, const char *name, const struct hin_addr *addr)
{
	char text[HIN_ADDR_TEXT];

	put_text(j, name, hin_addr_format(addr, text));
}

static void put_digest(struct json *j, const char *name, const uint8_t digest[32])
{
	char text[65];

	put_text(j, name, hin_report_hex(text, digest, 32));
}

static void put_link(struct json *j, uint64_t link)
{
	char text[17];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)link);
	put_text(j, "id", text);
}

static void put_protocol(struct json *j, const char *name, uint8_t proto)
{
	char text[HIN_SERVICE_TEXT];

	put_text(j, name, hin_report_protocol(text, proto));
}

static void put_service(struct json *j, uint8_t proto, uint16_t port)
{
	char text[HIN_SERVICE_TEXT];

	put_text(j, "service", hin_service_text(text, proto, port));
}

/* Where an address is; nothing without tables that know it. */
static void put_place(struct json *j, const struct hin_addr *addr)
{
	struct hin_geo_info place;

	hin_report_place(&place, j->options, addr);
	if (place.country[0] != '\0')
		put_text(j, "country", place.country);
	if (place.as_number != 0) {
		put_u64(j, "as", place.as_number);
		put_text(j, "as_name", place.as_name);
	}
}

static void put_first_last(struct json *j, int64_t first_us, int64_t last_us)
{
	put_time(j, "first", first_us);
	put_time(j, "last", last_us);
}

/* A tool is what someone chose to run; a stack is only what his machine is. */
static void put_tool(struct json *j, enum hin_tool tool, uint8_t confidence)
{
	if (hin_tool_is_stack(tool)) {
		put_text(j, "tool", hin_tool_name(HIN_SIGN_NONE));
		put_text(j, "stack", hin_tool_name(tool));
		put_u64(j, "stack_confidence", confidence);
		return;
	}
	put_text(j, "tool", hin_tool_name(tool));
	if (tool != HIN_SIGN_NONE)
		put_u64(j, "tool_confidence", confidence);
}

static void put_top_ports(struct json *j, uint8_t proto, const struct hin_port_count *top,
			  unsigned count)
{
	put_list(j, "top_ports");
	for (unsigned i = 0; i < count && i < HIN_TOP_PORTS; i++) {
		separate(j);
		open_with(j, '{');
		put_u64(j, "port", top[i].port);
		put_service(j, proto, top[i].port);
		put_u64(j, "packets", top[i].packets);
		end_object(j);
	}
	end_list(j);
}

static const char *fault_name(enum hin_capture_fault fault)
{
	static const char *const names[] = {
		[HIN_FAULT_NONE] = "none",
		[HIN_FAULT_CUT] = "cut",
		[HIN_FAULT_BAD_RECORD] = "bad-record",
		[HIN_FAULT_BAD_STREAM] = "bad-stream",
		[HIN_FAULT_READ] = "read",
		[HIN_FAULT_LIMIT] = "limit",
		[HIN_FAULT_SHRANK] = "shrank",
		[HIN_FAULT_REPLACED] = "replaced",
		[HIN_FAULT_IGNORED] = "ignored",
	};

	return (size_t)fault < HIN_COUNT(names) && names[fault] != NULL ? names[fault] : "other";
}

static void put_inputs(struct json *j, const struct hin_picture *p)
{
	put_list(j, "inputs");
	for (size_t i = 0; i < p->input_count; i++) {
		const struct hin_capture_input *in = &p->inputs[i];

		put_row(j);
		put_text(j, "name", in->name != NULL ? in->name : "");
		if (in->format != NULL)
			put_text(j, "format", in->format);
		if (in->compression != NULL)
			put_text(j, "compression", in->compression);
		put_u64(j, "bytes", in->file_bytes);
		put_u64(j, "packets", in->packets);
		put_u64(j, "skipped", in->skipped);
		if (in->digested)
			put_digest(j, "sha256", in->sha256);
		if (in->fault != HIN_FAULT_NONE) {
			put_object(j, "fault");
			put_text(j, "reason", fault_name(in->fault));
			put_u64(j, "offset", in->fault_offset);
			put_text(j, "text", in->fault_text);
			end_object(j);
		}
		end_object(j);
	}
	end_list(j);
}

static void put_dark(struct json *j, const struct hin_picture *p)
{
	put_object(j, "dark");
	put_bool(j, "known", p->dark_known);
	if (p->dark_known) {
		double size = (double)p->dark_v4 + (double)p->dark_v6;

		put_u64(j, "ipv4", p->dark_v4);
		put_u64(j, "ipv6", p->dark_v6);
		put_u64(j, "hit", p->dark_hit);
		if (size > 0)
			put_double(j, "packets_per_address", (double)p->packets / size);
	}
	end_object(j);
}

static void put_about(struct json *j, const struct hin_picture *p, const char *program)
{
	put_text(j, "schema", "hinomi/telescope-report/1");
	if (program != NULL)
		put_text(j, "program", program);
	put_inputs(j, p);
	if (p->interface[0] != '\0')
		put_text(j, "interface", p->interface);
	if (p->recording != NULL)
		put_text(j, "recording", p->recording);
	put_dark(j, p);
	if (p->packets > 0)
		put_first_last(j, p->first_us, p->last_us);
	put_double(j, "event_timeout_seconds", p->event_timeout_s);
}

static void put_icmp_kinds(struct json *j, bool v6, const uint64_t types[256], uint64_t total)
{
	for (unsigned type = 0; type < 256; type++) {
		char name[64];

		if (types[type] == 0)
			continue;
		put_u64(j, hin_report_icmp_name(name, v6, (uint8_t)type), types[type]);
		total -= types[type] < total ? types[type] : total;
	}
	if (total > 0) /* its header was cut off */
		put_u64(j, v6 ? "icmp6-unreadable" : "icmp-unreadable", total);
}

static void put_kinds(struct json *j, const struct hin_picture *p)
{
	put_object(j, "kinds");
	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		bool always = kind <= HIN_UDP;

		if (kind == HIN_ICMP)
			put_icmp_kinds(j, false, p->icmp_types, p->kinds[kind]);
		else if (kind == HIN_ICMP6)
			put_icmp_kinds(j, true, p->icmp6_types, p->kinds[kind]);
		else if (always || p->kinds[kind] > 0)
			put_u64(j, hin_packet_kind_name(kind), p->kinds[kind]);
	}
	end_object(j);
}

static void put_icmp_types(struct json *j, const char *name, const uint64_t types[256])
{
	put_object(j, name);
	for (unsigned type = 0; type < 256; type++) {
		char number[8];

		if (types[type] == 0)
			continue;
		snprintf(number, sizeof(number), "%u", type);
		put_u64(j, number, types[type]);
	}
	end_object(j);
}

static void put_tools(struct json *j, const struct hin_picture *p, bool stacks)
{
	put_object(j, stacks ? "stacks" : "tools");
	for (unsigned tool = 0; tool < HIN_SIGN_COUNT; tool++) {
		if (p->tools[tool].packets == 0 || hin_tool_is_stack(tool) != stacks)
			continue;
		put_object(j, hin_tool_name(tool));
		put_u64(j, "packets", p->tools[tool].packets);
		put_u64(j, "sources", p->tools[tool].sources);
		end_object(j);
	}
	end_object(j);
}

static void put_lost(struct json *j, const struct hin_picture *p)
{
	const struct hin_lost_detail *lost = &p->lost;

	put_object(j, "lost");
	put_u64(j, "sources", lost->sources);
	put_u64(j, "events", lost->events);
	put_u64(j, "targets", lost->targets);
	put_u64(j, "distinct", lost->distinct);
	put_u64(j, "ports_merged", lost->ports_merged);
	put_u64(j, "results", lost->results);
	put_u64(j, "flows", lost->flows);
	put_u64(j, "kernel_drops", p->kernel_drops);
	end_object(j);
	put_u64(j, "clock_steps", p->clock_steps);
}

static void put_counters(struct json *j, const struct hin_picture *p)
{
	put_u64(j, "packets", p->frames);
	put_u64(j, "ip_packets", p->packets);
	put_u64(j, "bytes", p->bytes);
	put_u64(j, "outside", p->outside);
	put_u64(j, "sources", p->sources);
	put_bool(j, "sources_exact", p->sources_exact);
	put_kinds(j, p);
	put_object(j, "icmp");
	put_icmp_types(j, "v4", p->icmp_types);
	put_icmp_types(j, "v6", p->icmp6_types);
	end_object(j);
	put_object(j, "protocols");
	for (unsigned proto = 0; proto < 256; proto++) {
		char name[HIN_SERVICE_TEXT];

		if (p->protocols[proto] > 0)
			put_u64(j, hin_report_protocol(name, (uint8_t)proto), p->protocols[proto]);
	}
	end_object(j);
	put_tools(j, p, false);
	put_tools(j, p, true);
	put_object(j, "marks");
	put_u64(j, "bogon", p->bogon);
	put_u64(j, "spoofed", p->spoofed);
	put_u64(j, "unroutable", p->unroutable);
	put_u64(j, "fragments", p->fragments);
	put_u64(j, "tunnelled", p->tunnelled);
	put_u64(j, "router_kill", p->router_kill);
	end_object(j);
	put_object(j, "refused");
	for (unsigned reason = 0; reason < HIN_REFUSAL_COUNT; reason++) {
		if (p->refused[reason] > 0)
			put_u64(j, hin_refusal_name(reason), p->refused[reason]);
	}
	end_object(j);
	put_lost(j, p);
}

static void put_ports(struct json *j, const struct hin_picture *p)
{
	put_u64(j, "ports_total", p->port_total);
	put_list(j, "ports");
	for (size_t i = 0; i < p->port_count; i++) {
		const struct hin_port_stat *s = &p->ports[i];

		put_row(j);
		put_u64(j, "port", s->port);
		put_protocol(j, "protocol", s->proto);
		put_service(j, s->proto, s->port);
		put_u64(j, "packets", s->packets);
		put_u64(j, "bytes", s->bytes);
		put_u64(j, "sources", s->sources);
		end_object(j);
	}
	end_list(j);
}

static void put_event(struct json *j, const struct hin_event *e)
{
	char source[REPORT_ADDR_TEXT];

	put_row(j);
	put_link(j, e->link);
	put_text(j, "source", hin_report_source(source, e));
	put_place(j, &e->source);
	put_text(j, "kind", hin_class_name(e->class));
	put_text(j, "scan", hin_scan_type_name(e->scan));
	put_tool(j, e->tool, e->confidence);
	if (e->tool != HIN_SIGN_NONE)
		put_double(j, "share", e->share);
	put_u64(j, "packets", e->packets);
	put_u64(j, "bytes", e->bytes);
	put_u64(j, "targets", e->targets);
	put_u64(j, "ports", e->ports);
	put_top_ports(j, hin_report_class_proto(e->class), e->top, e->top_count);
	put_u64(j, "peak", e->peak);
	put_first_last(j, e->first_us, e->last_us);
	put_bool(j, "open", e->open);
	put_estimate(j, "rate", e->rate);
	put_estimate(j, "world_rate", e->world_rate);
	put_estimate(j, "coverage", e->coverage);
	put_bool(j, "bogon", e->bogon);
	put_bool(j, "spoofed", e->spoofed);
	put_bool(j, "unroutable", e->unroutable);
	put_bool(j, "member", e->member);
	if (e->research[0] != '\0')
		put_text(j, "research", e->research);
	if (e->has_evidence)
		put_digest(j, "evidence", e->evidence);
	end_object(j);
}

static void put_victim(struct json *j, const struct hin_victim *v)
{
	char service[HIN_SERVICE_TEXT];

	put_row(j);
	put_link(j, v->link);
	put_addr(j, "address", &v->address);
	put_place(j, &v->address);
	put_text(j, "service", hin_report_victim_service(service, v));
	put_text(j, "kind", hin_class_name(v->class));
	put_protocol(j, "protocol", v->proto);
	if (!v->many_ports && v->port != 0)
		put_u64(j, "port", v->port);
	put_u64(j, "packets", v->packets);
	put_u64(j, "bytes", v->bytes);
	put_u64(j, "targets", v->targets);
	put_u64(j, "ports", v->ports);
	put_u64(j, "syn_acks", v->syn_acks);
	put_u64(j, "icmp_errors", v->icmp_errors);
	put_u64(j, "peak", v->peak);
	put_first_last(j, v->first_us, v->last_us);
	put_bool(j, "open", v->open);
	put_bool(j, "member", v->member);
	put_estimate(j, "attack_rate", v->attack_rate);
	put_estimate_count(j, "attack_packets", v->attack_packets);
	if (v->has_evidence)
		put_digest(j, "evidence", v->evidence);
	end_object(j);
}

static void put_flood(struct json *j, const struct hin_flood *f, bool amplification)
{
	char service[HIN_SERVICE_TEXT];

	hin_report_flood_service(service, f, amplification);
	put_row(j);
	put_link(j, f->link);
	put_addr(j, "target", &f->target);
	put_place(j, &f->target);
	if (amplification)
		put_text(j, "protocol", service);
	else
		put_protocol(j, "protocol", f->proto);
	put_protocol(j, "transport", f->proto);
	put_u64(j, "port", f->port);
	put_text(j, "service", service);
	put_text(j, "kind", hin_class_name(f->class));
	put_u64(j, "packets", f->packets);
	put_u64(j, "bytes", f->bytes);
	put_u64(j, "sources", f->sources);
	put_bool(j, "spoofed", f->spoofed);
	put_u64(j, "fragments", f->fragments);
	put_u64(j, "peak", f->peak);
	put_first_last(j, f->first_us, f->last_us);
	if (f->has_evidence)
		put_digest(j, "evidence", f->evidence);
	end_object(j);
}

static void put_member(struct json *j, const struct hin_member *m)
{
	put_row(j);
	put_addr(j, "address", &m->address);
	put_place(j, &m->address);
	if (m->name[0] != '\0')
		put_text(j, "name", m->name);
	put_bool(j, "infected", m->infected);
	put_tool(j, m->tool, m->confidence);
	put_u64(j, "packets", m->packets);
	put_u64(j, "targets", m->targets);
	put_u64(j, "ports", m->ports);
	put_protocol(j, "protocol", m->top_proto);
	put_top_ports(j, m->top_proto, m->top, m->top_count);
	put_first_last(j, m->first_us, m->last_us);
	put_addr(j, "first_target", &m->first_target);
	put_u64(j, "first_port", m->first_port);
	end_object(j);
}

static void put_rising(struct json *j, const struct hin_picture *p)
{
	put_bool(j, "rising_too_short", p->rising_too_short);
	put_u64(j, "rising_total", p->rising_total);
	put_list(j, "rising");
	for (size_t i = 0; i < p->rising_count; i++) {
		const struct hin_rising *r = &p->rising[i];

		put_row(j);
		put_protocol(j, "protocol", r->proto);
		put_u64(j, "port", r->port);
		put_service(j, r->proto, r->port);
		put_text(j, "interval", r->hourly ? "hour" : "minute");
		put_time(j, "time", r->time_us);
		put_double(j, "score", r->score);
		put_u64(j, "packets", r->count);
		put_double(j, "expected", r->expected);
		end_object(j);
	}
	end_list(j);
}

static void put_lists(struct json *j, const struct hin_picture *p)
{
	put_u64(j, "events_total", p->event_total);
	put_u64(j, "events_packets", p->event_packets);
	put_list(j, "events");
	for (size_t i = 0; i < p->event_count; i++)
		put_event(j, &p->events[i]);
	end_list(j);
	put_u64(j, "victims_total", p->victim_total);
	put_list(j, "victims");
	for (size_t i = 0; i < p->victim_count; i++)
		put_victim(j, &p->victims[i]);
	end_list(j);
	put_u64(j, "floods_total", p->flood_total);
	put_list(j, "floods");
	for (size_t i = 0; i < p->flood_count; i++)
		put_flood(j, &p->floods[i], false);
	end_list(j);
	put_u64(j, "amplification_total", p->amplification_total);
	put_list(j, "amplification");
	for (size_t i = 0; i < p->amplification_count; i++)
		put_flood(j, &p->amplifications[i], true);
	end_list(j);
	put_u64(j, "members_total", p->member_total);
	put_list(j, "members");
	for (size_t i = 0; i < p->member_count; i++)
		put_member(j, &p->members[i]);
	end_list(j);
}

static void put_point(struct json *j, const struct hin_series_point *point)
{
	put_row(j);
	put_time(j, "time", point->time_us);
	put_u64(j, "packets", point->packets);
	put_u64(j, "bytes", point->bytes);
	put_object(j, "kinds");
	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		if (point->by_kind[kind] > 0)
			put_u64(j, hin_packet_kind_name(kind), point->by_kind[kind]);
	}
	end_object(j);
	end_object(j);
}

static void put_series(struct json *j, const struct hin_picture *p)
{
	put_u64(j, "series_step_seconds", (uint64_t)p->series_step_us / 1000000);
	put_list(j, "series");
	for (size_t i = 0; i < p->series_count; i++)
		put_point(j, &p->series[i]);
	end_list(j);
	put_list(j, "port_series");
	for (size_t i = 0; i < p->port_series_count; i++) {
		const struct hin_port_series *s = &p->port_series[i];

		put_row(j);
		put_u64(j, "port", s->port);
		put_protocol(j, "protocol", s->proto);
		put_service(j, s->proto, s->port);
		put_list(j, "packets");
		for (size_t at = 0; at < p->series_count; at++) {
			separate(j);
			hin_buffer_printf(&j->sink.text, "%llu", (unsigned long long)s->counts[at]);
		}
		end_list(j);
		end_object(j);
	}
	end_list(j);
}

enum hin_code hin_report_json(FILE *out, const struct hin_picture *picture,
			      const struct hin_report_options *options, struct hin_error *err)
{
	struct json j = { .sink.out = out, .options = options };

	open_with(&j, '{');
	put_about(&j, picture, options != NULL ? options->program : NULL);
	put_counters(&j, picture);
	put_ports(&j, picture);
	put_lists(&j, picture);
	put_rising(&j, picture);
	put_series(&j, picture);
	hin_buffer_putc(&j.sink.text, '\n');
	end_object(&j);
	hin_buffer_putc(&j.sink.text, '\n');
	return hin_report_sink_end(&j.sink, err);
}
