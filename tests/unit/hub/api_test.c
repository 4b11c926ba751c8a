/*
 * The table of routes against schema/openapi.json, and rates. The door itself is tested by
 * tests/system/door_test.py.
 */
#include "../test.h"

#include <stdio.h>

#include "hub/door/api_words.h"

/* ---- the table and its document ---- */

static json_t *read_document(void)
{
	const char *source = getenv("HINOMI_SOURCE");
	char path[4096];
	json_error_t why;
	json_t *doc;

	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/schema/openapi.json", source);
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (doc == NULL)
		fail_msg("%s:%d: %s", path, why.line, why.text);
	return doc;
}

static json_t *operation_of(json_t *doc, const struct api_route *route)
{
	json_t *path = json_object_get(json_object_get(doc, "paths"), route->path);
	char method[16];

	snprintf(method, sizeof(method), "%s", route->method);
	for (char *at = method; *at != '\0'; at++)
		*at = (char)(*at | 0x20);
	return json_object_get(path, method);
}

static void check_roles(json_t *operation, const struct api_route *route)
{
	json_t *roles = json_object_get(operation, "x-roles"), *role;
	unsigned bits = 0;
	size_t i;

	json_array_foreach(roles, i, role)
	{
		enum hin_role one;

		if (strcmp(json_string_value(role), "public") == 0) {
			bits |= API_PUBLIC;
			continue;
		}
		assert_int_equal(hin_role_parse(&one, json_string_value(role), NULL), HIN_OK);
		bits |= 1u << one;
	}
	if (bits != route->roles)
		fail_msg("%s: roles differ", route->operation);
}

static void check_scope(json_t *operation, const struct api_route *route)
{
	json_t *security = json_object_get(operation, "security"), *way;
	const char *scope = "";
	size_t i;

	json_array_foreach(security, i, way)
	{
		json_t *token = json_object_get(way, "token");

		if (token != NULL)
			scope = json_string_value(json_array_get(token, 0));
	}
	if (strcmp(scope, hin_scope_name(route->scope)) != 0)
		fail_msg("%s: scope %s", route->operation, scope);
	if ((json_array_size(security) == 0) != ((route->roles & API_PUBLIC) != 0))
		fail_msg("%s: public or not", route->operation);
}

static void check_query(json_t *operation, const struct api_route *route)
{
	json_t *parameters = json_object_get(operation, "parameters"), *p;
	char names[512] = "";
	size_t i, used = 0;

	json_array_foreach(parameters, i, p)
	{
		const char *in = json_string_value(json_object_get(p, "in"));

		if (in != NULL && strcmp(in, "query") == 0)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used > 0 ? " " : "",
						 json_string_value(json_object_get(p, "name")));
	}
	if (strcmp(names, route->query) != 0)
		fail_msg("%s: query \"%s\"", route->operation, names);
	if ((json_object_get(operation, "requestBody") != NULL) !=
	    ((route->flags & API_FLAG_BODY) != 0))
		fail_msg("%s: body or not", route->operation);
}

static void the_document_says_what_the_table_does(void **state)
{
	json_t *doc = read_document(), *paths = json_object_get(doc, "paths"), *path, *operation;
	size_t routes = 0, operations = 0;
	const char *name, *method;

	(void)state;
	for (size_t t = 0; t < api_table_count; t++)
		for (size_t i = 0; i < *api_tables[t].count; i++) {
			const struct api_route *route = &api_tables[t].rows[i];
			bool page = strncmp(route->path, "/api/", 5) != 0;

			assert_true(page == (route->operation[0] == '\0'));
			if (page)
				continue;
			operation = operation_of(doc, route);
			if (operation == NULL)
				fail_msg("%s %s is not in the document", route->method,
					 route->path);
			assert_string_equal(
				json_string_value(json_object_get(operation, "operationId")),
				route->operation);
			check_roles(operation, route);
			check_scope(operation, route);
			check_query(operation, route);
			routes++;
		}
	json_object_foreach(paths, name, path)
	{
		json_object_foreach(path, method, operation) operations++;
	}
	assert_int_equal(routes, operations);
	json_decref(doc);
}

/* What must hold for every route, whatever it is for. */
static void routes_are_safe(void **state)
{
	(void)state;
	for (size_t t = 0; t < api_table_count; t++)
		for (size_t i = 0; i < *api_tables[t].count; i++) {
			const struct api_route *r = &api_tables[t].rows[i];
			/* a note to be checked stands in a body; nothing comes of it */
			bool reads = strcmp(r->method, "GET") == 0 ||
				     strcmp(r->operation, "checkSilence") == 0;

			assert_non_null(r->handle);
			if (r->roles == 0)
				fail_msg("%s %s: for nobody", r->method, r->path);
			/* an inspector changes nothing but its own account */
			if (!reads && (r->roles & API_INSPECTOR) &&
			    strstr(r->path, "/me") == NULL && strstr(r->path, "/sign-out") == NULL)
				fail_msg("%s %s: an inspector may change", r->method, r->path);
			/* passwords cost memory, writes wait: never in the server's thread */
			if (!reads && r->lane != API_LANE_WRITE && r->lane != API_LANE_PASSWORD &&
			    strcmp(r->operation, "newSecret") != 0)
				fail_msg("%s %s: writes in the server's thread", r->method,
					 r->path);
			if (r->lane == API_LANE_PASSWORD && r->rate != API_RATE_SIGN_IN &&
			    r->gate == NULL)
				fail_msg("%s %s: passwords can be guessed", r->method, r->path);
			if (!reads && (r->flags & API_FLAG_PAGE) && !(r->flags & API_FLAG_FORM))
				fail_msg("%s %s: a form is meant", r->method, r->path);
		}
}

static void paths_find_their_route(void **state)
{
	static const struct {
		const char *method, *path, *operation, *first;
		unsigned status;
	} cases[] = {
		{ "GET", "/api/v1/cases/7", "getCase", "7", 0 },
		{ "GET", "/api/v1/cases/7/history", "getCaseHistory", "7", 0 },
		{ "POST", "/api/v1/cases/actions", "actOnCases", NULL, 0 },
		{ "GET", "/api/v1/addresses/2001:db8::1", "getAddress", "2001:db8::1", 0 },
		{ "GET", "/tile/0/x001/002.p/3", "", "0/x001/002.p/3", 0 },
		{ "GET", "/api/v1/cases/", NULL, NULL, 404 },
		{ "GET", "/api/v1/cases//history", NULL, NULL, 404 },
		{ "GET", "/api/v1/cases/7/", NULL, NULL, 404 },
		{ "GET", "/api/v1/Cases", NULL, NULL, 404 },
		{ "GET", "/api/v1/../api/v1/me", NULL, NULL, 404 },
		{ "GET", "api/v1/me", NULL, NULL, 404 },
		{ "GET", "", NULL, NULL, 404 },
		{ "GET", "//", NULL, NULL, 404 },
		{ "DELETE", "/api/v1/cases/7", NULL, NULL, 405 },
		{ "get", "/api/v1/me", NULL, NULL, 405 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct api_call call = { 0 };
		unsigned status = 0;
		const struct api_route *route =
			api_find_route(&call, cases[i].method, cases[i].path, &status);

		if ((route == NULL) != (cases[i].operation == NULL))
			fail_msg("%s: found or not", cases[i].path);
		if (route == NULL) {
			assert_int_equal(status, cases[i].status);
		} else {
			assert_string_equal(route->operation, cases[i].operation);
			if (cases[i].first != NULL)
				assert_string_equal(call.path[0], cases[i].first);
		}
		hin_arena_fini(&call.arena);
	}
}

static void paths_say_their_methods(void **state)
{
	static const struct {
		const char *path, *allow;
	} cases[] = {
		{ "/api/v1/cases/7", "GET, HEAD" },
		{ "/api/v1/nothing", "" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct api_call call = { 0 };
		char allow[HIN_HTTP_ALLOW];

		api_allowed(&call, cases[i].path, allow);
		if (strcmp(allow, cases[i].allow) != 0)
			fail_msg("%s: %s", cases[i].path, allow);
		assert_null(call.path[0]);
		hin_arena_fini(&call.arena);
	}
	/* every route's own method is among those of its path, and all have room */
	for (size_t t = 0; t < api_table_count; t++)
		for (size_t i = 0; i < *api_tables[t].count; i++) {
			const struct api_route *r = &api_tables[t].rows[i];
			struct api_call call = { 0 };
			char allow[HIN_HTTP_ALLOW];

			api_allowed(&call, r->path, allow);
			if (strstr(allow, r->method) == NULL)
				fail_msg("%s %s: %s", r->method, r->path, allow);
			hin_arena_fini(&call.arena);
		}
}

/* What is shown to people as an example can be asked. */
static void examples_are_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_filter_word_count; i++) {
		const char *text = api_filter_words[i].example;
		struct hin_filter *filter = NULL;
		struct hin_error err = { 0 };

		if (hin_filter_parse(&filter, text, strlen(text), NULL, &err) != HIN_OK)
			fail_msg("%s: %s", text, err.text);
		if (strstr(text, api_filter_words[i].word) == NULL)
			fail_msg("%s: no example of it", api_filter_words[i].word);
		hin_filter_free(filter);
	}
}

static void tiles_have_their_paths(void **state)
{
	static const struct {
		const char *path;
		bool want;
	} cases[] = {
		{ "0/000", true },	     { "entries/x001/x002/003", true },
		{ "7/x001/234.p/17", true }, { "0/000.p/255", true },
		{ "0/000.p/1", true },	     { "0/000.p/256", false },
		{ "0/000.p/0", false },	     { "0/000.p/", false },
		{ "0/000.p/1x", false },     { "0/000.q/1", false },
		{ "0/00", false },	     { "0/0000", false },
		{ "8/000", false },	     { "00/000", false },
		{ "entries/", false },	     { "entries/x1/000", false },
		{ "0/x001/", false },	     { "0/x001/x002/x003/x004/x005/x006/x007/000", false },
		{ "0/../000", false },	     { "", false },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (api_is_tile_path(cases[i].path) != cases[i].want)
			fail_msg("%s", cases[i].path);
}

/* ---- rates ---- */

static void a_key_comes_so_often(void **state)
{
	static const struct hin_rate_rule rule = { 1, 3, 1000 }, other = { 2, 1, 1000 };
	struct hin_rate *rate = hin_rate_new(64);
	int64_t wait = -1;

	(void)state;
	assert_non_null(rate);
	for (int i = 0; i < 3; i++)
		assert_true(hin_rate_take(rate, &rule, "ann", 3, 5000, &wait));
	assert_false(hin_rate_take(rate, &rule, "ann", 3, 5000, &wait));
	assert_int_equal(wait, 1000);
	assert_false(hin_rate_take(rate, &rule, "ann", 3, 5999, &wait));
	assert_int_equal(wait, 1);
	assert_true(hin_rate_take(rate, &rule, "ann", 3, 6000, NULL));
	assert_false(hin_rate_take(rate, &rule, "ann", 3, 6000, NULL));
	assert_true(hin_rate_take(rate, &rule, "bob", 3, 6000, NULL));
	assert_true(hin_rate_take(rate, &other, "ann", 3, 6000, NULL)); /* a rule of its own */
	hin_rate_give(rate, &rule, "ann", 3);
	assert_true(hin_rate_take(rate, &rule, "ann", 3, 6000, NULL));
	/* after a long silence it is as new */
	for (int i = 0; i < 3; i++)
		assert_true(hin_rate_take(rate, &rule, "ann", 3, 1000000, NULL));
	assert_false(hin_rate_take(rate, &rule, "ann", 3, 1000000, NULL));
	hin_rate_free(rate);
}

static void a_flood_of_keys_takes_no_room(void **state)
{
	static const struct hin_rate_rule rule = { 1, 1, 1000000 };
	struct hin_rate *rate = hin_rate_new(1024);
	unsigned refused = 0;

	(void)state;
	/* one that is far over its limit is not forgotten for those that came once */
	for (int i = 0; i < 50; i++)
		(void)hin_rate_take(rate, &(struct hin_rate_rule){ 1, 100, 1000000 }, "bad", 3, 1,
				    NULL);
	for (uint32_t i = 0; i < 100000; i++)
		(void)hin_rate_take(rate, &rule, &i, sizeof(i), 1, NULL);
	for (int i = 0; i < 10; i++)
		refused += !hin_rate_take(rate, &rule, "bad", 3, 2, NULL);
	assert_int_equal(refused, 10);
	hin_rate_free(rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_says_what_the_table_does),
		cmocka_unit_test(routes_are_safe),
		cmocka_unit_test(paths_find_their_route),
		cmocka_unit_test(paths_say_their_methods),
		cmocka_unit_test(examples_are_filters),
		cmocka_unit_test(tiles_have_their_paths),
		cmocka_unit_test(a_key_comes_so_often),
		cmocka_unit_test(a_flood_of_keys_takes_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
