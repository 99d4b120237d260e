-- SPDX-License-Identifier: MIT
---@meta

-- Forwarding databases: `ns.fdb`. Words are those of bridge(8); include/uapi/linux/neighbour.h.

---One entry, as it is listed; the same fields are a spec for the other verbs.
---@class netns.fdb.Spec
---@field dev? string|integer the port of a bridge, or a vxlan
---@field lladdr? string link-layer address
---@field dst? string the other end of a tunnel, behind which it is
---@field state? "dynamic"|"static"|"permanent"|"stale" "permanent" unless given
---@field vlan? integer 1 to 4094
---@field vni? integer of a vxlan, where it differs
---@field src_vni? integer
---@field port? integer UDP port of the other end, where it differs
---@field via? string|integer the link by which the other end is reached
---@field master? string|integer the bridge whose entry it is; without it the entry is the link's own ("self")
---@field sticky? boolean it may not move to another port
---@field extern_learn? boolean somebody else than the kernel learnt it

---What of it is always listed.
---@class netns.fdb.Entry : netns.fdb.Spec
---@field dev string|integer the port of a bridge, or a vxlan
---@field lladdr string link-layer address

---@alias netns.fdb.Specs netns.fdb.Spec|netns.Exact|(netns.fdb.Spec|netns.Exact)[]

---`ns.fdb`: the forwarding databases of the bridges and tunnels in one namespace.
---@class netns.Fdb
local fdb = {}

---Add entries. Raises EEXIST. Behind 00:00:00:00:00:00 (the unknown) and groups a tunnel may have several ends, an entry each.
---@param spec netns.fdb.Specs
function fdb:add(spec) end

---Add them, or change those that are there. What the kernel puts there by itself is passed over: a link's own address, and
---the groups that it listens to.
---@param spec netns.fdb.Specs
function fdb:replace(spec) end

---Change entries. Raises ENOENT.
---@param spec netns.fdb.Specs
function fdb:set(spec) end

---Remove entries, by address or spec. Raises EADDRNOTAVAIL for an address that is not there, ENOENT for a spec.
---@param spec string|netns.fdb.Specs|(string|netns.fdb.Spec|netns.Exact)[]
function fdb:delete(spec) end

---All entries, or those that fit; a link is filtered by the kernel.
---@param filter? netns.fdb.Spec|netns.Exact
---@return netns.fdb.Entry[]
function fdb:list(filter) end

---The first that fits; nil when none does.
---@param key string|netns.fdb.Spec|netns.Exact
---@return netns.fdb.Entry?
function fdb:get(key) end

---Remove all but the kernel's own, or those that fit.
---@param filter? netns.fdb.Spec|netns.Exact
function fdb:flush(filter) end

return fdb
