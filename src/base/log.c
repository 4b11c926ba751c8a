#include "base/log.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"

#define CUT " cut=yes\n"

static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int log_level = HIN_LOG_INFO;
static _Atomic uint64_t log_lost;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void hin_log_setup(int fd, enum hin_log_level level)
{
	atomic_store_explicit(&log_fd, fd, memory_order_relaxed);
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum hin_code hin_log_level_parse(enum hin_log_level *out, const char *text, struct hin_error *err)
{
	for (size_t i = 0; i < HIN_COUNT(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum hin_log_level)i;
			return HIN_OK;
		}
	}
	return hin_fail(err, HIN_EUSAGE, "log level \"%.40s\" is not error, warning, info or debug",
			text);
}

uint64_t hin_log_lost(void)
{
	return atomic_load_explicit(&log_lost, memory_order_relaxed);
}

/* A text as it is when it is one plain word, else quoted. */
static void put_text(struct hin_buffer *out, const char *text)
{
	char memory[HIN_LOG_TEXT];
	bool plain = text[0] != '\0';

	for (const char *c = text; *c != '\0' && plain; c++)
		plain = *c > ' ' && *c < 0x7f && *c != '"' && *c != '=' && *c != '\\';
	if (plain && strlen(text) < sizeof(memory)) {
		hin_buffer_puts(out, text);
		return;
	}
	hin_escape_text(memory, sizeof(memory), text);
	hin_buffer_putc(out, '"');
	for (const char *c = memory; *c != '\0'; c++) {
		if (*c == '"')
			hin_buffer_putc(out, '\\');
		hin_buffer_putc(out, *c);
	}
	hin_buffer_putc(out, '"');
}

static void put_field(struct hin_buffer *out, const struct hin_log_field *field)
{
	char addr[HIN_ADDR_TEXT];

	hin_buffer_printf(out, " %s=", field->key);
	switch (field->type) {
	case HIN_FIELD_TEXT:
		put_text(out, field->text != NULL ? field->text : "");
		break;
	case HIN_FIELD_U64:
		hin_buffer_printf(out, "%" PRIu64, field->u64);
		break;
	case HIN_FIELD_I64:
		hin_buffer_printf(out, "%" PRId64, field->i64);
		break;
	case HIN_FIELD_DOUBLE:
		hin_buffer_printf(out, "%g", field->number);
		break;
	case HIN_FIELD_ADDR:
		hin_buffer_puts(out, hin_addr_format(field->addr, addr));
		break;
	}
}

/* Write a line with `suppressed`, if any, before the fields. */
static void write_line(int64_t now_ns, enum hin_log_level level, const char *event,
		       const struct hin_log_field *fields, uint64_t suppressed)
{
	char memory[HIN_LOG_LINE], time[HIN_TIME_TEXT];
	struct hin_buffer line = hin_buffer_over(memory, sizeof(memory) - sizeof(CUT));
	const char *end;
	size_t whole;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	hin_buffer_printf(&line, "time=%s level=%s event=%s",
			  hin_time_format_iso(time, now_ns, HIN_TIME_MS), level_names[level],
			  event);
	if (suppressed > 0)
		hin_buffer_printf(&line, " suppressed=%" PRIu64, suppressed);
	whole = line.used;
	for (; fields->key != NULL; fields++) {
		put_field(&line, fields);
		if (!line.failed)
			whole = line.used;
	}
	end = line.failed ? CUT : "\n";
	memcpy(memory + whole, end, strlen(end)); /* room was left above */
	whole += strlen(end);
	if (hin_file_write_all(atomic_load_explicit(&log_fd, memory_order_relaxed), memory, whole,
			       NULL) != HIN_OK)
		atomic_fetch_add_explicit(&log_lost, 1, memory_order_relaxed);
}

void hin_log_write(int64_t now_ns, enum hin_log_level level, const char *event,
		   const struct hin_log_field *fields)
{
	write_line(now_ns, level, event, fields, 0);
}

bool hin_log_allow(struct hin_log_site *site, int64_t now_ns, uint64_t *suppressed)
{
	int64_t next = atomic_load_explicit(&site->next_ns, memory_order_relaxed);

	/* next 0 = never yet; a clock that stepped back far opens the site again */
	if ((next != 0 && now_ns < next && next - now_ns <= HIN_LOG_INTERVAL_NS) ||
	    !atomic_compare_exchange_strong_explicit(&site->next_ns, &next,
						     now_ns + HIN_LOG_INTERVAL_NS,
						     memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&site->suppressed, 1, memory_order_relaxed);
		return false;
	}
	*suppressed = atomic_exchange_explicit(&site->suppressed, 0, memory_order_relaxed);
	return true;
}

void hin_log_write_limited(struct hin_log_site *site, int64_t now_ns, enum hin_log_level level,
			   const char *event, const struct hin_log_field *fields)
{
	uint64_t suppressed;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	if (hin_log_allow(site, now_ns, &suppressed))
		write_line(now_ns, level, event, fields, suppressed);
}

void hin_log_flush(struct hin_log_site *site, int64_t now_ns, enum hin_log_level level,
		   const char *event)
{
	uint64_t suppressed = atomic_exchange_explicit(&site->suppressed, 0, memory_order_relaxed);

	if (suppressed > 0)
		write_line(now_ns, level, event, HIN_LOG_FIELDS(), suppressed);
}
