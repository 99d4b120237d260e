-- SPDX-License-Identifier: MIT
---@meta

-- Neighbours: `ns.neigh`. Words are those of ip-neighbour(8); arp(7), include/uapi/linux/neighbour.h.

---One neighbour, as it is listed; the same fields are a spec for the other verbs.
---@class netns.neigh.Spec
---@field dev? string|integer the link's name (or index)
---@field dst? string its address
---@field lladdr? string its link-layer address; required by `add` and `replace` in states that have one, on links that have such addresses
---@field state? "none"|"incomplete"|"reachable"|"stale"|"delay"|"probe"|"failed"|"noarp"|"permanent" "permanent" unless given
---@field family? "inet"|"inet6" follows from `dst`
---@field proxy? boolean answer for it; such entries are a table of their own, which the filter `{ proxy = true }` lists
---@field router? boolean it is a router (IPv6)
---@field extern_learn? boolean somebody else than the kernel learnt it
---@field proto? "unspec"|"redirect"|"kernel"|"boot"|"static"|"ra"|"mrt"|"zebra"|"bird"|"dhcp"|"keepalived"|"babel"|"bgp"|"isis"|"ospf"|"rip"|"eigrp"|integer who made it

---What of it is always listed.
---@class netns.neigh.Entry : netns.neigh.Spec
---@field dev string|integer the link
---@field dst string its address
---@field family "inet"|"inet6"

---@alias netns.neigh.Specs netns.neigh.Spec|netns.Exact|(netns.neigh.Spec|netns.Exact)[]

---`ns.neigh`: the neighbours of one namespace.
---@class netns.Neigh
local neigh = {}

---Add neighbours. Raises EEXIST.
---@param spec netns.neigh.Specs
function neigh:add(spec) end

---Add them, or change those that are there. What the kernel makes by itself ("noarp" of groups), or is only on its way, is passed
---over.
---@param spec netns.neigh.Specs
function neigh:replace(spec) end

---Change neighbours. Raises ENOENT.
---@param spec netns.neigh.Specs
function neigh:set(spec) end

---Remove neighbours, by address or spec. Raises EADDRNOTAVAIL for an address that is not there, ENOENT for a spec.
---@param spec string|netns.neigh.Specs|(string|netns.neigh.Spec|netns.Exact)[]
function neigh:delete(spec) end

---Neighbours of both families, or those that fit; a link is filtered by the kernel.
---@param filter? netns.neigh.Spec|netns.Exact
---@return netns.neigh.Entry[]
function neigh:list(filter) end

---The first that fits; nil when none does.
---@param key string|netns.neigh.Spec|netns.Exact
---@return netns.neigh.Entry?
function neigh:get(key) end

---Remove all but "noarp" ones, or those that fit.
---@param filter? netns.neigh.Spec|netns.Exact
function neigh:flush(filter) end

return neigh
