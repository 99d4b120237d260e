-- SPDX-License-Identifier: MIT
-- start.lua - from nothing to the end of an empty script, sandbox included
local netns = require "netns"

local nslua = ...

-- Lua's own interpreter has several names.
local function lua()
	for _, name in ipairs { "lua5.4", "lua54", "lua" } do
		local ok, result = pcall(function()
			return netns.current():exec { name, "-e", "io.write(_VERSION)" }
		end)
		if ok and result.stdout == "Lua 5.4" then
			return name
		end
	end
	error("no interpreter of Lua 5.4 is installed")
end

return {
	{ name = "nslua -e '' against lua5.4 -e '' (median of %d)", over = 5, size = 50, small = 2,
		floor = { "start", lua(), "-e", "" }, ours = { "start", nslua, "-e", "" } },
}
