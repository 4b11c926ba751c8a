/* filter_print - a filter as text that makes the same filter. */
#include "store/filter_priv.h"
#include "store/port_names.h"

/* What stands before the values of a test of numbers. */
static void print_word(enum hin_field field, struct hin_buffer *out)
{
	switch (field) {
	case HIN_FIELD_SPORT: /* the word would leave ICMP out, and count durations by units */
	case HIN_FIELD_DPORT:
	case HIN_FIELD_TCP_FLAGS:
	case HIN_FIELD_DURATION:
	case HIN_FIELD_TIME:
		hin_buffer_puts(out, "field ");
		break;
	default:
		break;
	}
	hin_buffer_printf(out, "%s ", hin_field_name(field));
}

static const char *name_of(enum hin_field field, uint64_t value)
{
	enum hin_registry registry = hin_filter_registry(field);
	const struct hin_word *word;

	if (field == HIN_FIELD_PROTO)
		return value <= UINT8_MAX ? hin_protocol_word((uint8_t)value) : NULL;
	if (registry == HIN_REGISTRY_FIELDS)
		return NULL;
	word = hin_registry_find(registry, value);
	/* a name with a star would be more than itself, a long one no word */
	if (word == NULL || strchr(word->name, '*') != NULL || word->name_size > HIN_FILTER_WORD)
		return NULL;
	return word->name;
}

static void print_number(enum hin_field field, uint64_t value, struct hin_buffer *out)
{
	if (field == HIN_FIELD_LINK || field == HIN_FIELD_PARENT || field == HIN_FIELD_PRODUCT)
		hin_buffer_printf(out, "%016llx", (unsigned long long)value);
	else
		hin_buffer_printf(out, "%llu", (unsigned long long)value);
}

static void print_range(enum hin_field field, uint64_t low, uint64_t high, struct hin_buffer *out)
{
	const char *name = low == high ? name_of(field, low) : NULL;

	if (name != NULL) {
		hin_buffer_puts(out, name);
		return;
	}
	print_number(field, low, out);
	if (low != high) {
		hin_buffer_putc(out, '-');
		print_number(field, high, out);
	}
}

/* The ranges, or the gaps between them when these are written. */
static void print_numbers(const struct hin_filter *f, const struct hin_filter_node *test,
			  struct hin_buffer *out)
{
	const struct hin_filter_numbers *set = f->numbers + test->first;
	enum hin_field field = (enum hin_field)test->field;
	size_t count = test->count, shown;
	bool gaps;

	if (count == 0 || (count == 1 && set[0].low == 0 && set[0].high == UINT64_MAX)) {
		hin_buffer_puts(out, count == 0 ? "not any" : "any");
		return;
	}
	if (count == 1 && set[0].low < set[0].high && name_of(field, set[0].low) == NULL &&
	    hin_filter_registry(field) == HIN_REGISTRY_FIELDS && field != HIN_FIELD_PROTO &&
	    (set[0].low == 0 || set[0].high == UINT64_MAX)) {
		print_word(field, out);
		hin_buffer_puts(out, set[0].low == 0 ? "<= " : "> ");
		print_number(field, set[0].low == 0 ? set[0].high : set[0].low - 1, out);
		return;
	}
	gaps = set[count - 1].high == UINT64_MAX;
	if (gaps) /* numbers up to the end: shorter to say what is left out */
		hin_buffer_puts(out, "not ");
	print_word(field, out);
	shown = gaps ? count - (set[0].low == 0) : count;
	hin_buffer_puts(out, shown > 1 ? "in [" : "");
	if (!gaps)
		for (size_t i = 0; i < count; i++) {
			hin_buffer_puts(out, i > 0 ? " " : "");
			print_range(field, set[i].low, set[i].high, out);
		}
	for (size_t i = 0; gaps && i < count; i++) {
		if (i == 0 && set[0].low == 0)
			continue;
		print_range(field, i > 0 ? set[i - 1].high + 1 : 0, set[i].low - 1, out);
		hin_buffer_puts(out, i + 1 < count ? " " : "");
	}
	hin_buffer_puts(out, shown > 1 ? "]" : "");
}

/* The length of the prefix that a range is, or -1. */
static int prefix_length(const struct hin_filter_addresses *range)
{
	unsigned same = 0, bit;

	while (same < 128 &&
	       !((range->low.b[same / 8] ^ range->high.b[same / 8]) & 0x80 >> same % 8))
		same++;
	for (bit = same; bit < 128; bit++)
		if ((range->low.b[bit / 8] & 0x80 >> bit % 8) ||
		    !(range->high.b[bit / 8] & 0x80 >> bit % 8))
			return -1;
	return hin_addr_is_v4(&range->low) ? (int)same - 96 : (int)same;
}

static void print_addresses(const struct hin_filter *f, const struct hin_filter_node *test,
			    struct hin_buffer *out)
{
	const struct hin_filter_addresses *set = f->addresses + test->first;
	char text[HIN_ADDR_TEXT];

	hin_buffer_printf(out, test->count > 1 ? "%s in [" : "%s ",
			  hin_field_name((enum hin_field)test->field));
	for (size_t i = 0; i < test->count; i++) {
		bool v4 = hin_addr_is_v4(&set[i].low);
		int length = prefix_length(&set[i]);

		hin_buffer_printf(out, "%s%s", i > 0 ? " " : "",
				  hin_addr_format(&set[i].low, text));
		if (length >= 0 && length < (v4 ? 32 : 128))
			hin_buffer_printf(out, "/%d", length);
		else if (length < 0)
			hin_buffer_printf(out, "-%s", hin_addr_format(&set[i].high, text));
	}
	hin_buffer_puts(out, test->count > 1 ? "]" : "");
}

static void print_test(const struct hin_filter *f, const struct hin_filter_node *test,
		       struct hin_buffer *out)
{
	const char *name = test->type != HIN_FILTER_SENSOR
				   ? hin_field_name((enum hin_field)test->field)
				   : "sensor";

	if (test->negated && test->type != HIN_FILTER_BITS)
		hin_buffer_puts(out, "not ");
	switch ((enum hin_filter_type)test->type) {
	case HIN_FILTER_NUMBERS:
		print_numbers(f, test, out);
		break;
	case HIN_FILTER_BITS:
		hin_buffer_printf(out, "field %s & %llu %s %llu", name,
				  (unsigned long long)test->mask, test->negated ? "!=" : "=",
				  (unsigned long long)test->bits);
		break;
	case HIN_FILTER_ADDRESSES:
		print_addresses(f, test, out);
		break;
	case HIN_FILTER_TAG:
		hin_buffer_puts(out, "tag ");
		print_range(HIN_FIELD_TAGS, test->bits, test->bits, out);
		break;
	case HIN_FILTER_PRESENT:
		hin_buffer_printf(out, "present %s", name);
		break;
	case HIN_FILTER_VERSION:
		hin_buffer_puts(out, "version in ["); /* a version may be "in" */
		hin_buffer_add(out, test->digest, test->digest_size);
		hin_buffer_putc(out, ']');
		break;
	case HIN_FILTER_DIGEST:
	case HIN_FILTER_SENSOR:
		hin_buffer_printf(out, "%s ", name);
		for (size_t i = 0; i < test->digest_size; i++)
			hin_buffer_printf(out, "%02x", test->digest[i]);
		break;
	case HIN_FILTER_AND:
	case HIN_FILTER_OR:
	case HIN_FILTER_TYPES:
		break;
	}
}

/* A tree may be as deep as it has nodes, so the way down is kept here and not on the stack. */
struct step {
	uint16_t node;
	uint8_t turn; /* how often we were here */
	bool bracket;
};

void hin_filter_print(const struct hin_filter *filter, struct hin_buffer *out)
{
	struct step path[HIN_FILTER_NODES];
	size_t depth = 0;

	if (filter->node_count == 0) {
		hin_buffer_puts(out, "any");
		return;
	}
	path[depth++] = (struct step){ .node = (uint16_t)(filter->node_count - 1) };
	while (depth > 0) {
		struct step *here = &path[depth - 1];
		const struct hin_filter_node *node = &filter->nodes[here->node];
		uint16_t child;

		if (node->type != HIN_FILTER_AND && node->type != HIN_FILTER_OR) {
			print_test(filter, node, out);
			depth--;
			continue;
		}
		if (here->turn == 2) {
			hin_buffer_puts(out, here->bracket ? ")" : "");
			depth--;
			continue;
		}
		if (here->turn == 0)
			hin_buffer_puts(out, here->bracket ? "(" : "");
		else
			hin_buffer_puts(out, node->type == HIN_FILTER_AND ? " and " : " or ");
		child = here->turn++ == 0 ? node->left : node->right;
		path[depth++] = (struct step){
			.node = child,
			.bracket = node->type == HIN_FILTER_AND &&
				   filter->nodes[child].type == HIN_FILTER_OR,
		};
	}
}
