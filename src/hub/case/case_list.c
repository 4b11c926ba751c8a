/* case_list - reading cases: one, a page of them, and how many there are; see case.h */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "hub/case/case_priv.h"
#include "hub/case/rows_priv.h"

#define LIVE (1u << HIN_CASE_NEW | 1u << HIN_CASE_OPEN)

/* Of case_.rank: 0-3 by severity, and as much more for those that are not over. */
#define RANK_LIVE 4
#define RANK_MOST 7

/* Of findings: for an organisation (the parameter `owner`, 0 = any) its own alone. A case that was
 * merged can have others' too. */
#define OWN(owner) "f.case_id = c.id AND (" owner " = 0 OR f.organisation = " owner ")"

#define COLUMNS(owner)                                                                             \
	"c.id, c.title, c.kind, c.subject, c.state, c.severity, c.organisation, o.handle, "        \
	"c.device, c.campaign, c.assignee, a.name, c.opened_us, c.updated_us, "                    \
	"iif(" owner                                                                               \
	" = 0, c.first_us, coalesce((SELECT min(f.first_us) FROM finding f WHERE " OWN(            \
		owner) "), c.opened_us)), "                                                        \
		       "iif(" owner                                                                \
		       " = 0, c.last_us, coalesce((SELECT max(f.last_us) FROM finding f "          \
		       "WHERE " OWN(                                                               \
			       owner) "), c.opened_us)), "                                         \
				      "c.closed_us, c.reason, c.until_us, c.merged_into, "         \
				      "c.reopened, "                                               \
				      "(SELECT count(*) FROM finding f WHERE " OWN(                \
					      owner) "), "                                         \
						     "(SELECT count(*) FROM finding f WHERE " OWN( \
							     owner) " AND f.live = 1), c.rank"

#define TABLES                                                                                     \
	" FROM case_ c LEFT JOIN organisation o ON o.id = c.organisation "                         \
	"LEFT JOIN account a ON a.id = c.assignee "

/* The cases with a finding about the address. */
#define ABOUT "SELECT case_id FROM finding WHERE address = ?7 AND (?1 = 0 OR organisation = ?1)"

/* The first condition is one that an index serves. */
#define WHERE(first)                                                                               \
	"WHERE " first " AND (?1 = 0 OR c.organisation = ?1) "                                     \
	"AND (?2 = 0 OR ?2 & (CASE c.state WHEN 'new' THEN 1 WHEN 'open' THEN 2 "                  \
	"WHEN 'closed' THEN 4 WHEN 'false_alarm' THEN 8 WHEN 'suppressed' THEN 16 ELSE 32 END)) "  \
	"AND (?3 = 0 OR c.severity IN ('critical', 'high') OR (?3 = 1 AND c.severity = "           \
	"'medium')) "                                                                              \
	"AND (?3 < 3 OR c.severity = 'critical') "                                                 \
	"AND (?4 = -1 OR coalesce(c.assignee, 0) = ?4) "                                           \
	"AND (?6 IS NULL OR EXISTS (SELECT 1 FROM finding f WHERE " OWN(                           \
		"?1") " AND "                                                                      \
		      "f.kind = ?6)) AND (?7 IS NULL OR c.id IN (" ABOUT                           \
		      ")) AND c.updated_us >= ?8 AND (?9 = 0 OR c.updated_us < ?9) "

#define TEXT                                                                                       \
	"AND (?5 IS NULL OR instr(lower(c.title), lower(?5)) OR instr(lower(c.subject), "          \
	"lower(?5)) OR instr(lower(c.device), lower(?5)) OR instr(lower(c.campaign), lower(?5)) "  \
	"OR instr(lower(o.handle), lower(?5)) OR instr(lower(o.name), lower(?5)) "                 \
	"OR instr(lower(c.kind), lower(?5))) "

/* What a member may read: nothing of the staff's words, and nothing of others' findings. */
#define OWN_TEXT                                                                                   \
	"AND (?5 IS NULL OR EXISTS (SELECT 1 FROM finding f WHERE f.case_id = c.id AND "           \
	"f.organisation = ?1 AND (instr(lower(f.subject), lower(?5)) OR instr(lower(f.device), "   \
	"lower(?5)) OR instr(lower(f.kind), lower(?5))))) "

/* The orders: an index for each, of all and of an organisation. */
#define BY_WEIGHT                                                                                  \
	"AND c.rank BETWEEN ?10 AND ?11 AND (c.rank, c.updated_us, c.id) < (?12, ?13, ?14) ORDER " \
	"BY c.rank DESC, c.updated_us DESC, c.id DESC LIMIT ?15"
#define BY_CHANGE                                                                                  \
	"AND (c.updated_us, c.id) < (?13, ?14) ORDER BY c.updated_us DESC, c.id DESC LIMIT ?15"
#define BY_NUMBER "AND c.id < ?14 ORDER BY c.id DESC LIMIT ?15"

#define SELECT(first, text, order)                                                                 \
	"SELECT " COLUMNS("?1") TABLES WHERE(first)                                                \
	text order

static void fill(struct hin_case *c, sqlite3_stmt *s)
{
	c->id = sqlite3_column_int64(s, 0);
	rows_copy(c->given_title, sizeof(c->given_title), s, 1);
	rows_copy(c->kind, sizeof(c->kind), s, 2);
	rows_copy(c->subject, sizeof(c->subject), s, 3);
	c->state = HIN_CASE_OPEN;
	(void)hin_case_state_parse(&c->state, hin_desk_text(s, 4));
	c->severity = HIN_SEVERITY_LOW;
	(void)hin_severity_parse(&c->severity, hin_desk_text(s, 5));
	c->organisation = sqlite3_column_int64(s, 6);
	rows_copy(c->handle, sizeof(c->handle), s, 7);
	rows_copy(c->device, sizeof(c->device), s, 8);
	rows_copy(c->campaign, sizeof(c->campaign), s, 9);
	c->assignee = sqlite3_column_int64(s, 10);
	rows_copy(c->assignee_name, sizeof(c->assignee_name), s, 11);
	c->opened_us = sqlite3_column_int64(s, 12);
	c->updated_us = sqlite3_column_int64(s, 13);
	c->first_us = sqlite3_column_int64(s, 14);
	c->last_us = sqlite3_column_int64(s, 15);
	c->closed_us = sqlite3_column_int64(s, 16);
	rows_copy(c->reason, sizeof(c->reason), s, 17);
	c->until_us = sqlite3_column_int64(s, 18);
	c->merged_into = sqlite3_column_int64(s, 19);
	c->reopened = (unsigned)sqlite3_column_int(s, 20);
	c->findings = (uint64_t)sqlite3_column_int64(s, 21);
	c->live = (uint64_t)sqlite3_column_int64(s, 22);
	c->rank = sqlite3_column_int64(s, 23);
}

void hin_case_filter_default(struct hin_case_filter *filter)
{
	*filter = (struct hin_case_filter){
		.states = LIVE,
		.assignee = HIN_CASE_ANYBODY,
	};
}

enum hin_code hin_case_get(struct hin_desk *desk, int64_t id, int64_t organisation,
			   struct hin_case *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk,
					     "SELECT " COLUMNS("?2") TABLES
					     "WHERE c.id = ?1 AND (?2 = 0 OR c.organisation = ?2)",
					     err);
	enum hin_code code = rows_one(desk, s, "case", id, organisation, err);

	if (code == HIN_OK) {
		fill(out, s);
		sqlite3_reset(s);
	}
	return code;
}

/* ---- orders and places in them ---- */

static const char *const sorts[] = {
#define X(name, word) word,
	HIN_CASE_SORTS(X)
#undef X
};

bool hin_case_sort_parse(enum hin_case_sort *out, const char *word)
{
	for (size_t i = 0; i < HIN_COUNT(sorts); i++) {
		if (strcmp(sorts[i], word) == 0) {
			*out = (enum hin_case_sort)i;
			return true;
		}
	}
	return false;
}

void hin_case_place_print(char out[HIN_CASE_PLACE], const struct hin_case *c)
{
	snprintf(out, HIN_CASE_PLACE, "%lld.%lld.%lld", (long long)c->rank,
		 (long long)c->updated_us, (long long)c->id);
}

bool hin_case_place_parse(struct hin_case_place *out, const char *text)
{
	struct hin_case_place place;
	int64_t *const parts[] = { &place.rank, &place.updated_us, &place.id };
	char copy_of[HIN_CASE_PLACE], *rest = copy_of;

	if (strlen(text) >= sizeof(copy_of))
		return false;
	memcpy(copy_of, text, strlen(text) + 1);
	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		const char *part = strsep(&rest, ".");

		if (part == NULL ||
		    hin_number_i64(parts[i], "place", part, 0, INT64_MAX, NULL) != HIN_OK)
			return false;
	}
	if (rest != NULL || place.id == 0)
		return false;
	*out = place;
	return true;
}

/* ---- lists ---- */

/* Bind ?1 to ?11, which listing and counting share. */
static enum hin_code bind_filter(struct hin_desk *desk, sqlite3_stmt *s,
				 const struct hin_case_filter *f, struct hin_error *err)
{
	const char *text = f->text != NULL && f->text[0] != '\0' ? f->text : NULL;
	bool over = f->states == 0 || (f->states & ~LIVE) != 0;
	bool live = f->states == 0 || (f->states & LIVE) != 0;
	int64_t low = over ? (int64_t)f->least : RANK_LIVE + (int64_t)f->least;
	int64_t high = live ? RANK_MOST : RANK_LIVE - 1;

	return hin_desk_bind(desk, s, err, "iiiittaiiii", f->organisation, (int64_t)f->states,
			     (int64_t)f->least, f->assignee, text, f->kind, f->address, f->since_us,
			     f->until_us, low, high);
}

static const char *list_sql(const struct hin_case_filter *f)
{
#define ORDERS(first, text)                                                                        \
	{                                                                                          \
		[HIN_CASE_BY_WEIGHT] = SELECT(first, text, BY_WEIGHT),                             \
		[HIN_CASE_BY_CHANGE] = SELECT(first, text, BY_CHANGE),                             \
		[HIN_CASE_BY_NUMBER] = SELECT(first, text, BY_NUMBER),                             \
	}
	static const char *const all[] = {
		[HIN_CASE_BY_WEIGHT] = SELECT("c.rank >= 0", TEXT, BY_WEIGHT),
		[HIN_CASE_BY_CHANGE] = SELECT("c.updated_us > 0", TEXT, BY_CHANGE),
		[HIN_CASE_BY_NUMBER] = SELECT("c.id > 0", TEXT, BY_NUMBER),
	};
	static const char *const own[][3] = { ORDERS("c.organisation = ?1", TEXT),
					      ORDERS("c.organisation = ?1", OWN_TEXT) };
	static const char *const about[][3] = { ORDERS("c.id IN (" ABOUT ")", TEXT),
						ORDERS("c.id IN (" ABOUT ")", OWN_TEXT) };
#undef ORDERS

	return f->address != NULL    ? about[f->own_text][f->sort]
	       : f->organisation > 0 ? own[f->own_text][f->sort]
				     : all[f->sort];
}

enum hin_code hin_case_list(struct hin_desk *desk, const struct hin_case_filter *filter,
			    hin_case_fn call, void *user, struct hin_error *err)
{
	int64_t limit;
	enum hin_code code = rows_limit(&limit, filter->limit, HIN_CASE_PAGE, "cases", err);
	struct hin_case_place place = filter->behind;
	struct hin_case c;
	sqlite3_stmt *s;

	if (code != HIN_OK)
		return code;
	if (place.id == 0)
		place = (struct hin_case_place){ INT64_MAX, INT64_MAX, INT64_MAX };
	s = hin_desk_statement(desk, list_sql(filter), err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = bind_filter(desk, s, filter, err);
	if (code != HIN_OK)
		return code;
	sqlite3_bind_int64(s, 12, place.rank);
	sqlite3_bind_int64(s, 13, place.updated_us);
	sqlite3_bind_int64(s, 14, place.id);
	sqlite3_bind_int64(s, 15, limit);
	while (rows_next(desk, s, &code, err)) {
		fill(&c, s);
		if (!call(user, &c)) {
			sqlite3_reset(s);
			break;
		}
	}
	return code;
}

/* Does the rank say it all? Then an index alone is counted. */
static bool is_by_rank(const struct hin_case_filter *f)
{
	bool ranked = f->states == LIVE || (f->states == 0 && f->least == HIN_SEVERITY_LOW);

	return ranked && f->assignee == HIN_CASE_ANYBODY && f->kind == NULL && f->address == NULL &&
	       f->since_us == 0 && f->until_us == 0;
}

enum hin_code hin_case_count(struct hin_desk *desk, const struct hin_case_filter *filter,
			     uint64_t *out, struct hin_error *err)
{
	/* joins for a search alone; sums so that each statement has all parameters */
	static const char with_text[] =
		"SELECT count(*) + 0 * ?11" TABLES WHERE("c.rank >= ?10") TEXT;
	static const char with_own_text[] =
		"SELECT count(*) + 0 * ?11" TABLES WHERE("c.rank >= ?10") OWN_TEXT;
	static const char plain[] =
		"SELECT count(*) + 0 * ?11 FROM case_ c " WHERE("c.rank >= ?10");
	static const char ranked[] =
		"SELECT count(*) FROM case_ c WHERE c.rank BETWEEN ?10 AND ?11";
	static const char ranked_own[] = "SELECT count(*) FROM case_ c WHERE c.organisation = ?1 "
					 "AND c.rank BETWEEN ?10 AND ?11";
	bool text = filter->text != NULL && filter->text[0] != '\0';
	const char *sql = text && filter->own_text   ? with_own_text
			  : text		     ? with_text
			  : !is_by_rank(filter)	     ? plain
			  : filter->organisation > 0 ? ranked_own
						     : ranked;
	sqlite3_stmt *s = hin_desk_statement(desk, sql, err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = bind_filter(desk, s, filter, err);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_OK) {
		*out = (uint64_t)sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return code;
}
