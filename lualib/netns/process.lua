-- SPDX-License-Identifier: MIT
-- process.lua - what a process can be asked beyond reading and waiting: expect, listening
local core = require "netns.core"

local methods = core.process

local poll_interval = 0.01
local excerpt = 200

-- /proc/PID/net shows sockets of the namespace that the process is in, whoever owns them.
local tables = {
	tcp = { files = { "tcp", "tcp6" }, state = "0A" };
	udp = { files = { "udp", "udp6" }, state = "07" };
}

local function misuse(op, attr, ...)
	core.raise { op = op, attr = attr, code = "EINVAL", message = string.format(...), misuse = true }
end

local function left(deadline)
	return deadline and math.max(0, deadline - core.clock())
end

-- string.find, whose complaint about the pattern is ours.
local function match(text, pattern)
	local found = table.pack(pcall(string.find, text, pattern))
	if not found[1] then
		misuse("process expect", "pattern", "%s", found[2])
	end
	return table.unpack(found, 2, found.n)
end

-- p:expect(pattern [, timeout [, stream]]): waits for output that matches the Lua pattern. Returns
-- what it captures, else the match; that and what stood before it is taken. nil, "timeout"; raises
-- if the output ends.
function methods:expect(pattern, timeout, stream)
	local text = methods.peek(self, stream)
	if type(pattern) ~= "string" then
		misuse("process expect", "pattern", "string expected, got %s", type(pattern))
	end
	local deadline = core.deadline(timeout)
	while true do
		local found = table.pack(match(text, pattern))
		if found[1] then
			self:take(found[2], stream)
			if found.n > 2 then
				return table.unpack(found, 3, found.n)
			end
			return text:sub(found[1], found[2])
		end
		local more, why = self:more(left(deadline), stream)
		if why then
			return nil, why
		end
		if not more then
			local said = text == "" and "nothing" or "..." .. text:sub(-excerpt)
			core.raise {
				op = "process expect", subject = pattern, code = "EPIPE",
				message = "the output ended; it said: " .. said,
			}
		end
		text = self:peek(stream)
	end
end

local function is_open(pid, sockets, port)
	for _, name in ipairs(sockets.files) do
		local file <close> = io.open(string.format("/proc/%d/net/%s", pid, name))
		for line in file and file:lines() or function() end do
			local number, state = line:match("^%s*%d+: %x+:(%x+) %x+:%x+ (%x+)")
			if number and tonumber(number, 16) == port and state == sockets.state then
				return true
			end
		end
	end
	return false
end

-- p:listening("tcp/80" [, timeout]) -> true | nil, "timeout": until something in its namespace
-- listens there; raises if the process ends.
function methods:listening(what, timeout)
	methods.events(self) -- raises unless it is an open process
	if type(what) ~= "string" then
		misuse("process listening", "what", "string expected, got %s", type(what))
	end
	local proto, port = what:match("^(%l+)/(%d+)$")
	port = math.tointeger(tonumber(port))
	if not tables[proto] or not port or port < 1 or port > 65535 then
		misuse("process listening", "what", "%s: \"tcp/PORT\" or \"udp/PORT\" expected",
			core.show(what))
	end
	local deadline = core.deadline(timeout)
	while not is_open(self.pid, tables[proto], port) do
		local wait = left(deadline) or poll_interval
		local result = self:wait(math.min(wait, poll_interval))
		if result then
			core.raise {
				op = "process listening", subject = what, code = "ECHILD",
				message = result.code and "it ended with exit code " .. result.code
					or "it was ended by signal " .. result.signal,
			}
		end
		if wait == 0 then
			return nil, "timeout"
		end
	end
	return true
end

return methods
