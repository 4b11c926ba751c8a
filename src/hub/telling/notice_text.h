/*
 * notice_text - what a notice says, for people and for programs.
 *
 * Texts for people come from templates (hub/telling/template.h), one for a language and purpose, as
 * they are in data/notices/; a folder of the operator's may replace any of them. Which steps an
 * owner is given depends on what the traffic tells of the device: the tool, and the ports.
 *
 * Every value that goes into a text is made one line, without hidden characters, whoever wrote it.
 *
 * Ownership: the caller owns texts and ends them with hin_notice_texts_close(). Facts are the
 *            caller's storage.
 * Threads:   texts are only read: any number.
 */
#pragma once
#include "base/addr.h"
#include "base/buffer.h"
#include "base/lang.h"
#include "hub/telling/alert.h"
#include "hub/telling/notice.h"

/* name, file: what a text is for. */
#define HIN_NOTICE_TEXTS(X)                                                                        \
	X(INFECTED, "infected-member")                                                             \
	X(SCANNER, "scanner")                                                                      \
	X(INTRUDER, "intruder")                                                                    \
	X(ATTACKED, "attacked-service")                                                            \
	X(FLOOD, "flood-target")                                                                   \
	X(AMPLIFIED, "amplifier-abused")                                                           \
	X(REMINDER, "reminder")                                                                    \
	X(FIXED, "fixed")                                                                          \
	X(REAPPEARED, "reappeared")                                                                \
	X(WITHDRAWN, "withdrawn")                                                                  \
	X(DIGEST, "digest")                                                                        \
	X(ALERT, "alert")                                                                          \
	X(STEPS_CAMERA, "steps-camera")                                                            \
	X(STEPS_ANDROID, "steps-android")                                                          \
	X(STEPS_WINDOWS, "steps-windows")                                                          \
	X(STEPS_SERVER, "steps-server")                                                            \
	X(STEPS_ANY, "steps-any")                                                                  \
	X(STEPS_ATTACKED, "steps-attacked")

enum hin_notice_text {
#define X(name, file) HIN_NOTICE_TEXT_##name,
	HIN_NOTICE_TEXTS(X)
#undef X
		HIN_NOTICE_TEXT_COUNT
};

struct hin_notice_texts;

/*
 * Parse all texts: those in `folder`/en and `folder`/ja where there are files, else our own. NULL
 * or
 * "" = our own. A mistake is refused with "file:line: ...".
 */
HIN_MUST_USE enum hin_code hin_notice_texts_open(struct hin_notice_texts **out, const char *folder,
						 struct hin_error *err);

/* NULL is fine. */
void hin_notice_texts_close(struct hin_notice_texts *texts);

/* Who speaks: the same in all texts. Texts may be NULL. */
struct hin_notice_office {
	const char *sender, *contact, *verify; /* name; how to reach it; URL of /verify */
	const char *mail, *domain;	       /* for X-ARF */
	int64_t watched_ns;
};

#define HIN_NOTICE_PORTS 12 /* that are named */

/* What is known of a trouble. */
struct hin_notice_facts {
	char code[HIN_NOTICE_CODE];
	int64_t case_id;
	char kind[48];
	char organisation[256]; /* its name in the language of the text; "" = not known */
	char handle[64];
	bool has_address;
	struct hin_addr address;
	char subject[128], device[128]; /* for people; device "" = not known */
	struct {
		uint16_t port;
		uint8_t proto;
	} ports[HIN_NOTICE_PORTS];
	size_t port_count;
	bool more_ports; /* than are named, or several that are not told apart */
	uint16_t tool;	 /* registry/tools */
	uint8_t confidence;
	enum hin_severity severity;
	int64_t first_us, last_us;
	uint64_t packets, targets;
	/* of later messages */
	int64_t since_us, fixed_us; /* told, gone */
	uint64_t reminders, count;
	const char *title, *text, *list, *reason, *about; /* or NULL */
};

/* Which text a kind of finding has; HIN_NOTICE_TEXT_COUNT when owners are not told of it. */
enum hin_notice_text hin_notice_text_of(const char *kind);

/* Is it something that the owner's device does ("source"), or that is done to it ("target")? */
const char *hin_notice_class(const char *kind);

/* Append title (one line) and text. HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_notice_write(const struct hin_notice_texts *texts,
					    enum hin_notice_text which, enum hin_lang lang,
					    const struct hin_notice_office *office,
					    const struct hin_notice_facts *facts,
					    struct hin_buffer *title, struct hin_buffer *text,
					    struct hin_error *err);

/* ---- for programs ---- */

/*
 * Append the line of titles, and one of facts: CSV in Shadowserver's manner, columns known by name;
 * the columns that their reports share come first and have their names.
 */
void hin_notice_csv_head(struct hin_buffer *out);
void hin_notice_csv(struct hin_buffer *out, const struct hin_notice_facts *facts);

/*
 * Append X-ARF 4 (xarf.org): infrastructure/botnet for an infected device,
 * connection/vulnerability_scan for a scanner. False, and nothing appended, for a kind that X-ARF
 * has no report for: it is about what an address does, not what is done to it. `id` is a UUID.
 */
bool hin_notice_xarf(struct hin_buffer *out, const struct hin_notice_office *office,
		     const struct hin_notice_facts *facts, const char id[37]);

/* Append the JSON of a web hook: {"event":"notice"|"reminder"|...,"notice":{..}}. */
void hin_notice_hook(struct hin_buffer *out, const char *event,
		     const struct hin_notice_office *office, const struct hin_notice_facts *facts);
