/*
 * sandbox - give up what a process does not need any more.
 *
 * Small calls, to be made in this order, each as far as it applies: open what needs privileges,
 * then hin_sandbox_no_dump(), _drop_user(), _drop_caps(), _limit_files(), _limit_calls(). The last
 * one ends the others' use. What the kernel or a container lacks is no failure: the struct tells
 * what is in force, for the log. A failure is what should have worked and did not; a program ends
 * then.
 *
 * Threads: before there are others (_limit_files() and _drop_*() hold for the calling thread and
 *          those it starts; _limit_calls() for all).
 */
#pragma once
#include "base/buffer.h"

/* What is in force. Start with { 0 }. */
struct hin_sandbox {
	bool no_dump;	   /* no core dumps, no ptrace by the same user */
	bool no_new_privs; /* execve() gains nothing */
	bool user;	   /* runs as the user that was asked for */
	bool caps;	   /* no capabilities, and none to gain */
	unsigned landlock; /* ABI that limits files; 0 = not limited */
	bool calls;	   /* system calls are limited */
};

/* What a process does after its start; its list of system calls. */
enum hin_sandbox_profile {
	HIN_SANDBOX_ANALYSE, /* reads and writes files, has threads; no sockets, no processes */
	HIN_SANDBOX_CAPTURE, /* the same and receives from packet sockets; sends nothing */
	HIN_SANDBOX_CARRY,   /* as CAPTURE, and connects and sends over IP: a sensor with a hub */
	HIN_SANDBOX_SERVE,   /* as ANALYSE, and serves sockets that are open; opens none */
	HIN_SANDBOX_TELL, /* as SERVE, and connects over IP and to unix sockets: a hub that mails */
	HIN_SANDBOX_TALK, /* over sockets that it has or is given; opens no file */
	HIN_SANDBOX_SPAWN, /* as TALK, accepts connections, and has processes as children */
};

/* No core dumps, and no other process of the user may look into this one. */
HIN_MUST_USE enum hin_code hin_sandbox_no_dump(struct hin_sandbox *s, struct hin_error *err);

/* No execve() raises privileges any more. */
HIN_MUST_USE enum hin_code hin_sandbox_no_new_privs(struct hin_sandbox *s, struct hin_error *err);

/*
 * Become "user" with its own group, or "user:group", without supplementary groups and with no way
 * back. HIN_ENOENT when there is no such user or group, HIN_EDENIED when the process may not and is
 * not that user already.
 */
HIN_MUST_USE enum hin_code hin_sandbox_drop_user(struct hin_sandbox *s, const char *user,
						 struct hin_error *err);

/* Drop all capabilities: effective, permitted, inheritable, ambient and, if it may, bounding. */
HIN_MUST_USE enum hin_code hin_sandbox_drop_caps(struct hin_sandbox *s, struct hin_error *err);

/*
 * From here on only files at or below `read` can be read, and only those at or below `write` read,
 * written, made and removed; nothing can be executed (Landlock, as far as the kernel knows it; sets
 * no_new_privs). Files that are open stay so. A path that does not exist is passed over.
 */
HIN_MUST_USE enum hin_code hin_sandbox_limit_files(struct hin_sandbox *s, const char *const *read,
						   size_t read_count, const char *const *write,
						   size_t write_count, struct hin_error *err);

/*
 * From here on only the system calls of `profile` work, others fail with EPERM or, with `kill`, end
 * the process by SIGSYS (seccomp; sets no_new_privs). New threads are allowed, processes by SPAWN
 * alone, and nowhere memory that can be executed.
 */
HIN_MUST_USE enum hin_code hin_sandbox_limit_calls(struct hin_sandbox *s,
						   enum hin_sandbox_profile profile, bool kill,
						   struct hin_error *err);

/* Append what is in force: "no-dump,user,caps,calls,landlock-3", or "nothing". */
void hin_sandbox_describe(const struct hin_sandbox *s, struct hin_buffer *out);
