-- SPDX-License-Identifier: MIT
-- netns.firewall - ns.nft: nftables' own language, one transaction a call
--
-- The text is the user's program and is trusted as one: `include` reads files. What comes from
-- elsewhere belongs in `vars`, whose values are checked so strictly that they can only be one
-- word, number or address each.

local core = require "netns.core"
local json = require "netns.json"

local firewall_methods = {}
local firewall_mt = { __name = "netns.firewall", __index = firewall_methods }

function firewall_mt:__tostring()
	return ("netns.firewall (%s)"):format(core.label(self.ns))
end

local function misuse(op, attr, message)
	core.raise { op = op, attr = attr, message = message, code = "EINVAL", misuse = true }
end

--- The namespace of what should be a firewall.
local function namespace(op, self)
	if type(self) ~= "table" or getmetatable(self) ~= firewall_mt then
		misuse(op, "self", "call it as ns." .. op:gsub(" ", ":") .. "(...)")
	end
	core.check(self.ns, op)
	return self.ns
end

--- The C half, or an error that says what is missing.
local function library(op)
	local found, nft = pcall(require, "netns.nft")
	if found then
		return nft
	end
	core.raise {
		op = op,
		code = "EOPNOTSUPP",
		message = "the module netns.nft cannot be loaded: " .. tostring(nft):match("^[^\n]*"),
		hint = "it needs libnftables: install it (Debian: libnftables-dev) and build netns again",
	}
end

--- One word of the language as it may stand for `$name`.
local function word(op, attr, value)
	if math.type(value) == "integer" then
		return ("%d"):format(value)
	end
	if math.type(value) == "float" then
		local whole = math.tointeger(value)
		return whole and ("%d"):format(whole) or misuse(op, attr, "a whole number expected")
	end
	if type(value) ~= "string" then
		misuse(op, attr, "a number, string or array expected, got " .. type(value))
	end
	if not value:find("^[%w_.:/*-]+$") then
		misuse(op, attr, core.show(value) .. ": only letters, digits and _.:/*- may stand in a variable")
	end
	return value
end

--- An array becomes a set: { 22, 80 } is "{ 22, 80 }".
local function set(op, attr, values)
	local words, n = {}, rawlen(values)
	for i = 1, n do
		words[i] = word(op, attr, rawget(values, i))
	end
	for key in next, values do
		if math.type(key) ~= "integer" or key < 1 or key > n then
			misuse(op, attr, "an array without holes expected")
		end
	end
	if n == 0 then
		misuse(op, attr, "an empty array: nftables has no empty set here")
	end
	return "{ " .. table.concat(words, ", ") .. " }"
end

--- The table of variables as "name=value" strings.
local function definitions(op, vars)
	local list = {}
	if vars == nil then
		return list
	end
	if type(vars) ~= "table" then
		misuse(op, "vars", "table expected, got " .. type(vars))
	end
	for name, value in next, vars do
		if type(name) ~= "string" or not name:find("^%a[%w_]*$") then
			misuse(op, "vars", "a variable's name is a letter, then letters, digits and _")
		end
		local attr = "vars." .. name
		local text = type(value) == "table" and set(op, attr, value) or word(op, attr, value)
		list[#list + 1] = name .. "=" .. text
	end
	return list
end

--- The text without its comments and strings: a space for each.
local function code_of(text)
	local parts, at = {}, 1
	while true do
		local from, to = text:find("[#\"]", at)
		parts[#parts + 1] = text:sub(at, (from or 0) - 1)
		if not from then
			return table.concat(parts, " ")
		end
		if text:sub(from, to) == "#" then
			at = text:find("\n", to, true) or #text + 1
		else
			at = (text:find("\"", to + 1, true) or to) + 1
		end
	end
end

--- Does a command say `monitor`, which never returns? That word is nothing but the command.
local function monitors(code)
	return code:find("%f[%w_.]monitor%f[^%w_./-]") ~= nil
end

--- Variables and text must fit: what a text uses is in `vars` or defined by the text itself, and
--- what is in `vars` is used, since a misspelt one would go unnoticed. What a file says that the
--- text includes is not known here.
local function check_vars(op, code, vars)
	local used = {}
	if code:find "%f[%w_]include%f[^%w_]" then
		return
	end
	for name in code:gmatch "%$([%w_./]+)" do
		name = name:match "^%a[%w_]*" or name
		used[name] = true
		local defined = code:find("%f[%w_]define%s+" .. name .. "%s*=")
			or code:find("%f[%w_]redefine%s+" .. name .. "%s*=")
		if not defined and (vars == nil or rawget(vars, name) == nil) then
			misuse(op, "vars." .. name, ("is missing: the text uses $%s"):format(name))
		end
	end
	for name in next, vars or {} do
		if not used[name] then
			misuse(op, "vars." .. name, ("the text does not use $%s"):format(name))
		end
	end
end

local function check_text(op, text)
	if type(text) ~= "string" then
		misuse(op, "text", "string expected, got " .. type(text))
	end
	if text:find("\0", 1, true) then
		misuse(op, "text", "the string holds a NUL byte")
	end
	local code = code_of(text)
	if monitors(code) then
		misuse(op, "text", "monitor never returns; ns:monitor tells what changes")
	end
	return code
end

--- Raise with the namespace that it was about.
local function refuse(self, op, e)
	e.op = op
	e.netns = e.netns or core.label(self.ns)
	return core.raise(e)
end

local function transact(self, op, text, options)
	local ns = namespace(op, self)
	local plain = check_text(op, text)
	local vars = definitions(op, options.vars)
	check_vars(op, plain, options.vars)
	local nft = library(op)
	local done, output, message, code = pcall(ns.call, ns, nft.run, text,
		options.dry or false, options.json or false, vars)
	if not done then
		local e = output
		if type(e) ~= "table" then
			error(e, 0)
		end
		return refuse(self, op, e)
	end
	if not output then
		return refuse(self, op, { code = code, message = (message:gsub("%s+$", "")) })
	end
	return output
end

--- Run commands as one transaction: all or nothing. Returns what they print, "" for most.
function firewall_methods:run(text, vars)
	return transact(self, "nft run", text, { vars = vars })
end

--- Try commands without changing anything: true, or the error that `run` would raise.
function firewall_methods:check(text, vars)
	transact(self, "nft check", text, { vars = vars, dry = true })
	return true
end

--- The ruleset as text that `run` takes.
function firewall_methods:list()
	return transact(self, "nft list", "list ruleset", {})
end

--- The ruleset as a table, in the shape of libnftables-json(5).
function firewall_methods:json()
	return json.decode(transact(self, "nft json", "list ruleset", { json = true }))
end

--- Remove all tables.
function firewall_methods:flush()
	transact(self, "nft flush", "flush ruleset", {})
end

--- `ns.nft` of a namespace; raises where the library is missing.
local function new(ns)
	library("nft")
	return setmetatable({ ns = ns }, firewall_mt)
end

--- true, or false and why not: for netns.supports.
local function available()
	local found, e = pcall(library, "nft")
	return found, not found and e.message or nil
end

return {
	new = new, available = available, definitions = definitions, methods = firewall_methods,
}
