-- SPDX-License-Identifier: MIT
-- bench.lua - how close netns comes to the least that the kernel needs (`make bench`)
--
-- Every row does a piece of work twice: with netns here, and with a C program that makes the least
-- system calls which give the same result, the floor. The two take turns, so that what else the
-- machine does hits both, and only the ratio of two neighbours counts: the median over the rounds
-- stands in the table, beside the bar that it should not exceed. Before each turn, what the last
-- one left is waited for: the kernel frees namespaces in the background, under the links' lock.
--
-- A case is a file of its own, scripts/bench/NAME.lua, named in `cases` below, and mostly a floor,
-- scripts/bench/NAME.c. The Lua file returns an array of rows:
--   { name, bar = 1.2, size = 300, small = 3,
--     floor = { "program", ... } -- in build/bench, told the size and the rest; prints milliseconds
--     ours = function(size) ... return milliseconds end }
-- `over = 5` in place of `bar` compares the difference, in milliseconds; `faster = 20` is how many
-- times ours is to be faster. `ours` may be a list, and `floor` a function: what somebody else's
-- program takes (peers.lua, builders.lua). A row with `skip` says why it
-- cannot be measured here; one with `report`, a function of the size, is no comparison: what it
-- returns is printed. The file is given the path of this interpreter.
--
--   nslua scripts/bench.lua [--rounds N] [--small] [--strict] [NAME ...]
--
-- --small tries that every row works, in a moment. --strict exits 1 if a bar is missed.

local netns = require "netns"

local cases = {
	"namespaces", "pairs", "exec", "peers", "start", "probes", "crowd", "star", "chain", "builders",
	"tables",
}

local interpreter = arg[-1]
local programs = interpreter:match("^.*/") .. "bench/"
local here = netns.current()

-- The command line

local function usage(text)
	io.stderr:write("bench: ", text, "\n",
		"usage: nslua scripts/bench.lua [--rounds N] [--small] [--strict] [NAME ...]\n",
		"cases: ", table.concat(cases, " "), "\n")
	os.exit(2, true)
end

local function is_case(name)
	for _, case in ipairs(cases) do
		if case == name then
			return true
		end
	end
end

local function read_options(words)
	local options = { rounds = 7, small = false, strict = false, names = {} }
	local i = 1
	while words[i] do
		local word = words[i]
		if word == "--rounds" then
			i = i + 1
			options.rounds = math.tointeger(tonumber(words[i] or "")) or 0
			if options.rounds < 1 then
				usage("--rounds takes a number from 1")
			end
		elseif word == "--small" then
			options.small = true
		elseif word == "--strict" then
			options.strict = true
		elseif is_case(word) then
			table.insert(options.names, word)
		else
			usage(("there is no case '%s'"):format(word))
		end
		i = i + 1
	end
	if #options.names == 0 then
		options.names = cases
	end
	return options
end

-- Measuring

local function program(words, size)
	local argv = { programs .. words[1], tostring(size), table.unpack(words, 2) }
	local result = here:exec(argv)
	return tonumber(result.stdout) or error(argv[1] .. " printed no number: " .. result.stdout)
end

-- Until nothing is left of what ran before.
local function settle()
	collectgarbage()
	collectgarbage()
	here:exec { programs .. "gone" }
end

local function measure(side, size, options)
	if not options.small then
		settle()
	end
	return type(side) == "table" and program(side, size) or side(size)
end

local function median(values)
	table.sort(values)
	local middle = #values // 2
	return #values % 2 == 1 and values[middle + 1] or (values[middle] + values[middle + 1]) / 2
end

local function compare(row, options)
	local size = options.small and row.small or row.size
	local floors, ours, results = {}, {}, {}
	if not options.small then
		-- what is cold the first time (code, slabs) is nobody's cost
		measure(row.floor, row.small, options)
		measure(row.ours, row.small, options)
	end
	for round = 1, options.rounds do
		local floor, our
		if round % 2 == 1 then
			floor = measure(row.floor, size, options)
			our = measure(row.ours, size, options)
		else
			our = measure(row.ours, size, options)
			floor = measure(row.floor, size, options)
		end
		floors[round], ours[round] = floor, our
		results[round] = row.over and our - floor or row.faster and floor / our or our / floor
	end
	local result = median(results)
	local missed
	if row.faster then
		missed = result < row.faster
	else
		missed = result > (row.bar or row.over)
	end
	return {
		floor = median(floors), ours = median(ours), result = result, least = results[1],
		most = results[#results], missed = missed,
	}
end

-- The table

local columns = "%-58s %9s %9s  %8s %15s %8s  %s\n"

local function label(row, options)
	return (row.name:gsub("%%d", tostring(options.small and row.small or row.size)))
end

local function print_row(row, found, options)
	local form = row.over and "%+.1f ms" or "%.2fx"
	local function show(value)
		return form:format(value)
	end
	io.write(columns:format(label(row, options), ("%.1f"):format(found.floor),
		("%.1f"):format(found.ours), show(found.result),
		("%s-%s"):format(show(found.least), show(found.most)):gsub(" ms", ""),
		show(row.bar or row.over or row.faster),
		found.missed and "missed" or "held"))
	io.flush()
end

local function read(path, pattern)
	local file <close> = io.open(path)
	return file and file:read("a"):match(pattern) or "?"
end

local function cpus()
	local _, count = read("/proc/stat", ".*"):gsub("\ncpu%d+", "")
	return count
end

local options = read_options(arg)
local missed = 0
if options.small then
	options.rounds = 1
end
io.write(("Linux %s, %d CPUs, load %s, %d rounds\n"):format(
	read("/proc/sys/kernel/osrelease", "%S+"), cpus(), read("/proc/loadavg", "%S+"), options.rounds))
io.write(columns:format("work", "floor ms", "netns ms", "median", "min-max", "bar", ""))
for _, name in ipairs(options.names) do
	for _, row in ipairs(assert(loadfile("scripts/bench/" .. name .. ".lua"))(interpreter)) do
		if row.skip then
			io.write(("%-58s skipped: %s\n"):format(label(row, options), row.skip))
		elseif row.report then
			io.write(("%-58s %s\n"):format(label(row, options),
				row.report(options.small and row.small or row.size)))
		else
			local found = compare(row, options)
			missed = missed + (found.missed and 1 or 0)
			print_row(row, found, options)
		end
	end
end
os.exit(options.strict and missed > 0 and 1 or 0, true)
