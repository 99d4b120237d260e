-- SPDX-License-Identifier: MIT
-- strace.lua - faults at every system call of a script, with strace(1)
--
-- strace counts each kind of call for itself, so a point is a kind and a number: the third openat.
-- Scripts say what is of interest: between trace_from() and trace_to(), which are calls that fail.
local netns = require "netns"
local support = require "spec.support"

local strace = {}

strace.marks = [[
	local function trace_from() io.open "/trace/from" end
	local function trace_to() io.open "/trace/to" end
]]

-- Can it be used? Else why not.
function strace.missing()
	if not support.has "strace" then
		return "strace is not installed"
	end
	local r = netns.current():exec { "strace", "-o", "/dev/null", "true", check = false }
	return r.code ~= 0 and "strace cannot trace here: " .. r.stderr
end

-- LeakSanitizer cannot work in a process that is traced.
local asan = os.getenv "ASAN_OPTIONS"
strace.env = { ASAN_OPTIONS = asan and asan .. ":detect_leaks=0" }

local function run(options, command)
	local argv = { "strace", "-qq", table.unpack(options) }
	table.move(command, 1, #command, #argv + 1, argv)
	argv.stdin, argv.timeout, argv.check = command.stdin, command.timeout or 20, false
	argv.env = strace.env
	return netns.current():exec(argv)
end

-- The points between the marks, in order: { call = "openat", n = 3, result = 5 }. `command` is an
-- argv, with stdin; it must end well.
function strace.points(command)
	local log = os.tmpname()
	local r = run({ "-o", log }, command)
	assert(r.code == 0, r.stderr)
	local counts, points, inside = {}, {}, false
	for line in io.lines(log) do
		local call = line:match "^([%w_]+)%("
		if call then
			counts[call] = (counts[call] or 0) + 1
			if line:find('"/trace/from"', 1, true) then
				inside = true
			elseif line:find('"/trace/to"', 1, true) then
				inside = false
			elseif inside then
				points[#points + 1] = {
					call = call, n = counts[call], result = math.tointeger(line:match "= (%-?%d+)"),
				}
			end
		end
	end
	os.remove(log)
	return points
end

-- What puts a fault at the point: "signal=SIGKILL", "error=ENOMEM"; n may be a range, "1..3".
function strace.fault(point, fault)
	return "-e", ("inject=%s:%s:when=%s"):format(point.call, fault, point.n)
end

-- Run it with that. The result.
function strace.inject(command, point, fault)
	return run({ "-o", "/dev/null", strace.fault(point, fault) }, command)
end

return strace
