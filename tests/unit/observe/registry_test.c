#include "../test.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "observe/observation.h"

static void numbers_and_names_find_each_other(void **state)
{
	(void)state;
	for (enum hin_registry r = 0; r < HIN_REGISTRIES; r++) {
		const struct hin_word *words;
		size_t count = hin_registry_words(r, &words);

		assert_true(count > 0);
		for (size_t i = 0; i < count; i++) {
			const struct hin_word *w = &words[i];

			assert_ptr_equal(hin_registry_find(r, w->number), w);
			assert_ptr_equal(hin_registry_named(r, w->name, w->name_size), w);
			assert_true(hin_registry_named(r, w->name, w->name_size - 1u) != w);
			assert_int_equal(strlen(w->name), w->name_size);
			assert_true(w->en[0] != '\0' && w->ja[0] != '\0');
			assert_true(i == 0 || w->number > words[i - 1].number);
		}
		assert_null(hin_registry_find(r, UINT64_MAX));
		assert_null(hin_registry_find(r, words[count - 1].number + 1));
		assert_null(hin_registry_named(r, "", 0));
	}
	assert_null(hin_registry_find(HIN_REGISTRY_KINDS, 999));
	assert_string_equal(hin_registry_name(HIN_REGISTRY_DEVICE_BASIS), "device_basis");
}

static void kinds_say_what_the_definition_says(void **state)
{
	const struct hin_kind_info *flow = hin_kind_find(HIN_KIND_TELESCOPE_FLOW);
	const struct hin_kind_info *member = hin_kind_find(HIN_KIND_TELESCOPE_MEMBER);
	const struct hin_kind_info *loss = hin_kind_find(HIN_KIND_ROAD_LOSS);

	(void)state;
	assert_int_equal(flow->sensor, 'T');
	assert_false(flow->urgent);
	assert_true(member->urgent);
	assert_null(loss->stix);
	assert_int_equal(loss->rules, HIN_REGISTRY_KINDS);
	assert_int_equal(flow->rules, HIN_REGISTRY_RULES);
	assert_true(loss->fields ==
		    (1u << HIN_FIELD_TIME | 1u << HIN_FIELD_KIND | 1u << HIN_FIELD_DURATION |
		     1u << HIN_FIELD_PACKETS | 1u << HIN_FIELD_RULE | 1u << HIN_FIELD_VERDICT));
	assert_true(hin_kind_fields(HIN_KIND_PRIVATE) == (UINT64_C(1) << HIN_FIELDS) - 1);
	assert_null(hin_kind_find(0));
	assert_null(hin_kind_find(HIN_KIND_PRIVATE));
	assert_string_equal(hin_field_name(HIN_FIELD_TCP_FLAGS), "tcp_flags");
}

/* SHA-256 over "name size\n" and content of each file, in order of names. */
static void the_digest_is_of_the_files(void **state)
{
	static const char *const names[] = {
		"artifact_type", "clock_state", "device_basis", "fields",     "kinds", "products",
		"rules",	 "services",	"tags",		"techniques", "tools", "verdicts",
	};
	const char *source = getenv("HINOMI_SOURCE");
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	static char content[1 << 18];
	uint8_t digest[32];

	(void)state;
	if (source == NULL)
		skip();
	assert_non_null(hash);
	EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		char path[4096], head[64];
		size_t size;
		FILE *file;

		snprintf(path, sizeof(path), "%s/schema/registry/%s", source, names[i]);
		file = fopen(path, "r");
		assert_non_null(file);
		size = fread(content, 1, sizeof(content), file);
		fclose(file);
		EVP_DigestUpdate(hash, head,
				 (size_t)snprintf(head, sizeof(head), "%s %zu\n", names[i], size));
		EVP_DigestUpdate(hash, content, size);
	}
	EVP_DigestFinal_ex(hash, digest, NULL);
	EVP_MD_CTX_free(hash);
	assert_memory_equal(digest, hin_registry_digest, 32);
}

/* Each amplifier that the telescope can name has its rule. */
static void every_amplifier_has_a_rule(void **state)
{
	const char *source = getenv("HINOMI_SOURCE");
	char path[4096], line[1024], name[64], rule[80];
	size_t found = 0;
	FILE *file;

	(void)state;
	if (source == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/data/amplifiers.csv", source);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "udp,%*u,%63[^,],", name) != 1)
			continue;
		snprintf(rule, sizeof(rule), "amplification.%s", name);
		if (hin_registry_named(HIN_REGISTRY_RULES, rule, strlen(rule)) == NULL)
			fail_msg("no rule %s", rule);
		found++;
	}
	fclose(file);
	assert_true(found > 20);
}

/* The JSON schema of a row names every field and nothing else. */
static void the_json_schema_has_every_field(void **state)
{
	const char *source = getenv("HINOMI_SOURCE");
	char path[4096];
	json_t *schema, *properties;

	(void)state;
	if (source == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/schema/observation.schema.json", source);
	schema = json_load_file(path, 0, NULL);
	assert_non_null(schema);
	properties = json_object_get(schema, "properties");
	assert_int_equal(json_object_size(properties), HIN_FIELDS);
	for (enum hin_field i = 0; i < HIN_FIELDS; i++)
		if (json_object_get(properties, hin_field_name(i)) == NULL)
			fail_msg("no %s", hin_field_name(i));
	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	json_decref(schema);
}

static void tags_stay_sorted(void **state)
{
	struct hin_observation o = { .kind = HIN_KIND_PRIVATE };

	(void)state;
	for (uint16_t i = 0; i < HIN_TAGS_MAX; i++)
		assert_true(hin_observation_tag(&o, (uint16_t)(1 + i * 7 % 16)));
	assert_int_equal(o.tag_count, HIN_TAGS_MAX);
	assert_true(hin_observation_tag(&o, 5)); /* there already */
	assert_false(hin_observation_tag(&o, 99));
	assert_int_equal(hin_observation_check(&o, NULL), HIN_OK);
}

static void equality_sees_what_counts(void **state)
{
	struct hin_observation a = { .kind = 60000, .version = "1" }, b = a;

	(void)state;
	b.src.b[3] = 9; /* not present */
	b.tags[0] = 4;	/* not counted */
	b.version[5] = 'x';
	assert_true(hin_observation_equal(&a, &b));
	b.has = HIN_HAS_SRC;
	assert_false(hin_observation_equal(&a, &b));
	a.has = HIN_HAS_SRC;
	assert_false(hin_observation_equal(&a, &b));
	a.src = b.src;
	assert_true(hin_observation_equal(&a, &b));
	a.tag_count = 1;
	b.tag_count = 1;
	assert_false(hin_observation_equal(&a, &b));
	a.tags[0] = 4;
	a.time_us = 1;
	assert_false(hin_observation_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names_find_each_other),
		cmocka_unit_test(kinds_say_what_the_definition_says),
		cmocka_unit_test(the_digest_is_of_the_files),
		cmocka_unit_test(every_amplifier_has_a_rule),
		cmocka_unit_test(the_json_schema_has_every_field),
		cmocka_unit_test(tags_stay_sorted),
		cmocka_unit_test(equality_sees_what_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
