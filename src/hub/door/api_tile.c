/*
 * api_tile - the ledger for those who check it from outside: its files in the paths of C2SP's
 * tlog-tiles (GET /checkpoint, /tile/...), and proofs that it only grew.
 *
 * Files are read only and never change. Who may: the staff by role, everybody when the setting
 * people.ledger-public says so.
 */
#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "hub/door/api_priv.h"
#include "trust/ledger.h"

#define DIGITS 3
#define DEPTH 6 /* of "x001/" before the last digits */

bool api_is_tile_path(const char *path)
{
	unsigned depth = 0;
	size_t size;

	if (strncmp(path, "entries/", 8) == 0)
		path += 8;
	else if (path[0] >= '0' && path[0] <= '7' && path[1] == '/')
		path += 2;
	else
		return false;
	for (; path[0] == 'x' && depth < DEPTH; depth++, path += DIGITS + 2)
		if (strspn(path + 1, "0123456789") != DIGITS || path[DIGITS + 1] != '/')
			return false;
	if (strspn(path, "0123456789") != DIGITS)
		return false;
	path += DIGITS;
	if (strncmp(path, ".p/", 3) != 0)
		return path[0] == '\0';
	path += 3;
	size = strspn(path, "0123456789");
	return size >= 1 && size <= DIGITS && path[size] == '\0' && path[0] != '0' &&
	       (size < DIGITS || strcmp(path, "255") <= 0);
}

/* Is it for the one who asks? */
static bool may_read(struct api_call *call)
{
	if (call->api->settings.ledger_folder == NULL || call->api->settings.ledger == NULL) {
		api_refuse(call, 404, "no-ledger", "this hub keeps no ledger");
		return false;
	}
	if (call->api->settings.ledger_public)
		return true;
	if (!call->signed_in) {
		api_header(call, "WWW-Authenticate", "Bearer realm=\"hinomi\"");
		api_refuse(call, 401, "sign-in", "the ledger's files are not public here: sign in");
		return false;
	}
	if (call->who.account.role == HIN_ROLE_MEMBER ||
	    (call->by_token && !(call->who.credential.scopes >> HIN_SCOPE_LEDGER & 1))) {
		api_refuse(call, 403, "role", "the ledger's files are not for you");
		return false;
	}
	return true;
}

static void handle_tile(struct api_call *call)
{
	struct hin_error err = { 0 };
	char path[PATH_MAX];
	enum hin_code code;

	if (!may_read(call))
		return;
	if (!api_is_tile_path(call->path[0]) ||
	    snprintf(path, sizeof(path), "%s/tile/%s", call->api->settings.ledger_folder,
		     call->path[0]) >= (int)sizeof(path)) {
		api_refuse(call, 404, "not-found", "this is no tile");
		return;
	}
	code = hin_file_read(&call->out, path, HIN_BUNDLE_SIZE, &err);
	if (code == HIN_OK) {
		call->type = "application/octet-stream";
		api_header(call, "Cache-Control", "max-age=31536000, immutable");
	} else if (code == HIN_ENOENT || err.sys == 2) {
		api_refuse(call, 404, "not-found", "there is no such tile yet");
	} else {
		api_refuse_code(call, code, &err);
	}
}

static void handle_checkpoint(struct api_call *call)
{
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!may_read(call))
		return;
	call->type = "text/plain; charset=utf-8";
	code = hin_ledger_head(call->api->settings.ledger, &call->out, NULL, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* ---- that it only grew ---- */

static enum hin_code prove(struct api_call *call, struct hin_tiles *tiles, uint64_t from,
			   uint64_t to, struct hin_error *err)
{
	struct hin_buffer *out = &call->out;
	struct hin_hash before, after;
	struct hin_path path;
	enum hin_code code = hin_tree_prove_growth(&path, from, to, hin_tiles_fetch, tiles, err);

	if (code == HIN_OK)
		code = hin_tree_root_of(&before, from, hin_tiles_fetch, tiles, err);
	if (code == HIN_OK)
		code = hin_tree_root_of(&after, to, hin_tiles_fetch, tiles, err);
	if (code == HIN_OK) /* what is given away was checked */
		code = hin_tree_check_growth(from, &before, to, &after, &path, err);
	if (code != HIN_OK)
		return code;
	api_open(out, NULL, '{');
	api_number(out, "from", (int64_t)from);
	api_hex(out, "from_root", before.bytes, sizeof(before.bytes));
	api_number(out, "to", (int64_t)to);
	api_hex(out, "root", after.bytes, sizeof(after.bytes));
	api_open(out, "hashes", '[');
	for (unsigned i = 0; i < path.count; i++) {
		hin_buffer_puts(out, i > 0 ? ",\"" : "\"");
		for (size_t k = 0; k < sizeof(path.hashes[i].bytes); k++)
			hin_buffer_printf(out, "%02x", path.hashes[i].bytes[k]);
		hin_buffer_putc(out, '"');
	}
	hin_buffer_puts(out, "]}\n");
	return HIN_OK;
}

static void handle_consistency(struct api_call *call)
{
	struct hin_checkpoint head;
	struct hin_tiles *tiles = NULL;
	struct hin_error err = { 0 };
	int64_t from = 0, to;
	enum hin_code code;

	if (call->api->settings.ledger == NULL) {
		api_refuse(call, 409, "no-ledger", "this hub keeps no ledger");
		return;
	}
	code = hin_ledger_head(call->api->settings.ledger, NULL, &head, &err);
	to = (int64_t)head.size;
	if (code == HIN_OK && (!api_query_number(call, "from", 0, (int64_t)head.size, &from) ||
			       !api_query_number(call, "to", from, (int64_t)head.size, &to)))
		return;
	if (code == HIN_OK)
		code = hin_tiles_open(&tiles, call->api->settings.ledger_folder, head.size, &err);
	if (code == HIN_OK)
		code = prove(call, tiles, (uint64_t)from, (uint64_t)to, &err);
	hin_tiles_close(tiles);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

#define OPEN API_PUBLIC, HIN_SCOPE_NONE

const struct api_route api_tile_routes[] = {
	{ "GET", "/checkpoint", OPEN, API_RATE_PUBLIC, API_NOW, "", "", 0, handle_checkpoint,
	  NULL },
	{ "GET", "/tile/{+path}", OPEN, API_RATE_PLAIN, API_LANE_READ, "", "", 0, handle_tile,
	  NULL },
	{ "GET", "/api/v1/ledger/consistency", API_STAFF, HIN_SCOPE_LEDGER, API_RATE_PLAIN,
	  API_LANE_READ, "proveConsistency", "from to", 0, handle_consistency, NULL },
};
const size_t api_tile_route_count = HIN_COUNT(api_tile_routes);
