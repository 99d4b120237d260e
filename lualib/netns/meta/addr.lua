-- SPDX-License-Identifier: MIT
---@meta

-- Addresses: `ns.addr`. Words are those of ip-address(8); rtnetlink(7), include/uapi/linux/if_addr.h.

---One address, as it is listed; the same fields are a spec for `add`, `set` and `replace`.
---@class netns.addr.Spec
---@field addr? string ours, with the prefix length: "10.0.0.1/24", "fd00::1/64"; without one it is a host's (/32, /128)
---@field dev? string|integer the link's name (or index)
---@field peer? string the other end's address on a point-to-point link; a prefix length may stand here instead
---@field family? "inet"|"inet6" follows from `addr`
---@field broadcast? string IPv4 only
---@field label? string IPv4 only, up to 15 bytes
---@field scope? "global"|"site"|"link"|"host"|"nowhere"|integer
---@field flags? string[]|integer "secondary" "nodad" "optimistic" "dadfailed" "homeaddress" "deprecated" "tentative" "permanent" "mngtmpaddr" "noprefixroute" "mcautojoin" "stable_privacy"
---@field metric? integer of the prefix route
---@field proto? "kernel_lo"|"kernel_ra"|"kernel_ll"|integer who made it
---@field valid? number|string seconds ("10s", "5m"), or "forever"
---@field preferred? number|string likewise; `valid` if not given

---What of it is always listed.
---@class netns.addr.Entry : netns.addr.Spec
---@field addr string with the prefix length
---@field dev string|integer the link
---@field family "inet"|"inet6"
---@field scope "global"|"site"|"link"|"host"|"nowhere"|integer
---@field valid number|"forever" seconds
---@field preferred number|"forever" seconds

---@alias netns.addr.Specs netns.addr.Spec|netns.Exact|(netns.addr.Spec|netns.Exact)[]

---`ns.addr`: the addresses of one namespace.
---@class netns.Addr
local addr = {}

---Add addresses. Raises EEXIST, ENODEV (`attr` "dev"); an array is sent as a whole, stops at the first refusal (`err.index`), and leaves
---nothing of what follows it.
---@param spec netns.addr.Specs
function addr:add(spec) end

---Add addresses, or change the lifetimes and flags of those that are there.
---@param spec netns.addr.Specs
function addr:replace(spec) end

---Change addresses (`ip addr change`).
---@param spec netns.addr.Specs
function addr:set(spec) end

---Remove addresses: "10.0.0.1/24", or a spec. Raises EADDRNOTAVAIL for one that is not there.
---@param spec string|netns.addr.Specs|(string|netns.addr.Spec|netns.Exact)[]
function addr:delete(spec) end

---All addresses, or those that fit; an address in the filter fits in any spelling, and without prefix length whatever that is; of
---`flags` all that it names must be there. `dev` and the family are left to the kernel.
---@param filter? netns.addr.Spec|netns.Exact
---@return netns.addr.Entry[]
function addr:list(filter) end

---The first address that fits; nil when none does.
---@param key string|netns.addr.Spec|netns.Exact
---@return netns.addr.Entry?
function addr:get(key) end

---Remove all addresses, or those that fit.
---@param filter? netns.addr.Spec|netns.Exact
function addr:flush(filter) end

---Wait until no IPv6 address is tentative, that is until duplicate address detection has ended. Raises EADDRINUSE for one that it found
---in use (flag "dadfailed").
---@param timeout? number|string seconds
---@return true? settled nil when the time ran out
---@return "timeout"? why
function addr:settle(timeout) end

return addr
