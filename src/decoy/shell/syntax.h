/*
 * syntax - the grammar of a POSIX shell, as ash and dash have it (POSIX.1-2017, XCU 2).
 *
 * A text becomes a tree; nothing is run or expanded here. Texts are strangers': depth and size are
 * bounded, and every text gives a tree, a wish for more, or one error.
 *
 * Ownership: the tree lives in the caller's arena; nothing of it points into the text.
 * Threads:   one thread at a time for each arena.
 */
#pragma once
#include "base/arena.h"

#define HIN_SYNTAX_DEPTH 96	   /* constructs inside each other */
#define HIN_SYNTAX_TEXT (1u << 20) /* bytes of a text */

/* ---- words ---- */

enum hin_part_type {
	HIN_PART_TEXT,
	HIN_PART_PARAMETER,
	HIN_PART_COMMAND,    /* $( ) or ` ` */
	HIN_PART_ARITHMETIC, /* $(( )) */
};

/* What stands behind the name in ${ }. */
enum hin_parameter_op {
	HIN_PARAMETER_PLAIN,
	HIN_PARAMETER_LENGTH,	   /* ${#x} */
	HIN_PARAMETER_DEFAULT,	   /* - */
	HIN_PARAMETER_ASSIGN,	   /* = */
	HIN_PARAMETER_ERROR,	   /* ? */
	HIN_PARAMETER_ALTERNATIVE, /* + */
	HIN_PARAMETER_CUT_SHORT_SUFFIX,
	HIN_PARAMETER_CUT_LONG_SUFFIX,
	HIN_PARAMETER_CUT_SHORT_PREFIX,
	HIN_PARAMETER_CUT_LONG_PREFIX,
	HIN_PARAMETER_SUBSTRING,   /* ${x:offset:length}, of ash */
	HIN_PARAMETER_REPLACE,	   /* ${x/pattern/text}, of ash */
	HIN_PARAMETER_REPLACE_ALL, /* ${x//pattern/text} */
	HIN_PARAMETER_BAD,	   /* "Bad substitution", when it is expanded */
};

struct hin_part {
	enum hin_part_type type;
	bool quoted;
	const char *text; /* of a text; or the parameter's name */
	size_t size;
	enum hin_parameter_op op;
	bool colon;		  /* the test is for empty, too: ":-" */
	struct hin_word *word;	  /* behind the operator; of arithmetic: the expression */
	struct hin_word *second;  /* of a substring: the length; of a replacement: the text */
	struct hin_node *command; /* may be NULL: nothing to run */
	struct hin_part *next;
};

struct hin_word {
	struct hin_part *parts; /* none: the word is empty and was not quoted */
	struct hin_word *next;
};

/* ---- commands ---- */

enum hin_redirect_type {
	HIN_REDIRECT_READ,	    /* < */
	HIN_REDIRECT_WRITE,	    /* > */
	HIN_REDIRECT_CLOBBER,	    /* >| */
	HIN_REDIRECT_APPEND,	    /* >> */
	HIN_REDIRECT_READ_WRITE,    /* <> */
	HIN_REDIRECT_DUPLICATE_IN,  /* <& */
	HIN_REDIRECT_DUPLICATE_OUT, /* >& */
	HIN_REDIRECT_BOTH,	    /* &> of ash */
	HIN_REDIRECT_HERE,	    /* <<, and <<< of bash */
};

struct hin_redirect {
	enum hin_redirect_type type;
	int fd;		       /* -1: 0 or 1 by the type */
	struct hin_word *word; /* file, descriptor, or the text of a here-document */
	struct hin_redirect *next;
};

enum hin_node_type {
	HIN_NODE_SIMPLE,
	HIN_NODE_PIPELINE,
	HIN_NODE_AND,
	HIN_NODE_OR,
	HIN_NODE_NOT,
	HIN_NODE_LIST,	/* one after another */
	HIN_NODE_ASYNC, /* & */
	HIN_NODE_SUBSHELL,
	HIN_NODE_GROUP,
	HIN_NODE_IF,
	HIN_NODE_WHILE,
	HIN_NODE_UNTIL,
	HIN_NODE_FOR,
	HIN_NODE_CASE,
	HIN_NODE_FUNCTION,
};

struct hin_assignment {
	const char *name;
	struct hin_word *value;
	struct hin_assignment *next;
};

struct hin_case_item {
	struct hin_word *patterns;
	struct hin_node *body; /* may be NULL */
	bool falls;	       /* ends with ;& */
	struct hin_case_item *next;
};

struct hin_node {
	enum hin_node_type type;
	unsigned line; /* where it begins, from 1 */
	struct hin_redirect *redirects;
	/* simple */
	struct hin_assignment *assignments;
	struct hin_word *words; /* for: what it goes through; case: what is looked at */
	/* others: what is inside, the condition first */
	struct hin_node *first, *second, *third;
	const char *name; /* of a function, or the variable of a for */
	bool in;	  /* a for has its words; else the parameters are meant */
	struct hin_case_item *items;
	struct hin_node *next; /* in a list or a pipeline */
};

/* ---- parsing ---- */

enum hin_syntax_result {
	HIN_SYNTAX_OK,
	HIN_SYNTAX_MORE, /* the text ends inside of something */
	HIN_SYNTAX_ERROR,
	HIN_SYNTAX_LIMIT, /* too deep, too long, or no memory */
};

/* What was unexpected, or expected, when it was any word. */
#define HIN_SYNTAX_WORD "word"

struct hin_syntax {
	bool ash;  /* what ash has beyond POSIX, as function f, $'', &>, ${x:1:2} */
	bool bash; /* what bash has beyond that: <<< */
	bool more; /* more text may come; else its end ends what can be ended */
	/* out */
	struct hin_node *tree;	/* NULL: nothing to run */
	const char *unexpected; /* what the error is about, in the arena; NULL for others */
	const char *reason;	/* of an error without such: "Unterminated quoted string" */
	const char *expecting;	/* what was looked for, or NULL */
	unsigned line;		/* of the error, from 1 */
	size_t taken;		/* bytes of the text that the tree is of */
};

/*
 * Parse one complete command line of `text`: up to the first newline that ends one. So that what a
 * script does takes effect on the lines behind, as aliases and here-documents want it.
 */
enum hin_syntax_result hin_syntax_line(struct hin_syntax *syntax, struct hin_arena *arena,
				       const char *text, size_t size);
