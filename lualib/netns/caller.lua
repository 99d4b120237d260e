-- SPDX-License-Identifier: MIT
-- netns.caller - who called: the nearest line of code that is not this library's

local core = require "netns.core"

local own = debug.getinfo(1, "S").source:match("^(@.*[/\\])") or "@"

--- "script.lua:12", or nil where no line is known.
local function line()
	local level = 2
	while true do
		local info = debug.getinfo(level, "Sl")
		if not info then
			return nil
		end
		if info.currentline > 0 and info.source:sub(1, #own) ~= own then
			return info.short_src .. ":" .. info.currentline
		end
		level = level + 1
	end
end

--- core.raise, but the error's `where` is the caller's line.
local function raise(fields)
	local _, e = pcall(core.raise, fields)
	e.where = line()
	error(e, 0)
end

return { line = line, raise = raise }
