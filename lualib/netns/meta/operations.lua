-- SPDX-License-Identifier: MIT
---@meta netns.operations

-- What is to be done, as data: `require "netns.operations"`.

---One thing to do.
---@class netns.Operation
---@field ns string the namespace's name
---@field verb "add"|"replace"|"set"|"delete"|"flush"|"run"|"spawn"
---@field object "netns"|"link"|"addr"|"route"|"ntable"|"qdisc"|"sysctl"|"nft"|"exec"
---@field spec table as the object's verb takes it; sysctl: `{ [key] = value }`, nft: `{ text, vars }`, exec: argv
---@field from? string the line that asked for it: "dmz.lua:12"

local operations = {}

---Make an operation. A string for `spec` is the object's natural key: a link's name, a route's `dst`, an address, nft's text.
---@param ns string|netns.ns a name, or a handle that has one
---@param verb string
---@param object string
---@param spec? table|string
---@param from? string the caller's line, unless given
---@return netns.Operation
function operations.new(ns, verb, object, spec, from) end

---The command lines (`ip`, `nft`, `sysctl`, for a POSIX shell) that do the same by hand. Raises where there is none.
---@param list netns.Operation|netns.Operation[]
---@return string[]
function operations.lines(list) end

---Do them, in order; the first refusal raises, with the operation as `operation` and its line as `from` in the error. Neighbours of the same
---namespace, verb and object travel in one array.
---@param list netns.Operation[]
---@param namespaces table<string, netns.ns> names to handles; `netns add` puts its handle here, `netns delete` closes it
---@param options? { make: fun(name: string): netns.ns, spawned: fun(process: netns.Process, operation: netns.Operation) } what makes a namespace (anonymous ones unless given), and who owns a process that `exec spawn` starts
function operations.apply(list, namespaces, options) end

return operations
