-- SPDX-License-Identifier: MIT
---@meta

---What every failure raises: misuse, and refusals of the kernel or the world. A plain table; `tostring` makes one sentence of it:
---`route add 10.0.0.0/8 in web: Network is unreachable (ENETUNREACH): Nexthop has invalid gateway`.
---A language server does not know what was raised; `local e = err --[[@as netns.error]]` after `local ok, err = pcall(...)` tells it.
---@class netns.error
---@field op string what was asked for: "route add"
---@field subject? string on what: "10.0.0.0/8"
---@field netns? string the namespace's name or inode
---@field errno? integer errno(3)
---@field code string its name: "ENETUNREACH"; "EXIT" and "SIGNAL", without errno, for how a program of `exec` ended
---@field message string the kernel's own words (extended ack), else strerror(3)
---@field attr? string the field at fault; nested ones with their table ("data.priority")
---@field hint? string a remedy, where one is known
---@field index? integer which of an array of specs, from 1
---@field where? string the Lua line: "script.lua:12"
---@field result? netns.process.Result of a program that `exec` does not accept
---@field operation? netns.Operation of `operations.apply`: the one that was refused
---@field from? string likewise: the line that asked for it
---@field misuse? boolean the caller's mistake, found before anything was done (code EINVAL, or EBADF for what is closed)
local error = {}

return error
