/* notice_text - templates, and the values that go into them; see notice_text.h */
#include "hub/telling/notice_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "base/utf8.h"
#include "hub/case/finding.h"
#include "hub/telling/template.h"
#include "observe/registry.h"
#include "store/port_names.h"
#include "text/words.h"

#define JST_S INT64_C(32400)

struct hin_notice_texts {
	struct hin_template *items[2][HIN_NOTICE_TEXT_COUNT]; /* by language */
};

static const char *const files[] = {
#define X(name, file) file,
	HIN_NOTICE_TEXTS(X)
#undef X
};

/* Our own texts, by path without ".txt". */
static const struct {
	const char *path, *text;
} own[] = {
#include "hub/notice_texts.inc"
};

/* What may stand in braces; the order is that of enum value. */
static const char *const names[] = { "code",	   "case",     "organisation", "sender",  "contact",
				     "verify",	   "address",  "device",       "ports",	  "tool",
				     "malware",	   "first",    "last",	       "packets", "targets",
				     "confidence", "severity", "kind",	       "steps",	  "watched",
				     "since",	   "fixed",    "reminders",    "count",	  "title",
				     "text",	   "list",     "reason",       "about",	  NULL };

enum value {
	V_CODE,
	V_CASE,
	V_ORGANISATION,
	V_SENDER,
	V_CONTACT,
	V_VERIFY,
	V_ADDRESS,
	V_DEVICE,
	V_PORTS,
	V_TOOL,
	V_MALWARE,
	V_FIRST,
	V_LAST,
	V_PACKETS,
	V_TARGETS,
	V_CONFIDENCE,
	V_SEVERITY,
	V_KIND,
	V_STEPS,
	V_WATCHED,
	V_SINCE,
	V_FIXED,
	V_REMINDERS,
	V_COUNT,
	V_TITLE,
	V_TEXT,
	V_LIST,
	V_REASON,
	V_ABOUT,
	VALUES
};

/* ---- templates ---- */

static enum hin_code load(struct hin_template **out, const char *folder, const char *lang,
			  const char *file, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char path[4200], name[64];
	enum hin_code code;

	snprintf(name, sizeof(name), "%s/%s", lang, file);
	snprintf(path, sizeof(path), "%.4000s/%s.txt", folder, name);
	if (folder[0] != '\0' && (access(path, F_OK) == 0 || errno != ENOENT)) {
		code = hin_file_read(&text, path, HIN_TEMPLATE_SIZE, err);
		if (code == HIN_OK)
			code = hin_template_parse(out, path, hin_buffer_text(&text), text.used,
						  names, err);
		hin_buffer_fini(&text);
		return code;
	}
	for (size_t i = 0; i < HIN_COUNT(own); i++)
		if (strcmp(own[i].path, name) == 0)
			return hin_template_parse(out, own[i].path, own[i].text,
						  strlen(own[i].text), names, err);
	return hin_fail(err, HIN_ENOENT, "there is no text %s", name);
}

enum hin_code hin_notice_texts_open(struct hin_notice_texts **out, const char *folder,
				    struct hin_error *err)
{
	static const char *const langs[] = { [HIN_EN] = "en", [HIN_JA] = "ja" };
	struct hin_notice_texts *texts = calloc(1, sizeof(*texts));
	enum hin_code code = HIN_OK;

	if (texts == NULL)
		return hin_fail(err, HIN_ENOMEM, "texts of notices");
	/* a folder may lack texts, but a wrong name must not silently mean our own */
	if (folder != NULL && folder[0] != '\0' && access(folder, F_OK) != 0)
		code = hin_fail(err, HIN_ESYS, "notice.templates: %s", folder);
	for (size_t lang = 0; lang < HIN_COUNT(langs); lang++)
		for (size_t i = 0; i < HIN_NOTICE_TEXT_COUNT && code == HIN_OK; i++)
			code = load(&texts->items[lang][i], folder != NULL ? folder : "",
				    langs[lang], files[i], err);
	if (code != HIN_OK) {
		hin_notice_texts_close(texts);
		return code;
	}
	*out = texts;
	return HIN_OK;
}

void hin_notice_texts_close(struct hin_notice_texts *texts)
{
	if (texts == NULL)
		return;
	for (size_t lang = 0; lang < 2; lang++)
		for (size_t i = 0; i < HIN_NOTICE_TEXT_COUNT; i++)
			hin_template_free(texts->items[lang][i]);
	free(texts);
}

/* ---- kinds and steps ---- */

static const struct {
	const char *kind, *class;
	enum hin_notice_text text;
} kinds[] = {
	{ "infected-member", "source", HIN_NOTICE_TEXT_INFECTED },
	{ "scanner", "source", HIN_NOTICE_TEXT_SCANNER },
	{ "intruder", "source", HIN_NOTICE_TEXT_INTRUDER },
	{ "dropper", "source", HIN_NOTICE_TEXT_INTRUDER },
	{ "honeytoken-used", "source", HIN_NOTICE_TEXT_INTRUDER },
	{ "credential-guessing", "source", HIN_NOTICE_TEXT_INTRUDER },
	{ "attacked-service", "target", HIN_NOTICE_TEXT_ATTACKED },
	{ "flood-target", "target", HIN_NOTICE_TEXT_FLOOD },
	{ "amplifier-abused", "target", HIN_NOTICE_TEXT_AMPLIFIED },
};

enum hin_notice_text hin_notice_text_of(const char *kind)
{
	for (size_t i = 0; i < HIN_COUNT(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].text;
	return HIN_NOTICE_TEXT_COUNT;
}

const char *hin_notice_class(const char *kind)
{
	for (size_t i = 0; i < HIN_COUNT(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].class;
	return "other";
}

/* What the ports that are tried tell of the device that tries them: like infects like. */
static enum hin_notice_text steps_of(const struct hin_notice_facts *f)
{
	static const struct {
		uint16_t port;
		enum hin_notice_text steps;
	} table[] = {
		{ 23, HIN_NOTICE_TEXT_STEPS_CAMERA },	 { 2323, HIN_NOTICE_TEXT_STEPS_CAMERA },
		{ 26, HIN_NOTICE_TEXT_STEPS_CAMERA },	 { 7547, HIN_NOTICE_TEXT_STEPS_CAMERA },
		{ 37215, HIN_NOTICE_TEXT_STEPS_CAMERA }, { 52869, HIN_NOTICE_TEXT_STEPS_CAMERA },
		{ 60023, HIN_NOTICE_TEXT_STEPS_CAMERA }, { 81, HIN_NOTICE_TEXT_STEPS_CAMERA },
		{ 554, HIN_NOTICE_TEXT_STEPS_CAMERA },	 { 34567, HIN_NOTICE_TEXT_STEPS_CAMERA },
		{ 5555, HIN_NOTICE_TEXT_STEPS_ANDROID }, { 445, HIN_NOTICE_TEXT_STEPS_WINDOWS },
		{ 135, HIN_NOTICE_TEXT_STEPS_WINDOWS },	 { 139, HIN_NOTICE_TEXT_STEPS_WINDOWS },
		{ 3389, HIN_NOTICE_TEXT_STEPS_WINDOWS }, { 1433, HIN_NOTICE_TEXT_STEPS_WINDOWS },
		{ 5985, HIN_NOTICE_TEXT_STEPS_WINDOWS }, { 22, HIN_NOTICE_TEXT_STEPS_SERVER },
		{ 2222, HIN_NOTICE_TEXT_STEPS_SERVER },	 { 6379, HIN_NOTICE_TEXT_STEPS_SERVER },
		{ 2375, HIN_NOTICE_TEXT_STEPS_SERVER },	 { 3306, HIN_NOTICE_TEXT_STEPS_SERVER },
		{ 5432, HIN_NOTICE_TEXT_STEPS_SERVER },	 { 27017, HIN_NOTICE_TEXT_STEPS_SERVER },
	};

	if (strcmp(hin_notice_class(f->kind), "target") == 0)
		return HIN_NOTICE_TEXT_STEPS_ATTACKED;
	if (f->tool == HIN_TOOLS_MIRAI || f->tool == HIN_TOOLS_EMBEDDED_STACK)
		return HIN_NOTICE_TEXT_STEPS_CAMERA;
	for (size_t i = 0; i < f->port_count; i++)
		for (size_t j = 0; j < HIN_COUNT(table); j++)
			if (table[j].port == f->ports[i].port && f->ports[i].proto != 17)
				return table[j].steps;
	return f->tool == HIN_TOOLS_WINDOWS_STACK ? HIN_NOTICE_TEXT_STEPS_WINDOWS
						  : HIN_NOTICE_TEXT_STEPS_ANY;
}

/* ---- values ---- */

/* One line of text from wherever: what would not be seen, or would break the line, becomes '?'. */
static void put_line(struct hin_buffer *out, const char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));

	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);
		char c[4] = "?";
		size_t size = 1;

		if (cp != HIN_UTF8_BAD && !hin_utf8_is_hidden(cp))
			size = hin_utf8_write(c, cp);
		hin_buffer_add(out, c, size);
	}
}

/* A moment, in UTC and for Japanese readers in their time too. */
static void put_time(struct hin_buffer *out, int64_t us, enum hin_lang lang)
{
	char utc[HIN_TIME_TEXT], local[HIN_TIME_TEXT];

	if (us == 0)
		return;
	hin_time_format(utc, us * 1000, HIN_TIME_S);
	utc[strlen(utc) - 1] = '\0'; /* Z */
	if (lang == HIN_EN) {
		hin_buffer_printf(out, "%s UTC", utc);
		return;
	}
	hin_time_format(local, (us + JST_S * INT64_C(1000000)) * 1000, HIN_TIME_S);
	local[strlen(local) - 1] = '\0';
	hin_buffer_printf(out, "%s 日本時間 (%s UTC)", local, utc + 11);
}

static void put_ports(struct hin_buffer *out, const struct hin_notice_facts *f, enum hin_lang lang)
{
	for (size_t i = 0; i < f->port_count; i++) {
		const char *name = hin_port_name(f->ports[i].proto, f->ports[i].port);
		const char *proto = hin_protocol_word(f->ports[i].proto);

		if (i > 0)
			hin_buffer_puts(out, lang == HIN_JA ? "、" : ", ");
		hin_buffer_printf(out, "%s/%u", proto != NULL ? proto : "ip", f->ports[i].port);
		if (name != NULL)
			hin_buffer_printf(out, " (%s)", name);
	}
	if (f->port_count == 0)
		hin_buffer_puts(out, lang == HIN_JA ? "複数のポート" : "several ports");
	else if (f->more_ports)
		hin_buffer_puts(out, lang == HIN_JA ? " ほか" : ", and others");
}

static void put_count(struct hin_buffer *out, uint64_t value)
{
	char text[HIN_WORDS_TEXT];

	if (value > 0)
		hin_buffer_puts(out, hin_words_count(text, value));
}

static const char *severity_word(enum hin_severity severity, enum hin_lang lang)
{
	static const char *const words[HIN_SEVERITIES][2] = {
		[HIN_SEVERITY_LOW] = { "low", "低" },
		[HIN_SEVERITY_MEDIUM] = { "medium", "中" },
		[HIN_SEVERITY_HIGH] = { "high", "高" },
		[HIN_SEVERITY_CRITICAL] = { "critical", "最高" },
	};

	return words[severity][lang];
}

static void put_tool(struct hin_buffer *out, uint16_t tool, enum hin_lang lang)
{
	const struct hin_word *word =
		tool != 0 ? hin_registry_find(HIN_REGISTRY_TOOLS, tool) : NULL;

	if (word != NULL)
		hin_buffer_puts(out, lang == HIN_JA ? word->ja : word->en);
}

static void put_line_or_nothing(struct hin_buffer *out, const char *text)
{
	if (text != NULL)
		put_line(out, text);
}

static void fill(struct hin_buffer v[VALUES], enum hin_lang lang,
		 const struct hin_notice_office *office, const struct hin_notice_facts *f)
{
	char text[HIN_TIME_TEXT];

	put_line(&v[V_CODE], f->code);
	hin_buffer_printf(&v[V_CASE], "%" PRId64, f->case_id);
	put_line(&v[V_ORGANISATION], f->organisation[0] != '\0' ? f->organisation : f->handle);
	put_line_or_nothing(&v[V_SENDER], office->sender);
	put_line_or_nothing(&v[V_CONTACT], office->contact);
	put_line_or_nothing(&v[V_VERIFY], office->verify);
	put_line(&v[V_ADDRESS], f->subject);
	put_line(&v[V_DEVICE], f->device);
	put_ports(&v[V_PORTS], f, lang);
	if (f->tool != HIN_TOOLS_MIRAI)
		put_tool(&v[V_TOOL], f->tool, lang);
	else
		hin_buffer_puts(&v[V_MALWARE], "Mirai");
	put_time(&v[V_FIRST], f->first_us, lang);
	put_time(&v[V_LAST], f->last_us, lang);
	put_count(&v[V_PACKETS], f->packets);
	put_count(&v[V_TARGETS], f->targets);
	hin_buffer_printf(&v[V_CONFIDENCE], "%u", f->confidence);
	hin_buffer_puts(&v[V_SEVERITY], severity_word(f->severity, lang));
	put_line(&v[V_KIND], hin_finding_word(f->kind, lang));
	hin_buffer_puts(&v[V_WATCHED], hin_time_format_duration(text, office->watched_ns, lang));
	put_time(&v[V_SINCE], f->since_us, lang);
	put_time(&v[V_FIXED], f->fixed_us, lang);
	hin_buffer_printf(&v[V_REMINDERS], "%" PRIu64, f->reminders);
	hin_buffer_printf(&v[V_COUNT], "%" PRIu64, f->count);
	put_line_or_nothing(&v[V_TITLE], f->title);
	hin_buffer_puts(&v[V_TEXT], f->text != NULL ? f->text : "");
	hin_buffer_puts(&v[V_LIST], f->list != NULL ? f->list : "");
	put_line_or_nothing(&v[V_REASON], f->reason);
	put_line_or_nothing(&v[V_ABOUT], f->about);
}

enum hin_code hin_notice_write(const struct hin_notice_texts *texts, enum hin_notice_text which,
			       enum hin_lang lang, const struct hin_notice_office *office,
			       const struct hin_notice_facts *facts, struct hin_buffer *title,
			       struct hin_buffer *text, struct hin_error *err)
{
	struct hin_buffer v[VALUES] = { 0 }, ignored = { 0 };
	const char *values[VALUES] = { 0 };
	bool failed;

	fill(v, lang, office, facts);
	for (size_t i = 0; i < VALUES; i++)
		values[i] = hin_buffer_text(&v[i]);
	hin_template_render(texts->items[lang][steps_of(facts)], values, &ignored, &v[V_STEPS]);
	/* its last line ends in the place that it is put into */
	if (v[V_STEPS].used > 0 && v[V_STEPS].data[v[V_STEPS].used - 1] == '\n')
		v[V_STEPS].data[--v[V_STEPS].used] = '\0';
	values[V_STEPS] = hin_buffer_text(&v[V_STEPS]);
	hin_template_render(texts->items[lang][which], values, title, text);
	failed = ignored.failed || title->failed || text->failed;
	for (size_t i = 0; i < VALUES; i++) {
		failed = failed || v[i].failed;
		hin_buffer_fini(&v[i]);
	}
	hin_buffer_fini(&ignored);
	return failed ? hin_fail(err, HIN_ENOMEM, "notice: no memory") : HIN_OK;
}
