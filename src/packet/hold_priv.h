/*
 * hold - what keeps the memory of a batch's frames.
 *
 * Whoever fills a batch hangs its own struct there, with this as its first member; `end` gives the
 * memory back and frees the hold, and tells by its address whose it is.
 */
#pragma once

struct hin_hold {
	void (*end)(struct hin_hold *hold);
};
