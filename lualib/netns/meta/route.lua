-- SPDX-License-Identifier: MIT
---@meta

-- Routes: `ns.route`. Words are those of ip-route(8); rtnetlink(7), include/uapi/linux/rtnetlink.h.

---One route, as it is listed; the same fields are a spec for `add`, `set`, `replace` and `delete`.
---@class netns.route.Spec
---@field dst? string "default", or a prefix; a host's prefix length is not listed
---@field via? string gateway; "default" takes its family from here. An IPv6 gateway of an IPv4 route is possible
---@field dev? string|integer the link's name (or index)
---@field src? string preferred source address
---@field from? string source prefix (IPv6)
---@field metric? integer
---@field table? "main"|"local"|"default"|integer always listed; "main" unless given
---@field type? "unicast"|"local"|"broadcast"|"anycast"|"multicast"|"blackhole"|"unreachable"|"prohibit"|"throw"|"nat"
---@field proto? "unspec"|"redirect"|"kernel"|"boot"|"static"|"ra"|"mrt"|"zebra"|"bird"|"dhcp"|"keepalived"|"babel"|"bgp"|"isis"|"ospf"|"rip"|"eigrp"|integer "boot" unless given
---@field scope? "global"|"site"|"link"|"host"|"nowhere"|integer as ip-route(8) chooses it unless given
---@field tos? integer
---@field family? "inet"|"inet6" for "default" without `via`
---@field onlink? boolean pretend that the gateway is on the link
---@field flags? string[] only listed: "dead" "pervasive" "offload" "linkdown" "unresolved"
---@field pref? "low"|"medium"|"high" IPv6 router preference
---@field mtu? integer bytes
---@field advmss? integer bytes
---@field window? integer bytes
---@field hoplimit? integer
---@field initcwnd? integer packets
---@field initrwnd? integer packets
---@field cwnd? integer packets
---@field reordering? integer packets
---@field quickack? integer 0 or 1
---@field nexthops? (netns.route.Nexthop|netns.Exact)[] several gateways

---What `list`, `get` and `flush` take.
---@class netns.route.Filter : netns.route.Spec
---@field table? "main"|"local"|"default"|"all"|integer "main" unless given

---@class netns.route.Nexthop
---@field via? string
---@field dev? string|integer
---@field weight? integer 1 to 256
---@field onlink? boolean

---What of it is always listed.
---@class netns.route.Entry : netns.route.Spec
---@field dst string "default", or a prefix
---@field family "inet"|"inet6"
---@field table "main"|"local"|"default"|integer
---@field type "unicast"|"local"|"broadcast"|"anycast"|"multicast"|"blackhole"|"unreachable"|"prohibit"|"throw"|"nat"
---@field nexthops? netns.route.Nexthop[] several gateways

---@alias netns.route.Specs netns.route.Spec|netns.Exact|(netns.route.Spec|netns.Exact)[]

---`ns.route`: the routes of one namespace.
---@class netns.Route
local route = {}

---Add routes. Raises EEXIST, ENETUNREACH (no such gateway), ENODEV ...; an array is sent as a whole, stops at the first refusal
---(`err.index`), and leaves nothing of what follows it.
---@param spec netns.route.Specs
function route:add(spec) end

---Add routes or take the place of those to the same `dst` with the same metric. Entries with `proto = "kernel"` are passed over.
---@param spec netns.route.Specs
function route:replace(spec) end

---Change routes (`ip route change`); raises ENOENT for one that is not there.
---@param spec netns.route.Specs
function route:set(spec) end

---Remove routes, by `dst` or spec; raises ESRCH for one that is not there.
---@param spec string|netns.route.Specs|(string|netns.route.Spec|netns.Exact)[]
function route:delete(spec) end

---The routes of table main in both families, or those that fit; `{ table = "all" }` for every table. `table`, `dev`,
---`proto`, `type` and the family are left to the kernel.
---@param filter? netns.route.Filter|netns.Exact
---@return netns.route.Entry[]
function route:list(filter) end

---The first route that fits; nil when none does.
---@param key string|netns.route.Filter|netns.Exact
---@return netns.route.Entry?
function route:get(key) end

---Remove the routes of table main, or those that fit.
---@param filter? netns.route.Filter|netns.Exact
function route:flush(filter) end

---The route that a packet to `addr` would take (`ip route get`). Raises what the kernel would answer: ENETUNREACH, EACCES (prohibit),
---EINVAL (blackhole) ...
---@param addr string
---@return netns.route.Entry
function route:lookup(addr) end

return route
