-- SPDX-License-Identifier: MIT
---@meta

-- The firewall: `ns.nft`. The language is that of nft(8), through libnftables; without that library `ns.nft` raises
-- EOPNOTSUPP and says what to install, and everything else works.

---What `$name` in a text stands for: a number, a word (letters, digits and `_.:/*-`), or an array of them, which becomes a set
---`{ 22, 80 }`. Nothing else is let through, so values from elsewhere cannot bring commands with them.
---A name that the text does not use, and one that it uses and that is neither here nor defined in the text, raise EINVAL (`attr` is
---"vars.name"); where the text includes files nothing is known of that.
---@alias netns.nft.Vars table<string, number|string|(number|string)[]>

---`ns.nft`: the firewall of one namespace.
---@class netns.nft
local nft = {}

---Run commands as one transaction: all of them, or none. The text is a program and trusted as one (`include` reads files); values from
---elsewhere belong in `vars`. `monitor` is refused, since it never returns. An error's `message` is nft's own, with the line and its
---caret; its `code` says what it means: ENOENT, EEXIST, EBUSY, EPERM, ENODEV, else EINVAL.
---@param text string
---@param vars? netns.nft.Vars
---@return string output what the commands print; "" for most
function nft:run(text, vars) end

---Try commands without changing anything; raises what `run` would raise.
---@param text string
---@param vars? netns.nft.Vars
---@return true
function nft:check(text, vars) end

---The ruleset as text that `run` takes.
---@return string
function nft:list() end

---The ruleset as a table, in the shape of libnftables-json(5): `{ nftables = { { metainfo = ... }, { table = ... }, ... } }`.
---JSON's null is `require "netns.json".null`.
---@return table
function nft:json() end

---Remove all tables.
function nft:flush() end

return nft
