/*
 * page_app - the page for browsers with script: web/ as it was built, out of this program.
 *
 * Its files lie here compressed. One whose name holds its hash never changes; the first page of the
 * application is asked for anew each time, which costs a 304. A hub that was built without it
 * leads to the plain pages.
 */
#include <stdio.h>
#include <zlib.h>

#include "hub/door/page.h"

#define FILE_MOST ((size_t)8 << 20) /* of one, expanded */

/* What the first page may do: its own script and style, and ask this hub. Nothing inline. */
#define POLICY                                                                                     \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "          \
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "        \
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html hinomi-worker"

struct file {
	const char *path, *type;
	const char *etag; /* in quotes */
	bool immutable;
	size_t size; /* expanded */
	const uint8_t *gzip;
	size_t gzip_size;
};

/* By path; the last row has none. */
static const struct file files[] = {
#include "hub/page_files.inc"
};

static const struct file *find(const char *path)
{
	for (const struct file *f = files; f->path != NULL; f++)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

/* Is the word `name` of a list like "gzip;q=0.5, *;q=0" wanted? RFC 9110, 12.5.3. */
static bool accepts(const char *list, const char *name)
{
	size_t size = strlen(name);
	bool any = false;

	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ","), skip = strspn(list, " \t");
		const char *word = list + skip, *q = memmem(list, n, "q=", 2);
		/* "0", "0.0" and the like are a no */
		bool wanted = q == NULL || strspn(q + 2, "0.") < strcspn(q + 2, " \t,;");

		if (strncasecmp(word, name, size) == 0 && strchr(" \t,;", word[size]) != NULL)
			return wanted;
		if (skip < n && *word == '*')
			any = wanted;
		list += n + (list[n] == ',');
	}
	return any;
}

/* Does If-None-Match name what we have? RFC 9110, 13.1.2. */
static bool is_known(const char *list, const char *etag)
{
	return list != NULL && (strcmp(list, "*") == 0 || strstr(list, etag) != NULL);
}

/* Expand into the answer, for the few clients that want no gzip. */
static void expand(struct api_call *call, const struct file *f)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)f->gzip, .avail_in = (uInt)f->gzip_size };
	uint8_t *out = f->size <= FILE_MOST ? hin_arena_alloc(&call->arena, f->size + 1) : NULL;
	int code = Z_MEM_ERROR;

	if (out != NULL)
		code = inflateInit2(&z, 15 + 16);
	if (code == Z_OK) {
		z.next_out = out;
		z.avail_out = (uInt)f->size + 1;
		code = inflate(&z, Z_FINISH);
		inflateEnd(&z);
	}
	if (code == Z_STREAM_END && z.total_out == f->size)
		hin_buffer_add(&call->out, out, f->size);
	else
		api_refuse(call, 503, "memory", "no memory: try again");
}

static void give(struct api_call *call, const struct file *f)
{
	call->type = f->type;
	call->policy = POLICY;
	api_header(call, "ETag", f->etag);
	api_header(call, "Vary", "Accept-Encoding");
	api_header(call, "Cache-Control",
		   f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	if (is_known(hin_http_header(call->request, "If-None-Match"), f->etag)) {
		call->status = 304;
		return;
	}
	if (!accepts(hin_http_header(call->request, "Accept-Encoding"), "gzip")) {
		expand(call, f);
		return;
	}
	api_header(call, "Content-Encoding", "gzip");
	hin_buffer_add(&call->out, f->gzip, f->gzip_size);
}

/* A view of the application: always its first page, which reads the path itself. */
static void handle_view(struct api_call *call)
{
	const struct file *f = find("/index.html");
	const char *path = call->request->path;
	bool has_plain = strncmp(path, "/cases", 6) == 0 || strcmp(path, "/ledger") == 0 ||
			 strncmp(path, "/addresses/", 11) == 0 || strcmp(path, "/me") == 0;

	if (f != NULL)
		give(call, f);
	else
		page_go(call,
			has_plain ? hin_arena_printf(&call->arena, "/plain%s", path) : "/plain");
}

static void handle_asset(struct api_call *call)
{
	const struct file *f = find(call->request->path);

	if (f != NULL)
		give(call, f);
	else
		api_refuse(call, 404, "not-found", "there is nothing at this path");
}

#define VIEW(path)                                                                                 \
	{                                                                                          \
		"GET", path, API_PUBLIC, HIN_SCOPE_NONE, API_RATE_PLAIN, API_NOW, "", "",          \
			API_FLAG_FILE, handle_view, NULL                                           \
	}
#define ASSET(path)                                                                                \
	{                                                                                          \
		"GET", path, API_PUBLIC, HIN_SCOPE_NONE, API_RATE_PLAIN, API_NOW, "", "",          \
			API_FLAG_FILE, handle_asset, NULL                                          \
	}

const struct api_route api_app_routes[] = {
	VIEW("/"),
	VIEW("/now"),
	VIEW("/wall"),
	VIEW("/cases"),
	VIEW("/cases/{id}"),
	VIEW("/explore"),
	VIEW("/addresses"),
	VIEW("/addresses/{address}"),
	VIEW("/sensors"),
	VIEW("/decoys"),
	VIEW("/decoys/{decoy}/sessions/{session}"),
	VIEW("/owners"),
	VIEW("/owners/{id}"),
	VIEW("/notices/{id}"),
	VIEW("/rules"),
	VIEW("/ledger"),
	VIEW("/ledger/{id}"),
	VIEW("/reports"),
	VIEW("/accounts"),
	VIEW("/authorities"),
	VIEW("/authorities/{id}"),
	VIEW("/silence"),
	VIEW("/settings"),
	VIEW("/me"),
	VIEW("/about-me"),
	ASSET("/assets/{file}"),
	ASSET("/favicon.svg"),
};
const size_t api_app_route_count = HIN_COUNT(api_app_routes);
