/* about - one address, all that is known; see about.h */
#include "hub/case/about.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "hub/case/rows_priv.h"

#define WEEK_US (7 * INT64_C(86400000000))

/* ---- of the desk ---- */

/* One row more than fits is asked for, to know of it. */
#define ASKED (HIN_ABOUT_ROWS + 1)

static bool is_full(struct hin_about *out, size_t count)
{
	out->more |= count == HIN_ABOUT_ROWS;
	return count == HIN_ABOUT_ROWS;
}

static bool take_finding(void *user, const struct hin_finding *f)
{
	struct hin_about *out = user;

	if (is_full(out, out->finding_count))
		return false;
	out->findings[out->finding_count++] = *f;
	return true;
}

static bool take_case(void *user, const struct hin_case *c)
{
	struct hin_about *out = user;

	if (is_full(out, out->case_count))
		return false;
	out->cases[out->case_count++] = *c;
	return true;
}

/* Bind what rows of an address are asked by: ?1 the address, ?2 whose they are, ?3 how many. */
static enum hin_code bind_address(sqlite3_stmt *s, const struct hin_about_question *q,
				  struct hin_error *err)
{
	if (s == NULL)
		return HIN_EFORMAT;
	return hin_desk_bind(q->desk, s, err, "aii", &q->address, q->organisation, (int64_t)ASKED);
}

static enum hin_code read_notices(struct hin_about *out, const struct hin_about_question *q,
				  struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		q->desk,
		"SELECT n.id, n.case_id, n.code, n.state, n.trouble, o.handle, n.created_us, "
		"n.sent_us, n.last_seen_us, n.fixed_us FROM notice n LEFT JOIN organisation o ON "
		"o.id = n.organisation WHERE n.address = ?1 AND (?2 = 0 OR n.organisation = ?2) "
		"ORDER BY n.id DESC LIMIT ?3",
		err);
	enum hin_code code = bind_address(s, q, err);

	while (rows_next(q->desk, s, &code, err)) {
		struct hin_about_notice *n;

		if (is_full(out, out->notice_count)) {
			sqlite3_reset(s);
			break;
		}
		n = &out->notices[out->notice_count++];
		n->id = sqlite3_column_int64(s, 0);
		n->case_id = sqlite3_column_int64(s, 1);
		rows_copy(n->code, sizeof(n->code), s, 2);
		rows_copy(n->state, sizeof(n->state), s, 3);
		rows_copy(n->trouble, sizeof(n->trouble), s, 4);
		rows_copy(n->handle, sizeof(n->handle), s, 5);
		n->created_us = sqlite3_column_int64(s, 6);
		n->sent_us = sqlite3_column_int64(s, 7);
		n->last_seen_us = sqlite3_column_int64(s, 8);
		n->fixed_us = sqlite3_column_int64(s, 9);
	}
	return code;
}

static enum hin_code read_leases(struct hin_about *out, const struct hin_about_question *q,
				 struct hin_error *err)
{
	/* ranges that begin below it, nearest first: a bounded number of them is looked at */
	sqlite3_stmt *s = hin_desk_statement(
		q->desk,
		"SELECT l.low, l.high, l.port_low, l.port_high, l.from_us, l.until_us, l.device, "
		"l.basis, l.confidence, o.handle FROM (SELECT * FROM lease WHERE low <= ?1 ORDER "
		"BY "
		"low DESC LIMIT 10000) l LEFT JOIN organisation o ON o.id = l.organisation WHERE "
		"l.high >= ?1 AND (?2 = 0 OR l.organisation = ?2) ORDER BY l.low DESC, l.from_us "
		"DESC LIMIT ?3",
		err);
	enum hin_code code = bind_address(s, q, err);

	while (rows_next(q->desk, s, &code, err)) {
		struct hin_about_lease *l;

		if (is_full(out, out->lease_count)) {
			sqlite3_reset(s);
			break;
		}
		l = &out->leases[out->lease_count++];
		(void)hin_desk_address(s, 0, &l->low);
		(void)hin_desk_address(s, 1, &l->high);
		l->port_low = (uint16_t)sqlite3_column_int(s, 2);
		l->port_high = (uint16_t)sqlite3_column_int(s, 3);
		l->from_us = sqlite3_column_int64(s, 4);
		l->until_us = sqlite3_column_int64(s, 5);
		rows_copy(l->device, sizeof(l->device), s, 6);
		rows_copy(l->basis, sizeof(l->basis), s, 7);
		l->confidence = (uint8_t)sqlite3_column_int(s, 8);
		rows_copy(l->handle, sizeof(l->handle), s, 9);
	}
	return code;
}

static enum hin_code read_desk(struct hin_about *out, const struct hin_about_question *q,
			       struct hin_error *err)
{
	const struct hin_finding_filter findings = { .organisation = q->organisation,
						     .address = &q->address,
						     .limit = ASKED };
	struct hin_case_filter cases;
	enum hin_code code = hin_desk_snapshot(q->desk, err);

	if (code != HIN_OK)
		return code;
	hin_case_filter_default(&cases);
	cases.states = 0;
	cases.organisation = q->organisation;
	cases.address = &q->address;
	cases.limit = ASKED;
	code = hin_finding_list(q->desk, &findings, take_finding, out, err);
	if (code == HIN_OK)
		code = hin_case_list(q->desk, &cases, take_case, out, err);
	if (code == HIN_OK)
		code = read_notices(out, q, err);
	if (code == HIN_OK)
		code = read_leases(out, q, err);
	hin_desk_rollback(q->desk);
	return code;
}

/* ---- of the directory ---- */

static void find_owner(struct hin_about *out, const struct hin_about_question *q)
{
	const struct hin_owners_organisation *o;

	(void)hin_owners_find(q->owners, &q->address, HIN_OWNERS_ANY_PORT, q->now_us, &out->owner);
	if (q->organisation != 0 && out->owner.organisation != q->organisation)
		out->owner = (struct hin_owner){ .device = "" };
	o = q->owners != NULL ? hin_owners_organisation(q->owners, out->owner.organisation) : NULL;
	if (o == NULL)
		return;
	snprintf(out->handle, sizeof(out->handle), "%s", o->handle);
	snprintf(out->name, sizeof(out->name), "%s", o->name);
	snprintf(out->name_ja, sizeof(out->name_ja), "%s", o->name_ja);
}

/* ---- of the store ---- */

static enum hin_code count_side(struct hin_about *out, const struct hin_about_question *q,
				bool as_source, struct hin_error *err)
{
	char text[HIN_ADDR_TEXT + 8], address[HIN_ADDR_TEXT];
	struct hin_store_question question = { .range = { .since_us = out->since_us,
							  .until_us = out->until_us },
					       .by = { HIN_FIELD_KIND },
					       .by_count = 1,
					       .volume = true,
					       .order = HIN_STORE_COUNT };
	struct hin_store_answer answer = { 0 };
	struct hin_about_count *more;
	struct hin_filter *filter = NULL;
	enum hin_code code;

	snprintf(text, sizeof(text), "%s %s", as_source ? "src" : "dst",
		 hin_addr_format(&q->address, address));
	code = hin_filter_parse(&filter, text, strlen(text), NULL, err);
	question.range.filter = filter;
	if (code == HIN_OK)
		code = hin_store_group(q->store, &question, &answer, err);
	hin_filter_free(filter);
	if (code != HIN_OK)
		return code;
	more = realloc(out->counts, (out->count_count + answer.count + 1) * sizeof(*more));
	if (more == NULL)
		code = hin_fail(err, HIN_ENOMEM, "counts of an address");
	else
		out->counts = more;
	for (size_t i = 0; i < answer.count && code == HIN_OK; i++)
		out->counts[out->count_count++] = (struct hin_about_count){
			.kind = (uint16_t)answer.groups[i].by[0].number,
			.as_source = as_source,
			.rows = answer.groups[i].count,
			.packets = answer.groups[i].packets,
			.bytes = answer.groups[i].bytes,
		};
	hin_store_answer_fini(&answer);
	return code;
}

static enum hin_code ask_store(struct hin_about *out, const struct hin_about_question *q,
			       struct hin_error *err)
{
	struct hin_store_range range;
	enum hin_code code;

	out->since_us = q->since_us != 0 ? q->since_us : q->now_us - WEEK_US;
	out->until_us = q->until_us != 0 ? q->until_us : q->now_us;
	range = (struct hin_store_range){ .since_us = out->since_us, .until_us = out->until_us };
	code = count_side(out, q, true, err);
	if (code == HIN_OK)
		code = count_side(out, q, false, err);
	if (code == HIN_OK)
		code = hin_store_watch(q->store, &range, &out->watched, err);
	out->counted = code == HIN_OK;
	return code;
}

/* ---- all of it ---- */

enum hin_code hin_about_address(struct hin_about *out, const struct hin_about_question *q,
				struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	*out = (struct hin_about){ .address = q->address,
				   .now_us = q->now_us,
				   .owner = { .device = "" } };
	out->findings = calloc(HIN_ABOUT_ROWS, sizeof(*out->findings));
	out->cases = calloc(HIN_ABOUT_ROWS, sizeof(*out->cases));
	out->notices = calloc(HIN_ABOUT_ROWS, sizeof(*out->notices));
	out->leases = calloc(HIN_ABOUT_ROWS, sizeof(*out->leases));
	if (out->findings == NULL || out->cases == NULL || out->notices == NULL ||
	    out->leases == NULL)
		code = hin_fail(err, HIN_ENOMEM, "what is known of an address");
	find_owner(out, q);
	if (code == HIN_OK && q->desk != NULL)
		code = read_desk(out, q, err);
	if (code == HIN_OK && q->store != NULL && q->organisation == 0)
		code = ask_store(out, q, err);
	if (code != HIN_OK)
		hin_about_fini(out);
	return code;
}

void hin_about_fini(struct hin_about *about)
{
	if (about == NULL)
		return;
	free(about->findings);
	free(about->cases);
	free(about->notices);
	free(about->leases);
	free(about->counts);
	*about = (struct hin_about){ .owner = { .device = "" } };
}

/* ---- for programs ---- */

static void put_owner(const struct hin_about *a, struct hin_buffer *out)
{
	const struct hin_owner *o = &a->owner;

	if (o->organisation == 0 && o->device[0] == '\0') {
		hin_buffer_puts(out, ",\"owner\":null");
		return;
	}
	hin_buffer_printf(out, ",\"owner\":{\"organisation\":%lld", (long long)o->organisation);
	rows_put_text(out, "handle", a->handle);
	rows_put_text(out, "name", a->name);
	rows_put_text(out, "name_ja", a->name_ja);
	rows_put_text(out, "device", o->device);
	rows_put_text(out, "basis", hin_owner_basis_name(o->basis));
	hin_buffer_printf(out, ",\"confidence\":%u,\"ambiguous\":%s,\"contested\":%s}",
			  o->confidence, o->ambiguous ? "true" : "false",
			  o->contested ? "true" : "false");
}

static void put_notices(const struct hin_about *a, struct hin_buffer *out)
{
	hin_buffer_puts(out, ",\"notices\":[");
	for (size_t i = 0; i < a->notice_count; i++) {
		const struct hin_about_notice *n = &a->notices[i];

		hin_buffer_printf(out, "%s{\"id\":%lld,\"case\":%lld", i > 0 ? "," : "",
				  (long long)n->id, (long long)n->case_id);
		rows_put_text(out, "code", n->code);
		rows_put_text(out, "state", n->state);
		rows_put_text(out, "trouble", n->trouble);
		rows_put_text(out, "handle", n->handle);
		rows_put_time(out, "created", n->created_us);
		rows_put_time(out, "sent", n->sent_us);
		rows_put_time(out, "last_seen", n->last_seen_us);
		rows_put_time(out, "fixed", n->fixed_us);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

static void put_leases(const struct hin_about *a, struct hin_buffer *out)
{
	char low[HIN_ADDR_TEXT], high[HIN_ADDR_TEXT];

	hin_buffer_puts(out, ",\"leases\":[");
	for (size_t i = 0; i < a->lease_count; i++) {
		const struct hin_about_lease *l = &a->leases[i];

		hin_buffer_printf(out, "%s{\"low\":\"%s\",\"high\":\"%s\"", i > 0 ? "," : "",
				  hin_addr_format(&l->low, low), hin_addr_format(&l->high, high));
		hin_buffer_printf(out, ",\"port_low\":%u,\"port_high\":%u", l->port_low,
				  l->port_high);
		rows_put_time(out, "from", l->from_us);
		rows_put_time(out, "until", l->until_us);
		rows_put_text(out, "device", l->device);
		rows_put_text(out, "basis", l->basis);
		hin_buffer_printf(out, ",\"confidence\":%u", l->confidence);
		rows_put_text(out, "handle", l->handle);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

static void put_counts(const struct hin_about *a, struct hin_buffer *out)
{
	if (!a->counted) {
		hin_buffer_puts(out, ",\"counted\":null");
		return;
	}
	hin_buffer_puts(out, ",\"counted\":{\"rows\":[");
	for (size_t i = 0; i < a->count_count; i++) {
		const struct hin_about_count *c = &a->counts[i];
		const struct hin_word *word = hin_registry_find(HIN_REGISTRY_KINDS, c->kind);

		hin_buffer_printf(out, "%s{\"as\":\"%s\"", i > 0 ? "," : "",
				  c->as_source ? "source" : "destination");
		if (word != NULL)
			rows_put_text(out, "kind", word->name);
		else
			hin_buffer_printf(out, ",\"kind\":\"%u\"", c->kind);
		hin_buffer_printf(out, ",\"rows\":%llu,\"packets\":%llu,\"bytes\":%llu}",
				  (unsigned long long)c->rows, (unsigned long long)c->packets,
				  (unsigned long long)c->bytes);
	}
	hin_buffer_putc(out, ']');
	rows_put_time(out, "since", a->since_us);
	rows_put_time(out, "until", a->until_us);
	if (a->watched.expected_us > 0)
		hin_buffer_printf(out, ",\"watched\":%.4f}",
				  (double)a->watched.watched_us / (double)a->watched.expected_us);
	else
		hin_buffer_puts(out, ",\"watched\":null}");
}

void hin_about_json(const struct hin_about *a, struct hin_buffer *out)
{
	char address[HIN_ADDR_TEXT];

	hin_buffer_printf(out, "{\"address\":\"%s\"", hin_addr_format(&a->address, address));
	rows_put_time(out, "time", a->now_us);
	put_owner(a, out);
	hin_buffer_puts(out, ",\"findings\":[");
	for (size_t i = 0; i < a->finding_count; i++) {
		hin_buffer_puts(out, i > 0 ? "," : "");
		hin_finding_json(&a->findings[i], out);
	}
	hin_buffer_puts(out, "],\"cases\":[");
	for (size_t i = 0; i < a->case_count; i++) {
		hin_buffer_puts(out, i > 0 ? "," : "");
		hin_case_json(&a->cases[i], out);
	}
	hin_buffer_putc(out, ']');
	put_notices(a, out);
	put_leases(a, out);
	put_counts(a, out);
	hin_buffer_printf(out, ",\"more\":%s}", a->more ? "true" : "false");
}
