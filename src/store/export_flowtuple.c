/* export_flowtuple - flows as CAIDA's FlowTuple v4, in Avro. */
#include <avro.h>
#include <stdlib.h>

#include "store/export_priv.h"

enum {
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	INTERVAL_S = 300, /* FlowTuple v4 tells of five minutes */
	COMMON = 5,	  /* most values in an array of common ones */
	NET_BITS = 16,	  /* destinations are put together by /16 */
	ROWS_MOST = 1 << 26,
};

/* The record of corsaro3's flowtuple plugin, field by field. */
static const struct {
	const char *name;
	enum { LONG, INT, LONGS, STRING } type;
} fields[] = {
	{ "time", LONG },
	{ "src_ip", LONG },
	{ "dst_net", LONG },
	{ "dst_port", INT },
	{ "protocol", INT },
	{ "packet_cnt", LONG },
	{ "uniq_dst_ips", INT },
	{ "uniq_pkt_sizes", INT },
	{ "uniq_ttls", INT },
	{ "uniq_src_ports", INT },
	{ "uniq_tcp_flags", INT },
	{ "first_syn_length", INT },
	{ "first_tcp_rwin", INT },
	{ "common_pktsizes", LONGS },
	{ "common_pktsize_freqs", LONGS },
	{ "common_ttls", LONGS },
	{ "common_ttl_freqs", LONGS },
	{ "common_srcports", LONGS },
	{ "common_srcport_freqs", LONGS },
	{ "common_tcpflags", LONGS },
	{ "common_tcpflag_freqs", LONGS },
	{ "maxmind_continent", STRING },
	{ "maxmind_country", STRING },
	{ "netacq_continent", STRING },
	{ "netacq_country", STRING },
	{ "prefix2asn", LONG },
};

static void add_schema(struct hin_buffer *out)
{
	static const char *const types[] = {
		[LONG] = "\"long\"",
		[INT] = "\"int\"",
		[LONGS] = "{\"type\":\"array\",\"items\":\"long\"}",
		[STRING] = "\"string\"",
	};

	hin_buffer_puts(out, "{\"type\":\"record\",\"namespace\":\"org.caida.corsaro\","
			     "\"name\":\"flowtuple4\",\"doc\":\"A Corsaro FlowTuple4 record.\","
			     "\"fields\":[");
	for (size_t i = 0; i < HIN_COUNT(fields); i++)
		hin_buffer_printf(out, "%s{\"name\":\"%s\",\"type\":%s}", i > 0 ? "," : "",
				  fields[i].name, types[fields[i].type]);
	hin_buffer_puts(out, "]}");
}

/* One row, as far as FlowTuple needs it. */
struct item {
	uint64_t packets;
	uint32_t time_s; /* start of the interval */
	uint32_t src, dst;
	uint16_t sport, port; /* `port` is what records are told apart by */
	uint8_t proto, flags;
};

struct hin_flowtuple {
	const char *name;
	struct item *items;
	size_t count, size;
	avro_schema_t schema;
	avro_file_writer_t writer;
	avro_value_iface_t *class;
	avro_value_t record;
	bool open, made;
};

/* What is seen often: values with the packets that had them. */
struct common {
	uint32_t value;
	uint64_t packets;
};

static enum hin_code fail_avro(const struct hin_flowtuple *f, struct hin_error *err)
{
	return hin_fail(err, HIN_EFORMAT, "write %s: %s", f->name, avro_strerror());
}

enum hin_code hin_flowtuple_new(struct hin_flowtuple **out, FILE *file, const char *name,
				struct hin_error *err)
{
	struct hin_flowtuple *f = calloc(1, sizeof(*f));
	struct hin_buffer schema = { 0 };

	if (f == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to export");
	f->name = name;
	add_schema(&schema);
	if (!schema.failed &&
	    avro_schema_from_json_length(schema.data, schema.used, &f->schema) == 0) {
		f->open = avro_file_writer_create_with_codec_fp(file, name, 0, f->schema,
								&f->writer, "deflate", 0) == 0;
		f->class = avro_generic_class_from_schema(f->schema);
	}
	hin_buffer_fini(&schema);
	f->made = f->class != NULL && avro_generic_value_new(f->class, &f->record) == 0;
	if (!f->open || !f->made) {
		enum hin_code code = fail_avro(f, err);

		hin_flowtuple_free(f);
		return code;
	}
	*out = f;
	return HIN_OK;
}

void hin_flowtuple_free(struct hin_flowtuple *f)
{
	if (f == NULL)
		return;
	if (f->made)
		avro_value_decref(&f->record);
	if (f->class != NULL)
		avro_value_iface_decref(f->class);
	if (f->open)
		avro_file_writer_close(f->writer);
	if (f->schema != NULL)
		avro_schema_decref(f->schema);
	free(f->items);
	free(f);
}

enum hin_code hin_flowtuple_end(struct hin_flowtuple *f, struct hin_error *err)
{
	f->open = false;
	return avro_file_writer_close(f->writer) == 0 ? HIN_OK : fail_avro(f, err);
}

enum hin_code hin_flowtuple_add(struct hin_flowtuple *f, const struct hin_observation *row,
				bool *taken, struct hin_error *err)
{
	struct item *item;
	int64_t second = row->time_us / 1000000;

	*taken = row->kind == HIN_KIND_TELESCOPE_FLOW &&
		 (row->has & (HIN_HAS_SRC | HIN_HAS_DST)) == (HIN_HAS_SRC | HIN_HAS_DST) &&
		 hin_addr_is_v4(&row->src) && hin_addr_is_v4(&row->dst) && second <= UINT32_MAX;
	if (!*taken)
		return HIN_OK;
	if (f->count == f->size) {
		size_t more = f->size == 0 ? 4096 : f->size * 2;
		struct item *items =
			f->count < ROWS_MOST ? reallocarray(f->items, more, sizeof(*items)) : NULL;

		if (items == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for %zu flows of an hour", more);
		f->items = items;
		f->size = more;
	}
	item = &f->items[f->count++];
	*item = (struct item){
		.packets = row->packets,
		.time_s = (uint32_t)(second - second % INTERVAL_S),
		.src = hin_addr_v4(&row->src),
		.dst = hin_addr_v4(&row->dst),
		.proto = row->proto,
		.flags = row->tcp_flags,
	};
	if (row->proto == ICMP) {
		item->port = (uint16_t)(row->sport << 8 | (row->dport & 0xff));
	} else if (row->proto == TCP || row->proto == UDP) {
		item->sport = row->sport;
		item->port = row->dport;
	}
	return HIN_OK;
}

static uint32_t net_of(uint32_t addr)
{
	return addr >> (32 - NET_BITS) << (32 - NET_BITS);
}

#define ORDER(a, b)                                                                                \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

static int compare_keys(const struct item *x, const struct item *y)
{
	ORDER(x->time_s, y->time_s);
	ORDER(x->src, y->src);
	ORDER(net_of(x->dst), net_of(y->dst));
	ORDER(x->port, y->port);
	ORDER(x->proto, y->proto);
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = compare_keys(x, y);

	if (order != 0)
		return order;
	ORDER(x->dst, y->dst);
	return 0;
}

static int compare_sports(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	ORDER(x->sport, y->sport);
	return 0;
}

/* Keep the most common values, the first of equals first. */
static void keep_common(struct common list[COMMON], size_t *count, struct common value)
{
	size_t at = *count;

	while (at > 0 && list[at - 1].packets < value.packets)
		at--;
	if (at == COMMON)
		return;
	if (*count < COMMON)
		(*count)++;
	for (size_t i = *count - 1; i > at; i--)
		list[i] = list[i - 1];
	list[at] = value;
}

/* What the rows of one record add up to. */
struct record {
	uint64_t packets;
	uint32_t dsts, sports, flags; /* distinct ones */
	struct common common_sports[COMMON], common_flags[COMMON];
	size_t sport_count, flag_count;
};

/* Sorts `items` anew. */
static void sum_up(struct record *r, struct item *items, size_t count)
{
	uint64_t flags[256] = { 0 };
	bool seen[256] = { false };
	bool ports = items[0].proto == TCP || items[0].proto == UDP;

	*r = (struct record){ 0 };
	for (size_t i = 0; i < count; i++) {
		r->packets += items[i].packets;
		r->dsts += i == 0 || items[i].dst != items[i - 1].dst;
		flags[items[i].flags] += items[i].packets;
		seen[items[i].flags] = items[0].proto == TCP;
	}
	for (uint32_t i = 0; i < 256; i++) {
		r->flags += seen[i];
		/* what a fifth of the packets have is common */
		if (seen[i] && flags[i] * COMMON >= r->packets)
			keep_common(r->common_flags, &r->flag_count,
				    (struct common){ i, flags[i] });
	}
	if (!ports)
		return;
	qsort(items, count, sizeof(*items), compare_sports);
	for (size_t i = 0, next; i < count; i = next) {
		struct common port = { .value = items[i].sport };

		for (next = i; next < count && items[next].sport == items[i].sport; next++)
			port.packets += items[next].packets;
		r->sports++;
		if (port.packets * COMMON >= r->packets)
			keep_common(r->common_sports, &r->sport_count, port);
	}
}

static bool set_common(avro_value_t *record, size_t index, const struct common *list, size_t count)
{
	for (unsigned freqs = 0; freqs < 2; freqs++) {
		avro_value_t array, item;

		if (avro_value_get_by_index(record, index + freqs, &array, NULL) != 0)
			return false;
		for (size_t i = 0; i < count; i++) {
			int64_t value = freqs ? (int64_t)list[i].packets : (int64_t)list[i].value;

			if (avro_value_append(&array, &item, NULL) != 0 ||
			    avro_value_set_long(&item, value) != 0)
				return false;
		}
	}
	return true;
}

static bool set_number(avro_value_t *record, size_t index, uint64_t value)
{
	avro_value_t field;

	if (avro_value_get_by_index(record, index, &field, NULL) != 0)
		return false;
	if (value > INT64_MAX)
		value = INT64_MAX;
	if (avro_value_get_type(&field) == AVRO_INT64)
		return avro_value_set_long(&field, (int64_t)value) == 0;
	return avro_value_set_int(&field, value > INT32_MAX ? INT32_MAX : (int32_t)value) == 0;
}

/* Fields are set in the order of the schema. */
static bool fill(avro_value_t *record, const struct item *key, const struct record *r)
{
	const uint64_t numbers[] = {
		key->time_s, key->src, net_of(key->dst), key->port, key->proto, r->packets, r->dsts,
		0,	     0,	       r->sports,	 r->flags,  0,		0
	};
	enum { SRCPORTS = 17, FLAGS = 19, PLACES = 21, ASN = 25 };
	avro_value_t field;

	for (size_t i = 0; i < HIN_COUNT(numbers); i++)
		if (!set_number(record, i, numbers[i]))
			return false;
	if (!set_common(record, SRCPORTS, r->common_sports, r->sport_count) ||
	    !set_common(record, FLAGS, r->common_flags, r->flag_count))
		return false;
	for (size_t i = PLACES; i < ASN; i++)
		if (avro_value_get_by_index(record, i, &field, NULL) != 0 ||
		    avro_value_set_string(&field, "??") != 0)
			return false;
	return set_number(record, ASN, 0);
}

enum hin_code hin_flowtuple_settle(struct hin_flowtuple *f, uint64_t *written,
				   struct hin_error *err)
{
	struct record record;

	qsort(f->items, f->count, sizeof(*f->items), compare_items);
	for (size_t i = 0, next; i < f->count; i = next) {
		struct item key = f->items[i];

		for (next = i + 1; next < f->count && compare_keys(&key, &f->items[next]) == 0;)
			next++;
		sum_up(&record, f->items + i, next - i);
		if (avro_value_reset(&f->record) != 0 || !fill(&f->record, &key, &record) ||
		    avro_file_writer_append_value(f->writer, &f->record) != 0)
			return fail_avro(f, err);
		(*written)++;
	}
	f->count = 0;
	return HIN_OK;
}
