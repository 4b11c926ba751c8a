/* trust_list - the list of a hub's sensors and codes, for people and as JSON. */
#pragma once
#include "base/lang.h"
#include "trust/ca.h"

/* Append it as of `now_s`. */
HIN_MUST_USE enum hin_code hin_cmd_trust_list(struct hin_buffer *out, struct hin_ca *ca, bool json,
					      enum hin_lang lang, int64_t now_s,
					      struct hin_error *err);
