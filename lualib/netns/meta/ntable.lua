-- SPDX-License-Identifier: MIT
---@meta

-- How links ask for their neighbours: `ns.ntable`. Words are those of ip-ntable(8); include/uapi/linux/neighbour.h, arp(7). Times are in
-- milliseconds, as `ip ntable` has them.

---The parameters of one table on one link, as they are listed; the same fields are a spec for `set`.
---@class netns.ntable.Spec
---@field name? string "arp_cache" (IPv4) or "ndisc_cache" (IPv6); or say the family
---@field family? "inet"|"inet6"
---@field dev? string|integer the link; only listed without one: the kernel's defaults, which are the whole machine's
---@field base_reachable? integer ms that an entry stays reachable, about
---@field retrans? integer ms between two questions
---@field gc_stale? integer ms until a stale entry may be removed
---@field delay_probe? integer ms until a stale entry that is used is asked for
---@field queue? integer packets that wait for an answer
---@field app_probes? integer questions left to a daemon
---@field ucast_probes? integer questions to the known address
---@field mcast_probes? integer questions to all, until the neighbour is given up
---@field anycast_delay? integer ms
---@field proxy_delay? integer ms
---@field proxy_queue? integer packets
---@field locktime? integer ms that an entry is not overwritten
---@field reachable? integer only listed: ms, the value in use
---@field thresh1? integer only listed: entries below which nothing is collected; of the whole machine
---@field thresh2? integer only listed
---@field thresh3? integer only listed: the most entries
---@field gc_interval? integer only listed: ms
---@field config? netns.ntable.Config only listed
---@field stats? netns.ntable.Stats only listed: counters since the machine began

---@class netns.ntable.Config
---@field entries integer neighbours in the table, of all namespaces

---@class netns.ntable.Stats
---@field allocs integer
---@field destroys integer
---@field hash_grows integer
---@field res_failed integer neighbours that did not answer
---@field lookups integer
---@field hits integer
---@field rcv_probes_mcast integer
---@field rcv_probes_ucast integer
---@field periodic_gc_runs integer
---@field forced_gc_runs integer
---@field table_fulls integer there was no room: a packet was lost

---What of it is always listed.
---@class netns.ntable.Entry : netns.ntable.Spec
---@field name string "arp_cache" (IPv4) or "ndisc_cache" (IPv6)
---@field family "inet"|"inet6"

---@alias netns.ntable.Specs netns.ntable.Spec|netns.Exact|(netns.ntable.Spec|netns.Exact)[]

---`ns.ntable`: the parameters of neighbour tables, on the links of one namespace. The kernel makes and removes them with the links: they
---can be set and listed; the other verbs raise EINVAL.
---@class netns.Ntable
local ntable = {}

---Raises EINVAL.
---@param spec netns.ntable.Spec|netns.Exact
function ntable:add(spec) end

---Like `set`, for what was listed elsewhere: entries without `dev` are passed over. Raises ENODEV.
---@param spec netns.ntable.Specs
function ntable:replace(spec) end

---Change parameters on a link: `ns.ntable:set { family = "inet", dev = "eth0", retrans = 20 }`. Raises ENODEV.
---@param spec netns.ntable.Specs
function ntable:set(spec) end

---Raises EINVAL.
---@param spec string|netns.ntable.Spec|netns.Exact
function ntable:delete(spec) end

---All of them, or those that fit.
---@param filter? netns.ntable.Spec|netns.Exact
---@return netns.ntable.Entry[]
function ntable:list(filter) end

---The first that fits; nil when none does.
---@param key string|netns.ntable.Spec|netns.Exact
---@return netns.ntable.Entry?
function ntable:get(key) end

---Raises EINVAL.
---@param filter? netns.ntable.Spec|netns.Exact
function ntable:flush(filter) end

return ntable
