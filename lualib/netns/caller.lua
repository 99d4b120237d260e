-- SPDX-License-Identifier: MIT
-- netns.caller - who called: the nearest line of code that is not this library's

local own = debug.getinfo(1, "S").source:match("^(@.*[/\\])") or "@"

--- "script.lua:12", or nil where no line is known.
local function caller()
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

return caller
