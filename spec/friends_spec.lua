-- SPDX-License-Identifier: MIT
-- friends_spec.lua - together with LuaSocket, cqueues, luv, cjson and lfs, in lua5.4 and in nslua

local hosts = require "spec.hosts.users"
local support = require "spec.support"

setup(hosts.setup)
teardown(hosts.teardown)

-- Two namespaces with a cable between them: 10.0.0.1 and 10.0.0.2.
local pair = [[
	local netns = require "netns"
	local a <close> = netns.new()
	local b <close> = netns.new()
	a.link:add {
		name = "eth0", kind = "veth", up = true, peer = { name = "eth0", netns = b, up = true },
	}
	a.addr:add { dev = "eth0", addr = "10.0.0.1/24" }
	b.addr:add { dev = "eth0", addr = "10.0.0.2/24" }
]]

local interpreters = {
	["lua5.4"] = function(code)
		return hosts.run({ prefix = {} }, "lua5.4", code)
	end,
	nslua = support.script,
}

-- A script that uses a module of others, in both interpreters.
local function with(module, name, code)
	for interpreter, run in pairs(interpreters) do
		it(name .. ", in " .. interpreter, function()
			local result = run("require '" .. module .. "'")
			if result.stderr:find("module '" .. module .. "' not found", 1, true) then
				pending("the module " .. module .. " is not installed")
			end
			result = run(pair .. code)
			assert.equal(0, result.code, result.stdout .. result.stderr)
		end)
	end
end

describe("LuaSocket", function()
	with("socket", "serves in one namespace and connects from another, in one process", [[
		local socket = require "socket"
		local server = assert(a:call(socket.bind, "10.0.0.1", 8080))
		server:settimeout(10)
		local client = b:call(function()
			local c = assert(socket.connect("10.0.0.1", 8080))
			c:settimeout(10)
			return c
		end)
		local service = assert(server:accept())
		assert(service:getpeername() == "10.0.0.2")
		assert(client:send "question\n")
		assert(service:receive() == "question")
		assert(service:send "answer\n")
		assert(client:receive() == "answer")
		-- whoever is elsewhere does not get there
		local stray = socket.tcp()
		stray:settimeout(0.1)
		assert(not stray:connect("10.0.0.1", 8080))
		-- datagrams, too
		local receiver = a:call(function()
			local u = socket.udp4()
			assert(u:setsockname("10.0.0.1", 53))
			u:settimeout(10)
			return u
		end)
		local sender = b:call(function()
			local u = socket.udp4()
			assert(u:setpeername("10.0.0.1", 53))
			return u
		end)
		assert(sender:send "datagram")
		assert(receiver:receive() == "datagram")
		for _, each in ipairs { server, client, service, receiver, sender, stray } do
			each:close()
		end
	]])
end)

describe("cqueues", function()
	with("cqueues", "waits for processes beside its own sockets", [[
		local cqueues = require "cqueues"
		local socket = require "cqueues.socket"
		local cq = cqueues.new()
		local p <close> = a:spawn { "cat", stdin = true, stdout = "capture" }
		local server = a:call(function()
			local s = socket.listen { host = "10.0.0.1", port = 8080 }
			assert(s:listen())
			return s
		end)
		local said, heard, ended = "", nil, nil
		cq:wrap(function()
			while true do
				cqueues.poll(p)
				local text = p:read(0)
				if text then
					said = said .. text
				else
					ended = p:wait(0)
					if ended then
						break
					end
				end
			end
		end)
		cq:wrap(function()
			local c = server:accept()
			heard = c:read "*l"
			c:close()
			p:write "through cqueues\n"
			p:close_stdin()
		end)
		cq:wrap(function()
			local c = b:call(function()
				local s = socket.connect { host = "10.0.0.1", port = 8080, family = socket.AF_INET }
				-- the socket is made when it starts to connect, which must be in here
				pcall(s.connect, s, 0)
				return s
			end)
			assert(c:connect(10))
			c:write "hello\n"
			c:close()
		end)
		cq:wrap(function()
			-- a namespace cannot be left by a yield
			local here = netns.current().inode
			local ok, err = pcall(a.call, a, cqueues.sleep, 0)
			assert(not ok and tostring(err):find "yield", tostring(err))
			assert(netns.current().inode == here)
		end)
		assert(cq:loop(20))
		assert(said == "through cqueues\n" and heard == "hello", said .. tostring(heard))
		assert(ended.code == 0)
		server:close()
	]])

	with("cqueues", "waits for what changes in a namespace", [[
		local cqueues = require "cqueues"
		local cq = cqueues.new()
		local m <close> = a:monitor { "addr" }
		local heard = {}
		cq:wrap(function()
			while #heard < 2 do
				cqueues.poll(m)
				for event in function() return (m:read(0)) end do
					heard[#heard + 1] = event.action .. " " .. event.entry.addr
				end
			end
		end)
		cq:wrap(function()
			a.addr:add { dev = "eth0", addr = "10.1.0.1/24" }
			cqueues.sleep(0)
			a.addr:delete { dev = "eth0", addr = "10.1.0.1/24" }
		end)
		assert(cq:loop(20))
		assert(table.concat(heard, ", "):find "new 10.1.0.1/24, delete 10.1.0.1/24$")
	]])

	with("cqueues", "is itself waited for by netns.wait", [[
		local cqueues = require "cqueues"
		local cq = cqueues.new()
		local p <close> = a:spawn { "sleep", "100" }
		local woken = 0
		cq:wrap(function()
			for _ = 1, 3 do
				cqueues.sleep(0.01)
				woken = woken + 1
			end
			p:kill()
		end)
		local seen = {}
		while not seen[p] do
			for _, handle in ipairs(netns.wait({ p, cq }, 20)) do
				seen[handle] = true
				if handle == cq then
					assert(cq:step(0))
				end
			end
		end
		assert(woken == 3 and seen[cq] and p:wait().signal == 15)
	]])
end)

describe("luv", function()
	with("luv", "polls processes", [[
		local uv = require "luv"
		local p <close> = a:spawn { "sh", "-c", "read x; echo got $x; exit 4",
			stdin = true, stdout = "capture" }
		local said, result = "", nil
		local poll = uv.new_poll(p:pollfd())
		poll:start("r", function(err)
			assert(not err, err)
			said = said .. (p:read(0) or "")
			result = p:wait(0)
			if result then
				poll:stop()
				poll:close()
			end
		end)
		local timer = uv.new_timer()
		timer:start(20, 0, function()
			p:write "it\n"
			timer:close()
		end)
		uv.run()
		assert(said == "got it\n" and result.code == 4, said)
	]])

	with("luv", "serves in one namespace and connects from another", [[
		local uv = require "luv"
		local server = a:call(function()
			local s = uv.new_tcp "inet"
			assert(s:bind("10.0.0.1", 8080))
			return s
		end)
		local heard
		assert(server:listen(1, function()
			local c = uv.new_tcp()
			assert(server:accept(c))
			c:read_start(function(_, text)
				heard = heard or text
				c:close()
				server:close()
			end)
		end))
		local client = b:call(uv.new_tcp, "inet")
		client:connect("10.0.0.1", 8080, function(err)
			assert(not err, err)
			client:write("hello", function()
				client:close()
			end)
		end)
		uv.run()
		assert(heard == "hello")
	]])
end)

describe("cjson", function()
	with("cjson", "carries a listing that can be added again", [[
		local cjson = require "cjson"
		a.route:add { dst = "10.7.0.0/16", via = "10.0.0.2", metric = 7 }
		local text = cjson.encode { addr = a.addr:list { dev = "eth0" }, route = a.route:list() }
		local again = cjson.decode(text)
		a.route:flush()
		a.addr:flush { dev = "eth0" }
		assert(#a.route:list { family = "inet" } == 0)
		a.addr:replace(again.addr)
		a.route:replace(again.route)
		local found = a.route:get "10.7.0.0/16"
		assert(found.via == "10.0.0.2" and math.type(found.metric) == "integer")
	]])
end)

describe("lfs", function()
	with("lfs", "looks at a namespace's own files", [[
		local lfs = require "lfs"
		local names = a:call(function()
			local list = {}
			for name in lfs.dir "/proc/thread-self/net/dev_snmp6" do
				list[name] = true
			end
			return list
		end)
		assert(names.eth0 and names.lo and not names.eth1)
		lfs.chdir "/"
		assert(a:exec({ "pwd" }).stdout == "/\n")
	]])
end)
