#include "telescope/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/batch_file.h"
#include "observe/batch_writer.h"
#include "observe/key.h"
#include "observe/ndjson.h"
#include "observe/registry.h"
#include "telescope/names.h"

enum {
	BATCH_ROWS = 65536,
	TEXT_BYTES = 1 << 20,
};

struct hin_teller {
	char *path;
	char *key_path; /* where the mark lies; NULL = nowhere */
	bool laboratory;
	bool failed;
	uint64_t rows;
	/* text */
	int fd;
	char *text;
	size_t used;
	struct hin_ndjson_writer ndjson;
	/* batches */
	struct hin_sensor_key key;
	struct hin_batch_writer *writer;
	struct hin_batch_file *file;
};

static bool wants_text(const char *path)
{
	const char *dot = strrchr(path, '.');

	return strcmp(path, "-") == 0 ||
	       (dot != NULL && (strcmp(dot, ".ndjson") == 0 || strcmp(dot, ".jsonl") == 0 ||
				strcmp(dot, ".json") == 0));
}

static enum hin_code open_text(struct hin_teller *t, bool append, struct hin_error *err)
{
	t->text = malloc(TEXT_BYTES);
	if (t->text == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to write %s", t->path);
	if (strcmp(t->path, "-") == 0) {
		t->fd = dup(STDOUT_FILENO);
	} else {
		t->fd = open(t->path,
			     O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0640);
	}
	if (t->fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", t->path);
	return HIN_OK;
}

static enum hin_code open_batches(struct hin_teller *t, const struct hin_teller_options *options,
				  struct hin_error *err)
{
	struct hin_batch_mark mark;
	enum hin_code code;
	struct stat st;

	if (t->key_path != NULL) {
		code = hin_sensor_key_open(&t->key, t->key_path, err);
		if (code == HIN_OK)
			code = hin_batch_mark_open(&mark, t->key_path, err);
	} else {
		code = hin_sensor_key_draw(&t->key, err);
		if (code == HIN_OK)
			code = hin_batch_mark_draw(&mark, err);
	}
	if (code == HIN_OK)
		code = hin_batch_writer_open(&t->writer, &t->key, &mark, BATCH_ROWS, err);
	if (code != HIN_OK)
		return code;
	hin_batch_writer_set_dark(t->writer, options->dark_addresses);
	if (!options->append && stat(t->path, &st) == 0 && S_ISREG(st.st_mode) &&
	    truncate(t->path, 0) != 0) /* a device or a pipe is written to as it is */
		return hin_fail(err, HIN_ESYS, "begin %s anew", t->path);
	return hin_batch_file_append(&t->file, t->path, NULL, err);
}

static void teller_free(struct hin_teller *t)
{
	hin_batch_writer_close(t->writer);
	hin_batch_file_close(t->file);
	hin_sensor_key_fini(&t->key);
	if (t->fd != -1)
		close(t->fd);
	free(t->text);
	free(t->path);
	free(t->key_path);
	free(t);
}

enum hin_code hin_teller_open(struct hin_teller **out, const char *path,
			      const struct hin_teller_options *options, struct hin_error *err)
{
	struct hin_teller *t = calloc(1, sizeof(*t));
	enum hin_code code;

	if (t == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to write %s", path);
	t->fd = -1;
	t->laboratory = options->laboratory;
	t->path = strdup(path);
	t->key_path = options->key_path != NULL ? strdup(options->key_path) : NULL;
	if (t->path == NULL || (options->key_path != NULL && t->key_path == NULL))
		code = hin_fail(err, HIN_ENOMEM, "no room to write %s", path);
	else if (wants_text(path))
		code = open_text(t, options->append, err);
	else
		code = open_batches(t, options, err);
	if (code != HIN_OK) {
		teller_free(t);
		return code;
	}
	*out = t;
	return HIN_OK;
}

static enum hin_code write_text(struct hin_teller *t, struct hin_error *err)
{
	size_t done = 0;

	while (done < t->used) {
		ssize_t n = write(t->fd, t->text + done, t->used - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			t->failed = true;
			return hin_fail(err, HIN_ESYS, "write %s", t->path);
		}
		done += (size_t)n;
	}
	t->used = 0;
	return HIN_OK;
}

static enum hin_code write_batch(struct hin_teller *t, struct hin_error *err)
{
	const uint8_t *bytes;
	enum hin_code code;
	size_t size;

	if (hin_batch_writer_rows(t->writer) == 0)
		return HIN_OK;
	code = hin_batch_writer_finish(t->writer, &bytes, &size, err);
	if (code == HIN_OK)
		code = hin_batch_file_write(t->file, bytes, size, err);
	if (code == HIN_OK && t->key_path != NULL)
		code = hin_batch_mark_save(hin_batch_writer_mark(t->writer), t->key_path, err);
	t->failed |= code != HIN_OK;
	return code;
}

enum hin_code hin_teller_flush(struct hin_teller *t, struct hin_error *err)
{
	if (t->failed)
		return hin_fail(err, HIN_ESYS, "%s could not be written", t->path);
	return t->writer != NULL ? write_batch(t, err) : write_text(t, err);
}

enum hin_code hin_teller_add(struct hin_teller *t, const struct hin_observation *row,
			     struct hin_error *err)
{
	struct hin_observation tagged;
	enum hin_code code = HIN_OK;

	if (t->failed)
		return hin_fail(err, HIN_ESYS, "%s could not be written", t->path);
	if (t->laboratory) {
		tagged = *row;
		(void)hin_observation_tag(&tagged, HIN_TAG_LABORATORY);
		row = &tagged;
	}
	t->rows++;
	if (t->writer != NULL) {
		if (hin_batch_writer_rows(t->writer) == BATCH_ROWS)
			code = write_batch(t, err);
		return code == HIN_OK ? hin_batch_writer_add(t->writer, row, err) : code;
	}
	if (TEXT_BYTES - t->used < HIN_NDJSON_LINE)
		code = write_text(t, err);
	if (code == HIN_OK)
		t->used += hin_ndjson_write(&t->ndjson, row, t->text + t->used);
	return code;
}

enum hin_code hin_teller_close(struct hin_teller *t, struct hin_error *err)
{
	enum hin_code code;

	if (t == NULL)
		return HIN_OK;
	code = hin_teller_flush(t, err);
	if (code == HIN_OK && t->file != NULL && strcmp(t->path, "-") != 0)
		code = hin_batch_file_sync(t->file, err);
	if (code == HIN_OK && t->fd != -1 && strcmp(t->path, "-") != 0 && fsync(t->fd) != 0 &&
	    errno != EINVAL && errno != EROFS)
		code = hin_fail(err, HIN_ESYS, "sync %s", t->path);
	teller_free(t);
	return code;
}

uint64_t hin_teller_rows(const struct hin_teller *t)
{
	return t->rows;
}

/* ---- results as rows ---- */

/* The registry's number of a tool. */
static uint16_t tool_number(enum hin_tool tool)
{
	static const uint16_t numbers[HIN_SIGN_COUNT] = {
		[HIN_SIGN_ZMAP] = HIN_TOOLS_ZMAP,
		[HIN_SIGN_ZMAP_RANDOM_ID] = HIN_TOOLS_ZMAP_RANDOM_ID,
		[HIN_SIGN_MASSCAN] = HIN_TOOLS_MASSCAN,
		[HIN_SIGN_MIRAI] = HIN_TOOLS_MIRAI,
		[HIN_SIGN_UNICORNSCAN] = HIN_TOOLS_UNICORNSCAN,
		[HIN_SIGN_NMAP] = HIN_TOOLS_NMAP,
		[HIN_SIGN_HPING] = HIN_TOOLS_HPING3,
		[HIN_SIGN_LINUX] = HIN_TOOLS_LINUX_STACK,
		[HIN_SIGN_WINDOWS] = HIN_TOOLS_WINDOWS_STACK,
		[HIN_SIGN_BSD] = HIN_TOOLS_BSD_STACK,
		[HIN_SIGN_MACOS] = HIN_TOOLS_MACOS_STACK,
	};

	return tool < HIN_SIGN_COUNT ? numbers[tool] : 0;
}

static void tag_if(struct hin_observation *o, bool yes, uint16_t tag)
{
	if (yes)
		(void)hin_observation_tag(o, tag);
}

static uint32_t count32(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

/* Observations have no time before 1970; a clock that is wrong must not lose the row. */
static int64_t row_time(int64_t time_us)
{
	return time_us < HIN_TIME_MIN ? HIN_TIME_MIN : time_us;
}

static uint64_t row_duration(int64_t first_us, int64_t last_us)
{
	return last_us > first_us ? (uint64_t)(last_us - row_time(first_us)) : 0;
}

void hin_observe_flow(struct hin_observation *o, const struct hin_flow_row *row)
{
	*o = (struct hin_observation){ .time_us = row_time(row->minute_us),
				       .duration_us = 60000000,
				       .kind = HIN_KIND_TELESCOPE_FLOW,
				       .packets = row->packets,
				       .bytes = row->bytes,
				       .sport = row->sport,
				       .dport = row->dport,
				       .proto = row->proto,
				       .tcp_flags = row->tcp_flags,
				       .tool = tool_number(row->tool) };
	hin_observation_set_src(o, &row->src);
	hin_observation_set_dst(o, &row->dst);
	tag_if(o, row->bogon, HIN_TAG_BOGON);
	tag_if(o, row->spoofed, HIN_TAG_SPOOFED);
	tag_if(o, row->unroutable, HIN_TAG_UNROUTABLE);
	tag_if(o, row->fragment, HIN_TAG_FRAGMENT);
}

static uint8_t class_proto(enum hin_class class, const struct hin_addr *a)
{
	switch (class) {
	case HIN_CLASS_UDP:
	case HIN_CLASS_UDP_ANSWER:
		return IPPROTO_UDP;
	case HIN_CLASS_ICMP:
	case HIN_CLASS_ICMP_ANSWER:
		return hin_addr_is_v4(a) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	default:
		return IPPROTO_TCP;
	}
}

void hin_observe_event(struct hin_observation *o, const struct hin_event *e)
{
	static const uint32_t rules[] = { 0, HIN_RULE_SCAN_HORIZONTAL, HIN_RULE_SCAN_VERTICAL,
					  HIN_RULE_SCAN_BLOCK };

	*o = (struct hin_observation){
		.time_us = row_time(e->first_us),
		.duration_us = row_duration(e->first_us, e->last_us),
		.kind = HIN_KIND_TELESCOPE_SCAN,
		.packets = e->packets,
		.bytes = e->bytes,
		.targets = count32(e->targets),
		.ports = count32(e->ports),
		.proto = class_proto(e->class, &e->source),
		.tool = tool_number(e->tool),
		.confidence = e->confidence,
		.rule = rules[e->scan],
		.link = e->link,
	};
	hin_observation_set_src(o, &e->source);
	if (e->source_len == 64)
		o->src_len = 64;
	if (e->ports == 1 && e->top_count > 0 && e->class != HIN_CLASS_ICMP)
		o->dport = e->top[0].port;
	if (e->has_evidence)
		memcpy(o->evidence, e->evidence, sizeof(o->evidence));
	tag_if(o, e->bogon, HIN_TAG_BOGON);
	tag_if(o, e->spoofed, HIN_TAG_SPOOFED);
	tag_if(o, e->unroutable, HIN_TAG_UNROUTABLE);
	tag_if(o, e->research[0] != '\0', HIN_TAG_RESEARCH);
	tag_if(o, e->source_len == 64, HIN_TAG_IPV6_64);
	tag_if(o, e->member, HIN_TAG_MEMBER);
	tag_if(o, e->large, HIN_TAG_LARGE);
}

void hin_observe_victim(struct hin_observation *o, const struct hin_victim *v)
{
	*o = (struct hin_observation){
		.time_us = row_time(v->first_us),
		.duration_us = row_duration(v->first_us, v->last_us),
		.kind = HIN_KIND_TELESCOPE_BACKSCATTER,
		.packets = v->packets,
		.bytes = v->bytes,
		.targets = count32(v->targets),
		.ports = count32(v->ports),
		.proto = v->proto,
		.sport = v->many_ports ? 0 : v->port,
		.rule = HIN_RULE_VICTIM_BACKSCATTER,
		.link = v->link,
	};
	hin_observation_set_src(o, &v->address);
	if (v->has_evidence)
		memcpy(o->evidence, v->evidence, sizeof(o->evidence));
	tag_if(o, true, HIN_TAG_BACKSCATTER);
	tag_if(o, v->member, HIN_TAG_MEMBER);
}

static uint32_t flood_rule(const struct hin_flood *f)
{
	switch (f->class) {
	case HIN_CLASS_SYN:
		return f->spoofed ? HIN_RULE_FLOOD_SYN_SPOOFED : HIN_RULE_FLOOD_SYN;
	case HIN_CLASS_UDP:
		return HIN_RULE_FLOOD_UDP;
	case HIN_CLASS_ICMP:
		return HIN_RULE_FLOOD_ICMP;
	case HIN_CLASS_ACK:
		return HIN_RULE_FLOOD_ACK;
	default:
		return HIN_RULE_FLOOD_OTHER;
	}
}

static uint32_t amplification_rule(const struct hin_flood *f)
{
	const struct hin_word *word = NULL;
	char name[64];

	if (f->service != NULL) {
		int n = snprintf(name, sizeof(name), "amplification.%s", f->service);

		word = hin_registry_named(HIN_REGISTRY_RULES, name, (size_t)n);
	}
	return word != NULL ? (uint32_t)word->number : HIN_RULE_AMPLIFICATION_OTHER;
}

void hin_observe_flood(struct hin_observation *o, const struct hin_flood *f, bool amplification)
{
	*o = (struct hin_observation){
		.time_us = row_time(f->first_us),
		.duration_us = row_duration(f->first_us, f->last_us),
		.kind = amplification ? HIN_KIND_TELESCOPE_AMPLIFICATION : HIN_KIND_TELESCOPE_FLOOD,
		.packets = f->packets,
		.bytes = f->bytes,
		.proto = f->proto,
		.sport = amplification ? f->port : 0,
		.dport = amplification ? 0 : f->port,
		.rule = amplification ? amplification_rule(f) : flood_rule(f),
		.link = f->link,
	};
	hin_observation_set_dst(o, &f->target);
	if (f->has_evidence)
		memcpy(o->evidence, f->evidence, sizeof(o->evidence));
	tag_if(o, f->spoofed && !amplification, HIN_TAG_SPOOFED);
	tag_if(o, amplification, HIN_TAG_AMPLIFIED);
}

void hin_observe_news(struct hin_observation *o, const struct hin_news *news)
{
	const struct hin_part *part = &news->part;
	int64_t end_us;

	switch (news->type) {
	case HIN_NEWS_EVENT:
		hin_observe_event(o, news->event);
		break;
	case HIN_NEWS_VICTIM:
		hin_observe_victim(o, news->victim);
		break;
	case HIN_NEWS_FLOOD:
	case HIN_NEWS_AMPLIFICATION:
		hin_observe_flood(o, news->flood, news->type == HIN_NEWS_AMPLIFICATION);
		break;
	}
	end_us = o->time_us + (int64_t)o->duration_us;
	o->time_us = row_time(part->since_us);
	o->duration_us = row_duration(part->since_us, end_us);
	o->packets = part->packets;
	o->bytes = part->bytes;
	tag_if(o, part->opened, HIN_TAG_OPENED);
	tag_if(o, part->closed, HIN_TAG_CLOSED);
	tag_if(o, !part->opened && !part->closed, HIN_TAG_UPDATED);
}

static void member_row(struct hin_observation *o, const struct hin_member *m,
		       const struct hin_part *part, int64_t last_us)
{
	*o = (struct hin_observation){
		.time_us = row_time(part->since_us),
		.duration_us = row_duration(part->since_us, last_us),
		.kind = HIN_KIND_TELESCOPE_MEMBER,
		.packets = part->packets,
		.bytes = part->bytes,
		.tool = tool_number(m->tool),
		.confidence = m->confidence,
		.rule = m->infected ? HIN_RULE_MEMBER_DARK : HIN_RULE_MEMBER_BACKSCATTER,
	};
	hin_observation_set_src(o, &m->address);
	tag_if(o, true, HIN_TAG_MEMBER);
	tag_if(o, part->opened, HIN_TAG_OPENED);
	tag_if(o, part->closed, HIN_TAG_CLOSED);
	tag_if(o, !part->opened && !part->closed, HIN_TAG_UPDATED);
}

void hin_observe_member(struct hin_observation *o, const struct hin_member_news *news)
{
	member_row(o, news->member, &news->part, news->last_us);
	o->link = news->link;
	o->targets = count32(news->targets);
	o->ports = count32(news->ports);
	o->proto = news->proto;
	if (!news->one_port)
		return;
	o->sport = news->sport;
	o->dport = news->dport;
	hin_observation_set_dst(o, &news->target);
}

void hin_observe_member_event(struct hin_observation *o, const struct hin_member *m)
{
	const struct hin_part all = {
		.opened = true, .closed = true, .since_us = m->first_us, .packets = m->packets
	};

	member_row(o, m, &all, m->last_us);
	o->link = ~m->link; /* not that of the scan itself, which is its parent */
	o->parent = m->link;
	o->targets = count32(m->targets);
	o->ports = count32(m->ports);
	o->proto = m->top_proto;
	if (m->top_count > 0)
		o->dport = m->top[0].port;
}

void hin_observe_rising(struct hin_observation *o, const struct hin_rising *r)
{
	*o = (struct hin_observation){
		.time_us = row_time(r->time_us),
		.duration_us = r->hourly ? 3600000000u : 60000000u,
		.kind = HIN_KIND_TELESCOPE_RISING,
		.packets = r->count,
		.proto = r->proto,
		.dport = r->port,
		.rule = r->hourly ? HIN_RULE_RISING_HOUR : HIN_RULE_RISING_MINUTE,
	};
}
