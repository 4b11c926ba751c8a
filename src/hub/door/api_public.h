/* api_public - what strangers may ask, for the API and the plain page. */
#pragma once
#include "hub/door/api_priv.h"
#include "hub/telling/notice.h"

#define API_SEEN_DAYS 7
#define API_SEEN_KINDS 8

/* What the hub says to a visitor about the visitor's own address. */
struct api_seen {
	struct hin_addr address;
	size_t count; /* 0: not seen */
	struct {
		char kind[48]; /* of findings */
		int64_t first_us, last_us;
		unsigned port, proto;
	} rows[API_SEEN_KINDS]; /* one a kind, the latest first */
};

/* Look up the address that asks. */
HIN_MUST_USE enum hin_code api_look_seen(struct api_call *call, struct api_seen *out,
					 struct hin_error *err);
