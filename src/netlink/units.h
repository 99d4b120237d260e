/* SPDX-License-Identifier: MIT */
/* units.h - quantities with units, as tc(8) has them: rates, sizes, fractions, times, handles */
#ifndef NETNS_NETLINK_UNITS_H
#define NETNS_NETLINK_UNITS_H

#include "../lua/args.h"

#include <lua.h>
#include <stdint.h>

/* Each checks the value at `idx` and raises EINVAL with the field's name. */
double units_rate(lua_State *L, int idx, const struct args_at *at);     /* bits a second: 1e6, "1mbit", "125kbps" */
double units_size(lua_State *L, int idx, const struct args_at *at);     /* bytes: 1500, "10kb" */
double units_fraction(lua_State *L, int idx, const struct args_at *at); /* 0.01, "1%" */
/* 80, "80", "80-90", within 0 to max */
struct units_range {
	uint32_t from, to;
};
struct units_range units_range(lua_State *L, int idx, const struct args_at *at, lua_Integer max);
/* "1:", "1:10", "root", "ingress", "clsact" (numbers are hexadecimal, as with tc) */
uint32_t units_handle(lua_State *L, int idx, const struct args_at *at);

/* Push what units_handle() reads. */
void units_push_handle(lua_State *L, uint32_t handle);

#endif
