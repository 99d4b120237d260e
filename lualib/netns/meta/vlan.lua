-- SPDX-License-Identifier: MIT
---@meta

-- VLANs of bridges: `ns.vlan`. Words are those of `bridge vlan` (bridge(8)); include/uapi/linux/if_bridge.h. A bridge looks at them when
-- its `vlan_filtering` is on; links of kind vlan are others (ns.link).

---One VLAN of one port, as it is listed; the same fields are a spec for the other verbs.
---@class netns.vlan.Spec
---@field dev? string|integer a port of a bridge; or a bridge, as a port of itself
---@field vid? integer 1 to 4094
---@field pvid? boolean what comes in without a tag gets this one; a port has one such at most, and gives it up to the next
---@field untagged? boolean what goes out loses its tag

---What of it is always listed.
---@class netns.vlan.Entry : netns.vlan.Spec
---@field dev string|integer a port of a bridge, or the bridge
---@field vid integer 1 to 4094

---@alias netns.vlan.Specs netns.vlan.Spec|netns.Exact|(netns.vlan.Spec|netns.Exact)[]

---`ns.vlan`: the VLANs of all ports of all bridges in one namespace. A port that is made is in the VLAN `vlan_default_pvid` of its bridge (1
---unless told otherwise). Raises EOPNOTSUPP for a link that is no port, and where the kernel has no CONFIG_BRIDGE_VLAN_FILTERING.
---@class netns.Vlan
local vlan = {}

---Put ports into VLANs. One that is in it already is in it then as the spec says.
---@param spec netns.vlan.Specs
function vlan:add(spec) end

---Likewise. What the spec does not name stays.
---@param spec netns.vlan.Specs
function vlan:replace(spec) end

---Likewise.
---@param spec netns.vlan.Specs
function vlan:set(spec) end

---Take ports out of VLANs. Raises ENOENT for one in which it is not.
---@param spec netns.vlan.Specs
function vlan:delete(spec) end

---All, or those that fit.
---@param filter? netns.vlan.Spec|netns.Exact
---@return netns.vlan.Entry[]
function vlan:list(filter) end

---The first that fits; nil when none does.
---@param key integer|netns.vlan.Spec|netns.Exact
---@return netns.vlan.Entry?
function vlan:get(key) end

---Remove all, or those that fit.
---@param filter? netns.vlan.Spec|netns.Exact
function vlan:flush(filter) end

return vlan
