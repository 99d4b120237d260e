-- SPDX-License-Identifier: MIT
-- bench_spec.lua - the benchmarks start, and their floors do what they are compared with
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

describe("scripts/bench.lua", function()
	local floors = support.interpreter:match("^.*/") .. "bench"

	local function bench(...)
		if lfs.attributes(floors, "mode") ~= "directory" then
			pending("`make floors` was not run")
		end
		return netns.current():exec { support.interpreter, "scripts/bench.lua", check = false, ... }
	end

	it("prints a row for everything that it compares", function()
		local result = bench("--small")
		assert.equal("", result.stderr)
		assert.equal(0, result.code)
		local rows, cases = 0, 0
		for line in result.stdout:gmatch("[^\n]+") do
			local measured = line:find "%s%d+%.%d+%s+%d+%.%d+%s+%S+.-%s%a+$"
			rows = rows + ((measured or line:find " skipped: .* is not installed$") and 1 or 0)
		end
		for name in lfs.dir "scripts/bench" do
			local case = name:match("^(.+)%.lua$")
			if case and case ~= "others" then
				local _, here = support.read("scripts/bench/" .. name):gsub("floor = ", "")
				assert.is_true(here > 0, name)
				cases = cases + here
				assert.is_truthy(support.read("scripts/bench.lua"):find(("%q"):format(case), 1, true))
			end
		end
		assert.is_true(cases > 5)
		assert.equal(cases, rows)
	end)

	it("runs the cases that are named", function()
		local result = bench("--small", "namespaces")
		assert.equal(0, result.code)
		assert.matches("3 anonymous namespaces +%d", result.stdout)
		assert.not_matches("exec", result.stdout)
	end)

	it("says what it does not know", function()
		for _, words in ipairs { { "--fast" }, { "nope" }, { "--rounds", "0" }, { "--rounds" } } do
			local result = bench(table.unpack(words))
			assert.equal(2, result.code)
			assert.matches("^bench: .*\nusage: ", result.stderr)
		end
	end)
end)
