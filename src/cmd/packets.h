/*
 * packets - `hinomi telescope packets`: open the evidence of an event.
 *
 * Threads: the program's first, before there are others.
 */
#pragma once

/* Run the command; argv[0] is "packets". Returns the exit status. */
int hin_cmd_packets(int argc, char *argv[]);
