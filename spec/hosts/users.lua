-- SPDX-License-Identifier: MIT
-- users.lua - run scripts in a plain lua5.4, or in a host program in C, as the users that there are

local assert = require "luassert"
local busted = require "busted"
local lfs = require "lfs"
local netns = require "netns"
local support = require "spec.support"

local hosts = {}

local copy

-- Four users: one that may all, one without capabilities, one that may all in a user namespace but
-- has a network namespace from outside, as in a rootless container with the machine's network; and
-- where the sandbox has several users (it was started by root), a true ordinary one.
local users = {
	{ name = "with privilege", may = true, prefix = {} },
	{ name = "without capabilities", prefix = support.without_privilege },
	{
		name = "as root of a user namespace",
		prefix = { "unshare", "--user", "--map-root-user", "--" },
	},
	{
		name = "as an ordinary user", ordinary = true,
		prefix = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--" },
	},
}

-- Does the sandbox have more users than root?
local many_users = tonumber(support.read "/proc/self/uid_map":match "%d+%s+%d+%s+(%d+)") > 65534
hosts.many_users = many_users

-- nslua, where every user finds it and its Lua half.
function hosts.interpreter()
	return copy and copy .. "/build/nslua" or support.interpreter
end

-- What spawn takes to run the script in `program`, "lua5.4" or one of spec/hosts.
function hosts.command(user, program, code, ...)
	local argv = table.move(user.prefix, 1, #user.prefix, 1, {})
	local plain = program == "lua5.4"
	argv[#argv + 1] = plain and program or copy and copy .. "/" .. program or support.host(program)
	argv[#argv + 1] = "-"
	table.move({ ... }, 1, select("#", ...), #argv + 1, argv)
	argv.stdin, argv.cwd, argv.timeout = code, "/", 100
	argv.env = (plain and support.plain_env or support.module_env)(copy)
	return argv
end

-- Run it; the result.
function hosts.run(...)
	local argv = hosts.command(...)
	argv.check = false
	return netns.current():exec(argv)
end

-- It must end well; what it printed.
function hosts.succeeds(...)
	local result = hosts.run(...)
	assert.equal(0, result.code, (result.signal or "") .. result.stdout .. result.stderr)
	return result.stdout
end

-- A test for each user.
function hosts.each_user(name, f)
	for _, user in ipairs(users) do
		if user.ordinary and not many_users then
			busted.pending(name .. ", " .. user.name .. ": this sandbox is not root's and has one user")
		else
			busted.it(name .. ", " .. user.name, function()
				f(user)
			end)
		end
	end
end

-- Where the tree is closed to others, they get a copy. To be called in a file's setup and teardown.
function hosts.setup()
	local seen = many_users and netns.current():exec {
		"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "sh", "-c",
		"test -r $0/lualib/netns/json.lua && test -r $1/netns/core.so && test -x $1/hosts/host",
		lfs.currentdir(), support.build, check = false,
	}
	if seen and seen.code ~= 0 then
		copy = os.tmpname()
		os.remove(copy)
		netns.current():exec {
			"sh", "-c", [[
				mkdir $0 $0/build && cp -r lualib $1/netns $1/hosts/* $0/ && cp $2 $0/build/ &&
				chmod -R a+rX $0]],
			copy, support.build, support.interpreter,
		}
	end
end

function hosts.teardown()
	if copy then
		netns.current():exec { "rm", "-rf", copy }
		copy = nil
	end
end

return hosts
