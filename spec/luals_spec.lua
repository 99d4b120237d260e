-- SPDX-License-Identifier: MIT
-- luals_spec.lua - lua-language-server understands scripts by the reference, as in an editor
--
-- It is no part of Debian: the one in PATH is asked, or that of $LUALS. Tried with 3.19.1.
local json = require "netns.json"
local lfs = require "lfs"
local scratch = require "spec.scratch"

local quote = scratch.quote
local server = os.getenv "LUALS" or "lua-language-server"
local reference = lfs.currentdir() .. "/lualib/netns/meta"

describe("a language server with the reference", function()
	local dir

	before_each(function()
		dir = scratch.new()
		assert(lfs.mkdir(dir.path .. "/project"))
		dir:write("project/.luarc.json", json.encode {
			["runtime.version"] = "Lua 5.4", ["workspace.library"] = { reference },
		})
	end)

	after_each(function()
		dir:remove()
	end)

	-- What it says of the project's files: file name -> line -> code.
	local function check()
		local output, code = dir:bash(([[
			command -v %s >where || exit 77
			exec %s --check project --checklevel=Warning --logpath=log --check_format=json \
				--check_out_path=found.json
		]]):format(quote(server), quote(server)))
		if code == 77 then
			pending(server .. " is not installed")
			return nil
		end
		assert.is_truthy(output:find "Diagnosis complete", output)
		local found, file = {}, io.open(dir.path .. "/found.json")
		for uri, list in pairs(file and json.decode(file:read "a") or {}) do
			local lines = {}
			for _, each in ipairs(list) do
				lines[each.range.start.line + 1] = each.code
			end
			found[uri:match "[^/]+$"] = lines
		end
		return found, file and file:close()
	end

	local function copy(path)
		dir:bash(("cp -r %s project/"):format(quote(lfs.currentdir() .. "/" .. path)))
	end

	it("finds nothing in scripts that are right", function()
		copy "spec/luals/right.lua"
		copy "scripts"
		local found = check()
		for name, lines in pairs(found or {}) do
			for line, code in pairs(lines) do
				assert.is_true(false, ("%s:%d: %s"):format(name, line, code))
			end
		end
	end)

	it("finds unknown fields and methods, wrong types, and what is missing", function()
		copy "spec/luals/wrong.lua"
		local found = check()
		local lines, at = found and found["wrong.lua"], 0
		for line in io.lines(found and "spec/luals/wrong.lua" or "/dev/null") do
			at = at + 1
			local marked = line:find("-- wrong$") ~= nil
			assert.equal(marked, lines[at] ~= nil, ("%d: %s (%s)"):format(at, line, tostring(lines[at])))
		end
	end)
end)
