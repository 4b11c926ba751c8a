/* notice_priv - what the files of notices share. */
#pragma once
#include "hub/telling/notice.h"
#include "trust/act.h"

/* Write a line of a notice's history; `act` 0 = none. In the open transaction. */
HIN_MUST_USE enum hin_code notice_note(struct hin_desk *desk, int64_t notice, int64_t now_us,
				       const char *action, const char *text, int64_t act,
				       struct hin_error *err);

/*
 * An act about a notice, with the object {"notice":id,"code":..,"text":..}, and a line of its
 * history. In the open transaction.
 */
HIN_MUST_USE enum hin_code notice_act(struct hin_desk *desk, int64_t notice, uint16_t kind,
				      int64_t account, int64_t now_us, const char *action,
				      const char *text, struct hin_error *err);

/* hin_notice_release(), in the open transaction. */
HIN_MUST_USE enum hin_code notice_let_go(struct hin_desk *desk, int64_t id, int64_t account,
					 int64_t now_us, struct hin_error *err);

/* Cover the middle of an address or device: who knows it recognises it, others learn nothing. */
void notice_cover(char *out, size_t size, const char *text);
