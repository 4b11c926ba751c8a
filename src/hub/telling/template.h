/*
 * template - texts with places to fill in: what notices and alerts are written with.
 *
 *	# a comment
 *	title: {address} sends to unused addresses
 *
 *	We saw {address} at {last}.
 *	{if tool}
 *	The pattern is that of {tool}.
 *	{else}
 *	...
 *	{end}
 *
 * {name} stands for a value, {{ for a brace. Lines that begin with {if name}, {else} and {end}
 *stand alone and choose: a name is true when its value is not empty; {if name=value} compares. They
 *may stand in each other. Comments and directives leave no line behind. The title is one line.
 *
 * Values are put in as they are: nothing in them is a directive, and what makes them safe for their
 * place is the caller's part.
 *
 * Ownership: the caller owns a template and ends it with hin_template_free().
 * Threads:   one that was parsed is only read: any number.
 */
#pragma once
#include "base/buffer.h"

#define HIN_TEMPLATE_SIZE ((size_t)64 << 10) /* most bytes */
#define HIN_TEMPLATE_DEPTH 8		     /* choices in each other */
#define HIN_TEMPLATE_NAMES 64		     /* most names */

struct hin_template;

/*
 * Parse `size` bytes, called `name` in messages; `names` (ends with NULL) are those that may be
 * used. HIN_EFORMAT or HIN_ELIMIT with "name:line: ...".
 */
HIN_MUST_USE enum hin_code hin_template_parse(struct hin_template **out, const char *name,
					      const void *data, size_t size,
					      const char *const *names, struct hin_error *err);

/* NULL is fine. */
void hin_template_free(struct hin_template *t);

/* Append title (one line, without its end) and text; `values` in the order of the names, NULL = "".
 */
void hin_template_render(const struct hin_template *t, const char *const *values,
			 struct hin_buffer *title, struct hin_buffer *text);
