/* api_problem - refusals: problem+json (RFC 9457), or a page, with one clear line */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "hub/door/api_priv.h"

static const char *phrase_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} phrases[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < HIN_COUNT(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Refused";
}

void api_refuse(struct api_call *call, unsigned status, const char *word, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	call->status = status;
	hin_buffer_reset(&call->out);
	if (call->route != NULL && (call->route->flags & API_FLAG_PAGE)) {
		page_refusal(call, text);
		return;
	}
	call->type = "application/problem+json";
	hin_buffer_putc(&call->out, '{');
	api_text(&call->out, "type", "about:blank");
	api_text(&call->out, "title", phrase_of(status));
	api_number(&call->out, "status", status);
	api_text(&call->out, "detail", text);
	api_text(&call->out, "code", word);
	hin_buffer_puts(&call->out, "}\n");
}

void api_refuse_code(struct api_call *call, enum hin_code code, const struct hin_error *err)
{
	static const struct {
		enum hin_code code;
		unsigned status;
		const char *word;
	} answers[] = {
		{ HIN_ENOENT, 404, "not-found" },  { HIN_EDENIED, 409, "not-now" },
		{ HIN_EVERIFY, 409, "conflict" },  { HIN_EUSAGE, 422, "not-so" },
		{ HIN_EFORMAT, 422, "not-so" },	   { HIN_ERANGE, 422, "not-so" },
		{ HIN_ELIMIT, 422, "limit" },	   { HIN_EAGAIN, 503, "busy" },
		{ HIN_ENOMEM, 503, "memory" },	   { HIN_EUNSUPPORTED, 422, "unsupported" },
		{ HIN_ETRUNCATED, 422, "not-so" },
	};
	/* what the desk or the system says is for the log, not for strangers */
	bool ours = strncmp(err->text, "desk: ", 6) == 0 || code == HIN_ESYS;

	for (size_t i = 0; i < HIN_COUNT(answers) && (!ours || code == HIN_EAGAIN); i++)
		if (answers[i].code == code) {
			api_refuse(call, answers[i].status, answers[i].word, "%s",
				   ours ? "others write to the desk just now: try again"
					: err->text);
			return;
		}
	hin_log_limited(
		HIN_LOG_ERROR, "api.failed", hin_log_text("error", err->text),
		hin_log_text("operation", call->route != NULL ? call->route->operation : ""));
	api_refuse(call, 500, "failed", "this did not work, and the hub's log says why");
}

void api_refuse_later(struct api_call *call, int64_t wait_us)
{
	long long wait_s = wait_us / 1000000 + 1;
	char *seconds = hin_arena_printf(&call->arena, "%lld", wait_s);

	if (seconds != NULL)
		api_header(call, "Retry-After", seconds);
	API_COUNT(call->api, rate_limited);
	api_refuse(call, 429, "too-many", "too many requests: try again in %lld s", wait_s);
}
