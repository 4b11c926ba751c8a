/* awk - what the parts of awk share: a program's tree, values, and what runs. */
#pragma once
#include <regex.h>

#include "decoy/shell/command/command.h"

#define AWK_FILES 16	   /* files and pipes that a program has open */
#define AWK_EXPRESSIONS 64 /* expressions that are kept compiled */
#define AWK_DEPTH 64	   /* calls of functions inside each other, and of the parser */
#define AWK_FIELDS 16384
#define AWK_TIDY ((size_t)1 << 20) /* bytes of a program's texts from which on it is tidied */

/* ---- values ---- */

enum awk_kind {
	AWK_UNSET,
	AWK_NUMBER,
	AWK_STRING,
	AWK_INPUT, /* a text from outside: a number where it looks like one */
};

struct awk_value {
	enum awk_kind kind;
	double number;
	const char *text; /* of AWK_STRING and AWK_INPUT; lives as long as the process */
};

struct awk_element {
	char *key;
	struct awk_value value;
	struct awk_element *next; /* of the same place */
	uint32_t order;		  /* in which it was made */
};

struct awk_array {
	struct awk_element **places;
	size_t room, count;
	uint32_t made;
};

/* A variable: a value, or an array once it was used as one. */
struct awk_cell {
	struct awk_value value;
	struct awk_array *array;
	struct awk_cell *other; /* of a parameter: the array that was given */
};

/* ---- the program ---- */

enum awk_type {
	/* expressions */
	AWK_CONSTANT,
	AWK_REGEX,
	AWK_VARIABLE,
	AWK_LOCAL,
	AWK_FIELD,
	AWK_INDEX,
	AWK_ASSIGN,
	AWK_CONDITION,
	AWK_OR,
	AWK_AND,
	AWK_IN,
	AWK_MATCH,
	AWK_NOT_MATCH,
	AWK_COMPARE,
	AWK_CONCAT,
	AWK_BINARY,
	AWK_NOT,
	AWK_MINUS,
	AWK_PLUS,
	AWK_BEFORE, /* ++x, --x */
	AWK_AFTER,
	AWK_CALL,
	AWK_BUILTIN,
	AWK_GETLINE,
	AWK_GROUP,
	/* statements */
	AWK_BLOCK,
	AWK_EXPRESSION,
	AWK_PRINT,
	AWK_PRINTF,
	AWK_IF,
	AWK_WHILE,
	AWK_DO,
	AWK_FOR,
	AWK_FOR_IN,
	AWK_BREAK,
	AWK_CONTINUE,
	AWK_NEXT,
	AWK_EXIT,
	AWK_RETURN,
	AWK_DELETE,
};

struct awk_node {
	enum awk_type type;
	int op;	    /* the operator's letter, or the number of a variable, local or builtin */
	int output; /* of print: '>', 'a' for >>, '|'; of getline: '<', '|' */
	struct awk_value value;
	struct awk_node *a, *b, *c, *d;
	struct awk_node *next; /* in a list */
};

struct awk_function {
	const char *name;
	const char *parameters[16];
	int parameter_count;
	struct awk_node *body;
	bool defined;
};

/* A pattern with its action. */
struct awk_rule {
	enum { AWK_BEGIN, AWK_END, AWK_ALWAYS, AWK_PATTERN, AWK_RANGE } when;
	struct awk_node *from, *to;
	struct awk_node *action; /* NULL: print */
	bool inside;
	struct awk_rule *next;
};

/* Places of variables that awk itself knows; others come behind. */
enum awk_special {
	AWK_NF,
	AWK_NR,
	AWK_FNR,
	AWK_FS,
	AWK_OFS,
	AWK_RS,
	AWK_ORS,
	AWK_SUBSEP,
	AWK_CONVFMT,
	AWK_OFMT,
	AWK_RSTART,
	AWK_RLENGTH,
	AWK_FILENAME,
	AWK_ENVIRON,
	AWK_ARGC,
	AWK_ARGV,
	AWK_SPECIALS,
};

#define AWK_VARIABLES 256
#define AWK_FUNCTIONS 64

enum awk_flow {
	AWK_GOES_ON,
	AWK_BREAKS,
	AWK_CONTINUES,
	AWK_NEXTS,
	AWK_EXITS,
	AWK_RETURNS,
};

/* A file or a pipe that the program reads or writes. */
struct awk_file {
	const char *name;
	int how; /* '>', 'a', '<', '|' to a command, 'c' from one; 0: free */
	struct file *file;
	struct growing text; /* for a command that is run at the close */
	size_t at;	     /* of what a command has said */
};

struct awk {
	struct call *call;
	struct process *p;
	/* the parser */
	const char *at;
	int token, depth;
	struct growing word;
	double number;
	bool no_in, no_gt, failed;
	struct awk_function *function; /* that is read */
	/* the program */
	const char *names[AWK_VARIABLES];
	struct awk_cell cells[AWK_VARIABLES];
	int name_count;
	struct awk_function functions[AWK_FUNCTIONS];
	int function_count;
	struct awk_rule *rules;
	/* what runs */
	struct awk_cell *locals;
	struct awk_value result;
	enum awk_flow flow;
	int status, calls, pinned; /* pinned: what a loop goes through must stay where it is */
	bool ending;
	struct piece *base; /* of the process' memory: the program itself lies below */
	size_t tidy_at;
	/* the record */
	struct awk_value record;
	struct awk_value *fields; /* from 1 */
	int field_count;
	bool split,
		joined; /* the fields are those of the record; the record is that of the fields */
	/* input */
	struct awk_file main;
	int argument;
	bool input_begun, input_ended;
	char block[1024];
	size_t block_at, block_used;
	struct awk_file files[AWK_FILES];
	regex_t expressions[AWK_EXPRESSIONS];
	const char *expression_texts[AWK_EXPRESSIONS];
	int expression_count, expression_next;
	uint64_t seed, last_seed;
};

/* ---- awk_parse.c ---- */

/* Read a program; false, with a message, when it is none. */
bool awk_parse(struct awk *a, const char *text);

/* The place of a variable by its name, made if there is none; -1: too many. */
int awk_variable(struct awk *a, const char *name);

/* ---- awk_value.c ---- */

double awk_number(struct awk *a, const struct awk_value *v);
const char *awk_text(struct awk *a, const struct awk_value *v);
const char *awk_output_text(struct awk *a, const struct awk_value *v); /* as print has it */
bool awk_true(struct awk *a, const struct awk_value *v);
int awk_compare(struct awk *a, const struct awk_value *x, const struct awk_value *y);
struct awk_value awk_of_number(double number);
struct awk_value awk_of_text(struct awk *a, const char *text, size_t size);
struct awk_value awk_of_input(struct awk *a, const char *text, size_t size);
struct awk_array *awk_array_of(struct awk *a, struct awk_cell *cell);
/* The element of a key; made where `make`, else NULL when there is none. */
struct awk_value *awk_element(struct awk *a, struct awk_array *array, const char *key, bool make);
void awk_delete(struct awk_array *array, const char *key);
void awk_clear(struct awk_array *array);
/* An expression, compiled; NULL, with a message, when it is none. */
regex_t *awk_regex(struct awk *a, const char *text);
/* Free what is not reached any more, now and then: only between statements. */
void awk_tidy(struct awk *a);
/* Text as printf makes it. */
const char *awk_format(struct awk *a, const char *format, struct awk_value *values, int count,
		       size_t *size);
_Noreturn void awk_fail(struct awk *a, const char *text);

/* ---- awk_input.c ---- */

/* The next record of the main input; false at its end. */
bool awk_next_record(struct awk *a, struct awk_value *out);
void awk_set_record(struct awk *a, struct awk_value record);
struct awk_value awk_field(struct awk *a, double number);
void awk_set_field(struct awk *a, double number, struct awk_value value);
void awk_count_fields(struct awk *a); /* NF is right afterwards */
void awk_set_count(struct awk *a, int count);
/* Split a text into an array or, where that is NULL, into the fields; how many. */
int awk_split(struct awk *a, const char *text, const char *separator, struct awk_array *array);
struct awk_file *awk_open(struct awk *a, const char *name, int how);
int awk_close(struct awk *a, const char *name);
void awk_close_all(struct awk *a);
/* A record of a file or a command: 1, 0 at the end, -1 when it cannot be read. */
int awk_read(struct awk *a, struct awk_file *file, struct awk_value *out);

/* ---- awk_run.c ---- */

void awk_run(struct awk *a);
void awk_statement(struct awk *a, const struct awk_node *node);
struct awk_value awk_eval(struct awk *a, const struct awk_node *node);

/* ---- awk_builtin.c ---- */

int awk_builtin_find(const char *name); /* -1: none */
struct awk_value awk_builtin(struct awk *a, const struct awk_node *node);
/* The variable or element that something is assigned to. */
void awk_assign(struct awk *a, const struct awk_node *target, struct awk_value value);
struct awk_cell *awk_cell_of(struct awk *a, const struct awk_node *node);
