/* account_priv - what the files about accounts share. */
#pragma once
#include "hub/people/account.h"
#include "trust/act_numbers.h"

/*
 * Write an act of kind `kind` by `by` about `account`, in the open transaction. `fmt` gives the
 * rest of its object: more members, each with a comma before it, and the closing brace.
 */
HIN_MUST_USE enum hin_code account_act(struct hin_desk *desk, uint16_t kind, int64_t account,
				       int64_t by, int64_t now_us, struct hin_error *err,
				       const char *fmt, ...) HIN_PRINTF(7, 8);

/* Is `text` UTF-8, and with `visible` without hidden characters? */
bool account_is_text(const char *text, bool visible);

/* HIN_EDENIED when `id` is the only administrator who can sign in. */
HIN_MUST_USE enum hin_code account_spare(struct hin_desk *desk, int64_t id, struct hin_error *err);

/* Commit when `code` is HIN_OK, else roll back; what came of it. */
HIN_MUST_USE enum hin_code account_settle(struct hin_desk *desk, enum hin_code code,
					  struct hin_error *err);

/* End all sessions, and with `tokens` those too, in the open transaction. */
HIN_MUST_USE enum hin_code account_end_credentials(struct hin_desk *desk, int64_t id, bool tokens,
						   struct hin_error *err);
