/* export - rows in other tools' formats; see export.h. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "store/answer.h"
#include "store/export_priv.h"

const char *const hin_export_names[HIN_EXPORT_FORMATS + 1] = {
	[HIN_EXPORT_NDJSON] = "ndjson", [HIN_EXPORT_CSV] = "csv",
	[HIN_EXPORT_NFDUMP] = "nfdump", [HIN_EXPORT_FLOWTUPLE] = "flowtuple",
	[HIN_EXPORT_CEF] = "cef",	[HIN_EXPORT_FORMATS] = NULL,
};

bool hin_export_format_of(enum hin_export_format *out, const char *path)
{
	static const struct {
		const char *ending;
		enum hin_export_format format;
	} rows[] = {
		{ ".ndjson", HIN_EXPORT_NDJSON }, { ".jsonl", HIN_EXPORT_NDJSON },
		{ ".csv", HIN_EXPORT_CSV },	  { ".avro", HIN_EXPORT_FLOWTUPLE },
		{ ".cef", HIN_EXPORT_CEF },
	};
	size_t n = strlen(path);

	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		size_t k = strlen(rows[i].ending);

		if (n >= k && strcasecmp(path + n - k, rows[i].ending) == 0) {
			*out = rows[i].format;
			return true;
		}
	}
	return false;
}

bool hin_export_is_grouped(enum hin_export_format format)
{
	return format == HIN_EXPORT_FLOWTUPLE;
}

/* ---- csv ---- */

static const uint8_t csv_fields[] = {
	HIN_FIELD_TIME,		HIN_FIELD_KIND,	    HIN_FIELD_DURATION,	     HIN_FIELD_SRC,
	HIN_FIELD_DST,		HIN_FIELD_SRC_LEN,  HIN_FIELD_DST_LEN,	     HIN_FIELD_SPORT,
	HIN_FIELD_DPORT,	HIN_FIELD_PROTO,    HIN_FIELD_SERVICE,	     HIN_FIELD_TCP_FLAGS,
	HIN_FIELD_PACKETS,	HIN_FIELD_BYTES,    HIN_FIELD_TARGETS,	     HIN_FIELD_PORTS,
	HIN_FIELD_SAMPLE,	HIN_FIELD_TOOL,	    HIN_FIELD_RULE,	     HIN_FIELD_CONFIDENCE,
	HIN_FIELD_TECHNIQUE,	HIN_FIELD_VERDICT,  HIN_FIELD_PRODUCT,	     HIN_FIELD_VERSION,
	HIN_FIELD_TAGS,		HIN_FIELD_LINK,	    HIN_FIELD_PARENT,	     HIN_FIELD_DEVICE,
	HIN_FIELD_DEVICE_BASIS, HIN_FIELD_ARTIFACT, HIN_FIELD_ARTIFACT_TYPE, HIN_FIELD_EVIDENCE,
	HIN_STORE_SENSOR,
};

void hin_export_csv_head(struct hin_buffer *out)
{
	for (size_t i = 0; i < HIN_COUNT(csv_fields); i++)
		hin_buffer_printf(out, "%s%s", i > 0 ? "," : "",
				  hin_answer_field_name(csv_fields[i]));
	hin_buffer_putc(out, '\n');
}

static void csv_cell(struct hin_buffer *out, const struct hin_observation *row,
		     const uint8_t *sensor, unsigned field, uint64_t filled)
{
	static const struct hin_answer_lengths whole;
	struct hin_store_value value;
	char when[HIN_ANSWER_TIME];

	if (field == HIN_FIELD_TIME) {
		hin_buffer_puts(out, hin_answer_time(when, row->time_us, HIN_ANSWER_ISO_US));
		return;
	}
	if (field < HIN_FIELDS && !(filled >> field & 1))
		return;
	hin_answer_value_of(&value, row, sensor, field);
	for (size_t i = 0; field == HIN_FIELD_TAGS && i < row->tag_count; i++) {
		value.number = row->tags[i];
		hin_buffer_puts(out, i > 0 ? " " : "");
		hin_answer_csv(out, field, &value, whole);
	}
	if (field != HIN_FIELD_TAGS)
		hin_answer_csv(out, field, &value, whole);
}

void hin_export_csv_row(struct hin_buffer *out, const struct hin_observation *row,
			const uint8_t *sensor)
{
	uint64_t filled = hin_observation_fields(row);

	for (size_t i = 0; i < HIN_COUNT(csv_fields); i++) {
		hin_buffer_puts(out, i > 0 ? "," : "");
		csv_cell(out, row, sensor, csv_fields[i], filled);
	}
	hin_buffer_putc(out, '\n');
}

/* ---- files ---- */

/* The host's name as syslog may have it (RFC 5424, 6.2.4), else "-". */
static void find_host(char *out, size_t size)
{
	if (gethostname(out, size) != 0 || memchr(out, '\0', size) == NULL || out[0] == '\0')
		snprintf(out, size, "-");
	for (const char *c = out; *c != '\0'; c++)
		if (*c < 33 || *c > 126) {
			snprintf(out, size, "-");
			break;
		}
}

static enum hin_code begin(struct hin_export *e, struct hin_error *err)
{
	if (e->format == HIN_EXPORT_FLOWTUPLE)
		return hin_flowtuple_new(&e->flowtuple, e->file, e->name, err);
	if (e->format == HIN_EXPORT_CSV)
		hin_export_csv_head(&e->line);
	if (e->format == HIN_EXPORT_NFDUMP)
		hin_buffer_puts(&e->line, hin_export_nfdump_head);
	return HIN_OK;
}

/* To `file`, or with NULL to a new file at `name`. */
static enum hin_code open_any(struct hin_export **out, FILE *file, const char *name,
			      enum hin_export_format format, struct hin_error *err)
{
	struct hin_export *e = calloc(1, sizeof(*e));
	enum hin_code code = HIN_OK;

	if (e == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to export");
	e->format = format;
	e->borrowed = file != NULL;
	e->name = strdup(name);
	find_host(e->host, sizeof(e->host));
	if (e->name == NULL)
		code = hin_fail(err, HIN_ENOMEM, "no room to export");
	if (code == HIN_OK) {
		e->file = file != NULL ? file : fopen(name, "wbe");
		if (e->file == NULL)
			code = hin_fail(err, HIN_ESYS, "create %s", name);
	}
	if (code == HIN_OK)
		code = begin(e, err);
	if (code == HIN_OK)
		*out = e;
	else
		hin_export_free(e);
	return code;
}

enum hin_code hin_export_open(struct hin_export **out, const char *path,
			      enum hin_export_format format, struct hin_error *err)
{
	bool standard = strcmp(path, "-") == 0;

	if (standard && hin_export_is_grouped(format))
		return hin_fail(err, HIN_EUSAGE, "%s needs a file, not standard output",
				hin_export_names[format]);
	return open_any(out, standard ? stdout : NULL, standard ? "standard output" : path, format,
			err);
}

enum hin_code hin_export_open_file(struct hin_export **out, FILE *file, const char *name,
				   enum hin_export_format format, struct hin_error *err)
{
	return open_any(out, file, name, format, err);
}

static enum hin_code flush_lines(struct hin_export *e, struct hin_error *err)
{
	if (e->line.failed)
		return hin_fail(err, HIN_ENOMEM, "no room to export");
	if (e->line.used > 0 && fwrite(e->line.data, 1, e->line.used, e->file) != e->line.used)
		return hin_fail(err, HIN_ESYS, "write %s", e->name);
	hin_buffer_reset(&e->line);
	return HIN_OK;
}

enum hin_code hin_export_add(struct hin_export *e, const struct hin_observation *row,
			     const uint8_t *sensor, struct hin_error *err)
{
	enum { FLUSH = 1 << 16 };
	enum hin_code code = HIN_OK;
	bool taken = true;

	switch (e->format) {
	case HIN_EXPORT_NDJSON:
		hin_ndjson_add(&e->ndjson, row, &e->line);
		break;
	case HIN_EXPORT_CSV:
		hin_export_csv_row(&e->line, row, sensor);
		break;
	case HIN_EXPORT_NFDUMP:
		taken = hin_export_nfdump_row(&e->line, row);
		break;
	case HIN_EXPORT_CEF:
		hin_export_cef_row(&e->line, e->host, row, sensor);
		break;
	case HIN_EXPORT_FLOWTUPLE:
		code = hin_flowtuple_add(e->flowtuple, row, &taken, err);
		break;
	case HIN_EXPORT_FORMATS:
		break;
	}
	e->counts.left_out += !taken;
	if (!hin_export_is_grouped(e->format))
		e->counts.written += taken;
	if (code == HIN_OK && e->line.used > FLUSH)
		code = flush_lines(e, err);
	return code;
}

enum hin_code hin_export_settle(struct hin_export *e, struct hin_error *err)
{
	if (e->format != HIN_EXPORT_FLOWTUPLE)
		return HIN_OK;
	return hin_flowtuple_settle(e->flowtuple, &e->counts.written, err);
}

enum hin_code hin_export_finish(struct hin_export *e, struct hin_export_counts *counts,
				struct hin_error *err)
{
	enum hin_code code;

	errno = 0;
	code = flush_lines(e, err);
	if (code == HIN_OK)
		code = hin_export_settle(e, err);
	if (code == HIN_OK && e->flowtuple != NULL)
		code = hin_flowtuple_end(e->flowtuple, err);
	/* libavro does not tell of each failed write; the stream remembers */
	if (code == HIN_OK && (fflush(e->file) != 0 || ferror(e->file))) {
		errno = errno != 0 ? errno : EIO;
		code = hin_fail(err, HIN_ESYS, "write %s", e->name);
	}
	/* pipes and terminals cannot be synced, and need not */
	if (code == HIN_OK && !e->borrowed && fsync(fileno(e->file)) != 0 && errno != EINVAL &&
	    errno != EROFS)
		code = hin_fail(err, HIN_ESYS, "write %s", e->name);
	*counts = e->counts;
	return code;
}

void hin_export_free(struct hin_export *e)
{
	if (e == NULL)
		return;
	hin_flowtuple_free(e->flowtuple);
	if (e->file != NULL && !e->borrowed)
		fclose(e->file);
	hin_buffer_fini(&e->line);
	free(e->name);
	free(e);
}
