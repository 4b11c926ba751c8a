/* notice - what the files of hinomi-notice share. */
#pragma once
#include "hub/telling/telling.h"

/* What the command line said. */
struct notice_arguments {
	const char *dir, *config, *state, *organisation, *since, *until, *as, *reason;
	bool json, dry_run;
	uint64_t limit;
	int64_t case_id;
	int by; /* enum hin_notice_by */
};

struct notice_session {
	struct notice_arguments arguments;
	enum hin_lang lang;
	struct hin_desk *desk;
	struct hin_telling *telling;
	int64_t account, now_us;
	int64_t *ids;
	size_t count, shown;
	struct hin_buffer out;
};

/* Each appends to `out`. */
HIN_MUST_USE enum hin_code notice_print_list(struct notice_session *s,
					     const struct hin_notice_filter *filter,
					     struct hin_error *err);
HIN_MUST_USE enum hin_code notice_print_one(struct notice_session *s, int64_t id,
					    struct hin_error *err);
HIN_MUST_USE enum hin_code notice_print_figures(struct notice_session *s,
						const struct hin_notice_figure *figures,
						size_t count, struct hin_error *err);

/* Contacts that are not reached, in JSON too. */
HIN_MUST_USE enum hin_code notice_print_bounces(struct notice_session *s, struct hin_error *err);
