/* case_priv - what the files of cases share. */
#pragma once
#include "hub/case/case.h"

/* What a change looks at first. */
struct case_head {
	int64_t id, organisation, assignee;
	enum hin_case_state state;
	enum hin_severity severity;
	int64_t first_us, last_us, closed_us, until_us;
};

/* The head of a case. HIN_ENOENT when there is none, or not of `organisation` (0 = any). */
HIN_MUST_USE enum hin_code case_head_read(struct hin_desk *desk, int64_t id, int64_t organisation,
					  struct case_head *out, struct hin_error *err);

/* A line of history. */
struct case_line {
	int64_t case_id, account, now_us;
	const char *action; /* a literal */
	uint16_t act;	    /* HIN_ACT_CASE_... */
	const char *text;   /* a person's, or "" */
	int64_t finding;    /* 0 = none */
	int64_t other;	    /* another case, an account: what the action is about; 0 = none */
};

/* Write it to the history, with its act, in the open transaction. */
HIN_MUST_USE enum hin_code case_record(struct hin_desk *desk, const struct case_line *line,
				       struct hin_error *err);

/* Move a case to a state and note when; `reason` NULL keeps what there is. */
HIN_MUST_USE enum hin_code case_set_state(struct hin_desk *desk, int64_t id,
					  enum hin_case_state state, const char *reason,
					  int64_t until_us, int64_t now_us, struct hin_error *err);

/* By what a finding joins a case. */
struct case_key {
	const char *basis; /* "device", "lease", "address", "campaign"; NULL = by nothing */
	char key[HIN_FINDING_DEVICE + HIN_FINDING_SUBJECT];
};

/* Pure. `kind` and `device` as the desk has them. */
void case_key_of(struct case_key *out, const char *kind, const char *subject_type,
		 const char *subject, int64_t organisation, const char *device);

/* First and last time, gravest finding, severity and organisation of a case, from its findings. */
HIN_MUST_USE enum hin_code case_refresh(struct hin_desk *desk, int64_t id, int64_t now_us,
					struct hin_error *err);
