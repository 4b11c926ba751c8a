/* persona_print - a persona for people. */
#include "base/escape.h"
#include "base/wrap.h"
#include "decoy/host/persona_priv.h"
#include "observe/registry.h"

#define COLUMNS 80
#define INDENT 4

/* What is said of it, in both languages. */
static const char *say(enum hin_lang lang, const char *en, const char *ja)
{
	return lang == HIN_JA ? ja : en;
}

/* A paragraph "name: text", further lines indented. */
static void put(struct hin_buffer *out, const char *name, const struct hin_buffer *text)
{
	struct hin_buffer line = { 0 };

	hin_buffer_printf(&line, "%s: ", name);
	hin_escape(&line, hin_buffer_text(text), text->used);
	hin_buffer_fill(out, ' ', 2);
	hin_wrap(out, hin_buffer_text(&line), 2, INDENT, COLUMNS);
	hin_buffer_putc(out, '\n');
	out->failed = out->failed || line.failed || text->failed;
	hin_buffer_fini(&line);
}

static void put_text(struct hin_buffer *out, const char *name, const char *text)
{
	struct hin_buffer own = { 0 };

	hin_buffer_puts(&own, text);
	put(out, name, &own);
	hin_buffer_fini(&own);
}

/* The settings that were made up, one after the other. */
static void put_observed(const struct hin_persona *p, enum hin_lang lang, struct hin_buffer *out)
{
	struct hin_buffer text = { 0 };
	bool first = true;

	if (hin_persona_is_observed(p)) {
		hin_buffer_puts(&text, say(lang, "wholly: nothing in it is made up",
					   "すべて実物から記録 (創作なし)"));
	} else {
		hin_buffer_puts(&text, say(lang, "in part; made up: ", "一部は創作: "));
		for (size_t i = 0; i < p->source_count; i++) {
			if (p->sources[i].kind != HIN_SOURCE_MADE_UP)
				continue;
			hin_buffer_printf(&text, "%s%s", first ? "" : ", ", p->sources[i].of);
			first = false;
		}
	}
	put(out, say(lang, "observed", "観測"), &text);
	hin_buffer_fini(&text);
}

static void put_ports(const struct hin_persona *p, enum hin_lang lang, struct hin_buffer *out)
{
	static const char *const others[][2] = { { "refused", "拒否" },
						 { "silent", "無応答" },
						 { "open", "受け入れ" } };
	struct hin_buffer text = { 0 };

	for (size_t i = 0; i < p->port_count; i++) {
		const struct hin_persona_port *port = &p->ports[i];
		const struct hin_word *word =
			hin_registry_find(HIN_REGISTRY_SERVICES, port->service);

		hin_buffer_printf(&text, "%u %s%s, ", port->port, word != NULL ? word->name : "-",
				  port->answer == HIN_PORT_SERVED
					  ? ""
					  : say(lang, " (first bytes only)", " (最初の応答のみ)"));
	}
	hin_buffer_printf(&text, "%s %s", say(lang, "all others", "その他"),
			  others[p->other.answer][lang == HIN_JA]);
	put(out, say(lang, "ports", "ポート"), &text);
	hin_buffer_fini(&text);
}

static void put_logins(const struct hin_persona *p, enum hin_lang lang, struct hin_buffer *out)
{
	struct hin_buffer text = { 0 };

	for (size_t i = 0; i < p->login_count; i++)
		hin_buffer_printf(&text, "%s%s/%s", i > 0 ? ", " : "", p->logins[i].user,
				  p->logins[i].password == NULL	     ? "*"
				  : p->logins[i].password[0] == '\0' ? "\"\""
								     : p->logins[i].password);
	if (p->login_count == 0)
		hin_buffer_puts(&text, say(lang, "none", "なし"));
	put(out, say(lang, "log-ins that are let in", "ログインできる組"), &text);
	hin_buffer_fini(&text);
}

static void put_sources(const struct hin_persona *p, enum hin_lang lang, struct hin_buffer *out)
{
	static const char *const kinds[][2] = { { "a server that we ran", "自ら動かしたサーバ" },
						{ "a capture", "他者の記録" },
						{ "a standard", "規格" },
						{ "made up", "創作" } };

	for (size_t i = 0; i < p->source_count; i++) {
		const struct hin_persona_source *s = &p->sources[i];
		struct hin_buffer text = { 0 };

		hin_buffer_printf(&text, "%s: %s", kinds[s->kind][lang == HIN_JA], s->text);
		put(out, s->of, &text);
		hin_buffer_fini(&text);
	}
}

void hin_persona_print(const struct hin_persona *p, enum hin_lang lang, struct hin_buffer *out)
{
	const struct hin_shell_machine *m = &p->machine;
	struct hin_buffer text = { 0 };

	hin_buffer_printf(out, "%s\n", p->name);
	put_text(out, say(lang, "what", "機器"), hin_persona_title(p, lang));
	put_observed(p, lang, out);
	put_ports(p, lang, out);
	if (p->speaks_ssh)
		put_text(out, "SSH", p->settings.ssh.identification);
	hin_buffer_printf(&text, "%s %s %s, %llu MiB", m->system, m->release, m->hardware,
			  (unsigned long long)m->memory_kib / 1024);
	put(out, say(lang, "system", "システム"), &text);
	hin_buffer_reset(&text);
	hin_buffer_printf(&text, "%zu, %zu, %zu", p->file_count, m->process_count,
			  m->package_count);
	put(out, say(lang, "files, processes, packages", "ファイル・プロセス・パッケージ"), &text);
	hin_buffer_fini(&text);
	put_logins(p, lang, out);
	put_sources(p, lang, out);
}
