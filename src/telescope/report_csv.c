#include "base/escape.h"
#include "telescope/report_priv.h"

/* A table of RFC 4180 on its way out; cells are written left to right. */
struct csv {
	struct sink sink;
	const struct hin_report_options *options; /* or NULL */
	bool more;				  /* a cell stands before in this row */
};

static void next_cell(struct csv *c)
{
	if (c->more)
		hin_buffer_putc(&c->sink.text, ',');
	c->more = true;
}

static void end_row(struct csv *c)
{
	hin_buffer_puts(&c->sink.text, "\r\n");
	c->more = false;
	hin_report_sink_row(&c->sink);
}

/*
 * A cell of text. Control bytes are escaped; a text that a spreadsheet would take for a formula
 * gets an apostrophe before it (OWASP, "CSV Injection").
 */
static void cell(struct csv *c, const char *text)
{
	struct hin_buffer *b = &c->sink.text;
	struct hin_buffer safe = { 0 };
	const char *at;

	next_cell(c);
	if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
		hin_buffer_putc(&safe, '\'');
	hin_escape(&safe, text, strlen(text));
	if (safe.failed)
		b->failed = true;
	at = hin_buffer_text(&safe);
	if (strpbrk(at, ",\"\r\n ") == NULL) {
		hin_buffer_puts(b, at);
	} else {
		hin_buffer_putc(b, '"');
		for (; *at != '\0'; at++) {
			if (*at == '"')
				hin_buffer_putc(b, '"');
			hin_buffer_putc(b, *at);
		}
		hin_buffer_putc(b, '"');
	}
	hin_buffer_fini(&safe);
}

static void cell_u64(struct csv *c, uint64_t value)
{
	next_cell(c);
	hin_buffer_printf(&c->sink.text, "%llu", (unsigned long long)value);
}

static void cell_bool(struct csv *c, bool value)
{
	cell(c, value ? "true" : "false");
}

/* An estimate; empty where it is unknown. */
static void cell_estimate(struct csv *c, double value)
{
	next_cell(c);
	if (isfinite(value) && value > 0)
		hin_buffer_printf(&c->sink.text, "%.6g", value);
}

static void cell_time(struct csv *c, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	cell(c, hin_report_time_iso(text, time_us));
}

static void cell_addr(struct csv *c, const struct hin_addr *addr)
{
	char text[HIN_ADDR_TEXT];

	cell(c, hin_addr_format(addr, text));
}

static void cell_link(struct csv *c, uint64_t link)
{
	char text[17];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)link);
	cell(c, text);
}

static void cell_protocol(struct csv *c, uint8_t proto)
{
	char text[HIN_SERVICE_TEXT];

	cell(c, hin_report_protocol(text, proto));
}

static void cell_digest(struct csv *c, bool has, const uint8_t digest[32])
{
	char text[65] = "";

	cell(c, has ? hin_report_hex(text, digest, 32) : "");
}

/* "23:120 2323:7": ports and their packets. */
static void cell_top(struct csv *c, const struct hin_port_count *top, unsigned count)
{
	char memory[HIN_TOP_PORTS * 28 + 1];
	struct hin_buffer text = hin_buffer_over(memory, sizeof(memory));

	for (unsigned i = 0; i < count && i < HIN_TOP_PORTS; i++)
		hin_buffer_printf(&text, "%s%u:%llu", i > 0 ? " " : "", top[i].port,
				  (unsigned long long)top[i].packets);
	cell(c, hin_buffer_text(&text));
}

static bool has_places(const struct csv *c)
{
	return c->options != NULL && c->options->geo_count > 0;
}

/* The last cells of a row: where its address is, when tables that know were given. */
static void cells_place(struct csv *c, const struct hin_addr *addr)
{
	struct hin_geo_info place;

	if (!has_places(c))
		return;
	hin_report_place(&place, c->options, addr);
	cell(c, place.country);
	next_cell(c);
	if (place.as_number != 0)
		hin_buffer_printf(&c->sink.text, "%u", place.as_number);
	cell(c, place.as_name);
}

static void event_row(struct csv *c, const struct hin_event *e)
{
	char text[REPORT_ADDR_TEXT];

	cell_link(c, e->link);
	cell(c, hin_report_source(text, e));
	cell(c, hin_class_name(e->class));
	cell(c, hin_scan_type_name(e->scan));
	cell(c, hin_tool_name(e->tool));
	cell_u64(c, e->confidence);
	cell_u64(c, e->packets);
	cell_u64(c, e->bytes);
	cell_u64(c, e->targets);
	cell_u64(c, e->ports);
	cell_top(c, e->top, e->top_count);
	cell_u64(c, e->peak);
	cell_time(c, e->first_us);
	cell_time(c, e->last_us);
	cell_bool(c, e->open);
	cell_estimate(c, e->rate);
	cell_estimate(c, e->world_rate);
	cell_estimate(c, e->coverage);
	cell_bool(c, e->bogon);
	cell_bool(c, e->spoofed);
	cell_bool(c, e->unroutable);
	cell_bool(c, e->member);
	cell(c, e->research);
	cell_digest(c, e->has_evidence, e->evidence);
	cells_place(c, &e->source);
	end_row(c);
}

static void victim_row(struct csv *c, const struct hin_victim *v)
{
	char service[HIN_SERVICE_TEXT];

	cell_link(c, v->link);
	cell_addr(c, &v->address);
	cell(c, hin_report_victim_service(service, v));
	cell(c, hin_class_name(v->class));
	cell_protocol(c, v->proto);
	cell_u64(c, v->port);
	cell_u64(c, v->packets);
	cell_u64(c, v->bytes);
	cell_u64(c, v->targets);
	cell_u64(c, v->ports);
	cell_u64(c, v->syn_acks);
	cell_u64(c, v->icmp_errors);
	cell_u64(c, v->peak);
	cell_time(c, v->first_us);
	cell_time(c, v->last_us);
	cell_bool(c, v->open);
	cell_bool(c, v->member);
	cell_estimate(c, v->attack_rate);
	cell_estimate(c, v->attack_packets);
	cell_digest(c, v->has_evidence, v->evidence);
	cells_place(c, &v->address);
	end_row(c);
}

static void flood_row(struct csv *c, const struct hin_flood *f, bool amplification)
{
	char service[HIN_SERVICE_TEXT];

	cell_link(c, f->link);
	cell_addr(c, &f->target);
	cell(c, hin_report_flood_service(service, f, amplification));
	cell(c, hin_class_name(f->class));
	cell_protocol(c, f->proto);
	cell_u64(c, f->port);
	cell_u64(c, f->packets);
	cell_u64(c, f->bytes);
	cell_u64(c, f->sources);
	cell_bool(c, f->spoofed);
	cell_u64(c, f->fragments);
	cell_u64(c, f->peak);
	cell_time(c, f->first_us);
	cell_time(c, f->last_us);
	cell_digest(c, f->has_evidence, f->evidence);
	cells_place(c, &f->target);
	end_row(c);
}

static void member_row(struct csv *c, const struct hin_member *m)
{
	cell_addr(c, &m->address);
	cell(c, m->name);
	cell_bool(c, m->infected);
	cell(c, hin_tool_name(m->tool));
	cell_u64(c, m->confidence);
	cell_u64(c, m->packets);
	cell_u64(c, m->targets);
	cell_u64(c, m->ports);
	cell_protocol(c, m->top_proto);
	cell_top(c, m->top, m->top_count);
	cell_time(c, m->first_us);
	cell_time(c, m->last_us);
	cell_addr(c, &m->first_target);
	cell_u64(c, m->first_port);
	cells_place(c, &m->address);
	end_row(c);
}

static void port_row(struct csv *c, const struct hin_port_stat *s)
{
	char service[HIN_SERVICE_TEXT];

	cell_u64(c, s->port);
	cell_protocol(c, s->proto);
	cell(c, hin_service_text(service, s->proto, s->port));
	cell_u64(c, s->packets);
	cell_u64(c, s->bytes);
	cell_u64(c, s->sources);
	end_row(c);
}

static void rising_row(struct csv *c, const struct hin_rising *r)
{
	char service[HIN_SERVICE_TEXT];

	cell_u64(c, r->port);
	cell_protocol(c, r->proto);
	cell(c, hin_service_text(service, r->proto, r->port));
	cell(c, r->hourly ? "hour" : "minute");
	cell_time(c, r->time_us);
	cell_estimate(c, r->score);
	cell_u64(c, r->count);
	cell_estimate(c, r->expected);
	end_row(c);
}

#define MEMBER_HEADER                                                                              \
	"address,name,infected,tool,confidence,packets,targets,ports,protocol,top_ports,first,"    \
	"last,first_target,first_port"
#define FLOOD_HEADER                                                                               \
	"id,target,service,kind,protocol,port,packets,bytes,sources,spoofed,fragments,peak,"       \
	"first,last,evidence"

static const char *const headers[HIN_REPORT_LIST_COUNT] = {
	[HIN_REPORT_EVENTS] =
		"id,source,kind,scan,tool,confidence,packets,bytes,targets,ports,"
		"top_ports,peak,first,last,open,rate,world_rate,coverage,bogon,spoofed,"
		"unroutable,member,research,evidence",
	[HIN_REPORT_VICTIMS] = "id,address,service,kind,protocol,port,packets,bytes,targets,ports,"
			       "syn_acks,icmp_errors,peak,first,last,open,member,attack_rate,"
			       "attack_packets,evidence",
	[HIN_REPORT_FLOODS] = FLOOD_HEADER,
	[HIN_REPORT_AMPLIFICATION] = FLOOD_HEADER,
	[HIN_REPORT_MEMBERS] = MEMBER_HEADER,
	[HIN_REPORT_PORTS] = "port,protocol,service,packets,bytes,sources",
	[HIN_REPORT_RISING] = "port,protocol,service,interval,time,score,packets,expected",
};

static void put_rows(struct csv *c, enum hin_report_list list, const struct hin_picture *p)
{
	switch (list) {
	case HIN_REPORT_EVENTS:
		for (size_t i = 0; i < p->event_count; i++)
			event_row(c, &p->events[i]);
		break;
	case HIN_REPORT_VICTIMS:
		for (size_t i = 0; i < p->victim_count; i++)
			victim_row(c, &p->victims[i]);
		break;
	case HIN_REPORT_FLOODS:
		for (size_t i = 0; i < p->flood_count; i++)
			flood_row(c, &p->floods[i], false);
		break;
	case HIN_REPORT_AMPLIFICATION:
		for (size_t i = 0; i < p->amplification_count; i++)
			flood_row(c, &p->amplifications[i], true);
		break;
	case HIN_REPORT_MEMBERS:
		for (size_t i = 0; i < p->member_count; i++)
			member_row(c, &p->members[i]);
		break;
	case HIN_REPORT_PORTS:
		for (size_t i = 0; i < p->port_count; i++)
			port_row(c, &p->ports[i]);
		break;
	case HIN_REPORT_RISING:
		for (size_t i = 0; i < p->rising_count; i++)
			rising_row(c, &p->rising[i]);
		break;
	case HIN_REPORT_LIST_COUNT:
		break;
	}
}

enum hin_code hin_report_csv(FILE *out, enum hin_report_list list,
			     const struct hin_picture *picture,
			     const struct hin_report_options *options, struct hin_error *err)
{
	struct csv c = { .sink.out = out, .options = options };

	if ((unsigned)list >= HIN_REPORT_LIST_COUNT)
		return hin_fail(err, HIN_EUSAGE, "no list number %u", (unsigned)list);
	hin_buffer_puts(&c.sink.text, headers[list]);
	if (has_places(&c) && list != HIN_REPORT_PORTS && list != HIN_REPORT_RISING)
		hin_buffer_puts(&c.sink.text, ",country,as,as_name");
	end_row(&c);
	put_rows(&c, list, picture);
	return hin_report_sink_end(&c.sink, err);
}
