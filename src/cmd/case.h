/* case - what the files of `hinomi case` share. */
#pragma once
#include "hub/case/about.h"
#include "text/table.h"

struct case_printer {
	enum hin_lang lang;
	bool json;
	struct hin_buffer out;
};

/* One line a case; `more` says that there are others. */
struct case_lines;
struct case_lines *case_lines_new(struct case_printer *p);
bool case_lines_add(void *lines, const struct hin_case *c);
void case_lines_end(struct case_lines *lines, uint64_t whole);

/* A case with its findings and its history. */
HIN_MUST_USE enum hin_code case_print_one(struct case_printer *p, struct hin_desk *desk,
					  const struct hin_case *c, struct hin_error *err);

/* Everything about an address. */
void case_print_about(struct case_printer *p, const struct hin_about *about);
