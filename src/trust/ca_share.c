/* ca_share - hubs of one CA tell each other of their rosters; see roster_share.h */
#include "base/log.h"
#include "trust/ca_priv.h"

enum hin_code hin_ca_roster_ask(struct hin_ca *a, struct hin_buffer *out,
				const struct hin_roster_seen *since, int64_t now_s,
				struct hin_error *err)
{
	if (!a->unlocked)
		return hin_fail(err, HIN_EDENIED, "the keys in %s are locked", a->folder);
	return hin_roster_ask(out, a->hub, since, now_s, &a->signer, err);
}

static enum hin_code tell(struct hin_ca *a, struct hin_buffer *out, const void *request,
			  size_t size, int64_t now_s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (!a->unlocked)
		code = hin_fail(err, HIN_EUNSUPPORTED, "the hub's keys are locked");
	if (code == HIN_OK)
		code = hin_roster_refresh(a->roster, err);
	return code == HIN_OK ? hin_roster_tell(out, a->roster, a->hub, request, size, now_s,
						&a->signer, err)
			      : code;
}

unsigned hin_ca_roster_tell(struct hin_ca *a, struct hin_buffer *out, const void *request,
			    size_t size, const struct hin_addr *address, int64_t now_s)
{
	struct hin_error why = { 0 };
	struct refusals *r;
	enum hin_code code;
	unsigned status = 200;

	pthread_mutex_lock(&a->lock);
	r = ca_refusals_of(a, address, now_s);
	if (r->count >= HIN_REFUSALS) {
		a->counters.limited++;
		pthread_mutex_unlock(&a->lock);
		hin_buffer_puts(out, "too many refused requests from this address: wait\n");
		return 429;
	}
	code = tell(a, out, request, size, now_s, &why);
	if (code == HIN_EVERIFY || code == HIN_EFORMAT || code == HIN_ELIMIT ||
	    code == HIN_EDENIED) {
		a->counters.bad_hub++;
		r->count++;
		status = code == HIN_EFORMAT || code == HIN_ELIMIT ? 400 : 403;
	} else if (code != HIN_OK) {
		a->counters.failed++;
		status = 500;
	} else {
		a->counters.told++;
	}
	pthread_mutex_unlock(&a->lock);
	if (status == 200)
		return status;
	hin_log_limited(status == 500 ? HIN_LOG_ERROR : HIN_LOG_WARNING, "trust.roster_refused",
			hin_log_addr("from", address), hin_log_text("reason", why.text));
	hin_buffer_reset(out);
	hin_buffer_printf(out, "%s\n",
			  status == 500 ? "the hub cannot answer: see its log" : why.text);
	return status;
}

enum hin_code hin_ca_roster_take(struct hin_ca *a, const void *data, size_t size, int64_t now_s,
				 struct hin_roster_seen *seen, bool *more, size_t *changed,
				 struct hin_error *err)
{
	struct hin_roster_answer answer;
	enum hin_code code;

	*changed = 0;
	code = hin_roster_hear(&answer, data, size, now_s, &a->signer.verifier, err);
	if (code != HIN_OK)
		return code;
	pthread_mutex_lock(&a->lock);
	code = hin_roster_merge(a->roster, answer.sensors, answer.count, now_s, changed, err);
	pthread_mutex_unlock(&a->lock);
	if (code == HIN_OK) {
		*seen = answer.until;
		*more = answer.more;
	}
	hin_roster_answer_fini(&answer);
	return code;
}
