/* SPDX-License-Identifier: MIT */
/* units.c - quantities with units, as tc(8) has them */
#include "units.h"

#include <linux/pkt_sched.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit rates[] = {
	{ "", 1 }, { "bit", 1 }, { "kbit", 1e3 }, { "mbit", 1e6 }, { "gbit", 1e9 }, { "tbit", 1e12 }, { "kibit", 1024 },
	{ "mibit", 1048576 }, { "gibit", 1073741824.0 }, { "bps", 8 }, { "kbps", 8e3 }, { "mbps", 8e6 }, { "gbps", 8e9 }, { NULL, 0 },
};

/* tc's k is 1024 for sizes. */
static const struct unit sizes[] = {
	{ "", 1 }, { "b", 1 }, { "k", 1024 }, { "kb", 1024 }, { "m", 1048576 }, { "mb", 1048576 }, { "g", 1073741824.0 },
	{ "gb", 1073741824.0 }, { "kbit", 128 }, { "mbit", 131072 }, { NULL, 0 },
};

static const struct unit fractions[] = { { "", 1 }, { "%", 0.01 }, { NULL, 0 } };

static double quantity(lua_State *L, int idx, const struct args_at *at, const struct unit *units, const char *expected)
{
	double value = -1, n;
	const char *text;
	char shown[64], *end;

	if (lua_type(L, idx) == LUA_TNUMBER) {
		value = lua_tonumber(L, idx);
	} else {
		text = args_string(L, idx, at, NULL);
		n = strtod(text, &end);
		if (end != text && strspn(text, "0123456789.") == (size_t)(end - text))
			for (const struct unit *unit = units; unit->name; unit++)
				if (strcasecmp(unit->name, end) == 0)
					value = n * unit->factor;
		if (value < 0)
			args_misuse(L, at, "'%s' is no %s", args_show(text, strlen(text), shown, sizeof(shown)), expected);
	}
	if (!(value >= 0) || value > 1e15)
		args_misuse(L, at, "%g is no %s", value, expected);
	return value;
}

double units_rate(lua_State *L, int idx, const struct args_at *at)
{
	return quantity(L, idx, at, rates, "rate (bits a second, or \"10mbit\")");
}

double units_size(lua_State *L, int idx, const struct args_at *at)
{
	double value = quantity(L, idx, at, sizes, "size (bytes, or \"10kb\")");

	if (value > UINT32_MAX)
		args_misuse(L, at, "%.0f bytes are more than %u", value, UINT32_MAX);
	return value;
}

double units_fraction(lua_State *L, int idx, const struct args_at *at)
{
	double value = quantity(L, idx, at, fractions, "fraction (0 to 1, or \"1%\")");

	if (value > 1)
		args_misuse(L, at, "%g is more than the whole", value);
	return value;
}

struct units_range units_range(lua_State *L, int idx, const struct args_at *at, lua_Integer max)
{
	long long from, to;
	const char *text;
	char shown[64], extra;
	int got;

	if (lua_type(L, idx) == LUA_TNUMBER) {
		from = to = args_integer(L, idx, at, 0, max);
		return (struct units_range){ (uint32_t)from, (uint32_t)to };
	}
	text = args_string(L, idx, at, NULL);
	got = strspn(text, "0123456789-") == strlen(text) ? sscanf(text, "%lld-%lld%c", &from, &to, &extra) : 0;
	if (got == 1 && !strchr(text, '-'))
		to = from;
	else if (got != 2)
		args_misuse(L, at, "a number, or a range such as \"80-90\" expected");
	if (from < 0 || to < 0 || to > max || from > to)
		args_misuse(L, at, "'%s' is no range within 0 to %lld", args_show(text, strlen(text), shown, sizeof(shown)), (long long)max);
	return (struct units_range){ (uint32_t)from, (uint32_t)to };
}

static const struct {
	const char *name;
	uint32_t handle;
} words[] = { { "root", TC_H_ROOT }, { "ingress", TC_H_INGRESS }, { "clsact", TC_H_CLSACT },
	{ "egress", TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS) } };

uint32_t units_handle(lua_State *L, int idx, const struct args_at *at)
{
	const char *text = args_string(L, idx, at, NULL);
	unsigned int major = 0, minor = 0;
	char shown[64], extra;
	int got;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(text, words[i].name) == 0)
			return words[i].handle;
	got = strspn(text, "0123456789abcdefABCDEF:") == strlen(text) && strlen(text) <= 9 ? sscanf(text, "%x:%x%c", &major, &minor, &extra)
											      : 0;
	if (got < 1 || got > 2 || !strchr(text, ':') || strchr(text, ':') != strrchr(text, ':') ||
	    (got == 1 && text[strlen(text) - 1] != ':') || major > 0xffff || minor > 0xffff)
		args_misuse(L, at, "'%s' is no handle such as \"1:\", \"1:10\" or \"root\"",
			    args_show(text, strlen(text), shown, sizeof(shown)));
	return major << 16 | minor;
}

void units_push_handle(lua_State *L, uint32_t handle)
{
	char text[16];

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (handle == words[i].handle && handle != TC_H_INGRESS) {
			lua_pushstring(L, words[i].name);
			return;
		}
	if (handle & 0xffff)
		snprintf(text, sizeof(text), "%x:%x", handle >> 16, handle & 0xffff);
	else
		snprintf(text, sizeof(text), "%x:", handle >> 16);
	lua_pushstring(L, handle == TC_H_INGRESS ? "ingress" : text);
}
